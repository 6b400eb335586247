"""Do the checkable instructions agree with the public checkers, and what do they cost?

    python benchmarks/constraints.py [--data FOLDER]

Prints agreement with the labels of the public IFEval checker on recorded responses (per instruction, per prompt, strict
and loose, every miss), how often each id can be broken on purpose, and microseconds a response and an id. The data
folder is the shared development data (RLAR_SHARED_DATA, or beside the checkout).
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rlar.tools.constraints import CHECKS, Instructions, break_response, follows
from rlar.tools.language import detect
from rlar.types import Constraint, Query

FOLDER = Path(os.environ.get("RLAR_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
FILES = ("eval/graded_ifeval.jsonl.gz", "stream/train_stream.jsonl.gz")
WARM_UP = (
    "zorblat quenvik tarmolin pashture"  # no known words, so that the language model is loaded before the clock runs
)


def rows(file: Path) -> Iterator[tuple[Query, list[dict[str, Any]]]]:
    """Queries with IFEval constraints and their labelled responses."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if "instruction_id_list" in row["meta"]:
                asked = zip(row["meta"]["instruction_id_list"], row["meta"]["kwargs"], strict=True)
                yield Query(row["prompt"], constraints=tuple(Constraint(i, k) for i, k in asked)), row["responses"]


def parity(file: Path) -> None:
    strict, loose = Instructions(), Instructions(loose=True)
    same, total = Counter[str](), Counter[str]()
    misses, unfit = [], 0
    for query, responses in rows(file):
        if not strict.fits(query):
            unfit += 1
            continue
        prepared = strict.prepare(query)
        for response in responses:
            mark = strict.rate(response["text"], query, prepared)
            loosely = loose.rate(response["text"], query, prepared)
            for (term, value), label in zip(mark.terms.items(), response["follow_list"], strict=True):
                total["instruction"] += 1
                same["instruction"] += bool(value) == label
                if bool(value) != label:
                    misses.append(f"strict {term}: ours {bool(value)}, label {label}: {response['text'][:80]!r}")
            for name, ours, label in (
                ("prompt", mark.value, response["label"]),
                ("prompt, loose", loosely.value, response["loose_label"]),
            ):
                total[name] += 1
                same[name] += ours == label
                if ours != label and name == "prompt, loose":
                    misses.append(
                        f"loose {[c.id for c in query.constraints]}: ours {ours}, label {label}; {loosely.why}"
                    )
    print(f"{file.name}: {unfit} prompts do not fit")
    for name in total:
        print(f"  {name:14} {same[name]}/{total[name]} = {same[name] / total[name]:.4f}")
    for miss in misses:
        print("  miss:", miss)


def breaking(file: Path) -> None:
    tried, broken = Counter[str](), Counter[str]()
    loosely_too = 0
    for query, responses in rows(file):
        for constraint in query.constraints:
            for response in responses:
                if follows(response["text"], constraint):
                    tried[constraint.id] += 1
                    text = break_response(response["text"], constraint)
                    if text is not None:
                        assert not follows(text, constraint)
                        broken[constraint.id] += 1
                        loosely_too += not follows(text, constraint, loose=True)
    print(f"breaking followed instructions: {broken.total()}/{tried.total()} broken, {loosely_too} also loosely")
    for id in sorted(tried):
        if broken[id] < tried[id]:
            print(f"  {id}: {broken[id]}/{tried[id]}")


def cost(file: Path) -> None:
    detect(WARM_UP)
    strict, loose = Instructions(), Instructions(loose=True)
    spent: dict[str, float] = defaultdict(float)
    times, responses_seen, characters = Counter[str](), 0, 0
    for query, responses in rows(file):
        start = time.process_time()
        strict.fits(query)
        spent["fits (a query)"] += time.process_time() - start
        prepared = strict.prepare(query)
        for response in responses:
            responses_seen += 1
            characters += len(response["text"])
            for name, tool in (("strict (a response)", strict), ("loose (a response)", loose)):
                start = time.process_time()
                tool.rate(response["text"], query, prepared)
                spent[name] += time.process_time() - start
            for asked in prepared:
                start = time.process_time()
                asked.check.follow(response["text"], asked.values)
                spent[asked.check.id] += time.process_time() - start
                times[asked.check.id] += 1
    print(f"CPU microseconds, {responses_seen} responses of {characters / responses_seen:.0f} characters on average")
    for name, seconds in sorted(spent.items(), key=lambda item: -item[1] / times.get(item[0], responses_seen)):
        print(f"  {1e6 * seconds / times.get(name, responses_seen):8.1f}  {name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=FOLDER)
    folder = parser.parse_args().data
    print(f"{len(CHECKS)} ids")
    for name in FILES:
        parity(folder / name)
    breaking(folder / FILES[0])
    cost(folder / FILES[0])


if __name__ == "__main__":
    main()
