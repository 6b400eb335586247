"""A response against a regular expression of the query."""

from __future__ import annotations

import re

from rlar.errors import ToolFault
from rlar.tools.base import RuleTool
from rlar.tools.text import visible
from rlar.types import Fault, Kind, Mark, Query, Response

LONGEST = 10_000  # characters of a pattern


class RegexMatch(RuleTool):
    """1.0 if the whole visible response, stripped, matches `extra["regex"]`, else 0.0.

    The pattern is Python's; flags stand inside it ("(?i)yes|no"). Thoughts do not count. anywhere: a part of the
    response that matches will do, which a response can win by saying everything: only for patterns that exclude that.
    A pattern that backtracks without end is cut off by the worker's CPU limit.
    """

    def __init__(self, anywhere: bool = False) -> None:
        self.anywhere = anywhere
        self.describe(
            name="regex_match" + "_anywhere" * anywhere,
            kind=Kind.VERIFIER,
            about="the response matches the regular expression" + (" somewhere" if anywhere else ""),
            needs=("regex",),
            config={"anywhere": anywhere},
            line=0.5,
        )

    def fits(self, query: Query) -> bool:
        pattern = query.extra.get("regex")
        return isinstance(pattern, str) and 0 < len(pattern) <= LONGEST

    def prepare(self, query: Query) -> re.Pattern[str]:
        try:
            return re.compile(query.extra["regex"])
        except (re.error, RecursionError, OverflowError) as e:
            raise ToolFault(Fault.MISSING, f"extra['regex'] is no regular expression that Python can read: {e}") from e

    def rate(self, response: Response, query: Query, prepared: re.Pattern[str]) -> Mark:
        text = visible(response).strip()
        found = prepared.search(text) if self.anywhere else prepared.fullmatch(text)
        return Mark(1.0, "matches") if found else Mark(0.0, "does not match")
