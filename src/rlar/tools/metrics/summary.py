"""The default reward for a summary with a reference: overlap, support in the source text, no repetition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from rlar.tools.metrics.chrf import ChrfGold
from rlar.tools.metrics.overlap import f1, shared
from rlar.tools.metrics.reference_metric import ReferenceMetric
from rlar.tools.text import copied_share, distinct_share
from rlar.tools.tokens import stems, words
from rlar.types import Mark, Query

# Chosen on halves of SummEval (mean of four human scores), see docs/verifiers/metrics.md.
UNSUPPORTED = 1 / 3  # what a summary keeps of which no pair of words is in the source text
FEWEST_SOURCE = 2.0  # times the longest reference: a shorter prompt holds no text to summarise
WHOLE_SOURCE = 0.5  # of the source text: a summary longer than that, and than the references, is no summary


@dataclass(frozen=True, slots=True)
class _Learnt:
    golds: tuple[tuple[Counter[str], int, ChrfGold], ...]
    longest: int  # words of the longest reference
    told: frozenset[tuple[str, ...]]  # word pairs of the source and the references; empty if there is no source
    source_size: int


class Summary(ReferenceMetric):
    """How good a summary is, in [0, 1]: nearness * support * variety^2 * brevity.

    nearness: (F-score of word stems + chrF) / 2 to a reference; the mean of the best one and of the average over all.
    support: 1/3 + 2/3 of the share of its word pairs that stand in the prompt or in a reference: what is made up is not
    supported. 1.0 where the prompt holds no text to summarise (it is shorter than twice the longest reference).
    variety: share of its word pairs that occur once.
    brevity: 1.0, but for a text longer than half of the source and twice the longest reference: then the ratio of that
    bound to its length, so that the article is no summary of itself.
    Copying sentences of the source is not punished: readers of news like it, as these labels do. Put `NotCopied` before
    it where you want summaries in own words.
    """

    def __init__(self) -> None:
        about = "nearness to the reference summaries, support in the source text, no repetition"
        self.describe_metric(name="summary", about=about, suits=("summarization",), tie_band=0.01)

    def learn(self, texts: Sequence[str], query: Query) -> Any:
        golds = []
        for text in texts:
            cut = stems(words(text))
            golds.append((Counter(cut), len(cut), ChrfGold(text)))
        source = words(query.text)
        longest = max(size for _, size, _ in golds)
        pairs: frozenset[tuple[str, ...]] = frozenset()
        if len(source) >= FEWEST_SOURCE * longest:
            told = [source, *map(words, texts)]
            pairs = frozenset(pair for one in told for pair in pairwise(one))
        return _Learnt(tuple(golds), longest, pairs, len(source))

    def compare(self, text: str, query: Query, learnt: _Learnt) -> Mark:
        tokens = words(text)
        cut = stems(tokens)
        ours = Counter(cut)
        near = [(f1(shared(ours, gold), len(cut), size) + chrf.chrf(text)) / 2 for gold, size, chrf in learnt.golds]
        nearness = (max(near) + sum(near) / len(near)) / 2
        supported = copied_share(tokens, learnt.told, 2) if learnt.told else 1.0
        variety = distinct_share(tokens, 2)
        most = max(WHOLE_SOURCE * learnt.source_size, 2.0 * learnt.longest)
        brevity = min(1.0, most / len(tokens)) if tokens else 1.0
        value = nearness * (UNSUPPORTED + (1 - UNSUPPORTED) * supported) * variety**2 * brevity
        terms = {"nearness": nearness, "supported": supported, "variety": variety, "brevity": brevity}
        return Mark(min(1.0, value), f"{nearness:.0%} near, {supported:.0%} supported, {variety:.0%} distinct", terms)
