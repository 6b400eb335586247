"""The tool `Numeric`: within a tolerance, in exact arithmetic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlar.errors import InputError
from rlar.tools.numeric import Numeric
from rlar.types import Query

TOOL = Numeric()


def pays(gold: object, response: str, prompt: str = "", tool: Numeric = TOOL, **extra: object) -> float:
    query = Query(prompt=prompt, reference=gold, extra=extra)
    assert tool.fits(query)
    return tool.rate(response, query, tool.prepare(query)).value


@pytest.mark.parametrize(
    ("gold", "response", "value"),
    [
        ("3.14159265", "The value is about 3.1415927.", 1.0),
        ("3.14159265", "The value is about 3.1416.", 0.0),
        ("100", "101", 0.0),  # one percent off is another number
        (42, "#### 42", 1.0),
        (42.0, r"\boxed{42}", 1.0),
        ("42", "The answer is 24.", 0.0),
        ("42", "420", 0.0),
        ("42", "NaN", 0.0),
        ("42", "inf", 0.0),
        ("42", "", 0.0),
        ("42", "40 + 2", 0.0),
        ("42", "41 or 42", 0.0),
        ("42", "42 or 41", 0.0),
        ("0", "0.0000001", 0.0),  # a relative tolerance leaves zero alone
        ("0", "0", 1.0),
        ("-5", "5", 0.0),
        ("0.2", "20%", 1.0),
        ("120 minutes", "2 hours", 1.0),
        ("120 minutes", "120 hours", 0.0),
        ("2.5", "Die Antwort ist 2,5.", 1.0),
    ],
)
def test_golden(gold, response, value):
    assert pays(gold, response) == value


def test_the_question_says_how_percent_signs_are_meant():
    assert pays("20", "20%", "What percent is that?") == 1.0
    assert pays("20", "20%", "How many are there?") == 0.0


@pytest.mark.parametrize(
    ("tolerance", "value"),
    [(0.01, 1.0), (0.001, 0.0), ({"rel": 0.01}, 1.0), ({"rel": 1e-6}, 0.0), ({"abs": 0.005}, 1.0)],
)
def test_a_query_may_bring_its_tolerance(tolerance, value):
    assert pays("3.14159", "3.14", tolerance=tolerance) == value


@pytest.mark.parametrize("tolerance", ["wide", -1, {"rel": "x"}, float("nan")])
def test_a_broken_tolerance_is_the_fault_of_the_row(tolerance):
    with pytest.raises(InputError, match="tolerance"):
        pays("1", "1", tolerance=tolerance)


def test_settings_are_checked():
    with pytest.raises(ValueError, match="rel_tol"):
        Numeric(rel_tol=float("nan"))
    with pytest.raises(ValueError, match="abs_tol"):
        Numeric(abs_tol=-1)


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_two_integers_are_equal_or_not(a, b):
    assert pays(str(a), str(b), tool=Numeric(rel_tol=0)) == float(a == b)
