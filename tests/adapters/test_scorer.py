"""The one internal call: nothing is raised, deadlines hold, statuses and metrics are told."""

from __future__ import annotations

import asyncio
import math
import time

import pytest

from rlar.adapters.ledger import METRICS, Status
from rlar.adapters.rows import query_of, response_of
from rlar.adapters.scorer import Group, Scorer, run_sync, scorer_for
from rlar.adapters.settings import Settings
from rlar.types import Query


def one(source, *responses, **more):
    return Group(Query("say something", source=source), responses, **more)


def statuses(scored_PG):
    return [[str(s.status) for s in group] for group in scored_PG]


def test_faults_gaps_and_values_side_by_side(settings):
    scorer = Scorer(Settings.of(settings))
    scored = scorer.score_sync(
        [
            one("likes_a", "aa", "b"),
            one("breaks", "x"),
            one("breaks_for_b", "a", "b"),
            one("gap", "hm"),
            Group(Query("1 + 1?", reference="2"), ["2", "3", "\ud800 \x00" * 10]),
        ]
    )
    assert [[s.value for s in g] for g in scored] == [[1, 0], [None], [0.75, None], [None], [1, 0, 0]]
    assert statuses(scored)[1:3] == [["fault"], ["ok", "fault"]]
    snapshot = scorer.ledger.snapshot()
    assert snapshot["statuses"] == {"ok": 6, "gap": 1, "fault": 2, "timeout": 0, "incomplete": 0}
    assert set(scorer.latest) >= {f"rlar/{name}" for name in METRICS}
    assert all(math.isfinite(v) for v in scorer.latest.values())


def test_a_slow_tool_costs_only_its_own_rewards(settings):
    scorer = Scorer(Settings.of(settings))
    scorer.score_sync([one("likes_a", "warm")])
    started = time.monotonic()
    scored = scorer.score_sync([one("sleeps", "x"), one("likes_a", "aa")], deadline_s=1.0)
    assert time.monotonic() - started < 10
    assert statuses(scored) == [["timeout"], ["ok"]]


def test_a_router_that_raises_is_a_fault_for_its_queries_alone():
    class Moody:
        def decide(self, query, task, library):
            if query.source == "bad":
                raise KeyError("no")
            from rlar.scoring.route import Rules

            return Rules().decide(query, task, library)

    from rlar.system import RewardSystem

    with RewardSystem(route=Moody()) as system:
        groups = [one("bad", "x"), Group(Query("1+1?", reference="2"), ["2"])]
        scored = Scorer(Settings.of(system)).score_sync(groups)
    assert statuses(scored) == [["fault"], ["ok"]]


def test_a_group_tool_needs_the_whole_group(settings):
    scorer = Scorer(Settings.of(settings))
    whole, part = scorer.score_sync([one("ranks", "a", "bbb"), one("ranks", "a", complete=False, expected=2)])
    assert [s.value for s in whole] == [0.0, 1.0]
    assert part[0].status is Status.INCOMPLETE and "group_size" in part[0].why


def test_members_of_a_group_meet_and_steps_stay_apart(settings):
    scorer = Scorer(Settings.of(settings, meet_s=5.0))

    async def step(n):
        groups = [one("ranks", text, complete=False, expected=3, meet=f"step {n}") for text in ("a", "bb", "ccc")]
        return [g[0][0].value for g in await asyncio.gather(*(scorer.score([g]) for g in groups))]

    assert asyncio.run(step(1)) == [0.0, 0.5, 1.0] == asyncio.run(step(2))


@pytest.mark.parametrize(("partial", "status"), [("abstain", "incomplete"), ("score", "ok")])
def test_a_group_that_stays_partial(settings, partial, status):
    scorer = Scorer(Settings.of(settings, meet_s=0.05, partial=partial))
    scored = scorer.score_sync([one("ranks", "a", complete=False, expected=3)])
    assert statuses(scored) == [[status]]


def test_equal_settings_share_one_scorer_and_sync_works_inside_a_loop(settings):
    assert scorer_for(Settings.of(settings)) is scorer_for(Settings.of(settings))
    assert scorer_for(Settings.of(settings)) is not scorer_for(Settings.of(settings, floor=1.0))

    async def inside():
        async def nothing():
            return 3

        return run_sync(nothing())

    assert asyncio.run(inside()) == 3


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        ("plain", "plain"),
        ([{"role": "assistant", "content": "hi"}], "hi"),
        ([], ""),
        (None, ""),
        ([{"role": "tool", "content": "42"}], '[{"role": "tool", "content": "42"}]'),  # judged as it stands
        (
            [{"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}],
            '<tool_call>{"name": "f", "arguments": {}}</tool_call>',
        ),
    ],
)
def test_completions_of_all_shapes_are_texts(completion, text):
    assert response_of(completion) == text


def test_the_reserved_column_gives_task_reference_and_id_and_never_code():
    query = query_of(
        [{"role": "user", "content": "6*7?"}],
        {"rlar": '{"v":1,"id":"q7","task":"math","reference":"42","tools":["evil"],"tests":{"code":"x"}}', "level": 3},
    )
    assert (query.reference, query.id, query.extra["task"], query.tests) == ("42", "q7", "math", None)
    assert query.extra["level"] == 3 and "tools" not in query.extra
    assert query_of(object(), {"tests": 7}).text  # nonsense is a query to which no tool fits
