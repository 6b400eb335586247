"""Intervals and paired tests that respect clusters: cases with (nearly) the same prompt stand or fall together.

Everything is seeded: the same input gives the same interval. numpy is loaded when a Resampler is made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
            slack = self._slack(used) if value in (0.0, 1.0) else 0.0
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

    def statistic(
        self,
        name: str,
        scores_N: Sequence[Maybe],
        labels_N: Sequence[Maybe],
        strata_N: Sequence[str] | None = None,
    ) -> Figure:
        """A statistic over all cases, one response each, with its interval. name: "auc" or "spearman".

        Where every resample separates the classes perfectly, an AUC's interval is the exact binomial one for as many
        draws as the smaller class has groups: the bootstrap would claim certainty.
        strata: the figure is the mean over strata, weighted by cases, of the statistic within each; None for one.
        """
        parts = self._drawn(name, scores_N, labels_N, strata_N)
        n, groups = sum(p.n for p in parts), sum(p.groups for p in parts)
        if not parts:
            known = sum(s is not None and y is not None for s, y in zip(scores_N, labels_N, strict=True))
            return Figure(None, None, None, known, 0)
        value = sum(p.value * p.n for p in parts) / n
        low, high = self._interval(_total(parts), groups)
        if name == "auc" and low == high == value and value in (0.0, 1.0):
            slack = self._slack(min(p.smaller_class for p in parts))
            low, high = max(low - slack, 0.0), min(high + slack, 1.0)
        return Figure(value, low, high, n, groups)

    def statistic_difference(
        self,
        name: str,
        a_N: Sequence[Maybe],
        b_N: Sequence[Maybe],
        labels_N: Sequence[Maybe],
        strata_N: Sequence[str] | None = None,
    ) -> Difference:
        """b minus a of such a statistic, on the cases that both scored. p: from the same resamples, two-sided.

        better, worse and equal are 0: a statistic over all cases has no value per case.
        """
        import numpy as np

        both = [x is not None and y is not None for x, y in zip(a_N, b_N, strict=True)]
        first, second = (
            self._drawn(name, [v if k else None for v, k in zip(side, both, strict=True)], labels_N, strata_N)
            for side in (a_N, b_N)
        )
        n, groups = sum(p.n for p in first), sum(p.groups for p in first)
        if not first or [p.n for p in first] != [p.n for p in second]:
            return Difference(None, None, None, None, n, groups, 0, 0, 0)
        value = sum(q.value * q.n - p.value * p.n for p, q in zip(first, second, strict=True)) / n
        drawn = _total(second) - _total(first)
        low, high = self._interval(drawn, groups)
        known = drawn[np.isfinite(drawn)]
        p = None
        if len(known) and groups >= 2:
            tail = min(int((known <= 0).sum()), int((known >= 0).sum()))
            p = min(1.0, 2 * (tail + 1) / (len(known) + 1))
        return Difference(value, low, high, p, n, groups, 0, 0, 0)

    def _drawn(
        self, name: str, scores_N: Sequence[Maybe], labels_N: Sequence[Maybe], strata_N: Sequence[str] | None
    ) -> list[_Drawn]:
        """Value and resampled values in each stratum; strata where the statistic has no value are left out."""
        import numpy as np

        from rlar.evals import metrics

        value_of = {"auc": metrics.auc, "spearman": metrics.spearman}[name]
        of_weights = {"auc": _weighted_auc, "spearman": _weighted_spearman}[name]
        strata = strata_N or [""] * len(scores_N)
        found = []
        for stratum in sorted(set(strata)):
            rows = [
                k
                for k, (s, y, h) in enumerate(zip(scores_N, labels_N, strata, strict=True))
                if s is not None and y is not None and h == stratum
            ]
            value = value_of([scores_N[k] for k in rows], [labels_N[k] for k in rows])
            if value is None:
                continue
            scores = np.array([scores_N[k] for k in rows], dtype=float)
            labels = np.array([labels_N[k] for k in rows], dtype=float)
            codes = self.codes[rows]
            drawn = [
                of_weights(scores, labels, self.weights[start : start + CHUNK][:, codes])
                for start in range(0, self.draws, CHUNK)
            ]
            smaller = min(len(np.unique(codes[labels > 0.5])), len(np.unique(codes[labels <= 0.5])))
            found.append(_Drawn(value, len(rows), len(np.unique(codes)), np.concatenate(drawn), smaller))
        return found

    def _interval(self, drawn: Floats, groups: int) -> tuple[Maybe, Maybe]:
        import numpy as np

        known = drawn[np.isfinite(drawn)]  # resamples with one class only, or constant, have no value
        return self._percentiles(known) if len(known) and groups >= 2 else (None, None)

    def _slack(self, groups: int) -> float:
        """How far the truth may lie from 0 or 1 when all of so many groups say 0 or 1 (Clopper-Pearson)."""
        return 1 - float(((1 - self.level) / 2) ** (1 / groups))

    def _percentiles(self, drawn: Floats) -> tuple[float, float]:
        import numpy as np

        tail = (1 - self.level) / 2
        low, high = np.quantile(drawn, [tail, 1 - tail])
        return float(low), float(high)


@dataclass(frozen=True)
class _Drawn:
    value: float
    n: int
    groups: int
    drawn: Floats
    smaller_class: int  # groups of the class with fewer


def _total(parts: Sequence[_Drawn]) -> Floats:
    """Resampled values of the mean over strata, weighted by cases."""
    n = sum(p.n for p in parts)
    total: Floats = sum((p.drawn * (p.n / n) for p in parts[1:]), parts[0].drawn * (parts[0].n / n))
    return total


def _by_value(values: Floats, weights_DN: Floats) -> tuple[Ints, Floats]:
    """Codes of the sorted distinct values, and the weight that each distinct value has in each resample."""
    import numpy as np

    _, codes = np.unique(values, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    return codes, np.add.reduceat(weights_DN[:, order], starts, axis=1)


def _weighted_auc(scores: Floats, labels: Floats, weights_DN: Floats) -> Floats:
    import numpy as np

    right = labels > 0.5
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
