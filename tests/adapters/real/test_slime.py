"""slime's own reward hub (commit 624b824 of its source on PYTHONPATH) with our function, and with our server."""

from __future__ import annotations

import asyncio
import math
import pickle
from types import SimpleNamespace
from typing import Any

import pytest

from rlar.adapters.slime import rlar_rm
from rlar.server.running import running_server

pytest.importorskip("slime", reason="slime's source is not on PYTHONPATH: scripts/contracts.py slime")
pytest.importorskip("torch")
pytestmark = pytest.mark.slow
PATH = "rlar.adapters.slime.rlar_rm"
KEYS = {"score", "rlar_valid", "rlar_latency_ms", "rlar_usd", "rlar_tool"}


def options(**more: Any) -> Any:
    plain = {"custom_rm_path": PATH, "rm_type": None, "group_rm": False, "reward_key": None, "eval_reward_key": None}
    return SimpleNamespace(**{**plain, **more})


def sample(scene: Any, **more: Any) -> Any:
    from slime.utils.types import Sample

    made = {"prompt": scene.chat, "response": scene.response, "label": scene.reference, "group_index": 1, "index": 0}
    return Sample(**{**made, "metadata": {"source": scene.source, **scene.foreign}, **more})


def hub(args: Any, samples: Any) -> Any:
    from slime.rollout.rm_hub import async_rm, batched_async_rm

    return asyncio.run(batched_async_rm(args, samples) if isinstance(samples, list) else async_rm(args, samples))


def test_every_scene_one_by_one(scenes, configure):
    for scene in scenes:
        configure(floor=-1.0, deadline_s=scene.patience)
        got = hub(options(reward_key="score"), sample(scene))
        assert set(got) == KEYS, scene
        assert got["score"] == pytest.approx(-1.0 if scene.value is None else scene.value), scene
        assert got["rlar_valid"] == (scene.value is not None), scene
        assert sample(scene, reward=got).get_reward_value(options(reward_key="score")) == got["score"]
    assert hub(options(), sample(scenes[0])) == 1.0


def test_a_hostile_text_that_is_no_unicode(scenes, configure):
    configure()
    odd = sample(scenes[0], response="\ud800" * 10, prompt="\udfff")
    assert hub(options(), odd) == 0.0


def test_a_whole_group_without_a_reward_is_constant_and_a_part_gets_the_mean(scenes, configure):
    configure()
    grouped = options(group_rm=True, reward_key="score")
    source = {"source": "breaks_for_b"}
    some = hub(grouped, [sample(scenes[2], response=text, metadata=source) for text in ("a", "b", "c")])
    assert [g["score"] for g in some] == [0.75] * 3 and [g["rlar_valid"] for g in some] == [1.0, 0.0, 1.0]
    none = hub(grouped, [sample(scenes[2], response=text, metadata={"source": "gap"}) for text in ("a", "b")])
    assert [g["score"] for g in none] == [0.0, 0.0] and [g["rlar_valid"] for g in none] == [0.0, 0.0]


def test_a_group_tool_sees_the_group(scenes, configure):
    configure()
    grouped = options(group_rm=True, reward_key="score")
    ranked = [sample(scenes[2], response=text, metadata={"source": "ranks"}) for text in ("a", "bb", "ccc")]
    assert [g["score"] for g in hub(grouped, ranked)] == [0.0, 0.5, 1.0]
    alone = hub(options(reward_key="score"), ranked)  # a list without group_rm: parts of a rollout, not a group
    assert [g["rlar_valid"] for g in alone] == [0.0] * 3


def test_a_function_named_by_an_eval_row(scenes, configure):
    configure()
    assert hub(options(custom_rm_path=None), sample(scenes[0], custom_rm_path=PATH)) == 1.0


def test_tool_calls(tool_row, configure):
    configure()
    from slime.utils.types import Sample

    call = '<tool_call>{"name": "weather", "arguments": {"city": "%s"}}</tool_call>'
    for city, value in (("Bern", 1.0), ("Rome", 0.0)):
        made = Sample(prompt="Weather in Bern?", response=call % city, label=None, metadata=tool_row)
        assert hub(options(), made) == value


@pytest.mark.timeout(300)
def test_its_http_form(scenes, settings):
    from slime.rollout import rm_hub

    async def all_of_them(url: str) -> list[Any]:
        """In one loop: slime keeps one session of its HTTP client."""
        remote = options(custom_rm_path=None, rm_type="remote_rm", rm_url=f"{url}/slime", reward_key="score")
        found = []
        for scene in scenes:  # no metadata travels over HTTP, only the label
            label = scene.reference if not scene.source else {"source": scene.source}
            found.append(await rm_hub.async_rm(remote, sample(scene, label=label)))
        found.append(await rm_hub.async_rm(remote, sample(scenes[0], response="\ud800", prompt="\udfff")))
        await rm_hub._shared_session.close()
        return found

    scenes = [scene for scene in scenes if scene.name != "slow"]  # a deadline over HTTP is the server's: tests/server
    with running_server({**settings, "deadline_s": 200.0, "floor": -1.0}) as url:
        *got, odd = asyncio.run(all_of_them(url))
    for scene, answer in zip(scenes, got, strict=True):
        assert math.isfinite(answer["score"]) and set(answer) == KEYS
        assert answer["score"] == pytest.approx(-1.0 if scene.value is None else scene.value), scene
    assert odd["score"] == 0.0


def _elsewhere(blob: bytes, args: Any) -> Any:
    function, made = pickle.loads(blob)
    return asyncio.run(function(args, made))


def test_pickled_into_a_spawned_process(scenes, configure, spawn):
    configure()
    assert spawn(_elsewhere, pickle.dumps((rlar_rm, sample(scenes[0]))), options()) == 1.0
