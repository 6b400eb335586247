"""The supervisor's side of one zygote: starting it, having it fork, hearing of its tasks' ends, ending it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import struct
import tempfile
import time
from dataclasses import dataclass
from typing import Any

from rlar.engines.sandbox.inside import scratch as scratch_folder
from rlar.engines.sandbox.inside.launcher import BOOTSTRAP
from rlar.engines.sandbox.inside.wire import FROM_ANSWER, FrameReader, pack
from rlar.engines.sandbox.plan import INSIDE, Plan

START_S = 30.0  # wall seconds for a zygote to come up, and for a fork to report: generous, only for broken ones
COMMAND = struct.Struct("<cIB")
ENDED = struct.Struct("<IidQB")
CREDENTIALS = struct.Struct("iII")
PACKET = 1 << 16
SCRATCH_PREFIX = "rlar-sandbox-"


class ZygoteDied(Exception):
    """The zygote is gone, and its tasks with it; nobody knows how they would have ended."""


class StartError(Exception):
    """A zygote with these layers does not come up here."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What the kernel told about a task's end. cpu_s: of its whole life, with its preparation."""

    status: int
    cpu_s: float
    max_rss_kib: int
    clean: bool


class Child:
    """A task: its process, its socket and its outputs."""

    def __init__(self, number: int, channel: socket.socket, out: int, err: int) -> None:
        self.number = number
        self.channel = channel
        self.out = out
        self.err = err
        self.reader = FrameReader(FROM_ANSWER)
        self.pid = 0
        self.listener = -1  # asked before each new thread, where nothing else counts them
        self.ended: Ended | None = None

    def send(self, message: Any, fds: tuple[int, ...] = ()) -> None:
        """One request. Blocks while the task reads, which it does before anything untrusted runs. A task that is dead
        already is noticed by its end, not here."""
        self.send_frame(pack(message), fds)

    def send_frame(self, frame: bytes, fds: tuple[int, ...] = ()) -> None:
        view = memoryview(frame)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            if fds:
                sent = socket.send_fds(self.channel, [view[: 1 << 16]], list(fds))
                view = view[sent:]
            self.channel.sendall(view)

    def close_outputs(self) -> None:
        for name in ("out", "err"):
            fd = getattr(self, name)
            if fd >= 0:
                os.close(fd)
                setattr(self, name, -1)

    def close(self) -> None:
        self.channel.close()
        self.close_outputs()
        if self.listener >= 0:
            os.close(self.listener)
            self.listener = -1


class Zygote:
    """One zygote and the children it has. Used by one thread at a time."""

    def __init__(self, plan: Plan, cpu: int | None) -> None:
        self.plan = plan
        self.pid = 0
        self.children: dict[int, Child] = {}
        self.dirty = False
        self._number = 0
        self._launcher = 0
        self.scratch = ""
        self.control, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._start(far, cpu)
        except BaseException:
            far.close()
            self.close()
            raise

    def _start(self, far: socket.socket, cpu: int | None) -> None:
        if "namespaces" not in self.plan.layers:
            self.scratch = tempfile.mkdtemp(prefix=f"{SCRATCH_PREFIX}{os.getpid()}-")
            uid = self.plan.uid()
            if uid is not None:
                os.chown(self.scratch, uid, uid)
        settings = self.plan.settings(self.scratch, cpu)
        python = self.plan.interpreter.python
        errors_read, errors_write = os.pipe()
        nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        try:
            dup = os.POSIX_SPAWN_DUP2
            self._launcher = os.posix_spawn(
                python,
                [python, "-P", "-s", "-S", "-B", "-c", BOOTSTRAP, str(INSIDE), "launcher", json.dumps(settings)],
                settings["environment"],
                file_actions=[
                    (dup, far.fileno(), 3),
                    (dup, nothing, 0),
                    (dup, errors_write, 1),
                    (dup, errors_write, 2),
                ],
                setsid=True,
                setsigmask=[],
                setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGCHLD],
            )
        finally:
            os.close(nothing)
            os.close(errors_write)
            far.close()
        try:
            self.pid = self._hear("pid", errors_read)
            self._hear("ready", errors_read)
        finally:
            os.close(errors_read)
            if self._launcher != self.pid:
                _reap(self._launcher, patience_s=START_S if self.pid else 0)

    def _hear(self, what: str, errors: int) -> Any:
        self.control.settimeout(START_S)
        try:
            data = self.control.recv(PACKET)
        except TimeoutError:
            raise StartError(f"no word within {START_S:g} s") from None
        except OSError as e:
            raise StartError(str(e)) from None
        message = json.loads(data) if data else {"error": _last_words(errors)}
        if what not in message:
            raise StartError(message.get("error", str(message)))
        self.control.settimeout(None)
        return message[what]

    def fork(self, *, session: bool = False) -> Child:
        """Order a child; it is ready when `wait_ready` returns. Raises ZygoteDied."""
        near, far = socket.socketpair()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        out, out_far = os.pipe()
        err, err_far = os.pipe()
        self._number += 1
        child = Child(self._number, near, out, err)
        try:
            socket.send_fds(
                self.control,
                [COMMAND.pack(b"F", child.number, session)],
                [far.fileno(), out_far, err_far],
            )
        except OSError:
            child.close()
            raise ZygoteDied("could not order a task") from None
        finally:
            far.close()
            os.close(out_far)
            os.close(err_far)
        self.children[child.number] = child
        return child

    def wait_ready(self, child: Child) -> None:
        """Wait until the child is confined, and learn its process number. Raises ZygoteDied."""
        if child.pid:
            return
        poll = select.poll()
        poll.register(child.channel, select.POLLIN)
        poll.register(self.control, select.POLLIN)
        end = time.monotonic() + START_S
        while True:
            events = dict(poll.poll(max(0, end - time.monotonic()) * 1000))
            if not events:
                raise ZygoteDied("a fork did not come up")
            if child.channel.fileno() in events:
                break
            self.hear_ends()
        space = socket.CMSG_SPACE(CREDENTIALS.size) + socket.CMSG_SPACE(4)
        data, ancillary, _, _ = child.channel.recvmsg(1, space)
        for _, kind, content in ancillary:
            if kind == socket.SCM_CREDENTIALS:
                child.pid = CREDENTIALS.unpack(content)[0]
            else:
                child.listener = int.from_bytes(content, "little")
        if data != b"R" or not child.pid:
            raise ZygoteDied("a task died before it was ready")
        child.channel.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)

    def kill(self, child: Child) -> None:
        if child.ended is None:
            try:
                self.control.send(COMMAND.pack(b"K", child.number, 0))
            except OSError:
                raise ZygoteDied("could not order a kill") from None

    def hear_ends(self) -> None:
        """Take in reports of ended tasks that have arrived. Raises ZygoteDied."""
        while True:
            try:
                data = self.control.recv(PACKET, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if len(data) != ENDED.size:
                raise ZygoteDied("it ended")
            number, status, cpu_s, max_rss_kib, clean = ENDED.unpack(data)
            self.dirty |= not clean
            child = self.children.pop(number, None)
            if child is not None:
                child.ended = Ended(status, cpu_s, max_rss_kib, bool(clean))

    def wait_end(self, child: Child) -> Ended:
        """Wait for a child that was killed or is exiting. Raises ZygoteDied."""
        while child.ended is None:
            if not self.has(child):
                raise ZygoteDied("it ended before this task did")
            if not select.select([self.control], [], [], START_S)[0]:
                raise ZygoteDied("it did not report a task's end")
            self.hear_ends()
        return child.ended

    def has(self, child: Child) -> bool:
        """Whether this very child lives in it."""
        return self.children.get(child.number) is child

    def abandon(self) -> None:
        """In a forked child of this process: let go of the descriptors; the zygote stays the parent's."""
        self.control.close()
        for child in self.children.values():
            child.close()

    def close(self) -> None:
        """End the zygote and everything in it, wait for it, remove its scratch folder."""
        self.control.close()
        for child in self.children.values():
            child.close()
        self.children.clear()
        for pid in {self.pid, self._launcher} - {0}:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
            _reap(pid, patience_s=5.0)
        self.pid = self._launcher = 0
        if self.scratch:
            with contextlib.suppress(OSError):
                scratch_folder.clear(self.scratch)
            shutil.rmtree(self.scratch, ignore_errors=True)


def _reap(pid: int, patience_s: float) -> None:
    """Collect a child process; somebody else's wait may have been faster."""
    end = time.monotonic() + patience_s
    while True:
        try:
            if os.waitpid(pid, os.WNOHANG)[0] or time.monotonic() > end:
                return
        except ChildProcessError:
            return
        time.sleep(0.001)


def _last_words(errors: int) -> str:
    os.set_blocking(errors, False)
    try:
        text = os.read(errors, 1 << 16).decode("utf-8", "replace").strip()
    except BlockingIOError:
        text = ""
    return text[-500:] or "the launcher ended without a word"
