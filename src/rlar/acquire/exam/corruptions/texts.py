"""Texts that say less, or something else: for references such as translations, summaries and short spans."""

from __future__ import annotations

import random
import re

from rlar.acquire.exam.cases import Corruption
from rlar.tools.reference import shape_of
from rlar.types import Query

_NAME = re.compile(r"(?<=[a-z,;] )[A-Z][a-z]{2,}")
_WORD = re.compile(r"\S+")
_FIGURE = re.compile(r"\d+")


def _is_text(query: Query) -> bool:
    return query.tests is None and not query.constraints and shape_of(query).kind in ("text", "span")


def half(query: Query, right: str, rng: random.Random) -> str | None:
    """The first half only."""
    words = right.split(" ")
    if not _is_text(query) or len(right) < 24:
        return None
    return " ".join(words[: len(words) // 2]) if len(words) >= 6 else right[: len(right) // 2]


def names_swapped(query: Query, right: str, rng: random.Random) -> str | None:
    """Two names change places: the same words, another statement."""
    names = sorted(set(_NAME.findall(right)))
    if not _is_text(query) or len(names) < 2:
        return None
    a, b = rng.sample(names, 2)
    return re.sub(rf"\b({a}|{b})\b", lambda m: b if m.group() == a else a, right)


def figure_changed(query: Query, right: str, rng: random.Random) -> str | None:
    places = list(_FIGURE.finditer(right))
    if not _is_text(query) or not places:
        return None
    place = rng.choice(places)
    return f"{right[: place.start()]}{int(place.group()) + rng.randrange(1, 9)}{right[place.end() :]}"


def words_shuffled(query: Query, right: str, rng: random.Random) -> str | None:
    words = right.split()
    if not _is_text(query) or len(words) < 8:
        return None
    rng.shuffle(words)
    mixed = " ".join(words)
    return mixed if mixed != " ".join(right.split()) else None


def another_unit(query: Query, right: str, rng: random.Random) -> str | None:
    """60 days -> 60 weeks."""
    units = ("seconds", "minutes", "hours", "days", "weeks", "months", "years")
    found = [u for u in units if re.search(rf"\b{u}\b", right)]
    if not _is_text(query) or len(found) != 1:
        return None
    return re.sub(rf"\b{found[0]}\b", rng.choice([u for u in units if u != found[0]]), right)


TEXTS = (
    Corruption("half", half),
    Corruption("names_swapped", names_swapped),
    Corruption("figure_changed", figure_changed),
    Corruption("words_shuffled", words_shuffled),
    Corruption("another_unit", another_unit),
)
