"""Tables for terminals of every width: columns are left out and named, never cut to dots."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from rlar.evals.text import HEAD, LEAVE_OUT, _print_table

ROW = ["pref_judgebench", "pair accuracy", "341", "0.684 [0.513, 0.754]", "100%", "+0.009 (p = 0.005)", "1,113"]
ROW += ["0.749", "0.749", "0.725", "0.466", "0.422", "0.754", "0.922"]


@pytest.mark.parametrize("width", [60, 80, 100, 120, 140, 200])
def test_what_a_terminal_shows_is_whole_and_what_it_has_no_room_for_is_named(width):
    out = io.StringIO()
    _print_table(Console(file=out, width=width), "", HEAD, [ROW])
    table, _, left = out.getvalue().partition("no room for: ")
    assert "…" not in table and all(len(line.rstrip()) <= width for line in table.splitlines())
    shown = set(table.splitlines()[0].split("  ")) - {""}
    shown = {name.strip() for name in shown}
    named = set(" ".join(left.partition(" (a wider")[0].split()).split(", ")) - {""} if left else set()
    assert shown | named == set(HEAD) and not shown & named
    assert {"data set", "n", "rlar", "static"} <= shown and (width < 200 or not named)
    assert named <= set(LEAVE_OUT)
