"""Searching: list, sift, read the best, rank. All that was found comes back, with its contributions and reasons."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from rlar.acquire.web_agent.facts import Facts
from rlar.acquire.web_agent.fetch import headers
from rlar.acquire.web_agent.hub import Hub, HubRefused, HubUnavailable, Listing
from rlar.acquire.web_agent.ranking import Context, Ranked, rank
from rlar.acquire.web_agent.tensors import parameters
from rlar.acquire.web_agent.wanted import Wanted
from rlar.acquire.web_agent.web import Provider, names_on_the_web
from rlar.errors import RlarError

MOST_READ = 30  # repositories whose config and card are read
MOST_SHARDS = 64  # of one model, whose headers are read
READERS = 8  # at a time


@dataclass(frozen=True, slots=True)
class Found:
    """ranked: all that was listed, what may be taken first. notes: what could not be had. age_s: of the listing."""

    ranked: tuple[Ranked, ...]
    notes: tuple[str, ...] = ()
    age_s: float = 0.0

    @property
    def taken(self) -> list[Ranked]:
        return [r for r in self.ranked if not r.rejections]


def _with_web(hub: Hub, listing: Listing, web: Provider, words: str) -> Listing:
    """The listing and what the web names beside it; what fails is a note."""
    known = {f.id.lower() for f in listing.facts}
    more: list[Facts] = []
    notes: list[str] = []
    try:
        for name in names_on_the_web(web, words):
            if name.lower() in known:
                continue
            try:
                more.append(hub.info(name))
            except (HubRefused, HubUnavailable) as e:
                notes.append(f"named on the web: {e}")
    except HubUnavailable as e:
        notes.append(str(e))
    return replace(listing, facts=(*listing.facts, *more), notes=(*listing.notes, *notes))


def inspect(hub: Hub, facts: Facts) -> Facts:
    """The facts with config, card, sizes, and the shapes of the weights, of which only the headers are read.

    What is found broken on the way stands in `broken`. Raises HubUnavailable; HubRefused where it may not be read.
    """
    full = hub.kept_facts(facts)
    if full is not None:
        return full
    full = hub.read(facts)
    if 0 < len(full.safetensors) <= MOST_SHARDS:
        try:
            shapes = headers(hub, full)
        except HubRefused as e:
            full = replace(full, broken=full.broken or str(e))
        else:
            full = replace(full, tensors=shapes, parameters=parameters(shapes))
    elif full.safetensors:
        full = replace(full, broken=full.broken or f"has {len(full.safetensors)} files of weights")
    hub.keep_facts(full)
    return full


def search(
    hub: Hub,
    wanted: Wanted,
    *,
    exams: Mapping[str, float] | None = None,
    today: date | None = None,
    weights: Mapping[str, float] | None = None,
    without: Collection[str] = (),
    most_read: int = MOST_READ,
    web: Provider | None = None,
) -> Found:
    """Everything that the Hub has for these words, ranked by the formula. Raises HubUnavailable.

    web: a search engine that may name further repositories.
    """
    listing = hub.search(wanted.asks())
    if web is not None:
        listing = _with_web(hub, listing, web, wanted.words)
    context = Context(wanted, today or datetime.now(UTC).date(), exams or {})
    first = rank(listing.facts, context, weights=weights, without=without)
    chosen = [r.facts for r in first if not r.rejections][:most_read]
    notes = list(listing.notes)
    read: dict[str, Facts] = {}

    def one(facts: Facts) -> Facts:
        return inspect(hub, facts)

    with ThreadPoolExecutor(READERS) as pool:
        for facts, future in [(f, pool.submit(one, f)) for f in chosen]:
            try:
                read[facts.id] = future.result()
            except HubRefused as e:
                read[facts.id] = replace(facts, broken=str(e), read=True)
            except (HubUnavailable, RlarError) as e:
                notes.append(str(e))
    if left := len([r for r in first if not r.rejections]) - len(chosen):
        notes.append(f"{left} more were listed and not read; narrow the search, or raise --most")
    ranked = rank([read.get(r.facts.id, r.facts) for r in first], context, weights=weights, without=without)
    return Found(tuple(ranked), tuple(dict.fromkeys(notes)), listing.age_s)
