"""What all metrics that compare a response with gold texts have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlar.tools.base import RuleTool
from rlar.tools.language import UNKNOWN, detect_cheap
from rlar.tools.language_pair import language_pair
from rlar.tools.reference import golds
from rlar.tools.text import visible
from rlar.tools.tokens import nfc
from rlar.types import Kind, Mark, Query, Response

LONG = 20_000  # characters; a longer response that is also TIMES_LONGER than every gold text is worth nothing
TIMES_LONGER = 20


class ReferenceMetric(RuleTool):
    """Base of metrics over (response, gold texts). Subclasses give `learn` and `compare`.

    Fits every query with a gold text (`rlar.tools.reference.golds`). Thoughts (<think> ...) are not compared. Texts are
    in NFC. An empty response is 0.0; so is one of over LONG characters that is TIMES_LONGER longer than any gold text
    (it would be 0.05 at best, and counting its n-grams would take all memory).
    """

    def describe_metric(self, *, name: str, about: str, suits: Sequence[str] = (), **more: Any) -> None:
        self.describe(name=name, kind=Kind.METRIC, about=about, suits=tuple(suits), needs=("reference",), **more)

    def fits(self, query: Query) -> bool:
        return bool(golds(query))

    def prepare(self, query: Query) -> Any:
        texts = [nfc(text) for text in golds(query)]
        return max(map(len, texts)), self.learn(texts, query)

    def rate(self, response: Response, query: Query, prepared: Any) -> float | Mark:
        longest, learnt = prepared
        text = nfc(visible(response)).strip()
        if not text:
            return Mark(0.0, "empty")
        if len(text) > max(LONG, TIMES_LONGER * longest):
            return Mark(0.0, f"{len(text)} characters, where the gold text has {longest}")
        return self.compare(text, query, learnt)

    def learn(self, texts: Sequence[str], query: Query) -> Any:
        """What is worth computing once for these gold texts (at least one, NFC)."""
        raise NotImplementedError

    def compare(self, text: str, query: Query, learnt: Any) -> float | Mark:
        """The value of a text (not empty, NFC)."""
        raise NotImplementedError


def language_of(texts: Sequence[str], query: Query) -> str:
    """The language of gold texts: the target of the translation that the query asks for, else as the text shows it."""
    pair = language_pair(query)
    return pair.target if pair is not None and pair.target != UNKNOWN else detect_cheap(texts[0])
