"""The caller's end of the template and of each worker: sockets, buffers and what is known about them."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from rlar.engines.workers.accounts import Assignment
from rlar.engines.workers.board import Board, Position, Stage
from rlar.engines.workers.watch import Watch
from rlar.engines.workers.wire import LENGTH, Broke, frames
from rlar.engines.workers.worker import LOAD_CPU_S
from rlar.errors import RlarError
from rlar.types import Fault

_BOOT = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[4]); "
    "from rlar.engines.workers.template import main; main(*map(int, sys.argv[1:4]))"
)
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_READ = 1 << 18
MAX_TRIES = 3
BLOCKED_SLACK_S = 0.02  # beyond the limit, on top of the two ticks that a look may miss
CPU_SLACK_S = 0.5  # beyond the kernel's limit: then the tool has switched the timer off
ENDING_S = 0.1  # from the end of a worker's stream to its death, or else it has only closed its socket


@dataclass(eq=False, slots=True)
class WorkerEnd:
    """One worker as the caller knows it. orders: what it was given and has not finished, the running one first."""

    slot: int
    connection: socket.socket
    board: Board
    pid: int | None = None
    orders: deque[Assignment] = field(default_factory=deque)
    outgoing: deque[memoryview] = field(default_factory=deque)
    incoming: bytearray = field(default_factory=bytearray)
    fresh: bool = True
    leaving: bool = False  # takes no more orders
    killed_for: Broke | None = None  # why the caller had it killed
    ended_at: float | None = None  # when its stream ended
    garbled: bool = False  # nothing more of it is read
    watch: Watch | None = None

    def put(self, body: bytes) -> None:
        self.outgoing.append(memoryview(LENGTH.pack(len(body))))
        self.outgoing.append(memoryview(body))

    def push(self) -> None:
        """Send as much as fits now. A broken pipe is left to the report of the worker's end."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            while self.outgoing:
                sent = self.connection.send(self.outgoing[0])
                self.outgoing[0] = self.outgoing[0][sent:]
                if not self.outgoing[0]:
                    self.outgoing.popleft()

    @property
    def at(self) -> Position:
        """Where the worker is, or was when it died."""
        return self.board.read(self.slot)

    @property
    def ended(self) -> bool:
        """Whether the worker has closed its end, as it does by dying."""
        try:
            return self.connection.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    @property
    def limit_s(self) -> float:
        """CPU seconds for what it is doing. Only while it has orders."""
        stage = self.at.stage
        if stage == Stage.LOAD:
            return LOAD_CPU_S
        return self.orders[0].warm_s if stage == Stage.WARM else self.orders[0].cpu_s

    def overdue(self, now: float) -> Broke | None:
        """Why it is to be killed by now, if it is: over its limit, blocked, or deaf. To be asked every tick."""
        if not self.orders or self.watch is None or self.killed_for is not None:
            return None
        if self.ended_at is not None and now > self.ended_at + ENDING_S:
            return Broke(Fault.CRASHED, "its worker closed its connection")
        at = self.at
        self.watch.look(at, now)
        if at.order != self.orders[0].id or at.stage == Stage.IDLE:
            return None
        limit = self.limit_s
        if self.watch.blocked_s > limit + BLOCKED_SLACK_S:
            return Broke(Fault.TIMEOUT, f"was blocked for more than {limit:g} s without computing")
        if self.watch.cpu_s > limit + CPU_SLACK_S:
            return Broke(Fault.TIMEOUT, f"used more than {limit:g} CPU seconds")
        return None

    def take_back(self) -> None:
        """All its orders are to be given to others."""
        for order in reversed(self.orders):
            order.give_back()
        self.orders.clear()

    def pull(self) -> tuple[list[bytes], bool]:
        """Whole frames that have come, and whether the stream has ended. Raises GarbledError."""
        ended = False
        found: list[bytes] = []
        while True:
            try:
                data = self.connection.recv(_READ)
            except BlockingIOError:
                break
            except ConnectionResetError:
                data = b""
            if not data:
                ended = True
                break
            self.incoming += data
            found += frames(self.incoming)
        return found, ended


class Preloads:
    """Which modules templates are to load before they fork; outlives any one template.

    Names are confirmed once a template has loaded them and lived. What was never confirmed is only *tried*, in a child
    of the template, and given up after MAX_TRIES templates.
    """

    def __init__(self) -> None:
        self.confirmed: list[str] = []
        self.open: Counter[str] = Counter()

    def ask(self, template: TemplateEnd, how: str, names: Iterable[str]) -> None:
        """how: "load" for what the user names, "try" for what workers report. Names that are known are left out."""
        new = [name for name in dict.fromkeys(names) if name not in self.open and name not in self.confirmed]
        self._say(template, how, new)

    def ask_again(self, template: TemplateEnd) -> None:
        """For a new template."""
        known, self.confirmed = self.confirmed, []
        self._say(template, "load", known)
        self._say(template, "try", [name for name in self.open if name not in known and self.open[name] < MAX_TRIES])

    def confirm(self, names: list[str]) -> None:
        self.confirmed += names
        for name in names:
            del self.open[name]

    def _say(self, template: TemplateEnd, how: str, names: list[str]) -> None:
        if names:
            self.open.update(names)
            template.say({how: names})


class TemplateEnd:
    """The template process and the board. Made anew when the template dies."""

    def __init__(self, slots: int) -> None:
        if not sys.executable:
            raise RlarError("workers need sys.executable, which is empty here; set it to the path of this Python")
        self.board = Board(slots)
        self.free = deque(range(slots))
        self.control, theirs = socket.socketpair()
        path = [os.path.abspath(p) for p in sys.path]  # noqa: PTH100  ("" is the working directory)
        environment = (
            dict.fromkeys(_ONE_THREAD, "1") | os.environ | {"PYTHONHASHSEED": os.environ.get("RLAR_HASH_SEED", "0")}
        )
        fds = (theirs.fileno(), self.board.fd)
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _BOOT, *map(str, fds), str(slots), json.dumps(path)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=fds,
                env=environment,
                start_new_session=True,  # a Ctrl-C in the trainer's terminal is the trainer's business
            )
        except BaseException:
            self.control.close()
            self.board.close()
            raise
        finally:
            theirs.close()
        self.control.setblocking(False)
        self.ready = False
        self.watch = Watch(self.process.pid)
        self._incoming = bytearray()
        self._outgoing: deque[tuple[bytes, list[int]]] = deque()

    def say(self, message: dict[str, Any], end: socket.socket | None = None) -> None:
        """Queue a message, with the worker's socket if it is to be forked; `end` is closed once it is sent."""
        self._outgoing.append((json.dumps(message).encode("ascii") + b"\n", [end.detach()] if end else []))
        self.push()

    def push(self) -> None:
        with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            while self._outgoing:
                data, fds = self._outgoing[0]
                sent = socket.send_fds(self.control, [data], fds) if fds else self.control.send(data)
                for fd in fds:
                    os.close(fd)
                self._outgoing[0] = (data[sent:], [])
                if sent == len(data):
                    self._outgoing.popleft()

    @property
    def waiting(self) -> bool:
        return bool(self._outgoing)

    def hear(self) -> tuple[list[dict[str, Any]], bool]:
        """Messages that have come, and whether the template is gone."""
        gone = False
        while True:
            try:
                data = self.control.recv(_READ)
            except BlockingIOError:
                break
            except ConnectionResetError:
                data = b""
            if not data:
                gone = True
                break
            self._incoming += data
        *lines, rest = bytes(self._incoming).split(b"\n")
        self._incoming = bytearray(rest)
        return [json.loads(line) for line in lines], gone

    def last_words(self) -> str:
        """What the template printed before it was ready."""
        assert self.process.stderr is not None
        os.set_blocking(self.process.stderr.fileno(), False)
        with contextlib.suppress(OSError):
            return (self.process.stderr.read(65536) or b"").decode("utf-8", "replace").strip()
        return ""

    def close(self, patience_s: float = 5.0) -> None:
        """Close the socket, which ends the template and with it the workers; kill it if it does not end."""
        self.release()
        try:
            self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def release(self) -> None:
        """Close this process's ends without waiting; all that a forked child may do."""
        for _, fds in self._outgoing:
            for fd in fds:
                os.close(fd)
        self._outgoing.clear()
        self.control.close()
        if self.process.stderr is not None:
            self.process.stderr.close()
        self.board.close()
