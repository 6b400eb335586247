"""`rlar score`: rewards with reasons for files of queries and responses."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from rlar.cli.errors import plain
from rlar.cli.judge import (
    CascadeFile,
    Hybrid,
    JudgeCache,
    JudgeCriteria,
    JudgeMode,
    JudgeModel,
    JudgeOptions,
    JudgeShare,
    JudgeUrl,
    JudgeVotes,
    MaxCalls,
    MaxTokens,
    MaxUsd,
    PolicyModel,
    PriceIn,
    PriceOut,
    Principle,
    judge_line,
    open_backing,
    open_judge,
)
from rlar.cli.options import parse_pairs, parse_route, refuse_own_input
from rlar.cli.progress import Progress
from rlar.cli.rejects import RejectFile
from rlar.cli.report import Gallery
from rlar.cli.run import BATCH_ITEMS, Batch, Run, batches
from rlar.cli.sandbox import require_isolation as check_isolation
from rlar.cli.table import print_table
from rlar.rollouts import Item, Writer, bytes_to_read, group_items, read_items
from rlar.rollouts.row import check_field_map
from rlar.types import Json

Paths = Annotated[
    list[str], typer.Argument(help="JSON Lines, JSON, either with .gz, Parquet, folders of these, or - for stdin")
]
Out = Annotated[str | None, typer.Option("--out", "-o", help="where rewards go, one JSON line per item; - for stdout")]
ReportFile = Annotated[Path | None, typer.Option("--report", help="write an HTML report, one self-contained file")]
Rejects = Annotated[Path | None, typer.Option("--rejects", help="where bad rows go; without it, OUT.rejects.jsonl")]
Resume = Annotated[bool, typer.Option("--resume", help="go on after the last whole line of an interrupted run")]
Strict = Annotated[bool, typer.Option("--strict", help="stop at the first bad row, with exit code 1")]
Map = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="FIELD=COLUMN", help="say which column is what: reference=extra_info.gold"),
]
Route = Annotated[
    str | None,
    typer.Option(help="a static map, 'gsm8k=math,wmt=translation' or a .json file; without it, by content"),
]
LibraryFolder = Annotated[Path | None, typer.Option("--library", help="a folder with tools of your own")]
Group = Annotated[bool, typer.Option("--group", help="join neighbouring rows with the same prompt and reference")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="score only the first N items")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="worker processes; without it, one per core")]
ReadConstraints = Annotated[
    bool,
    typer.Option("--read-constraints", help="check what prompts plainly ask for ('in 50 words'), for want of more"),
]
Ray = Annotated[
    str | None, typer.Option("--ray", metavar="ADDRESS", help="judge on a Ray cluster: auto, host:port or local")
]
BatchSize = Annotated[int, typer.Option("--batch", min=1, help="items judged together")]
Isolation = Annotated[
    str | None,
    typer.Option(
        "--require-isolation", metavar="LEVEL", help="refuse to judge programs below process, confined or full"
    ),
]
CacheFile = Annotated[Path | None, typer.Option("--cache", help="keep judgements in this file, for later runs")]
Profile = Annotated[Literal["reward", "strict", "lenient"], typer.Option(help="of the maths verifier")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="no progress bar and no table")]
JsonSummary = Annotated[bool, typer.Option("--json-summary", help="print the summary as JSON instead of a table")]


@dataclass(frozen=True, slots=True)
class Files:
    """What a run writes. out: the rewards; None for none, "-" for standard output. The others: None for none."""

    out: str | None
    report: Path | None
    rejects: Path | None

    @property
    def summary(self) -> Path | None:
        return None if self.out in (None, "-") else Path(f"{self.out}.run.json")

    @property
    def own(self) -> list[Path]:
        """All of them: never to be read as input."""
        names = [str(path) for path in (self.report, self.rejects, self.summary) if path is not None]
        if self.out not in (None, "-"):
            names += [str(self.out), f"{self.out}.partial"]
        return [Path(name) for name in names]


class Source:
    """The input as batches. aside: where bad rows go. total: bytes on disk, None if standard input is read."""

    def __init__(
        self,
        paths: Sequence[str],
        files: Files,
        fields: Mapping[str, str],
        *,
        group: bool,
        limit: int | None,
        strict: bool,
    ) -> None:
        self.aside = RejectFile(files.rejects, strict=strict)
        self.total = bytes_to_read(paths, files.own)
        self._read = 0
        rows = read_items(
            paths, field_map=fields, on_reject=self.aside.add, exclude=files.own, on_bytes=self._note_bytes
        )
        self._items: Iterator[Item] = itertools.islice(group_items(rows) if group else rows, limit)

    def batches(self, most: int) -> Iterator[Batch]:
        return batches(self._items, most=most, read=lambda: self._read)

    def _note_bytes(self, read: int) -> None:
        self._read = read


def score(
    paths: Paths,
    out: Out = None,
    report: ReportFile = None,
    rejects: Rejects = None,
    resume: Resume = False,
    strict: Strict = False,
    map: Map = None,
    route: Route = None,
    library: LibraryFolder = None,
    group: Group = False,
    limit: Limit = None,
    workers: Workers = None,
    ray: Ray = None,
    batch: BatchSize = BATCH_ITEMS,
    profile: Profile = "reward",
    read_constraints: ReadConstraints = False,
    judge: JudgeUrl = None,
    judge_model: JudgeModel = None,
    judge_mode: JudgeMode = "pointwise",
    judge_votes: JudgeVotes = 1,
    judge_criteria: JudgeCriteria = "none",
    principle: Principle = None,
    policy_model: PolicyModel = None,
    judge_cache: JudgeCache = None,
    hybrid: Hybrid = False,
    cascade: CascadeFile = None,
    judge_share: JudgeShare = None,
    max_calls: MaxCalls = None,
    max_tokens: MaxTokens = None,
    max_usd: MaxUsd = None,
    price_in: PriceIn = 0.0,
    price_out: PriceOut = 0.0,
    require_isolation: Isolation = None,
    cache: CacheFile = None,
    quiet: Quiet = False,
    json_summary: JsonSummary = False,
) -> int:
    """Score rollouts: every query gets the tool that suits it, every response a reward with its reason.

    Rows may have any common shape: rlar's items, prompt + completion(s), messages, veRL, TRL, OpenRLHF. A reward lies
    in [0, 1] unless a tool's card says otherwise; it is null where no tool could judge. A killed run leaves whole
    lines in OUT.partial, and --resume goes on from there.
    """
    from rlar.adapters.ledger import efficiency
    from rlar.library.spent import spent_on
    from rlar.system import RewardSystem

    if rejects is None and out not in (None, "-"):
        rejects = Path(f"{out}.rejects.jsonl")
    files = Files(out, report, rejects)
    refuse_own_input(paths, files.own)
    fields = check_field_map(parse_pairs(map or (), "--map"))
    static_map = parse_route(route)
    if workers is not None:
        os.environ["RLAR_WORKERS"] = str(workers)  # the pool is made on first use and reads it then
    source = Source(paths, files, fields, group=group, limit=limit, strict=strict)
    started, clock = datetime.now(UTC), time.monotonic()
    gallery = Gallery() if report is not None else None
    with ExitStack() as stack:
        asked = open_judge(
            JudgeOptions(
                url=judge,
                model=judge_model,
                mode=judge_mode,
                votes=judge_votes,
                criteria=judge_criteria,
                principles=tuple(principle or ()),
                policy_model=policy_model,
                cache=judge_cache,
                calls=max_calls,
                tokens=max_tokens,
                usd=max_usd,
                price_in=price_in,
                price_out=price_out,
            )
        )
        backing = open_backing(asked, hybrid=hybrid, cascade=cascade, share=judge_share)
        check_isolation(require_isolation)
        system = stack.enter_context(
            RewardSystem(
                library,
                route=static_map,
                profile=profile,
                read_constraints=read_constraints,
                judge=asked and asked.judge,
                cache=cache or True,
                cluster=ray,
            )
        )
        if backing is not None:
            system.library.dress(backing)
        writer = stack.enter_context(Writer(out, resume=resume)) if out is not None else None
        stack.enter_context(source.aside)
        progress = stack.enter_context(Progress(source.total, limit, shown=not quiet and sys.stderr.isatty()))
        run = Run(system, writer=writer, on_item=gallery.look if gallery else _ignore, on_batch=progress.advance)
        if writer is not None and writer.discarded:
            progress.say(f"{writer.partial}: the lines of an earlier run are replaced; --resume would have kept them")
        try:
            asyncio.run(run.over(source.batches(batch)))
            cached = system.cache_counts()
        except KeyboardInterrupt:
            progress.say(_interrupted(writer, run.tally.items))
            raise
    seconds = round(time.monotonic() - clock, 3)
    counts = run.tally.as_json()
    summary: dict[str, Json] = {
        "started": started.isoformat(timespec="seconds"),
        "seconds": seconds,
        "input": [str(path) for path in paths],
        "settings": {"profile": profile, "route": static_map, "library": str(library or ""), "group": group},
        "resumed": writer.kept if writer is not None else 0,
        "rejected": source.aside.count,
        "first_rejects": [str(reject) for reject in source.aside.first],
        **counts,
        "efficiency": efficiency(counts["responses"], seconds, run.tally.cost(), cached, spent_on(library)),
    }
    if asked is not None:
        summary["judge"] = asked.cost(backing)
    if files.summary is not None:
        files.summary.write_text(json.dumps(summary, indent=1, ensure_ascii=True) + "\n", "ascii")
    if gallery is not None and report is not None:
        gallery.write(report, run.tally, summary)
    _tell(summary, files, source.aside, quiet=quiet, as_json=json_summary)
    return 0


def _ignore(_: object) -> None:
    pass


def _interrupted(writer: Writer | None, items: int) -> str:
    if writer is None or writer.partial is None:
        return f"interrupted after {items:,} items"
    return f"interrupted: {items:,} items are in {writer.partial}; the same command with --resume goes on from there"


def _tell(summary: Mapping[str, Json], files: Files, aside: RejectFile, *, quiet: bool, as_json: bool) -> None:
    """The table (or JSON) on stdout, or on stderr where stdout holds the rewards; bad rows on stderr, always."""
    to_stderr = files.out == "-"
    if as_json:
        (sys.stderr if to_stderr else sys.stdout).write(json.dumps(summary) + "\n")
    elif not quiet:
        print_table(summary, stderr=to_stderr)
    if "judge" in summary and not quiet and not as_json:
        sys.stderr.write(f"{plain(judge_line(summary['judge']))}\n")
    for reject in aside.first:
        sys.stderr.write(f"bad row: {plain(str(reject))}\n")
    if aside.count:
        where = f"; all are in {aside.path}" if aside.path is not None else "; --rejects FILE keeps them"
        sys.stderr.write(f"{aside.count:,} bad rows were set aside{where}\n")
    if files.report is not None and not quiet:
        sys.stderr.write(f"report: {files.report}\n")
    if files.out is None and not quiet and not as_json:
        sys.stderr.write("the rewards were not kept: --out FILE writes them, --report FILE.html shows them\n")
