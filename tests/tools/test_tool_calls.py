"""Function calls: every way of writing them, what counts as equal, and what surplus calls cost."""

from __future__ import annotations

import itertools
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlar.scoring.analyze import analyze
from rlar.tools.called import Call, read_calls
from rlar.tools.tool_calls import ToolCalls, _best_in_any_order, _best_in_order
from rlar.types import Query

CALL = {"name": "weather", "arguments": {"city": "Oslo", "days": 3}}
QUERY = Query("How will the weather in Oslo be?", extra={"tool_calls": [CALL]})
TEXT = json.dumps(CALL)


def value(response, query=QUERY, **settings):
    tool = ToolCalls(**settings)
    assert tool.fits(query)
    return tool.rate(response, query, tool.prepare(query)).value


@pytest.mark.parametrize(
    "response",
    [
        f"<tool_call>{TEXT}</tool_call>",
        f"Let me look.\n<tool_call>\n{TEXT}\n</tool_call>\n",
        f"<tool_call>{TEXT}",  # the closing tag was the stop word
        f"<tool_call>```json\n{TEXT}\n```</tool_call>",
        '{"tool_calls":[{"id":"1","type":"function","function":{"name":"weather","arguments":"{\\"city\\":\\"Oslo\\",\\"days\\":3}"}}]}',
        '{"tool_calls":[{"function":{"name":"weather","arguments":{"city":"Oslo","days":3}}}]}',
        '{"function_call":{"name":"weather","arguments":{"city":"Oslo","days":3}}}',
        f"[{TEXT}]",
        TEXT,
        f"```json\n{TEXT}\n```",
        f"I call {TEXT} now.",
        '{"name":"weather","parameters":{"days":3.0,"city":"Oslo"}}',
        '[TOOL_CALLS] [{"name":"weather","arguments":{"city":"Oslo","days":3}}]',
        'weather(city="Oslo", days=3)',
        "[weather(city='Oslo', days=3)]",
        "```python\nweather(days=3, city='Oslo')\n```",
        "I will ask:\n- `weather(city='Oslo', days=3)`\nand wait.",
        '<tool_call>weather(city="Oslo", days=3)</tool_call>',
        '<tool_call>{"name":"mcp__met_no__weather","arguments":{"city":"Oslo","days":3}}</tool_call>',
        'functions.weather(city="Oslo", days=+3)',
        f"<think>{json.dumps({'name': 'other', 'arguments': {}})}</think>{TEXT}",
    ],
)
def test_every_way_of_writing_a_call(response):
    assert value(response) == 1.0


@pytest.mark.parametrize(
    "response",
    [
        "",
        "It will rain.",
        f"<think><tool_call>{TEXT}</tool_call>",  # only thought of
        '{"name":"weather","arguments":{"city":"Oslo","days":"3"}}',
        '{"name":"weather","arguments":{"city":"Oslo","days":true}}',
        '{"name":"weather","arguments":{"city":"oslo","days":3}}',
        '{"name":"weather","arguments":{"city":"Oslo"}}',
        '{"name":"weather","arguments":{"city":"Oslo","days":3,"unit":"C"}}',
        '{"name":"weather","arguments":{"city":"Oslo","days":3,"days":3}}',  # one key twice
        '{"name":"forecast","arguments":{"city":"Oslo","days":3}}',
        "weather(3, 'Oslo')",
        'weather(city="Oslo", days=int("3"))',  # nothing is executed
        'weather(city="Oslo", days=3) if True else 0',
        f"{TEXT}\n{TEXT}",  # twice
        f"<tool_call>{TEXT}</tool_call><tool_call>nonsense</tool_call>",
        "<tool_call></tool_call>",
        "\n".join(json.dumps({"name": "weather", "arguments": {"city": "Oslo", "days": d}}) for d in range(9)),
    ],
)
def test_wrong_and_surplus_calls(response):
    assert value(response) == 0.0


def test_positions_are_named_by_the_declaration_else_by_the_expected_call():
    assert value("weather('Oslo', 3)") == 1.0
    tools = [
        {"type": "function", "function": {"name": "weather", "parameters": {"properties": {"city": {}, "days": {}}}}}
    ]
    declared = Query("x", extra={"tool_calls": [CALL], "tools": tools})
    assert value("weather('Oslo', 3)", declared) == 1.0
    assert value("weather(3, 'Oslo')", declared) == 0.0
    assert value("weather('Oslo', 3, city='Oslo')", declared) == 0.0


PARALLEL = Query(
    "x", extra={"tool_calls": [{"name": "f", "arguments": {"x": 1}}, {"name": "f", "arguments": {"x": 2}}]}
)


@pytest.mark.parametrize(
    ("response", "any_order", "in_order"),
    [
        ("f(x=1)\nf(x=2)", 1.0, 1.0),
        ("[f(x=2), f(x=1)]", 1.0, 0.0),
        ("f(x=1)", 0.0, 0.0),
        ("f(x=1)\nf(x=1)", 0.0, 0.0),
        ("f(x=1)\nf(x=2)\nf(x=3)", 0.0, 0.0),
    ],
)
def test_parallel_calls(response, any_order, in_order):
    assert value(response, PARALLEL) == any_order
    assert value(response, PARALLEL, ordered=True) == in_order


def test_partial_credit_is_toolrls():
    """1 call of 2 arguments, one right and the other under a wrong name: 0.5 on ToolRL's scale from -3 to 3."""
    query = Query("x", extra={"tool_calls": [{"name": "f", "arguments": {"a": 1, "b": 2}}]})
    credit = value("f(a=1, c=2)", query, partial=True)
    assert credit == pytest.approx((1 + 1 / 3 + 1) / 4)
    assert 6 * credit - 3 == pytest.approx(0.5)
    ladder = ["", "g(a=1, b=2)", "f(c=1)", "f(a=9, b=9)", "f(a=1, b=9)", "f(a=1, b=2)"]
    values = [value(response, query, partial=True) for response in ladder]
    assert values == sorted(values)
    assert values[:2] == [0.0, 0.0]
    assert values[-1] == 1.0
    assert value("f(a=1, b=2)\nf(a=1, b=2)", query, partial=True) == 0.5  # saying it twice halves it
    assert value("f(a=1, b=2)", PARALLEL, partial=True) < 0.5
    assert ToolCalls(partial=True).card.line == 1.0


TOOLS = [
    {
        "name": "weather",
        "input_schema": {
            "properties": {"city": {}, "unit": {"default": "C"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    }
]


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("weather(city='Oslo')", 1.0),
        ("weather(city='Oslo', unit='C')", 1.0),  # its default
        ("weather(city='Oslo', unit='F')", 0.0),
        ("weather(city='Oslo', days=None)", 1.0),
        ("weather(city='Oslo', days=2)", 0.0),
        ("weather()", 0.0),  # required
    ],
)
def test_declared_optional_arguments(response, expected):
    query = Query("x", extra={"tool_calls": [{"name": "weather", "arguments": {"city": "Oslo"}}], "tools": TOOLS})
    assert value(response, query) == expected


def test_optional_by_the_expected_call():
    call = {"name": "f", "arguments": {"a": 1, "note": "x"}, "optional": ["note", "tag"]}
    query = Query("x", extra={"tool_calls": [call]})
    for response in ("f(a=1)", "f(a=1, note='x')", "f(a=1, tag='any')"):
        assert value(response, query) == 1.0
    assert value("f(a=1, note='y')", query) == 0.0


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("I can answer that myself: 4.", 1.0),
        ('{"name": "Ada", "age": 36}', 1.0),  # an object, but no call
        ("You could write `weather(city='Oslo')` for that.", 1.0),  # talks of it within a sentence
        ("weather(city='Oslo')", 0.0),
        (f"<tool_call>{TEXT}</tool_call>", 0.0),
        ("<tool_call>broken", 0.0),
        ('{"name": "weather", "arguments": {"city": "Oslo", "city": "Rome"}}', 0.0),  # meant as a call
        ("", 0.0),  # silence is not an answer
    ],
)
def test_abstention(response, expected):
    query = Query("2 + 2?", extra={"tool_calls": [], "tools": TOOLS})
    assert value(response, query) == expected
    assert value(response, query, partial=True) == expected


def test_abstention_is_recognised():
    assert "tool_calls" in analyze(Query("2 + 2?", extra={"tool_calls": [], "tools": TOOLS})).checks
    assert "tool_calls" not in analyze(Query("2 + 2?", extra={"tool_calls": []})).checks


def test_where_the_expected_calls_stand():
    assert value(TEXT, Query("x", reference=[CALL])) == 1.0
    assert value(TEXT, Query("x", reference=json.dumps([CALL]))) == 1.0
    assert value(TEXT, Query("x", extra={"tool_calls": json.dumps([CALL])})) == 1.0
    openai = {"function": {"name": "weather", "arguments": json.dumps(CALL["arguments"])}}
    assert value(TEXT, Query("x", extra={"tool_calls": [openai]})) == 1.0
    tool = ToolCalls()
    assert tool.fits(Query("x", reference=[], extra={"tools": TOOLS}))
    for query in (Query("x"), Query("x", reference="42"), Query("x", reference=[]), Query("x", reference=[1, 2])):
        assert not tool.fits(query)
    assert not tool.fits(Query("x", extra={"tool_calls": [{"name": "f", "arguments": "{broken"}]}))


@pytest.mark.parametrize(
    "response",
    [
        "f(" * 3000,
        "[" * 100_000,
        "<tool_call>" * 20_000,
        "f(x=" + "[" * 4000 + ")",
        '{"name":' * 30_000,
        "f(x=1)\n" * 20_000,
    ],
)
def test_hostile_texts_take_bounded_time(response):
    start = time.process_time()
    assert value(response) == 0.0
    assert time.process_time() - start < 2.5


CREDIT = st.integers(1, 4).flatmap(
    lambda n: st.lists(st.lists(st.floats(0, 1), min_size=n, max_size=n), min_size=1, max_size=4)
)


@given(CREDIT)
def test_pairs_are_made_as_well_as_can_be(credit_MW):
    rows, columns = len(credit_MW), len(credit_MW[0])
    best = best_ordered = 0.0
    for size in range(1, min(rows, columns) + 1):
        for some in itertools.combinations(range(rows), size):
            for places in itertools.permutations(range(columns), size):
                total = sum(credit_MW[i][j] for i, j in zip(some, places, strict=True))
                best = max(best, total)
                if list(places) == sorted(places):
                    best_ordered = max(best_ordered, total)
    assert _best_in_any_order(credit_MW) == pytest.approx(best)
    assert _best_in_order(credit_MW) == pytest.approx(best_ordered)


@given(st.text(alphabet="<tool_cal>/{}[]\"':,(=)f1x \n`", max_size=60))
def test_any_text_can_be_read(response):
    assert all(isinstance(call, Call) for call in read_calls(response, {"f": ["x"]}))
