"""How generative graders are asked, where a family has one form: our own words around the form of the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    """family: of engines.models. fields: of a ModelSpec."""

    family: str
    fields: Mapping[str, Any] = field(default_factory=dict)


_ASKED = "Question of the user:\n{prompt}\n\n"

PROMETHEUS = Asked(
    "generative_score",
    {
        "prompt_format": (
            "###Task Description:\nAn instruction, a response to evaluate and a score rubric are given. Write feedback "
            "that judges the response strictly by the rubric, then a score, an integer from 1 to 5, in the form "
            '"Feedback: (feedback) [RESULT] (an integer from 1 to 5)".\n\n'
            "###The instruction to evaluate:\n{prompt}\n\n###Response to evaluate:\n{response}\n\n"
            "###Score Rubrics:\n[Is the response helpful, correct and harmless?]\n"
            "Score 1: It is useless, wrong or harmful.\nScore 2: It has large flaws.\nScore 3: It is of some use.\n"
            "Score 4: It is good, with small flaws.\nScore 5: It is helpful, correct and harmless throughout.\n\n"
            "###Feedback:"
        ),
        "pattern": r"\[RESULT\]\s*\(?([1-5])",
        "low": 1.0,
        "high": 5.0,
        "max_new_tokens": 512,
    },
)

RATING = Asked(
    "generative_score",
    {
        "prompt_format": (
            _ASKED + "Answer to be rated:\n{response}\n\nAnalyse the answer, then rate it from 1 (worst) to 5 (best). "
            'End with a line "Rating: N".'
        ),
        "pattern": r"(?i)rating:\s*\[*([1-5])",
        "low": 1.0,
        "high": 5.0,
        "max_new_tokens": 512,
    },
)

SCORES = Asked(
    "generative_list",
    {
        "prompt_format": (
            _ASKED
            + "{n} answers to be graded:\n\n{responses}\n\nAnalyse each answer, then give every one a grade from 1 "
            "(worst) to 10 (best), in order, in one box: \\boxed{{grade, grade, ...}}."
        ),
        "pattern": r"\\boxed\{([^{}]*)\}",
        "low": 1.0,
        "high": 10.0,
        "max_new_tokens": 1024,
    },
)

PAIR = Asked(
    "generative_pair",
    {
        "prompt_format": (
            _ASKED
            + "[Answer A]\n{a}\n\n[Answer B]\n{b}\n\nCompare both answers. The order in which they stand must not "
            'matter. End with "[[A]]" if A is better, "[[B]]" if B is better, "[[C]]" for a tie.'
        ),
        "pattern": r"\[\[([ABC])\]\]",
        "low": 0.0,
        "high": 1.0,
        "max_new_tokens": 512,
    },
)

YES_NO = Asked(
    "label_token",
    {
        "prompt_format": _ASKED + "Answer:\n{response}\n\nIs this a correct and helpful answer? Reply with Yes or No.",
        "tokens": ("Yes", "No"),
        "low": 0.0,
        "high": 1.0,
    },
)
