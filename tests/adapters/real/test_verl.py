"""veRL's own reward loop (0.9.1): RewardLoopManager, its Ray workers, and the advantages made of what they return."""

from __future__ import annotations

import asyncio
import math
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("verl", reason="veRL is not installed: scripts/contracts.py verl")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
KEYS = {"score", "acc", "rlar_tool", "rlar_status", "rlar_valid", "rlar_latency_ms", "rlar_usd"}


@pytest.fixture(scope="module")
def tokenizer_folder(tiny, tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("model")
    model, tokenizer = tiny
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


class InProcess:
    """What reward_loop.py asks of Ray, for one process: the same manager and worker, without a cluster between them."""

    util = SimpleNamespace(
        scheduling_strategies=SimpleNamespace(NodeAffinitySchedulingStrategy=lambda **_: None),
    )

    @staticmethod
    def nodes() -> list[dict[str, Any]]:
        return [{"NodeID": "here", "Alive": True, "Resources": {"CPU": 2}}]

    @staticmethod
    def get(results: list[Any]) -> list[Any]:
        async def together() -> list[Any]:
            return list(await asyncio.gather(*results))

        from verl.utils.ray_utils import get_event_loop

        return get_event_loop().run_until_complete(together())  # the one that veRL's managers keep

    @staticmethod
    def remote(cls: Any) -> Any:
        def start(config: Any, address: Any) -> Any:
            worker = cls(config, address)
            return SimpleNamespace(compute_score_batch=SimpleNamespace(remote=worker.compute_score_batch))

        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=start))


@pytest.fixture(scope="module")
def ray_is_up():
    import ray

    try:
        ray.init("local", num_cpus=4, include_dashboard=False, log_to_driver=False, object_store_memory=100 << 20)
    except Exception as e:  # its wait for its own processes is fixed at 30 s, too short for a machine that is very busy
        pytest.skip(f"Ray does not start here: {e}")
    yield
    ray.shutdown()


@pytest.fixture(params=["in process", pytest.param("ray", marks=pytest.mark.ray)])
def cluster(request, monkeypatch):
    """veRL's loop without a cluster, and in Ray actors."""
    if request.param == "ray":
        request.getfixturevalue("ray_is_up")
    else:
        from verl.experimental.reward_loop import reward_loop

        monkeypatch.setattr(reward_loop, "ray", InProcess)
    return request.param


def config_of(folder: str, *overrides: str) -> Any:
    """veRL's own defaults, changed by the lines that a user gives."""
    import verl
    from hydra import compose, initialize_config_dir

    with initialize_config_dir(str(Path(verl.__file__).parent / "trainer" / "config"), version_base=None):
        config = compose(
            "ppo_trainer",
            [
                f"actor_rollout_ref.model.path={folder}",
                "reward.num_workers=1",
                "actor_rollout_ref.rollout.n=3",
                *overrides,
            ],
        )
    from verl.experimental.reward_loop.reward_loop import migrate_legacy_reward_impl

    return migrate_legacy_reward_impl(config)


def batch_of(tokenizer: Any, rows: list[dict[str, Any]], steps: int = 1) -> Any:
    """What the agent loop hands over: padded ids, and the columns of the parquet."""
    import numpy as np
    import torch
    from verl import DataProto

    ids = [tokenizer(row["response"], add_special_tokens=False)["input_ids"] or [2] for row in rows]
    width = max(map(len, ids))
    responses, mask = torch.full((len(rows), width), 1), torch.zeros(len(rows), 4 + width, dtype=torch.long)
    for i, row in enumerate(ids):
        responses[i, : len(row)] = torch.tensor(row)
        mask[i, : 4 + len(row)] = 1
    columns = {}
    for name in ("data_source", "reward_model", "extra_info", "raw_prompt", "uid"):
        columns[name] = np.empty(len(rows), dtype=object)
        columns[name][:] = [row[name] for row in rows]
    return DataProto.from_dict(
        tensors={"prompts": torch.full((len(rows), 4), 1), "responses": responses, "attention_mask": mask},
        non_tensors=columns,
        meta_info={"global_steps": steps},
    )


def row_of(scene: Any, uid: str = "u", **more: Any) -> dict[str, Any]:
    return {
        "data_source": scene.source or "gsm8k",
        "reward_model": {"style": "rule", "ground_truth": scene.reference},
        "extra_info": {**scene.foreign, "prompt": scene.prompt},
        "raw_prompt": scene.chat,
        "response": scene.response,
        "uid": uid,
        **more,
    }


def manager_of(config: Any) -> Any:
    import ray
    from verl.experimental.reward_loop.reward_loop import RewardLoopManager

    for i in range(8 if ray.is_initialized() else 0):  # workers have names, and only one manager at a time
        try:
            ray.kill(ray.get_actor(f"reward_loop_worker_{i}"))
        except ValueError:
            break
    return RewardLoopManager(config)


def advantages(out: Any, batch: Any) -> Any:
    from verl.trainer.ppo.core_algos import compute_grpo_outcome_advantage

    mask = batch.batch["attention_mask"][:, 4:]
    found, _ = compute_grpo_outcome_advantage(out.batch["rm_scores"], mask, batch.non_tensor_batch["uid"])
    return found


def check(out: Any, rows: list[Any], floor: float) -> None:
    """Every scene's score at the last token, one key set, nothing that is not finite."""
    import torch

    assert set(out.meta_info["reward_extra_keys"]) == KEYS
    assert bool(torch.isfinite(out.batch["rm_scores"]).all())
    scores = out.batch["rm_scores"].sum(-1).tolist()
    for i, scene in enumerate(rows):
        assert out.non_tensor_batch["rlar_status"][i] == scene.status, scene
        assert scores[i] == pytest.approx(floor if scene.value is None else scene.value), scene
        assert out.non_tensor_batch["rlar_valid"][i] == (scene.value is not None), scene


@pytest.mark.parametrize("form", ["manager", "function", "legacy function"])
def test_every_scene_in_a_real_reward_loop(form, cluster, scenes, tiny, tokenizer_folder, library, settings, tmp_path):
    import json

    import torch

    file = tmp_path / "rlar.json"
    file.write_text(json.dumps({**settings, "floor": -1.0, "deadline_s": 25.0}))
    key = "reward.custom_reward_function" if form == "function" else "custom_reward_function"
    lines = {
        "manager": ["reward.reward_manager.name=rlar", f"+reward.reward_kwargs.rlar={file}"],
    }.get(form) or [
        f"{key}.path=pkg://rlar.adapters.verl", f"{key}.name=compute_score", f"+{key}.reward_kwargs.config={file}",
    ]  # fmt: skip
    manager = manager_of(config_of(tokenizer_folder, *lines))
    batch = batch_of(tiny[1], [row_of(scene, uid=str(i // 3)) for i, scene in enumerate(scenes)])
    out = manager.compute_rm_score(batch)
    check(out, list(scenes), floor=-1.0)
    assert bool(torch.isfinite(advantages(out, batch)).all())


def test_group_tools_meet_under_uid_within_one_worker(cluster, scenes, tiny, tokenizer_folder, settings, tmp_path):
    import json

    file = tmp_path / "rlar.json"
    file.write_text(json.dumps({**settings, "meet_s": 30.0}))
    manager = manager_of(
        config_of(tokenizer_folder, "reward.reward_manager.name=rlar", f"+reward.reward_kwargs.rlar={file}")
    )
    rows = [
        row_of(scenes[2], uid=uid, data_source="ranks", response=text)
        for uid in ("u1", "u2")
        for text in (("a", "bb", "ccc") if uid == "u1" else ("aaaa", "bb", "c"))
    ]
    for step in (1, 2):
        out = manager.compute_rm_score(batch_of(tiny[1], rows, step))
        assert out.batch["rm_scores"].sum(-1).tolist() == [0.0, 0.5, 1.0, 1.0, 0.5, 0.0]


def test_group_tools_meet_at_a_server_over_two_workers(cluster, scenes, tiny, tokenizer_folder, settings, tmp_path):
    """Workers are processes of their own, and members of one group land in different ones."""
    import json

    from rlar.server.running import running_server

    with running_server({**settings, "meet_s": 60.0}) as url:
        file = tmp_path / "rlar.json"
        file.write_text(json.dumps({"servers": [url], "deadline_s": 90.0}))
        lines = ["reward.num_workers=2", "reward.reward_manager.name=rlar", f"+reward.reward_kwargs.rlar={file}"]
        manager = manager_of(config_of(tokenizer_folder, *lines, "actor_rollout_ref.rollout.n=4"))
        rows = [row_of(scenes[2], data_source="ranks", response=text) for text in ("a", "bb", "ccc", "dddd")]
        out = manager.compute_rm_score(batch_of(tiny[1], rows))  # two rows to each worker
    assert out.batch["rm_scores"].sum(-1).tolist() == pytest.approx([0.0, 1 / 3, 2 / 3, 1.0])
    assert out.non_tensor_batch["rlar_valid"].tolist() == [1.0] * 4


def test_a_group_that_cannot_meet_gets_the_floor(cluster, scenes, tiny, tokenizer_folder, settings, tmp_path):
    import json

    file = tmp_path / "rlar.json"
    file.write_text(json.dumps({**settings, "floor": -1.0}))
    manager = manager_of(
        config_of(tokenizer_folder, "reward.reward_manager.name=rlar", f"+reward.reward_kwargs.rlar={file}")
    )
    rows = [row_of(scenes[2], data_source="ranks", response=text) for text in ("a", "bb", "ccc")]
    out = manager.compute_rm_score(batch_of(tiny[1], rows))
    assert out.batch["rm_scores"].sum(-1).tolist() == [-1.0] * 3
    assert out.non_tensor_batch["rlar_status"].tolist() == ["incomplete"] * 3


def test_tool_calls(cluster, scenes, tiny, tokenizer_folder, settings, tool_row):
    manager = manager_of(config_of(tokenizer_folder, "reward.reward_manager.name=rlar"))
    call = '<tool_call>{"name": "weather", "arguments": {"city": "%s"}}</tool_call>'
    chat = [{"role": "user", "content": "Weather in Bern?"}]
    rows = [
        row_of(
            scenes[0], raw_prompt=chat, response=call % city, extra_info=tool_row, reward_model={"ground_truth": None}
        )
        for city in ("Bern", "Rome")
    ]
    out = manager.compute_rm_score(batch_of(tiny[1], rows))
    assert out.batch["rm_scores"].sum(-1).tolist() == [1.0, 0.0]


def _elsewhere(blob: bytes) -> Any:
    return asyncio.run(pickle.loads(blob)("gsm8k", "it is 3", "3", {"prompt": "1 + 2?"}))


def test_pickled_into_a_spawned_process(spawn):
    from rlar.adapters.verl import compute_score

    got = spawn(_elsewhere, pickle.dumps(compute_score))
    assert (
        got["score"] == 1.0 and set(got) == KEYS and all(math.isfinite(v) for v in got.values() if isinstance(v, float))
    )
