"""Checkable instructions: IFEval, IFEvalG (open-instruct), IFBench and M-IFEval ids, decided by the text alone."""

from __future__ import annotations

from rlar.tools.constraints.check import Check, Finding
from rlar.tools.constraints.instructions import Instructions
from rlar.tools.constraints.registry import CHECKS, break_response, describe, find, follows

__all__ = ["CHECKS", "Check", "Finding", "Instructions", "break_response", "describe", "find", "follows"]
