"""The contracts of veRL, OpenRLHF, slime, verifiers, open-instruct and ROLL: recorded shapes, written after their
sources. The real packages are asked in real/, by scripts/contracts.py."""

from __future__ import annotations

import asyncio
import math
import sys
import types
from types import SimpleNamespace
from typing import Any

import pytest

from rlar.adapters import open_instruct, openrlhf, roll, slime, verifiers, verl
from rlar.adapters.settings import Settings


@pytest.fixture(autouse=True)
def configured(settings, tmp_path, monkeypatch) -> None:
    """All of these read their settings from the environment."""
    import json

    file = tmp_path / "rlar.json"
    file.write_text(json.dumps({**settings, "deadline_s": 60.0}))
    monkeypatch.setenv("RLAR_CONFIG", str(file))


def test_verl_rows_have_one_set_of_keys_whatever_happens():
    rows = [
        ("gsm8k", "it is 3", "3", {"prompt": "1+2?"}),
        ("breaks", "x", None, {}),
        ("gap", "\ud800", None, None),
        ("likes_a", "aab", None, {"num_turns": 1, "rollout_reward_scores": {}}),
        (None, None, object(), {3: object()}),  # nonsense, but no exception
    ]
    got = [asyncio.run(verl.compute_score(*row)) for row in rows]
    assert len({tuple(row) for row in got}) == 1
    assert all(math.isfinite(v) for row in got for v in row.values() if isinstance(v, float))
    assert [row["score"] for row in got[:4]] == [1.0, 0.0, 0.0, pytest.approx(2 / 3)]
    assert [row["rlar_valid"] for row in got[:4]] == [1.0, 0.0, 0.0, 1.0]
    wrong = asyncio.run(verl.compute_score("a", "b", "c", {}, library="/no/such/folder", floor=-1.0))
    assert wrong["score"] == -1.0 and tuple(wrong) == tuple(got[0])


def test_verl_parts_are_keys_for_gdpo():
    got = asyncio.run(verl.compute_score("gsm8k", "3", "3", {}, parts=["math", "other"]))
    assert (got["rlar_part_math"], got["rlar_part_other"]) == (1.0, 0.0)


def test_verl_settings_are_found_in_both_layouts():
    new = {"reward": {"reward_kwargs": {"rlar": {"floor": -1.0}}}, "actor_rollout_ref": {"rollout": {"n": 8}}}
    old = {"reward_model": {"reward_kwargs": {"rlar": {"floor": -1.0}}}}
    assert verl.manager_settings(new)[0].floor == verl.manager_settings(old)[0].floor == -1.0
    assert verl.manager_settings(new)[1] == 8 and verl.manager_settings(old)[1] is None


def test_openrlhf_gets_lists_finite_numbers_and_constant_logs():
    queries = ["<|im_start|>6*7?<|im_end|>42<|im_end|>\n", "p x</s>", "p aab<eos>"]
    prompts = ["<|im_start|>6*7?<|im_end|>", "p ", "p "]
    labels = ["42", {"source": "breaks"}, {"source": "likes_a"}]
    got = openrlhf.reward_func(queries, prompts, labels)
    assert got["rewards"] == [1.0, 0.0, pytest.approx(2 / 3)] and got["extra_logs"]["rlar_valid"] == [1.0, 0.0, 1.0]
    one = openrlhf.reward_func(queries[:1], prompts[:1], labels[:1])
    assert set(one["extra_logs"]) == set(got["extra_logs"]) and one["scores"] == [1.0]
    assert openrlhf.reward_func([], [], [])["rewards"] == []
    assert not asyncio.iscoroutinefunction(openrlhf.reward_func)  # an async one fails silently there


def test_openrlhf_samples_of_one_prompt_meet_in_their_threads(settings, tmp_path, monkeypatch):
    import json
    from concurrent.futures import ThreadPoolExecutor

    file = tmp_path / "meet.json"
    file.write_text(json.dumps({**settings, "group_size": 3, "meet_s": 10.0}))
    monkeypatch.setenv("RLAR_CONFIG", str(file))
    with ThreadPoolExecutor(3) as threads:  # as its executors do: to_thread, one sample each
        got = threads.map(lambda r: openrlhf.reward_func([f"p {r}"], ["p "], [{"source": "ranks"}]), ["a", "bb", "ccc"])
        assert [g["rewards"][0] for g in got] == [0.0, 0.5, 1.0]


def sample(source: str, response: str, label: Any = None) -> Any:
    return SimpleNamespace(
        prompt="p", response=response, label=label, metadata={"source": source}, group_index=0, index=0
    )


def test_slime_is_called_with_a_sample_and_with_a_list():
    plain = SimpleNamespace(reward_key=None, eval_reward_key=None, group_rm=False)
    assert asyncio.run(slime.rlar_rm(plain, sample("likes_a", "ab"))) == 0.5
    assert asyncio.run(slime.rlar_rm(plain, [sample("likes_a", "a"), sample("breaks", "a")])) == [1.0, 0.0]
    grouped = SimpleNamespace(reward_key="score", eval_reward_key=None, group_rm=True)
    got = asyncio.run(slime.rlar_rm(grouped, [sample("ranks", r) for r in ("a", "bb", "ccc")]))
    assert [g["score"] for g in got] == [0.0, 0.5, 1.0]
    mean = asyncio.run(slime.rlar_rm(grouped, [sample("breaks_for_b", r) for r in ("a", "b")]))
    assert [g["score"] for g in mean] == [0.75, 0.75] and [g["rlar_valid"] for g in mean] == [1.0, 0.0]
    assert asyncio.run(slime.rlar_rm(grouped, [object()]))[0]["score"] == 0.0


def test_verifiers_get_a_float_and_can_drop_a_trace(settings, tmp_path, monkeypatch):
    import json

    def run(source: str, reply: str) -> tuple[float, dict[str, Any]]:
        trace = SimpleNamespace(last_reply=reply, assistant_messages=[], info={})
        task = SimpleNamespace(data={"prompt": "p", "idx": 1, "source": source})
        told = dict(asyncio.run(verifiers.metrics(task, trace)))  # in this order, as Task.score does
        return asyncio.run(verifiers.reward(task, trace)), told

    value, told = run("likes_a", "ab")
    assert value == 0.5 and told["rlar_valid"] == 1.0
    value, told = run("breaks", "x")
    assert value == 0.0 and told["rlar_valid"] == 0.0
    file = tmp_path / "drop.json"
    file.write_text(json.dumps({**settings, "on_failure": "drop"}))
    monkeypatch.setenv("RLAR_CONFIG", str(file))
    with pytest.raises(verifiers.NoRewardError, match="fault"):
        run("breaks", "x")


def test_open_instruct_finds_a_direct_subclass(monkeypatch):
    stub: Any = types.ModuleType("open_instruct.ground_truth_utils")

    class VerificationResult:
        def __init__(self, score: float, cost: float = 0.0, reasoning: str | None = None) -> None:
            self.score, self.cost, self.reasoning = score, cost, reasoning

    class VerifierFunction:
        def __init__(self, name: str, weight: float = 1.0, verifier_config: Any = None) -> None:
            self.name, self.weight, self.verifier_config = name, weight, verifier_config

    stub.VerificationResult, stub.VerifierFunction = VerificationResult, VerifierFunction
    monkeypatch.setitem(sys.modules, "open_instruct", types.ModuleType("open_instruct"))
    monkeypatch.setitem(sys.modules, "open_instruct.ground_truth_utils", stub)
    cls = open_instruct.make_verifier()
    assert cls.__bases__ == (VerifierFunction,)
    verifier = cls()
    assert verifier.name == "rlar" and verifier([], "it is 42", "42", "6*7?").score == 1.0
    late = asyncio.run(verifier.async_call([], "x", {"source": "breaks"}))
    assert late.score == 0.0 and "fault" in late.reasoning


def test_roll_scores_whole_requests_and_replaces_faults_by_the_mean():
    s = Settings.of(__import__("os").environ["RLAR_CONFIG"])
    rows = [{"source": "ranks", "id": 1}] * 2 + [{"source": "breaks_for_b", "id": 2}] * 2
    values, metrics = roll.rewards_of(s, ["p"] * 4, ["a", "bb", "a", "b"], rows)
    assert values == [0.0, 1.0, 0.75, 0.75] and metrics["rlar/valid_rate"] == 0.75
    assert roll.rewards_of(s, [], [], [])[1].keys() == metrics.keys()
