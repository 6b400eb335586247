"""Golden tables of the tool `Math`: who pays for which answer. The trap stands beside the plain case.

Our own writing, in the manner of grade-school word problems, competition integers, algebra in LaTeX, and olympiads.
Each row is (gold, response) or (gold, response, question).
"""

from __future__ import annotations

import pytest

from rlar.tools.math import Math
from rlar.types import Query

PROFILES = {name: Math(name) for name in ("reward", "strict", "lenient")}

# fmt: off
ALL = [  # right under every profile
    # integers, as people mark them
    ("18", "She sells 9 eggs. 9 * 2 = <<9*2=18>>18\n#### 18"),
    ("18", "A: 18"),
    ("18", "Reasoning first.\nA: 18"),
    ("18", "18"),
    ("18", "**18**"),
    ("18", " 18.\n"),
    ("18", "$18"),
    ("18", r"\boxed{18}"),
    ("18", r"So the total is $\boxed{18}$ dollars."),
    ("18", r"So we have \[\boxed{18}\]"),
    ("18", r"\boxed{ 18 }"),
    ("18", r"\boxed{18.0}"),
    ("18", r"\boxed{\$18.00}"),
    ("18", r"\boxed{18 \text{ dollars}}"),
    ("18", r"\boxed{18\text{ eggs per day}}"),
    ("18", r"$\fbox{18}$"),
    ("18", r"\boxed{\text{18}}"),
    ("18", r"\boxed{\mathbf{18}}"),
    ("18", "The answer is 18."),
    ("18", "The final answer is: 18"),
    ("18", "Final Answer: The final answer is $18$. I hope it is correct."),
    ("18", "**Final Answer:** 18"),
    ("18", "### Final Answer\n\n18"),
    ("18", "## Answer\n\\[ 18 \\]"),
    ("18", "<answer>18</answer>"),
    ("18", "<think>maybe 20?</think><answer>\n18\n</answer>"),
    ("18", "<think>9 * 2 = 18</think>The answer is 18."),
    ("18", "<think>The answer is 20.</think>\n\\boxed{18}"),
    ("18", "Thus x = 2. The answer is 9 * 2 = 18."),
    ("18", "The answer is 18 dollars a day, because 9 times 2 is 18."),
    ("18", "I first thought the answer is 20. The correct answer is 18."),
    ("18", r"\boxed{20}. Wait, that is wrong: \boxed{18}"),
    ("18", "The answer is 20. Wait, it is 18."),
    ("18", "Die Antwort ist 18."),
    ("18", "La respuesta es 18."),
    ("18", "La réponse est 18."),
    ("18", "Ответ: 18"),
    ("18", "答案是18。"),
    ("18", "答案：18"),
    ("18", "答えは18です。"),
    ("18", "정답은 18입니다."),
    ("18", "The answer is 18<|im_end|>"),
    ("18", "The answer is 18</s>"),
    ("18", "The answer is １８."),  # full-width digits
    ("18", "The answer is 1\u200b8."),  # a zero-width space inside
    ("18", "The answer is ١٨."),  # Arabic-Indic digits
    ("18", r"\boxed{x = 18}"),
    ("18", r"\boxed{18 = x}"),
    ("18", r"The answer is $x = 18$."),
    ("0", r"\boxed{0}"),
    ("-5", r"\boxed{-5}"),
    ("-5", "The answer is −5."),  # a typographic minus sign
    ("-5", "#### -5"),
    ("70000", "#### 70,000"),
    ("70000", "A: $70,000.00"),
    ("70,000", r"\boxed{70000}"),
    ("70{,}000", r"\boxed{70\,000}"),
    ("1234567", r"\boxed{1,\!234,\!567}"),
    ("1234567", "The answer is 1 234 567."),
    ("100000", "The answer is 1,00,000."),  # Indian groups
    ("1234567", "Die Antwort ist 1.234.567."),
    ("5000000", "The answer is 5 million dollars."),
    ("5", "The answer is 5 million dollars.", "How many dollars, in millions, did she win?"),
    ("204", r"\boxed{204}", "What is the smallest three-digit multiple of 17 above 200?"),
    ("300000", r"\boxed{3 \times 10^5}"),
    ("300000", r"\boxed{3e5}"),
    ("59", r"\boxed{59_{10}}"),
    ("25", r"\boxed{25\%}", "What percent of the circle is gray?"),
    ("25", "The answer is 25 percent.", "What percentage is that?"),
    ("140", r"\boxed{140^\circ}"),
    ("140", "The answer is 140 degrees."),
    # numbers that are not whole
    ("0.5", r"\boxed{\frac{1}{2}}"),
    ("0.5", r"\boxed{.5}"),
    ("0.50", r"\boxed{1/2}"),
    (r"\frac{1}{2}", r"\boxed{0.5}"),
    (r"\frac{1}{2}", r"\boxed{\dfrac12}"),
    (r"\frac12", r"$\boxed{\tfrac{1}{2}}$"),
    (r"\frac{1}{9}", r"the probability is \(\boxed{\dfrac{1}{9}}\)."),
    (r"-\frac{10}{9}", r"\boxed{-\frac{10}{9}}"),
    (r"-\frac{10}{9}", r"\boxed{\frac{-10}{9}}"),
    (r"1\frac{1}{4}", r"\boxed{\frac{5}{4}}"),
    (r"1\frac{1}{4}", r"\boxed{1 \frac{1}{4}}"),
    (r"1\frac{1}{4}", "The answer is 1 1/4."),
    ("1.25", "The answer is 1¼."),
    (r"\frac{1}{3}", r"\boxed{0.\overline{3}}"),
    ("37.50", r"\boxed{37.5}"),
    ("1000.99", "The answer is 1.000,99 €."),
    ("2.74", "La réponse est 2,74."),
    ("7.78", "The answer is $7.78."),
    (r"28\%", r"\boxed{28\%}"),
    (r"28\%", "The answer is 28 percent."),
    (r"20\%", r"\boxed{20}", "What percent of the people are children?"),
    (r"20\%", r"\boxed{0.2}", "What share of the people are children?"),
    ("0.335", r"\boxed{33.5\%}"),
    ("12 hours", r"\boxed{12}"),
    ("120", "The answer is 2 hours.", "How many minutes does it take?"),
    (r"15\mbox{ cm}^2", r"\boxed{15\text{ cm}^2}"),
    (r"15\text{ cm}^2", r"\boxed{15}"),
    # expressions
    ("4a-2", r"\boxed{4a - 2}"),
    ("4a-2", r"\boxed{-2 + 4a}"),
    ("4t", r"\boxed{4t}"),
    (r"2\pi - 4", r"\boxed{2\pi-4}"),
    (r"2\pi - 4", r"\boxed{2(\pi-2)}"),
    (r"\sqrt{26}", r"\boxed{\sqrt{26}}"),
    (r"\frac{\sqrt{3}}{3}", r"\boxed{\frac{1}{\sqrt{3}}}"),
    (r"8\sqrt{6}", r"\boxed{8\sqrt6}"),
    (r"e^2", r"\boxed{e^{2}}"),
    (r"\frac{k^3}{2}", r"\boxed{\frac{1}{2}k^3}"),
    ("2^{10}", r"\boxed{1024}"),
    ("1024", r"\boxed{1024}"),
    ("x^2 - 1", r"\boxed{(x-1)(x+1)}"),
    (r"\sqrt{3} - 1", "The answer is -1 + sqrt(3)."),
    ("2**(1/4)", r"\boxed{\sqrt[4]{2}}"),
    (r"\binom{10}{3}", r"\boxed{120}"),
    (r"2 \sin b \cos a", r"\boxed{2\cos a\sin b}"),
    (r"2024^{4046}", r"\boxed{2024^{4046}}"),
    (r"\log_2 3", r"\boxed{\log_{2}3}"),
    (r"\infty", r"\boxed{\infty}"),
    (r"96-10\sqrt{21}", r"\boxed{-10\sqrt{21}+96}"),
    ("3+4i", r"\boxed{4i+3}"),
    (r"\text{Evelyn}", r"$\boxed{\text{Evelyn}}$"),
    (r"\text{even}", r"\boxed{\text{Even}}"),
    ("y = 2x + 3", r"\boxed{y=2x+3}"),
    ("y = 2x + 3", r"\boxed{2x+3}"),
    ("2x + 3", r"\boxed{f(x) = 2x+3}"),
    ("2x+4y-3=0", r"\boxed{4x+8y=6}"),
    ("x^2+y^2=4", r"\boxed{x^2 + y^2 - 4 = 0}"),
    (r"\begin{pmatrix}2\\-1\\-5\end{pmatrix}", r"\boxed{\begin{pmatrix} 2 \\ -1 \\ -5 \end{pmatrix}}"),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\boxed{\begin{bmatrix}1 & 2 \\ 3 & 4\end{bmatrix}}"),
    (r"\begin{pmatrix}1/2\\3\end{pmatrix}", r"\boxed{\begin{pmatrix} \frac12 \\ 3 \end{pmatrix}}"),
    ("204_5", r"\boxed{204_{5}}"),
    # points, tuples, intervals, sets, lists
    ("(3,2)", r"\boxed{(3, 2)}"),
    ("(3,2)", r"\boxed{(p,q)=(3,2)}"),
    (r"\left(3,\frac{\pi}{2}\right)", r"\boxed{\left( 3, \frac{\pi}{2} \right)}"),
    ("(6,31,-1)", r"\boxed{(6, 31, -1)}"),
    ("(-1,6)", "The answer is (-1, 6).", "Express your answer as an ordered pair."),
    ("[0,9)", r"\boxed{[0, 9)}"),
    (r"(-\infty,-8)\cup (8,\infty)", r"\boxed{(-\infty, -8) \cup (8, \infty)}"),
    (r"(-\infty,-8)\cup (8,\infty)", r"\boxed{(8, \infty) \cup (-\infty, -8)}"),
    (r"\{1,2,3\}", r"\boxed{\{3, 1, 2\}}"),
    ("8,4", r"\boxed{4, 8}"),
    ("8,4", r"\boxed{8 \text{ and } 4}"),
    ("8,4", r"The solutions are \boxed{8} and \boxed{4}."),
    (r"3 \pm 2\sqrt{2}", r"\boxed{3 - 2\sqrt{2}, 3 + 2\sqrt{2}}"),
    (r"3 \pm 2\sqrt{2}", r"\boxed{3 \pm 2 \sqrt 2}"),
    ("(1,0),(2,8)", r"\boxed{(2, 8), (1, 0)}"),
    ("x = -5, y = 3", r"\boxed{y = 3, x = -5}"),
    (r"x \geq 5", r"\boxed{x \ge 5}"),
    (r"-2 \le x \le 7", r"\boxed{7 \ge x \ge -2}"),
    (r"x < 1", r"\boxed{1 > x}"),
    (r"\emptyset", r"\boxed{\varnothing}"),
]
NOT_STRICT = [  # reward and lenient pay; strict wants a marked, exact answer in its lowest terms
    ("18", "So she makes 18 dollars every day."),
    ("540", "\\( 180 \\) m + \\( 360 \\) m = \\( 540 \\) m\n\nSo, James runs a total of 540 meters a week."),
    ("27", "Therefore, she has written 27 novels this year."),
    ("18", "Therefore\n\\[ x = 9 \\times 2 = 18 \\]"),
    ("18", "He has 20. Wait, it is 18."),
    ("18", "In total that costs **18** dollars."),
    (r"\frac{1}{2}", r"\boxed{\frac{2}{4}}", "What is the probability of heads?"),
    (r"\frac{1}{3}", r"\boxed{0.333333}"),
    (r"\sqrt{2}", r"\boxed{1.414214}"),
    ("3.141593", r"\boxed{\pi}"),
    (r"x \ge 5", r"So $x \geq 5$ is the solution of this inequality."),
    (r"[-2,7]", r"\boxed{-2 \le x \le 7}", "For which x does the inequality hold? Use interval notation."),
    ("(7,6)", r"So the ordered pair $(x,y)$ that solves the system is $(7, 6)$."),
    ("(1,3)", r"\boxed{1, 3}"),
]
LENIENT = [  # only lenient pays: it evaluates to the gold, or is the gold roughly
    ("12", r"\boxed{5+7}"),
    ("12", "The answer is 5 + 7."),
    ("120", r"\boxed{5!}"),
    ("1024", r"\boxed{2^{10}}"),
    ("7", r"\boxed{\sqrt{49}}"),
    ("1", r"\boxed{\frac{x}{x}}"),
    ("10", r"\boxed{(9+1)}"),
    ("120", r"\boxed{\binom{10}{3}}"),
    (r"\frac{600}{7}", r"\boxed{85.71}"),
    ("4a-2", r"\boxed{a+1+a-2+a+3+a-4}", "Simplify the expression $a+1+a-2+a+3+a-4$."),
    ("4t", r"\boxed{3t+4-6t+7t-4}"),
    (r"\frac{4}{11}", r"\boxed{\frac{8}{22}}", r"Simplify $\frac{8}{22}$."),
    (r"\frac{1}{2}", r"\boxed{\frac{7+21}{14+42}}", r"What is the value of $\frac{7+21}{14+42}$?"),
    ("(x-2)(x+2)", r"\boxed{x^2-4}", "Factor the polynomial."),
    ("x^2+3x+2", r"\boxed{(x+1)(x+2)}", "Expand $(x+2)(x+1)$."),
]
NONE = [  # wrong under every profile
    ("18", ""),
    ("18", "   \n"),
    ("18", "I am not sure."),
    ("18", r"\boxed{}"),
    ("18", r"\boxed{20}"),
    ("18", r"\boxed{180}"),
    ("18", r"\boxed{1.8}"),
    ("18", r"\boxed{-18}"),
    ("18", r"\boxed{0.18}"),
    ("18", "118"),
    ("18", "18th street is where 20 people live. The answer is 20."),
    ("18", "The answer is 20. We started from 18 eggs."),
    ("18", r"We get 18 in between, but \boxed{20}"),
    ("18", r"\boxed{18 \text{ or } 20}"),
    ("20", r"\boxed{18 \text{ or } 20}"),
    ("18", r"\boxed{18} or \boxed{20}"),
    ("20", r"\boxed{18} or \boxed{20}"),
    ("18", "The answer is 18 or 20."),
    ("20", "The answer is either 18 or 20."),
    ("20", "The answer is 18, 19, 20, 21."),
    ("20", r"\boxed{17, 18, 19, 20}"),
    ("18", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21"),
    ("18", "The answer is not 18."),
    ("18", "The answer is greater than 18."),
    ("18", "The answer is between 18 and 20."),
    ("18", "The answer is 18. Wait, it is 20."),
    ("18", r"\boxed{18}. No, the answer is 20."),
    ("18", "<think>It is 18.</think>The answer is 20."),
    ("18", r"\boxed{18x}"),
    ("18", r"\boxed{18 \pi}"),
    ("18", "The answer is 18 squared."),
    ("18", r"\boxed{NaN}"),
    ("18", r"\boxed{\infty}"),
    ("5", r"\boxed{5!}"),
    ("5", r"\boxed{5^2}"),
    ("5", r"\boxed{|-5|+1}"),
    ("25", r"\boxed{0.25}", "What percent of the circle is gray?"),
    ("0.2", r"\boxed{20}", "What share of the people are children?"),
    ("20", r"\boxed{20\%}", "How many children are there?"),
    (r"20\%", r"\boxed{0.2}", "What percent of the people are children?"),
    ("5 cm", r"\boxed{5 \text{ m}}"),
    ("120", "The answer is 120 hours.", "How many minutes does it take?"),
    ("1000", "1,0000"),
    ("32349", r"\boxed{32, 349}"),
    ("1.234", r"\boxed{1,234}"),
    ("0.0000001", r"\boxed{0}"),
    ("0.0000001", r"\boxed{0.0000002}"),
    ("7.78", r"\boxed{7.8}"),
    (r"\frac{1}{3}", r"\boxed{0.3}"),
    (r"\frac{1}{3}", r"\boxed{0.34}"),
    (r"\frac{1}{2}", r"\boxed{\frac{2}{1}}"),
    (r"\frac{1}{9}", r"\boxed{\frac{1}{0}}"),
    (r"1\frac{1}{4}", r"\boxed{\frac{1}{4}}"),
    ("4a-2", r"\boxed{4b-2}"),
    ("4a-2", r"\boxed{4a+2}"),
    (r"\sqrt{26}", r"\boxed{26}"),
    (r"\sqrt{26}", r"\boxed{5.1}"),
    ("x^2", "x2"),
    ("(a+5)(b+2)", "(+5)(b+2)"),
    (r"2^{500}", r"\boxed{2^{500}+1}"),
    ("x+2n+1", r"\boxed{x+1}"),
    ("e^2", r"\boxed{2e}"),
    ("3+4i", r"\boxed{3-4i}"),
    (r"\text{Evelyn}", r"\boxed{\text{Carla}}"),
    (r"\text{Evelyn}", r"\boxed{\text{Evelyn or Carla}}"),
    ("2x+4y-3=0", r"\boxed{2x+4y+3=0}"),
    ("2x + z = 1", r"\boxed{1}"),
    ("x = 1", r"\boxed{y = 1}"),
    (r"x \geq 5", r"\boxed{x \leq 5}"),
    (r"x \geq 5", r"\boxed{x > 5}"),
    (r"x < 1", r"\boxed{x > -1}"),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\boxed{\begin{pmatrix}1 & 2 \\ 3 & 5\end{pmatrix}}"),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\boxed{\begin{pmatrix}1 & 2\end{pmatrix}}"),
    ("204_5", r"\boxed{204_6}"),
    ("(3,2)", r"\boxed{(2,3)}"),
    ("(3,2)", r"\boxed{[3,2]}"),
    ("(3,2)", r"\boxed{3}"),
    ("(3,2)", r"\boxed{(3,2,1)}"),
    ("[0,9)", r"\boxed{[0,9]}"),
    ("[0,9)", r"\boxed{(0,9)}"),
    ("[0,9)", r"\boxed{[0,1)}"),
    (r"(-\infty,-8)\cup (8,\infty)", r"\boxed{(-\infty,-8)}"),
    (r"(-\infty,-8)\cup (8,\infty)", r"\boxed{(-\infty,-8]\cup [8,\infty)}"),
    (r"\{1,2,3\}", r"\boxed{\{1,2\}}"),
    (r"\{1,2,3\}", r"\boxed{\{1,2,3,4\}}"),
    (r"\{1,2,3\}", r"\boxed{1}, \boxed{2}"),
    ("8,4", r"\boxed{8}"),
    ("8,4", r"\boxed{8,4,2}"),
    ("8,4", r"\boxed{84}"),
    ("3,5,7", r"\boxed{7,5,3}", "List the three numbers in ascending order."),
    ("(1,0),(2,8)", r"\boxed{(0,1), (2, 8)}"),
    ("x = -5, y = 3", r"\boxed{x = 3, y = -5}"),
    (r"3 \pm 2\sqrt{2}", r"\boxed{3 + 2\sqrt{2}}"),
    (r"[-2,7]", r"\boxed{-2 < x < 7}", "Give the solution of the inequality as an interval."),
    ("-0x138b", "-0x137b"),
    ("18", "答案不是18。"),
]
# fmt: on


def pays(profile: str, row: tuple[str, ...]) -> float:
    gold, response, question = (*row, "")[:3]
    query = Query(prompt=question, reference=gold)
    tool = PROFILES[profile]
    return tool.rate(response, query, tool.prepare(query)).value


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("row", ALL, ids=repr)
def test_a_right_and_finished_answer_pays_in_every_profile(profile, row):
    assert pays(profile, row) == 1.0


@pytest.mark.parametrize("row", NOT_STRICT, ids=repr)
def test_an_unmarked_or_rounded_answer_pays_unless_strict(row):
    assert [pays(profile, row) for profile in ("reward", "strict", "lenient")] == [1.0, 0.0, 1.0]


@pytest.mark.parametrize("row", LENIENT, ids=repr)
def test_unfinished_work_pays_only_where_lenient(row):
    assert [pays(profile, row) for profile in ("reward", "strict", "lenient")] == [0.0, 0.0, 1.0]


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("row", NONE, ids=repr)
def test_a_wrong_answer_pays_in_no_profile(profile, row):
    assert pays(profile, row) == 0.0


def test_the_tables_are_long_enough_to_mean_something():
    assert len(ALL) + len(NOT_STRICT) + len(LENIENT) >= 150 and len(NONE) >= 80
