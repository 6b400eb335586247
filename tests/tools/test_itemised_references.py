"""References that are lists by lines, or say "the answer is ...": found, routed and judged as what they mean."""

from __future__ import annotations

import pytest

import rlar
from rlar.tools.reference import itemised, shape_of
from rlar.types import Query

CHOICE = "Which one?\nA) fig\nB) date"


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("1. date\n2. fig", "numbers"),
        ("1) 5\n\n2) 7", "numbers"),
        ("- date\n- fig", "bullets"),
        ("* date\n2. fig", "bullets"),
        ("date\nfig", ""),
        ("1. date\nfig", ""),
        ("1. date", ""),
        ("1.5\n2.5", ""),  # numbers, not markers
        ("-5\n-7", ""),
        ("", ""),
    ],
)
def test_markers_of_lists(text, marked):
    assert itemised(text) == marked


@pytest.mark.parametrize(
    ("prompt", "reference", "tool", "right", "wrong"),
    [
        ("Sort.", "1. date\n2. fig", "list_match", ["1. date\n2. fig", "date, fig"], ["1. fig\n2. date", "date", "2"]),
        ("Sort.", "1) 5\n2) 7", "list_match", ["1) 5\n2) 7", "5, 7", "[5, 7]"], ["7, 5", "2", "5"]),
        ("Name two fruits.", "- date\n- fig", "list_match", ["fig, date", "- date\n- fig"], ["fig", "fig, fig"]),
        (CHOICE, "The answer is B.", "choice", ["B", "The answer is B.", "date"], ["A", "A or B"]),
        ("How many?", "The answer is 42.", "math", ["42", "It is 42."], ["41", "The answer is"]),
        ("How many?", "So the final answer is: -7", "math", ["-7"], ["7"]),
        ("How many?", "The answer is 3.5.", "math", ["3.5", "7/2"], ["3", "35"]),
    ],
)
def test_such_references_are_judged_by_the_right_tool(prompt, reference, tool, right, wrong):
    with rlar.RewardSystem() as system:
        query = Query(prompt, reference=reference)
        assert [t.partition("@")[0] for t in system.decide(query).tools] == [tool]
        assert [r.value for r in system.score_sync(query, right)] == [1.0] * len(right)
        assert [r.value for r in system.score_sync(query, wrong)] == [0.0] * len(wrong)


@pytest.mark.parametrize(
    "reference",
    [
        "The answer is 42. It follows from the first line.",
        "The answer is yes because he said so.",
        "The answer is in the second paragraph.",
        "The answer is not known.",
    ],
)
def test_a_sentence_with_more_than_the_answer_stays_a_text(reference):
    assert shape_of(Query("Why?", reference=reference)).kind == "text"
