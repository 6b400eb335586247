"""A verifier that somebody else wrote: loaded into the sandbox, fed with items, believed only as far as it is pure."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rlar.engines.sandbox.results import ItemError, Limits
from rlar.engines.sandbox.sessions import Item, LoadError, Score, Source, encode_item

if TYPE_CHECKING:
    from rlar.engines.sandbox.native import Pool, Worker
    from rlar.engines.sandbox.scripted import ScriptPool

PROBES = 4  # items by which a session is compared with fresh processes before it is used
PART = 512  # items that one slot takes at a time
AUDIT_EVERY = 1000  # items of sessions per one that is judged again in a fresh process


class Verifier:
    """`score(*args) -> number`, for items of plain data.

    A pure verifier (by a static check and by comparing on the first items) serves many items in one process; any other
    gets a fresh process for each item. mode: "session", "fresh", or "" before the first items. impure: the reasons.
    """

    def __init__(self, pool: Callable[[], Pool | ScriptPool], source: Source, *, frame: int = 1) -> None:
        self._pool = pool
        self._source = source
        self._frame = frame
        self._lock = threading.Lock()
        self._judged = 0
        self.mode = ""
        self.impure: list[str] = []

    async def judge(self, items: Sequence[Item | dict[str, Any]]) -> list[Score]:
        """One score or ItemError per item, in order; items are tuples of arguments, or dicts of them.

        What one item does (raise, hang, die, take the process over) changes no other item's score. Raises
        SandboxFault for the sandbox's own failures.
        """
        futures = await asyncio.to_thread(self._begin, items)
        parts = await asyncio.gather(*(asyncio.wrap_future(f) for f in futures))
        return [score for part in parts for score in part]

    def judge_sync(self, items: Sequence[Item | dict[str, Any]]) -> list[Score]:
        """`judge` for code without an event loop."""
        return [score for future in self._begin(items) for score in future.result()]

    def _begin(self, items: Sequence[Item | dict[str, Any]]) -> list[Future[list[Score]]]:
        encoded = [encode_item(item) for item in items]
        if not encoded:
            return []
        pool = self._pool()
        if not self.mode:
            with self._lock:
                if not self.mode and pool.scripted:
                    self.mode, self.impure = "fresh", ["this provider keeps no process between items"]
                elif not self.mode:
                    pool.submit(lambda w: self._admit(w, encoded[:PROBES])).result()
        size = max(1, min(PART, -(-len(encoded) // pool.size)))
        return [pool.submit(self._part(encoded[i : i + size])) for i in range(0, len(encoded), size)]

    def _part(self, items: list[bytes]) -> Callable[[Worker], list[Score]]:
        return lambda worker: self._judge(worker, items)

    def _admit(self, worker: Worker, probes: list[bytes]) -> None:
        """Decide the mode: static check, then probe items in both orders in sessions and alone must agree."""
        sessions = worker.sessions
        try:
            self.impure = worker.slot.attempt(lambda: sessions.admit(self._source))
        except LoadError as e:
            self.impure = [str(e)]
        if not self.impure:
            alone = [sessions.judge_fresh(self._source, item) for item in probes]
            for order in (1, -1):
                trial = replace(self._source, key=f"{self._source.key}{order}")
                together, same_data = sessions.judge_in_session(trial, probes[::order], 1)
                sessions.drop(trial)
                if not same_data or [_kind(s) for s in together[::order]] != [_kind(s) for s in alone]:
                    self.impure = ["its scores depend on the items before"]
        self.mode = "fresh" if self.impure else "session"

    def _judge(self, worker: Worker, items: list[bytes]) -> list[Score]:
        if self.mode == "session":
            sessions = worker.sessions
            scores, believed = sessions.judge_in_session(self._source, items, self._frame)
            if believed and self._audit(worker, items, scores):
                return scores
            sessions.drop(self._source)
            self.impure, self.mode = ["its scores depend on the items before"], "fresh"
        return [worker.judge_fresh(self._source, item) for item in items]

    def _audit(self, worker: Worker, items: list[bytes], scores: list[Score]) -> bool:
        """Judge a few items again in a fresh process: the last of a part after 1, 2, 4, ... and then every 1000."""
        before, after = self._judged, self._judged + len(items)
        self._judged = after
        due = after // AUDIT_EVERY > before // AUDIT_EVERY or before.bit_length() != after.bit_length()
        return not due or _kind(worker.sessions.judge_fresh(self._source, items[-1])) == _kind(scores[-1])


def _kind(score: Score) -> float | str:
    return score.kind if isinstance(score, ItemError) else score


def make_source(text: str, entry: str, limits: Limits, cpu_s: float, load_cpu_s: float) -> Source:
    """The verifier with its limits: those of the sandbox, with other times."""
    call = replace(limits, cpu_s=cpu_s, wall_s=None)
    load = replace(limits, cpu_s=load_cpu_s, wall_s=None)
    key = hashlib.sha256(f"{entry}\0{cpu_s}\0{load_cpu_s}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()
    return Source(text, entry, call, load, key)
