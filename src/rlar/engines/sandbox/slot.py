"""One slot: a zygote, a spare task that waits ready, and the work they do. Used by one thread at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from rlar.engines.sandbox.plan import Plan, level
from rlar.engines.sandbox.results import Limits, RunResult, SandboxFault, Status
from rlar.engines.sandbox.watch import Watch, Watched
from rlar.engines.sandbox.zygote import Child, Ended, StartError, Zygote, ZygoteDied
from rlar.types import Fault

ATTEMPTS = 3  # of work whose zygote or task was killed by somebody else
OUTSIDE_SIGNALS = {signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT}
SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE

R = TypeVar("R")


class Disturbed(Exception):
    """Somebody outside killed a task; how it would have ended is not known."""


@dataclass(frozen=True)
class Finish:
    """How a task ended. status: by the kernel's word and our own reasons, never by the task's."""

    status: Status
    exit_code: int | None
    signal: int | None
    ended: Ended


class Slot:
    """Starts its zygote on first use and again whenever it dies.

    check: tells what a confined task could do that it must not; called on every new zygote.
    """

    def __init__(self, plan: Plan, cpu: int | None = None, check: Callable[[Slot], list[str]] | None = None) -> None:
        self.plan = plan
        self.cpu = cpu
        self.check = check
        self.zygote: Zygote | None = None
        self.spare: Child | None = None
        self.restarts = 0
        self.ending: list[Child] = []  # released tasks that may not be gone yet

    # -- lifetime

    def open(self) -> Zygote:
        """The zygote, started if there is none. Raises StartError."""
        if self.zygote is None:
            self.zygote = Zygote(self.plan, self.cpu)
            try:
                self._check()
            except BaseException:
                self.close()
                raise
        return self.zygote

    def _check(self) -> None:
        succeeded = self.check(self) if self.check is not None else []
        if succeeded:
            raise StartError(f"a confined task could: {', '.join(succeeded)}")

    def close(self) -> None:
        zygote, self.zygote, self.spare, self.ending = self.zygote, None, None, []
        if zygote is not None:
            zygote.close()

    def attempt(self, work: Callable[[], R]) -> R:
        """Do the work, again on a new zygote if something outside disturbed it. Raises SandboxFault."""
        for number in range(1, ATTEMPTS + 1):
            try:
                self.tidy()
                self.open()
                return work()
            except (ZygoteDied, StartError, OSError) as e:
                self.close()
                self.restarts += 1
                if number == ATTEMPTS:
                    raise SandboxFault(Fault.CRASHED, f"the sandbox failed {ATTEMPTS} times: {e}") from e
            except Disturbed as e:
                if number == ATTEMPTS:
                    raise SandboxFault(Fault.CRASHED, f"tasks were killed from outside {ATTEMPTS} times: {e}") from e
        raise AssertionError("unreachable")

    def take(self, *, session: bool = False) -> Child:
        """A task that waits for its request."""
        self.tidy()
        zygote = self.open()
        zygote.hear_ends()  # whoever died while nobody looked is not handed out
        spare, self.spare = (None, self.spare) if session else (self.spare, None)
        if spare is not None and not zygote.has(spare):
            spare.close()
            spare = None
        child = spare or zygote.fork(session=session)
        zygote.wait_ready(child)
        return child

    def prepare_spare(self) -> None:
        """Order the next task ahead of time. A failure shows when it is taken."""
        if self.zygote is not None and self.spare is None and not self.zygote.dirty:
            with contextlib.suppress(ZygoteDied):
                self.spare = self.zygote.fork()

    # -- requests

    def limits_message(self, limits: Limits) -> dict[str, int]:
        own = len(self.zygote.children) + 2 if self.zygote else 2
        return {
            "cpu_s": int(limits.cpu_s) + 2,
            "memory_bytes": limits.memory_mib << 20,
            "processes": limits.processes + own if self.plan.own_user else 0,  # else others of this user would count
        }

    def finish(self, task: Watched) -> Finish:
        """Wait for the task's end, which was ordered or is at hand, and say how it ended. Raises Disturbed."""
        assert self.zygote is not None
        ended = self.zygote.wait_end(task.child)
        code = os.waitstatus_to_exitcode(ended.status)
        if code >= 0:
            status = Status.OK if code == 0 else Status.ERROR
        elif -code == signal.SIGSYS:
            status = Status.VIOLATION
        elif -code == signal.SIGXCPU:
            status = Status.TIMEOUT
        else:
            status = Status.CRASHED
        if task.cause is not None and task.cause is not Status.OK:
            status = task.cause
        elif task.over:
            status = Status.TIMEOUT
        elif code < 0 and -code in OUTSIDE_SIGNALS:
            raise Disturbed(f"signal {-code}")
        return Finish(status, code if code >= 0 else None, -code if code < 0 else None, ended)

    def run(self, source: str, stdin: bytes, limits: Limits, argv: Sequence[str]) -> RunResult:
        """One program as a script."""
        return self.persistent(lambda last: self._run(source, stdin, limits, argv, last))

    def persistent(self, work: Callable[[bool], R]) -> R:
        """Work that is done again when a signal from outside, or from the program itself, ended its task.

        work(last): on its last attempt such an end is taken for the program's own doing.
        """

        def attempts() -> R:
            for _ in range(ATTEMPTS - 1):
                with contextlib.suppress(Disturbed):
                    return work(False)
            return work(True)

        return self.attempt(attempts)

    def _run(self, source: str, stdin: bytes, limits: Limits, argv: Sequence[str], last: bool) -> RunResult:
        child = self.take()
        assert self.zygote is not None
        told: list[bytes] = []
        task = Watched(child, limits.cpu_s, on_frame=told.append)
        try:
            watch = Watch(self.zygote, limits, task)
            request = {"op": "run", "source": source, "argv": list(argv), "limits": self.limits_message(limits)}
            if stdin:
                with sealed_file(stdin) as fd:
                    child.send(request, (fd,))
            else:
                child.send(request)
            watch.until(lambda: False)
            wall_s = time.monotonic() - watch.start
            try:
                finish = self.finish(task)
            except Disturbed:
                if not last:
                    raise
                finish = self.killed_again(task)
            watch.drain()
            status = task.cause or finish.status
            if status is Status.ERROR and told:
                status = Status.MEMORY
            return RunResult(
                status,
                bytes(task.out),
                bytes(task.err),
                finish.exit_code,
                finish.signal,
                task.cpu_s,
                wall_s,
                finish.ended.max_rss_kib / 1024,
                tuple(sorted(self.plan.layers)),
                level(self.plan.layers),
            )
        finally:
            self.release(child)

    def settle(self, watch: Watch, task: Watched, finished: bool, last: bool) -> Status:
        """How a task stands whose replies are all in (then it is ended, without waiting), or that ended itself.

        Raises Disturbed unless this is the last attempt.
        """
        assert self.zygote is not None
        if finished and task.cause is None:
            status = Status.TIMEOUT if task.over else Status.OK
            task.cause = status
            self.zygote.kill(task.child)
            return status
        try:
            return self.finish(task).status
        except Disturbed:
            if not last:
                raise
            return Status.CRASHED

    def release(self, child: Child) -> None:
        """Close a task's descriptors; one that still runs is killed. Its end is awaited before the next task begins."""
        child.close()
        if self.zygote is not None and self.zygote.has(child):  # else its zygote, and it, are gone
            with contextlib.suppress(ZygoteDied):
                self.zygote.kill(child)
            self.ending.append(child)

    def tidy(self) -> None:
        """Between two pieces of work: await the ends of released tasks, so that nothing of them is left."""
        ending, self.ending = self.ending, []
        if self.zygote is not None:
            try:
                for child in ending:
                    self.zygote.wait_end(child)
            except ZygoteDied:
                self.close()
        if self.zygote is not None and self.zygote.dirty:
            self.close()

    @staticmethod
    def killed_again(task: Watched) -> Finish:
        """The second time, it is taken for the program's own doing."""
        assert task.child.ended is not None
        code = os.waitstatus_to_exitcode(task.child.ended.status)
        return Finish(Status.CRASHED, None, -code, task.child.ended)


@contextlib.contextmanager
def sealed_file(content: bytes) -> Any:
    """A descriptor of an anonymous file with this content, at its start, that nobody can change or grow."""
    fd = os.memfd_create("stdin", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
        os.lseek(fd, 0, os.SEEK_SET)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS)
        yield fd
    finally:
        os.close(fd)
