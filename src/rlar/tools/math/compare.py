r"""Whether an answer is the gold answer: by form where that is enough, by algebra where it is not.

What counts as the same depends on the *profile* and on the question:
  strict   exact values, fractions in lowest terms, no rounding, no unit that contradicts
  reward   for training: equal values in any finished form; unfinished work ("5+7", "x/x", the question) pays nothing
  lenient  for evaluation: anything that evaluates to the gold counts, and decimals that round to it
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from rlar.tools.math import symbolic
from rlar.tools.math.form import Form, key_of, read_form, split_top
from rlar.tools.math.intervals import Piece, intervals_of
from rlar.tools.number_words import spoken_number
from rlar.tools.numbers import Number, rounded_alike
from rlar.tools.units import MAGNITUDES, asked_unit, contradict, ratio

_MOST_MATCHED = 40  # items that are matched one against another; longer lists are compared by their keys
_ENOUGH_DIGITS = 6  # significant digits from which a rounded decimal stands for an exact value
_ENOUGH_DIGITS_LENIENT = 2

_ORDER = re.compile(
    r"\border(?!ed (?:pair|triple))|\bascending|\bdescending|\bsort|\brespectively|\barrange|\balphabetical"
    r"|\bsequence\b|\bnext (?:\w+ )?(?:terms|numbers)|\bfirst (?:\w+ )?terms|smallest to"
    r"|largest to|least to|greatest to",
    re.I,
)
_PERCENT = re.compile(r"percent|%|per cent|percentage", re.I)
_REDUCE = re.compile(r"\bsimpl|lowest terms|\breduce|common fraction|irreducible|relatively prime|coprime", re.I)
_IN_MAGNITUDE = re.compile(r"\bin (hundred|thousand|million|billion|trillion|dozen)s?\b", re.I)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the question and the profile demand of an answer."""

    profile: str = "reward"
    ordered: bool = False
    percent: bool | None = None  # asked for a percentage; None where there is no question to tell
    reduce: bool = False
    factor: bool = False
    expand: bool = False
    base: bool = False
    unit: str = ""
    magnitude: int = 1
    prompt_key: str = ""

    @property
    def lenient(self) -> bool:
        return self.profile == "lenient"


def asks_for_order(prompt: str) -> bool:
    """Whether a question makes the order of a list count: "in ascending order", "respectively", "the next terms"."""
    return bool(_ORDER.search(prompt[-6000:]))


def rules_of(prompt: str, profile: str) -> Rules:
    """The demands of a question, read once per group. A prompt may be empty: then nothing is demanded."""
    if not prompt.strip():
        return Rules(profile)
    tail = prompt[-6000:]
    magnitude = _IN_MAGNITUDE.search(tail)
    return Rules(
        profile,
        ordered=asks_for_order(tail),
        percent=bool(_PERCENT.search(tail)),
        reduce=bool(_REDUCE.search(tail)),
        factor=bool(re.search(r"\bfactor(?!ial)", tail, re.I)),
        expand=bool(re.search(r"\bexpand|\bmultiply out", tail, re.I)),
        base=bool(re.search(r"\bbase\b", tail, re.I)),
        unit=asked_unit(prompt),
        magnitude=MAGNITUDES[magnitude[1].lower()] if magnitude else 1,
        prompt_key=key_of(tail.replace("$", "")),
    )


@dataclass(slots=True)
class Gold:
    """One accepted answer, with its parsed formula once that was needed (parsed at most once per group)."""

    form: Form
    parsed: dict[str, Any] = field(default_factory=dict)

    def formula(self, form: Form) -> Any | None:
        if form.key not in self.parsed:
            self.parsed[form.key] = symbolic.parse(form.text)
        return self.parsed[form.key]


def same(gold: Gold, pred: Form, rules: Rules) -> bool:
    """Whether `pred` says what the gold says. Never raises for a bad answer; may be slow only inside of algebra."""
    return _same(gold, gold.form, pred, rules)


def _same(gold: Gold, g: Form, p: Form, rules: Rules) -> bool:
    if not p.key:
        return False
    if len(g.name) == 1 == len(p.name) and g.name.isalpha() and p.name.isalpha() and g.name != p.name:
        return False  # x = 1 is no answer to y = 1
    if p.key == g.key:
        return True
    if g.items:
        return _same_items(gold, g, p, rules)
    if g.number is not None:
        if p.number is not None:
            return same_number(g.number, p.number, rules)
        said = spoken_number(p.text)
        if said is not None:
            return same_number(g.number, Number(Fraction(said)), rules)
        return not p.items and not p.equation and _worked_out(gold, g, p, rules)
    if g.words or p.words:
        return _spoken(g.text) == _spoken(p.text)
    if g.equation or "∪" in g.key:
        mine, theirs = intervals_of(g), intervals_of(p)
        if mine and theirs:
            return _same_pieces(gold, mine, theirs, rules)
    if p.items and not (len(p.items) == 2 and p.brackets in ("()", "[]", "[)", "(]")):
        return False  # only an interval can be a formula: "\\mathbb{R}" is (-oo, oo)
    return _same_formula(gold, g, p, rules)


_FILLER = re.compile(r"\b(?:the|a|an|is|are)\b|[^\w\s]")


def _spoken(text: str) -> str:
    return " ".join(_FILLER.sub(" ", text.casefold()).split())


# -- numbers -----------------------------------------------------------------------------------------------------------


def same_number(g: Number, p: Number, rules: Rules) -> bool:
    """Two numbers, with percent signs, units and rounding, as the profile and the question have it."""
    if "coded" in (g.form, p.form) and g.form != p.form and not rules.lenient:
        return False  # 0x1f was asked for, or was not
    if not rules.lenient and not p.reduced and (rules.reduce or rules.profile == "strict"):
        return False
    value = p.value
    target = g.unit or rules.unit
    if p.unit and target and p.unit != target and (scale := ratio(p.unit, target)) is not None:
        value *= scale  # 2 hours are 120 minutes, and are not 2 minutes
    elif contradict(p.unit, g.unit) and not rules.lenient:
        return False  # 5 seconds are no answer to 5 metres
    elif p.unit and g.unit and p.unit != g.unit and rules.profile == "strict" and _SYMBOL.fullmatch(p.unit + g.unit):
        return False
    if g.percent == p.percent:
        return _close(g.value, value, g, p, rules)
    if g.percent:  # "20%" is 20 where a percentage is asked for, and 0.2 where not
        if rules.percent is not False and _close(g.value, value, g, p, rules):
            return True
        return rules.percent is not True and _close(g.share, value, g, p, rules)
    if rules.percent is not False and _close(g.value, value, g, p, rules):
        return True
    return _close(g.value, value / 100, g, p, rules)


_SYMBOL = re.compile(r"[a-zA-Z]{1,6}")


def _close(g: Fraction, p: Fraction, gold: Number, pred: Number, rules: Rules) -> bool:
    if g == p or (rules.magnitude > 1 and (p == g * rules.magnitude or p * rules.magnitude == g)):
        return True
    if rules.profile == "strict" or g == 0 or p == 0:
        return False
    places = [n.places for n in (gold, pred) if n.places is not None]
    if not places or (gold.form == "whole" and pred.places is not None):
        return False
    return rounded_alike(g, p, min(places), _ENOUGH_DIGITS_LENIENT if rules.lenient else _ENOUGH_DIGITS)


_TEN_BASED = re.compile(r"(-?\d{1,300})_\{?(?:10|\\text\{ten\})\}?")


def _worked_out(gold: Gold, g: Form, p: Form, rules: Rules) -> bool:
    """Gold is a number, the answer a formula: it pays only if lenient, or if it is the closed form of a decimal."""
    assert g.number is not None
    if m := _TEN_BASED.fullmatch(p.text):
        return Fraction(int(m[1])) == g.number.value
    if p.words or rules.profile == "strict":
        return False
    if not rules.lenient and (g.number.places or 0) < _ENOUGH_DIGITS - 1:
        return False
    formula = symbolic.parse(p.text)
    if formula is None or (not rules.lenient and symbolic.unfinished(formula)):
        return False
    value = symbolic.decimal_of(formula)
    if value is None:
        return (
            rules.lenient and symbolic.equal(gold.formula(g), formula, loose=True)
            if gold.formula(g) is not None
            else False
        )
    if abs(value - g.number.share) <= abs(value) * Fraction(1, 10**20) or value == g.number.value:
        return True
    return g.number.places is not None and rounded_alike(value, g.number.value, g.number.places, _ENOUGH_DIGITS)


# -- several -----------------------------------------------------------------------------------------------------------


def _same_items(gold: Gold, g: Form, p: Form, rules: Rules) -> bool:
    theirs, brackets = p.items, p.brackets
    if not theirs and not p.equation and "," in p.text:  # "100,200" reads as a number, but two are asked for
        theirs = tuple(read_form(part) for part in split_top(p.text))
    if not theirs:
        if p.equation and rules.profile != "strict" and (pieces := intervals_of(p)):
            return bool(mine := intervals_of(g)) and _same_pieces(gold, mine, pieces, rules)
        return len(g.items) == 1 and g.brackets != "()" and _same(gold, g.items[0], p, rules)
    if not _same_brackets(g.brackets, brackets, rules):
        return False
    mine_items = g.items
    ordered = g.brackets in ("()", "[)", "(]", "[]") or rules.ordered or (g.brackets == "" and brackets == "()")
    if not ordered:
        mine_items, theirs = _distinct(mine_items), _distinct(theirs)
    elif all(x.name for x in mine_items) and all(x.name for x in theirs):
        mine_items, theirs = (tuple(sorted(items, key=lambda x: x.name)) for items in (mine_items, theirs))
    if len(mine_items) != len(theirs):
        return False
    if ordered:
        return all(_same(gold, x, y, rules) for x, y in zip(mine_items, theirs, strict=True))
    return _same_in_any_order(gold, list(mine_items), list(theirs), rules)


def _same_in_any_order(gold: Gold, mine: list[Form], theirs: list[Form], rules: Rules) -> bool:
    left = {(form.name, form.key): form for form in theirs}
    rest = [form for form in mine if left.pop((form.name, form.key), None) is None]
    if len(rest) > _MOST_MATCHED:
        return False
    for form in rest:
        match = next((key for key, other in left.items() if _same(gold, form, other, rules)), None)
        if match is None:
            return False
        del left[match]
    return True


def _same_brackets(gold: str, pred: str, rules: Rules) -> bool:
    if gold == pred:
        return True
    if gold in ("[)", "(]") or pred in ("[)", "(]"):
        return False  # half-open intervals are nothing else
    if rules.lenient:
        return {gold, pred} != {"()", "[]"}
    allowed = {"()": ("",), "[]": ("",), "{}": ("",), "": ("{}", "[]", "()")}
    return pred in allowed[gold] and not (rules.profile == "strict" and gold != "" and pred == "")


def _distinct(forms: tuple[Form, ...]) -> tuple[Form, ...]:
    return tuple({(form.name, form.key): form for form in forms}.values())


def _same_pieces(gold: Gold, mine: tuple[Piece, ...], theirs: tuple[Piece, ...], rules: Rules) -> bool:
    """Unions of intervals, in any order."""
    if len(mine) != len(theirs):
        return False
    left = list(theirs)
    for a in mine:
        for i, b in enumerate(left):
            if (
                (a.left_open, a.right_open) == (b.left_open, b.right_open)
                and _same(gold, a.start, b.start, rules)
                and _same(gold, a.end, b.end, rules)
            ):
                del left[i]
                break
        else:
            return False
    return True


# -- formulas ----------------------------------------------------------------------------------------------------------


def _same_formula(gold: Gold, g: Form, p: Form, rules: Rules) -> bool:
    if _BASED.search(g.key) or _BASED.search(p.key):  # "204_5": only where the question names the base, 204 will do
        return rules.base and p.number is not None and g.key.partition("_")[0] == p.key
    if not rules.lenient and len(p.key) > 3 and p.key in rules.prompt_key and p.key not in g.key:
        return False  # the question, said again
    if g.equation and _plain_name(p):
        p = replace(p, text=f"{p.name} = {p.text}", key=f"{p.name}={p.key}", number=None)
    elif p.equation and _plain_name(g):
        g = replace(g, text=f"{g.name} = {g.text}", key=f"{g.name}={g.key}", number=None)
    if g.text.count("'") != p.text.count("'"):
        return False  # the parser drops primes, and y' is not y
    mine = gold.formula(g)
    theirs = symbolic.parse(p.text) if mine is not None else None
    if mine is None or theirs is None:
        return False
    if p.number is not None and p.number.places is not None:
        return _rounds(mine, p.number, rules)
    if not rules.lenient and (_unfinished(mine, theirs) or _wrong_shape(mine, theirs, rules)):
        return False
    return symbolic.equal(mine, theirs, loose=rules.lenient) or _same_in_natural_logs(g, p, rules)


_NATURAL = re.compile(r"\\?(?<![a-zA-Z])ln(?![a-zA-Z])")
_LOG = re.compile(r"\\?(?<![a-zA-Z])log(?![a-zA-Z])(?!\s?_)")


def _same_in_natural_logs(g: Form, p: Form, rules: Rules) -> bool:
    r"""Whether "\log", which is to base 10 in some books and natural in others, is what the other side calls "\ln"."""
    if rules.profile == "strict" or not any(
        _NATURAL.search(a.text) and _LOG.search(b.text) for a, b in ((g, p), (p, g))
    ):
        return False
    mine, theirs = (symbolic.parse(_LOG.sub(r"\\ln ", form.text)) for form in (g, p))
    return mine is not None and theirs is not None and symbolic.equal(mine, theirs)


_BASED = re.compile(r"\d_")


def _plain_name(form: Form) -> bool:
    return form.name != "" and form.name != "…"


def _rounds(formula: Any, number: Number, rules: Rules) -> bool:
    """Whether a decimal is the value of the gold formula: exactly, or rounded with enough digits unless strict."""
    value = symbolic.decimal_of(formula)
    if value is None:
        return False
    if abs(value - number.share) <= abs(value) * Fraction(1, 10**20):
        return True
    enough = _ENOUGH_DIGITS_LENIENT if rules.lenient else _ENOUGH_DIGITS
    return rules.profile != "strict" and rounded_alike(value, number.share, number.places or 0, enough)


def _unfinished(mine: Any, theirs: Any) -> bool:
    return symbolic.unfinished(theirs) and not symbolic.unfinished(mine)


def _wrong_shape(mine: Any, theirs: Any, rules: Rules) -> bool:
    """A sum where factors were asked for, factors where they were to be multiplied out."""
    is_sum, was_sum = getattr(theirs, "is_Add", False), getattr(mine, "is_Add", False)
    if rules.factor and not rules.expand:
        return is_sum and not was_sum
    if rules.expand and not rules.factor:
        product = getattr(theirs, "is_Mul", False) or getattr(theirs, "is_Pow", False)
        return (
            was_sum
            and product
            and any(
                getattr(arg, "is_Add", False) or getattr(getattr(arg, "base", None), "is_Add", False)
                for arg in (*theirs.args, theirs)
            )
        )
    return False
