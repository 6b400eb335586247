"""`rlar eval`: is the reward system any good? With `diff`: what moved. With `replay`: the same figures again."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from rlar.cli.options import parse_pairs, parse_route
from rlar.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from rlar.evals.report import Report
    from rlar.evals.runs import Run

ANSWER_IS_NO = 1
PLAIN_WIDTH = 190  # where nobody says how wide the terminal is: the table over all data sets fits


class DefaultsToRun(TyperGroup):
    """`rlar eval data.jsonl` is `rlar eval run data.jsonl`: what is no sub-command is the first path or option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] not in self.commands:
            args = ["run", *args]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed


app = typer.Typer(
    cls=DefaultsToRun, add_completion=False, rich_markup_mode="rich", help="Measure tools and routing on labelled data."
)

Paths = Annotated[list[Path] | None, typer.Argument(help="labelled item files, folders of them, or a manifest.json")]
Benchmarks = Annotated[
    list[str] | None,
    typer.Option(
        "--benchmark", "-b", help="rewardbench2, rewardbench, rm-bench, judgebench or llmbar; may be repeated"
    ),
]
BenchmarkPath = Annotated[Path | None, typer.Option("--path", help="the benchmark's file or folder")]
Fetch = Annotated[bool, typer.Option("--fetch", help="download the benchmark from the Hub first (extra hub)")]
Scores = Annotated[
    list[Path] | None, typer.Option(help="recorded scores of other tools: rows {id, tool, scores}; may be repeated")
]
JsonOut = Annotated[Path | None, typer.Option("--json", help="write all figures as JSON; - for stdout")]
HtmlOut = Annotated[Path | None, typer.Option("--html", help="write one self-contained HTML page")]
MarkdownOut = Annotated[Path | None, typer.Option("--markdown", help="write the tables as Markdown")]
RunFolder = Annotated[Path | None, typer.Option("--run", help="where the run is stored; without it, runs/eval-TIME")]
NoRun = Annotated[bool, typer.Option("--no-run", help="store nothing")]
NoSystem = Annotated[bool, typer.Option("--no-system", help="measure recorded scores and baselines only")]
LibraryFolder = Annotated[Path | None, typer.Option("--library", help="a folder with tools of your own")]
Route = Annotated[str | None, typer.Option(help="a static map for the system, 'gsm8k=math,wmt=translation' or a .json")]
Profile = Annotated[Literal["reward", "strict", "lenient"], typer.Option(help="of the maths verifier")]
Category = Annotated[
    str, typer.Option(help="the field routers go by: task, source or one of meta; without it, by file")
]
Price = Annotated[
    list[str] | None,
    typer.Option(metavar="TOOL=N", help="price of one call, by name or pattern ('GPT-4*=30'); tells cheap from dear"),
]
StaticMap = Annotated[
    list[str] | None, typer.Option("--static-map", metavar="CATEGORY=TOOL", help="a router of your own to try")
]
Seed = Annotated[int, typer.Option(help="of everything that is drawn")]
Splits = Annotated[int, typer.Option(min=1, help="random halves on which routers learn and are measured")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="at most N cases of each data set")]
Details = Annotated[bool, typer.Option("--details", help="print every tool of every data set")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="no progress and no table")]
FailUnder = Annotated[
    list[str] | None,
    typer.Option(
        "--fail-under", metavar="[DATASET=]X", help="exit 1 if the system's figure is below X; may be repeated"
    ),
]
NoWorseThan = Annotated[
    Path | None,
    typer.Option("--no-worse-than", metavar="RUN", help="exit 1 if significantly worse than this stored run"),
]
Tolerance = Annotated[float, typer.Option(min=0.0, help="a loss up to this is accepted")]
Tool = Annotated[str, typer.Option(help="which tool of the runs is compared")]


@app.command("run", epilog="See also: rlar eval diff RUN1 RUN2, rlar eval replay RUN.")
def eval_command(
    paths: Paths = None,
    benchmark: Benchmarks = None,
    path: BenchmarkPath = None,
    fetch: Fetch = False,
    scores: Scores = None,
    json_out: JsonOut = None,
    html: HtmlOut = None,
    markdown: MarkdownOut = None,
    run: RunFolder = None,
    no_run: NoRun = False,
    no_system: NoSystem = False,
    library: LibraryFolder = None,
    route: Route = None,
    profile: Profile = "reward",
    category: Category = "",
    price: Price = None,
    static_map: StaticMap = None,
    seed: Seed = 0,
    splits: Splits = 20,
    limit: Limit = None,
    details: Details = False,
    quiet: Quiet = False,
    fail_under: FailUnder = None,
    no_worse_than: NoWorseThan = None,
    tolerance: Tolerance = 0.0,
) -> None:
    """Measure the reward system, its tools, recorded tools, baselines and oracles side by side on labelled data.

    Every figure has its n and an interval over clusters of prompts. Routers learn on one half of the data and are
    measured on the other; every oracle stands beside what chance would give it.
    """
    from rlar.evals.evaluation import evaluate
    from rlar.evals.settings import Settings

    if path is not None and len(benchmark or ()) != 1:
        raise InputError("--path belongs to exactly one --benchmark")
    if fetch:
        _fetch(benchmark or [])
    limits = _limits(fail_under or [])
    settings = Settings(
        seed=seed,
        splits=splits,
        category=category,
        prices={name: _number(value, "--price") for name, value in parse_pairs(price or (), "--price").items()},
        static_map=parse_pairs(static_map or (), "--static-map"),
    )
    with _system(library, route, profile, wanted=not no_system) as system, _progress(not quiet) as tell:
        done = evaluate(
            paths or (),
            benchmarks=dict.fromkeys(benchmark or (), path),
            scores=scores or (),
            system=system,
            settings=settings,
            limit=limit,
            command=["rlar", "eval", *sys.argv[2:]],
            on_progress=tell,
        )
    _write(done, json_out, html, markdown)
    if not quiet and str(json_out) != "-":
        _print(done.report, details=details or len(done.report.datasets) <= 2)
    if not no_run:
        _store(done, run, quiet=quiet)
    _leave(_checks(done, limits, no_worse_than, tolerance))


@app.command("diff")
def diff_command(
    before: Annotated[Path, typer.Argument(help="a stored run")],
    after: Annotated[Path, typer.Argument(help="a later one")],
    tool: Tool = "rlar",
    json_out: JsonOut = None,
    fail_under: FailUnder = None,
    no_worse_than: NoWorseThan = None,
    tolerance: Tolerance = 0.0,
    quiet: Quiet = False,
) -> None:
    """What moved between two stored runs, case by case, and whether that is more than chance.

    Exit code 1 if a check fails: --fail-under on the second run, --no-worse-than a run (one of the two, or a third).
    """
    from rlar.evals.diff import diff_runs
    from rlar.evals.runs import as_json, load_run
    from rlar.evals.text import print_diff

    limits = _limits(fail_under or [])
    second = load_run(after)
    found = diff_runs(load_run(before), second, tool=tool)
    if json_out is not None:
        _write_text(json_out, json.dumps(as_json(found), allow_nan=False, indent=1) + "\n")
    if not quiet and str(json_out) != "-":
        print_diff(found, _console())
    _leave(_checks(second, limits, no_worse_than, tolerance, tool=tool))


@app.command("replay")
def replay_command(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="a stored run")],
    json_out: JsonOut = None,
    html: HtmlOut = None,
    markdown: MarkdownOut = None,
    details: Details = False,
    quiet: Quiet = False,
) -> None:
    """Make the report of a stored run again from its scores, and say whether every figure is the same.

    Exit code 1 if one differs: then this version of rlar (or numpy) computes something else.
    """
    from rlar.evals.runs import load_run, replay_differences

    run = load_run(folder)
    _write(run, json_out, html, markdown)
    if not quiet and str(json_out) != "-":
        _print(run.report, details=details)
    differences = replay_differences(run)
    for line in differences[:10]:
        sys.stderr.write(f"differs: {line}\n")
    if not quiet:
        sys.stderr.write(f"{folder}: {len(differences) or 'no'} figures differ from the stored ones\n")
    _leave([f"{len(differences)} figures differ"] if differences else [])


def _fetch(names: Sequence[str]) -> None:
    from rlar.evals.benchmarks import fetch_benchmark

    if not names:
        raise InputError("--fetch needs --benchmark NAME")
    for name in names:
        sys.stderr.write(f"{name}: downloaded to {fetch_benchmark(name)}\n")


def _system(library: Path | None, route: str | None, profile: str, *, wanted: bool) -> Any:
    if not wanted:
        return nullcontext(False)
    from rlar.system import RewardSystem

    return RewardSystem(library, route=parse_route(route), profile=profile)


def _progress(shown: bool) -> Any:
    """A context that gives a function to tell what is going on: a spinner on a terminal, else nothing."""
    if not shown or not sys.stderr.isatty():
        return nullcontext(None)
    from rich.console import Console

    class Spinner:
        def __enter__(self) -> Any:
            self.status = Console(stderr=True).status("reading")
            self.status.start()
            return self.status.update

        def __exit__(self, *_: object) -> None:
            self.status.stop()

    return Spinner()


def _write(run: Run, json_out: Path | None, html: Path | None, markdown: Path | None) -> None:
    from rlar.evals.runs import as_json

    if json_out is not None:
        body = {**{k: v for k, v in run.info.items() if k != "stored"}, **as_json(run.report)}
        _write_text(json_out, json.dumps(body, allow_nan=False, indent=1) + "\n")
    if html is not None:
        from rlar.evals.page import document

        _write_text(html, document(run))
    if markdown is not None:
        from rlar.evals.text import markdown as as_markdown

        _write_text(markdown, as_markdown(run.report))


def _write_text(path: Path, text: str) -> None:
    if str(path) == "-":
        sys.stdout.write(text)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def _store(run: Run, folder: Path | None, *, quiet: bool) -> None:
    from rlar.evals.runs import save_run

    named = folder or Path("runs") / f"eval-{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}"
    path = save_run(run, named)
    if not quiet:
        sys.stderr.write(f"stored in {path}; rlar eval diff compares runs, rlar eval replay makes the report again\n")


def _console() -> Console:
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=PLAIN_WIDTH)


def _print(report: Report, *, details: bool) -> None:
    from rlar.evals.text import print_report

    print_report(report, _console(), details=details)


def _limits(texts: Sequence[str]) -> dict[str, float]:
    """{data set, or "" for the mean: least figure} of texts like "0.8" and "bon_gsm8k=0.95"."""
    found: dict[str, float] = {}
    for text in texts:
        name, _, value = text.rpartition("=")
        found[name] = _number(value, "--fail-under")
    return found


def _number(text: str, option: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{option} {text}: a number is needed") from None


def _checks(run: Run, limits: dict[str, float], than: Path | None, tolerance: float, tool: str = "rlar") -> list[str]:
    """Why the run is not good enough, in words."""
    found = []
    for name, least in limits.items():
        value = _figure_of(run.report, name, tool)
        if value is None:
            found.append(f"{name or 'the mean'}: {tool} judged nothing, so it does not reach {least:g}")
        elif value < least:
            found.append(f"{name or 'the mean'}: {tool} has {value:.4f}, below {least:g}")
    if than is not None:
        from rlar.evals.diff import diff_runs
        from rlar.evals.runs import load_run

        found += diff_runs(load_run(than), run, tool=tool).worse(tolerance)
    return found


def _figure_of(report: Report, name: str, tool: str) -> float | None:
    """The tool's headline on a data set, or its mean over those with pairs or right/wrong labels for ""."""
    if not name:
        values = [row.figure.value for d in report.datasets if d.metric != "Spearman" and (row := d.row(tool))]
        known = [v for v in values if v is not None]
        return sum(known) / len(known) if known else None
    if name not in {d.name for d in report.datasets}:
        raise InputError(
            f"--fail-under {name}=: the run has no such data set; it has {', '.join(d.name for d in report.datasets)}"
        )
    row = report.dataset(name).row(tool)
    return row.figure.value if row is not None else None


def _leave(reasons: Sequence[str]) -> None:
    for reason in reasons:
        sys.stderr.write(f"failed: {reason}\n")
    if reasons:
        raise typer.Exit(ANSWER_IS_NO)
