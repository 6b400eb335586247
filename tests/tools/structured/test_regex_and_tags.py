"""Regular expressions of a query, and the tags of thinking and answering."""

from __future__ import annotations

import pytest

from rlar.errors import ToolFault
from rlar.tools.structured import RegexMatch, TagFormat
from rlar.types import Query


@pytest.mark.parametrize(
    ("pattern", "response", "value"),
    [
        ("yes|no", " yes\n", 1.0),
        ("yes|no", "yes or no", 0.0),  # the whole response
        ("yes|no", "<think>no</think>yes", 1.0),
        ("(?i)yes", "YES", 1.0),
        (r"\d{3}-\d{4}", "555-1234", 1.0),
        (r"\d{3}-\d{4}", "call 555-1234", 0.0),
        ("", "x", None),
        (3, "x", None),
    ],
)
def test_regex(pattern, response, value):
    tool, query = RegexMatch(), Query("x", extra={"regex": pattern})
    assert tool.fits(query) is (value is not None)
    if value is not None:
        assert tool.rate(response, query, tool.prepare(query)).value == value


def test_regex_anywhere_and_broken():
    query = Query("x", extra={"regex": r"\d{3}-\d{4}"})
    tool = RegexMatch(anywhere=True)
    assert tool.rate("call 555-1234", query, tool.prepare(query)).value == 1.0
    with pytest.raises(ToolFault, match="no regular expression"):
        tool.prepare(Query("x", extra={"regex": "(a"}))


@pytest.mark.parametrize(
    ("response", "value"),
    [
        ("<think>a</think><answer>b</answer>", 1.0),
        (" <think>\na\n</think>\n\n<answer>b</answer>\n", 1.0),
        ("<answer>b</answer><think>a</think>", 0.0),
        ("<answer>b</answer>", 0.0),
        ("<think>a</think><answer>b</answer> bye", 0.0),
        ("Hm. <think>a</think><answer>b</answer>", 0.0),
        ("<think>a</think> so <answer>b</answer>", 0.0),
        ("<think>a</think><answer>b</answer><answer>c</answer>", 0.0),
        ("<think>I will use <answer> tags</think><answer>b</answer>", 0.0),
        ("<think>a<answer>b</think></answer>", 0.0),
        ("<think></think><answer>b</answer>", 0.0),
        ("<think>a</think><answer> </answer>", 0.0),
        ("</think>a<think><answer>b</answer>", 0.0),
        ("", 0.0),
    ],
)
def test_tags(response, value):
    tool, query = TagFormat(), Query("2 + 2?")
    assert tool.rate(response, query, tool.prepare(query)).value == value


def test_a_prompt_may_open_the_first_tag():
    tool, query = TagFormat(), Query("2 + 2? <think>\n")
    assert tool.rate("a</think><answer>4</answer>", query, tool.prepare(query)).value == 1.0
    assert tool.rate("<think>a</think><answer>4</answer>", query, tool.prepare(query)).value == 0.0


def test_other_tags():
    tool = TagFormat(["plan", "code", "note"], outside=True)
    response = "First <plan>p</plan> then <code>c</code> and <note>n</note>."
    assert tool.rate(response, Query("x"), tool.prepare(Query("x"))).value == 1.0
    assert tool.card.name == "tag_format_plan_code_note_outside"
    for bad in ((), ("a", "a"), ("a b",), "think"):
        with pytest.raises(ValueError, match="different names"):
            TagFormat(bad)
