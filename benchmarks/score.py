"""What `rlar score` is worth, end to end: agreement with labels, rate, and the same bytes under any load.

python benchmarks/score.py agreement            # by routing alone, no task labels given, on the shared data
python benchmarks/score.py batch                # a GRPO batch of 64 prompts x 8 responses, mixed tasks, warm
python benchmarks/score.py load [--burners 16]  # the same file at 1x and at 8x oversubscription: equal bytes?
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from itertools import combinations
from pathlib import Path

from rlar.rollouts import Item, read_items
from rlar.system import RewardSystem

DATA = Path(os.environ.get("RLAR_SHARED_DATA", Path(__file__).resolve().parent.parent.parent / "shared" / "data"))
RIGHT_OR_WRONG = [
    "bon_gsm8k", "bon_math_rm", "verify_math_equiv", "graded_realcritic", "graded_ifeval", "bon_humaneval",
    "bon_mbpp_mutants", "bon_reasoning_gym",
]  # fmt: skip
GRADED = ["bon_mqm_ted", "bon_summeval", "bon_data2text"]


def items_of(name: str, *, hint: bool) -> list[Item]:
    """Items of a shared file; without the hint the query does not carry the task's name."""
    import dataclasses

    items = list(read_items([DATA / "eval" / f"{name}.jsonl.gz"]))
    if hint:
        return items
    bare = [dataclasses.replace(i.query, extra={k: v for k, v in i.query.extra.items() if k != "task"}) for i in items]
    return [dataclasses.replace(i, query=q) for i, q in zip(items, bare, strict=True)]


def agreement(hint: bool, profile: str) -> None:
    print("task names given" if hint else "task names withheld: routing by content alone")
    print(
        f"{'file':20} {'items':>6} {'judged':>7} {'covered':>8} "
        f"{'agree':>7} {'false acc':>9} {'false rej':>9} {'CPU s':>7}"
    )
    with RewardSystem(cache=False, profile=profile) as system:
        for name in RIGHT_OR_WRONG:
            items = items_of(name, hint=hint)
            groups = system.score_batch_sync([i.query for i in items], [i.responses for i in items])
            pairs = [
                (r.value, label, sum(v.cost.seconds for v in r.verdicts))
                for item, rewards in zip(items, groups, strict=True)
                for r, label in zip(rewards, item.labels or (), strict=True)
                if label is not None
            ]
            judged = [(v, x) for v, x, _ in pairs if v is not None]
            agree = sum((v >= 0.5) == (x >= 0.5) for v, x in judged)
            accepted = sum(v >= 0.5 and x < 0.5 for v, x in judged)
            rejected = sum(v < 0.5 <= x for v, x in judged)
            n = max(1, len(judged))
            print(
                f"{name:20} {len(items):6} {len(judged):7} {len(judged) / max(1, len(pairs)):8.4f} {agree / n:7.4f} "
                f"{accepted:9} {rejected:9} {sum(s for *_, s in pairs):7.1f}"
            )
        print(
            "\nshare of pairs of one item in order, ties half\n"
            f"{'file':20} {'items':>6} {'pairs':>7} {'ours':>7} {'length':>7}"
        )
        for name in GRADED:
            items = items_of(name, hint=hint)
            groups = system.score_batch_sync([i.query for i in items], [i.responses for i in items])
            ours = [in_order([r.value for r in g], i.labels or ()) for g, i in zip(groups, items, strict=True)]
            length = [in_order([float(len(t)) for t in i.responses], i.labels or ()) for i in items]
            n = sum(k for _, k in ours)
            mine, theirs = sum(h for h, _ in ours) / n, sum(h for h, _ in length) / n
            print(f"{name:20} {len(items):6} {n:7} {mine:7.4f} {theirs:7.4f}")


def in_order(values: list[float | None], labels: tuple[float | None, ...]) -> tuple[float, int]:
    """(pairs ordered as their labels, ties half; pairs of different labels)."""
    hits, n = 0.0, 0
    for (v, x), (w, y) in combinations(zip(values, labels, strict=True), 2):
        if x is None or y is None or x == y:
            continue
        n += 1
        if v is None or w is None or v == w:
            hits += 0.5
        else:
            hits += (v > w) == (x > y)
    return hits, n


def mixed_batch(prompts: int, size: int) -> tuple[list, list]:
    """Prompts of several tasks from the shared data, each with `size` responses (repeated with small changes)."""
    rng = random.Random(5)
    names = ["bon_gsm8k", "bon_mqm_ted", "graded_ifeval", "graded_realcritic", "bon_mbpp_mutants"]
    items = [i for name in names for i in rng.sample(items_of(name, hint=True), prompts // len(names) + 1)]
    items = rng.sample(items, prompts)
    groups = [
        [f"{item.responses[k % len(item.responses)]}{' ' * (k // len(item.responses))}" for k in range(size)]
        for item in items
    ]
    return [i.query for i in items], groups


def batch() -> None:
    queries, groups = mixed_batch(64, 8)

    async def measure() -> None:
        system = RewardSystem(cache=False)
        for k in range(6):
            start, cpu = time.perf_counter(), time.process_time()
            rewards = await system.score_batch(queries, groups)
            spent = time.perf_counter() - start
            judged = sum(r.value is not None for g in rewards for r in g)
            what = "cold" if k == 0 else "warm"
            print(
                f"{what}: {spent:6.3f} s wall, {time.process_time() - cpu:6.3f} s CPU of the caller, "
                f"{judged} of 512 judged"
            )

    asyncio.run(measure())


def load(burners: int) -> None:
    """Score one mixed file with idle cores and beside `burners` busy processes, and compare the bytes."""
    with tempfile.TemporaryDirectory() as folder:
        outs = []
        for n in (0, burners):
            busy = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(n)]
            out = Path(folder) / f"rewards{n}.jsonl"
            start = time.perf_counter()
            try:
                files = [str(DATA / "sample" / "mixed.jsonl"), "examples/rollouts.jsonl"]
                subprocess.run([sys.executable, "-m", "rlar.cli", "score", *files, "--out", str(out), "-q"], check=True)
            finally:
                for process in busy:
                    process.kill()
                    process.wait()
            print(f"{n:3} burners: {time.perf_counter() - start:6.1f} s, {out.stat().st_size} bytes")
            outs.append(out.read_bytes())
        print("the same bytes" if outs[0] == outs[1] else "DIFFERENT BYTES")
        sys.exit(outs[0] != outs[1])


BURN = "import time\nend = time.time() + 300\nwhile time.time() < end: sum(range(10000))"

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["agreement", "batch", "load"])
    parser.add_argument("--burners", type=int, default=8 * (os.cpu_count() or 2))
    parser.add_argument("--hint", action="store_true", help="give the task names of the data, as a trainer would")
    parser.add_argument(
        "--profile", choices=["reward", "strict", "lenient"], default="reward", help="of the maths verifier"
    )
    args = parser.parse_args()
    if not (DATA / "manifest.json").exists() and args.what != "load":
        sys.exit(f"no labelled data at {DATA}: set RLAR_SHARED_DATA to its folder")
    {"agreement": lambda: agreement(args.hint, args.profile), "batch": batch, "load": lambda: load(args.burners)}[
        args.what
    ]()
