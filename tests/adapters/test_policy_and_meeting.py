"""What a missing reward becomes, and how the members of a group find each other."""

from __future__ import annotations

import asyncio
import math
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlar.adapters.meeting import MeetingPoint, NotAllCameError
from rlar.adapters.policy import OnFailure, settle, settled_numbers
from rlar.adapters.settings import Settings
from rlar.errors import InputError


@pytest.mark.parametrize(
    ("values", "policy", "given"),
    [
        ([1.0, None, 0.0], OnFailure.NONE, [1.0, None, 0.0]),
        ([1.0, None, 0.0], OnFailure.GROUP_MEAN, [1.0, 0.5, 0.0]),
        ([1.0, None, 0.0], OnFailure.FLOOR, [1.0, -1.0, 0.0]),
        ([None, None], OnFailure.GROUP_MEAN, [-1.0, -1.0]),  # constant: no advantage
        ([1.0, math.nan], OnFailure.FLOOR, [1.0, -1.0]),
        ([1.0, math.inf], OnFailure.NONE, [1.0, None]),  # inf wrecks the weights of TRL 0.29
        ([], OnFailure.GROUP_MEAN, []),
        ([1.5e308, 1.5e308, None], OnFailure.GROUP_MEAN, [1.5e308, 1.5e308, 1.5e308]),  # their sum is no number
    ],
)
def test_a_missing_reward_becomes_what_the_policy_says(values, policy, given):
    assert settle(values, policy, -1.0) == given


@given(st.lists(st.one_of(st.none(), st.floats()), max_size=8), st.sampled_from(OnFailure))
def test_numbers_are_finite_whatever_comes(values, policy):
    out = settled_numbers(values, policy, 0.25)
    assert len(out) == len(values) and all(math.isfinite(v) for v in out)


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=2, max_size=8))
def test_the_group_mean_leaves_the_mean_where_it_was(values):
    valid = [v for v in values if v is not None]
    out = settled_numbers(values, OnFailure.GROUP_MEAN, 0.0)
    if valid:
        assert sum(out) / len(out) == pytest.approx(sum(valid) / len(valid))


def test_settings_name_the_near_miss():
    with pytest.raises(InputError, match="did you mean 'deadline_s'"):
        Settings.of(deadline=3)


@pytest.mark.parametrize("wrong", [{"floor": math.nan}, {"deadline_s": 0}, {"partial": "some"}, {"on_failure": "zero"}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError):
        Settings.of(**wrong)


def test_settings_come_from_files_servers_and_folders(tmp_path):
    (tmp_path / "c.toml").write_text('floor = -1.0\nroute = {a = "math"}\n')
    (tmp_path / "c.yaml").write_text("floor: -1.0\nroute: {a: math}\n")
    assert Settings.of(tmp_path / "c.toml").key == Settings.of(tmp_path / "c.yaml").key
    assert Settings.of("http://a:1,http://b:2").servers == ("http://a:1", "http://b:2")
    assert Settings.of("./lib").library == "./lib"


async def _lengths(responses):
    return [f"{i}/{len(responses)}:{r}" for i, r in enumerate(responses)]


def test_the_last_to_come_has_all_judged_once_and_order_of_arrival_changes_nothing():
    async def run(order):
        calls = []

        async def judge(responses):
            calls.append(list(responses))
            return await _lengths(responses)

        point = MeetingPoint(5.0)
        answers = await asyncio.gather(*(point.join("k", r, 4, judge) for r in order))
        return calls, dict(zip(map(tuple, order), answers, strict=True))

    calls, one = asyncio.run(run([["b"], ["a", "d"], ["c"]]))
    _, other = asyncio.run(run([["c"], ["b"], ["a", "d"]]))
    assert calls == [["a", "b", "c", "d"]]
    assert one == other and one["a", "d"] == ["0/4:a", "3/4:d"]


def test_threads_with_loops_of_their_own_meet():
    point, found = MeetingPoint(10.0), {}

    def arrive(text):
        found[text] = asyncio.run(point.join("k", [text], 3, _lengths))

    threads = [threading.Thread(target=arrive, args=(t,)) for t in "xyz"]
    for t in threads:
        t.start()
    for t in threads:
        t.join(10)
    assert found == {"x": ["0/3:x"], "y": ["1/3:y"], "z": ["2/3:z"]}


def test_who_waits_in_vain_is_told_or_judged_with_those_who_came():
    async def run(partial):
        point = MeetingPoint(0.05, judge_partial=partial)
        got = await asyncio.gather(*(point.join("k", [t], 3, _lengths) for t in "ab"), return_exceptions=True)
        return got, point.incomplete

    refused, count = asyncio.run(run(False))
    assert count == 1 and all(isinstance(e, NotAllCameError) for e in refused)
    judged, count = asyncio.run(run(True))
    assert count == 1 and judged == [["0/2:a"], ["1/2:b"]]


def test_a_judge_that_breaks_or_is_cancelled_leaves_nobody_waiting():
    async def run():
        point = MeetingPoint(5.0)

        async def broken(_):
            raise OSError("gone")

        first = asyncio.create_task(point.join("k", ["a"], 2, broken))
        await asyncio.sleep(0)
        with pytest.raises(OSError):
            await point.join("k", ["b"], 2, broken)
        with pytest.raises(OSError):
            await first

        async def hangs(_):
            await asyncio.sleep(60)

        waiting = asyncio.create_task(point.join("k", ["a"], 2, hangs))
        await asyncio.sleep(0)
        closer = asyncio.create_task(point.join("k", ["b"], 2, hangs))
        await asyncio.sleep(0.01)
        closer.cancel()
        with pytest.raises(NotAllCameError):
            await asyncio.wait_for(waiting, 2)

    asyncio.run(run())
