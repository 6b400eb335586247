"""Family format: - brackets, quotes, lists, lines, emoji and templates (IFBench)."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from itertools import pairwise

from rlar.tools.constraints import breaking
from rlar.tools.constraints.check import Finding, check
from rlar.tools.constraints.fields import TEXT, quoted
from rlar.tools.constraints.scripts import is_emoji
from rlar.tools.constraints.sentences import sentences
from rlar.tools.constraints.words import bare, stripped, treebank

OPENING = {"(": ")", "[": "]", "{": "}"}
DEPTH = 5
QUOTE_DEPTH = 3
TEMPLATE = ("My Answer:", "My Conclusion:", "Future Outlook:")


@check(
    "format:parentheses",
    says="Nest parentheses (and [brackets {{and braces}}]) at least 5 levels deep.",
    breaks=breaking.either(breaking.replaced("(", ""), breaking.replaced("{", ""), breaking.replaced("[", "")),
)
def parentheses(text: str) -> Finding:
    """A wrong closing mark begins anew; the deepest mark has to be closed."""
    stack: list[str] = []
    deepest = most = 0
    for mark in text:
        if mark in OPENING:
            stack.append(OPENING[mark])
            deepest = max(deepest, len(stack))
            most = max(most, deepest)
        elif mark in ")]}":
            if not stack or stack.pop() != mark:
                stack, deepest = [], 0
            elif deepest >= DEPTH:
                return Finding(True, f"{deepest} levels")
    return Finding(False, f"{most} levels")


@check(
    "format:quotes",
    says="Include quotes within quotes within quotes, at least 3 levels deep, alternating between double quotes and "
    "single quotes.",
    breaks=breaking.replaced('"', ""),
)
def quotes(text: str) -> Finding:
    """Straight marks only: an apostrophe opens or closes a level, too, as in the public checker."""
    stack: list[str] = []
    deepest = 0
    for mark in text:
        if mark not in "\"'":
            continue
        if stack and stack[-1] == mark:
            stack.pop()
            if deepest - len(stack) >= QUOTE_DEPTH:
                return Finding(True, f"{deepest} levels")
        else:
            stack.append(mark)
            deepest = max(deepest, len(stack))
    return Finding(False, f"{deepest} levels, none of them closed three times" if deepest >= 3 else f"{deepest} levels")


def _options(options: str) -> tuple[list[str], bool]:
    """The options, and whether they are letters like a), b), c), which have to be given exactly."""
    letters = re.match(r"\W{0,5}[aA]\W{0,5}[bB]\W{0,5}[cC]", options) is not None
    separator = "/" if "/" in options else "or" if "or" in options else ","
    return [option.strip() for option in options.split(separator)], letters


@check(
    "format:options",
    options=TEXT,
    says="Answer with one of the following options: {options}. Do not give any explanation.",
    breaks=breaking.with_end(" because it is\nso\nand so"),
)
def options(text: str, options: str) -> Finding:
    allowed, letters = _options(options)
    if letters:
        return Finding(text in allowed, quoted(text[:60]))
    return Finding(
        stripped(text).lower() in {stripped(option).lower() for option in allowed}, quoted(text.strip()[:60])
    )


@check(
    "format:newline",
    says="Write each word on a new line.",
    breaks=breaking.with_end(" two words\nthree more words\nand so"),
)
def newline(text: str) -> Finding:
    text = bare(text).strip()
    lines, words = [line for line in text.split("\n") if line], text.split()
    return Finding(len(lines) == len(words), f"{len(words)} words on {len(lines)} lines")


def _bare_last(sentence: str) -> str:
    return bare(sentence).strip()


@check(
    "format:emoji",
    says="Please use an emoji at the end of every sentence.",
    breaks=breaking.with_end(" No picture here."),
)
def emoji(text: str) -> Finding:
    """The emoji may stand before or after the stop; after it, a splitter sees it at the next sentence's beginning."""
    found = [_bare_last(sentence) for sentence in sentences(text)]
    for place, sentence in enumerate(found):
        if not sentence:
            return Finding(False, "a sentence of punctuation")
        if any(map(is_emoji, sentence[-2:])):
            continue
        following = found[place + 1][:1] if place + 1 < len(found) else ""
        if not (following and is_emoji(following)):
            return Finding(False, f"none after {quoted(sentence[-60:])}")
    return Finding(True, "all of them")


@check(
    "format:line_indent",
    says="Create stairs by incrementally indenting each new line.",
    breaks=breaking.with_end("\nnot indented\nat all"),
)
def line_indent(text: str) -> Finding:
    """Spaces make the stairs. Empty lines do not count (the public checker forgets every second one)."""
    indents = [len(line) - len(line.lstrip(" ")) for line in text.split("\n") if line.strip()]
    return Finding(all(one < two for one, two in pairwise(indents)), f"indents of {indents[:20]} spaces")


@check(
    "format:quote_unquote",
    breaks=breaking.with_end(' "a last quote"'),
    says="Every quoted phrase must be followed by an unquoted explanation.",
)
def quote_unquote(text: str) -> Finding:
    """No quote directly after another, none at the end. A text without quotes passes, as in the public checker."""
    text = "".join(text.replace("“", '"').replace("”", '"').replace("'\"'", "").split())
    if '""' in text:
        return Finding(False, "a quote directly after another")
    rest = text.strip(string.digits + string.punctuation.replace('"', ""))
    return Finding(not rest.endswith('"'), "a quote at the end" if rest.endswith('"') else "all of them")


def _other_separator(text: str, sep: str) -> Iterator[str]:
    yield text.replace(sep, "•")


@check(
    "format:list",
    sep=TEXT,
    says="Answer with a list of items; instead of bullet points use {sep}.",
    breaks=_other_separator,
)
def separated_list(text: str, sep: str) -> Finding:
    count = text.count(sep)
    return Finding(count >= 2, f"{count} times {quoted(sep)}")


@check(
    "format:thesis",
    says="Each section must begin with a thesis statement in italics; use HTML to indicate the italics.",
    breaks=breaking.either(breaking.replaced("</i>", ""), breaking.replaced("</em>", "")),
)
def thesis(text: str) -> Finding:
    """One thesis is enough, as in the public checker; it needs text inside and after it."""
    start = text.find("<i>") if "<i>" in text else text.find("<em>")
    if start < 0:
        return Finding(False, "no <i> or <em>")
    end = text.find("</i>", start) if "</i>" in text[start:] else text.find("</em>", start)
    if end < 0:
        return Finding(False, "no end of the italics")
    inside, behind = text[start + 3 : end], text[end + 4 :]
    return Finding(bool(inside.strip() and behind.strip()), f"{quoted(inside[:60])} in italics")


@check(
    "format:sub-bullets",
    says="Your response must include bullet points denoted by * and at least one sub-bullet point denoted by - for "
    "each bullet point.",
    breaks=breaking.with_end("\n* One more.\n* And another."),
)
def sub_bullets(text: str) -> Finding:
    """A text without any asterisk passes, as in the public checker."""
    for bullet in text.split("*")[1:]:
        if "-" not in bullet:
            return Finding(False, f"no - under {quoted(bullet.strip()[:60])}")
    return Finding(True, "all of them")


@check(
    "format:no_bullets_bullets",
    says="Your answer must contain at least two sentences ending in a period followed by at least two bullet points "
    "denoted by *.",
    breaks=breaking.with_end("\nNo bullet.\nNone."),
)
def no_bullets_bullets(text: str) -> Finding:
    """Nothing but bullets may follow the first one. An empty line ends the sentences (as in the public checker)."""
    in_sentences, stated, bullets = True, 0, 0
    for line in text.split("\n"):
        if line.strip().startswith("*"):
            in_sentences = False
            if stated < 2:
                return Finding(False, f"{stated} sentences before the first bullet point")
            bullets += 1
        elif in_sentences:
            found = len(sentences(line))
            in_sentences = found > 0
            stated += found
        else:
            return Finding(False, f"{quoted(line[:60])} after the sentences")
    return Finding(bullets >= 2, f"{stated} sentences, {bullets} bullet points")


@check(
    "format:title_case",
    says="Write the entire response in title case (capitalize the first letter of every major word).",
    breaks=breaking.with_words("and so forth"),
)
def title_case(text: str) -> Finding:
    """Every word of more than one letter, minor ones included, as in the public checker. iPhone and ABC pass."""
    for word in treebank(text):
        if not word[0].isalpha() or not word[0].islower():
            continue
        rest = word[1:]
        if not rest or rest.isupper() or rest.islower():
            return Finding(False, quoted(word))
    return Finding(True, "all of them")


@check(
    "format:output_template",
    says="Use this exact template for your response: My Answer: [answer] My Conclusion: [conclusion] Future Outlook: "
    "[outlook].",
    breaks=breaking.replaced("My Conclusion:", "Conclusion"),
)
def output_template(text: str) -> Finding:
    missing = [part for part in TEMPLATE if part not in text]
    return Finding(not missing, f"{quoted(missing[0])} missing" if missing else "all parts")


@check("format:no_whitespace", says="The output should not contain any whitespace.", breaks=breaking.with_mark(" "))
def no_whitespace(text: str) -> Finding:
    spaces = sum(map(str.isspace, text))
    return Finding(not spaces, f"{spaces} white spaces")
