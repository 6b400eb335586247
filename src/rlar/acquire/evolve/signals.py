"""Tests that look at a stream after every value, and whose false alarms stay rare however long it runs.

Pure arithmetic: nothing here knows what a tool is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean, pstdev


class Shift:
    """Page-Hinkley: has the mean of a stream moved, compared with its first values?

    Learns mean and deviation from `learn` values, then sums by how much later ones exceed `slack` deviations, up and
    down apart; a sum above `limit` is an alarm. After an alarm it learns anew, so that the new level is the normal one.
    slack: deviations that count as no change; it also covers the error of what was learnt. floor: least deviation.
    Source: Page, "Continuous inspection schemes" (Biometrika 1954); Hinkley (Biometrika 1971).
    """

    CLIP = 4.0  # deviations: one wild value is no change

    def __init__(self, *, learn: int = 100, slack: float = 0.5, limit: float = 18.0, floor: float = 1e-6) -> None:
        self.learn, self.slack, self.limit, self.floor = learn, slack, limit, floor
        self.first: list[float] = []
        self.mean, self.deviation = 0.0, 1.0
        self.up = self.down = 0.0
        self.recent = 0.0  # mean of the values since the sum in question was last 0
        self._run_up = self._run_down = (0.0, 0)  # (sum, number) of the values since then

    def see(self, value: float) -> str:
        """ "up" or "down" if this value completes the evidence, else ""."""
        if len(self.first) < self.learn:
            self.first.append(value)
            if len(self.first) == self.learn:
                self.mean, self.deviation = fmean(self.first), max(pstdev(self.first), self.floor)
            return ""
        z = max(-self.CLIP, min(self.CLIP, (value - self.mean) / self.deviation))
        self.up, self._run_up = _summed(self.up + z - self.slack, self._run_up, value)
        self.down, self._run_down = _summed(self.down - z - self.slack, self._run_down, value)
        if max(self.up, self.down) <= self.limit:
            return ""
        way, run = ("up", self._run_up) if self.up >= self.down else ("down", self._run_down)
        self.recent = run[0] / run[1]
        self.forget()
        return way

    def renewed(self) -> Shift:
        """One that has learnt the same and has seen nothing since."""
        new = Shift(learn=self.learn, slack=self.slack, limit=self.limit, floor=self.floor)
        new.first, new.mean, new.deviation = list(self.first), self.mean, self.deviation
        return new

    def forget(self) -> None:
        """Learn anew from the next values. `mean` and `recent` stay, to be told about."""
        self.first = []
        self.up = self.down = 0.0
        self._run_up = self._run_down = (0.0, 0)


def _summed(total: float, run: tuple[float, int], value: float) -> tuple[float, tuple[float, int]]:
    return (total, (run[0] + value, run[1] + 1)) if total > 0 else (0.0, (0.0, 0))


class Rate:
    """Has the mean of values in [0, 1] risen above `normal`? An e-detector: it bets against "no", again and again.

    For each of a few stakes, wealth is multiplied by 1 + stake * (value - normal) and never falls below 1; their mean
    above `limit` is an alarm. While the true mean is at most `normal`, alarms come less often than once in `limit`
    values on average, whatever the distribution.
    Source: Shin, Ramdas, Rinaldo, "E-detectors" (NEJSDS 2024, arXiv 2203.03532), the CUSUM form.
    """

    STAKES = (0.25, 0.5, 0.9)  # shares of the largest stake that cannot lose everything

    def __init__(self, normal: float, *, limit: float = 1e5) -> None:
        self.normal, self.limit = normal, limit
        self._wealth = [1.0] * len(self.STAKES)

    def see(self, value: float) -> bool:
        largest = 1.0 / self.normal
        for i, stake in enumerate(self.STAKES):
            bet = min(stake * largest, 20.0)
            self._wealth[i] = max(1.0, self._wealth[i]) * (1.0 + bet * (value - self.normal))
        if fmean(self._wealth) <= self.limit:
            return False
        self._wealth = [1.0] * len(self.STAKES)
        return True


class Shape:
    """Has the distribution of a stream changed? PSI of its last `window` values against its first `learn`.

    Bins are the values themselves where there are few, else equal shares of the first values. Under no change PSI over
    (1/n + 1/m) is about chi-squared with bins - 1 degrees of freedom, which gives the limit at `alpha` per look; it
    looks once in `window / 4` values.
    Source: PSI as in credit scoring; its distribution: Yurdakul, "Statistical properties of population stability
    index" (2018).
    """

    BINS = 6

    def __init__(self, *, learn: int = 100, window: int = 64, alpha: float = 1e-7) -> None:
        self.learn, self.window, self.alpha = learn, window, alpha
        self.first: list[float] = []
        self.last: list[float] = []
        self.edges: list[float] = []
        self._wait = 0
        self.value = 0.0

    def see(self, value: float) -> bool:
        if len(self.first) < self.learn:
            self.first.append(value)
            if len(self.first) == self.learn:
                self.edges = edges(self.first, self.BINS)
            return False
        self.last = [*self.last[-self.window + 1 :], value]
        self._wait += 1
        if len(self.last) < self.window or self._wait < self.window // 4:
            return False
        self._wait = 0
        before, after = counts(self.first, self.edges), counts(self.last, self.edges)
        self.value = psi(before, after)
        return self.value > psi_limit(len(before), len(self.first), len(self.last), self.alpha)

    def forget(self) -> None:
        self.first, self.last, self._wait = [], [], 0


def edges(values: Sequence[float], bins: int) -> list[float]:
    """Inner borders of at most `bins` bins, each with a fair share of the values; [] where all are equal."""
    ordered = sorted(values)
    distinct = sorted(set(ordered))
    if len(distinct) <= bins:
        return [(a + b) / 2 for a, b in pairwise(distinct)]
    cuts = {ordered[len(ordered) * k // bins] for k in range(1, bins)}
    return sorted(cuts - {ordered[0]})


def counts(values: Sequence[float], borders: Sequence[float]) -> list[int]:
    import bisect

    found = [0] * (len(borders) + 1)
    for value in values:
        found[bisect.bisect_right(borders, value)] += 1
    return found


def psi(before: Sequence[int], after: Sequence[int]) -> float:
    """Population stability index of two histograms over the same bins; half a count is added to each bin.

    0 where both have the same shares; symmetric; never negative.
    """
    n, m, k = sum(before), sum(after), len(before)
    total = 0.0
    for b, a in zip(before, after, strict=True):
        p, q = (b + 0.5) / (n + 0.5 * k), (a + 0.5) / (m + 0.5 * k)
        total += (q - p) * math.log(q / p)
    return total


def psi_limit(bins: int, n: int, m: int, alpha: float) -> float:
    """What PSI exceeds with probability alpha where nothing changed; infinite where there is one bin only."""
    if bins < 2:
        return math.inf
    return chi_squared(bins - 1, alpha) * (1 / n + 1 / m)


def chi_squared(degrees: int, alpha: float) -> float:
    """The upper alpha-quantile, by Wilson and Hilferty's approximation (1931); within 2% where it is used here."""
    from statistics import NormalDist

    z = NormalDist().inv_cdf(1 - alpha)
    spread = 2 / (9 * degrees)
    return degrees * (1 - spread + z * math.sqrt(spread)) ** 3


@dataclass
class Duel:
    """Is the new one worse than the old one? Decided by paired differences in [-1, 1], one at a time, at any moment.

    Two bets at once: `better` grows while the mean difference (new - old) exceeds -margin, `worse` while it is below 0.
    The first above 1 / alpha decides. So a new version that is worse by more than the margin is promoted with
    probability alpha at most, and one that is not worse is refused with probability alpha at most, however often one
    looks.
    Source: Waudby-Smith, Ramdas, "Estimating means of bounded random variables by betting" (JRSS B 2024).
    """

    margin: float = 0.05
    alpha: float = 0.05
    least: int = 20
    n: int = 0
    total: float = 0.0
    better: float = 1.0
    worse: float = 1.0
    decided: str = ""
    _stakes: tuple[float, ...] = field(default=(0.2, 0.5, 0.95), repr=False)
    _better: list[float] = field(default_factory=lambda: [1.0] * 3, repr=False)
    _worse: list[float] = field(default_factory=lambda: [1.0] * 3, repr=False)

    def see(self, difference: float) -> str:
        """ "better" (not worse), "worse" or "" while it is open. difference: new minus old, in [-1, 1]."""
        if self.decided:
            return self.decided
        self.n, self.total = self.n + 1, self.total + difference
        for i, stake in enumerate(self._stakes):
            self._better[i] *= 1 + stake * (difference + self.margin)
            self._worse[i] *= 1 - stake * difference
        self.better, self.worse = fmean(self._better), fmean(self._worse)
        if self.n >= self.least and max(self.better, self.worse) >= 1 / self.alpha:
            self.decided = "better" if self.better >= self.worse else "worse"
        return self.decided

    @property
    def mean(self) -> float:
        return self.total / self.n if self.n else 0.0
