"""LLM judges: see `Judge` and `JudgeSettings`."""

from __future__ import annotations

from rlar.tools.judge.tool import Judge, JudgeSettings

__all__ = ["Judge", "JudgeSettings"]
