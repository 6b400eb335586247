"""What confines code here, and what it means where a layer is missing."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from rlar.engines.sandbox.clocks import waiting_is_visible
from rlar.engines.sandbox.inside.landlock import abi as landlock_abi
from rlar.engines.sandbox.inside.syscalls import ARCH
from rlar.engines.sandbox.plan import LAYERS, Plan, level, possible, private_uid


@dataclass(frozen=True, slots=True)
class Layer:
    """active: it confines tasks now (or, before a start, would). detail: how; missing: what its absence means."""

    name: str
    active: bool
    detail: str
    missing: str


@dataclass(frozen=True, slots=True)
class LayerReport:
    """provider: what runs the code. isolation: the level that the active layers reach. proven: a self-test from inside
    showed them to hold; without, it is what the kernel says of itself. notes: what was tried and given up.
    """

    provider: str
    isolation: str
    proven: bool
    layers: tuple[Layer, ...]
    notes: tuple[str, ...] = ()

    @property
    def active(self) -> tuple[str, ...]:
        return tuple(layer.name for layer in self.layers if layer.active)

    def __str__(self) -> str:
        rows = [f"{self.provider}: isolation {self.isolation}{'' if self.proven else ' (not yet tried)'}"]
        for layer in self.layers:
            mark, text = ("yes", layer.detail) if layer.active else ("NO ", layer.missing)
            rows.append(f"  {mark}  {layer.name:<16} {text}")
        return "\n".join([*rows, *(f"  note: {note}" for note in self.notes)])


def detect() -> LayerReport:
    """What this machine offers by its own word. Starts nothing."""
    layers = possible(frozenset(LAYERS))
    why = user_namespaces_off()
    if why and os.geteuid() != 0:
        layers -= {"namespaces"}
    return LayerReport(
        "native", level(layers), False, _layers(layers, private_uid() is not None), (why,) if why else ()
    )


def describe(plan: Plan, given_up: tuple[tuple[frozenset[str], str], ...]) -> LayerReport:
    """The layers of a plan that was proven."""
    notes = tuple(f"tried {'+'.join(sorted(layers))}: {why}" for layers, why in given_up)
    return LayerReport("native", level(plan.layers), True, _layers(plan.layers, plan.own_user), notes)


def user_namespaces_off() -> str:
    """Why an ordinary user may not make user namespaces here, or ""."""
    for path, off, why in (
        ("/proc/sys/kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone is 0"),
        ("/proc/sys/user/max_user_namespaces", "0", "sysctl user.max_user_namespaces is 0"),
        (
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "AppArmor restricts user namespaces (sysctl kernel.apparmor_restrict_unprivileged_userns is 1)",
        ),
    ):
        try:
            if Path(path).read_text().strip() == off:
                return why
        except OSError:
            continue
    return "" if sys.platform.startswith("linux") else f"{sys.platform} has no namespaces"


def _layers(active: frozenset[str], own_user: bool) -> tuple[Layer, ...]:
    seccomp, apart, landlock = "seccomp" in active, "namespaces" in active, "landlock" in active
    limits = "rlimits" in active
    return (
        Layer(
            "rlimits",
            limits,
            "memory, CPU seconds, file size, descriptors, no core dumps",
            "a program can take all memory: refused unless unsafe",
        ),
        Layer(
            "seccomp",
            seccomp,
            "allow-list of system calls; no new processes, no exec, no network, no signals to others",
            "network, processes and the kernel's surface are open: refused unless unsafe"
            + ("" if ARCH else f" (no table for {os.uname().machine})"),
        ),
        Layer(
            "landlock",
            landlock,
            f"version {landlock_abi()}: reads the interpreter's files, writes its scratch folder, nothing else",
            "files are confined by the private root alone"
            if apart
            else "the user's files are open: refused unless unsafe",
        ),
        Layer(
            "namespaces",
            apart,
            "own user, mount, pid, network, ipc and uts namespaces; a root with nothing but the interpreter",
            "paths of the host can be told apart by existing or not; scratch size is watched instead of fixed"
            if landlock
            else "the user's files are open: refused unless unsafe",
        ),
        Layer(
            "scratch",
            apart or landlock,
            "a tmpfs of fixed size, emptied after each task" if apart else "a folder on disk, watched and emptied",
            "programs cannot be given a place to write",
        ),
        Layer(
            "no_new_privs",
            limits or seccomp,
            "no capabilities, none to be had by exec; empty environment; no descriptors but a task's own",
            "refused unless unsafe",
        ),
        Layer(
            "thread_limit",
            seccomp,
            "counted by the kernel" if own_user else "asked for one by one (this user has other processes)",
            "threads are bounded by memory alone",
        ),
        Layer(
            "wall_clock",
            waiting_is_visible(),
            "time spent waiting for a processor does not count against a program",
            "waiting for a processor cannot be seen (no schedstat): wall limits are stretched fivefold instead",
        ),
    )
