import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlar.engines.models.batching import common, cut, padded, plan, shared_prefixes


@given(st.lists(st.integers(1, 900), max_size=60), st.integers(1, 2000))
def test_every_row_is_in_one_batch_and_no_batch_exceeds_the_budget(lengths, budget):
    batches = plan(lengths, budget)
    assert sorted(i for b in batches for i in b) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget


def test_mixed_lengths_are_sorted_so_that_padding_is_small():
    lengths = [10, 500] * 16
    unsorted = [list(range(i, i + 8)) for i in range(0, 32, 8)]
    assert padded(lengths, plan(lengths, 4000)) < 0.6 * padded(lengths, unsorted)
    assert padded(lengths, plan(lengths, 4000)) <= 1.1 * sum(lengths)


def test_a_budget_must_be_positive():
    with pytest.raises(ValueError, match="positive"):
        plan([1], 0)


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=30), min_size=2, max_size=5))
def test_a_common_prefix_is_common_and_leaves_each_row_something(rows):
    n = common(rows)
    assert all(row[:n] == rows[0][:n] for row in rows) and n < min(map(len, rows))
    assert n == min(map(len, rows)) - 1 or len({row[n] for row in rows}) > 1


def test_prefixes_are_shared_within_a_group_and_only_where_it_pays():
    prompt = list(range(100))
    rows = [[*prompt, 7], [*prompt, 8, 9], [1, 2, 3], [1, 2, 4], [*prompt, 5]]
    found = {s.rows: s.prefix for s in shared_prefixes(rows, [0, 0, 1, 1, 2])}
    assert found == {(0, 1): 100, (2, 3, 4): 0}  # (2, 3) share too little; 4 has no company
    long = [[*range(30), *range(1000 * k, 1000 * k + 500)] for k in (1, 2)]
    assert [s.prefix for s in shared_prefixes(long, [0, 0])] == [0]


@given(st.integers(0, 200), st.integers(-5, 250))
def test_what_is_cut_is_exactly_enough_and_from_the_middle(n, excess):
    gone = cut(list(range(1000, 1000 + n)), excess)
    if excess > n:
        assert gone is None
    else:
        assert gone is not None and len(gone) == max(0, excess)
        stays = [i for i in range(1000, 1000 + n) if i not in gone]
        if excess > 0 and len(stays) >= 8:
            assert stays[0] == 1000 and stays[-1] == 999 + n
