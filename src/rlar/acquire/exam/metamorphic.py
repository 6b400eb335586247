"""Harmless changes: an answer that says the same must be worth the same."""

from __future__ import annotations

from collections.abc import Iterator

from rlar.tools.reference import shape_of
from rlar.types import Query

_FREE_FORM = ("number", "expression", "choice", "label", "span", "text")


def harmless(query: Query, text: str) -> Iterator[tuple[str, str]]:
    """(name, changed text) for every change that keeps the meaning of an answer to this kind of query.

    Constraints on form (IFEval) may forbid any of them, so such queries get only blanks at the end.
    """
    if not text.strip():
        return
    yield "blank line at the end", text + "\n"
    if query.constraints or query.tests is not None or "regex" in query.extra:
        return
    yield "blanks around", f"  {text}\n\n"
    if shape_of(query).kind in _FREE_FORM and "\n" not in text and "```" not in text:
        yield "windows line end", text + "\r\n"
        yield "no-break space at the end", text + "\u00a0"
