"""Reading JSON strictly, and comparing by JSON's types."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlar.tools.structured.values import Malformed, canonical, depth, leaves, read_json, same

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


NOT_JSON = [
    "NaN",
    "[Infinity]",
    "-Infinity",
    "1e999",
    '{"a": 1, "a": 2}',
    '{"a": {"b": 1, "b": 1}}',
    "{'a': 1}",
    "[1,]",
]
NOT_JSON += ["", "01", '{"a" 1}', "[1] [2]", "\x00", '"\x01"', "1" * 5000]
NOT_JSON += ["[" * 100_000, "[" * 200 + "]" * 200, '{"a":' * 5000]


@pytest.mark.parametrize("text", NOT_JSON, ids=range(len(NOT_JSON)))
def test_what_is_not_json_is_malformed(text):
    with pytest.raises(Malformed):
        read_json(text)


@given(JSON)
def test_what_is_json_is_read(value):
    assert read_json(json.dumps(value)) == value


def test_depth_counts_levels():
    assert [depth(v) for v in (1, [], [1], {"a": [1, {"b": 2}]})] == [0, 1, 1, 3]


@pytest.mark.parametrize(
    ("ours", "gold", "equal"),
    [
        (1, 1.0, True),
        (1, True, False),  # Python says they are equal
        (0, False, False),
        (True, True, True),
        ("1", 1, False),
        (None, 0, False),
        (None, None, True),
        (None, False, False),
        ("café", "cafe\u0301", True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ([1, 2], [2, 1], False),
        ([], {}, False),
        ("ab", ["a", "b"], False),
        (2**53 + 1, float(2**53), False),  # float equality would hide it
        (0.1 + 0.2, 0.3, False),
        (10**400, 1.5, False),
    ],
)
def test_equality_by_json_types(ours, gold, equal):
    assert same(ours, gold) is equal
    assert same(gold, ours) is equal


def test_tolerance_is_for_numbers_that_are_no_integers():
    assert same(0.1 + 0.2, 0.3, tolerance=1e-9)
    assert not same(1_000_000_000, 1_000_000_001, tolerance=1e-6)
    assert not same(10**400, 1.5, tolerance=1e-6)


def test_lists_without_order_are_multisets():
    assert same([1, [2, 3]], [[3, 2], 1.0], ordered=False)
    assert not same([1, 1, 2], [1, 2, 2], ordered=False)
    assert same([0.3, 1.0], [1.0, 0.1 + 0.2], ordered=False, tolerance=1e-9)
    assert not same([True], [1], ordered=False)


@given(JSON, JSON)
def test_canonical_text_is_unordered_equality(a, b):
    assert (canonical(a) == canonical(b)) == same(a, b, ordered=False)
    assert same(a, a)
    assert same(a, b) == same(b, a)
    assert sum(1 for _ in leaves(a)) >= 1
