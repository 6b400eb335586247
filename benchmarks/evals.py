"""Whether the claims about routing, oracles and the cascade hold, on labelled data with recorded scores. One command.

    python benchmarks/evals.py DATA                 everything: measure, check, write the page and the tables
    python benchmarks/evals.py DATA --stored RUN    check a stored run instead of measuring again
    python benchmarks/evals.py --parity             only RewardBench 2 against its public functions

DATA is a manifest.json, or a folder with one. Writes RUN/page.html and RUN/tables.md (--run, runs/evals unless said).
Each claim is printed with its figure; exit code 1 if one does not hold, or if it all took longer than 180 s of wall
time (--seconds). Figures of data sets that DATA does not have are left out, and that is said.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np

from rlar.evals.diff import diff_runs
from rlar.evals.evaluation import evaluate
from rlar.evals.page import document
from rlar.evals.report import DatasetReport, Report
from rlar.evals.rewardbench2 import EDITIONS, TiesRow, rewardbench2_result, rewardbench2_ties
from rlar.evals.routing_report import (
    BEST_ELSEWHERE,
    BEST_HINDSIGHT,
    CATEGORY_ORACLE,
    CATEGORY_ROUTER,
    ITEM_ORACLE,
    RoutingReport,
)
from rlar.evals.runs import Run, load_run, replay_differences, save_run
from rlar.evals.settings import Settings
from rlar.evals.text import markdown

TESTS = Path(__file__).resolve().parent.parent / "tests" / "evals"
PRICES = {"GPT-4:*": 20.0}  # dear tools of LLMBar; judges of JudgeBench are dear by their kind
Claim = tuple[bool, str]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?")
    parser.add_argument("--run", type=Path, default=Path("runs/evals"))
    parser.add_argument("--stored", type=Path)
    parser.add_argument("--parity", action="store_true")
    parser.add_argument("--seconds", type=float, default=180.0)
    args = parser.parse_args()
    if not (args.data or args.parity or args.stored):
        parser.error("DATA, or --parity")
    start, cpu = time.monotonic(), time.process_time()
    claims: list[Claim] = []
    if args.stored:
        claims += checks(load_run(args.stored))
    elif args.data:
        claims += checks(measured(args.data, args.run))
    claims += parity()
    took = time.monotonic() - start
    claims.append((took <= args.seconds, f"all of it took {took:.0f} s ({time.process_time() - cpu:.0f} CPU s here)"))
    for holds, what in claims:
        print(f"{'ok  ' if holds else 'FAIL'} {what}")
    return int(not all(holds for holds, _ in claims))


def measured(data: str, folder: Path) -> Run:
    path = Path(data)
    manifest = path / "manifest.json" if path.is_dir() else path
    run = evaluate([manifest], settings=Settings(prices=PRICES), command=["python", "benchmarks/evals.py"])
    save_run(run, folder)
    (folder / "page.html").write_text(document(run), "utf-8")
    (folder / "tables.md").write_text(markdown(run.report), "utf-8")
    print(f"written: {folder / 'page.html'}, {folder / 'tables.md'}")
    return load_run(folder)  # what is checked is what is on disk: only then there is anything to replay


def checks(run: Run) -> Iterator[Claim]:
    names = {d.name for d in run.report.datasets}
    yield from _system(run.report)
    for name, claims in (("pref_judgebench", _judgebench), ("pref_llmbar", _llmbar)):
        if name in names:
            yield from claims(run.report.dataset(name))
        else:
            print(f"left out: {name} is not in this data")
    differences = replay_differences(run)
    yield not differences, f"replay: {len(differences)} figures differ when the report is made again from stored scores"
    worse = diff_runs(run, run).worse(0.0)
    yield not worse, f"diff: a run compared with itself is worse on {len(worse)} data sets"


def _system(report: Report) -> Iterator[Claim]:
    rows = [(d.name, d.line) for d in report.datasets]
    judged = [(name, line) for name, line in rows if line.judged]
    gaps = [name for name, line in rows if not line.judged]
    yield bool(judged), f"rlar judges {len(judged)} of {len(rows)} data sets, and calls {len(gaps)} a gap"
    for name, line in judged:
        if line.versus is None or line.versus.value is None:
            continue
        found = line.versus
        lost = found.value < 0 and found.p < 0.05
        yield not lost, f"{name}: rlar minus the best recorded tool {found.value:+.3f}, p = {found.p:.3f}"


def _figure(routing: RoutingReport, name: str) -> float:
    value = routing.entry(name).figure.value
    assert value is not None
    return value


def _judgebench(data: DatasetReport) -> Iterator[Claim]:
    everything, cheap = data.routings
    static, router = _figure(cheap, BEST_HINDSIGHT), _figure(cheap, CATEGORY_ROUTER)
    category, item = _figure(cheap, CATEGORY_ORACLE), _figure(cheap, ITEM_ORACLE)
    null = cheap.shuffled
    where = f"JudgeBench, {len(cheap.tools)} reward models, n = {cheap.n}"
    yield (
        static <= category <= item < cheap.independent,
        f"{where}: static {static:.3f}, router {router:.3f}, oracle per category {category:.3f} (null {null.mean:.3f}, "
        f"{null.low:.3f} to {null.high:.3f}), per item {item:.3f} (independent guesses {cheap.independent:.3f})",
    )
    yield (
        all(p.gain.value > 0 for p in everything.of_each),
        f"JudgeBench cascade: ahead of the same tools at equal judge calls in "
        f"{sum(p.gain.value > 0 for p in everything.of_each)} of {len(everything.of_each)} comparisons",
    )
    for budget, gain in everything.of_each_mean.items():
        yield (
            gain.value > 0 and gain.p < 0.05,
            f"  at {float(budget):.0%} on average {gain.value:+.3f}, p = {gain.p:.3f}",
        )
    for point in everything.curve:
        if 0 < point.budget < 1:
            yield (
                point.cascade.value > point.static.value,
                f"  budget {point.budget:.0%}: cascade {point.cascade.value:.3f}, as many calls blindly "
                f"{point.static.value:.3f}, {point.gain.value:+.3f} (p = {point.gain.p:.3f})",
            )


def _llmbar(data: DatasetReport) -> Iterator[Claim]:
    everything = data.routings[0]
    words = everything.words[0]
    yield "does not help" in words or "helps" in words, f"LLMBar in words: {words}"
    yield (
        _figure(everything, CATEGORY_ORACLE) >= _figure(everything, BEST_ELSEWHERE),
        f"LLMBar, {len(everything.tools)} judges: static {_figure(everything, BEST_ELSEWHERE):.3f}, router "
        f"{_figure(everything, CATEGORY_ROUTER):.3f} (shuffled {everything.shuffled_router.mean:.3f}), oracle per "
        f"category {_figure(everything, CATEGORY_ORACLE):.3f} (null {everything.shuffled.mean:.3f}), per item "
        f"{_figure(everything, ITEM_ORACLE):.3f}",
    )


def parity() -> Iterator[Claim]:
    cases = _module(TESTS / "rewardbench2_cases.py")
    with np.load(TESTS / "rewardbench2_vectors.npz") as stored:
        theirs = {name: stored[name] for name in stored.files}
    ours = np.array([rewardbench2_result(row) for row in cases.accuracy_cases(10_000)])
    same = int((ours == theirs["accuracy"]).sum())
    yield same == 10_000, f"RewardBench 2 accuracy: {same:,} of 10,000 random rows equal the public function's"
    for edition in EDITIONS:
        scores = [
            rewardbench2_ties([TiesRow(*row) for row in rows], edition=edition).score
            for rows in cases.ties_cases(10_000)
        ]
        ties = np.array([math.nan if s is None else s for s in scores])
        wanted = theirs[f"ties {edition}"]
        near = int(((np.abs(ties - wanted) <= 2**-52) | (np.isnan(ties) & np.isnan(wanted))).sum())
        bits = int(((ties == wanted) | (np.isnan(ties) & np.isnan(wanted))).sum())
        yield (
            near == 10_000,
            f"RewardBench 2 Ties, edition {edition}: {near:,} of 10,000 equal, {bits:,} to the last bit",
        )


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main())
