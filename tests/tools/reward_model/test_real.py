"""A model that really learnt something goes into a library and scores; real processes, real deaths."""

import asyncio
import gzip
import json
import os
import signal
import subprocess
import sys

import pytest

from rlar.engines.models.engine import EngineSettings, ModelEngine
from rlar.library.manifest import Draft, Provenance, card_words
from rlar.library.store import Store
from rlar.tools.reward_model import RewardModel
from rlar.types import Kind, Query

pytestmark = [pytest.mark.models, pytest.mark.slow, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def engine(making):
    with ModelEngine(EngineSettings(device="cpu", threads=1)) as engine:
        yield engine


def test_every_local_family_judges_in_a_real_process(making, engine, tmp_path):
    query = Query("how do I cook rice?", reference="boil it", extra={"src": "wie kocht man Reis?"})
    answers = ["boil it in water", "no", "", "the fox says\n\nsure", "a" * 3000, "\ud800"]
    for kind in ("classifier", "armo", "comet", "pairrm", "dpo", "qwen_prm"):
        tool = RewardModel(making.make(kind, tmp_path / kind), engine=engine)
        assert tool.fits(query)
        verdicts = asyncio.run(tool.judge(query, answers))
        assert [v.fault for v in verdicts] == [None] * 6, (kind, verdicts)
        assert verdicts[2].value == tool.card.low <= min(v.value for v in verdicts)
        again = asyncio.run(tool.judge_many([(query, [a]) for a in answers]))
        if tool.spec.scope == "response":
            assert [v.value for [v] in again] == pytest.approx([v.value for v in verdicts], abs=1e-5)
        engine.unload(tool.spec)


def test_a_killed_model_is_replaced(making, engine, tmp_path):
    tool = RewardModel(making.make("classifier", tmp_path / "m"), engine=engine)
    query = Query("how do I cook rice?")
    before = asyncio.run(tool.judge(query, ["boil it"]))[0]
    model = next(m for m in engine._models.values() if m.spec == tool.spec)
    os.kill(model.process.pid, signal.SIGKILL)
    assert asyncio.run(tool.judge(query, ["boil it"]))[0].value == before.value


def pairs(shared_data):
    """(prompt, better, worse) of people's preferences, by cluster of prompts."""
    found = []
    with gzip.open(shared_data / "eval" / "pref_hh_harmless.jsonl.gz", "rt") as f:
        for row in map(json.loads, f):
            a, b = sorted(row["responses"], key=lambda r: -r["label"])
            if a["label"] != b["label"]:
                prompt = "\n\n".join(turn["content"] for turn in row["prompt"])
                found.append((row["meta"]["group"], (prompt, a["text"], b["text"])))
    return found


@pytest.mark.data
def test_a_trained_preference_model_scores_from_a_library(making, shared_data, tmp_path):
    rows = pairs(shared_data)
    held = {g for i, g in enumerate(sorted({g for g, _ in rows})) if i % 5 == 0}
    spec = making.train_preferences(tmp_path / "model", [p for g, p in rows if g not in held], epochs=2, hidden=24)
    tool = RewardModel(spec, card={"name": "tiny_preference", "suits": ("safety", "dialogue")})
    with Store(tmp_path / "lib") as store:
        draft = Draft(
            tool.card.name, Kind.REWARD_MODEL, "model", tool.settings(inside="model"), card_words(tool.card),
            Provenance("user"), content=tool.content("model"), engine="model",
        )  # fmt: skip
        store.admit(f"{tool.card.name}@{store.add(draft, why='trained').version}", why="trained here")
    tests = [p for g, p in rows if g in held]
    with (tmp_path / "rollouts.jsonl").open("w") as f:
        for prompt, better, worse in tests:
            f.write(json.dumps({"prompt": prompt, "responses": [worse, better], "task": "safety"}) + "\n")
    command = [sys.executable, "-m", "rlar.cli", "score", "rollouts.jsonl", "--library", "lib", "--out", "out.jsonl"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    results = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    scored = [r["rewards"] for r in results if any("tiny_preference" in t for t in r["tools"])]
    assert len(scored) >= 0.5 * len(tests), results[:3]
    assert all(x is not None and spec.low <= x <= spec.high for group in scored for x in group)
    right = sum((b > w) + 0.5 * (b == w) for w, b in scored) / len(scored)
    print(f"\n{len(scored)} of {len(tests)} held-out pairs scored, {right:.3f} in the order of people")
    assert right > 0.53  # a coin: 0.5 +- 0.03; noisy labels, and fewer than a thousand pairs to learn from
