"""What goes in and what comes out: limits, tests, results. Frozen values; nothing here starts anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from rlar.errors import InputError, ToolFault


class Status(StrEnum):
    """How a process ended. Only OK can pass a test; none is the sandbox's own failure (that raises SandboxFault)."""

    OK = "ok"  # came to its end, exit code 0
    ERROR = "error"  # an uncaught exception, or another exit code
    TIMEOUT = "timeout"  # the CPU or the wall limit
    MEMORY = "memory"  # an uncaught MemoryError
    OUTPUT_LIMIT = "output_limit"  # wrote more than it may
    VIOLATION = "violation"  # made a system call that no honest program makes, and was killed for it
    CRASHED = "crashed"  # died by a signal
    PROTOCOL = "protocol"  # spoke out of turn on the channel of results


class SandboxFault(ToolFault):
    """The sandbox itself failed; the program is innocent and was not judged."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use.

    cpu_s: CPU seconds of all its threads; the same at any load. wall_s: seconds from start to end, not counting those
    spent waiting for a processor (None: 1.5 x cpu_s, at least cpu_s + 0.5), so that sleeping or blocking is ended too.
    memory_mib: address space above the bare interpreter's. output_bytes: of standard output and error together.
    processes: threads at once (new processes are never allowed). scratch_mib, files: size and number of all scratch
    files together; fixed when the sandbox starts. open_files: descriptors at once; fixed too.
    """

    cpu_s: float = 5.0
    wall_s: float | None = None
    memory_mib: int = 512
    output_bytes: int = 8 << 20
    processes: int = 48
    scratch_mib: int = 64
    files: int = 4096
    open_files: int = 128

    def __post_init__(self) -> None:
        for name in ("cpu_s", "memory_mib", "output_bytes", "processes", "scratch_mib", "files", "open_files"):
            value = getattr(self, name)
            if not 0 < value < 1 << 40:
                raise InputError(f"Limits: {name} must be above 0 and finite, but it is {value!r}")
        if self.wall_s is not None and not 0 < self.wall_s < 1 << 40:
            raise InputError(f"Limits: wall_s must be above 0 and finite, or None, but it is {self.wall_s!r}")

    @property
    def wall_limit_s(self) -> float:
        return self.wall_s if self.wall_s is not None else max(1.5 * self.cpu_s, self.cpu_s + 0.5)


@dataclass(frozen=True, slots=True)
class RunResult:
    """What became of a program.

    exit_code: None where a signal ended it; signal: its number, or None. cpu_s, wall_s: of this program alone.
    max_rss_mib: peak resident memory of its process, with the interpreter's own. layers: names of what confined it.
    isolation: the level these layers reach; "none" or "process" where it was run with unsafe=True.
    """

    status: Status
    stdout: bytes = b""
    stderr: bytes = b""
    exit_code: int | None = None
    signal: int | None = None
    cpu_s: float = 0.0
    wall_s: float = 0.0
    max_rss_mib: float = 0.0
    layers: tuple[str, ...] = ()
    isolation: str = ""

    @property
    def ok(self) -> bool:
        return self.status is Status.OK


@dataclass(frozen=True, slots=True)
class Calls:
    """Tests as data: call `entry_point` with each case's arguments and compare what it returns.

    cases: (args, expected) or (args, kwargs, expected). Expected values never enter the sandbox.
    strict: 1, 1.0 and True differ, and so do lists and tuples; otherwise numbers go by value and sequences by items.
    tolerance: (relative, absolute) allowed between finite numbers at any depth, int and float alike; None: exact.
    """

    entry_point: str
    cases: Sequence[tuple[Any, ...]]
    strict: bool = True
    tolerance: tuple[float, float] | None = None
    _prepared: Any = field(default=None, init=False, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Stdio:
    """Tests as input and output of a script: a fresh process per case.

    cases: (stdin, expected stdout), text or bytes. compare: "lines" ignores space at the ends of lines and empty lines
    at the end, "exact" ignores nothing, "tokens" compares words. tolerance: with "tokens", (relative, absolute) for
    words that are numbers on both sides.
    """

    cases: Sequence[tuple[str | bytes, str | bytes]]
    compare: str = "lines"
    tolerance: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Asserts:
    """Tests as Python code with asserts, of trusted authorship or not; it runs in a process of its own.

    code: calls the answer by its name (or as `candidate`, or in a function `check(candidate)`).
    entry_point: the name of the answer's function or class.
    trusted: the code comes from a dataset of good repute, so that one judge process may serve many runs.
    """

    code: str
    entry_point: str
    trusted: bool = True


@dataclass(frozen=True, slots=True)
class Suite:
    """A pytest-style or unittest file that runs in the answer's own process (it may patch the answer's module).

    The answer could forge its result: such results say grading="shared". module: the name by which the suite imports
    the answer. framework: "unittest" or "pytest" (plain test functions and classes, fixtures and parametrization of the
    simple kind).
    """

    code: str
    framework: str = "unittest"
    module: str = "solution"


Tests = Calls | Stdio | Asserts | Suite


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One test. kind: "passed", "wrong" (another value or output), "exception", "unreadable" (a value that cannot be
    compared), "not run", or the status that ended the process. feedback: for the author of the answer; it tells of the
    answer's own doings, never of expected values.
    """

    passed: bool
    kind: str
    feedback: str = ""


@dataclass(frozen=True, slots=True)
class GradeResult:
    """What tests say about a program.

    passed: every test ran and passed. status: how the program's process ended; OK also where values were wrong.
    cases: one per test (for asserts: one per assert that was reached). grading: "split", where no process that ran
    the program could state the verdict; "shared", where it could.
    """

    passed: bool
    status: Status
    cases: tuple[CaseResult, ...] = ()
    grading: str = "split"
    feedback: str = ""
    cpu_s: float = 0.0
    wall_s: float = 0.0
    layers: tuple[str, ...] = ()
    isolation: str = ""


@dataclass(frozen=True, slots=True)
class Returned:
    """What one call of an answer's function gave: an error, or else a value (which may be None).

    error: {"kind", "base", "text", "line"} of the exception, or {"kind": a status}.
    """

    value: Any = None
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ItemError:
    """A verifier gave no score for an item. kind: "error", "timeout", "load_error" or "invalid" (no finite number)."""

    kind: str
    why: str = ""
