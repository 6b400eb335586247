"""Reward models on a CPU: rlar beside a plain loop over transformers and beside TRL's built-in model reward.

    python benchmarks/reward_models.py [--texts 64] [--threads 1] [--repeats 2] [--sizes 16 32 64 128] [--at-once]

One small classifier (random weights, a real tokenizer and chat template), conversations of mixed lengths, the same for
all. Each contender runs in a process of its own, templates and tokenises itself, and gives one score per response; the
scores must be equal (the largest difference is printed). Seconds are of CPU, of all its processes, the best of its
repeats: a machine that others use too slows the wall clock, and less so this.

    loop 1     one conversation at a time
    loop 16    batches of 16 in the given order, padded
    TRL        GRPOTrainer's own path for a model as reward function: everything in one padded batch
    rlar       RewardModel.judge_many: process, pipes, length-sorted micro-batches, prefixes of a group once

Memory: the most that the process with the model held (resident), by size of the batch.
"""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import argparse
import asyncio
import functools
import importlib.util
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WORDS = "the quick brown fox jumps over a lazy dog and says thank you for your kind help with this question".split()  # noqa: SIM905
Rows = list[tuple[str, str]]  # prompt, response


def making() -> Any:
    """The tests' maker of tiny models."""
    spec = importlib.util.spec_from_file_location("models_making", ROOT / "tests" / "engines" / "models" / "making.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def texts(count: int, group: int, seed: int = 0) -> Rows:
    """Conversations of lognormal lengths; `group` responses share a prompt."""
    rng = random.Random(seed)

    def text(median: float) -> str:
        n = max(3, min(900, int(rng.lognormvariate(0, 0.9) * median)))
        return " ".join(rng.choices(WORDS, k=n))

    rows: Rows = []
    while len(rows) < count:
        prompt = text(100)
        rows += [(prompt, text(100)) for _ in range(group)]
    return rows[:count]


def conversation(prompt: str, response: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}, {"role": "assistant", "content": response}]


# -- contenders: set up once, then a function of rows that gives scores, tokens sent and CPU seconds ------------------


def loop(model: str, size: int) -> Any:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    net = AutoModelForSequenceClassification.from_pretrained(model).eval()
    tok = AutoTokenizer.from_pretrained(model)

    def run(rows: Rows) -> tuple[list[float], int, float]:
        scores: list[float] = []
        sent, started = 0, time.process_time()
        with torch.inference_mode():
            for start in range(0, len(rows), size):
                some = [tok.apply_chat_template(conversation(*r), tokenize=False) for r in rows[start : start + size]]
                inputs = tok(some, return_tensors="pt", padding=True, padding_side="right", add_special_tokens=False)
                sent += inputs.input_ids.numel()
                scores += net(input_ids=inputs.input_ids, attention_mask=inputs.attention_mask).logits[:, 0].tolist()
        return scores, sent, time.process_time() - started

    return run


def trl(model: str) -> Any:
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer
    from trl import GRPOConfig, GRPOTrainer

    folder = Path(tempfile.mkdtemp())
    policy = AutoModelForCausalLM.from_pretrained(making().make("causal", folder / "policy").path)
    tok = AutoTokenizer.from_pretrained(model)
    config = GRPOConfig(
        output_dir=str(folder), use_cpu=True, bf16=False, report_to="none", num_generations=8,
        per_device_train_batch_size=8, disable_tqdm=True,
    )  # fmt: skip
    net = AutoModelForSequenceClassification.from_pretrained(model).eval()
    trainer = GRPOTrainer(
        model=policy, reward_funcs=[net], reward_processing_classes=[tok], args=config, processing_class=tok,
        train_dataset=Dataset.from_list([{"prompt": conversation("hi", "")[:1]}] * 8),
    )  # fmt: skip

    def run(rows: Rows) -> tuple[list[float], int, float]:
        prompts = [conversation(p, r)[:1] for p, r in rows]
        completions = [conversation(p, r)[1:] for p, r in rows]
        inputs = [{"prompt": p, "completion": c} for p, c in zip(prompts, completions, strict=True)]
        started = time.process_time()
        found = trainer._calculate_rewards(inputs, prompts, completions, [[0]] * len(rows))
        took = time.process_time() - started
        lengths = [len(tok(tok.apply_chat_template(conversation(*r), tokenize=False)).input_ids) for r in rows]
        return found[:, 0].tolist(), max(lengths) * len(rows), took

    return run


def ours(model: str, threads: int) -> Any:
    from rlar.engines.models.engine import EngineSettings, ModelEngine
    from rlar.tools.reward_model import RewardModel
    from rlar.types import Query

    engine = ModelEngine(EngineSettings(device="cpu", threads=threads))
    tool = RewardModel(model, engine=engine)
    engine.load(tool.spec)

    def run(rows: Rows, *, share: bool = True) -> tuple[list[float], int, float]:
        groups: list[tuple[Query, list[str]]] = []
        for n, (prompt, response) in enumerate(rows):
            if not share or not groups or groups[-1][0].text != prompt:
                # without sharing every conversation is a group of its own, so that no prefix has company
                groups.append((Query(prompt, id=str(n)), []))
            groups[-1][1].append(response)
        before, started = engine.facts(tool.spec), time.process_time()
        verdicts = asyncio.run(tool.judge_many(groups))
        own, after = time.process_time() - started, engine.facts(tool.spec)
        run.peak_mib = after["peak_mib"]  # type: ignore[attr-defined]
        scores = [v.value for group in verdicts for v in group if v.value is not None]
        return scores, after["tokens"] - before["tokens"], own + after["seconds"] - before["seconds"]

    return run


def contend(job: dict[str, Any]) -> dict[str, Any]:
    """{name: {group: best run}} and {"memory": {size: MiB}} of the contenders of one process."""
    warnings.filterwarnings("ignore")
    model, out = job["model"], {}
    if job["contender"] != "rlar":  # whose model lives in a process of its own
        import torch

        torch.set_num_threads(job["threads"])
    runs: dict[str, Any]
    if job["contender"] == "loops":
        runs = {"loop 1": loop(model, 1), "loop 16": loop(model, 16)}
    elif job["contender"] == "TRL":
        runs = {"TRL": trl(model)}
    else:
        tool = ours(model, job["threads"])
        runs = {"rlar": tool, "rlar, no sharing": functools.partial(tool, share=False)}
    held: dict[int, float] = {}
    if job["contender"] != "loops":
        name, first = next(iter(runs.items()))
        for size in [1, *sorted(job["sizes"])]:  # the most that was ever held only grows, so sizes do too
            first(texts(size, 8, seed=size))
            held[size] = getattr(first, "peak_mib", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    for name, run in runs.items():
        out[name] = {}
        for group in (1, 8):
            rows = texts(job["texts"], group)
            found = [run(rows) for _ in range(job["repeats"])]
            best = min(found, key=lambda f: f[2])
            out[name][group] = {"scores": best[0], "sent": best[1], "seconds": best[2]}
    return {"runs": out, "memory": held}


# -- the run ----------------------------------------------------------------------------------------------------------


def apart(**job: Any) -> dict[str, Any]:
    """Contenders in a process of their own."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(job["threads"]), "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, __file__, "--job", json.dumps(job)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        sys.exit(f"{job['contender']} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--sizes", type=int, nargs="*", default=[16, 32, 64, 128])
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--at-once", action="store_true", help="contenders side by side, not one after the other")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job:
        print(json.dumps(contend(json.loads(given.job))))
        return
    with tempfile.TemporaryDirectory() as folder:
        model = making().make(
            "classifier", Path(folder) / "model", hidden_size=given.hidden, intermediate_size=3 * given.hidden,
            num_hidden_layers=given.layers, num_attention_heads=8, num_key_value_heads=4, head_dim=given.hidden // 8,
            max_position_embeddings=4096,
        ).path  # fmt: skip
        settings = Path(model) / "tokenizer_config.json"
        settings.write_text(json.dumps({**json.loads(settings.read_text()), "model_max_length": 4096}))
        common = {k: getattr(given, k) for k in ("threads", "texts", "repeats", "sizes")}
        with ThreadPoolExecutor(3 if given.at_once else 1) as pool:
            names = ("loops", "TRL", "rlar")
            parts = pool.map(lambda name: apart(contender=name, model=model, **common), names)
            found = dict(zip(names, parts, strict=True))
    runs = {name: groups for part in found.values() for name, groups in part["runs"].items()}
    for group in ("1", "8"):
        report({name: groups[group] for name, groups in runs.items()}, given.texts, group)
    print("\nmost memory held, MiB, and what that is above a batch of one; groups of 8")
    print(f"{'texts':>8}{'TRL':>18}{'rlar':>18}")
    for size in map(str, sorted(given.sizes)):
        cells = [
            f"{m[size]:,.0f} (+{m[size] - m['1']:,.0f})" for m in (found["TRL"]["memory"], found["rlar"]["memory"])
        ]
        print(f"{size:>8}{cells[0]:>18}{cells[1]:>18}")


def report(best: dict[str, dict[str, Any]], count: int, group: str) -> None:
    exact = best["loop 1"]
    kind = "no two of one prompt" if group == "1" else f"groups of {group}"
    print(f"\n{count} conversations, {kind}, {exact['sent']:,} tokens")
    head = (
        f"{'CPU s':>9}{'texts/s':>9}{'tokens sent':>13}{'x loop 1':>10}{'x loop 16':>10}{'x TRL':>8}{'difference':>12}"
    )
    print(f"{'':18}{head}")
    for name, found in best.items():
        worst = max(abs(a - b) for a, b in zip(found["scores"], exact["scores"], strict=True))
        ratios = [best[other]["seconds"] / found["seconds"] for other in ("loop 1", "loop 16", "TRL")]
        print(
            f"{name:18}{found['seconds']:9.2f}{count / found['seconds']:9.1f}{found['sent']:13,}"
            f"{ratios[0]:10.2f}{ratios[1]:10.2f}{ratios[2]:8.2f}{worst:12.1e}"
        )


if __name__ == "__main__":
    main()
