"""The tool `Choice`: did the response commit to the right option, by its letter or by its text in full?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rlar.tools.base import RuleTool
from rlar.tools.final_answer import Claim, claims, echoes, said
from rlar.tools.math.form import key_of
from rlar.tools.numbers import read_number, undressed
from rlar.tools.reference import choices_of, golds, read_shape, shape_of
from rlar.types import Kind, Mark, Query, Response

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")


@dataclass(frozen=True, slots=True)
class _Prepared:
    options: Mapping[str, str]  # label -> text as the row or the prompt gives it; empty where it is not known
    keys: Mapping[str, str]  # normalised text of an option -> its label; texts that two options share are left out
    allowed: frozenset[str]  # labels that may be claimed
    accepted: tuple[frozenset[str], ...]  # each right answer, as the labels it names


class Choice(RuleTool):
    """Right (1) or wrong (0): the last option that the response commits to is the gold one (or the gold set of them).

    Understood: "(C)", "**C**", "C.", "C) text", "Answer: C", "option C", a boxed "C", "CCCCC", and an option's text
    in full. Several different options claimed at once are wrong, unless the gold names several. A letter counts only if
    it is one of the options; a part of an option's text never counts.
    """

    def __init__(self) -> None:
        self.describe(
            name="choice",
            kind=Kind.VERIFIER,
            about="the response commits to the right option",
            suits=("knowledge", "reasoning", "math"),
            needs=("reference:choice",),
            line=0.5,
        )

    def fits(self, query: Query) -> bool:
        if shape_of(query).kind == "choice" or str(query.reference) in choices_of(query.extra):
            return True
        gold = str(query.reference).strip(" ().").upper()
        return gold in _ROMAN and gold in options_of(query.question)

    def prepare(self, query: Query) -> _Prepared:
        options = choices_of(query.extra) or options_of(query.question)
        accepted = []
        for gold in golds(query):
            shape = read_shape(gold, query.question, query.extra)
            label = gold.strip(" ().") if gold.strip(" ().") in options else gold.strip(" ().").upper()
            if label in options:
                accepted.append(frozenset([label]))
            elif shape.kind == "choice":
                accepted.append(frozenset(str(shape.value)))
        if not accepted:  # the place of an option, or a value that only the shape could read
            accepted = [frozenset(str(shape_of(query).value))]
        keys: dict[str, str] = {}
        for label, text in options.items():
            key = _key(text)
            keys[key] = "" if key in keys else label
        allowed = frozenset(options) | frozenset().union(*accepted) if options else frozenset(_LETTERS[:10])
        return _Prepared(options, {k: v for k, v in keys.items() if k and v}, allowed, tuple(accepted))

    def rate(self, response: Response, query: Query, prepared: _Prepared) -> Mark:
        text = said(response)
        found = claims(text) if not echoes(text, query.question) else []
        several = any(len(labels) > 1 for labels in prepared.accepted)
        for claim in found:
            labels = read_choice(claim, prepared.options, prepared.keys, prepared.allowed, several=several)
            if labels:
                if not several and len(labels) == 1 and (other := _claimed_beside(text, labels, prepared.allowed)):
                    labels |= other
                value = 1.0 if labels in prepared.accepted else 0.0
                return Mark(value, f"claims {' and '.join(sorted(labels))}")
        return Mark(0.0, "commits to no option" if found else "no answer is stated")


# -- options of a prompt -----------------------------------------------------------------------------------------------

_MARKER = re.compile(r"(?:^|(?<=[\s\[{(*]))\(?(?P<label>[A-J])(?:\)|\.(?=\s)|:(?=\s)|\](?=\s))\**\s{0,3}", re.M)


_ROMAN_MARKER = re.compile(r"(?:^|(?<=\s))\((?P<label>[ivxIVX]{1,4})\)\s{0,3}", re.M)


def options_of(prompt: str) -> dict[str, str]:
    """{"A": text, ...} of the options that a prompt lays out in order; {} if there are fewer than two.

    Labels are letters from A on, or roman numbers from I on (in capitals here, however the prompt has them).
    """
    prompt = prompt[-12_000:]
    best = _last_run([(m["label"], m.start(), m.end()) for m in _MARKER.finditer(prompt)], _LETTERS)
    if not best:
        best = _last_run([(m["label"].upper(), m.start(), m.end()) for m in _ROMAN_MARKER.finditer(prompt)], _ROMAN)
    options = {}
    for i, (label, _, end) in enumerate(best):
        last = i + 1 == len(best)
        text = prompt[end : end + 2000 if last else best[i + 1][1]]
        options[label] = (text.split("\n")[0] if last else text).strip(" \n\t,;")
    return options


def _last_run(markers: Sequence[tuple[str, int, int]], labels: Sequence[str]) -> list[tuple[str, int, int]]:
    """The last of the longest runs of markers with the labels in order: few-shot examples come first."""
    best: list[tuple[str, int, int]] = []
    for i, marker in enumerate(markers):
        if marker[0] != labels[0]:
            continue
        run = [marker]
        for other in markers[i + 1 :]:
            if len(run) < len(labels) and other[0] == labels[len(run)]:
                run.append(other)
            elif other[0] == labels[0]:
                break
        if len(run) > 1 and len(run) >= len(best):
            best = run
    return best


def _key(text: str) -> str:
    """An option's text without what does not matter: dressing, case, punctuation at its end, spacing."""
    text = undressed(text.strip().strip("()[]").strip() if text.count("(") != text.count(")") else text)
    number = read_number(text)
    if number is not None and not number.unit:
        return f"#{number.value}{'%' if number.percent else ''}"
    return (
        " ".join(key_of(text).casefold().split())
        if "\\" in text
        else re.sub(r"[\s.,;:!?'\"]+", " ", text.casefold()).strip()
    )


# -- reading a commitment ----------------------------------------------------------------------------------------------

_ALONE = re.compile(
    r"(?:(?:the )?(?:correct |right |best )?(?:option|choice|answer|letter|alternative)(?: is)?\s?:?\s?)?"
    r"[(\[]?\s?(?P<label>[A-Za-z]|[IVX]{1,4}|\d{1,2})\s?[)\]]?[.:,]?",
    re.I,
)
_WITH_TEXT = re.compile(
    r"(?:(?:option|choice|answer|letter)\s?:?\s?)?[(\[]?(?P<label>[A-Z])(?:[)\].:]|\s?[-–]\s|\*\*)\s?(?P<text>.*)", re.S
)
_REPEATED = re.compile(r"([A-J])\1{1,9}")
_SEVERAL = re.compile(
    r"[(\[]?(?:option|choice)?s?\s?[A-J][)\]]?(?:\s?(?:,|;|/|&|\band\b|\bor\b|,\s?and|,\s?or)\s?[(\[]?[A-J][)\]]?){1,9}",
    re.I,
)
_MENTION = re.compile(
    r"\((?P<a>[A-J])\)|\*\*\(?(?P<b>[A-J])\)?[.):]?(?:\*\*|\s)|\b(?:option|choice|answer|letter|alternative)\s+\(?(?P<c>[A-J])\b\)?"
    r"|\\(?:text|mathrm|textbf|mathbf)\s?\{\s?\(?(?P<d>[A-J])\)?\s?\}|(?<![\w'’$\\{(*.-])(?P<e>[B-HJ])(?![\w'’(])|(?<![\w'’$\\{(*-])(?P<f>A)(?=[.):]|\s?$|\")"
    r"|\$(?P<g>[A-J])\$",
)
_DENIED = re.compile(
    r"\s{0,3}(?:is|are|was|would be|seems?|can be)\s{1,3}(?:\w+\s)?"
    r"(?:not\b|n't|in?correct|wrong|false|ruled out|eliminated|excluded|impossible)|\s{0,3}(?:isn't|cannot)",
    re.I,
)
_DENIED_BEFORE = re.compile(
    r"(?:\bnot|n't|rather than|instead of|unlike|rule out|eliminate|exclude)\s{1,3}(?:option |choice |answer )?\(?$",
    re.I,
)


def read_choice(
    claim: Claim, options: Mapping[str, str], keys: Mapping[str, str], allowed: frozenset[str], *, several: bool = False
) -> frozenset[str]:
    """The labels of the options that a claim names; empty if it names none of the `allowed` ones.

    several: "ACD" and boxes that stand together are one answer with several options.
    """
    if len(claim.boxes) > 1:
        named = [read_choice(Claim(box, "box"), options, keys, allowed, several=several) for box in claim.boxes]
        return frozenset().union(*named) if several or claim.joined else named[-1]
    text = undressed(claim.text).strip()
    if not text:
        return frozenset()
    if (m := _ALONE.fullmatch(text)) and m["label"].upper() in allowed:
        return frozenset([m["label"].upper()])
    if m := _REPEATED.fullmatch(text):
        return frozenset(m[1]) & allowed
    if same := keys.get(_key(text)):
        return frozenset([same])
    if (_SEVERAL.fullmatch(text) or (several and re.fullmatch(r"[A-J]{2,10}", text))) and (
        found := frozenset(re.findall(r"(?<![a-z])[A-J](?![a-z])|(?<=[A-J])[A-J]", text))
    ):
        return found & allowed
    if (m := _WITH_TEXT.fullmatch(text)) and m["label"] in allowed and not _mentions(m["text"], allowed) - {m["label"]}:
        return frozenset([m["label"]])
    mentioned = _mentions(claim.text, allowed)
    if mentioned or not claim.explicit:
        return mentioned
    return _by_text(text, options)


def _mentions(text: str, allowed: frozenset[str]) -> frozenset[str]:
    """The labels that a sentence speaks of as right: those it denies are left out."""
    found = set()
    for m in _MENTION.finditer(text + " "):
        label = next(g for g in m.groups() if g)
        if (
            label in allowed
            and not _DENIED.match(text, m.end())
            and not _DENIED_BEFORE.search(text[max(0, m.start() - 40) : m.start()])
        ):
            found.add(label)
    return frozenset(found)


def _by_text(text: str, options: Mapping[str, str]) -> frozenset[str]:
    """The one option whose whole text stands in the claim as words; the longest, where one text holds another."""
    claim = f" {_words(text)} "
    named = {
        label: words for label, option in options.items() if len(words := _words(option)) > 1 and f" {words} " in claim
    }
    longest = max(named.values(), key=len, default="")
    kept = [label for label, words in named.items() if words == longest or f" {words} " not in f" {longest} "]
    return frozenset(kept)


def _words(text: str) -> str:
    return " ".join(re.findall(r"[\w%.$^\\{}/+-]+", undressed(text).casefold().rstrip(".")))


_CLAIMED = re.compile(r"\banswer\s?(?:is|:)\s?(?:\$?\\boxed\{)?\**\(?(?P<label>[A-J])\)?(?![\w'’])", re.I)


def _claimed_beside(text: str, labels: frozenset[str], allowed: frozenset[str]) -> frozenset[str]:
    """Other labels that are claimed right before the last one, with nothing said in between: an enumeration."""
    found = [(m.start(), m.end(), m["label"].upper()) for m in _CLAIMED.finditer(text[-600:])]
    other: set[str] = set()
    for before, after in zip(found[-2::-1], found[:0:-1], strict=False):
        between = text[-600:][before[1] : after[0]]
        if len(between.strip()) > 25 or re.search(r"wait|actually|sorry|correct|mistake|no,", between, re.I):
            break
        other |= {before[2]} & allowed
    return frozenset(other - labels)
