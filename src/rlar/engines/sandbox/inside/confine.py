"""Puts the calling process under its layers: once in the zygote, and the little that is left in each task."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rlar.engines.sandbox.inside import bpf, filters, landlock

PAGE = resource.getpagesize()
PR_SET_PDEATHSIG = 1
SIGKILL = 9
_PID_MARK = 0x7EADBEEF  # stands in the assembled stage 2 where each task's own number goes
UNLIMITED = resource.RLIM_INFINITY


@dataclass(frozen=True)
class TaskLayers:
    """What a task has still to apply after its fork, made ready by the zygote.

    stage_2, stage_3: filters, None where seccomp is off. own_bytes: address space of the zygote, which the memory limit
    is added to. count_threads: the filter that asks a listener before each new thread. own_pids: the kernel ends all
    tasks with the zygote, as it is the first process of its namespace. zygote: its process number.
    """

    own_bytes: int
    limits: bool
    own_pids: bool
    zygote: int = 0
    stage_2: bpf.Loadable | None = None
    stage_3: bpf.Loadable | None = None
    count_threads: bpf.Loadable | None = None


def confine_zygote(settings: dict[str, Any]) -> TaskLayers:
    """Resource limits, Landlock, seccomp stage 1. `settings["layers"]` says which are wanted; each one wanted must
    succeed. Raises OSError.
    """
    wanted = set(settings["layers"])
    own = address_space()
    if "rlimits" in wanted:
        size = settings["scratch_mib"] << 20
        for name, value in (("CORE", 0), ("MEMLOCK", 0), ("MSGQUEUE", 0), ("NICE", 0), ("RTPRIO", 0), ("FSIZE", size)):
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
        files = min(settings["open_files"], resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    abi = landlock.abi()
    if "landlock" in wanted:
        landlock.restrict(settings["readable"], settings["listable"], [settings["scratch"]], settings["devices"])
    private = settings["namespaces"]
    if "seccomp" not in wanted:
        return TaskLayers(own, "rlimits" in wanted, private, os.getpid())
    truncation = "landlock" in wanted and abi >= 3
    counting = filters.thread_counting_filter().assemble() if settings["count_threads"] else b""
    bpf.Loadable(filters.zygote_filter(private_root=private, truncate_by_landlock=truncation).assemble()).load()
    return TaskLayers(
        own,
        "rlimits" in wanted,
        private,
        os.getpid(),
        bpf.Loadable(filters.task_filter(_PID_MARK, private_root=private).assemble()).mark(_PID_MARK),
        bpf.Loadable(filters.quiet_filter().assemble()),
        bpf.Loadable(counting, bpf.FILTER_FLAG_NEW_LISTENER) if counting else None,
    )


def confine_task(layers: TaskLayers, ready: Callable[[int | None], None]) -> None:
    """Stage 2: die with the zygote, no processes, no signals to others. Raises OSError.

    ready: called when all but the last filter is in place, with the listener that must leave before it.
    """
    if not layers.own_pids:
        bpf.libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
        if os.getppid() != layers.zygote:  # it died before this was set, and nobody would end us
            os._exit(1)
    listener = None
    if layers.count_threads is not None:
        with contextlib.suppress(OSError):  # an older kernel, or a listener above us: then memory alone bounds threads
            listener = layers.count_threads.load()
    ready(listener)
    if layers.stage_2 is not None:
        layers.stage_2.put(os.getpid())
        layers.stage_2.load()


def limit_task(layers: TaskLayers, cpu_s: int, memory_bytes: int, processes: int) -> None:
    """Hard limits of this task: backstops for what the supervisor watches more finely. Soft equals hard, so that
    lowering them further stays allowed and raising them is not possible."""
    if not layers.limits:
        return
    space = layers.own_bytes + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    if processes:
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))


def quieten(layers: TaskLayers) -> None:
    """Stage 3, for sessions and judges."""
    if layers.stage_3 is not None:
        layers.stage_3.load()


def address_space() -> int:
    """Bytes of address space this process has mapped. Found by trying: there may be no /proc to read it from.

    Under a limit of 1 TiB, the largest mapping that is still granted is what is left of it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = 1 << 40
    if hard != UNLIMITED and hard < limit:
        limit = hard
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *(ctypes.c_int,) * 3, ctypes.c_long)
    libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    granted, refused = 0, limit // PAGE + 1
    while refused - granted > 1:
        pages = (granted + refused) // 2
        got = libc.mmap(None, pages * PAGE, 0, 0x4022, -1, 0)  # PROT_NONE; private, anonymous, no reserve
        if got == ctypes.c_void_p(-1).value:
            refused = pages
        else:
            libc.munmap(got, pages * PAGE)
            granted = pages
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    return limit - granted * PAGE
