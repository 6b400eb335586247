"""What a tool gave back, made into a Mark or an honest refusal. Runs in workers."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any

from rlar.engines.workers.wire import MAX_NAME, MAX_TERMS, MAX_WHY, Broke
from rlar.types import Fault, Mark

_SLACK = 1e-9  # of the range: rounding of a sum of weights may leave the range by this much


def as_mark(given: Any, low: float, high: float) -> Mark | Broke:
    """A Mark with a finite float in [low, high], or Broke(Fault.INVALID): NaN, no number, outside the range.

    Accepts bool, int, float, numpy numbers and Mark. Text is cut at MAX_WHY characters.
    """
    if type(given) is float and low <= given <= high:
        return Mark(given)
    if isinstance(given, Mark):
        value = _number(given.value, low, high)
        if isinstance(value, Broke):
            return value
        terms = _terms(given.terms)
        if isinstance(terms, Broke):
            return terms
        confidence = None if given.confidence is None else _number(given.confidence, 0.0, 1.0)
        if isinstance(confidence, Broke):
            return _invalid(f"confidence {given.confidence!r}, which is not a number in [0, 1]")
        return Mark(value, str(given.why)[:MAX_WHY], terms, confidence)
    value = _number(given, low, high)
    return value if isinstance(value, Broke) else Mark(value)


def _number(given: Any, low: float, high: float) -> float | Broke:
    value = _finite(given)
    if value is None:
        return _invalid(f"{_shown(given)}, not a finite number in [{low:g}, {high:g}]")
    slack = _SLACK * (high - low)
    if not low - slack <= value <= high + slack:
        return _invalid(f"{_shown(given)}, outside its range [{low:g}, {high:g}]")
    return min(max(value, low), high)


def _finite(given: Any) -> float | None:
    if not isinstance(given, numbers.Real) and type(given).__name__ not in ("bool_", "bool"):
        return None  # numpy's bool is not registered as a number
    try:
        value = float(given)
    except (TypeError, ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def _terms(given: Any) -> dict[str, float] | Broke:
    if not isinstance(given, Mapping):
        return _invalid(f"terms {_shown(given)}, not a mapping of names to numbers")
    if len(given) > MAX_TERMS:
        return _invalid(f"{len(given)} terms, more than {MAX_TERMS}")
    terms: dict[str, float] = {}
    for name, part in given.items():
        value = _finite(part)
        if value is None:
            return _invalid(f"term {str(name)[:MAX_NAME]!r} = {_shown(part)}, not a finite number")
        terms[str(name)[:MAX_NAME]] = value
    return terms


def _invalid(what: str) -> Broke:
    return Broke(Fault.INVALID, f"the tool gave {what}", at_once=True)


def _shown(given: Any) -> str:
    """A short text of anything; its own repr may be huge or raise."""
    try:
        text = repr(given)
    except Exception:
        text = "?"
    return f"{text[:100]} ({type(given).__name__})"
