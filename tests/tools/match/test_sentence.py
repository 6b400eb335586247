"""Answers in whole sentences that repeat the question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlar.tools.match import FinalSpan
from rlar.tools.match.sentence import LONGEST, answer_in, asked, words_of
from rlar.types import Query

SPAN = FinalSpan()
FRANCE = "What is the capital of France?"
HAMLET = "Who wrote Hamlet?"


def pays(question: str, gold: object, response: str) -> float:
    query = Query(prompt=question, reference=gold)
    return SPAN.rate(response, query, SPAN.prepare(query)).value


@pytest.mark.parametrize(
    ("question", "gold", "response", "value"),
    [
        (FRANCE, "Paris", "The capital is Paris.", 1.0),
        (FRANCE, "Paris", "It's Paris", 1.0),
        (FRANCE, "Paris", "Paris is the capital of France.", 1.0),
        (FRANCE, "Paris", "France's capital is Paris!", 1.0),
        (FRANCE, "Paris", "Lyon is the capital of France.", 0.0),
        (FRANCE, "Paris", "Paris is not the capital of France.", 0.0),
        (FRANCE, "Paris", "Paris isn't the capital of France.", 0.0),
        (FRANCE, "Paris", "Lyon or Paris is the capital of France.", 0.0),
        (FRANCE, "Paris", "Lyon Paris is the capital of France.", 0.0),
        (FRANCE, "Paris", "Paris, Lyon", 0.0),
        (FRANCE, "Paris", "Is it Paris?", 0.0),  # a question is no answer
        (FRANCE, "Paris", "It could be Paris", 0.0),
        (FRANCE, "Paris", "The capital of France is the capital of France.", 0.0),
        (FRANCE, "Paris", "Paris is the capital of Texas.", 0.0),
        (HAMLET, "William Shakespeare", "Hamlet was written by William Shakespeare.", 1.0),
        (HAMLET, "William Shakespeare", "William Shakespeare wrote Hamlet.", 1.0),
        (HAMLET, "William Shakespeare", "Hamlet was written by Christopher Marlowe.", 0.0),
        (HAMLET, "William Shakespeare", "William Marlowe Shakespeare wrote Hamlet.", 0.0),
        ("Is the capital Paris or Lyon?", "Paris", "Paris Lyon is the capital.", 0.0),  # the question holds both
        ("Options: Paris, Lyon. What is the capital?", "Paris", "Lyon is the capital Paris", 0.0),
        ("Wer schrieb Faust?", "Goethe", "Goethe schrieb Faust.", 1.0),
        ("Wer schrieb Faust?", "Goethe", "Schiller schrieb Faust.", 0.0),
    ],
)
def test_the_words_of_the_question_are_no_answer_and_spoil_none(question, gold, response, value):
    assert pays(question, gold, response) == value


def test_only_the_question_itself_lends_its_words():
    assert asked("Paris and Lyon are cities. Which is the capital?") == "Which is the capital"
    assert asked("Read this.\nName the capital of France") == "Name the capital of France"


@given(st.text(max_size=2 * LONGEST), st.text(max_size=2 * LONGEST))
def test_what_is_left_is_one_piece_of_the_sentence(sentence, question):
    left = answer_in(sentence, words_of(asked(question)))
    assert left in sentence and len(left) <= LONGEST
