"""The forms that tests come in, read into what the sandbox grades by."""

from __future__ import annotations

import ast
import builtins
import functools
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rlar.types import Json, Query, content_key

if TYPE_CHECKING:
    from rlar.engines.sandbox.results import Tests

_CHECK_CALL = re.compile(r"^check\((\w+)\)\s*$", re.MULTILINE)
_SUITE = re.compile(r"^(?:class \w+\((?:unittest\.)?TestCase\)|(?:async )?def test_\w*\(|class Test\w*)", re.MULTILINE)
PYTHON = ("python", "python3", "py", "")


def has_tests(query: Query) -> bool:
    """Whether a query's tests are of a form that is known here. Cheap: nothing is parsed as a program."""
    tests = query.tests
    if not tests or str(tests.get("language") or "python").lower() not in PYTHON:
        return False
    if isinstance(tests.get("code"), str):
        return bool(tests["code"].strip())
    cases = tests.get("cases")
    return isinstance(cases, list) and bool(cases) and all(_is_case(c) for c in cases)


def _is_case(case: Json) -> bool:
    if isinstance(case, Mapping):
        return {"input", "output"} <= set(case) or {"args", "expected"} <= set(case)
    return isinstance(case, list) and len(case) in (2, 3)


def read_tests(tests: Mapping[str, Json]) -> Tests:
    """What the sandbox grades by. Raises ValueError for tests that cannot be used, saying why.

    {"code", "entry_point"}: asserts, a `check(candidate)` function, or a pytest / unittest file.
    {"cases": [{"input", "output"}], "entry_point"?}: calls where entry_point is given, else standard input and output.
    {"cases": [[args, expected] or [args, kwargs, expected]], "entry_point"}: calls.
    "tolerance": between finite numbers, relative and absolute. "compare": "lines", "tokens" or "exact", for output.
    """
    return _read(json.dumps(dict(tests), sort_keys=True, default=str), content_key(dict(tests)))


@functools.lru_cache(maxsize=2048)
def _read(body: str, key: str) -> Tests:  # equal tests give one object, which the sandbox prepares once
    from rlar.engines.sandbox import Asserts, Suite

    tests = json.loads(body)
    entry = tests.get("entry_point") if isinstance(tests.get("entry_point"), str) else ""
    code = tests.get("code")
    if isinstance(code, str):
        framework = tests.get("framework")
        if framework in ("unittest", "pytest") or (_SUITE.search(code) and not _CHECK_CALL.search(code)):
            style = framework or ("unittest" if "TestCase" in code else "pytest")
            return Suite(code, framework=style, module=str(tests.get("module") or _imported(code)))
        return Asserts(code, entry or _entry_of(code), trusted=tests.get("trusted") is not False)
    return _cases(tests, entry)


def _cases(tests: Mapping[str, Json], entry: str) -> Tests:
    from rlar.engines.sandbox import Calls, Stdio

    tolerance = tests.get("tolerance")
    slack = (float(tolerance), float(tolerance)) if isinstance(tolerance, (int, float)) else None
    cases = tests["cases"]
    if entry:
        return Calls(entry, [_call(c) for c in cases], strict=False, tolerance=slack)
    if not all(isinstance(c, Mapping) and "input" in c for c in cases):
        raise ValueError("cases of arguments need an entry_point")
    pairs = [(_text(c["input"]), _text(c["output"])) for c in cases]
    compare = tests.get("compare") or ("tokens" if slack else "lines")
    return Stdio(pairs, compare=str(compare), tolerance=slack if compare == "tokens" else None)


def _call(case: Json) -> tuple[Json, ...]:
    """One call: arguments as a list, or lines of JSON (one per argument, APPS's way)."""
    if isinstance(case, list):
        return tuple(case)
    if "args" in case:
        return (case["args"], case.get("kwargs") or {}, case["expected"])
    given, wanted = case["input"], case["output"]
    if isinstance(given, str):
        given = [_value(line) for line in given.splitlines()] if given.strip() else []
    if isinstance(wanted, str):
        wanted = _value(wanted)
    return (given if isinstance(given, list) else [given], wanted)


def _value(text: str) -> Json:
    """A literal as JSON or Python writes it; text that is neither stays text."""
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return text


def _text(value: Json) -> str:
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)


def _entry_of(code: str) -> str:
    """The function under test, where nobody named it: of `check(f)`, else what the first assert calls."""
    if found := _CHECK_CALL.findall(code):
        return str(found[-1])
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as e:
        raise ValueError(f"the tests are no Python program: {e}") from e
    own = {n.name for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            called = (c.func.id for c in ast.walk(node) if isinstance(c, ast.Call) and isinstance(c.func, ast.Name))
            if name := next((n for n in called if n not in own and not hasattr(builtins, n)), None):
                return name
    raise ValueError("the tests name no function of the answer; give entry_point")


def _imported(code: str) -> str:
    """The module by which a suite imports the answer: the first that is not of the standard library."""
    import sys

    for line in code.splitlines():
        match = re.match(r"(?:from|import) (\w+)", line)
        if match and match[1] not in sys.stdlib_module_names and match[1] not in ("pytest", "numpy"):
            return match[1]
    return "solution"
