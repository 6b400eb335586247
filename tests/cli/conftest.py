"""A fake reward system behind the real command line, and a way to call it like a shell does."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

import rlar.system
from rlar.cli import main


def _fakes() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cli_fakes", Path(__file__).with_name("fakes.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["cli_fakes"] = module
    spec.loader.exec_module(module)
    return module


class Called(NamedTuple):
    code: int
    out: str
    err: str


Rlar = Callable[..., Called]


@pytest.fixture
def fake_system(monkeypatch: pytest.MonkeyPatch):
    """The one system that every `rlar score` of the test gets."""
    system = _fakes().FakeSystem()
    monkeypatch.setattr(rlar.system, "RewardSystem", lambda *args, **kwargs: system)
    return system


@pytest.fixture
def rlar_command(fake_system: object, capsys: pytest.CaptureFixture[str]) -> Rlar:
    def call(*args: object) -> Called:
        with pytest.raises(SystemExit) as ended:
            main([str(arg) for arg in args])
        captured = capsys.readouterr()
        return Called(int(ended.value.code or 0), captured.out, captured.err)

    return call


@pytest.fixture
def rollouts(tmp_path: Path) -> Path:
    """Nine items: right and wrong, a gap, a tool that crashes, two tools that disagree."""
    rows: list[dict[str, object]] = [
        {"id": f"q{i}", "prompt": f"What is {i} + {i}?", "reference": str(2 * i), "responses": [f"It is {2 * i}.", "7"]}
        for i in range(5)
    ]
    rows += [
        {"id": "gap", "prompt": "How are you?", "responses": ["Fine.", "Go away."]},
        {"id": "crash", "prompt": "crash", "reference": "1", "responses": ["1", "2"]},
        {"id": "both", "prompt": "both", "reference": "1", "responses": ["1", "2"]},
        {"id": "none", "prompt": "What is 1 + 1?", "reference": "2", "responses": []},
    ]
    path = tmp_path / "rollouts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
