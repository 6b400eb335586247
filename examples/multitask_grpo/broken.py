"""One tool goes bad in mid-training, without a sound: does the library notice, and does training recover?

The library holds a tool of its own for sums. At `break_at` a new version of it is admitted by hand, without an exam;
its author wrote `!=` for `==`, so it pays every wrong sum and no right one, and raises nothing. Nobody tells the
library that, or when, something broke: its watch sees only what the tools say of the policy's answers
(rlar.acquire.evolve), examines what looks odd, and lets the version before judge again.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

NAME = "sum_checker"
SOURCE = """import re

def score(prompt, response, reference, extra):
    stated = [float(n) for n in re.findall(r"-?\\d+(?:\\.\\d+)?", response.replace(",", ""))]
    return 1.0 if stated and set(stated) == {float(reference)} else 0.0
"""
CARELESS = SOURCE.replace("== {float", "!= {float")
LEARN, LIMIT = 40, 10.0  # a short run: two sums or three per step, so the watch must learn from few and decide by few


class Broken:
    """A library that breaks at a step. system: what trains; events: what happened, for the report."""

    def __init__(self, folder: Path, *, break_at: int) -> None:
        import rlar
        from rlar.acquire.evolve import Evolution, Settings
        from rlar.library import Library
        from rlar.library.store import Store

        shutil.rmtree(folder, ignore_errors=True)
        self.break_at = break_at
        self.step = 0
        self.events: list[dict[str, Any]] = []
        self.store = Store(folder)
        good = self.store.add(_draft(SOURCE), why="written for the experiment")
        self.store.admit(f"{good.name}@{good.version}", why="checked by hand")
        evolution = Evolution(self.store, settings=Settings(learn=LEARN, limit=LIMIT), on_event=self._note)
        self.system = rlar.RewardSystem(Library.open(folder), evolve=evolution)

    def after(self, step: int) -> None:
        """To be called at the end of every training step."""
        self.step = step
        if step != self.break_at:
            return
        from rlar.library import Library

        row = self.store.add(_draft(CARELESS), why="a new release")
        self.store.admit(f"{row.name}@{row.version}", why="admitted by hand, without an exam")
        self.system.library = Library.open(self.store.folder)
        self.events.append({"step": step, "act": "broken", "what": f"{NAME}@{row.version} admitted by hand"})

    def _note(self, event: Any) -> None:
        self.events.append({"step": self.step + 1, "act": str(event.act), "what": str(event)[:300]})


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
