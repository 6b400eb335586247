"""The caller's eye on its workers: finds those that neither compute nor wait for a core, whatever the load is.

CPU limits do not stop a tool that sleeps or waits. Wall time would, but on a crowded machine an innocent item would be
late, too. So what counts is *blocked* time: wall time minus time on a core minus time in the run queue, both from
/proc/<pid>/schedstat. Each look adds at most two ticks, so that time in which the caller itself stood still is not held
against anybody. Where the system does not tell (macOS), ten times the limit in wall time is the backstop.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from rlar.engines.workers.board import Position

TICK_S = 0.05
WALL_FACTOR = 10.0


@dataclass(slots=True)
class _Times:
    on_core: float
    in_queue: float
    runnable: bool


@dataclass(slots=True)
class Watch:
    """What one worker has done since it came to where it is now."""

    pid: int
    at: Position | None = None
    blocked_s: float = 0.0
    cpu_s: float = 0.0
    _looked: float = 0.0
    _last: dict[int, _Times] | None = None  # by thread; None: not looked at since it came here; empty: not told

    def look(self, at: Position, now: float) -> None:
        """Bring blocked_s and cpu_s up to date. now: time.monotonic().

        Costs next to nothing for a worker that has got on since the last look; counting begins with the second look.
        """
        if at != self.at:
            self.at, self.blocked_s, self.cpu_s = at, 0.0, 0.0
            self._last = None
            return
        times = _threads(self.pid)
        wall = min(now - self._looked, 2 * TICK_S)
        if times is None and self._last == {}:
            self.blocked_s += wall / WALL_FACTOR
        elif times is not None and self._last:
            self._add(times, self._last, wall)
        self._looked = now
        self._last = times or {}

    def _add(self, times: dict[int, _Times], last: dict[int, _Times], wall: float) -> None:
        idle = wall
        for thread, t in times.items():
            before = last.get(thread, _Times(0.0, 0.0, False))
            on_core = t.on_core - before.on_core
            self.cpu_s += on_core
            # the wait of a thread that is in the queue right now is not in its books yet
            idle = 0.0 if t.runnable else min(idle, wall - on_core - (t.in_queue - before.in_queue))
        self.blocked_s += max(0.0, idle)


def _threads(pid: int) -> dict[int, _Times] | None:
    """Times of each thread of a process; None where the system does not tell, or the process is gone."""
    if sys.platform != "linux":
        return None
    try:
        state, threads = _state(f"/proc/{pid}")
        if threads == 1:
            return {pid: _times(f"/proc/{pid}", state)}
        folders = {int(tid): f"/proc/{pid}/task/{tid}" for tid in os.listdir(f"/proc/{pid}/task")}  # noqa: PTH208
        return {tid: _times(folder, _state(folder)[0]) for tid, folder in folders.items()}
    except (OSError, ValueError, IndexError):
        return None


def _state(folder: str) -> tuple[bytes, int]:
    """The state letter, and how many threads the process has."""
    with open(f"{folder}/stat", "rb") as file:  # noqa: PTH123  (many times a second)
        fields = file.read().rpartition(b")")[2].split()
    return fields[0], int(fields[17])


def _times(folder: str, state: bytes) -> _Times:
    with open(f"{folder}/schedstat", "rb") as file:  # noqa: PTH123
        on_core, in_queue, _ = map(int, file.read().split())
    return _Times(on_core / 1e9, in_queue / 1e9, state == b"R")
