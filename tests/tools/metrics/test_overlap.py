"""The bit-parallel counts against the textbook tables."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rlar.tools.metrics.overlap import bitmasks, edit_distance, lcs_length, ngrams, shared

TOKENS = st.lists(st.sampled_from("abcd"), max_size=80)


def table(a, b, *, replace):
    """Edit distance where replacing is allowed, else length of the common subsequence, by the full table."""
    row = list(range(len(b) + 1)) if replace else [0] * (len(b) + 1)
    for i, x in enumerate(a, 1):
        new = [i if replace else 0]
        for j, y in enumerate(b, 1):
            if replace:
                new.append(min(row[j] + 1, new[-1] + 1, row[j - 1] + (x != y)))
            else:
                new.append(row[j - 1] + 1 if x == y else max(row[j], new[-1]))
        row = new
    return row[-1]


@given(TOKENS, TOKENS)
def test_lcs_and_edit_distance_equal_the_tables(a, b):
    assert lcs_length(bitmasks(a), len(a), b) == table(a, b, replace=False)
    assert edit_distance(bitmasks(a), len(a), b) == table(a, b, replace=True)


@given(TOKENS, TOKENS)
def test_shared_ngrams_are_the_clipped_intersection(a, b):
    for n in (1, 2, 3):
        assert shared(ngrams(a, n), ngrams(b, n)) == sum((ngrams(a, n) & ngrams(b, n)).values())
    assert ngrams("".join(a), 2).total() == max(0, len(a) - 1)
