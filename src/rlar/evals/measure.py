"""One tool on one data set: every figure that its labels allow, each with n."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rlar.evals.benchmark_scores import STYLES, StyleMatrix, rewardbench_sections, style_matrix
from rlar.evals.cases import Case, Dataset, LabelKind, Metric
from rlar.evals.metrics import (
    Agreement,
    Calibration,
    Consistency,
    agreement,
    auc,
    best_of_n,
    calibration,
    kendall,
    pairwise_accuracy,
    position_consistency,
)
from rlar.evals.resampling import Figure, Resampler
from rlar.evals.rewardbench2 import TiesRow, rewardbench2_result, rewardbench2_ties
from rlar.evals.tool_scores import ToolScores

Maybe = float | None
ANSWER = {"A>B": 1.0, "A>>B": 1.0, "B>A": -1.0, "B>>A": -1.0}  # what a pair judge said; anything else is a draw


@dataclass(frozen=True, slots=True)
class MarginBin:
    """Pairs whose margin lies in one quarter of all margins. margin: their mean; accuracy in [0, 1]; n: pairs."""

    margin: float
    accuracy: float
    n: int


@dataclass(frozen=True, slots=True)
class Row:
    """One tool on one data set. figure: the data set's headline metric over the cases that the tool judged.

    judged: share of the data set's cases. lower_bound: the headline with a coin's value (0.5, or 0 for a correlation)
    for cases that it did not judge. best_accuracy, gain, regret: of picking the top response; gain is 1 for the best
    pick, 0 for a blind one. kendall: mean within items. response_auc, agreement, calibration: over single responses,
    where labels are right or wrong. margin_calibration: of forecasts made from margins, fitted on other cases.
    seconds, tokens, calls: per 1,000 responses; None where unknown. gap: the commonest reason for not judging.
    benchmark: the benchmark's own figures. None stands for everything that does not apply.
    """

    tool: str
    kind: str
    figure: Figure
    judged: float
    lower_bound: float
    best_accuracy: Figure | None = None
    gain: Figure | None = None
    regret: Figure | None = None
    kendall: Figure | None = None
    response_auc: float | None = None
    agreement: Agreement | None = None
    calibration: Calibration | None = None
    margin_calibration: Calibration | None = None
    margins: tuple[MarginBin, ...] = ()
    consistency: Consistency | None = None
    styles: StyleMatrix | None = None
    seconds: float | None = None
    tokens: float | None = None
    calls: float | None = None
    gap: str = ""
    benchmark: dict[str, float] | None = None


def measure(dataset: Dataset, table: ToolScores, sampler: Resampler) -> Row:
    """All figures of one tool. sampler: over the groups of dataset.cases, in their order."""
    cases = dataset.cases
    scores_NG = [table.of(case) for case in cases]
    figure = headline(dataset, table, sampler)
    chance = 0.0 if dataset.metric is Metric.SPEARMAN else 0.5
    judged = _share_judged(dataset, scores_NG)
    singles = dataset.kind is LabelKind.BINARY
    flat = [(s, y) for case, row in zip(cases, scores_NG, strict=True) for s, y in zip(row, case.labels, strict=True)]
    scores, labels = [s for s, _ in flat], [y for _, y in flat]
    grouped = dataset.metric is Metric.PAIRS
    best = [best_of_n(row, case.labels) if grouped else None for case, row in zip(cases, scores_NG, strict=True)]
    kendalls = [kendall(row, case.labels) for case, row in zip(cases, scores_NG, strict=True)] if grouped else []
    cost = _cost(table, cases)
    return Row(
        tool=table.tool,
        kind=table.kind,
        figure=figure,
        judged=judged,
        lower_bound=judged * (figure.value or 0.0) + (1 - judged) * chance if figure.value is not None else chance,
        best_accuracy=_mean(sampler, [None if b is None else b.accuracy for b in best]),
        gain=_mean(sampler, [None if b is None else b.share_of_gain for b in best]),
        regret=_mean(sampler, [None if b is None else b.regret for b in best]),
        kendall=_mean(sampler, kendalls) if kendalls else None,
        response_auc=auc(scores, labels) if singles else None,
        agreement=agreement(scores, labels, table.line) if singles and table.line is not None else None,
        calibration=_calibration(scores, labels) if singles and table.kind != "baseline" else None,
        margin_calibration=margin_calibration(cases, scores_NG) if grouped else None,
        margins=accuracy_by_margin(cases, scores_NG) if grouped else (),
        consistency=_consistency(table, cases),
        styles=_styles(cases, scores_NG),
        seconds=cost[0],
        tokens=cost[1],
        calls=cost[2],
        gap=_commonest([table.gaps[case.id] for case in cases if case.id in table.gaps]),
        benchmark=_benchmark(dataset, table),
    )


def headline(dataset: Dataset, table: ToolScores, sampler: Resampler, keep: Sequence[bool] | None = None) -> Figure:
    """The data set's metric for one tool, with its interval; keep: which cases count (all, if None).

    Rank correlations are taken within each source and averaged (a language pair is a source): levels differ between
    sources for reasons that no tool could know.
    """
    kept = keep or [True] * len(dataset.cases)
    if dataset.metric is Metric.PAIRS:
        return sampler.mean([u if k else None for u, k in zip(utilities(dataset, table), kept, strict=True)])
    pairs = [
        (table.of(case)[0], case.labels[0]) if k else (None, None) for case, k in zip(dataset.cases, kept, strict=True)
    ]
    scores, labels = [s for s, _ in pairs], [y for _, y in pairs]
    if dataset.metric is Metric.AUC:
        return sampler.statistic("auc", scores, labels)
    return sampler.statistic("spearman", scores, labels, [case.source for case in dataset.cases])


def utilities(dataset: Dataset, table: ToolScores) -> list[Maybe]:
    """Pair accuracy of a tool on each case; None where it did not judge, or no two labels differ."""
    return [pairwise_accuracy(table.of(case), case.labels) for case in dataset.cases]


def _share_judged(dataset: Dataset, scores_NG: Sequence[Sequence[Maybe]]) -> float:
    """Share of the measurable cases on which the tool gave what the metric needs."""
    could = did = 0
    for case, row in zip(dataset.cases, scores_NG, strict=True):
        if dataset.metric is Metric.PAIRS:
            could += case.decided
            did += pairwise_accuracy(row, case.labels) is not None
        else:
            could += 1
            did += row[0] is not None
    return did / could if could else 0.0


def _mean(sampler: Resampler, values_N: Sequence[Maybe]) -> Figure | None:
    return sampler.mean(values_N) if any(v is not None for v in values_N) else None


def _calibration(scores_N: Sequence[Maybe], labels_N: Sequence[Maybe]) -> Calibration | None:
    """Scores taken as chances to be right, where all of them lie in [0, 1]."""
    known = [(s, y) for s, y in zip(scores_N, labels_N, strict=True) if s is not None and y is not None]
    if not known or min(s for s, _ in known) < 0 or max(s for s, _ in known) > 1:
        return None
    return calibration([s for s, _ in known], [y for _, y in known])


def pairs_of(cases: Sequence[Case], scores_NG: Sequence[Sequence[Maybe]]) -> list[tuple[float, float, str]]:
    """(margin, right, group) of all judged pairs with different labels; right is 1, 0, or 0.5 where the scores tie."""
    found = []
    for case, row in zip(cases, scores_NG, strict=True):
        known = [(s, y) for s, y in zip(row, case.labels, strict=True) if s is not None and y is not None]
        for k, (s, y) in enumerate(known):
            for t, z in known[:k]:
                if y != z:
                    right = 0.5 if s == t else float((s > t) == (y > z))
                    found.append((abs(s - t), right, case.group))
    return found


def accuracy_by_margin(
    cases: Sequence[Case], scores_NG: Sequence[Sequence[Maybe]], bins: int = 4
) -> tuple[MarginBin, ...]:
    """Accuracy in quarters of the margin, from the closest pairs to the farthest; equal margins stay together."""
    pairs = sorted((m, r) for m, r, _ in pairs_of(cases, scores_NG))
    if len(pairs) < 2 * bins:
        return ()
    found, start = [], 0
    for k in range(1, bins + 1):
        end = max(start, round(k * len(pairs) / bins))
        while 0 < end < len(pairs) and pairs[end][0] == pairs[end - 1][0]:
            end += 1
        if end > start:
            part = pairs[start:end]
            found.append(MarginBin(sum(m for m, _ in part) / len(part), sum(r for _, r in part) / len(part), len(part)))
        start = end
    return tuple(found)


def margin_calibration(cases: Sequence[Case], scores_NG: Sequence[Sequence[Maybe]]) -> Calibration | None:
    """How well margins forecast that a tool is right: p = 1 / (1 + exp(-a * margin)), a >= 0 fitted on other groups.

    Two folds by group, each forecast with the slope of the other. A tie forecasts 0.5. None below 40 pairs.
    """
    pairs = pairs_of(cases, scores_NG)
    names = sorted({g for _, _, g in pairs})
    if len(pairs) < 40 or len(names) < 4:
        return None
    fold = {name: k % 2 for k, name in enumerate(names)}
    slopes = [_slope([(m, r) for m, r, g in pairs if fold[g] != side]) for side in (0, 1)]
    forecasts = [1 / (1 + math.exp(-min(slopes[fold[g]] * m, 700.0))) for m, _, g in pairs]
    return calibration(forecasts, [r for _, r, _ in pairs])


def _slope(pairs: Sequence[tuple[float, float]]) -> float:
    """The a >= 0 that makes the outcomes likeliest, by bisection: the likelihood is concave in a."""

    import numpy as np

    margins, right = np.array([m for m, _ in pairs]), np.array([r for _, r in pairs])

    def climb(a: float) -> float:
        return float(np.sum(margins * (right - 1 / (1 + np.exp(-np.minimum(a * margins, 700.0))))))

    scale = float(margins.max()) if pairs else 0.0
    if scale == 0 or climb(0.0) <= 0:
        return 0.0
    low, high = 0.0, 50 / scale
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if climb(middle) > 0 else (low, middle)
    return low


def _consistency(table: ToolScores, cases: Sequence[Case]) -> Consistency | None:
    orders = [table.orders[case.id] for case in cases if case.id in table.orders]
    return position_consistency([ANSWER.get(a, 0.0) for a, _ in orders], [ANSWER.get(b, 0.0) for _, b in orders])


def _styles(cases: Sequence[Case], scores_NG: Sequence[Sequence[Maybe]]) -> StyleMatrix | None:
    """RM-Bench's matrix over the cases with one good and one bad response of each style, all judged."""
    good, bad = [], []
    for case, row in zip(cases, scores_NG, strict=True):
        cells: dict[tuple[bool, object], float] = {}
        for note, score, label in zip(case.notes, row, case.labels, strict=False):
            if score is not None and label is not None and note.get("style") in STYLES:
                cells[label > 0.5, note["style"]] = score
        if len(cells) == 2 * len(STYLES):
            good.append([cells[True, style] for style in STYLES])
            bad.append([cells[False, style] for style in STYLES])
    return style_matrix(good, bad)


def _benchmark(dataset: Dataset, table: ToolScores) -> dict[str, float] | None:
    """The figures by the benchmark's own rules; None for other data, or where the tool judged nothing."""
    own: dict[str, Callable[[Dataset, ToolScores], dict[str, float]]] = {
        "rewardbench2": _rewardbench2,
        "rewardbench": _rewardbench,
    }
    found = own[dataset.benchmark](dataset, table) if dataset.benchmark in own else {}
    return found or None


def _rewardbench2(dataset: Dataset, table: ToolScores) -> dict[str, float]:
    """Accuracy by subset and the Ties score; "average" over subsets as on the leaderboard."""
    rows: dict[str, list[tuple[Case, list[float]]]] = {}
    for case in dataset.cases:
        scores = [s for s in table.of(case) if s is not None]
        if len(scores) == len(case.labels):
            rows.setdefault(str(case.meta.get("subset")), []).append((case, scores))
    found: dict[str, float] = {}
    for subset, judged in sorted(rows.items()):
        if subset.lower() == "ties":
            ties = rewardbench2_ties([TiesRow(str(c.meta["row_id"]), int(c.meta["num_correct"]), s) for c, s in judged])
            if ties.score is not None:
                found[subset] = ties.score
        else:
            found[subset] = sum(rewardbench2_result(s) for _, s in judged) / len(judged)
    return {**found, "average": sum(found.values()) / len(found)} if found else {}


def _rewardbench(dataset: Dataset, table: ToolScores) -> dict[str, float]:
    """Section scores; a tie counts as lost, as in the public code. "average" over the sections."""
    won: dict[str, list[float]] = {}
    for case in dataset.cases:
        chosen, rejected = table.of(case)
        if chosen is not None and rejected is not None:
            won.setdefault(str(case.meta.get("subset")), []).append(float(chosen > rejected))
    sections = rewardbench_sections({subset: sum(w) / len(w) for subset, w in won.items()})
    return {**sections, "average": sum(sections.values()) / len(sections)} if sections else {}


def _cost(table: ToolScores, cases: Sequence[Case]) -> tuple[Maybe, Maybe, Maybe]:
    """CPU or service seconds, tokens and calls per 1,000 responses, over the cases whose cost is known."""
    known = [case for case in cases if case.id in table.costs]
    responses = sum(len(case.labels) for case in known)
    if not responses:
        return None, None, None
    costs = [table.costs[case.id] for case in known]
    return (
        1000 * sum(c.seconds for c in costs) / responses,
        1000 * sum(c.tokens for c in costs) / responses,
        1000 * sum(c.calls for c in costs) / responses,
    )


def _commonest(reasons: Sequence[str]) -> str:
    return max(sorted(set(reasons)), key=reasons.count, default="")
