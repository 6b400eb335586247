"""Families startend:, first_word:, last_word:, change_case:, language: and punctuation: - how the whole text looks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rlar.tools.constraints import breaking
from rlar.tools.constraints.check import Finding, check
from rlar.tools.constraints.fields import COUNT, RELATION, TEXT, WORD, Relation, quoted
from rlar.tools.constraints.keywords import counted
from rlar.tools.constraints.languages import LANGUAGE, in_language, without_english_words
from rlar.tools.constraints.scripts import mostly_cjk
from rlar.tools.constraints.sentences import simple_sentences
from rlar.tools.constraints.words import capitals

QUOTES = '"»」』'
COMMAS = re.compile("[,，、،﹐﹑､]")
PAIRS = ("«»", "„“", "„”", "「」", "『』")  # other languages' double quotation marks; English ones must be straight


@check(
    "startend:end_checker",
    end_phrase=TEXT,
    says="Finish your response with this exact phrase: {end_phrase}. No other words should follow it.",
    breaks=breaking.with_end("\nThat is all.\nReally."),
)
def end_checker(text: str, end_phrase: str) -> Finding:
    end = text.strip().strip(QUOTES).rstrip().lower()
    return Finding(end.endswith(end_phrase.strip(QUOTES).rstrip().lower()), f"{quoted(end[-60:])} at the end")


def is_quoted(text: str) -> bool:
    text = text.strip()
    if len(text) < 2:
        return False
    ends = text[0] + text[-1]
    return ends == '""' or ends in PAIRS or (ends == "“”" and mostly_cjk(text))


@check(
    "startend:quotation",
    says="Wrap your entire response with double quotation marks.",
    breaks=breaking.either(breaking.with_start("Well:\n\n"), breaking.with_end("\n\nIndeed.\nYes.")),
)
def quotation(text: str) -> Finding:
    text = text.strip()
    return Finding(is_quoted(text), f"{text[0]} ... {text[-1]}")


@check(
    "first_word:first_word_answer",
    first_word=WORD,
    breaks=breaking.with_start("Well, "),
    says="The first word of your response should be the word {first_word}.",
)
def first_word_answer(text: str, first_word: str) -> Finding:
    word = text.split()[0]
    return Finding(word.lower() == first_word.lower(), quoted(word))


def bare_end(text: str) -> str:
    """The last word without the marks of punctuation in or around it."""
    return re.sub(r"[^\w\s]", "", text.split()[-1])


@check(
    "last_word:last_word_answer",
    last_word=WORD,
    breaks=breaking.with_end(" indeed"),
    says="The last word of your response should be the word {last_word}.",
)
def last_word_answer(text: str, last_word: str) -> Finding:
    word = bare_end(text)
    return Finding(word.lower() == last_word.lower(), quoted(word))


@check(
    "first_word:first_word_sent",
    first_word=WORD,
    breaks=breaking.with_end(" Other words follow here."),
    says="The first word of each sentence should be the word {first_word}.",
)
def first_word_sent(text: str, first_word: str) -> Finding:
    for sentence in simple_sentences(text):
        word = sentence.split()[0] if sentence else ""
        if word.lower() != first_word.lower():
            return Finding(False, f"{quoted(word)} first in {quoted(sentence[:60])}")
    return Finding(True, "all of them")


@check(
    "last_word:last_word_sent",
    last_word=WORD,
    breaks=breaking.with_end(" Other words follow here."),
    says="The last word of each sentence, before punctuation, should be the word {last_word}.",
)
def last_word_sent(text: str, last_word: str) -> Finding:
    for sentence in simple_sentences(text):
        word = bare_end(sentence) if sentence else ""
        if word.lower() != last_word.lower():
            return Finding(False, f"{quoted(word)} last in {quoted(sentence[-60:])}")
    return Finding(True, "all of them")


@check(
    "language:response_language",
    language=LANGUAGE,
    says="Your ENTIRE response should be in {language}, no other language is allowed.",
)
def response_language(text: str, language: str) -> Finding:
    return in_language(text, language)


def _in_case(text: str, language: str, *, upper: bool) -> Finding:
    if not (text.isupper() if upper else text.islower()):
        wrong = next((c for c in text if (c.islower() if upper else c.isupper())), None)
        return Finding(False, f"the letter {quoted(wrong)}" if wrong else "no letters")
    return in_language(text.lower(), language, doubt=True)


def upper_in(text: str, language: str) -> Finding:
    """All letters are capitals, accented ones included, and the language is right."""
    return _in_case(text, language, upper=True)


def lower_in(text: str, language: str) -> Finding:
    return _in_case(text, language, upper=False)


def one_lower(text: str, **_: object) -> Iterator[str]:
    at = next((i for i, c in enumerate(text) if c.isupper() and len(c.lower()) == 1), -1)
    yield text[:at] + text[at].lower() + text[at + 1 :]
    yield breaking.filler("").join((text, "\n", "\n")) + text


def one_upper(text: str, **_: object) -> Iterator[str]:
    at = next((i for i, c in enumerate(text) if c.islower() and len(c.upper()) == 1), -1)
    yield text[:at] + text[at].upper() + text[at + 1 :]


@check(
    "change_case:english_capital",
    breaks=one_lower,
    says="Your entire response should be in English, and in all capital letters.",
)
def english_capital(text: str) -> Finding:
    """A list of names or nouns in capitals is not English: the public checker, which sees initials only, denies it."""
    finding = upper_in(text, "en")
    if finding.followed and without_english_words(text):
        return Finding(False, "hardly an English word that is not a name or noun")
    return finding


@check(
    "change_case:english_lowercase",
    breaks=one_upper,
    says="Your entire response should be in English, and in all lowercase letters. No capital letters are allowed.",
)
def english_lowercase(text: str) -> Finding:
    return lower_in(text, "en")


def _capitals(text: str, capital_frequency: int, capital_relation: Relation) -> Iterator[str]:
    found = capitals(text)
    target = capital_relation.nearest(capital_frequency, broken=True)
    if found < target:
        yield text.rstrip() + " INDEED" * (target - found)
    elif found > target >= 0:
        words = re.split(r"(\s+)", text)
        for at in range(len(words) - 1, -1, -1):
            if words[at].isupper() and found > target:
                words[at] = words[at].lower()
                found -= 1
        yield "".join(words)
        yield text.lower()


@check(
    "change_case:capital_word_frequency",
    capital_frequency=COUNT,
    capital_relation=RELATION,
    says="In your response, words with all capital letters should appear {capital_relation} {capital_frequency} times.",
    breaks=_capitals,
)
def capital_word_frequency(text: str, capital_frequency: int, capital_relation: Relation) -> Finding:
    """Words joined by hyphens are one word; "A" and "I" count."""
    return counted(capital_relation, capitals(text), capital_frequency, "words in capitals")


def banned(text: str, marks: re.Pattern[str], name: str) -> Finding:
    count = len(marks.findall(text))
    return Finding(not count, f"{count} {name}")


@check(
    "punctuation:no_comma",
    says="In your entire response, refrain from the use of any commas.",
    breaks=breaking.with_mark(","),
)
def no_comma(text: str) -> Finding:
    return banned(text, COMMAS, "commas")


@check(
    "punctuation:punctuation_dot",
    breaks=breaking.with_mark("."),
    says="In your entire response, refrain from the use of dots, as punctuation and in general.",
)
def punctuation_dot(text: str) -> Finding:
    return banned(text, re.compile("[.．]"), "dots")


@check(
    "punctuation:punctuation_exclamation",
    breaks=breaking.with_mark("!"),
    says="In your entire response, refrain from the use of exclamation marks.",
)
def punctuation_exclamation(text: str) -> Finding:
    return banned(text, re.compile("[!！]"), "exclamation marks")
