"""What a missing reward becomes at the edge of a trainer. A trainer never sees NaN, infinity or an exception.

| trainer | default | why |
|---|---|---|
| TRL >= 1.6, AsyncGRPO | none | supported: the row leaves the baseline, its advantage is 0 |
| TRL < 1.6 | group_mean | None would count as 0 |
| slime with --group-rm, ROLL | group_mean | a constant group has advantage 0 and poisons nothing |
| veRL, OpenRLHF, slime single, NeMo Gym | floor | one at a time: nothing else is legal; `rlar_valid` = 0 beside it |
| open-instruct | floor | its verifiers see one response each, though their caller has the group |
| verifiers, prime-rl | floor, or drop | a raised error drops the trace from its group there, and only there |
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from statistics import fmean


class OnFailure(StrEnum):
    """NONE: leave the row out. GROUP_MEAN: the mean of the group's valid rewards. FLOOR: a configured number.

    DROP: raise, for the trainers that drop a rollout whose reward raises (verifiers, prime-rl); never elsewhere.
    """

    NONE = "none"
    GROUP_MEAN = "group_mean"
    FLOOR = "floor"
    DROP = "drop"


def settle(values_G: Sequence[float | None], on_failure: OnFailure, floor: float) -> list[float | None]:
    """What the trainer gets for one group: finite numbers, and None only under OnFailure.NONE.

    values_G: rewards, None (or anything that is no finite number) where there is none. floor: for FLOOR, and for
    GROUP_MEAN where the whole group has no reward, so that the group is constant and its advantages are 0.
    """
    finite = [v if v is not None and math.isfinite(v) else None for v in values_G]
    if on_failure is OnFailure.NONE:
        return finite
    valid = [v for v in finite if v is not None]
    instead = _mean(valid) if valid and on_failure is OnFailure.GROUP_MEAN else floor
    return [instead if v is None else v for v in finite]


def _mean(values: Sequence[float]) -> float:
    """The mean of finite numbers, also where their sum is none; exactly v where all are v, so that none gains."""
    try:
        return fmean(values)
    except OverflowError:
        return math.fsum(v / len(values) for v in values)


def settled_numbers(values_G: Sequence[float | None], on_failure: OnFailure, floor: float) -> list[float]:
    """`settle` for trainers that know no None: NONE and DROP are then GROUP_MEAN and FLOOR."""
    rule = {OnFailure.NONE: OnFailure.GROUP_MEAN, OnFailure.DROP: OnFailure.FLOOR}.get(on_failure, on_failure)
    return [v if v is not None else floor for v in settle(values_G, rule, floor)]
