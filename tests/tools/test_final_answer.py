"""What a response finally claims."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlar.tools.final_answer import TAIL, claims, last_claim, plain_characters, said


@pytest.mark.parametrize(
    ("response", "text", "how"),
    [
        ("7", "7", "whole"),
        (r"so \boxed{7}", "7", "box"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}", "box"),
        (r"\boxed{6} but then \boxed{7}", "7", "box"),
        (r"\boxed{7} and I will put it in \boxed{}", "7", "box"),
        (r"cut off: \boxed{7", "7", "box"),
        ("#### 7", "7", "hash"),
        ("A: 7", "7", "line"),
        ("The answer is 7. It was easy.", "7", "line"),
        ("The answer is Mr. Smith.", "Mr. Smith", "line"),
        ("The answer is 4:30 p.m.", "4:30 p.m.", "line"),
        ("The final answer to the question is: 7", "7", "line"),
        ("Final Answer\n\n7", "7", "line"),
        ("The answer is:\n\\[ 7 \\]", "\\[ 7 \\]", "line"),
        ("```output\n7\n```", "7", "output"),
        ("```output\n6\n```\nThe answer is 7.", "7", "line"),
        ("<answer> 7 </answer>", "7", "tag"),
        (r"The answer is 6. Wait, it is 7.", "7", "restated"),
        (r"\boxed{6}. Sorry, it should be 7.", "7", "restated"),
        (
            "Nobody asked for this, but there are 7 of them.",
            "Nobody asked for this, but there are 7 of them.",
            "closing",
        ),
    ],
)
def test_the_last_commitment_counts(response, text, how):
    claim = last_claim(said(response))
    assert claim is not None and (claim.text, claim.how) == (text, how)


def test_boxes_that_stand_together_are_one_statement():
    assert last_claim(r"\boxed{1} and \boxed{2}").boxes == ("1", "2")
    assert last_claim(r"\boxed{1} and \boxed{2}").joined
    assert last_claim(r"\boxed{1}. So no, not that: \boxed{2}").boxes == ("2",)
    assert last_claim(r"\boxed{1} no no no no no \boxed{2}").boxes == ("2",)


@pytest.mark.parametrize("text", ["The answer is not 7.", "The answer is greater than 7 for sure, we think."])
def test_a_denial_or_a_bound_is_no_marked_claim(text):
    assert claims(text, explicit=True) == []


def test_only_what_follows_the_thoughts_is_said():
    both = "<think>\\boxed{1}</think>\\boxed{2}"
    assert said(both) == said(both, thoughts="never") == "\\boxed{2}"
    assert "1" in said(both, thoughts="always")


def test_thoughts_with_nothing_behind_them_are_read_only_as_a_fallback():
    closed, endless = "<think>\\boxed{1}</think>  ", "<think>\\boxed{1} and so on"
    assert "\\boxed{1}" in said(closed) and said(closed, thoughts="never") == ""
    assert said(endless).strip() == "" and "\\boxed{1}" in said(endless, thoughts="always")


def test_the_turn_of_the_reader_is_not_read():
    assert said("It is 7.<|im_end|>\n<|im_start|>user\nno, 8") == "It is 7."


def test_only_the_tail_is_read():
    assert said("\\boxed{1}" + " " * (TAIL + 1)).strip() == ""


def test_look_alikes_of_digits_are_digits_and_look_alikes_of_letters_are_not():
    assert plain_characters("１８ ٣ 𝟕 −5 4\u200b2") == "18 3 7 -5 42"
    assert plain_characters("Аx²") == "Аx²"  # Cyrillic A; a square is no 2


@given(st.text(max_size=500))
def test_no_text_breaks_it(text):
    for thoughts in ("fallback", "never", "always"):
        claims(said(text, thoughts=thoughts))


@pytest.mark.parametrize(
    "text",
    [
        "answer " * 20_000,
        "the answer is " * 10_000,
        "\\boxed{" * 10_000,
        "<answer>" * 10_000,
        "<think>" * 10_000,
        "```output\n" * 10_000,
        "####" * 20_000,
        "wait, it is " * 10_000,
        "$" * 1_000_000,
        "\n" * 500_000,
        " is " * 50_000,
    ],
)
def test_hostile_texts_cost_milliseconds(text):
    start = time.process_time()
    claims(said(text))
    assert time.process_time() - start < 0.5
