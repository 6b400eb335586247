"""TOML, read within bounds."""

from __future__ import annotations

import math
from typing import Any

from rlar.tools.structured.values import DEEPEST, Malformed, depth
from rlar.types import Json

NAMES = ("toml",)  # of fences
LONGEST = 200_000  # characters


def read_toml(text: str) -> Json:
    """The value of a TOML document as JSON would have it: dates and times as text. Raises Malformed.

    An empty document is legal TOML and says nothing: Malformed.
    """
    import tomllib

    if len(text) > LONGEST:
        raise Malformed(f"{len(text)} characters, more than {LONGEST}")
    try:
        value = tomllib.loads(text)
    except (ValueError, RecursionError) as e:
        raise Malformed(str(e)[:300] or type(e).__name__) from None
    if not value:
        raise Malformed("an empty document")
    if depth(value) > DEEPEST:
        raise Malformed(f"nested deeper than {DEEPEST} levels")
    return _plain(value)


def _plain(value: Any) -> Json:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, (bool, int, float, str)) else value.isoformat()
