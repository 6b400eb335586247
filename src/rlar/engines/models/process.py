"""The caller's end of one model's process: started fresh (never forked), asked one message at a time, killable."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import struct
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

from rlar.errors import ToolFault
from rlar.types import Fault

LENGTH = struct.Struct("!I")
_BOOT = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from rlar.engines.models.inside.worker import main; main()"
)


class Died(Exception):
    """The process ended, or wrote what is no message, before it answered."""


class Late(Exception):
    """No answer within the limit; the process was killed."""


class ModelProcess:
    """One model's process. Not for several threads at once. `kill` may be called from any.

    boot: Python text that the process runs, with sys.path as JSON in sys.argv[1]; another one is for tests.
    """

    def __init__(self, boot: str = _BOOT) -> None:
        if not sys.executable:
            raise ToolFault(Fault.MISSING, "a model's process needs sys.executable, which is empty here")
        self._lock = threading.RLock()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the process)
        path = [os.path.abspath(p) for p in sys.path]  # noqa: PTH100  ("" is the working directory)
        self._process = subprocess.Popen(
            [sys.executable, "-c", boot, json.dumps(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,  # Ctrl-C is the caller's to handle
        )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ)

    @property
    def pid(self) -> int:
        return self._process.pid

    def say(self, message: dict[str, Any], *, limit_s: float) -> dict[str, Any]:
        """Send a message and wait for its answer. Raises Died, or Late after limit_s wall seconds."""
        with self._lock:
            return self._say(message, limit_s)

    def _say(self, message: dict[str, Any], limit_s: float) -> dict[str, Any]:
        ends = time.monotonic() + limit_s
        body = json.dumps(message).encode("ascii")
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(LENGTH.pack(len(body)) + body)
            self._process.stdin.flush()
        except OSError as e:
            raise self._died() from e
        (size,) = LENGTH.unpack(self._read(LENGTH.size, ends, limit_s))
        try:
            reply = json.loads(self._read(size, ends, limit_s))
        except ValueError as e:
            self.kill()
            raise Died(f"its process wrote what is no answer ({e})") from e
        if not isinstance(reply, dict):
            self.kill()
            raise Died("its process wrote what is no answer")
        return reply

    def _read(self, count: int, ends: float, limit_s: float) -> bytes:
        assert self._process.stdout is not None
        found = bytearray()
        while len(found) < count:
            left = ends - time.monotonic()
            if left <= 0 or not self._selector.select(left):
                self.kill()
                raise Late(f"no answer within {limit_s:g} s")
            data = os.read(self._process.stdout.fileno(), min(1 << 20, count - len(found)))
            if not data:
                raise self._died()
            found += data
        return bytes(found)

    def _died(self) -> Died:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        code = self._process.poll()
        self.kill()
        how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with status {code}"
        return Died(f"its process {how}{self._last_words()}")

    def _last_words(self) -> str:
        with contextlib.suppress(OSError, ValueError):
            end = self._errors.seek(0, os.SEEK_END)
            self._errors.seek(max(0, end - 2000))
            lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
            if lines:
                return f": {lines[-1][:200]}"
        return ""

    def kill(self) -> None:
        """End it now, and give everything of it back. May be called again."""
        self._process.kill()
        self._process.wait()
        # Whoever waits for an answer sees the end of the stream first: a stream closed under it would never wake it.
        with self._lock:
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
            with contextlib.suppress(OSError, KeyError, ValueError):
                self._selector.close()
