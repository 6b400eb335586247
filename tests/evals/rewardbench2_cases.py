"""Random inputs for the parity test of RewardBench 2; the same in every Python, since `random()` is specified."""

from __future__ import annotations

import math
import random

SPECIAL = (math.nan, math.inf, -math.inf, -0.0)


def draw(rng: random.Random, style: int) -> float:
    """One score: a float, a small integer (ties), a coarse rating, or now and then NaN, an infinity or minus zero."""
    if style == 3 and rng.random() < 0.08:
        return SPECIAL[int(rng.random() * len(SPECIAL))]
    if style == 1:
        return float(int(rng.random() * 4))
    if style == 2:
        return int(rng.random() * 10) / 2 + 0.5
    return rng.random() * 20 - 10


def accuracy_cases(n: int, seed: int = 20250609) -> list[list[float]]:
    """n rows of scores, the chosen response first; 1 to 8 scores each."""
    rng = random.Random(seed)
    return [[draw(rng, k % 4) for _ in range(1 + int(rng.random() * 8))] for k in range(n)]


def ties_cases(n: int, seed: int = 20250610) -> list[list[tuple[str, int, list[float]]]]:
    """n data sets of (id, num_correct, scores); some prompts lack their reference row or their tied row."""
    rng = random.Random(seed)
    cases = []
    for k in range(n):
        rows: list[tuple[str, int, list[float]]] = []
        for _ in range(1 + int(rng.random() * 6)):
            prompt = int(rng.random() * (8 if k % 5 == 0 else 1000))  # a prompt drawn twice is merged
            skip = rng.random()
            if skip > 0.08:
                wrong = 1 + int(rng.random() * 4)
                rows.append((f"ref:{prompt}", 1, [draw(rng, k % 4) + (rng.random() < 0.5) for _ in range(1 + wrong)]))
            if skip < 0.92:
                right, wrong = 2 + int(rng.random() * 6), 1 + int(rng.random() * 6)
                lift = 8.0 * int(rng.random() * 3)  # without it hardly a prompt would be answered rightly
                scores = [draw(rng, k % 4) / 4 + (lift if j < right else 0.0) for j in range(right + wrong)]
                rows.append((f"tied:{prompt}", right, scores))
        cases.append(rows)
    return cases
