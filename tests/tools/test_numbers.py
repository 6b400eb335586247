"""Reading numbers as people and models write them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlar.tools.numbers import numbers_in, read_number, rounded_alike, undressed
from rlar.tools.units import asked_unit, ratio


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18", 18),
        ("+18", 18),
        ("-18", -18),
        ("$18", 18),
        ("-$18", -18),
        ("18.", 18),
        ("18.50", Fraction(37, 2)),
        (".5", Fraction(1, 2)),
        ("1,234", 1234),
        ("1,234.5", Fraction(2469, 2)),
        ("12,34,567", 1234567),
        ("1 234 567", 1234567),
        ("1'234", 1234),
        ("1_234", 1234),
        ("1{,}234", 1234),
        (r"1,\!234", 1234),
        ("1.234.567", 1234567),
        ("1.234,5", Fraction(2469, 2)),
        ("3/4", Fraction(3, 4)),
        ("-3/4", Fraction(-3, 4)),
        ("1 3/4", Fraction(7, 4)),
        (r"\frac{3}{4}", Fraction(3, 4)),
        (r"\dfrac34", Fraction(3, 4)),
        (r"-\frac{3}{4}", Fraction(-3, 4)),
        (r"\frac{-3}{4}", Fraction(-3, 4)),
        (r"1\frac{3}{4}", Fraction(7, 4)),
        (r"-1\frac{3}{4}", Fraction(-7, 4)),
        (r"{3 \over 4}", Fraction(3, 4)),
        ("1¾", Fraction(7, 4)),
        ("¾", Fraction(3, 4)),
        ("1e3", 1000),
        (r"1.5 \times 10^{3}", 1500),
        (r"1.5 \cdot 10^{-3}", Fraction(3, 2000)),
        ("10^3", 1000),
        (r"0.\overline{3}", Fraction(1, 3)),
        (r"0.1\overline{6}", Fraction(1, 6)),
        ("5 million", 5_000_000),
        ("2 dozen", 24),
        ("0x1F", 31),
        ("-0b101", -5),
        ("18 dollars", 18),
        ("18 apples per day", 18),
        (r"18 \text{ cm}^2", 18),
        ("18km/h", 18),
        ("18 个", 18),
        ("3人", 3),
        ("$18$ miles", 18),
    ],
)
def test_a_number_is_read_exactly(text, value):
    number = read_number(text)
    assert number is not None and number.value == value


@pytest.mark.parametrize(
    "text",
    [
        *["", "eighteen", "NaN", "inf", "-", ".", "5+7", "5*7", "5!", "5^2", "2^{10}", "5x", "4a-2", "5 x", "2 pi"],
        *["18 or 20", "18, 20", "18-20", "4:30", "1/0", "1//2", "1,0000", "1.2.3", "12e", "1e99999", "5 squared"],
        *["18 plus 2", "0x", "3 and 4", r"\sqrt{2}", r"2\pi", "<18", "#18", "9" * 600, "i", "x"],
    ],
)
def test_anything_else_is_no_number(text):
    assert read_number(text) is None


def test_percent_unit_and_places_are_kept():
    assert read_number(r"9\%").percent and read_number(r"9\%").share == Fraction(9, 100)
    assert read_number("2 hours").unit == "h"
    assert read_number("2.50").places == 2
    assert not read_number("2/4").reduced and read_number("1/2").reduced


def test_a_decimal_comma_counts_only_where_it_may():
    assert read_number("2,74") is None
    assert read_number("2,74", comma_decimal=True).value == Fraction(274, 100)
    assert read_number("2,740", comma_decimal=True).value == 2740  # three digits stay thousands


def test_units_are_converted_within_a_dimension_only():
    assert ratio("h", "min") == 60
    assert ratio("h", "cm") is None
    assert asked_unit("She walks 2 hours. How many minutes is that?") == "min"
    assert asked_unit("How many apples?") == ""


def test_rounding_needs_digits_and_cutting_is_rounding_too():
    third = Fraction(1, 3)
    assert rounded_alike(third, Fraction("0.333333"), 6, 6)
    assert not rounded_alike(third, Fraction("0.3333"), 4, 6)
    assert rounded_alike(Fraction(2, 3), Fraction("0.66"), 2, 2)  # cut
    assert rounded_alike(Fraction(2, 3), Fraction("0.67"), 2, 2)  # rounded
    assert not rounded_alike(Fraction(2, 3), Fraction("0.68"), 2, 2)
    assert not rounded_alike(Fraction(1, 10**7), Fraction(2, 10**7), 6, 6)  # nothing is left of them at six places


def test_numbers_in_a_sentence_keep_their_signs():
    found = [n.value for _, _, n in numbers_in("From -3 to 4.5, 1,200 of 7-2 and x5, 50%.")]
    assert found == [-3, Fraction(9, 2), 1200, 7, 2, 50]


@given(st.integers(-(10**12), 10**12))
def test_grouping_and_money_do_not_change_a_number(n):
    for text in (f"{n:,}", f"${n:,}" if n >= 0 else f"-${-n:,}", f"{n}.00", f"{n} apples", f"${n}$", f"**{n}**"):
        number = read_number(text)
        assert number is not None and number.value == n, text


@given(st.fractions(max_denominator=10**6))
def test_fractions_read_back(value):
    a, b = value.numerator, value.denominator
    assert read_number(f"{a}/{b}").value == value
    assert read_number(rf"\frac{{{a}}}{{{b}}}").value == value


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader_and_undressing_is_finished_after_once(text):
    read_number(text)
    numbers_in(text)
    assert len(undressed(text)) <= len(text) + 10
