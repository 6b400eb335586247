"""Words of any script, and stems that need no language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlar.tools.tokens import is_latin, normalised, rouge_words, stems, words


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("It's 3.5 km!", ["it", "s", "3", "5", "km"]),
        ("Straße ÜBER", ["strasse", "über"]),
        ("ﬁne Ａ１", ["fine", "a1"]),  # compatibility forms
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),  # vowel signs belong to their words
        ("cafe\u0301", ["café"]),
        ("我爱 Python3。", ["我", "爱", "python3"]),
        ("ねこがいる", ["ね", "こ", "が", "い", "る"]),
        ("나는 학교에", ["나는", "학교에"]),
        ("snake_case", ["snake", "case"]),
        ("\ud800 x \x00", ["x"]),
        ("", []),
    ],
)
def test_words(text, tokens):
    assert words(text) == tokens


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_ascii_words_are_those_of_rouge_score(text):
    assert words(text) == rouge_words(text)


@given(st.text())
def test_words_do_not_depend_on_case_or_composition(text):
    assert words(normalised(text)) == words(text)


@pytest.mark.parametrize(
    ("word", "stem"),
    [
        ("walking", "walk"),
        ("walked", "walk"),
        ("the", "the"),
        ("1234567", "1234567"),
        ("b2b4b6", "b2b4b6"),
        ("학교에서", "학교"),
    ],
)
def test_stems(word, stem):
    assert stems([word]) == [stem]


@pytest.mark.parametrize(("text", "latin"), [("naïve Łódź 3!", True), ("abc где", False), ("中", False), ("", True)])
def test_latin(text, latin):
    assert is_latin(text) is latin
