"""What a confined task can still do, found out by trying: return codes of set-up calls prove nothing."""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from collections.abc import Callable
from typing import Any

from rlar.engines.sandbox.inside.bpf import libc
from rlar.engines.sandbox.inside.channel import Channel
from rlar.engines.sandbox.inside.syscalls import number


def run(channel: Channel, request: dict[str, Any]) -> None:
    """Send {"id", "succeeded": names of forbidden things that worked}; an exec that works sends nothing."""
    attempts: dict[str, Callable[[], Any]] = {
        "read a file outside": lambda: os.close(os.open(request["canary"], os.O_RDONLY)),
        "write a file outside": lambda: os.close(os.open(request["canary"], os.O_WRONLY)),
        "create a file outside": lambda: os.close(os.open(request["canary"] + "2", os.O_CREAT | os.O_WRONLY)),
        "list a folder outside": lambda: os.listdir(os.path.dirname(request["canary"])),  # noqa: PTH120, PTH208
        "see processes": lambda: os.listdir("/proc/self"),  # noqa: PTH208
        "write into the library": lambda: os.close(os.open(os.__file__ + "x", os.O_CREAT | os.O_WRONLY)),
        "open an internet socket": lambda: _socket(2),
        "open a local socket": lambda: _socket(1),
        "open a netlink socket": lambda: _socket(16),
        "fork": _fork,
        "signal its parent": lambda: os.kill(os.getppid() or 1, 0),
        "raise a limit": _raise_limit,
        "hold memory in a file": lambda: os.close(os.memfd_create("x")),
        "become another user": lambda: os.setuid((os.getuid() + 1) % 60000),
    }
    succeeded = []
    for name, attempt in attempts.items():
        try:
            attempt()
        except OSError:
            continue
        succeeded.append(name)
    channel.send({"id": request["id"], "succeeded": succeeded})


def run_hostile(channel: Channel, request: dict[str, Any]) -> None:
    """Calls that must kill the process; replying at all is a failure."""
    if request["what"] == "exec":
        try:
            os.execve(sys.executable, [sys.executable, "-c", ""], {})  # noqa: S606
        except OSError:
            channel.send({"id": request["id"], "succeeded": []})
            return
    libc.syscall(number(request["what"]), 0, 0, 0, 0)
    channel.send({"id": request["id"], "succeeded": [request["what"]]})


def _socket(family: int) -> None:
    fd = libc.socket(family, 1 if family != 16 else 3, 0)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "socket")
    os.close(fd)


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _raise_limit() -> None:
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (1 << 30, 1 << 30))
    except ValueError as e:
        raise OSError(1, "setrlimit") from e
