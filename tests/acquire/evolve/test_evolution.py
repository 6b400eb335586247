"""What is done about tools that break while they judge: in a running system, and in its library on disk."""

import asyncio
import dataclasses
import pickle
import random

import pytest

from rlar import Query, RewardSystem
from rlar.acquire.evolve import Evolution, Settings, undo
from rlar.acquire.evolve.evolution import RETRY
from rlar.acquire.exam.figures import share
from rlar.acquire.templates import configured
from rlar.errors import ToolError
from rlar.library import Library
from rlar.library.store import Store
from rlar.rollouts import Item
from rlar.scoring.analyze import analyze
from rlar.scoring.route import family_of
from rlar.types import Fault, Kind, ToolCard, Verdict

PROVEN = {"passed": True} | dict.fromkeys(("pair_accuracy", "wrong_rejected"), share(30, 30).to_json())
QUICK = Settings(learn=30, window=40)


class Toy:
    """A tool in this process that answers as its `mood` says: well, faults, a constant, or in reverse."""

    def __init__(self, name="math", version="1" * 12, mood="well", **card):
        self.card = ToolCard(name, version, Kind.VERIFIER, line=0.5, suits=("math",), engine="inline", **card)
        self.mood = mood

    def fits(self, query):
        return query.reference is not None

    async def judge(self, query, responses):
        return [self.one(query, r) for r in responses]

    def one(self, query, response):
        right = float(response.replace("*", "").split()[-1:] == [str(query.reference)])
        if self.mood == "faults":
            return Verdict(self.card.ref, fault=Fault.UNAVAILABLE, why="not here")
        return Verdict(self.card.ref, value={"zero": 0.0, "one": 1.0, "reverse": 1 - right}.get(self.mood, right))


def batches(steps, *, seed=0, success=0.5, queries=4, responses=4):
    rng = random.Random(seed)
    for _ in range(steps):
        asked, answers = [], []
        for _ in range(queries):
            a, b = rng.randrange(100, 9999), rng.randrange(100, 9999)
            asked.append(Query(f"What is {a} + {b}?", reference=str(a + b)))
            answers.append(
                [f"It is {a + b if rng.random() < success else a + b + rng.randrange(1, 9)}" for _ in range(responses)]
            )
        yield asked, answers


def truth(asked, answers):
    return [[float(r.endswith(f" {q.reference}")) for r in group] for q, group in zip(asked, answers, strict=True)]


def trained(system, steps, **how):
    """Steps of training; the steps whose rewards were not the truth."""
    wrong = []
    for step, (asked, answers) in enumerate(batches(steps, **how)):
        rewards = system.score_batch_sync(asked, answers)
        if [[r.value for r in group] for group in rewards] != truth(asked, answers):
            wrong.append(step)
    return wrong


@pytest.mark.parametrize(("mood", "most"), [("faults", 3), ("zero", 8), ("one", 20), ("reverse", 8)])
def test_a_tool_that_breaks_in_training_is_taken_away_and_the_one_before_it_judges(mood, most):
    evolution = Evolution(settings=QUICK)
    with RewardSystem(tools=[Toy()], evolve=evolution) as system:
        assert trained(system, 25, success=0.75) == [] and evolution.events == []
        system.library.add(Toy(version="2" * 12, mood=mood))
        wrong = trained(system, 40, seed=1, success=0.75)
        assert wrong == list(range(len(wrong))) and len(wrong) < most  # from some step on all is right
        (event,) = [e for e in evolution.events if e.act == "quarantined"]
        assert (event.tool, event.instead) == ("math@" + "2" * 12, "math@" + "1" * 12)
        assert trained(system, 10, seed=2) == []


def test_a_broken_tool_that_replaced_nothing_leaves_the_built_in_ones():
    evolution = Evolution(settings=QUICK)
    with RewardSystem(tools=[Toy("my_sums", mood="faults")], evolve=evolution) as system:
        wrong = trained(system, 8)
        assert wrong and wrong == list(range(len(wrong))) and len(wrong) < 4
        assert not system.library.has("my_sums")
        assert [e.act for e in evolution.events] == ["quarantined", "asked"]


def test_a_static_map_to_a_tool_that_was_taken_away_gives_a_gap_and_no_error():
    evolution = Evolution(settings=QUICK)
    broken = Toy("my_sums", mood="faults")
    with RewardSystem(tools=[broken], route={"sums": "my_sums"}, evolve=evolution) as system:
        for asked, answers in batches(8):
            sourced = [dataclasses.replace(q, source="sums") for q in asked]
            rewards = system.score_batch_sync(sourced, answers)
        assert all(r.value is None and "taken away" in r.decision.gap.why for group in rewards for r in group)


@pytest.mark.parametrize("success", [0.02, 0.98])
def test_a_policy_that_changes_is_not_taken_for_a_broken_tool(success):
    evolution = Evolution(settings=QUICK)
    with RewardSystem(tools=[Toy()], evolve=evolution) as system:
        assert trained(system, 25) == [] and trained(system, 60, seed=1, success=success) == []
    assert {e.act for e in evolution.events} <= {"noted", "asked"}
    assert any("as good as it was" in e.why for e in evolution.events if e.act == "noted")


def test_an_outage_ends_and_the_tool_judges_again():
    evolution = Evolution(settings=QUICK)
    toy = Toy("my_sums")
    with RewardSystem(tools=[toy], evolve=evolution, cache=False) as system:
        trained(system, 10)
        toy.mood = "faults"
        trained(system, 5, seed=1)
        assert not system.library.has("my_sums")
        toy.mood = "well"
        assert trained(system, RETRY // 4 + 2, seed=2) == []
        assert system.library.get("my_sums") is toy
    assert [e.act for e in evolution.events] == ["quarantined", "asked", "restored"]


def test_what_cannot_be_examined_is_only_asked_about():
    """A model without references is paid for one phrase; the held-out check sees it."""

    class Liked(Toy):
        def fits(self, query):
            return True

        def one(self, query, response):
            paid = 0.9 if "surely" in response else 0.3 + 0.02 * (len(response) % 20)
            return Verdict(self.card.ref, value=paid if self.card.name == "liked" else 0.5)

    rng = random.Random(0)
    evolution = Evolution(settings=QUICK, check=Liked("check"), check_share=1.0)
    liked = Liked("liked")
    liked.card = dataclasses.replace(liked.card, kind=Kind.REWARD_MODEL, suits=("dialogue",))
    with RewardSystem(tools=[liked], route={"chat": "liked"}, evolve=evolution) as system:
        for step in range(120):
            word = "surely" if step > 60 else "maybe"
            asked = [Query(f"Tell me of {rng.random()}", source="chat")]
            system.score_batch_sync(asked, [[f"{word} {rng.random()} {'x' * rng.randrange(20)}" for _ in range(4)]])
        assert system.library.has("liked")
    asked = [e for e in evolution.events if e.act == "asked"]
    assert asked and asked[0].finding.kind == "hacking" and "it gives what it gave before" in asked[0].why


# -- on disk -----------------------------------------------------------------------------------------------------------


def family():
    task = analyze(next(batches(1))[0][0])

    class Sums:
        name, key = "sums", family_of(task)

    Sums.task = task
    return Sums


def version(store, settings, *, admit=True, exam=None):
    draft = dataclasses.replace(configured("numeric", settings, family()), name="sums")
    row = store.add(draft, why="for a test", exam=PROVEN)
    if admit:
        row = store.admit(f"sums@{row.version}", why="for a test")
    return f"sums@{row.version}"


def judged(evolution, library, steps, **how):
    """Lines of a log, with what was judged, taken in one by one."""

    async def all_of_them():
        for asked, answers in batches(steps, **how):
            for q, group, values in zip(asked, answers, truth(asked, answers), strict=True):
                now = next(t for t in library.own() if t.card.name == "sums")
                mine = [1.0] * len(group) if now.rule_is_loose else values
                await evolution.take(library, family().key, {now.card.ref: mine}, item=Item(q, tuple(group), "", "", 0))

    asyncio.run(all_of_them())


def opened(folder):
    library = Library.open(folder)
    for tool in library.own():
        tool.rule_is_loose = tool.rel_tol > 1
    return library


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "lib") as store:
        yield store


def states(store):
    return {f"{r.name}@{r.version}": r.state for r in store.rows()}


def test_the_version_before_a_broken_one_judges_again_and_the_history_says_why(store):
    good, loose = version(store, {}), version(store, {"rel_tol": 1e9}, exam=PROVEN)
    assert states(store) == {good: "retired", loose: "admitted"}
    evolution = Evolution(store, settings=QUICK)
    library = opened(store.folder)
    values = [{good: [0.0, 1.0, 0.0, float(i % 2)]} for i in range(40)] + [{loose: [1.0] * 4}] * 30
    items = [
        Item(q, tuple(a), "", "", 0) for asked, answers in batches(18) for q, a in zip(asked, answers, strict=True)
    ]

    async def all_of_them():
        for mine, item in zip(values, items, strict=False):
            await evolution.take(library, family().key, mine, item=item)

    asyncio.run(all_of_them())
    assert states(store) == {good: "admitted", loose: "quarantined"}
    assert library.get("sums").card.ref == good
    assert "examined on 32 queries" in store.history(store.find(loose))[-1].why
    assert store.history(store.find(good))[-1].why.startswith("judges again")
    (event,) = [e for e in store.events() if e["act"] == "quarantined"]
    assert event["instead"] == good and event["finding"]["kind"] == "drift"
    assert "judges again" in undo(store, event) and states(store) == {good: "retired", loose: "admitted"}


def test_what_a_person_retired_does_not_come_back(store):
    good, other = version(store, {}), version(store, {"rel_tol": 1e-3})
    store.pin(good)
    store.move(other, "retired", why="retired by hand") if states(store)[other] == "admitted" else None
    assert store.quarantine(good, why="broken") is None
    assert states(store) == {good: "quarantined", other: "retired"}


def test_a_version_that_passed_and_waits_takes_over_where_there_is_none_before(store):
    waiting = version(store, {"rel_tol": 1e-9}, admit=False, exam=PROVEN)
    failed = version(store, {"rel_tol": 1e-1}, admit=False, exam=PROVEN | {"passed": False})
    now = version(store, {"rel_tol": 1e9})
    evolution = Evolution(store, settings=QUICK)

    async def faults():
        for _ in range(20):
            await evolution.take(opened(store.folder), family().key, {now: [None] * 4})

    asyncio.run(faults())
    assert states(store) == {waiting: "admitted", failed: "proposed", now: "quarantined"}


def dueled(store, new, steps=150):
    evolution = Evolution(store, settings=QUICK, canary_share=1.0)
    library = opened(store.folder)

    async def all_of_them():
        for asked, answers in batches(steps):
            for q, a, values in zip(asked, answers, truth(asked, answers), strict=True):
                ref = library.get("sums").card.ref
                await evolution.take(library, family().key, {ref: values}, item=Item(q, tuple(a), "", "", 0))

    asyncio.run(all_of_them())
    return evolution


def test_a_canary_is_promoted_if_it_is_not_worse_and_retired_if_it_is(store):
    good = version(store, {})
    same, loose = version(store, {"rel_tol": 1e-12}, admit=False), version(store, {"rel_tol": 1e9}, admit=False)
    Evolution(store).start_canary(loose)
    events = dueled(store, loose, steps=10).events
    assert states(store)[loose] == "retired" and [e.act for e in events] == ["retired"]
    Evolution(store).start_canary(same)
    first = dueled(store, same, steps=10)  # not enough to decide
    assert states(store)[same] == "canary" and first.canaries.duels[same].n > 0
    n = first.canaries.duels[same].n
    assert Evolution(store).canaries.duels[same].n == n  # what was measured is kept
    assert [e.act for e in dueled(store, same, steps=40).events] == ["promoted"]
    assert states(store) == {good: "retired", loose: "retired", same: "admitted"}
    promoted = store.events()[-1]
    undo(store, promoted)
    assert states(store)[good] == "admitted" and states(store)[same] == "retired"


def test_the_same_query_counts_once_in_a_duel(store):
    version(store, {})
    same = version(store, {"rel_tol": 1e-12}, admit=False)
    Evolution(store).start_canary(same)
    n = [dueled(store, same, steps=6).canaries.duels[same].n for _ in range(3)]
    assert n[0] == n[1] == n[2] > 0


def test_a_dry_run_tells_and_changes_nothing(store):
    now = version(store, {})
    evolution = Evolution(store, settings=QUICK, dry_run=True)

    async def faults():
        for _ in range(20):
            await evolution.take(opened(store.folder), family().key, {now: [None] * 4})

    asyncio.run(faults())
    assert [e.act for e in evolution.events] == ["quarantined"]
    assert states(store) == {now: "admitted"} and store.events() == []


def test_a_running_system_takes_over_what_happens_to_its_library(store):
    first = version(store, {})
    evolution = Evolution(store, settings=QUICK)
    with RewardSystem(store.folder, evolve=evolution) as system:
        assert system.library.get("sums").card.ref == first
        second = version(store, {"rel_tol": 1e-12})  # as by `rlar acquire` in another process
        trained(system, 15)
        assert system.library.get("sums").card.ref == second
        store.move(second, "retired", why="by hand")
        trained(system, 15, seed=1)
        assert not system.library.has("sums")
    assert [e.why.partition(";")[0] for e in evolution.events if e.act == "noted"] == [
        "admitted in the library meanwhile",
        "retired in the library meanwhile",
    ]


def test_a_canary_starts_only_from_a_state_that_allows_it(store):
    now = version(store, {})
    store.quarantine(now, why="broken")
    with pytest.raises(ToolError, match="quarantined"):
        Evolution(store).start_canary(now)
    with pytest.raises(ToolError, match="on disk"):
        Evolution().start_canary(now)


def test_an_edited_or_torn_event_is_passed_over(store):
    store.record({"act": "noted", "tool": "a@1"})
    path = store.folder / "evolution.jsonl"
    path.write_bytes(path.read_bytes() + b'{"sum": "00000000", "act": "promoted", "tool": "b@1"}\n{"sum": "12')
    store.record({"act": "noted", "tool": "c@1"})
    assert [e["tool"] for e in store.events()] == ["a@1", "c@1"]


def test_watching_that_fails_costs_no_reward(store, monkeypatch):
    evolution = Evolution(store, settings=QUICK)

    def full(event):
        raise OSError("no space left on device")

    monkeypatch.setattr(store, "record", full)
    with RewardSystem(tools=[Toy("my_sums", mood="faults")], evolve=evolution) as system:
        for asked, answers in batches(4):
            assert len(system.score_batch_sync(asked, answers)) == 4
        assert not system.library.has("my_sums")  # it was taken away before the disk was asked
    assert "no space left" in evolution.problems[0]


def test_a_system_that_is_watched_still_pickles():
    system = RewardSystem(tools=[Toy()], evolve=Evolution())
    assert pickle.loads(pickle.dumps(system)).evolve is None
