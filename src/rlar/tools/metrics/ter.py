"""Translation edit rate, turned so that higher is better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rlar.tools.metrics.overlap import bitmasks, edit_distance
from rlar.tools.metrics.reference_metric import ReferenceMetric
from rlar.tools.tokens import bleu_words, is_unspaced
from rlar.types import Mark, Query

MOST_WORDS = 100  # sacrebleu's search for shifts takes up to 2 s there, and 10 s at 400 words


class Ter(ReferenceMetric):
    """1 - TER in [0, 1], TER being sacrebleu's edits per word of the reference; 0.0 from one edit per word on.

    A text of over MOST_WORDS words is compared without shifts of phrases, which gives at least as many edits.
    """

    def __init__(self) -> None:
        self.describe_metric(
            name="ter",
            libraries=("sacrebleu",),
            about="1 - translation edit rate against the reference",
            timeout_s=12.0,
            tie_band=0.01,
        )

    def learn(self, texts: Sequence[str], query: Query) -> Any:
        from sacrebleu.metrics import TER

        split = [_words(text) for text in texts]
        size = sum(map(len, split)) / len(split)
        plain = [(bitmasks(tokens), len(tokens)) for tokens in split]
        metric = (
            TER(references=[[" ".join(tokens)] for tokens in split]) if max(map(len, split)) <= MOST_WORDS else None
        )
        return metric, plain, max(1.0, size)

    def compare(self, text: str, query: Query, learnt: Any) -> Mark:
        metric, plain, size = learnt
        tokens = _words(text)
        if metric is not None and len(tokens) <= MOST_WORDS:
            edits = metric.corpus_score([" ".join(tokens)], None).score / 100
            _forget_texts()
            return Mark(max(0.0, 1.0 - edits), f"{edits:.2f} edits per word", {"edits_per_word": edits})
        edits = min(edit_distance(masks, length, tokens) for masks, length in plain) / size
        return Mark(max(0.0, 1.0 - edits), f"{edits:.2f} edits per word, without shifts", {"edits_per_word": edits})


def _words(text: str) -> list[str]:
    """As sacrebleu's TER, split at spaces, lower case; characters of scripts without spaces stand alone."""
    text = text.lower()
    return text.split() if text.isascii() else bleu_words(text, "char") if any(map(is_unspaced, text)) else text.split()


def _forget_texts() -> None:
    """sacrebleu keeps the last 65,536 texts it tokenised, for good."""
    from sacrebleu.tokenizers.tokenizer_ter import TercomTokenizer

    TercomTokenizer.__call__.cache_clear()
