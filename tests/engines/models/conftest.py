"""What the tests of models share: the maker of tiny models, one engine for all of them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def making():
    """The module that makes tiny models; see making.py beside this file."""
    name = "models_making"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("making.py"))
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="session")
def made(making, tmp_path_factory):
    """made(kind, **options) -> the spec of a tiny model of this kind, made once."""
    folder = tmp_path_factory.mktemp("models")
    found = {}

    def make(kind, /, **options):
        key = (kind, repr(sorted(options.items())))
        if key not in found:
            found[key] = making.make(kind, folder / f"{kind}{len(found)}", **options)
        return found[key]

    return make
