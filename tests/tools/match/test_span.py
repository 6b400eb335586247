"""Short texts: the whole response, or the answer in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlar.tools.match import ExactMatch, FinalSpan, NormalizedMatch
from rlar.tools.match.normal import day_of, normal, same_span, time_of
from rlar.types import Query

EXACT, NORMALIZED, SPAN = ExactMatch(), NormalizedMatch(), FinalSpan()


def pays(tool: object, gold: object, response: str, prompt: str = "Who is it?") -> float:
    query = Query(prompt=prompt, reference=gold)
    assert tool.fits(query)
    return tool.rate(response, query, tool.prepare(query)).value


@pytest.mark.parametrize(
    ("gold", "response", "value"),
    [
        ("erutavruc", "erutavruc", 1.0),
        ("erutavruc", " erutavruc\n", 1.0),
        ("erutavruc", "<think>backwards</think>erutavruc", 1.0),
        ("erutavruc", "Erutavruc", 0.0),
        ("erutavruc", "erutavruc.", 0.0),
        ("erutavruc", "The answer is erutavruc", 0.0),
        ("erutavruc", "", 0.0),
        (["color", "colour"], "colour", 1.0),
        (["color", "colour"], "color or colour", 0.0),
    ],
)
def test_exact_match_is_exact(gold, response, value):
    assert pays(EXACT, gold, response) == value


@pytest.mark.parametrize(
    ("gold", "response", "value"),
    [
        ("The Beatles", "beatles.", 1.0),
        ("The Beatles", "the  BEATLES!", 1.0),
        ("The Beatles", "Beatle", 0.0),
        ("The Beatles", "The Beatles were a band", 0.0),
        ("The Beatles", "the", 0.0),  # only an article is nothing
        ("C++", "C", 0.0),
        ("C++", "C#", 0.0),
        ("C++", "c++", 1.0),
        ("-5", "5", 0.0),
        ("3.5", "35", 0.0),
        ("50%", "50", 0.0),
        ("Ångström", "ångström", 1.0),
        ("ﬁre", "fire", 1.0),  # a ligature
        ("well-known", "well known", 1.0),
        ("R&B", "R and B", 1.0),
    ],
)
def test_normalized_match_forgives_form_and_keeps_meaning(gold, response, value):
    assert pays(NORMALIZED, gold, response) == value


def test_articles_are_dropped_in_english_only():
    assert pays(NORMALIZED, "A Coruña", "a Coruña", "¿Cuál es la ciudad más grande de la provincia?") == 1.0
    assert pays(NORMALIZED, "A Coruña", "Coruña", "¿Cuál es la ciudad más grande de la provincia y por qué?") == 0.0


@pytest.mark.parametrize(
    ("gold", "response", "value"),
    [
        ("Aryan", "Aryan", 1.0),
        ("Aryan", "The answer is Aryan.", 1.0),
        ("Aryan", "So the one who hates it is Aryan.", 1.0),
        ("Aryan", "It must be **Aryan**, as Anton sings.", 1.0),
        ("Aryan", r"\boxed{\text{Aryan}}", 1.0),
        ("Aryan", "Anton", 0.0),
        ("Aryan", "Aryan or Anton", 0.0),
        ("Aryan", "The answer is Aryan or Anton.", 0.0),
        ("Aryan", "Aryan sings, so the answer is Anton.", 0.0),
        ("Aryan", "Ayran", 0.0),
        ("Aryan", "", 0.0),
        ("father", "father-in-law", 0.0),
        ("father-in-law", "father in law", 1.0),
        ("60 days", "60 days", 1.0),
        ("60 days", "The answer is 60 days.", 1.0),
        ("60 days", "60", 1.0),
        ("60 days", "60 day", 1.0),
        ("60 days", "60 hours", 0.0),
        ("60 days", "61 days", 0.0),
        ("60 days", "160 days", 0.0),
        ("120 minutes", "2 hours", 1.0),
        ("4:30 p.m.", "4:30 PM", 1.0),
        ("4:30 p.m.", "16:30", 1.0),
        ("4:30 p.m.", r"they arrive at \(\boxed{4:30 \text{ p.m.}}\).", 1.0),
        ("4:30 p.m.", "4:30 a.m.", 0.0),
        ("00:02:24", "The answer is 00:02:24.", 1.0),
        ("00:02:24", "00:12:24", 0.0),
        ("March 5, 2021", "5 March 2021", 1.0),
        ("March 5, 2021", "2021-03-05", 1.0),
        ("March 5, 2021", "Friday, March 5th, 2021", 1.0),
        ("March 5, 2021", "May 3, 2021", 0.0),
        ("right up up", "right up up", 1.0),
        ("right up up", "The answer is right up up.", 1.0),
        ("right up up", "right up", 0.0),
        (["NYC", "New York"], "The answer is New York.", 1.0),
    ],
)
def test_the_final_span_is_compared_whole(gold, response, value):
    assert pays(SPAN, gold, response) == value


def test_days_and_times_that_do_not_exist_are_none():
    assert day_of("February 30, 2021") is None and day_of("01/02/2026") is None
    assert time_of("13 p.m.") is None and time_of("12 a.m.") == (0, 0, 0) and time_of("12 pm") == (12, 0, 0)


@given(st.text(max_size=200), st.text(max_size=200))
def test_sameness_is_symmetric_for_words_and_never_raises(a, b):
    assert normal(normal(a)) == normal(a) or "." in a  # a point between digits may be left alone by the first pass
    if normal(a) and normal(a) == normal(b):
        assert same_span(a, b) and same_span(b, a)
