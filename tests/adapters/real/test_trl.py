"""Real steps of the installed TRL's GRPOTrainer and its relatives, with a model that says what the test wants said."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import math
import os
import pickle
import subprocess
import sys
import types
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rlar.adapters.trl import reward

pytest.importorskip("trl", reason="TRL is not installed: scripts/contracts.py trl")
pytestmark = [pytest.mark.slow, pytest.mark.models, pytest.mark.timeout(300)]
HERE = Path(__file__).parent
VERSION = tuple(int(part) for part in importlib.metadata.version("trl").split(".")[:2])
NONE_IS_SKIPPED = VERSION >= (1, 6)
G = 4


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def says(tiny: Any, script: Any) -> Any:
    """The tiny model, saying `script(text of the prompt, how often it was asked this before)`."""
    import copy

    import torch

    model, tokenizer = tiny
    model = copy.deepcopy(model)
    asked: Counter[str] = Counter()

    def generate(self: Any, input_ids: Any, **_: Any) -> Any:
        said = []
        for row in input_ids:
            prompt = tokenizer.decode(row[row != tokenizer.pad_token_id])
            said.append(tokenizer(script(prompt, asked[prompt]), add_special_tokens=False)["input_ids"] + [2])
            asked[prompt] += 1
        width = max(map(len, said))
        padded = torch.tensor([ids + [1] * (width - len(ids)) for ids in said])
        return torch.cat([input_ids, padded], dim=1)

    model.generate = types.MethodType(generate, model)
    return model, tokenizer


def train(
    tiny: Any, folder: Path, rows: list[dict[str, Any]], functions: Any, steps: int = 1, kind: str = "GRPO",
    tools: Any = None, **options: Any,
) -> Any:  # fmt: skip
    import trl
    from datasets import Dataset

    model, tokenizer = tiny
    config = getattr(trl, f"{kind}Config")(
        output_dir=str(folder), use_cpu=True, bf16=False, report_to="none",
        max_steps=steps, logging_steps=1, save_strategy="no", top_k=0, learning_rate=1e-4, disable_tqdm=True,
        remove_unused_columns=False, shuffle_dataset=False,
        **{"num_generations": G, "max_completion_length": 6, "per_device_train_batch_size": 8, **options},
    )  # fmt: skip
    trainer = getattr(trl, f"{kind}Trainer")(
        model=model,
        reward_funcs=functions,
        args=config,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        **({"tools": tools} if tools else {}),
    )
    trainer.train()
    return trainer


def finite(trainer: Any) -> bool:
    import torch

    return all(bool(torch.isfinite(p).all()) for p in trainer.model.parameters())


def rewards_of(trainer: Any, name: str = "rlar") -> list[float | None]:
    return [None if math.isnan(v) else v for v in trainer._logs["rewards"][name]]


def row_of(scene: Any, *, chat: bool) -> dict[str, Any]:
    return {
        "prompt": scene.chat if chat else scene.prompt + f" ({scene.name})",
        "source": scene.source,
        "answer": scene.reference,
        **scene.foreign,
    }


@pytest.mark.parametrize("chat", [True, False], ids=["conversational", "plain"])
@pytest.mark.parametrize("kind", ["GRPO", "RLOO"])
def test_every_scene_in_real_steps(kind, chat, scenes, tiny, tmp_path, settings):
    """Half of a group says what the scene says, the other half says nothing."""
    # "slow" is in a group of its own for the deadline's sake; texts that differ only there need no second prompt
    scenes = [s for s in scenes if s.name not in ("wrong", "silent", "hostile", "slow")]
    by_prompt = {s.prompt: s for s in scenes}

    def script(prompt: str, before: int) -> str:
        scene = next(s for text, s in by_prompt.items() if text in prompt)
        return scene.response if before % 2 == 0 else ""

    rows = [row_of(s, chat=chat) for s in scenes]
    trainer = train(
        says(tiny, script), tmp_path, rows, reward(settings, floor=-1.0), kind=kind,
        per_device_train_batch_size=G * len(rows), max_completion_length=12, beta=0.0,
    )  # fmt: skip
    got = rewards_of(trainer)
    assert len(got) == G * len(rows) and finite(trainer)
    order = [next(s for text, s in by_prompt.items() if text in str(p)) for p in trainer._logs["prompt"]]
    missing = None if NONE_IS_SKIPPED else -1.0
    for scene, value, said in zip(order, got, trainer._logs["completion"], strict=True):
        if scene.value is None:
            assert value == missing, scene
        else:
            expected = scene.value if scene.response in str(said) and scene.response else 0.0
            assert value == pytest.approx(expected), (scene, said)
    advantages = list(trainer._logs["advantages"])
    assert all(math.isfinite(a) for a in advantages)
    assert all(a == pytest.approx(0.0) for a, s in zip(advantages, order, strict=True) if s.value is None)
    assert any(abs(a) > 0.1 for a, s in zip(advantages, order, strict=True) if s.name == "right")
    entry = next(e for e in trainer.state.log_history if "rewards/rlar/mean" in e)
    if VERSION >= (1, 0):
        assert entry["rlar/valid_rate"] == pytest.approx(0.5)
        assert entry["rlar/fault_rate"] == entry["rlar/gap_rate"] == pytest.approx(0.25)
        assert entry["rlar/reward/math"] == pytest.approx(0.5) and "rlar/tool/math/share" in entry


def test_a_slow_tool_does_not_hold_up_training(scenes, tiny, tmp_path, settings):
    slow = next(s for s in scenes if s.name == "slow")
    rows = [row_of(slow, chat=True), row_of(scenes[2], chat=True)]
    trainer = train(tiny, tmp_path, rows, reward(settings, deadline_s=2.0), steps=1)
    got = rewards_of(trainer)
    assert got[:G] == [None] * G if NONE_IS_SKIPPED else got[:G] == [0.0] * G
    assert finite(trainer) and all(math.isfinite(a) for a in trainer._logs["advantages"])


def test_hostile_completions_are_zeros_and_training_goes_on(scenes, tiny, tmp_path, settings):
    hostile = next(s for s in scenes if s.name == "hostile")
    texts = [hostile.response[:60], "\x00\x00", "\\boxed{" * 9, "3"]
    model = says(tiny, lambda _, before: texts[before % G])
    rows = [row_of(hostile, chat=True), {**row_of(hostile, chat=True), "prompt": [{"role": "user", "content": "1+2"}]}]
    trainer = train(model, tmp_path, rows, reward(settings), max_completion_length=80)
    assert rewards_of(trainer) == [0.0, 0.0, 0.0, 1.0] * 2 and finite(trainer)


def test_a_group_tool_on_one_rank(tiny, tmp_path, settings):
    texts = ["a", "bb", "ccc", "dddd"]
    rows = [{"prompt": f"say {i}", "source": "ranks"} for i in range(2)]
    trainer = train(says(tiny, lambda _, n: texts[n % G]), tmp_path, rows, reward(settings), max_completion_length=9)
    assert rewards_of(trainer) == pytest.approx([0.0, 1 / 3, 2 / 3, 1.0] * 2)


def test_part_of_a_group_without_a_reward_has_no_advantage(tiny, tmp_path, settings):
    rows = [{"prompt": f"say {i}", "source": "breaks_for_b"} for i in range(2)]
    trainer = train(says(tiny, lambda _, n: "ab"[n % 2]), tmp_path, rows, reward(settings))
    missing = None if NONE_IS_SKIPPED else 0.75
    assert rewards_of(trainer) == [0.75, missing] * 4
    assert list(trainer._logs["advantages"]) == pytest.approx([0.0] * 8)


def test_columns_per_row_and_a_key_set_that_stays(scenes, tiny, tmp_path, settings):
    if VERSION < (1, 0):
        pytest.skip("TRL before 1.0 has no log_metric and no log_extra")
    some = [s for s in scenes if s.name in ("right", "fault", "gap", "rule of one's own")]
    rows = [row_of(s, chat=True) for s in some]
    trainer = train(tiny, tmp_path, rows, reward(settings), steps=4, log_completions=True)
    entries = [e for e in trainer.state.log_history if "rewards/rlar/mean" in e]
    from rlar.adapters.ledger import METRICS

    assert len(entries) == 4 and all({f"rlar/{name}" for name in METRICS} <= set(e) for e in entries)
    tables = list((tmp_path / "completions").glob("*.parquet"))
    if not tables:
        pytest.skip("this TRL writes no table of completions")
    from pyarrow import parquet

    table = parquet.read_table(tables[0])
    assert {"rlar_status", "rlar_task", "rlar_tools"} <= set(table.column_names)


def test_tools_of_the_trainer_are_called_and_their_turns_are_judged(tiny, tmp_path, tool_row):
    if VERSION < (1, 0):
        pytest.skip("TRL before 1.0 has no `tools`")
    import trl

    template = Path(trl.__file__).parent / "chat_templates" / "qwen3.jinja"
    if not template.exists():
        pytest.skip("this TRL has no template that it knows to read tool calls from")
    import copy

    from transformers import LlamaConfig, LlamaForCausalLM

    called = []

    def weather(city: str) -> str:
        """The weather.

        Args:
            city: where
        """
        called.append(city)
        return "sunny"

    _, tokenizer = tiny
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.chat_template = template.read_text()
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=4096, eos_token_id=2, pad_token_id=1, bos_token_id=None,
    )  # fmt: skip

    def script(prompt: str, before: int) -> str:
        if "sunny" in prompt:
            return "it is sunny"
        call = {"name": "weather", "arguments": {"city": ("Bern", "Rome")[before % 2]}}
        return f"<tool_call>\n{json.dumps(call)}\n</tool_call>"

    right = json.dumps(tool_row["tool_calls"])
    rows = [
        {"prompt": [{"role": "user", "content": f"Weather in Bern ({i})?"}], "expected_tool_calls": right}
        for i in range(2)
    ]
    trainer = train(
        says((LlamaForCausalLM(config), tokenizer), script), tmp_path, rows, reward(), tools=[weather],
        max_completion_length=400,
    )  # fmt: skip
    assert set(called) == {"Bern", "Rome"}
    assert rewards_of(trainer) == [1.0, 0.0] * 4


def test_two_adapters_side_by_side_on_plain_prompts(tiny, tmp_path, settings):
    rows = [{"prompt": f"{i} + 2?", "answer": str(i + 2), "source": "likes_a"} for i in range(4)]
    both = [reward(name="verified"), reward(settings, name="liked")]
    trainer = train(tiny, tmp_path, rows, both)
    entry = next(e for e in trainer.state.log_history if "rewards/verified/mean" in e)
    assert math.isfinite(entry["rewards/liked/mean"]) and finite(trainer)


def _async_group(blob: bytes) -> Any:
    """AsyncGRPO's own scoring of a group, in the process that it spawns; the loop around it needs a vLLM server."""
    from trl.experimental.async_grpo import async_rollout_worker as worker

    loop_class = next(c for c in vars(worker).values() if isinstance(c, type) and "_score_group" in vars(c))
    from accelerate import PartialState

    PartialState()  # the worker's logger wants one
    function, group = pickle.loads(blob)
    fake = types.SimpleNamespace(
        reward_funcs=[function], reward_func_names=["rlar"], _env_reward_types=[], _provides_rollout_reward=False
    )
    seen: list[Any] = []

    async def scored() -> Any:
        made = types.SimpleNamespace(**group)
        real = worker.np.array
        worker.np.array = lambda values, *a, **k: seen.append(values) or real(values, *a, **k)
        try:
            await loop_class._score_group(fake, made)
        except AttributeError:
            pass  # what comes after the rewards reads counts that only a rollout has
        finally:
            worker.np.array = real
        return seen[0][0]

    return asyncio.run(scored())


def test_pickled_into_the_process_of_async_grpo(settings, spawn):
    if VERSION < (1, 6):
        pytest.skip("AsyncGRPO is not in this TRL")
    group = {
        "prompts": ["1 + 2?"] * 3,
        "completions": ["it is 3", "4", "\ud800"],
        "completions_ids": [[1]] * 3,
        "reward_kwargs": {"answer": ["3"] * 3, "source": [""] * 3},
        "tool_call_counts": [0, 0, 0],
    }
    assert spawn(_async_group, pickle.dumps((reward(settings), group))) == [1.0, 0.0, 0.0]
    gap = {**group, "reward_kwargs": {"answer": [None] * 3, "source": ["gap"] * 3}}
    assert all(math.isnan(v) for v in spawn(_async_group, pickle.dumps((reward(settings), gap))))


RANKS = """
import sys, json
from pathlib import Path
sys.path[:0] = {here!r}
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
        script.write_text(RANKS.format(here=[str(HERE), str(HERE.parent)], server=url, out=str(tmp_path)))
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
        subprocess.run(
            [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--master_port=29611", str(script)],
            check=True, timeout=110, env=environment, capture_output=True,
        )  # fmt: skip
        entry = json.loads((tmp_path / "log.json").read_text())
    assert entry["rewards/rlar/mean"] > 0.0  # who did not meet would have the floor, 0
    if VERSION >= (1, 0):
        assert entry["rlar/valid_rate"] == 1.0 and entry["rlar/incomplete_rate"] == 0.0
