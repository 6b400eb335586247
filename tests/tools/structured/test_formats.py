"""YAML, TOML, XML, CSV and JSON: valid or not, and what they say."""

from __future__ import annotations

import time

import pytest

from rlar.errors import ToolFault
from rlar.tools.structured import FormatValid
from rlar.types import Query

YAML_BOMB = 'a: &a ["x","x","x","x","x","x","x","x","x"]\n' + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
XML_BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><x>&b;</x>'


def value(name, response, reference=None, **settings):
    tool, query = FormatValid(name, **settings), Query("x", reference=reference)
    assert tool.fits(query)
    return tool.rate(response, query, tool.prepare(query)).value


@pytest.mark.parametrize(
    ("name", "response", "expected"),
    [
        ("json", '{"a": 1}', 1.0),
        ("json", "3", 1.0),
        ("json", "three", 0.0),
        ("json", "Infinity", 0.0),
        ("yaml", "a: 1\nb:\n  - 2\n", 1.0),
        ("yaml", "- a\n- b", 1.0),
        ("yaml", "```yaml\nwhen: 2026-02-28\n```", 1.0),
        ("yaml", "a: &x [1]\nb: *x", 1.0),
        ("yaml", "This is a sentence.", 0.0),  # YAML, but of no structure
        ("yaml", "a: 1\na: 2", 0.0),
        ("yaml", "a: [1", 0.0),
        ("yaml", "when: 2026-02-30", 0.0),
        ("yaml", "!!python/object/apply:os.system ['true']", 0.0),
        ("yaml", YAML_BOMB, 0.0),
        ("yaml", "&a [*a]", 0.0),  # holds itself
        ("yaml", "[" * 900, 0.0),
        ("yaml", "a: 1\n" * 20_000, 0.0),
        ("toml", 'title = "x"\n[owner]\nborn = 1979-05-27', 1.0),
        ("toml", "```toml\na = 1\n```", 1.0),
        ("toml", "a = 1\na = 2", 0.0),
        ("toml", "just words", 0.0),
        ("toml", "# only a comment", 0.0),
        ("toml", "a=" + "[" * 5000, 0.0),
        ("xml", "<a><b>1</b></a>", 1.0),
        ("xml", '<?xml version="1.0"?>\n<a/>', 1.0),
        ("xml", "It is <a><b>1</b></a>, I think.", 1.0),
        ("xml", "<a><b>1</a>", 0.0),
        ("xml", "<a>1</a><a>2</a>", 0.0),
        ("xml", XML_BOMB, 0.0),
        ("xml", "<a>" * 50_000, 0.0),
        ("xml", "<a>" * 150 + "</a>" * 150, 0.0),
        ("xml", "a < b > c", 0.0),
        ("xml", "<a>\ud800</a>", 0.0),
        ("csv", "a,b\n1,2\n3,4", 1.0),
        ("csv", 'a;b\n"1;5";2', 1.0),
        ("csv", "a\tb\n1\t2\n\n", 1.0),
        ("csv", '```csv\nname\n"Lovelace, Ada"\n```', 1.0),  # one column, said to be CSV
        ("csv", "a,b\n1,2,3", 0.0),
        ("csv", "a,b\n\n1,2", 0.0),
        ("csv", '"a,b\n1,2', 0.0),
        ("csv", "Yes, of course.", 0.0),
        ("csv", "one\ntwo", 0.0),
        ("csv", "", 0.0),
    ],
)
def test_format(name, response, expected):
    start = time.process_time()
    assert value(name, response) == expected
    assert time.process_time() - start < 2.0


@pytest.mark.parametrize(
    ("name", "reference", "response", "expected"),
    [
        ("yaml", "a: 1\nb: [x, y]", "b:\n- x\n- y\na: 1.0", 1.0),
        ("yaml", "a: 1", "a: '1'", 0.0),
        ("yaml", {"a": 1}, "a: 1", 1.0),
        ("toml", "a = 1\n[b]\nc = true", "b.c = true\na = 1", 1.0),
        ("toml", "a = 1", "a = true", 0.0),
        ("xml", "<a x='1' y='2'><b>t</b></a>", '<a y="2" x="1">\n  <b> t </b>\n</a>', 1.0),
        ("xml", "<a><b/><c/></a>", "<a><c/><b/></a>", 0.0),
        ("xml", "<a>t</a>", "<a>u</a>", 0.0),
        ("csv", "a,b\n1,2", "a; b\n1; 2", 1.0),
        ("csv", "a,b\n1,2", "b,a\n2,1", 0.0),
        ("json", '{"a": [1]}', 'so: {"a": [1.0]}', 1.0),
    ],
)
def test_what_it_says_can_be_compared(name, reference, response, expected):
    assert value(name, response, reference, match=True) == expected


def test_fences_of_other_languages_do_not_count():
    assert value("toml", "```python\na = 1\n```") == 0.0
    assert value("yaml", "a: 1", strict=True) == 1.0
    assert value("yaml", "```yaml\na: 1\n```", strict=True) == 0.0


def test_which_queries_fit():
    assert not FormatValid("yaml").fits(Query("x", extra={"format": "json"}))
    assert FormatValid("yaml").fits(Query("x", extra={"format": "yaml"}))
    for name in ("json", "yaml", "toml", "xml", "csv"):
        tool = FormatValid(name, match=True)
        for reference in (None, 42, "forty-two", "Paris is the capital.", ""):
            assert not tool.fits(Query("x", reference=reference))
    with pytest.raises(ToolFault, match="the reference is no valid YAML"):
        value("yaml", "a: 1", "a: [", match=True)
    with pytest.raises(ValueError, match="must be one of"):
        FormatValid("ini")
