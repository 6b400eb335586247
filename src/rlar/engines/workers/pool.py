"""The pool as callers see it: from any thread and any event loop, in scripts, notebooks and forked children."""

from __future__ import annotations

import asyncio
import atexit
import os
import pickle
import sys
import threading
import weakref
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from rlar.engines.workers import Judged
from rlar.engines.workers.accounts import Call, ToolInUse
from rlar.engines.workers.dispatch import Dispatcher
from rlar.engines.workers.turns import Turns
from rlar.errors import InputError
from rlar.types import Query, Recipe, ToolCard

MAX_RECENT = 1000

Group = tuple[Query, Sequence[str]]


class WorkerPool:
    """Warm worker processes that judge for all threads of this process.

    workers: most worker processes at a time; None: RLAR_WORKERS, else the cores this process may use (divided by
    LOCAL_WORLD_SIZE under torchrun). They start when there is work for them. preload: modules ("math_verify") or calls
    ("package.module:function") whose cost all workers then share.
    chunk_s: CPU seconds of work that a worker gets at a time; chunk_items, chunk_characters: caps of a chunk, so that
    with each worker at most two chunks of that size are in flight, however much was submitted.
    Processes start with the first use and end with close(), with the pool's collection, or with this process, even if
    that is killed. In a forked child, the pool is as if it had never been used.
    """

    def __init__(
        self,
        workers: int | None = None,
        *,
        preload: Iterable[str] = (),
        chunk_s: float = 0.04,
        chunk_items: int = 256,
        chunk_characters: int = 1 << 20,
    ) -> None:
        if workers is not None and workers < 1:
            raise InputError(f"a pool needs at least one worker, got {workers}")
        self.workers = workers or usable_cores()
        self._chunks = (chunk_s, chunk_items, chunk_characters)
        self._preload = list(preload)
        self._tools: dict[tuple[str, bytes], ToolInUse] = {}
        self._recent: dict[tuple[int, int], tuple[Recipe, ToolCard, ToolInUse]] = {}  # by identity, to save pickling
        self._lock = threading.Lock()
        self._dispatcher: Dispatcher | None = None
        self._finalizer: Any = None
        self._closed = False
        _pools.add(self)

    def submit(self, recipe: Recipe, card: ToolCard, groups: Sequence[Group]) -> Future[list[list[Judged]]]:
        """Judge all responses of all groups; returns at once. One Judged per response, in the order given.

        The future never raises for what a tool or a response does. Cancelling it drops what has not begun.
        Raises InputError for responses that are not str, or if the pool is closed.
        """
        for query, responses in groups:
            for i, response in enumerate(responses):
                if not isinstance(response, str):
                    kind = type(response).__name__  # type: ignore[unreachable]
                    raise InputError(f"{card.ref}: response {i} to {query.id or query.key} is a {kind}, not a str")
        dispatcher = self._running()
        call = Call(self._tool(recipe, card), groups)
        call.keeps = self  # so that a pool is not collected, and closed, while it has work
        if call.left:
            dispatcher.add(call)
        else:
            call.future.set_result([[] for _ in groups])
        return call.future

    async def judge(self, recipe: Recipe, card: ToolCard, groups: Sequence[Group]) -> list[list[Judged]]:
        """`submit` for coroutines, on any event loop. Cancelling the coroutine cancels the work."""
        return await asyncio.wrap_future(self.submit(recipe, card, groups))

    def preload(self, modules: Iterable[str]) -> None:
        """Have modules loaded before workers are forked; see the class. Returns at once; what fails is left out."""
        names = list(modules)
        self._preload += [name for name in names if name not in self._preload]
        self._running().preload(names)

    def stats(self) -> dict[str, int]:
        """Figures for people: workers, busy, calls, queued, judged, forks, deaths, kills, retries, controls ..."""
        dispatcher = self._dispatcher
        if dispatcher is None:
            return {"workers": 0}
        workers = list(dispatcher.workers.values())
        calls = list(dispatcher.turns.calls)
        return {
            "workers": len(workers),
            "busy": sum(bool(worker.orders) for worker in workers),
            "calls": len(calls),
            "queued": sum(len(call.pending) + len(call.urgent) for call in calls),
            **dispatcher.counts,
        }

    def pids(self) -> list[int]:
        """Process ids of the workers that are alive, as far as known."""
        dispatcher = self._dispatcher
        return [w.pid for w in list(dispatcher.workers.values()) if w.pid is not None] if dispatcher else []

    def template_pid(self) -> int | None:
        """Process id of the template that forks the workers; None before the first use."""
        template = self._dispatcher.template if self._dispatcher else None
        return template.process.pid if template else None

    def close(self) -> None:
        """End all processes; what is open is settled as Fault.CANCELLED. Closing twice is harmless."""
        with self._lock:
            self._closed = True
            if self._finalizer is not None:
                self._finalizer()

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _running(self) -> Dispatcher:
        with self._lock:
            if self._closed:
                raise InputError("the worker pool is closed; make a new one")
            if self._dispatcher is None or not self._dispatcher.alive:
                self._dispatcher = Dispatcher(Turns(self.workers, *self._chunks))
                self._finalizer = weakref.finalize(self, self._dispatcher.stop)
                if self._preload:
                    self._dispatcher.preload(self._preload)
            return self._dispatcher

    def _tool(self, recipe: Recipe, card: ToolCard) -> ToolInUse:
        recent = self._recent.get((id(recipe), id(card)))
        if recent is not None:
            return recent[2]
        given, recipe = recipe, findable(recipe)
        key = (card.ref, pickle.dumps((recipe, card.timeout_s, card.memory_mib, card.low, card.high)))
        with self._lock:
            tool = self._tools.get(key)
            if tool is None:
                blob = pickle.dumps((recipe, [os.path.abspath(p) for p in sys.path]))  # noqa: PTH100
                tool = self._tools[key] = ToolInUse(len(self._tools) + 1, blob, card)
            if len(self._recent) >= MAX_RECENT:
                self._recent.clear()
            self._recent[id(given), id(card)] = (given, card, tool)
            return tool

    def _after_fork(self) -> None:
        if self._finalizer is not None:
            self._finalizer.detach()
        if self._dispatcher is not None:
            self._dispatcher.abandon()
        self._lock = threading.Lock()
        self._dispatcher = self._finalizer = None
        self._tools = {}
        self._recent = {}


def findable(recipe: Recipe) -> Recipe:
    """The recipe in a form that another process can follow: a tool of this script by its file, not as "__main__"."""
    if recipe.kind != "import" or recipe.file:
        return recipe
    module = sys.modules.get(recipe.where)
    file = getattr(module, "__file__", None)
    if file is None:
        return recipe
    path = str(Path(file).resolve())
    return replace(recipe, kind="file", where=path) if recipe.where == "__main__" else replace(recipe, file=path)


def usable_cores() -> int:
    """RLAR_WORKERS, or the cores that this process may use, by affinity and cgroup quota, shared among local ranks."""
    wanted = os.environ.get("RLAR_WORKERS", "").strip()
    if wanted:
        if not wanted.isdecimal() or int(wanted) < 1:
            raise InputError(f"RLAR_WORKERS must be a whole number from 1 on, got {wanted!r}")
        return int(wanted)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text("ascii").split()
        cores = min(cores, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        pass  # no cgroup, or "max"
    ranks = os.environ.get("LOCAL_WORLD_SIZE", "1")
    return max(1, cores // max(1, int(ranks) if ranks.isdecimal() else 1))


_pools: weakref.WeakSet[WorkerPool] = weakref.WeakSet()
_default: WorkerPool | None = None
_default_lock = threading.Lock()


def default_pool() -> WorkerPool:
    """The pool of this process, made on first use and closed at exit. A forked child makes its own."""
    global _default
    with _default_lock:
        if _default is None or _default._closed:
            _default = WorkerPool()
        return _default


def _close_default() -> None:
    if _default is not None:
        _default.close()


def _forked() -> None:
    global _default_lock
    _default_lock = threading.Lock()
    for pool in list(_pools):
        pool._after_fork()


atexit.register(_close_default)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
