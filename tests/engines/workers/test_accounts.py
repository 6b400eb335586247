"""The books alone, with workers played by the test: whatever breaks, and whoever is killed, the outcome is the same."""

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlar.engines.workers.accounts import MAX_LOST, Assignment, Call, Group, Item, ToolInUse, Why
from rlar.engines.workers.board import Position, Stage
from rlar.engines.workers.turns import Turns
from rlar.engines.workers.wire import Broke, GarbledError, Record
from rlar.engines.workers.worker import HARMLESS
from rlar.types import Fault, Kind, Mark, Query, ToolCard

CARD = ToolCard("t", "1", Kind.VERIFIER, low=-1.0, high=1.0)
RAISED = Broke(Fault.CRASHED, "raised")
DIED = Broke(Fault.TIMEOUT, "too slow")


class World:
    """Plays the workers. A text says by its first word what the tool does with it: ok, raise, die, flaky."""

    def __init__(self, seed, kills=0):
        self.random = random.Random(seed)
        self.kills = kills  # how often somebody may still kill a worker from outside
        self.tries = Counter()
        self.seen = []

    def behaviour(self, kind, what):
        """ok, raise or die; flaky is raise the first time."""
        word = what.split(" ")[0]
        if word != "flaky":
            return word
        self.tries[kind, what] += 1
        return "raise" if self.tries[kind, what] == 1 else "ok"

    def killed(self):
        if self.kills and self.random.random() < 0.2:
            self.kills -= 1
            return True
        return False

    def work(self, assignment):
        """Go through an assignment as a worker does, until its end or until the worker's death."""
        order = assignment.order()
        for g, (group, items) in enumerate(list(assignment.parts)):
            for i, what in [(-1, group.query.extra["prepare"]), *enumerate(item.response for item in items)]:
                at = Position(order.id, g, i, Stage.PREPARE if i < 0 else Stage.RATE)
                if self.killed():
                    place = self.random.choice([at, Position(order.id, 0, 0, Stage.LOAD), Position(0, 0, 0, 0)])
                    assignment.lost(place, Broke(Fault.CRASHED, "SIGKILL"), outside=True)
                    return
                if what == HARMLESS:
                    what = group.query.extra["control"]
                done = self.behaviour("prepare" if i < 0 else "rate", what)
                if i >= 0:
                    self.seen.append(f"{assignment.why.value} {what}")
                if done == "die":
                    assignment.lost(at, DIED, outside=False)
                    return
                if done == "raise":
                    assignment.answer(Record(g, i, 0.0, RAISED))
                    if i < 0:
                        break
                elif i >= 0:
                    assignment.answer(Record(g, i, 0.0, Mark(0.5, what)))
        assert not assignment.open

    def run(self, groups, workers=2, chunk=3):
        turns = Turns(workers, 1.0, chunk, 100)
        call = Call(ToolInUse(1, b"", CARD), groups)
        turns.add(call)
        for _ in range(10_000):
            assignment = turns.next_urgent() if self.random.random() < 0.5 else None
            assignment = assignment or turns.next_batch() or turns.next_urgent()
            if assignment is None:
                break
            self.work(assignment)
        assert not turns.calls
        assert call.tool.queued == 0
        return call.future.result(0)


def wanted(query, text):
    if query.extra["prepare"].split(" ")[0] in ("raise", "die"):
        return "fault"
    if text.split(" ")[0] in ("ok", "flaky"):
        return Mark(0.5, text)
    return "low" if query.extra["control"] == "ok" else "fault"


def shown(judged):
    if judged.mark is None:
        assert judged.fault in (Fault.CRASHED, Fault.TIMEOUT)
        return "fault"
    if judged.mark.why.startswith("broke the tool: "):
        assert judged.mark.value == CARD.low
        return "low"
    return judged.mark


def question(number, prepare="ok", control="ok"):
    return Query(f"q{number}", extra={"prepare": prepare, "control": control})


TEXT = st.builds(
    lambda word, n: f"{word} {n}", st.sampled_from(["ok"] * 4 + ["raise", "die", "flaky"]), st.integers(0, 3)
)
WORD = st.sampled_from(["ok"] * 4 + ["raise", "die", "flaky"])


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(WORD, st.sampled_from(["ok", "ok", "raise", "die"]), st.lists(TEXT, max_size=5)), max_size=5),
    st.integers(0, 10**6),
    st.integers(0, MAX_LOST - 1),
)
def test_outcomes_depend_on_tool_query_and_response_alone(rows, seed, kills):
    groups = [(question(n, f"{p} {n}", c), texts) for n, (p, c, texts) in enumerate(rows)]
    judged = World(seed, kills).run(groups) if any(texts for _, texts in groups) else [[] for _ in groups]
    assert [[shown(j) for j in row] for row in judged] == [[wanted(q, t) for t in texts] for q, texts in groups]


@pytest.mark.parametrize(
    ("text", "control", "seen"),
    [
        ("ok", "ok", ["batch ok"]),
        ("raise", "ok", ["batch raise", "alone raise", "control ok"]),
        ("die", "raise", ["batch die", "alone die", "control raise"]),
        ("flaky", "ok", ["batch flaky", "alone flaky"]),
    ],
)
def test_what_is_tried_in_which_order(text, control, seen):
    world = World(1)
    world.run([(question(1, control=control), [text])])
    assert world.seen == seen


def test_controls_are_asked_once_for_a_group():
    world = World(1)
    world.run([(question(1), ["raise 1", "die 2", "raise 3"])])
    assert world.seen.count("control ok") == 1


def test_a_text_reference_is_a_control_and_another_kind_is_none():
    for reference, texts in [("gold", ["gold", HARMLESS]), ("", [HARMLESS]), (3, [HARMLESS]), (None, [HARMLESS])]:
        call = Call(ToolInUse(1, b"", CARD), [(Query("q", reference=reference), ["x"])])
        call.ask_controls(call.items[0].group)
        assert [item.response for item in call.urgent[0].open.values()] == texts


def test_a_worker_killed_from_outside_again_and_again_is_held_against_the_item_in_the_end():
    """Else a response that kills its own process would be tried for ever."""

    class Deadly(World):
        def killed(self):
            return False

        def work(self, assignment):
            if assignment.why is Why.CONTROL:
                return super().work(assignment)
            at = Position(assignment.id, 0, 0, Stage.RATE)
            return assignment.lost(at, Broke(Fault.CRASHED, "SIGKILL"), outside=True)

    assert shown(Deadly(1).run([(question(1), ["ok"])])[0][0]) == "low"


def test_a_tool_that_dies_while_loading_is_a_fault():
    class Deadly(World):
        def work(self, assignment):
            assignment.lost(Position(assignment.id, 0, 0, Stage.LOAD), DIED, outside=False)

    judged = Deadly(1).run([(question(1), ["ok"]), (question(2), ["ok"])])
    assert [row[0].fault for row in judged] == [Fault.TIMEOUT] * 2
    assert "cannot be loaded" in judged[0][0].why


def test_a_death_during_the_warm_up_blames_nobody():
    class Cold(World):
        def work(self, assignment):
            if assignment.warm_s:
                return assignment.lost(Position(assignment.id, 0, 0, Stage.WARM), DIED, outside=False)
            return super().work(assignment)

    assert shown(Cold(1).run([(question(1), ["ok"])])[0][0]) == Mark(0.5, "ok")


@pytest.mark.parametrize(
    "record",
    [
        Record(2, 0, 0.0, Mark(1.0)),
        Record(-2, 0, 0.0, Mark(1.0)),
        Record(0, 5, 0.0, Mark(1.0)),
        Record(0, -1, 0.0, Mark(1.0)),
        Record(-1, -1, 0.0, Mark(1.0)),
    ],
)
def test_answers_to_what_was_not_asked_are_refused(record):
    call = Call(ToolInUse(1, b"", CARD), [(question(1), ["ok"])])
    group = call.items[0].group
    assignment = Assignment(call.tool, Why.BATCH, [(group, call.items)])
    with pytest.raises(GarbledError):
        assignment.answer(record)
    assignment.answer(Record(0, 0, 0.0, Mark(1.0)))
    with pytest.raises(GarbledError):
        assignment.answer(Record(0, 0, 0.0, Mark(1.0)))  # twice


def test_the_first_try_and_the_second_fit_into_the_limit_together():
    call = Call(ToolInUse(1, b"", CARD), [(question(1), ["ok"])])
    first, second = (Assignment(call.tool, why, []).cpu_s for why in (Why.BATCH, Why.ALONE))
    assert first + second == CARD.timeout_s


def turns_with(*sizes, item_s=0.001, workers=2):
    turns = Turns(workers, 0.04, 256, 1 << 20)
    tool = ToolInUse(1, b"", CARD, item_s=item_s)
    calls = [Call(tool, [(Query(f"{n} {i}"), ["x"]) for i in range(size)]) for n, size in enumerate(sizes)]
    for call in calls:
        turns.add(call)
    return turns, calls


def test_chunks_have_the_wanted_cost_and_calls_take_turns():
    turns, calls = turns_with(1000, 1000)
    chunks = [turns.next_batch() for _ in range(4)]
    assert [len(chunk.open) for chunk in chunks] == [40] * 4
    assert [calls.index(chunk.parts[0][0].call) for chunk in chunks] == [0, 1, 0, 1]


def test_small_calls_share_a_chunk():
    turns, _ = turns_with(*[1] * 100)
    chunk = turns.next_batch()
    assert len(chunk.open) == 40
    assert len({group.call for group, _ in chunk.parts}) == 40


def test_a_short_list_is_shared_among_workers():
    turns, _ = turns_with(20)
    assert [len(chunk.open) for chunk in (turns.next_batch(), turns.next_batch())] == [10, 5]


def test_near_the_end_nothing_is_handed_out_ahead():
    turns, _ = turns_with(60)
    assert turns.next_batch(ahead=True) is None
    assert len(turns.next_batch().open) == 30


def test_long_responses_bound_a_chunk():
    turns = Turns(1, 1.0, 256, 100)
    turns.add(Call(ToolInUse(1, b"", CARD, item_s=1e-6), [(Query("q"), [f"{i}" * 60 for i in range(5)] + ["y" * 500])]))
    sizes = []
    while (chunk := turns.next_batch()) is not None:
        sizes.append(len(chunk.open))
    assert sizes == [2, 2, 2]


def test_a_dropped_call_is_not_handed_out():
    turns, calls = turns_with(10, 10)
    turns.drop(calls[0])
    assert {group.call for group, _ in turns.next_batch().parts} == {calls[1]}
    assert calls[0].tool.queued == 5


def test_items_of_a_group_know_their_places():
    call = Call(ToolInUse(1, b"", CARD), [(Query("q"), ["a", "b", "a"]), (Query("q"), ["b"])])
    assert [(item.response, item.places) for item in call.items] == [("a", [(0, 0), (0, 2)]), ("b", [(0, 1), (1, 0)])]
    assert isinstance(call.items[0], Item)
    assert isinstance(call.items[0].group, Group)
