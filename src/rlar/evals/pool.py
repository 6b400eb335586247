"""Several tools on the same cases, as arrays: what routers are learnt from, and what they may see.

A router sees `Seen` (categories, prompts, margins) and never a label; only `Pool`, which it learns from on *other*
cases, knows how right each tool was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlar.evals.cases import Case
from rlar.evals.metrics import pairwise_accuracy
from rlar.evals.tool_scores import JUDGES, ToolScores
from rlar.scoring.cascade import group_margin

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Seen:
    """What a router may know of N cases and K tools before it decides.

    margin_NK: how far each tool holds a case's responses apart (see `group_margin`), in the tool's own unit; a cascade
    may look at the margins of the tools it asks, which the trial then counts as calls. prices: of one call, by tool.
    """

    tools: tuple[str, ...]
    kinds: tuple[str, ...]
    prices: tuple[float, ...]
    categories: tuple[str, ...]
    prompts: tuple[str, ...]
    margin_NK: Floats

    @property
    def judges(self) -> tuple[bool, ...]:
        return tuple(kind in JUDGES for kind in self.kinds)

    def __len__(self) -> int:
        return len(self.categories)


@dataclass(frozen=True)
class Pool:
    """N cases that K tools all judged. utility_NK: pair accuracy of each tool on each case, in [0, 1], ties half.

    left_out: tools that judged too few of these cases, with the reason.
    """

    name: str
    seen: Seen
    cases: tuple[Case, ...]
    utility_NK: Floats
    left_out: tuple[str, ...] = ()

    @property
    def tools(self) -> tuple[str, ...]:
        return self.seen.tools

    @property
    def groups(self) -> list[str]:
        return [case.group for case in self.cases]

    def __len__(self) -> int:
        return len(self.cases)

    def take(self, rows: Sequence[int] | Ints) -> Pool:
        """The pool of some of the cases, in the order given."""
        import numpy as np

        index = np.asarray(rows, dtype=np.int64)
        places = index.tolist()
        seen = Seen(
            self.seen.tools,
            self.seen.kinds,
            self.seen.prices,
            tuple(map(self.seen.categories.__getitem__, places)),
            tuple(map(self.seen.prompts.__getitem__, places)),
            self.seen.margin_NK[index],
        )
        return Pool(self.name, seen, tuple(map(self.cases.__getitem__, places)), self.utility_NK[index], self.left_out)

    @property
    def cheapest(self) -> list[int]:
        """The tools of the lowest price."""
        lowest = min(self.seen.prices)
        return [k for k, price in enumerate(self.seen.prices) if price == lowest]

    def only(self, tools: Sequence[int]) -> Pool:
        """The pool of some of the tools, on the same cases."""
        s, picked = self.seen, list(tools)
        seen = Seen(
            tuple(s.tools[k] for k in picked),
            tuple(s.kinds[k] for k in picked),
            tuple(s.prices[k] for k in picked),
            s.categories,
            s.prompts,
            s.margin_NK[:, picked],
        )
        return Pool(self.name, seen, self.cases, self.utility_NK[:, picked], self.left_out)

    def with_categories(self, categories: Sequence[str]) -> Pool:
        """The same pool under other categories: the null of every router that goes by them."""
        s = self.seen
        seen = Seen(s.tools, s.kinds, s.prices, tuple(categories), s.prompts, s.margin_NK)
        return Pool(self.name, seen, self.cases, self.utility_NK, self.left_out)


def make_pool(
    name: str, cases: Sequence[Case], tables: Sequence[ToolScores], prices: Mapping[str, float] | None = None
) -> Pool | None:
    """The cases that the tools have in common; None below two tools or two cases.

    A tool joins, best covered first, only while that keeps at least 80% of the common cases: a judge that was run on
    other cases must not empty the table. prices: of one call, by tool or by pattern ("GPT-4*"); 1 elsewhere for judges,
    0 for all others.
    """
    import numpy as np

    utility: dict[str, dict[str, float]] = {}
    for table in tables:
        found = {case.id: pairwise_accuracy(table.of(case), case.labels) for case in cases if case.id in table.scores}
        utility[table.tool] = {ident: value for ident, value in found.items() if value is not None}
    ranked = sorted((t for t in tables if utility[t.tool]), key=lambda t: (-len(utility[t.tool]), t.tool))
    common: set[str] = set()
    joined: list[ToolScores] = []
    left_out: list[str] = []
    for table in ranked:
        both = common & set(utility[table.tool]) if joined else set(utility[table.tool])
        if joined and len(both) < 0.8 * len(common):
            left_out.append(f"{table.tool} (judged {len(utility[table.tool])} cases, {len(both)} of these)")
            continue
        common = both
        joined.append(table)
    chosen = [case for case in cases if case.id in common]
    if len(joined) < 2 or len(chosen) < 2:
        return None
    joined.sort(key=lambda t: t.tool)
    seen = Seen(
        tools=tuple(t.tool for t in joined),
        kinds=tuple(t.kind for t in joined),
        prices=tuple(_price(t, prices or {}) for t in joined),
        categories=tuple(case.category for case in chosen),
        prompts=tuple(case.query.text for case in chosen),
        margin_NK=np.array([[group_margin(t.of(case)) or 0.0 for t in joined] for case in chosen], dtype=float),
    )
    scores = np.array([[utility[t.tool][case.id] for t in joined] for case in chosen], dtype=float)
    return Pool(name, seen, tuple(chosen), scores, tuple(left_out))


def _price(table: ToolScores, prices: Mapping[str, float]) -> float:
    from fnmatch import fnmatchcase

    named = [price for pattern, price in prices.items() if fnmatchcase(table.tool, pattern)]
    return named[0] if named else float(table.kind in JUDGES)
