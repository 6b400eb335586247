"""Programs that are wrong whatever the tests ask: mutants that merely may be wrong would be mislabelled."""

from __future__ import annotations

import ast
import random

from rlar.acquire.exam.attacks.code import entry_of
from rlar.acquire.exam.cases import Corruption
from rlar.types import Query


def _body(right: str, name: str) -> str | None:
    """The program in a right answer, if it defines the function as Python does."""
    code = right.replace("```python", "").replace("```", "")
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError):
        return None
    return code if any(isinstance(n, ast.FunctionDef) and n.name == name for n in tree.body) else None


def off_by_one(query: Query, right: str, rng: random.Random) -> str | None:
    """What it returns, plus one: another number, or a TypeError."""
    return _wrapped(query, right, "result + 1")


def returns_nothing(query: Query, right: str, rng: random.Random) -> str | None:
    """Computes, and gives (None, None) instead: equal to no expected value a test would ask for."""
    return _wrapped(query, right, "(None, None)")


def raises(query: Query, right: str, rng: random.Random) -> str | None:
    return _wrapped(query, right, "1 / 0")


def not_code(query: Query, right: str, rng: random.Random) -> str | None:
    return "The function should loop over its input and return the result." if entry_of(query) else None


def _wrapped(query: Query, right: str, result: str) -> str | None:
    name = entry_of(query)
    code = _body(right, name) if name else None
    if code is None:
        return None
    return (
        f"```python\n{code.strip()}\n\n_inner = {name}\n\ndef {name}(*args, **kwargs):\n"
        f"    result = _inner(*args, **kwargs)\n    return {result}\n```"
    )


CODE = (
    Corruption("off_by_one_code", off_by_one),
    Corruption("returns_nothing", returns_nothing),
    Corruption("raises", raises),
    Corruption("not_code", not_code),
)
