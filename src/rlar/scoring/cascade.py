"""Ask the cheap tool first, and the dear one only about the groups that the cheap one cannot tell apart.

A scalar reward model is right where it holds two responses far apart and little better than a coin where it does not.
So its own margin says where a judge is worth its price. Everything here is a pure function or a frozen value, standard
library only: floors are learnt from labelled groups (`learn_cascade`), and the hot path asks `Cascade.wants`.

>>> cascade = Cascade(cheap="skywork_8b", dear="judge", floor=0.8)
>>> cascade.wants([3.1, 2.9], "some query"), cascade.wants([3.1, 0.2], "some query")
(True, False)
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import groupby

from rlar.errors import InputError
from rlar.types import Json

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

    floor: in the unit of the cheap tool's scores; below 0 the dear one is never asked. at_floor: share of the groups
    whose margin is exactly the floor that are asked, picked by a hash of their key: where many groups tie at one margin
    (a verifier that finds all responses right), a floor alone could only ask all of them or none.
    budget: the largest share of groups that may be asked, in [0, 1]; `within_budget` holds a batch to it.
    """

    cheap: str
    dear: str
    floor: float
    at_floor: float = 1.0
    budget: float = 1.0

    def __post_init__(self) -> None:
        if math.isnan(self.floor):
            raise InputError(f"the cascade {self.cheap} -> {self.dear} needs a floor that is a number, got NaN")
        for name, share in (("judge budget", self.budget), ("share at the floor", self.at_floor)):
            if not 0 <= share <= 1:
                raise InputError(f"a {name} is a share of the groups in [0, 1], got {share}")

    def as_json(self) -> dict[str, Json]:
        """All fields; `read_cascades` reads them back."""
        return asdict(self)

    def wants(self, cheap_scores_G: Scores, key: str) -> bool:
        """Whether the dear tool is to be asked about this group; key: the query's (`Query.key`).

        The same group gives the same answer, in any batch and process. Also True where the cheap tool judged fewer than
        two responses: then it holds nothing apart.
        """
        return self.asks(group_margin(cheap_scores_G), key)

    def asks(self, margin: float | None, key: str) -> bool:
        """`wants` for a margin that is at hand."""
        if self.floor < 0:
            return False
        if margin is None or margin < self.floor:
            return True
        return margin == self.floor and _fraction(key) < self.at_floor

    def within_budget(self, margins_P: Sequence[float | None], keys_P: Sequence[str]) -> list[bool]:
        """For each group of a batch whether to ask; at most budget * P of them, smallest margins first.

        A hard cap, whatever the data drift to. Unlike `wants`, the answer for one group depends on its batch.
        """
        most = math.floor(self.budget * len(margins_P) + 1e-9)
        wanted = [i for i, (m, key) in enumerate(zip(margins_P, keys_P, strict=True)) if self.asks(m, key)]
        asked = set(sorted(wanted, key=lambda i: (-1.0 if (m := margins_P[i]) is None else m, i))[:most])
        return [i in asked for i in range(len(margins_P))]

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
    rightly, in [0, 1], ties half. dear_draw: the dear tool held all responses equal. key: of the query.
    """

    margin: float
    cheap: float
    dear: float
    dear_draw: bool = False
    key: str = ""

    @property
    def asked(self) -> float:
        """Accuracy of the settled scores once the dear tool was asked."""
        return self.cheap if self.dear_draw else self.dear


def learn_cascade(
    cheap: str, dear: str, evidence_P: Sequence[Evidence], *, budget: float = 0.25, price: float = 0.0
) -> Cascade:
    """The floor that gains most within the budget, from groups that both tools judged.

    Asking pays less the larger the margin is, so the gain of asking (accuracy once asked minus accuracy of the cheap
    tool) is fitted as a falling step function of the margin (isotonic regression), which keeps a few lucky groups from
    setting the floor. The dear tool is asked where the fitted gain exceeds the price, smallest margins first.
    budget: it may be asked about at most this share of groups like these. price: accuracy that one asked group must
    gain on average to be worth it, e.g. 0.02; at 0 only groups where asking gains nothing are spared.
    Where asking gains nowhere the floor is -1: the dear tool is never asked.
    Raises InputError without evidence, or for a budget outside [0, 1].
    """
    if not evidence_P:
        raise InputError(
            f"no labelled groups that both {cheap} and {dear} judged; a floor cannot be learnt from nothing"
        )
    _checked([e.margin for e in evidence_P], [e.cheap for e in evidence_P])
    ordered = sorted(evidence_P, key=lambda e: e.margin)
    steps = [
        (margin, [e.asked - e.cheap - price for e in tied])
        for margin, tied in ((m, list(es)) for m, es in groupby(ordered, key=lambda e: e.margin))
    ]
    fitted = _falling([math.fsum(gains) / len(gains) for _, gains in steps], [len(gains) for _, gains in steps])
    left = budget * len(ordered) + 1e-9
    floor, at_floor = -1.0, 1.0
    for (margin, gains), gain in zip(steps, fitted, strict=True):
        if gain <= 1e-12 or left <= 1e-6:
            break
        floor, at_floor = margin, min(1.0, left / len(gains))
        left -= len(gains)
    return Cascade(cheap, dear, floor, at_floor, budget)


def _falling(values: Sequence[float], weights: Sequence[int]) -> list[float]:
    """The falling step function nearest to the values (weighted least squares). Source: pool adjacent violators."""
    blocks: list[tuple[float, int, int]] = []  # mean, weight, count of values
    for value, weight in zip(values, weights, strict=True):
        block = value, weight, 1
        while blocks and blocks[-1][0] <= block[0]:
            mean, w, count = blocks.pop()
            total = w + block[1]
            block = (mean * w + block[0] * block[1]) / total, total, count + block[2]
        blocks.append(block)
    return [mean for mean, _, count in blocks for _ in range(count)]


def _fraction(key: str) -> float:
    """A number in [0, 1) that only depends on the key."""
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:6], "big") / 2**48


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
    asked = [cascade.asks(e.margin, e.key or str(k)) for k, e in enumerate(evidence_P)]
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


def read_cascades(text: str) -> dict[str, Cascade]:
    """Cascades by the name of their cheap tool, from JSON: one object, or a list of them. Other keys are left alone.

    Raises InputError.
    """
    try:
        body = json.loads(text)
    except ValueError as e:
        raise InputError(f"cascades are JSON, as `rlar judge learn` writes it; this is not ({e})") from e
    found: dict[str, Cascade] = {}
    for one in body if isinstance(body, list) else [body]:
        try:
            cascade = Cascade(**{f.name: one[f.name] for f in fields(Cascade) if f.name in one})
        except (TypeError, KeyError, AttributeError) as e:
            raise InputError(f"a cascade needs cheap, dear and a number as floor; got {str(one)[:80]}") from e
        found[cascade.cheap.partition("@")[0]] = cascade
    return found
