"""The same scenes through every adapter, called as its trainer calls it; the real packages are asked in real/."""

from __future__ import annotations

import asyncio
import math
import pickle
import re
import sys
import types
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rlar.adapters import nemo_gym, open_instruct, openrlhf, roll, slime, trl, verifiers, verl
from rlar.adapters.rollout import environment_settings

ROOT = Path(__file__).resolve().parents[2]
FLOOR = -1.0


def label_of(scene: Any) -> Any:
    """For trainers whose only channel is one value."""
    return {"source": scene.source, **scene.foreign} if scene.source else scene.reference


def by_trl(scene: Any) -> tuple[float | None, bool, dict[str, Any]]:
    told: dict[str, Any] = {}
    columns = {name: [value] for name, value in {"source": scene.source, **scene.foreign}.items()}
    (value,) = asyncio.run(
        trl.reward()(
            prompts=[scene.chat], completions=[[{"role": "assistant", "content": scene.response}]],
            completion_ids=[[1]], answer=[scene.reference], log_metric=told.__setitem__, **columns,
        )
    )  # fmt: skip
    valid = told["rlar/valid_rate"] == 1.0
    return FLOOR if value is None else value, valid, {k: v for k, v in told.items() if k.count("/") == 1}


def by_verl(scene: Any) -> tuple[float | None, bool, dict[str, Any]]:
    extra = {**scene.foreign, "prompt": scene.chat}
    got = asyncio.run(verl.compute_score(scene.source or "gsm8k", scene.response, scene.reference, extra))
    return got["score"], got["rlar_valid"] == 1.0, got


def by_openrlhf(scene: Any) -> tuple[float | None, bool, dict[str, Any]]:
    got = openrlhf.reward_func(
        [f"p: {scene.prompt}\n{scene.response}</s>"], [f"p: {scene.prompt}\n"], [label_of(scene)]
    )
    return got["rewards"][0], got["extra_logs"]["rlar_valid"] == [1.0], {k: v[0] for k, v in got["extra_logs"].items()}


def by_slime(scene: Any) -> tuple[float | None, bool, dict[str, Any]]:
    sample = SimpleNamespace(
        prompt=scene.chat, response=scene.response, label=scene.reference,
        metadata={"source": scene.source, **scene.foreign}, group_index=0, index=0,
    )  # fmt: skip
    got = asyncio.run(slime.rlar_rm(SimpleNamespace(reward_key="score", eval_reward_key=None, group_rm=False), sample))
    return got["score"], got["rlar_valid"] == 1.0, got


def by_verifiers(scene: Any) -> tuple[float | None, bool, dict[str, Any]]:
    trace = SimpleNamespace(id=scene.name, last_reply=scene.response, assistant_messages=[])
    columns = {"prompt": scene.chat, "answer": scene.reference, "source": scene.source, **scene.foreign}
    task = SimpleNamespace(data={"idx": 1, **columns})
    told = dict(asyncio.run(verifiers.metrics(task, trace)))
    return asyncio.run(verifiers.reward(task, trace)), told["rlar_valid"] == 1.0, told


def by_open_instruct(scene: Any) -> tuple[float | None, bool, dict[str, Any]]:
    judged = asyncio.run(open_instruct.score(environment_settings(), scene.response, label_of(scene), scene.prompt))
    assert judged is not None
    return judged.value, judged.scored.valid, judged.extras()


def by_roll(scene: Any) -> tuple[float | None, bool, dict[str, Any]]:
    row = {"ground_truth": scene.reference, "source": scene.source, "tag": "rlar", **scene.foreign}
    (value,), told = roll.rewards_of(environment_settings(), [scene.prompt], [scene.response], [row])
    return value, told["rlar/valid_rate"] == 1.0, told


def by_nemo_gym(scene: Any) -> tuple[float | None, bool, dict[str, Any]]:
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": scene.response}]}
    body = {"responses_create_params": {"input": scene.chat}, "response": {"output": [said]}}
    got = asyncio.run(
        nemo_gym.verify(
            environment_settings(), {**body, "answer": scene.reference, "source": scene.source, **scene.foreign}
        )
    )
    return got["reward"], got["rlar_valid"] == 1.0, {k: v for k, v in got.items() if k.startswith("rlar_")}


ASK = {
    "trl": by_trl, "verl": by_verl, "openrlhf": by_openrlhf, "slime": by_slime, "verifiers": by_verifiers,
    "nemo_gym": by_nemo_gym, "open_instruct": by_open_instruct, "roll": by_roll,
}  # fmt: skip


@pytest.fixture
def asked(configure, monkeypatch):
    """ASK, with the settings of a scene; TRL's adapter takes its settings as an argument."""
    real = trl.reward

    def ask(trainer: str, scene: Any) -> tuple[float | None, bool, dict[str, Any]]:
        file = configure(floor=FLOOR, deadline_s=scene.patience)
        monkeypatch.setattr(trl, "reward", lambda: real(file))
        return ASK[trainer](scene)

    return ask


@pytest.mark.parametrize("trainer", ASK)
def test_every_scene_and_a_key_set_that_stays(trainer, scenes, asked):
    """Right, wrong, own rule, fault, gap, slow, hostile, silent; foreign columns and conversations in each."""
    keys = set()
    for scene in scenes:
        value, valid, told = asked(trainer, scene)
        assert value == pytest.approx(FLOOR if scene.value is None else scene.value), scene
        assert valid == (scene.value is not None), scene
        numbers = {k: v for k, v in told.items() if isinstance(v, (int, float))}
        assert numbers and all(math.isfinite(v) for v in numbers.values()), scene
        keys.add(tuple(sorted(told)))
    assert len(keys) == 1


@pytest.mark.parametrize("trainer", ASK)
def test_calls_from_a_running_loop_and_from_threads(trainer, scenes, asked):
    from concurrent.futures import ThreadPoolExecutor

    assert asked(trainer, scenes[0])[0] == 1.0
    with ThreadPoolExecutor(4) as threads:  # each has a loop of its own, as TRL's and veRL's have
        got = list(threads.map(lambda _: ASK[trainer](scenes[0])[0], range(4)))
    assert got == [1.0] * 4


def test_roll_has_whole_groups_and_open_instruct_has_none(configure):
    configure()
    settings = environment_settings()
    rows = [{"source": "ranks", "tag": "rlar"}] * 3
    values, told = roll.rewards_of(settings, ["p"] * 3, ["a", "bb", "ccc"], rows)
    assert values == [0.0, 0.5, 1.0] and told["rlar/valid_rate"] == 1.0
    alone = asyncio.run(open_instruct.score(settings, "a", {"source": "ranks"}, "p"))
    assert alone is not None and not alone.scored.valid and str(alone.scored.status) == "incomplete"


def test_nemo_gym_rollouts_meet_when_the_server_has_a_meeting_point(configure):
    configure(group_size=2, meet_s=10.0)
    settings = environment_settings()

    async def both() -> list[float]:
        said = [{"type": "message", "content": [{"type": "output_text", "text": text}]} for text in ("a", "bbb")]
        asked = {"responses_create_params": {"input": "p"}, "source": "ranks"}
        got = await asyncio.gather(*(nemo_gym.verify(settings, {**asked, "response": {"output": [s]}}) for s in said))
        return [g["reward"] for g in got]

    assert asyncio.run(both()) == [0.0, 1.0]


def _elsewhere(blob: bytes) -> list[float]:
    settings, judge_rows, score = pickle.loads(blob)
    (rolled,), _ = judge_rows(settings, ["1 + 2?"], ["it is 3"], [{"ground_truth": "3"}])
    return [rolled, asyncio.run(score(settings, "it is 3", "3", "1 + 2?")).value]


@pytest.mark.slow
def test_settings_and_functions_travel_into_a_spawned_process(configure, spawn):
    configure()
    blob = pickle.dumps((environment_settings(), roll.rewards_of, open_instruct.score))
    assert spawn(_elsewhere, blob) == [1.0, 1.0]


def test_what_is_made_on_first_access_survives_pickling(monkeypatch):
    """Worker classes and verifiers are globals of their module, so a copy in another process is the same class."""
    made: Any = types.ModuleType("open_instruct.ground_truth_utils")
    made.VerificationResult = type("VerificationResult", (), {})
    made.VerifierFunction = type(
        "VerifierFunction", (), {"__init__": lambda self, name, **_: setattr(self, "name", name)}
    )
    monkeypatch.setitem(sys.modules, "open_instruct", types.ModuleType("open_instruct"))
    monkeypatch.setitem(sys.modules, "open_instruct.ground_truth_utils", made)
    monkeypatch.delitem(vars(open_instruct), "RLARVerifier", raising=False)
    cls = open_instruct.RLARVerifier
    try:
        again = pickle.loads(pickle.dumps(cls()))
        assert again.name == "rlar" and type(again) is cls
    finally:
        vars(open_instruct).pop("RLARVerifier", None)


def test_the_table_of_trainers_names_tests_that_exist():
    """docs/trainers/index.md: every cell of trainer x (group, async, fault, gap, metrics, pickling) has its proof."""
    page = (ROOT / "docs" / "trainers" / "index.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| [") and line.count("|") == 8]
    assert len(rows) == 8
    tests = {
        name: path
        for folder in ("adapters", "server")
        for path in (ROOT / "tests" / folder).rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.M)
    }
    for row in rows:
        for cell in row.split("|")[2:8]:
            named = re.findall(r"`(test_\w+)`", cell)
            assert named, f"no test in the cell {cell!r}"
            assert not [name for name in named if name not in tests], cell
