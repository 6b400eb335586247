"""One tool goes bad in mid-training, without a sound: does the library notice, and does training recover?

The library holds a tool of its own for sums. At `break_at` a new version of it is admitted by hand, without an exam;
its author wrote `!=` for `==`, so it pays every wrong sum and no right one, and raises nothing. Every `check_every`
steps the library examines again what is admitted, on queries of the training set: what fails is quarantined, and the
version before it, which passed, judges again. Nobody tells the library that, or when, something broke.
"""

from __future__ import annotations

import asyncio
import shutil
from itertools import islice
from pathlib import Path
from typing import Any

from examples.multitask_grpo.tasks import examples

NAME = "sum_checker"
SOURCE = """import re

def score(prompt, response, reference, extra):
    stated = [float(n) for n in re.findall(r"-?\\d+(?:\\.\\d+)?", response.replace(",", ""))]
    return 1.0 if stated and set(stated) == {float(reference)} else 0.0
"""
CARELESS = SOURCE.replace("== {float", "!= {float")
EXAM_QUERIES = 40


class Broken:
    """A library that breaks at a step. system: what trains; events: what happened, for the report."""

    def __init__(self, folder: Path, *, break_at: int, check_every: int) -> None:
        import rlar
        from rlar.library import Library
        from rlar.library.store import Store

        shutil.rmtree(folder, ignore_errors=True)
        self.break_at, self.check_every = break_at, check_every
        self.events: list[dict[str, Any]] = []
        self.store = Store(folder)
        good = self.store.add(_draft(SOURCE), why="written for the experiment")
        self._examine(f"{good.name}@{good.version}", 0)
        self.system = rlar.RewardSystem(Library.open(folder))

    def after(self, step: int) -> None:
        """To be called at the end of every training step."""
        if step == self.break_at:
            row = self.store.add(_draft(CARELESS), why="a new release")
            self.store.admit(f"{row.name}@{row.version}", why="admitted by hand, without an exam")
            self._note(step, f"{NAME}@{row.version[:6]} admitted by hand, without an exam")
            self._reload()
        elif step % self.check_every == 0:
            for row in list(self.store.current().values()):
                if not self._examine(f"{row.name}@{row.version}", step):
                    self.store.admit(f"{row.name}@{self._before(row.version)}", why=f"{row.version} was quarantined")
                    self._note(step, f"{NAME}@{self._before(row.version)[:6]} judges again")
                    self._reload()

    def _examine(self, ref: str, step: int) -> bool:
        from rlar.acquire.acquiring import Acquisition
        from rlar.rollouts.items import Item
        from rlar.system import as_query

        rows = islice(examples(77, held_out=False, tasks=("sums",)), EXAM_QUERIES)
        items = [Item(as_query({"prompt": e.prompt, **e.columns}), (), str(i), "", i) for i, e in enumerate(rows)]
        exam, refusals = asyncio.run(Acquisition(self.store).again(ref, items))
        name, _, version = ref.partition("@")
        if refusals:
            self._note(step, f"{name}@{version[:6]} quarantined: {refusals[0]}")
        elif step == 0:
            self._note(step, f"{name}@{version[:6]} passed its exam on {exam.queries} queries")
        return not refusals

    def _before(self, version: str) -> str:
        """The version that was admitted before this one."""
        return next(r.version for r in self.store.rows() if r.name == NAME and r.state != "quarantined")

    def _reload(self) -> None:
        from rlar.library import Library

        self.system.library = Library.open(self.store.folder)

    def _note(self, step: int, what: str) -> None:
        self.events.append({"step": step, "what": what})


def _draft(source: str) -> Any:
    from rlar.library.manifest import Draft, Provenance
    from rlar.types import Kind

    return Draft(
        name=NAME,
        kind=Kind.VERIFIER,
        loader="code",
        settings={"requires": ["reference"]},
        card={"about": "the stated number is the sum", "suits": ["math"], "needs": ["a reference"], "line": 1.0},
        provenance=Provenance("user"),
        content={"tool.py": source.encode()},
        engine="sandbox",
    )
