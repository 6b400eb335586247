"""The tool `Math`: is the final answer the gold number, formula, interval, set, tuple or list of these?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rlar.tools.base import RuleTool
from rlar.tools.final_answer import claims, echoes, last_claim, said
from rlar.tools.math import symbolic
from rlar.tools.math.answer import answer_form
from rlar.tools.math.compare import Gold, Rules, rules_of, same
from rlar.tools.math.form import Form, read_form
from rlar.tools.numbers import read_number
from rlar.tools.reference import golds, itemised, shape_of
from rlar.types import Kind, Mark, Query, Response

PROFILES = ("reward", "strict", "lenient")
_KINDS = frozenset({"number", "expression", "interval", "set", "tuple"})
_RIGHT = Mark(1.0, "equal")


@dataclass(slots=True)
class _Prepared:
    golds: list[Gold]  # each accepted answer, read once
    rules: Rules
    number: bool  # all golds are numbers
    several: bool  # some gold is a list, set ...
    comma_decimal: bool  # no gold is a whole number, so "1,5" can be one and a half
    whole: str  # the gold as plain digits, for the fastest path; "" if it is no whole number


class Math(RuleTool):
    r"""Right (1) or wrong (0): the last claimed answer against the gold, by form first and by algebra where needed.

    profile: "reward" for training (finished answers only, percent and units by the question, nothing that only
    evaluates to the gold), "strict" (also: answers marked as such, exact, fractions in lowest terms), "lenient" for
    evaluation (also: whatever evaluates to the gold, and decimals of two places or more that round to it).
    Answers that follow a closed thought count alone; several values for a gold of one value are wrong.
    Sources: Math-Verify 0.9; extraction as in MATH, GSM8K, Minerva and ToRA (see rlar.tools.final_answer).
    """

    preload = ("rlar.tools.math.symbolic:warm",)

    def __init__(self, profile: str = "reward") -> None:
        if profile not in PROFILES:
            raise ValueError(f"profile must be one of {', '.join(PROFILES)}, but is {profile!r}")
        self.profile = profile
        self.describe(
            config={"profile": profile},
            libraries=("math-verify", "latex2sympy2_extended", "sympy"),
            name="math" if profile == "reward" else f"math_{profile}",
            kind=Kind.VERIFIER,
            about=f"the final answer equals the gold number, formula, interval, set or tuple ({profile})",
            suits=("math", "reasoning"),
            needs=("reference:number|expression|interval|set|tuple",),
            line=0.5,
        )

    def fits(self, query: Query) -> bool:
        """Numbers, formulas, intervals, sets, tuples, and lists of numbers or formulas; letters go to `choice`."""
        shape = shape_of(query)
        if shape.kind == "list":
            items = shape.value
            gold = str(query.reference)
            row = symbolic.ROW.search(gold) or itemised(gold)  # "3 0 9" and "1. fig": rows, tables go to `list_match`
            return not row and isinstance(items, tuple) and len(items) <= 200 and all(map(_is_math, items))
        if shape.kind == "span":  # words and symbols in maths mode ("$204_5$", "$\\text{Evelyn}$"), and "12 hours"
            gold = str(query.reference).strip()
            return gold.startswith(("$", "\\(", "\\[")) or read_number(gold) is not None
        return shape.kind in _KINDS

    def prepare(self, query: Query) -> _Prepared:
        forms = [read_form(_plain_gold(gold)) for gold in _gold_texts(query)]
        several = any(form.items for form in forms)
        numbers = [form.number for form in forms if form.number is not None]
        whole = forms[0].key if len(forms) == 1 and numbers and forms[0].key.isdecimal() else ""
        return _Prepared(
            [Gold(form) for form in forms if form.key],
            rules_of(query.question, self.profile),
            bool(forms) and len(numbers) == len(forms),
            several,
            any(n.value.denominator != 1 for n in numbers),
            whole.lstrip("0") or whole,
        )

    def rate(self, response: Response, query: Query, prepared: _Prepared) -> Mark:
        text = said(response, thoughts={"reward": "fallback", "strict": "never", "lenient": "always"}[self.profile])
        found = claims(text, explicit=self.profile == "strict")
        if not found or echoes(text, query.question):
            return Mark(0.0, "no answer is stated")
        if prepared.whole and found[0].text == prepared.whole and len(found[0].boxes) < 2:
            return _RIGHT
        mark = Mark(0.0, f"the {found[0].how} holds no answer")
        for claim in found:
            form = answer_form(
                claim, several=prepared.several, number=prepared.number, comma_decimal=prepared.comma_decimal
            )
            if form is not None:
                if any(same(gold, form, prepared.rules) for gold in prepared.golds):
                    return _RIGHT
                mark = Mark(0.0, f"claims {_short(form)}")
                break
        return mark


def _short(form: Form) -> str:
    return " and ".join(item.text for item in form.items)[:80] if form.text == "" else form.text[:80]


def _gold_texts(query: Query) -> tuple[str, ...]:
    """The accepted answers; a solution whose last boxes stand together goes on whole, as all of them are its answer."""
    whole = query.reference
    if isinstance(whole, str) and whole.count("boxed") > 1 and len(whole) < 20_000:
        return (whole,)
    return golds(query)


def _plain_gold(gold: str) -> str:
    """A gold that is a sentence or a solution is read like a response; a plain one is taken as it is."""
    if len(gold) < 60 and "boxed" not in gold and "\n" not in gold:
        return gold
    claim = last_claim(gold, explicit=True)
    if claim is None:
        return gold
    return ", ".join(claim.boxes) if len(claim.boxes) > 1 else claim.text


def _is_math(item: Any) -> bool:
    form = read_form(str(item))
    return (
        form.number is not None or bool(form.items) or (not form.words and any(c in form.text for c in "\\^=+*/()√π"))
    )
