"""SQL answers, judged by what they return from a SQLite database that they cannot change."""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rlar.errors import ToolFault
from rlar.tools.base import RuleTool
from rlar.tools.structured.payload import Payload, find_payload
from rlar.tools.structured.values import matching_size
from rlar.types import Fault, Json, Kind, Mark, Query, Response, content_key

NAMES = ("sql", "sqlite", "sqlite3", "mysql", "postgresql", "postgres", "tsql")  # of fences
MOST_STEPS = 30_000_000  # of SQLite's machine, for one query: about a second; counted, so that load changes nothing
STEPS_AT_ONCE = 10_000
MOST_ROWS = 20_000
MOST_CELLS = 400_000
MOST_BYTES = 1_000_000  # of one text or blob
HEAP_MIB = 400  # of SQLite in the worker
KEPT = 6  # databases that a worker keeps open
COPIED_MIB = 16  # a database file up to this is copied into memory, a larger one opened read-only
MOST_COLUMNS = 12  # that may be permuted
MOST_MATCHED = 300  # rows that are matched one with one when sorting does not settle it

Cell = None | int | float | str | bytes
Row = tuple[Cell, ...]


class Result(NamedTuple):
    columns: int
    rows: list[Row]


class _Wanted(NamedTuple):
    places: list[Json]
    results: list[Result]
    ordered: bool
    distinct: bool
    any_columns: bool
    tolerance: float


class SqlResult(RuleTool):
    """1.0 if the response's query returns what the gold query returns (or the given rows), else 0.0.

    `extra["sql"]`: "database": path of a SQLite file, {"schema": "CREATE ...; INSERT ..."}, or a list of these, on each
    of which the results have to be equal (several make it hard to be right by chance);
    "gold": a query (else the reference is one), or "rows": a list of lists;
    "ordered": whether the order of rows counts, by default where the gold query ends with an ORDER BY of its own;
    "distinct": repeated rows count once (as BIRD compares), default false;
    "any_columns": columns may come in any order, default false; "tolerance": relative, of numbers, default 1e-6.
    Rows compare as multisets; 1 equals 1.0, texts exactly, and the number of columns counts also where no row comes.

    The response's last ```sql block counts, else all of it, else the last statement in prose; one statement only. It
    can read and compute, nothing else: an authorizer refuses writing, ATTACH, PRAGMA and functions that are random, and
    steps, memory, rows and sizes are bounded by counts. What breaks or exceeds them is 0.0; a gold query that does is a
    fault. Queries that read the clock return something else tomorrow: keep them out of gold queries.
    """

    def __init__(self) -> None:
        about = "the SQL of the response returns what the gold query returns"
        self.describe(
            name="sql_result",
            kind=Kind.VERIFIER,
            about=about,
            needs=("sql",),
            line=0.5,
            timeout_s=10.0,
            memory_mib=1024,
        )

    def fits(self, query: Query) -> bool:
        sql = query.extra.get("sql")
        if not isinstance(sql, Mapping) or not _places(sql.get("database")):
            return False
        return isinstance(sql.get("rows"), list) or bool(_gold(query))

    def prepare(self, query: Query) -> _Wanted:
        sql = query.extra["sql"]
        places = _places(sql["database"])
        gold, rows = _gold(query), sql.get("rows")
        if isinstance(rows, list):
            given = [tuple(_cell(c) for c in (row if isinstance(row, (list, tuple)) else [row])) for row in rows]
            if len(set(map(len, given))) > 1:
                raise ToolFault(Fault.MISSING, "extra['sql']['rows'] has rows of different lengths")
            results = [Result(len(given[0]) if given else 0, given)] * len(places)
        else:
            results = [_gold_result(database_at(place), gold) for place in places]
        ordered = sql.get("ordered")
        if ordered is None:
            ordered = not isinstance(rows, list) and ends_ordered(gold)
        tolerance = sql.get("tolerance", 1e-6)
        return _Wanted(
            places, results, bool(ordered), bool(sql.get("distinct")), bool(sql.get("any_columns")), float(tolerance)
        )

    def rate(self, response: Response, query: Query, prepared: _Wanted) -> Mark:
        found = sql_payload(response)
        if not found.how:
            return Mark(0.0, found.why)
        for place, gold in zip(prepared.places, prepared.results, strict=True):
            try:
                ours = run(database_at(place), found.text)
            except Refused as e:
                return Mark(0.0, f"the query ({found.how}) {e}")
            if why := difference(ours, gold, prepared):
                return Mark(0.0, why)
        return Mark(1.0, f"returns the {len(prepared.results[0].rows)} rows of the gold query ({found.how})")


# -- finding the query -----------------------------------------------------------------------------------------------

_START = re.compile(r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*\(?\s*(?:SELECT|WITH|VALUES)\b", re.I | re.S)
_IN_PROSE = re.compile(r"^[ \t>]*((?:SELECT|WITH|VALUES)\b.*?)(?:;|\n[ \t]*\n|\Z)", re.I | re.M | re.S)
_AFTER_COLON = re.compile(r"[:`]\s*((?:SELECT|WITH)\b[^`]*?)(?:;|`|\n[ \t]*\n|\Z)", re.I)


def sql_payload(response: Response) -> Payload:
    """The query of a response: the last fence, the whole, or the last statement that reads in prose."""
    return find_payload(
        response, NAMES, in_prose=_in_prose, looks_whole=lambda text: _START.match(text[:2000]) is not None
    )


def _in_prose(text: str) -> str | None:
    for pattern in (_IN_PROSE, _AFTER_COLON):
        if found := pattern.findall(text[-20_000:]):
            return str(found[-1]).strip()
    return None


# -- the database ----------------------------------------------------------------------------------------------------


class Refused(Exception):
    """A query that cannot be run, or not within the bounds; the message reads after "the query"."""


_HARMLESS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}
_RANDOM = {"random", "randomblob", "load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"}


def _may_build(action: int, *_: str | None) -> int:
    """All but other files; VACUUM INTO attaches one too."""
    return sqlite3.SQLITE_DENY if action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH) else sqlite3.SQLITE_OK


def _may(action: int, _one: str | None, name: str | None, _database: str | None, _trigger: str | None) -> int:
    allowed = action in _HARMLESS or (action == sqlite3.SQLITE_FUNCTION and (name or "").lower() not in _RANDOM)
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


_opened: dict[str, sqlite3.Connection] = {}  # by place and state of the file, the latest last


def database_at(place: Json) -> sqlite3.Connection:
    """A connection that can only read; the last KEPT ones stay open. Raises ToolFault if there is no such database."""
    key = content_key(place)
    if isinstance(place, str) and Path(place).is_file():
        state = Path(place).stat()
        key += f" {state.st_mtime_ns} {state.st_size}"
    database = _opened.pop(key, None) or _open(place)
    while len(_opened) >= KEPT:
        _opened.pop(next(iter(_opened))).close()
    _opened[key] = database
    return database


def _open(place: Json) -> sqlite3.Connection:
    try:
        database = _file(Path(place)) if isinstance(place, str) else _built(str(place["schema"]))
        database.execute(f"PRAGMA hard_heap_limit = {HEAP_MIB * 1024 * 1024}").close()
        database.execute("PRAGMA temp_store = MEMORY").close()
        database.execute("PRAGMA query_only = ON").close()
    except (sqlite3.Error, sqlite3.Warning, OSError, ValueError) as e:
        raise ToolFault(Fault.MISSING, f"the database {str(place)[:200]!r} cannot be used: {e}") from e
    for limit, most in (
        (sqlite3.SQLITE_LIMIT_LENGTH, MOST_BYTES),
        (sqlite3.SQLITE_LIMIT_SQL_LENGTH, 100_000),
        (sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 500),
        (sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 200),
        (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
    ):
        database.setlimit(limit, most)
    database.set_authorizer(_may)
    return database


def _built(schema: str) -> sqlite3.Connection:
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.set_authorizer(_may_build)
    database.executescript(schema)
    return database


def _file(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise OSError("no such file")
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
    if path.stat().st_size > COPIED_MIB * 1024 * 1024:
        return database
    copy = sqlite3.connect(":memory:", isolation_level=None)
    database.backup(copy)
    database.close()
    return copy


def run(database: sqlite3.Connection, sql: str) -> Result:
    """What one statement returns. Raises Refused if it fails, writes, or takes more than the bounds allow."""
    left = MOST_STEPS // STEPS_AT_ONCE

    def tick() -> int:
        nonlocal left
        left -= 1
        return int(left < 0)

    database.set_progress_handler(tick, STEPS_AT_ONCE)
    try:
        cursor = database.execute(sql)
        try:
            if cursor.description is None:
                raise Refused("returns nothing")
            columns, rows = len(cursor.description), []
            for row in cursor:
                rows.append(row)
                if len(rows) > MOST_ROWS or len(rows) * columns > MOST_CELLS:
                    raise Refused(f"returns more than {len(rows) - 1} rows")
        finally:
            cursor.close()
    except MemoryError:
        raise Refused(f"needs more than {HEAP_MIB} MiB") from None
    except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as e:  # a NUL or lone surrogate is a ValueError
        raise Refused("takes too many steps" if left < 0 else f"fails: {str(e)[:200]}") from None
    finally:
        database.set_progress_handler(None, 0)
    return Result(columns, rows)


def _gold_result(database: sqlite3.Connection, gold: str) -> Result:
    try:
        return run(database, gold)
    except Refused as e:
        raise ToolFault(Fault.MISSING, f"the gold query {e}") from e


def _places(database: Json) -> list[Json]:
    """The databases of a query: paths and {"schema": text}; [] if one of them is neither."""
    places = database if isinstance(database, list) else [database]
    sound = all(
        (isinstance(p, str) and p) or (isinstance(p, Mapping) and isinstance(p.get("schema"), str)) for p in places
    )
    return places if sound else []


def _gold(query: Query) -> str:
    gold = query.extra["sql"].get("gold")
    if not isinstance(gold, str):
        gold = query.reference if isinstance(query.reference, str) else ""
    return gold.strip() if _START.match(gold) else ""


# -- comparing -------------------------------------------------------------------------------------------------------

_NOT_TOP = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`|--[^\n]*|/\*.*?\*/", re.S)


def ends_ordered(sql: str) -> bool:
    """Whether a query orders its result: an ORDER BY outside of strings, comments and brackets."""
    text = _NOT_TOP.sub(" ", sql)
    while True:
        flat = re.sub(r"\([^()]*\)", " ", text)
        if flat == text:
            return re.search(r"\bORDER\s+BY\b", flat, re.I) is not None
        text = flat


def difference(ours: Result, gold: Result, wanted: _Wanted) -> str:
    """What distinguishes a result from the gold one; "" if nothing does."""
    if ours.columns != gold.columns and (gold.columns or gold.rows):
        return f"returns {ours.columns} columns, not {gold.columns}"
    mine, theirs = ours.rows, gold.rows
    if wanted.distinct:
        mine, theirs = list(dict.fromkeys(mine)), list(dict.fromkeys(theirs))
    if len(mine) != len(theirs):
        return f"returns {len(mine)} rows, not {len(theirs)}"
    for order in _column_orders(mine, theirs, wanted) if wanted.any_columns else [None]:
        arranged = mine if order is None else [tuple(row[place] for place in order) for row in mine]
        if _same_rows(arranged, theirs, wanted):
            return ""
    return "returns other values" + (" or another order" if wanted.ordered else "")


def _same_rows(ours: Sequence[Row], gold: Sequence[Row], wanted: _Wanted) -> bool:
    def same(a: Row, b: Row) -> bool:
        return all(_same_cell(x, y, wanted.tolerance) for x, y in zip(a, b, strict=True))

    if wanted.ordered:
        return all(map(same, ours, gold))
    if all(map(same, sorted(ours, key=_sort_key), sorted(gold, key=_sort_key))):
        return True
    if len(gold) > MOST_MATCHED:
        return False
    return matching_size([[j for j, b in enumerate(gold) if same(a, b)] for a in ours], len(gold)) == len(gold)


def _same_cell(ours: Cell, gold: Cell, tolerance: float) -> bool:
    if isinstance(ours, (int, float)) and isinstance(gold, (int, float)):
        return ours == gold or (
            not (isinstance(ours, int) and isinstance(gold, int)) and math.isclose(ours, gold, rel_tol=tolerance)
        )
    return type(ours) is type(gold) and ours == gold


def _sort_key(row: Row) -> list[tuple[int, Any]]:
    """Numbers rounded, so that near ones sort alike whatever stands behind them."""
    return [_cell_key(cell) for cell in row]


def _cell_key(cell: Cell) -> tuple[int, Any]:
    if cell is None:
        return 0, 0
    if isinstance(cell, (int, float)):
        return 1, cell if isinstance(cell, int) or cell.is_integer() else float(f"{cell:.6g}")
    return (2, cell) if isinstance(cell, str) else (3, cell)


def _cell(value: Json) -> Cell:
    """A cell of "rows" as SQLite would return it: truth values are 0 and 1."""
    if isinstance(value, bool):
        return int(value)
    return value if value is None or isinstance(value, (int, float, str)) else str(value)


def _column_orders(ours: Sequence[Row], gold: Sequence[Row], wanted: _Wanted) -> list[list[int] | None]:
    """Ways to put our columns into the gold order such that each column holds the same values; at most 200 ways."""
    if not gold or len(gold[0]) > MOST_COLUMNS:
        return [None]
    ours_by_column, gold_by_column = list(zip(*ours, strict=True)), list(zip(*gold, strict=True))
    options = [
        [i for i, a in enumerate(ours_by_column) if _same_rows([(x,) for x in a], [(y,) for y in b], wanted)]
        for b in gold_by_column
    ]
    found: list[list[int] | None] = []

    def extend(order: list[int]) -> None:
        if len(found) >= 200:
            return
        if len(order) == len(options):
            found.append(order)
            return
        for place in options[len(order)]:
            if place not in order:
                extend([*order, place])

    extend([])
    return found
