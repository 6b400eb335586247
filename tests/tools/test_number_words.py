"""Numbers in words: what is said is read, and nothing that only begins like a number is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlar.tools.number_words import spoken_number

BELOW_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
ONES = BELOW_TWENTY.split()
TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def said(n: int) -> str:
    """As the British say it; n below 10 ** 12."""
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10] + (f"-{ONES[n % 10]}" if n % 10 else "")
    if n < 1000:
        return f"{ONES[n // 100]} hundred" + (f" and {said(n % 100)}" if n % 100 else "")
    size, name = next((s, w) for s, w in ((10**9, "billion"), (10**6, "million"), (10**3, "thousand")) if n >= s)
    rest = n % size
    return f"{said(n // size)} {name}" + (f" {'and ' if rest < 100 else ''}{said(rest)}" if rest else "")


@given(st.integers(0, 10**12 - 1) | st.integers(0, 3000))
def test_what_is_said_is_read(n: int) -> None:
    assert spoken_number(said(n)) == n
    assert spoken_number(f"Minus {said(n)}.") == -n
    assert spoken_number(said(n).replace(" and ", " ").replace("-", " ").upper()) == n


@pytest.mark.parametrize(("text", "value"), [("A hundred", 100), ("a thousand and one", 1001), ("Twenty one!", 21)])
def test_with_an_article(text: str, value: int) -> None:
    assert spoken_number(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "and", "hundred", "thousand", "one half", "two thirds", "seven or eight", "seven apples",
        "seven percent", "twenty ten", "seven twenty", "two three", "two thousand thousand", "two thousand million",
        "twenty hundred", "one hundred zero", "two thousand and", "one hundred and", "minus", "two minus one",
        "sevenfold", "two dozen", "nine point five", "7", "seven\x00", "one " * 100, "and seven", "a a hundred",
    ],
)  # fmt: skip
def test_anything_else_is_no_number(text: str) -> None:
    assert spoken_number(text) is None


@given(st.text())
def test_any_text_is_read_in_peace(text: str) -> None:
    assert spoken_number(text) is None or text.strip()[0].isalpha() or text.strip(" .!-")[0].isalpha()
