"""Grading by tests that are code: as calls of plain data where they are no more than that, else through a judge."""

from __future__ import annotations

import os
import socket
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from rlar.engines.sandbox.compare import Rules, same
from rlar.engines.sandbox.grading import PASSED, Case, plain_error, result, run_calls, tell_error
from rlar.engines.sandbox.inside import wire
from rlar.engines.sandbox.plan import level
from rlar.engines.sandbox.results import Asserts, CaseResult, GradeResult, Limits, Status
from rlar.engines.sandbox.slot import Disturbed, Slot
from rlar.engines.sandbox.watch import Watch, Watched
from rlar.engines.sandbox.zygote import Child
from rlar.errors import InputError

JUDGE_RUNS = 500  # of one judge process, with trusted tests
JUDGE_CPU_S = 10.0  # CPU seconds that tests may take for themselves, beyond the answer's own limit
PLANS_KEPT = 2048
AS_PYTHON = Rules(numbers_alike=True)  # == between plain values


@dataclass
class Judge:
    """A judge process of a slot, and how often it was used."""

    child: Child
    runs: int = 0


class Plans:
    """How tests can be run, found out once per text of tests. Kept by a sandbox for all its slots."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], list[Case] | None] = OrderedDict()

    def get(self, slot: Slot, judges: Judges, tests: Asserts) -> list[Case] | None:
        """The tests as cases of plain data, or None if they must be run as code. Raises InputError."""
        key = (tests.code, tests.entry_point)
        if key not in self._kept:
            self._kept[key] = slot.attempt(lambda: self._ask(slot, judges, tests))
            while len(self._kept) > PLANS_KEPT:
                self._kept.popitem(last=False)
        return self._kept[key]

    def _ask(self, slot: Slot, judges: Judges, tests: Asserts) -> list[Case] | None:
        reply = judges.ask(slot, tests, {"op": "plan", "code": tests.code, "entry": tests.entry_point})
        if reply is None:
            raise InputError("Asserts: reading these tests takes more time or memory than any test should")
        if "bad" in reply:
            raise InputError(f"Asserts: the tests are no Python program: {reply['bad']}")
        return [planned_case(*c) for c in reply["cases"]] if "cases" in reply else None


def planned_case(args: wire.Json, kwargs: wire.Json, how: str, *values: wire.Json) -> Case:
    call = wire.to_json([args, kwargs])
    wanted = [wire.decode(v) for v in values]
    if how == "eq":
        return Case(call, wire.to_json(values[0]), lambda got: same(wanted[0], got, AS_PYTHON))
    if how == "ne":
        return Case(call, None, lambda got: not same(wanted[0], got, AS_PYTHON))
    if how == "is":
        return Case(call, wire.to_json(values[0]), lambda got: same(wanted[0], got, Rules()))
    if how == "close":
        return Case(call, None, lambda got: _closer(got, wanted[0], wanted[1]))
    return Case(call, None, lambda got: bool(wire.decode(got, hash_guard=True)) is (how == "truthy"))


def _closer(got: wire.Json, centre: float, distance: float) -> bool:
    value = wire.decode(got)
    if not isinstance(value, int | float):
        return False
    try:
        return abs(value - centre) < distance
    except OverflowError:
        return False


class Judges:
    """The judge of a slot: one process for many runs of trusted tests, a new one for each run of others."""

    def __init__(self) -> None:
        self.judge: Judge | None = None

    def take(self, slot: Slot, tests: Asserts, limits: Limits) -> Child:
        now = self.judge
        if slot.zygote is not None:
            slot.zygote.hear_ends()
        alive = now is not None and slot.zygote is not None and slot.zygote.has(now.child)
        if now is not None and (not alive or now.runs >= JUDGE_RUNS or not tests.trusted):
            self.discard(slot)
            now = None
        if now is None:
            child = slot.take(session=True)
            child.close_outputs()
            message = slot.limits_message(limits) | {"cpu_s": 1 << 20}  # it lives long; each run is watched
            child.send({"op": "judge", "limits": message})
            now = self.judge = Judge(child)
        now.runs += 1
        return now.child

    def discard(self, slot: Slot) -> None:
        if self.judge is not None:
            slot.release(self.judge.child)
            self.judge = None

    def ask(self, slot: Slot, tests: Asserts, request: dict[str, Any]) -> dict[str, Any] | None:
        """One request to the judge alone; None if it died or took too long over it. Raises Disturbed."""
        limits = Limits(cpu_s=JUDGE_CPU_S)
        child = self.take(slot, tests, limits)
        number = int.from_bytes(os.urandom(6))
        replies: list[dict[str, Any]] = []
        watched = Watched(child, JUDGE_CPU_S, on_frame=lambda body: replies.append(_judge_reply(body, number)))
        child.reader.cap = wire.TO_TASK
        assert slot.zygote is not None
        watch = Watch(slot.zygote, limits, watched)
        child.send({**request, "id": number})
        watch.until(lambda: bool(replies))
        if replies and not watched.over:
            return replies[0]
        try:
            if watched.cause is None and child.ended is not None:
                slot.finish(watched)
        finally:
            self.discard(slot)
        return None


def _judge_reply(body: bytes, number: int) -> dict[str, Any]:
    message = wire.unpack(body)
    if type(message) is not dict or message.get("id") != number:
        raise wire.ProtocolError("a judge's reply to another question")
    return message


def grade_asserts(slot: Slot, judges: Judges, plans: Plans, source: str, tests: Asserts, limits: Limits) -> GradeResult:
    cases = plans.get(slot, judges, tests)
    if cases is not None:
        outcome = slot.persistent(lambda last: run_calls(slot, source, tests.entry_point, cases, limits, last))
        graded = result(slot.plan.layers, outcome, len(cases))
        if not any(case.kind == "unreadable" for case in graded.cases):
            return graded
        # It returned something that is no plain data: the judge can tell what an assert makes of that.
    return slot.persistent(lambda last: _by_judge(slot, judges, source, tests, limits, last))


def _by_judge(slot: Slot, judges: Judges, source: str, tests: Asserts, limits: Limits, last: bool) -> GradeResult:
    judge = judges.take(slot, tests, limits)
    answer = slot.take()
    answer.close_outputs()
    near, far = socket.socketpair()
    number = int.from_bytes(os.urandom(6))
    replies: list[dict[str, Any]] = []
    tried = Watched(answer, limits.cpu_s)
    judging = Watched(
        judge, limits.cpu_s + JUDGE_CPU_S, on_frame=lambda body: replies.append(_judge_reply(body, number))
    )
    judge.reader.cap = wire.TO_TASK
    assert slot.zygote is not None
    try:
        watch = Watch(slot.zygote, limits, tried, judging)
        answer.send({"op": "serve", "limits": slot.limits_message(limits)}, (far.fileno(),))
        request = {"op": "test", "id": number, "source": source, "code": tests.code, "entry": tests.entry_point}
        judge.send(request, (near.fileno(),))
        near.close()
        far.close()
        watch.until(lambda: bool(replies))
        if not replies and answer.ended is not None and judging.cause is None:
            watch.until_only(judging, lambda: bool(replies))  # it notices, and says which asserts were reached
        gone = bool(replies) and (replies[0].get("why") or {}).get("kind") == "gone"
        if gone:
            watch.until_only(tried, lambda: False)  # how it went is known to the kernel
        status = slot.settle(watch, tried, bool(replies) and not gone and answer.ended is None, last)
    finally:
        near.close()
        far.close()
        slot.release(answer)
        if not replies:
            judges.discard(slot)
    reply = replies[0] if replies else None
    if reply is None and status is Status.OK and judging.cause is None:
        raise Disturbed("the judge ended without a verdict")
    return _verdict(slot, reply, _with_judge(status, judging), watch, tried)


def _with_judge(status: Status, judging: Watched) -> Status:
    if status is Status.OK and (judging.cause is not None or judging.over):
        return Status.TIMEOUT
    return status


def _verdict(slot: Slot, reply: dict[str, Any] | None, status: Status, watch: Watch, tried: Watched) -> GradeResult:
    why = (reply or {}).get("why") or {}
    load = (reply or {}).get("load")
    if why.get("kind") == "unsplittable":
        raise InputError(
            f"Asserts: these tests hand the answer {why.get('text', 'an object')}, which cannot leave their process; "
            "give them as Suite, which is graded in one process (grading='shared')"
        )
    if why.get("kind") == "protocol":
        status = Status.PROTOCOL
    elif why.get("kind") == "gone" and status is Status.OK:
        status = Status.CRASHED
    elif load is not None and status is Status.OK:
        status = Status.ERROR
    cases = [
        PASSED if passed else CaseResult(False, "wrong", "an assert failed")
        for passed in (reply or {}).get("cases", [])
    ]
    passed = reply is not None and reply["passed"] is True and status is Status.OK
    feedback = "" if passed else _feedback(status, load, why, cases)
    if not cases:
        cases = [PASSED if passed else CaseResult(False, "not run" if status is Status.OK else status.value, feedback)]
    layers = tuple(sorted(slot.plan.layers))
    return GradeResult(
        passed, status, tuple(cases), "split", feedback, tried.cpu_s, watch.wall_s, layers, level(slot.plan.layers)
    )


def _feedback(status: Status, load: Any, why: dict[str, Any], cases: list[CaseResult]) -> str:
    if load is not None:
        return f"the program {tell_error(plain_error(load))} while it was loaded"
    if status is not Status.OK:
        return f"ended by {status.value}"
    place = next((f"assert {n} of {len(cases)}: " for n, c in enumerate(cases, 1) if not c.passed), "")
    told = why.get("answer")
    if isinstance(told, dict):
        return place + tell_error(plain_error(told))
    if why.get("kind") == "nothing":
        return "no assert of the tests was reached"
    if why.get("kind") == "raised" and why.get("name") != "AssertionError":
        return f"{place}the tests could not go on with what the program returned ({why.get('name')})"
    return f"{place}not what the test wants"
