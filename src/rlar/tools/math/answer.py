r"""From what a response claims to the one formula that is compared: "so he has $18$ apples" is "18".

Exactly one candidate leaves here, so that a response cannot be right by claiming much. Where a claim holds several
values side by side ("18 or 20") it stays several, and is wrong for a gold of one value.
"""

from __future__ import annotations

import re

from rlar.tools.final_answer import Claim
from rlar.tools.math.form import Form, read_form, split_top
from rlar.tools.number_words import spoken_number
from rlar.tools.numbers import numbers_in
from rlar.tools.units import SYMBOLS, known_unit

_FORMULA = re.compile(
    r"\$\$(.{1,1000}?)\$\$|\\\[(.{1,1000}?)\\\]|\\\((.{1,1000}?)\\\)|(?<!\\)\$((?:\\\$|[^$\n]){1,600})\$", re.S
)
_HEDGE = re.compile(
    r"[\s$\\().*]{0,6}(?:(?:\s[^\W\d]{1,20}){0,3},?\s?\b(?:or|and|vs\.?|versus|maybe|perhaps|possibly)\b|/|,|;|:|\bto\b|\s"
    r"|\\text\s?\{\s?or\s?\})(?:\s?(?:maybe|perhaps|possibly|even))?[\s$\\()*]{0,6}",
    re.I,
)
_PLAIN_FORMULA = re.compile(r"[-+(\[{]?[\w.\\π√∞]+(?:\s?[-+*/^=<>≤≥(),.\[\]{}|∪!]+\s?[\w.\\π√∞]*){1,40}")
_BARE_WORD = re.compile(r"[A-Za-z]{2,}")
_SENTENCES = ("closing", "output", "whole")  # unmarked: what comes last is what is concluded
_UNKNOWN = re.compile(r"(?<![A-Za-z])[A-Za-z](?![A-Za-z(])")
_COMMAND = re.compile(r"\\(?:begin|end)\{[a-z*]+\}|\\[a-zA-Z]+")
_BOLD = re.compile(r"(?<![\w)}])\*\*(?=\S)([^*\n]{1,400}?)(?<=\S)\*\*(?![\w({])")
_DENIED = re.compile(
    r"(?:\b(?:not|never|cannot|no longer|at least|at most|between|under|over|above|below|except)|n't|不是|不|"
    r"\b(?:greater|less|more|fewer|smaller|larger|bigger|higher|lower|other|rather) than)"
    r"\s{0,3}(?:equal to |equal |be |is )?[\s$\\(]{0,6}$",
    re.I,
)
_OPERATES = re.compile(  # what makes of a number before it something else
    r"\s{0,3}(?:(?:\\text\s?\{\s{0,2})?(?:squared|cubed|factorial|times|plus|minus|divided|multiplied|choose"
    r"|mod|to the|at least|at most|and (?:up|above)|or (?:more|less|fewer|so|above|below|higher|lower|greater))\b"
    r"|\\(?!text|mathrm|mbox|circ|degree|%|,|;|!|\)|\]|quad|approx| ))|_",
    re.I,
)
_GLUED = re.compile(r"[A-Za-z]{1,20}")
_CALC = re.compile(r"<<[^<>]{0,200}>>")


def answer_form(claim: Claim, *, several: bool, number: bool, comma_decimal: bool) -> Form | None:
    """The form of the claimed answer; None if the claim holds no answer of that kind.

    several: the gold is a list, set or the like, so that boxes that stand together are one answer.
    number: the gold is a number. comma_decimal: "1,5" may be one and a half.
    """
    if claim.how == "box" and len(claim.boxes) > 1:
        if several:
            return read_form(", ".join(claim.boxes), comma_decimal=comma_decimal)
        if claim.joined and len(set(claim.boxes)) > 1:
            return read_form(", ".join(claim.boxes))  # "\boxed{18} or \boxed{20}": two claims
    text = claim.text
    if claim.how == "output":
        text = text.rstrip().rpartition("\n")[2]
    text = _CALC.sub("", text) if "<<" in text else text
    text = _BOLD.sub(r"\1", text) if "**" in text else text
    form = read_form(text, comma_decimal=comma_decimal)
    if number and form.equation and (side := _number_side(form, comma_decimal)):
        return side
    if form.number is not None or (claim.how in ("box", "hash", "tag", "restated") and not _wordy(form)):
        return form
    if number:
        return _number_in(text, claim, form, comma_decimal)
    return _formula_in(text, claim, form)


def _number_side(form: Form, comma_decimal: bool) -> Form | None:
    """The side of a calculation that is a number, the last one first: "6 * 8 = 48" and "48 = 6 * 8" state 48.

    None for an equation with an unknown: "7 + x = 3" states no 3.
    """
    sides = split_top(form.text, "=")
    for i in range(len(sides) - 1, -1, -1):
        read = read_form(sides[i], comma_decimal=comma_decimal)
        if read.number is not None:
            others = _COMMAND.sub("", " ".join(sides[:i] + sides[i + 1 :]))
            return None if _UNKNOWN.search(others) else read
    return None


def _wordy(form: Form) -> bool:
    """A sentence rather than a formula: it has to be searched for its value."""
    return len(form.text.split()) > 2 and len(_BARE_WORD.findall(_COMMAND.sub("", form.text))) > 1


def _number_in(text: str, claim: Claim, form: Form, comma_decimal: bool) -> Form | None:
    """The one number that a sentence states: the first of a marked answer, the last of a closing sentence."""
    formulas = list(_FORMULA.finditer(text))
    pieces: list[tuple[int, int, Form]] = []
    for m in formulas:
        inner = next(g for g in m.groups() if g)
        if any(c.isdigit() for c in inner):
            piece = read_form(inner, comma_decimal=comma_decimal)
            if piece.equation and (side := _number_side(piece, comma_decimal)):
                piece = side
            pieces.append((m.start(), m.end(), piece))
    plain = text
    for m in formulas:
        plain = plain[: m.start()] + " " * (m.end() - m.start()) + plain[m.end() :]
    plain = _last_side(plain) if not formulas else plain
    offset = len(text) - len(plain)
    for start, end, number in numbers_in(plain, comma_decimal=comma_decimal):
        form_of = Form(plain[start:end], plain[start:end].strip(), number)
        if _operated(plain, start, end):
            form_of = Form(plain, "…")  # a piece of unfinished work is no answer
        pieces.append((start + offset, end + offset, form_of))
    pieces = [piece for piece in pieces if not _DENIED.search(text[max(0, piece[0] - 40) : piece[0]])]
    if not pieces:
        if spoken_number(form.text) is not None:
            return form
        return form if form.key and not _wordy(form) and not any(c.isdigit() for c in form.key) else None
    pieces.sort(key=lambda piece: piece[0])
    return _chosen(pieces, text, last=claim.how in _SENTENCES)


def _last_side(text: str) -> str:
    """What stands behind the last "=", where that has a number."""
    for sign in ("=", "≈"):
        if sign in text:
            after = text.rpartition(sign)[2]
            if any(c.isdigit() for c in after[:40]):
                text = after
    return text


def _operated(text: str, start: int, end: int) -> bool:
    """Whether an operator ties the number to another one: "5 + 7", "3 × 4", "5!"."""
    after, before = text[end : end + 4].lstrip(), text[max(0, start - 4) : start].rstrip()
    if text[start] in "+-" and text[:start].rstrip()[-1:].isdigit():
        return True  # the sign is an operator
    glued = _GLUED.match(text, end)
    if glued and len(glued[0]) < 4 and glued[0] not in SYMBOLS and known_unit(glued[0]) is None:
        return True  # "5x", "18th"
    if (
        _OPERATES.match(text, end)
        or after[:1] in ("+", "*", "×", "^", "!", "÷")
        or (after[:1] in ("-", "/") and after[1:].strip()[:1].isdigit())
    ):
        return True
    return before[-1:] in ("+", "*", "×", "^", "÷") or (
        before[-1:] in ("-", "/") and before[:-1].strip()[-1:].isdigit()
    )


def _chosen(pieces: list[tuple[int, int, Form]], text: str, *, last: bool) -> Form:
    """One piece, or a form of several where pieces stand side by side as alternatives."""
    at = len(pieces) - 1 if last else 0
    group = [pieces[at][2]]
    low = high = at
    while high + 1 < len(pieces) and _side_by_side(pieces[high], pieces[high + 1], text):
        high += 1
        group.append(pieces[high][2])
    while low > 0 and _side_by_side(pieces[low - 1], pieces[low], text):
        low -= 1
        group.insert(0, pieces[low][2])
    if len({form.key for form in group}) > 1:
        return Form(text, "…", None, tuple(group))
    return group[0]


def _side_by_side(one: tuple[int, int, Form], other: tuple[int, int, Form], text: str) -> bool:
    return _HEDGE.fullmatch(text[one[1] : other[0]]) is not None


def _formula_in(text: str, claim: Claim, form: Form) -> Form | None:
    """The formula that a sentence states, in LaTeX delimiters or plain; the whole claim if it is a formula."""
    formulas = list(_FORMULA.finditer(text))
    if formulas:
        pieces = [(m.start(), m.end(), read_form(next(g for g in m.groups() if g))) for m in formulas]
        if (
            claim.how in _SENTENCES
            and len(pieces) > 1
            and len(pieces[-1][2].key) == 1
            and text[pieces[-1][0] - 3 : pieces[-1][0]] == "of "
        ):
            pieces.pop()  # "... for all values of $x$"
        at = len(pieces) - 1 if claim.how in _SENTENCES else _first_telling(pieces)
        if len(pieces) == 1 and not any(c.isalpha() for c in _FORMULA.sub("", text)):
            return form
        group, high, low = [pieces[at][2]], at, at
        while high + 1 < len(pieces) and _side_by_side(pieces[high], pieces[high + 1], text):
            high += 1
            group.append(pieces[high][2])
        while low > 0 and _side_by_side(pieces[low - 1], pieces[low], text):
            low -= 1
            group.insert(0, pieces[low][2])
        if len(group) > 1:
            return read_form(", ".join(f"({g.text})" if g.items and not g.brackets else _as_text(g) for g in group))
        return group[0]
    if form.words or not _wordy(form):
        return form
    plain = [m[0] for m in _PLAIN_FORMULA.finditer(text) if not _BARE_WORD.fullmatch(m[0].strip("., "))]
    if plain:
        return read_form((plain[-1] if claim.how in _SENTENCES else plain[0]).strip(" .,"))
    return form


def _as_text(form: Form) -> str:
    return f"{form.name} = {form.text}" if form.name and form.name != "…" else form.text


def _first_telling(pieces: list[tuple[int, int, Form]]) -> int:
    """The first formula that is more than the name of an unknown."""
    return next((i for i, piece in enumerate(pieces) if len(piece[2].key) > 1 or piece[2].number is not None), 0)
