"""Grading by calls, by input and output, and by suites."""

from __future__ import annotations

from typing import Any

import pytest

from rlar.engines.sandbox import Calls, GradeResult, Sandbox, Status, Stdio, Suite
from rlar.errors import InputError

LINE = Calls("f", [((3,), 16), ((10,), 37), ((0,), 7)])  # 3 x + 7


@pytest.mark.parametrize(
    ("program", "passed", "kinds"),
    [
        ("def f(x): return 3 * x + 7", True, ["passed"] * 3),
        ("def f(x): return x", False, ["wrong"] * 3),
        ("def f(x): return [16, 37, 0][x % 7 % 3]", False, None),
        ("def f(x): return float(3 * x + 7)", False, ["wrong"] * 3),  # 16.0 is not 16, unless alike is asked for
        (
            "def f(x):\n    if x == 10: raise ValueError('ten')\n    return 3 * x + 7",
            False,
            ["passed", "exception", "passed"],
        ),
        ("def f(x):\n    if x == 10: exit()\n    return 3 * x + 7", False, ["passed", "exception", "passed"]),
        ("def f(x): return 3 * x + 7 if x != 10 else object()", False, ["passed", "unreadable", "passed"]),
        ("def g(x): return 1", False, ["not run"] * 3),
        ("1/0", False, ["not run"] * 3),
        ("def f(:", False, ["not run"] * 3),
        ("", False, ["not run"] * 3),
        ("import os\nos._exit(0)", False, ["not run"] * 3),
        (
            "import os\ndef f(x):\n    if x == 10: os._exit(0)\n    return 3 * x + 7",
            False,
            ["passed", "not run", "not run"],
        ),
        ("print('x' * 10_000_000)\ndef f(x): return 3 * x + 7", True, ["passed"] * 3),  # printing is no answer
        ("if __name__ == '__main__': raise SystemExit\ndef f(x): return 3 * x + 7", True, ["passed"] * 3),
        ("f = lambda x: 3 * x + 7", True, ["passed"] * 3),
    ],
)
def test_calls(box: Sandbox, program: str, passed: bool, kinds: list[str] | None) -> None:
    graded = box.grade_sync(program, LINE)
    assert graded.passed is passed
    assert graded.grading == "split"
    if kinds is not None:
        assert [case.kind for case in graded.cases] == kinds


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("def f(x):\n    while True: pass", Status.TIMEOUT),
        ("while True: pass", Status.TIMEOUT),
        ("import time\ndef f(x): time.sleep(100)", Status.TIMEOUT),
        ("import ctypes\ndef f(x): ctypes.string_at(0)", Status.CRASHED),
        ("class E(Exception):\n    def __str__(self):\n        while True: pass\ndef f(x): raise E", Status.TIMEOUT),
    ],
)
def test_an_end_before_the_answers_is_told_and_fails(box: Sandbox, program: str, status: Status) -> None:
    graded = box.grade_sync(program, LINE)
    assert not graded.passed
    assert graded.status is status
    assert len(graded.cases) == 3


FORGERIES = {
    "equal to everything": (
        "class Any(int):\n    def __eq__(self, o): return True\n    __ne__ = lambda s, o: False\n    __hash__ = int.__hash__\n"  # noqa: E501
        "def f(x): return Any(0)"
    ),
    "equal object": "class Any:\n    def __eq__(self, o): return True\ndef f(x): return Any()",
    "not a number": "def f(x): return float('nan')",
    "infinite": "def f(x): return float('inf')",
    "sprayed frames": (
        "import json, os, struct\n"
        "def spray():\n    for fd in range(1, 30):\n        for n in range(3):\n"
        "            b = json.dumps({'id': n, 'value': 16}).encode()\n"
        "            try: os.write(fd, struct.pack('<I', len(b)) + b)\n"
        "            except OSError: pass\n"
        "spray()\ndef f(x): spray(); return 0"
    ),
    "patched codec": (
        "import gc, types\n"
        "for o in gc.get_objects():\n"
        "    if isinstance(o, types.FunctionType) and o.__name__ in ('encode', 'pack', 'to_json'):\n"
        "        o.__code__ = (lambda *a, **k: b'16').__code__\n"
        "def f(x): return 0"
    ),
    "expected values from frames": (
        "import sys, gc\n"
        "def f(x):\n    frame = sys._getframe(1)\n    while frame:\n"
        "        for name in ('expected', 'want', 'expect', 'output'):\n"
        "            if name in frame.f_locals: return frame.f_locals[name]\n"
        "        frame = frame.f_back\n"
        "    for o in gc.get_objects():\n"
        "        if isinstance(o, dict) and 'expected' in o: return o['expected'][0]\n"
        "    return 0"
    ),
    "an exit code": "import os\ndef f(x): os._exit(0)",
    "a late thread": (
        "import threading, os, time\n"
        "def late():\n    time.sleep(0.05)\n    os.write(3, b'passed')\n"
        "def f(x):\n    threading.Thread(target=late).start()\n    return 0"
    ),
    "a tracer": "import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: None)\ndef f(x): return 0",
}


@pytest.mark.parametrize("name", FORGERIES)
def test_no_forgery_passes(box: Sandbox, name: str) -> None:
    graded = box.grade_sync(FORGERIES[name], LINE)
    assert not graded.passed
    assert not any(case.passed for case in graded.cases)
    assert box.grade_sync("def f(x): return 3 * x + 7", LINE).passed


def test_a_valid_reply_with_another_value_is_only_that_value(box: Sandbox) -> None:
    """A process that speaks the protocol perfectly can still say nothing but values."""
    speaker = (
        "import gc, json, os, struct\n"
        "def f(x): return 0\n"
        "request = next(o for o in gc.get_objects() if isinstance(o, dict) and 'cases' in o)\n"
        "for number in [request['load'], *(c[0] for c in request['cases'])]:\n"
        "    b = json.dumps({'id': number, 'value': 16}).encode()\n"
        "    os.write(3, struct.pack('<I', len(b)) + b)\n"
        "os._exit(0)"
    )
    graded = box.grade_sync(speaker, LINE)
    assert [case.passed for case in graded.cases] == [True, False, False]
    assert not graded.passed


def test_feedback_never_tells_what_was_expected(box: Sandbox) -> None:
    tests = Calls("f", [((1,), "the secret answer")])
    for program in ("def f(x): return 'mine'", "def f(x): raise ValueError('mine')", "1/0"):
        graded = box.grade_sync(program, tests)
        said = repr(graded)
        assert "secret" not in said
        assert graded.feedback
    assert "mine" in box.grade_sync("def f(x): return 'mine'", tests).feedback
    assert "(line 2)" in box.grade_sync("def f(x):\n    return 1 / 0", tests).feedback


def test_keyword_arguments_tolerance_and_looseness(box: Sandbox) -> None:
    near = Calls("f", [((1,), {"y": 2}, 1 / 3)], tolerance=(1e-6, 0.0))
    assert box.grade_sync("def f(x, y): return x / (y + 1.0000000001)", near).passed
    assert not box.grade_sync("def f(x, y): return x / (y + 1.001)", near).passed
    assert box.grade_sync("def f(x): return (1.0, [2])", Calls("f", [((0,), [1, (2,)])], strict=False)).passed


def test_a_method_of_a_class_can_be_the_entry_point(box: Sandbox) -> None:
    program = "class Solution:\n    def twice(self, x): return 2 * x"
    assert box.grade_sync(program, Calls("Solution.twice", [((4,), 8)])).passed


def test_arguments_are_new_for_every_call(box: Sandbox) -> None:
    program = "def f(xs):\n    xs.append(1)\n    return len(xs)"
    assert box.grade_sync(program, Calls("f", [(([],), 1), (([],), 1)])).passed


def test_huge_values_fail_only_their_case(box: Sandbox) -> None:
    program = "def f(x): return [0] * 2_000_000 if x else 7"
    graded = box.grade_sync(program, Calls("f", [((1,), 0), ((0,), 7)]))
    assert [case.kind for case in graded.cases] == ["unreadable", "passed"]


def test_values_can_be_had_as_they_are(box: Sandbox) -> None:
    got = box.call_sync("def f(x): return [(1, 'a'), {x: {x}}, None][x]", "f", [(0,), (1,), (2,), (3,)])
    assert [r.value for r in got] == [(1, "a"), {1: {1}}, None, None]
    assert got[3].error is not None
    assert got[3].error["kind"] == "IndexError"
    assert [r.error for r in box.call_sync("while True: pass", "f", [(1,)])] == [{"kind": "timeout"}]


@pytest.mark.parametrize(
    "tests",
    [
        Calls("f", []),
        Calls("f", [(1,)]),
        Calls("f", [((object(),), 1)]),
        Stdio([]),
        Stdio([("", "")], compare="roughly"),
        Suite("", framework="nose"),
        "assert True",
    ],
)
def test_tests_that_test_nothing_are_refused(box: Sandbox, tests: Any) -> None:
    with pytest.raises(InputError):
        box.grade_sync("def f(x): return 1", tests)


@pytest.mark.parametrize(
    ("program", "tests", "passed"),
    [
        ("print(int(input()) * 3 + 7)", Stdio([("3\n", "16\n"), ("10\n", "37\n")]), True),
        ("print(int(input()) * 3 + 7, end='')", Stdio([("3\n", "16\n")]), True),
        ("print(int(input()) * 3 + 7, end='')", Stdio([("3\n", "16\n")], compare="exact"), False),
        ("print('16  \\r\\n\\n')", Stdio([("", "16")]), True),
        ("print('1 6')", Stdio([("", "16")]), False),
        ("print(16); exit(1)", Stdio([("", "16")]), False),  # the right text, but it failed
        ("print(16)\nwhile True: pass", Stdio([("", "16")]), False),
        ("print(*range(400), sep='\\n')", Stdio([("", "16")]), False),  # every answer at once
        ("print('1.0000001   2')", Stdio([("", "1 2\n")], compare="tokens", tolerance=(1e-6, 0)), True),
        ("print('1000001')", Stdio([("", "1000000")], compare="tokens", tolerance=(1e-9, 0)), False),
        ("print('nan')", Stdio([("", "1")], compare="tokens", tolerance=(1e-6, 1e-6)), False),
        ("print('inf')", Stdio([("", "1")], compare="tokens", tolerance=(1e-6, 1e-6)), False),
        ("print(b'\\xff'.decode('latin-1'))", Stdio([("", "ÿ")]), True),
        ("x = open('n', 'a+'); x.seek(0); print(len(x.read())); x.write('1')", Stdio([("", "0"), ("", "0")]), True),
    ],
)
def test_stdio(box: Sandbox, program: str, tests: Stdio, passed: bool) -> None:
    graded = box.grade_sync(program, tests)
    assert graded.passed is passed, graded
    assert len(graded.cases) == len(tests.cases)


SUITE = """
import unittest
from unittest.mock import patch
import solution

class TestIt(unittest.TestCase):
    def test_sum(self):
        self.assertEqual(add(1, 2), 3)

    def test_patched(self):
        with patch("solution.helper", return_value=10):
            self.assertEqual(solution.add(1, 2), 10)

    @unittest.skip("not today")
    def test_skipped(self):
        self.fail()
"""
PYTEST = """
import pytest
from solution import add

@pytest.fixture
def one():
    yield 1

@pytest.mark.parametrize("a, b", [(1, 2), (2, 1), pytest.param(3, 0)])
def test_rows(a, b):
    assert add(a, b) == 3

class TestMore:
    def setup_method(self):
        self.two = 2

    def test_method(self, one, tmp_path, capsys, monkeypatch):
        print("seen")
        assert capsys.readouterr().out == "seen\\n"
        (tmp_path / "x").write_text("1")
        monkeypatch.setenv("A", "B")
        assert add(one, self.two) == pytest.approx(3.0000001)

    @pytest.mark.skip(reason="no")
    def test_skipped(self):
        assert False

def test_raises():
    with pytest.raises(TypeError, match="unsupported"):
        add(1, "a")
"""
ADD = "def helper(a, b): return a + b\ndef add(a, b): return helper(a, b)"


@pytest.mark.parametrize(
    ("program", "tests", "passed", "count"),
    [
        (ADD, Suite(SUITE), True, 2),
        (ADD.replace("a + b", "a - b"), Suite(SUITE), False, 2),
        (ADD, Suite(PYTEST, framework="pytest"), True, 5),
        (ADD.replace("a + b", "a + b + 1"), Suite(PYTEST, framework="pytest"), False, 5),
        (ADD, Suite(SUITE, framework="pytest"), True, 2),
        (ADD, Suite("x = 1"), False, 0),  # no test is no pass
        (ADD, Suite("import unittest\nclass T(unittest.TestCase):\n    def test(self): self.skipTest('')"), False, 1),
        ("import os; os._exit(0)", Suite(SUITE), False, 0),
        ("raise SystemExit(0)", Suite(SUITE), False, 0),
        (ADD, Suite("1/0"), False, 1),
    ],
)
def test_suites_run_at_a_lower_level_of_trust(
    box: Sandbox, program: str, tests: Suite, passed: bool, count: int
) -> None:
    graded: GradeResult = box.grade_sync(program, tests)
    assert graded.passed is passed, graded
    assert graded.grading == "shared"
    assert len(graded.cases) == count
    assert passed or graded.feedback
