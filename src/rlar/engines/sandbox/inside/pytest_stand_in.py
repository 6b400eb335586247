"""The part of pytest that test files of language models use, where pytest itself is not installed inside.

raises, approx, fixture (with yield), fail, skip, mark.parametrize, mark.skip, mark.skipif; the fixtures tmp_path,
monkeypatch and capsys. Other marks are accepted and do nothing.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import itertools
import math
import os
import re
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, Self


class Failed(AssertionError):
    pass


class Skipped(Exception):
    pass


def install() -> None:
    """Make `import pytest` work, with the real one if it is there."""
    try:
        import pytest  # noqa: F401
    except ImportError:
        module = types.ModuleType("pytest")
        module.__dict__.update(
            raises=Raises, approx=Approx, fixture=fixture, fail=fail, skip=skip, mark=Mark(), param=param
        )
        sys.modules["pytest"] = module


class Raises(contextlib.AbstractContextManager["Raises"]):
    """`with raises(ValueError, match="...") as info` or `raises(ValueError, function, *args)`."""

    def __new__(cls, kind: Any, *call: Any, match: str | None = None, **kwargs: Any) -> Any:
        made = super().__new__(cls)
        made.kind, made.match = kind, match
        if not call:
            return made
        with made:
            call[0](*call[1:], **kwargs)
        return made

    kind: Any
    match: str | None
    value: BaseException
    type: Any

    def __exit__(self, kind: Any, value: BaseException | None, trace: Any) -> bool:
        if value is None:
            raise Failed("DID NOT RAISE")
        if not isinstance(value, self.kind):
            return False
        self.value, self.type = value, type(value)
        if self.match is not None and not re.search(self.match, str(value)):
            raise Failed("another text was raised")
        return True


class Approx:
    """Numbers, and lists, tuples and dicts of them, equal within a tolerance."""

    __array_ufunc__ = None

    def __init__(self, expected: Any, rel: float | None = None, abs: float | None = None) -> None:
        self.expected, self.rel, self.abs = expected, rel, abs

    def __eq__(self, other: object) -> bool:
        return self._near(self.expected, other)

    __hash__ = None  # type: ignore[assignment]

    def _near(self, want: Any, got: Any) -> bool:
        if isinstance(want, dict):
            return (
                isinstance(got, dict) and want.keys() == got.keys() and all(self._near(want[k], got[k]) for k in want)
            )
        if isinstance(want, list | tuple):
            return len(want) == len(got) and all(self._near(w, g) for w, g in zip(want, got, strict=True))
        if isinstance(want, bool) or not isinstance(want, int | float | complex):
            return bool(want == got)
        rel = self.rel if self.rel is not None else (1e-6 if self.abs is None else 0.0)
        least = self.abs if self.abs is not None else 1e-12
        distance = abs(want - got)
        return bool(want == got or (math.isfinite(distance) and distance <= max(rel * abs(want), least)))


def fail(reason: str = "", pytrace: bool = True) -> None:
    raise Failed(reason)


def skip(reason: str = "") -> None:
    raise Skipped(reason)


class Param(tuple[Any, ...]):
    """pytest.param(...): one row of parametrize."""


def param(*values: Any, **about: Any) -> Param:
    return Param(values)


def fixture(function: Any = None, **about: Any) -> Any:
    def mark(f: Any) -> Any:
        f.pytest_fixture = True
        f.pytest_autouse = bool(about.get("autouse"))
        return f

    return mark(function) if callable(function) else mark


class Mark:
    """pytest.mark: what is not known does nothing."""

    def parametrize(self, names: Any, values: Any, **about: Any) -> Callable[[Any], Any]:
        split = [n.strip() for n in names.split(",")] if isinstance(names, str) else list(names)

        def mark(f: Any) -> Any:
            rows = [
                dict(zip(split, v if len(split) > 1 or isinstance(v, Param) else (v,), strict=True)) for v in values
            ]
            f.pytest_rows = [*getattr(f, "pytest_rows", []), rows]
            return f

        return mark

    def skip(self, *reason: Any, **about: Any) -> Any:
        return self._skipping(True, reason)

    def skipif(self, condition: Any, *reason: Any, **about: Any) -> Any:
        return self._skipping(bool(condition), ())

    def _skipping(self, condition: bool, given: tuple[Any, ...]) -> Any:
        def mark(f: Any) -> Any:
            f.pytest_skip = condition
            return f

        return mark(given[0]) if given and callable(given[0]) else mark

    def __getattr__(self, name: str) -> Any:
        return lambda *a, **k: a[0] if a and callable(a[0]) else (lambda f: f)


def combinations(function: Any) -> Iterator[dict[str, Any]]:
    """The arguments of each run of a parametrized test; one empty set for others."""
    for rows in itertools.product(*getattr(function, "pytest_rows", [])):
        yield {k: v for row in rows for k, v in row.items()}


class Fixtures(contextlib.ExitStack):
    """Fixtures of one test: made when asked for, undone at its end."""

    def __init__(self, known: dict[str, Any]) -> None:
        super().__init__()
        self.known = known
        self.made: dict[str, Any] = {}

    def __enter__(self) -> Self:
        super().__enter__()
        for name, function in self.known.items():
            if function.pytest_autouse:
                self.get(name)
        return self

    def get(self, name: str) -> Any:
        if name not in self.made:
            self.made[name] = self._make(name)
        return self.made[name]

    def _make(self, name: str) -> Any:
        if name in self.known:
            function = self.known[name]
            wanted = [p for p in inspect.signature(function).parameters if p != "self"]
            arguments = ([None] if "self" in inspect.signature(function).parameters else []) + [
                self.get(w) for w in wanted
            ]
            if inspect.isgeneratorfunction(function):
                return self.enter_context(contextlib.contextmanager(function)(*arguments))
            return function(*arguments)
        if name == "tmp_path":
            import pathlib
            import tempfile

            return pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        if name == "monkeypatch":
            return self.enter_context(MonkeyPatch())
        if name == "capsys":
            return self.enter_context(Capture())
        raise LookupError(f"fixture {name!r} not found")


class MonkeyPatch(contextlib.ExitStack):
    def setattr(self, target: Any, name: Any, value: Any = ..., raising: bool = True) -> None:
        if value is ...:
            path, _, attribute = target.rpartition(".")
            target, name, value = sys.modules[path], attribute, name
        old = getattr(target, name, ...)
        self.callback(lambda: setattr(target, name, old) if old is not ... else delattr(target, name))
        setattr(target, name, value)

    def setitem(self, target: Any, key: Any, value: Any) -> None:
        old = target.get(key, ...)
        self.callback(lambda: target.__setitem__(key, old) if old is not ... else target.pop(key, None))
        target[key] = value

    def setenv(self, name: str, value: str) -> None:
        self.setitem(os.environ, name, str(value))

    def delenv(self, name: str, raising: bool = True) -> None:
        old = os.environ.pop(name, None)
        if old is not None:
            self.callback(os.environ.__setitem__, name, old)

    def chdir(self, path: Any) -> None:
        self.callback(os.chdir, os.getcwd())  # noqa: PTH109
        os.chdir(path)


class Capture(contextlib.ExitStack):
    def __enter__(self) -> Self:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.enter_context(contextlib.redirect_stdout(self.out))
        self.enter_context(contextlib.redirect_stderr(self.err))
        return self

    def readouterr(self) -> Any:
        read = types.SimpleNamespace(out=self.out.getvalue(), err=self.err.getvalue())
        for stream in (self.out, self.err):
            stream.seek(0)
            stream.truncate()
        return read
