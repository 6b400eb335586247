"""`rlar eval` as a shell calls it: what it prints and writes, and its exit codes."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest
from evals_toys import FakeSystem, pairs, tool

import rlar.system
from rlar.cli import main


class Called(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    accepts = {"now": "answer 0"}
    monkeypatch.setattr(rlar.system, "RewardSystem", lambda *a, **k: FakeSystem(accepts["now"]))

    def command(*args: object) -> Called:
        with pytest.raises(SystemExit) as ended:
            main(["eval", *map(str, args)])
        captured = capsys.readouterr()
        return Called(int(ended.value.code or 0), captured.out, captured.err)

    command.accepts = accepts
    return command


@pytest.fixture
def data(tmp_path):
    dataset = pairs(60, ("x", "y"))
    rows = [
        {
            "id": c.id,
            "task": "math",
            "prompt": c.query.text,
            "responses": [{"text": t, "label": y} for t, y in zip(c.responses, c.labels, strict=True)],
            "meta": {"subset": c.category, "label_type": "binary_objective"},
        }
        for c in dataset.cases
    ]
    (tmp_path / "toy.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    tables = [tool("rm", dataset, lambda c: 0.7), tool("judge", dataset, lambda c: 0.9, kind="llm_judge")]
    recorded = [{"id": i, "tool": t.tool, "scores": s, "kind": t.kind} for t in tables for i, s in t.scores.items()]
    (tmp_path / "scores.jsonl").write_text("".join(json.dumps(r) + "\n" for r in recorded), "utf-8")
    return tmp_path / "toy.jsonl"


QUICK = ("--splits", 2)


def test_a_file_is_measured_printed_and_stored(call, data, tmp_path):
    done = call(data, "--scores", tmp_path / "scores.jsonl", "--run", "r1", *QUICK)
    assert done.code == 0 and "toy" in done.out and "1.000 [" in done.out
    assert "oracle per item" in done.out and "margin cascade" in done.out  # few data sets are shown in full
    assert "stored in r1" in done.err
    stored = json.loads((tmp_path / "r1" / "run.json").read_text())
    assert stored["format"] == 1 and stored["settings"]["splits"] == 2 and stored["command"][:2] == ["rlar", "eval"]


def test_reports_are_written_where_asked(call, data, tmp_path):
    done = call(data, "--json", "out/r.json", "--html", "r.html", "--markdown", "r.md", "--no-run", "-q", *QUICK)
    assert done.code == 0 and done.out == "" and not (tmp_path / "runs").exists()
    body = json.loads((tmp_path / "out" / "r.json").read_text())
    assert body["datasets"][0]["line"]["system"]["value"] == 1.0 and body["settings"]["seed"] == 0
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    assert "| toy |" in (tmp_path / "r.md").read_text()


def test_json_can_go_to_a_pipe(call, data):
    done = call(data, "--json", "-", "--no-run", "--no-system", *QUICK)
    assert json.loads(done.out)["datasets"][0]["name"] == "toy"


def test_without_an_order_a_run_is_kept_under_runs(call, data, tmp_path):
    call(data, "-q", *QUICK)
    [folder] = (tmp_path / "runs").iterdir()
    assert (folder / "items.jsonl.gz").exists()


@pytest.mark.parametrize(
    ("check", "code", "said"),
    [
        (("--fail-under", "0.9"), 0, ""),
        (("--fail-under", "toy=0.999"), 0, ""),
        (("--fail-under", "1.1"), 1, "below 1.1"),
        (("--fail-under", "toy=2"), 1, "toy: rlar has 1.0000, below 2"),
        (("--fail-under", "toy=much"), 2, "a number is needed"),
        (("--fail-under", "tofu=0.5"), 2, "no such data set"),
    ],
)
def test_the_exit_code_says_whether_the_figure_is_reached(call, data, check, code, said):
    done = call(data, "--no-run", "-q", *QUICK, *check)
    assert done.code == code and said in done.err


def test_a_system_that_judged_nothing_reaches_nothing(call, data):
    done = call(data, "--no-system", "--no-run", "-q", "--fail-under", "0.1", *QUICK)
    assert done.code == 1 and "judged nothing" in done.err


def test_two_runs_are_compared_and_a_loss_fails(call, data):
    call(data, "--run", "good", "-q", *QUICK)
    call.accepts["now"] = "answer 1"
    call(data, "--run", "bad", "-q", *QUICK)
    shown = call("diff", "good", "bad")
    assert shown.code == 0 and "worse" in shown.out and "-1.000" in shown.out  # showing is no failing
    assert call("diff", "good", "good", "--no-worse-than", "good").code == 0
    failed = call("diff", "good", "bad", "--no-worse-than", "good", "-q")
    assert failed.code == 1 and failed.err.startswith("failed: toy")
    assert call("diff", "bad", "good", "--no-worse-than", "bad", "--fail-under", "0.9").code == 0
    assert call(data, "--no-worse-than", "good", "--no-run", "-q", *QUICK).code == 1  # in one go, too
    parsed = call("diff", "good", "bad", "--json", "-")
    assert json.loads(parsed.out)["changes"][0]["verdict"] == "worse"


def test_recorded_tools_are_compared_by_name(call, data, tmp_path):
    for name in ("a", "b"):
        call(data, "--scores", tmp_path / "scores.jsonl", "--run", name, "-q", *QUICK)
    same = call("diff", "a", "b", "--tool", "rm")
    assert same.code == 0 and "same" in same.out
    assert call("diff", "a", "b", "--tool", "ghost").code == 2


def test_a_run_is_replayed_to_the_same_figures(call, data, tmp_path):
    call(data, "--scores", tmp_path / "scores.jsonl", "--run", "r", "-q", *QUICK)
    done = call("replay", "r", "--html", "again.html")
    assert done.code == 0 and "no figures differ" in done.err and (tmp_path / "again.html").exists()
    body = json.loads((tmp_path / "r" / "run.json").read_text())
    body["report"]["datasets"][0]["line"]["system"]["value"] = 0.5
    (tmp_path / "r" / "run.json").write_text(json.dumps(body))
    tampered = call("replay", "r", "-q")
    assert tampered.code == 1 and "stored 0.5, now 1.0" in tampered.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "nothing to measure"),
        (("absent.jsonl",), "no such file"),
        (("--benchmark", "rewardbench2"), "huggingface.co"),
        (("--benchmark", "mmlu"), "there are rewardbench2"),
        (("--path", "x.jsonl"), "exactly one --benchmark"),
        (("--fetch",), "--fetch needs --benchmark"),
        (("diff", "absent", "absent"), "no stored run"),
        (("replay", "absent"), "no stored run"),
        (("toy.jsonl", "--price", "rm=cheap"), "a number is needed"),
    ],
)
def test_wrong_usage_is_answered_in_one_sentence(call, data, monkeypatch, tmp_path, args, said):
    monkeypatch.setenv("RLAR_BENCHMARKS", str(tmp_path / "none"))
    done = call(*args)
    assert done.code == 2 and said in done.err and "Traceback" not in done.err


def test_prices_and_a_written_map_reach_the_routers(call, data, tmp_path):
    options = ("--price", "judge=0", "--price", "rm=3", "--static-map", "x=rm", "--category", "subset")
    done = call(data, "--scores", tmp_path / "scores.jsonl", *options, "--json", "r.json", "--no-run", "-q", *QUICK)
    assert done.code == 0
    routing = json.loads((tmp_path / "r.json").read_text())["datasets"][0]["routings"][0]
    entries = {e["name"]: e for e in routing["entries"]}
    assert entries["static map"]["shares"]["rm"] == 0.5
    assert routing["curve"][0]["dear"] == "rm"


def test_help_tells_about_the_other_commands(call):
    done = call("--help")
    assert done.code == 0 and "rlar eval diff" in done.out and "--no-worse-than" in done.out
