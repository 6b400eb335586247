"""From cases and scores to all figures: a pure function, so that a stored run can be replayed to the same report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rlar.evals.cases import Case, Dataset, Metric
from rlar.evals.measure import Row, headline, measure, utilities
from rlar.evals.pool import make_pool
from rlar.evals.resampling import Difference, Figure, Resampler
from rlar.evals.routers import Static
from rlar.evals.routing_report import (
    BEST_ELSEWHERE,
    BEST_HINDSIGHT,
    CATEGORY_ORACLE,
    CATEGORY_ROUTER,
    ITEM_ORACLE,
    RoutingReport,
    routing_reports,
)
from rlar.evals.settings import Settings
from rlar.evals.system_scores import NAME
from rlar.evals.tool_scores import ToolScores
from rlar.evals.trial import try_router

LENGTH, RANDOM = "length", "random"
SMALLEST_TASK = 10  # cases of a task below which it gets no figure of its own


@dataclass(frozen=True, slots=True)
class ByTask:
    """Headline figures of one task in one data set, for the plot. static: the best recorded tool, chosen elsewhere."""

    task: str
    dataset: str
    metric: str
    n: int
    system: Figure | None
    judged: float
    static: Figure | None
    length: Figure | None


@dataclass(frozen=True, slots=True)
class DatasetReport:
    """One data set. rows: the system, its tools, recorded tools and baselines, each with all figures that apply.

    line: the row of the table over all data sets. routings: over all recorded tools, then over the cheap ones alone;
    empty where fewer than two recorded tools share cases.
    """

    name: str
    metric: str
    labels: str
    label_type: str
    benchmark: str
    n: int
    decided: int
    groups: int
    tasks: dict[str, int]
    notes: tuple[str, ...]
    rows: tuple[Row, ...]
    line: Line
    by_task: tuple[ByTask, ...]
    routings: tuple[RoutingReport, ...]

    def row(self, tool: str) -> Row | None:
        return next((row for row in self.rows if row.tool == tool), None)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table over all data sets; None where there is nothing to show.

    system: on the cases it judged; judged: their share; gap: why it did not judge the others. hindsight: the best
    recorded tool, chosen on these cases; elsewhere: chosen on other halves; router: by category, learnt on other
    halves; versus: system minus `elsewhere` (minus `hindsight` for AUC and Spearman), on the cases that both judged.
    """

    system: Figure | None
    judged: float
    gap: str
    best: str
    hindsight: Figure | None
    elsewhere: Figure | None
    router: Figure | None
    versus: Difference | None
    length: Figure | None
    random: Figure | None
    category_oracle: Figure | None
    item_oracle: Figure | None

    @property
    def n_static(self) -> int | None:
        """Cases behind the figures of recorded tools: they may have judged fewer than there are; None without any."""
        figure = self.elsewhere or self.hindsight
        return figure.n if figure is not None else None


@dataclass(frozen=True, slots=True)
class Summary:
    """Means over data sets whose metric is pair accuracy or AUC. judged: where the system judged anything.

    system: its mean headline there; length, elsewhere: of the same data sets. everywhere: over all data sets, with a
    coin's 0.5 for cases that it did not judge. data sets with another metric (Spearman) are not averaged.
    """

    datasets: int
    judged: int
    system: float | None
    length: float | None
    everywhere: float | None
    cases: int
    responses: int


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of an evaluation."""

    datasets: tuple[DatasetReport, ...]
    summary: Summary
    settings: Settings

    def dataset(self, name: str) -> DatasetReport:
        """The data set of that name. Raises KeyError."""
        return {d.name: d for d in self.datasets}[name]


def analyse(
    datasets: Sequence[Dataset],
    tables: Sequence[ToolScores],
    settings: Settings,
    *,
    on_progress: Callable[[str], None] | None = None,
) -> Report:
    """Measure every tool on every data set that it has scores for. Pure: equal input gives an equal report.

    tables: the system, its parts, recorded tools and baselines, as in `ToolScores.kind`.
    """
    done = []
    for dataset in datasets:
        if on_progress is not None:
            on_progress(dataset.name)
        ids = {case.id for case in dataset.cases}
        here = [table for table in tables if not ids.isdisjoint(table.scores)]
        done.append(_dataset_report(dataset, here, settings))
    return Report(tuple(done), _summary(done, datasets), settings)


def _dataset_report(dataset: Dataset, tables: Sequence[ToolScores], settings: Settings) -> DatasetReport:
    sampler = Resampler(
        [c.group for c in dataset.cases], draws=settings.draws, seed=settings.seed, level=settings.level
    )
    rows = [measure(dataset, table, sampler) for table in tables]
    recorded = [t for t in tables if t.kind not in ("system", "baseline") and not t.tool.startswith(f"{NAME}:")]
    others = [t for t in tables if t.kind in ("system", "baseline")]
    routings = routing_reports(dataset, recorded, others, settings) if dataset.metric is Metric.PAIRS else []
    static = _static_choice(dataset, recorded, rows, sampler, settings)
    return DatasetReport(
        name=dataset.name,
        metric=str(dataset.metric),
        labels=str(dataset.kind),
        label_type=dataset.label_type,
        benchmark=dataset.benchmark,
        n=len(dataset.cases),
        decided=sum(case.decided for case in dataset.cases) if dataset.metric is Metric.PAIRS else len(dataset.cases),
        groups=sampler.groups,
        tasks=dict(Counter(case.task for case in dataset.cases).most_common()),
        notes=dataset.notes,
        rows=tuple(sorted(rows, key=_order)),
        line=_line(dataset, tables, rows, routings[0] if routings else None, static, sampler),
        by_task=_by_task(dataset, tables, static, settings),
        routings=tuple(routings),
    )


def _order(row: Row) -> tuple[int, float, str]:
    """The system first, then its tools, recorded tools from best to worst, baselines last."""
    place = 0 if row.kind == "system" else 3 if row.kind == "baseline" else 1 if row.tool.startswith(f"{NAME}:") else 2
    return place, -(row.figure.value if row.figure.value is not None else -9.0), row.tool


@dataclass(frozen=True, slots=True)
class _StaticChoice:
    """The best recorded tool. utility_N: of the tool chosen on other halves, per case; None where it has no pair."""

    best: str
    hindsight: Figure
    elsewhere: Figure | None
    utility_N: tuple[float | None, ...] | None


def _static_choice(
    dataset: Dataset, recorded: Sequence[ToolScores], rows: Sequence[Row], sampler: Resampler, settings: Settings
) -> _StaticChoice | None:
    """Among the tools that judged at least 80% of what the best covered one did; None without recorded tools.

    With one tool there is no choice to make, so hindsight and elsewhere agree. Where the metric has no figure per case
    (AUC, Spearman) only hindsight is told.
    """
    names = {t.tool for t in recorded}
    known = [r for r in rows if r.tool in names and r.figure.value is not None]
    if not known:
        return None
    widest = max(r.judged for r in known)
    best = max((r for r in known if r.judged >= 0.8 * widest), key=lambda r: (r.figure.value or -9.0, r.tool))
    if dataset.metric is not Metric.PAIRS:
        return _StaticChoice(best.tool, best.figure, best.figure if len(known) == 1 else None, None)
    by_name = {t.tool: t for t in recorded}
    pool = make_pool(dataset.name, dataset.cases, recorded, settings.prices)
    if pool is None or len(set(pool.groups)) < 4:
        utility = tuple(utilities(dataset, by_name[best.tool]))
        return _StaticChoice(best.tool, best.figure, best.figure if len(known) == 1 else None, utility)
    tried = try_router(pool, Static(), splits=settings.splits, seed=settings.seed)
    of_case = dict(zip((case.id for case in pool.cases), tried.utility_N, strict=True))
    utility = tuple(of_case.get(case.id) for case in dataset.cases)
    top = max(range(len(pool.tools)), key=lambda k: (float(pool.utility_NK[:, k].mean()), pool.tools[k]))
    in_pool = {case.id for case in pool.cases}
    hindsight = sampler.mean(
        [
            u if c.id in in_pool else None
            for c, u in zip(dataset.cases, utilities(dataset, by_name[pool.tools[top]]), strict=True)
        ]
    )
    return _StaticChoice(pool.tools[top], hindsight, sampler.mean(utility), utility)


def _line(
    dataset: Dataset,
    tables: Sequence[ToolScores],
    rows: Sequence[Row],
    routing: RoutingReport | None,
    static: _StaticChoice | None,
    sampler: Resampler,
) -> Line:
    by_tool = {row.tool: row for row in rows}
    system = by_tool.get(NAME)
    versus = _versus(dataset, tables, static, sampler) if system is not None and static is not None else None

    def routed(name: str) -> Figure | None:
        return routing.entry(name).figure if routing is not None else None

    return Line(
        system=system.figure if system is not None and system.figure.value is not None else None,
        judged=system.judged if system is not None else 0.0,
        gap=system.gap if system is not None else "",
        best=static.best if static is not None else "",
        hindsight=routed(BEST_HINDSIGHT) or (static.hindsight if static is not None else None),
        elsewhere=routed(BEST_ELSEWHERE) or (static.elsewhere if static is not None else None),
        router=routed(CATEGORY_ROUTER),
        versus=versus if versus is not None and versus.value is not None else None,
        length=by_tool[LENGTH].figure if LENGTH in by_tool else None,
        random=by_tool[RANDOM].figure if RANDOM in by_tool else None,
        category_oracle=routed(CATEGORY_ORACLE),
        item_oracle=routed(ITEM_ORACLE),
    )


def _versus(dataset: Dataset, tables: Sequence[ToolScores], static: _StaticChoice, sampler: Resampler) -> Difference:
    """The system minus the static choice: elsewhere where cases have figures, else (AUC, Spearman) in hindsight."""
    by_name = {t.tool: t for t in tables}
    if static.utility_N is not None:
        return sampler.difference(static.utility_N, utilities(dataset, by_name[NAME]))
    first, second = ([by_name[tool].of(case)[0] for case in dataset.cases] for tool in (static.best, NAME))
    labels = [case.labels[0] for case in dataset.cases]
    if dataset.metric is Metric.AUC:
        return sampler.statistic_difference("auc", first, second, labels)
    return sampler.statistic_difference("spearman", first, second, labels, [case.source for case in dataset.cases])


def _by_task(
    dataset: Dataset, tables: Sequence[ToolScores], static: _StaticChoice | None, settings: Settings
) -> tuple[ByTask, ...]:
    by_name = {t.tool: t for t in tables}
    found = []
    for task, n in Counter(case.task for case in dataset.cases).most_common():
        if n < SMALLEST_TASK:
            continue
        rows = [k for k, case in enumerate(dataset.cases) if case.task == task]
        part = Dataset(dataset.name, tuple(dataset.cases[k] for k in rows), dataset.label_type)
        sampler = Resampler([case.group for case in part.cases], draws=settings.draws, seed=settings.seed)

        def figure(tool: str, part: Dataset = part, sampler: Resampler = sampler) -> Figure | None:
            shown = headline(part, by_name[tool], sampler) if tool in by_name else None
            return shown if shown is not None and shown.value is not None else None

        chosen = None
        if static is not None and static.utility_N is not None:
            chosen = sampler.mean([static.utility_N[k] for k in rows])
        system = figure(NAME)
        judged = _share(part.cases, by_name.get(NAME))
        found.append(ByTask(task, dataset.name, str(part.metric), n, system, judged, chosen, figure(LENGTH)))
    return tuple(found)


def _share(cases: Sequence[Case], table: ToolScores | None) -> float:
    """Share of the cases for which a tool gave at least one score."""
    if table is None:
        return 0.0
    return sum(any(s is not None for s in table.of(case)) for case in cases) / len(cases)


def _summary(reports: Sequence[DatasetReport], datasets: Sequence[Dataset]) -> Summary:
    shares = [d for d in reports if d.metric != Metric.SPEARMAN and any(r.kind == "system" for r in d.rows)]
    judged = [d for d in shares if d.line.system is not None]

    def mean(values: Sequence[float | None]) -> float | None:
        known = [v for v in values if v is not None]
        return sum(known) / len(known) if known else None

    rows = [row for d in shares if (row := d.row(NAME)) is not None]
    return Summary(
        datasets=len(shares),
        judged=len(judged),
        system=mean([d.line.system.value for d in judged if d.line.system is not None]),
        length=mean([d.line.length.value for d in judged if d.line.length is not None]),
        everywhere=mean([row.lower_bound for row in rows]),
        cases=sum(len(d.cases) for d in datasets),
        responses=sum(len(case.labels) for d in datasets for case in d.cases),
    )
