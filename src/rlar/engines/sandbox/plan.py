"""What a slot is started with: layers, paths and limits, decided once per sandbox."""

from __future__ import annotations

import functools
import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlar.engines.sandbox.inside.landlock import abi as landlock_abi
from rlar.engines.sandbox.inside.syscalls import ARCH
from rlar.engines.sandbox.interpreter import Interpreter
from rlar.engines.sandbox.results import Limits

INSIDE = Path(__file__).with_name("inside")
INSIDE_IN_ROOT = "/rlar"  # where the runtime's modules appear in a root of its own, so that no path of the host shows
LAYERS = ("rlimits", "seccomp", "landlock", "namespaces")
LEVELS = ("none", "process", "confined", "full")  # weakest first
DEVICES = ["/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"]
ROOT_SCRATCH = "/tmp"  # noqa: S108  (in the slot's own root)


def level(layers: frozenset[str]) -> str:
    """The isolation level that a set of active layers reaches."""
    files = {"landlock", "namespaces"} & layers
    if files == {"landlock", "namespaces"} and {"rlimits", "seccomp"} <= layers:
        return "full"
    if files and {"rlimits", "seccomp"} <= layers:
        return "confined"
    return "process"


def possible(wanted: frozenset[str]) -> frozenset[str]:
    """Of the wanted layers those that this kernel has by its own word; the self-test has the last one."""
    out = set(wanted)
    if not sys.platform.startswith("linux"):
        return frozenset()
    if not ARCH:
        out.discard("seccomp")
    if not landlock_abi():
        out.discard("landlock")
    if not os.path.exists("/proc/self/ns/user"):  # noqa: PTH110
        out.discard("namespaces")
    return frozenset(out)


@functools.cache
def private_uid() -> int | None:
    """A user id that nobody else has, if this process may become another user; else None."""
    if os.geteuid() != 0 or not _capable(7):  # CAP_SETUID
        return None
    wide = any(int(count) > 1 << 31 for _, _, count in _id_map())
    if wide:
        return 0x6000_0000 + secrets.randbelow(0x0FFF_FFFF)
    return 20_000 + secrets.randbelow(40_000)


def _id_map() -> list[list[str]]:
    try:
        return [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    except OSError:
        return []


def _capable(number: int) -> bool:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return False
    line = next((x for x in status.splitlines() if x.startswith("CapEff:")), "CapEff: 0")
    return bool(int(line.split()[1], 16) >> number & 1)


@dataclass(frozen=True)
class Plan:
    """Everything a launcher needs to know but its scratch folder and its processor."""

    interpreter: Interpreter
    layers: frozenset[str]
    limits: Limits
    packages: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()

    def uid(self) -> int | None:
        """The user to become. Without a root of its own, one that can still read the interpreter; else stay."""
        uid = private_uid()
        if uid is None or "namespaces" in self.layers:
            return uid
        paths = [
            self.interpreter.python,
            *self.interpreter.folders,
            *self.interpreter.files,
            str(INSIDE),
            *self.packages,
        ]
        return uid if all(_others_can_read(p) for p in paths) else None

    @property
    def own_user(self) -> bool:
        """Whether the kernel's limit on a user's threads counts these tasks alone."""
        return self.uid() is not None or ("namespaces" in self.layers and _kernel() >= (5, 14))

    def settings(self, scratch: str, cpu: int | None) -> dict[str, Any]:
        apart = "namespaces" in self.layers
        one = self.interpreter
        folder = INSIDE_IN_ROOT if apart else str(INSIDE)
        if apart:
            readable: list[Any] = [[p, p] for p in (*one.folders, *one.files, *self.packages)]
            readable.append([str(INSIDE), INSIDE_IN_ROOT])
        else:
            readable = []
        uid = self.uid()
        return {
            "python": one.python,
            "folder": folder,
            "mounts": readable,
            "readable": [*one.readable_one_by_one(), *self.packages, folder],
            "listable": list(one.folders),
            "masked": list(one.masked),
            "devices": DEVICES,
            "layers": sorted(self.layers),
            "namespaces": apart,
            "uid": uid,
            "scratch": ROOT_SCRATCH if apart else scratch,
            "scratch_mib": self.limits.scratch_mib,
            "scratch_files": self.limits.files,
            "open_files": self.limits.open_files,
            "packages": list(self.packages),
            "preload": list(self.preload),
            "cpu": cpu,
            "count_threads": not self.own_user,
            "environment": {
                "PATH": "/usr/bin:/bin",
                "LANG": "C.UTF-8",
                "TZ": "UTC",
                "HOME": ROOT_SCRATCH if apart else scratch,
                "TMPDIR": ROOT_SCRATCH if apart else scratch,
                "USER": "sandbox",
                "PYTHONHASHSEED": os.environ.get("RLAR_HASH_SEED", "0"),  # the same order of sets in every run
                "MALLOC_ARENA_MAX": "1",  # threads would reserve address space that counts against the limit
                **({"LD_LIBRARY_PATH": ":".join(one.libraries)} if one.libraries else {}),
            },
        }


def _kernel() -> tuple[int, int]:
    major, minor, *_ = os.uname().release.split(".")
    return int(major), int("".join(c for c in minor if c.isdigit()) or 0)


def _others_can_read(path: str) -> bool:
    """Whether a user without any rights of its own can reach and read this path."""
    real = Path(os.path.realpath(path))
    try:
        if not real.stat().st_mode & 0o004:
            return False
        return all(parent.stat().st_mode & 0o001 for parent in real.parents)
    except OSError:
        return False
