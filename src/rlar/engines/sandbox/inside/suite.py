"""A unittest or pytest-style file, run in the process of the answer that it tests: graded "shared"."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from rlar.engines.sandbox.inside import program, pytest_stand_in
from rlar.engines.sandbox.inside.answers import describe
from rlar.engines.sandbox.inside.channel import Channel

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
Row = tuple[str, str, str]  # name of the test, how it went, class of its exception


def run(channel: Channel, request: dict[str, Any]) -> None:
    """Load the answer, then the tests into the same module, run them, send {"id", "tests": rows} or an error.

    One module holds both, under its own name and as "__main__": tests may import it, use its names, or patch them.
    """
    name = request["module"]
    try:
        module = program.namespace(name, request["source"])
        sys.modules["__main__"] = module
        exec(compile(request["source"], program.FILE, "exec", dont_inherit=True), module.__dict__)  # noqa: S102
    except BaseException as e:
        channel.send({"id": request["id"], "load": describe(e)})
        return
    try:
        if request["framework"] == "pytest":
            pytest_stand_in.install()
        exec(compile(request["code"], "tests.py", "exec", dont_inherit=True), module.__dict__)  # noqa: S102
        rows = list(_unittest(module))
        if request["framework"] == "pytest":
            rows += _pytest(module)
    except BaseException as e:
        channel.send({"id": request["id"], "tests": [["collecting", FAILED, describe(e)["kind"]]]})
        return
    channel.send({"id": request["id"], "tests": rows})


def _unittest(module: types.ModuleType) -> Iterator[Row]:
    if "unittest" not in sys.modules:
        return
    import unittest

    for test in _single(unittest.defaultTestLoader.loadTestsFromModule(module)):
        result = unittest.TestResult()
        declared = bool(getattr(test, "__unittest_skip__", False)) or bool(
            getattr(getattr(test, test._testMethodName, None), "__unittest_skip__", False)
        )
        test.run(result)
        name = test.id().partition(".")[2] or test.id()
        if result.wasSuccessful() and not result.skipped:
            yield name, PASSED, ""
        elif result.skipped and declared:
            yield name, SKIPPED, ""
        else:
            bad = [*result.errors, *result.failures]
            yield name, FAILED, bad[0][1].strip().splitlines()[-1].partition(":")[0][:80] if bad else ""


def _single(suite: Any) -> Iterator[Any]:
    for test in suite:
        if hasattr(test, "_testMethodName"):
            yield test
        else:
            yield from _single(test)


def _pytest(module: types.ModuleType) -> Iterator[Row]:
    fixtures = {n: f for n, f in vars(module).items() if getattr(f, "pytest_fixture", False)}
    for name, thing in list(vars(module).items()):
        if name.startswith("test") and inspect.isfunction(thing):
            yield from _function(name, thing, fixtures)
        elif name.startswith("Test") and inspect.isclass(thing) and not hasattr(thing, "runTest"):
            if any(b.__name__ == "TestCase" for b in thing.__mro__):
                continue
            own = fixtures | {n: f for n, f in vars(thing).items() if getattr(f, "pytest_fixture", False)}
            for method in [m for m in dir(thing) if m.startswith("test")]:
                yield from _method(f"{name}.{method}", thing, method, own)


def _method(name: str, kind: type, method: str, fixtures: dict[str, Any]) -> Iterator[Row]:
    function = getattr(kind, method)

    def call(**values: Any) -> None:
        owner = kind()
        if hasattr(owner, "setup_method"):
            owner.setup_method(*([function] if len(inspect.signature(owner.setup_method).parameters) else []))
        try:
            getattr(owner, method)(**values)
        finally:
            if hasattr(owner, "teardown_method"):
                owner.teardown_method(*([function] if len(inspect.signature(owner.teardown_method).parameters) else []))

    wanted = [p for p in inspect.signature(function).parameters if p != "self"]
    yield from _cases(name, call, wanted, function, fixtures)


def _function(name: str, function: Callable[..., Any], fixtures: dict[str, Any]) -> Iterator[Row]:
    yield from _cases(name, function, list(inspect.signature(function).parameters), function, fixtures)


def _cases(
    name: str, call: Callable[..., Any], wanted: list[str], function: Any, fixtures: dict[str, Any]
) -> Iterator[Row]:
    if getattr(function, "pytest_skip", False):
        yield name, SKIPPED, ""
        return
    for number, given in enumerate(pytest_stand_in.combinations(function)):
        shown = name if not given else f"{name}[{number}]"
        try:
            with pytest_stand_in.Fixtures(fixtures) as values:
                call(**given, **{w: values.get(w) for w in wanted if w not in given})
        except BaseException as e:
            yield shown, FAILED, type(e).__name__[:80]
        else:
            yield shown, PASSED, ""
