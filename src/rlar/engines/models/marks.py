"""Texts of special tokens inside what others wrote: broken up before tokenising, so that no turn can be forged."""

from __future__ import annotations

import re
from collections.abc import Iterable


def pattern_of(marks: Iterable[str]) -> re.Pattern[str] | None:
    """Finds any of the marks, the longest first; None where there are none."""
    found = sorted(set(marks), key=lambda m: (-len(m), m))
    return re.compile("|".join(re.escape(m) for m in found)) if found else None


def safe(text: str, pattern: re.Pattern[str] | None) -> str:
    """The text without special tokens and without what cannot be encoded."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return pattern.sub(lambda m: f"{m[0][0]} {m[0][1:]}", text) if pattern else text
