"""ROUGE-1, ROUGE-2 and ROUGE-L as F-scores, equal to rouge-score's on Latin text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rlar.errors import ToolFault
from rlar.tools.metrics.overlap import bitmasks, f1, lcs_length, ngrams, shared
from rlar.tools.metrics.reference_metric import ReferenceMetric
from rlar.tools.tokens import is_latin, rouge_words, words
from rlar.types import Fault, Query

_ABOUT = {"1": "words", "2": "pairs of words", "l": "the longest common subsequence of words"}


class Rouge(ReferenceMetric):
    """ROUGE F-score in [0, 1]; the best of several references. Only F: the recall variants reward copying the source.

    kind: "1", "2" or "l". stem: Porter stemming of English (needs the extra "verifiers").
    Tokens are rouge-score's (a-z, 0-9) where all references are in Latin script, so that the values are equal; there
    rouge-score itself gives 0 to any other script, so texts with other letters are split by
    `rlar.tools.tokens.words` (Han, kana and Thai by character).
    """

    def __init__(self, kind: str = "l", stem: bool = False) -> None:
        if kind not in _ABOUT:
            raise ValueError(f"kind must be one of 1, 2, l, got {kind!r}")
        self.kind, self.stem = kind, stem
        self.describe_metric(
            name=f"rouge_{kind}" + "_stemmed" * stem,
            config={"kind": kind, "stem": stem},
            libraries=("rouge-score", "nltk") if stem else (),
            about=f"ROUGE-{kind.upper()}: F-score of {_ABOUT[kind]} shared with the reference",
            tie_band=0.01,
        )

    def learn(self, texts: Sequence[str], query: Query) -> Any:
        tokenize = self._tokenizer(all(map(is_latin, texts)))
        tokens = [tokenize(text) for text in texts]
        if self.kind == "l":
            return tokenize, [(bitmasks(t), len(t)) for t in tokens]
        n = int(self.kind)
        return tokenize, [(ngrams(t, n), max(0, len(t) - n + 1)) for t in tokens]

    def compare(self, text: str, query: Query, learnt: Any) -> float:
        tokenize, golds = learnt
        tokens = tokenize(text)
        if self.kind == "l":
            return max(f1(lcs_length(masks, size, tokens), len(tokens), size) for masks, size in golds)
        n = int(self.kind)
        ours, size = ngrams(tokens, n), max(0, len(tokens) - n + 1)
        return max(f1(shared(ours, gold), size, gold_size) for gold, gold_size in golds)

    def _tokenizer(self, latin: bool) -> Callable[[str], list[str]]:
        if not latin:
            return words
        if not self.stem:
            return rouge_words
        try:
            from rouge_score.tokenizers import DefaultTokenizer
        except ImportError as e:
            raise ToolFault(
                Fault.MISSING, f'{self.card.name} needs an extra: pip install "rlar[verifiers]" ({e})'
            ) from e
        tokenize: Callable[[str], list[str]] = DefaultTokenizer(use_stemmer=True).tokenize
        return tokenize
