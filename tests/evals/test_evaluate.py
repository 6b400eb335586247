"""From cases to a report, to a stored run, and back; and what two runs tell apart."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from evals_toys import FakeSystem, case, pairs, tool

from rlar.errors import InputError
from rlar.evals.cases import Dataset
from rlar.evals.diff import ALL_PAIRS, diff_runs
from rlar.evals.evaluation import evaluate
from rlar.evals.measure import accuracy_by_margin, margin_calibration, measure
from rlar.evals.page import document
from rlar.evals.report import analyse
from rlar.evals.resampling import Resampler
from rlar.evals.routing_report import (
    BEST_ELSEWHERE,
    BEST_HINDSIGHT,
    CATEGORY_ORACLE,
    CATEGORY_ROUTER,
    ITEM_ORACLE,
    RANDOM_TOOL,
    SHUFFLED_ROUTER,
)
from rlar.evals.runs import Run, as_json, describe, load_run, replay_differences, save_run
from rlar.evals.settings import Settings
from rlar.evals.system_scores import neutral_order, system_scores
from rlar.evals.text import markdown
from rlar.evals.tool_scores import ToolScores, length, scores_of

QUICK = Settings(draws=200, splits=3, shuffles=50)


def write(path, dataset):
    rows = [
        {
            "id": c.id,
            "task": c.task,
            "source": c.source,
            "prompt": c.query.text,
            "responses": [{"text": t, "label": y} for t, y in zip(c.responses, c.labels, strict=True)],
            "meta": {"group": c.group, "subset": c.category, "label_type": "binary_objective"},
        }
        for c in dataset.cases
    ]
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    return path


def tables_file(path, tables):
    rows = [{"id": i, "tool": t.tool, "scores": s, "kind": t.kind} for t in tables for i, s in t.scores.items()]
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """120 pairs of three kinds, three cheap tools with a kind each, a judge, and a system that knows the answers."""
    folder = tmp_path_factory.mktemp("run")
    data = pairs(120, ("x", "y", "z"))
    cheap = [tool(f"for {k}", data, lambda c, k=k: 0.9 if c.category == k else 0.5) for k in "xyz"]
    judge = tool("judge", data, lambda c: 0.8, kind="llm_judge")
    return evaluate(
        [write(folder / "toy.jsonl", data)],
        scores=[tables_file(folder / "scores.jsonl", [*cheap, judge])],
        system=FakeSystem(),
        settings=QUICK,
        name="toy",
        command=["rlar", "eval"],
    )


def test_everything_stands_side_by_side(run):
    toy = run.report.dataset("toy")
    assert {r.tool for r in toy.rows} == {"rlar", "rlar:holds", "for x", "for y", "for z", "judge", "length", "random"}
    assert [r.tool for r in toy.rows][:2] == ["rlar", "rlar:holds"] and toy.rows[-1].kind == "baseline"
    assert all(r.figure.n > 0 for r in toy.rows)
    line = toy.line
    assert line.system.value == 1.0 and line.system.low < 1.0  # all right is not certainty
    assert line.judged == 1.0 and line.best in ("judge", "for x", "for y", "for z")
    assert line.versus.value > 0.1 and line.versus.p < 0.01
    assert line.length.value == 0.5  # the texts are equally long


def test_every_baseline_and_oracle_is_in_the_table(run):
    everything, cheap = run.report.dataset("toy").routings
    names = {e.name for e in everything.entries}
    assert {BEST_ELSEWHERE, BEST_HINDSIGHT, CATEGORY_ROUTER, SHUFFLED_ROUTER, CATEGORY_ORACLE, ITEM_ORACLE} <= names
    assert {RANDOM_TOOL, "length", "random", "rlar", "nearest family", "contextual bandit", "rlar's own rules"} <= names
    assert {"mean of 4 tools", "min of 4 tools", "median of 4 tools", "mean - lambda*var of 4 tools"} <= names
    assert {"margin cascade 10%", "margin cascade 25%", "margin cascade 50%"} <= names
    assert everything.scope == "all tools" and cheap.scope == "cheap tools"
    assert "judge" not in cheap.tools and not cheap.curve  # nothing dear is left
    assert all(e.figure.n == 120 for e in everything.entries)


def test_routing_helps_where_tools_differ_and_the_words_say_so(run):
    cheap = run.report.dataset("toy").routings[1]
    router, static = cheap.entry(CATEGORY_ROUTER), cheap.entry(BEST_ELSEWHERE)
    assert router.figure.value > static.figure.value + 0.1 and router.versus.p < 0.01
    assert cheap.shuffled_router.p == pytest.approx(1 / 50)  # none of 49 shuffles reaches it
    assert cheap.entry(SHUFFLED_ROUTER).figure.value < router.figure.value - 0.1
    assert "routing by category helps here" in cheap.words[0] and "n = 120" in cheap.words[0]
    assert cheap.shuffled.p < 0.05 and "carry information" in cheap.words[1]


def test_routing_that_does_not_help_is_said_in_words():
    data = pairs(120, ("x", "y", "z"))
    tables = [tool(n, data, lambda c: 0.7, seed=1) for n in "abc"]
    report = analyse([data], tables, QUICK)
    words = report.datasets[0].routings[0].words
    assert "routing by category does not help here" in words[0]
    assert "by chance" in words[1]


def test_words_do_not_cry_wolf_where_all_tools_are_alike():
    data = pairs(60, ("x", "y", "z"))
    cry = 0
    for seed in range(12):
        tables = [tool(n, data, lambda c: 0.7, seed=seed) for n in "abc"]
        words = analyse([data], tables, QUICK).datasets[0].routings[0].words
        cry += "helps here" in words[0]
    assert cry <= 2  # 0.6 expected at a level of 5%


def test_tables_of_other_data_sets_do_not_leak_in(run):
    other = Dataset("other", (case("z1", [1, 0]), case("z2", [0, 1])))
    report = analyse([*run.datasets, other], run.tables, QUICK)
    assert report.dataset("other").rows == () and report.dataset("other").routings == ()
    assert as_json(report.dataset("toy")) == as_json(run.report.dataset("toy"))


def test_an_analysis_is_pure(run):
    assert as_json(analyse(run.datasets, run.tables, QUICK)) == as_json(run.report)


def test_a_stored_run_gives_the_same_report_again(run, tmp_path):
    folder = save_run(run, tmp_path / "r1")
    again = load_run(folder)
    assert replay_differences(again) == []
    assert again.name == "toy" and again.info["versions"]["numpy"]
    assert [f["file"] for f in again.info["files"]] == ["toy.jsonl", "scores.jsonl"]
    assert again.datasets[0].cases[0].responses == ()  # texts of responses are not kept
    other = save_run(run, tmp_path / "r2")
    assert (other / "items.jsonl.gz").read_bytes() == (folder / "items.jsonl.gz").read_bytes()
    with pytest.raises(InputError, match="holds a run already"):
        save_run(run, folder)


def test_a_changed_score_shows_up_in_the_replay(run, tmp_path):
    scores = {t.tool: {**t.scores, "q0": [0.0, 9.0]} for t in run.tables if t.tool == "judge"}
    tampered = replace(run, tables=tuple(replace(t, scores=scores.get(t.tool, t.scores)) for t in run.tables))
    again = load_run(save_run(tampered, tmp_path / "r"))
    assert any("judge" in d or "figure" in d or "rows" in d for d in replay_differences(again))


@pytest.mark.parametrize(("name", "body"), [("empty", None), ("broken", "{"), ("newer", '{"format": 99}')])
def test_a_folder_that_is_no_run_is_refused(tmp_path, name, body):
    if body is not None:
        (tmp_path / "run.json").write_text(body)
        (tmp_path / "items.jsonl.gz").write_bytes(b"")
    with pytest.raises(InputError):
        load_run(tmp_path)


def test_settings_of_a_newer_version_are_not_ignored():
    with pytest.raises(InputError, match="telepathy"):
        Settings.from_json({**Settings().as_json(), "telepathy": True})
    assert Settings.from_json(QUICK.as_json()) == QUICK


@pytest.mark.parametrize("bad", [{"draws": 5}, {"splits": 0}, {"level": 1.0}, {"budgets": (2.0,)}])
def test_settings_that_make_no_sense_are_refused(bad):
    with pytest.raises(InputError):
        Settings(**bad)


def later(run: Run, accepts: str, **info) -> Run:
    """The same run with another system."""
    old = {"rlar", "rlar:holds"}
    cases = [c for d in run.datasets for c in d.cases]
    shown = [replace(c, responses=tuple(f"{c.id} answer {k}" for k in range(2))) for c in cases]
    judged = system_scores(shown, FakeSystem(accepts))
    tables = (*(t for t in run.tables if t.tool not in old), judged.system, *judged.parts)
    return replace(run, tables=tables, measured=None, info={**run.info, **info})


def test_a_run_against_itself_has_not_moved(run):
    diff = diff_runs(run, run)
    [change] = diff.changes
    assert (change.gain.value, change.verdict, change.coverage) == (0.0, "same", "same") and diff.worse() == []


def test_a_worse_system_is_seen_with_its_cases(run):
    diff = diff_runs(run, later(run, "answer 1", name="after"))
    [change] = diff.changes
    assert change.verdict == "worse" and change.gain.value == -1.0 and change.gain.worse == 120
    assert (change.before, change.after) == (1.0, 0.0)
    assert "toy" in diff.worse()[0]
    assert diff_runs(later(run, "answer 1"), run).changes[0].verdict == "better"


def test_a_small_loss_within_the_tolerance_is_let_through(run):
    few = later(run, "answer 0")
    worse = {c: [0.0, 1.0] for c in ("q0", "q3", "q6", "q9", "q12", "q15", "q18", "q21")}
    tables = tuple(replace(t, scores={**t.scores, **worse}) if t.tool == "rlar" else t for t in few.tables)
    after = replace(few, tables=tables)
    assert diff_runs(run, after).worse() and not diff_runs(run, after).worse(tolerance=0.2)


def test_judging_less_is_worse_even_if_what_is_judged_is_right(run):
    scores = next(t.scores for t in run.tables if t.tool == "rlar")
    kept = dict(list(scores.items())[:60])
    tables = tuple(replace(t, scores=kept) if t.tool == "rlar" else t for t in run.tables)
    diff = diff_runs(run, replace(run, tables=tables))
    [change] = diff.changes
    assert (change.verdict, change.coverage) == ("same", "less") and change.judged_after == 0.5
    assert change.gain.n == 60  # only what both judged is compared
    assert "judged 100.0% of the cases, now 50.0%" in diff.worse()[0]


def test_relabelled_and_missing_cases_are_left_out_and_counted(run):
    toy = run.datasets[0]
    changed = [replace(toy.cases[0], labels=(0.0, 1.0)), *toy.cases[1:100], case("new", [1, 0])]
    after = replace(run, datasets=(replace(toy, cases=tuple(changed)),))
    diff = diff_runs(run, after)
    assert (diff.only_before, diff.only_after, diff.relabelled) == (20, 1, 1) and diff.changes[0].gain.n == 99


def test_runs_that_share_nothing_cannot_be_compared(run):
    toy = run.datasets[0]
    elsewhere = replace(run, datasets=(replace(toy, cases=(case("new", [1, 0]),)),))
    with pytest.raises(InputError, match="share no labelled case"):
        diff_runs(run, elsewhere)
    with pytest.raises(InputError, match="no tool 'telepath'"):
        diff_runs(run, run, tool="telepath")


def test_single_responses_are_compared_by_their_statistic():
    cases = tuple(case(f"s{k}", [float(k % 2)]) for k in range(80))
    data = Dataset("single", cases, "binary_final_answer")
    right = ToolScores("rlar", "system", {c.id: [c.labels[0]] for c in cases}, 0.5)
    coin = ToolScores("rlar", "system", {c.id: [float(k % 3)] for k, c in enumerate(cases)}, 0.5)
    runs = [Run((data,), (t,), QUICK, describe("r", (), seconds=0)) for t in (right, coin)]
    [change] = diff_runs(*runs).changes
    assert change.metric == "AUC" and change.before == 1.0 and change.verdict == "worse" and change.gain.p < 0.05


def test_several_data_sets_also_get_a_change_over_all_pairs(run):
    toy = run.datasets[0]
    halves = tuple(replace(toy, name=n, cases=toy.cases[s]) for n, s in (("a", slice(0, 60)), ("b", slice(60, 120))))
    split = replace(run, datasets=halves)
    diff = diff_runs(split, split)
    assert [c.dataset for c in diff.changes] == [ALL_PAIRS, "a", "b"] and diff.overall.gain.n == 120


def test_the_system_meets_responses_in_an_order_that_says_nothing():
    data = pairs(200)
    system = FakeSystem()
    judged = system_scores(data.cases, system)
    first = sum(texts[0].endswith("answer 0") for _, texts in system.seen)
    assert 70 < first < 130  # the right answer comes first in the file, always
    assert all(judged.system.scores[c.id] == [1.0, 0.0] for c in data.cases)  # and gets its own score back
    assert neutral_order(data.cases[0]) == neutral_order(data.cases[0])


def test_gaps_and_faults_are_no_scores_and_keep_their_reasons():
    cases = (case("a", [1, 0]), case("gap b", [1, 0]), case("broken c", [1, 0]))
    judged = system_scores(cases, FakeSystem())
    assert judged.system.scores["gap b"] == judged.system.scores["broken c"] == [None, None]
    assert judged.system.gaps["gap b"] == "gap: nothing to check against"
    assert "crashed: boom" in judged.system.gaps["broken c"]
    assert judged.system.costs["a"].tokens == 6 and judged.system.line == 0.5
    [part] = judged.parts
    assert (part.tool, part.kind, part.line) == ("rlar:holds", "verifier", 0.5)
    row = measure(Dataset("toy", cases), judged.system, Resampler([c.group for c in cases]))
    assert row.judged == pytest.approx(1 / 3) and row.figure.value == 1.0
    assert row.lower_bound == pytest.approx(1 / 3 + 2 / 3 * 0.5)  # a coin for each gap
    assert row.tokens == pytest.approx(1000 * 6 / 6)


def test_a_case_of_one_tool_has_all_its_figures():
    cases = (case("a", [1, 0, 0]), case("b", [1, 0, 0]), case("c", [1, 1, 1]))
    table = ToolScores("t", "verifier", {"a": [1.0, 0.0, 0.0], "b": [0.0, 1.0, 0.0], "c": [1.0, 0.0, 1.0]}, 0.5)
    row = measure(Dataset("toy", cases, "binary_x"), table, Resampler(["a", "b", "c"]))
    assert row.figure.value == pytest.approx((1.0 + 0.25) / 2) and row.figure.n == 2  # c has nothing to order
    assert row.best_accuracy.value == 0.5 and row.gain.value == pytest.approx((1 - 0.5) / 2)
    assert (row.agreement.n, row.agreement.false_accept, row.agreement.false_reject) == (9, 0.25, 0.4)
    assert row.calibration.brier == pytest.approx(3 / 9)


def test_style_figures_appear_where_styles_are_told():
    styles = ("concise", "detailed_plain", "detailed_markdown")
    notes = tuple({"style": s} for s in (*styles, *styles))
    cases = tuple(case(f"s{k}", [1, 1, 1, 0, 0, 0], notes=notes) for k in range(3))
    looks = ToolScores("looks", "metric", {c.id: [0.0, 1.0, 2.0, 0.0, 1.0, 2.0] for c in cases})
    row = measure(Dataset("rm", cases, "binary_style_controlled"), looks, Resampler(["a", "b", "c"]))
    assert (row.styles.hard, row.styles.easy, row.styles.n) == (0.0, 1.0, 3)


def test_benchmarks_are_also_scored_by_their_own_rules():
    def made(ident, labels, **meta):
        return case(ident, labels, meta=meta)

    cases = (
        made("1", [1, 0, 0, 0], subset="Math", row_id="1", num_correct=1),
        made("r", [1, 0], subset="Ties", row_id="ref:1", num_correct=1),
        made("t", [1, 1, 0], subset="Ties", row_id="tied:1", num_correct=2),
    )
    table = ToolScores("t", "reward_model", {"1": [1.0, 1.0, 0.0, 0.0], "r": [5.0, 1.0], "t": [5.0, 4.0, 1.0]})
    row = measure(Dataset("rb2", cases, benchmark="rewardbench2"), table, Resampler(["1", "r", "t"]))
    assert row.benchmark["Math"] == 0.5  # the top is shared by two
    assert row.benchmark["Ties"] == pytest.approx(1.0096, abs=1e-4)
    first = (made("1", [1, 0], subset="math-prm"), made("2", [1, 0], subset="hep-python"))
    ties = ToolScores("t", "reward_model", {"1": [1.0, 1.0], "2": [1.0, 0.0]})
    row = measure(Dataset("rb", first, benchmark="rewardbench"), ties, Resampler(["1", "2"]))
    assert row.benchmark["Reasoning"] == pytest.approx(164 / (984 + 164))  # a tie is lost, and maths counts for 984


def test_a_judge_asked_in_both_orders_shows_its_consistency():
    cases = (case("a", [1, 0]), case("b", [1, 0]))
    orders = {"a": ("A>B", "B>A"), "b": ("A>B", "A>B")}
    table = ToolScores("judge", "llm_judge", {"a": [1.0, 0.0], "b": [0.5, 0.5]}, orders=orders)
    row = measure(Dataset("toy", cases), table, Resampler(["a", "b"]))
    assert row.consistency.consistent == 0.5 and row.consistency.first == 0.75


def test_margins_in_quarters_keep_equal_ones_together():
    cases = pairs(40).cases
    scores = [[0.0, 1.0] if k < 20 else [float(k), 0.0] for k in range(40)]
    bins = accuracy_by_margin(cases, scores)
    assert bins[0].n == 20 and sum(b.n for b in bins) == 40  # twenty pairs share one margin
    assert bins[0].accuracy == 0.0 and bins[-1].accuracy == 1.0
    assert accuracy_by_margin(cases[:3], scores[:3]) == ()


def test_margins_of_a_calibrated_tool_make_calibrated_forecasts():
    import math
    import random

    rng = random.Random(0)
    cases, scores = pairs(2000).cases, []
    for _ in cases:
        margin = rng.expovariate(1.0)
        right = rng.random() < 1 / (1 + math.exp(-1.5 * margin))
        scores.append([margin, 0.0] if right else [0.0, margin])
    found = margin_calibration(cases, scores)
    assert found.ece < 0.03 and found.n == 2000
    shuffled = [row[:: rng.choice((1, -1))] for row in scores]
    assert margin_calibration(cases, shuffled).brier == pytest.approx(0.25, abs=0.01)  # a coin's forecasts


def test_your_own_scorer_becomes_a_tool(tmp_path):
    file = write(tmp_path / "toy.jsonl", pairs(30))
    run = evaluate([file], scorers={"mine": length}, system=False, settings=QUICK)
    row = run.report.dataset("toy").row("mine")
    assert row.kind == "scorer" and row.figure.n == 30
    assert run.report.summary.system is None


def test_what_cannot_be_measured_is_refused(tmp_path):
    file = write(tmp_path / "toy.jsonl", pairs(10))
    scores = tables_file(tmp_path / "s.jsonl", [ToolScores("t", "metric", {"elsewhere": [1.0]})])
    with pytest.raises(InputError, match="nothing in common"):
        evaluate([file], scores=[scores], system=False, settings=QUICK)
    with pytest.raises(InputError, match="nothing to measure"):
        evaluate([], system=False)
    with pytest.raises(InputError, match="two tools are called 'length'"):
        evaluate([file], scorers={"length": length}, system=False, settings=QUICK)


def test_a_recorded_tool_cannot_pass_for_a_baseline(tmp_path):
    file = write(tmp_path / "toy.jsonl", pairs(10))
    named = tables_file(tmp_path / "n.jsonl", [ToolScores("length", "metric", {"q0": [1.0, 0.0]})])
    run = evaluate([file], scores=[named], system=False, settings=QUICK)
    assert {r.tool for r in run.report.dataset("toy").rows} == {"length", "length (recorded)", "random"}


def test_a_limit_takes_the_first_cases(tmp_path):
    file = write(tmp_path / "toy.jsonl", pairs(30))
    run = evaluate([file], system=False, settings=QUICK, limit=7)
    assert run.report.dataset("toy").n == 7


def test_reports_hold_no_nan_and_tell_n(run):
    body = json.dumps(as_json(run.report), allow_nan=False)
    assert json.loads(body)["datasets"][0]["rows"][0]["figure"]["n"] == 120
    with pytest.raises(ValueError, match="nan"):
        as_json({"figure": float("nan")})


def test_the_page_is_self_contained_and_escapes_names(run):
    evil = "<script>alert(1)</script>"
    tables = tuple(replace(t, tool=evil) if t.tool == "for x" else t for t in run.tables)
    page = document(replace(run, tables=tables, measured=None, info={**run.info, "name": evil}))
    assert evil not in page and "&lt;script&gt;" in page
    for outside in ("http://", "https://", "src=", "url(", "<script", "@import"):
        assert outside not in page
    for plot in (
        "Accuracy by task",
        "Calibration",
        "Accuracy by margin",
        "Cost against accuracy",
        "choices against the oracle",
    ):
        assert plot in page
    assert page.count("<svg") >= 6 and "default-src 'none'" in page.replace("&#x27;", "'")


def test_the_page_of_a_run_without_anything_to_plot_is_still_a_page():
    data = Dataset("tiny", (case("a", [1, 1]),))
    table = scores_of("length", length, data.cases)
    bare = Run((data,), (table,), QUICK, describe("tiny", (), seconds=0))
    assert "tiny" in document(bare) and "| tiny |" in markdown(bare.report)


def test_markdown_has_every_data_set_and_every_pool(run):
    text = markdown(run.report)
    assert "| toy | pair accuracy | 120 | 1.000 [" in text
    assert "### toy, cheap tools (n = 120)" in text and "| oracle per item | oracle |" in text


def test_the_front_door_gives_functions_and_loads_nothing_heavy():
    import subprocess
    import sys

    code = (
        "import sys, rlar.evals; from rlar.evals import evaluate, load_run, diff_runs; "
        "assert callable(evaluate) and callable(load_run) and callable(diff_runs); "
        "print([m for m in ('numpy', 'rich', 'sympy', 'typer') if m in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
