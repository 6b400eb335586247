"""Numbers, brackets, formulas and lists of them: the short answers of maths data sets, LaTeX or plain."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from rlar.tools.reference.itemised import MARKER, itemised
from rlar.tools.reference.shape import Shape

# -- dressing ------------------------------------------------------------------------------------------------------

_DELIMITERS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), ("`", "`"), ('"', '"'))
_TEXT_COMMAND = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mbox|boxed|fbox)\s?\{([^{}]*)\}\.?")
_SIZES = re.compile(r"\\(?:left|right|[bB]igg?[lr]?)(?![a-zA-Z])\s?\.?")
_THIN = re.compile(r"(?<=\d)(?:\{,\}|,?\\[,!;:]|[\u00a0\u202f\u2009])(?=\d{3}(?!\d))")
_INLINE = re.compile(r"(?<!\\)\$([^$\s](?:[^$]{0,40}[^$\s])?)\$(?!\d)")
_REPLACED = str.maketrans({"−": "-", "–": "-", "\u00a0": " ", "\u202f": " ", "“": '"', "”": '"'})


def undressed(text: str) -> str:
    """A short answer without delimiters, sizes, thin spaces and a closing full stop; its content stays as it is."""
    text = _THIN.sub(",", text).translate(_REPLACED).strip()
    if "\\" in text:
        text = _SIZES.sub("", text).replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac").replace("\\!", "")
        text = text.replace("\\n", " ") if text.startswith("\\n") else text
    for _ in range(4):
        before = text
        if text.endswith(".") and not text.endswith("..") and " " not in text:
            text = text[:-1]
        for left, right in _DELIMITERS:
            inner = text[len(left) : -len(right)]
            if inner and text.startswith(left) and text.endswith(right) and left not in inner and right not in inner:
                text = inner.strip()
        whole = _TEXT_COMMAND.fullmatch(text)
        if whole:
            text = whole[1].strip()
        if text == before:
            break
    if text.count("$") in (2, 4):
        text = _INLINE.sub(r"\1", text)  # "$125$ miles", and not "a $5 note and a $9 note"
    return text


# -- numbers -------------------------------------------------------------------------------------------------------

_UNIT_WORDS = """% percent percentage mm cm dm m km in ft yd mi mile miles inch inches foot feet yard yards meter
meters metre metres kilometer kilometers kilometre kilometres kg g mg lb lbs oz l ml mph km/h m/s usd eur gbp dollar
dollars cent cents euro euros pound pounds rupees yuan yen degree degrees deg rad radians °c °f ° j kj n w kw v hz kb mb
gb unit units € £ ¥ ₹ $"""
_UNITS = frozenset(_UNIT_WORDS.split())
_PLAIN = re.compile(r"[+-]?\d{1,60}")
_DIGITS = r"(?:\d{1,3}(?:[,'’]\d{3})+|\d+)(?:\.\d*)?|\.\d+"
_NUMBER = re.compile(
    rf"(?P<sign>[+-]?)\s?(?P<money>\\?[$€£¥₹])?\s?(?P<sign2>[+-]?)(?P<body>{_DIGITS})"
    r"(?:[eE](?P<e>[+-]?\d{1,4})|\s?(?:×|\\times|\\cdot|\*|x)\s?10\s?(?:\^|\*\*)\s?\{?(?P<ten>[+-]?\d{1,4})\}?)?"
    r"(?P<unit>\\?%|\s?\^?\{?\s?\\circ\s?\}?|\s?\\(?:text|mathrm|mbox|textbf|rm)\s?\{[^{}]{0,40}\}(?:\^\{?[23]\}?)?"
    r"|\s?[°%€£¥₹$][CF]?|\s[A-Za-z/]{1,12}(?:\^?[23²³])?)?"
)
_FRACTION = re.compile(r"(?P<sign>-?)(?:(?P<whole>\d{1,9})\s)?(?P<a>-?\d{1,40})\s?/\s?(?P<b>-?\d{1,40})")
_FRAC = re.compile(
    r"(?P<sign>-?)(?P<whole>\d{1,9})?\s?\\frac\s?"
    r"(?:\{\s?(?P<a>-?\d{1,40})\s?\}\s?\{\s?(?P<b>-?\d{1,40})\s?\}|(?P<c>\d)\s?(?P<d>\d))"
)
_EUROPEAN = re.compile(r"-?\d{1,3}(?:\.\d{3})+,\d{1,9}|-?\d{1,3}(?:\.\d{3}){2,}")
_VULGAR = {"½": Fraction(1, 2), "¼": Fraction(1, 4), "¾": Fraction(3, 4), "⅓": Fraction(1, 3), "⅔": Fraction(2, 3)}


def number(text: str, raw: str) -> Shape | None:
    """A number with its money sign, percent sign or unit; a fraction; a mixed number. raw: before undressing."""
    if _PLAIN.fullmatch(text):
        return Shape("number", 0.98, "reference is a whole number", Fraction(int(text)))
    if text in _VULGAR:
        return Shape("number", 0.95, "reference is a fraction", _VULGAR[text])
    m = _FRACTION.fullmatch(text) or _FRAC.fullmatch(text)
    if m:
        groups = m.groupdict()
        a, b = int(groups["a"] or groups["c"]), int(groups["b"] or groups["d"])
        if b == 0:
            return None
        value = (Fraction(a, b) + int(groups["whole"] or 0)) * (-1 if groups["sign"] else 1)
        return Shape("number", 0.95, "reference is a fraction", value)
    if _EUROPEAN.fullmatch(text):
        value = Fraction(text.replace(".", "").replace(",", "."))
        return Shape("number", 0.7, "reference is a number with points for thousands", value)
    m = _NUMBER.fullmatch(text)
    if not m or (m["money"] and m["money"] != "$" and raw.startswith("$$")):
        return None
    unit = (m["unit"] or "").strip()
    word = unit.rstrip("23²³^")
    if unit[:1].isalpha() and word.lower() not in _UNITS:
        return None
    what = f" with unit {unit!r}" if unit else " of money" if m["money"] else ""
    return Shape("number", 0.95 if not unit else 0.9, f"reference is a number{what}", _value(m))


def _value(m: re.Match[str]) -> Fraction | None:
    exponent = int(m["e"] or m["ten"] or 0)
    if abs(exponent) > 400 or len(m["body"]) > 400:
        return None  # a power tower: legal, but too large to hold exactly
    body = re.sub(r"[,'’]", "", m["body"])
    value = Fraction(f"{body}e{exponent}" if exponent else body.rstrip(".") or "0")
    return -value if "-" in (m["sign"], m["sign2"]) else value


# -- brackets ------------------------------------------------------------------------------------------------------

_PAIR = re.compile(r"([\[(])(.*)([\])])", re.S)
_NAMED = re.compile(r"\(?[A-Za-z](?:\s?,\s?[A-Za-z]){0,5}\)?\s?=\s?(?=\()|[A-Za-z]\s?(?:\\in|∈)\s?")
_UNION = re.compile(r"\s?(?:\\cup|∪|\bU\b)\s?")
_SET_NAME = re.compile(r"\\(?:emptyset|varnothing|mathbb\s?\{[NZQRC]\})|∅|\{\s?\}|\\\{\s?\\\}")
_INFINITE = re.compile(r"\\infty|∞|\binf(?:inity)?\b|\boo\b")
_SAYS_INTERVAL = re.compile(r"\b(?:interval|domain|range|inequalit|values? of|increasing|decreasing|converge)", re.I)
_SAYS_TUPLE = re.compile(
    r"\b(?:coordinat|ordered |point|tuple|vector|pair|intersect|vert(?:ex|ices)|system of|cent(?:er|re))",
    re.I,
)
_SAYS_LIST = re.compile(r"\b(?:list|array|sequence|sort|indices|python|elements|separated|output)", re.I)


def bracketed(text: str, prompt: str) -> Shape | None:
    if _SET_NAME.fullmatch(text):
        return Shape("set", 0.9, "reference names a set", ())
    named = _NAMED.match(text)
    within = named is not None and named[0].rstrip().endswith(("in", "∈"))
    text = text[named.end() :] if named else text
    if within and _PAIR.fullmatch(text):
        return Shape("interval", 0.95, "reference is an unknown within an interval", text)
    if text.startswith(("\\{", "{")) and text.endswith("}"):
        inner = text.removeprefix("\\").removeprefix("{").removesuffix("}").removesuffix("\\")
        if ":" in inner or "|" in inner or "\\mid" in inner or not inner:
            return Shape("set", 0.6, "reference is a set by its rule", (inner.strip(),)) if inner else None
        if any(p.count(" ") > 4 for p in split_top(inner)):
            return None  # prose in braces
        return Shape("set", 0.9, "reference is in curly brackets", tuple(split_top(inner)))
    pieces = _UNION.split(text)
    if len(pieces) > 1 and all(_PAIR.fullmatch(p.strip()) for p in pieces):
        return Shape("interval", 0.97, "reference is a union of intervals", text)
    m = _PAIR.fullmatch(text)
    if not m:
        return None
    parts = split_top(text)
    if len(parts) == 1 and not _closes_at_end(text):
        return None  # "(x+1)(x-2)", "(2,3) and (4,5)"
    if len(parts) > 1:
        return Shape("list", 0.85, "reference is a list of bracketed items", tuple(parts))
    left, inner, right = m.groups()
    parts = split_top(inner)
    if len(parts) < 2 or not all(parts):
        if left == "[" and right == "]" and inner and parts:
            return Shape("list", 0.7, "reference is a list of one item", tuple(map(_unquoted, parts)))
        return None
    if len(parts) == 2:
        return _pair(text, left + right, parts, prompt)
    if left == "[":
        return Shape("list", 0.9, "reference is a bracketed list, also reads as JSON", tuple(map(_unquoted, parts)))
    return Shape("tuple", 0.93, "reference is a tuple", tuple(parts)) if right == ")" else None


def _pair(text: str, brackets: str, parts: Sequence[str], prompt: str) -> Shape | None:
    """Two things in brackets: an interval, a point or a list of two. The prompt breaks the tie."""
    if brackets in ("[)", "(]"):
        return Shape("interval", 0.97, "reference is a half-open interval", text)
    if _INFINITE.search(text):
        return Shape("interval", 0.95, "reference is an interval with an infinite end", text)
    a, b = (number(undressed(p), p) for p in parts)
    rising = not (a and b and isinstance(a.value, Fraction) and isinstance(b.value, Fraction)) or a.value < b.value
    span, point = bool(_SAYS_INTERVAL.search(prompt)), bool(_SAYS_TUPLE.search(prompt))
    if brackets == "()":
        if not rising:
            return Shape("tuple", 0.93, "reference is a pair; its first is not below its second", tuple(parts))
        if span and not point:
            return Shape("interval", 0.75, "reference is an open interval by the prompt, also reads as a tuple", text)
        sure = 0.9 if point and not span else 0.6
        return Shape("tuple", sure, "reference is a pair, also reads as an open interval", tuple(parts))
    items = tuple(map(_unquoted, parts))
    if rising and a and b and ((span and not _SAYS_LIST.search(prompt)) or "\\" in text):
        return Shape("interval", 0.75, "reference is a closed interval by the prompt, also reads as a list", text)
    return Shape("list", 0.65 if rising and a and b else 0.9, "reference is a list, also reads as an interval", items)


def split_top(text: str) -> list[str]:
    """Parts between the commas (or semicolons) that lie outside all brackets and quotes, stripped."""
    parts: list[str] = []
    depth, start, quote = 0, 0, ""
    for i, c in enumerate(text):
        if quote:
            quote = "" if c == quote else quote
        elif c in "\"'" and (i == 0 or not text[i - 1].isalnum()):
            quote = c
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif c in ",;、，" and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    parts.append(text[start:].strip())
    return parts


def _closes_at_end(text: str) -> bool:
    depth = 0
    for i, c in enumerate(text):
        depth += (c in "([") - (c in ")]")
        if depth == 0:
            return i == len(text) - 1
    return False


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


# -- expressions, lists, words -------------------------------------------------------------------------------------

_COMMAND = re.compile(r"\\[a-zA-Z]+")
_TEXT_PART = re.compile(r"\\(?:text|mbox|mathrm|textbf|operatorname)\s?\{[^{}]*\}")
_FORMULA = re.compile(r"[A-Za-z0-9_α-ωΑ-Ω\s+\-*/^=<>≤≥≠≈±().,!|√π∞°·×÷²³⁴\[\]{}'&:%]+")
_OPERATOR = re.compile(
    r"[+*/^=<>≤≥≠≈±√π∞·×÷²³⁴!|]|\d:|(?<=[\w)])\s-\s(?=[\w(])|\d-|-\d|\d[a-z]|\b-[a-z]\b|^-"
    r"|\w_\{?\w|\b[a-zA-Z]\([\w, ]{1,8}\)"
)
_FUNCTION_NAMES = """sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln exp sqrt abs floor ceil gcd
lcm max min mod det arg lim pi oo inf and or dx dy dt gamma zeta asin acos atan frac binomial"""
_FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
_LAST_AND = re.compile(r"(?:^|\s)(?:and|or|und|oder|et|ou|y|e)\s")
_HEX = re.compile(r"-?0[xb][0-9a-fA-F]+")
_ALTERNATION = re.compile(r"\s?(?:\\text\s?\{\s?(?:and|or)\s?\}|\\(?:quad|qquad)|\bor\b|\band\b)\s?")
_SAYS_SEVERAL = re.compile(
    r"\b(?:list|separated|all (?:the )?|name (?:two|three|the)|which (?:two|three)|two|three|both|sort|order)\b", re.I
)


def expression(text: str, raw: str) -> Shape | None:
    """LaTeX, or a formula in plain letters; several of them ("1, -1", "x = 1 or x = 2") are left to `listed`."""
    if len(split_top(text)) > 1 or _ALTERNATION.search(text) is not None:
        return None
    if "\\" in text:
        bare = _TEXT_PART.sub(" ", text)
        if _COMMAND.search(bare) or _OPERATOR.search(bare):
            return Shape("expression", 0.93, "reference is LaTeX", text)
        return None
    if _HEX.fullmatch(text):
        return Shape("span", 0.8, "reference is a hexadecimal or binary number, compared as text", text)
    if len(text) > 300 or not _FORMULA.fullmatch(text) or not _OPERATOR.search(text):
        dollars = raw.startswith("$") and raw.endswith("$") and len(text) < 3 and not ("A" <= text <= "J")
        return Shape("expression", 0.6, "reference is in maths mode", text) if dollars else None
    words = re.findall(r"[A-Za-z]+", text)
    if any(len(w) > (3 if "=" in text else 2) and w.lower() not in _FUNCTIONS for w in words):
        return None
    strong = bool(re.search(r"[\^=√π±<>≤≥*+]|\d[a-z]\b", text))
    return Shape("expression", 0.88 if strong else 0.6, "reference is a formula", text)


def listed(text: str, prompt: str) -> Shape | None:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > 1:
        if any(len(line) > 60 or line[-1] in ":,;" or (line[-1] in ".!?。" and line.count(" ") > 3) for line in lines):
            return None  # sentences, verses, headings
        wordy = sum(line.count(" ") for line in lines) > 5 * len(lines)
        items = tuple(MARKER.sub("", line) for line in lines) if itemised(text) else tuple(lines)
        return Shape("list", 0.6 if wordy else 0.8, "reference is a list, one item per line", items)
    numbers = text.split()
    if len(numbers) > 1 and all(_PLAIN.fullmatch(n) or re.fullmatch(r"-?\d+\.\d+", n) for n in numbers):
        return Shape("list", 0.8, "reference is a row of numbers", tuple(numbers))
    parts = split_top(text)
    if len(parts) < 2:
        parts = [p.strip() for p in _ALTERNATION.split(text)] if len(text) < 200 else parts
        if len(parts) < 2 or not all(_is_formula(p) for p in parts):
            return None
        return Shape("list", 0.8, "reference is a list of formulas", tuple(parts))
    if not all(parts):
        return None
    parts[-1:] = [p for p in _LAST_AND.split(parts[-1]) if p]  # "red, green and blue", "1, 2, and 3"
    if all(_is_formula(p) for p in parts):
        sure = 0.6 if len(parts) == 2 and re.fullmatch(r"-?\d+,\d+", text) else 0.9
        return Shape("list", sure, "reference is a list of numbers or formulas", tuple(parts))
    if text[-1] in ".!?:。！？" or any(len(p) > 60 or p.count(" ") > 4 or wide_letters(p) > 8 for p in parts):
        return None  # a sentence with commas
    if len(parts) == 2:
        if not _SAYS_SEVERAL.search(prompt):
            return None  # "Paris, France" is one name
        return Shape("list", 0.65, "reference is a list of two by the prompt, also reads as a span", tuple(parts))
    return Shape("list", 0.8, "reference is a list with commas", tuple(parts))


def wide_letters(text: str) -> int:
    """Letters of scripts without spaces among the first 200: two Chinese, Japanese or Korean ones, or six Thai, Lao,
    Burmese or Khmer ones (which count as a third each), say about as much as a word."""
    if text.isascii():
        return 0
    east = sum("\u3040" <= c <= "\u9fff" or "\uac00" <= c <= "\ud7a3" for c in text[:200])
    thai = sum("\u0e00" <= c <= "\u0eff" or "\u1000" <= c <= "\u109f" or "\u1780" <= c <= "\u17ff" for c in text[:200])
    return east + thai // 3


def _is_formula(text: str) -> bool:
    plain = undressed(text)
    return bool(number(plain, text) or bracketed(plain, "") or expression(plain, text) or re.fullmatch("[a-z]", plain))
