"""The tool `Numeric`: is the final number within a tolerance of the gold number?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from rlar.errors import InputError
from rlar.tools.base import RuleTool
from rlar.tools.final_answer import Claim, claims, echoes, said
from rlar.tools.math.answer import answer_form
from rlar.tools.numbers import Number, read_number
from rlar.tools.reference import golds, shape_of
from rlar.tools.units import asked_unit, ratio
from rlar.types import Kind, Mark, Query, Response


@dataclass(frozen=True, slots=True)
class _Prepared:
    golds: tuple[Number, ...]
    relative: Fraction
    absolute: Fraction
    percent: bool  # the question asks for a percentage
    unit: str  # canonical unit that the question asks for, "" if none is known


class Numeric(RuleTool):
    """Right (1) or wrong (0): |answer - gold| <= max(absolute, relative * |gold|), in exact arithmetic.

    rel_tol, abs_tol: the tolerances, at least 0; `extra["tolerance"]` of a query overrules them: a number is absolute,
    {"rel": ..., "abs": ...} says which. Units that contradict the gold's are converted, percent signs read by the
    question. NaN, infinities and unfinished sums are wrong; of several numbers, the one that is stated as the answer
    counts, and several stated side by side are wrong.
    """

    def __init__(self, rel_tol: float = 1e-6, abs_tol: float = 0.0) -> None:
        for name, value in (("rel_tol", rel_tol), ("abs_tol", abs_tol)):
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be finite and at least 0, but is {value!r}")
        self.rel_tol, self.abs_tol = rel_tol, abs_tol
        self.describe(
            config={"rel_tol": rel_tol, "abs_tol": abs_tol},
            name="numeric",
            kind=Kind.VERIFIER,
            about="the final number is within the tolerance of the gold number",
            suits=("math", "reasoning", "knowledge"),
            needs=("reference:number",),
            line=0.5,
        )

    def fits(self, query: Query) -> bool:
        kind = shape_of(query).kind  # "120 minutes" is a span, and a number
        return kind == "number" or (kind == "span" and all(read_number(gold) for gold in golds(query)))

    def prepare(self, query: Query) -> _Prepared:
        relative, absolute = self._tolerances(query)
        found = tuple(n for gold in golds(query) if (n := read_number(gold)) is not None)
        question = query.question
        percent = "%" in question or "percent" in question.lower()
        return _Prepared(found, relative, absolute, percent, asked_unit(question))

    def _tolerances(self, query: Query) -> tuple[Fraction, Fraction]:
        """(relative, absolute). Raises InputError for a tolerance that is no number: then the row is broken."""
        given = query.extra.get("tolerance")
        if given is None:
            return Fraction(str(self.rel_tol)), Fraction(str(self.abs_tol))
        pair = (given.get("rel", 0), given.get("abs", 0)) if isinstance(given, Mapping) else (0, given)
        try:
            relative, absolute = (Fraction(str(x)) for x in pair)
        except (ValueError, ZeroDivisionError) as e:
            raise InputError(f"extra['tolerance'] must be a number or {{'rel': ..., 'abs': ...}}, got {given!r}") from e
        if relative < 0 or absolute < 0:
            raise InputError(f"extra['tolerance'] must be at least 0, got {given!r}")
        return relative, absolute

    def rate(self, response: Response, query: Query, prepared: _Prepared) -> Mark:
        decimal = any(n.value.denominator != 1 for n in prepared.golds)
        text = said(response)
        for claim in claims(text) if not echoes(text, query.question) else []:
            numbers = stated_numbers(claim, comma_decimal=decimal)
            if not numbers:
                continue
            if len({n.value for n in numbers}) > 1:
                return Mark(0.0, "states several numbers")
            right = any(self._close(gold, numbers[0], prepared) for gold in prepared.golds)
            return Mark(1.0 if right else 0.0, f"states {_shown(numbers[0])}")
        return Mark(0.0, "states no number")

    def _close(self, gold: Number, number: Number, prepared: _Prepared) -> bool:
        value, target = number.value, gold.unit or prepared.unit
        if number.unit and target and (scale := ratio(number.unit, target)) is not None:
            value *= scale
        pairs = [(gold.value, value)]
        if gold.percent != number.percent:
            shares = (gold.share, value / 100 if number.percent else value)
            pairs = [(gold.value, value)] if prepared.percent else [shares]
        return any(abs(x - g) <= max(prepared.absolute, prepared.relative * abs(g)) for g, x in pairs)


def stated_numbers(claim: Claim, *, comma_decimal: bool = False) -> list[Number]:
    """The number that a claim states, or the several that it puts side by side ("18 or 20"); [] if it states none."""
    form = answer_form(claim, several=False, number=True, comma_decimal=comma_decimal)
    if form is None:
        return []
    if form.number is not None:
        return [form.number]
    return [item.number for item in form.items if item.number is not None] if form.items else []


def _shown(number: Number) -> str:
    text = str(number.value)
    return (text if len(text) <= 40 else text[:40] + "...") + ("%" if number.percent else "")
