"""The tool `Choice`: which option a response commits to."""

from __future__ import annotations

import pytest

from rlar.tools.choice import Choice, options_of
from rlar.types import Query

TOOL = Choice()
PLANETS = "Which planet is the largest?\nA. Mars\nB. Venus\nC. Jupiter\nD. Earth"
INLINE = "Which of these is a metal?\nAnswer Choices: (A) wood (B) iron (C) 12.5 (D) iron oxide dust"
LETTERS = "Which figure fits? Provide the correct letter (A, B, C, D, or E) answer."

# fmt: off
RIGHT = [
    (PLANETS, "C", "C"),
    (PLANETS, "C", "c"),
    (PLANETS, "C", "(C)"),
    (PLANETS, "C", "C."),
    (PLANETS, "C", "C) Jupiter"),
    (PLANETS, "C", "C. Jupiter"),
    (PLANETS, "C", "**C**"),
    (PLANETS, "C", "**C. Jupiter**"),
    (PLANETS, "C", r"\boxed{C}"),
    (PLANETS, "C", r"\boxed{\text{C}}"),
    (PLANETS, "C", r"$\boxed{\textbf{(C)}\ \text{Jupiter}}$"),
    (PLANETS, "C", r"\boxed{\text{Jupiter}}"),
    (PLANETS, "C", "The answer is C."),
    (PLANETS, "C", "The correct answer is (C)."),
    (PLANETS, "C", "The correct option is C"),
    (PLANETS, "C", "Answer: C"),
    (PLANETS, "C", "**Answer:** C"),
    (PLANETS, "C", "Answer: **C**"),
    (PLANETS, "C", "Option C"),
    (PLANETS, "C", "Therefore, option C is correct."),
    (PLANETS, "C", "Mars and Venus are small, so the answer must be C."),
    (PLANETS, "C", "The answer is Jupiter."),
    (PLANETS, "C", "Jupiter"),
    (PLANETS, "C", "jupiter."),
    (PLANETS, "C", "CCCCC"),
    (PLANETS, "C", "<think>A or B?</think>C"),
    (PLANETS, "C", "A is wrong and B is wrong. The answer is C."),
    (PLANETS, "C", "I think the answer is A. Wait, it is C."),
    (PLANETS, "C", "Option A is incorrect, option B is not right, hence option C is correct."),
    (PLANETS, "C", "答案是C。"),
    (PLANETS, "C", "Die Antwort ist C."),
    (PLANETS, "C", "<answer>C</answer>"),
    (PLANETS, "C. Jupiter", "C"),
    (PLANETS, "A", "A"),
    (PLANETS, "A", "The answer is A."),
    (PLANETS, "A", "(A)"),
    (INLINE, "B", "(B) iron"),
    (INLINE, "B", "iron"),
    (INLINE, "C", r"\boxed{12.5}"),
    (INLINE, "C", "The value is 12.5, so the answer is (C)."),
    (INLINE, "D", "The answer is iron oxide dust."),
    (LETTERS, "A", r"Therefore, the correct graph is \(\boxed{A}\)."),
]
WRONG = [
    (PLANETS, "C", ""),
    (PLANETS, "C", "B"),
    (PLANETS, "C", "The answer is B."),
    (PLANETS, "C", "Jupiter is large, but the answer is B."),
    (PLANETS, "C", "C or D"),
    (PLANETS, "C", "The answer is C or D."),
    (PLANETS, "C", "A, B, C, D"),
    (PLANETS, "C", "ABCD"),
    (PLANETS, "C", r"\boxed{C} or \boxed{D}"),
    (PLANETS, "C", "Answer: A\nAnswer: B\nAnswer: C\nAnswer: D"),
    (PLANETS, "D", "Answer: A\nAnswer: B\nAnswer: C\nAnswer: D"),
    (PLANETS, "C", "The answer is C. Wait, it is D."),
    (PLANETS, "C", "The answer is not C."),
    (PLANETS, "C", "It is hard to say."),
    (PLANETS, "C", "Correct."),  # opens with the letter
    (PLANETS, "C", "Cat"),
    (PLANETS, "A", "A planet that is large is large."),  # an article is no option
    (PLANETS, "C", "J"),
    (PLANETS, "C", "Jup"),
    (PLANETS, "C", "E"),
    (PLANETS, "C", "3"),
    (PLANETS, "C", "\u0421"),  # the Cyrillic letter that looks like C
    (INLINE, "B", "The answer is iron oxide dust."),  # holds the text of B, is D
    (INLINE, "D", "iron"),
    (INLINE, "C", r"\boxed{12}"),
    (PLANETS, "C", "Option C is wrong."),
    (PLANETS, "C", "<think>It is C.</think>It is B."),
    ("Pick one: (A) no (B) yes", "B", "The answer is (A) no."),
]
# fmt: on


def pays(prompt: str, gold: object, response: str, **extra: object) -> float:
    query = Query(prompt=prompt, reference=gold, extra=extra)
    assert TOOL.fits(query)
    return TOOL.rate(response, query, TOOL.prepare(query)).value


@pytest.mark.parametrize(("prompt", "gold", "response"), RIGHT)
def test_a_commitment_to_the_right_option_pays(prompt, gold, response):
    assert pays(prompt, gold, response) == 1.0


@pytest.mark.parametrize(("prompt", "gold", "response"), WRONG)
def test_anything_else_pays_nothing(prompt, gold, response):
    assert pays(prompt, gold, response) == 0.0


@pytest.mark.parametrize(
    ("gold", "response", "value"),
    [
        (2, "Jupiter", 1.0),  # the place of the option, counted from 0
        (2, "C", 1.0),
        (2, "B", 0.0),
        ("Jupiter", "C", 1.0),
        ("Jupiter", "The answer is Jupiter.", 1.0),
        ("Jupiter", "Venus", 0.0),
        ("C", "III", 0.0),  # no option bears a number
    ],
)
def test_options_may_come_beside_the_prompt(gold, response, value):
    assert pays("Largest planet?", gold, response, choices=["Mars", "Venus", "Jupiter", "Earth"]) == value


@pytest.mark.parametrize(
    ("response", "value"),
    [("A, C", 1.0), ("AC", 1.0), ("A and C", 1.0), (r"\boxed{A}, \boxed{C}", 1.0), ("A", 0.0), ("A, B, C", 0.0)],
)
def test_a_gold_of_several_options_wants_all_and_only_these(response, value):
    prompt = "Which are even? (select all)\n(A) two\n(B) three\n(C) four"
    assert pays(prompt, "AC", response) == value


def test_options_are_read_as_they_are_laid_out():
    assert options_of(INLINE) == {"A": "wood", "B": "iron", "C": "12.5", "D": "iron oxide dust"}
    assert options_of(PLANETS)["C"] == "Jupiter"
    assert options_of("A few words about C. There are none.") == {}


def test_few_shot_examples_before_the_question_do_not_lend_their_options():
    shots = "Q: Which is red?\nA. sky\nB. blood\nAnswer: B\n\nQ: Which is blue?\nA. sky\nB. blood\nC. grass"
    assert options_of(shots) == {"A": "sky", "B": "blood", "C": "grass"}


@pytest.mark.parametrize(("response", "value"), [("(ii)", 1.0), ("The answer is (ii).", 1.0), ("iii", 0.0), ("i", 0.0)])
def test_options_may_bear_roman_numbers(response, value):
    assert pays("Which is even?\n(i) one\n(ii) two\n(iii) three", "(ii)", response) == value


def test_numbers_and_formulas_go_to_maths():
    assert not TOOL.fits(Query(prompt="2 + 2?", reference="4"))
