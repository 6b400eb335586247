"""The small parts: what is believed of a reply, how a tool is cut out of a script, what counts as blocked."""

import ast
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlar.engines.workers import loading
from rlar.engines.workers.board import Board, Position, Stage
from rlar.engines.workers.pool import findable
from rlar.engines.workers.values import as_mark
from rlar.engines.workers.watch import TICK_S, Watch
from rlar.engines.workers.wire import LENGTH, MAX_REPLY, Broke, GarbledError, frames, read_reply
from rlar.types import Fault, Mark, Query, Recipe

GOOD = [7, [[0, 0, 0.1, 0.5]], True, False, []]


def test_a_sound_reply_is_read():
    lines = [[0, 0, 0.1, 0.5], [0, 1, 0.0, 1.0, "why", {"a": 1.0}, 0.5], [1, -1, 0.0, None, "crashed", "bad", False]]
    reply = read_reply(json.dumps([7, lines, True, False, ["os"]]).encode(), 0.0, 1.0)
    assert [record.outcome for record in reply.records] == [
        Mark(0.5),
        Mark(1.0, "why", {"a": 1.0}, 0.5),
        Broke(Fault.CRASHED, "bad"),
    ]
    assert (reply.order, reply.end, reply.leave, reply.modules) == (7, True, False, ["os"])


@pytest.mark.parametrize(
    "line",
    [
        [0, 0, 0.1, 1.5],  # outside the range
        [0, 0, 0.1, -0.5],
        [0, 0, 0.1, float("nan")],
        [0, 0, 0.1, float("inf")],
        [0, 0, 0.1, 1],  # a worker always sends floats
        [0, 0, 0.1, True],
        [0, 0, 0.1, "1.0"],
        [0, 0, -1.0, 0.5],
        [0, 0, float("nan"), 0.5],
        [0.0, 0, 0.1, 0.5],
        [0, True, 0.1, 0.5],
        [0, 0, 0.1],
        [0, 0, 0.1, 0.5, "why"],
        [0, 0, 0.1, 0.5, 3, {}, None],
        [0, 0, 0.1, 0.5, "why", {"a": float("nan")}, None],
        [0, 0, 0.1, 0.5, "why", {"a": "x"}, None],
        [0, 0, 0.1, 0.5, "why", [], None],
        [0, 0, 0.1, 0.5, "why", {}, 2.0],
        [0, 0, 0.1, 0.5, "w" * 5000, {}, None],
        [0, 0, 0.1, None, "no such fault", "why", False],
        [0, 0, 0.1, None, "crashed", 3, False],
        "abcd",
        None,
        {},
    ],
)
def test_a_line_that_no_worker_writes_is_garbled(line):
    with pytest.raises(GarbledError):
        read_reply(json.dumps([7, [line], True, False, []]).encode(), 0.0, 1.0)


NO_REPLIES = [b"", b"null", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'["7", [], true, false, []]', b"9" * 100_000]
NO_REPLIES += [b"[7, [], true, false, [1]]", json.dumps([7, [], True, False, ["m"] * 6000]).encode()]


@pytest.mark.parametrize("body", NO_REPLIES)
def test_a_reply_that_no_worker_writes_is_garbled(body):
    with pytest.raises(GarbledError):
        read_reply(body, 0.0, 1.0)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(body):
    try:
        read_reply(body, 0.0, 1.0)
    except GarbledError:
        pass


def test_frames_wait_until_they_are_whole_and_may_not_be_too_long():
    whole = LENGTH.pack(3) + b"abc" + LENGTH.pack(0) + LENGTH.pack(2) + b"d"
    buffer = bytearray()
    found = []
    for byte in whole:
        buffer.append(byte)
        found += frames(buffer)
    assert found == [b"abc", b""]
    assert bytes(buffer) == LENGTH.pack(2) + b"d"
    with pytest.raises(GarbledError):
        list(frames(bytearray(LENGTH.pack(MAX_REPLY + 1))))


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_mark_is_in_range_or_refused(value):
    made = as_mark(value, -1.0, 1.0)
    if isinstance(made, Mark):
        assert -1.0 <= made.value <= 1.0
        assert abs(made.value - value) < 1e-8
    else:
        assert made.fault is Fault.INVALID
        assert not -1.0 <= value <= 1.0


def test_the_board_keeps_what_each_worker_writes():
    board = Board(3)
    board.write(0, 2**40, 1, -1, Stage.PREPARE)
    board.write(2, 5, 6, 7, Stage.RATE)
    assert board.read(0) == Position(2**40, 1, -1, Stage.PREPARE)
    assert board.read(1) == Position(0, 0, 0, Stage.IDLE)
    assert board.read(2) == Position(5, 6, 7, Stage.RATE)
    board.close()


SCRIPT = '''
"""Doc."""
from __future__ import annotations
import os, re
import random as rnd
from math import *
try:
    import json
except ImportError:
    json = None
raise SystemExit("top level")
PATTERN = re.compile("a+")
TABLE = {}
TABLE["x"] = LIMIT = 3
TABLE.update(y=4)
OTHER = os.listdir("/nowhere")
for name in ["a"]:
    print(name)
def helper(n):
    return n + LIMIT
class Base:
    pass
@decorate
def wanted(response, query):
    from somewhere import PATTERN as local
    return helper(len(PATTERN.findall(response))) + TABLE["x"]
def decorate_all(): pass
def decorate(f): return f
train(wanted)
if __name__ == "__main__":
    wanted = None
    train()
'''


def test_a_tool_is_cut_out_of_its_script():
    kept = ast.unparse(loading.slice_for(ast.parse(SCRIPT), "wanted"))
    for line in (
        "import os, re",
        "from math import *",
        "PATTERN = re",
        "TABLE = {}",
        "LIMIT = 3",
        "TABLE.update",
        "def helper",
    ):
        assert line in kept, line
    for line in (
        "raise SystemExit",
        "listdir",
        "print",
        "class Base",
        "train(",
        "decorate_all",
        "__main__",
        "rnd",
        "json",
    ):
        assert line not in kept, line


def test_a_name_that_is_bound_in_an_odd_way_gets_the_whole_file():
    tree = ast.parse("globals()['wanted'] = lambda r, q: 1.0\nx = 1")
    assert loading.slice_for(tree, "wanted") is tree


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("def rate(r, q):\n    return float(bool(re.match('a', r)))", 1.0),  # another cell has imported re
        ("def rate(r, q):\n    return np.float64(math.sqrt(4))", 2.0),
        ("def rate(r, q):\n    time = 1\n    return TABLE[time]", NameError),
        ("import re\ndef rate(r, q):\n    return float(bool(re.match('a', r)))", 1.0),
        ("@rlar.tool\ndef rate(r, q):\n    return Mark(0.5, 'x')", Mark(0.5, "x")),
        ("@tool(suits='math')\ndef rate(r, q):\n    return 0.25", 0.25),
        ("class rate:\n    def prepare(self, query): return 2\n    def rate(self, r, q, p): return p", 2),
    ],
)
def test_a_cell_of_a_notebook_is_a_tool(source, value):
    rule = loading.load(Recipe("source", source, "rate"))
    if isinstance(value, type):
        with pytest.raises(value):
            rule.rate("a", Query("q"), rule.prepare(Query("q")))
    else:
        assert rule.rate("a", Query("q"), rule.prepare(Query("q"))) == value


@pytest.mark.parametrize(
    ("recipe", "error"),
    [
        (Recipe("import", "no.such.module", "x"), ImportError),
        (Recipe("import", "json", "no_such_name"), ImportError),
        (Recipe("file", "/no/such/file.py", "x"), ImportError),
        (Recipe("source", "x = 1", "y"), ImportError),
        (Recipe("source", "y = 1", "y"), TypeError),
        (Recipe("odd", "x", "y"), TypeError),
    ],
)
def test_a_recipe_that_leads_nowhere_says_so(recipe, error):
    with pytest.raises(error):
        loading.load(recipe)


def test_a_module_that_cannot_be_imported_by_name_is_loaded_by_file(tmp_path):
    file = tmp_path / "elsewhere_7.py"
    file.write_text(
        "class Outer:\n    class Inner:\n        def __init__(self, n): self.n = n\n        def rate(self): ...\n"
    )
    made = loading.load(Recipe("import", "not.importable", "Outer.Inner", (("n", [1, 2]),), file=str(file)))
    assert made.n == [1, 2]


def test_a_missing_dependency_of_a_tool_is_not_taken_for_a_missing_tool(tmp_path, monkeypatch):
    (tmp_path / "needs_more_7.py").write_text("import not_installed_anywhere\ndef f(r, q): return 1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="not_installed_anywhere"):
        loading.load(Recipe("import", "needs_more_7", "f", file=str(tmp_path / "needs_more_7.py")))


def test_tools_of_this_module_are_found_by_file_too():
    assert findable(Recipe("import", __name__, "x")).file == __file__
    assert findable(Recipe("source", "x = 1", "x")) == Recipe("source", "x = 1", "x")
    assert findable(Recipe("import", "sys", "x")) == Recipe("import", "sys", "x")


def watched(code, seconds):
    """What the watch says of a process that does this, after so many seconds of looking."""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()  # it is ready
        watch = Watch(process.pid)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            watch.look(Position(1, 0, 0, Stage.RATE), time.monotonic())
            time.sleep(TICK_S)
        return watch
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_who_sleeps_is_blocked_and_who_computes_or_queues_is_not():
    sleeps = watched("import time; print(flush=True); time.sleep(60)", 0.6)
    computes = watched("print(flush=True)\nwhile True: pass", 0.6)
    several = watched(
        "import os, threading\nfor _ in range(3): threading.Thread(target=lambda: exec('while True: pass')).start()\n"
        "print(flush=True)",
        0.6,
    )
    assert sleeps.blocked_s > 0.25
    assert sleeps.cpu_s < 0.1
    assert computes.blocked_s < 0.1  # also when other processes take the core
    assert several.blocked_s < 0.1


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_new_item_starts_at_nothing_and_a_long_gap_counts_two_ticks():
    watch = Watch(os.getppid())
    watch.look(Position(1, 0, 0, Stage.RATE), 0.0)
    watch.look(Position(1, 0, 0, Stage.RATE), 0.1)
    watch.look(Position(1, 0, 0, Stage.RATE), 1000.0)  # the caller itself stood still
    assert watch.blocked_s <= 2 * TICK_S
    watch.look(Position(1, 0, 1, Stage.RATE), 1000.1)
    assert (watch.blocked_s, watch.cpu_s) == (0.0, 0.0)


def test_limits_are_set_in_workers_only(use, pool):
    use().responses("a")
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGPROF) == signal.SIG_DFL
    assert signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL
