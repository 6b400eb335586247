"""Is the reward system any good? Benchmarks, baselines and oracles; see docs/evals.md.

>>> from rlar.evals import evaluate
>>> run = evaluate(["data.jsonl"])  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

_HOMES = {
    "Settings": "rlar.evals.settings",
    "diff_runs": "rlar.evals.diff",
    "evaluate": "rlar.evals.evaluation",
    "load_run": "rlar.evals.runs",
    "read_datasets": "rlar.evals.cases",
    "read_scores": "rlar.evals.tool_scores",
    "save_run": "rlar.evals.runs",
}

__all__ = ["Settings", "diff_runs", "evaluate", "load_run", "read_datasets", "read_scores", "save_run"]

if TYPE_CHECKING:
    from rlar.evals.cases import read_datasets
    from rlar.evals.diff import diff_runs
    from rlar.evals.evaluation import evaluate
    from rlar.evals.runs import load_run, save_run
    from rlar.evals.settings import Settings
    from rlar.evals.tool_scores import read_scores


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"rlar.evals has no {name!r}; it has {', '.join(__all__)}")
    import importlib

    return getattr(importlib.import_module(home), name)
