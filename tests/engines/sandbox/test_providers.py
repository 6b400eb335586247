"""Providers that run scripts and no more: everything is built on that, with the same results as the native one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from rlar.engines.sandbox import (
    Asserts,
    Calls,
    GradeResult,
    ItemError,
    Limits,
    RunResult,
    Sandbox,
    Status,
    Stdio,
    Suite,
    providers,
    wasm,
)
from rlar.engines.sandbox import box as box_module
from rlar.engines.sandbox.remote import Remote
from rlar.engines.sandbox.report import Layer, LayerReport
from rlar.engines.sandbox.results import SandboxFault
from rlar.errors import InputError, UnsafeError
from rlar.types import Fault

LIMITS = Limits(cpu_s=0.5, wall_s=0.8, memory_mib=256)


class OverNative:
    """The smallest provider: scripts, by another sandbox."""

    name, isolation, layers, has_runtime, at_once = "over native", "confined", ("other",), False, None

    def __init__(self, box: Sandbox, failures: int = 0) -> None:
        self.box = box
        self.failures = failures
        self.runs = 0

    def run(self, program: str, stdin: bytes, limits: Limits, argv: Sequence[str]) -> RunResult:
        self.runs += 1
        if self.failures:
            self.failures -= 1
            raise SandboxFault(Fault.UNAVAILABLE, "away for a moment")
        return self.box.run_sync(program, stdin, limits=limits, argv=argv)

    def report(self) -> LayerReport:
        return LayerReport(self.name, self.isolation, True, (Layer("other", True, "", ""),))

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def over(box: Sandbox) -> Iterator[Sandbox]:
    with Sandbox(LIMITS, slots=1, provider=lambda: OverNative(box)) as made:
        yield made


LINE = Calls("f", [((3,), 16), ((10,), 37)])  # 3 x + 7
HONEST = "def f(x): return 3 * x + 7"
JUDGED = Asserts("for x in (3, 10): assert f(x) == 3 * x + 7", "f")
PLAIN = Asserts("assert f(3) == 16\nassert f(10) == 37", "f")
SUITE = Suite("from solution import f\ndef test_it():\n    assert f(3) == 16\n", framework="pytest")
UNIT = Suite("import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(f(3), 16)\n")


def everything_works(box: Sandbox) -> None:
    """What holds for every provider."""
    assert box.run_sync("import sys\nprint(input(), sys.argv[1:])", "a\n", argv=["b"]).stdout == b"a ['b']\n"
    assert [box.run_sync(p).status for p in ("", "1/0", "import sys; sys.exit(3)")] == ["ok", "error", "error"]
    assert box.run_sync("while True: pass").status is Status.TIMEOUT
    assert box.run_sync("x = 'a' * (1 << 29)").status is Status.MEMORY
    assert box.run_sync("while True: print('x' * 100000)").status is Status.OUTPUT_LIMIT
    for tests, grading in ((LINE, "split"), (PLAIN, "split"), (JUDGED, "shared"), (SUITE, "shared"), (UNIT, "shared")):
        right, wrong = box.grade_sync(HONEST, tests), box.grade_sync(HONEST + " + x", tests)
        assert (right.passed, right.grading, wrong.passed) == (True, grading, False), (right, wrong)
        assert right.layers
        assert wrong.feedback
    assert [c.kind for c in box.grade_sync("def f(x): return 16", LINE).cases] == ["passed", "wrong"]
    assert box.grade_sync("print(int(input()) + 1)", Stdio([("1\n", "2\n"), ("7\n", "8\n")])).passed
    values = box.call_sync("def f(x): return (x, {x: [None]})", "f", [(1,), ("é",)])
    assert [v.value for v in values] == [(1, {1: [None]}), ("é", {"é": [None]})]
    verifier = box.load("def score(r):\n    return len(r) / (len(r) - 1)")
    scores = verifier.judge_sync([("aa",), ("a",), ("aaa",)])
    assert (scores[0], scores[2]) == (2.0, 1.5)
    assert isinstance(scores[1], ItemError)


def test_a_provider_of_one_method_does_everything(over: Sandbox) -> None:
    everything_works(over)
    assert over.report().provider == "over native"


FORGERIES = {
    "lines of its own": "import json, os\ndef f(x): return 0\nfor i in range(9): os.write(1, json.dumps({'id': i, 'value': 16}).encode() + b'\\n')",  # noqa: E501
    "a valid line for all": (
        "import gc, json, os\nr = next(o for o in gc.get_objects() if isinstance(o, dict) and 'cases' in o and 'load' in o)\n"  # noqa: E501
        "for i in [r['load'], *(c[0] for c in r['cases'])]: os.write(1, json.dumps({'id': i, 'value': 16}).encode() + b'\\n')\n"  # noqa: E501
        "os._exit(0)"
    ),
    "an early exit": "import os\nos._exit(0)",
    "an object equal to everything": "class A(int):\n    __eq__ = lambda s, o: True\n    __hash__ = int.__hash__\ndef f(x): return A()",  # noqa: E501
    "printing": "print('passed')\ndef f(x): print(16)",
    "another printer": "import sys\nsys.stdout = sys.stderr = None\ndef f(x): return 0",
}


@pytest.mark.parametrize("name", FORGERIES)
def test_no_forgery_passes(over: Sandbox, name: str) -> None:
    for tests in (LINE, PLAIN):
        graded: GradeResult = over.grade_sync(FORGERIES[name], tests)
        assert not graded.passed
        assert graded.grading == "split"


def test_a_provider_that_fails_once_is_asked_again_and_twice_is_a_fault(box: Sandbox) -> None:
    with Sandbox(LIMITS, slots=1, provider=lambda: OverNative(box, failures=1)) as made:
        assert made.grade_sync(HONEST, LINE).passed
    with (
        Sandbox(LIMITS, slots=1, provider=lambda: OverNative(box, failures=9)) as made,
        pytest.raises(SandboxFault, match="away"),
    ):
        made.grade_sync(HONEST, LINE)


def test_plans_of_tests_are_made_once(box: Sandbox) -> None:
    provider = OverNative(box)
    with Sandbox(LIMITS, slots=1, provider=lambda: provider) as made:
        for _ in range(3):
            assert made.grade_sync(HONEST, PLAIN).passed
    assert provider.runs == 4


def test_less_isolation_than_required_is_refused(box: Sandbox) -> None:
    with pytest.raises(UnsafeError, match="over native"):
        Sandbox(provider=lambda: OverNative(box), require="full").run_sync("")


@pytest.mark.parametrize("name", ["docker", "ftp://x", "Wasm"])
def test_providers_have_names(name: str) -> None:
    with pytest.raises(InputError, match="bubblewrap"):
        Sandbox(provider=name)


def no_native(*args: Any) -> None:
    raise UnsafeError("isolation 'confined' cannot be had here")


def test_without_native_and_portable_provider_it_refuses_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(box_module, "Pool", no_native)
    monkeypatch.setattr(wasm, "NEEDED", ("no_such_package",))
    with pytest.raises(UnsafeError, match=r'cannot be had here.*pip install "rlar\[wasm\]".*no_such_package'):
        Sandbox().run_sync("print(1)")
    with pytest.raises(UnsafeError, match="no_such_package"):
        Sandbox(provider="wasm").run_sync("print(1)")


def test_the_portable_provider_steps_in_where_the_native_one_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch, box: Sandbox
) -> None:
    monkeypatch.setattr(box_module, "Pool", no_native)
    monkeypatch.setattr(wasm, "NEEDED", ())
    monkeypatch.setattr(providers, "_maker", lambda name: {"wasm": lambda: OverNative(box)}[name])
    with Sandbox() as made:
        assert made.grade_sync(HONEST, LINE).passed
    for strict in ({"provider": "native"}, {"require": "full"}, {"layers": ("rlimits", "seccomp", "landlock")}):
        with pytest.raises(UnsafeError):
            Sandbox(**strict).run_sync("")  # type: ignore[arg-type]


# -- services


REPLY = {"status": "Success", "message": "", "run_result": {"status": "Finished", "return_code": 0, "stdout": "1\n"}}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, Status.OK),
        ({"status": "Failed", "run_result": {"status": "Finished", "return_code": 1}}, Status.ERROR),
        ({"status": "Failed", "run_result": {"status": "TimeLimitExceeded", "return_code": None}}, Status.TIMEOUT),
        ({"status": "Failed", "run_result": {"status": "Error", "return_code": -11}}, Status.CRASHED),
        ({"status": "Failed", "message": "memory", "run_result": {"status": "Error"}}, Status.MEMORY),
        ({"status": "Success", "run_result": {"status": "Finished", "return_code": 1}}, Status.ERROR),
        ({"run_result": {"status": "Finished", "return_code": 0, "stdout": "x" * (9 << 20)}}, Status.OUTPUT_LIMIT),
        ({"status": "SandboxError", "message": "no container"}, "no container"),
        ({"run_result": None}, None),
        ({"run_result": []}, None),
        ({"status": "Fine"}, None),
    ],
)
def test_what_a_service_may_answer(change: dict[str, Any], expected: Status | str | None) -> None:
    remote = Remote("http://localhost:1")
    answer = {**REPLY, **change}
    if isinstance(expected, Status):
        assert remote._read(answer, LIMITS, 0.1).status is expected
    else:
        with pytest.raises(SandboxFault, match=expected or "localhost"):
            remote._read(answer, LIMITS, 0.1)


def test_a_service_that_is_not_there_is_a_fault_not_a_failed_program() -> None:
    with Sandbox(LIMITS, provider="http://127.0.0.1:9") as made, pytest.raises(SandboxFault) as e:
        made.grade_sync(HONEST, LINE)
    assert e.value.fault is Fault.UNAVAILABLE


@pytest.mark.slow
def test_our_own_server_is_such_a_service() -> None:
    pytest.importorskip("fastapi")
    from rlar.server.app import Serving
    from rlar.server.running import running_server

    with running_server({}, Serving()) as url, Sandbox(LIMITS, provider=url) as made:
        everything_works(made)


# -- the real ones


def test_bubblewrap() -> None:
    if not shutil.which("bwrap"):
        with pytest.raises(UnsafeError, match="bubblewrap"):
            Sandbox(provider="bubblewrap").run_sync("")
        return
    with Sandbox(LIMITS, slots=1, provider="bubblewrap") as made:
        everything_works(made)
        for attack in HOSTILE:
            assert b"REACHED" not in made.run_sync(attack).stdout


HOSTILE = [
    "try: open('/etc/passwd'); print('REACHED')\nexcept OSError: pass",
    "import os\ntry: os.fork(); print('REACHED')\nexcept OSError: pass",
    "import socket\ntry: socket.create_connection(('127.0.0.1', 22), 1); print('REACHED')\nexcept OSError: pass",
    "import subprocess\ntry: subprocess.run(['/bin/sh']); print('REACHED')\nexcept OSError: pass",
    "import os\nprint('REACHED' if len(os.environ) > 9 else '')",
    "import os\nfor d in ('/tmp', '/var/tmp', '/dev/shm', '/'):\n    try:\n        if d != '/tmp': open(d + '/x', 'w'); print('REACHED')\n    except OSError: pass",  # noqa: E501
]


@pytest.fixture(scope="module")
def in_wasm() -> Iterator[Callable[[], Sandbox]]:
    if wasm.missing():
        pytest.skip(f"the extra `wasm` is not installed: no {', '.join(wasm.missing())}")
    with Sandbox(LIMITS, slots=1, provider="wasm") as made:
        yield lambda: made


@pytest.mark.slow
@pytest.mark.timeout(600)  # the interpreter is compiled once
def test_wasm(in_wasm: Callable[[], Sandbox]) -> None:
    made = in_wasm()
    everything_works(made)
    for attack in HOSTILE:
        assert b"REACHED" not in made.run_sync(attack).stdout
    assert made.run_sync("import time\ntime.sleep(99)").status is Status.TIMEOUT  # its host is killed
    assert made.run_sync("print(1)").stdout == b"1\n"
    assert made.run_sync("import os\nos._exit(0)").status is Status.OK
    deep = "import sys\nsys.setrecursionlimit(10**9)\ndef f(): f()\nf()"
    assert made.run_sync(deep).status in (Status.CRASHED, Status.MEMORY, Status.ERROR)
    assert (
        made.run_sync("import sys; x = 1").stdout == made.run_sync("print('x' in globals())").stdout[:0]
    )  # nothing stays
    assert made.run_sync("print('x' in globals())").stdout == b"False\n"
    for name in FORGERIES:
        assert not made.grade_sync(FORGERIES[name], LINE).passed
