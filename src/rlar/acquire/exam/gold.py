"""Right answers by construction: a reference, said the ways people and models say it."""

from __future__ import annotations

from rlar.acquire.exam.cases import Answer
from rlar.tools.reference import golds, shape_of
from rlar.types import Query

_MATHS = ("number", "expression", "interval", "set", "tuple")
_SHORT = ("choice", "label", "span")


def right_answers(query: Query) -> tuple[Answer, ...]:
    """Renderings of the reference that any tool for this query should accept; none where it has no reference.

    The first is the bare reference. A solution that comes with tests (extra["reference_solution"] or
    extra["canonical_solution"]) is the right answer to a coding query.
    """
    for name in ("reference_solution", "canonical_solution"):
        solution = query.extra.get(name)
        if query.tests is not None and isinstance(solution, str) and solution.strip():
            return (Answer(f"```python\n{solution}\n```", "gold:solution"),)
    texts = golds(query)
    if not texts or query.tests is not None:
        return ()
    gold, kind = texts[0], shape_of(query).kind
    if kind in _MATHS:
        plain = gold.strip().strip("$")
        return (
            Answer(gold, "gold:bare"),
            Answer(f"Let us work it out. The result is $\\boxed{{{plain}}}$.", "gold:boxed"),
        )
    if kind in _SHORT:
        return (Answer(gold, "gold:bare"), Answer(f"The answer is {gold}.", "gold:sentence"))
    if kind == "json":
        return (Answer(gold, "gold:bare"), Answer(f"```json\n{gold}\n```", "gold:fenced"))
    return (Answer(gold, "gold:bare"),)
