"""All checks by id. What is in no family module (no text alone decides it) is listed in docs/verifiers/constraints.md."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from rlar.errors import InputError
from rlar.tools.constraints import check, content, copying, counts, custom, ends, formats, keywords, length, wordplay
from rlar.types import Constraint

FAMILIES = (content, copying, counts, custom, ends, formats, keywords, length, wordplay)

CHECKS: Mapping[str, check.Check] = MappingProxyType(check.registered)


def find(constraint: Constraint) -> check.Check:
    """The check of a constraint. Raises InputError for an unknown id."""
    known = CHECKS.get(constraint.id)
    if known is None:
        raise InputError(f"no check is known for {constraint.id!r}")
    return known


def describe(constraint: Constraint) -> str:
    """The instruction in plain words, for reports, feedback and judges. Raises InputError if it cannot be checked."""
    known = find(constraint)
    return known.words(known.read(constraint.kwargs))


def follows(response: str, constraint: Constraint, *, loose: bool = False) -> bool:
    """Whether a response follows one constraint. loose: also as IFEval's loose evaluation reads it. Raises InputError."""
    known = find(constraint)
    values = known.read(constraint.kwargs)
    return (known.follow_loosely(response, values) if loose else known.follow(response, values)).followed


def break_response(response: str, constraint: Constraint) -> str | None:
    """A small change of a response after which it no longer follows the constraint: a label by construction.

    None if the response does not follow it to begin with, or there is no natural small change. Raises InputError.
    """
    known = find(constraint)
    return known.breaks(response, known.read(constraint.kwargs))
