"""The zygote: a warm, single-threaded, confined interpreter that forks one process per task.

It never sees a program, an input or a test: those travel on each task's own socket, after the fork. Commands come on
descriptor 3 as packets: fork (with the task's three descriptors), kill. It tells each task's end with the status and
usage that the kernel gave.
"""

from __future__ import annotations

import _socket
import builtins
import ctypes
import gc
import json
import os
import select
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rlar.engines.sandbox.inside import bpf, confine, scratch
from rlar.engines.sandbox.inside.syscalls import words

CONTROL = 3
FORK, KILL = b"F", b"K"
COMMAND = struct.Struct("<cIB")  # what, number of the task, whether it is a session (no scratch)
ENDED = struct.Struct("<IidQB")  # number of the task, wait status, CPU seconds, peak memory in KiB, scratch is clean
SEED = 0  # every task starts from the same state of `random`, so that the same program gives the same output
THREAD_STACK_BYTES = 4 << 20
PRELOADED = words(
    """abc array ast base64 bisect cmath collections contextlib copy dataclasses datetime decimal enum fractions
    functools hashlib heapq io itertools json keyword linecache math numbers operator random re string struct textwrap
    threading time traceback types typing unicodedata warnings zlib _sitebuiltins encodings.ascii encodings.latin_1"""
)


Task = Callable[[confine.TaskLayers, tuple[int, ...], _socket.socket], None]


def main(text: str) -> None:
    settings: dict[str, Any] = json.loads(text)
    control = _socket.socket(fileno=CONTROL)
    try:
        zygote = _prepare(settings, control)
    except (OSError, ImportError, ValueError) as e:
        control.send(json.dumps({"error": f"{type(e).__name__}: {e}"}).encode())
        sys.exit(1)
    zygote.serve()


def _prepare(settings: dict[str, Any], control: _socket.socket) -> Zygote:
    with _without_fork_hooks():
        for name in (*PRELOADED, *settings["preload"]):
            __import__(name)
        from rlar.engines.sandbox.inside import task
    sys.modules["random"].seed(SEED)
    sys.path.extend(settings["packages"])
    quitter = sys.modules["_sitebuiltins"]
    for name in ("exit", "quit"):  # what the module `site` would add, which is not run here
        setattr(builtins, name, quitter.Quitter(name, "Ctrl-D (i.e. EOF)"))
    sys.argv[:] = ["program.py"]
    sys.orig_argv[:] = sys.argv
    os.chdir(settings["scratch"])
    task.warm_up()
    _small_thread_stacks()
    layers = confine.confine_zygote(settings)
    for name in [n for n in sys.modules if n.partition(".")[0] == "rlar"]:
        del sys.modules[name]  # this runtime is nothing that a program may import
    gc.collect()
    gc.disable()
    gc.freeze()
    control.send(json.dumps({"ready": True, "own_mib": layers.own_bytes >> 20}).encode())
    return Zygote(control, layers, settings["scratch"], task.main)


@contextmanager
def _without_fork_hooks() -> Iterator[None]:
    """Modules imported in here get no hooks for forks: a fork of this process is of one thread that holds no locks,
    and what the hooks of `random` and `threading` touch would cost each task a fifth of its start."""
    hook = os.register_at_fork
    os.register_at_fork = lambda **hooks: None
    try:
        yield
    finally:
        os.register_at_fork = hook


def _small_thread_stacks() -> None:
    """Threads get 4 MiB of stack unless a program asks for more; the C library would give them the main stack's limit,
    and a few of them would use up the address space."""
    libc = bpf.libc
    if not hasattr(libc, "pthread_setattr_default_np"):
        return
    attributes = ctypes.create_string_buffer(64)
    libc.pthread_attr_init(attributes)
    libc.pthread_attr_setstacksize(attributes, ctypes.c_size_t(THREAD_STACK_BYTES))
    libc.pthread_setattr_default_np(attributes)


class Zygote:
    """Forks, kills and reaps. task: what a fork does. children: {number: pid}; each has a pidfd in the poll set."""

    def __init__(self, control: _socket.socket, layers: confine.TaskLayers, folder: str, task: Task) -> None:
        self.control = control
        self.task = task
        self.layers = layers
        self.folder = folder
        self.children: dict[int, int] = {}
        self.sessions: set[int] = set()
        self.by_pidfd: dict[int, int] = {}
        self.poll = select.poll()
        self.poll.register(CONTROL, select.POLLIN)

    def serve(self) -> None:
        while True:
            for fd, _ in self.poll.poll():
                if fd == CONTROL:
                    self.command()
                else:
                    self.reap(fd)

    def command(self) -> None:
        data, ancillary, _, _ = self.control.recvmsg(COMMAND.size, _socket.CMSG_SPACE(12))
        if not data:  # the supervisor is gone
            for pid in self.children.values():
                os.kill(pid, confine.SIGKILL)
            os._exit(0)
        what, number, session = COMMAND.unpack(data)
        if what == FORK:
            fds = struct.unpack("3i", ancillary[0][2])
            self.fork(number, bool(session), fds)
        elif number in self.children:
            os.kill(self.children[number], confine.SIGKILL)

    def fork(self, number: int, session: bool, fds: tuple[int, ...]) -> None:
        pid = os.fork()
        if pid == 0:
            try:
                self.task(self.layers, fds, self.control)
            finally:
                os._exit(111)
        for fd in fds:
            os.close(fd)
        self.children[number] = pid
        if session:
            self.sessions.add(number)
        pidfd = os.pidfd_open(pid)
        self.by_pidfd[pidfd] = number
        self.poll.register(pidfd, select.POLLIN)

    def reap(self, pidfd: int) -> None:
        number = self.by_pidfd.pop(pidfd)
        self.poll.unregister(pidfd)
        os.close(pidfd)
        _, status, usage = os.wait4(self.children.pop(number), 0)
        clean = True
        if number not in self.sessions:
            try:
                scratch.clear(self.folder)
            except (OSError, MemoryError):
                clean = False  # the supervisor replaces this zygote, and its folder with it
        self.sessions.discard(number)
        self.control.send(ENDED.pack(number, status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, clean))
