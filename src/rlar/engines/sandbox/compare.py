"""Whether an answer's value is the expected one. Runs on the trusted side, on data that an untrusted process sent.

The received value is compared in its wire form, against the expected value: no set or dict is built from it, so keys
chosen to collide cost nothing, and work is bounded by the size of what was expected.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

from rlar.engines.sandbox.inside import wire

_NUMBERS = (bool, int, float, complex)
_SEQUENCES = {list: None, tuple: "~t"}


@dataclass(frozen=True, slots=True)
class Rules:
    """numbers_alike: True, 1 and 1.0 are one value. sequences_alike: lists and tuples are. tolerance: (relative,
    absolute) between finite numbers, or None."""

    numbers_alike: bool = False
    sequences_alike: bool = False
    tolerance: tuple[float, float] | None = None


def same(expected: Any, got: wire.Json, rules: Rules) -> bool:
    """Whether the wire form `got` holds `expected`. NaN is the same as NaN only where NaN is expected.

    Raises wire.ProtocolError if `got` is no wire form.
    """
    kind = type(expected)
    if kind in (list, tuple):
        items = _items(got, kind, rules)
        return (
            items is not None
            and len(items) == len(expected)
            and all(same(e, g, rules) for e, g in zip(expected, items, strict=True))
        )
    if kind is deque:
        held = _content(got, "~q")
        return type(held) is list and len(held) == 2 and same(list(expected), held[1], rules)
    if kind in (set, frozenset):
        return _same_set(expected, got, rules)
    if kind is dict:
        return _same_dict(expected, got, rules)
    if type(got) is list or (type(got) is dict and _is_container(got)):
        return False
    return _same_scalar(expected, wire.decode(got), rules)


def _is_container(got: dict[str, Any]) -> bool:
    return len(got) != 1 or next(iter(got)) in ("~t", "~s", "~f", "~d", "~q") or next(iter(got))[:1] != "~"


def _content(got: wire.Json, tag: str) -> Any:
    if type(got) is dict and len(got) == 1:
        return got.get(tag)
    return None


def _items(got: wire.Json, kind: type, rules: Rules) -> list[Any] | None:
    as_list = got if type(got) is list else None
    as_tuple = _content(got, "~t")
    if type(as_tuple) is not list:
        as_tuple = None
    if rules.sequences_alike:
        return as_list if as_list is not None else as_tuple
    return as_list if kind is list else as_tuple


def _same_set(expected: Any, got: wire.Json, rules: Rules) -> bool:
    tags = ("~s", "~f") if rules.numbers_alike else ("~s",) if type(expected) is set else ("~f",)
    items = next((c for t in tags if type(c := _content(got, t)) is list), None)
    if items is None or len(items) != len(expected):
        return False
    return _matched(expected, items, rules) is not None


def _same_dict(expected: dict[Any, Any], got: wire.Json, rules: Rules) -> bool:
    if type(got) is not dict:
        return False
    pairs = _content(got, "~d")
    if pairs is not None:
        if type(pairs) is not list or [type(p) for p in pairs] != [list, list] or len(pairs[0]) != len(pairs[1]):
            raise wire.ProtocolError("a bad dict")
        keys, values = pairs
    elif len(got) == 1 and next(iter(got))[:1] == "~":
        return False
    else:
        keys, values = list(got), list(got.values())
    if len(keys) != len(expected):
        return False
    found = _matched(expected, keys, rules)
    return found is not None and all(same(expected[k], v, rules) for k, v in zip(found, values, strict=True))


def _matched(expected: Any, keys: list[Any], rules: Rules) -> list[Any] | None:
    """For each received key the expected one, all different; None if one has no partner."""
    own = {k: k for k in expected}
    found = []
    for key in keys:
        value = wire.decode(key, hash_guard=True)
        try:
            partner = own.pop(value)
        except (KeyError, TypeError):
            return None
        if not same(partner, key, Rules(rules.numbers_alike, rules.sequences_alike)):
            return None
        found.append(partner)
    return found


def _same_scalar(expected: Any, got: Any, rules: Rules) -> bool:
    if isinstance(expected, float) and math.isnan(expected):
        return type(got) is float and math.isnan(got)
    numbers = isinstance(expected, _NUMBERS) and isinstance(got, _NUMBERS)
    if numbers and rules.tolerance is not None and not isinstance(expected, bool) and not isinstance(got, bool):
        return _close(expected, got, rules.tolerance)
    if type(expected) is not type(got) and not rules.numbers_alike:
        return False
    return bool(expected == got)


def _close(expected: Any, got: Any, tolerance: tuple[float, float]) -> bool:
    if expected == got:
        return True
    try:
        distance = abs(expected - got)
        return math.isfinite(distance) and distance <= max(tolerance[0] * abs(expected), tolerance[1])
    except OverflowError:  # an int beyond all floats
        return False


def same_output(expected: str | bytes, got: bytes, how: str, tolerance: tuple[float, float] | None) -> bool:
    """Whether a program's output is the expected one; see `Stdio.compare`."""
    want = expected.encode("utf-8", "surrogateescape") if isinstance(expected, str) else expected
    if how == "exact":
        return got == want
    if how == "lines":
        return got == want or _lines(got) == _lines(want)
    if len(got) > 4 * len(want) + 65536:
        return False
    a, b = got.split(), want.split()
    return len(a) == len(b) and all(x == y or _same_number(x, y, tolerance) for x, y in zip(a, b, strict=True))


def _lines(text: bytes) -> list[bytes]:
    lines = [line.rstrip() for line in text.replace(b"\r\n", b"\n").split(b"\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _same_number(got: bytes, want: bytes, tolerance: tuple[float, float] | None) -> bool:
    if tolerance is None or len(got) > 400:
        return False
    try:
        return _close(float(want), float(got), tolerance) if b"_" not in got else False
    except ValueError:
        return False
