"""OpenRLHF's own SingleTurnAgentExecutor (0.11.2) against our server over HTTP, and with our file."""

from __future__ import annotations

import asyncio
import math
import pickle
from types import SimpleNamespace
from typing import Any

import pytest

from rlar.adapters import openrlhf as ours
from rlar.server.running import running_server

pytest.importorskip("openrlhf", reason="OpenRLHF is not installed: scripts/contracts.py openrlhf")
pytestmark = pytest.mark.slow
KEYS = {"rlar_valid", "rlar_latency_ms", "rlar_usd"}


class Engine:
    """Says what the test wants said, in the place of vLLM."""

    def __init__(self, tokenizer: Any, texts: list[str]) -> None:
        self.tokenizer, self.texts = tokenizer, texts

    async def generate(self, prompt_ids: Any, sampling: Any, **_: Any) -> Any:
        text = self.texts.pop(0)
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return SimpleNamespace(outputs=[SimpleNamespace(token_ids=ids, text=text, finish_reason="stop", logprobs=None)])


def execute(where: str, tokenizer: Any, prompt: str, label: Any, *texts: str) -> list[dict[str, Any]]:
    """As RolloutRayActor does: the samples of one prompt at the same time, each through its own executor."""
    from openrlhf.utils.agent import SingleTurnAgentExecutor

    async def all_of_them() -> list[dict[str, Any]]:
        executor, engine = SingleTurnAgentExecutor(where), Engine(tokenizer, list(texts))
        sampling = SimpleNamespace(max_tokens=16, logprobs=None)
        return await asyncio.gather(
            *(executor.execute(prompt, label, sampling, 16384, tokenizer, engine) for _ in texts)
        )

    return asyncio.run(all_of_them())


def reward_in(out: dict[str, Any]) -> float:
    """The reward of a sample as OpenRLHF makes tensors of it; a list or a number."""
    import torch

    value = torch.as_tensor(out["reward"]).flatten()
    assert value.numel() == 1 and bool(torch.isfinite(value).all())
    logs = {name: torch.as_tensor(number) for name, number in out["extra_logs"].items()}
    assert set(logs) == KEYS and all(bool(torch.isfinite(v).all()) for v in logs.values())
    assert 0.0 <= float(torch.as_tensor(out["scores"]).flatten()[0]) <= 1.0
    return float(value[0])


def label_of(scene: Any) -> Any:
    """The only channel: a reference, or an object of columns, the user's own included."""
    if not scene.source:
        return scene.reference
    return {"source": scene.source, **scene.foreign}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("form", ["file", "http"])
def test_every_scene(form, scenes, tiny, configure, settings):
    _, tokenizer = tiny
    with running_server({**settings, "floor": -1.0, "deadline_s": 200.0}) as url:
        for scene in scenes:
            if form == "http" and scene.name == "slow":
                continue  # see the next test
            configure(floor=-1.0, deadline_s=scene.patience)
            where = ours.__file__ if form == "file" else f"{url}/openrlhf"
            prompt = tokenizer.apply_chat_template(scene.chat, tokenize=False, add_generation_prompt=True)
            (out,) = execute(where, tokenizer, prompt, label_of(scene), scene.response)
            assert reward_in(out) == pytest.approx(-1.0 if scene.value is None else scene.value), scene


def test_a_slow_tool_over_http_ends_at_the_servers_deadline(tiny, settings, monkeypatch):
    _, tokenizer = tiny
    monkeypatch.setattr(ours, "DEADLINE_S", 1.0)
    with running_server({**settings, "floor": -1.0}) as url:
        (out,) = execute(f"{url}/openrlhf", tokenizer, "p", {"source": "sleeps"}, "x")
    assert reward_in(out) == -1.0 and out["extra_logs"]["rlar_valid"] == [0.0]


def test_samples_of_one_prompt_meet_and_a_prompt_that_comes_again_meets_anew(tiny, configure, settings):
    _, tokenizer = tiny
    configure(group_size=3, meet_s=20.0)
    with running_server({**settings, "group_size": 3, "meet_s": 20.0}) as url:
        for where in (ours.__file__, f"{url}/openrlhf"):
            for _ in range(2):
                outs = execute(where, tokenizer, "p ", {"source": "ranks"}, "a", "bb", "ccc")
                assert [reward_in(out) for out in outs] == [0.0, 0.5, 1.0]


def test_tool_calls_in_the_text(tiny, tool_row, configure):
    _, tokenizer = tiny
    configure()
    call = '<tool_call>{"name": "weather", "arguments": {"city": "%s"}}</tool_call>'
    outs = [
        execute(ours.__file__, tokenizer, "Weather in Bern?", tool_row, call % city)[0] for city in ("Bern", "Rome")
    ]
    assert [reward_in(out) for out in outs] == [1.0, 0.0]


def test_a_server_that_is_not_there_is_openrlhfs_own_none(tiny, monkeypatch):
    """What a user sees while no server runs: retries, then no reward. Ours never answers so."""
    _, tokenizer = tiny
    import openrlhf.utils.agent as agent

    async def at_once(_: float) -> None:
        return None

    monkeypatch.setattr(agent.asyncio, "sleep", at_once)
    (out,) = execute("http://127.0.0.1:9/openrlhf", tokenizer, "p", "3", "3")
    assert out["reward"] is None


def test_samples_become_tensors_of_a_batch(tiny, configure):
    """Rewards and logs of good and missing samples stack, whichever comes first."""
    import torch

    _, tokenizer = tiny
    configure()
    outs = [
        execute(ours.__file__, tokenizer, "1 + 2?", label, "3")[0]
        for label in ({"source": "breaks"}, "3", {"source": "gap"})
    ]
    assert [out["extra_logs"]["rlar_valid"] for out in outs] == [[0.0], [1.0], [0.0]]
    stacked = torch.cat([torch.as_tensor(out["reward"]).reshape(-1) for out in outs])
    assert stacked.tolist() == [0.0, 1.0, 0.0]
    assert len({tuple(out["extra_logs"]) for out in outs}) == 1 and math.isfinite(float(stacked.sum()))


def _elsewhere(blob: bytes) -> Any:
    return pickle.loads(blob)(["1 + 2? it is 3"], ["1 + 2? "], ["3"])["rewards"]


def test_pickled_into_a_spawned_process(configure, spawn):
    configure()
    assert spawn(_elsewhere, pickle.dumps(ours.reward_func)) == [1.0]
