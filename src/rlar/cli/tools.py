"""`rlar tools`: the tools there are, one tool's card, and the contract's checks on a user's own file.

What concerns versions in a library on disk is in `versions`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from rlar.cli import versions
from rlar.library import Library, tools_of_file
from rlar.library.store import Store
from rlar.types import Json, Query, Tool, ToolCard

app = typer.Typer(
    help="List tools, show a card, test and examine your own, keep a library.",
    invoke_without_command=True,
    no_args_is_help=False,
)
versions.register(app)

LibraryOption = Annotated[
    Path | None, typer.Option("--library", help="folder of a library; without it, the built-in tools")
]

# Queries that a user's tool is tried on when no rollouts are given: the first one that it fits.
EXAMPLES: tuple[tuple[Query, tuple[str, ...]], ...] = (
    (Query("What is 6 * 7?", reference="42"), ("It is 42.", "It is 24.")),
    (Query("Translate to German: Good morning!", reference="Guten Morgen!"), ("Guten Morgen!", "Gute Nacht!")),
    (Query("Tell me about the sea."), ("The sea is wide, salty and deep.", "No.")),
)


@app.callback()
def tools(ctx: typer.Context, library: LibraryOption = None) -> None:
    if ctx.invoked_subcommand is None:
        list_tools(library)


@app.command("list")
def list_tools(library: LibraryOption = None, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """All tools with kind, what they need, and what they are for; of a library, all versions with their states."""
    if library is not None and Store.is_library(library):
        versions.list_versions(library, as_json=as_json)
        return
    cards = open_library(library).cards()
    if as_json:
        typer.echo(json.dumps([card_json(card) for card in cards], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("tool", "kind", "needs", "about", box=None, header_style="bold", pad_edge=False)
    for card in cards:
        table.add_row(card.name, str(card.kind), ", ".join(card.needs), card.about)
    Console().print(table)


app.command("ls", help="The same as list.")(list_tools)


@app.command("show")
def show(name: str, library: LibraryOption = None, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """One tool's card; of a version in a library, also its exam and its history."""
    if library is not None and Store.is_library(library) and versions.show_version(library, name, as_json=as_json):
        return
    card = open_library(library).get(name).card
    if as_json:
        typer.echo(json.dumps(card_json(card), indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(f"[bold]{card.ref}[/]  {card.about}")
    table = Table(box=None, show_header=False, pad_edge=False)
    for field, value in card_json(card).items():
        if field not in ("name", "version", "about", "exam"):
            table.add_row(field, "any" if field == "suits" and not value else _short(value))
    table.add_row("exam", _short(card.exam) if card.exam else "none taken (`rlar tools exam` runs one)")
    console.print(table)


@app.command("test")
def test(
    file: Annotated[Path, typer.Argument(help="a Python file with @rlar.tool functions; it is executed")],
    rollouts: Annotated[
        Path | None, typer.Option("--on", help="rollouts to try it on, instead of our examples")
    ] = None,
) -> None:
    """Run a file's tools through the contract's checks. Exit code 1 if any fails."""
    from rich.console import Console

    from rlar.testing import check_tool

    console = Console()
    failed = 0
    for tool in tools_of_file(file):
        console.print(f"[bold]{tool.card.ref}[/]")
        example = _example(tool, rollouts)
        if example is None:
            failed += 1
            console.print("  [red]NO[/] fits none of the queries; give rollouts that it can judge with --on FILE")
            continue
        for check in check_tool(tool, *example):
            failed += check.ok is False
            mark = {True: "[green]ok[/]", False: "[red]NO[/]", None: "[yellow]--[/]"}[check.ok]
            console.print(
                f"  {mark} {check.name}" + (f": {check.says}" if check.says else ""), soft_wrap=True, highlight=False
            )
    if failed:
        raise typer.Exit(1)


def open_library(folder: Path | None) -> Library:
    return Library.open(folder) if folder else Library()


def card_json(card: ToolCard) -> dict[str, Json]:
    """A card as plain JSON, defaults included."""
    return json.loads(json.dumps(dataclasses.asdict(card)))  # type: ignore[no-any-return]


def _example(tool: Tool, rollouts: Path | None) -> tuple[Query, Sequence[str]] | None:
    if rollouts is None:
        return next(((q, r) for q, r in EXAMPLES if tool.fits(q)), None)
    from rlar.rollouts import read_items

    return next(((i.query, i.responses) for i in read_items([rollouts]) if tool.fits(i.query)), None)


def _short(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return json.dumps(value) if isinstance(value, dict) else str(value)
