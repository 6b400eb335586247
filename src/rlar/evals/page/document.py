"""The page: overview first, then one section per data set whose tools were routed over."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources

from rlar.evals.cases import Metric
from rlar.evals.measure import Row
from rlar.evals.metrics import Calibration
from rlar.evals.page.parts import cell_figure, cell_gain, figure, legend, note, section, table
from rlar.evals.page.plots import (
    Band,
    Mark,
    interval_plot,
    margin_curves,
    reliability,
    text,
)
from rlar.evals.page.routing import routing_section
from rlar.evals.report import ByTask, DatasetReport, Report
from rlar.evals.runs import Run
from rlar.evals.system_scores import NAME
from rlar.evals.words import share


def document(run: Run) -> str:
    """The run as one self-contained HTML page. Its policy lets nothing run and nothing be fetched."""
    style = resources.files("rlar.evals.page").joinpath("style.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    report = run.report
    sections = [
        _head(run),
        _tiles(report),
        _overview(report),
        _by_task(report),
        _right_or_wrong(report),
        _calibration(report),
        _margins(report),
        *(routing_section(d) for d in report.datasets if d.routings),
        _details(report),
        _foot(run),
    ]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{text(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>rlar eval: {text(run.name)}</title>
<style>{style}</style>
</head>
<body><main>
{"".join(sections)}
</main></body>
</html>
"""


def _head(run: Run) -> str:
    seconds = run.info.get("seconds")
    took = f" · {float(seconds):,.0f} s" if isinstance(seconds, (int, float)) else ""
    return (
        f'<header><p class="kicker">rlar eval</p><h1>{text(run.name)}</h1>'
        f'<p class="meta">{text(str(run.info.get("created", "")))}{took} · every figure with its n; intervals at '
        f"{run.settings.level:.0%}, over clusters of prompts</p></header>"
    )


def _tiles(report: Report) -> str:
    s = report.summary
    tiles = [("data sets", f"{len(report.datasets)}", f"{s.cases:,} queries, {s.responses:,} responses")]
    if s.system is not None:
        judged = f"mean over the {s.judged} of {s.datasets} data sets where it judged"
        tiles += [
            ("rlar", share(s.system), judged),
            ("the longer response", share(s.length), "on the same data sets"),
            ("rlar everywhere", share(s.everywhere), "a coin's 0.5 for each gap"),
        ]
    shown = "".join(
        f'<div class="tile"><h2>{text(name)}</h2><p class="big">{value}</p><p>{text(about)}</p></div>'
        for name, value, about in tiles
    )
    return f'<section class="tiles">{shown}</section>'


def _overview(report: Report) -> str:
    head = ["data set", "n", "rlar", "judged", "rlar − static", "n static", "best static, elsewhere", "in hindsight"]
    head += ["category router", "length", "random", "oracle / category", "oracle / item"]
    rows = []
    for d in report.datasets:
        line = d.line
        why = "constant" if line.judged else "gap"
        gap = f'<span class="badge gap" title="{text(line.gap)}">{why}</span>'
        rows.append(
            [
                f'{text(d.name)}<span class="ci">{text(d.metric)}</span>',
                f"{d.decided:,}",
                cell_figure(line.system) if line.system is not None else gap,
                f"{line.judged:.0%}",
                cell_gain(line.versus),
                "–" if line.n_static is None else f"{line.n_static:,}",
                cell_figure(line.elsewhere, title=line.best),
                cell_figure(line.hindsight, title=line.best, bounds=False),
                cell_figure(line.router),
                cell_figure(line.length),
                *(cell_figure(f, bounds=False) for f in (line.random, line.category_oracle, line.item_oracle)),
            ]
        )
    words = (
        "Pair accuracy counts ties half; 0.5 is a coin. “Elsewhere”: chosen on other halves, the fair rival."
        " Oracles know the labels. A gap is a query that no proven tool of rlar suits: it says so, and does not guess."
    )
    return section("All data sets", words, table(head, rows))


def _by_task(report: Report) -> str:
    found = sorted(
        (b for d in report.datasets for b in d.by_task if b.metric != Metric.SPEARMAN),
        key=lambda b: (b.task, b.system is None, b.dataset),
    )
    if not found:
        return ""
    bands, last = [], ""
    for b in found:
        bands.append(_band(b, head="" if b.task == last else b.task))
        last = b.task
    words = "Pair accuracy, or AUC where each query has one response. The dashed line is a coin."
    named = legend(
        ("system", NAME), ("static", "best recorded tool, chosen elsewhere"), ("length", "the longer response")
    )
    return section("Accuracy by task", words, f'{named}<div class="scroll">{interval_plot(bands)}</div>')


def _band(b: ByTask, head: str) -> Band:
    marks = []
    for name, look, shown in (
        ("the longer response", "length", b.length),
        ("best recorded tool, chosen elsewhere", "static", b.static),
        (NAME, "system", b.system),
    ):
        if shown is not None and shown.value is not None:
            ci = "" if shown.low is None else f" [{share(shown.low)}, {share(shown.high)}]"
            marks.append(Mark(shown, look, f"{name}: {share(shown.value)}{ci}, n = {shown.n:,}"))
    note = f"n = {b.n:,}"
    if b.system is None:
        note += ", gap"
    elif b.judged < 0.995:
        note += f", {b.judged:.0%} judged"
    return Band(b.dataset, tuple(marks), note, head)


def _right_or_wrong(report: Report) -> str:
    """The system as a verifier: where labels say right or wrong, how often it errs on either side."""
    rows = []
    for d in report.datasets:
        row = d.row(NAME)
        if row is None or row.agreement is None:
            continue
        a, c = row.agreement, row.calibration
        rows.append(
            [
                text(d.name),
                f"{a.n:,}",
                share(a.agreement),
                f'{share(a.false_accept)} <span class="small">of {a.wrong:,}</span>',
                f'{share(a.false_reject)} <span class="small">of {a.right:,}</span>',
                share(c.brier if c else None),
                share(c.ece if c else None),
            ]
        )
    if not rows:
        return ""
    head = ["data set", "responses", "agreement", "false accepts", "false rejects", "Brier", "ECE"]
    words = (
        "False accepts: wrong responses that rlar calls right, which a policy learns to exploit. "
        "False rejects: right ones that it calls wrong. Brier and ECE take the reward as a chance to be right."
    )
    return section("Right or wrong", words, table(head, rows))


def _calibration(report: Report) -> str:
    figures = []
    for d in report.datasets:
        row = d.row(NAME)
        if row is not None and row.calibration is not None and len(row.calibration.bins) > 2:
            about = f"reward as a chance to be right · {_errors(row.calibration)}"
            figures.append(figure(d.name, about, reliability(row.calibration.bins)))
    for d in report.datasets:
        best = _best_with_margins(d)
        if best is not None and best.margin_calibration is not None:
            about = f"{short(best.tool)}, from its margin · {_errors(best.margin_calibration)}"
            figures.append(figure(d.name, about, reliability(best.margin_calibration.bins, low=0.5)))
    if not figures:
        return ""
    words = (
        "On the diagonal, what is said to be right in 80% of the cases is right in 80% of them. "
        "Forecasts from margins are fitted on other queries than they are shown for."
    )
    return section("Calibration", words, f'<div class="plots">{"".join(figures)}</div>')


def _best_with_margins(d: DatasetReport) -> Row | None:
    """The best recorded tool whose margins mean something: the win share of a pair judge has three values only."""
    known = [r for r in d.rows if r.margin_calibration and r.kind not in ("llm_judge", "baseline", "system")]
    known = [r for r in known if not r.tool.startswith(f"{NAME}:")]
    return max(known, key=lambda r: r.figure.value or 0.0, default=None)


def _errors(c: Calibration) -> str:
    return f"Brier {c.brier:.3f}, ECE {c.ece:.3f}, n = {c.n:,}"


def _margins(report: Report) -> str:
    figures = []
    for d in report.datasets:
        tools = [
            (r.tool, _look(r.tool, d.line.best), r.margins)
            for r in d.rows
            if len(r.margins) > 1 and r.kind != "baseline" and not r.tool.startswith(f"{NAME}:")
        ]
        tools.sort(key=lambda t: ("other", "static", "system").index(t[1]))
        if len(tools) > 9:  # a bundle of grey lines says nothing
            tools = [t for t in tools if t[1] != "other"]
        if tools:
            figures.append(figure(d.name, short(d.line.best) or NAME, margin_curves(tools)))
    if not figures:
        return ""
    named = legend(("system", NAME), ("static", "best recorded tool"), ("", "other tools"))
    words = (
        "From the closest pairs (Q1) to those that a tool holds farthest apart (Q4): "
        "where the curve starts near 0.5, small margins are noise."
    )
    return section("Accuracy by margin", words, f'{named}<div class="plots">{"".join(figures)}</div>')


def _look(tool: str, best: str) -> str:
    return "system" if tool == NAME else "static" if tool == best else "other"


def short(tool: str) -> str:
    """A tool's name without its owner."""
    return tool.split("/")[-1]


def _details(report: Report) -> str:
    words = "Every tool on every data set. Gain: 1 for always picking the best response, 0 for picking blindly."
    return section("Tool by tool", words, "".join(_dataset_rows(d) for d in report.datasets))


def _dataset_rows(d: DatasetReport) -> str:
    head = ["tool", "kind", d.metric, "judged", "best-of-n", "gain", "Kendall τ", "agreement", "false accept"]
    head += ["false reject", "Brier", "ECE", "same in both orders", "s / 1,000", "tokens / 1,000"]
    rows = [_cells(r) for r in d.rows]
    used = [k for k in range(len(head)) if k < 4 or any(row[k] not in ("", "–") for row in rows)]
    shown = table([head[k] for k in used], [[row[k] for k in used] for row in rows], left=(1,))
    about = f"{text(d.name)} · {d.n:,} queries in {d.groups:,} clusters, {text(d.labels)} labels"
    notes = "".join(map(note, d.notes))
    return f"<details><summary>{about}</summary>{notes}{_styles(d)}{_own_figures(d)}{shown}</details>"


def _cells(r: Row) -> list[str]:
    rates = [r.agreement.agreement, r.agreement.false_accept, r.agreement.false_reject] if r.agreement else [None] * 3
    errors = [r.calibration.brier, r.calibration.ece] if r.calibration else [None] * 2
    return [
        text(r.tool),
        text(r.kind),
        cell_figure(r.figure),
        f"{r.judged:.0%}",
        *(cell_figure(f) for f in (r.best_accuracy, r.gain, r.kendall)),
        *(share(v) for v in (*rates, *errors, r.consistency.consistent if r.consistency else None)),
        *("" if v is None else f"{v:,.2f}" if v < 100 else f"{v:,.0f}" for v in (r.seconds, r.tokens)),
    ]


def _styles(d: DatasetReport) -> str:
    rows = [(r, r.styles) for r in d.rows if r.styles is not None]
    if not rows:
        return ""
    body = [[text(r.tool), f"{s.n:,}", *(share(v) for v in (s.easy, s.normal, s.hard, s.average))] for r, s in rows]
    return "<h3>RM-Bench style matrix (ties count as lost)</h3>" + table(
        ["tool", "n", "easy", "normal", "hard", "average"], body
    )


def _own_figures(d: DatasetReport) -> str:
    rows = [(r, r.benchmark) for r in d.rows if r.benchmark]
    if not rows:
        return ""
    names = sorted({k for _, b in rows for k in b if k != "average"})
    body = [[text(r.tool), *(share(b.get(k)) for k in (*names, "average"))] for r, b in rows]
    return f"<h3>By the benchmark's own rules</h3>{table(['tool', *map(text, names), 'average'], body)}"


def _foot(run: Run) -> str:
    info = run.info
    versions = info.get("versions") or {}
    files = info.get("files") or []
    rows: Sequence[tuple[str, str]] = [
        ("command", " ".join(info.get("command") or [])),
        ("settings", ", ".join(f"{k} {v}" for k, v in run.settings.as_json().items() if v not in ("", {}))),
        ("versions", ", ".join(f"{k} {v}" for k, v in versions.items())),
        ("files", ", ".join(f"{f['file']} ({str(f['sha256'])[:12]})" for f in files)),
    ]
    shown = "".join(f"<dt>{name}</dt><dd>{text(value)}</dd>" for name, value in rows if value)
    return section("How this was made", "", f"<dl>{shown}</dl>")
