"""Watching tasks from outside: reading what they send, ending them at their limits.

A limit is decided by the CPU clock of the process and by wall time without the time spent waiting for a processor, so
a busy machine makes a task later, never different.
"""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rlar.engines.sandbox import threads
from rlar.engines.sandbox.clocks import cpu_seconds, waiting_seconds
from rlar.engines.sandbox.inside import scratch
from rlar.engines.sandbox.inside.wire import ProtocolError
from rlar.engines.sandbox.results import Limits, Status
from rlar.engines.sandbox.zygote import Child, Zygote

CHUNK = 1 << 16
LEAST_WAIT_S = 0.001
QUOTA_EVERY_S = 0.1  # where the scratch folder has no size of its own
BLIND_PATIENCE = 5.0  # wall limits are stretched by this where waiting for a processor cannot be seen
RUNNING = select.POLLIN | select.POLLHUP

OnFrame = Callable[[bytes], None]


@dataclass
class Watched:
    """One task in a watched group. cpu_limit_s: its own; cause: why it was ended from here, if it was.

    on_frame: takes each message body it sends; may raise ProtocolError. output: what it wrote, or None to ignore it.
    """

    child: Child
    cpu_limit_s: float
    on_frame: OnFrame | None = None
    cause: Status | None = None
    out: bytearray = field(default_factory=bytearray)
    err: bytearray = field(default_factory=bytearray)
    cpu_start_s: float = 0.0
    cpu_seen_s: float = 0.0

    @property
    def cpu_s(self) -> float:
        """CPU seconds since its request was sent."""
        now = cpu_seconds(self.child.pid) if self.child.ended is None else self.child.ended.cpu_s
        if now is not None:  # else it is just going: what was seen last counts
            self.cpu_seen_s = max(self.cpu_seen_s, now - self.cpu_start_s)
        return self.cpu_seen_s

    @property
    def over(self) -> bool:
        return self.cpu_s > self.cpu_limit_s


class Watch:
    """A group of tasks that work on one thing, from their requests to their ends.

    start: when the request was sent (and the tasks' `cpu_start_s` were read), if that was before; on time.monotonic.
    """

    def __init__(self, zygote: Zygote, limits: Limits, *tasks: Watched, start: float = 0.0) -> None:
        self.zygote = zygote
        self.limits = limits
        self.tasks = tasks
        self.poll = select.poll()
        self.poll.register(zygote.control, select.POLLIN)
        self.readers: dict[int, Callable[[], None]] = {}
        self.written = 0
        self.quota_at = 0.0
        for task in tasks:
            if not start:
                task.cpu_start_s = cpu_seconds(task.child.pid) or 0.0
            self._read_from(task.child.channel.fileno(), lambda t=task: self._frames(t))  # type: ignore[misc]
            if task.child.out >= 0:
                self._read_from(task.child.out, lambda t=task: self._output(t, t.child.out, t.out))  # type: ignore[misc]
                self._read_from(task.child.err, lambda t=task: self._output(t, t.child.err, t.err))  # type: ignore[misc]
            if task.child.listener >= 0:
                self._read_from(task.child.listener, lambda t=task: self._new_thread(t))  # type: ignore[misc]
        self.start = start or time.monotonic()

    def _new_thread(self, task: Watched) -> None:
        """A task wants one more thread: it may have it up to the limit."""
        if not threads.answer(task.child.listener, task.child.pid, self.limits.processes):
            self._forget(task.child.listener)

    @property
    def wall_s(self) -> float:
        return time.monotonic() - self.start

    def _read_from(self, fd: int, reader: Callable[[], None]) -> None:
        self.readers[fd] = reader
        self.poll.register(fd, select.POLLIN)

    def _forget(self, fd: int) -> None:
        del self.readers[fd]
        self.poll.unregister(fd)

    def until(self, done: Callable[[], bool]) -> None:
        """Serve the group until `done()` or until one of its tasks has ended. Raises ZygoteDied."""
        self._serve(done, self.tasks)

    def until_only(self, task: Watched, done: Callable[[], bool]) -> None:
        """The same, but only this task's end ends it."""
        self._serve(done, (task,))

    def _serve(self, done: Callable[[], bool], needed: tuple[Watched, ...]) -> None:
        while not done() and all(t.child.ended is None for t in needed):
            events = self.poll.poll(self._wait_s() * 1000)
            control = False
            for fd, _ in events:
                if fd in self.readers:
                    self.readers[fd]()
                else:
                    control = True
            if control:  # last, so that what a task said before its end is heard
                self.zygote.hear_ends()
            if not events:
                self._check()

    def _frames(self, task: Watched) -> None:
        try:
            data = task.child.channel.recv(CHUNK)
        except OSError:
            data = b""
        if not data:
            self._forget(task.child.channel.fileno())
            return
        if task.cause is not None:
            return
        try:
            task.child.reader.feed(data)
            while (body := task.child.reader.next()) is not None:
                if task.on_frame is None:
                    raise ProtocolError("a message nobody asked for")
                task.on_frame(body)
        except ProtocolError:
            self.end(task, Status.PROTOCOL)

    def _output(self, task: Watched, fd: int, into: bytearray) -> None:
        data = os.read(fd, CHUNK)
        if not data:
            self._forget(fd)
            return
        room = max(0, self.limits.output_bytes - self.written)
        into += data[:room]
        self.written += len(data)
        if self.written > self.limits.output_bytes:
            self.end(task, Status.OUTPUT_LIMIT)

    def drain(self) -> None:
        """Read what ended tasks have left in their pipes."""
        for task in self.tasks:
            for fd, into in ((task.child.out, task.out), (task.child.err, task.err)):
                while fd in self.readers:
                    os.set_blocking(fd, False)
                    with contextlib.suppress(BlockingIOError):
                        self._output(task, fd, into)
                        continue
                    break

    def end(self, task: Watched, cause: Status) -> None:
        if task.cause is None and task.child.ended is None:
            task.cause = cause
            self.zygote.kill(task.child)

    def _wait_s(self) -> float:
        """Wall seconds for which no limit can be reached."""
        wall = time.monotonic() - self.start
        left = [self.limits.wall_limit_s - wall if wall < self.limits.wall_limit_s else LEAST_WAIT_S]
        left += [
            task.cpu_limit_s - (wall if wall < task.cpu_limit_s else task.cpu_s)
            for task in self.tasks
            if task.cause is None
        ]
        if self._polls_quota:
            left.append(QUOTA_EVERY_S)
        return max(LEAST_WAIT_S, min(left))

    @property
    def _polls_quota(self) -> bool:
        return "namespaces" not in self.zygote.plan.layers

    def _check(self) -> None:
        for task in self.tasks:
            if task.over:
                self.end(task, Status.TIMEOUT)
        wall = time.monotonic() - self.start
        if wall > self.limits.wall_limit_s and self.own_wall_s() > self.limits.wall_limit_s:
            for task in self.tasks:
                self.end(task, Status.TIMEOUT)
        if self._polls_quota and wall > self.quota_at:
            self.quota_at = wall + QUOTA_EVERY_S
            self._check_quota()

    def own_wall_s(self) -> float:
        """Seconds since the start that were not spent waiting for a processor."""
        wall = time.monotonic() - self.start
        waits = [waiting_seconds(t.child.pid) for t in self.tasks]
        if None in waits:
            return wall / BLIND_PATIENCE
        return wall - sum(w for w in waits if w is not None)

    def _check_quota(self) -> None:
        with contextlib.suppress(OSError):
            size, count = scratch.usage(self.zygote.scratch, 2 * self.limits.files)
            if size > self.limits.scratch_mib << 20 or count > self.limits.files:
                for task in self.tasks:
                    self.end(task, Status.OUTPUT_LIMIT)
