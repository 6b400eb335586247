"""Scoring of those reasoning-gym tasks whose own scorers must not see what a policy writes.

In reasoning-gym 0.1.25 (and at its head) nine scorers run the answer as code (`eval`, sympy's `parse_expr`), and some
give full marks to a constant: game_of_life_halting to any text, complex_arithmetic to "nan", coin_flip to "0", puzzle24
to any way of making 24, whatever the item's numbers. Here each of them either has a scorer of our own that gives the
same marks to honest answers, or a gate that lets through only what cannot be code.
"""

from __future__ import annotations

import ast
import cmath
import math
import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

LONGEST = 5_000  # characters of an answer that is parsed here

Entry = Mapping[str, Any]


# -- scorers of our own: (answer, item) -> mark in [0, 1] ------------------------------------------------------------


def binary_matrix(answer: str, entry: Entry) -> float:
    """1.0 for the gold text, 0.1 for it as a Python list of rows."""
    if answer == entry["answer"]:
        return 1.0
    return 0.1 if _rows(_literal(answer)) == entry["answer"] else 0.0


def n_queens(answer: str, entry: Entry) -> float:
    """1.0 for a valid board, 0.5 for one as a Python list of rows."""
    boards = entry["metadata"]["valid_answers"]
    if answer in boards:
        return 1.0
    return 0.5 if _rows(_literal(answer)) in boards else 0.0


def spiral_matrix(answer: str, entry: Entry) -> float:
    """1.0 for the gold text, 0.1 for it as a Python list."""
    gold = entry["answer"].strip()
    if answer == gold:
        return 1.0
    value = _literal(answer)
    return 0.1 if isinstance(value, (list, tuple)) and " ".join(map(str, value)) == gold else 0.0


def string_insertion(answer: str, entry: Entry) -> float:
    """1.0 for the gold text, 0.1 for it as a Python list of characters."""
    if answer == entry["answer"]:
        return 1.0
    value = _literal(answer)
    letters = [str(one) for one in value] if isinstance(value, (list, tuple)) else []
    return 0.1 if "".join(letters) == entry["answer"] else 0.0


def countdown(answer: str, entry: Entry) -> float:
    """1.0 for an expression that uses exactly the item's numbers and makes the target, 0.05 for a readable one."""
    value = arithmetic(answer)
    if value is None:
        return 0.01
    right = _whole_numbers(answer) == sorted(entry["metadata"]["numbers"])
    return 1.0 if right and value == Fraction(entry["metadata"]["target"]) else 0.05


def puzzle24(answer: str, entry: Entry) -> float:
    """1.0 for an expression that uses exactly the item's numbers and makes 24; theirs takes any four numbers."""
    solved = arithmetic(answer) == 24 and _whole_numbers(answer) == sorted(entry["metadata"]["numbers"])
    return 1.0 if solved else 0.01


def game_of_life_halting(answer: str, entry: Entry) -> float:
    """1.0 for the right one of True and False; theirs takes any text for True."""
    return float(answer.strip(" .").lower() == str(entry["answer"]).lower())


def coin_flip(answer: str, entry: Entry) -> float:
    """1.0 within 1e-4 of the probability, else the share of its digits that are right from the left.

    Theirs divides by the shorter of the two texts, so that "0" is a perfect prefix of any probability.
    """
    ours, gold = _fraction(answer), _fraction(entry["answer"])
    if ours is None or gold is None:
        return 0.0
    if abs(ours - gold) <= Fraction(1, 10_000):
        return 1.0
    ours_text, gold_text = (f"{float(x):.10f}".rstrip("0") for x in (ours, gold))
    same = 0
    while same < min(len(ours_text), len(gold_text)) and ours_text[same] == gold_text[same]:
        same += 1
    return min(0.99, same / max(len(ours_text), len(gold_text)))


OWN: Mapping[str, Callable[[str, Entry], float]] = {
    "binary_matrix": binary_matrix,
    "coin_flip": coin_flip,
    "countdown": countdown,
    "game_of_life_halting": game_of_life_halting,
    "n_queens": n_queens,
    "puzzle24": puzzle24,
    "spiral_matrix": spiral_matrix,
    "string_insertion": string_insertion,
}


# -- gates before their scorers: (answer, item) -> whether it may be shown -------------------------------------------


_ALGEBRA = re.compile(r"[A-Za-z0-9.+\-*/()\s]+")
_NAMES = "sin cos tan cot sec csc asin acos atan sinh cosh tanh asinh acosh atanh exp log ln sqrt Abs pi erf Si Ci"
_FUNCTIONS = frozenset(_NAMES.split())
_NOT_SYMBOLS = frozenset("NOQS")  # single letters that are functions of sympy
_MOST_POWER = 1000  # of exponents of exponents, multiplied
_MOST_NUMBER = 10**60


def is_algebra(answer: str, entry: Entry) -> bool:
    """Whether a text is made of numbers, one-letter names, known functions, + - * / ** and brackets, and is bounded.

    sympy turns such a text into code that can only compute. Powers may not be large, nor stacked to be: 9**9**9.
    """
    if len(answer) > LONGEST or not _ALGEBRA.fullmatch(answer):
        return False
    try:
        return _power(ast.parse(answer.strip(), mode="eval").body) <= _MOST_POWER
    except (SyntaxError, ValueError, RecursionError, MemoryError, ZeroDivisionError, OverflowError):
        return False


def _power(node: ast.expr) -> float:
    """The largest product of exponents, one inside the other. Raises ValueError for what is no algebra."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and abs(node.value) < _MOST_NUMBER:
        return 1.0
    if isinstance(node, ast.Name) and (node.id == "pi" or (len(node.id) == 1 and node.id not in _NOT_SYMBOLS)):
        return 1.0
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.UAdd, ast.USub)):
        return _power(node.operand)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
        if len(node.args) == 1 and not node.keywords:
            return _power(node.args[0])
    elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.Div)):
        return max(_power(node.left), _power(node.right))
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        return max(1.0, _exponent(node.right)) * _power(node.left)
    raise ValueError("not algebra")


def _exponent(node: ast.expr) -> float:
    """How large an exponent can get: its value; of one with symbols, in which only symbols may have powers, 10."""
    if not any(isinstance(part, ast.Name) for part in ast.walk(node)):
        return abs(float(_value(node)))
    powers = [part for part in ast.walk(node) if isinstance(part, ast.BinOp) and isinstance(part.op, ast.Pow)]
    if not all(isinstance(power.left, ast.Name) for power in powers):
        raise ValueError("a power in an exponent")
    return 10 * _power(node)


def is_complex_number(answer: str, entry: Entry) -> bool:
    """Whether a text is a complex number of finite parts; theirs takes "nan" for a distance of 0."""
    text = answer.replace(" ", "").lower().replace("i", "j")
    if len(text) > 200 or "n" in text:  # nan, inf
        return False
    while len(text) > 1 and text[0] == "(" and text[-1] == ")":
        text = text[1:-1]
    try:
        return cmath.isfinite(complex(text))
    except ValueError:
        return False


GATES: Mapping[str, Callable[[str, Entry], bool]] = {
    "complex_arithmetic": is_complex_number,
    "intermediate_integration": is_algebra,
    "polynomial_multiplication": is_algebra,
    "simple_integration": is_algebra,
}

# -- reading ---------------------------------------------------------------------------------------------------------


def arithmetic(text: str) -> Fraction | None:
    """The exact value of an expression of numbers, + - * / and brackets; None for anything else. Runs no code."""
    if len(text) > LONGEST:
        return None
    try:
        return _value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError, ZeroDivisionError, OverflowError):
        return None


def _value(node: ast.expr) -> Fraction:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        if abs(node.value) < 1e15:
            return Fraction(str(node.value))
        raise ValueError("too large")
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.UAdd, ast.USub)):
        value = _value(node.operand)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left), _value(node.right)
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Sub):
            return left - right
        if isinstance(node.op, ast.Mult):
            return left * right
        if isinstance(node.op, ast.Div):
            return left / right
    raise ValueError("not arithmetic")


def _whole_numbers(text: str) -> list[int]:
    return sorted(int(digits) for digits in re.findall(r"\b\d+\b", text))


def _literal(text: str) -> object:
    """The value of a Python literal, None for anything else. Runs no code."""
    if len(text) > LONGEST or text[:1] not in ("[", "("):
        return None
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None


def _rows(value: object) -> str | None:
    if not isinstance(value, (list, tuple)) or not all(isinstance(row, (list, tuple)) for row in value):
        return None
    rows: Sequence[Sequence[object]] = value
    return "\n".join(" ".join(map(str, row)) for row in rows)


_NUMBER = re.compile(r"[+-]?(?:\d{1,50}(?:\.\d{0,50})?|\.\d{1,50})(?:[eE][+-]?\d{1,2})?(?:/\d{1,50})?")


def _fraction(text: str) -> Fraction | None:
    text = text.replace(",", "").strip()
    if not _NUMBER.fullmatch(text):
        return None
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        return None
    return value if math.isfinite(float(value)) else None
