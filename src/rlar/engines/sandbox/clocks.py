"""What a process has used, read from outside: CPU time, and time spent waiting for a processor."""

from __future__ import annotations

import os
import time

CPUCLOCK_SCHED = 2
PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float | None:
    """CPU seconds of all threads of a process, dead ones included; None when it is gone."""
    try:
        return time.clock_gettime(((~pid) << 3) | CPUCLOCK_SCHED)
    except OSError:
        return None


def waiting_seconds(pid: int) -> float | None:
    """Seconds that a process's living threads were ready but had no processor; None where /proc does not say."""
    total = 0.0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
            with open(f"/proc/{pid}/task/{thread}/schedstat", "rb") as f:  # noqa: PTH123
                total += int(f.read().split()[1]) * 1e-9
    except (OSError, IndexError, ValueError):
        return None
    return total


def waiting_is_visible() -> bool:
    return waiting_seconds(os.getpid()) is not None


def resident_mib(pid: int) -> float | None:
    """Memory a process holds now; None where /proc does not say."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as f:  # noqa: PTH123
            return int(f.read().split()[1]) * PAGE / 1048576
    except (OSError, IndexError, ValueError):
        return None
