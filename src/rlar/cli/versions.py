"""`rlar tools` over a library on disk: versions and their states, exams taken again, bundles."""

from __future__ import annotations

import asyncio
import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rlar.cli.errors import plain
from rlar.errors import InputError
from rlar.types import Json

if TYPE_CHECKING:
    from rlar.acquire.exam import Exam
    from rlar.library.index import Row
    from rlar.library.store import Store

LibraryFolder = Annotated[Path, typer.Option("--library", help="folder of a library")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]
Why = Annotated[str, typer.Option("--why", help="the reason, for the history")]


def opened(folder: Path) -> Store:
    """An existing library; a wrong folder is told about instead of becoming one."""
    from rlar.library.store import Store

    if not Store.is_library(folder):
        raise InputError(f"{folder} is no library; `rlar acquire --library {folder}` makes one")
    return Store(folder)


def list_versions(folder: Path, *, as_json: bool) -> None:
    """All versions of a library with their states, the judging ones marked."""
    from rich.console import Console
    from rich.table import Table

    with opened(folder) as store:
        current = {(r.name, r.version) for r in store.current().values()}
        rows = [_described(store, row, judges=(row.name, row.version) in current) for row in store.rows()]
        problems = list(store.problems)
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=200)  # for a file or a pipe; nothing is cut there
    wide = console.width >= 120
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("tool", "state", "pair accuracy", *(("kind", "family") if wide else ())):
        table.add_column(title, no_wrap=True, overflow="fold")  # a ref must stay whole, to be copied
    if wide:
        table.add_column("about", no_wrap=True, overflow="ellipsis")
    for r in rows:
        state = r["state"] + (", pinned" if r["pinned"] else "") + (" *" if r["judges"] else "")
        more = (r["kind"], r["family"], r["about"]) if wide else ()
        cells = (f"{r['name']}@{r['version']}", state, _interval(r["exam"]), *more)
        table.add_row(*(_safe(str(cell)) for cell in cells))
    console.print(table)
    console.print(f"{len(rows)} versions, * {len(current)} of them judge; built-in tools are there besides")
    for problem in problems:
        console.print(f"[red]{_safe(problem)}[/]")


def _described(store: Store, row: Row, *, judges: bool) -> dict[str, Json]:
    from rlar.library.manifest import LibraryProblem

    body: dict[str, Json] = {**row._asdict(), "judges": judges, "kind": "", "family": "", "about": "", "exam": None}
    try:
        manifest = store.manifest(row)
        body |= {"kind": str(manifest.kind), "made_by": manifest.provenance.made_by}
        body |= {"family": manifest.card.get("family", ""), "about": manifest.card.get("about", "")}
        body["exam"] = store.exam(row)
    except LibraryProblem as e:
        body["about"] = f"damaged: {e}"
    return body


def show_version(folder: Path, ref: str, *, as_json: bool) -> bool:
    """One version with its exam and history. False if the library has none of this name."""
    from rich.console import Console

    from rlar.errors import ToolError

    with opened(folder) as store:
        try:
            row = store.find(ref)
        except ToolError:
            return False
        manifest, exam, history = store.manifest(row), store.exam(row), store.history(row)
    if as_json:
        body = json.loads(manifest.to_json()) | {"state": row.state, "pinned": row.pinned, "exam": exam}
        typer.echo(json.dumps(body | {"history": [c._asdict() for c in history]}, indent=2))
        return True
    console = Console()
    console.print(f"[bold]{manifest.ref}[/]  {_safe(str(manifest.card.get('about', '')))}")
    origin = manifest.provenance
    console.print(f"{row.state}{', pinned' if row.pinned else ''}; {manifest.kind}, made by {origin.made_by}", end="")
    console.print(f" with {_safe(origin.model)}" if origin.model else "", highlight=False)
    if origin.prompts:
        console.print(f"prompts: {', '.join(origin.prompts)}", highlight=False)
    if exam:
        print_figures(console, exam)
    else:
        console.print("no exam taken yet")
    console.print("[bold]history[/]")
    for change in history:
        console.print(f"  {change.at[:19]}  {change.state:<12} {_safe(change.why)}", highlight=False, soft_wrap=True)
    return True


def print_figures(console: object, exam: Mapping[str, Json]) -> None:
    """A measured card: every figure with its interval and n, then what it was refused for, with failing cases."""
    from rich.console import Console
    from rich.table import Table

    assert isinstance(console, Console)
    table = Table("figure", "value", "95% interval", "n", box=None, header_style="bold", pad_edge=False)
    for name, figure in exam.items():
        if isinstance(figure, Mapping) and {"value", "n", "low", "high"} <= figure.keys():
            value = "not measured" if figure["value"] is None else f"{figure['value']:.3f}"
            table.add_row(name, value, f"{figure['low']:.3f} to {figure['high']:.3f}", str(figure["n"]))
    console.print(table)
    e, v, d = exam["executable_valid_discriminative"]
    console.print(f"executable {_yes(e)}, valid {_yes(v)}, discriminative {_yes(d)}")
    failed = [f"{k} {f['value']:.2f}" for k, f in exam["attacks"].items() if f["value"] is not None and f["value"] < 1]
    console.print(f"attacks: {len(exam['attacks'])} kinds" + (f"; gained: {', '.join(failed)}" if failed else ""))
    numbers = exam["numbers"]
    console.print(f"time per response: p50 {numbers['seconds_p50']:.2g} s, p99 {numbers['seconds_p99']:.2g} s")
    console.print("[bold green]passed[/]" if exam["passed"] else "[bold red]refused[/]")
    for refusal in exam["refusals"]:
        console.print(f"  {_safe(str(refusal))}", highlight=False, soft_wrap=True)
    for case in exam["failures"][: 0 if exam["passed"] else 6]:
        texts = (str(case[key])[:160] for key in ("shows", "says", "query", "response"))
        shows, says, query, response = (_safe(repr(text)) for text in texts)
        console.print(f"  [dim]{shows}: {says} | query {query} | answer {response}[/]", highlight=False, soft_wrap=True)


def exam(
    what: Annotated[str, typer.Argument(help="FILE.py with your own tools (it is executed), or a tool of --library")],
    on: Annotated[list[str], typer.Option("--on", help="rollouts to examine it on: references, tests, or labels")],
    library: Annotated[Path | None, typer.Option("--library", help="folder of a library")] = None,
    seed: Annotated[int, typer.Option("--seed", help="the same seed asks the same questions")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, help="most queries of the exam")] = 200,
    as_json: AsJson = False,
) -> None:
    """Put a tool through the whole exam and print its card. Exit code 1 if it does not pass.

    A tool of a library is admitted or quarantined by the result: so can what was imported come to judge.
    """
    from rich.console import Console

    from rlar.rollouts import read_items

    items = list(read_items(on))
    console = Console()
    failed = 0
    if Path(what).suffix == ".py":
        from rlar.acquire.exam import build_cases, examine
        from rlar.library import tools_of_file

        for tool in tools_of_file(what):
            mine = [item for item in items if tool.fits(item.query)]
            if not mine:
                raise InputError(
                    f"{tool.card.ref} fits none of the {len(items)} items; give rollouts that it can judge"
                )
            cases = build_cases(mine, seed=seed, most=limit)
            with console.status(f"examining {tool.card.ref}"):
                taken = asyncio.run(examine(tool, cases, seed=seed))
            failed += _tell(console, taken, taken.refusals, as_json=as_json)
    elif library is None:
        raise InputError(f"{what} is no .py file; to examine a tool of a library, give --library FOLDER")
    else:
        from rlar.acquire.acquiring import Acquisition

        with opened(library) as store, console.status(f"examining {what}"):
            taken, refusals = asyncio.run(Acquisition(store, seed=seed).again(what, items))
            state = store.find(taken.tool).state
        failed += _tell(console, taken, refusals, as_json=as_json)
        if not as_json:
            console.print(f"it is {state} now")
    if failed:
        raise typer.Exit(1)


def _tell(console: object, taken: Exam, refusals: tuple[str, ...], *, as_json: bool) -> int:
    body = taken.to_json() | {"passed": not refusals, "refusals": list(refusals)}
    if as_json:
        typer.echo(json.dumps(body))
    else:
        from rich.console import Console

        assert isinstance(console, Console)
        console.print(f"[bold]{taken.tool}[/] on {taken.queries} queries, seed {taken.seed}")
        print_figures(console, body)
    return int(bool(refusals))


def diff(old: str, new: str, library: LibraryFolder) -> None:
    """What differs between two versions: settings, card, files, and the figures of their exams."""
    with opened(library) as store:
        rows = [store.find(ref) for ref in (old, new)]
        manifests = [store.manifest(row) for row in rows]
        exams = [store.exam(row) or {} for row in rows]
        texts = [
            {name: (store.path(row) / name).read_text("utf-8", "replace") for name in m.files if name.endswith(".py")}
            for row, m in zip(rows, manifests, strict=True)
        ]
    a, b = manifests
    if a == b and exams[0] == exams[1]:
        typer.echo(f"{a.ref}: nothing differs")
        return
    typer.echo(f"--- {a.ref} ({rows[0].state})\n+++ {b.ref} ({rows[1].state})")
    for part in ("settings", "card"):
        left, right = getattr(a, part), getattr(b, part)
        for key in sorted(left.keys() | right.keys()):
            if left.get(key) != right.get(key):
                typer.echo(plain(f"{part}.{key}: {json.dumps(left.get(key))} -> {json.dumps(right.get(key))}"))
    if a.requirements != b.requirements:
        typer.echo(f"requirements: {', '.join(a.requirements)} -> {', '.join(b.requirements)}")
    for name in sorted(texts[0].keys() | texts[1].keys()):
        before, after = (text.get(name, "").splitlines() for text in texts)
        for line in difflib.unified_diff(before, after, f"{a.version}/{name}", f"{b.version}/{name}", lineterm=""):
            typer.echo(plain(line))
    for key in sorted(exams[0].keys() | exams[1].keys()):
        sides_of = [_figure(e.get(key)) for e in exams]
        if any(sides_of) and sides_of[0] != sides_of[1]:
            typer.echo(f"exam.{key}: {sides_of[0] or 'none'} -> {sides_of[1] or 'none'}")


def pin(ref: str, library: LibraryFolder, why: Why = "pinned by hand") -> None:
    """Let this version judge, whatever is admitted later. It must have been admitted once."""
    with opened(library) as store:
        row = store.find(ref)
        if row.state not in ("admitted", "retired"):
            raise InputError(f"{row.name}@{row.version} is {row.state}; `rlar tools exam` must admit it before")
        _moved(store.pin(ref, why=why))


def retire(ref: str, library: LibraryFolder, why: Why = "retired by hand") -> None:
    """Let this version judge no longer. `rlar acquire` leaves it retired."""
    with opened(library) as store:
        _moved(store.move(ref, "retired", why=why, pinned=False))


def rollback(name: str, library: LibraryFolder, why: Why = "rolled back by hand") -> None:
    """Retire the judging version of a tool, and let the one before it judge again."""
    with opened(library) as store:
        _moved(store.rollback(name, why=why))


def canary(ref: str, library: LibraryFolder, why: Why = "to be compared with the version that judges") -> None:
    """Let a version judge beside the one that counts; `rlar evolve --rollouts`, or a running system, decides.

    It is promoted if it is not worse, and retired if it is.
    """
    from rlar.acquire.evolve import Evolution

    with opened(library) as store:
        row = store.find(ref)
        Evolution(store).start_canary(f"{row.name}@{row.version}", why=why)
        _moved(store.find(f"{row.name}@{row.version}"))


def export(
    bundle: Annotated[Path, typer.Argument(help="file to write, e.g. tools.tar.gz")],
    library: LibraryFolder,
    refs: Annotated[list[str] | None, typer.Argument(help="versions; without any, all that judge now")] = None,
) -> None:
    """Write versions to a pinned bundle, which gives the same rewards elsewhere."""
    from rlar.library.bundle import export_bundle

    with opened(library) as store:
        rows = export_bundle(store, refs or (), bundle)
    typer.echo(f"{bundle}: {', '.join(f'{r.name}@{r.version}' for r in rows)}")


def import_(bundle: Annotated[Path, typer.Argument(help="a bundle")], library: LibraryFolder) -> None:
    """Take in a bundle. Its tools are only proposed, until `rlar tools exam NAME --on ROLLOUTS` admits them."""
    from rlar.library.bundle import import_bundle
    from rlar.library.store import Store

    if not bundle.is_file():
        raise InputError(f"there is no file {bundle}")
    with Store(library) as store:
        rows = import_bundle(store, bundle)
    ask = f"rlar tools exam --library {library}"
    for row in rows:
        typer.echo(f"{row.name}@{row.version} is {row.state}; `{ask} {row.name} --on ROLLOUTS` decides")


def register(app: typer.Typer) -> None:
    for name, function in (
        ("exam", exam),
        ("diff", diff),
        ("pin", pin),
        ("retire", retire),
        ("rollback", rollback),
        ("canary", canary),
        ("export", export),
        ("import", import_),
    ):
        app.command(name)(function)


def _moved(row: Row) -> None:
    typer.echo(f"{row.name}@{row.version} is {row.state}{', pinned' if row.pinned else ''}")


def _figure(value: Json) -> str:
    if not isinstance(value, Mapping) or "value" not in value or value["value"] is None:
        return ""
    return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}] n={value['n']}"


def _interval(exam: Mapping[str, Json] | None) -> str:
    figure = (exam or {}).get("pair_accuracy")
    if not isinstance(figure, Mapping) or not _figure(figure):
        return "not measured"
    return f"{figure['value']:.2f} [{figure['low']:.2f}, {figure['high']:.2f}]"


def _safe(text: str) -> str:
    from rich.markup import escape

    return escape(plain(text))


def _yes(value: bool) -> str:
    return "yes" if value else "no"
