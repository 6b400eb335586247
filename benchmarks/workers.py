"""What the worker pool costs: against the same tool in this process, per item, per restart, and in memory.

    python benchmarks/workers.py            # about a minute; ratios are taken within each round, medians shown

Items are made up here; where the labelled data lies beside the checkout, GSM8K solutions are measured, too.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from rlar.engines.workers import WorkerPool
from rlar.types import Kind, Query, Recipe, ToolCard

ROUNDS = 5
Groups = Sequence[tuple[Query, Sequence[str]]]


class MathVerify:
    """math-verify as most people call it, with its own alarms off."""

    preload = ("math_verify",)

    def prepare(self, query: Query) -> Any:
        from math_verify import parse

        return parse(query.reference, parsing_timeout=None)

    def rate(self, response: str, query: Query, prepared: Any) -> float:
        from math_verify import parse, verify

        return float(verify(prepared, parse(response, parsing_timeout=None), timeout_seconds=None))


class Trivial:
    def prepare(self, query: Query) -> None:
        return None

    def rate(self, response: str, query: Query, prepared: None) -> float:
        if response == "die":
            os._exit(1)
        return 1.0 if response == query.reference else 0.0


MATH = (Recipe("file", __file__, "MathVerify"), ToolCard("math_verify", "1", Kind.VERIFIER))
TRIVIAL = (Recipe("file", __file__, "Trivial"), ToolCard("trivial", "1", Kind.VERIFIER))


def made_up(count: int, size: int) -> Groups:
    """Questions with answers of several shapes, and responses that are right, wrong or beside the point."""
    rng = random.Random(0)
    shapes: list[Callable[[int, int], str]] = [
        lambda a, b: f"{a * b}",
        lambda a, b: f"\\frac{{{a}}}{{{b}}}",
        lambda a, b: f"{a}\\sqrt{{{b}}}",
        lambda a, b: f"{a}x^2 + {b}",
        lambda a, b: f"({a}, {b})",
    ]
    groups = []
    for n in range(count):
        shape, a, b = shapes[n % len(shapes)], rng.randint(2, 99), rng.randint(2, 99)
        responses = [
            f"Let us see. First {a}, then {b}. " * rng.randint(1, 6)
            + f"So it is $\\boxed{{{shape(a, b + rng.randint(0, 1))}}}$"
            for _ in range(size)
        ]
        groups.append((Query(f"question {n}", reference=f"${shape(a, b)}$"), responses))
    return groups


def gsm8k(count: int) -> Groups:
    """Recorded solutions of GSM8K; empty where the data is not there."""
    folder = Path(os.environ.get("RLAR_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    file = folder / "eval" / "bon_gsm8k.jsonl.gz"
    if not file.exists():
        return []
    with gzip.open(file, "rt") as lines:
        rows = [json.loads(line) for line in lines][:count]
    return [(Query(row["prompt"], reference=row["reference"]), [r["text"] for r in row["responses"]]) for row in rows]


def cpu_of(pids: Sequence[int]) -> float:
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(t.user + t.system for t in times)


def in_process(groups: Groups) -> tuple[list[list[float]], float]:
    """Values and CPU seconds."""
    rule = MathVerify()
    start = time.process_time()
    values = []
    for query, responses in groups:
        prepared = rule.prepare(query)
        values.append([rule.rate(response, query, prepared) for response in dict.fromkeys(responses)])
    return values, time.process_time() - start


def two_cores() -> float:
    """How much faster two plain busy loops get done side by side, right now: other work on the machine lowers it."""
    command = [sys.executable, "-c", "for _ in range(15_000_000): pass"]
    start = time.perf_counter()
    subprocess.run(command, check=True)
    one = time.perf_counter() - start
    start = time.perf_counter()
    for process in [subprocess.Popen(command) for _ in range(2)]:
        process.wait()
    return 2 * one / (time.perf_counter() - start)


def math(name: str, groups: Groups) -> None:
    groups = [(query, list(dict.fromkeys(responses))) for query, responses in groups]
    items = sum(len(responses) for _, responses in groups)
    in_process(groups[:10])
    with WorkerPool(1, preload=["math_verify"]) as one, WorkerPool(2, preload=["math_verify"]) as two:
        for pool in (one, two):
            pool.submit(*MATH, groups).result()
        figures: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            wanted, alone = in_process(groups)
            wall: dict[int, float] = {}
            for n, pool in ((1, one), (2, two)):
                caller, workers, start = time.process_time(), cpu_of(pool.pids()), time.perf_counter()
                judged = pool.submit(*MATH, groups).result()
                wall[n] = time.perf_counter() - start
                caller, workers = time.process_time() - caller, cpu_of(pool.pids()) - workers
                if [[j.mark.value for j in group if j.mark] for group in judged] != wanted:
                    raise SystemExit("the workers' values differ from those in this process")
                if n == 1:
                    figures.setdefault("CPU rate of workers / in process", []).append(alone / workers)
                    figures.setdefault("CPU rate with the caller's share", []).append(alone / (workers + caller))
                    figures.setdefault("caller, CPU ms per item", []).append(caller / items * 1e3)
                    figures.setdefault("in process, items per CPU second", []).append(items / alone)
                    figures.setdefault("one worker, items per second", []).append(items / wall[1])
            figures.setdefault("two workers / one worker, wall", []).append(wall[1] / wall[2])
            figures.setdefault("two busy loops / one, wall", []).append(two_cores())
        print(f"\nmath-verify, {items} {name}, values identical in all rounds")
        for what, values in figures.items():
            print(f"  {what:36} {statistics.median(values):10.3f}   ({min(values):.3f} to {max(values):.3f})")
        memory = [psutil.Process(pid).memory_full_info() for pid in two.pids()]
        print(f"  {'PSS per worker, MiB':36} {', '.join(f'{m.pss / 2**20:.0f}' for m in memory):>10}")


def overhead() -> None:
    """Wall and CPU per item of a rule that does next to nothing."""
    print("\ntrivial rule, one worker, per item")
    with WorkerPool(1) as pool:
        batch: Groups = [(Query(f"q{n}", reference="a"), [f"text {n} {i}" for i in range(8)]) for n in range(32)]
        pool.submit(*TRIVIAL, batch).result()
        for name, groups, repeats in (
            ("256 items at once", batch, 40),
            ("one item at a time", [(Query("q"), ["a"])], 400),
        ):
            items = sum(len(responses) for _, responses in groups)
            caller, workers, start = time.process_time(), cpu_of(pool.pids()), time.perf_counter()
            for _ in range(repeats):
                pool.submit(*TRIVIAL, groups).result()
            total = items * repeats / 1e3
            wall = (time.perf_counter() - start) / total
            caller, workers = (time.process_time() - caller) / total, (cpu_of(pool.pids()) - workers) / total
            print(f"  {name:20} {wall:8.4f} ms wall, CPU: {caller:.4f} ms in the caller, {workers:.4f} ms in workers")
        single = [(Query(f"s{n}", reference="a"), [f"text {n}"]) for n in range(5000)]
        caller, start = time.process_time(), time.perf_counter()
        for future in [pool.submit(*TRIVIAL, [group]) for group in single]:
            future.result()
        wall, caller = (time.perf_counter() - start) / 5, (time.process_time() - caller) / 5
        print(f"  {'5,000 calls of one':20} {wall:8.4f} ms wall, CPU: {caller:.4f} ms in the caller")


def restarts() -> None:
    """From a dead worker to the next answer of a fresh one, and from nothing to the first answer."""
    print("\nprocesses, wall ms")
    starts = []
    for _ in range(5):
        begin = time.perf_counter()
        with WorkerPool(1) as pool:
            pool.submit(*TRIVIAL, [(Query("q"), ["a"])]).result()
            starts.append((time.perf_counter() - begin) * 1e3)
    print(f"  {'new pool to first answer':36} {statistics.median(starts):8.1f}")
    for name, preload in (("bare", []), ("with math-verify loaded", ["math_verify"])):
        with WorkerPool(1, preload=preload) as pool:
            pool.submit(*TRIVIAL, [(Query("q"), ["a"])]).result()
            rounds = []
            for n in range(30):
                forks, begin = pool.stats()["forks"], time.perf_counter()
                pool.submit(*TRIVIAL, [(Query(f"q{n}"), ["die"])]).result()
                rounds.append((time.perf_counter() - begin) / (pool.stats()["forks"] - forks) * 1e3)
            print(f"  {'death, fork, load, judge: ' + name:36} {statistics.median(rounds):8.1f}")


if __name__ == "__main__":
    load = os.getloadavg()[0]
    print(
        f"{os.cpu_count()} cores, load {load:.1f} before the start"
        + (" (busy: trust the ratios only)" if load > 0.5 else "")
    )
    math("made-up answers", made_up(150, 8))
    solutions = gsm8k(400)
    if solutions:
        math("GSM8K solutions", solutions)
    overhead()
    restarts()
