"""The bar on stderr: items per second and the time left, from the share of the input that was read."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from rlar.cli.run import Batch

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


class Progress:
    """total: bytes of input, None if unknown. limit: most items, None for all. shown: False for silence."""

    def __init__(self, total: int | None, limit: int | None, *, shown: bool) -> None:
        self._total = total
        self._limit = limit
        self._shown = shown
        self._items = 0
        self._start = time.monotonic()
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Progress:
        if self._shown:
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
            from rich.progress import Progress as RichProgress

            self._bar = RichProgress(
                TextColumn("scoring"),
                BarColumn(),
                TextColumn("{task.fields[items]:,} items  {task.fields[rate]}"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(elapsed_when_finished=True),
                console=Console(stderr=True),
                transient=True,
            )
            known = self._total is not None or self._limit is not None
            self._task = self._bar.add_task("", total=1.0 if known else None, items=0, rate="")
            self._bar.start()
        return self

    def advance(self, batch: Batch) -> None:
        """These items are written."""
        self._items += len(batch.items)
        if self._bar is None or self._task is None:
            return
        shares = [self._items / self._limit] if self._limit else []
        if self._total and batch.read is not None:
            shares.append(batch.read / self._total)
        rate = self._items / max(time.monotonic() - self._start, 1e-3)
        self._bar.update(self._task, completed=max(shares, default=0.0), items=self._items, rate=f"{rate:,.0f}/s")

    def say(self, text: str) -> None:
        """A line on stderr that does not tear the bar."""
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            sys.stderr.write(text + "\n")

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()
