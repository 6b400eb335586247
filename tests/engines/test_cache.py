"""Identical questions are judged once; faults and abandoned questions are not remembered."""

import asyncio
import os
import sqlite3
import threading
from dataclasses import replace

import pytest

from rlar.engines.cache import VerdictCache
from rlar.errors import InputError
from rlar.types import Cost, Fault, Kind, Mark, Query, Scope, ToolCard, Verdict

CARD = ToolCard("t", "1", Kind.VERIFIER)
Q = Query("q")


class Judge:
    """Counts what it is asked; says the length of the response, or a fault for "fault"."""

    def __init__(self, pause_s=0.0):
        self.asked = []
        self.pause_s = pause_s

    async def __call__(self, groups):
        self.asked += [(query.text, response) for query, responses in groups for response in responses]
        await asyncio.sleep(self.pause_s)
        return [[self.verdict(response) for response in responses] for _, responses in groups]

    def verdict(self, response):
        if response == "fault":
            return Verdict(CARD.ref, fault=Fault.CRASHED, why="broken")
        return Verdict(CARD.ref, len(response) / 10, why="long", confidence=0.5, terms={"n": 1.0}, cost=Cost(1.0))


def values(verdicts_PG):
    return [[v.value for v in group] for group in verdicts_PG]


def test_what_is_known_is_not_asked_again():
    cache, judge = VerdictCache(), Judge()
    first = asyncio.run(cache.judge_many(CARD, [(Q, ["a", "bb", "a"]), (Query("other"), ["a"])], judge))
    again = asyncio.run(cache.judge_many(CARD, [(Query("q"), ["bb", "ccc"])], judge))
    assert values(first) == [[0.1, 0.2, 0.1], [0.1]]
    assert values(again) == [[0.2, 0.3]]
    assert judge.asked == [("q", "a"), ("q", "bb"), ("other", "a"), ("q", "ccc")]
    assert again[0][0] == replace(first[0][1], cost=Cost())


@pytest.mark.parametrize(
    "other",
    [
        (replace(CARD, version="2"), Q, "a"),
        (CARD, Query("q", reference=1), "a"),
        (CARD, Q, "a\ud800"),
        (CARD, Q, "a\0"),
    ],
)
def test_another_tool_version_query_or_response_is_another_question(other):
    card, query, response = other
    assert VerdictCache.key(card.ref, query, response) != VerdictCache.key(CARD.ref, Q, "a")


def test_faults_are_not_remembered():
    cache, judge = VerdictCache(), Judge()
    for _ in range(2):
        assert asyncio.run(cache.judge_many(CARD, [(Q, ["fault"])], judge))[0][0].fault is Fault.CRASHED
    assert len(judge.asked) == 2


def test_callers_at_the_same_time_share_one_judgement():
    cache, judge = VerdictCache(), Judge(pause_s=0.05)

    async def main():
        ask = [cache.judge_many(CARD, [(Q, ["a", "fault"] + ["b"] * (i % 2))], judge) for i in range(10)]
        return await asyncio.gather(*ask)

    rows = asyncio.run(main())
    assert sorted(judge.asked) == [("q", "a"), ("q", "b"), ("q", "fault")]
    assert all(row[0][0].value == 0.1 and row[0][1].fault is Fault.CRASHED for row in rows)


def test_two_event_loops_share_one_judgement():
    cache, judge = VerdictCache(), Judge(pause_s=0.1)
    came = []
    threads = [
        threading.Thread(target=lambda: came.append(asyncio.run(cache.judge_many(CARD, [(Q, ["a"])], judge))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert judge.asked == [("q", "a")]
    assert [values(c) for c in came] == [[[0.1]]] * 4


@pytest.mark.parametrize("how", ["cancelled", "raises", "too few"])
def test_who_waits_for_a_caller_that_gives_up_asks_for_itself(how):
    cache = VerdictCache()

    async def gives_up(groups):
        await asyncio.sleep(0.05)
        if how == "raises":
            raise RuntimeError("gone")
        return []

    async def main():
        first = asyncio.create_task(cache.judge_many(CARD, [(Q, ["a"])], gives_up))
        await asyncio.sleep(0.01)
        second = asyncio.create_task(cache.judge_many(CARD, [(Q, ["a"])], Judge()))
        await asyncio.sleep(0.01)
        if how == "cancelled":
            first.cancel()
        with pytest.raises((asyncio.CancelledError, RuntimeError, ValueError)):
            await first
        return await second

    assert values(asyncio.run(main())) == [[0.1]]


def test_a_waiting_caller_that_is_cancelled_harms_nobody():
    cache, judge = VerdictCache(), Judge(pause_s=0.05)

    async def main():
        first = asyncio.create_task(cache.judge_many(CARD, [(Q, ["a"])], judge))
        await asyncio.sleep(0.01)
        second = asyncio.create_task(cache.judge_many(CARD, [(Q, ["a"])], judge))
        third = asyncio.create_task(cache.judge_many(CARD, [(Q, ["a"])], judge))
        await asyncio.sleep(0.01)
        second.cancel()
        return await asyncio.gather(first, third)

    assert [values(c) for c in asyncio.run(main())] == [[[0.1]], [[0.1]]]


def test_tools_that_judge_groups_are_passed_through():
    cache, judge = VerdictCache(), Judge()
    card = replace(CARD, scope=Scope.GROUP)
    for _ in range(2):
        asyncio.run(cache.judge_many(card, [(Q, ["a", "a"])], judge))
    assert len(judge.asked) == 4


def test_memory_is_bounded_and_forgets_the_least_used():
    cache = VerdictCache(size=2)
    for name in (b"a", b"b"):
        cache.put(name, Mark(0.5))
    assert cache.get(b"a") == Mark(0.5)
    cache.put(b"c", Mark(0.5))
    assert cache.get(b"b") is None
    assert cache.get(b"a") == cache.get(b"c") == Mark(0.5)
    with pytest.raises(InputError, match="at least one"):
        VerdictCache(size=0)


def test_a_file_keeps_marks_between_runs_and_processes(tmp_path):
    file = tmp_path / "deep" / "cache.sqlite"
    mark = Mark(0.1, "why \ud800", {"n": 1.0}, 0.25)
    with VerdictCache(file=file) as cache:
        cache.put(b"k" * 16, mark)
    with VerdictCache(size=1, file=file) as one, VerdictCache(file=file) as two:
        assert one.get(b"k" * 16) == two.get(b"k" * 16) == mark
        two.put(b"l" * 16, Mark(1.0))
    with VerdictCache(file=file) as cache:
        assert cache.get(b"l" * 16) == Mark(1.0)
        assert cache.get(b"m" * 16) is None


def test_a_forked_child_has_a_connection_of_its_own(tmp_path):
    file = tmp_path / "cache.sqlite"
    with VerdictCache(file=file) as cache:
        cache.put(b"parent", Mark(0.25))
        child = os.fork()
        if child == 0:
            cache.put(b"child", Mark(0.75))
            cache.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    with VerdictCache(file=file) as cache:
        assert (cache.get(b"parent"), cache.get(b"child")) == (Mark(0.25), Mark(0.75))


@pytest.mark.parametrize("row", ["[NaN, 'x', {}, null]", '[1e999, "", {}, null]', "{}", "[1.0]", "", "null"])
def test_a_row_that_is_no_mark_is_not_believed(tmp_path, row):
    file = tmp_path / "cache.sqlite"
    VerdictCache(file=file).close()
    with sqlite3.connect(file) as connection:
        connection.execute("INSERT INTO marks VALUES (?, ?)", (b"k", row))
    connection.close()
    with VerdictCache(file=file) as cache:
        assert cache.get(b"k") is None


def test_a_file_that_is_something_else_is_left_alone(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("my notes, which are not a database" * 100)
    with pytest.raises(InputError, match="another file"):
        VerdictCache(file=file)
    assert file.read_text().startswith("my notes")


def test_a_file_that_fails_later_costs_no_judgement(tmp_path):
    file = tmp_path / "cache.sqlite"
    cache, judge = VerdictCache(file=file), Judge()
    cache._file.connection.execute("DROP TABLE marks")
    assert values(asyncio.run(cache.judge_many(CARD, [(Q, ["a"])], judge))) == [[0.1]]
    assert values(asyncio.run(cache.judge_many(CARD, [(Q, ["a"])], judge))) == [[0.1]]
    cache.close()
    assert len(judge.asked) == 1
