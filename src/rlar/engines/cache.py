"""Identical questions to a tool are judged once: in memory, in flight across callers, and in a file if wanted.

A judgement is the same if the tool's ref (name and content hash), the query's key and the response are. Only values are
kept; a fault is told to those who wait for this very judgement and then forgotten, so that the next one tries again.
For tools that judge each response by itself (Scope.RESPONSE); a group tool's verdict depends on the other responses.

    cache = VerdictCache()
    verdicts_PG = await cache.judge_many(tool.card, groups, tool.judge_many)
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import sqlite3
import threading
import weakref
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from hashlib import blake2b
from pathlib import Path

from rlar.errors import InputError
from rlar.types import Mark, Query, Response, Scope, ToolCard, Verdict

Group = tuple[Query, Sequence[Response]]
JudgeMany = Callable[[Sequence[Group]], Awaitable[list[list[Verdict]]]]
_COMMIT_EVERY = 500  # marks; close() writes the rest
_SCHEMA = "CREATE TABLE IF NOT EXISTS marks (key BLOB PRIMARY KEY, mark TEXT NOT NULL) WITHOUT ROWID"


class VerdictCache:
    """Marks by tool, query and response. For any number of threads, event loops and (with a file) processes.

    size: how many marks are kept in memory, the latest used ones; about 400 bytes each. file: SQLite database that
    keeps all of them between runs; None for none. It grows without bound: delete it to empty it.
    Raises InputError if the file is something else.
    """

    def __init__(self, size: int = 50_000, file: Path | None = None) -> None:
        if size < 1:
            raise InputError(f"a cache needs room for at least one mark, got size={size}")
        self.size = size
        self.counts: Counter[str] = Counter()
        self._marks: OrderedDict[bytes, Mark] = OrderedDict()
        self._flying: dict[bytes, Future[Verdict]] = {}
        self._lock = threading.Lock()
        self._file = _MarkFile(file) if file is not None else None
        _caches.add(self)

    @staticmethod
    def key(tool: str, query: Query, response: Response) -> bytes:
        """16 bytes; tool: its ref, "name@version"."""
        head = f"{tool}\0{query.key}\0".encode()
        return blake2b(head + response.encode("utf-8", "surrogatepass"), digest_size=16).digest()

    def get(self, key: bytes) -> Mark | None:
        with self._lock:
            mark = self._marks.get(key)
            if mark is not None:
                self._marks.move_to_end(key)
            elif self._file is not None and (mark := self._file.get(key)) is not None:
                self._keep(key, mark)
            self.counts["misses" if mark is None else "hits"] += 1
            return mark

    def put(self, key: bytes, mark: Mark) -> None:
        with self._lock:
            self._keep(key, mark)
            if self._file is not None:
                self._file.put(key, mark)

    async def judge_many(self, card: ToolCard, groups: Sequence[Group], judge: JudgeMany) -> list[list[Verdict]]:
        """What `judge` would say of these groups; it is asked only for what nobody knows or is asking already.

        Same order as given; verdicts out of the cache cost nothing. Whatever `judge` raises is raised here, and another
        caller who waits for it asks for itself. Tools with Scope.GROUP are passed through.
        """
        if card.scope is Scope.GROUP:
            return await judge(groups)
        keys_PG = [[self.key(card.ref, query, response) for response in responses] for query, responses in groups]
        found: dict[bytes, Verdict] = {}
        while True:
            mine, others = self._claim(card, [key for keys in keys_PG for key in keys if key not in found], found)
            if mine:
                found.update(await self._ask(groups, keys_PG, mine, judge))
            if not others:
                return [[found[key] for key in keys] for keys in keys_PG]
            for key, future in others.items():
                with contextlib.suppress(_AbandonedError):  # its asker gave up: the next round asks for it
                    found[key] = await asyncio.wrap_future(future)

    def close(self) -> None:
        """Write what is not written yet. The cache in memory stays usable."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def __enter__(self) -> VerdictCache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _keep(self, key: bytes, mark: Mark) -> None:
        self._marks[key] = mark
        self._marks.move_to_end(key)
        while len(self._marks) > self.size:
            self._marks.popitem(last=False)

    def _claim(
        self, card: ToolCard, keys: Sequence[bytes], found: dict[bytes, Verdict]
    ) -> tuple[dict[bytes, Future[Verdict]], dict[bytes, Future[Verdict]]]:
        """Those that this caller is to ask for, and those that others are asking for; known ones go to `found`."""
        mine: dict[bytes, Future[Verdict]] = {}
        others: dict[bytes, Future[Verdict]] = {}
        for key in dict.fromkeys(keys):
            mark = self.get(key)
            if mark is not None:
                found[key] = Verdict(card.ref, mark.value, None, mark.why, mark.confidence, mark.terms)
                continue
            with self._lock:
                flying = self._flying.get(key)
                if flying is None:
                    mine[key] = self._flying[key] = Future()
                    mine[key].set_running_or_notify_cancel()  # so that nobody who only waits can cancel it
                else:
                    others[key] = flying
                    self.counts["shared"] += 1
        return mine, others

    async def _ask(
        self,
        groups: Sequence[Group],
        keys_PG: Sequence[Sequence[bytes]],
        mine: dict[bytes, Future[Verdict]],
        judge: JudgeMany,
    ) -> dict[bytes, Verdict]:
        todo: list[tuple[Query, list[Response], list[bytes]]] = []
        left = set(mine)
        for (query, responses), keys in zip(groups, keys_PG, strict=True):
            wanted: list[tuple[Response, bytes]] = []
            for response, key in zip(responses, keys, strict=True):
                if key in left:
                    left.discard(key)
                    wanted.append((response, key))
            if wanted:
                todo.append((query, [r for r, _ in wanted], [k for _, k in wanted]))
        found: dict[bytes, Verdict] = {}
        try:
            answers = await judge([(query, responses) for query, responses, _ in todo])
            for (_, _, keys), verdicts in zip(todo, answers, strict=True):
                for key, verdict in zip(keys, verdicts, strict=True):
                    found[key] = verdict
                    if verdict.value is not None:
                        self.put(key, Mark(verdict.value, verdict.why, verdict.terms, verdict.confidence))
            return found
        finally:
            with self._lock:
                for key in mine:
                    del self._flying[key]
            for key, future in mine.items():
                if key in found:
                    future.set_result(found[key])
                else:
                    future.set_exception(_AbandonedError())


_caches: weakref.WeakSet[VerdictCache] = weakref.WeakSet()


def _forked() -> None:
    """In a forked child nobody works on what was in flight, and nobody will release a lock that was held."""
    for cache in list(_caches):
        cache._lock = threading.Lock()
        cache._flying = {}


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


class _AbandonedError(Exception):
    """The caller that was to judge this was cancelled or failed."""


class _MarkFile:
    """The marks in a SQLite file. A failing disk costs the file, never a judgement. Calls are made under a lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.waiting: list[tuple[bytes, str]] = []
        self.abandoned: list[sqlite3.Connection] = []  # a connection must not cross a fork, nor be closed after one
        path.parent.mkdir(parents=True, exist_ok=True)
        self._open()

    def _open(self) -> None:
        self.pid = os.getpid()
        self.connection = sqlite3.connect(self.path, timeout=10.0, check_same_thread=False, isolation_level=None)
        try:
            self.connection.execute("PRAGMA journal_mode=WAL")
            self.connection.execute("PRAGMA synchronous=NORMAL")
            self.connection.execute(_SCHEMA)
            self.connection.execute("SELECT key, mark FROM marks LIMIT 1").fetchall()
        except sqlite3.DatabaseError as e:
            self.connection.close()
            raise InputError(f"{self.path} cannot be used as a cache of verdicts ({e}); name another file") from e

    def _mine(self) -> sqlite3.Connection:
        if self.pid != os.getpid():
            self.abandoned.append(self.connection)
            self.waiting = []  # the parent writes them
            self._open()
        return self.connection

    def get(self, key: bytes) -> Mark | None:
        """None also for a row that holds no sound mark."""
        try:
            row = self._mine().execute("SELECT mark FROM marks WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            value, why, terms, confidence = json.loads(row[0])
            mark = Mark(float(value), str(why), {str(k): float(v) for k, v in terms.items()}, confidence)
        except (sqlite3.Error, InputError, ValueError, TypeError, AttributeError):
            return None
        return mark if all(map(math.isfinite, (mark.value, *mark.terms.values()))) else None

    def put(self, key: bytes, mark: Mark) -> None:
        self._mine()
        self.waiting.append((key, json.dumps([mark.value, mark.why, dict(mark.terms), mark.confidence])))
        if len(self.waiting) >= _COMMIT_EVERY:
            self.write()

    def write(self) -> None:
        with contextlib.suppress(sqlite3.Error, InputError):
            connection = self._mine()
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.executemany("INSERT OR REPLACE INTO marks VALUES (?, ?)", self.waiting)
                connection.execute("COMMIT")
            except sqlite3.Error:
                connection.execute("ROLLBACK")
        self.waiting = []

    def close(self) -> None:
        self.write()
        self.connection.close()
