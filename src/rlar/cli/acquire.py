"""`rlar acquire`: find, write and prove tools for what no proven tool judges yet."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rlar.cli.errors import plain
from rlar.cli.hub import AllowWrappers, Budget, CacheFolder, DiskQuota, HubEndpoint, Licence
from rlar.cli.options import parse_pairs, refuse_own_input
from rlar.errors import InputError
from rlar.types import Json

if TYPE_CHECKING:
    from rlar.acquire.acquiring import Acquired, Acquisition, Writer
    from rlar.acquire.code_agent import Limits
    from rlar.acquire.families import Family
    from rlar.engines.llm import CachedChat, Ledger, OpenAIChat
    from rlar.library import Library
    from rlar.library.store import Store
    from rlar.rollouts import Item

Paths = Annotated[list[str], typer.Argument(help="rollouts: JSON Lines, JSON, Parquet, folders of these, or -")]
LibraryFolder = Annotated[Path, typer.Option("--library", help="folder of the library; made if it is not there")]
Llm = Annotated[
    str | None, typer.Option("--llm", metavar="URL", help="OpenAI-compatible endpoint; without one, no code is written")
]
Model = Annotated[str | None, typer.Option("--model", help="which model of that endpoint")]
PriceIn = Annotated[float, typer.Option("--price-in", min=0, help="US dollars per million tokens asked")]
PriceOut = Annotated[float, typer.Option("--price-out", min=0, help="US dollars per million tokens replied")]
MaxUsd = Annotated[float | None, typer.Option("--max-usd", min=0, help="never spend more; needs the prices")]
MaxTokens = Annotated[int | None, typer.Option("--max-tokens", min=0, help="of all replies and questions together")]
MaxCalls = Annotated[int | None, typer.Option("--max-calls", min=0, help="calls to the endpoint")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="show families, plan and a cost estimate; write nothing")]
Rounds = Annotated[int, typer.Option("--rounds", min=0, max=8, help="times that a written tool may be mended")]
Seed = Annotated[int, typer.Option("--seed", help="of exams and of the held-out half")]
MinQueries = Annotated[int, typer.Option("--min-queries", min=1, help="smaller families get no tool of their own")]
ReportFile = Annotated[Path | None, typer.Option("--report", help="a report: FILE.html or FILE.json")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="read only the first N items")]
Map = Annotated[list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN", help="say which column is what")]
UseHub = Annotated[bool, typer.Option("--hub", help="look for reward models on a Hub where nothing can be checked")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="no progress bar and no tables")]


@dataclass(frozen=True, slots=True)
class Asking:
    """Whom to ask, and what bounds it. chat: None without an endpoint."""

    chat: OpenAIChat | None
    max_usd: float | None
    max_tokens: int | None
    max_calls: int | None
    limits: Limits

    def opened(self, folder: Path) -> tuple[CachedChat, Ledger]:
        """The cache of replies around the budget around the endpoint: what is cached costs nothing."""
        from rlar.engines.llm import Budget, BudgetedChat, CachedChat

        assert self.chat is not None
        budgeted = BudgetedChat(self.chat, Budget(self.max_usd, self.max_tokens, self.max_calls))
        return CachedChat(budgeted, folder / "replies.sqlite"), budgeted.ledger


def acquire(
    paths: Paths,
    library: LibraryFolder,
    llm: Llm = None,
    model: Model = None,
    price_in: PriceIn = 0.0,
    price_out: PriceOut = 0.0,
    max_usd: MaxUsd = None,
    max_tokens: MaxTokens = None,
    max_calls: MaxCalls = None,
    dry_run: DryRun = False,
    rounds: Rounds = 2,
    seed: Seed = 0,
    min_queries: MinQueries = 24,
    report: ReportFile = None,
    limit: Limit = None,
    map: Map = None,
    use_hub: UseHub = False,
    allow_wrappers: AllowWrappers = False,
    hub_endpoint: HubEndpoint = None,
    budget: Budget = "8B",
    licence: Licence = "permissive",
    disk_quota: DiskQuota = "100GB",
    cache: CacheFolder = None,
    quiet: Quiet = False,
) -> int:
    """Find a proven tool for every family of queries: built-in tools set up for it, a small preference model, with
    --hub reward models that others trained, and with --llm verifiers that an LLM writes.

    Each candidate takes an exam on queries that its writer never saw; only what passes is admitted, and `rlar score
    --library` uses it from then on. An interrupted run goes on where it was: every reply is kept in the library, so
    that a rerun costs nothing. The key of the endpoint is read from RLAR_LLM_KEY or OPENAI_API_KEY, and never written.
    """
    from rlar.acquire.code_agent import Limits
    from rlar.engines.llm import Prices, connect

    if report is not None and report.suffix not in (".html", ".json"):
        raise InputError(f"--report {report}: give a name that ends in .html or .json")
    if max_usd is not None and not (price_in or price_out):
        raise InputError("--max-usd needs --price-in and --price-out, in US dollars per million tokens")
    refuse_own_input(paths, [report] if report else [])
    chat = connect(llm, model, prices=Prices(price_in, price_out))
    asking = Asking(chat, max_usd, max_tokens, max_calls, Limits(rounds=rounds))
    items = _read(paths, parse_pairs(map or (), "--map"), limit)
    if dry_run:
        return _plan(items, library, asking, min_queries, seed, use_hub=use_hub)
    started, cpu_s = time.monotonic(), _cpu_s()
    with ExitStack() as stack:
        from rlar.acquire.acquiring import Acquisition
        from rlar.acquire.code_agent import CodeAgent
        from rlar.library.spent import Spent, note_spent
        from rlar.library.store import Store

        store = stack.enter_context(Store(library))
        bar = stack.enter_context(_bar(shown=not quiet and sys.stderr.isatty()))
        ledger = None
        writers: list[Writer] = []
        cached = None
        if chat is not None:
            cached, ledger = asking.opened(library)
            stack.callback(cached.close)
        if use_hub:
            writer = cached if allow_wrappers else None
            agent = _web_agent(store, library, hub_endpoint, cache, budget, licence, disk_quota, bar.step, writer)
            writers.append(agent)
        if cached is not None:
            writers.append(CodeAgent(cached, limits=asking.limits, seed=seed, on_step=bar.step))
        acquisition = Acquisition(store, writers=writers, seed=seed, min_queries=min_queries)
        done = _carry_out(acquisition, items, bar)
        summary = _summary(paths, library, items, asking, ledger, seconds=time.monotonic() - started)
        note_spent(
            library,
            Spent(
                1, summary["seconds"], round(_cpu_s() - cpu_s, 3), summary["calls"], summary["tokens"], summary["usd"]
            ),
        )
        for problem in [*store.problems, *acquisition.library.problems]:
            sys.stderr.write(f"library: {plain(problem)}\n")
    if report is not None:
        _write_report(report, done, summary)
    if not quiet:
        _tell(done, summary, report)
    return int(bool(done.stopped) and not done.stopped.startswith("the budget"))


def _web_agent(
    store: Store,
    library: Path,
    endpoint: str | None,
    cache: Path | None,
    budget: str,
    licence: str,
    quota: str,
    on_step: Callable[[str], None],
    chat: CachedChat | None,
) -> Writer:
    """chat: who writes wrappers for unknown families; None where that is not allowed, or nobody can be asked."""
    from rlar.acquire.web_agent.adding import Integrator
    from rlar.acquire.web_agent.agent import WebAgent
    from rlar.acquire.web_agent.wanted import Wanted, parse_size
    from rlar.acquire.web_agent.wrapping.writer import WrapperWriter
    from rlar.cli.hub import open_hub, parse_bytes

    wanted = Wanted("", parse_size(budget), licence)
    hub = open_hub(endpoint, cache)
    wrappers = WrapperWriter(chat) if chat is not None else None
    integrator = Integrator(hub, library / "models", wanted, quota=parse_bytes(quota), wrappers=wrappers)
    return WebAgent(integrator, store, on_step=on_step)


def _read(paths: Sequence[str], fields: dict[str, str], limit: int | None) -> list[Item]:
    from rlar.rollouts import Reject, read_items
    from rlar.rollouts.row import check_field_map

    rejects: list[Reject] = []
    found = read_items(paths, field_map=check_field_map(fields), on_reject=rejects.append)
    items = list(itertools.islice(found, limit))
    for reject in rejects[:3]:
        sys.stderr.write(f"bad row: {plain(str(reject))}\n")
    if len(rejects) > 3:
        sys.stderr.write(f"{len(rejects):,} bad rows were left out\n")
    if not items:
        raise InputError(f"{', '.join(paths)}: no item to learn from")
    return items


def _carry_out(acquisition: Acquisition, items: Sequence[Item], bar: Bar) -> Acquired:
    bar.family("grouping queries", 0, 0)
    families = acquisition.plan(items)
    try:
        return asyncio.run(acquisition.run(families, progress=bar.family))
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: what was admitted stays, and the same command goes on from here\n")
        raise


def _cpu_s() -> float:
    """CPU seconds of this process and its workers; where there is no /proc, of those workers that have ended."""
    total = sum(os.times()[:4])
    for file in Path("/proc/self/task").glob("*/children"):
        for pid in file.read_text().split():
            with suppress(OSError, ValueError):  # it ended meanwhile: then it is in os.times
                ticks = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[11:15]
                total += sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    return total


def _summary(
    paths: Sequence[str], library: Path, items: Sequence[Item], asking: Asking, ledger: Ledger | None, *, seconds: float
) -> dict[str, Json]:
    total = ledger.total if ledger is not None else None
    return {
        "input": list(paths),
        "library": str(library),
        "items": len(items),
        "model": asking.chat.model if asking.chat else None,
        "seconds": round(seconds, 1),
        "calls": total.calls if total else 0,
        "tokens": total.tokens if total else 0,
        "usd": round(total.usd, 6) if total else 0.0,
        "replies_from_cache": ledger.saved if ledger is not None else 0,
        "by_purpose": {k: {"calls": c.calls, "tokens": c.tokens} for k, c in ledger.by_purpose().items()}
        if ledger is not None
        else {},
    }


def _write_report(path: Path, done: Acquired, summary: dict[str, Json]) -> None:
    from rlar.acquire.report import report_html, report_json

    if path.suffix == ".json":
        text = json.dumps(report_json(done, summary), indent=1, ensure_ascii=True) + "\n"
    else:
        text = report_html(done, summary)
    path.write_text(text, "utf-8")


def _tell(done: Acquired, summary: dict[str, Json], report: Path | None) -> None:
    """The tables on stdout: by family, then by task."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from rlar.acquire.report import counts, shares

    console = Console()
    table = Table("family", "queries", "tried", "outcome", box=None, header_style="bold", pad_edge=False)
    for o in done.outcomes:
        how = f"[green]{escape(o.admitted)}[/]" if o.admitted else f"[yellow]{escape(plain(o.why))}[/]"
        table.add_row(escape(o.family.name), f"{len(o.family.items):,}", str(len(o.tried)), how)
    console.print(table)
    console.print("\n[bold]queries with a proven tool[/]")
    table = Table("task", "queries", "before", "after", box=None, header_style="bold", pad_edge=False)
    for row in shares(done):
        n = max(1, row["queries"])
        table.add_row(row["task"], f"{n:,}", f"{row['before'] / n:.1%}", f"{row['after'] / n:.1%}")
    console.print(table)
    console.print("\ncandidates: " + ", ".join(f"{k} {v}" for k, v in counts(done).items() if k != "candidates"))
    if summary["model"]:
        console.print(
            f"asked {summary['calls']} times, {summary['tokens']:,} tokens, ${summary['usd']:.4f}; "
            f"{summary['replies_from_cache']} replies from the cache"
        )
    if done.stopped:
        console.print(f"[yellow]stopped: {escape(plain(done.stopped))}; run it again to go on[/]")
    if report is not None:
        console.print(f"report: {escape(str(report))}")


def _plan(
    items: Sequence[Item], folder: Path, asking: Asking, min_queries: int, seed: int, *, use_hub: bool = False
) -> int:
    """What a run would try, and what it may cost. Opens an existing library, and makes none."""
    from rich.console import Console
    from rich.table import Table

    from rlar.acquire.acquiring import halves, plan_families
    from rlar.acquire.code_agent.agent import estimate_tokens
    from rlar.engines.llm import Prices
    from rlar.library import Library
    from rlar.library.store import Store

    library = Library.open(folder) if Store.is_library(folder) else Library()
    proven = {t.card.family: t.card.ref for t in library.own() if (t.card.exam or {}).get("passed")}
    table = Table("family", "queries", "would be tried", box=None, header_style="bold", pad_edge=False)
    writes = tokens_in = tokens_out = 0
    for family in plan_families(items, library):
        if family.key in proven:
            tries = f"nothing: {proven[family.key]} is proven"
        elif len(family.items) < min_queries:
            tries = f"nothing: fewer than {min_queries} queries"
        else:
            tries = ", ".join(_sources(family, library, asking, use_hub=use_hub))
            if asking.chat is not None:
                writes += 1
                more_in, more_out = estimate_tokens(halves(family.items, seed=seed).practice, asking.limits)
                tokens_in, tokens_out = tokens_in + more_in, tokens_out + more_out
        table.add_row(family.name, f"{len(family.items):,}", tries)
    console = Console()
    console.print(table)
    if asking.chat is None:
        console.print("\nno LLM: nothing is asked and nothing is paid")
        return 0
    limits, prices = asking.limits, asking.chat.prices
    console.print(
        f"\nif templates pass nowhere: {writes} families to write for, about {writes * limits.usual_calls} calls "
        f"(never more than {writes * limits.most_calls}), {tokens_in + tokens_out:,} tokens, "
        + (
            f"${prices.usd(tokens_in, tokens_out):.2f}"
            if prices != Prices()
            else "no prices given (--price-in, --price-out)"
        )
    )
    return 0


def _sources(family: Family, library: Library, asking: Asking, *, use_hub: bool) -> Iterator[str]:
    from rlar.acquire.templates import proposals

    drafts = list(proposals(family, library))
    if drafts:
        yield f"{len(drafts)} settings of built-in tools"
    if any(item.labels for item in family.items):
        yield "a preference head, if the labels suffice"
    if use_hub and not family.task.checks:
        yield "reward models of the Hub"
    if asking.chat is not None:
        yield f"the code agent ({asking.limits.least} to {asking.limits.most} candidates)"
    elif not drafts and not use_hub:
        yield "nothing: no template, and no LLM"


class Bar:
    """The bar on stderr: families done, and what is being done right now."""

    def __init__(self, *, shown: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            TextColumn("{task.fields[name]}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total} families  {task.fields[step]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not shown,
        )
        self._task = self._progress.add_task("", total=None, name="acquiring", step="")

    def start(self) -> None:
        self._progress.start()

    def stop(self) -> None:
        self._progress.stop()

    def family(self, name: str, done: int, total: int) -> None:
        self._progress.update(self._task, name=name, completed=done, total=total or None, step="")

    def step(self, what: str) -> None:
        self._progress.update(self._task, step=plain(what)[:60])


@contextmanager
def _bar(*, shown: bool) -> Iterator[Bar]:
    bar = Bar(shown=shown)
    bar.start()
    try:
        yield bar
    finally:
        bar.stop()
