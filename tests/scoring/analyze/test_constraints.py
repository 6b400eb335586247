"""Checkable instructions stated in plain words: what is read, and what is left alone."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlar.scoring.analyze import read_constraints
from rlar.scoring.analyze.mentions import mentions

WORDS, SENTENCES = "length_constraints:number_words", "length_constraints:number_sentences"


@pytest.mark.parametrize(
    ("prompt", "ident", "kwargs"),
    [
        ("Write at least 300 words.", WORDS, {"num_words": 300, "relation": "at least"}),
        ("Write a 300+ word essay. It needs 300+ words.", WORDS, {"num_words": 300, "relation": "at least"}),
        ("Use 400 or more words.", WORDS, {"num_words": 400, "relation": "at least"}),
        ("Use more than 30 words.", WORDS, {"num_words": 31, "relation": "at least"}),  # strictly more
        ("Use at most 150 words.", WORDS, {"num_words": 151, "relation": "less than"}),
        ("Use less than 150 words.", WORDS, {"num_words": 150, "relation": "less than"}),
        ("Keep it to 100 words or less.", WORDS, {"num_words": 101, "relation": "less than"}),
        ("Answer in fewer than six sentences.", SENTENCES, {"num_sentences": 6, "relation": "less than"}),
        ("Do not use any commas.", "punctuation:no_comma", {}),
        ("Answer without commas.", "punctuation:no_comma", {}),
        ("Use only lowercase letters.", "change_case:english_lowercase", {}),
        ("Write your entire response in all capital letters.", "change_case:english_capital", {}),
        ("Wrap your entire response with double quotation marks.", "startend:quotation", {}),
        ("Wrap the output in JSON format.", "detectable_format:json_format", {}),
        ("It must contain a title in double angular brackets, <<title>>.", "detectable_format:title", {}),
        ("Use exactly 3 bullet points.", "detectable_format:number_bullet_lists", {"num_bullets": 3}),
        ("Highlight at least two sections.", "detectable_format:number_highlighted_sections", {"num_highlights": 2}),
        ("with at least 5 placeholders", "detectable_content:number_placeholders", {"num_placeholders": 5}),
        ("Add a postscript starting with P.S.", "detectable_content:postscript", {"postscript_marker": "P.S."}),
        ("End with P.P.S please.", "detectable_content:postscript", {"postscript_marker": "P.P.S"}),
        ('Include the keywords "oak" and "elm".', "keywords:existence", {"keywords": ["oak", "elm"]}),
        ("Include the keywords oak, elm and ash.", "keywords:existence", {"keywords": ["oak", "elm", "ash"]}),
        ('Do not use the words "oak" or "elm".', "keywords:forbidden_words", {"forbidden_words": ["oak", "elm"]}),
        (
            "The word oak should appear at least twice.",
            "keywords:frequency",
            {"keyword": "oak", "frequency": 2, "relation": "at least"},
        ),
        (
            "The letter q should appear less than 4 times.",
            "keywords:letter_frequency",
            {"letter": "q", "let_frequency": 4, "let_relation": "less than"},
        ),
        ('Finish your response with "That is all."', "startend:end_checker", {"end_phrase": "That is all."}),
        ("Answer entirely in Korean, no other language is allowed.", "language:response_language", {"language": "ko"}),
    ],
)
def test_plain_statements_are_read_in_full(prompt, ident, kwargs):
    found = {c.id: dict(c.kwargs) for c in read_constraints(prompt)}
    assert found.get(ident) == kwargs
    assert ident in mentions(prompt)


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "How many words does this sentence have?",
        "Write about 300 words.",  # two readings
        "Each paragraph should have at least 20 words.",  # of a part
        "Use at least 5 words in all caps.",  # of a kind
        "Write at least 3 words that rhyme.",
        "Use no more than 50 words in the title.",
        "I want at least 100 words but the intro has at least 20 words.",  # two minima
        "Put commas where they belong.",
        "Convert the following JSON to YAML.",
        "Explain why no comma stands before 'and', without using examples. No commas after verbs!",
        "Do not include it in the report.",
        "He said that she should include the details.",
    ],
)
def test_what_is_not_plain_is_left_alone(prompt):
    assert read_constraints(prompt) == ()


@pytest.mark.parametrize(
    ("prompt", "bounds"),
    [
        ("Answer in exactly 3 words.", [(3, "at least"), (4, "less than")]),
        ("Write between 50 and 60 words.", [(50, "at least"), (61, "less than")]),
        ("The title has exactly 3 words.", []),
        ("Write exactly 3 words, or exactly 5 words.", []),
    ],
)
def test_an_exact_count_is_two_bounds(prompt, bounds):
    assert [(c.kwargs["num_words"], c.kwargs["relation"]) for c in read_constraints(prompt)] == bounds


def test_several_are_read_from_one_prompt_in_a_fixed_order():
    prompt = 'Write at least 50 words, without commas, all in lowercase. Do not use the word "sea".'
    ids = [c.id for c in read_constraints(prompt)]
    assert ids == [c.id for c in read_constraints(prompt)]
    assert set(ids) == {WORDS, "punctuation:no_comma", "change_case:english_lowercase", "keywords:forbidden_words"}


@given(st.text(alphabet="abcdefgh no commas at least 0123456789 words \"'.,*<>P.S\n", max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_read(text):
    assert read_constraints(text) == read_constraints(text)
    assert mentions(text) == mentions(text)


@pytest.mark.data
def test_precision_on_labelled_prompts(shared_data: Path):
    right = found = stated = 0
    with gzip.open(shared_data / "eval" / "graded_ifeval.jsonl.gz", "rt") as lines:
        for row in map(json.loads, lines):
            truth = {
                _plain(ident, kwargs)
                for ident, kwargs in zip(row["meta"]["instruction_id_list"], row["meta"]["kwargs"], strict=True)
            }
            read = {_plain(c.id, dict(c.kwargs)) for c in read_constraints(row["prompt"])}
            right, found, stated = right + len(read & truth), found + len(read), stated + len(truth)
    assert right >= 0.97 * found
    assert found >= 0.6 * stated


def _plain(ident: str, kwargs: dict) -> tuple[str, str]:
    """Comparable form: the data lower-cases some keywords and lists them in any order."""
    kept = {k: v for k, v in kwargs.items() if v is not None}
    return ident, json.dumps(
        {k: sorted(v) if isinstance(v, list) else v for k, v in kept.items()}, sort_keys=True
    ).lower()
