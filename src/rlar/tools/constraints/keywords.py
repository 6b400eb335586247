"""Families keywords: and letters: - words and letters that must, or must not, be in the response.

Words are looked for as they are written, never run as patterns (the public checkers run them as regular expressions,
which a data set can misuse), without regard to case, to full width and to how accents are encoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from rlar.tools.constraints import breaking
from rlar.tools.constraints.check import Finding, check
from rlar.tools.constraints.fields import COUNT, LETTER, POSITIVE, RELATION, WORD, WORDS, Relation, listed, quoted
from rlar.tools.constraints.scripts import CJK, plain
from rlar.tools.constraints.sentences import simple_sentences
from rlar.tools.constraints.words import treebank


def times(text: str, word: str) -> int:
    """How often a word, or part of a word, occurs; occurrences do not overlap."""
    return plain(text).count(plain(word))


def holds_word(text: str, word: str) -> bool:
    """Whether a whole word occurs: "art" is not in "party". Chinese and Japanese have no spaces: any place counts."""
    low, key = plain(text), plain(word)
    if CJK.search(key):
        return key in low
    at = low.find(key)
    while at >= 0:
        end = at + len(key)
        if not (_in_word(key[0]) and at and _in_word(low[at - 1])) and not (
            _in_word(key[-1]) and end < len(low) and _in_word(low[end])
        ):
            return True
        at = low.find(key, end)
    return False


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def counted(relation: Relation, count: int, asked: int, noun: str) -> Finding:
    return Finding(relation.holds(count, asked), f"{count} {noun}")


def _drop_one(text: str, keywords: tuple[str, ...]) -> Iterator[str]:
    for word in keywords:
        yield breaking.without(text, word)


@check("keywords:existence", keywords=WORDS, says="Include the keywords {keywords} in the response.", breaks=_drop_one)
def existence(text: str, keywords: tuple[str, ...]) -> Finding:
    low = plain(text)
    missing = tuple(word for word in keywords if plain(word) not in low)
    return Finding(not missing, f"{listed(missing)} missing" if missing else "all of them")


def _shift_keyword(text: str, keyword: str, frequency: int, relation: Relation) -> Iterator[str]:
    yield from breaking.with_count_of(text, keyword, relation, frequency)


@check(
    "keywords:frequency",
    "keywords:word_count_different_numbers",
    keyword=WORD,
    frequency=COUNT,
    relation=RELATION,
    says="In your response, the word {keyword} should appear {relation} {frequency} times.",
    breaks=_shift_keyword,
)
def frequency(text: str, keyword: str, frequency: int, relation: Relation) -> Finding:
    return counted(relation, times(text, keyword), frequency, f"times {quoted(keyword)}")


def _add_forbidden(text: str, forbidden_words: tuple[str, ...]) -> Iterator[str]:
    yield from breaking.with_words(forbidden_words[0])(text)
    yield from breaking.with_mark(f" {forbidden_words[0]} ")(text)


@check(
    "keywords:forbidden_words",
    forbidden_words=WORDS,
    says="Do not include the keywords {forbidden_words} in the response.",
    breaks=_add_forbidden,
)
def forbidden_words(text: str, forbidden_words: tuple[str, ...]) -> Finding:
    present = tuple(word for word in forbidden_words if holds_word(text, word))
    return Finding(not present, listed(present) if present else "none of them")


def _shift_letter(text: str, letter: str, let_frequency: int, let_relation: Relation) -> Iterator[str]:
    yield from breaking.with_count_of(text, letter, let_relation, let_frequency)


# A sign instead of a letter ("#", "!") is counted as well; the public checker draws a random letter for it.
@check(
    "keywords:letter_frequency",
    "letters:letter_counting2",
    letter=LETTER,
    let_frequency=COUNT,
    let_relation=RELATION,
    says="In your response, the letter {letter} should appear {let_relation} {let_frequency} times.",
    breaks=_shift_letter,
)
def letter_frequency(text: str, letter: str, let_frequency: int, let_relation: Relation) -> Finding:
    return counted(let_relation, text.lower().count(letter.lower()), let_frequency, f"times {quoted(letter)}")


def _shift_letters(text: str, N: int, relation: Relation) -> Iterator[str]:
    target = relation.nearest(N, broken=True)
    ends = [match.end() for match in re.finditer("[a-zA-Z]", text)]
    if 0 < target < len(ends):
        yield text[: ends[target - 1]]
    elif target > len(ends):
        yield text.rstrip() + " " + "and " * ((target - len(ends)) // 3 + 1)


@check(
    "letters:letter_counting",
    N=COUNT,
    relation=RELATION,
    says="Answer with {relation} {N} letters.",
    breaks=_shift_letters,
)
def letter_counting(text: str, N: int, relation: Relation) -> Finding:
    letters = sum(c.isalpha() for c in text) if not text.isascii() else len(re.findall("[a-zA-Z]", text))
    return counted(relation, letters, N, "letters")


@check(
    "keywords:word_once",
    keyword=WORD,
    says="Include the keyword {keyword} exactly once in your response.",
    breaks=lambda text, keyword: breaking.with_count_of(text, keyword, Relation.EXACTLY, 1),
)
def word_once(text: str, keyword: str) -> Finding:
    return counted(Relation.EXACTLY, times(text, keyword), 1, "times")


@check(
    "count:count_increment_word",
    keyword1=WORD,
    keyword2=WORD,
    says="Include the keyword {keyword1} once in your response, the keyword {keyword2} twice.",
    breaks=lambda text, keyword1, keyword2: breaking.with_count_of(text, keyword2, Relation.EXACTLY, 2),
)
def count_increment_word(text: str, keyword1: str, keyword2: str) -> Finding:
    once, twice = times(text, keyword1), times(text, keyword2)
    return Finding((once, twice) == (1, 2), f"{once} times {quoted(keyword1)}, {twice} times {quoted(keyword2)}")


KEYWORD_COUNTS = (1, 2, 3, 5, 7)


@check(
    "count:keywords_multiple",
    keyword1=WORD,
    keyword2=WORD,
    keyword3=WORD,
    keyword4=WORD,
    keyword5=WORD,
    says="Include the keyword {keyword1} once in your response, {keyword2} twice, {keyword3} three times, {keyword4} "
    "five times and {keyword5} seven times.",
    breaks=lambda text, **keywords: breaking.with_count_of(text, keywords["keyword1"], Relation.EXACTLY, 1),
)
def keywords_multiple(text: str, **keywords: str) -> Finding:
    counts = [times(text, word) for word in keywords.values()]
    found = ", ".join(f"{count} times {quoted(word)}" for count, word in zip(counts, keywords.values(), strict=True))
    return Finding(tuple(counts) == KEYWORD_COUNTS, found)


# The public checker only sees the word between two spaces: not at the ends, not before a comma, not in other case.
@check(
    "keywords:exclude_word_harder",
    keyword=WORD,
    says="Do not include the keyword {keyword} in the response.",
    breaks=lambda text, keyword: breaking.with_mark(f" {keyword} ")(text),
)
def exclude_word_harder(text: str, keyword: str) -> Finding:
    present = f" {keyword} " in text
    return Finding(not present, quoted(keyword) if present else "no such word")


@check(
    "keywords:no_adjacent_consecutive",
    says="No two adjacent words can start with consecutive letters of the alphabet.",
    breaks=breaking.with_words("a bear"),
)
def no_adjacent_consecutive(text: str) -> Finding:
    words = text.split()
    for one, two in pairwise(words):
        first, second = one[0].lower(), two[0].lower()
        if len(first) != 1 or len(second) != 1 or ord(second) - ord(first) == 1:
            return Finding(False, quoted(f"{one} {two}"))
    return Finding(True, "no such pair")


# A word of one letter ("a") reads the same backwards, too: the public checker takes it.
@check("keywords:palindrome", says="Include a palindrome in your response.")
def palindrome(text: str) -> Finding:
    found = next((word for word in text.split() if word == word[::-1]), None)
    return Finding(found is not None, quoted(found) if found else "no palindrome")


@check(
    "keywords:keyword_specific_position",
    keyword=WORD,
    n=POSITIVE,
    m=POSITIVE,
    says="Include the keyword {keyword} in sentence {n}, as word {m} of that sentence.",
    breaks=lambda text, keyword, n, m: iter([breaking.without(text, keyword)]),
)
def keyword_specific_position(text: str, keyword: str, n: int, m: int) -> Finding:
    return at_position(simple_sentences(text), keyword, n, m)


def at_position(sentences: list[str], keyword: str, n: int, m: int) -> Finding:
    if len(sentences) < n:
        return Finding(False, f"{len(sentences)} sentences")
    words = treebank(sentences[n - 1])
    if len(words) < m:
        return Finding(False, f"{len(words)} words in sentence {n}")
    return Finding(words[m - 1] == keyword, quoted(words[m - 1]))


@check(
    "keywords:start_end",
    says="Start and end your response with the same word; write nothing after the last word, not even punctuation.",
    breaks=breaking.with_end("."),
)
def start_end(text: str) -> Finding:
    words = treebank(text)
    if len(words) < 2:
        return Finding(False, "a single word")
    first, last = words[0].lower(), words[-1].lower()
    return Finding(first == last and any(map(str.isalnum, first)), f"{quoted(first)} and {quoted(last)}")
