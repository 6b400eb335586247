"""Verifying mathematical answers. `Math` is the tool.

Its parts: answer (finding), form and intervals (reading), compare (deciding), symbolic (algebra by Math-Verify).
"""

from rlar.tools.math.tool import Math

__all__ = ["Math"]
