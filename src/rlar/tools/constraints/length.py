"""Families length_constraints: and paragraphs: - how many words, sentences and paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rlar.tools.constraints import breaking
from rlar.tools.constraints.check import Finding, check
from rlar.tools.constraints.fields import COUNT, POSITIVE, RELATION, TEXT, Relation, quoted
from rlar.tools.constraints.keywords import counted
from rlar.tools.constraints.scripts import mostly_cjk, plain
from rlar.tools.constraints.sentences import sentences, simple_sentences
from rlar.tools.constraints.words import treebank, words

STARS = re.compile(r"\s?\*\*\*\s?")
WORD_MARKS = {".", ",", "?", "!", "'", '"', "。", "、", "，", "！", "？", "«", "»", "“", "”", "’"}


@check(
    "length_constraints:number_sentences",
    num_sentences=COUNT,
    relation=RELATION,
    says="Your response should contain {relation} {num_sentences} sentences.",
    breaks=lambda text, num_sentences, relation: breaking.with_sentence_count(text, relation, num_sentences),
)
def number_sentences(text: str, num_sentences: int, relation: Relation) -> Finding:
    return counted(relation, len(sentences(text)), num_sentences, "sentences")


@check(
    "length_constraints:number_words",
    num_words=COUNT,
    relation=RELATION,
    says="Answer with {relation} {num_words} words.",
    breaks=lambda text, num_words, relation: breaking.with_word_count(text, relation, num_words),
)
def number_words(text: str, num_words: int, relation: Relation) -> Finding:
    return counted(relation, len(words(text)), num_words, "words")


@check(
    "count:word_count_range",
    min_words=COUNT,
    max_words=COUNT,
    says="The response must contain between {min_words} and {max_words} words.",
    breaks=lambda text, min_words, max_words: breaking.with_word_count(text, Relation.AT_MOST, max_words),
    sane=lambda min_words, max_words: min_words <= max_words,
)
def word_count_range(text: str, min_words: int, max_words: int) -> Finding:
    count = len(words(text))
    return Finding(min_words <= count <= max_words, f"{count} words")


def paragraphs_between(parts: list[str]) -> int | None:
    """How many of the parts hold text; None if one that is neither first nor last is empty."""
    if any(not part.strip() for part in parts[1:-1]):
        return None
    edges = {0, len(parts) - 1}
    return len(parts) - sum(not parts[at].strip() for at in edges)


def _of_paragraphs(parts: list[str], asked: int) -> Finding:
    count = paragraphs_between(parts)
    if count is None:
        return Finding(False, "an empty paragraph between two dividers")
    return Finding(count == asked, f"{count} paragraphs")


@check(
    "length_constraints:number_paragraphs",
    num_paragraphs=POSITIVE,
    says="There should be {num_paragraphs} paragraphs, separated with the markdown divider ***.",
    breaks=breaking.with_end("\n\n***\n\nOne more paragraph.\n"),
)
def number_paragraphs(text: str, num_paragraphs: int) -> Finding:
    return _of_paragraphs(STARS.split(text), num_paragraphs)


@check(
    "paragraphs:paragraphs",
    says="There should be 2 paragraphs, separated with the markdown divider ***.",
    breaks=breaking.with_end("\n\n***\n\nOne more paragraph.\n"),
)
def two_paragraphs(text: str) -> Finding:
    return _of_paragraphs(STARS.split(text), 2)


@check(
    "paragraphs:paragraphs2",
    says="There should be 2 paragraphs, separated by two line breaks.",
    breaks=breaking.with_end("\n\nOne more paragraph.\n\nAnd yet another one.\n"),
)
def two_blocks(text: str) -> Finding:
    return _of_paragraphs(text.split("\n\n"), 2)


def nth_block(text: str, num_paragraphs: int, nth_paragraph: int) -> tuple[str, Finding | None]:
    """Paragraph n (stripped), and the finding that settles the matter where there is none or their number is wrong."""
    blocks = text.split("\n\n")
    count = sum(bool(block.strip()) for block in blocks)
    if count != num_paragraphs:
        return "", Finding(False, f"{count} paragraphs")
    block = blocks[nth_paragraph - 1].strip() if nth_paragraph <= count else ""
    return block, None if block else Finding(False, f"nothing at paragraph {nth_paragraph}")


def _other_first_word(text: str, nth_paragraph: int, **_: object) -> Iterator[str]:
    blocks = text.split("\n\n")
    if nth_paragraph <= len(blocks):
        blocks[nth_paragraph - 1] = "Moreover, " + blocks[nth_paragraph - 1].lstrip()
        yield "\n\n".join(blocks)


@check(
    "length_constraints:nth_paragraph_first_word",
    num_paragraphs=POSITIVE,
    nth_paragraph=POSITIVE,
    first_word=TEXT,
    says="There should be {num_paragraphs} paragraphs, separated with each other by two new lines. Paragraph "
    "{nth_paragraph} must start with the word {first_word}.",
    breaks=_other_first_word,
    sane=lambda num_paragraphs, nth_paragraph, **_: nth_paragraph <= num_paragraphs,
)
def nth_paragraph_first_word(text: str, num_paragraphs: int, nth_paragraph: int, first_word: str) -> Finding:
    block, settled = nth_block(text, num_paragraphs, nth_paragraph)
    if settled:
        return settled
    if mostly_cjk(first_word):  # no spaces: the paragraph begins with the word
        return Finding(plain(block).startswith(plain(first_word)), quoted(block[: len(first_word)]))
    word = plain(block.split()[0].lstrip("'").lstrip('"«“'))
    end = next((at for at, character in enumerate(word) if character in WORD_MARKS), len(word))
    return Finding(word[:end] == plain(first_word), f"{quoted(word[:end])} first")


@check(
    "count:counting_composition",
    n_sent=POSITIVE,
    n_words=POSITIVE,
    says="Write 3 paragraphs, delimited by the markdown divider ***, with exactly {n_sent} sentences each, with "
    "exactly {n_words} words in each sentence.",
    breaks=breaking.with_words("indeed"),
)
def counting_composition(text: str, n_sent: int, n_words: int) -> Finding:
    """Marks of punctuation count as words, as in the public checker, which counts treebank tokens."""
    parts = STARS.split(text)
    for number, part in enumerate(parts, 1):
        found = simple_sentences(part)
        if len(found) != n_sent:
            return Finding(False, f"{len(found)} sentences in paragraph {number}")
        for sentence in found:
            tokens = len(treebank(sentence))
            if tokens != n_words:
                return Finding(False, f"{tokens} words in {quoted(sentence[:60])}")
    return Finding(len(parts) == 3, f"{len(parts)} paragraphs")
