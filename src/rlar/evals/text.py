"""The report for a terminal, and as Markdown for a repository. Both show n beside every figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rlar.evals.diff import RunDiff
from rlar.evals.report import DatasetReport, Line, Report
from rlar.evals.resampling import Difference, Figure
from rlar.evals.routing_report import Entry, Point, RoutingReport
from rlar.evals.system_scores import NAME
from rlar.evals.words import chance, share, signed

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

HEAD = (
    *(
        "data set",
        "metric",
        "n",
        "rlar",
        "judged",
        "rlar − static",
        "n static",
        "static",
        "hindsight",
        "router",
        "length",
    ),
    *("random", "oracle/cat", "oracle/item"),
)
LEGEND = (
    "static: best recorded tool, chosen on other halves; hindsight: chosen on these cases; router: by category, learnt "
    "on other halves; oracles know the labels; gap: no proven tool suits the queries; constant: all rewards are equal."
)
MOST_TOOLS = 8  # of a pool's single tools in the terminal


def print_report(report: Report, console: Console, *, details: bool) -> None:
    """The table over all data sets, what can be said in words, and with details every tool of every data set."""
    _print_table(console, "", HEAD, [_line(d, bounds=False) for d in report.datasets])
    console.print(f"[dim]{LEGEND}[/]")
    if (s := report.summary).system is not None:
        console.print(
            f"\nrlar judged {s.judged} of {s.datasets} data sets with pairs or right/wrong labels: mean "
            f"{share(s.system)} there, {share(s.length)} for the longer response; {share(s.everywhere)} everywhere, "
            "with a coin's 0.5 for each gap."
        )
    for dataset in report.datasets:
        for routing in dataset.routings:
            console.print(f"\n[bold]{dataset.name}[/], {routing.scope}")
            for sentence in routing.words:
                console.print(f"  • {sentence}", highlight=False)
            if details:
                _print_table(console, "", ENTRY_HEAD, entry_rows(routing))
        if details:
            _print_tools(console, dataset)
        for note in dataset.notes:
            console.print(f"[dim]{dataset.name}: {note}[/]")


def _print_table(console: Console, title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table that the console has room for: columns of `LEAVE_OUT` go first to last until the others are whole.

    What was left out is named below it. The first column, of names, is cut if that does not suffice.
    """
    widths = {
        name: max([len(name), *(min(len(row[k]), WIDEST if k == len(head) - 1 else 200) for row in rows)])
        for k, name in enumerate(head)
    }
    kept, left = list(head), []

    def room() -> int:
        return console.width - sum(widths[name] + 2 for name in kept[1:])

    for name in (name for name in LEAVE_OUT if name in head):
        if room() >= min(widths[head[0]], NARROWEST):
            break
        kept.remove(name)
        left.append(name)
    columns = [head.index(name) for name in kept]
    console.print(_table(title, kept, [[row[k] for k in columns] for row in rows], max(room(), 8)))
    if left:
        shown = ", ".join(sorted(left, key=head.index))
        console.print(f"[dim]no room for: {shown} (a wider terminal, --markdown, --html or --json has them)[/]")


WIDEST, NARROWEST = 30, 26  # of the last column, which wraps; of the first one, which is cut
LEAVE_OUT = (
    *("answers", "lock-in", "calls/1,000", "regret", "role", "judge calls"),
    *("random", "n static", "oracle/item", "oracle/cat", "hindsight", "router", "rlar − static", "metric"),
    *("gain", "best-of-n", "kind", "false reject", "false accept", "ECE", "agreement"),
    *("better/worse/same", "p", "judged", "before", "length"),
)  # the first ones are missed least


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], first: int) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for k, name in enumerate(head):
        wide = first if k == 0 else None
        table.add_column(name, justify="left" if k == 0 else "right", no_wrap=name != "answers", max_width=wide)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))  # names of tools are not markup
    return table


def _line(d: DatasetReport, *, bounds: bool) -> list[str]:
    line = d.line
    figures = (line.elsewhere, line.hindsight, line.router, line.length, line.random)
    oracles = (line.category_oracle, line.item_oracle)
    return [
        d.name,
        d.metric,
        f"{d.decided:,}",
        _system_cell(line),
        f"{line.judged:.0%}",
        gain(line.versus),
        "–" if line.n_static is None else f"{line.n_static:,}",
        *(figure(f, bounds=bounds) for f in (*figures, *oracles)),
    ]


def _system_cell(line: Line) -> str:
    """The system's figure; "gap" where it judged nothing, "constant" where all its rewards are equal."""
    if line.system is not None:
        return figure(line.system, bounds=True)
    return "constant" if line.judged else "gap"


def figure(f: Figure | None, *, bounds: bool) -> str:
    """0.647, or with bounds 0.647 [0.60, 0.69]; a dash where there is none."""
    if f is None or f.value is None:
        return "–"
    return share(f.value) if not bounds or f.low is None else f"{share(f.value)} [{share(f.low)}, {share(f.high)}]"


def gain(d: Difference | None) -> str:
    """+0.031 (p = 0.012), or a dash."""
    return "–" if d is None or d.value is None or d.p is None else f"{signed(d.value)} ({chance(d.p)})"


def _print_tools(console: Console, d: DatasetReport) -> None:
    head = (
        "tool",
        "kind",
        d.metric,
        "n",
        "judged",
        "best-of-n",
        "gain",
        "agreement",
        "false accept",
        "false reject",
        "ECE",
    )
    rows = [
        [
            r.tool,
            r.kind,
            figure(r.figure, bounds=True),
            f"{r.figure.n:,}",
            f"{r.judged:.0%}",
            figure(r.best_accuracy, bounds=False),
            figure(r.gain, bounds=False),
            share(r.agreement.agreement if r.agreement else None),
            share(r.agreement.false_accept if r.agreement else None),
            share(r.agreement.false_reject if r.agreement else None),
            share(r.calibration.ece if r.calibration else None),
        ]
        for r in d.rows
    ]
    _print_table(console, f"{d.name}: tool by tool", head, rows)


ENTRY_HEAD = (
    "",
    "role",
    "accuracy",
    "n",
    "against static",
    "regret",
    "lock-in",
    "calls/1,000",
    "judge calls",
    "answers",
)


def entry_rows(routing: RoutingReport) -> list[list[str]]:
    """The rows of a pool's table: all but the single tools beyond the best few."""
    tools = [e for e in routing.entries if e.role == "tool"]
    return [_entry(e) for e in routing.entries if e.role != "tool" or e in tools[:MOST_TOOLS]]


def _entry(e: Entry) -> list[str]:
    used = ", ".join(f"{tool.split('/')[-1]} {part:.0%}" for tool, part in list((e.shares or {}).items())[:2])
    return [
        e.name,
        e.role,
        figure(e.figure, bounds=True),
        f"{e.figure.n:,}",
        gain(e.versus),
        share(e.regret),
        "–" if e.lock_in is None else f"{e.lock_in:.0%}",
        "–" if e.calls is None else f"{e.calls:,.0f}",
        "–" if e.judge_calls is None else f"{e.judge_calls:,.0f}",
        used or e.note,
    ]


def print_diff(diff: RunDiff, console: Console) -> None:
    """What moved, data set by data set."""
    head = ("data set", "metric", "n", "before", "after", "change", "p", "better/worse/same", "judged", "verdict")
    rows = [
        [
            c.dataset,
            c.metric,
            f"{c.gain.n:,}",
            share(c.before),
            share(c.after),
            "–" if c.gain.value is None else f"{signed(c.gain.value)} [{signed(c.gain.low)}, {signed(c.gain.high)}]",
            "–" if c.gain.p is None else f"{c.gain.p:.3f}",
            f"{c.gain.better}/{c.gain.worse}/{c.gain.equal}",
            f"{c.judged_before:.0%} → {c.judged_after:.0%}",
            ", ".join(filter(None, (c.verdict, "" if c.coverage == "same" else f"{c.coverage} judged"))),
        ]
        for c in diff.changes
    ]
    _print_table(console, f"{diff.tool}: {diff.before} → {diff.after}", head, rows)
    left = [
        f"{n:,} {words}"
        for n, words in (
            (diff.only_before, "queries only in the first run"),
            (diff.only_after, "only in the second"),
            (diff.relabelled, "with other labels"),
        )
        if n
    ]
    if left:
        console.print(f"[dim]left out: {'; '.join(left)}[/]")


def markdown(report: Report) -> str:
    """The report for a repository: all data sets, right or wrong, then words and tables of each pool of tools."""
    parts = [_markdown_table(HEAD, [_line(d, bounds=True) for d in report.datasets]), LEGEND]
    if verdicts := [_verdicts(d) for d in report.datasets if (row := d.row(NAME)) is not None and row.agreement]:
        parts += ["### Right or wrong", _markdown_table(VERDICTS, verdicts)]
    for d in report.datasets:
        for routing in d.routings:
            parts.append(f"### {d.name}, {routing.scope} (n = {routing.n})")
            parts.append("\n".join(f"- {sentence}" for sentence in routing.words))
            parts.append(_markdown_table(ENTRY_HEAD, entry_rows(routing)))
            if routing.of_each:
                rows = [_cascade(p) for p in (*routing.curve, *routing.of_each)]
                parts.append(_markdown_table(CASCADE, rows))
    return "\n\n".join(parts) + "\n"


VERDICTS = (
    "data set",
    "responses",
    "agreement",
    "false accepts",
    "of wrong",
    "false rejects",
    "of right",
    "Brier",
    "ECE",
)
CASCADE = ("cheap tool", "budget", "asked", "cascade", "n", "asked blindly", "gain")


def _verdicts(d: DatasetReport) -> list[str]:
    row = d.row(NAME)
    a, c = (row.agreement, row.calibration) if row is not None else (None, None)
    if a is None:
        return [d.name, *("–" for _ in VERDICTS[1:])]
    errors = (share(c.brier if c else None), share(c.ece if c else None))
    accepts, rejects = share(a.false_accept), share(a.false_reject)
    return [d.name, f"{a.n:,}", share(a.agreement), accepts, f"{a.wrong:,}", rejects, f"{a.right:,}", *errors]


def _cascade(p: Point) -> list[str]:
    return [
        p.cheap.split("/")[-1] or "chosen on the other half",
        f"{p.budget:.0%}",
        f"{p.share:.0%}",
        figure(p.cascade, bounds=True),
        f"{p.gain.n:,}",
        figure(p.static, bounds=False),
        gain(p.gain),
    ]


def _markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    marks = ["---", *("---:" for _ in head[1:])]
    return "\n".join([line(head), line(marks), *map(line, rows)])
