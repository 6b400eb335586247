"""Routers under test, behind one interface: learn on some cases, then decide about others without their labels."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol
from zlib import crc32

from rlar.evals.oracles import best_static
from rlar.evals.pool import Pool, Seen
from rlar.scoring.cascade import Evidence, learn_cascade
from rlar.types import Kind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

KIND_RANK = {"verifier": 0, "rule_metric": 1, "metric": 1, "classifier": 2, "reward_model": 2, "llm_rating": 3}


@dataclass(frozen=True)
class Routed:
    """Decisions about N cases. answer_N: index of the tool whose scores count. asked_NK: which tools were called."""

    answer_N: Ints
    asked_NK: Bools


Policy = Callable[[Seen], Routed]


class Router(Protocol):
    """Learns a policy from cases whose utilities it may see. Pure: the same pool and seed give the same policy."""

    @property
    def name(self) -> str: ...

    def learn(self, pool: Pool, seed: int) -> Policy: ...


def answered_by(answer_N: Ints, tools: int) -> Routed:
    """The usual case: exactly the tool that answers was asked."""
    import numpy as np

    asked = np.zeros((len(answer_N), tools), dtype=bool)
    asked[np.arange(len(answer_N)), answer_N] = True
    return Routed(answer_N, asked)


@dataclass(frozen=True)
class Static:
    """One tool for everything: the best on the cases it learnt from."""

    name: str = "best static"

    def learn(self, pool: Pool, seed: int) -> Policy:
        import numpy as np

        best = best_static(pool)
        return lambda seen: answered_by(np.full(len(seen), best), len(seen.tools))


@dataclass(frozen=True)
class StaticMap:
    """A map {category: tool} that somebody wrote; a category without an entry or tool gets the best static one."""

    mapping: Mapping[str, str]
    name: str = "static map"

    def learn(self, pool: Pool, seed: int) -> Policy:
        best = best_static(pool)
        index = {tool: k for k, tool in enumerate(pool.tools)}
        return _by_category({c: index.get(tool, best) for c, tool in self.mapping.items()}, best)


@dataclass(frozen=True)
class Rules:
    """The order verifier > metric > reward model > judge, without a look at accuracies; within a kind the best one.

    The default of routing when no card was measured on this kind of query.
    """

    name: str = "rules (by kind)"

    def learn(self, pool: Pool, seed: int) -> Policy:
        import numpy as np

        mean = pool.utility_NK.mean(axis=0)
        rank = [KIND_RANK.get(kind, len(Kind)) for kind in pool.seen.kinds]
        best = min(range(len(pool.tools)), key=lambda k: (rank[k], -mean[k], k))
        return lambda seen: answered_by(np.full(len(seen), best), len(seen.tools))


@dataclass(frozen=True)
class ByCategory:
    """For each category the tool that did best there, on the cases it learnt from.

    min_cases: thinner categories get the best static tool. careful: standard errors by which a category's tool must
    beat the best static one, case by case, to replace it; 0 takes any lead.
    """

    name: str = "category router"
    min_cases: int = 12
    careful: float = 0.0

    def learn(self, pool: Pool, seed: int) -> Policy:
        import numpy as np

        best = best_static(pool)
        chosen: dict[str, int] = {}
        names = np.array(pool.seen.categories)
        for category in sorted(set(pool.seen.categories)):
            utility = pool.utility_NK[names == category]
            if len(utility) < self.min_cases:
                continue
            candidate = int(utility.mean(axis=0).argmax())
            lead = utility[:, candidate] - utility[:, best]
            if lead.mean() > self.careful * lead.std() / np.sqrt(len(lead)):
                chosen[category] = candidate
        return _by_category(chosen, best)


@dataclass(frozen=True)
class NearestFamily:
    """Families found from the prompt's words alone, for queries that bring no category.

    It keeps the mean word vector of each category it learnt from, sends a new prompt to the nearest one (cosine of
    hashed, idf-weighted words), and asks that family's tool, chosen as in ByCategory.
    """

    name: str = "nearest family"
    min_cases: int = 12
    width: int = 2048

    def learn(self, pool: Pool, seed: int) -> Policy:
        import numpy as np

        words = self._words(pool.seen.prompts)
        idf = np.log((1 + len(words)) / (1 + (words > 0).sum(axis=0)))
        families = sorted(set(pool.seen.categories))
        names = np.array(pool.seen.categories)
        centres = np.stack([_unit(_unit(words[names == f] * idf).mean(axis=0)[None])[0] for f in families])
        by_category = ByCategory(min_cases=self.min_cases).learn(pool, seed)

        def policy(seen: Seen) -> Routed:
            nearest = (_unit(self._words(seen.prompts) * idf) @ centres.T).argmax(axis=1)
            guessed = tuple(families[k] for k in nearest)
            return by_category(Seen(seen.tools, seen.kinds, seen.prices, guessed, seen.prompts, seen.margin_NK))

        return policy

    def _words(self, prompts: tuple[str, ...]) -> Floats:
        import numpy as np

        rows = np.zeros((len(prompts), self.width))
        for row, prompt in enumerate(prompts):
            columns, counts = _hashed_words(prompt, self.width)
            rows[row, columns] = counts
        return rows


@dataclass(frozen=True)
class Cascade:
    """The margin cascade: the cheap tool answers, the dear one is asked where the cheap one's margin is small.

    budget: share of cases for which the dear tool may be asked. cheap, dear: names; without them the best static tool
    among the cheapest and the best among the dearer ones, on the cases it learnt from.
    """

    budget: float
    cheap: str = ""
    dear: str = ""

    @property
    def name(self) -> str:
        return f"margin cascade {self.budget:.0%}"

    def learn(self, pool: Pool, seed: int) -> Policy:
        import numpy as np

        cheap, dear = self.tools(pool)
        evidence = [
            Evidence(m[cheap], u[cheap], u[dear], dear_draw=m[dear] == 0)
            for m, u in zip(pool.seen.margin_NK.tolist(), pool.utility_NK.tolist(), strict=True)
        ]
        cascade = learn_cascade(pool.tools[cheap], pool.tools[dear], evidence, budget=self.budget)

        def policy(seen: Seen) -> Routed:
            ask = np.array(cascade.within_budget(seen.margin_NK[:, cheap].tolist(), seen.prompts), dtype=bool)
            asked = np.zeros(seen.margin_NK.shape, dtype=bool)
            asked[:, cheap] = True
            asked[ask, dear] = True
            return Routed(np.where(ask & (seen.margin_NK[:, dear] > 0), dear, cheap), asked)

        return policy

    def tools(self, pool: Pool) -> tuple[int, int]:
        """Indices of the cheap and the dear tool on this pool."""
        mean = pool.utility_NK.mean(axis=0)
        lowest = min(pool.seen.prices)
        cheap = [k for k, price in enumerate(pool.seen.prices) if price == lowest]
        dear = [k for k, price in enumerate(pool.seen.prices) if price > lowest]
        named = {tool: k for k, tool in enumerate(pool.tools)}
        return (
            named[self.cheap] if self.cheap else max(cheap, key=lambda k: (mean[k], -k)),
            named[self.dear] if self.dear else max(dear, key=lambda k: (mean[k], -k)),
        )


def has_prices(pool: Pool) -> bool:
    """Whether a cascade makes sense: tools of at least two prices."""
    return len(set(pool.seen.prices)) > 1


def _by_category(chosen: Mapping[str, int], otherwise: int) -> Policy:
    import numpy as np

    def policy(seen: Seen) -> Routed:
        return answered_by(np.array([chosen.get(c, otherwise) for c in seen.categories], dtype=int), len(seen.tools))

    return policy


@lru_cache(maxsize=5000)
def _hashed_words(prompt: str, width: int) -> tuple[Ints, Floats]:
    """Columns of the prompt's words, and log(1 + count) of each. Kept, since every half meets the same prompts."""
    import numpy as np

    hashes = [crc32(word.encode()) % width for word in re.findall(r"\w+", prompt.lower())]
    columns, counts = np.unique(np.array(hashes, dtype=np.int64), return_counts=True)
    return columns, np.log1p(counts.astype(float))


def _unit(rows: Floats) -> Floats:
    import numpy as np

    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    found: Floats = rows / np.where(norm > 0, norm, 1.0)
    return found
