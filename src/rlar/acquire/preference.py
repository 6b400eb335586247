"""A preference head as a tool of a family: fitted on the practice half of its labelled answers."""

from __future__ import annotations

from collections.abc import Sequence

from rlar.acquire.exam import Case
from rlar.acquire.families import Family
from rlar.library.manifest import Draft, Provenance
from rlar.tools.base import library_version
from rlar.tools.preference_head import fit
from rlar.types import Kind

LEAST_PAIRS = 60  # below, a head learns the pairs by heart
MOST_PAIRS = 4000


def labelled_pairs(cases: Sequence[Case]) -> list[tuple[str, str]]:
    """(better, worse) of responses that somebody labelled; nothing constructed, for a head would learn how."""
    pairs = []
    for case in cases:
        right = [a.text for a in case.right if a.how == "labelled"]
        wrong = [a.text for a in case.wrong if a.how == "labelled"]
        pairs += [(r, w) for r in right for w in wrong]
        pairs += [(a, b) for a, x in case.ranked for b, y in case.ranked if x > y]
    return pairs[:MOST_PAIRS]


def head_draft(family: Family, practice: Sequence[Case]) -> Draft | None:
    """A head fitted on practice cases, or None where the family has too few labelled pairs."""
    pairs = labelled_pairs(practice)
    if len(pairs) < LEAST_PAIRS:
        return None
    return Draft(
        name=f"preference_{family.task.label}_{family.key[:6]}",
        kind=Kind.REWARD_MODEL,
        loader="head",
        settings={"pairs": len(pairs)},
        card={
            "about": f"small preference model for {family.name} only, from {len(pairs)} labelled pairs",
            "suits": [family.task.label],
            "needs": ["a prompt"],
            "family": family.key,
            "tie_band": 0.02,
        },
        provenance=Provenance("preference head", family=family.key),
        content={"head.json": fit(pairs)},
        requirements=(library_version("numpy"),),
    )
