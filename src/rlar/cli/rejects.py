"""Bad rows, set aside: counted, kept in a file of their own, and told about."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from rlar.cli.errors import BadRowsError
from rlar.rollouts import Reject, json_line

SHOWN = 3


class RejectFile:
    """path: a JSON Lines file, made when the first bad row comes and removed at the start; None keeps none.

    strict: the first bad row raises BadRowsError instead.
    """

    def __init__(self, path: Path | None, *, strict: bool) -> None:
        self.path = path
        self.count = 0
        self.first: list[Reject] = []
        self._strict = strict
        self._stream: BinaryIO | None = None

    def add(self, reject: Reject) -> None:
        if self._strict:
            raise BadRowsError(str(reject))
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append(reject)
        if self.path is None:
            return
        if self._stream is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self.path.open("wb")
        self._stream.write(json_line(reject.as_json()))

    def __enter__(self) -> RejectFile:
        if self.path is not None and not self._strict:
            self.path.unlink(missing_ok=True)  # of an earlier run on the same output
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        if self._stream is not None:
            self._stream.close()
