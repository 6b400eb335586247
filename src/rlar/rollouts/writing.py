"""JSON Lines that survive a kill: whole lines go to OUT.partial, and OUT appears at the end, complete or not at all."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from rlar.errors import InputError
from rlar.types import Json

_READABLE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_ESCAPED = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def json_line(value: Mapping[str, Json]) -> bytes:
    """One line of UTF-8 JSON with its newline; the same value gives the same bytes. Raises ValueError for NaN.

    Lone surrogates, which UTF-8 cannot hold, make the whole line use escapes.
    """
    try:
        return _READABLE.encode(value).encode("utf-8") + b"\n"
    except UnicodeEncodeError:
        return _ESCAPED.encode(value).encode("ascii") + b"\n"


class Writer:
    """Writes lines in the order given. A context manager: a normal exit finishes, an exception leaves the partial file.

    out: a path, or "-" for standard output (which can be neither atomic nor resumed).
    resume: keep the complete lines of OUT.partial, or of OUT where there is no partial; a torn tail is dropped.
    `kept` says how many there are, `kept_lines` gives them, and the caller goes on after them. Without it, `discarded`
    says whether an earlier partial file was there and is lost.
    A line is written with one call and handed to the system before `write` returns, so a killed process leaves at most
    one torn line, in OUT.partial only.
    """

    def __init__(self, out: str | Path, *, resume: bool = False) -> None:
        self.kept = 0
        self.discarded = False
        self.path = None if str(out) == "-" else Path(out)
        self.partial = None if self.path is None else self.path.with_name(self.path.name + ".partial")
        self._stream: BinaryIO
        if self.path is None or self.partial is None:
            if resume:
                raise InputError("--resume needs a file to go on with; give --out FILE instead of -")
            self._stream = sys.stdout.buffer
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if resume and not self.partial.exists() and self.path.exists():
                shutil.copyfile(self.path, self.partial)
            self._stream = os.fdopen(os.open(self.partial, os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)
            self._lock()
            size = self._sound_bytes() if resume else 0
            self.discarded = not resume and self.partial.stat().st_size > 0
            self._stream.truncate(size)
            self._stream.seek(size)
        except OSError as e:
            raise InputError(f"{self.path}: cannot be written: {e.strerror or e}") from e

    def kept_lines(self) -> Iterator[dict[str, Json]]:
        """The lines that were there, in order."""
        if self.partial is None or not self.kept:
            return
        with self.partial.open("rb") as lines:
            for _ in range(self.kept):
                yield json.loads(lines.readline())

    def write(self, value: Mapping[str, Json]) -> None:
        """Append one line. Raises ValueError for NaN or infinity: neither may ever leave."""
        line = memoryview(json_line(value))
        while line:  # an unbuffered file may take a part only, e.g. when a signal arrives
            line = line[self._stream.write(line) or 0 :]

    def finish(self) -> None:
        """Make it durable and give it its name."""
        if self.path is None or self.partial is None:
            self._stream.flush()
            return
        os.fsync(self._stream.fileno())
        self._stream.close()
        self.partial.replace(self.path)

    def leave(self) -> None:
        """Stop without finishing: the partial file stays, for --resume."""
        if self.path is not None:
            self._stream.close()
        else:
            self._stream.flush()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        if kind is None:
            self.finish()
        else:
            self.leave()

    def _lock(self) -> None:
        """Two runs on one output would tear each other's lines. The lock ends with the process, however it ends."""
        try:
            fcntl.flock(self._stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            self._stream.close()
            raise InputError(f"{self.partial}: another run is writing it; wait for it or give another --out") from e

    def _sound_bytes(self) -> int:
        """Bytes up to the end of the last line before the first one that is torn or no JSON object; counts `kept`."""
        assert self.partial is not None
        size = 0
        with self.partial.open("rb") as lines:
            for line in lines:
                try:
                    sound = line.endswith(b"\n") and isinstance(json.loads(line), dict)
                except ValueError:
                    sound = False
                if not sound:
                    break
                size += len(line)
                self.kept += 1
        return size
