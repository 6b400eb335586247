import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlar.scoring.run import Job, run
from rlar.types import Fault, Kind, Query, ToolCard, Verdict

CARD = ToolCard("t", "1", Kind.JUDGE, engine="inline")
RIGHT = Verdict(CARD.ref, value=0.5)


class Fake:
    """A tool whose judge gives or raises what the test says."""

    card = CARD

    def __init__(self, behaviour):
        self.behaviour = behaviour

    def fits(self, query):
        return True

    async def judge(self, query, responses):
        return (
            await self.behaviour(query, responses)
            if asyncio.iscoroutinefunction(self.behaviour)
            else self.behaviour(responses)
        )


def verdicts(behaviour, responses=("a", "b"), deadline_s=None):
    job = Job(Query("q"), list(responses), (CARD.ref,))
    out = asyncio.run(run([job], {CARD.ref: Fake(behaviour)}, deadline_s=deadline_s))
    return [k[0] for k in out[0]]


def broken(error):
    def behaviour(responses):
        raise error

    return behaviour


async def slow(query, responses):
    await asyncio.sleep(30)


@pytest.mark.parametrize(
    ("behaviour", "fault", "says"),
    [
        (broken(RuntimeError("boom")), Fault.CRASHED, "RuntimeError: boom"),
        (broken(KeyError("x")), Fault.CRASHED, "KeyError"),
        (lambda r: [RIGHT], Fault.INVALID, "1 verdicts for 2 responses"),
        (lambda r: [RIGHT] * 3, Fault.INVALID, "3 verdicts for 2"),
        (lambda r: None, Fault.INVALID, "NoneType"),
        (lambda r: [0.5, 0.5], Fault.INVALID, "float instead of a Verdict"),
        (lambda r: [Verdict(CARD.ref, value=7.0)] * 2, Fault.INVALID, "outside its range"),
        (lambda r: [Verdict(CARD.ref, fault=Fault.UNAVAILABLE, why="down")] * 2, Fault.UNAVAILABLE, "down"),
    ],
)
def test_a_broken_tool_is_a_fault_for_every_response(behaviour, fault, says):
    for verdict in verdicts(behaviour):
        assert verdict.fault is fault
        assert verdict.value is None
        assert says in verdict.why


def test_what_is_late_is_cancelled_and_has_no_value():
    assert [v.fault for v in verdicts(slow, deadline_s=0.05)] == [Fault.CANCELLED] * 2


def test_rounding_at_the_ends_of_the_range_is_put_back():
    assert verdicts(lambda r: [Verdict(CARD.ref, value=1 + 1e-12)] * 2)[0].value == 1.0


def test_one_group_s_crash_is_not_another_s():
    async def picky(query, responses):
        if query.prompt == "bad":
            raise RuntimeError("no")
        return [RIGHT] * len(responses)

    jobs = [
        Job(Query("bad"), ["a"], (CARD.ref,)),
        Job(Query("good"), ["a", "b"], (CARD.ref,)),
        Job(Query("none"), [], (CARD.ref,)),
    ]
    out = asyncio.run(run(jobs, {CARD.ref: Fake(picky)}))
    assert [[v[0].fault for v in group] for group in out] == [[Fault.CRASHED], [None, None], []]


def test_no_verdict_can_hold_nan_or_two_outcomes():
    for wrong in ({"value": math.nan}, {"value": math.inf}, {}, {"value": 1.0, "fault": Fault.TIMEOUT}):
        with pytest.raises(ValueError):
            Verdict("t@1", **wrong)


@given(
    st.sampled_from([ValueError, OSError, MemoryError, RecursionError, AssertionError, TimeoutError]),
    st.text(max_size=20),
)
def test_no_exception_becomes_a_number(error, text):
    assert all(v.value is None and v.fault is not None for v in verdicts(broken(error(text))))


def test_a_tool_s_own_timeout_is_its_crash_and_not_our_deadline():
    class Batch(Fake):
        async def judge_many(self, groups):
            raise TimeoutError("service")

    job = Job(Query("q"), ["a"], (CARD.ref,))
    for deadline_s in (None, 5.0):
        out = asyncio.run(run([job], {CARD.ref: Batch(None)}, deadline_s=deadline_s))
        assert (out[0][0][0].fault, out[0][0][0].why) == (Fault.CRASHED, "TimeoutError: service")
