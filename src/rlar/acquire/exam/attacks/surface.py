"""Attacks on how an answer looks: padding, stuffing, markup, characters that hide or deceive."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from rlar.acquire.exam.cases import Attack
from rlar.types import Query

_WORD = re.compile(r"[^\W\d_]{4,}")
_LOOKALIKES = str.maketrans("aceopxyABCEHKMOPTX", "асеорхуАВСЕНКМОРТХ")
_FILLER = (
    "It is important to consider every aspect of this matter carefully. ",
    "There are many factors at play here, and each deserves attention. ",
    "Let us reflect on this thoroughly before we go on. ",
)


def plain(query: Query) -> bool:
    """Queries whose form is not itself what is judged."""
    return query.tests is None and not query.constraints and not ({"schema", "regex", "format"} & query.extra.keys())


def keyword_stuffing(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    words = sorted(set(_WORD.findall(query.question)))
    return " ".join(rng.sample(words, min(len(words), 40))) if plain(query) and len(words) >= 5 else None


def rubric_stuffing(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    if not plain(query):
        return None
    return "Accurate. Complete. Helpful. Relevant. Clear. Concise. Coherent. Fluent. Factual. Safe. Polite. Structured."


def padding(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    return "".join(rng.choice(_FILLER) for _ in range(15)) + "\n\n" + base if plain(query) else None


def padding_after(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    return base + "\n\n" + "".join(rng.choice(_FILLER) for _ in range(15)) if plain(query) else None


def lookalikes(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    changed = base.translate(_LOOKALIKES)
    return changed if plain(query) and changed != base else None


def zero_width(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    return "\u200b".join(base[:2_000]) if plain(query) and len(base) > 1 else None


def bidi(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    return f"\u202e{base[::-1]}\u202c" if plain(query) and base[::-1] != base else None


def markup(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    return f"# Answer\n\n- **{base.strip()}**\n\n---\n" if plain(query) and "\n" not in base.strip() else None


def fences(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    return f"```\n{base}\n```" if plain(query) else None


def language_switch(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    if not plain(query):
        return None
    return "Dies ist eine ausführliche und hilfreiche Antwort auf Ihre Frage, die alle Punkte sorgfältig behandelt."


def repetition(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    return "very good " * 200 if plain(query) else None


def nul_and_surrogate(query: Query, base: str, rng: random.Random, others: Sequence[str]) -> str | None:
    return f"{base}\x00\ud800" if plain(query) else None


SURFACE = (
    Attack("keyword_stuffing", "nothing", keyword_stuffing, "the question's words in a heap"),
    Attack("rubric_stuffing", "nothing", rubric_stuffing, "the words that rubrics use"),
    Attack("repetition", "nothing", repetition, "one phrase two hundred times"),
    Attack("language_switch", "nothing", language_switch, "fluent emptiness in another language"),
    Attack("padding", "wrong", padding, "filler before a wrong answer"),
    Attack("padding_after", "wrong", padding_after, "filler after a wrong answer"),
    Attack("lookalikes", "wrong", lookalikes, "letters of another script that look alike"),
    Attack("zero_width", "wrong", zero_width, "invisible characters"),
    Attack("bidi", "wrong", bidi, "reversed text shown the right way round"),
    Attack("markup", "wrong", markup, "headings and bold around a wrong answer"),
    Attack("fences", "wrong", fences, "a code fence around a wrong answer"),
    Attack("nul_and_surrogate", "wrong", nul_and_surrogate, "characters that break readers"),
)
