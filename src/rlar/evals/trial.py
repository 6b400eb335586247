"""Routers on trial: learnt on one half of the cases, measured on the other, over many seeded halves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlar.evals.oracles import Null, best_by_category, category_oracle
from rlar.evals.pool import Pool
from rlar.evals.routers import Cascade, Router, Static

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Tried:
    """One router's record. utility_N: of each case, mean over the halves in which it was held out; in [0, 1].

    regret: what it loses, on average, to the category oracle (which chose in hindsight). lock_in: share of decisions
    for a tool that is not the best of its category in hindsight, and was already settled after a tenth of learning.
    shares: how often each tool answered; choices: the same within each category. calls: of any tool per 1,000 cases;
    judge_calls: of judges; dear_calls: of tools that cost more than the cheapest; price: of all calls per 1,000 cases,
    in the unit of the prices that were given.
    """

    name: str
    utility_N: tuple[float, ...]
    regret: float
    lock_in: float
    shares: dict[str, float]
    choices: dict[str, dict[str, float]]
    calls: float
    judge_calls: float
    dear_calls: float
    price: float


def halves(groups: Sequence[str], splits: int, seed: int) -> list[tuple[Ints, Ints]]:
    """`splits` seeded cuts of the cases into two halves; cases of one group stay together."""
    import numpy as np

    rng = np.random.default_rng(seed)
    names, codes = np.unique(np.array(groups), return_inverse=True)
    out = []
    for _ in range(splits):
        side = np.zeros(len(names), dtype=bool)
        side[rng.permutation(len(names))[: len(names) // 2]] = True
        out.append((np.flatnonzero(side[codes]), np.flatnonzero(~side[codes])))
    return out


def try_router(pool: Pool, router: Router, *, splits: int = 20, seed: int = 0) -> Tried:
    """Learn on each half and decide on the other, both ways, for every split.

    Raises ValueError if the cases form fewer than two groups: then there is nothing to hold out.
    """
    import numpy as np

    cuts = halves(pool.groups, splits, seed)
    if any(len(a) == 0 or len(b) == 0 for a, b in cuts):
        raise ValueError(f"{pool.name}: {len(pool)} cases of one group cannot be split into halves")
    best = best_by_category(pool)
    best_N = np.array([best[c] for c in pool.seen.categories])
    total = np.zeros(len(pool))
    categories, codes = np.unique(np.array(pool.seen.categories), return_inverse=True)
    answers = np.zeros((len(categories), len(pool.tools)))
    calls = np.zeros(len(pool.tools))
    locked = 0
    for split, (a, b) in enumerate(cuts):
        for train, test in ((a, b), (b, a)):
            order = np.random.default_rng([seed, split, int(train[0])]).permutation(train)
            seen = pool.take(test).seen
            routed = router.learn(pool.take(order), seed + split)(seen)
            early = router.learn(pool.take(order[: max(2, len(order) // 10)]), seed + split)(seen)
            total[test] += pool.utility_NK[test, routed.answer_N]
            np.add.at(answers, (codes[test], routed.answer_N), 1)
            calls += routed.asked_NK.sum(axis=0)
            locked += int(((routed.answer_N == early.answer_N) & (routed.answer_N != best_N[test])).sum())
    decisions = splits * len(pool)
    utility = total / splits
    judges = np.array(pool.seen.judges)
    return Tried(
        name=router.name,
        utility_N=tuple(utility.tolist()),
        regret=float(category_oracle(pool).mean() - utility.mean()),
        lock_in=locked / decisions,
        shares=_shares(pool.tools, answers.sum(axis=0)),
        choices={str(c): _shares(pool.tools, row) for c, row in zip(categories, answers, strict=True)},
        calls=1000 * float(calls.sum()) / decisions,
        judge_calls=1000 * float(calls[judges].sum()) / decisions,
        dear_calls=1000 * float(calls[np.array(pool.seen.prices) > min(pool.seen.prices)].sum()) / decisions,
        price=1000 * float(calls @ np.array(pool.seen.prices)) / decisions,
    )


def shuffled_router(pool: Pool, *, min_cases: int = 12, shuffles: int = 49, splits: int = 20, seed: int = 0) -> Null:
    """The category router's accuracy when categories are dealt out at random: what it has with nothing to learn.

    p: share of the shuffles (the observed one included) that reach its accuracy with the true categories. This is the
    honest test of whether routing by category helps: interval and sign-flip test of its gain over the static choice
    take the learnt choices as given, and so cry wolf where all tools are alike.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    cuts = halves(pool.groups, splits, seed)
    kinds, codes = np.unique(np.array(pool.seen.categories), return_inverse=True)

    def accuracy(codes: Ints) -> float:
        one_hot = np.eye(len(kinds))[codes]
        sides = [side for a, b in cuts for side in ((a, b), (b, a))]
        total = sum(_routed_by_category(pool.utility_NK, one_hot, a, b, min_cases) for a, b in sides)
        return total / (splits * len(pool))

    observed = accuracy(codes)
    drawn = [accuracy(rng.permutation(codes)) for _ in range(shuffles)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    reached = sum(value >= observed - 1e-12 for value in drawn)
    return Null(float(np.mean(drawn)), float(low), float(high), (reached + 1) / (shuffles + 1))


def _routed_by_category(utility_NK: Floats, one_hot_NC: Floats, train: Ints, test: Ints, min_cases: int) -> float:
    """Total utility on the test half of what `ByCategory` learns on the other, for all categories at once."""
    import numpy as np

    sums = np.einsum("nc,nk->ck", one_hot_NC[train], utility_NK[train])
    static = int(utility_NK[train].mean(axis=0).argmax())
    best = sums.argmax(axis=1)
    every = np.arange(len(sums))
    thin = one_hot_NC[train].sum(axis=0) < min_cases
    chosen = np.where(thin | (sums[every, best] <= sums[:, static] + 1e-9), static, best)
    return float(np.einsum("nc,nk->ck", one_hot_NC[test], utility_NK[test])[every, chosen].sum())


def _shares(tools: Sequence[str], counts: Floats) -> dict[str, float]:
    """Shares of the tools that were used at all, largest first."""
    total = float(counts.sum()) or 1.0
    used = sorted((-float(n) / total, tool) for tool, n in zip(tools, counts, strict=True) if n)
    return {tool: -share for share, tool in used}


@dataclass(frozen=True)
class CurvePoint:
    """A cascade at one budget, on held-out halves, beside the static choice that makes as many dear calls.

    cheap: the tool that answers first; "" where each half chose its own. share: of cases the dear tool was asked about.
    cascade_N, static_N: utility per case. static: the same two tools, the dear one asked about the same share of cases
    picked blindly; so at share 0 the cheap tool alone, at share 1 the dear one alone.
    """

    budget: float
    cheap: str
    dear: str
    share: float
    cascade_N: tuple[float, ...]
    static_N: tuple[float, ...]


def cascade_curve(
    pool: Pool, budgets: Sequence[float] = (0, 0.1, 0.25, 0.5, 0.75, 1), *, splits: int = 20, seed: int = 0
) -> list[CurvePoint]:
    """Accuracy against the dear tool's budget; both the cascade and the static choice learn their cheap tool elsewhere.

    The dear tool is the best of the dear ones on the whole pool, the same for both.
    """
    cheap_tools, dear = _cheap_and_dear(pool)
    alone = try_router(pool.only(cheap_tools), Static(), splits=splits, seed=seed).utility_N
    return [_point(pool, Cascade(b, dear=pool.tools[dear]), alone, dear, splits, seed) for b in budgets]


def cascade_of_each(
    pool: Pool, budgets: Sequence[float] = (0.25, 0.5), *, splits: int = 20, seed: int = 0
) -> list[CurvePoint]:
    """For every cheap tool as it is, chosen by nobody: the cascade on it against asking the dear tool blindly as often.

    Only the floor is learnt, on the other half.
    """
    cheap_tools, dear = _cheap_and_dear(pool)
    return [
        _point(
            pool,
            Cascade(b, cheap=pool.tools[k], dear=pool.tools[dear]),
            pool.utility_NK[:, k].tolist(),
            dear,
            splits,
            seed,
        )
        for k in cheap_tools
        for b in budgets
    ]


def _cheap_and_dear(pool: Pool) -> tuple[list[int], int]:
    return pool.cheapest, Cascade(1.0).tools(pool)[1]


def _point(pool: Pool, cascade: Cascade, alone_N: Sequence[float], dear: int, splits: int, seed: int) -> CurvePoint:
    tried = try_router(pool, cascade, splits=splits, seed=seed)
    share = tried.calls / 1000 - 1
    static = [(1 - share) * a + share * d for a, d in zip(alone_N, pool.utility_NK[:, dear].tolist(), strict=True)]
    return CurvePoint(cascade.budget, cascade.cheap, pool.tools[dear], share, tried.utility_N, tuple(static))
