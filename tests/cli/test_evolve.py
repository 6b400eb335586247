"""`rlar evolve`, as a person calls it, on files of rewards and a library on disk."""

from __future__ import annotations

import dataclasses
import json
import random

import pytest

from rlar.acquire.exam.figures import share
from rlar.acquire.templates import configured
from rlar.cli.evolve import _values
from rlar.cli.lines import output_line
from rlar.library.store import Store
from rlar.rollouts import Item
from rlar.scoring.route import family_of
from rlar.types import Decision, Fault, Part, Query, Reward, Task, Verdict

TASK = Task("math", ("answer:number",), "en", 0.9)
PROVEN = {"passed": True} | dict.fromkeys(("pair_accuracy", "wrong_rejected"), share(30, 30).to_json())


@pytest.fixture
def library(tmp_path):
    """A version that judges well, and the one that replaced it and accepts every number."""

    class Sums:
        name, key, task = "sums", family_of(TASK), TASK

    folder = tmp_path / "lib"
    with Store(folder) as store:
        for settings in ({}, {"rel_tol": 1e9}):
            draft = dataclasses.replace(configured("numeric", settings, Sums()), name="sums")
            row = store.add(draft, why="for a test", exam=PROVEN)
            store.admit(f"sums@{row.version}", why="for a test")
    return folder


def refs(folder):
    with Store(folder) as store:
        return {r.state: f"{r.name}@{r.version}" for r in store.rows()}


def line(k, ref, values):
    answers = [f"It is {2 * k + (0 if right else 3)}." for right in random.Random(k).choices([0, 1], k=len(values))]
    query = Query(f"What is {k} + {k}?", reference=str(2 * k))
    decision = Decision(TASK, (Part(ref),))
    rewards = [
        Reward(v, {"sums": v} if v is not None else {}, (_verdict(ref, v),), decision, "for a test") for v in values
    ]
    row = {"id": str(k), "prompt": query.prompt, "reference": query.reference, "responses": answers}
    return output_line(Item(query, tuple(answers), str(k), "", 0), decision, rewards), row


def _verdict(ref, value):
    return Verdict(ref, value) if value is not None else Verdict(ref, fault=Fault.CRASHED, why="broke")


@pytest.fixture
def files(tmp_path, library):
    """40 groups by the version before, then 40 by the one that gives everything 1."""
    now, before = refs(library)["admitted"], refs(library)["retired"]
    lines = [line(k, before, [0.0, 1.0, 0.0, float(k % 2)]) for k in range(100, 140)]
    lines += [line(k, now, [1.0] * 4) for k in range(140, 180)]
    rewards, rollouts = tmp_path / "rewards.jsonl", tmp_path / "rollouts.jsonl"
    rewards.write_text("".join(json.dumps(a) + "\n" for a, _ in lines))
    rollouts.write_text("".join(json.dumps(b) + "\n" for _, b in lines))
    return rewards, rollouts


def test_a_line_says_what_each_tool_gave_and_where_it_broke():
    body, _ = line(3, "sums@" + "1" * 12, [1.0, None, 0.5])
    assert _values(body) == {"sums@" + "1" * 12: [1.0, None, 0.5]}


def test_a_broken_version_is_found_from_its_rewards_and_the_one_before_judges_again(rlar_command, library, files):
    rewards, rollouts = files
    before, now = refs(library)["retired"], refs(library)["admitted"]
    call = ("evolve", rewards, "--library", library, "--rollouts", rollouts, "--learn", "30")
    planned = rlar_command(*call, "--dry-run")
    assert planned.code == 0, planned.err
    assert f"quarantined  {now}" in planned.out and "1 quarantined would be done" in planned.out
    assert refs(library)["admitted"] == now
    done = rlar_command(*call)
    assert f"{before} judges now" in done.out and "examined on" in done.out
    assert refs(library) == {"admitted": before, "quarantined": now}
    again = rlar_command(*call)
    assert "quarantined" not in again.out  # what is done is done
    log = rlar_command("evolve", "--library", library, "--log").out
    assert log.count("quarantined") == 1 and "2026" not in log.split()[0]
    (entry,) = [json.loads(x) for x in rlar_command("evolve", "--library", library, "--log", "--json").out.splitlines()]
    assert rlar_command("evolve", "--library", library, "--undo", entry["n"]).out == f"{now} judges again\n"
    assert refs(library)["admitted"] == now
    assert "undone" in rlar_command("evolve", "--library", library, "--log").out


def test_without_the_rollouts_doubt_alone_changes_nothing(rlar_command, library, files):
    done = rlar_command("evolve", files[0], "--library", library, "--learn", "30", "--json")
    events = [json.loads(x) for x in done.out.splitlines()]
    assert [e["act"] for e in events] == ["noted"] and "nothing to examine it on" in events[0]["why"]


def test_faults_need_no_exam(rlar_command, library, tmp_path):
    now = refs(library)["admitted"]
    rewards = tmp_path / "faults.jsonl"
    rewards.write_text("".join(json.dumps(line(k, now, [None] * 4)[0]) + "\n" for k in range(20)))
    assert "quarantined" in rlar_command("evolve", rewards, "--library", library).out
    assert refs(library)["quarantined"] == now


def test_a_built_in_tool_is_asked_about_because_a_file_cannot_take_it_away(rlar_command, library, tmp_path):
    rewards = tmp_path / "faults.jsonl"
    rewards.write_text("".join(json.dumps(line(k, "math@" + "1" * 12, [None] * 4)[0]) + "\n" for k in range(20)))
    out = rlar_command("evolve", rewards, "--library", library).out
    assert "asked" in out and "not the library's" in out and "rlar acquire" in out


def test_a_canary_is_compared_on_rollouts(rlar_command, library, files):
    rewards, rollouts = files
    with Store(library) as store:
        good = refs(library)["retired"]
        store.move(good, "proposed", why="for a test")
    assert "is canary" in rlar_command("tools", "canary", good, "--library", library).out
    out = rlar_command("evolve", rewards, "--library", library, "--rollouts", rollouts, "--learn", "200").out
    assert f"canary {good}" in out or "promoted" in out


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[1]", "nonsense", '{"id": 1, "task": {}, "tools": [], "rewards": [], "parts": [], "faults": []}'],
)
def test_what_is_no_line_of_rewards_is_named_with_its_place(rlar_command, library, tmp_path, text):
    rewards = tmp_path / "rewards.jsonl"
    rewards.write_text(text + "\n")
    called = rlar_command("evolve", rewards, "--library", library)
    assert called.code == 2 and f"{rewards}:1" in called.err


def test_wrong_calls_are_told_what_to_give(rlar_command, library, tmp_path):
    assert "is no library" in rlar_command("evolve", "x.jsonl", "--library", tmp_path / "none").err
    assert "--log" in rlar_command("evolve", "--library", library).err
    assert "log is empty" in rlar_command("evolve", "--library", library, "--undo", "3").err
    assert rlar_command("evolve", tmp_path / "none.jsonl", "--library", library).code == 2
