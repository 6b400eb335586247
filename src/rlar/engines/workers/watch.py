"""The caller's eye on its workers: finds those that neither compute nor wait for a core, whatever the load is.

CPU limits do not stop a tool that sleeps or waits. Wall time would, but on a crowded machine an innocent item would be
late, too. So what counts is *blocked* time: wall time minus time on a core minus time in the run queue, both from
/proc/<pid>/schedstat. Each look adds at most two ticks, so that time in which the caller itself stood still is not held
against anybody. Where the system does not tell (macOS), ten times the limit in wall time is the backstop.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field

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
    _last: dict[int, _Times] = field(default_factory=dict)  # by thread

    def look(self, at: Position, now: float) -> None:
        """Bring blocked_s and cpu_s up to date. now: time.monotonic()."""
        times = _threads(self.pid)
        if at != self.at:
            self.at, self.blocked_s, self.cpu_s = at, 0.0, 0.0
        elif times is None:
            self.blocked_s += min(now - self._looked, 2 * TICK_S) / WALL_FACTOR
        else:
            self._add(times, min(now - self._looked, 2 * TICK_S))
        self._looked = now
        self._last = times or {}

    def _add(self, times: dict[int, _Times], wall: float) -> None:
        idle = wall
        for thread, t in times.items():
            before = self._last.get(thread, _Times(0.0, 0.0, False))
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
        return {int(tid): _times(f"/proc/{pid}/task/{tid}") for tid in os.listdir(f"/proc/{pid}/task")}  # noqa: PTH208
    except (OSError, ValueError, IndexError):
        return None


def _times(folder: str) -> _Times:
    with open(f"{folder}/schedstat", "rb") as file:  # noqa: PTH123  (twenty times a second for each worker)
        on_core, in_queue, _ = map(int, file.read().split())
    with open(f"{folder}/stat", "rb") as file:  # noqa: PTH123
        state = file.read().rpartition(b")")[2].split()[0]
    return _Times(on_core / 1e9, in_queue / 1e9, state == b"R")
