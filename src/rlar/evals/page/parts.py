"""What the sections of the page are made of: tables, figures, legends. Arguments called markup are trusted HTML."""

from __future__ import annotations

from collections.abc import Sequence

from rlar.evals.page.plots import text
from rlar.evals.resampling import Difference, Figure
from rlar.evals.words import SIGNIFICANT, share, signed


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, left: Sequence[int] = (), rules: Sequence[int] = ()
) -> str:
    """head: plain names. rows: markup per cell. left: columns set flush left; rules: rows that start a new block."""

    def cells(kind: str, values: Sequence[str]) -> str:
        return "".join(f"<{kind}{_left(k, left)}>{value}</{kind}>" for k, value in enumerate(values))

    body = "".join(f"<tr{' class=rule' if k in rules else ''}>{cells('td', row)}</tr>" for k, row in enumerate(rows))
    heads = cells("th", [text(name) for name in head])
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def _left(column: int, left: Sequence[int]) -> str:
    return ' class="left"' if column in left else ""


def cell_figure(figure: Figure | None, *, title: str = "", bounds: bool = True) -> str:
    """A figure with its interval beneath (bounds) or on hovering, where n is too; a dash where there is none."""
    if figure is None or figure.value is None:
        return "–"
    interval = "" if figure.low is None else f"{share(figure.low)} – {share(figure.high)}"
    hint = ", ".join(filter(None, (title, f"n = {figure.n:,}", "" if bounds else interval)))
    ci = f'<span class="ci">{interval}</span>' if bounds and interval else ""
    return f'<span title="{text(hint)}">{share(figure.value)}</span>{ci}'


def cell_gain(gain: Difference | None) -> str:
    """A paired difference, coloured where it is significant."""
    if gain is None or gain.value is None or gain.p is None:
        return "–"
    look = "" if gain.p >= SIGNIFICANT else "up" if gain.value > 0 else "down"
    p = "p < 0.001" if gain.p < 0.001 else f"p = {gain.p:.3f}"
    return f'<span class="{look}" title="n = {gain.n:,}">{signed(gain.value)}</span><span class="ci">{p}</span>'


def figure(name: str, about: str, markup: str) -> str:
    """A plot or table with its caption."""
    return f"<figure><figcaption>{text(name)}<span>{text(about)}</span></figcaption>{markup}</figure>"


def legend(*items: tuple[str, str]) -> str:
    """What the colours mean: (look, words)."""
    shown = "".join(f'<li><i class="{look}"></i>{text(words)}</li>' for look, words in items)
    return f'<ul class="legend">{shown}</ul>'


def note(words: str) -> str:
    """A small grey remark; "" for no words."""
    return f'<p class="note">{text(words)}</p>' if words else ""


def section(title: str, words: str, markup: str) -> str:
    """One card of the page."""
    return f"<section><h2>{text(title)}</h2>{note(words)}{markup}</section>"
