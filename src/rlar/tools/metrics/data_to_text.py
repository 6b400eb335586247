"""The default reward for wording data (meaning representations, tables, triples) with a reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlar.tools.metrics.overlap import bitmasks, f1, lcs_length, ngrams, shared
from rlar.tools.metrics.reference_metric import ReferenceMetric
from rlar.tools.text import distinct_share
from rlar.tools.tokens import words
from rlar.types import Mark, Query

SEQUENCE, PAIRS = 2 / 3, 1 / 3


class DataToText(ReferenceMetric):
    """How near a sentence is to the reference wording, in [0, 1]; the best of several references.

    (2/3 F-score of the longest common subsequence of words + 1/3 F-score of word pairs) * share of distinct word pairs.
    Of the metrics tried on human ratings of SFHOT those that see the order of words rank best; chrF and the share of
    the data's values rank no better than chance. But these are 220 pairs: figures within 3 points are equal.
    """

    def __init__(self) -> None:
        about = "nearness to the reference wording, order included"
        self.describe_metric(name="data_to_text", about=about, suits=("data_to_text",), tie_band=0.01)

    def learn(self, texts: Sequence[str], query: Query) -> Any:
        tokens = [words(text) for text in texts]
        return [(bitmasks(t), len(t), ngrams(t, 2)) for t in tokens]

    def compare(self, text: str, query: Query, learnt: Any) -> Mark:
        tokens = words(text)
        pairs, size = ngrams(tokens, 2), len(tokens)
        best = max(
            (
                {
                    "sequence": f1(lcs_length(masks, length, tokens), size, length),
                    "pairs": f1(shared(pairs, gold), size - 1, length - 1)
                    if size > 1 < length
                    else float(size == length),
                }
                for masks, length, gold in learnt
            ),
            key=lambda t: SEQUENCE * t["sequence"] + PAIRS * t["pairs"],
        )
        variety = distinct_share(tokens, 2)
        value = (SEQUENCE * best["sequence"] + PAIRS * best["pairs"]) * variety
        return Mark(min(1.0, value), f"{best['sequence']:.0%} of the words in order", {**best, "variety": variety})
