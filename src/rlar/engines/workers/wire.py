"""What travels between caller and worker: length-prefixed frames, pickles down, checked JSON up.

Down (caller to worker) the data is ours: an Order, pickled. Up (worker to caller) it may come from a process that a
response has taken over: plain JSON, at most MAX_REPLY bytes a frame, every number and index checked before use.
"""

from __future__ import annotations

import json
import math
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from rlar.types import Fault, Mark

MAX_REPLY = 8 << 20  # bytes of one frame from a worker; workers flush far below it
MAX_WHY = 4000  # characters of a reason
MAX_TERMS = 1024  # named sub-values of one mark
MAX_MODULES = 5000  # names of modules in one reply
MAX_NAME = 200  # characters of a term's name
LENGTH = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class Order:
    """One chunk of work for one worker.

    tool: number of the tool within this pool; tool_blob: pickle of (Recipe, sys.path of the caller), read only if the
    worker does not know the tool yet. cpu_s: CPU seconds for each prepare and each rate. warm_s: CPU seconds for
    judging a harmless text first, in a worker that loads the tool for this order; 0.0 for not doing so. low, high: the
    card's range.
    groups: (number of the group within this pool, pickle of its Query, responses).
    """

    id: int
    tool: int
    tool_blob: bytes
    cpu_s: float
    memory_mib: int
    low: float
    high: float
    warm_s: float
    groups: list[tuple[int, bytes, list[str]]]


class Broke(NamedTuple):
    """How a tool failed once. fault: what it would be as a verdict; at_once: the tool itself says that it is absent."""

    fault: Fault
    why: str
    at_once: bool = False


class Record(NamedTuple):
    """One line of a worker's reply. item: -1 if it is about prepare(); group: -1 if it is about loading the tool."""

    group: int
    item: int
    seconds: float
    outcome: Mark | Broke


class Reply(NamedTuple):
    """One frame of a worker. end: the order is finished. leave: the worker asks to be replaced (grown too big)."""

    order: int
    records: list[Record]
    end: bool
    leave: bool
    modules: list[str]  # names of modules that loading a tool brought in


class GarbledError(Exception):
    """A worker sent what no worker sends; it is to be killed."""


def send_frame(connection: socket.socket, body: bytes) -> None:
    connection.sendall(LENGTH.pack(len(body)) + body)


def receive_frame(connection: socket.socket) -> bytes | None:
    """The next frame, or None at the end of the stream. For blocking sockets."""
    head = _receive_exactly(connection, LENGTH.size)
    if head is None:
        return None
    return _receive_exactly(connection, LENGTH.unpack(head)[0])


def _receive_exactly(connection: socket.socket, count: int) -> bytes | None:
    buffer = bytearray(count)
    view = memoryview(buffer)
    done = 0
    while done < count:
        got = connection.recv_into(view[done:])
        if got == 0:
            return None
        done += got
    return bytes(buffer)


def encode_mark(group: int, item: int, seconds: float, mark: Mark) -> list[Any]:
    if not mark.why and not mark.terms and mark.confidence is None:
        return [group, item, seconds, mark.value]
    return [group, item, seconds, mark.value, mark.why, dict(mark.terms), mark.confidence]


def encode_broke(group: int, item: int, seconds: float, broke: Broke) -> list[Any]:
    return [group, item, seconds, None, broke.fault.value, broke.why[:MAX_WHY], broke.at_once]


def frames(buffer: bytearray) -> Iterator[bytes]:
    """Take all whole frames out of `buffer`. Raises GarbledError if one claims to be too long."""
    while len(buffer) >= LENGTH.size:
        (length,) = LENGTH.unpack_from(buffer)
        if length > MAX_REPLY:
            raise GarbledError(f"a reply of {length} bytes, more than {MAX_REPLY}")
        if len(buffer) < LENGTH.size + length:
            return
        body = bytes(memoryview(buffer)[LENGTH.size : LENGTH.size + length])
        del buffer[: LENGTH.size + length]
        yield body


def read_reply(body: bytes, low: float, high: float) -> Reply:
    """A checked Reply. low, high: range that every value must lie in. Raises GarbledError for anything else."""
    try:
        order, lines, end, leave, modules = json.loads(body)
        if type(order) is not int or not isinstance(modules, list) or len(modules) > MAX_MODULES:
            raise ValueError("wrong types")
        if not all(isinstance(name, str) and len(name) <= MAX_NAME for name in modules):
            raise ValueError("wrong types")
        records = [_record(line, low, high) for line in lines]
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as e:
        raise GarbledError(f"an unreadable reply ({type(e).__name__}: {str(e)[:200]})") from None
    return Reply(order, records, end is True, leave is True, modules)


def _record(line: Any, low: float, high: float) -> Record:
    group, item, seconds, value = line[:4]
    if type(group) is not int or type(item) is not int:
        raise ValueError("an index is not a whole number")
    if type(seconds) is not float or not 0.0 <= seconds < 1e9:
        raise ValueError("seconds out of range")
    if value is None:
        _, _, _, _, fault, why, at_once = line
        if type(why) is not str:
            raise ValueError("a reason is not text")
        return Record(group, item, seconds, Broke(Fault(fault), why[:MAX_WHY], at_once is True))
    if type(value) is not float or not low <= value <= high:
        raise ValueError("a value out of range")
    if len(line) == 4:
        return Record(group, item, seconds, Mark(value))
    _, _, _, _, why, terms, confidence = line
    if type(why) is not str or type(terms) is not dict or len(why) > MAX_WHY or len(terms) > MAX_TERMS:
        raise ValueError("wrong types in a mark")
    if not all(type(x) is float and math.isfinite(x) for x in terms.values()):
        raise ValueError("a term is not a finite number")
    if confidence is not None and (type(confidence) is not float or not 0.0 <= confidence <= 1.0):
        raise ValueError("confidence out of range")
    return Record(group, item, seconds, Mark(value, why, terms, confidence))
