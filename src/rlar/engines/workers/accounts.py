"""The books of one call: which item is where, what it has met so far, and which of the three outcomes that makes.

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
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from enum import Enum

from rlar.engines.workers import Judged
from rlar.engines.workers.board import Position, Stage
from rlar.engines.workers.wire import Broke, GarbledError, Order, Record
from rlar.engines.workers.worker import HARMLESS
from rlar.types import Fault, Mark, Query, ToolCard

FIRST_SHARE = 0.25  # of the card's timeout_s for the first try; the retry has the rest, so that both fit into it
MAX_LOST = 3  # deaths that have another cause (killed from outside) until one is held against the item after all

_order_ids = itertools.count(1)
_group_keys = itertools.count(1)


class Why(Enum):
    """What an assignment is for. ALONE and CONTROL go to a fresh worker."""

    BATCH = "batch"
    ALONE = "alone"
    CONTROL = "control"


@dataclass(eq=False, slots=True)
class ToolInUse:
    """One tool (recipe and version) as this pool knows it. item_s: mean CPU seconds per item; None at first."""

    number: int
    blob: bytes
    card: ToolCard
    item_s: float | None = None
    warm: bool = True

    def learn(self, seconds: float, items: int) -> None:
        if items:
            mean = seconds / items
            self.item_s = mean if self.item_s is None else 0.7 * self.item_s + 0.3 * mean


@dataclass(eq=False, slots=True)
class Item:
    """One distinct response of a group. places: (group, response) indices of the caller that it answers."""

    group: Group
    response: str
    places: list[tuple[int, int]]
    broke: Broke | None = None
    lost: int = 0
    seconds: float = 0.0
    judged: Judged | None = None


@dataclass(eq=False, slots=True)
class Group:
    """All distinct responses to one query within one call."""

    query: Query
    key: int = field(default_factory=lambda: next(_group_keys))
    items: dict[str, Item] = field(default_factory=dict)
    blob: bytes = b""
    prepare_broke: Broke | None = None
    prepare_retry: Item | None = None  # who tries prepare() again on a fresh worker
    parked: list[Item] = field(default_factory=list)  # wait for that
    controls: bool | Broke | None = None  # None: not known; True: passed; Broke: how the tool broke
    accused: list[tuple[Item, Broke]] = field(default_factory=list)  # wait for the controls

    def control_texts(self) -> list[str]:
        reference = self.query.reference
        return [reference, HARMLESS] if isinstance(reference, str) and reference.strip() else [HARMLESS]


@dataclass(eq=False, slots=True)
class Assignment:
    """What one worker was given. open: (group, item) positions that it has not answered yet."""

    call: Call
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
        return self.call.tool.card.timeout_s * share

    def order(self) -> Order:
        tool = self.call.tool
        groups = [(g.key, g.blob, [item.response for item in items]) for g, items in self.parts]
        card = tool.card
        return Order(
            self.id, tool.number, tool.blob, self.cpu_s, card.memory_mib, card.low, card.high, tool.warm, groups
        )


class Call:
    """One submit(): its items, and its future, which is done when every item is settled."""

    def __init__(self, tool: ToolInUse, groups: Sequence[tuple[Query, Sequence[str]]]) -> None:
        self.tool = tool
        self.future: Future[list[list[Judged]]] = Future()
        self.shape = [len(responses) for _, responses in groups]
        self.pending: deque[Item] = deque()
        self.urgent: deque[Assignment] = deque()
        self.load_losses = 0
        by_query: dict[Query, Group] = {}
        for g, (query, responses) in enumerate(groups):
            group = by_query.get(query)
            if group is None:
                group = by_query[query] = Group(query)
            for r, response in enumerate(responses):
                item = group.items.get(response)
                if item is None:
                    item = group.items[response] = Item(group, response, [])
                    self.pending.append(item)
                item.places.append((g, r))
        self.items = list(self.pending)
        self.left = len(self.items)

    # ------------------------------------------------------------------ giving work out

    def next_batch(self, most_items: int, most_characters: int) -> Assignment | None:
        """The next chunk, or None. At least one item, however big it is."""
        parts: list[tuple[Group, list[Item]]] = []
        count = characters = 0
        while self.pending and count < most_items and characters < most_characters:
            item = self.pending.popleft()
            if item.judged is not None or not self._pickled(item.group):
                continue
            if parts and parts[-1][0] is item.group:
                parts[-1][1].append(item)
            else:
                parts.append((item.group, [item]))
            count += 1
            characters += len(item.response)
        return Assignment(self, Why.BATCH, parts) if parts else None

    def next_urgent(self) -> Assignment | None:
        while self.urgent:
            assignment = self.urgent.popleft()
            if assignment.why is Why.CONTROL or any(item.judged is None for item in assignment.open.values()):
                return assignment
        return None

    def _pickled(self, group: Group) -> bool:
        if not group.blob:
            try:
                group.blob = pickle.dumps(group.query, pickle.HIGHEST_PROTOCOL)
            except Exception as e:
                why = f"the query cannot be sent to a worker: {type(e).__name__}: {e}"
                self._settle_group(group, Broke(Fault.CRASHED, why))
                return False
        return True

    # ------------------------------------------------------------------ taking answers in

    def answer(self, assignment: Assignment, record: Record) -> None:
        """Take one line of a reply. Raises GarbledError for what was never asked."""
        outcome = record.outcome
        assignment.seconds += record.seconds
        if record.group == -1:
            if not isinstance(outcome, Broke) or record.item != -1:
                raise GarbledError("a mark for no response")
            self._not_loaded(assignment, outcome)
            return
        if not 0 <= record.group < len(assignment.parts):
            raise GarbledError(f"an answer for group {record.group} of {len(assignment.parts)}")
        group = assignment.parts[record.group][0]
        if record.item == -1:
            if not isinstance(outcome, Broke):
                raise GarbledError("a mark for no response")
            self._prepare_broke(assignment, record.group, outcome)
            return
        item = assignment.open.pop((record.group, record.item), None)
        if item is None:
            raise GarbledError(f"an answer for response {record.item}, which is not open")
        assignment.answered += 1
        item.seconds += record.seconds
        if assignment.why is Why.CONTROL:
            self._control(assignment, group, item, outcome)
            return
        self._prepare_passed(group, item)
        if isinstance(outcome, Mark):
            self._settle(item, Judged(outcome, None, "", item.seconds))
        else:
            self._item_broke(item, outcome)

    def lost(self, assignment: Assignment, at: Position | None, broke: Broke, *, outside: bool) -> None:
        """The worker is gone. at: where it was; None if nobody knows. outside: it was killed by somebody else."""
        if at is not None and at.order != assignment.id:
            at = None
        if at is not None and at.stage in (Stage.LOAD, Stage.WARM):
            self._lost_loading(assignment, at.stage, broke, outside=outside)
        elif at is not None and at.stage == Stage.PREPARE and 0 <= at.group < len(assignment.parts) and not outside:
            self._prepare_broke(assignment, at.group, broke)
        elif at is not None and at.stage == Stage.RATE and (at.group, at.item) in assignment.open:
            self._lost_rating(assignment, at, broke, outside=outside)
        elif assignment.open:
            for item in assignment.open.values():
                item.lost += 1
            if assignment.why is not Why.CONTROL:
                worn = [(k, item) for k, item in assignment.open.items() if item.lost >= MAX_LOST]
                for k, item in worn:
                    del assignment.open[k]
                    item.lost = 0
                    self._prepare_passed(item.group, item)
                    self._item_broke(item, broke)
            elif all(item.lost > MAX_LOST for item in assignment.open.values()):
                self._controls_done(assignment.parts[0][0], broke)
                assignment.open.clear()
        self.give_back(assignment)

    def give_back(self, assignment: Assignment) -> None:
        """Nobody will answer what is still open, and it is not its fault: put it back in front."""
        items = [item for item in assignment.open.values() if item.judged is None]
        assignment.open.clear()
        if assignment.why is Why.CONTROL:
            if items:
                self.urgent.appendleft(self._control_assignment(assignment.parts[0][0], lost=items[0].lost))
            return
        for item in reversed(items):
            if assignment.why is Why.ALONE or item.lost >= 2:
                self._alone(item, first=True)
            else:
                self.pending.appendleft(item)

    def cancel(self, why: str) -> None:
        """Settle whatever is open as cancelled."""
        for item in self.items:
            self._settle(item, Judged(None, Fault.CANCELLED, why, item.seconds))

    def fail(self, broke: Broke) -> None:
        for item in self.items:
            self._settle(item, Judged(None, broke.fault, broke.why, item.seconds))

    @property
    def done(self) -> bool:
        return self.left == 0 or self.future.cancelled()

    # ------------------------------------------------------------------ whose side it is

    def _item_broke(self, item: Item, broke: Broke) -> None:
        group = item.group
        if broke.at_once:
            self._settle(item, Judged(None, broke.fault, broke.why, item.seconds))
        elif item.broke is None:
            item.broke = broke
            self._alone(item)
        elif group.controls is None:
            group.accused.append((item, broke))
            if len(group.accused) == 1:
                self.urgent.append(self._control_assignment(group))
        else:
            self._judge_accused(group, item, broke)

    def _judge_accused(self, group: Group, item: Item, broke: Broke) -> None:
        if isinstance(group.controls, Broke):
            why = f"{group.controls.why}; on the response: {broke.why}"
            self._settle(item, Judged(None, group.controls.fault, why, item.seconds))
        else:
            low = self.tool.card.low
            self._settle(item, Judged(Mark(low, why=f"broke the tool: {broke.why}"), None, "", item.seconds))

    def _control(self, assignment: Assignment, group: Group, item: Item, outcome: Mark | Broke) -> None:
        if isinstance(outcome, Broke):
            shown = item.response if len(item.response) <= 80 else item.response[:77] + "..."
            self._controls_done(group, outcome._replace(why=f"broke on the harmless {shown!r}: {outcome.why}"))
        elif not assignment.open:
            self._controls_done(group, True)

    def _controls_done(self, group: Group, found: bool | Broke) -> None:
        if group.controls is not None:
            return
        group.controls = found
        accused, group.accused = group.accused, []
        for item, broke in accused:
            self._judge_accused(group, item, broke)

    def _prepare_broke(self, assignment: Assignment, position: int, broke: Broke) -> None:
        group = assignment.parts[position][0]
        members = [item for (g, _), item in assignment.open.items() if g == position]
        for key in [key for key in assignment.open if key[0] == position]:
            del assignment.open[key]
        if assignment.why is Why.CONTROL:
            self._controls_done(group, broke._replace(why=f"prepare() broke: {broke.why}"))
            return
        retried = group.prepare_retry is not None and group.prepare_retry in members
        if broke.at_once or retried or (group.prepare_broke is not None and group.prepare_retry is None):
            self._settle_group(group, broke._replace(why=f"prepare() broke: {broke.why}"))
        elif group.prepare_broke is None and members:
            group.prepare_broke = broke
            group.prepare_retry = members[0]
            group.parked += members[1:]
            self._alone(members[0])
        else:
            group.parked += members

    def _prepare_passed(self, group: Group, item: Item) -> None:
        if group.prepare_retry is item:
            group.prepare_retry = None
            self.pending.extendleft(reversed(group.parked))
            group.parked = []

    def _not_loaded(self, assignment: Assignment, broke: Broke) -> None:
        """Loading sees neither query nor response, so there is nothing to try again."""
        broke = broke._replace(why=f"the tool cannot be loaded: {broke.why}")
        group = assignment.parts[0][0]
        items = list(assignment.open.values())
        assignment.open.clear()
        if assignment.why is Why.CONTROL:
            self._controls_done(group, broke)
            return
        for item in items:
            self._prepare_passed(item.group, item)
            self._settle(item, Judged(None, broke.fault, broke.why, item.seconds))

    def _lost_loading(self, assignment: Assignment, stage: int, broke: Broke, *, outside: bool) -> None:
        if stage == Stage.WARM and not outside:
            self.tool.warm = False  # let the limits of single items tell what is wrong
        elif stage == Stage.LOAD:
            self.load_losses += 1
            if self.load_losses > (2 * MAX_LOST if outside else 1):
                self._not_loaded(assignment, broke)

    def _lost_rating(self, assignment: Assignment, at: Position, broke: Broke, *, outside: bool) -> None:
        item = assignment.open[at.group, at.item]
        item.lost += outside
        if outside and item.lost < MAX_LOST:
            return  # goes back with the others
        del assignment.open[at.group, at.item]
        item.lost = 0
        if broke.fault is Fault.TIMEOUT:
            item.seconds += assignment.cpu_s
        if assignment.why is Why.CONTROL:
            self._control(assignment, item.group, item, broke)
            return
        self._prepare_passed(item.group, item)
        self._item_broke(item, broke)

    # ------------------------------------------------------------------ small things

    def _alone(self, item: Item, *, first: bool = False) -> None:
        if item.judged is None and self._pickled(item.group):
            assignment = Assignment(self, Why.ALONE, [(item.group, [item])])
            if first:
                self.urgent.appendleft(assignment)
            else:
                self.urgent.append(assignment)

    def _control_assignment(self, group: Group, lost: int = 0) -> Assignment:
        texts = [Item(group, text, [], lost=lost) for text in group.control_texts()]
        return Assignment(self, Why.CONTROL, [(group, texts)])

    def _settle_group(self, group: Group, broke: Broke) -> None:
        group.parked = []
        group.prepare_retry = None
        for item in group.items.values():
            self._settle(item, Judged(None, broke.fault, broke.why, item.seconds))

    def _settle(self, item: Item, judged: Judged) -> None:
        if item.judged is not None:
            return
        item.judged = judged
        self.left -= 1
        if self.left == 0:
            with contextlib.suppress(InvalidStateError):  # the caller has cancelled
                self.future.set_result(self._result())

    def _result(self) -> list[list[Judged]]:
        rows: list[list[Judged | None]] = [[None] * count for count in self.shape]
        for item in self.items:
            for n, (g, r) in enumerate(item.places):
                judged = item.judged
                if judged is not None:
                    rows[g][r] = judged if n == 0 else judged._replace(seconds=0.0)
        return [[judged for judged in row if judged is not None] for row in rows]
