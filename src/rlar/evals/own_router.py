"""The system's own router on trial: `scoring.route.Rules` over a library of the recorded tools, with measured cards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from rlar.evals.pool import Pool, Seen
from rlar.evals.routers import Policy, Routed, answered_by
from rlar.types import Fault, Kind, Query, Response, Task, ToolCard, Verdict

KIND_OF = {
    "verifier": Kind.VERIFIER,
    "rule_metric": Kind.METRIC,
    "metric": Kind.METRIC,
    "classifier": Kind.REWARD_MODEL,
    "reward_model": Kind.REWARD_MODEL,
}


@dataclass(frozen=True)
class RecordedTool:
    """A tool that was asked elsewhere: it has a card that routing can read, and no way to judge anything new."""

    card: ToolCard

    def fits(self, query: Query) -> bool:
        return True

    async def judge(self, query: Query, responses_G: Sequence[Response]) -> list[Verdict]:
        why = "only its recorded scores are here"
        return [Verdict(self.card.ref, fault=Fault.MISSING, why=why) for _ in responses_G]


@dataclass(frozen=True)
class OwnRouter:
    """What rlar itself would ask: analysis by content, then its rules over cards measured on the cases it learns from.

    Every tool gets a card for all tasks, and one for each task label (as the analysis sees it, not the file's) with at
    least min_cases cases; the exam's figure is pair accuracy with a one-sided 90% lower bound. Where the rules say gap,
    the best static tool answers.
    """

    name: str = "rlar's own rules"
    min_cases: int = 12

    def learn(self, pool: Pool, seed: int) -> Policy:
        import numpy as np

        from rlar.evals.oracles import best_static
        from rlar.library import Library
        from rlar.scoring.route import Rules

        labels = np.array([_task(prompt).label for prompt in pool.seen.prompts])
        library = Library(builtin=False)
        index: dict[str, int] = {}
        for label in ("", *sorted(set(labels.tolist()))):
            rows = np.flatnonzero(labels == label) if label else np.arange(len(pool))
            if label and len(rows) < self.min_cases:
                continue
            for k, (tool, kind) in enumerate(zip(pool.tools, pool.seen.kinds, strict=True)):
                card = _card(tool, kind, label, pool.utility_NK[rows, k].tolist())
                library.add(RecordedTool(card))
                index[card.ref] = k
        otherwise = best_static(pool)
        rules = Rules()

        decided: dict[tuple[object, ...], int] = {}

        def choose(prompt: str) -> int:
            task = _task(prompt)
            # Recorded tools fit every query, so the rules go by the task alone.
            key = task.label, task.checks, task.language, task.confidence >= rules.min_confidence
            if key not in decided:
                decision = rules.decide(Query(prompt), task, library)
                decided[key] = index[decision.tools[0]] if decision.parts else otherwise
            return decided[key]

        def policy(seen: Seen) -> Routed:
            return answered_by(np.array([choose(p) for p in seen.prompts], dtype=np.int64), len(seen.tools))

        return policy


@lru_cache(maxsize=20_000)
def _task(prompt: str) -> Task:
    from rlar.scoring.analyze import analyze

    return analyze(Query(prompt))


def _card(tool: str, kind: str, label: str, utility: Sequence[float]) -> ToolCard:
    n, mean = len(utility), sum(utility) / len(utility)
    low = max(0.0, mean - 1.28 * (mean * (1 - mean) / n) ** 0.5)
    return ToolCard(
        name=f"{tool} on {label or 'all'}".replace("@", "_"),
        version="recorded",
        kind=KIND_OF.get(kind, Kind.JUDGE),
        about="recorded scores",
        suits=(label,) if label else (),
        exam={"pair_accuracy": {"value": mean, "low": low, "n": n}},
    )
