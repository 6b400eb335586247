"""JSON that says something else: a changed value, a missing key, a surplus key, a type that is nearly right."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator

from rlar.acquire.exam.cases import Corruption
from rlar.tools.reference import golds, shape_of
from rlar.types import Json, Query

Place = tuple[Json, Json]  # a container and the key or index in it


def _gold(query: Query) -> Json:
    if query.tests is not None or shape_of(query).kind != "json" or not golds(query):
        return None
    try:
        return json.loads(golds(query)[0])
    except ValueError:
        return None


def _leaves(value: Json) -> Iterator[Place]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        if isinstance(inner, (dict, list)):
            yield from _leaves(inner)
        else:
            yield value, key


def _with(query: Query, rng: random.Random, change: Callable[[Json, Json], bool]) -> str | None:
    """The gold with one leaf changed by `change(container, key)`, at the first place (in random order) where it can."""
    value = copy.deepcopy(_gold(query))
    places = list(_leaves(value))
    rng.shuffle(places)
    return json.dumps(value) if any(change(container, key) for container, key in places) else None


def changed_value(query: Query, right: str, rng: random.Random) -> str | None:
    def change(container: Json, key: Json) -> bool:
        old = container[key]
        if isinstance(old, bool):
            container[key] = not old
        elif isinstance(old, (int, float)):
            container[key] = old + 1
        elif isinstance(old, str):
            container[key] = old + " (changed)"
        else:
            container[key] = 0
        return True

    return _with(query, rng, change)


def missing_key(query: Query, right: str, rng: random.Random) -> str | None:
    def change(container: Json, key: Json) -> bool:
        if isinstance(container, dict):
            del container[key]
            return True
        return False

    return _with(query, rng, change)


def wrong_type(query: Query, right: str, rng: random.Random) -> str | None:
    """A number as text: looks alike, is not."""

    def change(container: Json, key: Json) -> bool:
        old = container[key]
        if isinstance(old, (int, float)) and not isinstance(old, bool):
            container[key] = str(old)
            return True
        return False

    return _with(query, rng, change)


def cut_off(query: Query, right: str, rng: random.Random) -> str | None:
    gold = _gold(query)
    return json.dumps(gold)[:-1] if isinstance(gold, (dict, list)) and gold else None


DATA = (
    Corruption("changed_value", changed_value),
    Corruption("missing_key", missing_key),
    Corruption("wrong_type", wrong_type),
    Corruption("cut_off_json", cut_off),
)
