"""How well scores agree with labels: one item, or many responses at once. Plain functions, no resampling.

Everywhere: higher scores and higher labels are better; a score of None means that the tool did not judge that response,
a label of None that nobody labelled it. Such responses are left out, never guessed. A figure that the input does not
determine (no pair with different labels, only one class ...) is None.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Maybe = float | None


def judged(scores_G: Sequence[Maybe], labels_G: Sequence[Maybe]) -> tuple[list[float], list[float]]:
    """The scores and labels of the responses that have both.

    Raises ValueError if the lengths differ.
    """
    pairs = [(s, y) for s, y in zip(scores_G, labels_G, strict=True) if s is not None and y is not None]
    return [s for s, _ in pairs], [y for _, y in pairs]


def pairwise_accuracy(scores_G: Sequence[Maybe], labels_G: Sequence[Maybe]) -> float | None:
    """Share of the pairs with different labels that the scores put in the same order; a tie of scores counts half.

    In [0, 1]; 0.5 is a coin, and a constant. None if no judged pair has different labels.
    """
    scores, labels = judged(scores_G, labels_G)
    right, pairs = 0.0, 0
    for i, (s, y) in enumerate(zip(scores, labels, strict=True)):
        for t, z in zip(scores[:i], labels[:i], strict=True):
            if y != z:
                pairs += 1
                right += 0.5 if s == t else float((s > t) == (y > z))
    return right / pairs if pairs else None


@dataclass(frozen=True, slots=True)
class BestOf:
    """What picking the top-scored response yields. Ties for the top are drawn at random, so the expectation counts.

    accuracy: chance that the pick has the best label there is. regret: label lost to the best response, in the unit of
    the labels. share_of_gain: 1 for the best response, 0 for picking blindly, negative below that.
    """

    accuracy: float
    regret: float
    share_of_gain: float


def best_of_n(scores_G: Sequence[Maybe], labels_G: Sequence[Maybe]) -> BestOf | None:
    """Pick the top score among the labelled responses. None if one of them was not judged or all labels are equal.

    An unjudged response would make the pick easier, so such items are left out rather than flattered.
    """
    labelled = [(s, y) for s, y in zip(scores_G, labels_G, strict=True) if y is not None]
    labels = [y for _, y in labelled]
    if any(s is None for s, _ in labelled) or len(set(labels)) < 2:
        return None
    top = max(s for s, _ in labelled if s is not None)
    picked = [y for s, y in labelled if s == top]
    best, blind, value = max(labels), math.fsum(labels) / len(labels), math.fsum(picked) / len(picked)
    return BestOf(picked.count(best) / len(picked), best - value, (value - blind) / (best - blind))


def ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1; equal values share the mean of their ranks."""
    order = sorted(range(len(values)), key=values.__getitem__)
    out = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for k in order[start:end]:
            out[k] = (start + 1 + end) / 2
        start = end
    return out


def pearson(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Linear correlation in [-1, 1]; None below two values or where one side is constant."""
    n = len(x)
    if n < 2 or len(set(x)) < 2 or len(set(y)) < 2:
        return None
    mx, my = math.fsum(x) / n, math.fsum(y) / n
    sxy = math.fsum((a - mx) * (b - my) for a, b in zip(x, y, strict=True))
    sxx, syy = math.fsum((a - mx) ** 2 for a in x), math.fsum((b - my) ** 2 for b in y)
    if sxx == 0 or syy == 0:
        return None  # different values whose squared deviations underflow
    return max(-1.0, min(1.0, sxy / math.sqrt(sxx) / math.sqrt(syy)))


def spearman(scores_N: Sequence[Maybe], labels_N: Sequence[Maybe]) -> float | None:
    """Rank correlation in [-1, 1], ties sharing mean ranks; None where scores or labels are constant."""
    scores, labels = judged(scores_N, labels_N)
    return pearson(ranks(scores), ranks(labels))


def kendall(scores_G: Sequence[Maybe], labels_G: Sequence[Maybe]) -> float | None:
    """Kendall's tau-b in [-1, 1] of one group (quadratic in its size); None where scores or labels are constant."""
    scores, labels = judged(scores_G, labels_G)
    agree, by_score, by_label = 0, 0, 0
    for i, (s, y) in enumerate(zip(scores, labels, strict=True)):
        for t, z in zip(scores[:i], labels[:i], strict=True):
            ds, dy = (s > t) - (s < t), (y > z) - (y < z)
            agree += ds * dy
            by_score += ds * ds
            by_label += dy * dy
    if by_score == 0 or by_label == 0:
        return None
    return agree / math.sqrt(by_score * by_label)


def auc(scores_N: Sequence[Maybe], labels_N: Sequence[Maybe]) -> float | None:
    """Chance that a right response (label above 0.5) outscores a wrong one, ties half; None with only one class."""
    scores, labels = judged(scores_N, labels_N)
    right = sum(y > 0.5 for y in labels)
    wrong = len(labels) - right
    if right == 0 or wrong == 0:
        return None
    of_right = math.fsum(r for r, y in zip(ranks(scores), labels, strict=True) if y > 0.5)
    return (of_right - right * (right + 1) / 2) / (right * wrong)


@dataclass(frozen=True, slots=True)
class Agreement:
    """A verifier's yes or no against binary labels. n: judged responses; the rates are in [0, 1].

    false_accept: share of the wrong responses that were accepted. false_reject: share of the right ones that were
    rejected. Each is None where there is no response of that class.
    """

    n: int
    right: int
    wrong: int
    agreement: float
    false_accept: float | None
    false_reject: float | None


def agreement(scores_N: Sequence[Maybe], labels_N: Sequence[Maybe], line: float = 0.5) -> Agreement | None:
    """Accept what scores at least `line`; a label above 0.5 is right. None if nothing was judged."""
    scores, labels = judged(scores_N, labels_N)
    if not scores:
        return None
    right = sum(y > 0.5 for y in labels)
    wrong = len(labels) - right
    accepted = sum(s >= line and y <= 0.5 for s, y in zip(scores, labels, strict=True))
    rejected = sum(s < line and y > 0.5 for s, y in zip(scores, labels, strict=True))
    return Agreement(
        n=len(labels),
        right=right,
        wrong=wrong,
        agreement=1 - (accepted + rejected) / len(labels),
        false_accept=accepted / wrong if wrong else None,
        false_reject=rejected / right if right else None,
    )


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a reliability diagram: mean forecast, observed share, and how many forecasts fell in it."""

    forecast: float
    observed: float
    n: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far forecasts in [0, 1] can be believed. brier: mean squared error. ece: expected calibration error."""

    n: int
    brier: float
    ece: float
    bins: tuple[Bin, ...]


def calibration(forecasts_N: Sequence[float], outcomes_N: Sequence[float], bins: int = 10) -> Calibration | None:
    """Brier score and expected calibration error over `bins` bins of equal width (Guo et al., arXiv 1706.04599).

    forecasts: in [0, 1]; outcomes: 0 or 1, or 0.5 for a tie. None for no forecasts.
    Raises ValueError for a forecast outside [0, 1].
    """
    if len(forecasts_N) != len(outcomes_N):
        raise ValueError(f"{len(forecasts_N)} forecasts for {len(outcomes_N)} outcomes")
    if not forecasts_N:
        return None
    if min(forecasts_N) < 0 or max(forecasts_N) > 1:
        raise ValueError(f"forecasts must lie in [0, 1], got {min(forecasts_N)} to {max(forecasts_N)}")
    held: list[list[tuple[float, float]]] = [[] for _ in range(bins)]
    for f, o in zip(forecasts_N, outcomes_N, strict=True):
        held[min(int(f * bins), bins - 1)].append((f, o))
    n = len(forecasts_N)
    filled = tuple(
        Bin(math.fsum(f for f, _ in b) / len(b), math.fsum(o for _, o in b) / len(b), len(b)) for b in held if b
    )
    return Calibration(
        n=n,
        brier=math.fsum((f - o) ** 2 for f, o in zip(forecasts_N, outcomes_N, strict=True)) / n,
        ece=math.fsum(b.n * abs(b.forecast - b.observed) for b in filled) / n,
        bins=filled,
    )


@dataclass(frozen=True, slots=True)
class Consistency:
    """A pair judge asked in both orders. consistent: share that named the same response (or a tie) both times.

    first: share of the answers that named whichever response came first; 0.5 without position bias (ties left out);
    None if every answer was a tie.
    """

    n: int
    consistent: float
    first: float | None


def position_consistency(forward_N: Sequence[float], swapped_N: Sequence[float]) -> Consistency | None:
    """Compare a judge's preference for the same pairs in both orders.

    forward: above 0 where it preferred A shown as (A, B), below 0 for B, 0 for a tie. swapped: the same sign convention
    *for the shown order* (B, A), so above 0 means that it preferred B, which then stood first. None for no pairs.
    """
    if len(forward_N) != len(swapped_N):
        raise ValueError(f"{len(forward_N)} answers in one order, {len(swapped_N)} in the other")
    if not forward_N:
        return None
    signs = [((f > 0) - (f < 0), (s > 0) - (s < 0)) for f, s in zip(forward_N, swapped_N, strict=True)]
    named = [sign for pair in signs for sign in pair if sign]
    return Consistency(
        n=len(signs),
        consistent=sum(f == -s for f, s in signs) / len(signs),
        first=sum(sign > 0 for sign in named) / len(named) if named else None,
    )
