"""Whose turn it is: chunks for workers out of all open calls, fair between calls, small calls of one tool together."""

from __future__ import annotations

from collections import OrderedDict

from rlar.engines.workers.accounts import Assignment, Call, Group, Item, ToolInUse, Why

FIRST_ITEMS = 8  # of a chunk, while nobody knows what an item costs
MAX_SKIPPED = 64  # calls of other tools that are passed over when a chunk is filled up


class Turns:
    """All open calls. Calls with something to do stand in two rings, one for first tries and one for the rest.

    workers: how many there are to share with. chunk_s: CPU seconds that a chunk is to take; chunk_items,
    chunk_characters: its caps (one item may be longer).
    """

    def __init__(self, workers: int, chunk_s: float, chunk_items: int, chunk_characters: int) -> None:
        self.workers = workers
        self.chunk_s = chunk_s
        self.chunk_items = chunk_items
        self.chunk_characters = chunk_characters
        self.calls: set[Call] = set()
        self._batch: OrderedDict[Call, None] = OrderedDict()
        self._urgent: OrderedDict[Call, None] = OrderedDict()

    def add(self, call: Call) -> None:
        call.on_work, call.on_done = self._stand, self.drop
        call.tool.queued += len(call.pending)
        self.calls.add(call)
        self._stand(call)

    def drop(self, call: Call) -> None:
        """It is settled, or its caller has cancelled it: nothing more of it is handed out."""
        call.tool.queued -= len(call.pending)
        call.pending.clear()
        call.urgent.clear()
        call.keeps = None
        self.calls.discard(call)
        self._batch.pop(call, None)
        self._urgent.pop(call, None)

    @property
    def anything(self) -> bool:
        return bool(self._batch)

    @property
    def anything_urgent(self) -> bool:
        return bool(self._urgent)

    def next_urgent(self) -> Assignment | None:
        """One retry or control of the call whose turn it is."""
        while self._urgent:
            call, _ = self._urgent.popitem(last=False)
            while call.urgent:
                assignment = call.urgent.popleft()
                if assignment.wanted:
                    self._stand(call)
                    return assignment
        return None

    def next_batch(self, *, ahead: bool = False) -> Assignment | None:
        """The next chunk. ahead: for a worker that has one already: only if there is plenty left.

        Near the end a chunk handed out ahead would only make workers finish unevenly.
        """
        while self._batch:
            call, _ = self._batch.popitem(last=False)
            tool = call.tool
            size = self.size(tool)
            if ahead and (tool.item_s is None or tool.queued <= size * self.workers):
                self._batch[call] = None
                self._batch.move_to_end(call, last=False)
                return None
            parts: list[tuple[Group, list[Item]]] = []
            items, characters = call.take(parts, size, self.chunk_characters)
            self._stand(call)
            if items < size:
                self._fill(parts, tool, size - items, self.chunk_characters - characters)
            if parts:
                return Assignment(tool, Why.BATCH, parts)
        return None

    def size(self, tool: ToolInUse) -> int:
        """Items that take about chunk_s, but so few that all workers get some."""
        share = -(-tool.queued // self.workers)
        if tool.item_s is None:
            return max(1, min(FIRST_ITEMS, share))
        wanted = self.chunk_s / max(tool.item_s, 1e-6)
        least = wanted / 20  # below it, handing out costs more than sharing brings
        return int(max(1, min(wanted, self.chunk_items, max(share, least))))

    def _fill(self, parts: list[tuple[Group, list[Item]]], tool: ToolInUse, items: int, characters: int) -> None:
        skipped: list[Call] = []
        while items > 0 and characters > 0 and self._batch and len(skipped) < MAX_SKIPPED:
            call, _ = self._batch.popitem(last=False)
            if call.tool is not tool:
                skipped.append(call)
                continue
            got, length = call.take(parts, items, characters)
            items -= got
            characters -= length
            self._stand(call)
        for call in reversed(skipped):
            self._batch[call] = None
            self._batch.move_to_end(call, last=False)

    def _stand(self, call: Call) -> None:
        if call in self.calls:
            if call.pending:
                self._batch.setdefault(call)
            if call.urgent:
                self._urgent.setdefault(call)
