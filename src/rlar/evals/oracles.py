"""What routing could win at best, and how much of that is luck.

An oracle knows the labels. With enough tools one of them is right by chance on almost every case, so an oracle without
its null says nothing: every figure here comes with what guessing would give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlar.evals.metrics import pairwise_accuracy
from rlar.evals.pool import Pool
from rlar.evals.tool_scores import ToolScores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Null:
    """What a figure would be by chance: mean and 95% range over shuffles.

    p: share of the shuffles (the observed one included) that reach the observed figure; None where it was computed
    exactly instead of by shuffling.
    """

    mean: float
    low: float
    high: float
    p: float | None


def best_static(pool: Pool) -> int:
    """The tool with the highest mean utility on the pool; the first by name where several tie."""
    return int(pool.utility_NK.mean(axis=0).argmax())


def best_by_category(pool: Pool) -> dict[str, int]:
    """For every category its best tool in hindsight."""
    return {c: int(pool.utility_NK[rows].mean(axis=0).argmax()) for c, rows in _rows_of(pool.seen.categories).items()}


def category_oracle(pool: Pool) -> Floats:
    """Utility of each case when its category's best tool in hindsight answers."""
    import numpy as np

    best = best_by_category(pool)
    picked = np.array([best[c] for c in pool.seen.categories])
    found: Floats = pool.utility_NK[np.arange(len(pool)), picked]
    return found


def item_oracle(pool: Pool) -> Floats:
    """Utility of each case when whichever tool is best on it answers."""
    found: Floats = pool.utility_NK.max(axis=1)
    return found


def shuffled_categories(pool: Pool, *, shuffles: int = 500, seed: int = 0) -> Null:
    """The category oracle when categories are dealt out at random: what many categories win by chance alone."""
    import numpy as np

    rng = np.random.default_rng(seed)
    _, codes = np.unique(np.array(pool.seen.categories), return_inverse=True)
    kinds = int(codes.max()) + 1
    one_hot = np.eye(kinds)
    observed = float((one_hot[codes].T @ pool.utility_NK).max(axis=1).sum())
    drawn = np.array([(one_hot[rng.permutation(codes)].T @ pool.utility_NK).max(axis=1).sum() for _ in range(shuffles)])
    reached = int((drawn >= observed - 1e-9).sum())
    low, high = np.quantile(drawn, [0.025, 0.975]) / len(pool)
    return Null(float(drawn.mean()) / len(pool), float(low), float(high), (reached + 1) / (shuffles + 1))


def independent_guesses(pool: Pool) -> float:
    """The item oracle if the tools erred independently of each other, at the accuracies they have in each category.

    Computed exactly: the mean of the largest of K independent draws, one from each tool's utilities in the category.
    An oracle below this number says that the tools err together; one at this number, that nothing but the number of
    guesses made it high.
    """
    import numpy as np

    total = 0.0
    for rows in _rows_of(pool.seen.categories).values():
        utility = pool.utility_NK[rows]
        values = np.unique(utility)
        # Chance that the largest is at most v: product over tools of their empirical distributions.
        at_most = np.prod([(utility[:, k, None] <= values).mean(axis=0) for k in range(utility.shape[1])], axis=0)
        total += float(values @ np.diff(at_most, prepend=0.0)) * len(rows)
    return total / len(pool)


ENSEMBLES = ("mean", "min", "median", "mean - lambda*var")


def ensemble(pool: Pool, tables: Sequence[ToolScores], how: str, *, spread_weight: float = 0.5) -> ToolScores:
    """One tool made of all tools of the pool. how: one of ENSEMBLES.

    Scores of different tools lie on different scales, so each is first centred and scaled over all responses of the
    pool (no labels needed). mean - lambda*var: lambda is spread_weight; disagreement is held against a response
    (arXiv 2310.02743). A response that one of the tools did not judge gets None.
    """
    import numpy as np

    by_name = {t.tool: t for t in tables}
    columns = []
    for name in pool.tools:
        column = np.array(
            [np.nan if s is None else s for case in pool.cases for s in by_name[name].of(case)], dtype=float
        )
        known = column[~np.isnan(column)]
        columns.append((column - known.mean()) / (known.std() or 1.0))
    stacked = np.stack(columns)  # tools x responses; a NaN of one tool spreads to the ensemble, and becomes None below
    combined = {
        "mean": lambda: stacked.mean(axis=0),
        "min": lambda: stacked.min(axis=0),
        "median": lambda: np.median(stacked, axis=0),
        "mean - lambda*var": lambda: stacked.mean(axis=0) - spread_weight * stacked.var(axis=0),
    }[how]()
    flat = iter([None if np.isnan(v) else float(v) for v in combined])
    scores = {case.id: [next(flat) for _ in case.labels] for case in pool.cases}
    return ToolScores(f"{how} of {len(pool.tools)} tools", "ensemble", scores)


def utility_of(pool: Pool, table: ToolScores) -> list[float | None]:
    """Pair accuracy of one more tool on the pool's cases; None where it did not judge."""
    return [pairwise_accuracy(table.of(case), case.labels) for case in pool.cases]


def _rows_of(categories: Sequence[str]) -> dict[str, Ints]:
    import numpy as np

    names = np.array(categories)
    return {str(name): np.flatnonzero(names == name) for name in sorted(set(categories))}
