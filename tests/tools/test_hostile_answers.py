"""No response can break, starve or fool an answer verifier: a bad one is a cheap zero, never an exception."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlar.tools.base import RuleTool
from rlar.tools.choice import Choice
from rlar.tools.match import ExactMatch, FinalSpan, FuzzyMatch, LabelMatch, ListMatch, NormalizedMatch, TokenF1
from rlar.tools.math import Math
from rlar.tools.numeric import Numeric
from rlar.types import Query

MOST_CPU_S = 1.5  # of one response, on a slow core; the worker's own limit is 2 s
CHOICE = Query(prompt="Which? (A) one (B) two (C) three", reference="B")
TOOLS: list[tuple[RuleTool, Query]] = [
    (Math(), Query(prompt="What percent? Simplify and factor.", reference="18")),
    (Math(), Query(prompt="Factor it.", reference=r"\frac{\sqrt{3}}{2}")),
    (Math(), Query(reference="[0,9)")),
    (Math(), Query(reference="2x+y=3")),
    (Math(), Query(reference=r"\{1,2,3\}")),
    (Math("lenient"), Query(reference="18")),
    (Math("strict"), Query(reference="(1,2)")),
    (Numeric(), Query(reference="18")),
    (Choice(), CHOICE),
    (ExactMatch(), Query(reference="a b")),
    (NormalizedMatch(), Query(reference="a b")),
    (FinalSpan(), Query(reference="4:30 p.m.")),
    (LabelMatch(), Query(reference="yes")),
    (ListMatch(), Query(reference="red, green, blue")),
    (ListMatch(), Query(reference="3 0 9\n1 2 3")),
    (TokenF1(), Query(reference="a b")),
    (FuzzyMatch(), Query(reference="a b")),
]
HOSTILE = {
    "power tower": r"\boxed{9^{9^{9^{9}}}}",
    "power of powers": "10^10^10",
    "factorial": r"\boxed{100000!}",
    "factorial of a factorial": r"\boxed{((5!)!)!}",
    "huge binomial": r"\boxed{\binom{1000000}{500000}}",
    "endless sum": r"\boxed{\sum_{n=1}^{10000000} n^3}",
    "endless product": r"\boxed{\prod_{n=1}^{1000000} n}",
    "floor of a huge value": r"\boxed{\lfloor 10^{999} \pi \rfloor}",
    "power of a polynomial": r"\boxed{((x+1)^{50}+(y-1)^{50})^{50}}",
    "power of a matrix": r"\boxed{\begin{pmatrix}1&1\\1&0\end{pmatrix}^{99999}}",
    "5,000 nested fractions": r"\boxed{" + r"\frac{1}{" * 5000 + "1" + "}" * 5000 + "}",
    "300 nested roots": r"\boxed{" + r"\sqrt{" * 300 + "2" + "}" * 300 + "}",
    "1 MB of dollars": "$" * 1_000_000,
    "200k digits": r"\boxed{" + "7" * 200_000 + "}",
    "5,000 digits": "The answer is " + "7" * 5000,
    "200k items": r"\boxed{\{" + ",".join(map(str, range(200_000))) + r"\}}",
    "200 intervals": r"\boxed{" + r"\cup".join(f"({i},{i + 1})" for i in range(200)) + "}",
    "10k open boxes": r"\boxed{" * 10_000,
    "10k boxes in boxes": r"\boxed{" * 10_000 + "}" * 10_000,
    "10k equal boxes": r"\boxed{1}" * 10_000,
    "open brackets": "([{" * 50_000,
    "backslashes": "\\" * 500_000,
    "blank": " \n\t" * 200_000,
    "NUL": "\x00" * 100_000,
    "lone surrogates": "\ud800\udfff" * 1000,
    "direction marks": "\u202e81\u202c",
    "zero width": "\u200b" * 100_000,
    "commas": "1," * 100_000,
    "points": "1." * 100_000,
    "equal signs": "1=" * 100_000,
    "minus signs": "-" * 200_000,
    "slashes": "1/" * 50_000,
    "markers": "the answer is " * 50_000,
    "far link": "answer" + " " * 200_000 + "is 5",
    "open tags": "<answer><think>" * 30_000,
    "stars": "**a " * 50_000,
    "quotes": '"a' * 50_000,
    "one word": "a" * 500_000,
    "nested lists": "[" * 4000 + "]" * 4000,
    "bullets": "- a\n" * 20_000,
    "huge exponent": r"\boxed{1e400}",
    "options": "(A)" * 50_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_response_is_a_cheap_zero(name):
    for tool, query in TOOLS:
        prepared = tool.prepare(query)
        start = time.process_time()
        mark = tool.rate(HOSTILE[name], query, prepared)
        spent = time.process_time() - start
        assert mark.value < 0.5, (tool, mark)
        assert spent < MOST_CPU_S, (tool, spent)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200) | st.text(alphabet="\\{}$^_()[]0123456789,.=<>+-*/!| abxABC", max_size=80))
def test_no_text_breaks_a_tool(text):
    for tool, query in TOOLS:
        mark = tool.rate(text, query, tool.prepare(query))
        assert 0.0 <= mark.value <= 1.0


@pytest.mark.parametrize(
    ("tool", "prompt", "gold"),
    [
        (Math(), "Ann has 7 eggs and buys 11. How many are that? Bob says 18", "18"),
        (Numeric(), "Ann has 7 eggs and buys 11. How many are that? Bob says 18", "18"),
        (Math(), r"Simplify the expression $\frac{x^2-1}{x-1}$, please, as far as you can.", "x+1"),
        (Choice(), "Which is a metal?\n(A) wood\n(B) iron\n(C) salt", "B"),
        (LabelMatch(), "Does it follow that all are students? (Answer yes or no)", "no"),
        (FinalSpan(), "The names are Ann, Bob and Cid. Who sings? The answer is Cid", "Cid"),
    ],
)
def test_the_prompt_said_again_pays_nothing(tool, prompt, gold):
    query = Query(prompt=prompt, reference=gold)
    assert tool.fits(query)
    assert tool.rate(prompt, query, tool.prepare(query)).value == 0.0


def test_workers_say_what_the_tools_say():
    query = Query(prompt="6 * 7?", reference="42")
    responses = [r"\boxed{42}", "24", "", r"\boxed{9^{9^{9^{9}}}}", "42 or 24", "The answer is 42."]
    math = Math()
    alone = [math.rate(r, query, math.prepare(query)).value for r in responses]
    pooled = asyncio.run(math.judge(query, responses))
    assert [verdict.value for verdict in pooled] == alone == [1.0, 0.0, 0.0, 0.0, 0.0, 1.0]
