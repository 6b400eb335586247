"""Grading by providers that can do no more than run a script: everything but `Provider.run` is built here, once.

A new provider is one file with one class. As with the native one, expected values stay on this side, and a verdict on
calls, on input and output, and on plain asserts is formed where none of the program's code ran. Asserts that are more
than calls of plain data need two processes that talk to each other; over scripts they run beside the answer, and their
results say grading="shared".
"""

from __future__ import annotations

import functools
import json
import os
import queue
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from rlar.engines.sandbox.asserts import PLANS_KEPT, planned_case
from rlar.engines.sandbox.grading import (
    ID_BYTES,
    Case,
    Exchange,
    Outcome,
    check_suite,
    grade_stdio,
    prepare,
    result,
    returned,
    suite_result,
    value_cases,
)
from rlar.engines.sandbox.inside import wire
from rlar.engines.sandbox.plan import INSIDE, LEVELS
from rlar.engines.sandbox.report import LayerReport
from rlar.engines.sandbox.results import (
    Asserts,
    Calls,
    GradeResult,
    ItemError,
    Limits,
    Returned,
    RunResult,
    SandboxFault,
    Status,
    Stdio,
    Suite,
    Tests,
)
from rlar.engines.sandbox.sessions import Score, Source, score_of
from rlar.errors import InputError, UnsafeError
from rlar.types import Fault

ATTEMPTS = 2
PLAN_LIMITS = Limits(cpu_s=10.0)
_RUNTIME = "rlar.engines.sandbox.inside"
_NEEDED = ("wire", "channel", "peer", "program", "answers", "tests_code", "pytest_stand_in", "suite", "script")

# Makes the runtime's modules out of their texts, where the provider has them not; what a system lacks of the standard
# library (sockets, say) is only needed by modules that are stand-ins here.
_PRELUDE = """
import sys, types
def _make(name, text):
    module = types.ModuleType(name)
    sys.modules[name] = module
    try:
        exec(compile(text, name, "exec", dont_inherit=True), module.__dict__)
    except ImportError:
        module.Channel = module.Peer = module.Gone = Exception
    parent, _, short = name.rpartition(".")
    setattr(sys.modules[parent], short, module)
for _name in ("rlar", "rlar.engines", "rlar.engines.sandbox", {runtime!r}):
    sys.modules.setdefault(_name, types.ModuleType(_name)).__path__ = []
for _name, _text in {texts}:
    _make(_name, _text)
"""

R = TypeVar("R")


class Provider(Protocol):
    """What runs scripts. One instance is used by one thread at a time.

    name: for reports. isolation: the level it reaches ("process", "confined", "full"). layers: what it confines by.
    has_runtime: whether `rlar`'s modules for the inside are there already. at_once: instances that pay off; None: one a
    processor.
    """

    name: str
    isolation: str
    layers: tuple[str, ...]
    has_runtime: bool
    at_once: int | None

    def run(self, program: str, stdin: bytes, limits: Limits, argv: Sequence[str]) -> RunResult:
        """One program, as a script, from nothing. Raises SandboxFault for its own failures, never for the program's."""

    def report(self) -> LayerReport: ...

    def close(self) -> None: ...


@functools.cache
def _prelude() -> str:
    texts = [(f"{_RUNTIME}.{name}", (INSIDE / f"{name}.py").read_text("utf-8")) for name in _NEEDED]
    return _PRELUDE.format(runtime=_RUNTIME, texts=repr(texts))


def driver(request: dict[str, Any], *, has_runtime: bool) -> str:
    """The script that does what a request asks."""
    text = json.dumps(request)
    start = "import sys\n" if has_runtime else _prelude()
    return f"{start}\nsys.modules[{_RUNTIME + '.script'!r}].main({text!r})\n"


class ScriptWorker:
    """One instance of a provider, with the work that can be asked of it."""

    def __init__(self, provider: Provider, plans: OrderedDict[tuple[str, str], list[Case] | None]) -> None:
        self.provider = provider
        self.plans = plans

    def run(self, program: str, stdin: bytes, limits: Limits, argv: Sequence[str]) -> RunResult:
        for number in range(1, ATTEMPTS + 1):
            try:
                return self.provider.run(program, stdin, limits, argv)
            except SandboxFault:
                if number == ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    def call(self, program: str, entry: str, calls: Sequence[Sequence[Any]], limits: Limits) -> list[Returned]:
        cases = value_cases(calls)
        return returned(self._calls(program, entry, cases, limits, keep=True), len(cases))

    def grade(self, program: str, tests: Tests, limits: Limits) -> GradeResult:
        match tests:
            case Calls():
                cases = prepare(tests)
                graded = result(frozenset(), self._calls(program, tests.entry_point, cases, limits), len(cases))
            case Stdio():
                return grade_stdio(self.run, program, tests, limits)
            case Asserts():
                graded = self._asserts(program, tests, limits)
            case Suite():
                check_suite(tests)
                graded = self._beside(
                    {"op": "suite", "code": tests.code, "module": tests.module, "framework": tests.framework},
                    program,
                    limits,
                )
            case _:
                raise InputError(f"tests must be Calls, Stdio, Asserts or Suite, not {type(tests).__name__}")
        return replace(graded, layers=self.provider.layers, isolation=self.provider.isolation)

    def judge_fresh(self, source: Source, item: bytes) -> Score:
        """One item of a verifier, in a process of its own."""
        limits = replace(source.call, cpu_s=source.load.cpu_s + source.call.cpu_s)
        outcome = self._calls(source.text, source.entry, [Case(item, None, bool)], limits, keep=True)
        if outcome.load_error is not None:
            return ItemError("load_error", f"it raised {str(outcome.load_error.get('kind'))[:80]} while it was loaded")
        if not outcome.values:
            kind = "timeout" if outcome.status is Status.TIMEOUT else "error"
            return ItemError(kind, f"ended by {outcome.status.value}")
        got = outcome.values[0]
        return score_of({"error": dict(got.error)} if got.error is not None else got.value)

    # -- by scripts

    def _ask(self, request: dict[str, Any], limits: Limits, hear: Callable[[bytes], None]) -> tuple[Status, RunResult]:
        """Run a driver and hear its lines: how it ended, OK if it kept to the protocol and its limits."""
        ran = self.run(driver(request, has_runtime=self.provider.has_runtime), b"", limits, ())
        status = ran.status
        try:
            for line in ran.stdout.split(b"\n"):
                if line.strip():
                    if len(line) > wire.FROM_ANSWER and request["op"] != "plan":
                        raise wire.ProtocolError("a line that is too long")
                    hear(line.strip())
        except wire.ProtocolError:
            status = Status.PROTOCOL if status in (Status.OK, Status.ERROR) else status
        return status, ran

    def _calls(self, source: str, entry: str, cases: Sequence[Case], limits: Limits, *, keep: bool = False) -> Outcome:
        exchange = Exchange(cases, keep)
        request = {
            "op": "calls",
            "source": source,
            "entry": entry,
            "load": exchange.ids[0],
            "cases": [[i, *json.loads(c.call)] for i, c in zip(exchange.ids[1:], cases, strict=True)],
        }
        status, ran = self._ask(request, limits, exchange.hear)
        if exchange.finished() and status is Status.ERROR:  # all is said; how it went away afterwards is no matter
            status = Status.OK
        return Outcome(status, exchange.load_error, exchange.results, exchange.values, ran.cpu_s, ran.wall_s)

    def _asserts(self, program: str, tests: Asserts, limits: Limits) -> GradeResult:
        key = (tests.code, tests.entry_point)
        if key not in self.plans:
            self.plans[key] = self._plan(tests)
            while len(self.plans) > PLANS_KEPT:
                self.plans.popitem(last=False)
        cases = self.plans[key]
        if cases is not None:
            graded = result(frozenset(), self._calls(program, tests.entry_point, cases, limits), len(cases))
            if not any(one.kind == "unreadable" for one in graded.cases):
                return graded
        return self._beside({"op": "together", "code": tests.code, "entry": tests.entry_point}, program, limits)

    def _plan(self, tests: Asserts) -> list[Case] | None:
        reply, _, _ = self._one({"op": "plan", "code": tests.code, "entry": tests.entry_point}, PLAN_LIMITS)
        if not reply:
            raise InputError("Asserts: reading these tests takes more time or memory than any test should")
        if "bad" in reply:
            raise InputError(f"Asserts: the tests are no Python program: {reply['bad']}")
        return [planned_case(*c) for c in reply["cases"]] if "cases" in reply else None

    def _beside(self, request: dict[str, Any], program: str, limits: Limits) -> GradeResult:
        reply, status, ran = self._one({**request, "source": program}, limits)
        return suite_result(frozenset(), reply, status, ran.cpu_s, ran.wall_s)

    def _one(self, request: dict[str, Any], limits: Limits) -> tuple[dict[str, Any], Status, RunResult]:
        """One request with one reply, {} if none came."""
        number = int.from_bytes(os.urandom(ID_BYTES))
        replies: list[dict[str, Any]] = []

        def hear(line: bytes) -> None:
            message = wire.unpack(line)
            if replies or type(message) is not dict or message.get("id") != number:
                raise wire.ProtocolError("a reply to no request")
            replies.append(message)

        status, ran = self._ask({**request, "id": number}, limits, hear)
        return (replies[0] if replies else {}), status, ran

    def close(self) -> None:
        self.provider.close()


class ScriptPool:
    """Workers of a provider, each used by one thread at a time. The same face as the native pool's.

    Raises UnsafeError if the provider is not to be had here, or isolates less than `require`.
    """

    scripted = True

    def __init__(self, make: Callable[[], Provider], slots: int | None, require: str) -> None:
        first = make()
        if LEVELS.index(first.isolation) < LEVELS.index(require):
            first.close()
            raise UnsafeError(
                f"isolation {require!r} was asked for, and the provider {first.name!r} reaches {first.isolation!r}"
            )
        cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.size = slots or first.at_once or min(cpus, 8)
        self.pid = os.getpid()
        self._make = make
        self._plans: OrderedDict[tuple[str, str], list[Case] | None] = OrderedDict()
        self._report = first.report()
        self._workers = [ScriptWorker(first, self._plans)]
        self._idle: queue.SimpleQueue[ScriptWorker | None] = queue.SimpleQueue()
        self._idle.put(self._workers[0])
        for _ in range(self.size - 1):
            self._idle.put(None)  # made when first needed
        self._threads = ThreadPoolExecutor(self.size, thread_name_prefix="rlar-sandbox")
        self._closed = False

    def report(self) -> LayerReport:
        return self._report

    def submit(self, work: Callable[[Any], R]) -> Future[R]:
        if self._closed or os.getpid() != self.pid:
            raise SandboxFault(
                Fault.CANCELLED, "this sandbox is closed, or was made before a fork; make a new one here"
            )
        return self._threads.submit(self._with_worker, work)

    def _with_worker(self, work: Callable[[Any], R]) -> R:
        worker = self._idle.get()
        try:
            if worker is None:
                worker = ScriptWorker(self._make(), self._plans)
                self._workers.append(worker)
            return work(worker)
        finally:
            self._idle.put(worker)

    def abandon(self) -> None:
        self._closed = True

    def close(self) -> None:
        if self._closed or os.getpid() != self.pid:
            return
        self._closed = True
        self._threads.shutdown(wait=True, cancel_futures=True)
        for worker in self._workers:
            worker.close()


def runtime_files() -> list[Path]:
    """The modules that run inside, for providers that bring them along."""
    return [INSIDE / f"{name}.py" for name in _NEEDED]
