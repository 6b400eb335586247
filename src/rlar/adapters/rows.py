"""From a trainer's columns to a Query, and from its completions to texts. Never raises: a trainer would die of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rlar.errors import InputError
from rlar.rollouts import query_of_row
from rlar.rollouts.items import BadRow
from rlar.rollouts.messages import read_prompt, read_response
from rlar.rollouts.row import unpack
from rlar.types import Json, Query, Response

STAMP = "rlar"  # the reserved column: {"v": 1, "id", "task", "reference"}, as JSON text or object
STAMPED = ("id", "task", "reference")  # all that is read from it; tools and code are never named by a row


def query_of(prompt: Any, columns: Mapping[str, Any]) -> Query:
    """The Query of one row of a trainer: its prompt and all other columns, the reserved one included.

    A row that makes no sense is a query without anything to check against, which is a gap, not an exception.
    """
    row = {str(name): plain(value) for name, value in columns.items() if value is not None and name != STAMP}
    row["prompt"] = plain(prompt) if prompt is not None else ""
    stamp = unpack(plain(columns.get(STAMP)))
    if isinstance(stamp, Mapping):
        row |= {name: stamp[name] for name in STAMPED if stamp.get(name) is not None}
    try:
        return query_of_row(row)
    except InputError:
        pass
    try:  # several trainers hand no prompt to a reward; the rest of the row still says who judges
        return replace(query_of_row({**row, "prompt": "-"}), prompt=text_of_prompt(prompt) if prompt else "")
    except InputError:
        return Query(text_of_prompt(prompt), extra={"unreadable": sorted(row)})


def response_of(completion: Any) -> Response:
    """A completion as text. One whose shape nobody knows is judged as it stands: it must not get away unjudged."""
    value = plain(completion)
    if value is None or value == []:
        return ""
    try:
        return read_response(value, "completion")
    except BadRow:
        return json.dumps(value, ensure_ascii=False, default=str)


def text_of_prompt(prompt: Any) -> str:
    value = plain(prompt)
    try:
        read = read_prompt(value, "prompt")
    except BadRow:
        return json.dumps(value, ensure_ascii=False, default=str)
    return read if isinstance(read, str) else "\n\n".join(m.content for m in read)


def plain(value: Any) -> Json:
    """A value of a data frame or tensor dictionary as JSON: numpy and torch numbers and arrays become lists."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


def rows_of(columns: Mapping[str, Any], count: int) -> list[dict[str, Any]]:
    """One mapping per row, of the columns that are lists of that length; others are the trainer's own affairs."""
    whole = {k: v for k, v in columns.items() if isinstance(v, Sequence) and not isinstance(v, str) and len(v) == count}
    return [{name: values[i] for name, values in whole.items()} for i in range(count)]
