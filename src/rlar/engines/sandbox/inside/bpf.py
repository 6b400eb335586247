"""A small assembler for seccomp filters, and their loading: ctypes and the standard library only.

A filter maps system calls to actions or to rules on their arguments. It is laid out as a binary search over the
call's number, because the kernel runs a new filter once for every number (to fill its cache), in each task.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from rlar.engines.sandbox.inside.syscalls import ARCH, number

LD_W_ABS, JEQ, JGE, JSET, RET, JA = 0x20, 0x15, 0x35, 0x45, 0x06, 0x05
OFFSET_NR, OFFSET_ARCH, OFFSET_ARGS = 0, 4, 16
X32_BIT = 0x40000000
SECCOMP_SET_MODE_FILTER = 1
FILTER_FLAG_NEW_LISTENER = 1 << 3
LOWEST_NUMBER = 0

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant


class Action(IntEnum):
    """Answers of the kernel; an error number is added to ERRNO."""

    ALLOW = 0x7FFF0000
    NOTIFY = 0x7FC00000
    ERRNO = 0x00050000
    KILL = 0x80000000


allow: int = Action.ALLOW
kill: int = Action.KILL


def deny(error: int) -> int:
    """Refuse with this errno; 0 pretends success without doing anything."""
    return Action.ERRNO | error


@dataclass(frozen=True, slots=True)
class Condition:
    """On one argument: equal to one of `values`, or (mask) having any of these bits."""

    index: int
    wide: bool = False
    values: tuple[int, ...] = ()
    mask: int = 0


@dataclass(frozen=True, slots=True)
class Arg:
    """One argument of the call. Only its low 32 bits are looked at, as the kernel does for int; wide: all 64."""

    index: int
    wide: bool = False

    def is_one_of(self, *values: int) -> Condition:
        return Condition(self.index, self.wide, values)

    def has_any(self, mask: int) -> Condition:
        return Condition(self.index, self.wide, mask=mask)


@dataclass(frozen=True, slots=True)
class Rule:
    """If the condition holds, `then`, else `otherwise`."""

    when: Condition
    then: int | Rule
    otherwise: int | Rule


@dataclass
class Filter:
    """What to answer to which system call."""

    default: int
    answers: dict[int, int | Rule] = field(default_factory=dict)

    def set(self, names: Iterable[str], answer: int | Rule) -> None:
        """Names that this machine does not have are left out."""
        for name in names:
            nr = number(name)
            if nr is not None:
                self.answers[nr] = answer

    def assemble(self) -> bytes:
        """The program: wrong architecture and 32-bit or x32 entry kill; then a binary search over the number."""
        ranges = self._ranges()
        body = _search(ranges)
        head: list[Instruction] = [
            (LD_W_ABS, 0, 0, OFFSET_ARCH),
            (JEQ, 1, 0, ARCH),
            (RET, 0, 0, Action.KILL),
            (LD_W_ABS, 0, 0, OFFSET_NR),
        ]
        return b"".join(struct.pack("=HBBI", *i) for i in head + body)

    def _ranges(self) -> list[tuple[int, int | Rule]]:
        """(first number, answer) of stretches of equal answers, ascending from 0; the x32 range kills."""
        out: list[tuple[int, int | Rule]] = []

        def begin(at: int, answer: int | Rule) -> None:
            if not out or out[-1][1] != answer:
                out.append((at, answer))

        following = LOWEST_NUMBER
        for nr in sorted(self.answers):
            if nr > following or not out:
                begin(following, self.default if nr > following else self.answers[nr])
            begin(nr, self.answers[nr])
            following = nr + 1
        begin(following, self.default)
        begin(X32_BIT, Action.KILL)
        return out


def _search(ranges: list[tuple[int, int | Rule]]) -> list[Instruction]:
    if len(ranges) == 1:
        return _answer(ranges[0][1])
    middle = len(ranges) // 2
    left, right = _search(ranges[:middle]), _search(ranges[middle:])
    pivot = ranges[middle][0]
    if len(left) <= 255:
        return [(JGE, len(left), 0, pivot), *left, *right]
    return [(JGE, 0, 1, pivot), (JA, 0, 0, len(left)), *left, *right]


def _answer(answer: int | Rule) -> list[Instruction]:
    if isinstance(answer, int):
        return [(RET, 0, 0, answer)]
    then, otherwise = _answer(answer.then), _answer(answer.otherwise)
    when = answer.when
    low = OFFSET_ARGS + 8 * when.index  # little endian on both machines
    load: list[Instruction] = [(LD_W_ABS, 0, 0, low)]
    if when.mask:
        return [*load, (JSET, 0, len(then), when.mask), *then, *otherwise]
    if when.wide:
        if when.values != (0,):
            raise ValueError("a wide argument can only be compared with 0")
        return [
            *load,
            (JEQ, 0, len(then) + 2, 0),
            (LD_W_ABS, 0, 0, low + 4),
            (JEQ, 0, len(then), 0),
            *then,
            *otherwise,
        ]
    tests: list[Instruction] = []
    for place, value in enumerate(when.values):
        rest = len(when.values) - place - 1
        tests.append((JEQ, rest, 0 if rest else len(then), value & 0xFFFFFFFF))
    return [*load, *tests, *then, *otherwise]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


libc = ctypes.CDLL(None, use_errno=True)
_syscall = libc.syscall
_syscall.restype = ctypes.c_long


class Loadable:
    """A program laid out in memory, so that loading it later is one call that makes nothing new: in a fork, each
    object made and each page touched is paid for again and again."""

    def __init__(self, program: bytes, flags: int = 0) -> None:
        self.buffer = ctypes.create_string_buffer(program, len(program))
        self.wrapped = _Program(len(program) // 8, ctypes.addressof(self.buffer))
        self.arguments = (SYS_SECCOMP, SECCOMP_SET_MODE_FILTER, flags, ctypes.byref(self.wrapped))
        self.marks: list[int] = []

    def mark(self, constant: int) -> Loadable:
        """Remember where this constant stands, for `put`."""
        needle, program = struct.pack("=I", constant), self.buffer.raw
        self.marks = [at for at in range(4, len(program), 8) if program[at : at + 4] == needle]
        return self

    def put(self, constant: int) -> None:
        for at in self.marks:
            struct.pack_into("=I", self.buffer, at, constant)

    def load(self) -> int:
        """Put the calling process under this filter for good (needs no_new_privs). Returns the listener's descriptor,
        if one was asked for. Raises OSError."""
        got: int = _syscall(*self.arguments)
        if got < 0:
            code = ctypes.get_errno()
            raise OSError(code, "the kernel refused a seccomp filter")
        return got


SYS_SECCOMP = number("seccomp") or 0
