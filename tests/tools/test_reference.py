"""What a gold answer is: golden tables, each trap beside its plain case."""

from __future__ import annotations

import gzip
import json
import math
import time
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlar.tools.reference import Shape, choices_of, golds, options_in, read_shape, shape_of, split_top, undressed
from rlar.types import Message, Query

KINDS = {
    "number", "expression", "interval", "set", "tuple", "choice", "json", "label", "list", "span", "text", "program",
    "none",
}  # fmt: skip
MCQ = "Which gas do plants take up?\n(A) argon\n(B) carbon dioxide\n(C) helium\n(D) neon"


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("18", Fraction(18)),
        ("-7", Fraction(-7)),
        ("−7", Fraction(-7)),  # the minus sign of typographers
        ("1,000", Fraction(1000)),
        ("1,234", Fraction(1234)),  # "1, 234" is a list
        ("10{,}000", Fraction(10000)),
        ("10,\\!080", Fraction(10080)),
        ("$5", Fraction(5)),
        ("$5$", Fraction(5)),  # maths mode, not money
        ("\\$5.50", Fraction(11, 2)),
        ("50%", Fraction(50)),  # as written: whoever judges decides what a percent is
        ("28\\%", Fraction(28)),
        ("3/4", Fraction(3, 4)),
        ("\\frac{3}{4}", Fraction(3, 4)),
        ("\\dfrac34", Fraction(3, 4)),
        ("-\\frac{14}{5}", Fraction(-14, 5)),
        ("1\\frac{1}{10}", Fraction(11, 10)),
        ("1 1/2", Fraction(3, 2)),
        ("-2.5e3", Fraction(-2500)),
        ("1.5 \\times 10^{3}", Fraction(1500)),
        ("\\boxed{42}", Fraction(42)),
        ("5 \\text{ cm}", Fraction(5)),
        ("15\\mbox{ cm}^2", Fraction(15)),
        ("74^\\circ", Fraction(74)),
        ("3.14 m", Fraction("3.14")),
        ("$125$ miles", Fraction(125)),
        ("1.234.567,89", Fraction(123456789, 100)),
        ("½", Fraction(1, 2)),
        (".5", Fraction(1, 2)),
        ("18.", Fraction(18)),  # the end of a sentence
        ("#### 18", Fraction(18)),
        ("She has 3 + 15 = <<3+15=18>>18 eggs.\n#### 18", Fraction(18)),
        ("First \\boxed{3}, so after all it is \\boxed{18}.", Fraction(18)),  # the last box counts
        (18, Fraction(18)),
        (2.5, Fraction(5, 2)),
        (["18"], Fraction(18)),
        (["18", "18.0"], Fraction(18)),
        ({"answer": "18"}, Fraction(18)),
        ({"ground_truth": 18, "style": "rule"}, Fraction(18)),
    ],
)
def test_numbers_are_read_exactly(reference, value):
    shape = read_shape(reference)
    assert (shape.kind, shape.value) == ("number", value)


@pytest.mark.parametrize(
    ("reference", "kind"),
    [
        ("\\sqrt{26}", "expression"),
        ("2\\pi", "expression"),
        ("x^2+1", "expression"),
        ("x = 5", "expression"),
        ("y = xz", "expression"),
        ("(x+1)(x-2)", "expression"),  # two brackets, but no pair
        ("4210_{5}", "expression"),  # base five: not the number 4210
        ("2024^{4046}", "expression"),  # a power tower is never worked out
        ("\\begin{pmatrix} 1 & 0 \\\\ 0 & 1 \\end{pmatrix}", "expression"),
        ("x < 1", "expression"),
        ("k", "expression"),
        ("3/0", "expression"),  # no number
        ("4:30 p.m.", "span"),  # a time, not a ratio
        ("4:3", "expression"),
        ("[1, 2)", "interval"),
        ("(-\\infty, 3]", "interval"),
        ("(-\\infty,-14)\\cup(-3,\\infty)", "interval"),
        ("x \\in [-2,7]", "interval"),
        ("\\{1,2\\}", "set"),
        ("{3, 2, 1}", "set"),
        ("\\emptyset", "set"),
        ("\\mathbb{Z}", "set"),
        ("(2, 1, 3)", "tuple"),
        ("(7, 6)", "tuple"),  # no interval: it falls
        ("(p,q) = (3,2)", "tuple"),
        ("(1,2),(3,4)", "list"),
        ("1, 2, 3, 4", "list"),
        ("1, 234", "list"),
        ("4 7 5 7", "list"),
        ("6 \\text{ and } 8", "list"),
        ("x = 1 or x = 2", "list"),
        ("[74, 24, 62]", "list"),
        ("['64.5', '56.0']", "list"),
        ("alpha, beta, gamma", "list"),
        ("red, green and blue", "list"),
        ("down\nleft\nup", "list"),
        ("Paris, France", "span"),  # one place
        ("June 20, 1969", "span"),
        ("2026-03-01", "span"),  # a date, not a difference
        ("60 days", "span"),
        ("father-in-law", "span"),  # no subtraction
        ("New York", "span"),
        ("0x1a33", "span"),
        ("阿什利", "span"),
        ("yes", "label"),
        ("No", "label"),
        ("True", "label"),
        ("entailment", "label"),
        ("not enough info", "label"),
        (True, "label"),  # bool is an int for Python, not for us
        ('{"city": "Rome"}', "json"),
        ('[{"a": 1}, {"a": 2}]', "json"),
        ("[[1, 2], [3, 4]]", "json"),
        ({"city": "Rome", "count": 3}, "json"),
        ([[1, 2], [3, 4]], "json"),
        ("{this is no JSON at all, just a line of prose that somebody put into braces for fun}", "text"),
        ("{x | x > 3}", "set"),
        ("def f(x):\n    return x + 1", "program"),
        ("```python\nprint(1)\n```", "program"),
        ("SELECT name FROM users WHERE age > 3", "program"),
        ("Select a good book from the shelf and read it before you go to bed tonight.", "text"),  # no SQL
        ("To import goods you need a licence, and a class of students can return them.", "text"),  # no Python
        ("Daniel is a fool, and Sebastian is a sage.", "text"),
        ("Das ist eine Orchidee, die so aussieht, als ob sie ein Maul hätte.", "text"),
        ("考虑一个非常简单的事实，那就是，我们对宇宙的了解都来自于光。", "text"),  # commas, but no list
        ("ประเทศไทยสูญเสียสิทธิสภาพนอกอาณาเขตระบบกฎหมายและเอกราชของไทยในเวลานั้นทั้งหมด", "text"),
        ("Roses are red,\nviolets are blue,\nsugar is sweet,\nand so are you.", "text"),  # verses are no list
        (None, "none"),
        ("", "none"),
        ("  \n", "none"),
        ([], "none"),
        ({}, "none"),
        (float("nan"), "none"),  # an empty cell of a table
        (float("inf"), "expression"),
    ],
)
def test_kinds(reference, kind):
    shape = read_shape(reference)
    assert shape.kind == kind, shape


def test_two_in_round_brackets_are_a_point_or_an_interval_and_the_prompt_decides():
    alone = read_shape("(2,3)")
    assert alone.kind == "tuple"
    assert alone.confidence <= 0.6
    assert "interval" in alone.why
    assert read_shape("(2,3)", "Where do the lines intersect? Give the coordinates.").kind == "tuple"
    assert read_shape("(2,3)", "On which interval is f increasing?").kind == "interval"
    assert read_shape("[2,3]", "Sort this list in Python.").kind == "list"
    assert read_shape("[2,3]", "Find the domain of f.").kind == "interval"


@pytest.mark.parametrize(
    ("reference", "prompt", "extra", "kind", "value"),
    [
        ("C", MCQ, {}, "choice", "C"),
        ("(C)", MCQ, {}, "choice", "C"),
        ("C.", MCQ, {}, "choice", "C"),
        ("\\text{C}", MCQ, {}, "choice", "C"),
        ("B) carbon dioxide", MCQ, {}, "choice", "B"),
        ("ACD", MCQ, {}, "choice", "ACD"),
        ("BAD", MCQ, {}, "span", "BAD"),  # a word, not three letters in order
        ("C", "Which vitamin is in oranges?", {}, "choice", "C"),  # less sure: see below
        ("E", MCQ, {}, "choice", "E"),  # not among the options
        ("carbon dioxide", "?", {"choices": ["argon", "Carbon dioxide"]}, "choice", "B"),
        ("b", "?", {"choices": ["argon", "neon"]}, "choice", "B"),
        (1, "?", {"choices": ["argon", "neon"]}, "choice", "B"),  # MMLU counts from 0
        (3, "?", {"choices": ["2", "3", "4", "5"]}, "number", Fraction(3)),  # "3" is itself an option
        ("7", "?", {"choices": ["2", "7"]}, "choice", "B"),
        ("2", "?", {"choices": {"text": ["x", "y"], "label": ["1", "2"]}}, "choice", "2"),  # ARC
        ("ham", "Spam or ham?", {"labels": ["spam", "Ham"]}, "label", "ham"),
        ("A", "Name a vitamin. (A) That is all.", {}, "choice", "A"),
    ],
)
def test_choices_and_labels(reference, prompt, extra, kind, value):
    shape = read_shape(reference, prompt, extra)
    assert (shape.kind, shape.value) == (kind, value), shape


def test_a_letter_is_a_sure_choice_only_where_options_stand():
    assert read_shape("C", MCQ).confidence > 0.9
    assert read_shape("C", "Which vitamin is in oranges?").confidence < 0.7
    assert read_shape("E", MCQ).confidence < 0.7
    assert read_shape("A", "", {"choices": ["x", "y"]}).confidence > 0.9


@pytest.mark.parametrize(
    ("prompt", "letters"),
    [
        (MCQ, "ABCD"),
        ("Pick one.\nA. red\nB. blue\nC. green", "ABC"),
        ("Answer choices: (A) 3 (B) 4 (C) 5", "ABC"),
        ("$\\textbf{(A) }2010\\qquad\\textbf{(B) }2009$", "AB"),
        ("Choices:\n- A: x\n- B: y", "AB"),
        ("Vitamin A. is good. Plan B: run.", "AB"),  # fooled by design: two marks in order; hence three or more count
        ("(B) and (C) are missing their first", ""),
        ("no options here", ""),
    ],
)
def test_options_of_a_prompt(prompt, letters):
    assert options_in(prompt) == letters


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query("?", "18"), ("18",)),
        (Query("?", 18), ("18",)),
        (Query("?", 18.0), ("18",)),
        (Query("?", False), ("false",)),
        (Query("?", ["Paris", "City of Paris", "Paris"]), ("Paris", "City of Paris")),  # alternatives, as in SQuAD
        (Query("?", [1, 2, 3]), ("1, 2, 3",)),  # bare numbers: one answer that is a list
        (Query("?", [7]), ("7",)),
        (Query("?", ["1", "2"]), ("1", "2")),  # texts stay alternatives
        (Query("Answer in JSON.", ["a", "b"]), ('["a", "b"]',)),
        (Query("?", ["a"], extra={"schema": {"type": "array"}}), ('["a"]',)),
        (Query("?", {"answer": "18"}), ("18",)),
        (Query("?", {"value": "Rome", "aliases": ["Roma"], "type": "WikipediaEntity"}), ("Rome", "Roma")),
        (Query("?", {"text": ["in 1998"], "answer_start": [12]}), ("in 1998",)),
        (Query("?", {"city": "Rome"}), ('{"city": "Rome"}',)),
        (Query("Reply in JSON.", {"answer": 18}), ('{"answer": 18}',)),  # the key is part of the answer
        (Query("?", "Half of 36 is 18.\n#### 18"), ("18",)),
        (Query("?", "\\boxed{2} and \\boxed{3}"), ("\\boxed{2} and \\boxed{3}",)),  # two boxes, one answer
        (Query("?", "Danke", extra={"references": ["Danke", "Vielen Dank"]}), ("Danke", "Vielen Dank")),
        (Query("?", None, extra={"references": ["a", "b"]}), ("a", "b")),
        (Query("?"), ()),
        (Query("?", [None, "", "x"]), ("x",)),
        (Query("?", math.nan), ()),
    ],
)
def test_all_accepted_golds(query, expected):
    assert golds(query) == expected


def test_alternatives_of_several_kinds_are_compared_in_the_loosest_way():
    assert read_shape(["18", "eighteen"]).kind == "span"
    assert read_shape(["18", "18 \\pi / \\pi"]).kind == "expression"
    assert read_shape(["Paris", "The city of Paris in the north of France, which is its capital."]).kind == "text"


def test_the_shape_of_a_query_uses_its_last_question_and_its_references():
    turns = (Message("user", "Find the domain."), Message("assistant", "Of what?"), Message("user", "Which interval?"))
    assert shape_of(Query(turns, "(2,3)")).kind == "interval"
    several = {"references": ["A long night is over at last, and the day has begun."]}
    assert shape_of(Query("?", None, extra=several)).kind == "text"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1, (2, 3), [4, 5]", ["1", "(2, 3)", "[4, 5]"]),
        ("'a, b', c", ["'a, b'", "c"]),
        ("it's, its", ["it's", "its"]),  # an apostrophe opens no quote
        ("a；b", ["a；b"]),
        ("甲、乙，丙", ["甲", "乙", "丙"]),
    ],
)
def test_splitting_at_the_top_level(text, parts):
    assert split_top(text) == parts


def test_dressing_comes_off_and_content_stays():
    assert undressed("$\\left( 3, \\frac{\\pi}{2} \\right)$") == "( 3, \\frac{\\pi}{2} )"
    assert undressed("**42**.") == "42"
    assert undressed("\\text{Evelyn}") == "Evelyn"
    assert undressed("a $5 note and a $9 note") == "a $5 note and a $9 note"


def test_choices_come_in_all_the_shapes_people_have():
    assert choices_of({"choices": ["x", "y"]}) == {"A": "x", "B": "y"}
    assert choices_of({"options": {"a": "x"}}) == {"A": "x"}
    assert choices_of({"choices": {"text": ["x"], "label": ["A"]}}) == {"A": "x"}
    assert choices_of({"choices": list(range(40))}) == {}
    assert choices_of(None) == {}


HOSTILE = [
    "x" * 1_000_000, "$" * 1_000_000, "(" * 1_000_000, "a, " * 300_000, "\\boxed{" * 100_000, "####" * 250_000,
    "1," * 500_000, "9" * 1_000_000, "{" * 500_000 + "}" * 500_000, "[" * 500_000 + "]" * 500_000, "\n" * 1_000_000,
    "\\frac" * 200_000, " " * 999_999 + "x", "a b " * 250_000, "1e999999999", "9" * 1_999, "(1," * 600 + ")" * 600,
    "-" * 1_999, "1 " * 900, "\ud800" * 2_000, "def f(" * 100_000, "SELECT " * 100_000, "10^" * 600 + "10",
    "0x" + "f" * 1_000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda t: f"{t[:6]!r}x{len(t)}")
def test_hostile_references_are_read_in_bounded_time(text):
    started = time.process_time()
    shape = read_shape(text, text[:5000])
    golds(Query("?", text))
    assert time.process_time() - started < 0.5  # most take a millisecond; the bound is for a busy machine
    assert shape.kind in KINDS


def test_a_huge_integer_is_not_printed():
    assert read_shape(10**100_000).kind == "number"
    assert len(golds(Query("?", 10**100_000))) == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
answers = st.text(alphabet="0123456789.,;:()[]{}\\$%^_+-*/=<>abcxyzABC \n'\"#|&π√∞年", max_size=60)


@given(json_values | answers, st.text(max_size=60) | st.just(MCQ), st.dictionaries(st.sampled_from(
    ["choices", "labels", "schema", "format", "options", "references"]), json_values, max_size=2))  # fmt: skip
@settings(max_examples=400, deadline=None)
def test_any_json_value_has_a_shape_and_it_is_always_the_same(reference, prompt, extra):
    shape = read_shape(reference, prompt, extra)
    assert shape.kind in KINDS
    assert 0.0 < shape.confidence <= 1.0
    assert shape.why
    assert repr(read_shape(reference, prompt, extra)) == repr(shape)
    hash(shape)
    query = Query(prompt, reference, extra=extra)
    assert isinstance(shape_of(query), Shape)
    found = golds(query)
    assert all(isinstance(gold, str) for gold in found)
    assert len(set(found)) == len(found)
    if shape.kind == "none" and not isinstance(extra.get("references"), (str, list)):
        assert found == ()


@given(st.integers(-(10**12), 10**12))
def test_every_way_of_writing_a_whole_number_gives_that_number(n):
    for text in (str(n), f"{n:,}", f"${n}$", f"\\boxed{{{n}}}", f"**{n}**", f"{n}.", f"  {n}\n", f"The sum.\n#### {n}"):
        shape = read_shape(text)
        assert (shape.kind, shape.value) == ("number", Fraction(n)), text


@pytest.mark.data
def test_references_of_the_shared_data_have_the_expected_kinds(shared_data: Path):
    kinds: dict[str, Counter[str]] = {}
    for name in ("bon_gsm8k", "graded_realcritic", "bon_mqm_ted", "bon_summeval", "bon_math_rm", "graded_mlqe"):
        with gzip.open(shared_data / "eval" / f"{name}.jsonl.gz", "rt") as lines:
            for row in map(json.loads, lines):
                kind = read_shape(row["reference"], row["prompt"]).kind
                kinds.setdefault(f"{row['source']}/{row['task']}", Counter())[kind] += 1
    assert set(kinds["gsm8k/math"]) == {"number"}
    assert set(kinds["realcritic/knowledge"]) == {"choice"}
    assert set(kinds["summeval/summarization"]) == {"text"}
    maths = kinds["realcritic/math"]
    answers = sum(maths[k] for k in ("number", "expression", "list", "tuple", "interval", "set", "choice"))
    assert answers >= 0.99 * maths.total()
    for source in ("mqm_ted_ende/translation", "mqm_ted_zhen/translation", "mlqe_en-zh/translation"):
        assert kinds[source]["text"] >= 0.95 * kinds[source].total()
