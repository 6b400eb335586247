"""Cases out of rollouts: right and wrong answers by construction, by label, and from other prompts of the family."""

from __future__ import annotations

from collections.abc import Sequence

from rlar.acquire.exam.cases import Answer, Case, Corruption, rng_for
from rlar.acquire.exam.corruptions import CORRUPTIONS
from rlar.acquire.exam.corruptions.constraints import CONSTRAINTS
from rlar.acquire.exam.gold import right_answers
from rlar.rollouts import Item
from rlar.tools.reference import golds, shape_of
from rlar.types import Query

MOST_WRONG = 8  # wrong answers per query; more of one query teach little


def build_cases(items: Sequence[Item], *, seed: int = 0, most: int | None = None) -> list[Case]:
    """One Case per item of a family. most: of so many items only, chosen by content.

    Labels of 0 and 1 make right and wrong answers, other labels an order (`Case.ranked`). Unlabelled responses are not
    used: nobody knows their worth.
    """
    unique = list({item.query.key: item for item in items}.values())
    if most is not None and len(unique) > most:
        unique = sorted(unique, key=lambda i: rng_for(seed, "pick", i.query.key).random())[:most]
    queries = sorted((item.query for item in unique), key=lambda q: q.key)  # the order given decides nothing
    return [_case(item, queries, seed) for item in unique]


def _case(item: Item, family: Sequence[Query], seed: int) -> Case:
    query = item.query
    right = list(right_answers(query))
    wrong = [a for r in right[:1] for a in corrupted(query, r.text, seed)]
    other = _other_gold(query, family, seed)
    if right and other is not None:
        wrong.append(Answer(other, "corruption:another_prompt"))
    ranked: tuple[tuple[str, float], ...] = ()
    labelled = [(t, x) for t, x in zip(item.responses, item.labels or (), strict=False) if x is not None]
    if labelled and {x for _, x in labelled} <= {0.0, 1.0}:
        if not right and query.constraints:  # an instruction that people saw followed can be broken
            wrong += [a for t, x in labelled if x == 1.0 for a in corrupted(query, t, seed, CONSTRAINTS)]
        right += [Answer(t, "labelled") for t, x in labelled if x == 1.0]
        wrong = wrong[:MOST_WRONG] + [Answer(t, "labelled") for t, x in labelled if x == 0.0]
    else:
        ranked = tuple(labelled)
    good = {a.text for a in right}
    wrong = [a for a in {a.text: a for a in wrong}.values() if a.text not in good]
    right = list({a.text: a for a in right}.values())
    return Case(query, tuple(right), tuple(wrong), ranked, str(item.meta.get("group") or ""))


def corrupted(query: Query, right: str, seed: int, by: Sequence[Corruption] = CORRUPTIONS) -> list[Answer]:
    """Every corruption that applies to this right answer, each with a generator of its own."""
    answers = []
    for corruption in by:
        wrong = corruption.make(query, right, rng_for(seed, corruption.name, query.key))
        if wrong is not None and wrong.strip() != right.strip():
            answers.append(Answer(wrong, f"corruption:{corruption.name}"))
    return answers


def _other_gold(query: Query, family: Sequence[Query], seed: int) -> str | None:
    """The gold of another query of the same shape that says something else."""
    mine = {g.strip().casefold() for g in golds(query)}
    kind = shape_of(query).kind
    if not mine or query.tests is not None:
        return None
    rng = rng_for(seed, "another_prompt", query.key)
    for _ in range(20):
        theirs = golds(rng.choice(family))
        if theirs and theirs[0].strip().casefold() not in mine and kind == shape_of(Query(reference=theirs[0])).kind:
            return theirs[0]
    return None
