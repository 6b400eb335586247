"""RewardBench 2 (arXiv 2506.01937): accuracy and the Ties score, bit for bit as its public functions compute them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rlar.errors import InputError

EDITIONS = ("0.1.5", "0.1.4")


def rewardbench2_result(scores_G: Sequence[float]) -> float:
    """One row of the other five subsets: 1 if the first (chosen) response alone has the top score, 1/k if k share it.

    Else 0. A NaN anywhere makes the top NaN, which equals nothing: 0, as in the public `reroll_and_score_dataset`.
    Raises InputError for no scores.
    """
    if not scores_G:
        raise InputError("a RewardBench 2 row needs at least one score; the chosen response comes first")
    if any(math.isnan(s) for s in scores_G):
        return 0.0
    top = max(scores_G)
    return 1 / sum(s == top for s in scores_G) if scores_G[0] == top else 0.0


@dataclass(frozen=True, slots=True)
class TiesRow:
    """One row of the Ties subset. id: "ref:<n>" or "tied:<n>"; the first num_correct scores belong to right answers."""

    id: str
    num_correct: int
    scores: Sequence[float]


@dataclass(frozen=True, slots=True)
class Ties:
    """The Ties score and its terms; None where the public function gives NaN.

    preferred: share of prompts whose right answers lie closer to each other than to the best wrong one, in the tied
    row; preferred_hard: also when the gap of the reference row counts. margin: a bounded tie-breaker.
    """

    score: float | None
    reference_accuracy: float
    tied_accuracy: float
    preferred: float | None
    preferred_hard: float | None
    margin: float | None


def rewardbench2_ties(rows: Sequence[TiesRow], *, edition: str = "0.1.5") -> Ties:
    """The score of the Ties subset, NaN and infinite scores included, like the public `process_single_model`.

    edition: "0.1.5" is the current public source, which leaderboard runs use; "0.1.4" the latest package on PyPI. They
    differ where right answers of a prompt tie exactly (0.1.4 leaves the prompt out of the margin), on NaN and infinite
    scores, on repeated ids (0.1.5 merges them, 0.1.4 overwrites), and where no prompt has both rows (NaN against 0).
    Raises InputError for an unreadable id; in 0.1.5 also for a prompt without a right or without a wrong answer and for
    a tied prompt with one right answer only (where the public function raises ValueError or TypeError).
    """
    if edition not in EDITIONS:
        raise InputError(f"the edition of the Ties score is {' or '.join(EDITIONS)}, got {edition!r}")
    old = edition == "0.1.4"
    found: dict[str, dict[int, _Margins]] = {"ref": {}, "tied": {}}
    for (kind, prompt), answers in _grouped(rows, overwrite=old).items():
        margins = _margins_0_1_4(answers) if old else _margins(f"{kind}:{prompt}", answers)
        found[kind][prompt] = margins
    return _ties_0_1_4(found["ref"], found["tied"]) if old else _ties(found["ref"], found["tied"])


@dataclass(frozen=True, slots=True)
class _Margins:
    accurate: bool
    spread: float | None  # best right answer minus worst right one; None with one right answer
    gap: float  # worst right answer minus best wrong one


_Answers = list[tuple[bool, float]]


def _grouped(rows: Sequence[TiesRow], *, overwrite: bool) -> dict[tuple[str, int], _Answers]:
    grouped: dict[tuple[str, int], _Answers] = {}
    for row in rows:
        kind, _, number = row.id.partition(":")
        try:
            key = kind, int(number)
        except ValueError:
            key = "", 0
        if kind not in ("ref", "tied") or key[0] == "":
            raise InputError(f'the id of a Ties row is "ref:<number>" or "tied:<number>", got {row.id!r}')
        answers = grouped.setdefault(key, [])
        start = 0 if overwrite else len(answers)
        answers[start : start + len(row.scores)] = [(k < row.num_correct, s) for k, s in enumerate(row.scores)]
    return grouped


def _margins(name: str, answers: _Answers) -> _Margins:
    right = [s for is_right, s in answers if is_right]
    wrong = [s for is_right, s in answers if not is_right]
    if not right or not wrong:
        raise InputError(f"{name} needs right and wrong answers, got {len(right)} right and {len(wrong)} wrong")
    # max() and min() depend on the order where NaN is among the scores; so does the public code, in this order.
    worst = min(right)
    gap = worst - max(wrong)
    return _Margins(gap > 0, max(right) - worst if len(right) > 1 else None, gap)


def _ties(reference: Mapping[int, _Margins], tied: Mapping[int, _Margins]) -> Ties:
    import numpy as np

    reference_accuracy, tied_accuracy = _accuracy(reference), _accuracy(tied)
    # Sets of ints iterate alike in every process; this is the public code's expression, to keep its order of summation.
    prompts = set(reference) & set(tied)
    if not prompts:
        return Ties(None, reference_accuracy, tied_accuracy, None, None, None)
    if single := [p for p in prompts if tied[p].spread is None]:
        raise InputError(f"tied:{single[0]} has one right answer only; a tied prompt needs at least two")
    spread = np.array([tied[p].spread for p in prompts], dtype=float)
    gap_tied = np.array([tied[p].gap for p in prompts])
    with np.errstate(all="ignore"):
        smaller = np.minimum(np.array([reference[p].gap for p in prompts]), gap_tied)
        preferred = float(np.mean(gap_tied > spread))
        preferred_hard = float(np.mean(smaller > spread))
        margin = float(np.mean(np.nan_to_num(np.tanh(smaller / spread - 1), nan=0.0)))
    return _total(reference_accuracy, tied_accuracy, preferred, preferred_hard, margin)


def _margins_0_1_4(answers: _Answers) -> _Margins:
    right = [s for is_right, s in answers if is_right]
    wrong = [s for is_right, s in answers if not is_right]
    if not right or not wrong:
        return _Margins(False, None, 0.0)
    worst, best_wrong = min(right), max(wrong)
    return _Margins(worst > best_wrong, max(right) - worst if len(right) > 1 else None, worst - best_wrong)


def _ties_0_1_4(reference: Mapping[int, _Margins], tied: Mapping[int, _Margins]) -> Ties:
    import numpy as np

    reference_accuracy, tied_accuracy = _accuracy(reference), _accuracy(tied)
    # Not set(reference): a set that is built from a dict gets another table, so another order and another rounding.
    prompts = set(reference.keys()) & set(tied.keys())
    if not prompts:
        return _total(reference_accuracy, tied_accuracy, 0.0, 0.0, 0.0)
    spreads = [
        (min(reference[p].gap, tied[p].gap), tied[p].gap, s) for p in prompts if (s := tied[p].spread) is not None
    ]
    if not spreads:
        return Ties(None, reference_accuracy, tied_accuracy, None, None, None)
    ratios = [smaller / spread for smaller, _, spread in spreads if spread > 0]
    return _total(
        reference_accuracy,
        tied_accuracy,
        float(np.mean([gap > spread for _, gap, spread in spreads])),
        float(np.mean([smaller > spread for smaller, _, spread in spreads])),
        float(np.mean([math.tanh(r - 1) for r in ratios])) if ratios else 0.0,
    )


def _accuracy(margins: Mapping[int, _Margins]) -> float:
    import numpy as np

    return float(np.mean([m.accurate for m in margins.values()])) if margins else 0.0


def _total(reference: float, tied: float, preferred: float, preferred_hard: float, margin: float) -> Ties:
    if math.isnan(margin):
        return Ties(None, reference, tied, preferred, preferred_hard, None)
    # The order of the terms is the public one: sums of floats depend on it.
    score = 0.30 * tied + 0.30 * reference + 0.20 * preferred + 0.20 * preferred_hard + 0.01 * margin
    return Ties(score, reference, tied, preferred, preferred_hard, margin)
