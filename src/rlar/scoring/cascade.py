"""Ask the cheap tool first, and the dear one only about the groups that the cheap one cannot tell apart.

A scalar reward model is right where it holds two responses far apart and little better than a coin where it does not.
So its own margin says where a judge is worth its price. Everything here is a pure function or a frozen value, standard
library only: floors are learnt from labelled groups (`learn_cascade`), and the hot path asks `Cascade.wants`.

>>> cascade = Cascade(cheap="skywork_8b", dear="judge", floor=0.8)
>>> cascade.wants([3.1, 2.9]), cascade.wants([3.1, 0.2])
(True, False)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rlar.errors import InputError

Scores = Sequence[float | None]


def group_margin(scores_G: Scores) -> float | None:
    """Mean absolute difference between two judged responses of a group, in the unit of the scores; None below two.

    For a pair it is the pair's margin. It says how far a tool holds the responses apart, and sees no label.
    """
    scores = sorted(s for s in scores_G if s is not None)
    n = len(scores)
    if n < 2:
        return None
    # The k-th smallest is the larger one of k pairs and the smaller one of n - 1 - k.
    return max(0.0, math.fsum((2 * k - n + 1) * s for k, s in enumerate(scores)) * 2 / (n * (n - 1)))


@dataclass(frozen=True, slots=True)
class NoiseFloor:
    """The margin up to which a tool's preferences are noise, in the unit of its scores.

    share: of the evidence lies at or below it. accuracy_below, accuracy_above: the tool's accuracy on either side, on
    the very groups that the floor was learnt from (so: optimistic); None where a side is empty. n: groups of evidence.
    """

    floor: float
    n: int
    share: float
    accuracy_below: float | None
    accuracy_above: float | None


def learn_noise_floor(margins_P: Sequence[float], accuracy_P: Sequence[float], *, min_groups: int = 30) -> NoiseFloor:
    """The floor that makes what is left above it most significant; good for a card's `tie_band`.

    margins: one per labelled group (`group_margin`). accuracy: share of the group's pairs that the tool orders rightly,
    in [0, 1], ties half. Among all cuts it takes the one with the largest z = sum(2 * accuracy - 1) / sqrt(n) over the
    groups above the cut (the sign test's statistic), the lowest such cut where several tie. A tool that is always right
    gets 0: nothing of it is noise. With fewer than min_groups groups the floor is 0, for a floor from a handful of
    groups would itself be noise; so it is for a tool that no cut makes better than a coin.
    Raises InputError for unequal lengths, an accuracy outside [0, 1], or a negative or unbounded margin.
    """
    evidence = sorted(_checked(margins_P, accuracy_P))
    n = len(evidence)
    best, cut, gain = 0.0, 0, 0.0
    for k in range(n - 1, -1, -1):
        gain += 2 * evidence[k][1] - 1
        z = gain / math.sqrt(n - k)
        # A cut may not split groups of equal margin: the hot path could not tell them apart either.
        if (k == 0 or evidence[k - 1][0] < evidence[k][0]) and z >= best and gain > 0:
            best, cut = z, k
    if n < min_groups:
        cut = 0
    return NoiseFloor(
        floor=evidence[cut - 1][0] if cut else 0.0,
        n=n,
        share=cut / n if n else 0.0,
        accuracy_below=_mean(a for _, a in evidence[:cut]),
        accuracy_above=_mean(a for _, a in evidence[cut:]),
    )


@dataclass(frozen=True, slots=True)
class Cascade:
    """Which tool is cheap, which is dear, and the margin of the cheap one up to which the dear one is asked.

    floor: in the unit of the cheap tool's scores; below 0 the dear one is never asked. budget: the largest share of
    groups that may be asked, in [0, 1]; `within_budget` holds a batch to it.
    """

    cheap: str
    dear: str
    floor: float
    budget: float = 1.0

    def __post_init__(self) -> None:
        if math.isnan(self.floor):
            raise InputError(f"the cascade {self.cheap} -> {self.dear} needs a floor that is a number, got NaN")
        if not 0 <= self.budget <= 1:
            raise InputError(f"a judge budget is a share of the groups in [0, 1], got {self.budget}")

    def wants(self, cheap_scores_G: Scores) -> bool:
        """Whether the dear tool is to be asked about this group. The same group gives the same answer, in any batch.

        Also where the cheap tool judged fewer than two responses: then it holds nothing apart.
        """
        margin = group_margin(cheap_scores_G)
        return self.floor >= 0 and (margin is None or margin <= self.floor)

    def within_budget(self, cheap_scores_PG: Sequence[Scores]) -> list[bool]:
        """For each group of a batch whether to ask; at most budget * P of them, smallest margins first.

        A hard cap, whatever the data drift to. Unlike `wants`, the answer for one group depends on its batch.
        """
        most = math.floor(self.budget * len(cheap_scores_PG) + 1e-9)
        margins = [group_margin(scores) for scores in cheap_scores_PG]
        wanted = [i for i, scores in enumerate(cheap_scores_PG) if self.wants(scores)]
        asked = set(sorted(wanted, key=lambda i: (-1.0 if (m := margins[i]) is None else m, i))[:most])
        return [i in asked for i in range(len(cheap_scores_PG))]

    def settle(self, cheap_scores_G: Scores, dear_scores_G: Scores | None) -> list[float | None]:
        """The scores that count for the whole group, all of one tool: the two tools' scales are never mixed.

        dear: None where it was not asked. The cheap tool decides where the dear one gave no score at all (it failed) or
        holds all responses equal: a judge's draw leaves the question to whoever has an opinion.
        """
        if dear_scores_G is None:
            return list(cheap_scores_G)
        if len(dear_scores_G) != len(cheap_scores_G):
            raise InputError(f"{self.dear} gave {len(dear_scores_G)} scores, {self.cheap} gave {len(cheap_scores_G)}")
        decided = len({s for s in dear_scores_G if s is not None}) > 1
        return list(dear_scores_G if decided else cheap_scores_G)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One labelled group that both tools judged.

    margin: the cheap tool's, in the unit of its scores. cheap, dear: share of the group's pairs that each orders
    rightly, in [0, 1], ties half. dear_draw: the dear tool held all responses equal.
    """

    margin: float
    cheap: float
    dear: float
    dear_draw: bool = False

    @property
    def asked(self) -> float:
        """Accuracy of the settled scores once the dear tool was asked."""
        return self.cheap if self.dear_draw else self.dear


def learn_cascade(
    cheap: str, dear: str, evidence_P: Sequence[Evidence], *, budget: float = 0.25, price: float = 0.0
) -> Cascade:
    """The floor that gains most within the budget, from groups that both tools judged.

    budget: the dear tool may be asked about at most this share of groups like these. price: accuracy that one asked
    group must gain on average to be worth it, e.g. 0.02; at 0 only groups where asking loses are spared.
    Where asking gains nothing the floor is negative: the dear tool is never asked.
    Raises InputError without evidence, or for a budget outside [0, 1].
    """
    if not evidence_P:
        raise InputError(
            f"no labelled groups that both {cheap} and {dear} judged; a floor cannot be learnt from nothing"
        )
    _checked([e.margin for e in evidence_P], [e.cheap for e in evidence_P])
    ordered = sorted(evidence_P, key=lambda e: e.margin)
    floor, best, gain = -1.0, 0.0, 0.0
    for k, e in enumerate(ordered):
        gain += e.asked - e.cheap - price
        last_of_its_margin = k + 1 == len(ordered) or ordered[k + 1].margin > e.margin
        if last_of_its_margin and k + 1 <= budget * len(ordered) + 1e-9 and gain > best + 1e-12:
            floor, best = e.margin, gain
    return Cascade(cheap, dear, floor, budget)


@dataclass(frozen=True, slots=True)
class Savings:
    """What a cascade does on labelled groups; learnt on other groups, it is an honest forecast.

    accuracy: of the cascade; cheap, dear: of either tool alone; mix: of asking the dear tool about the same share of
    groups, but picked blindly: what a static choice buys for the same money. share: of groups asked.
    saved_per_1000: dear calls not made per 1,000 groups, against asking it always.
    """

    n: int
    share: float
    accuracy: float
    cheap: float
    dear: float
    mix: float
    saved_per_1000: float


def savings(cascade: Cascade, evidence_P: Sequence[Evidence]) -> Savings:
    """Measure a cascade on labelled groups. Raises InputError without any."""
    if not evidence_P:
        raise InputError("savings need at least one labelled group")
    asked = [cascade.floor >= 0 and e.margin <= cascade.floor for e in evidence_P]
    n, share = len(evidence_P), sum(asked) / len(evidence_P)
    cheap = math.fsum(e.cheap for e in evidence_P) / n
    dear = math.fsum(e.dear for e in evidence_P) / n
    return Savings(
        n=n,
        share=share,
        accuracy=math.fsum(e.asked if ask else e.cheap for e, ask in zip(evidence_P, asked, strict=True)) / n,
        cheap=cheap,
        dear=dear,
        mix=(1 - share) * cheap + share * dear,
        saved_per_1000=1000 * (1 - share),
    )


def _checked(margins_P: Sequence[float], accuracy_P: Sequence[float]) -> list[tuple[float, float]]:
    if len(margins_P) != len(accuracy_P):
        raise InputError(f"{len(margins_P)} margins for {len(accuracy_P)} accuracies; give one of each per group")
    for margin, accuracy in zip(margins_P, accuracy_P, strict=True):
        if not (math.isfinite(margin) and margin >= 0):
            raise InputError(f"a margin is finite and not negative, got {margin}")
        if not 0 <= accuracy <= 1:
            raise InputError(f"an accuracy is a share in [0, 1], got {accuracy}")
    return list(zip(margins_P, accuracy_P, strict=True))


def _mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return math.fsum(listed) / len(listed) if listed else None
