"""verifiers' own Task.score (0.4.0) with our functions plugged in by its config."""

from __future__ import annotations

import asyncio
import math
import pickle
from types import SimpleNamespace
from typing import Any

import pytest

from rlar.adapters import verifiers as ours

pytest.importorskip("verifiers", reason="verifiers is not installed: scripts/contracts.py verifiers")
pytestmark = pytest.mark.slow
PLUGGED = {
    "rewards": {"rlar": {"fn": "rlar.adapters.verifiers:reward", "weight": 2.0}},
    "metrics": {"rlar": {"fn": "rlar.adapters.verifiers:metrics"}},
}


def task_of(prompt: Any, **columns: Any) -> Any:
    import verifiers.v1 as vf
    from pydantic import create_model

    fields: Any = dict.fromkeys(columns, (Any, None))
    row = create_model("Row", __base__=vf.TaskData, **fields)
    return vf.Task(row(idx=1, prompt=prompt, **columns), vf.TaskConfig.model_validate(PLUGGED))


def trace_of(*turns: Any) -> Any:
    """What `Task.score` uses of a trace, whose own making needs an agent and a model."""
    from verifiers.v1.types import AssistantMessage

    messages = [t if isinstance(t, AssistantMessage) else AssistantMessage(content=t) for t in turns]
    trace = SimpleNamespace(
        id=str(id(messages)), assistant_messages=messages, rewards={}, metrics={}, info={},
        last_reply=messages[-1].content if messages else "",
    )  # fmt: skip
    trace.record_reward = lambda name, value, weight=1.0: trace.rewards.__setitem__(name, value * weight)
    trace.record_metrics = trace.metrics.update
    trace.record_metric = trace.metrics.__setitem__
    return trace


def score(task: Any, trace: Any) -> tuple[float, dict[str, float]]:
    asyncio.run(task.score(trace))
    return trace.rewards["rlar"], trace.metrics


def test_every_scene(scenes, configure):
    keys = set()
    for scene in scenes:
        configure(floor=-1.0, deadline_s=scene.patience)
        prompt = [{"role": m["role"], "content": m["content"]} for m in scene.chat]
        columns = {"answer": scene.reference, "source": scene.source, **scene.foreign}
        for form in (scene.prompt, prompt):
            value, told = score(task_of(form, **columns), trace_of(scene.response))
            assert value == pytest.approx(2.0 * (-1.0 if scene.value is None else scene.value)), scene
            assert told["rlar_valid"] == (scene.value is not None), scene
            assert all(math.isfinite(v) for v in told.values())
            keys.add(tuple(sorted(told)))
    assert len(keys) == 1


def test_a_trace_without_a_reward_can_be_dropped(scenes, configure):
    from verifiers.v1.errors import TaskError

    for scene in scenes:
        configure(on_failure="drop", deadline_s=scene.patience)
        task = task_of(scene.prompt, answer=scene.reference, source=scene.source)
        if scene.value is None:
            with pytest.raises(TaskError, match=scene.status):  # its own kind: the trace leaves the group
                score(task, trace_of(scene.response))
        else:
            assert score(task, trace_of(scene.response))[0] == pytest.approx(2.0 * scene.value)


def test_tool_calls_of_a_trace(tool_row, configure):
    from verifiers.v1.types import AssistantMessage

    configure()
    for city, value in (("Bern", 2.0), ("Rome", 0.0)):
        call = {"id": "1", "name": "weather", "arguments": f'{{"city": "{city}"}}'}
        turn = AssistantMessage(content=None, tool_calls=[call])
        assert score(task_of("Weather in Bern?", **tool_row), trace_of(turn))[0] == value


def test_a_stamp_in_the_tasks_data(configure):
    configure()
    stamp = '{"v": 1, "id": "q1", "task": "math", "reference": "3"}'
    assert score(task_of("1 + 2?", rlar=stamp), trace_of("it is 3"))[0] == 2.0


def test_a_trace_that_said_nothing(configure):
    configure()
    assert score(task_of("1 + 2?", answer="3"), trace_of())[0] == 0.0
    assert score(task_of("1 + 2?", answer="3"), trace_of("\ud800"))[0] == 0.0


def _elsewhere(blob: bytes) -> float:
    function, data, reply = pickle.loads(blob)
    trace = SimpleNamespace(id="t", assistant_messages=[], last_reply=reply)
    return asyncio.run(function(SimpleNamespace(data=data), trace))


def test_pickled_into_a_spawned_process(configure, spawn):
    configure()
    blob = pickle.dumps((ours.reward, {"prompt": "1 + 2?", "answer": "3"}, "it is 3"))
    assert spawn(_elsewhere, blob) == 1.0
