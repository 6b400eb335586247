"""The code agent: an LLM that proposes, writes and mends verifiers, and is believed in nothing that it says.

What it writes is read (static check), run in the sandbox only, and examined like any other tool.
"""

from __future__ import annotations

from rlar.acquire.code_agent.agent import CodeAgent, Limits
from rlar.acquire.code_agent.static import problems_of

__all__ = ["CodeAgent", "Limits", "problems_of"]
