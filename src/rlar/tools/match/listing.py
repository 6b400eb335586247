"""The tool `ListMatch`: a list of items against the gold list, in order or as a bag."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rlar.tools.base import RuleTool
from rlar.tools.final_answer import claims, echoes, said
from rlar.tools.match.normal import same_span
from rlar.tools.math.compare import asks_for_order
from rlar.tools.numbers import undressed
from rlar.tools.reference import MARKER, golds, itemised, shape_of, split_top
from rlar.types import Kind, Mark, Query, Response

_MOST_ITEMS = 2_000
_LONGEST = 20_000


@dataclass(frozen=True, slots=True)
class _Prepared:
    texts: frozenset[str]  # the golds, spaces made one
    lists: tuple[tuple[str, ...], ...]
    ordered: bool
    rows: bool  # the gold is a table of rows or a row of tokens: spaces part the items


class ListMatch(RuleTool):
    """Right (1) if the final list holds the gold items, each as often as the gold does; else wrong (0).

    ordered: whether the order counts; None: it does where the question asks for one, and for bracketed and numbered
    lists, rows and tables. Items are equal as spans are (case, punctuation, numbers, dates). Read are JSON and Python
    lists, commas, bullets, lines, and rows of numbers.
    """

    def __init__(self, ordered: bool | None = None) -> None:
        self.ordered = ordered
        self.describe(
            config={"ordered": ordered},
            name="list_match" if ordered is None else "list_match_ordered" if ordered else "list_match_any_order",
            kind=Kind.VERIFIER,
            about="the final list holds the gold items",
            suits=("reasoning", "knowledge", "math"),
            needs=("reference:list",),
            line=0.5,
        )

    def fits(self, query: Query) -> bool:
        return shape_of(query).kind == "list"

    def prepare(self, query: Query) -> _Prepared:
        texts = golds(query)
        rows = any(_is_rows(text) and not itemised(text) for text in texts)
        told = any(text.strip()[:1] == "[" or itemised(text) == "numbers" for text in texts)
        ordered = rows or told or asks_for_order(query.question) if self.ordered is None else self.ordered
        same = frozenset(" ".join(text.split()) for text in texts)
        return _Prepared(same, tuple(tuple(items_of(text, rows=rows)) for text in texts), ordered, rows)

    def rate(self, response: Response, query: Query, prepared: _Prepared) -> Mark:
        text = said(response)[-_LONGEST:]
        found = claims(text)
        if not found or (echoes(text, query.question) and " ".join(text.split()) not in prepared.texts):
            return Mark(0.0, "no list is stated")
        mark = Mark(0.0, "no list is stated")
        for candidate in _candidates(text, found[0].text if found[0].explicit else "", found[0].begin, prepared):
            items = items_of(candidate, rows=prepared.rows)
            if items:
                right = any(_same_list(gold, items, ordered=prepared.ordered) for gold in prepared.lists)
                return Mark(1.0, "the same items") if right else Mark(0.0, f"lists {len(items)} items")
        return mark


def _is_rows(text: str) -> bool:
    """Tokens parted by spaces alone, in one or several lines: "3 0 9" or a table."""
    lines = text.strip().split("\n")
    if any(c in text for c in ",[;"):
        return False
    short = all(len(token) <= 12 for line in lines for token in line.split())
    return short and any(c.isdigit() for c in text)


def _candidates(text: str, claimed: str, begin: int, prepared: _Prepared) -> list[str]:
    """Where the list may stand, the best place first; the first that holds any items is the answer."""
    places = []
    if prepared.rows:
        return [text[begin:] if begin >= 0 else claimed or text]
    if claimed:
        multiline = begin >= 0 and len(items_of(claimed)) < 2 and re.match(r"\s*(?:[-*•]|\d+[.)])\s", text[begin:])
        places.append(text[begin:] if multiline else claimed)
    brackets = re.findall(r"\[[^\[\]]{1,5000}\]", text)
    if brackets:
        places.append(brackets[-1])
    lines = [line for line in text.strip().split("\n") if line.strip()]
    bullets = [line for line in lines if re.match(r"\s*(?:[-*•]|\d+[.)])\s+", line)]
    if len(bullets) > 1:
        places.append("\n".join(bullets))
    if lines:
        places.append(lines[-1].rpartition(":")[2] or lines[-1])
    return places


def items_of(text: str, *, rows: bool = False) -> list[str]:
    """The items of a list as it is written: JSON, Python, commas, "and", bullets, lines. rows: spaces part them."""
    text = text.strip()[:_LONGEST]
    if rows:
        return undressed(text).split()[: _MOST_ITEMS + 1]
    text = undressed(text)
    if text[:1] in "[({" and text[-1:] in "])}":
        if (parsed := _parsed(text)) is not None:
            return [str(item) for item in parsed]
        text = text[1:-1]
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) > 1:
        return [undressed(MARKER.sub("", line)) for line in lines][: _MOST_ITEMS + 1]
    parts = split_top(text)
    last = parts[-1]
    if len(parts) > 1 and last.lower().startswith("and "):
        parts[-1] = last[4:]
    elif m := re.fullmatch(r"(.{1,200}?) and (.{1,200})", last):
        parts[-1:] = [m[1], m[2]]
    return [undressed(part).strip("'\"") for part in parts if part.strip()][: _MOST_ITEMS + 1]


def _parsed(text: str) -> Sequence[object] | None:
    """A JSON or Python literal list; None for anything else. Literals only: nothing is evaluated."""
    if len(text) > 5_000 or text.count("[") + text.count("(") > 200:
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
        if isinstance(value, (list, tuple)):
            return value
    return None


def _same_list(gold: Sequence[str], items: Sequence[str], *, ordered: bool) -> bool:
    if len(gold) != len(items) or len(items) > _MOST_ITEMS:
        return False
    if ordered:
        return all(a == b or same_span(a, b) for a, b in zip(gold, items, strict=True))
    left = list(items)
    rest = []
    for item in gold:
        if item in left:
            left.remove(item)
        else:
            rest.append(item)
    if len(rest) > 60:
        return False
    for item in rest:
        match = next((i for i, other in enumerate(left) if same_span(item, other)), None)
        if match is None:
            return False
        del left[match]
    return True
