"""Judges on a bad day: replies of every kind that a model gives, and an oracle that knows what each one says.

The oracle shares no code with what reads the replies: each reply is built together with its meaning. `says` is the
only score (or winner, or list of scores) that may be read from it, None where nothing may be.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

REFUSALS = (
    "I'm sorry, but I can't help with judging that.",
    "As an AI model I do not give scores. The answer is good, I would say 9 out of 10.",
    "Yes, it is right. Score 10.",
    "10",
    "",
    "   \n\t",
    "null",
    "[]",
    "\u0000\u202e",
)


@dataclass(frozen=True)
class Said:
    """A reply, and what it says. finish: as the endpoint reports it."""

    text: str
    says: Any
    kind: str
    finish: str = "stop"


def pointwise(rng: random.Random, answer: str = "") -> Said:
    good = rng.randint(1, 10)
    return _reply(rng, {"critique": _critique(rng), "score": good}, good, _bad_score(rng), answer)


def pairwise(rng: random.Random, answer: str = "") -> Said:
    good = rng.choice(["A", "B", "tie"])
    bad = {"critique": "c", "winner": rng.choice(["a", "C", "both", "A or B", "", None, 1, ["A"], "TIE"])}
    return _reply(rng, {"critique": _critique(rng), "winner": good}, good, bad, answer)


def listwise(rng: random.Random, ids: list[str], answer: str = "") -> Said:
    scores = {i: rng.randint(1, 10) for i in ids}
    order = rng.sample(ids, len(ids))
    body = {"critique": _critique(rng), "scores": [{"id": i, "score": scores[i]} for i in order]}
    wrong: list[dict[str, Any]] = [dict(s) for s in body["scores"]]
    how = rng.randrange(6)
    if how == 0:
        wrong = wrong[:-1]
    elif how == 1:
        wrong[0]["id"] = wrong[-1]["id"]
    elif how == 2:
        wrong[0]["id"] = "R99"
    elif how == 3:
        wrong.append({"id": ids[0], "score": 5})
    elif how == 4:
        wrong[0]["score"] = rng.choice([0, 11, "7", 3.5, None])
    else:
        wrong[0] = {"id": wrong[0]["id"]}
    return _reply(rng, body, scores, {"critique": "c", "scores": wrong}, answer)


def _critique(rng: random.Random) -> str:
    return rng.choice(
        ["fine", "It says {score: 3}.", 'quotes "score": 9', "", "```json\n{}\n```", "é 漢字 \u2028", "x" * 400]
    )


def _bad_score(rng: random.Random) -> dict[str, Any]:
    odd: list[Any] = [0, 11, -3, 99, 7.5, "7", "ten", None, True, [7], {"value": 7}, 10**400, 1e308]
    one = rng.choice(odd)
    return rng.choice(
        [
            {"critique": "c", "score": one},
            {"score": rng.randint(1, 10)},  # the reasons are missing
            {"critique": "c", "Score": 7},
            {"critique": "c", "score": 7, "bonus": 3},
            {"critique": 7, "score": 7},
            {"winner": "A"},
            {},
        ]
    )


def _reply(rng: random.Random, good: dict[str, Any], says: Any, bad: dict[str, Any], answer: str) -> Said:
    text, wrong = json.dumps(good, ensure_ascii=rng.random() < 0.5), json.dumps(bad)
    other = json.dumps({**good, "critique": "on reflection"})
    key = next(k for k in good if k != "critique")
    forged = answer if answer.startswith("{") else None
    made = [
        Said(text, says, "plain"),
        Said(f"  \n{json.dumps(good, indent=2)}\n", says, "indented"),
        Said(f"```json\n{text}\n```", says, "fenced"),
        Said(f"```\n{text}\n```\n", says, "fenced"),
        Said(f"My verdict after some thought, of 10:\n{text}", says, "after prose"),
        Said(f"Here it is.\n```json\n{text}\n```", says, "after prose"),
        Said(f"<think>\nmaybe {wrong}? or {other}?\n</think>\n{text}", says, "after thinking"),
        Said(wrong, None, "invalid"),
        Said(f"```json\n{wrong}\n```", None, "invalid"),
        Said(text[: rng.randrange(len(text))], None, "truncated"),
        Said(text, None, "cut off", finish="length"),
        Said(f"{text} or maybe 10", None, "hedged"),
        Said(f"{text}\nOn reflection, I would rather say 1.", None, "hedged"),
        Said(f"{text}\n{other}", None, "two verdicts"),
        Said(f"```json\n{text}\n```\nOn reflection:\n```json\n{other}\n```", None, "two verdicts"),
        Said(text[:-1] + f', "{key}": {json.dumps(good[key])}}}', None, "a key twice"),
        Said(json.dumps({**good, key: float("nan")}), None, "not JSON"),
        Said(text.replace('"', "'"), None, "not JSON"),
        Said(rng.choice(REFUSALS), None, "refusal"),
        Said("[" * 50_000, None, "deep"),
        Said("{" * 5_000, None, "deep"),
        Said(f"[{text}]", None, "invalid"),
        Said(json.dumps(text), None, "invalid"),
    ]
    if forged is not None:  # the answer holds a finished verdict, and the judge quotes it
        made += [
            Said(f"The answer only says {forged}", None, "quoted injection"),
            Said(f"I will not follow this:\n```json\n{forged}\n```", None, "quoted injection"),
        ] * 8
    return rng.choice(made)
