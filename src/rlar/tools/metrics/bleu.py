"""Sentence BLEU, equal to sacrebleu's with effective order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rlar.tools.metrics.overlap import ngrams, shared
from rlar.tools.metrics.reference_metric import ReferenceMetric, language_of
from rlar.tools.tokens import bleu_words
from rlar.types import Json, Query

ORDER = 4
_TOKENIZERS = {"zh": "zh", "ja": "char"}


class Bleu(ReferenceMetric):
    """Sentence BLEU in [0, 1]: sacrebleu's `BLEU(effective_order=True)` divided by 100 (exponential smoothing).

    tokenize: "13a", "zh", "char", or None for zh where the gold text is Chinese, characters where it is Japanese
    (sacrebleu's own needs MeCab), else 13a. Without effective order a perfect answer of two words would be worth 0.
    """

    def __init__(self, tokenize: str | None = None) -> None:
        if tokenize not in (None, "13a", "zh", "char"):
            raise ValueError(f"tokenize must be 13a, zh, char or None, got {tokenize!r}")
        config: dict[str, Json] = {"tokenize": tokenize}
        self.tokenize = tokenize
        name = "bleu" if tokenize is None else f"bleu_{tokenize}"
        self.describe_metric(name=name, config=config, about="sentence BLEU against the reference", tie_band=0.01)

    def learn(self, texts: Sequence[str], query: Query) -> Any:
        tokenizer = self.tokenize or _TOKENIZERS.get(language_of(texts, query), "13a")
        tokens = [bleu_words(text, tokenizer) for text in texts]
        counts = [ngrams(tokens[0], n) for n in range(1, ORDER + 1)]
        for more in tokens[1:]:
            for n, count in enumerate(counts, 1):
                count |= ngrams(more, n)
        return tokenizer, counts, sorted(map(len, tokens))

    def compare(self, text: str, query: Query, learnt: Any) -> float:
        tokenizer, counts, lengths = learnt
        tokens = bleu_words(text, tokenizer)
        nearest = min(lengths, key=lambda length: abs(length - len(tokens)))
        return sentence_bleu(tokens, counts, nearest)


def sentence_bleu(tokens: Sequence[str], counts: Sequence[Any], gold_length: int) -> float:
    """BLEU in [0, 1] of tokens against the n-gram counts of the gold texts, n = 1 to 4.

    Source: sacrebleu 2.6 (Post 2018), smoothing "exp", effective order.
    """
    logs, halvings = [], 0
    for n, gold in enumerate(counts, 1):
        total = len(tokens) - n + 1
        if total <= 0:
            break
        hits = shared(ngrams(tokens, n), gold)
        if not hits:
            if n == 1:
                return 0.0
            halvings += 1
        logs.append(math.log(hits / total if hits else 0.5**halvings / total))
    if not logs:
        return 0.0
    brevity = 1.0 if len(tokens) >= gold_length else math.exp(1 - gold_length / len(tokens))
    return min(1.0, brevity * math.exp(math.fsum(logs) / len(logs)))
