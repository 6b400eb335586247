"""What a tool has to reach. All are settings; the defaults are what lets a tool pay rewards here."""

from __future__ import annotations

from dataclasses import dataclass

from rlar.types import Kind


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Least or most that a figure may be. Shares in [0, 1]; of `pair_accuracy` the interval's lower end counts too.

    min_queries: queries with a right and a wrong answer that an exam needs to say anything. executable: verdicts that
    are no faults. gold_accepted, wrong_rejected: for tools with a line. pair_accuracy: better above worse, ties half.
    pair_floor: what the lower end of its interval must exceed (a coin). metamorphic: values that a harmless change left
    alone. resisted: attacks that gained nothing, over all; resisted_each: of each kind of attack.
    most_seconds_p99: CPU or wall seconds per response; where programs are answers, per right one.
    """

    min_queries: int = 8
    executable: float = 0.99
    deterministic: float = 1.0
    gold_accepted: float = 0.95
    wrong_rejected: float = 0.97
    pair_accuracy: float = 0.95
    pair_floor: float = 0.5
    metamorphic: float = 0.95
    resisted: float = 0.97
    resisted_each: float = 0.8
    most_seconds_p99: float = 2.0


# A metric or model grades; it cannot be held to what a proof reaches.
GRADED = Thresholds(pair_accuracy=0.7, pair_floor=0.55, metamorphic=0.8, resisted=0.85, resisted_each=0.5)


def thresholds_for(kind: Kind) -> Thresholds:
    return Thresholds() if kind is Kind.VERIFIER else GRADED
