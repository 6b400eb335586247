"""A judge that checks claims before it speaks: calculator, look-up, sandboxed code. Its verdict must cite them."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from rlar.engines.llm import Ask, Chat
from rlar.errors import ToolFault, UnsafeError
from rlar.tools.judge import forms
from rlar.tools.judge.asking import Spent, ask_json
from rlar.tools.judge.guard import cleaned, shown
from rlar.types import Fault, Query, Response

MOST_CHECKS = 6
_OPERATORS: dict[type, Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


async def judge_with_evidence(
    chat: Chat, query: Query, parts: dict[str, str], response: Response, spent: Spent, sample: int
) -> tuple[int, str]:
    """Score and reasons. Raises ToolFault if no verdict with valid evidence comes within MOST_CHECKS checks."""
    results: list[Checked] = []
    answer = "The answer to judge:\n" + shown("answer", response)
    wanted = {k: parts[k] for k in ("question", "reference", "criteria", "solution")}
    for _ in range(MOST_CHECKS + 2):
        listed = "\n".join(f"{i}. {r.says}" for i, r in enumerate(results, 1)) or "(none)"
        messages = forms.messages("evidence", **wanted, answer=answer, results=listed)
        ask = Ask(messages, forms.EVIDENCE_SCHEMA, temperature=0.7 if sample else 0.0, sample=sample, purpose="judge")
        got = await ask_json(chat, ask, spent)
        if got["action"] == "verdict":
            cited = set(got["evidence"])
            if cited and cited <= {i for i, r in enumerate(results, 1) if r.tells}:
                said = "; ".join(results[i - 1].says for i in sorted(cited))
                return got["score"], f"{got['critique']} (evidence: {said})"
            results.append(Checked("refused: a verdict must cite results that are listed here and did not fail", False))
        elif len(results) < MOST_CHECKS:
            results.append(await check(got["check"], got["input"], query))
        else:
            results.append(Checked("refused: no checks are left, give the verdict", False))
    raise ToolFault(Fault.UNREADABLE, f"no verdict with evidence after {len(results)} steps")


@dataclass(frozen=True, slots=True)
class Checked:
    """What one check said, as a line of text. tells: it may be cited; what failed is evidence of nothing."""

    says: str
    tells: bool


async def check(name: str, what: str, query: Query) -> Checked:
    """Run one check."""
    if name == "calculator":
        result = calculate(what)
        return Checked(f"calculator {what[:200]!r} = {result}", not result.startswith(("too long", "not computable")))
    if name == "lookup":
        return Checked(f"lookup {what[:80]!r}: {look_up(what, query)}", bool(cleaned(what).strip()))
    return await _run(what)


def calculate(expression: str) -> str:
    """Exact value of an arithmetic expression (+ - * / and small powers), or what is wrong with it."""
    if len(expression) > 500:
        return "too long"
    try:
        value = _value(ast.parse(expression.replace("^", "**").strip(), mode="eval").body)
    except (SyntaxError, ValueError, ZeroDivisionError, OverflowError, RecursionError, MemoryError) as e:
        return f"not computable ({e})"
    return str(value) if value.denominator == 1 else f"{value} = {float(value):.10g}"


def _value(node: ast.expr) -> Fraction:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        return Fraction(str(node.value))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = _value(node.operand)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _bounded(_OPERATORS[type(node.op)](_value(node.left), _value(node.right)))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        base, power = _value(node.left), _value(node.right)
        if power.denominator != 1 or abs(power) > 64:
            raise ValueError("only whole powers up to 64")
        return _bounded(base**power.numerator)
    raise ValueError("only numbers, + - * / and powers")


def _bounded(value: Fraction) -> Fraction:
    if value.numerator.bit_length() + value.denominator.bit_length() > 4096:
        raise ValueError("too large")
    return value


def look_up(phrase: str, query: Query) -> str:
    """Where a phrase stands in the question and reference: up to three places with their surroundings."""
    text = cleaned(f"{query.text}\n{query.reference if query.reference is not None else ''}")
    needle = cleaned(phrase).strip()
    if not needle:
        return "an empty phrase"
    places = [m.start() for m in re.finditer(re.escape(needle[:200]), text, re.IGNORECASE)][:3]
    if not places:
        return "stands nowhere in the question or reference"
    return "; ".join(repr(text[max(0, p - 60) : p + len(needle) + 60]) for p in places)


async def _run(program: str) -> Checked:
    from rlar.engines.sandbox import default_box

    try:
        result = await default_box().run(program)
    except UnsafeError as e:
        return Checked(f"python is not to be had here ({e})", False)
    printed = repr(result.stdout.decode("utf-8", "replace")[:500])
    if result.status != "ok":
        return Checked(f"python printed {printed}, then it ended with {result.status}", False)
    return Checked(f"python printed {printed}", bool(result.stdout.strip()))
