"""Verdicts in words: what the figures of a routing report allow to say, and what they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rlar.evals.resampling import Difference
    from rlar.evals.routing_report import RoutingReport

SIGNIFICANT = 0.05


def routing_words(report: RoutingReport) -> tuple[str, ...]:
    """Sentences about one pool of tools, the most important first."""
    return (
        _does_routing_help(report),
        *(_category_oracle(report) for _ in report.choices[1:2]),  # one category has no oracle of its own
        _item_oracle(report),
        *_ensembles(report),
        *_cascade(report),
    )


def _does_routing_help(report: RoutingReport) -> str:
    """Two conditions: it beats the static choice, and does better than with categories that mean nothing."""
    from rlar.evals.routing_report import ALL_TOOLS, BEST_ELSEWHERE, BEST_HINDSIGHT, CATEGORY_ROUTER

    static, router = report.entry(BEST_ELSEWHERE), report.entry(CATEGORY_ROUTER)
    if len(report.choices) < 2:
        best = report.entry(BEST_HINDSIGHT)
        return (
            f"n = {report.n}, one category only, so there is nothing to route by: the best static tool chosen "
            f"elsewhere has {share(static.figure.value)}, the best in hindsight {share(best.figure.value)}."
        )
    scope = f"{'all' if report.scope == ALL_TOOLS else 'the'} {len(report.tools)} {report.scope.removeprefix('all ')}"
    gain, null = router.versus, report.shuffled_router
    start = f"Over {scope}, n = {report.n}: routing by category"
    figures = (
        f"it has {share(router.figure.value)}, the best static tool chosen elsewhere {share(static.figure.value)} "
        f"({difference(gain)}), and {share(null.mean)} is what it has with categories dealt out at random"
    )
    meaning = null.p is not None and null.p < SIGNIFICANT
    tested = "" if null.p is None else f" ({chance(null.p)})"
    if gain is None or gain.value is None or gain.p is None:
        return f"{start} could not be compared: {figures}."
    if gain.value > 0 and gain.p < SIGNIFICANT and meaning:
        hindsight = report.entry(BEST_HINDSIGHT).figure.value or 0.0
        fair = (router.figure.value or 0.0) - hindsight
        doubt = f" The static choice was unlucky, though: in hindsight the best tool has {share(hindsight)}."
        return f"{start} helps here: {figures}{tested}.{doubt if fair < gain.value / 2 else ''}"
    why = ""
    if gain.value > 0 and gain.p < SIGNIFICANT:
        why = " Its lead is one that meaningless categories reach as well."
    elif gain.value < 0 and gain.p < SIGNIFICANT:
        why = " It even loses: choosing among so many tools from so few cases costs more than it brings."
    return f"{start} does not help here: {figures}{tested}.{why}"


def _category_oracle(report: RoutingReport) -> str:
    from rlar.evals.routing_report import CATEGORY_ORACLE

    oracle, null = report.entry(CATEGORY_ORACLE).figure.value, report.shuffled
    p = "" if null.p is None else f", {chance(null.p)}"
    luck = f"with categories dealt out at random it has {share(null.mean)} ({share(null.low)} to {share(null.high)}{p})"
    if null.p is not None and null.p < SIGNIFICANT:
        return f"The oracle per category has {share(oracle)}; {luck}: the categories carry information about the tools."
    return f"The oracle per category has {share(oracle)}; {luck}: it wins what hindsight wins by chance."


def _item_oracle(report: RoutingReport) -> str:
    from rlar.evals.routing_report import ITEM_ORACLE

    oracle = report.entry(ITEM_ORACLE).figure.value or 0.0
    null = report.independent
    tail = (
        "so nothing but the number of guesses makes it high"
        if oracle >= null - 0.01
        else "so the tools err together, and no router that sees only the query can be expected near it"
    )
    return (
        f"The oracle per item has {share(oracle)}; {len(report.tools)} tools of these accuracies that erred "
        f"independently would reach {share(null)} by luck alone, {tail}."
    )


def _ensembles(report: RoutingReport) -> list[str]:
    from rlar.evals.routing_report import BEST_ELSEWHERE

    members = [e for e in report.entries if e.role == "ensemble"]
    best = max(members, key=lambda e: e.figure.value or 0.0, default=None)
    if best is None or best.versus is None or best.versus.p is None:
        return []
    static = report.entry(BEST_ELSEWHERE).figure.value
    verb = "beats" if (best.versus.value or 0.0) > 0 and best.versus.p < SIGNIFICANT else "does not beat"
    return [
        f"The best ensemble ({best.name}: {share(best.figure.value)}) {verb} the best static tool chosen elsewhere "
        f"({share(static)}, {difference(best.versus)})."
    ]


def _cascade(report: RoutingReport) -> list[str]:
    sentences = []
    gains = [p for p in report.curve if p.share > 0]
    if gains:
        won = [p for p in gains if _wins(p.gain)]
        at = ", ".join(
            f"{p.share:.0%}: {signed(p.gain.value)}, {chance(p.gain.p)}" for p in gains if p.gain.p is not None
        )
        verb = (
            f"beats asking blindly at {len(won)} of {len(gains)}" if won else "does not clearly beat asking blindly at"
        )
        sentences.append(f"At equal numbers of dear calls the margin cascade {verb} budgets (calls: gain; {at}).")
    for budget, gain in report.of_each_mean.items():
        same = [p for p in report.of_each if f"{p.budget:g}" == budget]
        ahead = sum((p.gain.value or 0.0) > 0 for p in same)
        alone = sum(_wins(p.gain) for p in same)
        sentences.append(
            f"With each of the {len(same)} cheap tools in its place, at a budget of {float(budget):.0%}, the cascade "
            f"is ahead for {ahead} ({alone} significant alone); on average {difference(gain)}."
        )
    return sentences


def _wins(gain: Difference) -> bool:
    return gain.value is not None and gain.p is not None and gain.value > 0 and gain.p < SIGNIFICANT


def share(value: float | None) -> str:
    """A share as people read it: 0.647, or a dash."""
    return "–" if value is None else f"{value:.3f}"


def signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.3f}"


def difference(gain: Difference | None) -> str:
    """A paired difference with interval and p, on one line."""
    if gain is None or gain.value is None or gain.p is None:
        return "no cases in common"
    bounds = "" if gain.low is None or gain.high is None else f" [{signed(gain.low)}, {signed(gain.high)}]"
    return f"difference {signed(gain.value)}{bounds}, {chance(gain.p)}, n = {gain.n}"


def chance(p: float) -> str:
    """A p-value as people write it."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
