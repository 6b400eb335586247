"""The formula: score = sum over features of weight * value, every value in [0, 1]. Nothing else decides the order.

This is the one place where weights are written down. Ties go to the older name: by id.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from rlar.acquire.web_agent.adapters import recognise
from rlar.acquire.web_agent.facts import Facts
from rlar.acquire.web_agent.filters import Rejection, rejections
from rlar.acquire.web_agent.hints import REWARD_WORDS
from rlar.acquire.web_agent.wanted import Wanted, words_of
from rlar.errors import InputError
from rlar.types import Json

WEIGHTS: dict[str, float] = {
    "text": 3.0,
    "evidence": 3.0,
    "family": 2.0,
    "exams": 2.0,
    "size": 1.5,
    "downloads": 1.0,
    "licence": 0.5,
    "safetensors": 0.5,
    "recency": 0.5,
}
CARD_WORDS = 600  # of a card, from its beginning; more would pay long cards
HALF_LIFE_DAYS = 365.0
REWARD_STEMS = frozenset(words_of(" ".join(REWARD_WORDS)))


@dataclass(frozen=True, slots=True)
class Context:
    """What features need beside a repository. exams: repository -> pair accuracy of its last exam, 0 where it failed.

    today: the day of the ranking.
    """

    wanted: Wanted
    today: date
    exams: Mapping[str, float]


def text(facts: Facts, context: Context) -> float:
    """Share of the search's words that the name (1), the tags (0.8) or the card's beginning (0.6) have.

    A word counts once, however often a card repeats it.
    """
    terms = context.wanted.terms
    if not terms:
        return 0.0
    places = (
        (1.0, set(words_of(facts.id))),
        (0.8, set(words_of(" ".join((*facts.tags, *facts.languages))))),
        (0.6, set(words_of(facts.card[: CARD_WORDS * 12])[:CARD_WORDS])),
    )
    return sum(max((worth for worth, words in places if term in words), default=0.0) for term in terms) / len(terms)


def evidence(facts: Facts, context: Context) -> float:
    """That it is a reward model: architecture 0.4, one label 0.2, pipeline tag 0.1, tag 0.15, name 0.15."""
    architecture = facts.architecture
    return (
        0.4 * architecture.endswith(("ForSequenceClassification", "ForTokenClassification"))
        + 0.4 * any(w in architecture for w in ("Reward", "PairRM"))
        + 0.2 * (facts.labels == 1)
        + 0.1 * (facts.pipeline_tag in ("text-classification", "text-ranking"))
        + 0.15 * bool(REWARD_STEMS & set(words_of(" ".join(facts.tags))))
        + 0.15 * bool(REWARD_STEMS & set(words_of(facts.id)))
    )


def family(facts: Facts, context: Context) -> float:
    """1 if an adapter is known for it."""
    return float(bool(recognise(facts).family))


def exams(facts: Facts, context: Context) -> float:
    """Pair accuracy of its last exam here; one half if it never took one, 0 if it failed."""
    return context.exams.get(f"{facts.id}@{facts.revision}", context.exams.get(facts.id, 0.5))


def size(facts: Facts, context: Context) -> float:
    """Larger is better, up to the budget, by the logarithm from a million on; 0.3 where unknown."""
    n = facts.parameters
    if n is None:
        return 0.3
    if n > context.wanted.budget:
        return 0.0
    return max(0.0, math.log(max(n, 10**6) / 10**6) / math.log(max(context.wanted.budget, 2 * 10**6) / 10**6))


def downloads(facts: Facts, context: Context) -> float:
    """Logarithm of last month's downloads; 1 from ten millions on."""
    return min(1.0, math.log10(1 + facts.downloads) / 7)


def licence(facts: Facts, context: Context) -> float:
    return {"permissive": 1.0, "conditional": 0.5}.get(facts.licence_class, 0.0)


def safetensors(facts: Facts, context: Context) -> float:
    return float(bool(facts.safetensors))


def recency(facts: Facts, context: Context) -> float:
    """Halves with every year since the last change; 0 where that is unknown, 1 for a date to come."""
    try:
        days = (context.today - date.fromisoformat(facts.modified)).days
    except ValueError:
        return 0.0
    return float(0.5 ** (max(0, days) / HALF_LIFE_DAYS))


FEATURES: dict[str, Callable[[Facts, Context], float]] = {
    "text": text,
    "evidence": evidence,
    "family": family,
    "exams": exams,
    "size": size,
    "downloads": downloads,
    "licence": licence,
    "safetensors": safetensors,
    "recency": recency,
}


@dataclass(frozen=True, slots=True)
class Ranked:
    """One repository in a ranking. contributions: weight * value by feature; their sum is the score.

    rejections: () for what may be taken.
    """

    facts: Facts
    score: float
    contributions: Mapping[str, float]
    rejections: tuple[Rejection, ...] = ()

    def to_json(self) -> dict[str, Json]:
        facts = self.facts
        return {
            "id": facts.id,
            "revision": facts.revision,
            "score": round(self.score, 4),
            "contributions": {k: round(v, 4) for k, v in self.contributions.items()},
            "rejections": [{"filter": r.filter, "why": r.why} for r in self.rejections],
            "family": recognise(facts).family,
            "licence": facts.licence,
            "parameters": facts.parameters,
            "downloads": facts.downloads,
            "modified": facts.modified,
        }


def rank(
    candidates: Iterable[Facts],
    context: Context,
    *,
    weights: Mapping[str, float] | None = None,
    without: Collection[str] = (),
) -> list[Ranked]:
    """All candidates, those that may be taken first, best first within both. without: features that count nothing.

    Raises InputError for a feature that there is not.
    """
    used = dict(WEIGHTS if weights is None else weights)
    for name in (*without, *used):
        if name not in FEATURES:
            raise InputError(f"there is no feature {name!r}; there are {', '.join(FEATURES)}")
    for name in without:
        used[name] = 0.0
    out = []
    for facts in candidates:
        parts = {name: used.get(name, 0.0) * f(facts, context) for name, f in FEATURES.items()}
        out.append(Ranked(facts, sum(parts.values()), parts, rejections(facts, context.wanted)))
    return sorted(out, key=lambda r: (bool(r.rejections), -round(r.score, 9), r.facts.id))
