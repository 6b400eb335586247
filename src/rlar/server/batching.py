"""Requests of many callers judged together, by lanes: one lane per set of tools, so that a slow judge holds up nobody
who asked for maths.

There is no timer: a lane that is idle starts at once with what is there, and what comes while it is busy is the next
batch. What is waiting or being judged is bounded; more is refused at the door (`Overloaded`).
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from rlar.adapters.ledger import Scored
from rlar.adapters.scorer import Group, Scorer


class OverloadedError(Exception):
    """Too much is waiting. retry_after_s: when it may be worth to ask again."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"too much is waiting; try again in {retry_after_s:g} s")
        self.retry_after_s = retry_after_s


@dataclass(slots=True)
class _Waiting:
    group: Group
    deadline: float  # time.monotonic()
    answer: asyncio.Future[list[Scored]]


@dataclass(slots=True)
class Lane:
    """running: batches being judged. load: responses waiting or being judged."""

    waiting: deque[_Waiting] = field(default_factory=deque)
    running: int = 0
    load: int = 0


class Batcher:
    """For one event loop. queue: responses that may wait or be judged, over all lanes; lane_queue: in one of them.

    batch: responses judged in one call. parallel: calls at once in one lane.
    """

    def __init__(
        self, scorer: Scorer, *, queue: int = 50_000, lane_queue: int | None = None, batch: int = 512, parallel: int = 2
    ) -> None:
        self.scorer = scorer
        self.queue = queue
        self.lane_queue = lane_queue or max(1, queue * 3 // 4)
        self.batch = batch
        self.parallel = parallel
        self.load = 0
        self.lanes: OrderedDict[tuple[str, ...], Lane] = OrderedDict()
        self.batches = 0
        self._rate = 1000.0  # responses per second, a running mean
        self._tasks: set[asyncio.Task[None]] = set()

    async def score(self, groups_P: Sequence[Group], deadline_s: float) -> list[list[Scored]]:
        """All or nothing: raises OverloadedError before anything is taken in. Never raises for tools or responses."""
        placed = [(group, self._lane(group)) for group in groups_P]
        self._admit(placed)
        loop = asyncio.get_running_loop()
        deadline = time.monotonic() + deadline_s
        answers: list[asyncio.Future[list[Scored]]] = []
        for group, lane in placed:
            waiting = _Waiting(group, deadline, loop.create_future())
            lane.waiting.append(waiting)
            answers.append(waiting.answer)
        for lane in {id(lane): lane for _, lane in placed}.values():
            self._start(lane)
        return [await answer for answer in answers]

    async def drain(self) -> None:
        """Wait until everything that was taken in is answered."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _lane(self, group: Group) -> Lane:
        """Where this query is judged. A group that has to meet others waits in a lane of its own kind."""
        tools = self.scorer.tools_of(group.query)
        key = tools if group.whole else ("meeting", *tools)
        lane = self.lanes.get(key)
        if lane is None:
            lane = self.lanes[key] = Lane()
            if len(self.lanes) > 1000:  # sets of tools are few; this is for routers that make names up
                for old in [k for k, found in self.lanes.items() if not found.load and found is not lane]:
                    del self.lanes[old]
        return lane

    def _admit(self, placed: Sequence[tuple[Group, Lane]]) -> None:
        new = sum(len(group.responses) for group, _ in placed)
        if self.load and self.load + new > self.queue:
            raise OverloadedError(self._patience(self.load + new - self.queue))
        for group, lane in placed:
            if lane.load and lane.load + len(group.responses) > self.lane_queue:
                raise OverloadedError(self._patience(lane.load))
        for group, lane in placed:
            lane.load += len(group.responses)
        self.load += new

    def _patience(self, responses: int) -> float:
        return float(min(30, max(1, round(responses / self._rate))))

    def _start(self, lane: Lane) -> None:
        """Meetings are not batched: each waits for people, not for processors."""
        while lane.waiting and (lane.running < self.parallel or not lane.waiting[0].group.whole):
            taken = [lane.waiting.popleft()]
            size = len(taken[0].group.responses)
            while lane.waiting and size < self.batch and taken[0].group.whole:
                taken.append(lane.waiting.popleft())
                size += len(taken[-1].group.responses)
            lane.running += 1
            task = asyncio.create_task(self._judge(lane, taken))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _judge(self, lane: Lane, taken: Sequence[_Waiting]) -> None:
        started = time.monotonic()
        size = sum(len(w.group.responses) for w in taken)
        try:
            left = max(w.deadline for w in taken) - started
            scored = await self.scorer.score([w.group for w in taken], deadline_s=max(0.001, left))
            for w, group in zip(taken, scored, strict=True):
                if not w.answer.done():
                    w.answer.set_result(group)
        except BaseException as e:
            for w in taken:
                if not w.answer.done():
                    w.answer.set_exception(e if isinstance(e, Exception) else asyncio.CancelledError())
            raise
        finally:
            lane.running -= 1
            lane.load -= size
            self.load -= size
            self.batches += 1
            self._rate = 0.9 * self._rate + 0.1 * size / max(1e-4, time.monotonic() - started)
            self._start(lane)
