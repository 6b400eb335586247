"""Small labelled worlds for the tests of this folder."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from rlar.evals.cases import Case, Dataset
from rlar.evals.tool_scores import ToolScores
from rlar.types import Cost, Decision, Fault, Gap, Kind, Part, Query, Reward, Task, ToolCard, Verdict


def case(ident: str, labels: Sequence[float | None], *, category: str = "c", group: str = "", **more) -> Case:
    texts = tuple(f"{ident} answer {k}" for k in range(len(labels)))
    fields = {
        "task": "math",
        "source": "toy",
        "responses": texts,
        "query": Query(f"{category} question {ident}"),
        **more,
    }
    return Case(id=ident, dataset="toy", labels=tuple(labels), category=category, group=group or ident, **fields)


def pairs(n: int, categories: Sequence[str] = ("c",)) -> Dataset:
    """n pairs whose first response is right, in turn from the categories."""
    return Dataset("toy", tuple(case(f"q{k}", [1.0, 0.0], category=categories[k % len(categories)]) for k in range(n)))


def tool(
    name: str, dataset: Dataset, accuracy: Callable[[Case], float], *, kind: str = "reward_model", seed: int = 0
) -> ToolScores:
    """A tool that is right with the given chance; its margin is larger where it is right more often."""
    rng = random.Random(f"{name}{seed}")
    scores = {}
    for c in dataset.cases:
        chance = accuracy(c)
        margin = rng.random() * (0.2 + chance)
        right = rng.random() < chance
        scores[c.id] = [margin if (y == 1.0) == right else 0.0 for y in c.labels]
    return ToolScores(name, kind, scores)


class FakeSystem:
    """A reward system whose one verifier accepts responses that hold `accepts`; prompts that hold "gap" are gaps.

    It answers like rlar.system.RewardSystem as far as evals ask it, and keeps what it was shown.
    """

    def __init__(self, accepts: str = "answer 0") -> None:
        self.accepts = accepts
        self.seen: list[tuple[str, tuple[str, ...]]] = []
        self.card = ToolCard("holds", "v1", Kind.VERIFIER, line=0.5)
        self.library = self

    def __enter__(self) -> FakeSystem:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get(self, ref: str) -> FakeSystem:
        assert ref == self.card.ref
        return self

    def score_batch_sync(self, queries: Sequence[Query], responses: Sequence[Sequence[str]]) -> list[list[Reward]]:
        return [self._group(q, r) for q, r in zip(queries, responses, strict=True)]

    def _group(self, query: Query, responses: Sequence[str]) -> list[Reward]:
        self.seen.append((query.text, tuple(responses)))
        task = Task("math")
        if "gap" in query.text:
            decision = Decision(task, gap=Gap("f", "nothing to check against"))
            return [Reward(None, decision=decision) for _ in responses]
        decision = Decision(task, (Part(self.card.ref),))
        if "broken" in query.text:
            verdict = Verdict(self.card.ref, fault=Fault.CRASHED, why="boom")
            return [Reward(None, verdicts=(verdict,), decision=decision) for _ in responses]
        values = [float(self.accepts in r) for r in responses]
        cost = Cost(seconds=0.002, tokens=3, calls=1)
        return [Reward(v, {"holds": v}, (Verdict(self.card.ref, value=v, cost=cost),), decision) for v in values]
