"""Small labelled worlds for the tests of this folder."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from rlar.evals.cases import Case, Dataset
from rlar.evals.tool_scores import ToolScores
from rlar.types import Query


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
