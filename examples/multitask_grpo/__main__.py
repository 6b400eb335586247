"""python -m examples.multitask_grpo run      # pre-train once, then every arm and seed; stop and start again at will
python -m examples.multitask_grpo report   # the table and the plots of docs/experiment.md, from the results
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # more threads spin while they wait: several times slower on busy cores

import argparse
import dataclasses
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "results.json"
WRITTEN = HERE / "results" / "written.json"


def main(arguments: list[str] | None = None) -> int:
    from examples.multitask_grpo.arms import ARMS

    parser = argparse.ArgumentParser(prog="python -m examples.multitask_grpo", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="pre-train, train, evaluate; resumes where it stopped")
    run.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    run.add_argument("--seeds", type=int, default=5, help="per arm (5)")
    run.add_argument("--steps", type=int, default=80, help="GRPO steps (80)")
    run.add_argument("--prompts", type=int, default=16, help="per step (16), each with 8 responses")
    run.add_argument("--held-out", type=int, default=60, help="held-out prompts per task (60)")
    run.add_argument("--learning-rate", type=float, default=4e-4)
    run.add_argument("--references", choices=("short", "written"), default="short", help="form of the references")
    run.add_argument("--pretrain-steps", type=int, default=800)
    run.add_argument("--folder", type=Path, default=Path("runs/multitask_grpo"), help="state of this experiment")
    run.add_argument("--results", type=Path, default=RESULTS, help="written after every run")
    run.add_argument("--model", default="", help="a causal LM to start from instead of the one pre-trained here")
    run.add_argument("--device", default="cpu", help="cpu or cuda")
    run.add_argument("--new-tokens", type=int, default=0, help="longest response (16; 64 with --model)")
    report = commands.add_parser("report", help="write the table and the plots into docs/")
    report.add_argument("--results", type=Path, default=RESULTS)
    report.add_argument("--written", type=Path, default=WRITTEN, help="results of --references written")
    report.add_argument("--docs", type=Path, default=HERE.parent.parent / "docs")
    given = parser.parse_args(arguments)
    if given.command == "report":
        from examples.multitask_grpo.report import write

        first, written = (json.loads(p.read_text("utf-8")) for p in (given.results, given.written))
        print(write(first, written, given.docs))
        return 0
    return _run(given)


def _run(given: argparse.Namespace) -> int:
    warnings.filterwarnings("ignore")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    if not given.model:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        import torch
        import transformers
        import trl  # noqa: F401
    except ImportError as e:
        print(f"{e.name} is missing: pip install 'rlar[models,train]'", file=sys.stderr)
        return 2
    from examples.multitask_grpo.arms import NEW_TOKENS
    from examples.multitask_grpo.train import Plan, train

    transformers.utils.logging.disable_progress_bar()
    if given.device == "cpu":
        torch.set_num_threads(1)
    given.folder.mkdir(parents=True, exist_ok=True)
    plan = Plan(
        base=given.model or str(given.folder / "base"),
        device=given.device,
        references=given.references,
        steps=given.steps,
        prompts=given.prompts,
        learning_rate=given.learning_rate,
        new_tokens=given.new_tokens or (64 if given.model else NEW_TOKENS),
        held_out=given.held_out,
    )
    if not _same_plan(given.folder / "plan.json", {**dataclasses.asdict(plan), "pretrain_steps": given.pretrain_steps}):
        print(f"{given.folder} holds runs of another plan; give another --folder", file=sys.stderr)
        return 2
    head = given.folder / "head.json"
    todo = [(seed, arm) for seed in range(given.seeds) for arm in given.arms]  # whole rows first
    with _progress() as bar:
        if not given.model and not Path(plan.base).exists():
            _pretrain(plan.base, given.pretrain_steps, bar)
        if not head.exists():
            _fit_head(plan, head)
        whole = bar.add_task("all runs", total=len(todo) * plan.steps)
        for seed, arm in todo:
            out = given.folder / f"{arm}-{seed}.json"
            at = bar.add_task(f"{arm}, seed {seed}", total=plan.steps)
            if not out.exists():

                def step(_: int, at: Any = at) -> None:
                    bar.advance(at)
                    bar.advance(whole)

                result = train(plan, arm, seed, out, head=head, work=given.folder / "work", progress=step)
                last = result["curve"][-1]
                greedy, sampled = (sum(last[k].values()) / len(last[k]) for k in ("greedy", "sampled"))
                bar.console.print(
                    f"{time.strftime('%H:%M:%S')} {arm} seed {seed}: held-out {greedy:.3f} (sampled {sampled:.3f}), "
                    f"reward {result['steps'][0]['reward']:.2f} -> {result['steps'][-1]['reward']:.2f}, "
                    f"{result['cpu_s']:.0f} CPU-s, {result['wall_s']:.0f} s"
                )
            else:
                bar.advance(whole, plan.steps)
            bar.remove_task(at)
            _collect(given.folder, given.results)
    print(f"{given.results}; now: python -m examples.multitask_grpo report")
    return 0


def _pretrain(base: str, steps: int, bar: Any) -> None:
    from examples.multitask_grpo.model import pretrain

    at = bar.add_task("pre-training", total=steps)
    started = time.process_time()
    pretrain(Path(base), steps=steps, progress=lambda step, _: bar.update(at, completed=step))
    bar.console.print(f"pre-trained in {time.process_time() - started:.0f} CPU-s")
    bar.remove_task(at)


def _fit_head(plan: Any, head: Path) -> None:
    import torch
    from examples.multitask_grpo.arms import fit_head
    from examples.multitask_grpo.model import answers
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(plan.base, padding_side="left")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(plan.base, dtype=torch.float32).to(plan.device)
    fit_head(head, lambda prompts: answers(model, tokenizer, prompts, new_tokens=plan.new_tokens, sample=True))


def _same_plan(path: Path, plan: dict[str, Any]) -> bool:
    """Whether the folder's runs were made by this plan; an empty folder takes it."""
    if path.exists():
        return bool(json.loads(path.read_text("utf-8")) == plan)
    path.write_text(json.dumps(plan, indent=1) + "\n", "utf-8")
    return True


def _collect(folder: Path, results: Path) -> None:
    """All finished runs in one file, with the plan."""
    from examples.multitask_grpo.arms import ARMS

    runs = [json.loads(p.read_text("utf-8")) for p in folder.glob("*-*.json")]
    runs.sort(key=lambda r: (r["seed"], ARMS.index(r["arm"])))
    plan = json.loads((folder / "plan.json").read_text("utf-8"))
    plan.pop("base")
    results.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(run, separators=(",", ":")) for run in runs)
    new = results.with_name(results.name + ".new")
    new.write_text(f'{{"plan":{json.dumps(plan)},\n"runs":[\n{lines}\n]}}\n', "utf-8")
    new.replace(results)


def _progress() -> Any:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    )


if __name__ == "__main__":
    raise SystemExit(main())
