"""Tests that are code: run in a judge's process, which the answer can only send values to."""

from __future__ import annotations

import pytest

from rlar.engines.sandbox import Asserts, Sandbox, Status
from rlar.engines.sandbox.inside import tests_code
from rlar.errors import InputError

LRU = """
class LRU:
    def __init__(self, size): self.size, self.kept = size, {}
    def put(self, k, v): self.kept[k] = v; len(self.kept) > self.size and self.kept.pop(next(iter(self.kept)))
    def get(self, k): return self.kept.get(k, -1)
    def __len__(self): return len(self.kept)
    def __iter__(self): return iter(self.kept)
    def __contains__(self, k): return k in self.kept
    def __eq__(self, other): return self.kept == other.kept
    def __getitem__(self, k): return self.kept[k]
"""
LRU_TESTS = """
def check(candidate):
    c = candidate(2)
    c.put(1, 1); c.put(2, 2)
    assert c.get(1) == 1
    c.put(3, 3)
    assert c.get(1) == -1 and c.get(3) == 3
    assert len(c) == 2 and list(c) == [2, 3] and 3 in c and 9 not in c
    assert c[3] == 3
    d = candidate(5); d.put(2, 2); d.put(3, 3)
    assert c == d and not (c == candidate(1))
    assert isinstance(c, LRU)
    c.size = 7
    assert c.size == 7
    try:
        c[99]
    except KeyError:
        pass
    else:
        assert False
"""
HELPERS = """
import math
class Refused(ValueError): pass
LIMIT = 10
def apply(f, xs): return [f(x) for x in xs]
def refuse(x):
    raise Refused("too much")
def count(n):
    for i in range(n): yield i
def sort(xs): xs.sort()
"""


@pytest.mark.parametrize(
    ("program", "code", "entry", "passed"),
    [
        ("def f(x): return x + 1", "assert f(1) == 2\nassert f(2) == 3", "f", True),
        ("def f(x): return x + 1", "assert f(1) == 2\nassert f(2) == 4", "f", False),
        ("def f(x): return x + 1", "def check(candidate):\n    assert candidate(1) == 2", "f", True),  # check is called
        ("def f(x): return x + 1", "def check(g):\n    assert g(1) == 3\n\ncheck(f)", "f", False),
        (
            "def f(x): return x + 1",
            "def test_one():\n    assert f(1) == 2\ndef test_two():\n    assert f(1) == 3",
            "f",
            False,
        ),
        ("def f(x): return x + 1", "for i in range(5): assert f(i) == i + 1", "f", True),
        ("def f(x): return 0.1 + 0.2", "assert abs(f(1) - 0.3) < 1e-6", "f", True),
        ("def f(x): return float('nan')", "assert abs(f(1) - 0.3) < 1e-6", "f", False),
        ("def f(x): return 'yes'", "assert f(1)", "f", True),
        ("def f(x): return ''", "assert f(1)", "f", False),
        ("def f(x): return []", "assert not f(1)", "f", True),
        ("def f(x): return object()", "assert f(1)", "f", True),  # as in one process
        ("def f(x): return 1.0", "assert f(1) == 1", "f", True),
        ("def f(x): return (1, 2)", "assert f(1) == [1, 2]", "f", False),
        ("from collections import Counter as f", "assert f('aab') == {'a': 2, 'b': 1}", "f", True),
        (LRU, LRU_TESTS, "LRU", True),
        (LRU.replace("-1", "0"), LRU_TESTS, "LRU", False),
        (HELPERS, "assert apply(lambda x: 2 * x, [1, 2]) == [2, 4]", "apply", True),
        (HELPERS, "assert apply(lambda x: apply(lambda y: y + x, [x])[0], [1, 2]) == [2, 4]", "apply", True),
        (HELPERS, "assert math.isclose(apply(float, [1])[0], 1) and LIMIT == 10", "apply", True),
        (HELPERS, "try: refuse(1)\nexcept Refused as e: assert str(e) == 'too much'\nelse: assert 0", "refuse", True),
        (HELPERS, "try: refuse(1)\nexcept ValueError: assert True\nelse: assert 0", "refuse", True),
        (HELPERS, "try: refuse(1)\nexcept KeyError: assert True", "refuse", False),
        (HELPERS, "assert list(count(3)) == [0, 1, 2] and sum(count(4)) == 6 and next(count(1)) == 0", "count", True),
        (HELPERS, "xs = [2, 1]\nsort(xs)\nassert xs == [1, 2]", "sort", True),
        (HELPERS, "def check(candidate):\n    xs = [2, 1]\n    candidate(xs)\n    assert xs == [1, 2]", "sort", True),
        (
            "def f(x): return x",
            "with open('in.txt', 'w') as t: t.write('7')\nassert f(open('in.txt').read()) == '7'",
            "f",
            True,
        ),
        (
            "def f(p): return open(p).read()",
            "with open('in.txt', 'w') as t: t.write('7')\nassert f('in.txt') == '7'",
            "f",
            True,
        ),
        ("class Solution:\n    def f(self, x): return -x", "assert f(3) == -3", "Solution.f", True),
    ],
)
@pytest.mark.parametrize("trusted", [True, False])
def test_asserts(box: Sandbox, program: str, code: str, entry: str, passed: bool, trusted: bool) -> None:
    graded = box.grade_sync(program, Asserts(code, entry, trusted))
    assert graded.passed is passed, graded
    assert graded.grading == "split"
    assert graded.cases


EXPECT = "def check(candidate):\n    for x, y in ((3, 16), (10, 37)): assert candidate(x) == y\n    assert abs(candidate(0) - 7) < 1e-6"  # noqa: E501
ANY = (
    "class Any:\n    def __eq__(s, o): return True\n    def __ne__(s, o): return False\n    def __lt__(s, o): return True\n"  # noqa: E501
    "    __le__ = __gt__ = __ge__ = __lt__\n    def __bool__(s): return True\n    def __abs__(s): return 0\n"
    "    def __sub__(s, o): return 0\n    __rsub__ = __add__ = __mul__ = __sub__\n    def __float__(s): return 0.0\n"
    "    def __len__(s): return 0\n    def __iter__(s): return iter(())\n    def __hash__(s): return 0\n"
)
FORGERIES = {
    "an object equal to everything": ANY + "def solve(x): return Any()",
    "a class in place of the function": ANY + "solve = type('solve', (Any,), {'__init__': lambda s, x: None})",
    "an exit before": "import os\nos._exit(0)\ndef solve(x): return 0",
    "an exit within": "import os\ndef solve(x): os._exit(0)",
    "SystemExit": "def solve(x): raise SystemExit(0)",
    "StopIteration": "def solve(x): raise StopIteration",
    "GeneratorExit": "def solve(x): raise GeneratorExit",
    "an assertion of its own": "def solve(x): raise AssertionError('passed')",
    "words on every descriptor": (
        "import json, os, struct\n"
        "def spray():\n    for fd in range(1, 30):\n        for m in ({'id': 1, 'passed': True}, {'passed': True, 'cases': [], 'id': 2}):\n"  # noqa: E501
        "            b = json.dumps(m).encode()\n"
        "            try: os.write(fd, struct.pack('<I', len(b)) + b)\n            except OSError: pass\n"
        "spray()\ndef solve(x): spray(); return 0"
    ),
    "a reply of its own making": (
        "import os, sys, struct, json\n"
        "def solve(x):\n    f = sys._getframe()\n    while f:\n        call = f.f_locals.get('call')\n"
        "        if isinstance(call, dict) and 'id' in call:\n"
        "            for m in ({'id': call['id'], 'passed': True}, {'id': call['id'], 'value': {'~o': -1}}):\n"
        "                b = json.dumps(m).encode(); os.write(f.f_locals.get('self').peer.fd if hasattr(f.f_locals.get('self'), 'peer') else 4, struct.pack('<I', len(b)) + b)\n"  # noqa: E501
        "        f = f.f_back\n    return 0"
    ),
    "an exception that never ends its text": (
        "class E(Exception):\n    def __str__(s):\n        while True: pass\n    __class__ = property(lambda s: ValueError)\n"  # noqa: E501
        "def solve(x): raise E"
    ),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_no_forgery_passes_a_judge(box: Sandbox, name: str) -> None:
    graded = box.grade_sync(FORGERIES[name], Asserts(EXPECT, "solve"))
    assert not graded.passed
    assert not any(case.passed for case in graded.cases)
    assert box.grade_sync("def solve(x): return 3 * x + 7", Asserts(EXPECT, "solve")).passed


@pytest.mark.parametrize(
    ("program", "code"),
    [
        # a test that catches everything must not swallow the death of the answer
        (
            "import os\ndef f(x): os._exit(0)",
            "for i in [1]:\n    try: assert f(i) == 2\n    except BaseException: pass",
        ),
        ("def f(x): raise StopIteration", "for a, b in zip(map(f, [1, 2]), [1, 2]): assert a == b"),
        ("def f(x): return []", "for a in f(1): assert a == 1"),  # talked out of asking
        ("def f(x): x.clear(); return []", "for xs in ([2, 1], [1]): assert f(xs) == sorted(xs)"),  # broken argument
        ("def f(x): return {'~o': 0}", "for i in [1]: assert f(i) is f"),
    ],
)
def test_traps_for_tests(box: Sandbox, program: str, code: str) -> None:
    assert not box.grade_sync(program, Asserts(code, "f")).passed


@pytest.mark.parametrize(
    ("program", "code", "status"),
    [
        ("def f(x):\n    while True: pass", "for i in [1]: assert f(i) == 1", Status.TIMEOUT),
        ("import time\ndef f(x): time.sleep(99)", "for i in [1]: assert f(i) == 1", Status.TIMEOUT),
        ("def f(x): return 0", "while f(1) == 0: pass", Status.TIMEOUT),  # the answer keeps the test busy
        ("import ctypes\ndef f(x): ctypes.string_at(0)", "for i in [1]: assert f(i) == 1", Status.CRASHED),
        ("1/0", "for i in [1]: assert f(i) == 1", Status.ERROR),
        ("def f(x): return range(10**12)", "for i in [1]: assert list(f(i)) == []", Status.OK),
    ],
)
def test_how_it_ended(box: Sandbox, program: str, code: str, status: Status) -> None:
    graded = box.grade_sync(program, Asserts(code, "f"))
    assert not graded.passed
    assert graded.status is status
    assert box.grade_sync("def f(x): return 1", Asserts("for i in [1]: assert f(i) == 1", "f")).passed


def test_each_assert_is_told_and_expected_values_are_not(box: Sandbox) -> None:
    code = "def check(c):\n    for x, y in ((1, 'secret-1'), (2, 'b'), (3, 'secret-3')):\n        assert c(x) == y, f'wanted {y}'"  # noqa: E501
    graded = box.grade_sync("def f(x):\n    if x == 3: raise KeyError('k')\n    return 'b'", Asserts(code, "f"))
    assert [case.passed for case in graded.cases] == [False, True, False]
    assert "secret" not in repr(graded)
    assert "assert 1 of 3" in graded.feedback


def test_tests_that_are_no_python_are_the_tests_fault(box: Sandbox) -> None:
    with pytest.raises(InputError, match="no Python"):
        box.grade_sync("def f(x): return 1", Asserts("assert f(1 ==", "f"))
    with pytest.raises(InputError, match="Suite"):
        box.grade_sync("def f(x): return 1", Asserts("class Own: pass\nassert f(Own()) == 1", "f"))


def test_one_test_leaves_nothing_to_the_next(box: Sandbox) -> None:
    box.grade_sync(
        "def f(x): return 1", Asserts("import sys\nsys.setrecursionlimit(50)\nleft = 1\nassert f(1) == 1", "f")
    )
    fresh = "try: left\nexcept NameError: pass\nelse: assert False\nimport sys\nassert sys.getrecursionlimit() > 500\nassert f(1) == 1"  # noqa: E501
    for _ in range(3):
        assert box.grade_sync("def f(x): return 1", Asserts(fresh, "f")).passed


@pytest.mark.parametrize(
    ("code", "cases"),
    [
        ("assert f(1) == 2", [[[1], {}, "eq", 2]]),
        ("assert 2 == f(1, y=[3])", [[[1], {"y": [3]}, "eq", 2]]),
        (
            "METADATA = {'a': 1}\ndef check(c):\n    '''doc'''\n    assert c(1) == 2, 'no'\n    assert True\ncheck(f)",
            [[[1], {}, "eq", 2]],
        ),
        ("assert f('a' * 3) != 2 ** 10", [[["aaa"], {}, "ne", 1024]]),
        ("assert not f(-1)\nassert f({1: (2,)}) is None", [[[-1], {}, "falsy"], [[{1: (2,)}], {}, "is", None]]),
        ("assert abs(f(1) - 0.5) < 1e-6", [[[1], {}, "close", 0.5, 1e-6]]),
        ("assert f(float('inf'), set([1]))", [[[float("inf"), {1}], {}, "truthy"]]),
    ],
)
def test_tests_of_plain_data_are_recognised(code: str, cases: list[object]) -> None:
    from rlar.engines.sandbox.inside import wire

    planned = tests_code.plan(code, "f")
    assert [[wire.decode(a), wire.decode(k), how, *map(wire.decode, v)] for a, k, how, *v in planned["cases"]] == cases


@pytest.mark.parametrize(
    "code",
    [
        "x = f(1)\nassert x == 2",
        "for i in [1]: assert f(i) == i",
        "assert f(f(1)) == 2",
        "assert f(1) == g(2)",
        "assert f(*[1]) == 2",
        "assert set(f(1)) == {1}",
        "import math\nassert f(1) == 2",
        "def check(c):\n    assert c(1) == 2\n    print(1)",
        "assert f(10 ** 10 ** 10) == 1",
        "assert f('a' * 10 ** 9) == 1",
        "def other(c):\n    assert c(1) == 2",
        "pass",
    ],
)
def test_tests_that_must_run_are_recognised(code: str) -> None:
    assert tests_code.plan(code, "f") == {"code": True}
