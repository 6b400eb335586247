"""Untrusted Python, fast, without root, with results that cannot be forged. See docs/sandbox.md.

Importing this loads nothing but the nouns, and starts nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from rlar.engines.sandbox.box import Sandbox, default_box
    from rlar.engines.sandbox.report import Layer, LayerReport, detect
    from rlar.engines.sandbox.verifier import Verifier

_HOMES = {
    "Layer": "report",
    "LayerReport": "report",
    "Sandbox": "box",
    "Verifier": "verifier",
    "default_box": "box",
    "detect": "report",
}

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


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"rlar.engines.sandbox has no {name!r}; it has {', '.join(__all__)}")
    import importlib

    value = getattr(importlib.import_module(f"rlar.engines.sandbox.{home}"), name)
    globals()[name] = value
    return value
