"""The native Linux provider: slots of confined zygotes, each served by a thread of its own."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from rlar.engines.sandbox.asserts import Judges, Plans, grade_asserts
from rlar.engines.sandbox.grading import call_values, grade_calls, grade_stdio, grade_suite
from rlar.engines.sandbox.plan import Plan
from rlar.engines.sandbox.proving import prove
from rlar.engines.sandbox.report import LayerReport, describe
from rlar.engines.sandbox.results import (
    Asserts,
    Calls,
    GradeResult,
    Limits,
    Returned,
    RunResult,
    SandboxFault,
    Stdio,
    Suite,
    Tests,
)
from rlar.engines.sandbox.sessions import Score, Sessions, Source
from rlar.engines.sandbox.slot import Slot
from rlar.errors import InputError
from rlar.types import Fault

MOST_SLOTS = 8

R = TypeVar("R")
Work = Callable[["Worker"], Any]


class Worker:
    """One slot with what it keeps for its work: a judge, sessions of verifiers. Used by its thread only."""

    def __init__(self, slot: Slot, plans: Plans) -> None:
        self.slot = slot
        self.plans = plans
        self.judges = Judges()
        self.sessions = Sessions(self.slot)

    def run(self, program: str, stdin: bytes, limits: Limits, argv: Sequence[str]) -> RunResult:
        return self.slot.run(program, stdin, limits, argv)

    def call(self, program: str, entry: str, calls: Sequence[Sequence[Any]], limits: Limits) -> list[Returned]:
        return call_values(self.slot, program, entry, calls, limits)

    def grade(self, program: str, tests: Tests, limits: Limits) -> GradeResult:
        match tests:
            case Calls():
                return grade_calls(self.slot, program, tests, limits)
            case Stdio():
                return grade_stdio(self.slot.run, program, tests, limits)
            case Asserts():
                return grade_asserts(self.slot, self.judges, self.plans, program, tests, limits)
            case Suite():
                return grade_suite(self.slot, program, tests, limits)
        raise InputError(f"tests must be Calls, Stdio, Asserts or Suite, not {type(tests).__name__}")

    def judge_fresh(self, source: Source, item: bytes) -> Score:
        return self.sessions.judge_fresh(source, item)

    def between(self) -> None:
        """What can be done after an answer was given: tidy up, make the next task ready."""
        self.slot.tidy()
        self.slot.prepare_spare()

    def close(self) -> None:
        self.sessions.close()
        self.slot.close()


class Pool:
    """Hands work to the slots' threads. Thread-safe; usable from any event loop.

    Proves on making that the plan's layers hold, and goes on with fewer where they do not. Raises UnsafeError.
    """

    scripted = False

    def __init__(self, plan: Plan, slots: int | None, pin: bool, require: str) -> None:
        cpus = sorted(os.sched_getaffinity(0))
        self.size = slots or min(len(cpus), MOST_SLOTS)
        self.pid = os.getpid()
        self._work: queue.SimpleQueue[tuple[Future[Any], Work] | None] = queue.SimpleQueue()
        self._closed = False
        first = os.getpid() % len(cpus)  # several processes on one machine begin at different processors
        places = [cpus[(first + i) % len(cpus)] if pin else None for i in range(self.size)]
        self.proof = prove(plan, places[0], require)
        plans = Plans()
        slots_made = [self.proof.slot, *(Slot(self.proof.plan, p, self.proof.slot.check) for p in places[1:])]
        self._workers = [Worker(slot, plans) for slot in slots_made]
        self._threads = [
            threading.Thread(target=self._serve, args=(w,), name=f"rlar-sandbox-{i}", daemon=True)
            for i, w in enumerate(self._workers)
        ]
        self._started = 0
        self._idle = 0
        self._lock = threading.Lock()

    def report(self) -> LayerReport:
        return describe(self.proof.plan, self.proof.given_up)

    def submit(self, work: Callable[[Worker], R]) -> Future[R]:
        """Have one of the slots do this. Raises SandboxFault if the sandbox was closed, or in a forked child."""
        if self._closed or os.getpid() != self.pid:
            raise SandboxFault(
                Fault.CANCELLED, "this sandbox is closed, or was made before a fork; make a new one here"
            )
        future: Future[R] = Future()
        with self._lock:
            if self._idle < self._work.qsize() + 1 and self._started < self.size:
                self._threads[self._started].start()
                self._started += 1
        self._work.put((future, work))
        return future

    def _serve(self, worker: Worker) -> None:
        cpu = worker.slot.cpu
        if cpu is not None:
            with contextlib.suppress(OSError):
                os.sched_setaffinity(threading.get_native_id(), {cpu})
        while True:
            with self._lock:
                self._idle += 1
            item = self._work.get()
            with self._lock:
                self._idle -= 1
            if item is None:
                worker.close()
                return
            future, work = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = work(worker)
            except BaseException as e:
                future.set_exception(e)
            else:
                future.set_result(result)
            del future, item, work
            with contextlib.suppress(Exception):  # a failure here shows again, and is told, with the next work
                worker.between()

    def abandon(self) -> None:
        """In a forked child of this process: let go of what is the parent's."""
        self._closed = True
        for worker in self._workers:
            if worker.slot.zygote is not None:
                worker.slot.zygote.abandon()

    def close(self) -> None:
        """End all slots; work that has not begun is cancelled."""
        if self._closed or os.getpid() != self.pid:
            return
        self._closed = True
        while True:
            try:
                item = self._work.get_nowait()
            except queue.Empty:
                break
            if item is not None:
                item[0].cancel()
        for _ in range(self._started):
            self._work.put(None)
        for thread in self._threads[: self._started]:
            thread.join()
        for worker in self._workers[self._started :]:
            worker.close()
