"""The second model of a log ratio: which one it is, and whether both can be read together. Rules, no LLM.

A policy trained by DPO is a reward model only beside the model that it was trained from. Another one would give numbers
that look as good and mean nothing; so where two are named and nobody chose, none is taken.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rlar.acquire.web_agent.facts import REPO_ID, Facts
from rlar.acquire.web_agent.hints import calls_itself_reward_model, named, says
from rlar.acquire.web_agent.reading import strings
from rlar.types import Json

POLICY_PHRASES = ("implicit reward", "log-ratio reward", "log ratio reward", "dpo reward model")
POLICY_WORDS = frozenset(("dpo",))
# How cards name it: "Reference model: `acme/sft`", "ref_model = "acme/sft"", "reference model is [acme/sft](...)".
IN_CARD = re.compile(
    r"(?i)\bref(?:erence)?[ _-]?(?:model|policy)\b\W{0,6}(?:(?:is|was|path|name)\b\W{0,6})?"
    r"(?:https?://huggingface\.co/)?([a-z0-9][\w.-]{0,95}/[a-z0-9][\w.-]{0,95})"
)
IN_CONFIG = ("ref_model", "reference_model", "ref_model_name_or_path", "base_model_name_or_path")
BETA = re.compile(r"(?i)\bbeta\b[`*\"']{0,2}\s{0,4}(?:[:=]|of|is)\s{0,4}[`*\"']{0,2}(\d{1,3}(?:\.\d{1,6})?)")
USUAL_BETA = 0.1  # of DPO; it scales the values, and orders nothing
# Relations of a front matter's base_model under which the named model is not what a policy was trained from.
OTHER_RELATIONS = ("merge", "quantized", "adapter")


@dataclass(frozen=True, slots=True)
class Base:
    """name: ORG/MODEL, ORG/MODEL@REVISION or a folder; "" where none can be told. says: where it stands, or why not."""

    name: str
    says: str


def is_policy(facts: Facts) -> bool:
    """Whether it says that its likelihoods are its reward, or the user named what to compare it with."""
    if facts.base:
        return True
    return says(facts, *POLICY_PHRASES) or (named(facts, POLICY_WORDS) and calls_itself_reward_model(facts))


def base_of(facts: Facts) -> Base:
    """The reference model: the user's word, else what card, front matter or config name, if they name one only."""
    if facts.base:
        return Base(facts.base, "the user names it")
    found: dict[str, str] = {}
    for where, names in (
        ("its card", IN_CARD.findall(facts.card)),
        ("base_model of its card", _stated(facts)),
        ("its config", [v for key in IN_CONFIG for v in strings(facts.config.get(key))]),
    ):
        for name in names:
            name = name.rstrip(".-_")
            if REPO_ID.fullmatch(name) and name.lower() != facts.id.lower():
                found.setdefault(name, where)
    if not found:
        return Base("", "gives an implicit reward (DPO), but names no reference model; say which: --base ORG/MODEL")
    if len({name.lower() for name in found}) > 1:
        listed = ", ".join(f"{name} ({where})" for name, where in list(found.items())[:4])
        return Base("", f"several could be its reference model: {listed}; say which: --base ORG/MODEL")
    name, where = next(iter(found.items()))
    return Base(name, f"named in {where}")


def _stated(facts: Facts) -> list[str]:
    """base_model of front matter and tags; a tag may put a relation before the name."""
    names = []
    for text in facts.made_from:
        relation, colon, name = text.rpartition(":")
        if not (colon and relation in OTHER_RELATIONS):
            names.append(name)
    return names


def beta_of(facts: Facts) -> float:
    """The factor that config or card states, if it is one that could be; else DPO's usual one."""
    stated = facts.config.get("beta")
    match = BETA.search(facts.card)
    value = stated if isinstance(stated, (int, float)) and not isinstance(stated, bool) else None
    if value is None and match:
        value = float(match[1])
    return float(value) if value is not None and 1e-4 <= value <= 100 else USUAL_BETA


def vocabulary(tokenizer: bytes) -> Mapping[str, Json]:
    """What of a tokenizer.json says which number a text gets; what it does with templates and padding is left out.

    Raises ValueError for what is none.
    """
    try:
        body = json.loads(tokenizer)
        model = _plain(body["model"])
        added = {str(t["content"]): t["id"] for t in body.get("added_tokens") or ()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise ValueError(f"its tokenizer.json cannot be read ({type(e).__name__})") from e
    steps = {k: body.get(k) for k in ("normalizer", "pre_tokenizer")}
    return {"model": model, "added": added, **steps}


def _plain(model: Mapping[str, Any]) -> dict[str, Any]:
    """A tokenizer's model in one of the ways to write it: merges as texts, and nothing that says nothing."""
    merges = [" ".join(m) if isinstance(m, list) else m for m in model.get("merges") or ()]
    return {k: v for k, v in {**model, "merges": merges}.items() if v not in (None, False, "", [])}


def difference(policy: Mapping[str, Json], base: Mapping[str, Json]) -> str:
    """Why one tokenizer cannot serve both models; "" if it can. The base may know fewer added tokens."""
    mine, theirs = policy["model"], base["model"]
    if mine != theirs:
        a, b = (len(m.get("vocab") or ()) if isinstance(m, Mapping) else 0 for m in (mine, theirs))
        return f"has another vocabulary ({b:,} entries, not the same {a:,})"
    for kind in ("normalizer", "pre_tokenizer"):
        if policy[kind] != base[kind]:
            return f"cuts texts otherwise (another {kind})"
    added, known = policy["added"], base["added"]
    moved = [t for t in known if t in added and added[t] != known[t]]
    return f"gives the token {moved[0][:40]!r} another number" if moved else ""
