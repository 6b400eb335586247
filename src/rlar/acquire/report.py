"""What a run of acquisition achieved, as JSON and as one self-contained HTML page."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence

from rlar.acquire.acquiring import Acquired, Outcome, Tried
from rlar.types import Json

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: .6rem 0 1.4rem } th, td { padding: .2rem .8rem .2rem 0; text-align: left;
vertical-align: top; border-bottom: 1px solid #ddd } td.n, th.n { text-align: right } .yes { color: #067a3a }
.no { color: #a61b1b } code, pre { font-size: 13px; background: #f4f4f2; padding: .1rem .3rem; white-space: pre-wrap;
overflow-wrap: anywhere } summary { cursor: pointer } section { margin-top: 2rem }
@media (prefers-color-scheme: dark) { body { background: #16181c; color: #ddd } code, pre { background: #24272c } }
"""


def shares(done: Acquired) -> list[dict[str, Json]]:
    """Per task label, and over all ("all", last): queries, and how many had a proven tool before and have one now."""
    before, after = done.proven(before=True), done.proven(before=False)
    rows: list[dict[str, Json]] = [
        {"task": label, "queries": n, "before": before[label][0], "after": now} for label, (now, n) in after.items()
    ]
    rows.sort(key=lambda r: (-r["queries"], r["task"]))
    total = {key: sum(r[key] for r in rows) for key in ("queries", "before", "after")}
    return [*rows, {"task": "all", **total}]


def counts(done: Acquired) -> dict[str, int]:
    """Candidates by how far they came: executable is the least of it, admission the most."""
    tried = [t for o in done.outcomes for t in o.tried]
    sums = [sum(t.counts[i] for t in tried) for i in range(3)]
    return {
        "candidates": len(tried),
        **dict(zip(("executable", "valid", "discriminative"), sums, strict=True)),
        "passed": sum(t.passed for t in tried),
        "admitted": sum(bool(o.admitted) and any(t.passed for t in o.tried) for o in done.outcomes),
    }


def report_json(done: Acquired, summary: Mapping[str, Json]) -> dict[str, Json]:
    return {**summary, "proven_by_task": shares(done), "candidates": counts(done), **done.to_json()}


def report_html(done: Acquired, summary: Mapping[str, Json]) -> str:
    """One page with no scripts and no addresses; all text of models, prompts and answers is escaped."""
    body = [
        "<h1>Acquired tools</h1>",
        _paragraph(", ".join(f"{k}: {v}" for k, v in summary.items() if not isinstance(v, (dict, list)))),
        f"<p class=no>Stopped: {escape(done.stopped)}</p>" if done.stopped else "",
        "<h2>Queries with a proven tool, by task</h2>",
        _table(
            ("task", "queries", "before", "after"),
            [
                (r["task"], r["queries"], _percent(r["before"], r["queries"]), _percent(r["after"], r["queries"]))
                for r in shares(done)
            ],
        ),
        "<h2>Candidates</h2>",
        _table(tuple(counts(done)), [tuple(counts(done).values())]),
        "<h2>Families</h2>",
        *(_family(o) for o in done.outcomes),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>rlar acquire</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _family(outcome: Outcome) -> str:
    family = outcome.family
    result = (
        f'<b class="yes">{escape(outcome.admitted)}</b>'
        if outcome.admitted
        else f'<span class="no">{escape(outcome.why)}</span>'
    )
    before = f"; routed to {family.tool}" if family.tool else f"; {family.gap}" if family.gap else ""
    return (
        f"<section><h3>{escape(family.name)}</h3>{_paragraph(f'{len(family.items)} queries{before}')}<p>{result}</p>"
        + "".join(_tried(t) for t in outcome.tried)
        + "</section>"
    )


def _tried(tried: Tried) -> str:
    mark = '<span class="yes">passed</span>' if tried.passed else '<span class="no">refused</span>'
    parts = [f"<summary>{mark} <code>{escape(tried.ref)}</code> by {escape(tried.made_by)}</summary>"]
    if tried.refusals:
        parts.append("<ul>" + "".join(f"<li>{escape(r[:600])}</li>" for r in tried.refusals[:12]) + "</ul>")
    if tried.exam is not None:
        figures = [(name, str(f)) for name, f in tried.exam.figures.items()]
        parts.append(_table(("figure", "value [95% interval] n"), figures))
        cases = [(f.shows, f.query[:200], f.response[:200], f.says[:200]) for f in tried.exam.failures[:6]]
        if cases:
            parts.append(_table(("failed", "query", "answer", "what it said"), cases))
    return f"<details>{''.join(parts)}</details>"


def _table(head: Sequence[str], rows: Iterable[Sequence[Json]]) -> str:
    def cell(tag: str, value: Json) -> str:
        kind = ' class="n"' if isinstance(value, (int, float)) else ""
        return f"<{tag}{kind}>{escape(str(value))}</{tag}>"

    lines = "".join(f"<tr>{''.join(cell('td', v) for v in row)}</tr>" for row in rows)
    return f"<table><tr>{''.join(cell('th', h) for h in head)}</tr>{lines}</table>"


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def escape(text: str) -> str:
    """Text of strangers as HTML text; characters that hide or reorder text are shown by their code."""
    return html.escape("".join(c if c.isprintable() or c in "\n\t" else f"⟨U+{ord(c):04X}⟩" for c in text), quote=True)
