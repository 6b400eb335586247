"""The client of `rlar serve`. It lives beside the adapters, which use it; this is the name that people look for."""

from __future__ import annotations

from rlar.adapters.client import AsyncRewardClient, RewardClient, ServerRefusedError

__all__ = ["AsyncRewardClient", "RewardClient", "ServerRefusedError"]
