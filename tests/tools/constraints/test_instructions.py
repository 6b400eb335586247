"""The tool: credits, terms, reasons, what it fits."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from rlar.errors import InputError
from rlar.tools.constraints import CHECKS, Instructions, break_response, describe, find
from rlar.types import Constraint, Mark, Query

COMMA = Constraint("punctuation:no_comma")
LONG = Constraint("length_constraints:number_words", {"relation": "at least", "num_words": 300})
TITLE = Constraint("detectable_format:title", {"unused": None})


def rate(tool: Instructions, response: str, *constraints: Constraint) -> Mark:
    query = Query("Write.", constraints=constraints)
    assert tool.fits(query)
    return tool.rate(response, query, tool.prepare(query))


def test_all_or_nothing_or_the_share() -> None:
    assert rate(Instructions(), "<<Joy>> no mark", COMMA, TITLE).value == 1.0
    assert rate(Instructions(), "<<Joy>>, a mark", COMMA, TITLE).value == 0.0
    assert rate(Instructions(credit="share"), "<<Joy>>, a mark", COMMA, TITLE).value == 0.5
    assert rate(Instructions(credit="share"), "a, b", COMMA, TITLE).value == 0.0


def test_each_instruction_has_a_term_even_if_it_is_given_twice() -> None:
    mark = rate(Instructions(), "a, b", COMMA, COMMA, LONG)
    assert mark.terms == {
        "0:punctuation:no_comma": 0.0,
        "1:punctuation:no_comma": 0.0,
        "2:length_constraints:number_words": 0.0,
    }


def test_the_reason_says_what_was_asked_and_what_was_found() -> None:
    mark = rate(Instructions(), "word " * 251, COMMA, LONG)
    assert "asked: Answer with at least 300 words. Found: 251 words." in mark.why
    assert "no_comma" not in mark.why


def test_loose_reads_without_first_and_last_line_and_without_asterisks() -> None:
    quotation = Constraint("startend:quotation")
    answer = 'Sure, here it is:\n*"Text."*\nBye!'
    assert rate(Instructions(), answer, quotation).value == 0.0
    assert rate(Instructions(loose=True), answer, quotation).value == 1.0
    assert rate(Instructions(loose=True), "Text.", quotation).value == 0.0


def test_each_instruction_may_be_followed_by_another_loose_variant() -> None:
    start = Constraint("combination:repeat_prompt", {"prompt_to_repeat": "Name it."})
    end = Constraint("startend:end_checker", {"end_phrase": "Bye."})
    assert rate(Instructions(loose=True), "Sure:\nName it.\nYes. Bye.\nOK", start, end).value == 1.0


WORDS = "length_constraints:number_words"
LETTER = {"letter": "ab", "let_frequency": 1, "let_relation": "at least"}
FIRST = {"num_paragraphs": 2, "nth_paragraph": 3, "first_word": "a"}


@pytest.mark.parametrize(
    ("id", "kwargs", "reason"),
    [
        ("keywords:unheard_of", {}, "no check is known"),
        (WORDS, {"relation": "at least"}, "'num_words' is missing"),
        (WORDS, {"relation": "about", "num_words": 3}, "'about' is none of"),
        (WORDS, {"relation": "at least", "num_words": -1}, "less than 0"),
        (WORDS, {"relation": "at least", "num_words": 2.5}, "whole number"),
        (WORDS, {"relation": "at least", "num_words": True}, "not a number"),
        (WORDS, {"relation": "at least", "num_words": "many"}, "cannot be used"),
        (WORDS, {"relation": "at least", "num_words": float("inf")}, "whole number"),
        ("keywords:existence", {"keywords": []}, "not a list of words"),
        ("keywords:existence", {"keywords": ["a", 5]}, "not a text"),
        ("keywords:letter_frequency", LETTER, "not a single character"),
        ("language:response_language", {"language": "xx"}, "known language"),
        ("count:word_count_range", {"min_words": 5, "max_words": 3}, "cannot be met together"),
        ("length_constraints:nth_paragraph_first_word", FIRST, "cannot be met together"),
    ],
)
def test_what_cannot_be_checked_does_not_fit(id: str, kwargs: dict[str, object], reason: str) -> None:
    query = Query("Write.", constraints=(COMMA, Constraint(id, kwargs)))
    assert not Instructions().fits(query)
    assert reason in " ".join(Instructions().unfit(query))


def test_unknown_ids_are_named() -> None:
    query = Query("Write.", constraints=(COMMA, Constraint("words:start_verb"), Constraint("x:y")))
    assert Instructions().unknown(query) == ("words:start_verb", "x:y")
    assert Instructions().unknown(Query("Write.", constraints=(COMMA,))) == ()
    assert not Instructions().fits(Query("no constraints"))


def test_numbers_from_pandas_and_nulls_are_read() -> None:
    constraint = Constraint("length_constraints:number_words", {"relation": "at least", "num_words": 2.0, "N": None})
    assert rate(Instructions(), "one two", constraint).value == 1.0


def test_the_prompt_may_come_from_the_query() -> None:
    constraint = Constraint("copy:copy", {"prompt_to_repeat": None})
    assert not Instructions().fits(Query("Write.", constraints=(constraint,)))
    query = Query("Write.", constraints=(constraint,), extra={"prompt_to_repeat": "Name it."})
    tool = Instructions()
    assert tool.fits(query)
    assert tool.rate("name it.", query, tool.prepare(query)).value == 1.0


def test_words_of_an_instruction() -> None:
    assert describe(LONG) == "Answer with at least 300 words."
    spanish = Constraint("es:keywords:frequency", {"keyword": "sol", "frequency": 2, "relation": "al menos"})
    assert describe(spanish) == 'In your response, the word "sol" should appear at least 2 times.'
    braces = Constraint("keywords:existence", {"keywords": ["{0}", "{"]})
    assert describe(braces) == 'Include the keywords "{", "{0}" in the response.'
    with pytest.raises(InputError, match="no check is known"):
        describe(Constraint("x:y"))


def test_a_broken_response_also_fails_the_loose_reading_where_that_is_possible() -> None:
    quotation = Constraint("startend:quotation")
    broken = break_response('"Text."', quotation)
    assert broken is not None
    assert not find(quotation).follow_loosely(broken, {}).followed


def test_a_break_is_small() -> None:
    text = "We went to the river and sat there for a while. It was warm."
    assert break_response(text, COMMA) == "We, went to the river and sat there for a while. It was warm."
    keyword = Constraint("keywords:existence", {"keywords": ["river"]})
    assert break_response(text, keyword) == "We went to the  and sat there for a while. It was warm."


def test_a_settings_change_is_another_version() -> None:
    assert (
        len({Instructions(credit, loose).card.version for credit in ("strict", "share") for loose in (False, True)})
        == 4
    )
    assert Instructions().card.version == Instructions().card.version
    with pytest.raises(InputError, match="credit"):
        Instructions(credit="half")


def test_the_recipe_rebuilds_the_tool() -> None:
    tool = Instructions(credit="share", loose=True)
    assert dict(tool.recipe.config) == {"credit": "share", "loose": True}
    assert pickle.loads(pickle.dumps(tool.card)) == tool.card


def test_fitting_loads_no_heavy_library() -> None:
    code = (
        "import sys; from rlar.tools.constraints import Instructions; from rlar.types import Query, Constraint;"
        "french = Constraint('language:response_language', {'language': 'fr'});"
        "assert Instructions().fits(Query('x', constraints=(french,)));"
        "print(sorted({'numpy', 'py3langid', 'yaml', 'regex', 'nltk'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_ids_are_those_of_the_public_lists() -> None:
    bare = {id for id in CHECKS if id[:3] not in ("en:", "es:", "fr:", "ja:")}
    assert len(bare) == 25 + 29 + 56
    assert {id[:3]: sum(other.startswith(id[:3]) for other in CHECKS) for id in ("en:", "es:", "fr:", "ja:")} == {
        "en:": 25,
        "es:": 30,
        "fr:": 30,
        "ja:": 32,
    }
