"""What rewards cost and what became of them: counts that only grow, for logs, summaries and /metrics."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from rlar.library.spent import Spent
from rlar.types import Cost, Fault, Json, Reward


class Status(StrEnum):
    """What became of one response. Exactly OK has a value."""

    OK = "ok"
    GAP = "gap"  # no proven tool suits the query
    FAULT = "fault"  # a tool that was needed broke
    TIMEOUT = "timeout"  # not judged within the deadline, or a tool's service was late
    INCOMPLETE = "incomplete"  # a group tool was needed, and not all of the group was there


FREE = Cost()
NOTHING = Spent()
LATE = (Fault.TIMEOUT, Fault.CANCELLED)

METRICS = (
    *("reward_mean", "valid_rate", "gap_rate", "fault_rate", "timeout_rate", "incomplete_rate"),
    *("group_zero_std", "cache_hit", "latency_s", "cpu_s", "tokens", "usd"),
)


@dataclass(frozen=True, slots=True)
class Scored:
    """One response as it is handed to an adapter. value: finite, and None exactly where status is not OK.

    task: label of the query. tools: refs of the tools that were asked. parts: values by tool name. why: for people.
    """

    value: float | None
    status: Status
    task: str = ""
    tools: tuple[str, ...] = ()
    parts: dict[str, float] = field(default_factory=dict)
    why: str = ""
    cost: Cost = FREE

    @property
    def valid(self) -> bool:
        return self.value is not None

    @classmethod
    def of(cls, reward: Reward) -> Scored:
        decision = reward.decision
        verdicts = reward.verdicts
        cost = verdicts[0].cost if len(verdicts) == 1 else sum((v.cost for v in verdicts), FREE)
        if reward.value is not None:
            status = Status.OK
        elif decision is None or decision.gap is not None:
            status = Status.GAP
        else:
            broken = [v for v in reward.verdicts if v.value is None]
            status = Status.TIMEOUT if broken and all(v.fault in LATE for v in broken) else Status.FAULT
        return cls(
            reward.value,
            status,
            decision.task.label if decision is not None else "",
            decision.tools if decision is not None else (),
            dict(reward.parts),
            reward.why,
            cost,
        )


def metrics(scored_PG: Sequence[Sequence[Scored]], *, latency_s: float, cache_hit: float = 0.0) -> dict[str, float]:
    """One call's metrics: always the keys `rlar/` + METRICS, each finite.

    reward_mean: over valid rewards, 0.0 where there are none (see valid_rate). Rates: shares of responses.
    group_zero_std: share of groups of two or more whose valid rewards are all equal: nothing to learn there.
    cpu_s, tokens, usd: sums over the call. cache_hit: share of judgements that were at hand.
    """
    flat = [s for group in scored_PG for s in group]
    count = len(flat) or 1
    values = [s.value for s in flat if s.value is not None]
    states = Counter(s.status for s in flat)
    groups = [group for group in scored_PG if len(group) > 1]
    cost = sum((s.cost for s in flat), FREE)
    numbers = (
        sum(values) / len(values) if values else 0.0,
        len(values) / count,
        states[Status.GAP] / count,
        states[Status.FAULT] / count,
        states[Status.TIMEOUT] / count,
        states[Status.INCOMPLETE] / count,
        sum(is_flat(group) for group in groups) / (len(groups) or 1),
        cache_hit,
        latency_s,
        cost.seconds,
        float(cost.tokens),
        cost.usd,
    )
    return {f"rlar/{name}": float(number) for name, number in zip(METRICS, numbers, strict=True)}


def by_task_and_tool(scored_PG: Sequence[Sequence[Scored]]) -> dict[str, float]:
    """`rlar/reward/TASK` (mean of valid rewards) and `rlar/tool/NAME/share`, for the tasks and tools of this call."""
    flat = [s for group in scored_PG for s in group]
    sums: dict[str, list[float]] = {}
    asked: Counter[str] = Counter()
    for s in flat:
        if s.value is not None:
            sums.setdefault(s.task, []).append(s.value)
        asked.update({tool.partition("@")[0] for tool in s.tools})
    means = {f"rlar/reward/{task}": sum(v) / len(v) for task, v in sorted(sums.items())}
    return means | {f"rlar/tool/{tool}/share": n / len(flat) for tool, n in sorted(asked.items())}


def is_flat(group: Sequence[Scored]) -> bool:
    """Whether a group's valid rewards are all equal but for rounding, or there are none."""
    values = [s.value for s in group if s.value is not None]
    return not values or max(values) - min(values) <= 1e-9 * max(1.0, abs(values[0]))


def efficiency(
    rewards: int, wall_s: float, cost: Cost, cache: Mapping[str, int], acquired: Spent = NOTHING
) -> dict[str, Json]:
    """What rewards cost, all told and each: `serving` them, and, apart, `acquiring` the tools that gave them.

    cost: of tools; its seconds are CPU seconds of workers, or wall seconds of services. cache: counts of judgements
    that were at hand (hits), that had to be made (misses), and that another caller was just having made (shared).
    """
    each = max(1, rewards)
    asked = cache.get("hits", 0) + cache.get("misses", 0) + cache.get("shared", 0)
    return {
        "serving": {
            "rewards": rewards,
            "wall_s": round(wall_s, 6),
            "wall_ms_per_reward": round(1e3 * wall_s / each, 6),
            "cpu_s": round(cost.seconds, 6),
            "cpu_ms_per_reward": round(1e3 * cost.seconds / each, 6),
            "llm_calls": cost.calls,
            "tokens": cost.tokens,
            "tokens_per_reward": round(cost.tokens / each, 6),
            "usd": round(cost.usd, 9),
            "usd_per_reward": round(cost.usd / each, 9),
            "cache_hits": cache.get("hits", 0),
            "cache_hit_rate": round(cache.get("hits", 0) / asked, 6) if asked else 0.0,
        },
        "acquiring": acquired.as_json(),
    }


class Ledger:
    """Totals since the start. For any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls = 0
        self._groups = 0
        self._flat_groups = 0
        self._wall_s = 0.0
        self._cost = FREE
        self._statuses: Counter[str] = Counter()
        self._tools: dict[str, list[float]] = {}  # ref -> [responses, cpu seconds of rewards it had a part in]
        self._tasks: dict[str, list[float]] = {}  # label -> [valid rewards, their sum]
        self._replaced = 0

    def add(self, scored_PG: Sequence[Sequence[Scored]], wall_s: float) -> None:
        with self._lock:
            self._calls += 1
            self._wall_s += wall_s
            for group in scored_PG:
                if len(group) > 1:
                    self._groups += 1
                    self._flat_groups += is_flat(group)
                for s in group:
                    self._count(s)

    def replaced(self, count: int) -> None:
        """Missing rewards that a trainer got a number for."""
        with self._lock:
            self._replaced += count

    def efficiency(self, cache: Mapping[str, int], acquired: Spent = NOTHING) -> dict[str, Json]:
        with self._lock:
            return efficiency(sum(self._statuses.values()), self._wall_s, self._cost, cache, acquired)

    def snapshot(self) -> dict[str, Any]:
        """The totals as JSON: calls, groups, responses by status, cost, and by tool and task."""
        with self._lock:
            return {
                "calls": self._calls,
                "responses": sum(self._statuses.values()),
                "statuses": {str(status): self._statuses[status] for status in Status},
                "replaced": self._replaced,
                "groups": self._groups,
                "groups_without_information": self._flat_groups,
                "wall_s": self._wall_s,
                "cpu_s": self._cost.seconds,
                "llm_calls": self._cost.calls,
                "tokens": self._cost.tokens,
                "usd": self._cost.usd,
                "tools": {
                    ref: {"responses": int(n), "cpu_s": seconds} for ref, (n, seconds) in sorted(self._tools.items())
                },
                "tasks": {
                    label: {"valid": int(n), "mean_reward": total / n if n else None}
                    for label, (n, total) in sorted(self._tasks.items())
                },
            }

    def _count(self, s: Scored) -> None:
        self._statuses[s.status] += 1
        if s.cost != FREE:
            self._cost += s.cost
        for ref in s.tools:
            row = self._tools.setdefault(ref, [0.0, 0.0])
            row[0] += 1
            row[1] += s.cost.seconds / len(s.tools)
        if s.value is not None:
            task = self._tasks.setdefault(s.task, [0.0, 0.0])
            task[0] += 1
            task[1] += s.value
