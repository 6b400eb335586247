"""The table and the plots of docs/experiment.md, from the results of the runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from examples.multitask_grpo.arms import ARMS, STATIC
from examples.multitask_grpo.plots import Line, Panel, panels
from examples.multitask_grpo.tasks import TASKS

END = "<!-- end -->"
BLIND = ("true", "length", "preference")  # arms that read no reference: the same runs, however it is written
DRAWS = 4000
Results = Mapping[str, Any]


def write(results: Results, written: Results, docs: Path) -> str:
    """Put the tables into experiment.md, the plots beside it; returns the tables.

    written: results with references as people write them; the arms that read none are taken from `results`.
    """
    both = {"runs": [*written["runs"], *(run for run in results["runs"] if run["arm"] in BLIND)]}
    made = {"short": tables(results), "written": tables(both)}
    page = docs / "experiment.md"
    text = page.read_text("utf-8")
    for name, table in made.items():
        before, mark, rest = text.partition(f"<!-- {name}: made by `python -m examples.multitask_grpo report` -->\n")
        _, end, after = rest.partition(END)
        text = f"{before}{mark}{table}\n{end}{after}"
    page.write_text(text, "utf-8")
    folder = docs / "experiment"
    folder.mkdir(exist_ok=True)
    for name, picture in pictures(results).items():
        (folder / f"{name}.svg").write_text(picture + "\n", "utf-8")
    return "\n\n".join(made.values())


def arms_of(results: Results) -> list[str]:
    present = {run["arm"] for run in results["runs"]}
    return [arm for arm in ARMS if arm in present]


def runs_of(results: Results, arm: str) -> list[Any]:
    return [run for run in results["runs"] if run["arm"] == arm]


def tables(results: Results) -> str:
    figures = {kind: Bootstrap(results, kind) for kind in ("greedy", "sampled")}
    head = ["arm", "seeds", "greedy", "sampled", *TASKS, "reward", "right", "CPU-s"]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---|" * (len(head) - 1)]
    base = results["runs"][0]["curve"][0]
    mean = {kind: np.mean(list(base[kind].values())) for kind in ("greedy", "sampled")}
    tasks = [f"{base['greedy'][task]:.2f}" for task in TASKS]
    lines.append("| " + " | ".join(["base", "", *(f"{mean[k]:.3f}" for k in mean), *tasks, "", "", ""]) + " |")
    for arm in arms_of(results):
        runs = runs_of(results, arm)
        tasks = [f"{np.mean([run['curve'][-1]['greedy'][task] for run in runs]):.2f}" for task in TASKS]
        reward, right = (
            f"{np.mean([r['steps'][0][k] for r in runs]):.2f} → {np.mean([r['steps'][-1][k] for r in runs]):.2f}"
            for k in ("reward", "right")
        )
        cells = [arm, str(len(runs)), *(figures[k].mean(arm) for k in figures), *tasks, reward, right]
        lines.append("| " + " | ".join([*cells, f"{np.mean([r['cpu_s'] for r in runs]):.0f}"]) + " |")
    if "rlar" not in arms_of(results):
        return "\n".join(lines)
    lines += ["", "| rlar against | greedy | sampled |", "|---|---|---|"]
    for arm in arms_of(results):
        if arm in (*STATIC, "rlar_broken"):
            lines.append(f"| {arm}: points above | {' | '.join(figures[k].difference('rlar', arm) for k in figures)} |")
        elif arm == "true":
            lines.append(f"| true: share of it | {' | '.join(figures[k].ratio('rlar', arm) for k in figures)} |")
    if broken := [healing(run) for run in runs_of(results, "rlar_broken")]:
        healed = ", ".join(str(at) if at is not None else "never" for _, at in broken)
        lines += ["", f"rlar_broken: broken after step {broken[0][0]}, taken away at step {healed} (seeds in order)."]
    return "\n".join(lines)


class Bootstrap:
    """Intervals (95%) that draw seeds and, within tasks, held-out prompts; all arms meet the same prompts."""

    def __init__(self, results: Results, kind: str) -> None:
        rng = np.random.default_rng(0)
        self.drawn: dict[str, Any] = {}
        self.value: dict[str, float] = {}
        bits = {
            arm: np.array([[int(b) for b in r["final"][kind]] for r in runs_of(results, arm)])
            for arm in arms_of(results)
        }
        count = next(iter(bits.values())).shape[1] // len(TASKS)  # prompts of a task; the tasks come in turn
        prompts = rng.integers(0, count, (DRAWS, len(TASKS), count)) * len(TASKS) + np.arange(len(TASKS))[None, :, None]
        for arm, marks in bits.items():
            seeds = rng.integers(0, len(marks), (DRAWS, len(marks)))
            weights = np.stack([(seeds == s).sum(1) for s in range(len(marks))], 1) / len(marks)
            self.drawn[arm] = np.array([(w @ marks)[p].mean() for w, p in zip(weights, prompts, strict=True)])
            self.value[arm] = float(marks.mean())

    def mean(self, arm: str) -> str:
        low, high = np.percentile(self.drawn[arm], [2.5, 97.5])
        return f"**{self.value[arm]:.3f}** {low:.3f}-{high:.3f}"

    def difference(self, a: str, b: str) -> str:
        return self._of(a, b, lambda x, y: 100 * (x - y), "{:+.1f}")

    def ratio(self, a: str, b: str) -> str:
        return self._of(a, b, lambda x, y: 100 * x / y, "{:.1f}%")

    def _of(self, a: str, b: str, what: Callable[[Any, Any], Any], form: str) -> str:
        low, high = np.percentile(what(self.drawn[a], self.drawn[b]), [2.5, 97.5])
        return f"{form.format(what(self.value[a], self.value[b]))} ({form.format(low)} to {form.format(high)})"


def pictures(results: Results) -> dict[str, str]:
    arms = arms_of(results)
    curves = [
        Panel(f"held-out accuracy, {kind}", [_curve(runs_of(results, arm), arm, kind) for arm in arms])
        for kind in ("greedy", "sampled")
    ]
    hacking = [
        Panel(arm, [_window(runs_of(results, arm), "reward", dashed=True), _window(runs_of(results, arm), "right")])
        for arm in arms
    ]
    made = {
        "accuracy": panels(
            curves, label="Held-out accuracy by training step and arm", columns=2, width=440, height=330
        ),
        "hacking": panels(
            hacking, label="Reward and share of right responses in training", columns=4, width=250, height=190
        ),
    }
    if {"rlar", "rlar_broken"} <= set(arms):
        made["broken"] = panels([_broken(results)], label="Sums: one tool breaks and is healed", columns=1, width=460)
    return made


def _curve(runs: Sequence[Any], arm: str, kind: str, tasks: Sequence[str] = TASKS) -> Line:
    steps = [look["step"] for look in runs[0]["curve"]]
    values = np.array([[np.mean([look[kind][t] for t in tasks]) for look in run["curve"]] for run in runs])
    points = list(zip(steps, values.mean(0).tolist(), strict=True))
    return Line(arm, points, list(zip(values.min(0).tolist(), values.max(0).tolist(), strict=True)))


def _window(runs: Sequence[Any], key: str, *, dashed: bool = False) -> Line:
    steps = [window["step"] for window in runs[0]["steps"]]
    values = np.array([[window[key] for window in run["steps"]] for run in runs]).mean(0)
    return Line(key, list(zip(steps, values.tolist(), strict=True)), dashed=dashed)


def _broken(results: Results) -> Panel:
    """Sampled accuracy of the task whose tool broke, with when it broke and when it was healed, seed by seed."""
    runs = runs_of(results, "rlar_broken")
    marks = [(broke, "broken") for broke in {b for b, _ in map(healing, runs)}]
    marks += [(healed, "") for _, healed in map(healing, runs) if healed is not None]
    lines = [_curve(runs_of(results, arm), arm, "sampled", ("sums",)) for arm in ("rlar", "rlar_broken")]
    return Panel("held-out sums, sampled; dotted: broken, then healed", lines, marks)


def healing(run: Any) -> tuple[int, int | None]:
    """The steps at which the tool broke, and at which the library took it away; None if it never did."""
    broke = next(e["step"] for e in run["events"] if e["act"] == "broken")
    ref = next(e["what"].split()[0] for e in run["events"] if e["act"] == "broken")
    return broke, next((e["step"] for e in run["events"] if e["act"] == "quarantined" and ref in e["what"]), None)
