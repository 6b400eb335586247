"""The run behind `rlar score`: read ahead, judge in batches, write in order; resumable at any moment."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from rlar.cli.lines import output_line
from rlar.cli.tally import Tally
from rlar.errors import InputError
from rlar.rollouts import Item, Writer
from rlar.types import Decision, Json, Query, Response, Reward

BATCH_ITEMS = 256
BATCH_CHARACTERS = 8_000_000  # of prompts and responses; a batch of huge responses is cut here
IN_FLIGHT = 2  # while one batch's last responses are judged, the next one keeps the workers busy


class Scorer(Protocol):
    """The half of RewardSystem that a run needs."""

    def decide(self, query: Query, /) -> Decision: ...

    async def score_batch(
        self, queries_P: Sequence[Query], responses_PG: Sequence[Sequence[Response]], /
    ) -> list[list[Reward]]: ...


class Batch(NamedTuple):
    """Items read together. read: bytes of input read when the last of them was, None where that is unknown."""

    items: list[Item]
    read: int | None


@dataclass(slots=True)
class Seen:
    """What is told about each item, in input order. rewards_G: None for a line of an earlier run."""

    item: Item
    decision: Decision
    line: Mapping[str, Json]
    rewards_G: Sequence[Reward] | None


def batches(items: Iterable[Item], *, most: int = BATCH_ITEMS, read: Callable[[], int | None]) -> Iterator[Batch]:
    """Items in batches of at most `most` items and about BATCH_CHARACTERS characters; none is empty."""
    batch: list[Item] = []
    characters = 0
    for item in items:
        batch.append(item)
        characters += len(item.query.text) + sum(map(len, item.responses))
        if len(batch) >= most or characters >= BATCH_CHARACTERS:
            yield Batch(batch, read())
            batch, characters = [], 0
    if batch:
        yield Batch(batch, read())


class Run:
    """One pass over the input.

    writer: where lines go; None writes none. tally: counts them. on_item, on_batch: told in input order.
    """

    def __init__(
        self,
        system: Scorer,
        *,
        writer: Writer | None = None,
        on_item: Callable[[Seen], None] = lambda _: None,
        on_batch: Callable[[Batch], None] = lambda _: None,
    ) -> None:
        self.tally = Tally()
        self._system = system
        self._writer = writer
        self._on_item = on_item
        self._on_batch = on_batch

    async def over(self, incoming: Iterator[Batch]) -> None:
        """Judge every batch and write its lines in order.

        Lines that the writer kept from an earlier run are matched with the first items: ids, counts and tools must be
        the same, else InputError says what differs. Cancelling (Ctrl-C) ends it between two lines.
        """
        earlier: Iterator[dict[str, Json]] = self._writer.kept_lines() if self._writer is not None else iter(())
        waiting: deque[tuple[Batch, list[dict[str, Json]], asyncio.Task[list[list[Reward]]]]] = deque()
        try:
            async for batch in _Ahead(incoming):
                old = list(itertools.islice(earlier, len(batch.items)))
                waiting.append((batch, old, asyncio.create_task(self._judge(batch.items[len(old) :]))))
                if len(waiting) >= IN_FLIGHT:
                    await self._finish(*waiting.popleft())
            while waiting:
                await self._finish(*waiting.popleft())
        finally:
            for _, _, judging in waiting:
                judging.cancel()
        if left := sum(1 for _ in earlier):
            raise InputError(f"--resume: the output has {left} lines more than the input has items; another input?")

    async def _judge(self, items: Sequence[Item]) -> list[list[Reward]]:
        if not items:
            return []
        return await self._system.score_batch([item.query for item in items], [item.responses for item in items])

    async def _finish(
        self, batch: Batch, old: list[dict[str, Json]], judging: asyncio.Task[list[list[Reward]]]
    ) -> None:
        for item, line in zip(batch.items, old, strict=False):
            decision = self._system.decide(item.query)
            _check_resumed(item, decision, line)
            self.tally.add(item, line, None)
            self._on_item(Seen(item, decision, line, None))
        for item, rewards_G in zip(batch.items[len(old) :], await judging, strict=True):
            decided = rewards_G[0].decision if rewards_G else None
            decision = decided or self._system.decide(item.query)
            line = output_line(item, decision, rewards_G)
            if self._writer is not None:
                self._writer.write(line)
            self.tally.add(item, line, [verdict for reward in rewards_G for verdict in reward.verdicts])
            self._on_item(Seen(item, decision, line, rewards_G))
        self._on_batch(batch)


def _check_resumed(item: Item, decision: Decision, line: Mapping[str, Json]) -> None:
    """Raises InputError if a kept line is not what this run would have written but for the rewards themselves."""
    count = len(line.get("rewards", ()))
    if line.get("id") != item.id or count != len(item.responses):
        raise InputError(
            f"--resume: the output goes on with {line.get('id')!r} and {count} rewards, the input with {item.id!r} and "
            f"{len(item.responses)} responses ({item.file}:{item.line}); it is another input: score it without --resume"
        )
    if line.get("tools") != list(decision.tools):
        raise InputError(
            f"--resume: {item.id!r} was judged by {', '.join(line.get('tools', ())) or 'nothing'} and would now be by "
            f"{', '.join(decision.tools) or 'nothing'}; score it without --resume, so that one ruler measures all"
        )


class _Ahead:
    """Batches that a thread reads while others are judged, one ahead.

    A daemon thread, because a read from a terminal or a pipe cannot be cancelled and Ctrl-C must not wait for it.
    """

    def __init__(self, incoming: Iterator[Batch]) -> None:
        self._incoming = incoming
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Batch | Exception | None] = asyncio.Queue(1)
        threading.Thread(target=self._read, name="rlar-reading", daemon=True).start()

    def __aiter__(self) -> _Ahead:
        return self

    async def __anext__(self) -> Batch:
        got = await self._queue.get()
        if got is None:
            raise StopAsyncIteration
        if isinstance(got, Exception):
            raise got
        return got

    def _read(self) -> None:
        end: Exception | None = None
        try:
            for batch in self._incoming:
                if not self._put(batch):
                    return
        except Exception as e:  # raised again where the run awaits the next batch
            end = e
        self._put(end)

    def _put(self, what: Batch | Exception | None) -> bool:
        """False if the loop has ended: nobody reads any more."""
        putting = self._queue.put(what)
        try:
            asyncio.run_coroutine_threadsafe(putting, self._loop).result()
        except (RuntimeError, asyncio.CancelledError):
            putting.close()
            return False
        return True
