"""CSV, read by one rule about its dialect."""

from __future__ import annotations

import csv
import io

from rlar.tools.structured.values import Malformed

NAMES = ("csv", "tsv", "psv")  # of fences
DELIMITERS = ",;\t|"


def read_csv(text: str, *, sure: bool = False) -> list[list[str]]:
    """The rows of a CSV text, cells stripped. Raises Malformed.

    The delimiter is the first of comma, semicolon, tab and bar that gives every row the same number of cells, two at
    least; quotes are double quotes, doubled inside (RFC 4180). Empty lines may stand at the end only.
    sure: the text is said to be CSV, so one column or one row will do; else it may be any sentence.
    """
    lines = text.strip("\r\n")
    if not lines.strip():
        raise Malformed("no rows")
    reasons = []
    for delimiter in DELIMITERS:
        if delimiter not in lines:
            continue
        try:
            rows = _rows(lines, delimiter)
        except Malformed as e:
            reasons.append(f"with {_NAMES[delimiter]}: {e}")
        else:
            if len(rows[0]) > 1 and (sure or len(rows) > 1):
                return rows
            reasons.append(f"with {_NAMES[delimiter]}: one {'row' if len(rows[0]) > 1 else 'column'}")
    if sure:
        return _rows(lines, ",")  # one column, perhaps with commas in quotes
    raise Malformed("; ".join(reasons) or "one column, which any text has")


_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def _rows(text: str, delimiter: str) -> list[list[str]]:
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True))
    except csv.Error as e:
        raise Malformed(str(e)) from None
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise Malformed(f"row {number} has {len(row)} cells, row 1 has {len(rows[0])}")
    return [[cell.strip() for cell in row] for row in rows]
