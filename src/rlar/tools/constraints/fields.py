"""The kwargs of checkable instructions: what each may be, how it is read from people's data, how it is said in words.

Data sets store the same kwargs in several ways: pandas and the Hugging Face hub turn 300 into 300.0 and fill in every
unused name with null. Both are read; a missing or unusable value is an InputError, never a random default.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rlar.errors import InputError
from rlar.types import Json


class Relation(StrEnum):
    """How a count is compared with the number asked for."""

    AT_LEAST = "at least"
    LESS_THAN = "less than"
    AT_MOST = "at most"
    MORE_THAN = "more than"
    EXACTLY = "exactly"

    def holds(self, count: int, asked: int) -> bool:
        match self:
            case Relation.AT_LEAST:
                return count >= asked
            case Relation.LESS_THAN:
                return count < asked
            case Relation.AT_MOST:
                return count <= asked
            case Relation.MORE_THAN:
                return count > asked
            case Relation.EXACTLY:
                return count == asked

    def nearest(self, asked: int, *, broken: bool) -> int:
        """The count next to the border: one that holds, or (broken) one that does not; -1 where there is none."""
        match self:
            case Relation.AT_LEAST:
                return asked - 1 if broken else asked
            case Relation.LESS_THAN:
                return asked if broken else asked - 1
            case Relation.AT_MOST:
                return asked + 1 if broken else asked
            case Relation.MORE_THAN:
                return asked if broken else asked + 1
            case Relation.EXACTLY:
                return asked + 1 if broken else asked


RELATION_WORDS = {relation.value: relation for relation in Relation} | {
    "al menos": Relation.AT_LEAST,
    "como mínimo": Relation.AT_LEAST,
    "como máximo": Relation.AT_MOST,
    "menos de": Relation.LESS_THAN,
    "au moins": Relation.AT_LEAST,
    "au plus": Relation.AT_MOST,
    "moins de": Relation.LESS_THAN,
    "以上": Relation.AT_LEAST,
    "以下": Relation.AT_MOST,
    "未満": Relation.LESS_THAN,
}


@dataclass(frozen=True)
class Field:
    """One kwarg. read: value from JSON, or ValueError; show: the value in words; from_query: see `Check.read`."""

    read: Callable[[Json], Any]
    show: Callable[[Any], str] = str
    default: Any = None
    required: bool = True
    from_query: bool = False

    def optional(self, default: Any) -> Field:
        return Field(self.read, self.show, default, required=False, from_query=self.from_query)


def read_kwargs(
    fields: Mapping[str, Field], kwargs: Mapping[str, Json], extra: Mapping[str, Json] | None = None
) -> dict[str, Any]:
    """The values of `fields` in `kwargs`, null and unused names left out. extra: a query's columns (from_query).

    Raises InputError if one is missing or cannot be used.
    """
    values = {}
    for name, field in fields.items():
        raw = kwargs.get(name)
        if raw is None and field.from_query and extra is not None:
            raw = extra.get(name)
        if raw is None:
            if field.required:
                raise InputError(f"kwarg {name!r} is missing")
            values[name] = field.default
            continue
        try:
            values[name] = field.read(raw)
        except (ValueError, TypeError) as e:
            raise InputError(f"kwarg {name!r} cannot be used: {e}") from e
    return values


def _count(raw: Json, least: int = 0) -> int:
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
        raise ValueError(f"{raw!r} is not a number")
    number = float(raw) if isinstance(raw, str) else raw
    if not math.isfinite(number) or number != int(number):
        raise ValueError(f"{raw!r} is not a whole number")
    if number < least:
        raise ValueError(f"{raw!r} is less than {least}")
    return int(number)


def _positive(raw: Json) -> int:
    return _count(raw, 1)


def _percent(raw: Json) -> float:
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        raise ValueError(f"{raw!r} is not a number")
    if not 0 <= raw <= 100:
        raise ValueError(f"{raw!r} is not in 0..100")
    return float(raw)


def _text(raw: Json) -> str:
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError(f"{raw!r} is not a text")
    return raw.strip()


def _verbatim(raw: Json) -> str:
    _text(raw)
    return str(raw)


def _word(raw: Json) -> str:
    """Some data wrap the single word in a list."""
    return _text(raw[0] if isinstance(raw, list) and raw else raw)


def _words(raw: Json) -> tuple[str, ...]:
    words = [raw] if isinstance(raw, str) else raw
    if not isinstance(words, (list, tuple)) or not words:
        raise ValueError(f"{raw!r} is not a list of words")
    return tuple(sorted({_text(word) for word in words}))


def _letter(raw: Json) -> str:
    if not isinstance(raw, str) or len(raw.strip()) != 1:
        raise ValueError(f"{raw!r} is not a single character")
    return raw.strip()


def _relation(raw: Json) -> Relation:
    relation = RELATION_WORDS.get(raw.strip().lower()) if isinstance(raw, str) else None
    if relation is None:
        raise ValueError(f"{raw!r} is none of {', '.join(RELATION_WORDS)}")
    return relation


def _spelling(raw: Json) -> dict[str, str]:
    """{plain: accented}; data sets with one table for all rows fill unused words with null."""
    if not isinstance(raw, Mapping):
        raise ValueError(f"{raw!r} is not a mapping of words")
    words = {str(plain): str(right) for plain, right in raw.items() if right is not None}
    if not words:
        raise ValueError("the mapping holds no word")
    return words


def quoted(text: str) -> str:
    return f'"{text}"'


def listed(words: tuple[str, ...]) -> str:
    return ", ".join(map(quoted, words))


COUNT = Field(_count)
POSITIVE = Field(_positive)
PERCENT = Field(_percent, lambda value: f"{value:g}")
TEXT = Field(_text, quoted)
VERBATIM = Field(_verbatim, quoted)  # surrounding white space counts
FROM_PROMPT = Field(_verbatim, quoted, from_query=True)
WORD = Field(_word, quoted)
WORDS = Field(_words, listed)
LETTER = Field(_letter, quoted)
RELATION = Field(_relation)
SPELLING = Field(_spelling, lambda words: listed(tuple(words.values())))
