"""Programs judged by tests, in the sandbox: see `UnitTests`."""

from __future__ import annotations

from rlar.tools.code.extraction import Program, extract
from rlar.tools.code.tool import UnitTests
from rlar.tools.code.weights import weigh_tests

__all__ = ["Program", "UnitTests", "extract", "weigh_tests"]
