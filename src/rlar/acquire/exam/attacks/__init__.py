"""The hack suite: texts that try to be paid without being good. Each is a small generator with one "must not gain".

See `Attack` for what each kind must not do. Built-in tools, written tools and users' own tools all face it.
"""

from __future__ import annotations

from rlar.acquire.exam.attacks.answers import ANSWERS
from rlar.acquire.exam.attacks.code import CODE
from rlar.acquire.exam.attacks.grader import GRADER
from rlar.acquire.exam.attacks.surface import SURFACE
from rlar.acquire.exam.cases import Attack

ATTACKS: tuple[Attack, ...] = (*ANSWERS, *SURFACE, *GRADER, *CODE)

__all__ = ["ATTACKS"]
