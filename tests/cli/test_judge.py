"""A judge on the command line, over a real HTTP endpoint that answers from a script."""

from __future__ import annotations

import json
import re

import pytest

from rlar.cli import main
from rlar.testing import ScriptedEndpoint

pytest.importorskip("openai")


def script(body):
    if "criteria" in body["response_format"]["json_schema"]["schema"]["properties"]:
        return json.dumps({"criteria": ["Answers the question."]})
    found = re.search(r"quality (\d+)", body["messages"][1]["content"].rpartition("answer to judge")[2])
    return json.dumps({"critique": "seen", "score": int(found.group(1)) if found else 1})


@pytest.fixture
def endpoint():
    with ScriptedEndpoint(script, models=["tiny"]) as server:
        yield server


@pytest.fixture
def call(capsys):
    def run(*args):
        with pytest.raises(SystemExit) as ended:
            main([str(a) for a in args])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


@pytest.fixture
def chats(tmp_path):
    rows = [
        {
            "id": f"c{i}",
            "task": "dialogue",
            "prompt": f"Tell me a story, number {i}.",
            "responses": ["quality 3", "quality 9"],
        }
        for i in range(3)
    ]
    path = tmp_path / "chats.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return path


def rewards(path):
    return [json.loads(line)["rewards"] for line in path.read_text().splitlines()]


def test_a_judge_fills_gaps_keeps_its_replies_and_tells_what_it_cost(endpoint, call, chats, tmp_path):
    out, cache = tmp_path / "r.jsonl", tmp_path / "replies.sqlite"
    judge = ("--judge", endpoint.url, "--judge-model", "tiny", "--judge-cache", cache, "--judge-criteria", "both")
    code, _, err = call("score", chats, "--out", out, *judge, "--price-in", 1, "--price-out", 1)
    assert code == 0 and rewards(out) == [[pytest.approx(2 / 9), pytest.approx(8 / 9)]] * 3
    assert len(endpoint.requests) == 6 + 3 + 1 and "10 calls" in err and "$" in err
    told = json.loads((tmp_path / "r.jsonl.run.json").read_text())["judge"]
    assert told["by_purpose"] == {"criteria": 4, "judge": 6}
    code, _, err = call("score", chats, "--out", tmp_path / "again.jsonl", *judge)
    assert code == 0 and len(endpoint.requests) == 10 and "10 replies from the cache" in err
    assert rewards(tmp_path / "again.jsonl") == rewards(out)


def test_a_spent_budget_leaves_faults_not_low_rewards(endpoint, call, chats, tmp_path):
    out = tmp_path / "r.jsonl"
    code, _, _ = call("score", chats, "--out", out, "--judge", endpoint.url, "--judge-model", "tiny", "--max-calls", 4)
    flat = [r for group in rewards(out) for r in group]
    assert code == 0 and flat.count(None) == 2 and len(endpoint.requests) == 4


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--judge", "http://127.0.0.1:9/v1", "--judge-model", "tiny"), "nothing answers"),
        (("--judge", "URL", "--judge-model", "huge"), "no model 'huge'; it has tiny"),
        (("--judge", "URL"), "--judge-model"),
        (("--judge-share", "0.5"), "--cascade"),
        (("--cascade", "noise"), "--judge URL"),
        (("--cascade", "nowhere.json", "--judge", "URL", "--judge-model", "tiny"), "rlar judge learn"),
        (("--max-calls", "3"), "give --judge URL"),
        (("--judge", "URL", "--judge-model", "tiny", "--max-usd", "1"), "--price-in"),
    ],
)
def test_what_cannot_work_is_told_before_the_run(endpoint, call, chats, tmp_path, monkeypatch, options, says):
    monkeypatch.delenv("RLAR_LLM_MODEL", raising=False)
    out = tmp_path / "r.jsonl"
    code, _, err = call("score", chats, "--out", out, *(endpoint.url if o == "URL" else o for o in options))
    assert code == 2 and says in err and not out.exists() and not endpoint.requests


def test_a_wrong_key_is_told_before_the_run(call, chats, monkeypatch):
    monkeypatch.setenv("RLAR_LLM_KEY", "wrong")
    with ScriptedEndpoint(script, models=["tiny"], key="sesame") as server:
        code, _, err = call("score", chats, "--judge", server.url, "--judge-model", "tiny")
    assert code == 2 and "RLAR_LLM_KEY" in err and "wrong" not in err


def test_kin_of_the_policy_is_warned_about(endpoint, call, chats):
    judge = ("--judge", endpoint.url, "--judge-model", "tiny", "--policy-model", "tiny-2", "-q")
    code, _, err = call("score", chats, *judge)
    assert code == 0 and err.startswith("warning: ") and "one family" in err


def test_a_floor_is_learnt_and_then_spares_the_judge(endpoint, call, tmp_path):
    """The cheap tool orders rightly what it holds far apart, and wrongly what it does not."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "own.py").write_text(
        "import re, rlar\n\n\n@rlar.tool(suits='dialogue', kind='metric')\ndef cheap(response, query):\n"
        "    return float(re.search(r'cheap ([0-9.]+)', response).group(1))\n"
    )
    rows = [
        {
            "id": f"c{i}",
            "task": "dialogue",
            "prompt": f"Tell me a story, number {i}.",
            "responses": [
                {"text": f"quality 3, cheap {0.5 if i % 2 else 0.1}", "label": 0},
                {"text": f"quality 9, cheap {0.45 if i % 2 else 0.9}", "label": 1},
            ],
        }
        for i in range(24)
    ]
    data, floor, out = tmp_path / "labelled.jsonl", tmp_path / "floor.json", tmp_path / "r.jsonl"
    data.write_text("".join(json.dumps(r) + "\n" for r in rows))
    judge = ("--judge", endpoint.url, "--judge-model", "tiny", "--library", tmp_path / "lib")
    code, said, err = call("judge", "learn", data, "--cheap", "cheap", "--share", 0.5, "--out", floor, *judge)
    assert code == 0, err
    learnt = json.loads(floor.read_text())
    assert 0.04 < learnt["floor"] < 0.8 and learnt["groups"] == 24
    assert learnt["forecast"]["cheap"] == 0.5 and learnt["forecast"]["accuracy"] > 0.9 and "held-out" in said
    asked = len(endpoint.requests)
    code, _, err = call("score", data, "--out", out, "--cascade", floor, *judge)
    assert code == 0 and "asked it about 12 of 24 groups" in err
    assert len(endpoint.requests) == asked + 24 and all(bad < good for bad, good in rewards(out))
