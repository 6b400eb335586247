"""Versions that judge beside the one that counts, on answers whose worth is known, until it is clear who is better."""

from __future__ import annotations

import contextlib
import threading
from itertools import product

from rlar.acquire.evolve.doubts import Recent
from rlar.acquire.evolve.events import second
from rlar.acquire.evolve.signals import Duel
from rlar.acquire.exam import Case, build_cases
from rlar.acquire.exam.cases import rng_for
from rlar.library.loaders import load
from rlar.library.manifest import LibraryProblem
from rlar.library.store import Store
from rlar.rollouts import Item
from rlar.scoring.run import Job, run
from rlar.types import Tool


class Canaries:
    """The canaries of a library, and how each compares.

    store: None for a system without a library on disk, which has none. share: of queries with a known answer on which
    they judge. recorded: whether comparisons are kept in the library's log. tools, duels: by ref.
    """

    def __init__(self, store: Store | None, *, share: float, recorded: bool) -> None:
        self.store, self.share, self.recorded = store, share, recorded
        self.tools: dict[str, Tool] = {}
        self.duels: dict[str, Duel] = {}
        self._compared: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self.load()

    def load(self) -> None:
        """Take the canaries of the library, with what earlier runs measured of them."""
        if self.store is None:
            return
        self.tools, self.duels, self._compared = {}, {}, set()
        for row in self.store.rows():
            if row.state == "canary":
                with contextlib.suppress(LibraryProblem):
                    self.add(load(self.store.manifest(row), self.store.path(row), self.store.exam(row)))
        for event in self.store.events() if self.tools else ():
            if event.get("act") == "compared" and event["tool"] in self.duels:
                self._compared.add((event["tool"], event["query"]))
                self.duels[event["tool"]].see(event["difference"])

    def add(self, tool: Tool) -> None:
        """A new canary, with nothing measured."""
        self.tools[tool.card.ref], self.duels[tool.card.ref] = tool, Duel()

    def pop(self, ref: str) -> tuple[Tool, Duel]:
        """A canary that is decided, which is one no longer."""
        return self.tools.pop(ref), self.duels.pop(ref)

    async def compare(self, old: Tool, family: str, item: Item, beside: Recent | None) -> list[str]:
        """Let the canaries of a tool judge one item's answers beside it. Returns refs of those that are decided now."""
        decided = []
        ref = old.card.ref
        for new, canary in list(self.tools.items()):
            same = canary.card.name == old.card.name or canary.card.family == family
            place = (new, item.query.key)
            if not same or new == ref or place in self._compared or not canary.fits(item.query):
                continue
            if not item.labels and rng_for(0, "canary", *place).random() >= self.share:
                continue
            case = case_of(item, beside)
            if case is None:
                continue
            gain = await difference(canary, old, case)
            with self._lock:
                if place in self._compared or new not in self.duels:
                    continue
                self._compared.add(place)
                done = self.duels[new].see(gain)
            if self.store is not None and self.recorded:
                body = {"at": second(), "act": "compared", "tool": new, "instead": ref, "query": item.query.key}
                self.store.record(body | {"difference": round(gain, 6)})
            if done:
                decided.append(new)
        return decided


def case_of(item: Item, beside: Recent | None) -> Case | None:
    """The item as an exam's case, with wrong answers from its neighbours; None if nothing is known of its worth."""
    others = list(beside.items.values())[-8:] if beside is not None else []
    case = next(c for c in build_cases([item, *others]) if c.query.key == item.query.key)
    return case if (case.right and case.wrong) or len({x for _, x in case.ranked}) > 1 else None


async def difference(new: Tool, old: Tool, case: Case) -> float:
    """How much better the new tool orders the answers of one case, in [-1, 1]. A fault orders nothing."""
    texts = list(dict.fromkeys([a.text for a in (*case.right, *case.wrong)] + [t for t, _ in case.ranked]))
    refs = (new.card.ref, old.card.ref)
    ((verdicts),) = await run([Job(case.query, texts, refs)], {refs[0]: new, refs[1]: old})
    scores = []
    pairs = [(r.text, w.text) for r, w in product(case.right, case.wrong)]
    pairs += [(a, b) for (a, x), (b, y) in product(case.ranked, case.ranked) if x > y]
    for k, tool in enumerate((new, old)):
        value = {text: v[k].value for text, v in zip(texts, verdicts, strict=True)}
        scores.append(sum(_ordered(value[a], value[b], tool.card.tie_band) for a, b in pairs) / len(pairs))
    return scores[0] - scores[1]


def _ordered(better: float | None, worse: float | None, band: float) -> float:
    if better is None or worse is None:
        return 0.0
    return 0.5 if abs(better - worse) <= band else float(better > worse)
