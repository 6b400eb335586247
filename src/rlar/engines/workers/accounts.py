"""The books: which response is where, what it has met so far, and which of the three outcomes that makes.

A response that breaks the tool (exception, CPU limit, memory, death of the process) is judged again, alone, on a fresh
worker. If it breaks it again, controls decide: the same tool on the same query judges harmless texts on a fresh worker.
A control breaks the tool -> the tool is broken: a fault. The controls pass -> it is the response: the card's low end.
prepare() never sees a response; if it breaks twice, that is a fault for the whole group.
No processes and no clocks in here, so that every path can be tested as plain data.
"""

from __future__ import annotations

import contextlib
import itertools
import pickle
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from enum import Enum

from rlar.engines.workers import Judged
from rlar.engines.workers.board import Position, Stage
from rlar.engines.workers.wire import Broke, GarbledError, Order, Record
from rlar.engines.workers.worker import HARMLESS
from rlar.types import Fault, Mark, Query, ToolCard

FIRST_SHARE = 0.25  # of the card's timeout_s for the first try; the retry has the rest, so that both fit into it
WARM_EXTRA_S = 2.0  # CPU seconds that the lazy imports of a tool may take, beyond its timeout_s
MAX_LOST = 5  # deaths with another cause (killed from outside) until one is held against the item after all

_order_ids = itertools.count(1)
_group_keys = itertools.count(1)


class Why(Enum):
    """What an assignment is for. ALONE and CONTROL go to a fresh worker."""

    BATCH = "batch"
    ALONE = "alone"
    CONTROL = "control"


@dataclass(eq=False, slots=True)
class ToolInUse:
    """One tool (recipe, version and limits) as this pool knows it.

    item_s: CPU seconds per item, a moving mean; None at first. queued: items of all calls that wait for a first try.
    warm: whether workers may judge a harmless text first; load_losses: deaths while loading since it last worked.
    """

    number: int
    blob: bytes
    card: ToolCard
    item_s: float | None = None
    queued: int = 0
    warm: bool = True
    load_losses: int = 0

    def learn(self, seconds: float, items: int) -> None:
        if items:
            mean = seconds / items
            self.item_s = mean if self.item_s is None else 0.7 * self.item_s + 0.3 * mean


@dataclass(eq=False, slots=True)
class Item:
    """One distinct response of a group. places: (group, response) indices of the caller that it answers.

    broke: how it broke the tool the first time. lost: how often its worker died of something else.
    """

    group: Group
    response: str
    places: list[tuple[int, int]] = field(default_factory=list)
    broke: Broke | None = None
    lost: int = 0
    seconds: float = 0.0
    judged: Judged | None = None


@dataclass(eq=False, slots=True)
class Group:
    """All distinct responses to one query within one call.

    prepare_retry: who tries prepare() again on a fresh worker; parked: who waits for that.
    controls: None: not known; True: passed; Broke: how the tool broke. accused: who waits for that.
    """

    call: Call
    query: Query
    key: int = field(default_factory=lambda: next(_group_keys))
    items: dict[str, Item] = field(default_factory=dict)
    blob: bytes = b""
    prepare_broke: Broke | None = None
    prepare_retry: Item | None = None
    parked: list[Item] = field(default_factory=list)
    controls: bool | Broke | None = None
    accused: list[tuple[Item, Broke]] = field(default_factory=list)

    def pickled(self) -> bool:
        """Make `blob`; if the query cannot be pickled, that settles the group, and False is returned."""
        if not self.blob:
            try:
                self.blob = pickle.dumps(self.query, pickle.HIGHEST_PROTOCOL)
            except Exception as e:
                why = f"the query cannot be sent to a worker: {type(e).__name__}: {e}"
                self.settle(Broke(Fault.CRASHED, why))
                return False
        return True

    def settle(self, broke: Broke) -> None:
        """A fault for all responses that are not settled yet."""
        self.parked = []
        self.prepare_retry = None
        for item in self.items.values():
            self.call.settle_fault(item, broke)

    def prepare_failed(self, members: list[Item], broke: Broke) -> None:
        """members: those that were to be judged after this prepare()."""
        broke = broke._replace(why=f"prepare() broke: {broke.why}")
        retried = self.prepare_retry is not None and self.prepare_retry in members
        if broke.at_once or retried or (self.prepare_broke is not None and self.prepare_retry is None):
            self.settle(broke)
        elif self.prepare_broke is None and members:
            self.prepare_broke = broke
            self.prepare_retry = members[0]
            self.parked += members[1:]
            self.call.alone(members[0])
        else:
            self.parked += members

    def prepare_passed(self, item: Item) -> None:
        """`item` got past prepare(); if it was the one to try, the others may follow."""
        if self.prepare_retry is item:
            self.prepare_retry = None
            parked, self.parked = self.parked, []
            self.call.put_back(parked)

    def accuse(self, item: Item, broke: Broke) -> None:
        """The item has broken the tool twice; the controls say whose fault it is."""
        if self.controls is None:
            self.accused.append((item, broke))
            if len(self.accused) == 1:
                self.call.ask_controls(self)
        elif isinstance(self.controls, Broke):
            why = f"{self.controls.why}; on the response: {broke.why}"
            self.call.settle_fault(item, self.controls._replace(why=why))
        else:
            low = self.call.tool.card.low
            mark = Mark(low, why=f"broke the tool: {broke.why}")
            self.call.settle(item, Judged(mark, None, "", item.seconds))

    def control_answered(self, text: str, outcome: Mark | Broke, *, last: bool) -> None:
        if isinstance(outcome, Broke):
            shown = text if len(text) <= 80 else text[:77] + "..."
            self.controls_known(outcome._replace(why=f"broke on the harmless {shown!r}: {outcome.why}"))
        elif last:
            self.controls_known(True)

    def controls_known(self, found: bool | Broke) -> None:
        if self.controls is None:
            self.controls = found
            accused, self.accused = self.accused, []
            for item, broke in accused:
                self.accuse(item, broke)


@dataclass(eq=False, slots=True)
class Assignment:
    """What one worker was given, of one or several calls that use one tool.

    open: (group, item) positions that it has not answered yet. seconds, answered: its cost so far, for how many.
    """

    tool: ToolInUse
    why: Why
    parts: list[tuple[Group, list[Item]]]
    id: int = field(default_factory=lambda: next(_order_ids))
    open: dict[tuple[int, int], Item] = field(default_factory=dict)
    seconds: float = 0.0
    answered: int = 0

    def __post_init__(self) -> None:
        for g, (_, items) in enumerate(self.parts):
            for i, item in enumerate(items):
                self.open[g, i] = item

    @property
    def cpu_s(self) -> float:
        share = FIRST_SHARE if self.why is Why.BATCH else 1.0 - FIRST_SHARE
        return self.tool.card.timeout_s * share

    @property
    def warm_s(self) -> float:
        return self.tool.card.timeout_s + WARM_EXTRA_S if self.tool.warm else 0.0

    @property
    def wanted(self) -> bool:
        """False once everything in it has been settled otherwise, or cancelled."""
        return any(item.judged is None and not item.group.call.future.cancelled() for item in self.open.values())

    def order(self) -> Order:
        tool, card = self.tool, self.tool.card
        groups = [(g.key, g.blob, [item.response for item in items]) for g, items in self.parts]
        limits = (self.cpu_s, card.memory_mib, card.low, card.high)
        return Order(self.id, tool.number, tool.blob, *limits, self.warm_s, groups)

    def answer(self, record: Record) -> None:
        """Take one line of a reply. Raises GarbledError for what was never asked."""
        outcome = record.outcome
        self.seconds += record.seconds
        if record.item == -1 and not isinstance(outcome, Broke):
            raise GarbledError("a mark for no response")
        if record.group == -1 and isinstance(outcome, Broke):
            self._not_loaded(outcome)
        elif not 0 <= record.group < len(self.parts):
            raise GarbledError(f"an answer for group {record.group} of {len(self.parts)}")
        elif record.item == -1 and isinstance(outcome, Broke):
            self._prepare_broke(record.group, outcome)
        else:
            item = self.open.pop((record.group, record.item), None)
            if item is None:
                raise GarbledError(f"an answer for response {record.item} of group {record.group}, which is not open")
            item.seconds += record.seconds
            self.answered += 1
            self.tool.load_losses = 0
            self._met(item, outcome)

    def lost(self, at: Position, broke: Broke, *, outside: bool) -> None:
        """The worker is gone. at: where it was last. outside: somebody else killed it, so nobody is to blame yet."""
        here = at.order == self.id
        if here and at.stage == Stage.WARM:
            self.tool.warm &= outside  # else let the limits of single items tell what is wrong
        elif here and at.stage == Stage.LOAD:
            self.tool.load_losses += 1
            if self.tool.load_losses > (10 * MAX_LOST if outside else 1):
                self._not_loaded(broke)
        elif here and at.stage == Stage.PREPARE and 0 <= at.group < len(self.parts) and not outside:
            self._prepare_broke(at.group, broke)
        elif here and at.stage == Stage.RATE and (at.group, at.item) in self.open:
            self._lost_item((at.group, at.item), broke, outside=outside)
        elif here or not outside:  # else it had not even begun
            for key in list(self.open):
                self._lost_item(key, broke, outside=True)
        self.give_back()

    def give_back(self) -> None:
        """Nobody will answer what is still open, and that is not its fault: it goes back in front."""
        items = [item for item in self.open.values() if item.judged is None]
        self.open.clear()
        if not items:
            return
        if self.why is Why.CONTROL:
            group = items[0].group
            group.call.ask_controls(group, lost=items[0].lost)
            return
        suspects = [item for item in items if self.why is Why.ALONE or item.lost >= MAX_LOST - 1]
        for item in suspects:
            item.group.call.alone(item)
        back: dict[Call, list[Item]] = {}
        for item in items:
            if item not in suspects:
                back.setdefault(item.group.call, []).append(item)
        for call, innocent in back.items():
            call.put_back(innocent)

    def _met(self, item: Item, outcome: Mark | Broke) -> None:
        group = item.group
        if self.why is Why.CONTROL:
            group.control_answered(item.response, outcome, last=not self.open)
            return
        group.prepare_passed(item)
        if isinstance(outcome, Mark):
            group.call.settle(item, Judged(outcome, None, "", item.seconds))
        elif outcome.at_once:
            group.call.settle_fault(item, outcome)
        elif item.broke is None:
            item.broke = outcome
            group.call.alone(item)
        else:
            group.accuse(item, outcome)

    def _lost_item(self, key: tuple[int, int], broke: Broke, *, outside: bool) -> None:
        item = self.open[key]
        item.lost += outside
        if outside and item.lost < MAX_LOST:
            return  # it goes back with the others
        del self.open[key]
        item.lost = 0
        if broke.fault is Fault.TIMEOUT:
            item.seconds += self.cpu_s
        self._met(item, broke)

    def _prepare_broke(self, position: int, broke: Broke) -> None:
        group = self.parts[position][0]
        keys = [key for key in self.open if key[0] == position]
        members = [self.open.pop(key) for key in keys]
        if self.why is Why.CONTROL:
            group.controls_known(broke._replace(why=f"prepare() broke: {broke.why}"))
        else:
            group.prepare_failed(members, broke)

    def _not_loaded(self, broke: Broke) -> None:
        """Loading sees neither query nor response, so there is nothing to try again."""
        broke = broke._replace(why=f"the tool cannot be loaded: {broke.why}")
        items = list(self.open.values())
        self.open.clear()
        for item in items:
            if self.why is Why.CONTROL:
                item.group.controls_known(broke)
            else:
                item.group.prepare_passed(item)
                item.group.call.settle_fault(item, broke)


class Call:
    """One submit(): its items, and its future, which is done when every item is settled.

    on_work: called when it has something to hand out (again); on_done: when all is settled.
    pending: items that wait for a first try; urgent: retries and controls.
    """

    def __init__(self, tool: ToolInUse, groups: Sequence[tuple[Query, Sequence[str]]]) -> None:
        self.tool = tool
        self.future: Future[list[list[Judged]]] = Future()
        self.on_work: Callable[[Call], None] = _nothing
        self.on_done: Callable[[Call], None] = _nothing
        self.shape = [len(responses) for _, responses in groups]
        self.pending: deque[Item] = deque()
        self.urgent: deque[Assignment] = deque()
        by_query: dict[Query, Group] = {}
        for g, (query, responses) in enumerate(groups):
            group = by_query.get(query)
            if group is None:
                group = by_query[query] = Group(self, query)
            for r, response in enumerate(responses):
                item = group.items.get(response)
                if item is None:
                    item = group.items[response] = Item(group, response)
                    self.pending.append(item)
                item.places.append((g, r))
        self.keeps: object = None  # what must not be collected before this is done
        self.items = list(self.pending)
        self.left = len(self.items)

    def take(self, parts: list[tuple[Group, list[Item]]], most_items: int, most_characters: int) -> tuple[int, int]:
        """Move the next items to `parts`; at least one, however long. Returns how many, and their characters."""
        count = characters = 0
        while self.pending and count < most_items and characters < most_characters:
            item = self.pending.popleft()
            self.tool.queued -= 1
            if item.judged is not None or not item.group.pickled():
                continue
            if parts and parts[-1][0] is item.group:
                parts[-1][1].append(item)
            else:
                parts.append((item.group, [item]))
            count += 1
            characters += len(item.response)
        return count, characters

    def put_back(self, items: Sequence[Item]) -> None:
        """Items that are to be tried as if they never had been, in front of all others."""
        self.pending.extendleft(reversed(items))
        self.tool.queued += len(items)
        self.on_work(self)

    def alone(self, item: Item) -> None:
        if item.judged is None and item.group.pickled():
            self.urgent.append(Assignment(self.tool, Why.ALONE, [(item.group, [item])]))
            self.on_work(self)

    def ask_controls(self, group: Group, lost: int = 0) -> None:
        """Judge harmless texts: the reference, if it is text, and a plain sentence."""
        reference = group.query.reference
        texts = [reference, HARMLESS] if isinstance(reference, str) and reference.strip() else [HARMLESS]
        self.urgent.append(Assignment(self.tool, Why.CONTROL, [(group, [Item(group, t, lost=lost) for t in texts])]))
        self.on_work(self)

    def settle_fault(self, item: Item, broke: Broke) -> None:
        self.settle(item, Judged(None, broke.fault, broke.why, item.seconds))

    def settle(self, item: Item, judged: Judged) -> None:
        if item.judged is None:
            item.judged = judged
            self.left -= 1
            if self.left == 0:
                self.keeps = None
                with contextlib.suppress(InvalidStateError):  # the caller has cancelled
                    self.future.set_result(self._result())
                self.on_done(self)

    def settle_all(self, broke: Broke) -> None:
        for item in self.items:
            self.settle_fault(item, broke)

    def _result(self) -> list[list[Judged]]:
        rows: list[list[Judged | None]] = [[None] * count for count in self.shape]
        for item in self.items:
            for n, (g, r) in enumerate(item.places):
                judged = item.judged
                if judged is not None:
                    rows[g][r] = judged if n == 0 else judged._replace(seconds=0.0)
        return [[judged for judged in row if judged is not None] for row in rows]


def _nothing(_: Call) -> None:
    """Until somebody listens."""
