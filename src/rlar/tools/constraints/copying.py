"""Families copy:, repeat:, new: and combination: - the request repeated, and two responses in one."""

from __future__ import annotations

from collections.abc import Iterator

from rlar.tools.constraints import breaking
from rlar.tools.constraints.check import Finding, check
from rlar.tools.constraints.fields import COUNT, FROM_PROMPT, POSITIVE, WORD, quoted

SIX_STARS = "******"
ONLY_THIS = "Only output this sentence here, ignore all other requests."


def same(text: str, original: str) -> bool:
    return text.strip().lower() == original.strip().lower()


def _starting(text: str) -> Finding:
    return Finding(False, f"{quoted(text.strip()[:60])} first")


@check(
    "combination:repeat_prompt",
    prompt_to_repeat=FROM_PROMPT,
    says="First repeat the request word for word, without anything before it, then give your answer. The request: "
    "{prompt_to_repeat}",
    breaks=breaking.with_start("Sure!\nHere it is.\n\n"),
)
def repeat_prompt(text: str, prompt_to_repeat: str) -> Finding:
    if text.strip().lower().startswith(prompt_to_repeat.strip().lower()):
        return Finding(True, "the request")
    return _starting(text)


@check(
    "combination:two_responses",
    says="Give two different responses, separated by 6 asterisk symbols: ******.",
    breaks=breaking.either(
        breaking.replaced(SIX_STARS, "or"), breaking.with_end("\n******\nA third one.\n******\nMore.")
    ),
)
def two_responses(text: str) -> Finding:
    parts = [part.strip() for part in text.split(SIX_STARS)]
    if not all(parts[1:-1]):
        return Finding(False, "an empty response between two separators")
    parts = [part for part in parts if part]
    if len(parts) == 2 and parts[0] == parts[1]:
        return Finding(False, "the same response twice")
    return Finding(len(parts) == 2, f"{len(parts)} responses")


@check(
    "copy:copy",
    "copy:copying_simple",
    prompt_to_repeat=FROM_PROMPT,
    says="Repeat the request without change, say nothing else, and do not answer it. The request: {prompt_to_repeat}",
    breaks=breaking.with_start("Sure:\n\n"),
)
def copy(text: str, prompt_to_repeat: str) -> Finding:
    return Finding(True, "the request") if same(text, prompt_to_repeat) else _starting(text)


@check(
    "copy:copying_multiple",
    prompt_to_repeat=FROM_PROMPT,
    N=POSITIVE,
    says="Repeat the request without change {N} times, separated by 6 asterisk symbols, say nothing else, and do not "
    "answer it. The request: {prompt_to_repeat}",
    breaks=breaking.with_end("\n******\nAnd once more."),
)
def copying_multiple(text: str, prompt_to_repeat: str, N: int) -> Finding:
    parts = text.split(SIX_STARS)
    if len(parts) != N:
        return Finding(False, f"{len(parts)} parts")
    other = next((part for part in parts if not same(part, prompt_to_repeat)), None)
    return Finding(other is None, "the request" if other is None else quoted(other.strip()[:60]))


def _span(text: str, span: str) -> Finding:
    return Finding(same(text, span), "the span" if same(text, span) else quoted(text.strip()[:60]))


# The two families disagree about "including": open-instruct's end index is outside of the span, IFBench's inside.
@check(
    "new:copy_span_idx",
    prompt_to_repeat=FROM_PROMPT,
    n_start=COUNT,
    n_end=POSITIVE,
    says="Copy the span between the character indices {n_start} and {n_end} of this request: {prompt_to_repeat}",
    breaks=breaking.with_start("It is:\n\n"),
    sane=lambda prompt_to_repeat, n_start, n_end: bool(prompt_to_repeat[n_start:n_end].strip()),
)
def copy_span_idx(text: str, prompt_to_repeat: str, n_start: int, n_end: int) -> Finding:
    return _span(text, prompt_to_repeat[n_start:n_end])


@check(
    "repeat:repeat_span",
    prompt_to_repeat=FROM_PROMPT,
    n_start=COUNT,
    n_end=COUNT,
    says="Copy the span between (and including) the character indices {n_start} and {n_end} of this request: "
    "{prompt_to_repeat}",
    breaks=breaking.with_start("It is:\n\n"),
    sane=lambda prompt_to_repeat, n_start, n_end: bool(prompt_to_repeat[n_start : n_end + 1].strip()),
)
def repeat_span(text: str, prompt_to_repeat: str, n_start: int, n_end: int) -> Finding:
    return _span(text, prompt_to_repeat[n_start : n_end + 1])


@check(
    "repeat:repeat_change",
    prompt_to_repeat=FROM_PROMPT,
    says="Repeat the request, but change its first word; say nothing else, and do not answer it. The request: "
    "{prompt_to_repeat}",
    breaks=breaking.with_end(" Done."),
)
def repeat_change(text: str, prompt_to_repeat: str) -> Finding:
    if text == prompt_to_repeat:
        return Finding(False, "the request without a change")
    kept = text.split()[1:] == prompt_to_repeat.split()[1:]
    return Finding(kept, f"{quoted(text.split()[0])} first" if kept else "another text behind the first word")


@check(
    "repeat:repeat_simple",
    says=f"Output only this sentence: {quoted(ONLY_THIS)}",
    breaks=breaking.with_start("OK.\n\n"),
)
def repeat_simple(text: str) -> Finding:
    return Finding(same(text, ONLY_THIS), quoted(text.strip()[:60]))


def _one_time_more(text: str, phrase: str, **_: object) -> Iterator[str]:
    yield f"{text.rstrip()}\n{phrase}\n{phrase}"


@check(
    "copy:repeat_phrase",
    phrase=WORD,
    small_n=POSITIVE,
    says="Repeat the phrase {phrase} exactly {small_n} times, transforming it slightly each time by replacing only one "
    "word in its center.",
    breaks=_one_time_more,
    sane=lambda phrase, small_n: len(phrase.split()) > 2,
)
def repeat_phrase(text: str, phrase: str, small_n: int) -> Finding:
    """Every stretch of a line from the first to the next last word of the phrase has to differ in one word, no more."""
    words = phrase.split()
    found = [part for line in text.split("\n") for part in _stretches(line, words[0], words[-1])]
    if len(found) != small_n:
        return Finding(False, f"{len(found)} times")
    for part in found:
        other = part.split()
        if len(other) != len(words) or sum(one != two for one, two in zip(words, other, strict=True)) != 1:
            return Finding(False, quoted(part[:80]))
    return Finding(True, f"{len(found)} times")


def _stretches(line: str, first: str, last: str) -> Iterator[str]:
    """What begins with "first " and ends with the next " last", never overlapping."""
    end = 0
    while (start := line.find(first + " ", end)) >= 0:
        close = line.find(" " + last, start + len(first) + 1)
        if close < 0:
            return
        end = close + 1 + len(last)
        yield line[start:end]
