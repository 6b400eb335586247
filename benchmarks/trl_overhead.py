"""What rlar adds to a step of TRL's GRPOTrainer, beside calling the same verifiers bare.

    python benchmarks/trl_overhead.py [--steps 40] [--base FOLDER]

Every step's completions are judged twice, in turns which first: by rlar's adapter (analysis, routing by content, worker
processes, cache, policy, metrics), and bare (the verifier of the row's task, chosen by its label, called in this
process; programs go to the sandbox both ways, for nobody should run them here). Both must give the same rewards.
The step's own time is what TRL took less both judgings, plus the bare one.

--base: a model of the experiment (`python -m examples.multitask_grpo run` makes runs/multitask_grpo/base); without one
an untrained model of the same size answers. It has 0.7 million parameters: no real step is as short as these.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import argparse
import statistics
import sys
import tempfile
import time
import warnings
from itertools import islice
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from examples.multitask_grpo.arms import NEW_TOKENS, dataset  # noqa: E402
from examples.multitask_grpo.tasks import examples  # noqa: E402

VERIFIER = {
    "sums": "math", "programs": "unit_tests", "translation": "translation", "format": "instructions",
    "json": "json_match", "choice": "choice", "sorting": "list_match",
}  # fmt: skip
WARM_UP = 4  # steps that start workers and fill caches of code


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--prompts", type=int, default=16, help="per step, with 8 responses each")
    parser.add_argument("--base", type=Path, default=ROOT / "runs" / "multitask_grpo" / "base")
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    measured = measure(given.base, given.steps, given.prompts)[WARM_UP:]
    rows = given.prompts * 8

    def median(key: str) -> float:
        return statistics.median(m[key] for m in measured)

    print(f"{len(measured)} steps of {rows} responses, medians; one thread, {os.cpu_count()} cores")
    print(f"{'':14}{'wall ms':>9}{'CPU ms':>9}   (of this process; workers of rlar included)")
    for name in ("rlar", "bare", "step"):
        print(f"{name:14}{1000 * median(name + '_wall'):>9.1f}{1000 * median(name + '_cpu'):>9.1f}")
    for clock in ("wall", "cpu"):
        shares = sorted((m[f"rlar_{clock}"] - m[f"bare_{clock}"]) / m[f"step_{clock}"] for m in measured)
        low, mid, high = (shares[int(q * (len(shares) - 1))] for q in (0.25, 0.5, 0.75))
        print(f"added by rlar, {clock}: {mid:.1%} of the step (quartiles {low:.1%} to {high:.1%})")


def measure(base: Path, steps: int, prompts: int) -> list[dict[str, float]]:
    """Seconds of wall and CPU per step: rlar, bare, and the step as it were with the bare verifiers alone."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    from rlar.adapters.trl import reward
    from rlar.library import Library
    from rlar.system import as_query

    torch.set_num_threads(1)
    if base.exists():
        tokenizer = AutoTokenizer.from_pretrained(base, padding_side="left")
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    else:
        from examples.multitask_grpo.model import make_model, make_tokenizer

        tokenizer = make_tokenizer()
        model = make_model(tokenizer)
    rows = list(islice(examples(5, held_out=False), steps * prompts))
    queries = [as_query({"prompt": e.prompt, **e.columns}) for e in rows]
    library = Library()
    by_rlar = reward()
    measured: list[dict[str, float]] = []
    begun = {"wall": 0.0, "cpu": 0.0}

    async def bare(completions: list[str], row: list[int]) -> list[float | None]:
        values: list[float | None] = [None] * len(row)
        programs: dict[int, list[int]] = {}
        prepared: dict[int, Any] = {}
        for place, (i, text) in enumerate(zip(row, completions, strict=True)):
            tool: Any = library.get(VERIFIER[rows[i].task])
            if rows[i].task == "programs":
                programs.setdefault(i, []).append(place)
                continue
            if i not in prepared:
                prepared[i] = tool.prepare(queries[i])
            mark = tool.rate(text, queries[i], prepared[i])
            values[place] = getattr(mark, "value", mark)
        groups = [(queries[i], [completions[p] for p in places]) for i, places in programs.items()]
        if groups:
            verdicts = await library.get("unit_tests").judge_many(groups)  # type: ignore[attr-defined]
            for places, judged in zip(programs.values(), verdicts, strict=True):
                for place, verdict in zip(places, judged, strict=True):
                    values[place] = verdict.value
        return values

    async def both(completions: list[str], row: list[int], **given: Any) -> list[float | None]:
        spent: dict[str, float] = {}
        answers: dict[str, list[float | None]] = {}
        for name in ("rlar", "bare") if len(measured) % 2 else ("bare", "rlar"):
            wall, cpu = time.perf_counter(), _cpu_s()
            if name == "rlar":
                answers[name] = await by_rlar(completions=completions, row=row, **given)
            else:
                answers[name] = await bare(completions, row)
            spent |= {f"{name}_wall": time.perf_counter() - wall, f"{name}_cpu": _cpu_s() - cpu}
        assert answers["rlar"] == answers["bare"], "both ways must give the same rewards"
        measured.append(spent)
        return answers["rlar"]

    class Clock(TrainerCallback):
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            begun.update(wall=time.perf_counter(), cpu=_cpu_s())

        def on_step_end(self, *_: Any, **__: Any) -> None:
            last = measured[-1]
            for clock, now in (("wall", time.perf_counter()), ("cpu", _cpu_s())):
                last[f"step_{clock}"] = now - begun[clock] - last[f"rlar_{clock}"]

    with tempfile.TemporaryDirectory() as folder:
        arguments = GRPOConfig(
            output_dir=folder,
            use_cpu=True,
            bf16=True,
            max_steps=steps,
            per_device_train_batch_size=prompts * 8,
            num_generations=8,
            max_completion_length=NEW_TOKENS,
            learning_rate=1e-4,
            beta=0.0,
            top_k=0,
            logging_steps=10,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            gradient_checkpointing=False,
        )
        trainer = GRPOTrainer(
            model=model,
            processing_class=tokenizer,
            reward_funcs=both,
            train_dataset=dataset(rows),
            args=arguments,
            callbacks=[Clock()],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return measured


def _cpu_s() -> float:
    """CPU seconds of this process and of the worker processes it keeps."""
    me = psutil.Process()
    total = sum(me.cpu_times()[:2])
    for child in me.children(recursive=True):
        try:
            total += sum(child.cpu_times()[:2])
        except psutil.Error:
            continue
    return total


if __name__ == "__main__":
    main()
