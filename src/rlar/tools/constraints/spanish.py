"""M-IFEval's Spanish ids (es:...). What means the same in any language is the check of the id without its prefix."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator

from rlar.tools.constraints import breaking
from rlar.tools.constraints.check import Finding, check
from rlar.tools.constraints.content import one_of, star_bullets
from rlar.tools.constraints.ends import QUOTES, lower_in, one_lower, one_upper, upper_in
from rlar.tools.constraints.fields import COUNT, POSITIVE, RELATION, TEXT, Relation, listed, quoted
from rlar.tools.constraints.keywords import counted
from rlar.tools.constraints.length import nth_block
from rlar.tools.constraints.sentences import sentences

ANSWERS = ("Sí.", "No.", "Quizás.")
MARKER = re.compile(r"^[^\S\n]*(?:\d{1,9}\.|[-*])[^\S\n]*", re.MULTILINE)  # of a list; it is no word
WORD = re.compile(r"\d+(?:[.,:]\d+)*|[^\W_]+")
ACUTE = frozenset("áéíóú")

PREFIX = "es:"
SAME = (
    "keywords:existence",
    "keywords:frequency",
    "keywords:forbidden_words",
    "keywords:letter_frequency",
    "language:response_language",
    "length_constraints:number_paragraphs",
    "detectable_content:number_placeholders",
    "detectable_content:postscript",
    "detectable_format:number_highlighted_sections",
    "detectable_format:multiple_sections",
    "detectable_format:json_format",
    "detectable_format:title",
    "combination:two_responses",
    "combination:repeat_prompt",
    "punctuation:no_comma",
    "startend:quotation",
)


def spanish_words(text: str) -> list[str]:
    """Words and numbers, without the markers of lists."""
    return WORD.findall(MARKER.sub("", text))


@check(
    "es:length_constraints:number_words",
    num_words=COUNT,
    relation=RELATION,
    says="Answer with {relation} {num_words} words.",
    breaks=lambda text, num_words, relation: breaking.with_word_count(text, relation, num_words),
)
def number_words(text: str, num_words: int, relation: Relation) -> Finding:
    return counted(relation, len(spanish_words(text)), num_words, "words")


@check(
    "es:length_constraints:number_sentences",
    num_sentences=COUNT,
    relation=RELATION,
    says="Your response should contain {relation} {num_sentences} sentences.",
    breaks=lambda text, num_sentences, relation: breaking.with_sentence_count(text, relation, num_sentences, "es"),
)
def number_sentences(text: str, num_sentences: int, relation: Relation) -> Finding:
    return counted(relation, len(sentences(MARKER.sub("", text), "es")), num_sentences, "sentences")


def _other_start(text: str, nth_paragraph: int, **_: object) -> Iterator[str]:
    blocks = text.split("\n\n")
    blocks[nth_paragraph - 1] = "Además, " + blocks[nth_paragraph - 1].lstrip()
    yield "\n\n".join(blocks)


@check(
    "es:length_constraints:nth_paragraph_first_word",
    num_paragraphs=POSITIVE,
    nth_paragraph=POSITIVE,
    first_word=TEXT,
    says="There should be {num_paragraphs} paragraphs, separated by two line breaks. Paragraph {nth_paragraph} must "
    "start with {first_word}.",
    breaks=_other_start,
    sane=lambda num_paragraphs, nth_paragraph, **_: nth_paragraph <= num_paragraphs,
)
def nth_paragraph_first_word(text: str, num_paragraphs: int, nth_paragraph: int, first_word: str) -> Finding:
    """The beginning may be several words; marks of punctuation do not count."""
    block, settled = nth_block(text, num_paragraphs, nth_paragraph)
    if settled:
        return settled
    marks = string.punctuation + "¡¿«»“”"
    asked = first_word.lower().split()
    found = [word.strip(marks).lower() for word in block.split()[: len(asked)]]
    return Finding(found == asked, f"{quoted(' '.join(found))} first")


@check(
    "es:detectable_format:number_bullet_lists",
    num_bullets=COUNT,
    says="Your answer must contain exactly {num_bullets} bullet points in markdown, such as: * Este es el punto 1.",
    breaks=breaking.with_line("* Un punto más."),
)
def number_bullet_lists(text: str, num_bullets: int) -> Finding:
    return counted(Relation.EXACTLY, star_bullets(text), num_bullets, "bullet points")


@check(
    "es:detectable_format:constrained_response",
    says=f"Answer with one of the following options: {listed(ANSWERS)}.",
    breaks=lambda text: iter([re.sub(r"Sí\.|No\.|Quizás\.", "Depende.", text)]),
)
def constrained_response(text: str) -> Finding:
    return one_of(text, ANSWERS)


@check(
    "es:startend:end_checker",
    end_phrase=TEXT,
    breaks=breaking.with_end("\nEso es todo.\nDe verdad."),
    says="Finish your response with this exact phrase: {end_phrase}. No other words should follow it.",
)
def end_checker(text: str, end_phrase: str) -> Finding:
    """A full stop may follow the phrase."""
    end, phrase = (one.strip().strip(QUOTES).rstrip().lower() for one in (text, end_phrase))
    return Finding(end.endswith(phrase) or end.removesuffix(".").endswith(phrase), f"{quoted(end[-60:])} at the end")


@check(
    "es:change_case:spanish_capital",
    breaks=one_lower,
    says="Your entire response should be in Spanish, and in all capital letters.",
)
def spanish_capital(text: str) -> Finding:
    return upper_in(text, "es")


@check(
    "es:change_case:spanish_lowercase",
    breaks=one_upper,
    says="Your entire response should be in Spanish, and in all lowercase letters.",
)
def spanish_lowercase(text: str) -> Finding:
    return lower_in(text, "es")


def _shift(word: str, name: str = "num_words") -> Callable[..., Iterator[str]]:
    """Add words of the counted kind until there are too many, or take the sign that makes them so from all."""
    plain = str.maketrans("áéíóúÁÉÍÓÚñÑüÜ", "aeiouAEIOUnNuU")

    def breaker(text: str, **values: int) -> Iterator[str]:
        yield text.translate(plain)
        yield text.rstrip() + f" {word}" * (values[name] + 1)

    return breaker


@check(
    "es:change_case:capital_word_frequency",
    capital_frequency=COUNT,
    capital_relation=RELATION,
    says="In your response, words in all capital letters should appear {capital_relation} {capital_frequency} times.",
    breaks=lambda text, capital_frequency, capital_relation: iter(
        [text.lower(), text + " SÍ" * (capital_frequency + 1)],
    ),
)
def capital_word_frequency(text: str, capital_frequency: int, capital_relation: Relation) -> Finding:
    count = sum(word.isupper() for word in spanish_words(text))
    return counted(capital_relation, count, capital_frequency, "words in capitals")


def _between(text: str, opening: str, closing: str) -> bool:
    """Whether text stands between an opening mark and the next closing one."""
    start = text.find(opening)
    while start >= 0:
        end = text.find(closing, start)
        if end < 0:
            return False
        if text[start:end].strip(opening).strip():
            return True
        start = text.find(opening, end)
    return False


@check(
    "es:punctuation:question_marks",
    says="Your response must include a question, with both marks (¿...?).",
    breaks=breaking.replaced("¿", ""),
)
def question_marks(text: str) -> Finding:
    found = _between(text, "¿", "?")
    return Finding(found, "a question" if found else "no ¿...?")


@check(
    "es:punctuation:exclamation_marks",
    says="Your response must include an exclamation, with both marks (¡...!).",
    breaks=breaking.replaced("¡", ""),
)
def exclamation_marks(text: str) -> Finding:
    found = _between(text, "¡", "!")
    return Finding(found, "an exclamation" if found else "no ¡...!")


@check(
    "es:special_character:enie",
    let_frequency=COUNT,
    breaks=_shift("niño", "let_frequency"),
    says="In your response, words with the letter ñ should appear exactly {let_frequency} times.",
)
def enie(text: str, let_frequency: int) -> Finding:
    count = sum("ñ" in word for word in spanish_words(text.lower()))
    return counted(Relation.EXACTLY, count, let_frequency, "words with ñ")


@check(
    "es:special_character:dieresis",
    let_frequency=COUNT,
    breaks=_shift("pingüino", "let_frequency"),
    says="In your response, words with the letter ü should appear exactly {let_frequency} times.",
)
def dieresis(text: str, let_frequency: int) -> Finding:
    count = sum("ü" in word for word in spanish_words(text.lower()))
    return counted(Relation.EXACTLY, count, let_frequency, "words with ü")


@check(
    "es:special_character:tildes",
    num_words=COUNT,
    relation=RELATION,
    breaks=_shift("más"),
    says="Answer with {relation} {num_words} words that bear an acute accent.",
)
def tildes(text: str, num_words: int, relation: Relation) -> Finding:
    count = sum(not ACUTE.isdisjoint(word) for word in spanish_words(text.lower()))
    return counted(relation, count, num_words, "words with an accent")
