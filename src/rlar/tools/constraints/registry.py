"""All checks by id. Public ids that text alone cannot decide are listed in docs/verifiers/constraints.md."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from rlar.errors import InputError
from rlar.tools.constraints import (
    check,
    content,
    copying,
    counts,
    custom,
    ends,
    formats,
    french,
    japanese,
    keywords,
    length,
    spanish,
    wordplay,
)
from rlar.types import Constraint

FAMILIES = (content, copying, counts, custom, ends, formats, french, japanese, keywords, length, spanish, wordplay)

IFEVAL = (
    "keywords:existence", "keywords:frequency", "keywords:forbidden_words", "keywords:letter_frequency",
    "language:response_language", "length_constraints:number_sentences", "length_constraints:number_paragraphs",
    "length_constraints:number_words", "length_constraints:nth_paragraph_first_word",
    "detectable_content:number_placeholders", "detectable_content:postscript",
    "detectable_format:number_bullet_lists", "detectable_format:constrained_response",
    "detectable_format:number_highlighted_sections", "detectable_format:multiple_sections",
    "detectable_format:json_format", "detectable_format:title", "combination:two_responses",
    "combination:repeat_prompt", "startend:end_checker", "startend:quotation", "change_case:capital_word_frequency",
    "change_case:english_capital", "change_case:english_lowercase", "punctuation:no_comma",
)  # fmt: skip

# M-IFEval's prefixes, and which ids mean the same under them as without.
SAME_IN = {"en:": IFEVAL} | {module.PREFIX: module.SAME for module in (french, japanese, spanish)}

for _prefix, _ids in SAME_IN.items():
    for _id in _ids:
        check.alias(_prefix + _id, _id)

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
    """Whether a response follows one constraint. loose: or as IFEval's loose evaluation reads it. Raises InputError."""
    known = find(constraint)
    values = known.read(constraint.kwargs)
    return (known.follow_loosely(response, values) if loose else known.follow(response, values)).followed


def break_response(response: str, constraint: Constraint) -> str | None:
    """A small change of a response after which it no longer follows the constraint: a label by construction.

    None if the response does not follow it to begin with, or there is no natural small change. Raises InputError.
    """
    known = find(constraint)
    return known.breaks(response, known.read(constraint.kwargs))
