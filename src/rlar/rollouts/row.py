"""One raw row, asked for its columns by name; knows the user's `--map field=column`."""

from __future__ import annotations

import ast
import difflib
import json
from collections.abc import Iterable, Mapping

from rlar.errors import InputError
from rlar.rollouts.items import BadRow, describe
from rlar.types import Json

FIELDS = (
    *("prompt", "responses", "reference", "references", "tests", "constraints", "instruction_id_list", "kwargs"),
    *(
        "schema",
        "tool_calls",
        "tools",
        "choices",
        "task",
        "source",
        "id",
        "labels",
        "src",
        "src_lang",
        "tgt_lang",
        "meta",
    ),
)


def check_field_map(field_map: Mapping[str, str]) -> dict[str, str]:
    """The map, if every field is one that rlar has or `extra.NAME`. Raises InputError with the nearest name."""
    for name, column in field_map.items():
        if name not in FIELDS and not (name.startswith("extra.") and len(name) > len("extra.")):
            near = difflib.get_close_matches(name, FIELDS, 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise InputError(f"--map {name}={column}: {hint}the fields are {', '.join(FIELDS)} and extra.NAME")
        if not column:
            raise InputError(f"--map {name}=: name the column")
    return dict(field_map)


class Row:
    """Columns of a row; `inner`: those of `extra_info` (veRL) and `meta`; `used`: the columns that got a meaning."""

    def __init__(self, columns: Mapping[str, Json], field_map: Mapping[str, str]) -> None:
        self.columns = columns
        self.field_map = field_map
        self.used: set[str] = set()
        self.inner = {**self.mapping("extra"), **self.mapping("extra_info"), **self.mapping("meta")}
        for name in ("extra", "extra_info", "meta"):
            if isinstance(self.columns.get(name), (Mapping, str)) and self.mapping(name):
                self.used.add(name)

    def first(self, names: Iterable[str], field: str, *, deep: bool = False) -> tuple[str | None, Json]:
        """(column, value) of the field's mapped column, else of the first of `names` that is there and not null.

        deep: look into `extra_info` and `meta` as well. (None, None) if there is none; the value is None only in that
        case or where a mapped column is null. Raises BadRow if a mapped column is missing.
        """
        column = self.field_map.get(field)
        if column is not None:
            return column, self.at(column, field)
        for name in names:
            if self.columns.get(name) is not None:
                return name, self.columns[name]
            if deep and self.inner.get(name) is not None:
                return name, self.inner[name]
        return None, None

    def at(self, column: str, field: str) -> Json:
        """The value of a mapped column; dots go into objects, lists (by number) and JSON texts."""
        if column in self.columns:
            return self.columns[column]
        value: Json = self.columns
        for step in column.split("."):
            value = unpack(value)
            if isinstance(value, Mapping) and step in value:
                value = value[step]
            elif isinstance(value, (list, tuple)) and step.isdigit() and int(step) < len(value):
                value = value[int(step)]
            else:
                raise BadRow(field, f"a row without {column}: it has {self.names()}", f"the mapped column {column}")
        return value

    def take(self, *columns: str | None) -> None:
        """These columns have a meaning now: they do not go to `Query.extra`."""
        self.used.update(
            column.partition(".")[0] if column not in self.columns else column for column in columns if column
        )

    def mapping(self, name: str) -> dict[str, Json]:
        """A column that is an object, or the JSON text of one; {} for anything else."""
        value = unpack(self.first((name,), name)[1])
        return {str(k): v for k, v in value.items()} if isinstance(value, Mapping) else {}

    def text(self, names: Iterable[str], field: str, *, deep: bool = False) -> str | None:
        """A column that is a text and not empty."""
        column, value = self.first(names, field, deep=deep)
        if not isinstance(value, str) or not value:
            return None
        self.take(column)
        return value

    def names(self) -> str:
        """The columns, for people."""
        names = [str(name) for name in self.columns]
        return ", ".join(names[:12]) + (" ..." if len(names) > 12 else "") if names else "no columns"


def unpack(value: Json) -> Json:
    """A text that starts like a JSON object or list as what it says, if it can be read; any other value as it is.

    Also reads Python literals: data frames print lists and dicts that way.
    """
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        pass
    try:
        # Literals only, and short: the compiler's stack is no place for megabytes of brackets.
        return ast.literal_eval(value.strip()) if len(value) < 100_000 else value
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return value


def texts_of(value: Json, field: str) -> list[str]:
    """A list of texts, or one text as a list of one. Raises BadRow."""
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, (list, tuple)) or not all(isinstance(one, str) for one in values):
        raise BadRow(field, describe(value), "a list of texts")
    return list(values)
