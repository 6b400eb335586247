"""Wrong numbers: the last number of a right answer, changed."""

from __future__ import annotations

import random
import re
from itertools import pairwise

from rlar.acquire.exam.cases import Corruption
from rlar.tools.reference import golds, shape_of
from rlar.types import Query

_NUMBER = re.compile(r"(?<![\w.,])-?\d+(?:,\d{3})*(?:\.\d+)?(?![\w,]|\.\d)")
_MATHS = ("number", "expression", "interval", "set", "tuple")


def _changed(query: Query, right: str, change: str, rng: random.Random) -> str | None:
    """The answer with its last whole number changed, if the query's gold is mathematical."""
    if query.tests is not None or query.constraints or shape_of(query).kind not in _MATHS:
        return None
    places = list(_NUMBER.finditer(right))
    if not places:
        return None
    last = places[-1]
    new = _variant(last.group(), change, rng)
    if new is None or any(new == g.strip() for g in golds(query)):
        return None
    return right[: last.start()] + new + right[last.end() :]


def _variant(text: str, change: str, rng: random.Random) -> str | None:
    plain = text.replace(",", "")
    decimals = len(plain.partition(".")[2])
    value = float(plain)
    if abs(value) > 1e15:
        return None
    if change == "off_by_one":
        return f"{value + rng.choice([-1, 1]):.{decimals}f}"
    if change == "sign":
        return None if value == 0 else f"{-value:.{decimals}f}"
    if change == "ten_times":
        return None if value == 0 else f"{value * 10:.{decimals}f}"
    if change == "digits_swapped":
        digits = [i for i, c in enumerate(plain) if c.isdigit()]
        pairs = [(a, b) for a, b in pairwise(digits) if plain[a] != plain[b] and b == a + 1]
        if not pairs:
            return None
        a, b = rng.choice(pairs)
        swapped = plain[:a] + plain[b] + plain[a] + plain[b + 1 :]
        return None if float(swapped) == value else swapped
    return f"{value + rng.randrange(5, 60):.{decimals}f}"


def wrong_number(query: Query, right: str, rng: random.Random) -> str | None:
    return _changed(query, right, "wrong_number", rng)


def off_by_one(query: Query, right: str, rng: random.Random) -> str | None:
    return _changed(query, right, "off_by_one", rng)


def sign(query: Query, right: str, rng: random.Random) -> str | None:
    """Only for plain numbers: a sign inside an expression may change nothing (x^2 with -x)."""
    return _changed(query, right, "sign", rng) if shape_of(query).kind == "number" else None


def ten_times(query: Query, right: str, rng: random.Random) -> str | None:
    return _changed(query, right, "ten_times", rng) if shape_of(query).kind == "number" else None


def digits_swapped(query: Query, right: str, rng: random.Random) -> str | None:
    return _changed(query, right, "digits_swapped", rng)


NUMBERS = (
    Corruption("wrong_number", wrong_number),
    Corruption("off_by_one", off_by_one),
    Corruption("sign", sign),
    Corruption("ten_times", ten_times),
    Corruption("digits_swapped", digits_swapped),
)
