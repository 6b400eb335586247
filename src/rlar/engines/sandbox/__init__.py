"""Untrusted Python, fast, without root, with results that cannot be forged. See docs/sandbox.md.

Importing this loads nothing heavy and starts nothing.
"""

from __future__ import annotations

from rlar.engines.sandbox.box import Sandbox, default_box
from rlar.engines.sandbox.report import Layer, LayerReport, detect
from rlar.engines.sandbox.results import (
    Asserts,
    Calls,
    CaseResult,
    GradeResult,
    ItemError,
    Limits,
    Returned,
    RunResult,
    SandboxFault,
    Status,
    Stdio,
    Suite,
)
from rlar.engines.sandbox.verifier import Verifier

__all__ = [
    "Asserts",
    "Calls",
    "CaseResult",
    "GradeResult",
    "ItemError",
    "Layer",
    "LayerReport",
    "Limits",
    "Returned",
    "RunResult",
    "Sandbox",
    "SandboxFault",
    "Status",
    "Stdio",
    "Suite",
    "Verifier",
    "default_box",
    "detect",
]
