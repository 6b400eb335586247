"""The tool: a response is right if it follows the query's checkable instructions."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from rlar.errors import InputError
from rlar.tools.base import RuleTool
from rlar.tools.constraints.check import Check
from rlar.tools.constraints.registry import CHECKS, find
from rlar.types import Constraint, Kind, Mark, Query, Response, content_key

CREDITS = ("strict", "share")


class Asked(NamedTuple):
    """One instruction of a query, ready to be checked. term: its name in Mark.terms. words: as people are told."""

    term: str
    check: Check
    values: dict[str, Any]
    words: str


class Instructions(RuleTool):
    """1.0 if a response follows all instructions in `query.constraints`.

    credit: "strict" for all or nothing, "share" for the fraction followed. loose: also accept what follows without its
    first or last line, or without asterisks (IFEval's loose evaluation).
    Mark.terms holds one 0 or 1 per instruction, named by its place and id; Mark.why says what was asked and found for
    those not followed.
    """

    def __init__(self, credit: str = "strict", loose: bool = False) -> None:
        if credit not in CREDITS:
            raise InputError(f"credit is one of {', '.join(CREDITS)}, not {credit!r}")
        self.credit = credit
        self.loose = loose
        self.describe(
            config={"credit": credit, "loose": loose},
            libraries=("py3langid",),
            name="instructions",
            kind=Kind.VERIFIER,
            about="follows the checkable instructions (IFEval, IFEvalG, IFBench, M-IFEval)",
            suits=("instruction_following",),
            needs=("constraints",),
            line=0.5,
            timeout_s=10.0,  # a megabyte of short sentences takes 2 s for the slowest check
        )
        # The card's version has to change with the checks, which are in other modules than this one.
        version = content_key([self.card.version, _source()])[:12]
        self.card = dataclasses.replace(self.card, version=version)

    def fits(self, query: Query) -> bool:
        """Whether there are constraints, all known, with kwargs that can be used."""
        return bool(query.constraints) and not self.unfit(query)

    def unknown(self, query: Query) -> tuple[str, ...]:
        """The ids of the query's constraints that no check is known for."""
        return tuple(constraint.id for constraint in query.constraints if constraint.id not in CHECKS)

    def unfit(self, query: Query) -> tuple[str, ...]:
        """Why the query's constraints cannot be checked, one reason each; empty if all can."""
        reasons = []
        for place, constraint in enumerate(query.constraints):
            try:
                find(constraint).read(constraint.kwargs, query.extra)
            except InputError as e:
                reasons.append(f"{place}:{constraint.id}: {e}")
        return tuple(reasons)

    def prepare(self, query: Query) -> tuple[Asked, ...]:
        return tuple(_asked(place, constraint, query) for place, constraint in enumerate(query.constraints))

    def rate(self, response: Response, query: Query, prepared: tuple[Asked, ...]) -> Mark:
        terms, why = {}, []
        for asked in prepared:
            follow = asked.check.follow_loosely if self.loose else asked.check.follow
            finding = follow(response, asked.values)
            terms[asked.term] = float(finding.followed)
            if not finding.followed:
                why.append(f"{asked.check.id}: asked: {asked.words} Found: {finding.found}.")
        share = sum(terms.values()) / len(terms)
        value = share if self.credit == "share" else float(share == 1.0)
        return Mark(value, " | ".join(why) or f"all {len(terms)} instructions followed", terms)


def _asked(place: int, constraint: Constraint, query: Query) -> Asked:
    check = find(constraint)
    values = check.read(constraint.kwargs, query.extra)
    return Asked(f"{place}:{constraint.id}", check, values, check.words(values))


@cache
def _source() -> list[str]:
    folder = Path(__file__).parent
    return [path.read_text("utf-8") for path in (*sorted(folder.glob("*.py")), folder.parent / "language.py")]
