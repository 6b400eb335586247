r"""The costly half of maths: LaTeX to sympy by Math-Verify, and equality of expressions, relations and matrices.

Equality of expressions is decided by values at fixed points, to 30 digits: two elementary expressions that agree on
all of them are the same function, and a wrong answer is refused at the first one, where simplification would search
for a proof that does not exist. What has no values (sets, systems, unknown functions) goes to Math-Verify's `verify`.
No time limits in here: the worker limits CPU and memory. What would explode is refused before it is parsed.
Source: Math-Verify 0.9 (Hugging Face, Apache-2.0); testing identities at points: Schwartz (1980), Zippel (1979).
"""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeVar

from rlar.tools.math.form import DEEPEST, ascii_powers, depth_of, one_matrix
from rlar.tools.numbers import rounded_alike

LONGEST = 600  # characters of a formula that are parsed
_POINTS = 6
_DIGITS = 30

_log = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., Any])


def _or_else(default: Any) -> Callable[[F], F]:
    """Boundary to the computer algebra system, which raises anything on strange input: then the default is the result.

    A missing package or memory is no fault of the input, and is raised.
    """

    def guard(function: F) -> F:
        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except (ImportError, MemoryError):
                raise
            except Exception as e:
                _log.debug("%s gave up: %s: %s", function.__name__, type(e).__name__, e)
                return default

        return guarded  # type: ignore[return-value]

    return guard


# -- what is not parsed ------------------------------------------------------------------------------------------------

_DIGIT_RUN = re.compile(r"\d{60}")
_BIG_POWER = re.compile(r"(?:\^|\*\*)\s?[{(]?\s?-?\d{3,}")
_HUGE_POWER = re.compile(r"(?:\^|\*\*)\s?[{(]?\s?-?\d{6,}")
_TOWER = re.compile(r"[\d})]\s?(?:\^|\*\*)\s?[{(]*\s?[\d{}()]+\s?[})]?\s?(?:\^|\*\*)\s?[{(]?\s?\d")
_FACTORIAL = re.compile(r"\d{4,}\s?\)?\s?!|!\s?\)*\s?!|!\s?[})]*\s?\^|\^[^!]{1,40}[})]\s?!|binom\s?\{?\d{5,}")


def explosive(text: str) -> bool:
    """Whether evaluating a formula could take forever: power towers, huge factorials, endless digits, deep nesting."""
    return (
        len(text) > LONGEST
        or depth_of(text) > DEEPEST
        or bool(_DIGIT_RUN.search(text) or _HUGE_POWER.search(text) or _TOWER.search(text) or _FACTORIAL.search(text))
        or len(_BIG_POWER.findall(text)) > 1
    )


# -- plain notation to LaTeX -------------------------------------------------------------------------------------------

_CALL = re.compile(
    r"(?<![\\a-zA-Z])(sqrt|cbrt|exp|abs|Abs|floor|ceil|ceiling|sin|cos|tan|cot|sec|csc|log|ln|arcsin|arccos|arctan|asin|acos|atan|sinh|cosh|tanh)\s?\("
)
_NAMES = re.compile(r"(?<![\\a-zA-Z])(pi|infinity|inf|oo|alpha|beta|gamma|theta|lambda|sqrt)(?![a-zA-Z])")
_NAMED = {"pi": "\\pi ", "infinity": "\\infty ", "inf": "\\infty ", "oo": "\\infty ", "sqrt": "\\sqrt"}
_EXPLICIT = {
    "floor": "\\lfloor %s \\rfloor ",
    "ceil": "\\lceil %s \\rceil ",
    "ceiling": "\\lceil %s \\rceil ",
    "sqrt": "\\sqrt{%s}",
    "cbrt": "\\sqrt[3]{%s}",
    "exp": "e^{%s}",
    "abs": "|%s|",
    "Abs": "|%s|",
}
_ARC = {"asin": "arcsin", "acos": "arccos", "atan": "arctan"}
_PAREN_POWER = re.compile(r"\^\s?\(")


def as_latex(text: str) -> str:
    """Plain notation ("2*sqrt(x)**3/4", "x²", "≤") as LaTeX that the parser knows; LaTeX stays as it is."""
    if "\\begin" in text:
        text = one_matrix(text)
    text = ascii_powers(text).replace("**", "^").replace("×", "\\times ").replace("·", "\\cdot ").replace("−", "-")
    text = (
        text.replace("≤", "\\le ")
        .replace("≥", "\\ge ")
        .replace("≠", "\\ne ")
        .replace("!=", "\\ne ")
        .replace("∞", "\\infty ")
    )
    text = (
        text.replace("<=", "\\le ")
        .replace(">=", "\\ge ")
        .replace("π", "\\pi ")
        .replace("∪", "\\cup ")
        .replace("√", "\\sqrt")
    )
    for _ in range(12):
        m = _CALL.search(text)
        if m is None:
            break
        inside, end = _parenthesised(text, m.end() - 1)
        name = m[1]
        call = _EXPLICIT[name] % inside if name in _EXPLICIT else f"\\{_ARC.get(name, name)}({inside})"
        text = text[: m.start()] + call + text[end:]
    for _ in range(12):
        m = _PAREN_POWER.search(text)
        if m is None:
            break
        inside, end = _parenthesised(text, m.end() - 1)
        text = f"{text[: m.start()]}^{{{inside}}}{text[end:]}"
    text = re.sub(r"\\log\s?_\s?\{?\s?e\s?\}?(?![a-z])", r"\\ln ", text)
    text = _NAMES.sub(lambda m: _NAMED.get(m[1], f"\\{m[1]} "), text)
    return text.replace("*", "\\cdot ").replace("\\cdot  ", "\\cdot ")


def _parenthesised(text: str, at: int) -> tuple[str, int]:
    depth = 0
    for i in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            return text[at + 1 : i], i + 1
    return text[at + 1 :], len(text)


# -- parsing -----------------------------------------------------------------------------------------------------------


@functools.cache
def _library() -> tuple[Any, Any, Any]:
    """(parse, verify, configuration) of Math-Verify, with its warnings about missing time limits silenced.

    Its own removal of units is off: it takes the t of "4t" and the m of "5m" for tons and metres.
    """
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse, verify

    for name in ("math_verify.parser", "math_verify.grader", "math_verify.utils"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    normalization = NormalizationConfig(
        basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="none"
    )
    return parse, verify, (LatexExtractionConfig(boxed_match_priority=-1, normalization_config=normalization),)


def warm() -> None:
    """Import the library and fill its grammar tables, so that all workers share what that costs (0.6 CPU seconds)."""
    equal(parse("\\frac{\\sqrt{x}}{2}+1"), parse("1+\\frac{1}{2}\\sqrt{x}"))


ROW = re.compile(r"\d\s+\d")  # a row of numbers, which would be read as their product


@_or_else(None)
def parse(text: str) -> Any | None:
    """The sympy object of one formula (LaTeX or plain), unevaluated; None if it cannot be parsed or is `explosive`."""
    if not text or explosive(text) or ROW.search(text):
        return None
    library_parse, _, configuration = _library()
    found = library_parse(f"${as_latex(text)}$", configuration, fallback_mode="no_fallback", parsing_timeout=None)
    return found[0] if found else None


# -- equality ----------------------------------------------------------------------------------------------------------


@_or_else(False)
def equal(gold: Any, pred: Any, *, loose: bool = False) -> bool:
    """Whether two parsed formulas mean the same.

    loose: also equal where they agree for positive unknowns only (sqrt(x^2) and x), or rounded to two digits or more.
    """
    import sympy
    from sympy.core.relational import Relational

    if isinstance(gold, sympy.MatrixBase | sympy.MatrixExpr) or isinstance(pred, sympy.MatrixBase | sympy.MatrixExpr):
        return _equal_matrices(gold, pred, loose)
    if isinstance(gold, Relational) and isinstance(pred, Relational):
        said = _equal_relations(gold, pred)
        return _library_equal(gold, pred, loose) if said is None else said
    if loose and isinstance(pred, sympy.Float) and (value := decimal_of(gold)) is not None:
        digits = Fraction(str(pred))
        places = len(str(pred).rstrip("0").partition(".")[2])
        return abs(value - digits) <= abs(value) * Fraction(1, 10**20) or rounded_alike(value, digits, places, 2)
    if isinstance(gold, sympy.Expr) and isinstance(pred, sympy.Expr):
        said = _equal_values(gold, pred, loose)
        if said is not None:
            return said
    return _library_equal(gold, pred, loose)


def _library_equal(gold: Any, pred: Any, loose: bool) -> bool:
    """Math-Verify's `verify`; if loose, the arguments of unknown functions may bear other names: f(x) and f(y)."""
    from sympy.core.function import AppliedUndef

    verify = _library()[1]
    unknown = loose and all(isinstance(x, AppliedUndef) for x in (gold, pred))
    return bool(verify([gold], [pred], strict=not unknown, allow_set_relation_comp=True, timeout_seconds=None))


def _equal_matrices(gold: Any, pred: Any, loose: bool) -> bool:
    import sympy

    a, b = (x.doit() if isinstance(x, sympy.MatrixExpr) else x for x in (gold, pred))
    if not (isinstance(a, sympy.MatrixBase) and isinstance(b, sympy.MatrixBase)) or a.shape != b.shape:
        return False
    return all(equal(x, y, loose=loose) for x, y in zip(a.flat(), b.flat(), strict=True))


def _equal_relations(gold: Any, pred: Any) -> bool | None:
    """Two equations or inequalities by the constant ratio of their sides; None where values do not tell."""
    flips = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
    if gold.rel_op not in flips or pred.rel_op not in flips:
        return None
    try:
        f, g = gold.lhs - gold.rhs, pred.lhs - pred.rhs
    except TypeError:
        return None
    ratios = set()
    for x, y in _values(f, g):
        if x is None or y is None or abs(x) < 1e-20 or abs(y) < 1e-20:
            return None
        ratios.add(complex(round((x / y).real, 12), round((x / y).imag, 12)))
    if len(ratios) != 1:
        return None
    (ratio,) = ratios
    if abs(ratio.imag) > 1e-9:
        return None
    return bool(pred.rel_op == (gold.rel_op if ratio.real > 0 else flips[gold.rel_op]))


def _equal_values(gold: Any, pred: Any, loose: bool) -> bool | None:
    """Two expressions by their values; None where they have none (unknown functions, infinities, division by zero)."""
    if gold == pred:
        return True
    if not gold.free_symbols and not pred.free_symbols:
        a, b = _rational(gold), _rational(pred)
        if a is not None and b is not None:
            return bool(a == b)  # exact: 2^500 and 2^500 + 1 have the same first 30 digits
    judged = 0
    for i, (x, y) in enumerate(_values(gold, pred)):
        if x is None or y is None:
            continue
        judged += 1
        if abs(x - y) > 1e-18 * max(1, abs(x), abs(y)):
            return loose and i >= _POINTS // 2 and judged > 2  # loose: they part only where unknowns are negative
    symbols = gold.free_symbols | pred.free_symbols
    return True if judged >= (3 if symbols else 1) else None


@_or_else(None)
def _rational(expression: Any) -> Any | None:
    """The exact value of a constant that is a rational number once evaluated, decimals taken exactly; else None."""
    import sympy

    exact = {f: sympy.Rational(str(f)) for f in expression.atoms(sympy.Float)}
    value = (expression.xreplace(exact) if exact else expression).doit()
    return value if isinstance(value, sympy.Rational) else None


def _values(a: Any, b: Any) -> list[tuple[Any, Any]]:
    """Values of two expressions at the same points: first positive unknowns, then mixed signs. None: has no value."""
    import mpmath
    import sympy

    names = sorted({str(s) for s in a.free_symbols | b.free_symbols})
    values = []
    with mpmath.workdps(_DIGITS):
        for i in range(_POINTS if names else 1):
            point = {}
            for j, name in enumerate(names):
                size = sympy.Rational((7919 * (i + 1) * (j + 3)) % 977 + 211, 389)
                point[name] = -size if i >= _POINTS // 2 and (i + j) % 2 else size
            values.append((_value(a, point), _value(b, point)))
    return values


@_or_else(None)
def _value(expression: Any, point: dict[str, Any]) -> Any | None:
    """The complex value (mpmath) of an expression, unknowns by name, decimals taken exactly; None if it has none."""
    import mpmath
    import sympy

    exact = {f: sympy.Rational(str(f)) for f in expression.atoms(sympy.Float)}
    exact |= {s: point[str(s)] for s in expression.free_symbols}
    value = (expression.xreplace(exact) if exact else expression).evalf(_DIGITS)
    real, imaginary = value.as_real_imag()
    if not (real.is_Number and imaginary.is_Number and real.is_finite and imaginary.is_finite):
        return None
    return mpmath.mpc(sympy.Float(real, _DIGITS)._mpf_, sympy.Float(imaginary, _DIGITS)._mpf_)


@_or_else(None)
def decimal_of(expression: Any) -> Fraction | None:
    """The value of a real constant as a fraction good to 30 digits; None for unknowns, complex and infinite values."""
    import mpmath
    import sympy

    if not isinstance(expression, sympy.Expr) or expression.free_symbols:
        return None
    with mpmath.workdps(_DIGITS):
        value = _value(expression, {})
    if value is None or abs(value.imag) > 1e-20:
        return None
    sign, mantissa, exponent, _ = value.real._mpf_
    if abs(exponent) > 4000:
        return None
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent) * (-1 if sign else 1)


# -- unfinished work ---------------------------------------------------------------------------------------------------


@_or_else(True)
def unfinished(expression: Any) -> bool:
    """Whether a formula still holds work: 5 + 7, 3t + 4t, 2 * 3, x / x. Parsed trees are unevaluated; work shrinks."""
    import sympy

    for node in sympy.preorder_traversal(expression):
        if isinstance(node, sympy.Add):
            finished = sympy.Add(*node.args)
            if len(sympy.Add.make_args(finished)) < len(node.args):
                return True
        elif isinstance(node, sympy.Mul):
            tops = [arg for arg in node.args if arg.is_Integer and arg not in (1, -1)]
            bases = [arg.base if arg.is_Pow else arg for arg in node.args if not arg.is_number]
            if len(tops) > 1 or len(set(bases)) < len(bases):
                return True
    return False
