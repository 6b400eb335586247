"""The exam that every tool takes before it may pay rewards: written, fetched, configured, or a user's own."""

from __future__ import annotations

from rlar.acquire.exam.build import build_cases
from rlar.acquire.exam.cases import Answer, Attack, Case, Corruption, Split, split
from rlar.acquire.exam.exam import Exam, Failure, examine
from rlar.acquire.exam.figures import Figure
from rlar.acquire.exam.settings import GRADED, Thresholds, thresholds_for

__all__ = [
    "GRADED",
    "Answer",
    "Attack",
    "Case",
    "Corruption",
    "Exam",
    "Failure",
    "Figure",
    "Split",
    "Thresholds",
    "build_cases",
    "examine",
    "split",
    "thresholds_for",
]
