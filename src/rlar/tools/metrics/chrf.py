"""Character n-gram F-score, equal to sacrebleu's chrF and chrF++."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from rlar.tools.metrics.overlap import ngrams, shared
from rlar.tools.metrics.reference_metric import ReferenceMetric
from rlar.types import Query

ORDER = 6
BETA = 2  # recall counts twice as much as precision

_BITS = 10  # of one character in the code of an n-gram: 6 of them and the order fill 63 bits
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


class Chrf(ReferenceMetric):
    """Sentence chrF2 in [0, 1]: sacrebleu's `CHRF(word_order=...)` divided by 100; the best of several references.

    word_order: 0 for chrF, 2 for chrF++.
    """

    def __init__(self, word_order: int = 0) -> None:
        if word_order not in (0, 1, 2):
            raise ValueError(f"word_order must be 0 (chrF), 1 or 2 (chrF++), got {word_order!r}")
        self.word_order = word_order
        name = "chrf" + "_p" * word_order
        about = "character n-gram F-score (chrF" + "+" * word_order + ") against the reference"
        self.describe_metric(name=name, config={"word_order": word_order}, about=about, tie_band=0.01)

    def learn(self, texts: Sequence[str], query: Query) -> Any:
        return [ChrfGold(text, self.word_order) for text in texts]

    def compare(self, text: str, query: Query, learnt: Any) -> float:
        golds: Sequence[ChrfGold] = learnt
        return max(gold.chrf(text) for gold in golds)


class ChrfGold:
    """The n-grams of one gold text: of characters for n = 1 to 6, then of words for n = 1 to `word_order`.

    spaces: whether spaces count as characters (sacrebleu's default is that they do not).
    """

    def __init__(self, text: str, word_order: int = 0, *, spaces: bool = False) -> None:
        self.spaces, self.word_order = spaces, word_order
        letters, words = self._units(text)
        alphabet = sorted(set(letters))
        fits = len(alphabet) < 1 << _BITS
        self.coded = _CodedGrams(letters, alphabet) if fits else None
        self.characters = [] if fits else [ngrams(letters, n) for n in range(1, ORDER + 1)]
        self.words = [ngrams(words, n) for n in range(1, word_order + 1)]
        self.sizes = self._sizes(letters, words)

    def chrf(self, text: str, beta: float = BETA) -> float:
        """F-score in [0, 1] of precision and recall, each averaged over the orders that both texts have.

        Source: chrF (Popović 2015) as in sacrebleu 2.6.
        """
        letters, words = self._units(text)
        if self.coded is not None:
            hits = self.coded.hits(letters)
        else:
            hits = [shared(ngrams(letters, n), gold) for n, gold in enumerate(self.characters, 1)]
        hits = hits + [shared(ngrams(words, n), gold) for n, gold in enumerate(self.words, 1)]
        both = [
            counts
            for counts in zip(hits, self._sizes(letters, words), self.sizes, strict=True)
            if counts[1] and counts[2]
        ]
        precision = sum([hit / ours for hit, ours, _ in both])
        recall = sum([hit / gold for hit, _, gold in both])
        if not precision:
            return 0.0
        precision, recall, factor = precision / len(both), recall / len(both), beta * beta
        return min(1.0, (1 + factor) * precision * recall / (factor * precision + recall))

    def _units(self, text: str) -> tuple[str, list[str]]:
        letters = text if self.spaces else "".join(text.split())
        return letters, split_words(text) if self.word_order else []

    def _sizes(self, letters: str, words: Sequence[str]) -> list[int]:
        sizes = [max(0, len(letters) - n) for n in range(ORDER)]
        return sizes + [max(0, len(words) - n) for n in range(self.word_order)]


class _CodedGrams:
    """Character n-grams of a gold text as integers, so that numpy counts the matches: 3 times as fast as counters.

    A character is its place in the alphabet of the gold text, from 1; any other character is 0, and an n-gram with a 0
    in it is in no gold text. An n-gram is its characters, 10 bits each, and its order above them: equal codes are equal
    n-grams.
    """

    def __init__(self, text: str, alphabet: Sequence[str]) -> None:
        import numpy as np

        self.table = _Places({ord(c): chr(place) for place, c in enumerate(alphabet, 1)})
        codes = np.concatenate(self._codes(text)) if text else np.empty(0, np.int64)
        self.codes, self.counts = np.unique(codes, return_counts=True)
        self.borders = [int(b) for b in np.searchsorted(self.codes >> (ORDER * _BITS), range(1, ORDER + 2))]

    def hits(self, text: str) -> list[int]:
        """How many n-grams of each order the text shares with the gold text, repeats as often as both have them."""
        import numpy as np

        if not text or not len(self.codes):
            return [0] * ORDER
        codes = np.concatenate(self._codes(text))
        places = self.codes.searchsorted(codes)
        places[places == len(self.codes)] = 0
        found = np.bincount(places[self.codes[places] == codes], minlength=len(self.codes))
        sums = np.concatenate(([0], np.minimum(found, self.counts).cumsum()))[self.borders].tolist()
        return [after - before for before, after in pairwise(sums)]

    def _codes(self, text: str) -> list[Any]:
        import numpy as np

        places = np.frombuffer(text.translate(self.table).encode("utf-32-le"), dtype=np.uint32).astype(np.int64)
        codes, found = places, []
        for n in range(1, min(ORDER, len(text)) + 1):
            if n > 1:
                codes = (codes[:-1] << _BITS) | places[n - 1 :]
            found.append(codes + (n << (ORDER * _BITS)))
        return found


class _Places(dict[int, str]):
    """Characters as their places; what the gold text lacks has place 0."""

    def __missing__(self, code: int) -> str:
        return "\0"


def split_words(text: str) -> list[str]:
    """Words with one leading or trailing punctuation mark split off, as chrF++ counts them: "(hi)" gives "(hi", ")"."""
    found = []
    for word in text.split():
        if len(word) > 1 and word[-1] in _PUNCTUATION:
            found += [word[:-1], word[-1]]
        elif len(word) > 1 and word[0] in _PUNCTUATION:
            found += [word[0], word[1:]]
        else:
            found.append(word)
    return found
