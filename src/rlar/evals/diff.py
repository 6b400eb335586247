"""What moved between two runs, case by case on what both judged, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rlar.errors import InputError
from rlar.evals.cases import Case, Dataset, Metric
from rlar.evals.measure import headline, utilities
from rlar.evals.resampling import Difference, Resampler, holm
from rlar.evals.runs import Run
from rlar.evals.system_scores import NAME
from rlar.evals.tool_scores import ToolScores

ALL_PAIRS = "all pairs"
SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class Change:
    """One data set (or ALL_PAIRS: every case with a pair accuracy). before, after: the headline on the same cases.

    gain: after minus before, on the cases that both runs judged. judged: change of the share of cases that were judged,
    as a paired difference. verdict: "better", "worse" or "same", after Holm's correction over data sets; coverage:
    "more", "less" or "same" cases judged.
    """

    dataset: str
    metric: str
    before: float | None
    after: float | None
    gain: Difference
    judged_before: float
    judged_after: float
    judged: Difference
    verdict: str = "same"
    coverage: str = "same"


@dataclass(frozen=True, slots=True)
class RunDiff:
    """All changes of one tool. only_before, only_after: cases that the other run lacks; relabelled: with other labels.

    such cases are left out everywhere.
    """

    tool: str
    before: str
    after: str
    changes: tuple[Change, ...]
    only_before: int
    only_after: int
    relabelled: int

    @property
    def overall(self) -> Change | None:
        return next((c for c in self.changes if c.dataset == ALL_PAIRS), None)

    def worse(self, tolerance: float = 0.0) -> list[str]:
        """Why the later run is worse, in words; empty if it is not.

        A loss counts if it is significant and its whole interval lies below -tolerance; so does judging fewer cases.
        """
        found = []
        for c in self.changes:
            lost = c.verdict == "worse" and (c.gain.high is None or c.gain.high < -tolerance)
            if lost and c.gain.value is not None:
                found.append(f"{c.dataset}: {c.metric} {_plain(c.before)} -> {_plain(c.after)} ({c.gain.value:+.3f})")
            if c.coverage == "less" and c.judged_before - c.judged_after > tolerance:
                found.append(f"{c.dataset}: judged {c.judged_before:.1%} of the cases, now {c.judged_after:.1%}")
        return found


def diff_runs(before: Run, after: Run, *, tool: str = NAME, seed: int = 0, draws: int = 2000) -> RunDiff:
    """Compare one tool of two runs. Raises InputError if a run lacks the tool, or they share no case."""
    old, new = _table(before, tool), _table(after, tool)
    old_cases = {case.id: case for d in before.datasets for case in d.cases}
    new_cases = {case.id: case for d in after.datasets for case in d.cases}
    shared = old_cases.keys() & new_cases.keys()
    relabelled = {k for k in shared if old_cases[k].labels != new_cases[k].labels}
    changes = []
    pairs: list[tuple[Case, float | None, float | None]] = []
    for dataset in before.datasets:
        cases = tuple(c for c in dataset.cases if c.id in shared and c.id not in relabelled)
        if not cases:
            continue
        same = Dataset(dataset.name, cases, dataset.label_type, dataset.benchmark)
        sampler = Resampler([c.group for c in cases], draws=draws, seed=seed)
        changes.append(_change(same, old, new, sampler))
        if same.metric is Metric.PAIRS:
            pairs += zip(cases, utilities(same, old), utilities(same, new), strict=True)
    if not changes:
        raise InputError(f"{before.name} and {after.name} share no labelled case, so there is nothing to compare")
    if len(changes) > 1 and pairs:
        changes.insert(0, _overall(pairs, seed, draws))
    return RunDiff(
        tool=tool,
        before=before.name,
        after=after.name,
        changes=tuple(_with_verdicts(changes)),
        only_before=len(old_cases) - len(shared),
        only_after=len(new_cases) - len(shared),
        relabelled=len(relabelled),
    )


def _table(run: Run, tool: str) -> ToolScores:
    by_name: Mapping[str, ToolScores] = {t.tool: t for t in run.tables}
    if tool not in by_name:
        raise InputError(f"run {run.name} has no tool {tool!r}; it has {', '.join(sorted(by_name))}")
    return by_name[tool]


def _change(dataset: Dataset, old: ToolScores, new: ToolScores, sampler: Resampler) -> Change:
    cases = dataset.cases
    judged = [[_judged(dataset, table, case) for case in cases] for table in (old, new)]
    both = [a == 1.0 and b == 1.0 for a, b in zip(*judged, strict=True)]
    if dataset.metric is Metric.PAIRS:
        gain = sampler.difference(utilities(dataset, old), utilities(dataset, new))
    else:
        name = "auc" if dataset.metric is Metric.AUC else "spearman"
        strata = [case.source for case in cases] if dataset.metric is Metric.SPEARMAN else None
        first, second = ([table.of(case)[0] for case in cases] for table in (old, new))
        gain = sampler.statistic_difference(name, first, second, [case.labels[0] for case in cases], strata)
    return Change(
        dataset=dataset.name,
        metric=str(dataset.metric),
        before=headline(dataset, old, sampler, both).value,
        after=headline(dataset, new, sampler, both).value,
        gain=gain,
        judged_before=_mean(judged[0]),
        judged_after=_mean(judged[1]),
        judged=sampler.difference(*judged),
    )


def _judged(dataset: Dataset, table: ToolScores, case: Case) -> float | None:
    """1 if the tool judged what the metric needs, else 0; None where no answer to the case could be measured."""
    scores = table.of(case)
    if dataset.metric is not Metric.PAIRS:
        return float(scores[0] is not None)
    return float(all(s is not None for s in scores)) if case.decided else None


def _overall(pairs: Sequence[tuple[Case, float | None, float | None]], seed: int, draws: int) -> Change:
    sampler = Resampler([case.group for case, _, _ in pairs], draws=draws, seed=seed)
    old, new = [a for _, a, _ in pairs], [b for _, _, b in pairs]
    both = [a is not None and b is not None for a, b in zip(old, new, strict=True)]
    judged = [
        [float(u is not None) if case.decided else None for (case, _, _), u in zip(pairs, side, strict=True)]
        for side in (old, new)
    ]
    return Change(
        dataset=ALL_PAIRS,
        metric=str(Metric.PAIRS),
        before=sampler.mean([a if k else None for a, k in zip(old, both, strict=True)]).value,
        after=sampler.mean([b if k else None for b, k in zip(new, both, strict=True)]).value,
        gain=sampler.difference(old, new),
        judged_before=_mean(judged[0]),
        judged_after=_mean(judged[1]),
        judged=sampler.difference(*judged),
    )


def _with_verdicts(changes: Sequence[Change]) -> list[Change]:
    from dataclasses import replace

    gains = holm([c.gain.p if c.gain.p is not None else 1.0 for c in changes])
    shares = holm([c.judged.p if c.judged.p is not None else 1.0 for c in changes])
    return [
        replace(
            c,
            verdict=_verdict(c.gain.value, p, ("better", "worse")),
            coverage=_verdict(c.judged.value, q, ("more", "less")),
        )
        for c, p, q in zip(changes, gains, shares, strict=True)
    ]


def _verdict(value: float | None, p: float, words: tuple[str, str]) -> str:
    return "same" if value is None or not value or p >= SIGNIFICANT else words[value < 0]


def _mean(values: Sequence[float | None]) -> float:
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else 0.0


def _plain(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
