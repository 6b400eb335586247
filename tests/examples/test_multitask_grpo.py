"""The experiment: its data, its truth, its arms, its report; and two real steps of it from end to end."""

from __future__ import annotations

import asyncio
import json
import random
from itertools import islice
from xml.etree import ElementTree

import pytest
from examples.multitask_grpo import arms, report
from examples.multitask_grpo.tasks import TASKS, Example, as_people_write, examples, make, run_program

import rlar
from rlar.adapters.trl import reward

TOOL = {
    "sums": "math", "programs": "unit_tests", "translation": "translation", "format": "instructions",
    "json": "json_match", "choice": "choice", "sorting": "list_match",
}  # fmt: skip


def some(count: int, *, held_out: bool = False, seed: int = 3) -> list[Example]:
    return list(islice(examples(seed, held_out=held_out), count))


def one(task: str, seed: int = 0) -> Example:
    return make(task, random.Random(seed))


# -- data and truth ---------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_data_and_no_held_out_prompt_is_trained_on():
    assert some(70) == some(70) != some(70, seed=4)
    trained = {e.prompt for e in some(3500)}
    assert not trained & {e.prompt for e in some(700, held_out=True)}


@pytest.mark.parametrize("task", TASKS)
def test_the_solution_is_right_and_most_habits_are_wrong(task):
    shares = []
    for seed in range(40):
        example = one(task, seed)
        assert example.right(example.solution)
        assert sum(weight for weight, _ in example.habits) == pytest.approx(1.0)
        shares.append(sum(weight for weight, text in example.habits if example.right(text)))
    assert min(shares) >= 0.2 and sum(shares) / len(shares) < 0.45


def test_nothing_and_noise_are_never_right():
    for example in some(70):
        for response in ("", " ", "\x00", "{" * 3000, example.prompt, "I hope this helps. Let me know."):
            assert not example.right(response)


@pytest.mark.parametrize(
    ("program", "value"),
    [
        ("def f(s):\n    return s[::-1].upper()", "CBA"),
        ("def f(s):\n    s = s[1:]\n    return s.upper()", "BC"),
        ("def f(s):\n    return s.upper", None),  # a method, not its value
        ("def f(s):\n    print(s.upper())", None),
        ("def f(s):\n    return s.center(10**9)", None),  # large values are not computed
        ("def f(s):\n    return s.__class__()", None),
        ("import os\ndef f(s):\n    return s", None),
        ("def f(s):\n    return s[::0]", None),
        ("def f(s):\n    return " + "(" * 500 + "s" + ")" * 500, None),
        ("no program", None),
    ],
)
def test_the_truth_about_programs_runs_none(program, value):
    assert run_program(program, "abc") == value


# -- rlar gets no labels, and says the same as the truth --------------------------------------------------------------


def test_rlar_finds_the_tool_of_every_task_without_a_label():
    with rlar.RewardSystem() as system:
        for example in some(35, held_out=True):
            assert "task" not in example.columns
            decision = system.decide({"prompt": example.prompt, **example.columns})
            assert [ref.partition("@")[0] for ref in decision.tools] == [TOOL[example.task]]


def test_through_the_rows_of_a_data_set_rlar_pays_in_full_just_what_is_right():
    rows = [*some(14), *map(as_people_write, some(7))]
    texts = [[text for _, text in e.habits] + [""] for e in rows]
    flat = [e for e, group in zip(rows, texts, strict=True) for _ in group]
    columns = {name: [as_arrow_gives_it(e.columns.get(name)) for e in flat] for name in arms.COLUMNS}
    completions = [text for group in texts for text in group]
    prompts = [e.prompt for e in flat]
    values = asyncio.run(reward()(prompts=prompts, completions=completions, row=list(range(len(flat))), **columns))
    for example, text, value in zip(flat, completions, values, strict=True):
        assert value is not None and (value == 1.0) is example.right(text), (example.prompt, text, value)


def test_a_reference_as_people_write_it_changes_nothing_for_rlar():
    with rlar.RewardSystem() as system:
        for example in some(21):
            written = as_people_write(example)
            assert written.right(next(t for _, t in example.habits if example.right(t)))
            decision = system.decide({"prompt": written.prompt, **written.columns})
            assert [ref.partition("@")[0] for ref in decision.tools] == [TOOL[example.task]], written


def as_arrow_gives_it(value):
    """Columns hold None where a row has nothing, and structs hold the keys of all rows."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [{"keywords": None, "num_bullets": None} | entry for entry in value]
    return value


# -- arms -------------------------------------------------------------------------------------------------------------


def judge(arm: str, example: Example, texts: list[str], head=None) -> list[float]:
    function = arms.reward_function(arm, [example], head)
    tokens = [list(range(len(text.split()))) for text in texts]
    given = {"completions": texts, "completion_ids": tokens, "row": [0] * len(texts), "prompts": [""] * len(texts)}
    values = function(**given)
    return asyncio.run(values) if asyncio.iscoroutine(values) else values


def test_each_static_arm_has_the_weakness_it_stands_for():
    sums, programs = one("sums"), one("programs")
    right, wrong = str(sums.facts["total"]), str(sums.facts["total"] + 1)
    rambling = "I think so . " * 4
    assert judge("true", sums, [right, wrong, rambling]) == [1.0, 0.0, 0.0]
    length = judge("length", sums, [right, rambling])
    assert length[0] < length[1] <= 1.0
    assert judge("maths", sums, [right, wrong]) == [1.0, 0.0]
    assert judge("maths", one("translation"), [one("translation").solution]) == [0.0]  # right, but no maths
    good, bad = (next(t for _, t in programs.habits if programs.right(t) is ok) for ok in (True, False))
    near = judge("similarity", programs, [programs.solution, good, bad])
    assert near[0] == 1.0 > near[1] and near[1] - near[2] < 0.2  # a wrong program is nearly as near


def test_the_preference_head_learns_from_labelled_answers_and_reads_no_prompt(tmp_path):
    rng = random.Random(0)
    pool = {e.prompt: e for e in some(280, seed=11)}
    pairs = arms.fit_head(tmp_path / "head.json", lambda ps: [pool[p].habit(rng) for p in ps], prompts=280)
    assert pairs > 100
    sums = one("sums")
    right, wrong, vague = f"{sums.facts['total']}", f"{sums.facts['total'] + 1}", sums.habits[-1][1]
    values = judge("preference", sums, [right, wrong, vague], tmp_path / "head.json")
    assert all(0 < v < 1 for v in values) and values[2] < min(values[:2])
    assert values == judge("preference", one("json"), [right, wrong, vague], tmp_path / "head.json")


def test_the_mix_of_all_tools_counts_each_alike(tmp_path):
    rng = random.Random(0)
    pool = {e.prompt: e for e in some(140, seed=11)}
    arms.fit_head(tmp_path / "head.json", lambda ps: [pool[p].habit(rng) for p in ps], prompts=140)
    example = one("json")
    right, wrong = example.solution, example.solution.replace("age", "name")
    mixed = judge("uniform", example, [right, wrong], tmp_path / "head.json")
    static = ("length", "similarity", "preference")
    apart = [judge(arm, example, [right, wrong], tmp_path / "head.json") for arm in static]
    verifiers = [10 * mixed[i] - sum(values[i] for values in apart) for i in (0, 1)]
    assert verifiers[0] >= 0.999 and verifiers[0] - verifiers[1] > 0.9  # metrics pay a part for the wrong one


def test_a_careless_release_pays_the_wrong_sums_until_the_library_takes_it_away(tmp_path):
    from examples.multitask_grpo.broken import Broken

    broken = Broken(tmp_path / "library", break_at=2)
    query = {"prompt": "What is 13 + 4?\n", "reference": "17"}
    paid = []
    for step in range(1, 4):
        broken.after(step)
        paid.append([r.value for r in broken.system.score_sync(query, ["17", "18"])])
    assert paid == [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    assert broken.store.quarantine(broken.events[0]["what"].split()[0], why="test") is not None
    broken.system.library = rlar.library.Library.open(tmp_path / "library")
    assert [r.value for r in broken.system.score_sync(query, ["17", "18"])] == [1.0, 0.0]


# -- report -----------------------------------------------------------------------------------------------------------


def made_up(share: dict[str, float], seeds: int = 3, prompts: int = 20) -> dict:
    rng = random.Random(0)
    runs = []
    for seed in range(seeds):
        for arm, right in share.items():
            bits = "".join("01"[rng.random() < right] for _ in range(prompts * len(TASKS)))
            told = ((0, 0.4), (8, right))
            looks = [{"step": s, **dict.fromkeys(("greedy", "sampled"), dict.fromkeys(TASKS, v))} for s, v in told]
            steps = [{"step": s + 5, "right": v, "reward": 0.9, "tokens": 5.0} for s, v in told]
            events = [
                {"step": 3, "act": "broken", "what": "t@1 admitted by hand"},
                {"step": 6, "act": "quarantined", "what": "quarantined t@1: it is broken"},
            ]
            runs.append({
                "arm": arm, "seed": seed, "curve": looks, "final": {"greedy": bits, "sampled": bits}, "steps": steps,
                "events": events if arm == "rlar_broken" else [], "cpu_s": 30.0,
            })  # fmt: skip
    return {"plan": {"steps": 8}, "runs": runs}


def test_the_report_tells_a_good_arm_from_a_bad_one_with_intervals(tmp_path):
    results = made_up({"rlar": 0.9, "true": 0.9, "length": 0.1, "rlar_broken": 0.9})
    figures = report.Bootstrap(results, "greedy")
    low, high = (float(x) for x in figures.mean("rlar").split()[1].split("-"))
    assert low < figures.value["rlar"] < high and high - low < 0.2
    page = tmp_path / "experiment.md"
    mark = "made by `python -m examples.multitask_grpo report` -->"
    page.write_text(
        "".join(f"before\n<!-- {n}: {mark}\nold\n<!-- end -->\nafter\n" for n in ("short", "written")), "utf-8"
    )
    written = made_up({"rlar": 0.9, "uniform": 0.5})
    report.write(results, written, tmp_path)
    text = page.read_text("utf-8")
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text
    assert text.count("| length |") == 2 and text.count("| uniform |") == 1 and text.count("<!-- end -->") == 2
    assert "| length: points above | +7" in text and "broken after step 3, taken away at step 6, 6, 6" in text
    again = page.read_text("utf-8")
    report.write(json.loads(json.dumps(results)), written, tmp_path)
    assert page.read_text("utf-8") == again  # the same results give the same page
    for picture in ("accuracy", "hacking", "broken"):
        root = ElementTree.parse(tmp_path / "experiment" / f"{picture}.svg").getroot()
        assert root.tag.endswith("svg") and "nan" not in ElementTree.tostring(root, "unicode")


def test_overlapping_arms_have_an_interval_around_zero():
    figures = report.Bootstrap(made_up({"rlar": 0.6, "uniform": 0.6}), "greedy")
    low, high = figures.difference("rlar", "uniform").partition("(")[2].rstrip(")").split(" to ")
    assert float(low) < 0 < float(high)


# -- for real ---------------------------------------------------------------------------------------------------------


@pytest.mark.models
def test_the_tokenizer_loses_nothing():
    pytest.importorskip("transformers")
    from examples.multitask_grpo.model import make_tokenizer

    tokenizer = make_tokenizer()
    for example in some(140):
        for text in (example.prompt, example.solution, *(t for _, t in example.habits)):
            ids = tokenizer(text, add_special_tokens=False)["input_ids"]
            assert tokenizer.decode(ids) == text
        longest = max(len(tokenizer(t)["input_ids"]) for _, t in example.habits)
        assert longest < arms.NEW_TOKENS


@pytest.mark.slow
@pytest.mark.models
@pytest.mark.timeout(600)
def test_two_steps_from_end_to_end_and_again_without_doing_anything_twice(tmp_path, monkeypatch, capsys):
    pytest.importorskip("trl")
    from examples.multitask_grpo.__main__ import main

    monkeypatch.chdir(tmp_path)
    command = ["run", "--seeds", "1", "--steps", "2", "--prompts", "4", "--held-out", "2", "--pretrain-steps", "3"]
    command += ["--folder", str(tmp_path / "state"), "--results", str(tmp_path / "results.json")]
    rng = random.Random(0)
    pool = {e.prompt: e for e in some(280, seed=11)}
    (tmp_path / "state").mkdir()  # three steps of pre-training give no right answers to fit a head on
    arms.fit_head(tmp_path / "state" / "head.json", lambda ps: [pool[p].habit(rng) for p in ps], prompts=280)
    assert main(command) == 0
    results = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert [run["arm"] for run in results["runs"]] == list(arms.ARMS)
    for run in results["runs"]:
        assert [look["step"] for look in run["curve"]] == [0, 2] and len(run["final"]["greedy"]) == 2 * len(TASKS)
        assert all(0 <= window["reward"] <= 1 for window in run["steps"])
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "state").glob("*-0.json")}
    (tmp_path / "state" / "length-0.json").unlink()
    assert main(command) == 0
    after = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "state").glob("*-0.json")}
    assert {n for n in after if after[n] != before.get(n)} == {"length-0.json"}
    assert main([*command, "--learning-rate", "1"]) == 2  # another plan may not mix with these runs
