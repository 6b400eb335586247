"""What must hold for all numbers, lists and orders of judging, not just for the golden rows."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlar.tools.math import Math
from rlar.tools.math.form import key_of, read_form
from rlar.tools.math.symbolic import equal, explosive, parse, unfinished
from rlar.types import Query

TOOL = Math()
FORMATS = (r"\boxed{%s}", "The answer is %s.", "#### %s", "<answer>%s</answer>", "A: %s", r"so \[\boxed{%s}\]", "%s")


def pays(gold: str, response: str, prompt: str = "") -> bool:
    query = Query(prompt=prompt, reference=gold)
    return TOOL.rate(response, query, TOOL.prepare(query)).value > 0.5


@given(st.integers(-(10**15), 10**15), st.integers(-(10**15), 10**15), st.sampled_from(FORMATS))
def test_an_integer_pays_if_and_only_if_it_is_the_gold(a, b, template):
    assert pays(str(a), template % f"{a:,}")
    assert pays(str(a), template % b) == (a == b)


@given(st.fractions(max_denominator=999), st.fractions(max_denominator=999))
def test_a_fraction_pays_if_and_only_if_its_value_is_the_gold(a, b):
    gold = rf"\frac{{{a.numerator}}}{{{a.denominator}}}"
    assert pays(gold, rf"\boxed{{{a.numerator}/{a.denominator}}}")
    assert pays(gold, rf"\boxed{{\dfrac{{{b.numerator}}}{{{b.denominator}}}}}") == (a == b)


@given(st.decimals(-1000, 1000, places=3), st.decimals(-1000, 1000, places=3))
def test_a_decimal_pays_if_and_only_if_its_value_is_the_gold(a, b):
    assert pays(str(a), f"The answer is {a}.")
    assert pays(str(a), f"The answer is {b}.") == (Fraction(str(a)) == Fraction(str(b)))


@given(st.lists(st.integers(-99, 99), min_size=2, max_size=5, unique=True), st.randoms())
def test_sets_forget_their_order_and_tuples_keep_it(items, random):
    other = list(items)
    random.shuffle(other)
    gold, said = (", ".join(map(str, xs)) for xs in (items, other))
    assert pays(rf"\{{{gold}\}}", rf"\boxed{{\{{{said}\}}}}")
    assert pays(f"({gold})", rf"\boxed{{({said})}}") == (items == other)


@given(st.integers(2, 999), st.integers(2, 999))
def test_unfinished_arithmetic_never_pays(a, b):
    assert not pays(str(a + b), rf"\boxed{{{a}+{b}}}")
    assert not pays(str(a * b), rf"\boxed{{{a} \cdot {b}}}")
    assert pays(str(a * b), rf"\boxed{{{a} \cdot {b} = {a * b}}}")


@given(st.integers(0, 99), st.integers(0, 99))
def test_two_values_never_pay_for_one(a, b):
    if a != b:
        for joint in (" or ", " and ", ", ", r" \text{ or } "):
            assert not pays(str(a), rf"\boxed{{{a}{joint}{b}}}")
            assert not pays(str(b), rf"\boxed{{{a}{joint}{b}}}")


@settings(max_examples=25, deadline=None)
@given(st.permutations([r"\boxed{\sqrt{8}}", r"\boxed{2\sqrt2}", r"\boxed{3}", r"\boxed{x}", "", r"\boxed{9^{9^{9}}}"]))
def test_the_order_of_responses_changes_no_value(responses):
    query = Query(reference=r"2\sqrt{2}")
    prepared = TOOL.prepare(query)
    for response in responses:
        alone = TOOL.rate(response, query, TOOL.prepare(query))
        assert TOOL.rate(response, query, prepared) == alone


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (r"\dfrac12", r"\frac{1}{2}"),
        (r"\left( 1, 2 \right)", "(1,2)"),
        (r"x \leq 5", "x≤5"),
        (r"\sqrt2", r"\sqrt{2}"),
        ("x²", "x^2"),
        (r"\begin{bmatrix}1&2\end{bmatrix}", r"\begin{pmatrix} 1 & 2 \end{pmatrix}"),
    ],
)
def test_spellings_of_one_thing_have_one_key(a, b):
    assert read_form(a).key == read_form(b).key


def test_different_things_have_different_keys():
    assert len({key_of(t) for t in ("x^2", "x2", "2x", "x_2", r"x\le2", "x<2", "X")}) == 7


def test_what_would_explode_is_refused_before_it_is_parsed():
    for text in ("9^{9^{9}}", "10^10^10", "99999!", "(5!)!", r"\binom{100000}{5}", "1" * 80, "(" * 40 + ")" * 40):
        assert explosive(text) and parse(text) is None
    for text in ("2^{10}", "2024^{4046}", "x^{x^2}", "e^{-x^2/2}", "5!", r"\frac{1}{2004!}"[:12] + "n!}"):
        assert not explosive(text)


def test_equality_is_by_value_and_unfinished_work_is_seen():
    assert equal(parse("(x+1)^2"), parse("x^2+2x+1"))
    assert not equal(parse("(x+1)^2"), parse("x^2+1"))
    assert not equal(parse("2^{500}"), parse("2^{500}+1"))  # the first 30 digits are the same
    assert equal(parse(r"\sqrt{x^2}"), parse("x"), loose=True) and not equal(parse(r"\sqrt{x^2}"), parse("x"))
    assert unfinished(parse("3t+4t")) and unfinished(parse("x/x")) and not unfinished(parse("3t+4"))


def test_profiles_are_checked_and_told_apart():
    with pytest.raises(ValueError, match="profile"):
        Math("generous")
    assert len({Math(p).card.version for p in ("reward", "strict", "lenient")}) == 3


def test_letters_words_and_texts_are_not_for_maths():
    for prompt, gold in [
        ("Which? (A) one (B) two", "B"),
        ("Who?", "Ann"),
        ("Is it?", "yes"),
        ("Rows?", "3 0 9\n1 2 3"),
    ]:
        assert not TOOL.fits(Query(prompt=prompt, reference=gold))
    for gold in ("18", r"\sqrt{2}", "[0,9)", r"\{1,2\}", "(1,2)", "1,2,3", "12 hours", "$204_5$"):
        assert TOOL.fits(Query(reference=gold))
