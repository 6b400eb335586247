"""A small reward model that really learnt: from people's preferences, garbled answers, and the published hack suite.

Prompts and answers are those of the shared `pref_*` files. What it is examined on are other prompts.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlar.acquire.exam.attacks import ATTACKS
from rlar.acquire.exam.cases import rng_for
from rlar.types import Query

Pair = tuple[str, str, str]  # prompt, better, worse


def rows(shared: Path, name: str) -> list[dict[str, Any]]:
    """(prompt, better, worse) of every labelled pair, in the file's order."""
    out = []
    with gzip.open(shared / "eval" / f"{name}.jsonl.gz", "rt") as f:
        for line in f:
            row = json.loads(line)
            prompt = row["prompt"]
            text = prompt if isinstance(prompt, str) else "\n\n".join(m["content"] for m in prompt)
            a, b = row["responses"][:2]
            if a["label"] is None or b["label"] is None or a["label"] == b["label"]:
                continue
            better, worse = (a, b) if a["label"] > b["label"] else (b, a)
            group = row["meta"].get("group") or row["id"]
            out.append(
                {"id": row["id"], "group": group, "prompt": text, "better": better["text"], "worse": worse["text"]}
            )
    return out


def parted(found: Sequence[dict[str, Any]], *, seed: int = 0, share: float = 0.5) -> tuple[list[Any], list[Any]]:
    """Two sides that share no group of near-copies."""
    rng = random.Random(seed)
    side: dict[str, bool] = {}
    for row in found:
        if row["group"] not in side:
            side[row["group"]] = rng.random() < share
    return [r for r in found if side[r["group"]]], [r for r in found if not side[r["group"]]]


def garbled(text: str) -> str:
    """Every word spelt backwards: the same length and letters, and no language."""
    return " ".join(word[::-1] for word in text.split())


def lessons(found: Sequence[dict[str, Any]], *, attacks: int = 5, seed: int = 0) -> list[Pair]:
    """Better over garbled, and over what the hack suite makes of it; a garbled answer over one with an attack on top.

    attacks: of each prompt, drawn.
    """
    rng = random.Random(seed)
    out: list[Pair] = []
    good = [r["better"] for r in found]
    for i, row in enumerate(found):
        query, wrong = Query(row["prompt"]), garbled(row["better"])
        out += [(row["prompt"], row["better"], wrong)] * 2
        others = [good[(i + k) % len(good)] for k in (1, 2, 3)]
        made = []
        for attack in ATTACKS:
            base = {"nothing": "", "wrong": wrong, "right": row["better"]}[attack.on]
            text = attack.make(query, base, rng_for(seed, attack.name, query.key), others)
            if text and text.strip() and text != base:
                safe = text.encode("utf-8", "replace").decode("utf-8")  # as the engine does with lone surrogates
                made.append((row["prompt"], base or row["better"], safe))
        out += rng.sample(made, min(attacks, len(made)))
    rng.shuffle(out)
    return out


def labelled(found: Sequence[dict[str, Any]], *, worse: str = "worse") -> list[dict[str, Any]]:
    """Rollouts with labels. worse: "worse" for people's preferences, "garbled" for what nobody doubts."""
    return [
        {
            "id": r["id"],
            "prompt": r["prompt"],
            "responses": [r["better"], garbled(r["better"]) if worse == "garbled" else r["worse"]],
            "labels": [1, 0],
            "meta": {"group": r["group"]},
        }
        for r in found
    ]
