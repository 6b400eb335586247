"""The summary of a run for people: one row by task, then what deserves a look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from rlar.rollouts.items import clip
from rlar.types import Json

if TYPE_CHECKING:
    from rich.console import Console

PLAIN_WIDTH = 128  # where nobody says how wide the terminal is


def print_table(summary: Mapping[str, Json], *, stderr: bool = False) -> None:
    """Write the table to stdout, or to stderr where stdout holds the rewards."""
    from rich.console import Console
    from rich.table import Table

    console = Console(stderr=stderr)
    if not console.is_terminal:
        console = Console(stderr=stderr, width=PLAIN_WIDTH)
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    labelled = any(task["label_agreement"] is not None for task in summary["tasks"].values())
    names = ["task", "items", "tools", "coverage", "mean", "spread", "flat groups"]
    for name in [*names, *(["labels"] if labelled else []), "faults", "gaps", "time"]:
        table.add_column(name, justify="left" if name in ("task", "tools") else "right", no_wrap=name != "tools")
    for label, task in summary["tasks"].items():
        table.add_row(label, *_cells(task, labelled))
    if len(summary["tasks"]) > 1:
        table.add_section()
        table.add_row("all", *_cells(_total(summary), labelled), style="bold")
    console.print(table)
    _footer(console, summary)


def _cells(task: Mapping[str, Json], labelled: bool) -> list[str]:
    agreement = task["label_agreement"]
    return [
        f"{task['items']:,}",
        tool_names(task["tools"], 2),
        "-" if task["coverage"] is None else f"{task['coverage']:.1%}",
        "-" if task["mean_reward"] is None else f"{task['mean_reward']:.3f}",
        "-" if task["spread_within_groups"] is None else f"{task['spread_within_groups']:.3f}",
        f"{task['groups_without_information']:,} of {task['groups']:,}" if task["groups"] else "-",
        *(["-" if agreement is None else f"{agreement:.1%}"] if labelled else []),
        f"{task['faults']:,}",
        f"{task['gaps']:,}",
        f"{task['seconds']:.2f} s",
    ]


def _total(summary: Mapping[str, Json]) -> dict[str, Json]:
    tasks = list(summary["tasks"].values())
    total: dict[str, Json] = {
        name: sum(task[name] for task in tasks)
        for name in (
            "items",
            "judged",
            "responses",
            "groups",
            "groups_without_information",
            "faults",
            "gaps",
            "seconds",
        )
    }
    total["coverage"] = total["judged"] / total["responses"] if total["responses"] else None
    # Means over tasks of different tools are on different rulers: they would say nothing.
    return {**total, "mean_reward": None, "spread_within_groups": None, "label_agreement": None, "tools": {}}


def tool_names(tools: Mapping[str, int], most: int) -> str:
    """Names without versions, by use; "math, choice +2"."""
    names = list(dict.fromkeys(ref.partition("@")[0] for ref in tools))
    more = f" +{len(names) - most}" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _footer(console: Console, summary: Mapping[str, Json]) -> None:
    rate = summary["items"] / max(summary["seconds"], 1e-9)
    what = (
        f"{summary['items']:,} items, {summary['responses']:,} responses in {summary['seconds']:.1f} s ({rate:,.0f}/s)"
    )
    if summary["resumed"]:
        what += f"; {summary['resumed']:,} of them were there from an earlier run"
    console.print(f"\n{what}", markup=False, highlight=False)
    serving = summary["efficiency"]["serving"]
    if serving["rewards"]:
        each = (
            f"each response took {serving['cpu_ms_per_reward']:.3g} ms of tools, "
            f"{serving['tokens_per_reward']:.3g} tokens, {serving['usd_per_reward']:.3g} USD; "
            f"{serving['cache_hit_rate']:.0%} of the judgements came from the cache"
        )
        console.print(each, markup=False, highlight=False, soft_wrap=True)
    for text in notes(summary):
        console.print(f"- {text}", markup=False, highlight=False, soft_wrap=True)


def notes(summary: Mapping[str, Json]) -> Iterator[str]:
    """What deserves a look, in words."""
    for fault in summary["faults"][:3]:
        tool = fault["tool"].partition("@")[0]
        yield f"{fault['count']:,} faults of {tool} ({fault['fault']}): {clip(_flat(fault['why']), 160)}"
    for why, count in list(summary["gaps"].items())[:3]:
        yield f"{count:,} items without a tool: {clip(_flat(why), 200)}"
    if summary["repeated_ids"]:
        yield f"{summary['repeated_ids']:,} items repeat the id of an earlier one; all their lines are kept"
    if summary["usd"]:
        yield f"{summary['tokens']:,} tokens, {summary['usd']:.4f} USD"


def _flat(text: str) -> str:
    """One line, without control characters: reasons may quote responses."""
    return "".join(c if c.isprintable() else " " for c in text)
