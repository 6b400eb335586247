"""The sandbox as its users see it."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import weakref
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, Self

from rlar.engines.sandbox import interpreter
from rlar.engines.sandbox.native import Pool
from rlar.engines.sandbox.plan import LAYERS, LEVELS, Plan, possible
from rlar.engines.sandbox.providers import check_name, instead, scripted_pool
from rlar.engines.sandbox.report import LayerReport
from rlar.engines.sandbox.results import GradeResult, Limits, Returned, RunResult, Tests
from rlar.engines.sandbox.verifier import Verifier, make_source
from rlar.errors import InputError, UnsafeError

if TYPE_CHECKING:
    from rlar.engines.sandbox.scripted import Provider, ScriptPool


class Sandbox:
    """Runs Python that nobody here wrote, and grades it by tests.

    limits: the usual ones, which each call may replace (size and number of scratch files, and open files, stay those
    of the sandbox). slots: programs at once; None: one per processor, at most 8. require: the least isolation, one of
    "confined" < "full"; None: "confined". unsafe: run even where less is to be had ("process", "none"). layers:
    which layers to use at most, of "rlimits", "seccomp", "landlock", "namespaces" (for tests). python: another
    interpreter than this one. pin: keep each slot on one processor, which is faster.

    provider: "" for the native layers, or WebAssembly where they cannot be had and `rlar[wasm]` is installed; "native",
    "wasm", "bubblewrap"; the address of a service with SandboxFusion's /run_code; or what makes a `Provider`.

    Starts on first use; close it, or use it as a context manager. Thread-safe; its coroutines run on any event loop.
    Raises UnsafeError where the isolation asked for cannot be had.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        slots: int | None = None,
        require: str | None = None,
        unsafe: bool = False,
        layers: Collection[str] | None = None,
        python: str = "",
        pin: bool = True,
        provider: str | Callable[[], Provider] = "",
    ) -> None:
        least = "none" if unsafe else "confined"
        if require is not None and (require not in LEVELS or LEVELS.index(require) < LEVELS.index(least)):
            raise InputError(
                f"require must be one of {', '.join(LEVELS[LEVELS.index(least) :])}, not {require!r}"
                + ("" if unsafe else "; less is only for Sandbox(unsafe=True)")
            )
        wanted = frozenset(LAYERS if layers is None else layers)
        if not wanted <= set(LAYERS):
            raise InputError(f"layers must be among {', '.join(LAYERS)}, not {', '.join(sorted(wanted - set(LAYERS)))}")
        self.limits = limits or Limits()
        self.require = require or least
        self.unsafe = unsafe
        self._slots = slots
        self._pin = pin
        self._wanted = wanted
        self._python = python
        self._provider = provider
        if isinstance(provider, str):
            check_name(provider)
        self._pool: Pool | ScriptPool | None = None
        self._lock = threading.Lock()
        _all.add(self)

    def _open(self) -> Pool | ScriptPool:
        with self._lock:
            if self._pool is None:
                self._pool = self._make()
            return self._pool

    def _make(self) -> Pool | ScriptPool:
        if self._provider not in ("", "native"):
            return scripted_pool(self._provider, self._slots, self.require)
        try:
            plan = Plan(interpreter.find(self._python), possible(self._wanted), self.limits)
            return Pool(plan, self._slots, self._pin, self.require)
        except UnsafeError as e:
            if self._provider or self.unsafe or self._wanted != frozenset(LAYERS) or self._python:
                raise
            return instead(e, self._slots, self.require)

    async def _opened(self) -> Pool | ScriptPool:
        """The pool; starting it takes a moment, which is not the event loop's."""
        pool = self._pool
        if pool is None:
            pool = await asyncio.to_thread(self._open)
        return pool

    def report(self) -> LayerReport:
        """Every layer: whether it is active, and what its absence means. Starts the sandbox."""
        return self._open().report()

    def close(self) -> None:
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    async def run(
        self, program: str, stdin: bytes | str = b"", *, limits: Limits | None = None, argv: Sequence[str] = ()
    ) -> RunResult:
        """Run a program as a script. Its failures are in the result; raises SandboxFault only for the sandbox's own."""
        data = stdin.encode("utf-8", "surrogateescape") if isinstance(stdin, str) else stdin
        use = limits or self.limits
        return await asyncio.wrap_future((await self._opened()).submit(lambda w: w.run(program, data, use, argv)))

    def run_sync(
        self, program: str, stdin: bytes | str = b"", *, limits: Limits | None = None, argv: Sequence[str] = ()
    ) -> RunResult:
        """`run` for code without an event loop."""
        data = stdin.encode("utf-8", "surrogateescape") if isinstance(stdin, str) else stdin
        use = limits or self.limits
        return self._open().submit(lambda w: w.run(program, data, use, argv)).result()

    async def grade(self, program: str, tests: Tests, *, limits: Limits | None = None) -> GradeResult:
        """Judge a program by tests. Raises InputError for tests that are no tests, SandboxFault for the sandbox's own
        failures; whatever the program does is in the result."""
        use = limits or self.limits
        return await asyncio.wrap_future((await self._opened()).submit(lambda w: w.grade(program, tests, use)))

    def grade_sync(self, program: str, tests: Tests, *, limits: Limits | None = None) -> GradeResult:
        """`grade` for code without an event loop."""
        use = limits or self.limits
        return self._open().submit(lambda w: w.grade(program, tests, use)).result()

    async def call(
        self, program: str, entry_point: str, calls: Sequence[Sequence[Any]], *, limits: Limits | None = None
    ) -> list[Returned]:
        """What `entry_point` of the program returns for each tuple of arguments, as plain data or an error."""
        use = limits or self.limits
        return await asyncio.wrap_future(
            (await self._opened()).submit(lambda w: w.call(program, entry_point, calls, use))
        )

    def call_sync(
        self, program: str, entry_point: str, calls: Sequence[Sequence[Any]], *, limits: Limits | None = None
    ) -> list[Returned]:
        """`call` for code without an event loop."""
        use = limits or self.limits
        return self._open().submit(lambda w: w.call(program, entry_point, calls, use)).result()

    def load(
        self, verifier: str, entry: str = "score", *, cpu_s: float = 1.0, load_cpu_s: float = 2.0, frame: int = 1
    ) -> Verifier:
        """A verifier from its source; nothing runs before its first items.

        cpu_s: limit for one item; load_cpu_s: for loading. frame: items that a pure verifier may be sent at once, which
        is faster; they then share a process while they are judged.
        """
        source = make_source(verifier, entry, self.limits, cpu_s, load_cpu_s)
        return Verifier(self._open, source, frame=frame)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await asyncio.to_thread(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


_all: weakref.WeakSet[Sandbox] = weakref.WeakSet()
_default: Sandbox | None = None
_default_lock = threading.Lock()


def default_box() -> Sandbox:
    """The sandbox that this process shares: default limits, "confined" at least. Closed at exit; a forked child gets
    its own."""
    global _default
    with _default_lock:
        if _default is None:
            _default = Sandbox()
        return _default


@atexit.register
def _close_all() -> None:
    for box in list(_all):
        box.close()


def _after_fork() -> None:
    """A forked child shares nothing with its parent's sandboxes: each starts anew there, on first use."""
    global _default_lock
    _default_lock = threading.Lock()
    for box in list(_all):
        pool, box._pool, box._lock = box._pool, None, threading.Lock()
        if pool is not None:
            pool.abandon()


os.register_at_fork(after_in_child=_after_fork)
