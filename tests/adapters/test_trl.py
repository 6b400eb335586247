"""The function that TRL is given, called as TRL calls it; real steps of the real trainer are in real/test_trl.py."""

from __future__ import annotations

import asyncio
import multiprocessing
import pickle
from typing import Any

import pytest

from rlar.adapters.trl import reward, rlar_reward

CHAT = [{"role": "user", "content": "1 + 2?"}]


def call(function: Any, prompts: list[Any], completions: list[Any], **columns: Any) -> list[float | None]:
    return asyncio.run(
        function(prompts=prompts, completions=completions, completion_ids=[[1]] * len(prompts), **columns)
    )


def test_plain_and_conversational_rows_with_foreign_columns():
    logged, extra = {}, {}
    values = call(
        reward(),
        ["1 + 2?", "1 + 2?", "2 + 2?"],
        ["3", "4", "4"],
        answer=["3", "3", "4"],
        image=[object(), object(), None],
        scores=[[1.0], [2.0], [3.0]],  # labels never reach a tool
        trainer_state=None,
        log_metric=logged.__setitem__,
        log_extra=extra.__setitem__,
    )
    assert values == [1.0, 0.0, 1.0]
    assert logged["rlar/valid_rate"] == 1.0 and logged["rlar/reward/math"] == pytest.approx(2 / 3)
    assert extra["rlar_status"] == ["ok"] * 3 and extra["rlar_tools"] == ["math"] * 3
    chat = [[{"role": "assistant", "content": text}] for text in ("so it is 3", "4")]
    assert call(reward(), [CHAT] * 2, chat, rlar=['{"v":1,"reference":"3"}'] * 2) == [1.0, 0.0]


@pytest.mark.parametrize("hostile", [None, [], {}, [{"role": "tool"}], [{"x": 1}], "\ud800", "[" * 5000, 7, b"\xff"])
def test_a_hostile_completion_is_judged_low_and_stops_nothing(hostile):
    assert call(reward(), ["1 + 2?"] * 2, [hostile, "3"], answer=["3", "3"])[1] == 1.0


def test_missing_rewards_are_none_and_never_an_exception(settings):
    function = reward(settings)
    assert call(function, ["p", "q"], ["a", "x"], source=["likes_a", "breaks"]) == [1.0, None]
    assert call(reward({"library": "/no/such/folder"}), ["p"], ["a"]) == [None]
    old = reward(settings, on_failure="group_mean", floor=-1.0)
    assert call(old, ["p", "p", "q"], ["a", "b", "x"], source=["breaks_for_b"] * 2 + ["breaks"]) == [0.75, 0.75, -1.0]


def test_a_slow_tool_ends_at_our_deadline(settings):
    assert call(reward(settings, deadline_s=0.5), ["p"], ["a"], source=["sleeps"]) == [None]


def test_a_split_group_is_known_by_its_size(settings, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    function = reward(settings, group_size=2)
    assert call(function, ["p"] * 3, ["a", "bb", "c"], source=["ranks"] * 3) == [0.0, 1.0, None]


def test_the_function_has_the_form_that_trl_takes():
    import inspect

    function = reward("lib", name="mine")
    again = pickle.loads(pickle.dumps(function))
    assert function.__name__ == again.func.__name__ == "mine" and again.keywords == function.keywords
    assert inspect.iscoroutinefunction(function.func) and inspect.iscoroutinefunction(rlar_reward)


def _in_a_child(blob: bytes, out: Any) -> None:
    out.put(call(pickle.loads(blob), ["p", "1+2?"], ["ab", "3"], source=["likes_a", ""], answer=[None, "3"]))


@pytest.mark.slow
def test_a_pickled_adapter_works_in_a_spawned_process(settings):
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    child = context.Process(target=_in_a_child, args=(pickle.dumps(reward(settings)), out))
    child.start()
    try:
        assert out.get(timeout=90) == [0.5, 1.0]
    finally:
        child.join(20)
