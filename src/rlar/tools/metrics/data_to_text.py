"""The default reward for wording data (meaning representations, tables, triples) with a reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlar.tools.metrics.overlap import bitmasks, f1, lcs_length
from rlar.tools.metrics.reference_metric import ReferenceMetric
from rlar.tools.text import distinct_share
from rlar.tools.tokens import words
from rlar.types import Mark, Query


class DataToText(ReferenceMetric):
    """How near a sentence is to the reference wording, in [0, 1]; the best of several references.

    F-score of the longest common subsequence of words (ROUGE-L on words of any script) * share of distinct word pairs.
    Of the metrics tried on human ratings of SFHOT those that see the order of words rank best; chrF and the share of
    the data's values rank no better than chance. But these are 220 pairs: figures within 3 points are equal.
    """

    def __init__(self) -> None:
        about = "nearness to the reference wording, order included"
        self.describe_metric(name="data_to_text", about=about, suits=("data_to_text",), tie_band=0.01)

    def learn(self, texts: Sequence[str], query: Query) -> Any:
        return [(bitmasks(tokens), len(tokens)) for tokens in map(words, texts)]

    def compare(self, text: str, query: Query, learnt: Any) -> Mark:
        tokens = words(text)
        sequence = max(f1(lcs_length(masks, size, tokens), len(tokens), size) for masks, size in learnt)
        variety = distinct_share(tokens, 2)
        return Mark(sequence * variety, f"{sequence:.0%} in order", {"sequence": sequence, "variety": variety})
