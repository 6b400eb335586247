"""One arm and seed: GRPO with TRL's GRPOTrainer, held-out accuracy on the way, one JSON at the end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from examples.multitask_grpo.arms import NEW_TOKENS, dataset, reward_function
from examples.multitask_grpo.model import answers
from examples.multitask_grpo.tasks import TASKS, Example, as_people_write, examples


@dataclass(frozen=True)
class Plan:
    """What all arms and seeds have in common. base: folder (or name) of the model that all start from.

    references: "short", or "written" as people write them (tasks.as_people_write).
    prompts x group responses per step. evaluate_every: steps between two looks at the held-out prompts.
    """

    base: str
    device: str = "cpu"
    references: str = "short"
    steps: int = 80
    prompts: int = 16
    group: int = 8
    learning_rate: float = 4e-4  # falls to 0
    new_tokens: int = NEW_TOKENS
    evaluate_every: int = 20
    held_out: int = 60  # prompts per task


def held_out(plan: Plan) -> list[Example]:
    return list(islice(examples(4242, held_out=True), plan.held_out * len(TASKS)))


def marks(model: Any, tokenizer: Any, rows: Sequence[Example], plan: Plan, *, sample: bool) -> list[bool]:
    """Which responses to these prompts are right, by the truth."""
    texts = answers(model, tokenizer, [e.prompt for e in rows], new_tokens=plan.new_tokens, sample=sample)
    return [e.right(text) for e, text in zip(rows, texts, strict=True)]


def by_task(rows: Sequence[Example], right: Sequence[bool]) -> dict[str, float]:
    """Share of right responses per task."""
    told = {task: [ok for e, ok in zip(rows, right, strict=True) if e.task == task] for task in TASKS}
    return {task: round(sum(marks) / len(marks), 4) for task, marks in told.items()}


def train(
    plan: Plan,
    arm: str,
    seed: int,
    out: Path,
    *,
    head: Path,
    work: Path,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Train and write `out`. work: folder for what this run needs on disk."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    started, cpu = time.monotonic(), time.process_time()
    tokenizer = AutoTokenizer.from_pretrained(plan.base, padding_side="left")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(plan.base, dtype=torch.float32 if plan.device == "cpu" else None)
    rows = list(islice(examples(1000 + seed, held_out=False), plan.steps * plan.prompts))
    if plan.references == "written":
        rows = [as_people_write(e) for e in rows]
    tests = held_out(plan)
    curve: list[dict[str, Any]] = []
    steps: list[dict[str, float]] = []
    last: dict[str, str] = {}  # one digit per held-out prompt, for the intervals
    spent_on_evaluation = [0.0]
    broken = None
    if arm == "rlar_broken":
        from examples.multitask_grpo.broken import Broken

        broken = Broken(work / f"library-{seed}", break_at=max(1, plan.steps * 3 // 8))

    def look(step: int) -> None:
        before = time.process_time()
        right = {kind: marks(model, tokenizer, tests, plan, sample=kind == "sampled") for kind in ("greedy", "sampled")}
        curve.append({"step": step} | {kind: by_task(tests, r) for kind, r in right.items()})
        last.update({kind: "".join("01"[ok] for ok in r) for kind, r in right.items()})
        spent_on_evaluation[0] += time.process_time() - before

    def truth(completions: Sequence[str], row: Sequence[int], **_: Any) -> list[None]:
        """Pays nothing: notes how many responses of this step are right."""
        steps.append({"right": sum(rows[i].right(t) for i, t in zip(row, completions, strict=True)) / len(row)})
        return [None] * len(row)

    class Watching(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if logs and "reward" in logs and steps:
                steps[-1]["reward"] = float(logs[f"rewards/{name}/mean"])
                steps[-1]["tokens"] = float(logs["completions/mean_length"])
                if "rlar/valid_rate" in logs:
                    steps[-1]["valid"] = float(logs["rlar/valid_rate"])

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if broken is not None:
                broken.after(state.global_step)
            if state.global_step % plan.evaluate_every == 0 and state.global_step < plan.steps:
                look(state.global_step)
            if progress is not None:
                progress(state.global_step)

    function = reward_function(arm, rows, head, broken and broken.system)
    name = function.__name__
    trainer = GRPOTrainer(
        model=model,
        processing_class=tokenizer,
        reward_funcs=[function, truth],
        train_dataset=dataset(rows),
        callbacks=[Watching()],
        args=GRPOConfig(
            output_dir=str(work / "trainer"),
            use_cpu=plan.device == "cpu",
            bf16=True,
            seed=seed,
            max_steps=plan.steps,
            per_device_train_batch_size=plan.prompts * plan.group,
            num_generations=plan.group,
            max_completion_length=plan.new_tokens,
            learning_rate=plan.learning_rate,
            lr_scheduler_type="linear",
            warmup_steps=5,
            shuffle_dataset=False,
            beta=0.0,
            temperature=1.0,
            top_k=0,
            top_p=1.0,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            gradient_checkpointing=False,
        ),
    )
    trainer.remove_callback(PrinterCallback)
    look(0)
    trainer.train()
    look(plan.steps)
    result = {
        "arm": arm,
        "seed": seed,
        "curve": curve,
        "final": last,
        "steps": _windows(steps),
        "events": broken.events if broken else [],
        "wall_s": round(time.monotonic() - started, 1),
        "cpu_s": round(time.process_time() - cpu, 1),
        "evaluation_cpu_s": round(spent_on_evaluation[0], 1),
    }
    new = out.with_name(out.name + ".new")
    new.write_text(json.dumps(result) + "\n")
    new.replace(out)
    return result


def _windows(steps: Sequence[dict[str, float]], size: int = 5) -> list[dict[str, float]]:
    """Means over every five steps: reward, share of right responses, tokens, rewards that were there."""
    out = []
    for start in range(0, len(steps), size):
        window = steps[start : start + size]
        means = {k: round(sum(s[k] for s in window) / len(window), 4) for k in window[0] if all(k in s for s in window)}
        out.append({"step": start + len(window), **means})
    return out
