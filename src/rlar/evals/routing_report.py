"""Routing over one data set's tools: every router and baseline, the oracles with their nulls, a verdict in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rlar.evals.bandit import Bandit
from rlar.evals.cases import Dataset
from rlar.evals.oracles import (
    ENSEMBLES,
    Null,
    best_by_category,
    best_static,
    category_oracle,
    ensemble,
    independent_guesses,
    item_oracle,
    shuffled_categories,
    utility_of,
)
from rlar.evals.own_router import OwnRouter
from rlar.evals.pool import Pool, make_pool
from rlar.evals.resampling import Difference, Figure, Resampler
from rlar.evals.routers import ByCategory, Cascade, NearestFamily, Router, Rules, Static, StaticMap, has_prices
from rlar.evals.settings import Settings
from rlar.evals.tool_scores import ToolScores
from rlar.evals.trial import CurvePoint, Tried, cascade_curve, cascade_of_each, shuffled_router, try_router

FEWEST_CASES = 20  # below that, halves are too small to learn or to measure anything


@dataclass(frozen=True, slots=True)
class Entry:
    """One way to judge the pool's cases. role: baseline, tool, static, router, ensemble, null, oracle or system.

    figure: pair accuracy on all cases of the pool. versus: minus the best static tool that was chosen on other cases.
    regret: what it loses to the category oracle. lock_in, calls, judge_calls, dear_calls, price, shares: as in
    `Tried`.
    note: what a reader must know, e.g. that the choice was made in hindsight.
    """

    name: str
    role: str
    figure: Figure
    versus: Difference | None = None
    regret: float | None = None
    lock_in: float | None = None
    calls: float | None = None
    judge_calls: float | None = None
    dear_calls: float | None = None
    price: float | None = None
    shares: dict[str, float] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """A cascade at one budget against the static choice that makes as many dear calls (see `CurvePoint`)."""

    budget: float
    cheap: str
    dear: str
    share: float
    cascade: Figure
    static: Figure
    gain: Difference


@dataclass(frozen=True, slots=True)
class Choice:
    """One category: its tool in hindsight, and how often the category router, learnt elsewhere, chose each tool."""

    category: str
    n: int
    oracle: str
    chosen: dict[str, float]


@dataclass(frozen=True, slots=True)
class RoutingReport:
    """All entries, oracles and curves of one pool. scope: which tools are in it.

    shuffled: the category oracle's null; shuffled_router: the category router's. independent: see
    `independent_guesses`. words: the verdict.
    """

    scope: str
    n: int
    groups: int
    tools: tuple[str, ...]
    left_out: tuple[str, ...]
    entries: tuple[Entry, ...]
    shuffled: Null
    shuffled_router: Null
    independent: float
    choices: tuple[Choice, ...]
    curve: tuple[Point, ...]
    of_each: tuple[Point, ...]
    of_each_mean: dict[str, Difference]
    words: tuple[str, ...]

    def entry(self, name: str) -> Entry:
        """The entry of that name. Raises KeyError."""
        return {e.name: e for e in self.entries}[name]


def routing_reports(
    dataset: Dataset, tables: Sequence[ToolScores], others: Sequence[ToolScores], settings: Settings
) -> list[RoutingReport]:
    """Try every router on the tools of `tables`, and, where they differ in price, once more on the cheap ones alone.

    others: the system and the baselines, which are measured on the same cases but not routed to.
    An empty list where the tools have fewer than FEWEST_CASES cases in common.
    """
    pool = make_pool(dataset.name, dataset.cases, tables, settings.prices)
    if pool is None or len(pool) < FEWEST_CASES or len(set(pool.groups)) < FEWEST_CASES // 2:
        return []
    found = [_routing_report(ALL_TOOLS, pool, tables, others, settings)]
    if has_prices(pool) and len(pool.cheapest) > 2:
        found.append(_routing_report(CHEAP_TOOLS, pool.only(pool.cheapest), tables, others, settings))
    return found


def _routing_report(
    scope: str, pool: Pool, tables: Sequence[ToolScores], others: Sequence[ToolScores], settings: Settings
) -> RoutingReport:
    sampler = Resampler(pool.groups, draws=settings.draws, seed=settings.seed, level=settings.level)
    tried = [try_router(pool, r, splits=settings.splits, seed=settings.seed) for r in _routers(pool, settings)]
    compare = _Compare(pool, sampler, tried[0])
    points, each = _cascades(pool, settings)
    by_category = next(t for t in tried if t.name == CATEGORY_ROUTER)
    blind = shuffled_router(pool, min_cases=settings.min_cases, splits=settings.splits, seed=settings.seed)
    report = RoutingReport(
        scope=scope,
        n=len(pool),
        groups=sampler.groups,
        tools=pool.tools,
        left_out=pool.left_out,
        entries=(
            *(compare.table(t, "system" if t.kind == "system" else "baseline") for t in others),
            *_tools(pool, compare),
            *(compare.tried(t) for t in tried),
            _shuffled_entry(blind, len(pool), sampler.groups),
            *(
                compare.table(ensemble(pool, tables, how, spread_weight=settings.spread_weight), "ensemble")
                for how in ENSEMBLES
            ),
            *_oracles(pool, compare),
        ),
        shuffled=shuffled_categories(pool, shuffles=settings.shuffles, seed=settings.seed),
        shuffled_router=blind,
        independent=independent_guesses(pool),
        choices=_choices(pool, by_category),
        curve=tuple(_point(p, sampler) for p in points),
        of_each=tuple(_point(p, sampler) for p in each),
        of_each_mean=_mean_gain(each, sampler),
        words=(),
    )
    from rlar.evals.words import routing_words

    return replace(report, words=routing_words(report))


ALL_TOOLS, CHEAP_TOOLS = "all tools", "cheap tools"
BEST_ELSEWHERE = "best static, chosen elsewhere"
BEST_HINDSIGHT = "best static, in hindsight"
CATEGORY_ROUTER = "category router"
CAREFUL_ROUTER = "careful category router"
SHUFFLED_ROUTER = "category router, shuffled categories"
CATEGORY_ORACLE = "oracle per category"
ITEM_ORACLE = "oracle per item"
RANDOM_TOOL = "a random tool each time"


def _routers(pool: Pool, settings: Settings) -> list[Router]:
    """All routers under test; the first is the best static tool, which the others are compared with."""
    routers: list[Router] = [
        Static(BEST_ELSEWHERE),
        Rules(),
        ByCategory(CATEGORY_ROUTER, settings.min_cases),
        ByCategory(CAREFUL_ROUTER, settings.min_cases, careful=1.0),
        NearestFamily(min_cases=settings.min_cases),
        Bandit(),
        OwnRouter(min_cases=settings.min_cases),
    ]
    if settings.static_map:
        routers.insert(1, StaticMap(settings.static_map))
    if has_prices(pool):
        routers += [Cascade(b) for b in settings.budgets if 0 < b < 1]
    return routers


@dataclass(frozen=True)
class _Compare:
    """Makes entries: each against the best static tool that was chosen on other cases."""

    pool: Pool
    sampler: Resampler
    elsewhere: Tried

    def values(self, name: str, role: str, utility_N: Sequence[float | None], note: str = "") -> Entry:
        known = [u for u in utility_N if u is not None]
        oracle = category_oracle(self.pool).tolist()
        lost = [o - u for o, u in zip(oracle, utility_N, strict=True) if u is not None]
        return Entry(
            name,
            role,
            self.sampler.mean(utility_N),
            self.sampler.difference(self.elsewhere.utility_N, utility_N),
            regret=sum(lost) / len(lost) if known else None,
            note=note,
        )

    def table(self, table: ToolScores, role: str) -> Entry:
        utility = utility_of(self.pool, table)
        judged = sum(u is not None for u in utility)
        note = "" if judged == len(utility) else f"judged {judged} of {len(utility)}; a gap elsewhere"
        return self.values(table.tool, role, utility, note)

    def tried(self, tried: Tried, role: str = "") -> Entry:
        role = role or ("static" if tried.name == BEST_ELSEWHERE else "router")
        return replace(
            self.values(tried.name, role, tried.utility_N),
            regret=tried.regret,
            lock_in=tried.lock_in,
            calls=tried.calls,
            judge_calls=tried.judge_calls,
            dear_calls=tried.dear_calls,
            price=tried.price,
            shares=tried.shares,
        )


def _tools(pool: Pool, compare: _Compare) -> list[Entry]:
    """Every tool as it is, best first; each costs one call per case."""
    order = sorted(range(len(pool.tools)), key=lambda k: (-float(pool.utility_NK[:, k].mean()), pool.tools[k]))
    return [
        replace(
            compare.values(pool.tools[k], "tool", pool.utility_NK[:, k].tolist()),
            calls=1000.0,
            judge_calls=1000.0 * pool.seen.judges[k],
            dear_calls=1000.0 * (k not in pool.cheapest),
            price=1000.0 * pool.seen.prices[k],
        )
        for k in order
    ]


def _oracles(pool: Pool, compare: _Compare) -> list[Entry]:
    best = best_static(pool)
    hindsight = "chosen on the very cases it is measured on"
    return [
        compare.values(RANDOM_TOOL, "baseline", pool.utility_NK.mean(axis=1).tolist()),
        replace(
            compare.values(BEST_HINDSIGHT, "static", pool.utility_NK[:, best].tolist(), hindsight),
            shares={pool.tools[best]: 1.0},
        ),
        compare.values(CATEGORY_ORACLE, "oracle", category_oracle(pool).tolist(), hindsight),
        compare.values(ITEM_ORACLE, "oracle", item_oracle(pool).tolist(), "knows every label"),
    ]


def _shuffled_entry(null: Null, n: int, groups: int) -> Entry:
    note = "mean and range over shuffles; it can only lose what learning costs"
    return Entry(SHUFFLED_ROUTER, "null", Figure(null.mean, null.low, null.high, n, groups), note=note)


def _cascades(pool: Pool, settings: Settings) -> tuple[list[CurvePoint], list[CurvePoint]]:
    """The curve over budgets, and the cascade on each cheap tool (where they are few enough to read)."""
    if not has_prices(pool):
        return [], []
    curve = cascade_curve(pool, settings.budgets, splits=settings.splits, seed=settings.seed)
    few = len(pool.cheapest) <= 12
    return curve, cascade_of_each(pool, splits=settings.splits, seed=settings.seed) if few else []


def _point(point: CurvePoint, sampler: Resampler) -> Point:
    return Point(
        point.budget,
        point.cheap,
        point.dear,
        point.share,
        sampler.mean(point.cascade_N),
        sampler.mean(point.static_N),
        sampler.difference(point.static_N, point.cascade_N),
    )


def _mean_gain(points: Sequence[CurvePoint], sampler: Resampler) -> dict[str, Difference]:
    """By budget: the cascade's gain averaged over all cheap tools, case by case, so that one test covers them all."""
    found = {}
    for budget in sorted({p.budget for p in points}):
        same = [p for p in points if p.budget == budget]
        static, cascade = (
            [sum(column) / len(same) for column in zip(*(getattr(p, side) for p in same), strict=True)]
            for side in ("static_N", "cascade_N")
        )
        found[f"{budget:g}"] = sampler.difference(static, cascade)
    return found


def _choices(pool: Pool, tried: Tried) -> tuple[Choice, ...]:
    best = best_by_category(pool)
    return tuple(
        Choice(c, pool.seen.categories.count(c), pool.tools[best[c]], tried.choices.get(c, {})) for c in sorted(best)
    )
