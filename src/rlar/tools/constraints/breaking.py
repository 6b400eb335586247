"""Small changes of a text, used to break one instruction on purpose while the rest of the text stays as it was."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from rlar.tools.constraints.fields import Relation
from rlar.tools.constraints.scripts import mostly_cjk, plain
from rlar.tools.constraints.sentences import sentences
from rlar.tools.constraints.words import WORD, words

FILLER = "Note that this sentence was added."
FILLER_CJK = "なお、この文は追加された。"


def filler(text: str) -> str:
    return FILLER_CJK if mostly_cjk(text) else " " + FILLER


def with_mark(mark: str) -> Callable[..., Iterator[str]]:
    """Put `mark` behind the first word; at the end of the text if there is no word."""

    def breaker(text: str, **_: object) -> Iterator[str]:
        first = WORD.search(text)
        at = first.end() if first else len(text)
        yield text[:at] + mark + text[at:]

    return breaker


def with_line(line: str) -> Callable[..., Iterator[str]]:
    """Put a line (between two others, so that the loose variants keep it) into the text; else append it."""

    def breaker(text: str, **_: object) -> Iterator[str]:
        first, newline, rest = text.partition("\n")
        if newline:
            yield f"{first}\n{line}\n{rest}"
        yield f"{text}\n{line}\n{line}"

    return breaker


def with_words(addition: str) -> Callable[..., Iterator[str]]:
    """Append words to the last line, before its final mark of punctuation, then behind it."""

    def breaker(text: str, **_: object) -> Iterator[str]:
        body = text.rstrip()
        end = re.search(r"\W*\Z", body)
        at = end.start() if end else len(body)
        yield f"{body[:at]} {addition}{body[at:]}"
        yield f"{body} {addition}"

    return breaker


def without(text: str, word: str) -> str:
    """The text without a word, wherever it stands and however it is cased."""
    key = plain(word)
    if len(plain(text)) != len(text):  # characters that change their number with their form
        return plain(text).replace(key, "")
    kept, start = [], 0
    low = plain(text)
    while (at := low.find(key, start)) >= 0:
        kept.append(text[start:at])
        start = at + len(key)
    return "".join([*kept, text[start:]])


def with_count_of(text: str, word: str, relation: Relation, asked: int) -> Iterator[str]:
    """Let a word occur just too seldom, or just too often."""
    target = relation.nearest(asked, broken=True)
    low, key = plain(text), plain(word)
    found = low.count(key)
    if target < 0:
        return
    if found < target:
        yield text.rstrip() + (" " + word) * (target - found)
    elif len(low) == len(text):
        start = 0
        for _ in range(target):
            start = low.find(key, start) + len(key)
        yield text[:start] + without(text[start:], word)


def with_word_count(text: str, relation: Relation, asked: int) -> Iterator[str]:
    """Cut the text, or repeat its words, so that the count of words is just wrong."""
    target = relation.nearest(asked, broken=True)
    found = len(words(text))
    if target < 0 or not found:
        return
    if found > target:
        spans = [match.end() for match in WORD.finditer(text)]
        if target and len(spans) == found:
            yield text[: spans[target - 1]]
        for share in (0.8, 0.5, 0.2, 0.1, 0.02):
            yield text[: int(len(text) * share)]
    else:
        yield text.rstrip() + " and so on" * (-(-(target - found) // 3))
        yield text.rstrip() + "等々" * (target - found)


def with_sentence_count(text: str, relation: Relation, asked: int, language: str = "en") -> Iterator[str]:
    """Drop or add sentences so that their count is just wrong."""
    target = relation.nearest(asked, broken=True)
    parts = sentences(text, language)
    if target < 1 or not parts:
        return
    if len(parts) > target:
        yield " ".join(parts[:target])
    else:
        yield text.rstrip() + filler(text) * (target - len(parts))
        yield text.rstrip() + "." + filler(text) * (target - len(parts))


def without_last_line(text: str, **_: object) -> Iterator[str]:
    yield "\n".join(text.rstrip().split("\n")[:-1])


def with_start(start: str) -> Callable[..., Iterator[str]]:
    def breaker(text: str, **_: object) -> Iterator[str]:
        yield start + text

    return breaker


def with_end(end: str) -> Callable[..., Iterator[str]]:
    def breaker(text: str, **_: object) -> Iterator[str]:
        yield text.rstrip() + end

    return breaker


def replaced(old: str, new: str) -> Callable[..., Iterator[str]]:
    """Replace every `old`."""

    def breaker(text: str, **_: object) -> Iterator[str]:
        if old in text:
            yield text.replace(old, new)

    return breaker


def either(*breakers: Callable[..., Iterator[str]]) -> Callable[..., Iterator[str]]:
    """All changes of several breakers, in order."""

    def breaker(text: str, **values: object) -> Iterator[str]:
        for each in breakers:
            yield from each(text, **values)

    return breaker
