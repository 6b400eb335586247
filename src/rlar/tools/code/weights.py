"""Dense credit for programs: how much each test is worth, and what passing some of them pays."""

from __future__ import annotations

from collections.abc import Sequence

ANCHOR = 0.5  # what passing all but one test can pay at most; the line of a right program is above it


def weigh_tests(passed: Sequence[int], tried: int) -> list[float]:
    """Weights of tests from how many of `tried` programs passed each: rare passes weigh more, summing to 1.

    A test that nobody ever passed gets weight 0: it may be broken, and its naive weight (1 - rate) would be the largest
    of all. If no test was ever passed by anyone, all weigh alike. Give the result as tests["weights"]; it is fixed
    data, so that the same answer gets the same reward at any step of training.
    Source: running pass rates as weights, VeRPO (arXiv 2601.03525); the guard is ours.
    """
    if tried <= 0 or any(not 0 <= p <= tried for p in passed):
        raise ValueError(f"each test is passed by 0 to {tried} of the programs tried, got {list(passed)}")
    raw = [(1 - p / tried) if p else 0.0 for p in passed]
    if not sum(raw):
        raw = [1.0 if p or not any(passed) else 0.0 for p in passed]
    total = sum(raw)
    return [w / total for w in raw]


def credit(passed: Sequence[bool], weights: Sequence[float] | None, *, everything: bool) -> float:
    """1.0 for a full pass; else the weighted share of passed tests times ANCHOR, so only a full pass pays 1."""
    if everything:
        return 1.0
    if not passed:
        return 0.0
    use = list(weights) if weights is not None and len(weights) == len(passed) else [1.0] * len(passed)
    total = sum(use)
    return ANCHOR * sum(w for w, p in zip(use, passed, strict=True) if p) / total if total > 0 else 0.0
