"""Sandboxes that the tests share: starting one takes a tenth of a second."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from rlar.engines.sandbox import Limits, Sandbox

LIMITS = Limits(cpu_s=1.0, wall_s=1.5, memory_mib=256)
EVERY_LAYER = ("rlimits", "seccomp", "landlock", "namespaces")
LAYER_SETS = {
    "all": EVERY_LAYER,
    "no_namespaces": ("rlimits", "seccomp", "landlock"),
    "no_landlock": ("rlimits", "seccomp", "namespaces"),
}

if not sys.platform.startswith("linux"):
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def box() -> Iterator[Sandbox]:
    """With the best layers that this machine has."""
    with Sandbox(LIMITS, slots=2) as made:
        yield made


@pytest.fixture(scope="module", params=list(LAYER_SETS))
def layered_box(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """One sandbox per set of layers; skipped where this machine lacks them."""
    layers = LAYER_SETS[request.param]
    with Sandbox(LIMITS, slots=1, layers=layers) as made:
        active = made.report().active
        missing = [layer for layer in layers if layer not in active]
        if missing:
            pytest.skip(f"this machine lacks {', '.join(missing)}")
        yield made
