"""Graded likeness: `TokenF1` and `FuzzyMatch`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlar.tools.match import FuzzyMatch, TokenF1
from rlar.types import Query

F1, FUZZY = TokenF1(), FuzzyMatch()


def value(tool: object, gold: object, response: str, prompt: str = "What is it?") -> float:
    query = Query(prompt=prompt, reference=gold)
    return tool.rate(response, query, tool.prepare(query)).value


@pytest.mark.parametrize(
    ("gold", "response", "f1"),
    [
        ("Barack Obama", "Barack Obama", 1.0),
        ("Barack Obama", "President Barack Obama", 0.8),
        ("Barack Obama", "Obama", 2 / 3),
        ("Barack Obama", "Michelle", 0.0),
        ("Barack Obama", "", 0.0),
        ("the cat", "a cat", 1.0),
        ("cat cat", "cat", 2 / 3),  # a word counts as often as both have it
        ("東京都", "東京", 0.8),  # characters, where no spaces part words
        (["NYC", "New York"], "New York", 1.0),
        ("Paris", "I looked it up in many books. The answer is Paris.", 1.0),
    ],
)
def test_token_f1(gold, response, f1):
    assert value(F1, gold, response) == pytest.approx(f1)


def test_fuzzy_match_forgives_a_slip_and_no_more():
    assert value(FUZZY, "Mississippi", "Mississippi") == 1.0
    assert 0.8 < value(FUZZY, "Mississippi", "Misissippi") < 1.0
    assert value(FUZZY, "Mississippi", "zzz") == 0.0
    assert value(FUZZY, "Mississippi", "") == 0.0
    assert value(FUZZY, "ab", "ba") == 0.5


def test_they_are_metrics_without_a_line():
    for tool in (F1, FUZZY):
        assert tool.card.kind == "metric" and tool.card.line is None


@given(st.text(max_size=80), st.text(min_size=1, max_size=80))
def test_values_stay_in_range_and_equal_texts_are_best(response, gold):
    for tool in (F1, FUZZY):
        if tool.fits(Query(reference=gold)):
            assert 0.0 <= value(tool, gold, response) <= 1.0
