"""Limits on one worker, enforced by the kernel: CPU seconds and memory. Runs in workers only.

CPU time, not wall time: the same item uses the same CPU seconds on a quiet and on a crowded machine. The timer's signal
is left at its default action, which ends the process; so no Python code, no lock and no C loop can outlast it, and
nothing is installed in the caller. The process is replaced, which costs milliseconds.
"""

from __future__ import annotations

import os
import resource
import signal
import sys

_PAGE = resource.getpagesize()


class Limits:
    """arm() before each call into a tool, disarm() after the last one."""

    def __init__(self) -> None:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPROF})
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        self._soft, self._hard = resource.getrlimit(resource.RLIMIT_AS)  # what the user allows us
        self._statm = os.open("/proc/self/statm", os.O_RDONLY) if sys.platform == "linux" else -1

    def address_space(self) -> int:
        """Bytes of address space in use; 0 where the system does not tell (then there is no memory limit either)."""
        return int(os.pread(self._statm, 32, 0).split(b" ", 1)[0]) * _PAGE if self._statm >= 0 else 0

    def resident(self) -> int:
        """Bytes of memory in use; 0 where the system does not tell."""
        return int(os.pread(self._statm, 64, 0).split(b" ", 2)[1]) * _PAGE if self._statm >= 0 else 0

    def arm(self, cpu_s: float, memory_mib: int) -> None:
        """From now on at most cpu_s more CPU seconds (user and system, all threads) and memory_mib more memory.

        The memory counts from what the process holds now, so that an item never has less because of earlier ones.
        """
        if self._statm >= 0:
            limit = self.address_space() + (memory_mib << 20)
            if self._soft != resource.RLIM_INFINITY:
                limit = min(limit, self._soft)
            resource.setrlimit(resource.RLIMIT_AS, (limit, self._hard))
        signal.setitimer(signal.ITIMER_PROF, cpu_s)

    def arm_cpu(self, cpu_s: float) -> None:
        signal.setitimer(signal.ITIMER_PROF, cpu_s)

    def lift_memory(self) -> None:
        """Take the memory limit away: for loading tools, and to report that memory ran out."""
        if self._statm >= 0:
            resource.setrlimit(resource.RLIMIT_AS, (self._soft, self._hard))

    def disarm(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        self.lift_memory()
