"""Landlock: the kernel's file confinement that needs no privileges. ctypes only."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable

from rlar.engines.sandbox.inside.bpf import libc
from rlar.engines.sandbox.inside.syscalls import number

VERSION = 1  # flag: tell the version of the interface
RULE_PATH_BENEATH = 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG, MAKE_SYM = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
READ = READ_FILE | READ_DIR
WRITE = WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SYM
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
_ALL_BY_ABI = (0, (1 << 13) - 1, (1 << 14) - 1, (1 << 15) - 1, (1 << 15) - 1, (1 << 16) - 1)
PR_SET_NO_NEW_PRIVS = 38


def abi() -> int:
    """Version of the kernel's interface; 0 where there is none."""
    nr = number("landlock_create_ruleset")
    if nr is None:
        return 0
    got: int = libc.syscall(nr, None, ctypes.c_size_t(0), VERSION)
    return max(got, 0)


def restrict(
    readable: Iterable[str],
    listable: Iterable[str] = (),
    writable: Iterable[str] = (),
    devices: Iterable[str] = (),
) -> int:
    """From here on this process and its children may read only beneath `readable` and write only beneath `writable`.

    listable: folders whose entries may be listed, but not read. devices: single files that may be read and written.
    Paths that do not exist are left out. Landlock of version 1 refuses renames across folders; version 2 allows them
    within `writable`. Needs no_new_privs. Raises OSError. Returns the version in force. With no paths at all, nothing
    can be opened any more.
    """
    version = abi()
    if not version:
        raise OSError(95, "this kernel has no Landlock")
    handled = _ALL_BY_ABI[min(version, len(_ALL_BY_ABI) - 1)]
    attributes = struct.pack("=Q", handled)
    ruleset = _call("landlock_create_ruleset", attributes, ctypes.c_size_t(len(attributes)), 0)
    try:
        for path in readable:
            _grant(ruleset, path, handled & (READ | EXECUTE))
        for path in listable:
            _grant(ruleset, path, handled & READ_DIR)
        for path in writable:
            _grant(ruleset, path, handled & (READ | WRITE | REFER | TRUNCATE))
        for path in devices:
            _grant(ruleset, path, handled & (READ_FILE | WRITE_FILE | TRUNCATE))
        _call("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)
    return version


def _grant(ruleset: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not os.path.isdir(path):  # noqa: PTH112
            rights &= ON_FILES
        rule = struct.pack("=Qi", rights, fd)
        _call("landlock_add_rule", ruleset, RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(fd)


def _call(name: str, *arguments: object) -> int:
    got: int = libc.syscall(number(name), *arguments)
    if got < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return got
