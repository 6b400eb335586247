"""Gates on plain text, each with what must pass beside what must not."""

from __future__ import annotations

import gzip
import json
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlar.tools.text import (
    LanguageIs,
    LengthWithin,
    NonEmpty,
    NotCopied,
    NotDegenerate,
    NotRepetitive,
    degeneration_signs,
    visible,
)
from rlar.types import Mark, Query

PROSE = """The kettle had been on the stove since six, and nobody in the house could say who had put it there. Anna
thought it was Peter, because he was the only one who drank tea before breakfast, but Peter had slept until nine."""


def mark(tool, response, query=None) -> Mark:
    query = query or Query("Tell me a story about a kettle, please.")
    assert tool.fits(query)
    return tool.rate(response, query, tool.prepare(query))


@pytest.mark.parametrize(
    ("response", "shown"),
    [
        ("plain", "plain"),
        ("<think>a</think>b", "b"),
        ("a</think>b", "b"),  # the prompt opened the thought
        ("<think>endless", ""),
        ("before <think>endless", "before "),
        ("<think>a</think>b<think>c</think>d", "d"),
        ("<think>a</think>b<think>c", "b"),
        ("1 < 2", "1 < 2"),
    ],
)
def test_thoughts_are_not_shown(response, shown):
    assert visible(response) == shown


@pytest.mark.parametrize(
    ("response", "value"),
    [
        ("0", 1.0),
        ("…", 1.0),
        ("", 0.0),
        (" \n\t", 0.0),
        ("\u200b\u2060\ufeff", 0.0),  # zero width
        ("<think>long thoughts</think>", 0.0),
        ("<think>never ends", 0.0),
    ],
)
def test_non_empty(response, value):
    assert mark(NonEmpty(), response).value == value


PROMPT = (
    "Write about the river that runs through our town and floods the lower meadows every spring when the snow melts."
)


@pytest.mark.parametrize(
    ("response", "low", "high"),
    [
        (PROMPT, 0.0, 0.0),
        (PROMPT.upper() + "!!", 0.0, 0.0),  # case and marks hide nothing
        ("Sure! " + PROMPT, 0.0, 0.2),
        (PROSE, 1.0, 1.0),
        ("the lower meadows", 1.0, 1.0),  # a short answer may stand in the question
        ("", 0.0, 0.0),  # silence passes no gate
    ],
)
def test_not_copied(response, low, high):
    assert low <= mark(NotCopied(), response, Query(PROMPT)).value <= high


def test_what_the_reference_copies_may_be_copied():
    extract = "the river that runs through our town and floods the lower meadows"
    assert mark(NotCopied(), extract, Query(PROMPT)).value == 0.0
    assert mark(NotCopied(), extract, Query(PROMPT, reference=extract)).value > 0.9


@pytest.mark.parametrize(
    ("response", "low", "high"),
    [(PROSE, 1.0, 1.0), ("no no no", 1.0, 1.0), ("I am sorry. " * 30, 0.0, 0.1), ("我不知道。" * 30, 0.0, 0.1)],
)
def test_not_repetitive(response, low, high):
    assert low <= mark(NotRepetitive(), response).value <= high


@pytest.mark.parametrize(
    ("settings", "response", "low", "high"),
    [
        ({"fewest": 3, "most": 5}, "one two three", 1.0, 1.0),
        ({"fewest": 3, "most": 5}, "1 2 3 4 5", 1.0, 1.0),
        ({"fewest": 3, "most": 5}, "one two", 0.2, 0.49),
        ({"fewest": 3, "most": 5}, "1 2 3 4 5 6", 0.3, 0.49),
        ({"fewest": 3, "most": 5}, "", 0.0, 0.0),
        ({"most": 5}, "<think>a b c d e f g</think>ok", 1.0, 1.0),
        ({"most": 4, "unit": "characters"}, "abcde", 0.3, 0.49),
        ({"fewest": 6}, "我喜欢读书", 0.3, 0.49),  # five characters are five words
    ],
)
def test_length_within(settings, response, low, high):
    assert low <= mark(LengthWithin(**settings), response).value <= high


@pytest.mark.parametrize("settings", [{}, {"fewest": 5, "most": 3}, {"most": 0}, {"most": 3, "unit": "lines"}])
def test_lengths_that_cannot_be_are_refused(settings):
    with pytest.raises(ValueError, match=r"give|needs|must be"):
        LengthWithin(**settings)


GERMAN = "Die Katze liegt auf dem Sofa und schläft, weil sie in der Nacht nicht zu Hause gewesen ist."


@pytest.mark.parametrize(
    ("language", "response", "value", "sure"),
    [
        ("de", GERMAN, 1.0, True),
        ("en", GERMAN, 0.0, True),
        ("de", PROSE, 0.0, True),
        ("de", "OK", 1.0, False),  # too short to tell
        ("de", "42", 1.0, False),
        ("ja", "猫が机の上に座っています", 1.0, True),
        ("en", "我喜欢读书", 0.0, True),  # the script tells
        ("no", "Jeg er glad for at du kunne komme, og jeg håber at vi ses igen.", 1.0, None),  # or Danish
    ],
)
def test_language_is(language, response, value, sure):
    got = mark(LanguageIs(language), response)
    assert got.value == value
    assert sure is None or (got.confidence > 0.5) is sure


def test_the_asked_language_is_the_target_or_the_questions():
    tool = LanguageIs()
    translate = Query("Translate into German: the cat sleeps on the sofa and nobody knows why")
    assert mark(tool, GERMAN, translate).value == 1.0
    assert mark(tool, PROSE, translate).value == 0.0
    assert mark(tool, GERMAN, Query("Erzähl mir bitte eine kurze Geschichte von der Katze auf dem Sofa.")).value == 1.0
    assert not tool.fits(Query("12 + 30"))
    with pytest.raises(ValueError, match="not a language"):
        LanguageIs("klingonisch")


NOISE = random.Random(4)
LETTERS = " ".join("".join(NOISE.choices("bcdfghjklmnpqrstvwxz" + string.ascii_lowercase, k=9)) for _ in range(60))


@pytest.mark.parametrize(
    ("response", "sick"),
    [
        (PROSE, ""),
        ("def f(x):\n    return x + 1\n" * 3, ""),
        ("| a | b |\n|---|---|\n" + "".join(f"| {i} | {i * i} |\n" for i in range(30)), ""),
        ("=" * 80 + "\nA title of some length for this page\n" + "=" * 80, ""),  # rules only separate
        ("".join(NOISE.choices("01", k=400)), ""),
        ("Angstschweiß und Herbstspaziergang, Wirtschaftskrise, Rechtschreibung, Sprachschwierigkeiten.", ""),
        ("aaaaaaa", ""),  # short texts are not suspected
        ("a" * 300, "characters"),
        ("!" * 50, "characters"),
        ("I am sorry. " * 60, "variety"),
        ("你好世界。" * 80, "variety"),
        (LETTERS, "speakable"),
        ("\ufffd\x00\x01" * 30 + "some words here", "printable"),
        (PROSE + "\nand then, " * 2000, "variety"),
    ],
)
def test_not_degenerate(response, sick):
    got = mark(NotDegenerate(), response)
    assert (got.value < 0.5) is bool(sick)
    if sick:
        assert got.terms[sick] < 0.5


@pytest.mark.parametrize(
    "tool", [NotCopied(), NotRepetitive(), LengthWithin(0, 5), LanguageIs("en"), NotDegenerate()], ids=str
)
def test_silence_passes_no_gate(tool):
    for response in ("", " \n", "\u200b", "<think>only thoughts, and many of them</think>"):
        assert mark(tool, response).value == 0.0


@given(st.text(max_size=300))
def test_gates_stay_in_range_for_any_text(response):
    for tool in (NonEmpty(), NotCopied(), NotRepetitive(), LengthWithin(3, 5), NotDegenerate()):
        assert 0.0 <= mark(tool, response).value <= 1.0
        assert tool.card.line == 0.5
    assert all(0.0 <= sign <= 1.0 for sign in degeneration_signs(response).values())


@pytest.mark.data
def test_real_responses_are_seldom_called_degenerate(shared_data):
    tool, seen, sick = NotDegenerate(), 0, 0
    for name in ("nc_bon_alpacaeval", "bon_gsm8k", "bon_rmbench", "pref_hh_harmless", "graded_ifeval", "graded_mlqe"):
        with gzip.open(shared_data / f"eval/{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            texts = [r["text"] for line in lines for r in json.loads(line)["responses"]]
        seen += len(texts)
        sick += sum(tool.rate(text, Query("x"), None).value < 0.5 for text in texts)
    assert seen > 10_000
    assert sick / seen < 0.001
