"""Makes the modules beside the tests importable by name; pytest's importlib mode leaves sys.path alone."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

for name in ("toys", "rewardbench2_cases"):
    if f"evals_{name}" not in sys.modules:
        spec = importlib.util.spec_from_file_location(f"evals_{name}", Path(__file__).with_name(f"{name}.py"))
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[f"evals_{name}"] = module
        spec.loader.exec_module(module)
