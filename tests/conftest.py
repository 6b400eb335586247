"""What all tests share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a background job of a shell has it: our programs hear Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "same", derandomize=True
)  # the same examples in every run: a change is judged by what it changed
settings.register_profile("new")  # others each time: `pytest --hypothesis-profile new`, as the nightly run does
settings.load_profile("same")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run tests that take minutes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="takes minutes; run with --slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real labelled data that may lie beside the checkout (or where RLAR_SHARED_DATA says)."""
    folder = Path(os.environ.get("RLAR_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "manifest.json").exists():
        pytest.skip(f"no labelled data at {folder}: set RLAR_SHARED_DATA to its folder to run this test")
    return folder
