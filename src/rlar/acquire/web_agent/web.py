"""Web search as a second source of names: addresses of repositories in search results. Nothing else of a page is read.

A name from here goes the same way as one from the listing: facts from the Hub's API, filters, formula, exam.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Protocol
from urllib.parse import urlsplit

from rlar.acquire.web_agent.facts import REPO_ID
from rlar.acquire.web_agent.hub import HubUnavailable, within
from rlar.errors import MissingExtra

MOST_RESULTS = 30
WEB_S = 10.0
NOT_MODELS = frozenset(
    (
        *("datasets", "spaces", "docs", "blog", "papers", "models", "collections", "learn", "tasks", "posts", "join"),
        *(
            "settings",
            "organizations",
            "api",
            "chat",
            "pricing",
            "terms-of-service",
            "privacy",
            "login",
            "new",
            "search",
        ),
    )
)


class Provider(Protocol):
    """Anything that finds addresses of pages for words."""

    name: str

    def addresses(self, words: str, most: int) -> Iterable[str]: ...


class DuckDuckGo:
    """Through the package ddgs (extra "web"), which asks public search engines."""

    name = "ddgs"

    def addresses(self, words: str, most: int) -> Iterable[str]:
        try:
            from ddgs import DDGS
        except ImportError as e:
            raise MissingExtra("web search", "web") from e
        return [str(r.get("href", "")) for r in DDGS(timeout=int(WEB_S)).text(words, max_results=most)]


def repositories(addresses: Iterable[str], *, hosts: Sequence[str] = ("huggingface.co", "hf.co")) -> list[str]:
    """The model repositories that addresses name, in order, each once."""
    found: dict[str, None] = {}
    for address in addresses:
        try:
            url = urlsplit(address)
            host = (url.hostname or "").removeprefix("www.")
        except ValueError:
            continue
        parts = [p for p in url.path.split("/") if p]
        if url.scheme not in ("http", "https") or host not in hosts or len(parts) < 2 or parts[0] in NOT_MODELS:
            continue
        name = "/".join(parts[:2])
        if REPO_ID.fullmatch(name) and not re.search(r"\.(html?|pdf|md|json)$", name):
            found.setdefault(name)
    return list(found)


def names_on_the_web(provider: Provider, words: str) -> list[str]:
    """Repositories that a search for these words shows. Raises HubUnavailable where it fails or takes too long."""

    def ask() -> list[str]:
        try:
            return list(provider.addresses(f"{words} reward model site:huggingface.co", MOST_RESULTS))[:MOST_RESULTS]
        except MissingExtra:
            raise
        except Exception as e:  # a search engine may refuse in any way
            raise HubUnavailable(f"web search ({provider.name}): {type(e).__name__} {str(e)[:120]}") from e

    return repositories(within(WEB_S, f"web search ({provider.name})", ask))
