r"""The form of a mathematical answer, read from its surface: a number, a list, a tuple, intervals, an equation, words.

Most answers are settled by their form alone, in microseconds and without a computer algebra system; what is left goes
to rlar.tools.math.symbolic. Pure text work: linear, bounded by LONGEST characters and DEEPEST brackets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rlar.tools.numbers import Number, read_number, undressed
from rlar.tools.units import NO_UNIT, known_unit

LONGEST = 1_500  # characters of one answer that are taken apart; a longer one is compared as text
DEEPEST = 24  # brackets within brackets


@dataclass(frozen=True, slots=True)
class Form:
    """One answer, read once.

    text: undressed, without "x =". key: the same without anything that does not matter; equal keys are equal answers.
    number: if all of it is one number. items: if it is several (list, tuple, set ...), else (). brackets: what encloses
    the items: "()", "[]", "{}", "[)", "(]" or "" for a bare list. name: what stood before "=" ("x", "f(x)"), or "".
    equation: it has a "=" or an inequality sign that is not just a name and its value. words: it is prose, not maths.
    """

    text: str
    key: str
    number: Number | None = None
    items: tuple[Form, ...] = ()
    brackets: str = ""
    name: str = ""
    equation: bool = False
    words: bool = False


# -- keys --------------------------------------------------------------------------------------------------------------

# One sign for all spellings of it; single characters, so that nothing runs together once spaces are gone.
_KEY_WORDS = (
    ("\\infinity", "∞"),
    ("\\infty", "∞"),
    ("\\cup", "∪"),
    ("\\cap", "∩"),
    ("\\pi", "π"),
    ("√", "\\sqrt"),
    ("\\leqslant", "≤"),
    ("\\geqslant", "≥"),
    ("\\leq", "≤"),
    ("\\geq", "≥"),
    ("\\le", "≤"),
    ("\\ge", "≥"),
    ("\\neq", "≠"),
    ("\\ne", "≠"),
    ("\\lt", "<"),
    ("\\gt", ">"),
    ("<=", "≤"),
    (">=", "≥"),
    ("!=", "≠"),
    ("\\pm", "±"),
    ("\\in", "∈"),
    ("\\langle", "("),
    ("\\rangle", ")"),
    ("\\lbrace", "\\{"),
    ("\\rbrace", "\\}"),
    ("\\varnothing", "∅"),
    ("\\emptyset", "∅"),
    ("**", "^"),
    ("\\cdot", "*"),
    ("\\times", "*"),
    ("×", "*"),
    ("⋅", "*"),
    ("·", "*"),
    ("÷", "/"),
    ("\\mid", "|"),
    ("\\vert", "|"),
)
_KEY_PATTERNS = tuple(
    (old, new.replace("\\", "\\\\"), re.compile(re.escape(old) + (r"(?![a-zA-Z])" if old[0] == "\\" else "")))
    for old, new in _KEY_WORDS
)
_POWERS = str.maketrans(dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-", strict=True)))
_SUPERSCRIPT = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")
_KEY_TEXT = re.compile(r"\\(?:text|textbf|textit|textrm|textnormal|mathrm|mathbf|mbox|operatorname|rm)\s?\{([^{}]*)\}")
_ONE_BRACE = re.compile(r"(?<=[\^_])\{(\w)\}")
_SHORT_FRAC = re.compile(r"\\frac\s?(\d)\s?(\d)|\\frac\s?(\d)\s?\{|\\frac(\{[^{}]*\})\s?(\d)")
_SHORT_SQRT = re.compile(r"\\sqrt\s?(\w)")
_DEGREES = re.compile(r"\^?\{?\\circ\}?|\\degree|°")


def ascii_powers(text: str) -> str:
    """Superscript digits as powers: "x²" becomes "x^2"."""
    return _SUPERSCRIPT.sub(lambda m: "^{" + m[0].translate(_POWERS) + "}", text)


_ARRAY = re.compile(r"[\[(]\s?\\begin\{array\}\{[lcr|\s]*\}(?P<rows>.{0,1000}?)\\end\{array\}\s?[\])]", re.S)
_MATRIX = re.compile(r"[\[(]\s?\\begin\{(?:small)?matrix\}(?P<rows>.{0,1000}?)\\end\{(?:small)?matrix\}\s?[\])]", re.S)
_TRAILING_ROW = re.compile(r"\\\\\s*(?=\\end)")


def one_matrix(text: str) -> str:
    """All notations of a matrix as one: pmatrix. Determinants (vmatrix) stay what they are."""
    text = text.replace("bmatrix", "pmatrix").replace("\\hline", "")
    for pattern in (_ARRAY, _MATRIX):
        text = pattern.sub(lambda m: f"\\begin{{pmatrix}}{m['rows']}\\end{{pmatrix}}", text)
    return _TRAILING_ROW.sub("", text)


def key_of(text: str) -> str:
    """The text without what does not matter to its meaning: spaces, sizes, styles, spellings of one sign."""
    if text.isascii() and text.isalnum():
        return text.lower() if len(text) > 1 and text.isalpha() else text
    if not text.isascii():
        text = ascii_powers(text)
    if "\\" in text:
        text = _KEY_TEXT.sub(r"\1", text)
        text = _SHORT_FRAC.sub(_spelled_frac, text)
        text = _SHORT_SQRT.sub(r"\\sqrt{\1}", text)
        text = _DEGREES.sub("", text)
    for old, new, pattern in _KEY_PATTERNS:
        if old in text:
            text = pattern.sub(new, text)
    if "\\begin" in text:
        text = one_matrix(text)
    text = _ONE_BRACE.sub(r"\1", text)
    return "".join(text.split())


def _spelled_frac(m: re.Match[str]) -> str:
    if m[1]:
        return f"\\frac{{{m[1]}}}{{{m[2]}}}"
    return f"\\frac{{{m[3]}}}{{" if m[3] else f"\\frac{m[4]}{{{m[5]}}}"


# -- taking apart ------------------------------------------------------------------------------------------------------

_OPEN, _CLOSE = "([{", ")]}"
_JOINT = re.compile(
    r"\\text\s?\{\s?,?\s?(?:and|or)\s?\}|\\(?:quad|qquad)?\s?(?:and|or)(?![a-zA-Z])|(?<![a-zA-Z\\])(?:and|or)(?![a-zA-Z])"
)


def depth_of(text: str) -> int:
    """How deep brackets nest in a text."""
    depth = deepest = 0
    for c in text:
        if c in _OPEN:
            depth += 1
            deepest = max(deepest, depth)
        elif c in _CLOSE:
            depth -= 1
    return deepest


def split_top(text: str, marks: str = ",;") -> list[str]:
    r"""The parts between marks that lie outside all brackets, stripped. Half-open intervals count as brackets."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        if c in _OPEN:
            depth += 1
        elif c in _CLOSE:
            depth = max(0, depth - 1)
        elif c in marks and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    parts.append(text[start:].strip())
    return parts


def enclosed(text: str) -> tuple[str, str] | None:
    """(brackets, inside) where one pair of brackets encloses the whole text, else None. LaTeX "\\{" gives "{}"."""
    opening = text[:2] if text[:2] in ("\\{", "\\(") else text[:1]
    if not opening or opening[-1] not in _OPEN or len(text) < 2 or text[-1] not in _CLOSE:
        return None
    depth = 0
    for i, c in enumerate(text):
        if c in _OPEN:
            depth += 1
        elif c in _CLOSE:
            depth -= 1
            if depth == 0 and i < len(text) - 1:
                return None
    if depth != 0:
        return None
    inside = text[len(opening) : -1]
    if opening == "\\{":
        inside = inside.removesuffix("\\")
    return opening[-1] + text[-1], inside.strip()


_RELATION = re.compile(r"(?<![\\<>!:=])(?:=)(?!=)|\\(?:le|leq|ge|geq|lt|gt|ne|neq|equiv)(?![a-zA-Z])|[<>≤≥≠]")
_NAME = re.compile(
    r"(?:\\[a-zA-Z]+\s?)?(?:[A-Za-z]|\\[a-zA-Z]+)(?:_\{?\w{1,8}\}?)?'?(?:\s?\([A-Za-z0-9,\s]{1,12}\))?|\\?\|?[A-Z]{2,4}\|?"
    r"|\(\s?[A-Za-z](?:_\{?\d\}?)?(?:\s?,\s?[A-Za-z](?:_\{?\d\}?)?){1,5}\s?\)|\\(?:angle|triangle)\s?[A-Z]{1,3}"
    r"|(?:\\text\s?\{)?[A-Za-z][A-Za-z ]{1,40}\}?"
)
_MEMBER = re.compile(r"[A-Za-z]\s?(?:\\in(?![a-z])|∈)\s?")
_PROSE = re.compile(r"[A-Za-zÀ-ɏ][A-Za-zÀ-ɏ' .,;:!?-]*")
_RATIO_NAME = re.compile(r"[A-Za-z_{}\s]{1,30}:[A-Za-z_{}\s]{1,30}")
_FRAC_NAME = re.compile(r"\\frac\s?\{[A-Za-z_ ]{1,12}\}\s?\{[A-Za-z_ ]{1,12}\}|[A-Za-z]{1,3}\s?/\s?[A-Za-z]{1,3}")
_FUNCTION_NAMES = """sin cos tan cot sec csc log ln exp sqrt pi max min mod lim gcd lcm arcsin arccos arctan sinh cosh
tanh det"""
_FUNCTIONS = frozenset(_FUNCTION_NAMES.split())


def read_form(text: str, *, comma_decimal: bool = False, depth: int = 0) -> Form:
    """The form of one answer. Never raises; a text too long or too deep is only its own key."""
    if len(text) > LONGEST or depth > 6:
        return Form(text[:LONGEST], key_of(text[:50_000]))
    text = undressed(text)
    number = read_number(text, comma_decimal=comma_decimal)
    if number is not None:
        return Form(text, key_of(text), number)
    if depth_of(text) > DEEPEST:
        return Form(text, key_of(text))
    name, text = _without_name(text)
    if name:
        number = read_number(text, comma_decimal=comma_decimal)
        if number is not None:
            return Form(text, key_of(text), number, name=name)
    text = _without_unit(text)
    relation = bool(_RELATION.search(text))
    while (found := enclosed(text)) and found[0] == "{}" and not text.startswith("\\"):
        text = undressed(found[1])  # braces alone are invisible in LaTeX
        if (number := read_number(text)) is not None:
            return Form(text, key_of(text), number, name=name)
        if not text:
            break
    if is_prose(text):
        parts = _and_parts(text)
        if len(parts) == 1:
            return Form(text, key_of(text), name=name, words=True)
    items, brackets = _items(text, depth, comma_decimal)
    if len(items) == 1 and brackets == "()" and items[0].text:
        return items[0] if not name else _named(items[0], name)
    return Form(text, key_of(text), None, items, brackets, name, relation and not items)


_UNIT_TEXT = re.compile(r"\\(?:text|mathrm|mbox|textrm)\s?\{(?P<word>[^{}]{1,40})\}(?:\s?\^\s?\{?[123]\}?)?\s*$")
_UNIT_WORD = re.compile(r"\s(?P<word>[a-zA-Z]{2,12})(?:\^\{?[23]\}?|[²³])?$")


def _without_unit(text: str) -> str:
    r"""A formula without the unit behind it: "2\pi \text{ cm}^2" is "2\pi". Words alone stay."""
    m = _UNIT_TEXT.search(text) if text.endswith(("}", "2", "3")) and "\\" in text else None
    if m is None:
        m = _UNIT_WORD.search(text)
        if m is None or known_unit(m["word"]) is None:
            return text
    word = m["word"].strip().lower()
    rest = text[: m.start()].strip()
    if not rest or not any(c.isdigit() or c == "\\" for c in rest) or rest.endswith(("and", "or", ",", "}{", "_", "^")):
        return text
    return text if word in ("and", "or", "if", "for") or set(word.split()) & NO_UNIT else rest


def _named(form: Form, name: str) -> Form:
    return Form(form.text, form.key, form.number, form.items, form.brackets, name, form.equation, form.words)


def _without_name(text: str) -> tuple[str, str]:
    """("x", "5") for "x = 5" and for "x = 2 + 3 = 5"; ("", text) where there is no name before a single value."""
    if m := _MEMBER.match(text):
        return text[: m.end()].split()[0].rstrip("\\in∈ ") or "x", text[m.end() :].strip()
    if "=" not in text:
        return "", text
    sides = [
        side for side in split_top(re.sub(r"\s?(?:\\approx|≈|\\simeq|\\sim(?![a-z])|≃)\s?", " ≈ ", text), "=") if side
    ]
    if len(sides) < 2 or any(c in sides[0] for c in "<>≤≥") or re.search(r"\\(?:le|ge|lt|gt|ne)", text):
        return "", text
    if "," in text or ";" in text or _JOINT.search(text):
        parts = split_top(text)
        if sum("=" in part for part in parts) > 1 or _JOINT.search(text):
            return "", text  # "x = 1, y = 2": each item has its own name
    first = sides[0].strip()
    named = _NAME.fullmatch(first) or _RATIO_NAME.fullmatch(first) or _FRAC_NAME.fullmatch(first)
    if named or len(sides) > 2:
        return first if named else "…", sides[-1].partition("≈")[0].strip() or sides[-1].strip()
    swapped = _NAME.fullmatch(sides[-1].strip())
    if swapped and len(sides) == 2 and not _NAME.fullmatch(first):
        return sides[-1].strip(), first
    return "", text


def _and_parts(text: str) -> list[str]:
    return [part for part in _JOINT.split(text) if part.strip(" ,;")]


def _items(text: str, depth: int, comma_decimal: bool) -> tuple[tuple[Form, ...], str]:
    """(items, brackets) of a list, tuple or set; ((), "") of anything single. "a ± b" is a list of two."""
    found = enclosed(text)
    if found:
        brackets, inside = found
        parts = split_top(inside)
        if brackets == "()" and len(parts) == 1:
            return (read_form(inside, comma_decimal=comma_decimal, depth=depth + 1),), "()"
        if len(parts) > 1 or (brackets in ("[]", "{}") and inside and "|" not in inside and ":" not in inside):
            return tuple(read_form(part, comma_decimal=comma_decimal, depth=depth + 1) for part in parts), brackets
        return (), ""
    parts = []
    for part in split_top(_joints_as_commas(text)):
        parts += _both_signs(part)
    parts = [part for part in parts if part]
    if len(parts) > 1:
        return tuple(read_form(part, comma_decimal=comma_decimal, depth=depth + 1) for part in parts), ""
    return (), ""


def _joints_as_commas(text: str) -> str:
    if "cup" in text or "∪" in text or re.search(r"[<>≤≥]|\\[lg](?:e|t)", text):
        return text  # "x < 1 or x > 3" is one claim about x
    return _JOINT.sub(",", text) if "and" in text or "or" in text else text


def _both_signs(text: str) -> list[str]:
    r"""["2 - a", "2 + a"] for "2 \pm a"; [text] without a "±"."""
    text = text.replace("±", "\\pm")
    if text.count("\\pm") != 1:
        return [text]
    left, right = text.split("\\pm")
    lead = left.rstrip()
    if lead.endswith(("=",)):
        left = ""
    elif "=" in lead:
        left = lead.rpartition("=")[2] + " "
    return [f"{left}-{right}".strip(), f"{left}+{right}".strip() if left.strip() else right.strip()]


def is_prose(text: str) -> bool:
    """Words of a language, not a formula: "Evelyn", "no solution"; "x", "ab" and "sin x" are formulas."""
    if not _PROSE.fullmatch(text):
        return False
    words = re.findall(r"[A-Za-zÀ-ɏ]+", text)
    long = [word for word in words if len(word) > 2]
    return (any(len(word) > 3 for word in words) or len(long) > 1) and not any(word in _FUNCTIONS for word in words)
