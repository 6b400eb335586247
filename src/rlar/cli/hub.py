"""`rlar hub`: search a Hub for reward models, and add one to a library - or say exactly why not."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rlar.cli.errors import plain
from rlar.errors import InputError
from rlar.types import Json

if TYPE_CHECKING:
    from rlar.acquire.web_agent.adding import Added, Step
    from rlar.acquire.web_agent.fetch import Progress
    from rlar.acquire.web_agent.hub import Hub
    from rlar.acquire.web_agent.ranking import Ranked
    from rlar.acquire.web_agent.searching import Found
    from rlar.acquire.web_agent.wanted import Wanted
    from rlar.rollouts import Item

LEAST_OF_A_TASK = 8  # labelled items, for a model to be examined on a task, and to judge it then

app = typer.Typer(help="Find reward models on a Hub, prove them, and keep them in a library.", no_args_is_help=True)

HubEndpoint = Annotated[
    str | None, typer.Option("--hub-endpoint", metavar="URL", help="a mirror; else HF_ENDPOINT, else the public Hub")
]
Budget = Annotated[str, typer.Option("--budget", help="most parameters: 8B, 400M ...")]
Licence = Annotated[str, typer.Option("--licence", help="permissive, conditional (terms to read) or any")]
Gated = Annotated[bool, typer.Option("--gated", help="also gated repositories; HF_TOKEN must be allowed to read them")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object on standard output")]
CacheFolder = Annotated[Path | None, typer.Option("--cache", help="folder for listings; default ~/.cache/rlar/hub")]
LibraryFolder = Annotated[Path, typer.Option("--library", help="folder of the library; made if it is not there")]
AllowWrappers = Annotated[
    bool,
    typer.Option(
        "--allow-generated-wrappers",
        help="let the LLM of --llm write how a model is asked that no rule knows; its code runs in the sandbox only",
    ),
]
DiskQuota = Annotated[str, typer.Option("--disk-quota", help="what all fetched models may take: 100GB, 500MB ...")]


@app.command("search")
def search_command(
    words: Annotated[str, typer.Argument(help='what for: "helpful dialogue", "maths reasoning" ...')],
    budget: Budget = "8B",
    licence: Licence = "permissive",
    explain: Annotated[bool, typer.Option("--explain", help="every feature's contribution, every rejection")] = False,
    without: Annotated[list[str] | None, typer.Option("--without", help="a feature that is to count nothing")] = None,
    gated: Gated = False,
    most: Annotated[int, typer.Option("--most", min=1, help="repositories whose config and card are read")] = 30,
    library: Annotated[Path | None, typer.Option("--library", help="whose earlier exams count")] = None,
    hub_endpoint: HubEndpoint = None,
    cache: CacheFolder = None,
    web: Annotated[bool, typer.Option("--web", help="also ask a web search engine for names (extra: web)")] = False,
    as_json: AsJson = False,
) -> None:
    """Reward models for a purpose, ranked by an explicit formula (docs/hub.md). Exit code 1 if none may be taken."""
    from rlar.acquire.web_agent.searching import search
    from rlar.acquire.web_agent.wanted import Wanted, parse_size
    from rlar.acquire.web_agent.web import DuckDuckGo

    wanted = Wanted(words, parse_size(budget), licence, gated)
    hub = open_hub(hub_endpoint, cache)
    provider = DuckDuckGo() if web else None
    found = search(hub, wanted, exams=_exams(library), without=without or (), most_read=most, web=provider)
    for note in found.notes:
        sys.stderr.write(f"{plain(note)}\n")
    if as_json:
        typer.echo(json.dumps(_search_json(found, wanted, hub), indent=1))
    else:
        _show(found, explain=explain)
    if not found.taken:
        raise typer.Exit(1)


@app.command("add")
def add_command(
    repository: Annotated[str, typer.Argument(help="ORG/MODEL, ORG/MODEL@REVISION, or a local folder")],
    library: LibraryFolder,
    on: Annotated[
        list[str] | None,
        typer.Option("--on", metavar="FILE", help="labelled rollouts: its exam; without, no admission"),
    ] = None,
    suits: Annotated[
        list[str] | None, typer.Option("--suits", help="task that it may judge; default: what --on has, else dialogue")
    ] = None,
    base: Annotated[
        str,
        typer.Option(
            "--base",
            metavar="ORG/MODEL[@REVISION]",
            help="reference model of a DPO policy (its reward is a log ratio); default: the one that its card names",
        ),
    ] = "",
    allow_wrappers: AllowWrappers = False,
    llm: Annotated[
        str | None, typer.Option("--llm", metavar="URL", help="OpenAI-compatible endpoint, for generated wrappers only")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="which model of that endpoint")] = None,
    budget: Budget = "8B",
    licence: Licence = "permissive",
    gated: Gated = False,
    disk_quota: DiskQuota = "100GB",
    hub_endpoint: HubEndpoint = None,
    cache: CacheFolder = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a model at one commit, fit it, smoke it, examine it on labelled answers, admit it. Exit code 1 if it was
    not admitted: the step that refused it says why.

    A policy trained by DPO is judged against its reference model, which is fetched with it (--base). A model that no
    rule understands is refused, unless --allow-generated-wrappers and --llm let an LLM write how it is asked."""
    from rlar.acquire.web_agent.adding import Integrator, examine_and_admit
    from rlar.acquire.web_agent.wanted import Wanted, parse_size
    from rlar.acquire.web_agent.wrapping.writer import WrapperWriter
    from rlar.engines.llm import CachedChat, connect
    from rlar.library.store import Store

    items = _read(on or ())
    tasks = tuple(suits or ()) or _tasks(items) or ("dialogue",)
    hub = open_hub(hub_endpoint, cache)
    with Store(library) as store, ExitStack() as stack:
        wrappers = None
        chat = connect(llm, model) if allow_wrappers else None
        if chat is not None:
            cached = CachedChat(chat, library / "replies.sqlite")
            stack.callback(cached.close)
            wrappers = WrapperWriter(cached)
        integrator = Integrator(
            hub,
            library / "models",
            Wanted(repository, parse_size(budget), licence, gated),
            quota=parse_bytes(disk_quota),
            base=base,
            wrappers=wrappers,
            on_step=None if as_json else _tell,
            on_bytes=stack.enter_context(_coming(shown=sys.stderr.isatty())),
        )

        async def all_steps() -> Added:
            done = await integrator.integrate(repository, suits=tasks)
            if done.draft is not None:
                await examine_and_admit(done, store, [i for i in items if _label(i) in tasks], integrator)
            return done

        done = asyncio.run(all_steps())
    if as_json:
        typer.echo(json.dumps(done.to_json(), indent=1))
    else:
        _outcome(done)
    if done.state != "admitted":
        raise typer.Exit(1)


@contextmanager
def _coming(*, shown: bool) -> Iterator[Progress]:
    """A bar for files that come: bytes, rate, time left; gone when they are there."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Bar(*columns, console=Console(stderr=True), transient=True, disable=not shown) as bar:
        task = bar.add_task("", total=None, visible=False)

        def told(name: str, there: int, total: int) -> None:
            here = there < total
            bar.update(task, description=plain(name), completed=there, total=total, visible=here, refresh=not here)

        yield told


def open_hub(endpoint: str | None, cache: Path | None) -> Hub:
    """The Hub of the options, with the token of HF_TOKEN on the public Hub only."""
    from rlar.acquire.web_agent.hub import Hub

    if endpoint is not None and not endpoint.startswith(("http://", "https://")):
        raise InputError(f"--hub-endpoint {endpoint}: give an address that starts with http:// or https://")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Hub(endpoint, cache=cache or base / "rlar" / "hub")


def parse_bytes(text: str) -> int:
    """Bytes of "100GB", "500MB" or a plain number. Raises InputError."""
    from rlar.acquire.web_agent.wanted import parse_size

    units = {"KB": "K", "MB": "M", "GB": "B"}
    head, unit = (text[:-2], units.get(text[-2:].upper(), "")) if len(text) > 2 else (text, "")
    if text[-2:].upper() == "TB":
        return 1000 * parse_size(head + "B")
    return parse_size(head + unit if unit else text)


def _exams(library: Path | None) -> dict[str, float]:
    from rlar.acquire.web_agent.adding import exam_marks
    from rlar.library.store import Store

    if library is None:
        return {}
    if not Store.is_library(library):
        raise InputError(f"--library {library}: is no library")
    with Store(library) as store:
        return dict(exam_marks(store))


def _read(paths: Sequence[str]) -> list[Item]:
    from rlar.rollouts import read_items

    return list(read_items(paths)) if paths else []


def _label(item: Item) -> str:
    from rlar.scoring.analyze import analyze

    return analyze(item.query).label


def _tasks(items: Sequence[Item]) -> tuple[str, ...]:
    """The tasks that no check decides and of which enough labelled items are there to mean something."""
    from collections import Counter

    from rlar.scoring.analyze import analyze

    tasks = [analyze(i.query) for i in items if i.labels]
    counts = Counter(t.label for t in tasks if not t.checks or t.checks == ("text:reference",))
    return tuple(sorted(label for label, n in counts.items() if n >= LEAST_OF_A_TASK))


def _search_json(found: Found, wanted: Wanted, hub: Hub) -> Json:
    from rlar.acquire.web_agent.ranking import WEIGHTS

    return {
        "words": wanted.words,
        "budget": wanted.budget,
        "licence": wanted.licence,
        "endpoint": hub.endpoint,
        "listing_age_s": round(found.age_s),
        "weights": WEIGHTS,
        "notes": list(found.notes),
        "taken": [r.to_json() for r in found.ranked if not r.rejections],
        "rejected": [r.to_json() for r in found.ranked if r.rejections],
    }


def _show(found: Found, *, explain: bool) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from rlar.acquire.web_agent.adapters import recognise

    console = Console()
    table = Table("repository", "score", "family", "size", "licence", box=None, header_style="bold", pad_edge=False)
    for r in found.taken:
        table.add_row(escape(plain(r.facts.id)), f"{r.score:.2f}", *_columns(r))
    if found.taken:
        console.print(table)
    for r in found.taken if explain else ():
        parts = " + ".join(f"{name} {value:.2f}" for name, value in r.contributions.items())
        says = recognise(r.facts).says
        console.print(f"\n{escape(plain(r.facts.id))}@{r.facts.revision[:12]}", soft_wrap=True, highlight=False)
        console.print(f"  {r.score:.2f} = {parts}\n  {escape(plain(says))}", soft_wrap=True, highlight=False)
    rejected = [r for r in found.ranked if r.rejections]
    if not explain:
        console.print(f"\n{len(found.taken)} may be taken, {len(rejected)} may not (--explain says why)")
        return
    console.print(f"\n[bold]may not be taken[/]: {len(rejected)}")
    for r in rejected:
        why = "; ".join(str(x) for x in r.rejections)
        console.print(f"  {escape(plain(r.facts.id))}  {escape(plain(why))}", soft_wrap=True, highlight=False)


def _columns(r: Ranked) -> tuple[str, str, str]:
    from rich.markup import escape

    from rlar.acquire.web_agent.adapters import recognise

    n = r.facts.parameters
    size = "?" if n is None else f"{n / 1e9:.1f}B" if n >= 10**8 else f"{n / 1e6:.1f}M"
    return recognise(r.facts).family, size, escape(plain(r.facts.licence))


def _tell(step: Step) -> None:
    mark = "ok" if step.ok else "NO"
    typer.echo(f"{mark} {step.name:<7} {plain(step.says)}  ({step.seconds:.1f} s)")


def _outcome(done: Added) -> None:
    if done.state == "admitted":
        typer.echo(f"admitted: {done.ref}")
    elif done.state == "integrated":
        typer.echo(f"integrated, not admitted: {done.ref} ({done.reason})")
    else:
        typer.echo(f"refused: {done.reason}")
