"""Where the members of a group meet that a trainer sends one by one, or split over its ranks.

A tool that compares the responses of a group needs all of them. Whoever has some of them joins under the group's key
and waits; the last one to come has the whole group judged once, and each gets its own part of the answer.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from rlar.types import Response

T = TypeVar("T")


class NotAllCameError(Exception):
    """The time was up before the group was complete, and a partial group is not to be judged."""


@dataclass(slots=True)
class _Table(Generic[T]):
    """Those who wait under one key. seats: their responses, and where each will find its answer."""

    seats: list[tuple[tuple[Response, ...], Future[list[T]]]] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(len(responses) for responses, _ in self.seats)


class MeetingPoint(Generic[T]):
    """For all threads and event loops of one process; other processes meet through a server that holds one.

    wait_s: wall seconds from one's own arrival. judge_partial: have those who came judged when the time is up, instead
    of giving up. Who comes after that opens a new meeting. `incomplete` counts the meetings that were not complete.
    """

    def __init__(self, wait_s: float, *, judge_partial: bool = False) -> None:
        self.wait_s = wait_s
        self.judge_partial = judge_partial
        self.incomplete = 0
        self._tables: dict[str, _Table[T]] = {}
        self._lock = threading.Lock()

    async def join(
        self,
        key: str,
        responses: Sequence[Response],
        expected: int,
        judge: Callable[[Sequence[Response]], Awaitable[list[T]]],
        *,
        wait_s: float | None = None,
    ) -> list[T]:
        """One answer per response of one's own, same order.

        expected: responses in the whole group. judge: gives one answer per response; it is called once, by the last to
        come, with all responses sorted by content, so that the order of arrival changes nothing.
        wait_s: at most this, where the caller has less time than the others.
        Raises NotAllCameError, or what `judge` raised.
        """
        mine: Future[list[T]] = Future()
        mine.set_running_or_notify_cancel()  # so that a cancelled waiter cannot take its seat away
        with self._lock:
            table = self._tables.setdefault(key, _Table())
            table.seats.append((tuple(responses), mine))
            last = table.count >= expected
            if last:
                del self._tables[key]
        told = asyncio.wrap_future(mine)
        if last:
            await self._settle(table, judge, told)
        else:
            patience = self.wait_s if wait_s is None else min(wait_s, self.wait_s)
            await asyncio.wait([told], timeout=patience)
            if not mine.done() and self._take(key, table):
                self.incomplete += 1
                if self.judge_partial:
                    await self._settle(table, judge, told)
                else:
                    _refuse(table, NotAllCameError(f"{table.count} of {expected} responses came within {patience:g} s"))
        return await told

    def _take(self, key: str, table: _Table[T]) -> bool:
        """Whether this table was still open, and is now the caller's to settle."""
        with self._lock:
            if self._tables.get(key) is not table:
                return False
            del self._tables[key]
            return True

    @staticmethod
    async def _settle(
        table: _Table[T], judge: Callable[[Sequence[Response]], Awaitable[list[T]]], told: asyncio.Future[list[T]]
    ) -> None:
        """told: the settler's own seat, which nobody looks at any more if `judge` raises."""
        places = [
            (response, s, i) for s, (responses, _) in enumerate(table.seats) for i, response in enumerate(responses)
        ]
        places.sort(key=lambda place: place[0])
        try:
            answers = await judge([response for response, _, _ in places])
        except BaseException as e:
            # Also for a cancelled caller: the others must not wait for somebody who is gone.
            told.cancel()
            _refuse(
                table, e if isinstance(e, Exception) else NotAllCameError("the one who had it judged was cancelled")
            )
            raise
        given: dict[tuple[int, int], T] = {(s, i): answer for (_, s, i), answer in zip(places, answers, strict=True)}
        for s, (responses, waiting) in enumerate(table.seats):
            if not waiting.done():
                waiting.set_result([given[s, i] for i in range(len(responses))])


def _refuse(table: _Table[T], why: Exception) -> None:
    for _, waiting in table.seats:
        if not waiting.done():
            waiting.set_exception(why)
