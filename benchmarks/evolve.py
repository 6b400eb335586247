"""How often `Watch` cries wolf, and how soon it notices what is wrong: on simulated streams.

    python benchmarks/evolve.py stable [--streams 200] [--groups 4000]   findings where nothing happens
    python benchmarks/evolve.py broken [--streams 100]                   groups until a planted change is told

A group is 8 responses. Streams differ in what a tool gives: right or wrong at several success rates (which differ from
query to query), grades, rare faults. `learning` is a policy that gets better: drift may be told there, hacking may not.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from statistics import median

from rlar.acquire.evolve import Judged, Watch

G = 8
Stream = Callable[[random.Random, int], Judged]


def _clip(x: float) -> float:
    return min(1.0, max(0.0, x))


def verifier(mean: float, *, spread: float = 4.0, faults: float = 0.0) -> Stream:
    """Right or wrong; each query has a success rate of its own around the mean (beta), as in real data."""

    def group(rng: random.Random, t: int) -> Judged:
        p = rng.betavariate(mean * spread, (1 - mean) * spread)
        values = [None if rng.random() < faults else float(rng.random() < p) for _ in range(G)]
        return Judged("t@1", "f", values, lengths=_lengths(rng, values), shared=_clip(rng.gauss(0.1, 0.05)))

    return group


def grades(mean: float = 0.5) -> Stream:
    def group(rng: random.Random, t: int) -> Judged:
        centre = rng.gauss(mean, 0.1)
        worth = [rng.gauss(centre, 0.15) for _ in range(G)]
        values = [_clip(rng.gauss(w, 0.08)) for w in worth]
        check = [_clip(rng.gauss(w, 0.12)) for w in worth]
        return Judged(
            "t@1", "f", values, others=[check], check=check, lengths=_lengths(rng, values), shared=rng.random() * 0.2
        )

    return group


def _lengths(rng: random.Random, values: list[float | None], longer: float = 1.0, pays: float = 0.0) -> list[int]:
    base = rng.lognormvariate(5.5, 0.4) * longer
    return [int(base * rng.lognormvariate(0.0, 0.3) * (1 + pays * (v or 0.0))) + 1 for v in values]


def learning(rng: random.Random, t: int) -> Judged:
    """Success from 20% to 80% over 3,000 groups, answers growing longer by half: plain learning."""
    p = 0.2 + 0.6 * min(1.0, t / 3000)
    p = rng.betavariate(p * 4, (1 - p) * 4)
    values: list[float | None] = [float(rng.random() < p) for _ in range(G)]
    longer = 1 + 0.5 * min(1.0, t / 3000)
    return Judged("t@1", "f", values, lengths=_lengths(rng, values, longer), shared=_clip(rng.gauss(0.1, 0.05)))


STABLE: dict[str, Stream] = {
    "verifier 50%": verifier(0.5),
    "verifier 5%": verifier(0.05),
    "verifier 97%": verifier(0.97),
    "verifier 40%, 1% faults": verifier(0.4, faults=0.01),
    "verifier 40%, 5% faults": verifier(0.4, faults=0.05),
    "grades, with a check": grades(),
}
START = 300  # groups before a planted change


def _switch(before: Stream, after: Stream) -> Stream:
    return lambda rng, t: (before if t < START else after)(rng, t)


def _hacked(rng: random.Random, t: int) -> Judged:
    """From START on, over 200 groups, the policy finds one long phrase that is graded highly; the check does not."""
    depth = _clip((t - START) / 200)
    centre = rng.gauss(0.5, 0.15)
    values: list[float | None] = [_clip(rng.gauss(centre + 0.4 * depth, 0.1)) for _ in range(G)]
    check = [_clip(rng.gauss(centre, 0.15)) for _ in values]
    lengths = _lengths(rng, values, 1 + depth)
    return Judged("t@1", "f", values, check=check, lengths=lengths, shared=_clip(rng.gauss(0.1 + 0.5 * depth, 0.05)))


def _hacked_unchecked(rng: random.Random, t: int) -> Judged:
    judged = _hacked(rng, t)
    return Judged("t@1", "f", judged.values, lengths=judged.lengths, shared=judged.shared)


def _padded(rng: random.Random, t: int) -> Judged:
    """A policy that learns that length is paid: within groups longer answers get more, and more so with time."""
    depth = _clip((t - START) / 200)
    centre = rng.gauss(0.5, 0.15)
    lengths = _lengths(rng, [0.0] * G, 1 + 2 * depth)
    middle = sum(lengths) / G
    values: list[float | None] = [
        _clip(rng.gauss(centre + 0.2 * depth + 0.5 * depth * (n / middle - 1), 0.08)) for n in lengths
    ]
    return Judged("t@1", "f", values, lengths=lengths, shared=_clip(rng.gauss(0.1, 0.05)))


def _constant(value: float) -> Stream:
    return lambda rng, t: Judged("t@1", "f", [value] * G, lengths=_lengths(rng, [value] * G), shared=0.1)


def _opposed(rng: random.Random, t: int) -> Judged:
    judged = grades()(rng, t)
    return Judged("t@1", "f", judged.values, others=[[1 - (c or 0.0) for c in judged.others[0]]])


BROKEN: dict[str, tuple[Stream, str]] = {
    "all faults": (_switch(verifier(0.5), verifier(0.5, faults=1.0)), "faults"),
    "30% faults": (_switch(verifier(0.5), verifier(0.5, faults=0.3)), "faults"),
    "10% faults": (_switch(verifier(0.5), verifier(0.5, faults=0.1)), "faults"),
    "a verifier says 0 to all": (_switch(verifier(0.5), _constant(0.0)), "drift"),
    "a verifier says 1 to all": (_switch(verifier(0.5), _constant(1.0)), "drift"),
    "grades freeze": (_switch(grades(), _constant(0.5)), "frozen"),
    "grades fall by 0.15": (_switch(grades(), grades(0.35)), "drift"),
    "success from 50% to 25%": (_switch(verifier(0.5), verifier(0.25)), "drift"),
    "all right: no information": (_switch(verifier(0.5), verifier(0.999)), "saturation"),
    "an exploit, with a check": (_hacked, "hacking"),
    "an exploit, no check": (_hacked_unchecked, "hacking"),
    "length is paid": (_padded, "hacking"),
    "orders answers against another": (_switch(grades(), _opposed), "disagreement"),
}


def _run(stream: Stream, seed: int, groups: int) -> Iterator[tuple[int, str]]:
    rng, watch = random.Random(seed), Watch()
    for t in range(groups):
        for finding in watch.see(stream(rng, t)):
            yield t, finding.kind


def stable(streams: int, groups: int) -> int:
    total = 0
    print(f"{streams} streams of {groups:,} groups each, where nothing changes: findings per 10,000 groups")
    for name, stream in STABLE.items():
        told = Counter(kind for seed in range(streams) for _, kind in _run(stream, seed, groups))
        total += sum(told.values())
        print(f"  {name:<28}{1e4 * sum(told.values()) / (streams * groups):>8.3f}   {dict(told)}")
    told = Counter(kind for seed in range(streams) for _, kind in _run(learning, seed, groups))
    others = sum(n for kind, n in told.items() if kind not in ("drift", "saturation"))
    print(f"  {'a policy that learns':<28}{'':>8}   {dict(told)} in {streams} streams")
    print(f"false alarms: {total} in {len(STABLE) * streams * groups:,} groups; in learning, beside drift: {others}")
    return int(total > len(STABLE) * streams * groups / 50_000 or others > streams / 20)


def broken(streams: int) -> int:
    print(f"a change after {START} groups, {streams} streams each: groups until it is told, and share told in 1,000")
    missed = 0
    for name, (stream, kind) in BROKEN.items():
        delays = []
        for seed in range(streams):
            first = next((t for t, k in _run(stream, seed, START + 1000) if k == kind and t >= START), None)
            if first is not None:
                delays.append(first - START + 1)
        missed += len(delays) < 0.95 * streams
        middle = f"{median(delays):.0f}, worst {max(delays)}" if delays else "never"
        print(f"  {name:<32}{kind:<14}median {middle:<20} told in {len(delays) / streams:.0%}")
    return int(missed > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["stable", "broken"])
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--groups", type=int, default=4000)
    given = parser.parse_args()
    sys.exit(stable(given.streams, given.groups) if given.what == "stable" else broken(given.streams))
