"""The maker of tiny models, shared with the tests of the engine."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def making():
    pytest.importorskip("torch", reason='needs pip install "rlar[models]"')
    pytest.importorskip("transformers", reason='needs pip install "rlar[models]"')
    name = "models_making"
    if name not in sys.modules:
        path = Path(__file__).parents[2] / "engines" / "models" / "making.py"
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]
