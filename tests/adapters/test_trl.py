"""The adapter in real GRPO steps of the installed TRL, on a model that the test makes."""

from __future__ import annotations

import asyncio
import math
import multiprocessing
import os
import pickle
import subprocess
import sys
from pathlib import Path
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


def train(tiny: Any, folder: Path, rows: list[dict[str, Any]], functions: Any, steps: int = 1, **options: Any) -> Any:
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    model, tokenizer = tiny
    config = GRPOConfig(
        output_dir=str(folder), use_cpu=True, bf16=False, report_to="none", per_device_train_batch_size=8,
        max_completion_length=6, max_steps=steps, logging_steps=1, save_strategy="no",
        top_k=0, learning_rate=1e-4, disable_tqdm=True, remove_unused_columns=False,
        **{"num_generations": 4, **options},
    )  # fmt: skip
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=functions,
        args=config,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    )
    trainer.train()
    return trainer


def finite(trainer: Any) -> bool:
    import torch

    return all(bool(torch.isfinite(p).all()) for p in trainer.model.parameters())


@pytest.mark.slow
@pytest.mark.models
def test_real_steps_with_faults_gaps_and_foreign_columns(tiny, tmp_path, settings, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    rows = [
        {"prompt": [{"role": "user", "content": "1 + 2?"}], "source": "", "answer": "3", "level": {"a": [1]}},
        {"prompt": [{"role": "user", "content": "nice"}], "source": "likes_a", "answer": None, "level": {"a": [2]}},
        {"prompt": [{"role": "user", "content": "down"}], "source": "breaks", "answer": None, "level": {"a": []}},
        {"prompt": [{"role": "user", "content": "tell"}], "source": "gap", "answer": None, "level": {"a": [3]}},
        {"prompt": [{"role": "user", "content": "order"}], "source": "ranks", "answer": None, "level": {"a": [4]}},
        {"prompt": [{"role": "user", "content": "wait"}], "source": "sleeps", "answer": None, "level": {"a": [5]}},
    ]
    trainer = train(tiny, tmp_path, rows, reward(settings, deadline_s=1.0), steps=3, log_completions=True)
    logs = [entry for entry in trainer.state.log_history if "rewards/rlar/mean" in entry]
    assert len(logs) == 3 and finite(trainer)
    rates = [sum(entry[f"rlar/{k}_rate"] for k in ("valid", "gap", "fault", "timeout", "incomplete")) for entry in logs]
    assert rates == pytest.approx([1.0] * 3)
    assert {entry["rlar/valid_rate"] for entry in logs} != {1.0}


@pytest.mark.slow
@pytest.mark.models
def test_two_adapters_side_by_side_on_plain_prompts(tiny, tmp_path, settings):
    rows = [{"prompt": f"{i} + 2?", "answer": str(i + 2), "source": "likes_a"} for i in range(4)]
    both = [reward(name="verified"), reward(settings, name="liked")]
    trainer = train(tiny, tmp_path, rows, both)
    entry = next(e for e in trainer.state.log_history if "rewards/verified/mean" in e)
    assert math.isfinite(entry["rewards/liked/mean"]) and finite(trainer)


RANKS = """
import sys, json
from pathlib import Path
sys.path.insert(0, {here!r})
import torch
from conftest import tiny
from test_trl import train
from rlar.adapters.trl import reward
import functools
seen = []
pair = tiny.__wrapped__() if hasattr(tiny, "__wrapped__") else tiny.__pytest_wrapped__.obj()
rows = [{{"prompt": f"say {{i}}", "source": "ranks"}} for i in range(2)]
function = reward({{"servers": [{server!r}], "group_size": 16, "deadline_s": 30.0, "run": "two ranks"}})
trainer = train(pair, Path({out!r}), rows, function, ddp_backend="gloo", num_generations=16)
logs = trainer.state.log_history if trainer.is_world_process_zero() else []
entry = next((e for e in logs if "rewards/rlar/mean" in e), logs)
if trainer.is_world_process_zero():
    Path({out!r}, "log.json").write_text(json.dumps(entry))
"""


@pytest.mark.slow
@pytest.mark.models
def test_two_ranks_that_split_groups_meet_at_a_server(tiny, tmp_path, settings):
    from rlar.server.running import running_server

    del tiny  # only to skip where there is no trainer
    with running_server({**settings, "meet_s": 60.0}) as url:
        script = tmp_path / "ranks.py"
        script.write_text(RANKS.format(here=str(Path(__file__).parent), server=url, out=str(tmp_path)))
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
        subprocess.run(
            [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--master_port=29611", str(script)],
            check=True, timeout=110, env=environment, capture_output=True,
        )  # fmt: skip
        import json

        entry = json.loads((tmp_path / "log.json").read_text())
    assert entry["rlar/valid_rate"] == 1.0 and entry["rlar/incomplete_rate"] == 0.0
