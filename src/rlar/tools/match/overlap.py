"""Graded likeness of an answer and the gold text: `TokenF1` and `FuzzyMatch`, metrics without a line for "right"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rlar.tools.final_answer import claims, said
from rlar.tools.language import detect_cheap
from rlar.tools.match.normal import normal
from rlar.tools.match.span import stated_span
from rlar.tools.metrics.overlap import bitmasks, f1, lcs_length, shared
from rlar.tools.metrics.reference_metric import ReferenceMetric
from rlar.tools.tokens import words
from rlar.types import Mark, Query

_LONGEST = 4_000  # characters of an answer that are compared
_SHORT = 40  # words of a gold up to which a marked answer stands for the whole response


def _answer(text: str, longest_gold: int) -> str:
    """The marked answer where the golds are short, else the whole text."""
    found = claims(said(text), explicit=True) if longest_gold <= _SHORT else []
    return stated_span(found[0]) if found else text


class TokenF1(ReferenceMetric):
    """F1 of the words that answer and gold share, in [0, 1]; the best over all gold texts.

    Scripts without spaces count by characters. English articles are dropped. Where the golds are short and the response
    marks its answer, only that is compared. Source: SQuAD 1.1 (Rajpurkar 2016).
    """

    def __init__(self) -> None:
        self.describe_metric(name="token_f1", about="words shared with the gold text", suits=("knowledge", "reasoning"))

    def learn(self, texts: Sequence[str], query: Query) -> Any:
        articles = detect_cheap(query.question or texts[0]) in ("en", "und")
        counts = [Counter(words(normal(text, articles=articles))) for text in texts]
        return [count for count in counts if count], articles, max((c.total() for c in counts), default=0)

    def compare(self, text: str, query: Query, learnt: Any) -> Mark:
        counts, articles, longest = learnt
        ours = Counter(words(normal(_answer(text, longest), articles=articles)))
        return Mark(max((f1(shared(ours, gold), ours.total(), gold.total()) for gold in counts), default=0.0))


class FuzzyMatch(ReferenceMetric):
    """Likeness of characters in normal form, 2 * LCS / (both lengths), in [0, 1]; the best over all gold texts.

    For answers where small slips of spelling should still earn most of the value. LCS: longest common subsequence.
    """

    def __init__(self) -> None:
        self.describe_metric(
            name="fuzzy_match", about="characters shared in order with the gold text", suits=("knowledge",)
        )

    def learn(self, texts: Sequence[str], query: Query) -> Any:
        keys = [normal(text, articles=False)[:_LONGEST] for text in texts]
        return [(bitmasks(key), len(key)) for key in keys if key], max(len(words(text)) for text in texts)

    def compare(self, text: str, query: Query, learnt: Any) -> Mark:
        golds, longest = learnt
        ours = normal(_answer(text, longest), articles=False)[:_LONGEST]
        return Mark(max((f1(lcs_length(masks, n, ours), len(ours), n) for masks, n in golds), default=0.0))
