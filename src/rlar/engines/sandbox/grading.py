"""Verdicts on programs, formed where none of their code ran."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rlar.engines.sandbox.compare import Rules, same, same_output
from rlar.engines.sandbox.inside import wire
from rlar.engines.sandbox.plan import level
from rlar.engines.sandbox.results import (
    Calls,
    CaseResult,
    GradeResult,
    Limits,
    Returned,
    RunResult,
    Status,
    Stdio,
    Suite,
)
from rlar.engines.sandbox.slot import Slot
from rlar.engines.sandbox.watch import Watch, Watched
from rlar.errors import InputError

SHOWN = 120  # characters of an answer's own value in feedback
ID_BYTES = 6

Check = Callable[[wire.Json], bool]


@dataclass(frozen=True)
class Case:
    """One call, ready to be sent. call: JSON of its arguments. expected: JSON that passes at once; check: the test of
    any other value's wire form."""

    call: bytes
    expected: bytes | None
    check: Check


@dataclass
class Outcome:
    """What became of calls: one reply per case that was answered, and how the process ended."""

    status: Status
    load_error: dict[str, Any] | None
    replies: list[CaseResult]
    values: list[Returned]
    cpu_s: float
    wall_s: float


def prepare(tests: Calls) -> list[Case]:
    """The cases of `Calls` as they travel; made once and kept with them. Raises InputError."""
    kept: list[Case] | None = tests._prepared
    if kept is None:
        rules = Rules(not tests.strict, not tests.strict, tests.tolerance)
        kept = [_case(number, case, rules) for number, case in enumerate(tests.cases, 1)]
        if not kept:
            raise InputError("Calls: needs at least one case, or everything would pass")
        object.__setattr__(tests, "_prepared", kept)
    return kept


def _case(number: int, case: Sequence[Any], rules: Rules) -> Case:
    if len(case) not in (2, 3):
        raise InputError(f"Calls: case {number} must be (args, expected) or (args, kwargs, expected), got {case!r:.80}")
    args, kwargs, expected = case if len(case) == 3 else (case[0], {}, case[1])
    try:
        call = wire.to_json([wire.encode(list(args)), wire.encode(dict(kwargs))])
        text = wire.to_json(wire.encode(expected))
    except wire.UnencodableError as e:
        raise InputError(f"Calls: case {number} holds {e}; only plain data can be tested by value") from None
    return Case(call, text, lambda got: same(expected, got, rules))


def run_calls(
    slot: Slot, source: str, entry: str, cases: Sequence[Case], limits: Limits, last: bool, *, keep: bool = False
) -> Outcome:
    """Load the program in one task and make all calls, sent at once, answered in order. keep: also give the values."""
    child = slot.take()
    assert slot.zygote is not None
    exchange = Exchange(cases, keep)
    task = Watched(child, limits.cpu_s, on_frame=exchange.hear)
    child.close_outputs()
    try:
        watch = Watch(slot.zygote, limits, task)
        child.send_frame(exchange.request(source, entry, slot.limits_message(limits)))
        watch.until(exchange.finished)
        status = slot.settle(watch, task, exchange.finished(), last)
        return Outcome(status, exchange.load_error, exchange.results, exchange.values, task.cpu_s, watch.wall_s)
    finally:
        slot.release(child)


class Exchange:
    """Requests and replies in step: each reply must carry the random number of the request it answers, in order."""

    def __init__(self, cases: Sequence[Case], keep: bool) -> None:
        self.cases = cases
        self.keep = keep
        random = os.urandom(ID_BYTES * (len(cases) + 1))
        self.ids = [int.from_bytes(random[i : i + ID_BYTES]) for i in range(0, len(random), ID_BYTES)]
        self.results: list[CaseResult] = []
        self.values: list[Returned] = []
        self.loaded = False
        self.load_error: dict[str, Any] | None = None

    def request(self, source: str, entry: str, limits: dict[str, int]) -> bytes:
        head = wire.to_json({"op": "calls", "source": source, "entry": entry, "load": self.ids[0], "limits": limits})
        calls = b",".join(b"[%d,%b]" % (i, c.call[1:-1]) for i, c in zip(self.ids[1:], self.cases, strict=True))
        body = b'%b,"cases":[%b]}' % (head[:-1], calls)
        return len(body).to_bytes(4, "little") + body

    def finished(self) -> bool:
        return self.load_error is not None or (self.loaded and len(self.results) == len(self.cases))

    def hear(self, body: bytes) -> None:
        if self.finished():
            raise wire.ProtocolError("more replies than requests")
        if not self.loaded:
            self.load_error = self._message(body, self.ids[0]).get("error")
            self.loaded = True
            return
        place = len(self.results)
        case, number = self.cases[place], self.ids[place + 1]
        if case.expected is not None and not self.keep and body == b'{"id":%d,"value":%b}' % (number, case.expected):
            self.results.append(PASSED)
            return
        self.results.append(self._judge(case, self._message(body, number)))

    def _message(self, body: bytes, number: int) -> dict[str, Any]:
        message = wire.unpack(body)
        if type(message) is not dict or message.get("id") != number:
            raise wire.ProtocolError("a reply to no request")
        error = message.get("error")
        if ("value" in message) == ("error" in message) or (error is not None and type(error) is not dict):
            raise wire.ProtocolError("a reply of neither value nor error")
        return message

    def _judge(self, case: Case, message: dict[str, Any]) -> CaseResult:
        if "error" in message:
            error = plain_error(message["error"])
            if self.keep:
                self.values.append(Returned(error=error))
            kind = "unreadable" if error["kind"] == "UnencodableError" else "exception"
            return CaseResult(False, kind, tell_error(error))
        got = message["value"]
        if self.keep:
            self.values.append(Returned(wire.decode(got, hash_guard=True)))
        if case.check(got):
            return PASSED
        return CaseResult(False, "wrong", f"returned {shown(got)}, which is not what the test wants")


PASSED = CaseResult(True, "passed")


def plain_error(error: dict[str, Any]) -> dict[str, Any]:
    """What an untrusted process says of an exception, cut to four short fields of known types."""
    line = error.get("line")
    out: dict[str, Any] = {name: str(error.get(name) or "")[:400] for name in ("kind", "base", "text")}
    out["line"] = line if type(line) is int and 0 < line < 1 << 31 else None
    return out


def tell_error(error: dict[str, Any]) -> str:
    where = f" (line {error['line']})" if error["line"] else ""
    text = f": {error['text']}" if error["text"] else ""
    return f"raised {error['kind']}{text}{where}"


def shown(got: wire.Json) -> str:
    text = json.dumps(got, ensure_ascii=False)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


def grade_calls(slot: Slot, source: str, tests: Calls, limits: Limits) -> GradeResult:
    cases = prepare(tests)
    outcome = slot.persistent(lambda last: run_calls(slot, source, tests.entry_point, cases, limits, last))
    return result(slot.plan.layers, outcome, len(cases))


def result(active: frozenset[str], outcome: Outcome, count: int) -> GradeResult:
    """The verdict on calls: passed only if every case was answered rightly and the process kept its limits."""
    replies = outcome.replies[:count]
    if outcome.load_error is not None:
        error = plain_error(outcome.load_error)
        feedback = f"the program {tell_error(error)} while it was loaded"
        replies = [CaseResult(False, "not run", feedback)] * count
    else:
        feedback = ""
        rest = "not run" if outcome.status is Status.OK else outcome.status.value
        replies = replies + [CaseResult(False, rest, f"not answered: {rest}")] * (count - len(replies))
    passed = outcome.status is Status.OK and all(r.passed for r in replies)
    if not feedback and not passed:
        number, first = next(((i, r) for i, r in enumerate(replies, 1) if not r.passed), (0, None))
        feedback = f"test {number} of {count}: {first.feedback}" if first else f"ended by {outcome.status.value}"
    status = Status.ERROR if outcome.load_error is not None and outcome.status is Status.OK else outcome.status
    return GradeResult(
        passed,
        status,
        tuple(replies),
        "split",
        feedback,
        outcome.cpu_s,
        outcome.wall_s,
        tuple(sorted(active)),
        level(active),
    )


def call_values(slot: Slot, source: str, entry: str, calls: Sequence[Sequence[Any]], limits: Limits) -> list[Returned]:
    """What the program's function returns for each tuple of arguments, as plain data."""
    cases = value_cases(calls)
    outcome = slot.persistent(lambda last: run_calls(slot, source, entry, cases, limits, last, keep=True))
    return returned(outcome, len(cases))


def value_cases(calls: Sequence[Sequence[Any]]) -> list[Case]:
    """Calls whose values are wanted, whatever they are."""
    return [replace(_case(n, (args, None), Rules()), expected=None) for n, args in enumerate(calls, 1)]


def returned(outcome: Outcome, count: int) -> list[Returned]:
    error = plain_error(outcome.load_error) if outcome.load_error is not None else {"kind": outcome.status.value}
    return outcome.values + [Returned(error=error)] * (count - len(outcome.values))


def grade_stdio(
    run: Callable[[str, bytes, Limits, Sequence[str]], RunResult], source: str, tests: Stdio, limits: Limits
) -> GradeResult:
    """A fresh process per case; all cases are run, each with the whole limits."""
    if not tests.cases:
        raise InputError("Stdio: needs at least one case, or everything would pass")
    if tests.compare not in ("lines", "exact", "tokens"):
        raise InputError(f"Stdio: compare must be 'lines', 'exact' or 'tokens', not {tests.compare!r}")
    results: list[CaseResult] = []
    worst, cpu_s, wall_s = Status.OK, 0.0, 0.0
    for stdin, expected in tests.cases:
        data = stdin.encode("utf-8", "surrogateescape") if isinstance(stdin, str) else stdin
        ran = run(source, data, limits, ())
        cpu_s, wall_s = cpu_s + ran.cpu_s, wall_s + ran.wall_s
        if ran.status is not Status.OK:
            worst = ran.status if worst is Status.OK else worst
            results.append(
                CaseResult(False, ran.status.value, _last_line(ran.stderr) or f"ended by {ran.status.value}")
            )
        elif same_output(expected, ran.stdout, tests.compare, tests.tolerance):
            results.append(PASSED)
        else:
            text = ran.stdout[:SHOWN].decode("utf-8", "replace")
            results.append(CaseResult(False, "wrong", f"printed {text!r}, which is not what the test wants"))
    first = next(((i, r) for i, r in enumerate(results, 1) if not r.passed), None)
    feedback = f"test {first[0]} of {len(results)}: {first[1].feedback}" if first else ""
    return GradeResult(
        first is None, worst, tuple(results), "split", feedback, cpu_s, wall_s, ran.layers, ran.isolation
    )


def grade_suite(slot: Slot, source: str, tests: Suite, limits: Limits) -> GradeResult:
    """Answer and tests in one process: what it says of its tests is believed only as far as the answer is."""
    check_suite(tests)
    return slot.persistent(lambda last: _run_suite(slot, source, tests, limits, last))


def check_suite(tests: Suite) -> None:
    if tests.framework not in ("unittest", "pytest"):
        raise InputError(f"Suite: framework must be 'unittest' or 'pytest', not {tests.framework!r}")


def _run_suite(slot: Slot, source: str, tests: Suite, limits: Limits, last: bool) -> GradeResult:
    child = slot.take()
    assert slot.zygote is not None
    number = int.from_bytes(os.urandom(ID_BYTES))
    replies: list[dict[str, Any]] = []

    def hear(body: bytes) -> None:
        message = wire.unpack(body)
        if replies or type(message) is not dict or message.get("id") != number:
            raise wire.ProtocolError("a reply to no request")
        replies.append(message)

    task = Watched(child, limits.cpu_s, on_frame=hear)
    child.close_outputs()
    try:
        watch = Watch(slot.zygote, limits, task)
        request = {"op": "suite", "id": number, "source": source, "code": tests.code, "module": tests.module}
        child.send({**request, "framework": tests.framework, "limits": slot.limits_message(limits)})
        watch.until(lambda: bool(replies))
        status = slot.settle(watch, task, bool(replies), last)
    finally:
        slot.release(child)
    return suite_result(slot.plan.layers, replies[0] if replies else {}, status, task.cpu_s, watch.wall_s)


def suite_result(
    active: frozenset[str], reply: dict[str, Any], status: Status, cpu_s: float, wall_s: float
) -> GradeResult:
    cases: list[CaseResult] = []
    skipped = 0
    rows = reply.get("tests")
    for row in rows if type(rows) is list else []:
        name, how, kind = (str(x)[:200] for x in (row if type(row) is list and len(row) == 3 else ("?", "", "")))
        skipped += how == "skipped"
        if how != "skipped":
            cases.append(PASSED if how == "passed" else CaseResult(False, "wrong", f"{name} failed ({kind})"))
    feedback = ""
    if type(reply.get("load")) is dict:
        feedback = f"the program {tell_error(plain_error(reply['load']))} while it was loaded"
        status = Status.ERROR if status is Status.OK else status
    elif status is not Status.OK:
        feedback = f"ended by {status.value}"
    elif not cases:
        feedback = f"no test was run ({skipped} skipped)"
    passed = status is Status.OK and bool(cases) and all(c.passed for c in cases)
    first = next((c.feedback for c in cases if not c.passed), "")
    layers = tuple(sorted(active))
    return GradeResult(passed, status, tuple(cases), "shared", feedback or first, cpu_s, wall_s, layers, level(active))


def _last_line(stderr: bytes) -> str:
    lines = stderr[-2000:].decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:400] if lines else ""
