"""Figures of an exam: each with its n and a 95% interval, so that a small sample cannot look like a proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean

from rlar.types import Json

Z95 = 1.959963984540054  # two-sided 95% of the normal distribution


@dataclass(frozen=True, slots=True)
class Figure:
    """A share in [0, 1] (or a correlation in [-1, 1]) of n trials, with the ends of its 95% interval.

    value is None where n is 0: nothing was measured, which is not the same as 0.
    """

    value: float | None
    n: int
    low: float
    high: float

    def to_json(self) -> Json:
        return {"value": _short(self.value), "n": self.n, "low": _short(self.low), "high": _short(self.high)}

    def __str__(self) -> str:
        if self.value is None:
            return "not measured"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}] n={self.n}"


def share(good: float, n: int) -> Figure:
    """A share of n independent trials, with Wilson's score interval. good may hold halves (ties)."""
    return _around(good / n, n, n) if n else Figure(None, 0, 0.0, 1.0)


def clustered_share(hits_by_cluster: Sequence[Sequence[float]]) -> Figure:
    """A share over trials that come in clusters (several pairs of one query): clusters are the independent trials.

    n counts trials. The interval is Wilson's at the effective number of trials: n over the clusters' design effect,
    and, where every trial went the same way so that no effect can be measured, the number of clusters.
    """
    clusters = [c for c in hits_by_cluster if c]
    trials = [hit for c in clusters for hit in c]
    n = len(trials)
    if n == 0:
        return Figure(None, 0, 0.0, 1.0)
    p = fmean(trials)
    of_clusters = sum((sum(c) - p * len(c)) ** 2 for c in clusters) / n**2
    if_independent = p * (1 - p) / n
    effect = max(1.0, of_clusters / if_independent) if if_independent > 0 else n / len(clusters)
    return _around(p, n, max(1.0, n / effect))


def _around(p: float, n: int, effective: float) -> Figure:
    centre = (p + Z95**2 / (2 * effective)) / (1 + Z95**2 / effective)
    half = Z95 / (1 + Z95**2 / effective) * sqrt(p * (1 - p) / effective + Z95**2 / (4 * effective**2))
    return Figure(p, n, max(0.0, min(centre - half, p)), min(1.0, max(centre + half, p)))


def rank_correlation(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """Spearman's rho with mean ranks for ties; None for fewer than three points or where one side is constant."""
    if len(xs) < 3:
        return None
    a, b = _ranks(xs), _ranks(ys)
    mean_a, mean_b = fmean(a), fmean(b)
    cov = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    var = sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b)
    return None if var <= 0 else cov / sqrt(var)


def mean_with_interval(values: Sequence[float]) -> Figure:
    """A mean of independent values (correlations per prompt), with a normal interval; clipped to [-1, 1]."""
    n = len(values)
    if n == 0:
        return Figure(None, 0, -1.0, 1.0)
    mean = fmean(values)
    if n == 1:
        return Figure(mean, 1, -1.0, 1.0)
    half = Z95 * sqrt(sum((v - mean) ** 2 for v in values) / (n - 1) / n)
    return Figure(mean, n, max(-1.0, mean - half), min(1.0, mean + half))


def quantile(values: Sequence[float], q: float) -> float:
    """The q-quantile (nearest rank) of at least one value."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def _ranks(values: Sequence[float]) -> list[float]:
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    i = 0
    while i < len(order):
        j = i
        while j + 1 < len(order) and values[order[j + 1]] == values[order[i]]:
            j += 1
        for k in range(i, j + 1):
            ranks[order[k]] = (i + j) / 2
        i = j + 1
    return ranks


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
