"""How texts are cut into sentences, words and tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlar.tools.constraints.content import enclosed, star_bullets
from rlar.tools.constraints.scripts import is_emoji, mostly_cjk, plain
from rlar.tools.constraints.sentences import sentences, simple_sentences
from rlar.tools.constraints.words import capitals, treebank, words

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=300)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("No stop", ["No stop"]),
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Smith met Mrs. Jones.", ["Dr. Smith met Mrs. Jones."]),
        ("We left at 5 p.m. Then we slept.", ["We left at 5 p.m.", "Then we slept."]),
        ("We left at 5 p.m. with Ann.", ["We left at 5 p.m. with Ann."]),
        ("It costs 3.50 at example.com now.", ["It costs 3.50 at example.com now."]),
        ("J. R. Brown wrote it.", ["J. R. Brown wrote it."]),
        ("We use vitamin D. Vitamins help.", ["We use vitamin D.", "Vitamins help."]),
        ("1. First\n2. Second", ["1.", "First\n2.", "Second"]),  # as NLTK has it
        ("1. first\n2. second", ["1. first\n2. second"]),
        ("Fruit, e.g. apples.", ["Fruit, e.g.", "apples."]),  # as NLTK has it
        ('He said "Go!" Then he left.', ['He said "Go!"', "Then he left."]),
        ("He said “Go.” Then he left.", ["He said “Go.”", "Then he left."]),
        ("(We go.) You stay.", ["(We go.)", "You stay."]),
        ("What?! No!!! Yes.", ["What?!", "No!!!", "Yes."]),
        ("No!!!", ["No!!", "!"]),  # as NLTK has it, at the end of a text
        ("Well... maybe. Well... Then no.", ["Well... maybe.", "Well...", "Then no."]),
        ("¡Hola! ¿Qué tal? Bien.", ["¡Hola!", "¿Qué tal?", "Bien."]),
        ("« Oui. » Il part.", ["« Oui. »", "Il part."]),
        ("今日は晴れ。「はい。」と言った！", ["今日は晴れ。", "「はい。」", "と言った！"]),
        ("हाँ। ठीक है।", ["हाँ।", "ठीक है।"]),
        ("کیا؟ ہاں۔", ["کیا؟", "ہاں۔"]),
    ],
)
def test_sentences(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


@pytest.mark.parametrize(
    ("language", "text", "count"),
    [
        ("fr", "Il est né en 50 av. Jésus-Christ à Rome.", 1),
        ("en", "Il est né en 50 av. Jésus-Christ à Rome.", 2),
        ("es", "Véase la pág. 5 y la fig. Dos.", 1),
        ("en", "It was fine art. Nobody saw it.", 2),
        ("es", "It was fine art. Nobody saw it.", 1),  # art. is an abbreviation there
    ],
)
def test_abbreviations_are_those_of_the_language(language: str, text: str, count: int) -> None:
    assert len(sentences(text, language)) == count


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("One. Two", ["One.", "Two"]),
        ("Mr. Smith is a Ph.D. now.", ["Mr. Smith is a Ph.D. now."]),
        ("See example.com, 3.5 and e.g. this.", ["See example.com, 3.5 and e.g. this."]),
        ("Made in the U.S. He knows.", ["Made in the U.S.", "He knows."]),
        ("Made in the U.S. and sold by Foo Inc. here.", ["Made in the U.S. and sold by Foo Inc. here."]),
        ("Wait... what?!", ["Wait...", "what?", "!"]),
        ('He said "go." Then.', ['He said "go."', "Then."]),
        ("one\ntwo. three", ["one two.", "three"]),
        ("晴れ。雨", ["晴れ。", "雨"]),
    ],
)
def test_simple_sentences(text: str, parts: list[str]) -> None:
    assert simple_sentences(text) == parts


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("He can't, won't stop.", ["He", "ca", "n't", ",", "wo", "n't", "stop", "."]),
        ("It's John's; they'll go!", ["It", "'s", "John", "'s", ";", "they", "'ll", "go", "!"]),
        (
            "At 10:30, 1,000 U.S. dollars ($5).",
            ["At", "10:30", ",", "1,000", "U.S.", "dollars", "(", "$", "5", ")", "."],
        ),
        ("A-B well-known/used", ["A-B", "well-known/used"]),
        ("wait... no--yes", ["wait", "...", "no", "--", "yes"]),
        ("'quoted' word", ["'", "quoted", "'", "word"]),
        ("I cannot. We're gonna.", ["I", "can", "not", ".", "We", "'re", "gon", "na", "."]),
        ("*bold* #5 a&b", ["*", "bold", "*", "#", "5", "a", "&", "b"]),
        ("« oui » – “yes”", ["«", "oui", "»", "–", "“", "yes", "”"]),
    ],
)
def test_treebank_tokens(text: str, tokens: list[str]) -> None:
    assert treebank(text) == tokens


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("don't do that", 4),
        ("a_b c-d", 3),
        ("naïve été", 2),
        ("私は猫だ。", 4),
        ("我有3个apple。", 5),
        ("The word 猫 is Japanese.", 5),  # an English text stays one
        ("안녕하세요 여러분", 2),
        ("", 0),
    ],
)
def test_words(text: str, count: int) -> None:
    assert len(words(text)) == count


@given(ANY_TEXT)
def test_nothing_is_lost_between_sentences(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


@given(ANY_TEXT)
def test_nothing_is_lost_between_tokens(text: str) -> None:
    assert "".join(treebank(text)) == "".join(text.split())


@given(ANY_TEXT)
def test_capitals_are_counted_without_looking_for_sentences(text: str) -> None:
    assert capitals(text) == sum(token.isupper() for token in treebank(text))


@given(ANY_TEXT)
def test_simple_sentences_keep_the_words(text: str) -> None:
    assert "".join("".join(simple_sentences(text)).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "count"),
    [("* a\n* b", 2), ("*\n* b", 1), ("*", 0), ("** a", 0), ("\n\n  * a\n", 1), ("*a", 1), ("* a\r\n* b", 2)],
)
def test_star_bullets(text: str, count: int) -> None:
    """A bare asterisk swallows the next line, as in the public checker."""
    assert star_bullets(text) == count


def test_marks_enclose_on_one_line_only() -> None:
    assert enclosed("[a] [b\n] [[c]] []", "[", "]") == ["a", "[c", ""]


@pytest.mark.parametrize(
    ("character", "expected"), [("🙂", True), ("☀", True), ("©", True), ("a", False), ("5", False), ("#", False)]
)
def test_emoji(character: str, expected: bool) -> None:
    assert is_emoji(character) is expected


def test_scripts() -> None:
    assert mostly_cjk("これはtestです")
    assert not mostly_cjk("한국어 문장")
    assert not mostly_cjk("the word 猫")
    assert plain("ＡＢＣ e\u0301") == "abc \u00e9"
