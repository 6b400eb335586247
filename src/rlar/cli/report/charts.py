"""Plots as inline SVG, coloured by classes, so that they follow the page's theme."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rlar.cli.report.escape import escape


def histogram(values: Sequence[float], *, width: int, height: int, bins: int = 20, axis: bool = True) -> str:
    """Counts of values in equal bins, over [0, 1] or over their own range where they leave it. "" without values."""
    if not values:
        return ""
    low, high = span(values)
    counts = [0] * bins
    for value in values:
        counts[min(int((value - low) / (high - low) * bins), bins - 1)] += 1
    top, foot = max(counts), 16 if axis else 0
    plot, step = height - foot - 1, width / bins
    bars = []
    for i, count in enumerate(counts):
        tall = plot * count / top
        tall = max(tall, 1.5) if count else 0.0  # one response among thousands must still be seen
        edge = (low + (high - low) * i / bins, low + (high - low) * (i + 1) / bins)
        says = f"{edge[0]:g} to {edge[1]:g}: {count:,} of {len(values):,}"
        bars.append(
            f'<rect class="bar" x="{i * step + 0.75:.2f}" y="{plot - tall:.2f}" width="{step - 1.5:.2f}" '
            f'height="{tall:.2f}" rx="1"><title>{escape(says)}</title></rect>'
        )
    lines = f'<line class="axis" x1="0" x2="{width}" y1="{plot + 0.5}" y2="{plot + 0.5}"/>'
    if axis:
        marks = ((low, 0, "start"), ((low + high) / 2, width / 2, "middle"), (high, width, "end"))
        lines += "".join(
            f'<text class="tick" x="{x:g}" y="{height - 3}" text-anchor="{anchor}">{value:g}</text>'
            for value, x, anchor in marks
        )
    label = f"histogram of {len(values):,} rewards from {low:g} to {high:g}"
    return (
        f'<svg class="plot" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(label)}">{"".join(bars)}{lines}</svg>'
    )


def span(values: Sequence[float]) -> tuple[float, float]:
    """[0, 1] if all values lie in it, else round numbers around them."""
    low, high = min(values), max(values)
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    step = 10 ** math.floor(math.log10(max(high - low, 1e-6)))
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    return (low, high) if high > low else (low, low + step)


def share_bar(share: float, *, width: int = 90) -> str:
    """A share in [0, 1] as a filled line."""
    filled = min(max(share, 0.0), 1.0) * width
    return (
        f'<svg class="share" viewBox="0 0 {width} 6" width="{width}" height="6" aria-hidden="true">'
        f'<rect class="track" width="{width}" height="6" rx="3"/>'
        f'<rect class="fill" width="{filled:.2f}" height="6" rx="3"/></svg>'
    )


def dots(values: Sequence[tuple[str, float]], *, width: int = 220) -> str:
    """Named values in [0, 1] on one line: where tools stand apart."""
    pad, y = 6, 9
    places = [pad + min(max(value, 0.0), 1.0) * (width - 2 * pad) for _, value in values]
    marks = "".join(
        f'<circle class="dot d{i % 4}" cx="{x:.1f}" cy="{y}" r="4.5"><title>{escape(name)} {value:.3f}</title></circle>'
        for i, (x, (name, value)) in enumerate(zip(places, values, strict=True))
    )
    gap = f'<line class="gap" x1="{min(places):.1f}" x2="{max(places):.1f}" y1="{y}" y2="{y}"/>' if places else ""
    return (
        f'<svg class="dots" viewBox="0 0 {width} 18" width="{width}" height="18" aria-hidden="true">'
        f'<line class="axis" x1="{pad}" x2="{width - pad}" y1="{y}" y2="{y}"/>{gap}{marks}</svg>'
    )
