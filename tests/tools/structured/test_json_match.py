"""JSON answers against JSON references, and where in a response the JSON is."""

from __future__ import annotations

import time

import pytest

from rlar.tools.structured import JsonMatch
from rlar.tools.structured.json_match import json_payload
from rlar.types import Query

QUERY = Query("Reply in JSON.", reference={"name": "Ada", "born": 1815, "tags": ["a", "b"]})
GOLD = '{"name": "Ada", "born": 1815, "tags": ["a", "b"]}'
OTHER = '{"name": "Bob", "born": 1900, "tags": []}'


def value(response, query=QUERY, **settings):
    tool = JsonMatch(**settings)
    assert tool.fits(query)
    return tool.rate(response, query, tool.prepare(query)).value


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (GOLD, 1.0),
        ('{"tags":["a","b"],"born":1815.0,"name":"Ada"}', 1.0),
        (f"Here it is:\n```json\n{GOLD}\n```\nSee [1] and {{curly}}.", 1.0),
        (f"```\n{GOLD}\n```", 1.0),
        (f"```json\n{GOLD}", 1.0),  # cut off behind the last brace
        (f"~~~json\n{GOLD}\n~~~", 1.0),
        (f"The record is {GOLD}, as far as I know [2].", 1.0),
        (f"<think>{OTHER}</think>{GOLD}", 1.0),
        (f"```python\nx = 1\n```\nso {GOLD}", 1.0),
        (f"```json\n{OTHER}\n```\nNo, rather:\n```json\n{GOLD}\n```", 1.0),  # the last one counts
        (f"```json\n{GOLD}\n```\nNo, rather:\n```json\n{OTHER}\n```", 0.0),
        (f"{OTHER} or {GOLD}", 0.0),  # begins and ends like JSON, is none
        (f"It is {GOLD} or {OTHER}.", 0.0),
        (f"[{GOLD}, {OTHER}]", 0.0),  # every answer at once
        ('{"name":"Ada","born":"1815","tags":["a","b"]}', 0.0),
        ('{"name":"Ada","born":1815,"tags":["b","a"]}', 0.0),
        ('{"name":"Ada","name":"Bob","born":1815,"tags":["a","b"]}', 0.0),
        ('{"name":"Ada","born":NaN,"tags":["a","b"]}', 0.0),
        ("{'name':'Ada','born':1815,'tags':['a','b']}", 0.0),
        (f"<think>{GOLD}", 0.0),
        ("", 0.0),
        ("I do not know.", 0.0),
    ],
)
def test_json_match(response, expected):
    assert value(response) == expected


def test_settings():
    assert value('{"name":"Ada","born":1815,"tags":["b","a"]}', list_order=False) == 1.0
    assert value(GOLD, strict=True) == 1.0
    assert value(f"```json\n{GOLD}\n```", strict=True) == 0.0
    names = {JsonMatch(list_order=o, partial=p).card.name for o in (True, False) for p in (True, False)}
    assert len(names) == 4


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (GOLD, 1.0),
        ('{"name":"Ada","born":1815,"tags":["a"]}', 3 / 4),
        ('{"name":"Ada"}', 1 / 4),
        ('{"name":"Ada","x":1,"y":2,"z":3,"u":4,"v":5,"w":6,"t":7}', 1 / 8),  # stuffing costs
        ('{"tags":["b","a"]}', 0.0),
        ("[]", 0.0),
    ],
)
def test_partial_credit_is_the_share_of_equal_leaves(response, expected):
    assert value(response, partial=True) == pytest.approx(expected)
    assert JsonMatch(partial=True).card.line == 1.0


def test_partial_credit_of_lists_without_order_pairs_their_best():
    query = Query("JSON please", reference=[{"a": 1, "b": 2}, {"a": 3, "b": 4}])
    assert value('[{"a":3,"b":4},{"a":1,"b":9}]', query, partial=True, list_order=False) == pytest.approx(3 / 4)
    assert value('[{"a":3,"b":4},{"a":1,"b":9}]', query, partial=True) == 0.0


def test_which_queries_fit():
    tool = JsonMatch()
    assert tool.fits(Query("x", reference='{"a": 1}'))
    assert tool.fits(Query("x", reference=[{"a": 1}]))
    assert not tool.fits(Query("x", reference="forty-two"))
    assert not tool.fits(Query("x"))


@pytest.mark.parametrize(
    "response",
    ["[" * 200_000, '{"a":' * 100_000, '"' * 200_000, '{"' * 100_000, "x" * 2_000_000, "```" * 100_000, "[]" * 100_000],
)
def test_hostile_texts_take_bounded_time(response):
    start = time.process_time()
    assert value(response) == 0.0
    assert time.process_time() - start < 2.0


def test_it_says_what_it_took():
    assert json_payload(GOLD).how == "whole"
    assert json_payload(f"so {GOLD}.").how == "prose"
    assert json_payload(f"```json\n{GOLD}\n```").how == "fence"
    assert json_payload("").how == ""
