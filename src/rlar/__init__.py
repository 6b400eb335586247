"""rlar: rewards that can be believed, for reinforcement learning of language models.

Every query gets the right, proven reward tool. The front door is lazy: importing it loads nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

_HOMES = {
    "Fault": "rlar.types",
    "Gap": "rlar.types",
    "Kind": "rlar.types",
    "Mark": "rlar.types",
    "Message": "rlar.types",
    "Query": "rlar.types",
    "Reward": "rlar.types",
    "Task": "rlar.types",
    "ToolCard": "rlar.types",
    "Verdict": "rlar.types",
    "RewardSystem": "rlar.system",
    "score": "rlar.system",
    "tool": "rlar.tools.base",
    "Library": "rlar.library",
}

__all__ = [
    "Fault",
    "Gap",
    "Kind",
    "Library",
    "Mark",
    "Message",
    "Query",
    "Reward",
    "RewardSystem",
    "Task",
    "ToolCard",
    "Verdict",
    "__version__",
    "score",
    "tool",
]

if TYPE_CHECKING:
    from rlar.library import Library
    from rlar.system import RewardSystem, score
    from rlar.tools.base import tool
    from rlar.types import Fault, Gap, Kind, Mark, Message, Query, Reward, Task, ToolCard, Verdict


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"rlar has no {name!r}; it has {', '.join(__all__)}")
    import importlib

    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
