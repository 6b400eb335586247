"""The board: shared memory where each worker writes which item it is on, so that its death has a known cause.

The caller makes it, the template hands it to every worker by fork. A slot holds four numbers and no pointers; what is
read there is only ever compared with what the caller itself sent, so a worker gone wrong can mislead nobody but itself.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
from enum import IntEnum
from typing import NamedTuple

_SLOT = struct.Struct("<QiiI")
_STRIDE = 64  # one cache line each, so that workers do not slow one another


class Stage(IntEnum):
    """What a worker is doing. Only in LOAD, WARM, PREPARE and RATE does tool code run."""

    IDLE = 0
    LOAD = 1  # imports the tool and builds it; not charged to any response
    WARM = 2  # one harmless judgement, so that lazy imports and caches are not charged to a response either
    PREPARE = 3
    RATE = 4


class Position(NamedTuple):
    """Where a worker is: which order, which group of it, which response of that group, doing what."""

    order: int
    group: int
    item: int
    stage: int


class Board:
    """One slot per worker. `fd` is inherited by the template; close() in the caller when the pool is done."""

    def __init__(self, slots: int, fd: int | None = None) -> None:
        size = max(slots * _STRIDE, mmap.PAGESIZE)
        self.fd = _anonymous_file(size) if fd is None else fd
        self._memory = mmap.mmap(self.fd, size)

    def write(self, slot: int, order: int, group: int, item: int, stage: int) -> None:
        _SLOT.pack_into(self._memory, slot * _STRIDE, order, group, item, stage)

    def read(self, slot: int) -> Position:
        return Position(*_SLOT.unpack_from(self._memory, slot * _STRIDE))

    def close(self) -> None:
        self._memory.close()
        os.close(self.fd)


def _anonymous_file(size: int) -> int:
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("rlar-workers")
    else:
        fd, path = tempfile.mkstemp(prefix="rlar-workers-")
        os.unlink(path)  # noqa: PTH108
    os.ftruncate(fd, size)
    return fd
