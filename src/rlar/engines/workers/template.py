"""The template: a small single-threaded process that forks, kills and reaps workers for one pool.

It is exec'ed once (`start` in the caller), so that the trainer, with its threads, CUDA context and gigabytes, is never
forked. It sees no responses and runs no tool code, only imports. It ends when the caller's end of the control socket
closes, which the kernel does for a caller that is killed, too; workers end with it.
Talk on the control socket, JSON lines
  in   {"fork": slot} with the worker's socket attached; {"kill": slot}; {"load": [names]}; {"try": [names]}
  out  {"hello": pid}, {"forked": [slot, pid]}, {"unforked": [slot, why]}, {"exit": [slot, status, killed]},
       {"loaded": [names]}
"exit" comes with the wait status, and whether the worker was alive when it was killed for the caller. "try" loads names
only after a child has loaded them without starting threads or leaving files open.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
from collections import deque
from typing import Any

from rlar.engines.workers import loading, worker
from rlar.engines.workers.board import Board

PROBE_CPU_S = 120


class Template:
    def __init__(self, control: socket.socket, board: Board) -> None:
        self.control = control
        self.board = board
        self.slots: dict[int, int] = {}  # pid: slot
        self.killed: set[int] = set()  # pids that were alive when the caller had them killed
        self.ends: deque[int] = deque()  # sockets of workers to be forked, in order of the commands
        self.inbox = bytearray()
        self.wake_r, self.wake_w = os.pipe()
        os.set_blocking(self.wake_w, False)
        os.set_blocking(self.wake_r, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wake_w, warn_on_full_buffer=False)
        self.probes: dict[int, list[str]] = {}  # pid of a child that tries imports: the names

    def run(self) -> None:
        self.say(hello=os.getpid())
        while True:
            ready, _, _ = select.select([self.control.fileno(), self.wake_r], [], [])
            if self.wake_r in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self.wake_r, 65536)
                self.reap()
            if self.control.fileno() in ready and not self.listen():
                return

    def say(self, **message: Any) -> None:
        self.control.sendall(json.dumps(message).encode("ascii") + b"\n")

    def listen(self) -> bool:
        """Obey what has come; False when the caller is gone."""
        data, fds, _, _ = socket.recv_fds(self.control, 65536, 64)
        self.ends.extend(fds)
        if not data:
            return False
        self.inbox += data
        *lines, rest = bytes(self.inbox).split(b"\n")
        self.inbox = bytearray(rest)
        for line in lines:
            self.obey(json.loads(line))
        return True

    def obey(self, command: dict[str, Any]) -> None:
        if "fork" in command:
            self.fork(command["fork"], self.ends.popleft())
        elif "kill" in command:
            for pid, slot in self.slots.items():
                if slot == command["kill"] and not dead(pid):
                    self.killed.add(pid)
                    kill_group(pid)
        elif "load" in command:
            load(command["load"])
            self.say(loaded=command["load"])
        elif "try" in command:
            self.probe(command["try"])

    def fork(self, slot: int, end: int) -> None:
        template = os.getpid()
        try:
            pid = os.fork()
        except OSError as e:
            os.close(end)
            self.say(unforked=[slot, str(e)])
            return
        if pid == 0:
            try:
                self.become_worker(template, slot, end)
            finally:
                os._exit(0)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        os.close(end)
        self.slots[pid] = slot
        self.say(forked=[slot, pid])

    def become_worker(self, template: int, slot: int, end: int) -> None:
        self.become_child(template)
        os.set_inheritable(end, False)
        connection = socket.socket(fileno=end)
        for fd in self.ends:
            os.close(fd)
        worker.serve(connection, self.board, slot)

    def become_child(self, template: int) -> None:
        os.setpgid(0, 0)  # so that whatever the tool starts can be killed with it
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        die_with_parent(template)
        self.control.close()
        os.close(self.wake_r)
        os.close(self.wake_w)

    def reap(self) -> None:
        for pid in list(self.slots) + list(self.probes):
            if dead(pid):
                kill_group(pid)  # what the worker had started; the pid cannot be anybody else's before it is waited for
            got, status = os.waitpid(pid, os.WNOHANG)
            if not got:
                continue
            if pid in self.slots:
                self.say(exit=[self.slots.pop(pid), status, pid in self.killed])
                self.killed.discard(pid)
            elif status == 0:
                names = self.probes.pop(pid)
                load(names)
                self.say(loaded=names)
            else:
                del self.probes[pid]

    def probe(self, names: list[str]) -> None:
        """Try imports in a child first: only what loads, and leaves no threads or open files, is loaded here."""
        template = os.getpid()
        try:
            pid = os.fork()
        except OSError:
            return  # no room; workers load it for themselves
        if pid:
            self.probes[pid] = names
            return
        code = 1
        try:
            self.become_child(template)
            signal.setitimer(signal.ITIMER_PROF, PROBE_CPU_S)
            before = open_files()
            loading.preload(names)
            code = 0 if threads() == 1 and open_files() <= before else 1
        finally:
            os._exit(code)


def load(names: list[str]) -> None:
    """Import modules, or call "module:function", so that all workers share the cost."""
    loading.preload(names)
    gc.collect()
    gc.freeze()  # the collector of a worker then leaves these pages alone, so that they stay shared


def dead(pid: int) -> bool:
    """Whether a child has died and is not reaped yet, so that its pid is still its own. False if not told."""
    return hasattr(os, "waitid") and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def kill_group(pid: int) -> None:
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(OSError):
            kill(pid, signal.SIGKILL)


def die_with_parent(parent: int) -> None:
    """Linux: the kernel kills this process when its parent dies. Elsewhere the closed socket ends it."""
    if sys.platform == "linux":
        import ctypes

        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def threads() -> int:
    return len(os.listdir("/proc/self/task")) if sys.platform == "linux" else 1  # noqa: PTH208


def open_files() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208


def main(control_fd: int, board_fd: int, slots: int) -> None:
    for fd in (control_fd, board_fd):
        os.set_inheritable(fd, False)  # what a tool starts must not hold our ends open
    control = socket.socket(fileno=control_fd)
    board = Board(slots, board_fd)
    if sys.platform == "linux":
        import ctypes  # noqa: F401  (once here, not in every worker)
    load(["rlar.tools.base"])  # what every tool imports
    template = Template(control, board)
    try:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 2)  # until here errors are told to the caller; from here a tool's prints go nowhere
        os.close(silent)
        template.run()
    finally:
        for pid in [*template.slots, *template.probes]:
            kill_group(pid)
        os._exit(0)
