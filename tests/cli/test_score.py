"""`rlar score` as a person calls it: lines in order, bad rows set aside, interruptions survived."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

FAKES = Path(__file__).with_name("fakes.py")


def lines_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_one_line_per_item_in_input_order(rlar_command, rollouts: Path, tmp_path: Path):
    out = tmp_path / "out.jsonl"
    assert rlar_command("score", rollouts, "--out", out, "--batch", 2).code == 0
    lines = lines_of(out)
    assert [line["id"] for line in lines] == ["q0", "q1", "q2", "q3", "q4", "gap", "crash", "both", "none"]
    assert lines[1] == {
        "id": "q1",
        "task": {"label": "math", "confidence": 0.9, "checks": ["answer:number"], "language": "en"},
        "tools": ["exact@aaaaaaaaaaaa"],
        "rewards": [1.0, 0.0],
        "parts": [{"exact": 1.0}, {"exact": 0.0}],
        "faults": [[], []],
        "why": ["it is there", "it is not there"],
        "decision": ["it looks like it", "reference is a number"],
        "gap": None,
        "cost": {"verdicts": 2, "calls": 0, "tokens": 0, "usd": 0.0},
    }
    gap, crash, _, none = lines[5:]
    assert (gap["rewards"], gap["tools"], gap["gap"]) == ([None, None], [], "dialogue: nothing to check against")
    assert crash["rewards"] == [None, None]
    fault = {"tool": "exact@aaaaaaaaaaaa", "fault": "crashed", "why": "ZeroDivisionError: division by zero"}
    assert crash["faults"] == [[fault], [fault]]
    assert (none["rewards"], none["tools"]) == ([], ["exact@aaaaaaaaaaaa"])


@pytest.mark.parametrize("batch", [1, 3, 256])
def test_the_bytes_do_not_depend_on_the_batch(rlar_command, fake_system, rollouts: Path, tmp_path: Path, batch: int):
    rlar_command("score", rollouts, "--out", tmp_path / "a.jsonl")
    rlar_command("score", rollouts, "--out", tmp_path / "b.jsonl", "--batch", batch)
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_memory_is_bounded_by_the_batch(rlar_command, fake_system, tmp_path: Path):
    path = tmp_path / "many.jsonl"
    path.write_text('{"prompt": "q", "reference": "1", "response": "1"}\n' * 1000)
    assert rlar_command("score", path, "--batch", 50).code == 0
    assert (fake_system.asked, fake_system.largest_call) == (1000, 50)


def test_the_table_and_the_summary_tell_the_same(rlar_command, rollouts: Path, tmp_path: Path):
    called = rlar_command("score", rollouts, "--out", tmp_path / "out.jsonl")
    row = next(line.split() for line in called.out.splitlines() if line.startswith("math"))
    assert row[:4] == ["math", "8", "exact,", "overlap"]
    assert "2 faults of exact (crashed): ZeroDivisionError" in called.out
    assert "1 items without a tool: dialogue" in called.out
    summary = json.loads((tmp_path / "out.jsonl.run.json").read_text())
    math = summary["tasks"]["math"]
    assert (math["items"], math["responses"], math["judged"], math["faults"]) == (8, 14, 12, 2)
    assert math["groups_without_information"] == 0
    assert summary["tools"]["exact@aaaaaaaaaaaa"]["verdicts"] == 12
    assert json.loads(rlar_command("score", rollouts, "--json-summary").out)["tasks"]["math"]["items"] == 8


def test_quiet_says_nothing(rlar_command, rollouts: Path, tmp_path: Path):
    called = rlar_command("score", rollouts, "--out", tmp_path / "out.jsonl", "--quiet")
    assert (called.out, called.err) == ("", "")


def test_standard_input_and_output(rlar_command, rollouts: Path, monkeypatch: pytest.MonkeyPatch):
    class Stdin:
        buffer = io.BytesIO(rollouts.read_bytes())

    monkeypatch.setattr(sys, "stdin", Stdin)
    called = rlar_command("score", "-", "--out", "-", "--limit", 2)
    assert [json.loads(line)["id"] for line in called.out.splitlines()] == ["q0", "q1"]
    assert "math" in called.err


def test_bad_rows_are_set_aside_and_named(rlar_command, rollouts: Path, tmp_path: Path):
    rollouts.write_text('{"prompt": 5}\n{oops\n' + rollouts.read_text())
    called = rlar_command("score", rollouts, "--out", tmp_path / "out.jsonl")
    assert called.code == 0
    assert "rollouts.jsonl:1: prompt: came a number (5); wanted text" in called.err
    assert "2 bad rows were set aside; all are in" in called.err
    rejects = lines_of(tmp_path / "out.jsonl.rejects.jsonl")
    assert [(r["line"], r["field"], r["row"]) for r in rejects] == [(1, "prompt", '{"prompt": 5}'), (2, "", "{oops")]
    assert len(lines_of(tmp_path / "out.jsonl")) == 9
    rlar_command("score", rollouts, "--out", tmp_path / "out.jsonl", "--map", "prompt=prompt", "--limit", 1)
    assert len(lines_of(tmp_path / "out.jsonl.rejects.jsonl")) == 2


def test_rejects_of_an_earlier_run_do_not_stay(rlar_command, rollouts: Path, tmp_path: Path):
    stale = tmp_path / "out.jsonl.rejects.jsonl"
    stale.write_text("{}\n")
    rlar_command("score", rollouts, "--out", tmp_path / "out.jsonl")
    assert not stale.exists()


def test_strict_ends_with_code_1_and_a_resumable_partial(rlar_command, rollouts: Path, tmp_path: Path):
    rollouts.write_text(rollouts.read_text() + '{"prompt": 5}\n')
    out = tmp_path / "out.jsonl"
    called = rlar_command("score", rollouts, "--out", out, "--strict", "--batch", 2)
    assert called.code == 1
    assert "rollouts.jsonl:10: prompt: came a number (5)" in called.err
    assert not out.exists()
    assert 0 < len(lines_of(tmp_path / "out.jsonl.partial")) < 10


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nowhere.jsonl"], "nowhere.jsonl: no such file or folder"),
        (["{rollouts}", "--map", "reference"], "write --map NAME=VALUE"),
        (["{rollouts}", "--map", "refrence=answer"], "did you mean 'reference'?"),
        (["{rollouts}", "--out", "{rollouts}"], "is input and output at once"),
        (["{rollouts}", "--out", "-", "--resume"], "--resume needs a file"),
        (["{rollouts}", "--route", "nowhere.json"], "give 'source=tool,...' or a JSON file"),
        (["{rollouts}", "--limit", "0"], "Invalid value for '--limit'"),
    ],
)
def test_wrong_usage_is_code_2_and_one_sentence(rlar_command, rollouts: Path, args: list[str], message: str):
    called = rlar_command("score", *(arg.format(rollouts=rollouts) for arg in args))
    assert called.code == 2
    assert message in called.err
    assert "Traceback" not in called.err


def test_a_second_run_never_reads_what_the_first_one_wrote(rlar_command, rollouts: Path, tmp_path: Path):
    for _ in range(2):
        rlar_command("score", tmp_path, "--out", tmp_path / "out.jsonl", "--report", tmp_path / "report.html")
        assert len(lines_of(tmp_path / "out.jsonl")) == 9


def test_grouping_is_asked_for(rlar_command, tmp_path: Path):
    path = tmp_path / "dump.jsonl"
    path.write_text("".join(f'{{"prompt": "q", "answer": "1", "completion": "{i}"}}\n' for i in range(4)))
    out = tmp_path / "out.jsonl"
    rlar_command("score", path, "--out", out)
    assert [len(line["rewards"]) for line in lines_of(out)] == [1, 1, 1, 1]
    rlar_command("score", path, "--out", out, "--group")
    assert [line["rewards"] for line in lines_of(out)] == [[0.0, 1.0, 0.0, 0.0]]


def test_repeated_ids_are_kept_and_told(rlar_command, tmp_path: Path):
    path = tmp_path / "f.jsonl"
    path.write_text('{"id": "a", "prompt": "q", "reference": "1", "response": "1"}\n' * 3)
    called = rlar_command("score", path, "--out", tmp_path / "out.jsonl")
    assert len(lines_of(tmp_path / "out.jsonl")) == 3
    assert "2 items repeat the id of an earlier one" in called.out


def test_resume_judges_only_what_is_left(rlar_command, fake_system, rollouts: Path, tmp_path: Path):
    out = tmp_path / "out.jsonl"
    rlar_command("score", rollouts, "--out", out)
    whole = out.read_bytes()
    for kept in range(10):
        head = b"".join(whole.splitlines(keepends=True)[:kept])
        (tmp_path / "out.jsonl.partial").write_bytes(head + b'{"id": "q')
        fake_system.asked = 0
        assert rlar_command("score", rollouts, "--out", out, "--resume", "--batch", 2).code == 0
        assert out.read_bytes() == whole
        assert fake_system.asked == 9 - kept
        summary = json.loads((tmp_path / "out.jsonl.run.json").read_text())
        assert (summary["resumed"], summary["items"]) == (kept, 9)


def test_resume_refuses_another_input_and_another_ruler(rlar_command, fake_system, rollouts: Path, tmp_path: Path):
    out = tmp_path / "out.jsonl"
    rlar_command("score", rollouts, "--out", out)
    rows = rollouts.read_text().splitlines(keepends=True)
    for other, message in (
        (rows[1:], "the output goes on with 'q0' and 2 rewards, the input with 'q1'"),
        (rows[:3], "the output has 6 lines more than the input has items"),
    ):
        rollouts.write_text("".join(other))
        called = rlar_command("score", rollouts, "--out", out, "--resume")
        assert (called.code, message in called.err) == (2, True), called.err
    rollouts.write_text("".join(rows))
    fake_system.exact = "exact@cccccccccccc"
    called = rlar_command("score", rollouts, "--out", out, "--resume")
    assert called.code == 2
    assert "was judged by exact@aaaaaaaaaaaa and would now be by exact@cccccccccccc" in called.err
    assert len(lines_of(out)) == 9  # the finished output is not touched


SLOW = f"""
import importlib.util, sys
spec = importlib.util.spec_from_file_location("cli_fakes", {str(FAKES)!r})
fakes = importlib.util.module_from_spec(spec); sys.modules["cli_fakes"] = fakes; spec.loader.exec_module(fakes)
import rlar.system
class Slow(fakes.FakeSystem):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.slow_s = 0.05
rlar.system.RewardSystem = Slow
from rlar.cli import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_run_that_is_stopped_goes_on_with_resume(
    rlar_command, rollouts: Path, tmp_path: Path, sign: signal.Signals, code: int
):
    out = tmp_path / "out.jsonl"
    partial = tmp_path / "out.jsonl.partial"
    args = [sys.executable, "-c", SLOW, "score", str(rollouts), "--out", str(out), "--batch", "1"]
    process = subprocess.Popen(args, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    give_up = time.monotonic() + 30
    while (not partial.exists() or partial.stat().st_size < 10) and time.monotonic() < give_up:
        time.sleep(0.01)
    os.kill(process.pid, sign)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code, err
    assert not out.exists()
    assert 1 <= len(lines_of(partial)) < 9
    if sign == signal.SIGINT:
        assert f"items are in {partial}; the same command with --resume goes on from there" in err
        assert "Traceback" not in err
    assert rlar_command("score", rollouts, "--out", out, "--resume").code == 0
    rlar_command("score", rollouts, "--out", tmp_path / "fresh.jsonl")
    assert out.read_bytes() == (tmp_path / "fresh.jsonl").read_bytes()


def test_ctrl_c_does_not_wait_for_a_silent_standard_input(tmp_path: Path):
    args = [sys.executable, "-c", SLOW, "score", "-", "--out", str(tmp_path / "out.jsonl")]
    process = subprocess.Popen(args, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    give_up = time.monotonic() + 30
    while not (tmp_path / "out.jsonl.partial").exists() and time.monotonic() < give_up:
        time.sleep(0.01)
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(timeout=20) == 130
    process.stderr.close()
    process.stdin.close()
