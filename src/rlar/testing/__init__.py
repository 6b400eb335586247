"""Public fakes and checks for people who write tools, trainers' adapters or agents with rlar."""

from __future__ import annotations

from rlar.testing.chat import FakeChat, ReplayChat, ScriptedEndpoint
from rlar.testing.conformance import Check, check_tool

__all__ = ["Check", "FakeChat", "ReplayChat", "ScriptedEndpoint", "check_tool"]
