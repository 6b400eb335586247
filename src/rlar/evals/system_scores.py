"""The reward system under test: its rewards, the values of each of its tools, its gaps and what it cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rlar.evals.cases import Case
from rlar.evals.tool_scores import ToolScores
from rlar.types import Cost, Kind, Reward, content_key

if TYPE_CHECKING:
    from rlar.system import RewardSystem

NAME = "rlar"
LINE = 0.5  # a composed reward of several verifiers lies in [0, 1]; a single tool's own line is used where it is alone


@dataclass(frozen=True, slots=True)
class SystemScores:
    """system: the composed rewards. parts: the values of each tool that took part. seconds: wall time of it all."""

    system: ToolScores
    parts: tuple[ToolScores, ...]
    seconds: float


@dataclass(slots=True)
class _Part:
    kind: str
    line: float | None
    scores: dict[str, list[float | None]] = field(default_factory=dict)


def system_scores(
    cases: Sequence[Case],
    system: RewardSystem | None = None,
    *,
    chunk: int = 200,
    on_progress: Callable[[int, int], None] | None = None,
) -> SystemScores:
    """Ask a RewardSystem (None: the default one) about all cases that have texts.

    It meets the responses of a case in an order that only depends on the case's id, so that a file which puts the right
    answer first helps nobody. chunk: cases per call. on_progress(done, all): called after each.
    """
    from rlar.system import RewardSystem

    own = system or RewardSystem()
    asked = [case for case in cases if case.responses]
    scores: dict[str, list[float | None]] = {}
    costs: dict[str, Cost] = {}
    gaps: dict[str, str] = {}
    parts: dict[str, _Part] = {}
    started = time.perf_counter()
    for start in range(0, len(asked), chunk):
        some = asked[start : start + chunk]
        orders = [neutral_order(case) for case in some]
        judged = own.score_batch_sync(
            [case.query for case in some],
            [[case.responses[k] for k in order] for case, order in zip(some, orders, strict=True)],
        )
        for case, order, shuffled in zip(some, orders, judged, strict=True):
            rewards = [shuffled[order.index(k)] for k in range(len(order))]
            scores[case.id] = [r.value for r in rewards]
            costs[case.id] = sum((v.cost for r in rewards for v in r.verdicts), Cost())
            if any(r.value is None for r in rewards):
                gaps[case.id] = _why_not(rewards)
            _add_parts(parts, case, rewards, own)
        if on_progress is not None:
            on_progress(min(start + chunk, len(asked)), len(asked))
    seconds = time.perf_counter() - started
    if system is None:
        own.close()
    lines = {part.line for part in parts.values() if part.kind == Kind.VERIFIER}
    line = next(iter(lines)) if len(lines) == 1 else LINE
    return SystemScores(
        ToolScores(NAME, "system", scores, line, costs, gaps),
        tuple(ToolScores(f"{NAME}:{name}", p.kind, p.scores, p.line) for name, p in sorted(parts.items())),
        seconds,
    )


def neutral_order(case: Case) -> list[int]:
    """Places of the responses in an order that depends on nothing but the case's id."""
    return sorted(range(len(case.responses)), key=lambda k: content_key([case.id, k]))


def _why_not(rewards_G: Sequence[Reward]) -> str:
    """Why there is no reward for some response: the gap, or the faults."""
    decision = rewards_G[0].decision
    if decision is not None and decision.gap is not None:
        return f"gap: {decision.gap.why}"
    broken = next(r for r in rewards_G if r.value is None)
    return "fault: " + ("; ".join(f"{v.tool} {v.fault}: {v.why}" for v in broken.faults) or broken.why)


def _add_parts(parts: dict[str, _Part], case: Case, rewards_G: Sequence[Reward], system: RewardSystem) -> None:
    decision = rewards_G[0].decision if rewards_G else None
    for ref in decision.tools if decision is not None else ():
        card = system.library.get(ref).card
        part = parts.setdefault(card.name, _Part(str(card.kind), card.line))
        part.scores[case.id] = [r.parts.get(card.name) for r in rewards_G]
