"""The default reward for a translation with a reference: words, characters and order, then guards against tricks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rlar.tools.language import UNKNOWN, detect_cheap
from rlar.tools.language_pair import language_pair
from rlar.tools.metrics.chrf import ChrfGold
from rlar.tools.metrics.overlap import bitmasks, edit_distance, f1, lcs_length, shared
from rlar.tools.metrics.reference_metric import ReferenceMetric, language_of
from rlar.tools.text import are_close
from rlar.tools.tokens import stems, words
from rlar.types import Mark, Query

# Chosen on halves of WMT21 TED talks with expert MQM labels (en-de, zh-en), see docs/verifiers/metrics.md.
WORDS, CHARACTERS, ORDER = 0.6, 0.2, 0.2
LENGTH_POWER = 0.3
SCRAMBLED = (
    0.5  # of the shared words that stand in common order: 998 of 1,000 real translations have more, shuffles 0.4
)
FEWEST_SHARED = 5  # words, to tell their order by

OTHER_LANGUAGE = 0.1  # what a response in another language than the asked one keeps of its value
UNTRANSLATED = 0.1  # what a response keeps that is the source text
FEWEST_LETTERS = 40  # of a response whose language is held against it


@dataclass(frozen=True, slots=True)
class _Gold:
    stems: Counter[str]
    size: int
    places: dict[Any, int]  # of words
    stem_places: dict[Any, int]
    chrf: ChrfGold
    length: int


@dataclass(frozen=True, slots=True)
class _Learnt:
    golds: tuple[_Gold, ...]
    language: str
    source: Counter[str]
    source_size: int


class Translation(ReferenceMetric):
    """How near a translation is to the reference, in [0, 1]; the best of several references.

    0.6 F-score of word stems + 0.2 chrF (spaces counted) + 0.2 / (1 + edits per word), times (shorter / longer)^0.3 of
    the two lengths in characters: so the reference three times over is worth 0.5, not 0.71 as with chrF.
    Guards. Scrambled words: if under half of at least 5 shared words stand in common order, times (2 share)^2. Times
    0.1: the response is in another language than the reference (by script or common words, from 40 letters on, and not
    a close one); it is all but a copy of the source text, and nearer to that than to the reference. Where the query
    asks for no translation that can be recognised, the source is not known and not checked.
    """

    def __init__(self) -> None:
        about = (
            "nearness to the reference translation: words, characters, order, length; wrong language and copies cost"
        )
        self.describe_metric(name="translation", about=about, suits=("translation",), tie_band=0.01)

    def learn(self, texts: Sequence[str], query: Query) -> Any:
        pair = language_pair(query)
        source = stems(words(pair.text)) if pair is not None else []
        return _Learnt(tuple(map(_gold, texts)), language_of(texts, query), Counter(source), len(source))

    def compare(self, text: str, query: Query, learnt: _Learnt) -> Mark:
        tokens = words(text)
        cut = stems(tokens)
        ours = Counter(cut)
        best = max((_nearness(text, tokens, cut, ours, gold) for gold in learnt.golds), key=lambda t: t["nearness"])
        value, why = best["nearness"], f"{best['words']:.0%} of words, {best['characters']:.0%} chrF"
        if self._is_source(ours, len(cut), best["words"], learnt):
            value, why = value * UNTRANSLATED, "is the source text, not translated"
            best["translated"] = 0.0
        elif (found := _other_language(text, learnt.language)) and best["words"] < 0.5:
            value, why = value * OTHER_LANGUAGE, f"is {found}, not {learnt.language}"
            best["language"] = 0.0
        return Mark(value, why, best)

    @staticmethod
    def _is_source(ours: Counter[str], size: int, near_gold: float, learnt: _Learnt) -> bool:
        """All but a copy of the source, and nearer to it than to the reference (names stay as they are)."""
        near_source = f1(shared(ours, learnt.source), size, learnt.source_size)
        return near_source > 0.8 and near_source > near_gold + 0.1


def _gold(text: str) -> _Gold:
    tokens = words(text)
    cut = stems(tokens)
    return _Gold(Counter(cut), len(cut), bitmasks(tokens), bitmasks(cut), ChrfGold(text, spaces=True), len(text))


def _nearness(text: str, tokens: list[str], cut: list[str], ours: Counter[str], gold: _Gold) -> dict[str, float]:
    hits = shared(ours, gold.stems)
    same_words, characters = f1(hits, len(cut), gold.size), gold.chrf.chrf(text)
    length = min(len(text), gold.length) / max(len(text), gold.length)
    if gold.size:
        order = 1 / (1 + edit_distance(gold.places, gold.size, tokens) / gold.size)
        mixed = WORDS * same_words + CHARACTERS * characters + ORDER * order
    else:  # nothing but punctuation
        order = mixed = characters
    in_order = 1.0
    if hits >= FEWEST_SHARED:
        in_order = min(1.0, lcs_length(gold.stem_places, gold.size, cut) / hits / SCRAMBLED) ** 2
    return {
        "nearness": min(1.0, mixed * length**LENGTH_POWER * in_order),
        "words": same_words,
        "characters": characters,
        "order": order,
        "in_order": in_order,
        "length": length,
    }


def _other_language(text: str, asked: str) -> str:
    """The language of a text, if it surely is not the one that was asked for; else ""."""
    if asked == UNKNOWN or sum(map(str.isalpha, text)) < FEWEST_LETTERS:
        return ""
    found = detect_cheap(text)
    return "" if found in (UNKNOWN, asked) or are_close(found, asked) else found
