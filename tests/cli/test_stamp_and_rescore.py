"""Stamped rows give the right rewards in their trainer's adapter; rescoring tells what moved."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rlar.adapters import nemo_gym, open_instruct, openrlhf, roll, slime, trl, verifiers, verl
from rlar.adapters.settings import Settings
from rlar.cli import main

ROWS = [
    {"prompt": "What is 6 * 7?", "answer": "42", "id": "q1", "keep": {"a": [1]}},
    {"question": "Which one? (A) x (B) y", "answer": "B", "choices": ["x", "y"]},
]
GOOD, BAD = ["so it is 42", "The answer is B"], ["so it is 24", "The answer is A"]


def rlar(*args: Any) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(a) for a in args])
    return int(end.value.code or 0)


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        from pyarrow import parquet

        return parquet.read_table(path).to_pylist()
    return [json.loads(line) for line in path.read_text().splitlines()]


def by_adapter(trainer: str, row: dict[str, Any], response: str) -> float:
    """The reward that the trainer's adapter gives, fed as that trainer feeds it."""
    s = Settings()
    if trainer == "trl":
        columns = {k: [v] for k, v in row.items() if k != "prompt"}
        return asyncio.run(trl.reward()(prompts=[row["prompt"]], completions=[response], **columns))[0]
    if trainer == "verl":
        gold = row["reward_model"]["ground_truth"]
        extra = {**row["extra_info"], "prompt": row["prompt"]}
        return asyncio.run(verl.compute_score(row["data_source"], response, gold, extra))["score"]
    if trainer == "openrlhf":
        return openrlhf.reward_func([f"user: x\n{response}</s>"], ["user: x\n"], [row["label"]])["rewards"][0]
    if trainer == "slime":
        sample = SimpleNamespace(prompt=row["prompt"], response=response, label=row["label"], metadata=row["metadata"])
        return asyncio.run(slime.rlar_rm(SimpleNamespace(reward_key=None), sample))
    if trainer == "open_instruct":
        judged = asyncio.run(open_instruct.score(s, response, row["ground_truth"], None))
        assert judged is not None
        return judged.value
    if trainer == "roll":
        return roll.rewards_of(s, ["p"], [response], [{"ground_truth": row["ground_truth"], "tag": row["tag"]}])[0][0]
    data = {**row, "idx": 3}
    trace = SimpleNamespace(last_reply=response, info={})
    return asyncio.run(verifiers.reward(SimpleNamespace(data=data), trace))


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
@pytest.mark.parametrize("trainer", ["trl", "verl", "openrlhf", "slime", "open_instruct", "roll", "verifiers"])
def test_a_stamped_row_is_judged_right_in_its_trainer(tmp_path, trainer, suffix):
    out = tmp_path / f"out{suffix}"
    assert rlar("stamp", write(tmp_path / "in.jsonl", ROWS[:1] * 2), "--for", trainer, "--out", out) == 0
    row = read(out)[0]
    assert row["keep"] is not None  # other columns stay
    assert [by_adapter(trainer, row, text) for text in (GOOD[0], BAD[0])] == [1.0, 0.0]


def test_the_stamp_holds_no_code_and_tells_what_cannot_pass(tmp_path, capsys):
    rows = [{"prompt": "write f", "tests": {"language": "python", "code": "assert f(1) == SECRET", "entry_point": "f"}}]
    rlar("stamp", write(tmp_path / "in.jsonl", rows), "--for", "openrlhf", "--out", tmp_path / "out.jsonl")
    row = read(tmp_path / "out.jsonl")[0]
    assert "SECRET" not in row["label"] and set(json.loads(row["label"])) == {"v", "id", "task", "reference"}
    assert "1 rows have tests" in capsys.readouterr().err
    assert rlar("stamp", tmp_path / "in.jsonl", "--for", "trl", "--out", tmp_path / "out.csv") == 2


def test_nemo_gym_reads_calls_and_texts():
    output = [
        {"type": "reasoning", "summary": []},
        {"type": "function_call", "name": "f", "arguments": '{"a": 1}'},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "done"}]},
    ]
    assert nemo_gym.output_text({"output": output}) == (
        '<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>\n\ndone'
    )


NEW = """
import rlar
@rlar.tool(suits="math", kind="verifier", about="digits only")
def math(response, query):
    return 1.0 if response.strip() == str(query.reference) else 0.25
"""


def test_rescoring_tells_what_moved_by_task_and_tool(tmp_path, capsys):
    rollouts = write(
        tmp_path / "rollouts.jsonl",
        [
            {"id": "a", "prompt": "6*7?", "answer": "42", "responses": ["it is 42", "42", "24"]},
            {"id": "b", "prompt": "Say it in JSON.", "format": "json", "responses": ["{}", "no"]},
        ],
    )
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "own.py").write_text(NEW)
    assert rlar("score", rollouts, "--out", tmp_path / "old.jsonl", "--quiet") == 0
    capsys.readouterr()
    args = ("rescore", rollouts, "--library", tmp_path / "lib", "--before", tmp_path / "old.jsonl")
    assert rlar(*args, "--out", tmp_path / "diff.jsonl", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["tasks"]["math"] == {
        "responses": 3, "moved": 2, "now_judged": 0, "no_longer_judged": 0, "mean_before": pytest.approx(2 / 3),
        "mean_after": 0.5, "largest_move": 0.75, "pairs": 3, "pairs_swapped": 0,
    }  # fmt: skip
    assert report["total"]["moved"] == 2 and report["tools"]["math"]["moved"] == 2
    line = read(tmp_path / "diff.jsonl")[0]
    assert (line["before"], line["after"]) == ([1.0, 1.0, 0.0], [0.25, 1.0, 0.25])
    assert rlar("rescore", rollouts, "--library-before", tmp_path / "lib") == 0
    assert "task math" in capsys.readouterr().out
    assert rlar(*args, "--library-before", tmp_path / "lib") == 2


def test_no_model_is_asked(tmp_path, capsys):
    rollouts = write(tmp_path / "r.jsonl", [{"id": "a", "prompt": "be nice", "source": "s", "responses": ["x"]}])
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "own.py").write_text(
        'import rlar\n@rlar.tool(kind="judge")\ndef asks(response, query):\n    raise OSError("a model was asked")\n'
    )
    assert rlar("rescore", rollouts, "--library", tmp_path / "lib", "--route", "s=asks", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["skipped_because_a_model_would_be_asked"] == 1 and report["total"]["responses"] == 0


def test_columns_of_several_types_become_json_text_in_parquet(tmp_path, capsys):
    pytest.importorskip("pyarrow")
    rows = [{**ROWS[0], "odd": {"a": 1}}, {**ROWS[1], "id": "q2", "odd": "b"}]
    assert rlar("stamp", write(tmp_path / "in.jsonl", rows), "--for", "verl", "--out", tmp_path / "out.parquet") == 0
    assert "column 'odd'" in capsys.readouterr().err
    got = read(tmp_path / "out.parquet")
    assert [json.loads(row["odd"]) for row in got] == [{"a": 1}, "b"]
    assert got[0]["reward_model"]["ground_truth"] == "42" and got[0]["data_source"].startswith("rlar/")
