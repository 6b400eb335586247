"""Plots as inline SVG, coloured by classes so that they follow the page's theme. Pure functions of figures."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rlar.evals.measure import MarginBin
from rlar.evals.metrics import Bin
from rlar.evals.resampling import Figure

Scale = Callable[[float], float]  # from a figure to a place on the page
SMALL = (270, 220)  # width and height of plots that stand side by side


def text(value: str) -> str:
    """Safe inside element content and quoted attributes."""
    return html.escape(value, quote=True)


def tag(name: str, body: str = "", **attributes: str | float) -> str:
    """One SVG element. cls is the class, other underscores are hyphens; numbers get one decimal. body is markup."""
    written = "".join(
        f' {"class" if key == "cls" else key.replace("_", "-")}="{value if isinstance(value, str) else f"{value:.1f}"}"'
        for key, value in attributes.items()
    )
    return f"<{name}{written}>{body}</{name}>" if body else f"<{name}{written}/>"


def svg(width: float, height: float, body: str, label: str, cls: str = "plot") -> str:
    """The whole picture. label: what screen readers say."""
    box = f"0 0 {width:g} {height:g}"
    return tag("svg", body, cls=cls, viewBox=box, width=width, height=height, role="img", aria_label=text(label))


@dataclass(frozen=True, slots=True)
class Mark:
    """One figure on a row. look: a class of the style sheet (system, static, length ...). title: shown on hovering."""

    figure: Figure
    look: str
    title: str


@dataclass(frozen=True, slots=True)
class Band:
    """One row of an interval plot. label: left; note: right, e.g. n or "gap". head: starts a group with this name."""

    label: str
    marks: tuple[Mark, ...]
    note: str = ""
    head: str = ""


def interval_plot(bands: Sequence[Band], *, width: int = 860) -> str:
    """Figures in [0, 1] on rows, each with its interval; a coin's 0.5 is marked."""
    left, right, row, head, top = 250, 116, 24, 30, 26
    plot = width - left - right

    def x(value: float) -> float:
        return left + plot * min(max(value, 0.0), 1.0)

    y, rows = float(top), []
    for band in bands:
        if band.head:
            y += head
            rows.append(tag("text", text(band.head), cls="head", x=0, y=y - 8))
        middle = y + row / 2
        rows.append(tag("line", cls="grid", x1=left, x2=left + plot, y1=middle, y2=middle))
        rows.append(tag("text", text(band.label), cls="label", x=left - 14, y=middle + 4, text_anchor="end"))
        rows.append(tag("text", text(band.note) or " ", cls="tick", x=width, y=middle + 4, text_anchor="end"))
        rows += [_mark(mark, x, middle) for mark in band.marks]
        y += row
    axes = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        look = "axis coin" if tick == 0.5 else "axis"
        axes.append(tag("line", cls=look, x1=x(tick), x2=x(tick), y1=top - 4, y2=y + 4))
        axes.append(tag("text", f"{tick:g}", cls="tick", x=x(tick), y=14, text_anchor="middle"))
    return svg(width, y + 10, "".join([*axes, *rows]), "figures by task with intervals")


def _mark(mark: Mark, x: Scale, y: float) -> str:
    figure = mark.figure
    if figure.value is None:
        return ""
    at = x(figure.value)
    body = tag("title", text(mark.title))
    if figure.low is not None and figure.high is not None:
        body += tag("line", cls="bar", x1=x(figure.low), x2=x(figure.high), y1=y, y2=y)
    if mark.look == "length":
        body += tag("line", cls="dot", x1=at, x2=at, y1=y - 6, y2=y + 6)
    elif mark.look == "static":
        turned = f"rotate(45 {at:.1f} {y:.1f})"
        body += tag("rect", cls="dot", x=at - 4, y=y - 4, width=8, height=8, transform=turned)
    else:
        body += tag("circle", cls="dot", cx=at, cy=y, r=5)
    return tag("g", body, cls=mark.look)


@dataclass(frozen=True, slots=True)
class Dot:
    """A point of a curve. title: shown on hovering. r: radius."""

    x: float
    y: float
    title: str
    r: float = 3.2


@dataclass(frozen=True, slots=True)
class Line:
    """Points, joined unless loose. look: a class of the style sheet."""

    look: str
    dots: tuple[Dot, ...]
    loose: bool = False


@dataclass(frozen=True, slots=True)
class Level:
    """A horizontal line across a plot, named at its end, e.g. an oracle."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Axes:
    """Ranges and names of the axes. x_ticks: (place, name). levels: horizontal lines. diagonal: draw x = y."""

    x: tuple[float, float]
    y: tuple[float, float]
    x_name: str
    y_name: str = "accuracy"
    x_ticks: tuple[tuple[float, str], ...] = ()
    y_step: float = 0.1
    diagonal: bool = False
    levels: tuple[Level, ...] = field(default=())


def curves(lines: Sequence[Line], axes: Axes, *, width: int, height: int, side: int = 14) -> str:
    """Curves and points over common axes. side: room at the right, for the names of levels."""
    left, top, foot = 44, 12, 40
    plot_w, plot_h = width - left - side, height - top - foot
    right, bottom = left + plot_w, top + plot_h

    def px(value: float) -> float:
        return left + plot_w * (value - axes.x[0]) / ((axes.x[1] - axes.x[0]) or 1.0)

    def py(value: float) -> float:
        return bottom - plot_h * (value - axes.y[0]) / ((axes.y[1] - axes.y[0]) or 1.0)

    parts = []
    for k in range(round((axes.y[1] - axes.y[0]) / axes.y_step) + 1):
        value = axes.y[0] + k * axes.y_step
        look = "grid coin" if abs(value - 0.5) < 1e-9 else "grid"
        parts.append(tag("line", cls=look, x1=left, x2=right, y1=py(value), y2=py(value)))
        parts.append(tag("text", f"{value:.2g}", cls="tick", x=left - 8, y=py(value) + 4, text_anchor="end"))
    for at, name in axes.x_ticks:
        parts.append(tag("text", text(name), cls="tick", x=px(at), y=bottom + 16, text_anchor="middle"))
    middle = left + plot_w / 2
    parts.append(tag("text", text(axes.x_name), cls="tick", x=middle, y=height - 6, text_anchor="middle"))
    if axes.diagonal:
        low, high = axes.x
        parts.append(tag("line", cls="axis coin", x1=px(low), y1=py(low), x2=px(high), y2=py(high)))
    parts += _levels(axes.levels, left, right, py)
    parts += [_line(line, px, py) for line in lines]
    return svg(width, height, "".join(parts), f"{axes.y_name} against {axes.x_name}")


def _levels(levels: Sequence[Level], x1: float, x2: float, py: Scale) -> list[str]:
    """The lines, with names that do not overlap: each is pushed down until it is clear of the one above."""
    parts, lowest = [], -99.0
    for level in sorted(levels, key=lambda one: -one.value):
        y = py(level.value)
        lowest = max(y + 4, lowest + 13)
        parts.append(tag("line", cls="level", x1=x1, x2=x2, y1=y, y2=y))
        parts.append(tag("text", text(f"{level.name} {level.value:.3f}"), cls="tick", x=x2 + 6, y=lowest))
    return parts


def _line(line: Line, px: Scale, py: Scale) -> str:
    body = ""
    if not line.loose and len(line.dots) > 1:
        body += tag("polyline", points=" ".join(f"{px(d.x):.1f},{py(d.y):.1f}" for d in line.dots))
    for d in line.dots:
        body += tag("circle", tag("title", text(d.title)), cx=px(d.x), cy=py(d.y), r=d.r)
    return tag("g", body, cls=line.look)


def reliability(bins: Sequence[Bin], *, low: float = 0.0) -> str:
    """Observed share against forecast, one dot a bin, larger where it holds more; on the diagonal forecasts hold.

    low: where both axes start; 0.5 for pairs, where a forecast is never below a coin's.
    """
    most = max((b.n for b in bins), default=1)
    dots = tuple(
        Dot(
            b.forecast,
            max(b.observed, low),
            f"forecast {b.forecast:.2f}, observed {b.observed:.2f}, n = {b.n:,}",
            2.5 + 4.5 * (b.n / most) ** 0.5,
        )
        for b in bins
    )
    ticks = tuple((v, f"{v:g}") for v in (low, (low + 1) / 2, 1.0))
    axes = Axes((low, 1.0), (low, 1.0), "forecast", "observed", ticks, y_step=(1 - low) / 2, diagonal=True)
    return curves([Line("system", dots)], axes, width=SMALL[0], height=SMALL[1])


def margin_curves(tools: Sequence[tuple[str, str, Sequence[MarginBin]]]) -> str:
    """Accuracy by quarter of the margin. tools: (name, look, bins)."""
    lines = [
        Line(
            look,
            tuple(
                Dot(k + 1.0, b.accuracy, f"{name}: {b.accuracy:.3f} at margins near {b.margin:.3g}, n = {b.n:,} pairs")
                for k, b in enumerate(bins)
            ),
        )
        for name, look, bins in tools
    ]
    lowest = min((d.y for line in lines for d in line.dots), default=0.5)
    widest = max((len(line.dots) for line in lines), default=4)
    floor, step = (0.4, 0.1) if lowest >= 0.4 else (0.0, 0.25)
    ticks = tuple((k + 1.0, f"Q{k + 1}") for k in range(widest))
    axes = Axes((0.8, widest + 0.2), (floor, 1.0), "quarter of the margin", "accuracy", ticks, step)
    return curves(lines, axes, width=SMALL[0], height=SMALL[1])


def choice_bar(shares: Sequence[tuple[str, float, str]], *, width: int = 240) -> str:
    """Shares that add up to one, as segments of (name, share, look)."""
    x, body = 0.0, ""
    for name, part, look in shares:
        title = tag("title", text(f"{name} {part:.0%}"))
        body += tag("rect", title, cls=look, x=x, y=0, width=max(width * part - 1, 0.5), height=14, rx=2)
        x += width * part
    return svg(width, 14, body, "shares", cls="choice")
