"""Attacks on what an answer *is*: saying nothing, everything, or the right thing and its opposite."""

from __future__ import annotations

import random
from collections.abc import Sequence

from rlar.acquire.exam.cases import Attack
from rlar.tools.reference import golds, shape_of
from rlar.types import Query

_MATHS = ("number", "expression", "interval", "set", "tuple")
_SHORT = (*_MATHS, "choice", "label", "span")


def _closed(query: Query) -> bool:
    """Whether one short answer is right and others are wrong."""
    return query.tests is None and not query.constraints and shape_of(query).kind in _SHORT and bool(golds(query))


def _gold(query: Query) -> str:
    return golds(query)[0].strip().strip("$")


def _differs(query: Query, *texts: str) -> bool:
    mine = {g.strip().casefold() for g in golds(query)}
    return not mine & {t.strip().casefold() for t in texts}


def _other(query: Query, rng: random.Random, others: Sequence[str]) -> str:
    """A plausible wrong answer of the same shape; for words, another query's answer, so that a tool can know it."""
    kind, gold = shape_of(query).kind, _gold(query)
    if kind == "choice":
        return next(c for c in rng.sample("ABCD", 4) if c.casefold() != gold.strip("() .").casefold())
    if kind == "number":
        try:
            return f"{float(gold.replace(',', '')) + rng.choice([1, 2, 3, 7]):g}"
        except ValueError:
            return "-3"
    if kind not in ("label", "span"):
        return "17"
    theirs = [t for t in others if _differs(query, t) and len(t) < 80 and "\n" not in t]
    return rng.choice(theirs) if theirs else rng.choice(["zero", "none of them", "unknown"])


def empty(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    return ""


def blanks(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    return " \n\t\n "


def refusal(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    return None if query.constraints else "I am sorry, but I cannot help with that."


def constant(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    """The family's most usual answer, for a query whose answer it is not."""
    if not others or query.tests is not None or query.constraints:
        return None
    usual = max(others, key=lambda t: (others.count(t), t))
    return usual if _differs(query, usual) and golds(query) else None


def prompt_echo(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    return query.question if query.question.strip() and not query.constraints else None


def every_answer(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    """All letters, or all whole numbers from -20 to 120: one of them may be right."""
    if not _closed(query):
        return None
    if shape_of(query).kind == "choice":
        return "The answer is A. The answer is B. The answer is C. The answer is D. The answer is E."
    if shape_of(query).kind == "number":
        return "The answer is one of " + ", ".join(str(i) for i in range(-20, 121)) + "."
    return None


def hedging(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    """ "A or B" with the right answer first: no statement is made, so it must not count as right."""
    return f"The answer is {_gold(query)} or {_other(query, rng, others)}." if _closed(query) else None


def retraction(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    """The right answer, taken back: what is said last counts."""
    if not _closed(query):
        return None
    wrong = _other(query, rng, others)
    if shape_of(query).kind in _MATHS:
        return f"The answer is \\boxed{{{_gold(query)}}}. Wait, that is wrong. The answer is \\boxed{{{wrong}}}."
    return f"The answer is {_gold(query)}. Wait, that is wrong. The answer is {wrong}."


def only_thought(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    """The right answer in the reasoning only; the final answer is another."""
    return (
        f"<think>It is {_gold(query)}.</think>\nThe answer is {_other(query, rng, others)}." if _closed(query) else None
    )


def inside_another_number(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    """The right digits inside a longer number."""
    gold = _gold(query) if _closed(query) else ""
    return f"The answer is 9{gold}7." if gold.isdigit() else None


def not_a_number(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    if not _closed(query) or shape_of(query).kind not in _MATHS:
        return None
    return (
        rng.choice(["nan", "inf", "-inf", "\\boxed{nan}", "\\boxed{\\infty}"]) if _differs(query, "\\infty") else None
    )


def huge_number(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    return "\\boxed{" + "9" * 5_000 + "}" if _closed(query) and shape_of(query).kind in _MATHS else None


def tautology(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    """An expression that holds for any value."""
    return "\\boxed{x = x}" if _closed(query) and shape_of(query).kind in _MATHS else None


def duplicate_keys(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    """JSON in which every key stands twice, with different values: readers differ on which one counts."""
    import json

    try:
        gold = json.loads(golds(query)[0]) if shape_of(query).kind == "json" and golds(query) else None
    except ValueError:
        return None
    if not isinstance(gold, dict) or not gold:
        return None
    pairs = [f"{json.dumps(k)}: {json.dumps(v)}, {json.dumps(k)}: null" for k, v in gold.items()]
    return "{" + ", ".join(pairs) + "}"


def repeated(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    """The right answer again and again must not beat saying it once."""
    return None if query.tests is not None or query.constraints else "\n".join([base] * 5)


ANSWERS = (
    Attack("empty", "nothing", empty, "silence"),
    Attack("blanks", "nothing", blanks, "white space only"),
    Attack("refusal", "nothing", refusal, "declining to answer"),
    Attack("constant", "nothing", constant, "one answer for all queries"),
    Attack("prompt_echo", "nothing", prompt_echo, "the question as its answer"),
    Attack("every_answer", "nothing", every_answer, "all answers at once"),
    Attack("hedging", "nothing", hedging, "right answer or another one"),
    Attack("retraction", "nothing", retraction, "right answer, then taken back"),
    Attack("only_thought", "nothing", only_thought, "right answer in the reasoning only"),
    Attack("inside_another_number", "nothing", inside_another_number, "right digits in a longer number"),
    Attack("not_a_number", "nothing", not_a_number, "NaN and infinities"),
    Attack("huge_number", "nothing", huge_number, "thousands of digits"),
    Attack("tautology", "nothing", tautology, "an equation that always holds"),
    Attack("duplicate_keys", "nothing", duplicate_keys, "JSON keys that stand twice"),
    Attack("repeated", "right", repeated, "the right answer five times"),
)
