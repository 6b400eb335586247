"""What an exam asks: queries with answers whose worth is known, by construction or by label."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from rlar.types import Query


@dataclass(frozen=True, slots=True)
class Answer:
    """A response whose worth is known. how: "gold:boxed", "corruption:wrong_number", "labelled", "rollout" ..."""

    text: str
    how: str


@dataclass(frozen=True, slots=True)
class Case:
    """One query of an exam. right and wrong may both be empty; ranked: labelled responses as (text, label) beside them.

    group: queries of one group are near-copies, and stay on one side of the held-out split.
    """

    query: Query
    right: tuple[Answer, ...] = ()
    wrong: tuple[Answer, ...] = ()
    ranked: tuple[tuple[str, float], ...] = ()
    group: str = ""

    @property
    def cluster(self) -> str:
        return self.group or self.query.key


@dataclass(frozen=True, slots=True)
class Corruption:
    """Makes a wrong answer out of a right one, so that it is wrong by construction.

    make(query, right, rng) -> the wrong text, or None where this corruption does not apply.
    """

    name: str
    make: Callable[[Query, str, random.Random], str | None]


@dataclass(frozen=True, slots=True)
class Attack:
    """A text that tries to be paid without being good. on: what it is built from, which says what it must not do.

    "nothing": must not count as right, nor reach any right answer. "wrong": built on a wrong answer, must not be worth
    more than that answer (beyond the tie band), nor count as right. "right": built on a right answer (repeated ...),
    must not be worth more than it.
    make(query, base, rng, others) -> the text, or None where it does not apply; base is "" for "nothing"; others:
    right answers to *other* queries of the family.
    """

    name: str
    on: str
    make: Callable[[Query, str, random.Random, Sequence[str]], str | None]
    about: str = ""


def rng_for(seed: int, *parts: str) -> random.Random:
    """A generator that depends on seed and content only, so that every case is the same wherever and whenever made."""
    digest = hashlib.sha256("\x1f".join([str(seed), *parts]).encode("utf-8", "surrogatepass")).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))


@dataclass(frozen=True, slots=True)
class Split:
    """practice: what the writer of a tool may see. held_out: what decides; nobody who writes tools sees it."""

    practice: tuple[Case, ...] = field(default=())
    held_out: tuple[Case, ...] = field(default=())


def split(cases: Iterable[Case], *, seed: int = 0, held_out: float = 0.5) -> Split:
    """Split by cluster, so that near-copies stay together; the same cases split the same way in any order."""
    practice: list[Case] = []
    kept: list[Case] = []
    for case in sorted(cases, key=lambda c: c.query.key):
        side = kept if rng_for(seed, "split", case.cluster).random() < held_out else practice
        side.append(case)
    return Split(tuple(practice), tuple(kept))
