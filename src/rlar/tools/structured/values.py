"""JSON values: reading them strictly, and comparing them by JSON's types."""

from __future__ import annotations

import json
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from rlar.types import Json

DEEPEST = 100  # levels of nesting
MOST_MATCHED = 200  # elements of unordered lists that are matched with a tolerance; longer ones without
Path = tuple[str | int, ...]


class Malformed(ValueError):
    """A text is not what it should be; the message says why."""


def read_json(text: str) -> Json:
    """The value of a JSON text. Raises Malformed, also for what `json.loads` lets pass: NaN, Infinity, a number beyond
    a float, an object with one key twice, nesting beyond DEEPEST.
    """
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int
        )
    except Malformed:
        raise
    except RecursionError:
        raise Malformed("nested too deeply") from None
    except ValueError as e:
        raise Malformed(str(e)) from None
    if depth(value) > DEEPEST:
        raise Malformed(f"nested deeper than {DEEPEST} levels")
    return value


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        twice = next(name for name, count in counts.items() if count > 1)
        raise Malformed(f"the key {twice[:50]!r} stands twice")
    return made


def _constant(name: str) -> float:
    raise Malformed(f"{name} is not JSON")


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise Malformed(f"{text[:30]} is beyond any number")
    return value


def _int(text: str) -> int:
    if len(text) > 1000:
        raise Malformed(f"a number of {len(text)} digits")
    return int(text)


def depth(value: Json) -> int:
    """Levels of nesting: 0 for a bare value, 1 for a flat list."""
    level, layer = 0, [value]
    while inner := [one for one in layer if isinstance(one, (dict, list))]:
        level += 1
        layer = [child for one in inner for child in (one.values() if isinstance(one, dict) else one)]
    return level


def same(ours: Json, gold: Json, *, ordered: bool = True, tolerance: float = 0.0) -> bool:
    """Whether two JSON values are equal by JSON's types: 1 equals 1.0, but neither true nor "1".

    Keys of objects have no order. ordered: whether lists have one; if not, they are compared as multisets.
    tolerance: relative, for numbers of which at least one is no integer. Texts are compared in NFC.
    """
    if isinstance(gold, bool) or isinstance(ours, bool):
        return isinstance(gold, bool) and isinstance(ours, bool) and ours is gold
    if isinstance(gold, (int, float)):
        return isinstance(ours, (int, float)) and _same_number(ours, gold, tolerance)
    if isinstance(gold, str):
        return isinstance(ours, str) and (ours == gold or _nfc(ours) == _nfc(gold))
    if isinstance(gold, Mapping):
        return (
            isinstance(ours, Mapping)
            and ours.keys() == gold.keys()
            and all(same(ours[k], gold[k], ordered=ordered, tolerance=tolerance) for k in gold)
        )
    if isinstance(gold, Sequence):
        if not isinstance(ours, Sequence) or isinstance(ours, str) or len(ours) != len(gold):
            return False
        if ordered:
            return all(same(a, b, ordered=ordered, tolerance=tolerance) for a, b in zip(ours, gold, strict=True))
        return _same_multiset(ours, gold, tolerance)
    return ours is None and gold is None


def _same_number(ours: float, gold: float, tolerance: float) -> bool:
    if ours == gold:  # exact between int and float too: 2**53 + 1 is not 2.0**53
        return True
    if not tolerance or (isinstance(ours, int) and isinstance(gold, int)):
        return False
    try:
        return math.isclose(ours, gold, rel_tol=tolerance)
    except OverflowError:
        return False


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _same_multiset(ours: Sequence[Json], gold: Sequence[Json], tolerance: float) -> bool:
    """Equal as multisets, by a perfect matching: with a tolerance, equality is not transitive."""
    if not tolerance or len(gold) > MOST_MATCHED:
        return sorted(map(canonical, ours)) == sorted(map(canonical, gold))
    options = [[j for j, b in enumerate(gold) if same(a, b, ordered=False, tolerance=tolerance)] for a in ours]
    return matching_size(options, len(gold)) == len(gold)


def canonical(value: Json) -> str:
    """One text for all values that `same(..., ordered=False)` takes for equal without tolerance."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, (int, float)):
        whole = isinstance(value, int) or value.is_integer()
        return str(int(value)) if whole else repr(value)
    if isinstance(value, str):
        return json.dumps(_nfc(value))
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(str(k))}:{canonical(value[k])}" for k in sorted(value, key=str)) + "}"
    return "[" + ",".join(sorted(canonical(one) for one in value)) + "]"


def matching_size(options: Sequence[Sequence[int]], columns: int) -> int:
    """Size of the largest matching of rows to columns. options: the columns that each row may take."""
    taken: list[int | None] = [None] * columns

    def place(row: int, seen: set[int]) -> bool:
        for column in options[row]:
            if column not in seen:
                seen.add(column)
                holder = taken[column]
                if holder is None or place(holder, seen):
                    taken[column] = row
                    return True
        return False

    return sum(place(row, set()) for row in range(len(options)))


def leaves(value: Json, path: Path = ()) -> Iterator[tuple[Path, Json]]:
    """(path, value) of every leaf: bare values, and empty objects and lists, which say something too."""
    if isinstance(value, Mapping) and value:
        for key, child in value.items():
            yield from leaves(child, (*path, str(key)))
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        for place, child in enumerate(value):
            yield from leaves(child, (*path, place))
    else:
        yield path, value
