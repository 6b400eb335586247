"""The document: an overview that needs no script, and the data of the item pages, which app.js shows."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import PurePath

from rlar.cli.report.charts import dots, histogram, share_bar
from rlar.cli.report.escape import escape, script_json
from rlar.cli.report.gallery import Exhibit
from rlar.cli.table import tool_names
from rlar.cli.tally import Tally
from rlar.rollouts.items import clip
from rlar.types import Json

Summary = Mapping[str, Json]
MOST_TOOLS = 24


def page(tally: Tally, summary: Summary, exhibits: Sequence[Exhibit]) -> bytes:
    """The report as UTF-8 HTML. The policy in its head lets nothing run but our one script, and nothing be fetched."""
    style, script = (_own_file(name) for name in ("style.css", "app.js"))
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    names = ", ".join(PurePath(path).name or path for path in summary["input"])
    title = f"Rewards of {clip(names, 60)}"
    sections = [
        _head(summary, names),
        _tiles(summary),
        _tasks(tally, summary, exhibits),
        _distributions(tally),
        _trouble(summary, exhibits),
        _disagreements(exhibits),
        _time(summary, exhibits),
    ]
    data = script_json({"items": [{"n": x.number, "tags": x.tags, **x.body} for x in exhibits]})
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
<main id="overview">
{"".join(sections)}
<section id="items"><h2>Items worth a look</h2><noscript><p>This list needs JavaScript.</p></noscript></section>
</main>
<main id="item" hidden></main>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body>
</html>
""".encode()


def _own_file(name: str) -> str:
    return resources.files("rlar.cli.report").joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _head(summary: Summary, names: str) -> str:
    settings = {k: v for k, v in summary["settings"].items() if v and v != "reward"}
    what = f" · {escape(clip(', '.join(f'{k} {v}' for k, v in settings.items()), 120))}" if settings else ""
    return (
        '<header><div><p class="kicker">rlar score</p>'
        f'<h1>{escape(clip(names, 120))}</h1><p class="meta">{escape(summary["started"])}{what}</p></div>'
        '<button id="theme" type="button" aria-label="switch between light and dark" hidden>◐</button></header>'
    )


def _tiles(summary: Summary) -> str:
    judged, responses = summary["judged"], summary["responses"]
    groups = sum(task["groups"] for task in summary["tasks"].values())
    flat = sum(task["groups_without_information"] for task in summary["tasks"].values())
    faults = sum(task["faults"] for task in summary["tasks"].values())
    gaps = sum(task["gaps"] for task in summary["tasks"].values())
    rate = summary["items"] / max(summary["seconds"], 1e-9)
    tiles = [
        ("items", f"{summary['items']:,}", f"{responses:,} responses", ""),
        ("coverage", _percent(judged, responses), f"{judged:,} responses have a reward", ""),
        ("flat groups", _percent(flat, groups), f"{flat:,} of {groups:,} groups teach nothing", "warn" if flat else ""),
        ("faults", f"{faults:,}", "tools that broke; never a number", "bad" if faults else ""),
        ("gaps", f"{gaps:,}", "items that no tool suits", "warn" if gaps else ""),
        ("time", _seconds(summary["seconds"]), f"{rate:,.0f} items a second", ""),
    ]
    if summary["rejected"]:
        tiles.append(("bad rows", f"{summary['rejected']:,}", "set aside, not scored", "warn"))
    if summary["usd"]:
        tiles.append(("spent", f"${summary['usd']:.2f}", f"{summary['tokens']:,} tokens", ""))
    return (
        '<section class="tiles">'
        + "".join(
            f'<div class="tile {mood}"><h2>{name}</h2><p class="big">{big}</p><p class="small">{small}</p></div>'
            for name, big, small, mood in tiles
        )
        + "</section>"
    )


def _tasks(tally: Tally, summary: Summary, exhibits: Sequence[Exhibit]) -> str:
    labelled = any(task["label_agreement"] is not None for task in summary["tasks"].values())
    names = ["task", "items", "tools", "rewards", "coverage", "mean", "spread", "flat groups"]
    names += ["labels agree"] if labelled else []
    names += ["faults", "gaps", "time"]
    rows = []
    for label, task in summary["tasks"].items():
        plot = histogram(tally.tasks[label].rewards.values, width=100, height=24, bins=20, axis=False)
        coverage = task["coverage"]
        cells = [
            ("t", _filter_link(label, exhibits)),
            ("n", f"{task['items']:,}"),
            ("w", escape(tool_names(task["tools"], 3)) or "–"),
            ("p", plot or "–"),
            ("n", "–" if coverage is None else f'{share_bar(coverage)} <span class="pct">{coverage:.1%}</span>'),
            ("n", _number(task["mean_reward"])),
            ("n", _number(task["spread_within_groups"])),
            ("n", _percent(task["groups_without_information"], task["groups"])),
            *([("n", _share(task["label_agreement"]))] if labelled else []),
            ("n" + (" bad" if task["faults"] else ""), f"{task['faults']:,}"),
            ("n" + (" warn" if task["gaps"] else ""), f"{task['gaps']:,}"),
            ("n", _seconds(task["seconds"])),
        ]
        rows.append("<tr>" + "".join(f'<td class="{kind}">{cell}</td>' for kind, cell in cells) + "</tr>")
    head = "".join(f'<th class="{"t" if n in ("task", "tools", "rewards") else "n"}">{n}</th>' for n in names)
    note = (
        "Spread: mean deviation of rewards within groups. Flat groups: all rewards equal, so a group-relative trainer "
        "learns nothing from them. Means of different tasks come from different tools: do not compare them."
    )
    if labelled:
        note += " Labels agree: share of pairs within an item that rewards and labels order alike, ties one half."
    return (
        f'<section><h2>By task</h2><div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f'<tbody>{"".join(rows)}</tbody></table></div><p class="note">{note}</p></section>'
    )


def _distributions(tally: Tally) -> str:
    plots = []
    for label, task in sorted(tally.tasks.items(), key=lambda named: (-named[1].judged, named[0])):
        plot = histogram(task.rewards.values, width=260, height=110)
        if plot:
            mean = task.total / task.judged
            plots.append(
                f'<figure><figcaption>{escape(label)} <span class="small">{task.judged:,} rewards, mean {mean:.3f}'
                f"</span></figcaption>{plot}</figure>"
            )
    return f'<section><h2>Rewards</h2><div class="plots">{"".join(plots)}</div></section>' if plots else ""


def _trouble(summary: Summary, exhibits: Sequence[Exhibit]) -> str:
    parts = []
    faults, gaps = summary["faults"], summary["gaps"]
    if faults:
        rows = "".join(
            f'<tr><td class="n">{fault["count"]:,}</td><td class="t">{escape(fault["tool"])}</td>'
            f'<td class="t">{escape(fault["fault"])}</td><td class="w">{escape(clip(fault["why"], 400))}</td></tr>'
            for fault in faults[:20]
        )
        parts.append(
            f'<h3>Faults <a class="small" href="#list=fault">show items</a></h3><div class="scroll"><table><thead><tr>'
            '<th class="n">responses</th><th class="t">tool</th><th class="t">fault</th><th class="t">why</th></tr>'
            f"</thead><tbody>{rows}</tbody></table></div>"
        )
    if gaps:
        rows = "".join(
            f'<tr><td class="n">{count:,}</td><td class="w">{escape(clip(why, 500))}</td></tr>'
            for why, count in list(gaps.items())[:20]
        )
        parts.append(
            '<h3>Gaps <a class="small" href="#list=gap">show items</a></h3><div class="scroll"><table><thead><tr>'
            f'<th class="n">items</th><th class="t">why</th></tr></thead><tbody>{rows}</tbody></table></div>'
        )
    if summary["rejected"]:
        rows = "".join(f"<li>{escape(clip(text, 400))}</li>" for text in summary["first_rejects"])
        parts.append(f'<h3>Bad rows</h3><ul class="rejects">{rows}</ul>')
    if not parts:
        parts.append('<p class="calm">No tool broke, every item had a tool, and every row could be read.</p>')
    return f"<section><h2>Faults and gaps</h2>{''.join(parts)}</section>"


def _disagreements(exhibits: Sequence[Exhibit]) -> str:
    worst = sorted((x for x in exhibits if x.disagreement > 0), key=lambda x: (-x.disagreement, x.number))[:10]
    if not worst:
        return ""
    rows = []
    for exhibit in worst:
        response = max(exhibit.body["responses"], key=lambda r: _range(r["parts"]))
        values = sorted(response["parts"].items())
        says = ", ".join(f"{name} {value:.2f}" for name, value in values)
        rows.append(
            f'<tr><td class="t">{_item_link(exhibit)}</td><td class="p">{dots(values)}</td>'
            f'<td class="w">{escape(says)}</td></tr>'
        )
    return (
        '<section><h2>Where tools disagree</h2><div class="scroll"><table><thead><tr><th class="t">item</th>'
        '<th class="t">values from 0 to 1</th><th class="t">the widest response</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></section>"
    )


def _range(parts: Mapping[str, float]) -> float:
    values = [value for value in parts.values() if 0 <= value <= 1]
    return max(values) - min(values) if values else 0.0


def _time(summary: Summary, exhibits: Sequence[Exhibit]) -> str:
    tools = sorted(summary["tools"].items(), key=lambda named: (-named[1]["seconds"], named[0]))
    longest = max((tool["seconds"] for _, tool in tools), default=0.0)
    rows = "".join(
        f'<tr><td class="t">{_tool(ref)}</td>'
        f'<td class="n">{tool["verdicts"]:,}</td><td class="n">{_seconds(tool["seconds"])}</td>'
        f'<td class="p">{share_bar(tool["seconds"] / longest if longest else 0.0, width=160)}</td>'
        f'<td class="n">{1000 * tool["seconds"] / tool["verdicts"] if tool["verdicts"] else 0:.3f} ms</td></tr>'
        for ref, tool in tools[:MOST_TOOLS]
    )
    numbers = {exhibit.body["id"]: exhibit for exhibit in exhibits if isinstance(exhibit.body["id"], str)}
    slow = "".join(
        f"<li>{_item_link(numbers[s['id']]) if s['id'] in numbers else escape(clip(s['id'], 80))} "
        f'<span class="small">{escape(s["task"])}</span><b>{_seconds(s["seconds"])}</b></li>'
        for s in summary["slowest"][:10]
    )
    resumed = f" {summary['resumed']:,} items of an earlier run are not timed." if summary["resumed"] else ""
    return (
        '<section><h2>Time</h2><div class="columns"><div class="scroll"><table><thead><tr><th class="t">tool</th>'
        '<th class="n">verdicts</th><th class="n">seconds</th><th></th><th class="n">each</th></tr></thead>'
        f'<tbody>{rows}</tbody></table></div><div><h3>Slowest items</h3><ol class="slow">{slow}</ol></div></div>'
        f'<p class="note">CPU seconds of workers, or wall seconds of services.{resumed}</p></section>'
    )


def _tool(ref: str) -> str:
    name, _, version = ref.partition("@")
    return f'{escape(name)} <span class="small">{escape(version)}</span>'


def _item_link(exhibit: Exhibit) -> str:
    name = exhibit.body["id"]
    return f'<a href="#item={exhibit.number}">{escape(clip(name if isinstance(name, str) else name["head"], 60))}</a>'


def _filter_link(label: str, exhibits: Sequence[Exhibit]) -> str:
    """The task's name, leading to its items if the report has some. A label of ours is a word; others stay text."""
    has = any(exhibit.body["task"]["label"] == label for exhibit in exhibits)
    return f'<a href="#task={escape(label)}">{escape(label)}</a>' if has and label.isidentifier() else escape(label)


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _seconds(value: float) -> str:
    if value >= 120:
        return f"{value / 60:,.1f} min"
    if value >= 1:
        return f"{value:.1f} s"
    return f"{value * 1000:.0f} ms" if value >= 0.01 or value == 0 else f"{value * 1000:.1f} ms"
