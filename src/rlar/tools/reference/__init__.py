"""What the gold answer of a query is: a number, an interval, a choice, a label, a program, a text ...

The shape of the reference says which verifier can judge the answers, with no LLM. Standard library only, pure, and
bounded: every regular expression is linear, and a text above `LONGEST` characters is judged by its two ends.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from rlar.tools.reference.golds import (
    LONGEST,
    alternatives,
    golds,
    is_list_answer,
    is_missing,
    marked_answer,
    opened,
    wants_json,
)
from rlar.tools.reference.itemised import MARKER, itemised
from rlar.tools.reference.maths import bracketed, expression, listed, number, split_top, undressed
from rlar.tools.reference.shape import NONE, Shape
from rlar.tools.reference.words import (
    choices_of,
    json_value,
    label,
    letter,
    moment,
    offered,
    options_in,
    program,
    prose,
)
from rlar.types import Json, Query

__all__ = [
    "MARKER",
    "NONE",
    "Shape",
    "choices_of",
    "golds",
    "itemised",
    "options_in",
    "read_shape",
    "shape_of",
    "split_top",
    "undressed",
]

LONGEST_ANSWER = 2_000  # characters of what may still be one short answer (number, list ...)

_seen: dict[str, Shape] = {}  # by Query.key; holds shapes only, so that no prompt is kept alive
_SEEN_MOST = 4096


def shape_of(query: Query) -> Shape:
    """The shape of a query's reference (of all its alternatives, see `golds`). Cached by content; never raises."""
    shape = _seen.get(query.key)
    if shape is None:
        reference = query.extra.get("references") if is_missing(query.reference) else query.reference
        shape = read_shape(reference, query.question, query.extra)
        if len(_seen) >= _SEEN_MOST:
            _seen.clear()
        _seen[query.key] = shape
    return shape


def read_shape(reference: Json, prompt: str = "", extra: Mapping[str, Json] | None = None) -> Shape:
    """The shape of any JSON value as a gold answer. Pure, never raises, linear in the size of what it reads.

    prompt: the question; it breaks ties such as "(2,3)" (point or interval) and "A" (choice or name).
    extra: other columns of the row; "choices", "labels", "schema" and "format" matter.
    """
    if is_missing(reference):
        return NONE
    prompt = prompt if len(prompt) <= 4000 else prompt[:2000] + "\n" + prompt[-2000:]
    if isinstance(reference, bool):
        return Shape("label", 0.97, "reference is a truth value", str(reference).lower())
    if isinstance(reference, (int, float)):
        return _read_bare_number(reference, prompt, extra)
    if isinstance(reference, str):
        return _read_text(reference, prompt, extra)
    texts = alternatives(reference, prompt, extra)
    if isinstance(reference, Mapping):
        if wants_json(prompt, extra) or opened(reference) is None:
            return Shape("json", 0.97, "reference is a JSON object", reference)
        return read_shape(opened(reference), prompt, extra)
    if not isinstance(reference, Sequence):
        return Shape("none", 0.5, f"reference is a {type(reference).__name__}, which nobody can read")
    if wants_json(prompt, extra) or any(isinstance(x, (list, tuple, Mapping)) for x in reference):
        return Shape("json", 0.95, "reference is a JSON array", list(reference))
    if is_list_answer(reference):
        return Shape("list", 0.95, "reference is a list of numbers", tuple(split_top(texts[0])))
    return _common(texts, prompt, extra)


def _read_bare_number(reference: float, prompt: str, extra: Mapping[str, Json] | None) -> Shape:
    if isinstance(reference, int) and extra:
        options = choices_of(extra)
        if 0 <= reference < len(options) and str(reference) not in options.values():
            letter = list(options)[reference]
            return Shape("choice", 0.85, "reference is the place of an option, counted from 0", letter)
    if isinstance(reference, float) and math.isinf(reference):
        return Shape("expression", 0.9, "reference is infinite", "\\infty" if reference > 0 else "-\\infty")
    value = Fraction(reference if isinstance(reference, int) else repr(reference))
    return Shape("number", 0.99, "reference is a number", value)


def _common(texts: Sequence[str], prompt: str, extra: Mapping[str, Json] | None) -> Shape:
    """One shape for several alternatives: their common kind, else the loosest way of comparing that suits all."""
    if not texts:
        return NONE
    shapes = [_read_text(text, prompt, extra) for text in texts[:20]]
    kinds = {shape.kind for shape in shapes}
    note = f", one of {len(texts)} alternatives" if len(texts) > 1 else ""
    if len(kinds) == 1:
        return replace(shapes[0], why=shapes[0].why + note)
    loosest = "text" if "text" in kinds else "expression" if kinds <= {"number", "expression"} else "span"
    value = None if loosest == "text" else texts[0]
    return Shape(loosest, 0.6, f"alternatives of several kinds ({', '.join(sorted(kinds))})", value)


def _read_text(reference: str, prompt: str, extra: Mapping[str, Json] | None) -> Shape:
    text = marked_answer(reference) if len(reference) <= LONGEST else reference
    marked = len(text) < len(reference.strip())
    if len(text) > LONGEST_ANSWER:
        return _long(text)
    plain = undressed(text) or text
    shape = (
        offered(plain, prompt, extra)
        or number(plain, text)
        or label(plain)
        or json_value(text, prompt, extra)
        or bracketed(plain, prompt)
        or program(text)
        or moment(plain)
        or expression(plain, text)
        or listed(plain, prompt)
        or letter(plain)
        or prose(plain)
    )
    return replace(shape, why=shape.why + ", marked in a solution") if marked else shape


def _long(text: str) -> Shape:
    """A reference too long for a short answer: JSON, a program or a text, by its two ends."""
    ends = text[:1] + text[-1:]
    if ends in ("{}", "[]") and len(text) <= LONGEST:
        shape = json_value(text, "", None)
        if shape is not None:
            return shape
    return program(text[:LONGEST_ANSWER]) or Shape("text", 0.95, "reference is a long text")
