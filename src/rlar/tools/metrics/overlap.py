"""Counting what two token sequences share: n-grams, longest common subsequence, edit distance.

The last two work on Python's big integers, one bit per token of the reference, so that a step costs one machine word
per 64 tokens instead of one table cell per token.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any


def ngrams(tokens: Sequence[Any], n: int) -> Counter[Any]:
    """Counts of the n-grams of a list of tokens; of a text, of its substrings of n characters."""
    if isinstance(tokens, str):
        return Counter([tokens[i : i + n] for i in range(len(tokens) - n + 1)])
    if n == 1:
        return Counter(tokens)
    return Counter(zip(*[tokens[i:] for i in range(n)], strict=False))


def shared(ours: Mapping[Any, int], gold: Mapping[Any, int]) -> int:
    """How many n-grams two counts have in common, repeats included as often as both have them."""
    if len(gold) < len(ours):
        ours, gold = gold, ours
    total = 0
    for gram, count in ours.items():
        other = gold.get(gram)
        if other:
            total += count if count < other else other
    return total


def f1(hits: int, ours: int, gold: int) -> float:
    """Harmonic mean of hits / ours and hits / gold; 0.0 where either is empty."""
    return 2 * hits / (ours + gold) if ours and gold else 0.0


def bitmasks(tokens: Sequence[Hashable]) -> dict[Hashable, int]:
    """For each token, the places where it stands, as the bits of one integer."""
    masks: dict[Hashable, int] = {}
    for place, token in enumerate(tokens):
        masks[token] = masks.get(token, 0) | 1 << place
    return masks


def lcs_length(masks: Mapping[Hashable, int], length: int, tokens: Sequence[Hashable]) -> int:
    """Length of the longest common subsequence of `tokens` and the `length` tokens behind `masks`.

    Source: the bit-parallel algorithm of Hyyrö (2004), "Bit-parallel LCS-length computation revisited".
    """
    full = (1 << length) - 1
    open_places = full
    for token in tokens:
        mask = masks.get(token)
        if mask:
            hit = open_places & mask
            open_places = ((open_places + hit) | (open_places - hit)) & full
    return length - open_places.bit_count()


def edit_distance(masks: Mapping[Hashable, int], length: int, tokens: Sequence[Hashable]) -> int:
    """Fewest insertions, deletions and replacements between `tokens` and the `length` tokens behind `masks`.

    Source: Myers (1999) as simplified by Hyyrö (2003), "A bit-vector algorithm for computing Levenshtein distances".
    """
    if not length:
        return len(tokens)
    full, last, distance = (1 << length) - 1, 1 << (length - 1), length
    up, down = full, 0  # where the column grows or falls by one from row to row
    for token in tokens:
        same = masks.get(token, 0)
        diagonal = (((same & up) + up) ^ up) | same | down
        right = down | ~(diagonal | up) & full
        left = up & diagonal
        distance += 1 if right & last else -1 if left & last else 0
        right = right << 1 & full | 1
        left = left << 1 & full
        up = left | ~(diagonal | right) & full
        down = right & diagonal
    return distance
