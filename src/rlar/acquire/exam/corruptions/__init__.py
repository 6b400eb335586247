"""Controlled corruption: wrong answers made from right ones, labelled by construction. One module per kind of answer.

A corruption must be wrong whatever the query says, so each stays out (returns None) where it could be right after all.
"""

from __future__ import annotations

from rlar.acquire.exam.cases import Corruption
from rlar.acquire.exam.corruptions.choices import CHOICES
from rlar.acquire.exam.corruptions.code import CODE
from rlar.acquire.exam.corruptions.constraints import CONSTRAINTS
from rlar.acquire.exam.corruptions.data import DATA
from rlar.acquire.exam.corruptions.numbers import NUMBERS
from rlar.acquire.exam.corruptions.texts import TEXTS

CORRUPTIONS: tuple[Corruption, ...] = (*NUMBERS, *CHOICES, *DATA, *TEXTS, *CODE, *CONSTRAINTS)

__all__ = ["CORRUPTIONS"]
