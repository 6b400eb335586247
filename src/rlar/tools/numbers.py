r"""Reading numbers as people and models write them: "1,234.50 dollars", "1\frac{1}{4}", "28\%", "3 \times 10^5".

Exact arithmetic throughout (`fractions.Fraction`): no float ever decides. Reading is bounded: at most LONGEST
characters and MOST_DIGITS digits, exponents up to MOST_EXPONENT; anything beyond, NaN and infinities are not numbers.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from rlar.tools.units import MAGNITUDES, NO_UNIT, SYMBOLS, known_unit

LONGEST = 500
MOST_DIGITS = 400
MOST_EXPONENT = 400


class Number(NamedTuple):
    """A number as written.

    value: exact; "9%" has the value 9 and percent=True. unit: canonical where known ("cm"), else the words as written,
    "" if there are none. places: digits behind the decimal point, None for whole numbers and fractions.
    form: whole, decimal, fraction, mixed, scientific or coded ("0x1f"). reduced: false for "2/4" and "6/3".
    """

    value: Fraction
    percent: bool = False
    unit: str = ""
    places: int | None = None
    form: str = "whole"
    reduced: bool = True

    @property
    def share(self) -> Fraction:
        """The value with a percent sign carried out: "9%" is 0.09."""
        return self.value / 100 if self.percent else self.value


# -- undressing ------------------------------------------------------------------------------------------------------

_WRAPPERS = (
    ("$$", "$$"),
    ("$", "$"),
    ("\\(", "\\)"),
    ("\\[", "\\]"),
    ("**", "**"),
    ("`", "`"),
    ('"', '"'),
    ("__", "__"),
    ("'", "'"),
)
_SIZES = re.compile(
    r"\\(?:left|right|[bB]igg?[lr]?|displaystyle|textstyle|limits|nolimits)(?![a-zA-Z])\s?\.?|\\color\s?\{\w+\}"
)
_WHOLE_TEXT = re.compile(
    r"\\(?:text|textbf|textit|textrm|textnormal|mathrm|mathbf|mathit|mathsf|mbox|hbox|boxed|fbox|emph)\s?\{([^{}]*)\}\.?"
)
_FRACTIONS = re.compile(r"\\[dtc]frac(?![a-zA-Z])")
_GROUP_MARKS = re.compile(r"\{,\}|,?\\!\s?|(?<=\d)\\[,;:](?=\d{3})")
_DOUBLED = re.compile(r"\\\\(?=[a-zA-Z{}(\[])")
_SPACES = re.compile(r"(?<!\\)\\(?:[,;:> ]|quad|qquad|hspace\{[^{}]*\}|thinspace)|~")


def undressed(text: str) -> str:
    r"""An answer without delimiters, sizes, spacing commands and closing punctuation: "$\boxed{5}.$" is "5".

    Its content is kept as it is, so that undressing twice changes nothing more.
    """
    text = text.strip()
    if text.isalnum():
        return text
    if "\\" in text or "~" in text or "{" in text or "\x0c" in text:
        text = text.replace("\x0crac", "\\frac")  # a gold that lost its backslash to JSON
        if "\\\\" in text and "\\begin" not in text:
            text = _DOUBLED.sub(r"\\", text)  # or kept two of them
        text = _SIZES.sub("", text)
        text = _FRACTIONS.sub(r"\\frac", text)
        text = _GROUP_MARKS.sub(lambda m: "," if "," in m[0] else "", text)
        text = _SPACES.sub(" ", text)
    for _ in range(6):
        before = text
        text = text.strip(" \t\r\n*").rstrip(".,;:")
        for left, right in _WRAPPERS:
            if text.startswith(left) and text.endswith(right) and len(text) > len(left) + len(right):
                inner = text[len(left) : -len(right)]
                if left not in inner and right not in inner:
                    text = inner.strip()
        if text.startswith("$") and text.count("$") == 2:  # "$5$ miles"
            text = text[1:].replace("$", "", 1).strip()
        if "{" in text and (whole := _WHOLE_TEXT.fullmatch(text)):
            text = whole[1].strip()
        if text == before:
            break
    return text


# -- reading ---------------------------------------------------------------------------------------------------------

_GROUPED = (
    r"\d{1,3}(?:,\d{3})+(?!\d)|\d{1,2}(?:,\d{2})+,\d{3}(?!\d)|\d{1,3}(?:[ '’]\d{3})+(?!\d)|\d{1,3}(?:_\d{3})+(?!\d)|\d+"
)
_NUMBER = re.compile(
    rf"(?P<sign>[+-]?)\s?(?P<money>\\?\$|[€£¥₹₽₩]|(?:USD|EUR|GBP|Rs\.?|US\$)\s?)?\s?(?P<sign2>[+-]?)"
    rf"(?P<body>(?:{_GROUPED})(?:\.\d+|\.(?!\d))?|\.\d+)"
    r"(?P<repeat>\\overline\s?\{\d{1,30}\}|\\bar\s?\{\d{1,30}\}|\\bar\s?\d|\\dot\s?\{?\d\}?)?"
    r"(?:[eE](?P<e>[+-]?\d{1,4})(?![\d.])"
    r"|\s?(?:×|\\times|\\cdot|\*|x)\s?10\s?(?:\^|\*\*)\s?(?:\{\s?)?(?P<ten>[+-]?\d{1,4})\s?\}?)?"
)
_EUROPEAN = re.compile(r"(?P<sign>[+-]?)[€$]?(?P<body>\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:\.\d{3}){2,})(?!\d)")
_COMMA_DECIMAL = re.compile(r"[+-]?[€$£]?\s?(?:0,\d{1,12}|\d{1,9},(?:\d{1,2}|\d{4,12}))(?![\d.])")
_POWER_OF_TEN = re.compile(r"(?P<sign>-?)10\s?(?:\^|\*\*)\s?(?:\{\s?)?(?P<e>[+-]?\d{1,4})\s?\}?")
_SLASH = re.compile(
    r"(?P<sign>[+-]?)\s?(?:(?P<whole>\d{1,12})\s)?\(?(?P<a>-?\d{1,100})\)?\s?/\s?\(?(?P<b>-?\d{1,100})\)?(?![\d.,])"
)
_FRAC = re.compile(
    r"(?P<sign>[+-]?)\s?(?P<whole>\d{1,12})?\s?\\frac\s?"
    r"(?:\{\s?(?P<a>[+-]?\d[\d,]{0,100})\s?\}\s?\{\s?(?P<b>[+-]?\d[\d,]{0,100})\s?\}|(?P<c>\d)\s?(?P<d>\d)"
    r"|\{\s?(?P<e>-?\d{1,60})\s?\}\s?(?P<f>\d)|(?P<g>\d)\s?\{\s?(?P<h>-?\d{1,60})\s?\})"
)
_OVER = re.compile(r"(?P<sign>-?)\{?\s?(?P<a>-?\d{1,60})\s?\\over\s?(?P<b>-?\d{1,60})\s?\}?")
_VULGAR_PARTS = "1/2 1/4 3/4 1/3 2/3 1/5 2/5 3/5 4/5 1/6 5/6 1/8 3/8 5/8 7/8"
_VULGAR = dict(zip("½¼¾⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞", _VULGAR_PARTS.split(), strict=True))
_PLAIN = re.compile(r"-?[0-9]{1,300}")
_CODED = re.compile(r"(?P<sign>-?)(?P<digits>0[xX][0-9a-fA-F]{1,200}|0[bB][01]{1,300}|0[oO][0-7]{1,200})")


def read_number(text: str, *, comma_decimal: bool = False) -> Number | None:
    """The number that a short text is, all of it; None if it is anything else (an expression, two numbers, a word).

    Money signs, thousands separators, percent, degrees and unit words are understood; "5+7", "5!", "2^10", "5x" and
    "NaN" are not numbers. comma_decimal: whether "1,5" is one and a half (it is where the gold is no whole number).
    """
    if len(text) > LONGEST:
        return None
    text = undressed(text)
    if _PLAIN.fullmatch(text):
        return Number(Fraction(int(text)))
    if not text or not any(c in "0123456789" or c in _VULGAR for c in text):
        return None
    if m := _CODED.fullmatch(text):
        return Number(_signed(Fraction(int(m["digits"], 0)), m["sign"]), form="coded")
    return _fraction(text) or _decimal(text, comma_decimal)


def _signed(value: Fraction, *signs: str | None) -> Fraction:
    return -value if sum(s == "-" for s in signs) % 2 else value


def _fraction(text: str) -> Number | None:
    r"""a/b, \frac{a}{b}, mixed numbers and vulgar fractions, with what follows them."""
    if text[-1] in _VULGAR:
        return _vulgar(text)
    if "/" in text:
        m = _SLASH.match(text)
    elif "frac" in text:
        m = _FRAC.match(text)
    else:
        m = _OVER.match(text) if "\\over" in text else None
    if m is None:
        return None
    g = m.groupdict()
    a = next(g[k] for k in ("a", "c", "e", "g") if g.get(k))
    b = next(g[k] for k in ("b", "d", "f", "h") if g.get(k))
    top, bottom = int(a.replace(",", "")), int(b.replace(",", ""))
    tail = _tail(text[m.end() :])
    if bottom == 0 or tail is None:
        return None
    part = Fraction(top, bottom)
    value = _signed(part + int(g.get("whole") or 0), g["sign"]) * tail.factor
    form = "mixed" if g.get("whole") else "fraction"
    return Number(value, tail.percent, tail.unit, None, form, part.denominator == abs(bottom) and abs(bottom) > 1)


def _vulgar(text: str) -> Number | None:
    head = text[:-1].strip()
    part = Fraction(_VULGAR[text[-1]])
    if head in ("", "-"):
        return Number(-part if head else part, form="fraction")
    if not _PLAIN.fullmatch(head):
        return None
    whole = Fraction(int(head))
    return Number(-(abs(whole) + part) if head.startswith("-") else whole + part, form="mixed")


def _decimal(text: str, comma_decimal: bool) -> Number | None:
    if m := _POWER_OF_TEN.fullmatch(text):
        exponent = int(m["e"])
        if abs(exponent) > MOST_EXPONENT:
            return None
        return Number(_signed(Fraction(10) ** exponent, m["sign"]), form="scientific")
    if m := _EUROPEAN.match(text):
        body = m["body"].replace(".", "").replace(",", ".")
        return _with_tail(body, text[m.end() :], m["sign"])
    if comma_decimal and text.count(",") == 1 and (m := _COMMA_DECIMAL.match(text)):
        text = text[: m.end()].replace(",", ".") + text[m.end() :]
    m = _NUMBER.match(text)
    if m is None or len(m["body"]) > MOST_DIGITS:
        return None
    exponent = int(m["e"] or m["ten"] or 0)
    if abs(exponent) > MOST_EXPONENT:
        return None
    number = _with_tail(re.sub(r"[,'’ _]", "", m["body"]), text[m.end() :], m["sign"], m["sign2"])
    if number is None:
        return None
    money = (m["money"] or "").strip()
    if money and not number.unit:
        number = number._replace(unit="dollar" if "$" in money else known_unit(money) or money)
    if m["repeat"]:
        digits = re.sub(r"\D", "", m["repeat"])
        more = Fraction(int(digits), (10 ** len(digits) - 1) * 10 ** (number.places or 0))
        value = number.value - more if number.value < 0 or "-" in (m["sign"], m["sign2"]) else number.value + more
        number = number._replace(value=value, places=None, form="fraction")
    if exponent:
        value = number.value * Fraction(10) ** exponent
        number = number._replace(value=value, places=None, form="scientific")
    return number


def _with_tail(body: str, after: str, *signs: str | None) -> Number | None:
    """The number with these digits ("12.50", ".5", "12.") and what stands behind them; None if that spoils it."""
    tail = _tail(after)
    if tail is None:
        return None
    whole, _, decimals = body.partition(".")
    value = _signed(Fraction(f"{whole or 0}.{decimals or 0}"), *signs) * tail.factor
    places = len(decimals) or None
    return Number(value, tail.percent, tail.unit, places, "decimal" if places else "whole")


# -- what stands behind the digits -------------------------------------------------------------------------------------


class _Tail(NamedTuple):
    percent: bool = False
    unit: str = ""
    factor: int = 1


_PERCENT = re.compile(
    r"\s?(?:\\?%|\\text\s?\{\s?(?:\\?%|percent|per cent|pct)\s?\}|(?:percent(?:age)?(?: points?)?|per cent|pct)\b)",
    re.I,
)
_DEGREE = re.compile(
    r"\s?(?:\^\s?\{?\s?\\circ\s?\}?|\\degree|\\circ|\\text\s?\{\s?degrees?\s?\}|°|º|degrees?\b|deg\b)\s?(?P<scale>[CF]\b)?",
    re.I,
)
_UNIT_TEXT = re.compile(
    r"\s?\\(?:text|mathrm|mbox|textbf|rm|textnormal|operatorname|textrm|mathbf)\s?\{(?P<word>[^{}\\]{0,60})\}"
    r"(?:\s?\^\s?\{?(?P<power>-?[123])\}?)?"
)
_GLUED = re.compile(r"[a-z]{4,}")
_LETTERS = r"A-Za-zÀ-ɏͰ-ϿЀ-ӿ぀-ヿ一-鿿가-힯"
_UNIT_WORDS = re.compile(
    rf"(?P<word>[{_LETTERS}¢$€£¥(][\w/'.²³)-]*(?:\s[{_LETTERS}/'(-][\w/'.²³)-]*){{0,5}})(?P<power>\^\{{?[23]\}}?)?"
)


def _tail(text: str) -> _Tail | None:
    """What follows the digits; None if it makes the whole something else than a number."""
    if not text or not text.strip():
        return _Tail()
    if m := _PERCENT.match(text):
        after = text[m.end() :].strip(" .$)")
        return _Tail(True, after) if not after or _unit(" " + after) is not None else None
    if m := _DEGREE.match(text):
        scale = (m["scale"] or "").upper()
        return None if text[m.end() :].strip(" .") else _Tail(False, "degree" + scale)
    word = text.strip().partition(" ")[0].strip("{}").lower()
    factor = 1
    if word in MAGNITUDES and (text[0] == " " or word == "k"):
        factor = MAGNITUDES[word]
        text = " " + text.strip()[len(word) :].strip()
        if text == " ":
            return _Tail(factor=factor)
    unit = _unit(text)
    return None if unit is None else _Tail(False, unit, factor)


def _unit(text: str) -> str | None:
    """The unit that a text is, all of it; None if it is none ("x" in "5x", "pi", "or 6")."""
    power = ""
    if m := _UNIT_TEXT.match(text):
        word, power = m["word"].strip(" ().~"), m["power"] or ""
        if {w for w in word.lower().split() if len(w) > 1} & NO_UNIT:
            return None
        rest = text[m.end() :].strip(" .$")
        if rest:
            more = _UNIT_TEXT.match(rest)  # "\text{ miles}/\text{hour}", "\text{ km} per hour"
            if not (more or rest[0] in "/p(") or set(rest.lower().split()) & NO_UNIT:
                return None
            word = f"{word} {rest}"
    else:
        m = _UNIT_WORDS.fullmatch(text.strip().rstrip(" .$"))
        if m is None:
            return None
        word, power = m["word"], (m["power"] or "").strip("^{}")
        first = word.split(" ")[0]
        glued = text[0] != " " and first[0].isalpha() and first.isascii() and not _GLUED.fullmatch(first)
        if glued and known_unit(first) is None and first.split("/")[0] not in SYMBOLS:
            return None  # "5x" and "4a-2" are formulas
        spoken = set(re.split(r"[\s/()-]+", word.lower()))
        if spoken & NO_UNIT or (len(word) == 1 and word not in SYMBOLS and word.isascii()):
            return None
    if any(c in "0123456789" for c in word.rstrip("23")):
        return None
    known = None if power else known_unit(word)
    return known if known else word + (f"^{power}" if power else "")


# -- numbers inside of text --------------------------------------------------------------------------------------------

_IN_TEXT = (
    r"(?<![\w.^_\\)])(?P<number>[-+]?\s?\\?[$€£¥₹]?\s?[-+]?(?:(?:%s)(?:\.\d+)?(?:\s?/\s?\d+(?!\d|\.\d))?|\.\d+)"
    r"(?:[eE][+-]?\d{1,3}(?![\d.]))?(?:\s?(?:\\?%%|percent\b|million\b|billion\b|thousand\b|dozen\b))?)"
)
_NUMBERS = re.compile(_IN_TEXT % _GROUPED)
_NUMBERS_WITH_COMMA = re.compile(_IN_TEXT % (r"\d{1,9},\d{1,2}(?![\d,.])|" + _GROUPED))


def numbers_in(text: str, *, comma_decimal: bool = False, reach: int = 2000) -> list[tuple[int, int, Number]]:
    """(start, end, number) of the numbers in the last `reach` characters of a text, in order. See `read_number`."""
    found = []
    for m in (_NUMBERS_WITH_COMMA if comma_decimal else _NUMBERS).finditer(text, max(0, len(text) - reach)):
        number = read_number(m["number"], comma_decimal=comma_decimal) if len(m["number"]) <= MOST_DIGITS else None
        if number is not None:
            found.append((m.start("number"), m.end("number"), number))
    return found


def rounded_alike(a: Fraction, b: Fraction, places: int, enough: int) -> bool:
    """Equal once rounded or cut at `places` decimals (at least 2), if that leaves `enough` significant digits."""
    size, other = sorted((abs(a), abs(b)), reverse=True)
    if size == 0 or places < 2:
        return a == b
    if size >= 1:
        digits = places + len(str(size.numerator // size.denominator))
    else:
        digits = places + 1 - len(str(size.denominator // size.numerator))  # zeros behind the point do not count
    step = Fraction(1, 10**places)
    cut = size - other < step and other % step == 0  # the smaller one is the larger one, cut
    return digits >= enough and a * b > 0 and (abs(a - b) * 2 <= step or cut)
