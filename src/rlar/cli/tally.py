"""What a run amounts to: counts by task and by tool, taken from output lines as they are written. Bounded memory."""

from __future__ import annotations

import heapq
import math
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from rlar.rollouts import Item
from rlar.types import Cost, Json, Verdict

KEPT_REWARDS = 50_000  # per task, for the histograms: of more, every 2nd, 4th ... is kept
SLOWEST = 20
COMPARED = 128  # responses of an item that are compared pair by pair with their labels


class Sample:
    """Numbers in order of arrival; when full, every second one is dropped, so what is kept stays evenly spread."""

    def __init__(self, most: int = KEPT_REWARDS) -> None:
        self.values = array("d")
        self._most = most
        self._stride = 1
        self._seen = 0

    def add(self, value: float) -> None:
        if self._seen % self._stride == 0:
            self.values.append(value)
            if len(self.values) >= self._most:
                self.values = self.values[::2]
                self._stride *= 2
        self._seen += 1


@dataclass(slots=True)
class TaskTally:
    """Of the items of one task label. seconds: of tools, for the items that this run judged (not resumed ones).

    groups: items with at least two rewards; flat: those whose rewards are all equal, so that a group-relative trainer
    learns nothing from them; spreads: sum over groups of the population deviation of their rewards.
    pairs: of responses within an item whose labels differ; pairs_alike: those that rewards order alike, ties one half.
    """

    items: int = 0
    responses: int = 0
    judged: int = 0
    total: float = 0.0
    groups: int = 0
    flat: int = 0
    spreads: float = 0.0
    faults: int = 0
    gaps: int = 0
    seconds: float = 0.0
    pairs: int = 0
    pairs_alike: float = 0.0
    tools: Counter[str] = field(default_factory=Counter)
    rewards: Sample = field(default_factory=Sample)

    def as_json(self) -> dict[str, Json]:
        return {
            "items": self.items,
            "responses": self.responses,
            "judged": self.judged,
            "coverage": self.judged / self.responses if self.responses else None,
            "mean_reward": self.total / self.judged if self.judged else None,
            "spread_within_groups": self.spreads / self.groups if self.groups else None,
            "groups": self.groups,
            "groups_without_information": self.flat,
            "label_agreement": self.pairs_alike / self.pairs if self.pairs else None,
            "faults": self.faults,
            "gaps": self.gaps,
            "seconds": round(self.seconds, 4),
            "tools": dict(self.tools.most_common()),
        }


@dataclass(slots=True)
class ToolTally:
    """Of one tool at one version."""

    verdicts: int = 0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Json]:
        return {"verdicts": self.verdicts, "seconds": round(self.seconds, 4), "faults": dict(self.faults)}


class Tally:
    """Everything that the table, the run summary and the report's first page count."""

    def __init__(self) -> None:
        self.tasks: dict[str, TaskTally] = {}
        self.tools: dict[str, ToolTally] = {}
        self.gaps: Counter[str] = Counter()
        self.faults: Counter[tuple[str, str, str]] = Counter()  # (tool, fault, why)
        self.slowest: list[tuple[float, str, str]] = []  # a heap of (seconds, id, task)
        self.items = 0
        self.usd = 0.0
        self.tokens = 0
        self.calls = 0
        self.repeated_ids = 0
        self._ids: set[int] = set()

    def add(self, item: Item, line: Mapping[str, Json], verdicts: Sequence[Verdict] | None) -> None:
        """Count one output line. verdicts: all of the item; None where the line was resumed and they are not known."""
        self.items += 1
        self._count_id(item.id)
        task = self.tasks.setdefault(line["task"]["label"], TaskTally())
        rewards = [float(reward) for reward in line["rewards"] if reward is not None]
        task.items += 1
        task.responses += len(line["rewards"])
        task.judged += len(rewards)
        task.total += math.fsum(rewards)
        for reward in rewards:
            task.rewards.add(reward)
        if len(rewards) > 1:
            task.groups += 1
            task.flat += is_flat(rewards)
            task.spreads += spread(rewards)
        if item.labels is not None:
            pairs, alike = agreement(line["rewards"], item.labels)
            task.pairs += pairs
            task.pairs_alike += alike
        task.tools.update(line["tools"])
        if line["gap"] is not None:
            task.gaps += 1
            self.gaps[line["gap"]] += 1
        for fault in (fault for faults in line["faults"] for fault in faults):
            task.faults += 1
            self.faults[fault["tool"], fault["fault"], fault["why"]] += 1
            self._tool(fault["tool"]).faults[fault["fault"]] += 1
        for ref in line["tools"]:
            name = ref.partition("@")[0]
            self._tool(ref).verdicts += sum(name in parts for parts in line["parts"])
        self.usd += line["cost"]["usd"]
        self.tokens += line["cost"]["tokens"]
        self.calls += line["cost"].get("calls", 0)
        if verdicts is not None:
            self._time(item, line["task"]["label"], task, verdicts)

    def groups_without_information(self) -> int:
        return sum(task.flat for task in self.tasks.values())

    def cost(self) -> Cost:
        """Of all items; seconds only of those that this run judged."""
        return Cost(sum(task.seconds for task in self.tasks.values()), self.tokens, self.usd, self.calls)

    def as_json(self) -> dict[str, Json]:
        """The counts, for the run summary: tasks by size, faults and gaps by frequency."""
        tasks = sorted(self.tasks.items(), key=lambda named: (-named[1].items, named[0]))
        return {
            "items": self.items,
            "responses": sum(task.responses for task in self.tasks.values()),
            "judged": sum(task.judged for task in self.tasks.values()),
            "repeated_ids": self.repeated_ids,
            "tokens": self.tokens,
            "usd": round(self.usd, 6),
            "tasks": {label: task.as_json() for label, task in tasks},
            "tools": {ref: tool.as_json() for ref, tool in sorted(self.tools.items())},
            "gaps": dict(self.gaps.most_common(50)),
            "faults": [
                {"tool": tool, "fault": fault, "why": why, "count": count}
                for (tool, fault, why), count in self.faults.most_common(50)
            ],
            "slowest": [
                {"id": ident, "task": label, "seconds": round(seconds, 4)}
                for seconds, ident, label in sorted(self.slowest, reverse=True)
            ],
        }

    def _time(self, item: Item, label: str, task: TaskTally, verdicts: Sequence[Verdict]) -> None:
        seconds = 0.0
        for verdict in verdicts:
            seconds += verdict.cost.seconds
            self._tool(verdict.tool).seconds += verdict.cost.seconds
        task.seconds += seconds
        heapq.heappush(self.slowest, (seconds, item.id, label))
        if len(self.slowest) > SLOWEST:
            heapq.heappop(self.slowest)

    def _tool(self, ref: str) -> ToolTally:
        tool = self.tools.get(ref)
        if tool is None:
            tool = self.tools[ref] = ToolTally()
        return tool

    def _count_id(self, ident: str) -> None:
        if len(self._ids) < 2_000_000:  # some 100 MiB; past that, repetitions are no longer counted
            before = len(self._ids)
            self._ids.add(hash(ident))
            self.repeated_ids += len(self._ids) == before


def spread(rewards_G: Sequence[float]) -> float:
    """Population deviation of one group's rewards."""
    mean = fmean(rewards_G)
    return math.sqrt(math.fsum((reward - mean) ** 2 for reward in rewards_G) / len(rewards_G))


def is_flat(rewards_G: Sequence[float]) -> bool:
    """Whether a group's rewards are all equal but for rounding: its advantages are then all zero."""
    return max(rewards_G) - min(rewards_G) <= 1e-9 * max(1.0, abs(fmean(rewards_G)))


def agreement(rewards_G: Sequence[float | None], labels_G: Sequence[float | None]) -> tuple[int, float]:
    """(pairs with different labels, of them those that rewards order alike; equal rewards count one half)."""
    known = [(r, x) for r, x in zip(rewards_G, labels_G, strict=True) if r is not None and x is not None]
    pairs, alike = 0, 0.0
    for i, (reward, label) in enumerate(known[:COMPARED]):
        for other, other_label in known[i + 1 : COMPARED]:
            if label != other_label:
                pairs += 1
                alike += 0.5 if reward == other else float((reward > other) == (label > other_label))
    return pairs, alike
