"""A small reward model that really learnt: searched, fitted, smoked, examined, admitted; then it scores. All real.

It is trained on answers of the shared `pref_*` files and examined on other prompts of theirs. What people preferred
there is beyond a model of 0.1M parameters (its exam says so); an answer against its garbled copy is not.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from preferring import garbled, labelled, lessons, parted, rows
from stocking import card
from zoo import REAL, making

from rlar.scoring.analyze import analyze
from rlar.testing.hub import LocalHub
from rlar.types import Query

pytestmark = [*REAL, pytest.mark.data, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def sides(shared_data):
    """(for training, for the exam): no prompt of one is like one of the other."""
    names = ("pref_llmbar_processed", "pref_hhh", "pref_llmbar")
    train, examined = parted([row for name in names for row in rows(shared_data, name)])
    train = [r for r in train if not r["id"].startswith("llmbar/")]  # adversarial pairs teach a small model little
    return train, [r for r in examined if len(r["better"]) < 800 and len(r["prompt"]) < 500 and _dialogue(r)]


def _dialogue(row):
    task = analyze(Query(row["prompt"]))
    return (task.label, task.checks, task.language) == ("dialogue", (), "en")


@pytest.fixture(scope="module")
def learnt(sides, tmp_path_factory):
    folder = tmp_path_factory.mktemp("learnt") / "model"
    making().train_preferences(folder, lessons(sides[0]), epochs=3, hidden=48, tokens=128)
    front = {"license": "apache-2.0", "tags": ["reward-model"], "pipeline_tag": "text-classification"}
    (folder / "README.md").write_text(card("A reward model for helpful dialogue.", **front), "utf-8")
    return folder


def rlar(folder, *arguments):
    command = [sys.executable, "-m", "rlar.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=1800, check=False)


def lines(path, found):
    path.write_text("".join(json.dumps(row) + "\n" for row in found), "utf-8")
    return path


def test_search_add_and_score(sides, learnt, tmp_path):
    clear = lines(tmp_path / "clear.jsonl", labelled(sides[1], worse="garbled"))
    with LocalHub() as hub:
        hub.add("acme/helpful-dialogue-rm", learnt, downloads=12)
        where = ("--hub-endpoint", hub.endpoint, "--cache", tmp_path / "cache")
        found = json.loads(rlar(tmp_path, "hub", "search", "helpful dialogue", "--json", *where).stdout)
        assert [r["id"] for r in found["taken"]] == ["acme/helpful-dialogue-rm"]
        done = rlar(
            tmp_path, "hub", "add", "acme/helpful-dialogue-rm", "--library", "lib", "--on", clear, "--json", *where
        )
    told = json.loads(done.stdout)
    assert (told["state"], [s["name"] for s in told["steps"]]) == (
        "admitted",
        ["read", "filter", "family", "fetch", "smoke", "exam", "admit"],
    ), told
    asked = [{"id": r["id"], "prompt": r["prompt"], "responses": [r["better"], garbled(r["better"])]} for r in sides[1]]
    lines(tmp_path / "more.jsonl", asked)
    scored = rlar(tmp_path, "score", "more.jsonl", "--library", "lib", "--out", "rewards.jsonl")  # no Hub any more
    assert scored.returncode == 0, scored.stderr
    rewards = [json.loads(line) for line in (tmp_path / "rewards.jsonl").read_text().splitlines()]
    judged = [r for r in rewards if r["tools"] == [told["tool"]]]
    assert len(judged) > len(rewards) / 2
    assert sum(r["rewards"][0] > r["rewards"][1] for r in judged) > 0.8 * len(judged)


def test_labels_that_a_coin_might_have_given_admit_nothing(sides, learnt, tmp_path):
    tossed = labelled(sides[1])
    for row in tossed[::2]:
        row["labels"].reverse()
    coins = lines(tmp_path / "coins.jsonl", tossed)
    done = rlar(tmp_path, "hub", "add", learnt, "--library", "lib", "--on", coins, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["state"], told["reason"]) == (1, "integrated", "exam"), told
    assert "labelled_pairs" in told["steps"][-1]["says"]


def test_acquire_with_a_hub_closes_the_gap(sides, learnt, tmp_path):
    clear = lines(tmp_path / "clear.jsonl", labelled(sides[1], worse="garbled"))
    with LocalHub() as hub:
        hub.add("acme/helpful-dialogue-rm", learnt, downloads=12)
        where = ("--hub-endpoint", hub.endpoint, "--cache", tmp_path / "cache")
        done = rlar(tmp_path, "acquire", clear, "--hub", "--library", "lib", "--report", "report.json", *where)
    assert done.returncode == 0, done.stderr
    families = json.loads((tmp_path / "report.json").read_text())["families"]
    mine = [f for f in families if f["admitted"].startswith("acme_helpful_dialogue_rm")]
    assert mine, families
