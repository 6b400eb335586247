"""Families detectable_content: and detectable_format: - placeholders, postscripts, lists, sections, titles, JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from rlar.tools.constraints import breaking
from rlar.tools.constraints.check import Finding, check
from rlar.tools.constraints.fields import COUNT, RELATION, TEXT, Relation, listed, quoted
from rlar.tools.constraints.keywords import counted
from rlar.tools.constraints.scripts import CJK
from rlar.tools.constraints.sentences import simple_sentences

ANSWERS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
HIGHLIGHT = re.compile(r"\*[^\n*]*\*")
STRONG = re.compile(r"\*\*[^\n*]*\*\*")


def spans(line: str, opening: str, closing: str) -> Iterator[tuple[int, int]]:
    """Where an opening and the next closing mark of a line enclose something, marks included; never overlapping."""
    end = 0
    while (start := line.find(opening, end)) >= 0:
        close = line.find(closing, start + len(opening))
        if close < 0:
            return
        end = close + len(closing)
        yield start, end


def enclosed(text: str, opening: str, closing: str) -> list[str]:
    """What stands between the marks, line by line."""
    return [
        line[start + len(opening) : end - len(closing)]
        for line in text.split("\n")
        for start, end in spans(line, opening, closing)
    ]


def _without_placeholders(text: str, **_: object) -> Iterator[str]:
    yield text.replace("[", "(").replace("]", ")")


@check(
    "detectable_content:number_placeholders",
    num_placeholders=COUNT,
    relation=RELATION.optional(Relation.AT_LEAST),
    says="The response must contain {relation} {num_placeholders} placeholders in square brackets, such as [address].",
    breaks=_without_placeholders,
)
def number_placeholders(text: str, num_placeholders: int, relation: Relation) -> Finding:
    return counted(relation, len(enclosed(text, "[", "]")), num_placeholders, "placeholders")


def marker_pattern(marker: str) -> re.Pattern[str]:
    """Letters with dots may have spaces behind the dots ("P. S."). Letters around it make it another word ("steps")."""
    pattern = re.sub(r"\\\.(?=.)", lambda _: r"\.\s?", re.escape(marker))
    if not CJK.search(marker):
        letter = r"[^\W\d_]"
        pattern = rf"(?<!{letter}){pattern}" + (rf"(?!{letter})" if marker[-1].isalpha() else "")
    return re.compile(pattern, re.IGNORECASE)


def _without_postscript(text: str, postscript_marker: str) -> Iterator[str]:
    yield marker_pattern(postscript_marker).sub("", text)


@check(
    "detectable_content:postscript",
    postscript_marker=TEXT,
    says="At the end of your response, add a postscript starting with {postscript_marker}.",
    breaks=_without_postscript,
)
def postscript(text: str, postscript_marker: str) -> Finding:
    found = marker_pattern(postscript_marker).search(text) is not None
    return Finding(found, "a postscript" if found else "no postscript")


def star_bullets(text: str) -> int:
    """Lines that begin with one asterisk. A bare asterisk takes the next line with it, as in the public checker."""
    lines = text.split("\n")
    count, skip = 0, False
    for at, line in enumerate(lines):
        item = line.strip()
        if skip:
            skip = False
        elif item.startswith("*") and not item.startswith("**"):
            bare = item == "*" and line.endswith("*")
            if not bare or at + 1 < len(lines):
                count += 1
                skip = bare
    return count


def dash_bullets(text: str) -> int:
    return sum(line.lstrip().startswith("-") for line in text.split("\n"))


@check(
    "detectable_format:number_bullet_lists",
    num_bullets=COUNT,
    says="Your answer must contain exactly {num_bullets} bullet points in markdown, such as: * This is a point.",
    breaks=breaking.with_line("* One more point."),
)
def number_bullet_lists(text: str, num_bullets: int) -> Finding:
    return counted(Relation.EXACTLY, star_bullets(text) + dash_bullets(text), num_bullets, "bullet points")


def one_of(text: str, answers: tuple[str, ...]) -> Finding:
    found = next((answer for answer in answers if answer in text), None)
    return Finding(found is not None, quoted(found) if found else "none of them")


@check(
    "detectable_format:constrained_response",
    says=f"Answer with one of the following options: {listed(ANSWERS)}.",
    breaks=breaking.replaced("My answer is", "My reply is"),
)
def constrained_response(text: str) -> Finding:
    return one_of(text, ANSWERS)


@check(
    "detectable_format:number_highlighted_sections",
    num_highlights=COUNT,
    relation=RELATION.optional(Relation.AT_LEAST),
    says="Highlight {relation} {num_highlights} sections in your answer with markdown, as *highlighted section*.",
    breaks=breaking.replaced("*", "_"),
)
def number_highlighted_sections(text: str, num_highlights: int, relation: Relation) -> Finding:
    """A **bold** part counts (once as such; its asterisks hold no single highlight)."""
    count = sum(bool(part.strip("*").strip()) for part in HIGHLIGHT.findall(text))
    count += sum(bool(part[2:-2].strip()) for part in STRONG.findall(text))
    return counted(relation, count, num_highlights, "highlighted sections")


def _without_splitter(text: str, section_spliter: str, **_: object) -> Iterator[str]:
    yield text.replace(section_spliter, "Part " if section_spliter[:1] != "P" else "Chunk ")


@check(
    "detectable_format:multiple_sections",
    section_spliter=TEXT,
    num_sections=COUNT,
    relation=RELATION.optional(Relation.AT_LEAST),
    says="Your response must have {relation} {num_sections} sections; mark the beginning of each with "
    "{section_spliter} and its number.",
    breaks=_without_splitter,
)
def multiple_sections(text: str, section_spliter: str, num_sections: int, relation: Relation) -> Finding:
    count = len(re.findall(rf"{re.escape(section_spliter)}\s?\d+", text))
    return counted(relation, count, num_sections, f"times {quoted(section_spliter)} with a number")


FENCES = ("```json", "```Json", "```JSON", "```")


@check(
    "detectable_format:json_format",
    says="The entire output should be wrapped in JSON format. Markdown ticks (```) around it are fine.",
    breaks=breaking.with_end("\n}"),
)
def json_format(text: str) -> Finding:
    body = text.strip()
    for fence in FENCES:
        body = body.removeprefix(fence)
    try:
        json.loads(body.removesuffix("```").strip())
    except (ValueError, RecursionError) as e:
        return Finding(False, f"no JSON ({e})")
    return Finding(True, "JSON")


def wrapped(text: str, opening: str, closing: str) -> bool:
    """Whether a line has text between the first opening and the last closing mark."""
    for line in text.split("\n"):
        start, end = line.find(opening), line.rfind(closing)
        if start >= 0 and start + len(opening) < end:
            title = line[start : end + len(closing)].lstrip(opening[0]).rstrip(closing[0])
            if title.strip():
                return True
    return False


@check(
    "detectable_format:title",
    says="Your answer must contain a title in double angular brackets, such as <<poem of joy>>.",
    breaks=breaking.either(breaking.replaced("<<", "<"), breaking.replaced("<", "")),
)
def title(text: str) -> Finding:
    found = wrapped(text, "<<", ">>")
    return Finding(found, "a title" if found else "no title")


@check(
    "detectable_format:square_brackets",
    says="Enclose every word in your response within square brackets.",
    breaks=breaking.with_words("bare"),
)
def square_brackets(text: str) -> Finding:
    bare = next((word for word in text.split() if not (word.startswith("[") and word.endswith("]"))), None)
    return Finding(bare is None, quoted(bare) if bare else "all of them")


@check(
    "detectable_format:bigram_wrapping",
    says="Wrap every pair of words in double angular brackets, such as <<I am>> <<at home>>.",
    breaks=breaking.either(breaking.replaced("<<", "<"), breaking.with_words("some more")),
)
def bigram_wrapping(text: str) -> Finding:
    """A last word without partner is free; so is a text of one word, as in the public checker."""
    words = text.split()
    for one, two in zip(words[::2], words[1::2], strict=False):
        if not (one.startswith("<<") and two.endswith(">>")):
            return Finding(False, quoted(f"{one} {two}"))
    return Finding(True, "all of them")


@check(
    "detectable_format:sentence_hyphens",
    says="All sentences must be connected using hyphens, with no spaces between them.",
    breaks=breaking.either(breaking.replaced("-", " - "), breaking.replaced("-", "- ")),
)
def sentence_hyphens(text: str) -> Finding:
    """As the public checker has it: a text without any hyphen passes if it is one sentence or not parted at all."""
    for part, sentence in zip(text.split("-"), simple_sentences(text.replace("-", " ")), strict=False):
        if part != part.strip() or part != sentence:
            return Finding(False, quoted(part[:60]))
    return Finding(True, "hyphens")
