"""The default metrics for summaries and for wording data."""

from __future__ import annotations

import random

import pytest

from rlar.tools.metrics import DataToText, Summary
from rlar.types import Mark, Query

ARTICLE = """The city council of Marlow voted on Tuesday night to close Bridge Street to cars for a trial period of six
months. Shopkeepers had asked for the trial after a survey in which 62 percent of their customers said that they walk or
cycle to the centre. Buses and deliveries before ten in the morning are exempt. Opponents, among them the local taxi
association, warned that the closure would push traffic into Mill Lane, where two schools stand. The council promised
counts of cars in both streets and a public report in September, after which it will decide whether the closure stays.
The trial starts on the first of March and costs about 40,000 pounds, most of it for planters, signs and new benches."""
GOLD = """Marlow closes Bridge Street to cars for six months from March. Shopkeepers wanted the trial; taxi drivers
fear more traffic in Mill Lane. A report follows in September."""
OTHER = """In a trial asked for by shopkeepers, Bridge Street will be free of cars for half a year. The council will
decide in September whether it stays so."""
QUERY = Query(f"Summarize the article.\n\n{ARTICLE}", reference=GOLD, extra={"references": [GOLD, OTHER]})
GOOD = """The council will close Bridge Street to cars for six months, starting in March. Shopkeepers asked for it, the
taxi association warned of traffic in Mill Lane. After a report in September it will decide again."""
TOOL = Summary()


def mark(response: str, query: Query = QUERY) -> Mark:
    return TOOL.rate(response, query, TOOL.prepare(query))


def value(response: str, query: Query = QUERY) -> float:
    return mark(response, query).value


def shuffled(text: str) -> str:
    tokens = text.split()
    random.Random(1).shuffle(tokens)
    return " ".join(tokens)


@pytest.mark.parametrize(
    "worse",
    [
        "",
        "The article is about a city.",
        "A football club from Leeds won the cup on Saturday, and thousands of fans sang in the rain until midnight.",
        ARTICLE,  # the article is no summary of itself
        f"{GOOD} {GOOD} {GOOD}",
        shuffled(GOOD),
        "Bridge Street " * 30,
        "The council will close Mill Lane to buses for six years. Taxi drivers asked for it, schools are happy.",
    ],
)
def test_a_good_summary_beats_the_rest(worse):
    assert value(GOOD) > value(worse) + 0.1


def test_each_reference_beats_a_good_summary():
    assert value(GOLD) > value(GOOD)
    assert value(OTHER) > value(GOOD)


def test_what_is_made_up_is_not_supported():
    assert mark(GOOD).terms["supported"] > 0.6
    assert mark("Dragons burnt the old bridge, and the mayor fled abroad with gold.").terms["supported"] < 0.3


def test_a_prompt_without_a_text_to_summarise_is_no_source():
    bare = Query("Summarize the article above.", reference=GOLD)
    assert mark(GOLD, bare).value == pytest.approx(1.0)
    assert mark(GOOD, bare).terms["supported"] == 1.0


def test_chinese_summaries_are_compared_by_character():
    query = Query(
        "请总结。" + "市政府决定从三月起对汽车关闭大桥街六个月。" * 3, reference="大桥街从三月起禁止汽车通行六个月"
    )
    assert (
        value("大桥街从三月起禁止汽车通行六个月", query) > value("大桥街三月起关闭", query) > value("天气很好", query)
    )


D2T = Query(
    "Word this: inform(name='hotel herbert', near='union square')", reference="Hotel Herbert is near Union Square ."
)


@pytest.mark.parametrize(
    ("response", "low", "high"),
    [
        ("hotel herbert is near union square", 0.999, 1.0),
        ("The hotel Herbert is located near Union Square.", 0.6, 0.9),
        ("Near Union Square is Hotel Herbert.", 0.3, 0.75),  # order counts
        ("square union near is herbert hotel", 0.0, 0.3),
        ("Hotel Herbert is near Union Square. " * 3, 0.0, 0.35),
        ("", 0.0, 0.0),
        ("inform(name='hotel herbert')", 0.0, 0.5),
    ],
)
def test_wording_data(response, low, high):
    tool = DataToText()
    assert low <= tool.rate(response, D2T, tool.prepare(D2T)).value <= high
