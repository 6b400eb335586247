"""JSON answers against JSON Schema."""

from __future__ import annotations

import json

import pytest

from rlar.errors import ToolFault
from rlar.tools.structured import JsonSchema
from rlar.types import Query

SCHEMA = {
    "type": "object",
    "properties": {
        "n": {"type": "integer", "minimum": 0},
        "when": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "time"},
        "mail": {"type": "string", "format": "email"},
        "site": {"type": "string", "format": "uri"},
        "host": {"type": "string", "format": "hostname"},
        "code": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "self": {"$ref": "#/$defs/name"},
    },
    "required": ["n"],
    "additionalProperties": False,
    "$defs": {"name": {"enum": ["a", "b"]}},
}
TOOL = JsonSchema()


def mark(response, schema=SCHEMA):
    query = Query("Reply in JSON.", extra={"schema": schema})
    assert TOOL.fits(query)
    return TOOL.rate(response, query, TOOL.prepare(query))


@pytest.mark.parametrize(
    ("response", "value"),
    [
        ('{"n": 3}', 1.0),
        ('{"n": 3.0}', 1.0),  # JSON Schema calls it an integer
        ('{"n": 3.5}', 0.0),
        ('{"n": "3"}', 0.0),
        ('{"n": true}', 0.0),
        ('{"n": -1}', 0.0),
        ("{}", 0.0),
        ('{"n": 3, "more": 1}', 0.0),
        ('{"n": 3, "n": 4}', 0.0),
        ('{"n": NaN}', 0.0),
        ('```json\n{"n": 3}\n```', 1.0),
        ("n = 3", 0.0),
        ('{"n": 1, "when": "2026-02-28T12:00:00Z"}', 1.0),
        ('{"n": 1, "when": "2026-02-30T12:00:00Z"}', 0.0),
        ('{"n": 1, "when": "2026-02-28"}', 0.0),
        ('{"n": 1, "day": "2026-02-29"}', 0.0),
        ('{"n": 1, "at": "25:00:00Z"}', 0.0),
        ('{"n": 1, "at": "23:59:60Z"}', 1.0),
        ('{"n": 1, "mail": "ada at example"}', 0.0),
        ('{"n": 1, "site": "https://example.org/a?b=c"}', 1.0),
        ('{"n": 1, "site": "no uri"}', 0.0),
        ('{"n": 1, "host": "a-b.example"}', 1.0),
        ('{"n": 1, "host": "-a.example"}', 0.0),
        ('{"n": 1, "code": "ABC"}', 1.0),
        ('{"n": 1, "code": "abc"}', 0.0),
        ('{"n": 1, "self": "b"}', 1.0),
        ('{"n": 1, "self": "c"}', 0.0),
    ],
)
def test_json_schema(response, value):
    assert mark(response).value == value
    assert mark(response, json.dumps(SCHEMA)).value == value  # as JSON text


def test_reasons_are_named():
    why = mark('{"n": -1, "code": "x"}').why
    assert why == "at code: 'x' does not match '^[A-Z]{3}$'; at n: -1 is less than the minimum of 0"


def test_truth_values_are_schemas():
    assert mark("[]", True).value == 1.0
    assert mark("[]", False).value == 0.0


def test_the_metaschema_is_here():
    ref = {"$ref": "https://json-schema.org/draft/2020-12/schema"}
    assert mark('{"type": "object"}', ref).value == 1.0
    assert mark('{"type": "nonsense"}', ref).value == 0.0


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"$ref": "https://example.org/x.json"}, "nothing is fetched"),
        ({"items": {"$ref": "file:///etc/passwd"}}, "nothing is fetched"),
        ({"type": "nonsense"}, "is no JSON Schema"),
        ({"$ref": "#/$defs/missing"}, "not in it"),
        ({"pattern": "(?P<a"}, "is no JSON Schema"),
    ],
)
def test_a_broken_schema_is_a_fault(schema, why):
    with pytest.raises(ToolFault, match=why):
        mark('"text"', schema)


@pytest.mark.parametrize("schema", ["no json", 3, None, []])
def test_what_is_no_schema_does_not_fit(schema):
    assert not TOOL.fits(Query("x", extra={"schema": schema}))
