"""What is read: an Item (one query with its responses), or a Reject (why a row is not one)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from rlar.types import Json, Query, Response


@dataclass(frozen=True, slots=True)
class Item:
    """One row of a rollout file: a query and G responses to it.

    responses: G texts, in the order of the file; () where the row has only a query.
    labels: G numbers, higher is better, None where a response has none; None if no response has one. They stay out of
    `query`, whatever they are called in the file: no tool may see them.
    task: the row's own word for its task, a hint for routing and tables; None if it has none.
    meta: the row's `meta` and all columns without a meaning for rlar, labels of the data set included; for evaluation.
    response_meta: G mappings, what the row says about each response beside text and label (model, style ...).
    id: the row's, as text; "file-stem:line" if it has none. file, line: where it came from; line counts from 1
    (rows of a Parquet file, elements of a JSON array).
    """

    query: Query
    responses: tuple[Response, ...]
    id: str
    file: str
    line: int
    labels: tuple[float | None, ...] | None = None
    task: str | None = None
    meta: Mapping[str, Json] = field(default_factory=dict)
    response_meta: tuple[Mapping[str, Json], ...] = ()


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is not an item: where it is, which field is at fault, what came and what is wanted.

    line: 0 where the whole file cannot be read. field: "" where the row as a whole is at fault.
    row_excerpt: the first 200 characters of the row.
    """

    file: str
    line: int
    field: str
    came: str
    wanted: str
    row_excerpt: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        name = f"{self.field}: " if self.field else ""
        return f"{where}: {name}came {self.came}; wanted {self.wanted}"

    def as_json(self) -> dict[str, Json]:
        return {
            "file": self.file,
            "line": self.line,
            "field": self.field,
            "came": self.came,
            "wanted": self.wanted,
            "row": self.row_excerpt,
        }


class BadRow(Exception):
    """Raised while a row is read; becomes a Reject with its place."""

    def __init__(self, field: str, came: str, wanted: str) -> None:
        super().__init__(f"{field}: came {came}; wanted {wanted}")
        self.field = field
        self.came = came
        self.wanted = wanted


class Record(NamedTuple):
    """One raw row with its place. row: the parsed JSON value. excerpt: its first characters, for a Reject.

    offset: bytes of the file, as it lies on disk, that were read so far; reading ahead included.
    """

    file: str
    stem: str
    line: int
    row: Json
    excerpt: str
    offset: int = 0


def describe(value: Json) -> str:
    """What a value is, in a few words for an error: `a number (42)`, `null`, `an empty list`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"a boolean ({str(value).lower()})"
    if isinstance(value, (int, float)):
        text = repr(value) if abs(value) < 1e15 else "large"
        return f"a number ({text})"
    if isinstance(value, str):
        if not value:
            return "an empty text"
        return f"text ({clip(value, 40)!r})"
    if isinstance(value, Mapping):
        return f"an object with {clip(', '.join(map(str, value)), 80)}" if value else "an empty object"
    if isinstance(value, (list, tuple)):
        if not value:
            return "an empty list"
        first = "a list" if isinstance(value[0], (list, tuple)) else describe(value[0])
        return f"a list of {len(value)} whose first is {first}"
    return f"a {type(value).__name__}"


def clip(text: str, most: int) -> str:
    """The first `most` characters, with a mark where something was left out."""
    return text if len(text) <= most else text[: most - 1] + "…"
