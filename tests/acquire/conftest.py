import sys
from pathlib import Path

import pytest

import rlar.acquire.exam.exam as taking

sys.path.insert(0, str(Path(__file__).parent))  # scripted_coder, which benchmarks use, too


@pytest.fixture
def second_process():
    """Asked for by tests whose exams are also taken in a fresh process, as exams are; it costs seconds."""


@pytest.fixture(autouse=True)
def quick_exams(request, monkeypatch):
    """Exams in this process only: tests/acquire/exam proves the comparison with another one."""
    if "second_process" not in request.fixturenames and not request.node.get_closest_marker("slow"):
        monkeypatch.setattr(taking, "judge_elsewhere", lambda *_: None)
