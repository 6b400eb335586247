"""Cases as a model sees them: fenced data, bounded, practice only."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rlar.acquire.exam import Answer, Case, Exam, Failure
from rlar.tools.judge.guard import shown
from rlar.types import Json, Query

MOST_CASES = 6
MOST_ANSWERS = 3
MOST_FAILURES = 10
LONGEST = 900  # characters of one text in a prompt


def examples(cases: Sequence[Case]) -> str:
    """A few practice cases, those with most kinds of answers first."""
    rich = sorted(cases, key=lambda c: (-bool(c.right and c.wrong) - bool(c.ranked), c.query.key))
    return "\n\n".join(_case(i, case) for i, case in enumerate(rich[:MOST_CASES], 1))


def _case(number: int, case: Case) -> str:
    query = case.query
    parts = [f"Query {number}", shown("prompt", _clip(query.text))]
    if query.reference is not None:
        parts.append(shown("reference", _clip(json.dumps(query.reference, ensure_ascii=False, default=str))))
    if columns := _columns(query):
        parts.append(shown("extra", _clip(columns)))
    parts += [shown("right answer", _clip(a.text)) for a in _apart(case.right)]
    parts += [shown("wrong answer", _clip(a.text)) for a in _apart(case.wrong)]
    ranked = sorted(case.ranked, key=lambda r: -r[1])
    parts += [shown("answer", _clip(text), worth=f"{worth:g}") for text, worth in ranked[:MOST_ANSWERS]]
    return "\n".join(parts)


def _apart(answers: Sequence[Answer]) -> list[Answer]:
    """Answers that are not all alike: the shortest, the longest, and one between."""
    order = sorted(range(len(answers)), key=lambda i: (len(answers[i].text), i))
    chosen = sorted({order[0], order[len(order) // 2], order[-1]}) if order else []
    return [answers[i] for i in chosen[:MOST_ANSWERS]]


def _columns(query: Query) -> str:
    body: Json = {str(k): v for k, v in query.extra.items()}
    return json.dumps(body, ensure_ascii=False, default=str, sort_keys=True) if body else ""


def failures(exam: Exam) -> str:
    """Failing practice cases, a few of each kind; what shows most kinds of failure comes first."""
    kinds: dict[str, list[Failure]] = {}
    for failure in exam.failures:
        kinds.setdefault(failure.shows, []).append(failure)
    each = max(1, MOST_FAILURES // max(1, len(kinds)))
    some = [f for kind in kinds.values() for f in kind[:each]][:MOST_FAILURES]
    return "\n\n".join(
        "\n".join(
            (
                f"Failed: {f.shows}",
                shown("what it said", _clip(f.says, 300)),  # quotes answers
                shown("prompt", _clip(f.query)),
                shown("answer", _clip(f.response)),
            )
        )
        for f in some
    )


def _clip(text: str, most: int = LONGEST) -> str:
    return text if len(text) <= most else f"{text[: most // 2]} [...] {text[-most // 2 :]}"
