"""Intervals and paired tests that respect clusters: cases with (nearly) the same prompt stand or fall together.

Everything is seeded: the same input gives the same interval. numpy is loaded when a Resampler is made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

Maybe = float | None
CHUNK = 250  # resamples whose weights are held per response at a time; bounds memory at 250 x responses


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured figure. low, high: interval; None where one group alone gives no idea of the spread.

    n: cases that went in. groups: clusters of them. value is None where nothing determines it.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    groups: int


@dataclass(frozen=True, slots=True)
class Difference:
    """b minus a on the cases that have both. p: two-sided, sign-flip test over groups; None without any case.

    better, worse, equal: cases where b is above, below, at a.
    """

    value: float | None
    low: float | None
    high: float | None
    p: float | None
    n: int
    groups: int
    better: int
    worse: int
    equal: int


class Resampler:
    """Bootstrap over the groups of a fixed list of cases, so that all tools meet the same resamples (paired)."""

    def __init__(self, groups_N: Sequence[str], *, draws: int = 2000, seed: int = 0, level: float = 0.95) -> None:
        """groups: the cluster of each case. draws: resamples. level: coverage of the intervals, e.g. 0.95."""
        import numpy as np

        names = sorted(set(groups_N))
        code = {name: k for k, name in enumerate(names)}
        self.codes: Ints = np.array([code[g] for g in groups_N], dtype=np.int64)
        self.groups = len(names)
        self.draws = draws
        self.level = level
        self.seed = seed
        self._signs: NDArray[np.int8] | None = None
        rng = np.random.default_rng(seed)
        even = np.full(self.groups, 1 / self.groups) if names else np.zeros(0)
        self.weights: Floats = (
            rng.multinomial(self.groups, even, size=draws).astype(float) if names else np.zeros((draws, 0))
        )

    def mean(self, values_N: Sequence[Maybe]) -> Figure:
        """Mean over the cases that have a value, with a percentile interval over resampled groups.

        Where all values are 0 or all are 1 the bootstrap would claim certainty; the exact binomial bound for as many
        groups stands in its place (Clopper-Pearson).
        """
        import numpy as np

        known = np.array([v is not None for v in values_N], dtype=bool)
        n = int(known.sum())
        if n == 0:
            return Figure(None, None, None, 0, 0)
        values = np.array([v for v in values_N if v is not None], dtype=float)
        codes = self.codes[known]
        used = len(np.unique(codes))
        value = math.fsum(values) / n
        if used < 2:
            return Figure(value, None, None, n, used)
        if values.min() == values.max():
            value = float(values[0])
            slack = 1 - ((1 - self.level) / 2) ** (1 / used) if value in (0.0, 1.0) else 0.0
            low, high = (max(value - slack, 0.0), min(value + slack, 1.0)) if slack else (value, value)
            return Figure(value, low, high, n, used)
        # einsum, not @: many small products through a threaded BLAS cost more than they compute on a busy machine.
        sums = np.einsum("dg,g->d", self.weights, np.bincount(codes, values, self.groups))
        counts = np.einsum("dg,g->d", self.weights, np.bincount(codes, minlength=self.groups).astype(float))
        low, high = self._percentiles(sums[counts > 0] / counts[counts > 0])
        return Figure(value, low, high, n, used)

    def difference(self, a_N: Sequence[Maybe], b_N: Sequence[Maybe], *, flips: int = 10_000) -> Difference:
        """b minus a, case by case, over the cases where both have a value.

        p: how often the sum of the groups' differences is at least as far from 0 when each group's sign is tossed
        (including the observed one, so never 0). Source: permutation test of Fisher, with groups as the units.
        """
        import numpy as np

        diffs = [None if a is None or b is None else b - a for a, b in zip(a_N, b_N, strict=True)]
        figure = self.mean(diffs)
        known = np.array([d is not None for d in diffs], dtype=bool)
        values = np.array([d for d in diffs if d is not None], dtype=float)
        p = None
        if figure.n:
            sums: Floats = np.bincount(self.codes[known], values, self.groups).astype(float)
            p = self._sign_flip(sums, flips)
        low, high = figure.low, figure.high
        if figure.n and values.min() == values.max():
            low = high = figure.value  # every case moved alike; the binomial bound of `mean` is for shares
        return Difference(
            figure.value,
            low,
            high,
            p,
            figure.n,
            figure.groups,
            better=int((values > 0).sum()),
            worse=int((values < 0).sum()),
            equal=int((values == 0).sum()),
        )

    def _sign_flip(self, sums: Floats, flips: int) -> float:
        import numpy as np

        if not np.any(sums):
            return 1.0
        if self._signs is None or len(self._signs) < flips:
            tossed = np.random.default_rng(self.seed + 1).integers(0, 2, size=(flips, self.groups), dtype=np.int8)
            self._signs = tossed * 2 - 1
        observed = abs(float(sums.sum())) * (1 - 1e-12)  # equal sums must count as equal after rounding
        extreme = 0
        for start in range(0, flips, 1000):
            signs = self._signs[start : min(start + 1000, flips)].astype(float)
            extreme += int((np.abs(np.einsum("fg,g->f", signs, sums)) >= observed).sum())
        return (extreme + 1) / (flips + 1)

    def auc(self, scores_N: Sequence[Maybe], labels_N: Sequence[Maybe]) -> Figure:
        """Area under the ROC curve of one response per case, ties half; labels above 0.5 are right."""
        from rlar.evals.metrics import auc

        def of_weights(scores: Floats, labels: Floats, weights: Floats) -> Floats:
            return _weighted_auc(scores, labels > 0.5, weights)

        return self._of_pairs(scores_N, labels_N, auc, of_weights)

    def spearman(self, scores_N: Sequence[Maybe], labels_N: Sequence[Maybe]) -> Figure:
        """Spearman's rank correlation of one response per case, with its interval."""
        from rlar.evals.metrics import spearman

        return self._of_pairs(scores_N, labels_N, spearman, _weighted_spearman)

    def _of_pairs(
        self,
        scores_N: Sequence[Maybe],
        labels_N: Sequence[Maybe],
        value_of: Callable[[Sequence[Maybe], Sequence[Maybe]], float | None],
        of_weights: Callable[[Floats, Floats, Floats], Floats],
    ) -> Figure:
        import numpy as np

        rows = [k for k, (s, y) in enumerate(zip(scores_N, labels_N, strict=True)) if s is not None and y is not None]
        codes = self.codes[rows]
        groups = len(np.unique(codes))
        value = value_of(scores_N, labels_N)
        if value is None or groups < 2:
            return Figure(value, None, None, len(rows), groups)
        scores = np.array([scores_N[k] for k in rows], dtype=float)
        labels = np.array([labels_N[k] for k in rows], dtype=float)
        parts = [
            of_weights(scores, labels, self.weights[start : start + CHUNK][:, codes])
            for start in range(0, self.draws, CHUNK)
        ]
        drawn = np.concatenate(parts)
        drawn = drawn[np.isfinite(drawn)]  # resamples with one class only, or constant, have no value
        low, high = self._percentiles(drawn) if len(drawn) else (None, None)
        return Figure(value, low, high, len(rows), groups)

    def _percentiles(self, drawn: Floats) -> tuple[float, float]:
        import numpy as np

        tail = (1 - self.level) / 2
        low, high = np.quantile(drawn, [tail, 1 - tail])
        return float(low), float(high)


def _by_value(values: Floats, weights_DN: Floats) -> tuple[Ints, Floats]:
    """Codes of the sorted distinct values, and the weight that each distinct value has in each resample."""
    import numpy as np

    _, codes = np.unique(values, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    return codes, np.add.reduceat(weights_DN[:, order], starts, axis=1)


def _weighted_auc(scores: Floats, right: Any, weights_DN: Floats) -> Floats:
    import numpy as np

    _, good = _by_value(scores, weights_DN * right)
    _, bad = _by_value(scores, weights_DN * ~right)
    below = np.cumsum(bad, axis=1) - bad
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Floats = (good * (below + bad / 2)).sum(axis=1) / (good.sum(axis=1) * bad.sum(axis=1))
    return found


def _weighted_spearman(scores: Floats, labels: Floats, weights_DN: Floats) -> Floats:
    import numpy as np

    def ranks(values: Floats) -> Floats:
        codes, weights = _by_value(values, weights_DN)
        middle = np.cumsum(weights, axis=1) - weights + (weights + 1) / 2
        found: Floats = middle[:, codes]
        return found

    x, y = ranks(scores), ranks(labels)
    total = weights_DN.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        x = x - (weights_DN * x).sum(axis=1, keepdims=True) / total
        y = y - (weights_DN * y).sum(axis=1, keepdims=True) / total
        cov = (weights_DN * x * y).sum(axis=1)
        found: Floats = cov / np.sqrt((weights_DN * x * x).sum(axis=1) * (weights_DN * y * y).sum(axis=1))
    return found


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's correction for many tests: adjusted p-values, in the order given. Source: Holm (1979)."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, k in enumerate(order):
        running = max(running, min(1.0, p_values[k] * (len(p_values) - rank)))
        adjusted[k] = running
    return adjusted
