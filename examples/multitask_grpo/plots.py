"""Line plots as SVG files of their own, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rlar.evals.page.plots import tag, text

INK, FAINT = "#333333", "#d9d9d9"
COLOURS = {
    "rlar": "#0b6e4f", "true": "#1f1f1f", "rlar_broken": "#58b368", "length": "#c1121f", "similarity": "#e07a1f",
    "preference": "#8e44ad", "maths": "#2a6fbb", "uniform": "#a8893b", "reward": "#c1121f", "right": "#0b6e4f",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """points: (x, y) with y in [0, 1]. band: (low, high) for each point, or (). name: written at its end."""

    name: str
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float]] = ()
    dashed: bool = False


@dataclass(frozen=True)
class Panel:
    title: str
    lines: Sequence[Line]
    marks: Sequence[tuple[float, str]] = ()  # upright lines: (x, what happened there)


def panels(shown: Sequence[Panel], *, label: str, columns: int, width: int = 320, height: int = 230) -> str:
    """Panels in rows, all with the same axes: steps to the right, 0 to 1 upwards."""
    end = max(x for panel in shown for line in panel.lines for x, _ in line.points)
    rows = -(-len(shown) // columns)
    total, tall = columns * width, rows * height
    body = [tag("rect", width=total, height=tall, fill="#ffffff")]
    for i, panel in enumerate(shown):
        x, y = i % columns * width, i // columns * height
        body.append(tag("g", _panel(panel, end, width, height), transform=f"translate({x},{y})"))
    return tag(
        "svg",
        tag("title", text(label)) + "".join(body),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {total} {tall}",
        width=total,
        height=tall,
        role="img",
        font_family="sans-serif",
        font_size="11",
    )


def _panel(panel: Panel, end: float, width: int, height: int) -> str:
    left, right, top, bottom = 34, 78, 26, 24
    wide, high = width - left - right, height - top - bottom

    def px(x: float) -> float:
        return left + wide * x / end

    def py(y: float) -> float:
        return top + high * (1 - y)

    out = [tag("text", text(panel.title), x=left, y=15, fill=INK, font_weight="bold")]
    for y in (0.0, 0.25, 0.5, 0.75, 1.0):
        out.append(tag("line", x1=left, x2=left + wide, y1=py(y), y2=py(y), stroke=FAINT))
        out.append(tag("text", f"{y:g}", x=left - 5, y=py(y) + 4, text_anchor="end", fill=INK))
    at = (0.0, end / 2, end)
    out += [tag("text", f"{x:g}", x=px(x), y=height - 8, text_anchor="middle", fill=INK) for x in at]
    for x, what in panel.marks:
        out.append(tag("line", x1=px(x), x2=px(x), y1=py(1), y2=py(0), stroke=INK, stroke_dasharray="2 3"))
        out.append(tag("text", text(what), x=px(x) + 3, y=py(0) - 5, fill=INK, font_size="10"))
    for line in panel.lines:
        if line.band:
            edge = [*zip([x for x, _ in line.points], [h for _, h in line.band], strict=True)]
            edge += [*zip([x for x, _ in line.points], [low for low, _ in line.band], strict=True)][::-1]
            points = " ".join(f"{px(x):.1f},{py(y):.1f}" for x, y in edge)
            out.append(tag("polygon", points=points, fill=COLOURS[line.name], fill_opacity="0.15"))
    names = sorted((py(line.points[-1][1]), line.name) for line in panel.lines)
    places = _apart([y for y, _ in names], 12.0, py(0))
    for line in panel.lines:
        points = " ".join(f"{px(x):.1f},{py(y):.1f}" for x, y in line.points)
        dash = {"stroke_dasharray": "5 3"} if line.dashed else {}
        out.append(tag("polyline", points=points, fill="none", stroke=COLOURS[line.name], stroke_width="1.8", **dash))
    for (_, name), place in zip(names, places, strict=True):
        out.append(tag("text", text(name), x=left + wide + 5, y=place + 4, fill=COLOURS[name]))
    return "".join(out)


def _apart(places: Sequence[float], least: float, end: float) -> list[float]:
    """The places, in order, moved so that neighbours keep a distance and none lies below the end."""
    out: list[float] = []
    for place in places:
        out.append(max(place, out[-1] + least) if out else place)
    for i in range(len(out) - 1, -1, -1):
        out[i] = min(out[i], end - least * (len(out) - 1 - i))
    return out
