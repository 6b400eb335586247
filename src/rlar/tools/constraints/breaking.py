"""Small changes of a text, used to break one instruction on purpose while the rest of the text stays as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rlar.tools.constraints.fields import Relation
from rlar.tools.constraints.scripts import mostly_cjk, plain
from rlar.tools.constraints.sentences import sentences
from rlar.tools.constraints.words import WORD, words

FILLER = "Note that this sentence was added."
MARKS = ".,;:!?\"'»”」』)]}>。、！？* \t"
FILLER_CJK = "なお、この文は追加された。"


def filler(text: str) -> str:
    return FILLER_CJK if mostly_cjk(text) else " " + FILLER


def in_the_middle(text: str, edit: Callable[[str], str]) -> Iterator[str]:
    """Edit one line, neither the first nor the last if there are three, as the loose reading leaves those out.

    Else edit both lines, then (which is smaller, but may be read loosely) only the last.
    """
    lines = text.split("\n")
    inner = [at for at in range(1, len(lines) - 1) if WORD.search(lines[at])]
    chosen = [[inner[len(inner) // 2]]] if inner else [[*range(len(lines))], [len(lines) - 1]]
    for places in chosen:
        yield "\n".join(edit(line) if at in places else line for at, line in enumerate(lines))


def with_mark(mark: str) -> Callable[..., Iterator[str]]:
    """Put `mark` behind the first word of a line; at its end if it has no word."""

    def edit(line: str) -> str:
        first = WORD.search(line)
        at = first.end() if first else len(line)
        return line[:at] + mark + line[at:]

    def breaker(text: str, **_: object) -> Iterator[str]:
        yield from in_the_middle(text, edit)

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
    """Put words at the end of a line, before its final marks; then behind those of the text."""

    def edit(line: str) -> str:
        end = len(line) - len(line.rstrip(MARKS))
        return f"{line[: len(line) - end]} {addition}{line[len(line) - end :]}"

    def breaker(text: str, **_: object) -> Iterator[str]:
        yield from in_the_middle(text.rstrip(), edit)
        yield f"{text.rstrip()} {addition}"

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
