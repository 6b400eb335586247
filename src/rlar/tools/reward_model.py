"""A trained reward model as a tool: local, in a process of its own, or served by somebody.

    tool = RewardModel("./skywork-reward-v2-qwen3-0.6b")   # family, template and labels from its config
    tool = RewardModel(spec)                               # as somebody described it

Scope RESPONSE: each answer by itself. Scope GROUP: pairs in both orders, or all answers at once; a value is then the
share of comparisons won. An empty answer gets the lowest value and is not asked about.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlar.engines.models.files import hashed
from rlar.engines.models.guess import spec_of
from rlar.engines.models.spec import FAMILIES, ModelSpec
from rlar.engines.models.values import finish, grades, label_value, preference, read, sigmoid, softmax
from rlar.errors import ToolFault
from rlar.types import Cost, Fault, Json, Kind, Mark, Query, Response, Scope, ToolCard, Verdict

if TYPE_CHECKING:
    from rlar.engines.models.engine import ModelEngine

Group = tuple[Query, Sequence[Response]]
MOST_OPPONENTS = 7  # each answer of a larger group is compared with so many others


class RewardModel:
    """model: a folder, or a ModelSpec. engine: who runs it; None for this process's own. card: fields of ToolCard.

    known: fields of ModelSpec for a folder. Hashes its files (about 1 GB/s) unless the spec brings them, so that its
    version names the weights. Raises InputError where the folder cannot be understood.
    """

    def __init__(
        self,
        model: str | Path | ModelSpec,
        *,
        engine: ModelEngine | None = None,
        card: dict[str, Any] | None = None,
        **known: Any,
    ) -> None:
        spec = model if isinstance(model, ModelSpec) else spec_of(model, **known)
        if spec.path and not spec.files:
            spec = replace(spec, files=hashed(Path(spec.path)))
        if spec.base_path and not spec.base_files:
            spec = replace(spec, base_files=hashed(Path(spec.base_path)))
        self.spec = spec
        self._engine = engine
        pairs = spec.scope is Scope.GROUP and spec.family != "generative_list"
        low, high = (0.0, 1.0) if pairs else (spec.low, spec.high)
        fields: dict[str, Any] = {
            "name": re.sub(r"[^a-z0-9]+", "_", spec.name.rpartition("/")[2].lower()).strip("_")[:60] or "reward_model",
            "about": FAMILIES[spec.family].about,
            "needs": ("a prompt", *spec.needs),
            "scale": "unit" if (low, high) == (0.0, 1.0) else "logit",
            "licence": spec.licence or "unknown",
            "provenance": f"{spec.repo}@{spec.revision[:12]}" if spec.repo else "user",
            "engine": "remote" if spec.endpoint else "model",
            "memory_mib": max(1024, int(spec.parameters * 4 / 2**20) + 1024),
        }
        if not fields["name"][0].isalpha():
            fields["name"] = f"rm_{fields['name']}"
        self.card = ToolCard(
            **{**fields, **(card or {}), "version": spec.version, "kind": Kind.REWARD_MODEL, "scope": spec.scope},
            low=low,
            high=high,
        )

    def fits(self, query: Query) -> bool:
        if not query.text.strip():
            return False
        have = {"reference": reference_of(query), "source": _source(query)}
        return all(have[need] for need in self.spec.needs)

    async def judge(self, query: Query, responses_G: Sequence[Response]) -> list[Verdict]:
        return (await self.judge_many([(query, responses_G)]))[0]

    async def judge_many(self, groups: Sequence[Group]) -> list[list[Verdict]]:
        """All groups in one round, so that the model's batches are full. Same order as given."""
        plans = [_plan(self.spec, n, query, responses) for n, (query, responses) in enumerate(groups)]
        asks = [ask for plan in plans for ask in plan.asks]
        answers = await self._ask(asks) if asks else []
        out: list[list[Verdict]] = []
        start = 0
        for plan, (_, responses) in zip(plans, groups, strict=True):
            mine = answers[start : start + len(plan.asks)]
            start += len(plan.asks)
            by_text = self._verdicts(plan, mine)
            out.append([by_text[r] for r in responses])
        return out

    async def _ask(self, asks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        if self.spec.endpoint is not None:
            from rlar.engines.models.remote import ask_remote

            return await ask_remote(self.spec, asks)
        from rlar.engines.models.engine import default_engine

        return await (self._engine or default_engine()).ask(self.spec, asks)

    # -- from answers to verdicts -------------------------------------------------------------------------------------

    def _verdicts(self, plan: _Plan, answers: Sequence[dict[str, Any]]) -> dict[Response, Verdict]:
        ref, low = self.card.ref, self.card.low
        out = {r: Verdict(ref, value=low, why="an empty answer") for r in plan.empty}
        if self.spec.scope is Scope.RESPONSE:
            for text, answer in zip(plan.texts, answers, strict=True):
                out[text] = self._one(lambda a=answer: read(a, self.spec), cost_of(self.spec, answer))
            return out
        cost = sum((cost_of(self.spec, a) for a in answers), Cost())
        share = Cost(cost.seconds / max(1, len(plan.texts)), calls=-(-cost.calls // max(1, len(plan.texts))))
        rate = self._listed if self.spec.family == "generative_list" else self._compared
        for text in plan.texts:
            out[text] = self._one(lambda t=text: rate(plan, answers, t), share)
        return out

    def _one(self, rate: Any, cost: Cost) -> Verdict:
        try:
            mark: Mark = rate()
        except ToolFault as e:
            return Verdict(self.card.ref, fault=e.fault, why=e.why, cost=cost)
        except (KeyError, TypeError, ValueError) as e:
            why = f"its answer has another form ({type(e).__name__}: {e})"
            return Verdict(self.card.ref, fault=Fault.UNREADABLE, why=why, cost=cost)
        return Verdict(self.card.ref, value=mark.value, why=mark.why, terms=mark.terms, cost=cost)

    def _compared(self, plan: _Plan, answers: Sequence[dict[str, Any]], text: Response) -> Mark:
        """The share of comparisons that this answer wins, by probability, over both orders."""
        if len(plan.texts) == 1:
            return Mark(0.5, "nothing to compare it with")
        won: list[float] = []
        for ask, answer in zip(plan.asks, answers, strict=True):
            if text not in (ask["a"], ask["b"]):
                continue
            first = _prefers_first(answer, ask, self.spec)
            won.append(first if ask["a"] == text else 1.0 - first)
        return Mark(sum(won) / len(won), f"{len(won)} comparisons in both orders")

    def _listed(self, plan: _Plan, answers: Sequence[dict[str, Any]], text: Response) -> Mark:
        """The mean of its grades over both orders of the list."""
        found = []
        for ask, answer in zip(plan.asks, answers, strict=True):
            if answer.get("too_long"):
                raise ToolFault(Fault.INVALID, "all answers together do not fit what the model reads")
            if fault := answer.get("fault"):
                raise ToolFault(Fault(fault), str(answer.get("why", "")))
            listed = list(ask["responses"])
            found.append(grades(str(answer["text"]), len(listed), self.spec)[listed.index(text)])
        value, note = finish(sum(found) / len(found), self.spec)
        return Mark(value, note or f"grades {', '.join(f'{g:g}' for g in found)}")

    # -- keeping it ---------------------------------------------------------------------------------------------------

    def settings(self, *, inside: str = "") -> dict[str, Json]:
        """What the library's loader "model" needs. inside: folder of the version that holds copies of the weights."""
        body = self.spec.to_json()
        if inside:
            body["path"] = inside
        return {"spec": body}

    def content(self, inside: str = "model") -> dict[str, bytes]:
        """The deciding files, for a small model that is to lie in the library itself."""
        return {f"{inside}/{name}": (Path(self.spec.path) / name).read_bytes() for name in self.spec.files}

    def __repr__(self) -> str:
        return f"<RewardModel {self.card.ref}>"


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is asked about one group. texts: unique answers that are not empty."""

    texts: tuple[Response, ...]
    empty: tuple[Response, ...]
    asks: tuple[dict[str, Any], ...]


def _plan(spec: ModelSpec, group: int, query: Query, responses: Sequence[Response]) -> _Plan:
    unique = tuple(dict.fromkeys(responses))
    texts = tuple(r for r in unique if r.strip())
    empty = tuple(r for r in unique if not r.strip())
    turns = [["user", query.prompt]] if isinstance(query.prompt, str) else [[m.role, m.content] for m in query.prompt]
    shared = {"prompt": turns, "reference": reference_of(query), "source": _source(query), "group": group}
    if spec.scope is Scope.RESPONSE:
        return _Plan(texts, empty, tuple({**shared, "response": r} for r in texts))
    ordered = sorted(texts)  # whom an answer is compared with does not depend on its place in the group
    if spec.family == "generative_list":
        lists = [ordered, ordered[::-1]] if len(ordered) > 1 else [ordered] if ordered else []
        return _Plan(texts, empty, tuple({**shared, "responses": x} for x in lists))
    reach = min(len(ordered) - 1, MOST_OPPONENTS)
    pairs = {
        frozenset((i, (i + step) % len(ordered))) for i in range(len(ordered)) for step in range(1, -(-reach // 2) + 1)
    }
    both = [(i, j) for pair in sorted(map(sorted, pairs)) for i, j in (pair, pair[::-1])]
    return _Plan(texts, empty, tuple({**shared, "a": ordered[i], "b": ordered[j]} for i, j in both))


def _prefers_first(answer: dict[str, Any], ask: dict[str, Any], spec: ModelSpec) -> float:
    """Probability that a is better than b, as the model sees it in this order. Raises ToolFault."""
    if fault := answer.get("fault"):
        raise ToolFault(Fault(fault), str(answer.get("why", "")))
    if answer.get("too_long"):  # both do not fit, whatever the prompt; the longer one is to blame
        return float(len(ask["a"]) < len(ask["b"]))
    if "text" in answer:
        return preference(str(answer["text"]), spec)
    labels = [float(x) for x in answer["labels"]]
    if spec.family == "label_token":
        finish(sum(labels), spec)  # NaN is a fault
        return softmax(labels)[0]
    return sigmoid(label_value(labels, spec))


def cost_of(spec: ModelSpec, answer: dict[str, Any]) -> Cost:
    return Cost(seconds=float(answer.get("seconds", 0.0)), calls=1 if spec.endpoint else 0)


def reference_of(query: Query) -> str:
    value = query.reference
    if value is None:
        several = query.extra.get("references")
        value = several[0] if isinstance(several, (list, tuple)) and several else None
    return value if isinstance(value, str) else "" if value is None or isinstance(value, bool) else str(value)


def _source(query: Query) -> str:
    value = query.extra.get("src")
    return value if isinstance(value, str) and value else query.question
