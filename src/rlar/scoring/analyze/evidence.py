"""All evidence about a query's label, weighed together: explicit fields, wording, and the classifier of prompts."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rlar.scoring.analyze.classifier import PromptClassifier, softmax
from rlar.scoring.analyze.constraints import mentions
from rlar.scoring.analyze.hints import LABELS
from rlar.scoring.analyze.signals import Signal, form_signals, wording_signals
from rlar.tools.language_pair import LanguagePair
from rlar.tools.reference import Shape
from rlar.types import Query

_WEIGHTS = Path(__file__).with_name("prompts.weights")
_READ = 6000  # characters of a prompt whose wording is read


class Decided(NamedTuple):
    """A label that an explicit field decides. strict: a task column that says otherwise is wrong."""

    label: str
    confidence: float
    why: str
    strict: bool = True


@dataclass(frozen=True, slots=True)
class Evidence:
    """label: the likeliest. confidence: calibrated probability that it is right. why: reasons, strongest first.

    decided: what explicit fields decide, None where they do not.
    """

    label: str
    confidence: float
    why: tuple[str, ...]
    decided: Decided | None = None


def gather(query: Query, shape: Shape, pair: LanguagePair | None) -> Evidence:
    """Weigh everything that content says about a query's label."""
    decided = _decided(query, pair)
    if decided is not None:
        return Evidence(decided.label, decided.confidence, (decided.why,), decided)
    text = query.question if len(query.question) <= _READ else query.question[: _READ - 1500] + query.question[-1500:]
    signals = [*form_signals(query, shape, pair), *wording_signals(text), *_constraint_signals(text)]
    scores = dict.fromkeys(LABELS, 0.0)
    for signal in signals:
        scores[signal.label] += signal.strength
    chances = softmax(scores)
    label = max(LABELS, key=lambda name: chances[name])
    why = [s.why for s in sorted(signals, key=lambda s: -s.strength) if s.label == label]
    if not why:
        return Evidence("dialogue", 0.3, ("nothing in the query says what kind it is",))
    return Evidence(label, chances[label], tuple(why[:3]))


def _decided(query: Query, pair: LanguagePair | None) -> Decided | None:
    extra = query.extra
    if query.tests:
        return Decided("code", 0.99, "there are tests")
    if extra.get("sql"):
        return Decided("code", 0.97, "there is a database to run SQL on")
    if extra.get("src_lang") and extra.get("tgt_lang") and pair is not None:
        return Decided("translation", 0.98, pair.why)
    if extra.get("tool_calls"):
        return Decided("instruction_following", 0.9, "there are expected tool calls", strict=False)
    if query.constraints:
        return Decided("instruction_following", 0.97, "there are checkable constraints", strict=False)
    return None


def _constraint_signals(text: str) -> list[Signal]:
    found = mentions(text)
    if not found:
        return []
    names = ", ".join(ident.partition(":")[2].replace("_", " ") for ident in found[:3])
    return [Signal("instruction_following", min(4.0, 1.5 + 1.0 * len(found)), f"prompt sets constraints: {names}")]


@functools.cache
def prompt_classifier() -> PromptClassifier:
    """The classifier that ships; read once per process, on first use."""
    return PromptClassifier.load(_WEIGHTS)
