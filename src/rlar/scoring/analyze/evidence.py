"""All evidence about a query's label, weighed together: explicit fields, wording, and the classifier of prompts."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rlar.scoring.analyze.classifier import PromptClassifier, features_of, softmax
from rlar.scoring.analyze.hints import LABELS
from rlar.scoring.analyze.mentions import mentions
from rlar.scoring.analyze.signals import Signal, form_signals, wording_signals
from rlar.tools.language_pair import LanguagePair
from rlar.tools.reference import Shape
from rlar.types import Query

_WEIGHTS = Path(__file__).with_name("prompts.weights")
_READ = 3000  # characters of a prompt whose wording is read


_RG_MATH_NAMES = """
advanced_geometry base_conversion basic_arithmetic chain_sum complex_arithmetic count_bits count_primes
decimal_arithmetic decimal_chain_sum fraction_simplification gcd gsm_symbolic intermediate_integration lcm
leg_counting number_format number_sequence polynomial_equations polynomial_multiplication power_function
prime_factorization products simple_equations simple_geometry simple_integration"""
_RG_MATH = frozenset(_RG_MATH_NAMES.split())
_RG_CODE = frozenset({"codeio", "bf"})
_WORDS, _RULES = 1.0, 0.8  # weights of the classifier and of the rules, in nats per nat


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
    told = _told(query)
    text = told if len(told) <= _READ else told[: _READ - 800] + "\n" + told[-800:]
    signals = [*form_signals(query, shape, pair), *wording_signals(text), *_constraint_signals(text)]
    classifier, found = prompt_classifier(), features_of(told)
    scores = {label: _WORDS * score for label, score in classifier.score_features(found).items()}
    for signal in signals:
        scores[signal.label] += _RULES * signal.strength
    chances = softmax(scores)
    label = max(LABELS, key=lambda name: chances[name])
    why = [s.why for s in sorted(signals, key=lambda s: -s.strength) if s.label == label and s.strength > 0]
    telling = classifier.telling(found, label)
    if telling:
        why.append(f"words: {', '.join(telling)}")
    return Evidence(
        label, _calibrated(label, chances[label]), tuple(why[:3]) or ("nothing in the query says what kind it is",)
    )


# (a, b) of confidence = sigmoid(a + b * logit(probability)): rules and words are not independent, and some labels
# overlap by nature, so raw probabilities are too sure of themselves. Fitted by `benchmarks/analyze.py --calibrate`.
CALIBRATION: dict[str, tuple[float, float]] = {
    "math": (0.27, 0.95),
    "code": (-0.77, 0.91),
    "translation": (-0.04, 1.44),
    "knowledge": (-0.81, 1.32),
    "reasoning": (0.08, 1.39),
    "instruction_following": (0.39, 0.34),
    "summarization": (-3.44, 1.83),
    "data_to_text": (0.45, 0.98),
    "dialogue": (-0.47, 0.26),
    "safety": (0.89, 2.22),
}


def _calibrated(label: str, probability: float) -> float:
    a, b = CALIBRATION.get(label, (0.0, 1.0))
    odds = min(max(probability, 1e-4), 1 - 1e-4)
    return min(0.99, 1.0 / (1.0 + math.exp(-(a + b * math.log(odds / (1.0 - odds))))))


def _told(query: Query) -> str:
    """What the classifier reads: the prompt without its system message, all turns."""
    if isinstance(query.prompt, str):
        return query.prompt
    return "\n\n".join(m.content for m in query.prompt if m.role != "system") or query.text


def _decided(query: Query, pair: LanguagePair | None) -> Decided | None:
    extra = query.extra
    if query.tests:
        return Decided("code", 0.99, "there are tests")
    if extra.get("sql"):
        return Decided("code", 0.97, "there is a database to run SQL on")
    if extra.get("src_lang") and extra.get("tgt_lang") and pair is not None:
        return Decided("translation", 0.98, pair.why)
    rg = extra.get("rg")
    if isinstance(rg, Mapping) and isinstance(rg.get("dataset"), str):
        label = "math" if rg["dataset"] in _RG_MATH else "code" if rg["dataset"] in _RG_CODE else "reasoning"
        return Decided(label, 0.95, f"it is the reasoning-gym task {rg['dataset']}", strict=False)
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
