"""The section of a data set whose recorded tools were routed over."""

from __future__ import annotations

from rlar.evals.page.parts import cell_figure, cell_gain, figure, legend, note, section, table
from rlar.evals.page.plots import Axes, Dot, Level, Line, choice_bar, curves, text
from rlar.evals.report import DatasetReport
from rlar.evals.routing_report import (
    BEST_ELSEWHERE,
    CATEGORY_ORACLE,
    CATEGORY_ROUTER,
    ITEM_ORACLE,
    Entry,
    Point,
    RoutingReport,
)
from rlar.evals.words import share

MOST_TOOLS = 12  # of a table; the rest is behind the scores
ROLES = ("system", "baseline", "tool", "static", "router", "null", "ensemble", "oracle")


def routing_section(d: DatasetReport) -> str:
    """For all tools, and for the cheap ones alone: words first, then plots, the cascade, the table of everything."""
    first = d.routings[0]
    left_out = f" Left out: {'; '.join(first.left_out)}." if first.left_out else ""
    about = (
        f"{first.n:,} queries in {first.groups:,} clusters that {len(first.tools)} recorded tools all judged; "
        f"routers learn on one half and are measured on the other.{left_out}"
    )
    return section(f"Routing over {d.name}", about, "".join(map(_pool, d.routings)))


def _pool(report: RoutingReport) -> str:
    words = "".join(f"<li>{text(w)}</li>" for w in report.words)
    plots = "".join(filter(None, (_cost_plot(report), _choices(report))))
    everything = f"<summary>every tool, router, ensemble and oracle</summary>{_entries(report)}"
    head = f"<h3>{text(report.scope.capitalize())}</h3>"
    body = f'{head}<ul class="words">{words}</ul><div class="pair">{plots}</div>{_cascade(report)}'
    return f"{body}<details>{everything}</details>"


def _entries(report: RoutingReport) -> str:
    head = [
        "",
        "role",
        "accuracy",
        "n",
        "against static",
        "regret",
        "lock-in",
        "calls / 1,000",
        "judge calls",
        "answers come from",
    ]
    tools = [e for e in report.entries if e.role == "tool"]
    shown = [e for e in report.entries if e.role != "tool" or e in tools[:MOST_TOOLS]]
    shown.sort(key=lambda e: ROLES.index(e.role))
    rows: list[list[str]] = []
    rules: list[int] = []
    last = ""
    for entry in shown:
        if last and entry.role != last:
            rules.append(len(rows))
        last = entry.role
        rows.append(_entry(entry))
    more = note(f"{len(tools) - MOST_TOOLS} more tools, none better") if len(tools) > MOST_TOOLS else ""
    return table(head, rows, left=(1, 9), rules=rules) + more


def _entry(e: Entry) -> list[str]:
    note = f' <span class="small">{text(e.note)}</span>' if e.note else ""
    share_text = ", ".join(f"{tool.split('/')[-1]} {part:.0%}" for tool, part in list((e.shares or {}).items())[:2])
    return [
        f"{text(e.name)}{note}",
        text(e.role),
        cell_figure(e.figure),
        f"{e.figure.n:,}",
        "" if e.name == BEST_ELSEWHERE else cell_gain(e.versus),
        "" if e.regret is None else share(e.regret),
        "" if e.lock_in is None else f"{e.lock_in:.0%}",
        "" if e.calls is None else f"{e.calls:,.0f}",
        "" if e.judge_calls is None else f"{e.judge_calls:,.0f}",
        f'<span class="small">{text(share_text)}</span>',
    ]


def _cost_plot(report: RoutingReport) -> str:
    """Accuracy against dear calls; nothing where all tools cost the same."""
    if not report.curve:
        return ""
    dear = report.curve[0].dear
    cascade = Line("cascade", tuple(_dot(p, p.cascade.value, "cascade") for p in report.curve))
    blind = Line("blind", tuple(_dot(p, p.static.value, "asked blindly") for p in report.curve))
    tools = tuple(
        Dot(e.dear_calls or 0.0, e.figure.value, f"{e.name}: {share(e.figure.value)}", 4.0)
        for e in report.entries
        if e.role == "tool" and e.figure.value is not None and (e.dear_calls == 0 or e.name == dear)
    )
    routers = tuple(
        Dot(e.dear_calls, e.figure.value, f"{e.name}: {share(e.figure.value)}", 4.5)
        for e in report.entries
        if e.role == "router"
        and not e.name.startswith("margin")
        and e.figure.value is not None
        and e.dear_calls is not None
    )
    levels = tuple(
        Level(name, value)
        for name, entry in (("per item", ITEM_ORACLE), ("per category", CATEGORY_ORACLE))
        if (value := report.entry(entry).figure.value) is not None
    )
    values = (
        [d.y for line in (cascade, blind) for d in line.dots]
        + [d.y for d in (*tools, *routers)]
        + [lv.value for lv in levels]
    )
    low = min(0.5, int(min(values) * 10) / 10)
    ticks = tuple((float(v), f"{v:,}") for v in (0, 250, 500, 750, 1000))
    axes = Axes(
        (-20.0, 1020.0), (low, 1.0), "calls of the dear tool per 1,000 queries", "accuracy", ticks, levels=levels
    )
    lines = [Line("cloud", tools, loose=True), blind, cascade, Line("router", routers, loose=True)]
    named = legend(
        ("cascade", "margin cascade"),
        ("blind", "same tools, asked blindly"),
        ("router", "routers"),
        ("", "single tools"),
    )
    plot = curves(lines, axes, width=600, height=330, side=120)
    return figure("Cost against accuracy", f"dear tool: {dear}; dotted: oracles", named + plot)


def _dot(p: Point, value: float | None, what: str) -> Dot:
    return Dot(1000 * p.share, value or 0.0, f"{what} at {p.share:.0%} dear calls: {share(value)}")


def _choices(report: RoutingReport) -> str:
    """What the category router chose on held-out halves, against the best tool of each category in hindsight.

    Nothing where there is one category only: then there is nothing to choose by.
    """
    if len(report.choices) < 2:
        return ""
    rows = []
    for c in report.choices[:MOST_TOOLS]:
        hit = c.chosen.get(c.oracle, 0.0)
        others = [(tool, part, "miss") for tool, part in c.chosen.items() if tool != c.oracle]
        rows.append(
            [
                text(c.category),
                f"{c.n:,}",
                choice_bar([(c.oracle, hit, "hit"), *others], width=130),
                f"{hit:.0%}",
                f'<span class="small wrap">{text(c.oracle.split("/")[-1])}</span>',
            ]
        )
    left = len(report.choices) - MOST_TOOLS
    more = note(f"and {left} more categories") if left > 0 else ""
    named = legend(("hit", "the oracle's tool"), ("miss", "another tool"))
    shown = table(["category", "n", CATEGORY_ROUTER, "hit", "oracle"], rows, left=(2, 4))
    about = "learnt on one half, counted on the other"
    return figure("Router's choices against the oracle's", about, named + shown + more)


def _cascade(report: RoutingReport) -> str:
    if not report.curve:
        return ""
    head = ["cheap tool", "budget", "asked", "cascade", "asked blindly", "gain"]
    rows = [_point(p) for p in (*report.curve, *report.of_each)]
    for budget, gain in report.of_each_mean.items():
        rows.append(["mean over all cheap tools", f"{float(budget):.0%}", "", "", "", cell_gain(gain)])
    rules = [len(report.curve)] if report.of_each else []
    shown = table(head, rows, rules=rules)
    return f"<details><summary>the cascade, budget by budget and tool by tool</summary>{shown}</details>"


def _point(p: Point) -> list[str]:
    cheap = text(p.cheap.split("/")[-1]) if p.cheap else "chosen on the other half"
    return [
        cheap,
        f"{p.budget:.0%}",
        f"{p.share:.0%}",
        cell_figure(p.cascade),
        cell_figure(p.static),
        cell_gain(p.gain),
    ]
