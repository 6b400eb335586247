"""`evaluate`: from paths to a run. What the command line calls, and what a notebook or a test can call as well."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rlar.errors import InputError
from rlar.evals.benchmarks import benchmark_files, read_benchmark
from rlar.evals.cases import Case, Dataset, item_files, read_datasets
from rlar.evals.report import LENGTH, RANDOM, analyse
from rlar.evals.runs import Run, describe
from rlar.evals.settings import Settings
from rlar.evals.system_scores import NAME, system_scores
from rlar.evals.tool_scores import (
    Scorer,
    ToolScores,
    length,
    random_scores,
    read_scores,
    score_files,
    scores_beside,
    scores_of,
)

if TYPE_CHECKING:
    from rlar.system import RewardSystem

OURS = (NAME, LENGTH, RANDOM)  # names that recorded tools may not take from what is measured here
Progress = Callable[[str], None]


def evaluate(
    paths: Sequence[str | Path] = (),
    *,
    benchmarks: Mapping[str, str | Path | None] | None = None,
    scores: Sequence[str | Path] = (),
    scorers: Mapping[str, Scorer] | None = None,
    system: RewardSystem | bool | None = None,
    settings: Settings | None = None,
    limit: int | None = None,
    name: str = "",
    command: Sequence[str] = (),
    on_progress: Progress | None = None,
) -> Run:
    """Measure the reward system, recorded tools, your own scorers and all baselines on labelled data.

    paths: item files, folders, or a manifest.json; score tables beside the latter two are taken along.
    benchmarks: {name: file or folder; None for the benchmarks folder}. scores: recorded score tables.
    scorers: {name: callable from cases to scores}; they see queries and responses, never use the labels.
    system: a RewardSystem; None for the default one, False for none. limit: at most that many cases of each data set.
    name, command: for people who find the run later. on_progress: told what is going on, in a few words.
    Raises InputError for anything that cannot be read or measured.
    """
    chosen = settings or Settings()
    tell = on_progress or (lambda _: None)
    started = time.perf_counter()
    tell("reading")
    datasets = _datasets(paths, benchmarks or {}, chosen, limit)
    cases = [case for dataset in datasets for case in dataset.cases]
    tables = _tables(cases, [*scores, *scores_beside(paths)], scorers or {}, chosen)
    if system is not False:
        tell("asking the reward system")
        own = None if system is None or system is True else system
        judged = system_scores(cases, own, on_progress=lambda n, of: tell(f"judged {n} of {of} queries"))
        tables += [judged.system, *judged.parts]
    report = analyse(datasets, tables, chosen, on_progress=lambda d: tell(f"measuring {d}"))
    files = _files(paths, benchmarks or {}, [*scores, *scores_beside(paths)])
    info = describe(name or _title(datasets), files, seconds=time.perf_counter() - started, command=command)
    return Run(tuple(datasets), tuple(tables), chosen, info, report)


def _title(datasets: Sequence[Dataset]) -> str:
    return datasets[0].name if len(datasets) == 1 else f"{len(datasets)} data sets"


def _datasets(
    paths: Sequence[str | Path], benchmarks: Mapping[str, str | Path | None], settings: Settings, limit: int | None
) -> list[Dataset]:
    if not paths and not benchmarks:
        raise InputError("nothing to measure: give item files, a folder, a manifest.json, or --benchmark NAME")
    datasets = read_datasets(paths, category=settings.category) if paths else []
    for name, path in benchmarks.items():
        datasets += read_benchmark(name, path, category=settings.category)
    taken: set[str] = set()
    for dataset in datasets:
        if both := taken & {case.id for case in dataset.cases}:
            raise InputError(
                f"{dataset.name}: {sorted(both)[0]} is in another data set of this run, too; measure one of them"
            )
        taken |= {case.id for case in dataset.cases}
    return [replace(d, cases=d.cases[:limit]) for d in datasets] if limit else datasets


def _tables(
    cases: Sequence[Case], scores: Sequence[str | Path], scorers: Mapping[str, Scorer], settings: Settings
) -> list[ToolScores]:
    """Recorded tools that know any of the cases, the user's scorers, and the two baselines."""
    known = {case.id for case in cases}
    tables = [
        replace(t, tool=f"{t.tool} (recorded)" if t.tool in OURS else t.tool, scores=kept)
        for t in (read_scores(scores) if scores else [])
        if (kept := {ident: s for ident, s in t.scores.items() if ident in known})
    ]
    if scores and not tables:
        raise InputError("none of the recorded scores is about these items: their ids have nothing in common")
    tables += [scores_of(name, scorer, cases, kind="scorer") for name, scorer in scorers.items()]
    drawn = dict(zip((c.id for c in cases), random_scores(cases, settings.seed), strict=True))
    tables += [scores_of(LENGTH, length, cases), ToolScores(RANDOM, "baseline", drawn)]
    names = [t.tool for t in tables]
    if twice := {n for n in names if names.count(n) > 1}:
        raise InputError(f"two tools are called {sorted(twice)[0]!r}; names must differ")
    return [t for t in tables if t.scores]


def _files(
    paths: Sequence[str | Path], benchmarks: Mapping[str, str | Path | None], scores: Sequence[str | Path]
) -> list[Path]:
    found = item_files(paths) if paths else []
    for name, path in benchmarks.items():
        found += benchmark_files(name, path)
    return [*found, *(score_files(scores) if scores else [])]
