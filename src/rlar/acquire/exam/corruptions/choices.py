"""Another choice or label than the right one."""

from __future__ import annotations

import random
import re

from rlar.acquire.exam.cases import Corruption
from rlar.tools.reference import golds, options_in, shape_of
from rlar.types import Query

_LABELS = (
    ("yes", "no"),
    ("true", "false"),
    ("positive", "negative"),
    ("correct", "incorrect"),
    ("valid", "invalid"),
    ("entailment", "contradiction"),
    ("spam", "not spam"),
)


def another_choice(query: Query, right: str, rng: random.Random) -> str | None:
    shape = shape_of(query)
    if shape.kind != "choice" or query.tests is not None or not isinstance(shape.value, str) or len(shape.value) != 1:
        return None
    letters = sorted({k for k in options_in(query.question) if len(k) == 1} or set("ABCD"))
    others = [c for c in letters if c.upper() != shape.value.upper()]
    return f"The answer is ({rng.choice(others)})." if others else None


def another_label(query: Query, right: str, rng: random.Random) -> str | None:
    """The opposite of a label that has one, in the same letters."""
    if shape_of(query).kind != "label" or query.tests is not None:
        return None
    gold = golds(query)[0].strip()
    for pair in _LABELS:
        if gold.casefold() in pair:
            other = pair[1 - pair.index(gold.casefold())]
            return re.sub(rf"\b{re.escape(gold)}\b", other, right, count=0, flags=re.IGNORECASE)
    return None


CHOICES = (Corruption("another_choice", another_choice), Corruption("another_label", another_label))
