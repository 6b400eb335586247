"""Which rows go through a model together: pure plans over lengths, so that padding and memory stay small."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

SHARED_LEAST = 24  # tokens that a prefix must have to be worth a pass of its own
SHARED_GAIN = 0.2  # share of a group's tokens that sharing must save


def plan(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Micro-batches of row numbers, longest first: rows x longest row stays within budget (tokens).

    A row longer than the budget goes alone. Every row is in exactly one batch; equal lengths keep their order.
    """
    if budget < 1:
        raise ValueError(f"a budget of tokens must be positive, got {budget}")
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    batches: list[list[int]] = []
    for i in order:
        last = batches[-1] if batches else None
        if last and (len(last) + 1) * lengths[last[0]] <= budget:
            last.append(i)
        else:
            batches.append([i])
    return batches


def padded(lengths: Sequence[int], batches: Sequence[Sequence[int]]) -> int:
    """Tokens that a plan sends through the model, padding included."""
    return sum(len(b) * max(lengths[i] for i in b) for b in batches)


@dataclass(frozen=True, slots=True)
class Shared:
    """Rows that start alike: `prefix` tokens go through the model once. prefix 0: rows without company."""

    prefix: int
    rows: tuple[int, ...]


def shared_prefixes(rows: Sequence[Sequence[int]], groups: Sequence[Hashable]) -> list[Shared]:
    """Groups of rows with a common prefix that is worth sharing, and the rest as one Shared(0, ...).

    groups: rows of different groups are not compared. The prefix leaves at least one token of every row.
    """
    members: dict[Hashable, list[int]] = {}
    for i, group in enumerate(groups):
        members.setdefault(group, []).append(i)
    found: list[Shared] = []
    alone: list[int] = []
    for numbers in members.values():
        n = common([rows[i] for i in numbers])
        saved = n * (len(numbers) - 1)
        if len(numbers) > 1 and n >= SHARED_LEAST and saved >= SHARED_GAIN * sum(len(rows[i]) for i in numbers):
            found.append(Shared(n, tuple(numbers)))
        else:
            alone += numbers
    return [*found, Shared(0, tuple(sorted(alone)))] if alone else found


def common(rows: Sequence[Sequence[int]]) -> int:
    """Length of the longest common prefix, short of the whole of any row."""
    first = min(rows, key=len)
    n = len(first) - 1
    for row in rows:
        i = 0
        while i < n and row[i] == first[i]:
            i += 1
        n = i
    return max(0, n)


def cut(cuttable: Sequence[int], excess: int) -> set[int] | None:
    """Which of the cuttable tokens to leave out so that `excess` are gone; None if there are too few of them.

    Out of the middle: the first quarter of what stays is kept from the start, the rest from the end, where the question
    mostly stands.
    """
    if excess <= 0:
        return set()
    stays = len(cuttable) - excess
    if stays < 0:
        return None
    head = stays // 4
    return set(cuttable[head : head + excess])
