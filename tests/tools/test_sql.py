"""SQL answers: compared by what they return, and never able to change or exhaust anything."""

from __future__ import annotations

import hashlib
import sqlite3
import time

import pytest

from rlar.errors import ToolFault
from rlar.tools import sql as sql_tool
from rlar.tools.sql import SqlResult, ends_ordered, sql_payload
from rlar.types import Query

SCHEMA = """CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, age REAL, town TEXT);
INSERT INTO people VALUES (1, 'Ada', 36, 'London'), (2, 'Bo', 20.5, 'Oslo'), (3, 'Cy', 20.5, 'Oslo');
INSERT INTO people VALUES (4, 'Di', NULL, '7');
CREATE TABLE big (x);
WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 3000) INSERT INTO big SELECT i FROM c;"""
TOOL = SqlResult()


def value(response, gold="SELECT name, town FROM people", schema=SCHEMA, **more):
    query = Query("Who lives where?", extra={"sql": {"database": {"schema": schema}, "gold": gold, **more}})
    assert TOOL.fits(query)
    return TOOL.rate(response, query, TOOL.prepare(query)).value


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("SELECT name, town FROM people", 1.0),
        ("select p.name, p.town from people p order by age desc;", 1.0),  # the gold has no order
        ("```sql\nSELECT name, town FROM people;\n```\nThis lists them.", 1.0),
        ("The query:\n\nSELECT name, town\nFROM people;\n\nDone.", 1.0),
        ("Use `SELECT name, town FROM people` for that.", 1.0),
        ("-- all of them\nSELECT name, town FROM people", 1.0),
        ("WITH p AS (SELECT * FROM people) SELECT name, town FROM p", 1.0),
        ("```sql\nSELECT 1\n```\nbetter:\n```sql\nSELECT name, town FROM people\n```", 1.0),  # the last one
        ("```sql\nSELECT name, town FROM people\n```\nor\n```sql\nSELECT 1\n```", 0.0),
        ("SELECT name, town FROM people; SELECT 1", 0.0),
        ("SELECT town, name FROM people", 0.0),
        ("SELECT name FROM people", 0.0),
        ("SELECT DISTINCT 'Ada', 'London' FROM people", 0.0),
        ("SELECT name, town FROM people UNION ALL SELECT name, town FROM people", 0.0),
        ("SELECT name, CAST(town AS INTEGER) FROM people", 0.0),
        ("SELECT nme FROM people", 0.0),
        ("<think>SELECT name, town FROM people</think>I do not know.", 0.0),
        ("", 0.0),
    ],
)
def test_results_are_compared(response, expected):
    assert value(response) == expected


@pytest.mark.parametrize(
    ("settings", "response", "expected"),
    [
        ({"gold": "SELECT name FROM people ORDER BY name"}, "SELECT name FROM people ORDER BY name DESC", 0.0),
        ({"gold": "SELECT name FROM people ORDER BY name"}, "SELECT name FROM people ORDER BY 1", 1.0),
        (
            {"gold": "SELECT name FROM people ORDER BY name", "ordered": False},
            "SELECT name FROM people ORDER BY 1 DESC",
            1.0,
        ),
        ({"gold": "SELECT town FROM people"}, "SELECT DISTINCT town FROM people", 0.0),
        ({"gold": "SELECT town FROM people", "distinct": True}, "SELECT DISTINCT town FROM people", 1.0),
        ({"gold": "SELECT name, age FROM people", "any_columns": True}, "SELECT age, name FROM people", 1.0),
        ({"gold": "SELECT age, age FROM people", "any_columns": True}, "SELECT age, id FROM people", 0.0),
        ({"gold": "SELECT avg(age) FROM people"}, "SELECT sum(age) / 3 + 1e-9 FROM people", 1.0),
        ({"gold": "SELECT avg(age) FROM people"}, "SELECT sum(age) / 3 + 0.1 FROM people", 0.0),
        ({"gold": "SELECT count(*) FROM people"}, "SELECT 4.0", 1.0),  # 4 and 4.0 are one number
        ({"gold": "SELECT town FROM people WHERE id = 4"}, "SELECT 7", 0.0),  # a text is no number
        ({"gold": "SELECT age FROM people WHERE id = 4"}, "SELECT 0", 0.0),  # NULL is not 0
        ({"gold": "SELECT name, age FROM people WHERE 0"}, "SELECT 1 WHERE 0", 0.0),  # columns count without rows
        ({"gold": None, "rows": [["Ada"], ["Bo"]]}, "SELECT name FROM people WHERE id < 3", 1.0),
        ({"gold": None, "rows": [[True, 1]]}, "SELECT 1, 1", 1.0),
    ],
)
def test_options(settings, response, expected):
    assert value(response, **settings) == expected


def test_rows_with_near_numbers_pair_up_whatever_their_order():
    gold = "SELECT * FROM (VALUES (0.30000000000000004, 'a'), (0.3, 'b'))"
    assert value("SELECT * FROM (VALUES (0.3, 'a'), (0.30000000000000004, 'b'))", gold) == 1.0


def test_several_databases_have_to_agree():
    other = SCHEMA + "INSERT INTO people VALUES (5, 'Eve', 1, 'Rome');"
    databases = [{"schema": SCHEMA}, {"schema": other}]
    query = Query("x", extra={"sql": {"database": databases, "gold": "SELECT count(*) FROM people"}})
    prepared = TOOL.prepare(query)
    assert TOOL.rate("SELECT count(id) FROM people", query, prepared).value == 1.0
    assert TOOL.rate("SELECT 4", query, prepared).value == 0.0  # right on one by chance


WRITES = [
    "DELETE FROM people",
    "DROP TABLE people",
    "UPDATE people SET age = 0",
    "INSERT INTO people VALUES (9, 'X', 1, 'Y') RETURNING name, town",
    "CREATE TEMP TABLE t AS SELECT 1",
    "ATTACH DATABASE '{folder}/evil.db' AS e",
    "VACUUM INTO '{folder}/evil.db'",
    "PRAGMA writable_schema = 1",
    "PRAGMA query_only = 0",
    "SELECT load_extension('{folder}/evil.so'), 1",
    "BEGIN EXCLUSIVE",
    "SELECT 1; DROP TABLE people",
]


@pytest.mark.parametrize("copied", [True, False], ids=["copied", "read-only"])
def test_no_query_changes_a_database(tmp_path, monkeypatch, copied):
    monkeypatch.setattr(sql_tool, "COPIED_MIB", 16 if copied else 0)
    monkeypatch.setattr(sql_tool, "_opened", {})
    path = tmp_path / "a b%20c.db"
    database = sqlite3.connect(path)
    database.executescript(SCHEMA)
    database.close()
    before = hashlib.sha256(path.read_bytes()).digest()
    query = Query("x", extra={"sql": {"database": str(path), "gold": "SELECT name, town FROM people"}})
    prepared = TOOL.prepare(query)
    for statement in WRITES:
        assert TOOL.rate(statement.format(folder=tmp_path), query, prepared).value == 0.0
    assert TOOL.rate("SELECT name, town FROM people", query, prepared).value == 1.0
    assert hashlib.sha256(path.read_bytes()).digest() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


ENDLESS = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT {what} FROM c"


@pytest.mark.parametrize(
    "response",
    [
        ENDLESS.format(what="count(*), 1"),
        ENDLESS.format(what="i, i"),
        "SELECT a.x, b.x FROM big a, big b ORDER BY a.x * b.x",
        "SELECT sum(a.x * b.x * c.x), 1 FROM big a, big b, big c",
        "SELECT group_concat(a.x), 1 FROM big a, big b",
        "SELECT hex(zeroblob(900000000)), 1",
        "SELECT replace(hex(zeroblob(400000)), '0', 'aaaa'), 1",
        "SELECT name, town FROM people WHERE name LIKE '" + "%a" * 400 + "'",
        "SELECT " + "(" * 5000 + "1" + ")" * 5000,
        "SELECT random(), town FROM people",
        "SELECT name, town FROM people WHERE name = '\ud800'",
        "SELECT name, town FROM people -- \x00",
    ],
    ids=range(12),
)
def test_hostile_queries_are_wrong_within_bounds(response):
    start = time.process_time()
    assert value(response) == 0.0
    assert time.process_time() - start < 4.0


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ({"database": "/nowhere/at/all.db", "gold": "SELECT 1"}, "no such file"),
        ({"database": {"schema": "CREATE TABEL t (x)"}, "gold": "SELECT 1"}, "cannot be used"),
        ({"database": {"schema": "ATTACH ':memory:' AS x"}, "gold": "SELECT 1"}, "cannot be used"),
        ({"database": {"schema": ""}, "gold": "SELECT x FROM t"}, "the gold query fails"),
        ({"database": {"schema": SCHEMA}, "gold": ENDLESS.format(what="max(i)")}, "too many steps"),
        ({"database": {"schema": ""}, "rows": [[1], [1, 2]]}, "different lengths"),
    ],
)
def test_a_broken_question_is_a_fault(sql, why):
    with pytest.raises(ToolFault, match=why):
        TOOL.prepare(Query("x", extra={"sql": sql}))


@pytest.mark.parametrize(
    "sql",
    [None, "SELECT 1", {}, {"database": {"schema": ""}}, {"database": 3, "gold": "SELECT 1"}, {"gold": "SELECT 1"}],
)
def test_what_is_no_sql_question_does_not_fit(sql):
    assert not TOOL.fits(Query("x", extra={"sql": sql}))


def test_the_reference_may_be_the_gold_query():
    query = Query("x", reference="SELECT 2", extra={"sql": {"database": {"schema": ""}}})
    assert TOOL.fits(query)
    assert TOOL.rate("SELECT 1 + 1", query, TOOL.prepare(query)).value == 1.0


@pytest.mark.parametrize(
    ("query", "ordered"),
    [
        ("SELECT a FROM t ORDER BY a", True),
        ("SELECT a FROM t order\nby a LIMIT 3", True),
        ("SELECT a FROM (SELECT a FROM t ORDER BY a LIMIT 3)", False),
        ("SELECT rank() OVER (ORDER BY a) FROM t", False),
        ("SELECT 'ORDER BY' FROM t -- ORDER BY a", False),
        ('SELECT "order by" FROM t', False),
    ],
)
def test_which_queries_order_their_result(query, ordered):
    assert ends_ordered(query) is ordered


def test_it_says_what_it_took():
    assert sql_payload("```sql\nSELECT 1\n```").how == "fence"
    assert sql_payload("SELECT 1").how == "whole"
    assert sql_payload("It is\nSELECT 1;").how == "prose"
