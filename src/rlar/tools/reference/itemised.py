"""Lists by lines: "1. fig", "- date"."""

from __future__ import annotations

import re

MARKER = re.compile(r"^\s*(?:[-*•]|(?P<number>\d{1,3})[.)])\s+")


def itemised(text: str) -> str:
    """How a list by lines is marked: "numbers" ("1.", "2)"), "bullets", or "" where a line has no marker."""
    found = [MARKER.match(line) for line in text.strip().splitlines() if line.strip()]
    if len(found) < 2 or not all(found):
        return ""
    return "numbers" if all(m and m["number"] for m in found) else "bullets"
