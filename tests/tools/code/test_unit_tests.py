import asyncio

import pytest

from rlar.rollouts import read_items
from rlar.tools.code import UnitTests, weigh_tests
from rlar.tools.code.forms import has_tests, read_tests
from rlar.tools.code.weights import credit
from rlar.types import Fault, Query

CHECK = """
def check(candidate):
    assert candidate(1) == 2
    assert candidate(5) == 6
    assert candidate(-1) == 0

check(add_one)
"""
RIGHT = "def add_one(x):\n    return x + 1\n"
HALF = "def add_one(x):\n    return x + 1 if x > 0 else 7\n"
FORMS = {
    "check": {"entry_point": "add_one", "code": CHECK},
    "asserts": {"code": "assert add_one(1) == 2\nassert add_one(5) == 6\nassert add_one(-1) == 0\n"},
    "calls": {"entry_point": "add_one", "cases": [[[1], 2], [[5], 6], [[-1], 0]]},
    "apps": {"entry_point": "add_one", "cases": [{"input": "1", "output": "2"}, {"input": "-1", "output": "0"}]},
    "unittest": {
        "code": "import unittest\nfrom solution import add_one\n\nclass T(unittest.TestCase):\n"
        "    def test_one(self):\n        self.assertEqual(add_one(1), 2)\n"
        "    def test_low(self):\n        self.assertEqual(add_one(-1), 0)\n"
    },
    "pytest": {
        "code": "from solution import add_one\n\ndef test_one():\n    assert add_one(1) == 2\n\n"
        "def test_low():\n    assert add_one(-1) == 0\n"
    },
}
SCRIPT = {"cases": [{"input": "1\n", "output": "2\n"}, {"input": "41\n", "output": "42\n"}]}


def query(tests, prompt="Write add_one."):
    return Query(prompt, tests=tests)


def judged(tests, *responses, **settings):
    return asyncio.run(UnitTests(**settings).judge(query(tests), responses))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_tells_right_from_wrong(form):
    right, half, broken, empty, prose = judged(FORMS[form], RIGHT, HALF, "def add_one(x:\n", "", "Just add one.")
    assert (right.value, half.value, broken.value, empty.value, prose.value) == (1.0, 0.0, 0.0, 0.0, 0.0)
    assert ("grading=shared" in right.why) == (form in ("unittest", "pytest"))


def test_scripts_are_judged_by_what_they_print():
    right, wrong, loud = judged(
        SCRIPT, "print(int(input()) + 1)", "print(2)", "print(int(input()) + 1)\nprint('x' * 10**8)"
    )
    assert (right.value, wrong.value, loud.value) == (1.0, 0.0, 0.0)


CHEATS = {
    "always equal": "class E:\n    def __eq__(self, o): return True\ndef add_one(x): return E()\n",
    "exit": "import os\ndef add_one(x): os._exit(0)\n",
    "system exit": "raise SystemExit(0)\n",
    "loop": "def add_one(x):\n    while True: pass\n",
    "memory": "def add_one(x):\n    return [0] * 10**11\n",
    "nan": "def add_one(x): return float('nan')\n",
    "frame": (
        "import sys\ndef add_one(x):\n    f = sys._getframe()\n    while f:\n"
        "        f.f_globals['check'] = lambda c: None\n        f = f.f_back\n"
    ),
    "silent asserts": (
        "import builtins\nbuiltins.AssertionError = type('A', (Exception,), {})\n"
        "def add_one(x): raise builtins.AssertionError\n"
    ),
    "string": "def add_one(x): return str(x + 1)\n",
}


@pytest.mark.parametrize("name", CHEATS)
def test_cheats_are_low_values_and_honest_neighbours_are_unharmed(name):
    cheat, honest = judged(FORMS["check"], CHEATS[name], RIGHT, cpu_s=1.0)
    assert (cheat.value, cheat.fault, honest.value) == (0.0, None, 1.0)


def test_import_os_is_no_crime():
    assert judged(FORMS["check"], "import os, sys, subprocess\n" + RIGHT)[0].value == 1.0


def test_feedback_never_tells_expected_values():
    tests = {"entry_point": "f", "cases": [[[1], 987654321]]}
    (verdict,) = judged(tests, "def f(x): return 5\n")
    assert verdict.value == 0.0 and "987654321" not in verdict.why


def test_partial_credit_is_anchored_so_that_only_a_full_pass_pays_one():
    right, half, none = judged(FORMS["calls"], RIGHT, HALF, "def add_one(x): return None\n", partial=True)
    assert right.value == 1.0 and 0 < half.value <= 0.5 and none.value == 0.0
    assert half.terms == {"tests_passed": 2.0, "tests_run": 3.0}


def test_a_test_that_nobody_ever_passed_weighs_nothing():
    assert weigh_tests([8, 2, 0], 10) == pytest.approx([0.2, 0.8, 0.0])
    assert weigh_tests([0, 0], 10) == [0.5, 0.5]
    assert weigh_tests([10, 10, 0], 10) == [0.5, 0.5, 0.0]  # all passed by everybody, one never
    assert credit([True, False], [0.2, 0.8], everything=False) == pytest.approx(0.1)
    assert credit([True, True], None, everything=True) == 1.0
    with pytest.raises(ValueError):
        weigh_tests([11], 10)


@pytest.mark.parametrize(
    ("tests", "known"),
    [
        (None, False),
        ({}, False),
        ({"code": "  "}, False),
        ({"code": "assert f()", "language": "cpp"}, False),
        ({"cases": []}, False),
        ({"cases": [5]}, False),
        ({"cases": [{"input": "1", "output": "2"}]}, True),
        ({"code": "assert f() == 1"}, True),
    ],
)
def test_what_is_no_test_does_not_fit(tests, known):
    assert has_tests(query(tests)) is known and UnitTests().fits(query(tests)) is known


@pytest.mark.parametrize("tests", [{"code": "assert 1 == 1"}, {"code": "def ("}, {"cases": [[[1], 2]]}])
def test_tests_that_cannot_be_used_are_a_fault_for_innocent_programs(tests):
    (verdict,) = judged(tests, RIGHT)
    assert verdict.fault is Fault.MISSING and "cannot be used" in verdict.why


def test_equal_tests_are_prepared_once():
    assert read_tests(dict(FORMS["calls"])) is read_tests(dict(FORMS["calls"]))


@pytest.mark.data
def test_labels_of_real_programs_agree(shared_data):
    """Every 12th item, for time; benchmarks/code.py runs all."""
    tool = UnitTests()
    for name in ("bon_humaneval", "bon_mbpp_mutants"):
        items = list(read_items([shared_data / "eval" / f"{name}.jsonl.gz"]))[::12]
        verdicts = asyncio.run(tool.judge_many([(i.query, i.responses) for i in items]))
        for item, group in zip(items, verdicts, strict=True):
            assert [v.value for v in group] == list(item.labels), item.id
