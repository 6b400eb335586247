r"""Intervals, unions and inequalities as one thing: "x < 1 or x \ge 3" is "(-\infty,1) \cup [3,\infty)"."""

from __future__ import annotations

import re
from typing import NamedTuple

from rlar.tools.math.form import Form, enclosed, key_of, read_form, split_top


class Piece(NamedTuple):
    """One interval of the real line; a single point has start == end and is closed."""

    start: Form
    end: Form
    left_open: bool
    right_open: bool


_CUP = re.compile(r"\\cup(?![a-z])|∪|(?<=[\])])\s?U\s?(?=[\[(])")
_OR = re.compile(r"\\text\s?\{\s?,?\s?or\s?\}|(?<![a-zA-Z])or(?![a-zA-Z])|\\lor|\\vee|∨|,")
_OPERATOR = re.compile(r"[<>≤≥]")
_UNKNOWN = re.compile(r"[a-zA-Z]|\\(?!infty|pi)[a-z]+|[a-zA-Z]\([a-zA-Z]\)")
_MOST = 12


def intervals_of(form: Form) -> tuple[Piece, ...]:
    """The intervals that an answer is, () if it is something else: a formula, words, an equation."""
    text = form.text
    if form.items and form.brackets in ("()", "[)", "(]", "[]") and len(form.items) == 2:
        return (Piece(form.items[0], form.items[1], form.brackets[0] == "(", form.brackets[1] == ")"),)
    parts = _CUP.split(text)
    if len(parts) > 1:
        return _union(parts)
    if form.items and not form.brackets and all(item.brackets in ("()", "[)", "(]", "[]") for item in form.items):
        return _union([item.text for item in form.items])
    return _inequalities(text) if form.equation else ()


def _union(parts: list[str]) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    for part in parts[: _MOST + 1]:
        found = enclosed(part.strip())
        if found is None:
            return ()
        brackets, inside = found
        ends = [read_form(end) for end in split_top(inside)]
        if brackets == "{}":
            pieces += [Piece(end, end, False, False) for end in ends]
        elif len(ends) == 2:
            pieces.append(Piece(ends[0], ends[1], brackets[0] == "(", brackets[1] == ")"))
        else:
            return ()
    return tuple(pieces) if len(pieces) <= _MOST else ()


def _inequalities(text: str) -> tuple[Piece, ...]:
    pieces = []
    for part in _OR.split(text)[: _MOST + 1]:
        key = key_of(part)
        operators = _OPERATOR.findall(key)
        sides = _OPERATOR.split(key)
        if not 1 <= len(operators) <= 2 or not all(sides):
            return ()
        piece = _one_sided(sides, operators[0]) if len(operators) == 1 else _two_sided(sides, operators)
        if piece is None:
            return ()
        pieces.append(piece)
    return tuple(pieces)


def _one_sided(sides: list[str], operator: str) -> Piece | None:
    left, right = sides
    if _UNKNOWN.fullmatch(right) and not _UNKNOWN.fullmatch(left):
        left, right = right, left
        operator = {"<": ">", ">": "<", "≤": "≥", "≥": "≤"}[operator]
    if not _UNKNOWN.fullmatch(left):
        return None
    strict = operator in "<>"
    if operator in ("<", "≤"):
        return Piece(read_form("-\\infty"), read_form(right), True, strict)
    return Piece(read_form(right), read_form("\\infty"), strict, True)


def _two_sided(sides: list[str], operators: list[str]) -> Piece | None:
    if not _UNKNOWN.fullmatch(sides[1]):
        return None
    rising = all(op in ("<", "≤") for op in operators)
    if not rising and not all(op in (">", "≥") for op in operators):
        return None
    low, high = (sides[0], sides[2]) if rising else (sides[2], sides[0])
    opens = (operators[0] == "<", operators[1] == "<") if rising else (operators[1] == ">", operators[0] == ">")
    return Piece(read_form(low), read_form(high), *opens)
