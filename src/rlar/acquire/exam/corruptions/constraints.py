"""A followed instruction, broken: a dropped keyword, a comma too many, a sentence too few."""

from __future__ import annotations

import random

from rlar.acquire.exam.cases import Corruption
from rlar.errors import InputError
from rlar.tools.constraints import break_response
from rlar.types import Query


def dropped_constraint(query: Query, right: str, rng: random.Random) -> str | None:
    """Break one of the query's instructions, chosen at random among those that can be broken in this text."""
    constraints = list(query.constraints)
    rng.shuffle(constraints)
    for constraint in constraints:
        try:
            broken = break_response(right, constraint)
        except InputError:  # an instruction that no check is known for
            continue
        if broken is not None:
            return broken
    return None


CONSTRAINTS = (Corruption("dropped_constraint", dropped_constraint),)
