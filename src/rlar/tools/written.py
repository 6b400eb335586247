"""Tools that somebody wrote for us (an LLM, a template): source text that only ever runs in the sandbox.

The source defines `score(prompt, response, reference, extra) -> float` in the card's range. It is never imported here.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rlar.errors import ToolFault, UnsafeError
from rlar.tools.base import Group
from rlar.types import Cost, Fault, Query, Response, ToolCard, Verdict

if TYPE_CHECKING:
    from rlar.engines.sandbox import ItemError
    from rlar.engines.sandbox.verifier import Verifier

CONTROL = "I do not know."  # a harmless answer to anything: a tool that breaks on it is broken
ENTRY = "score"


class WrittenTool:
    """A written tool in the sandbox. requires: fields that a query must have: "reference", "tests", "extra.NAME".

    The outcomes are those of all rule tools: where a response breaks the tool but harmless texts do not, it is the
    response, and gets the card's low end; where they break it too, it is a fault.
    """

    def __init__(self, source: str, card: ToolCard, *, requires: Sequence[str] = ()) -> None:
        self.source = source
        self.card = card
        self.requires = tuple(requires)
        self._verifier: Verifier | None = None

    def fits(self, query: Query) -> bool:
        return all(_has(query, field) for field in self.requires)

    async def judge(self, query: Query, responses_G: Sequence[Response]) -> list[Verdict]:
        return (await self.judge_many([(query, responses_G)]))[0]

    async def judge_many(self, groups: Sequence[Group]) -> list[list[Verdict]]:
        """All responses of all groups in one go; equal ones of one query once."""
        texts = [list(dict.fromkeys(responses)) for _, responses in groups]
        items = [_item(query, r) for (query, _), unique in zip(groups, texts, strict=True) for r in unique]
        start = time.perf_counter()
        try:
            scores = await self._judge(items)
        except ToolFault as e:
            return [[self._fault(e.fault, e.why)] * len(responses) for _, responses in groups]
        except UnsafeError as e:
            return [[self._fault(Fault.MISSING, str(e))] * len(responses) for _, responses in groups]
        cost = Cost(seconds=(time.perf_counter() - start) / max(1, len(items)))  # wall: the sandbox tells no CPU time
        out = []
        at = 0
        for (query, responses), unique in zip(groups, texts, strict=True):
            verdicts = await self._verdicts(query, unique, scores[at : at + len(unique)], cost)
            at += len(unique)
            out.append([verdicts[r] for r in responses])
        return out

    async def _verdicts(
        self, query: Query, texts: Sequence[str], scores: Sequence[float | ItemError], cost: Cost
    ) -> dict[str, Verdict]:
        verdicts: dict[str, Verdict] = {}
        broken = {t: s for t, s in zip(texts, scores, strict=True) if not isinstance(s, (int, float))}
        control = await self._control(query) if any(s.kind in ("error", "timeout") for s in broken.values()) else None
        for text, score in zip(texts, scores, strict=True):
            if isinstance(score, (int, float)):
                verdicts[text] = self._value(float(score), cost)
            elif score.kind == "invalid":
                verdicts[text] = self._fault(Fault.INVALID, score.why or "gave no finite number")
            elif score.kind == "load_error" or control is not None:
                fault = Fault.TIMEOUT if score.kind == "timeout" else Fault.CRASHED
                verdicts[text] = self._fault(fault, f"{score.kind}: {score.why}" + (f"; {control}" if control else ""))
            else:
                why = f"broke the tool: {score.kind}: {score.why}"
                verdicts[text] = Verdict(self.card.ref, value=self.card.low, why=why)
        return verdicts

    async def _control(self, query: Query) -> str | None:
        """What harmless answers do to the tool: None if they do nothing, else the error."""
        texts = [CONTROL] + ([query.reference] if isinstance(query.reference, str) else [])
        for text, score in zip(texts, await self._judge([_item(query, t) for t in texts]), strict=True):
            if not isinstance(score, (int, float)):
                return f"it also breaks on the harmless {text[:40]!r}: {score.kind}"
        return None

    def _value(self, score: float, cost: Cost) -> Verdict:
        low, high = self.card.low, self.card.high
        if not low - 1e-9 <= score <= high + 1e-9:
            return self._fault(Fault.INVALID, f"gave {score!r}, outside its range {low:g} to {high:g}")
        return Verdict(self.card.ref, value=min(max(score, low), high), cost=cost)

    def _fault(self, fault: Fault, why: str) -> Verdict:
        return Verdict(self.card.ref, fault=fault, why=why)

    async def _judge(self, items: Sequence[dict[str, Any]]) -> Sequence[float | ItemError]:
        if self._verifier is None:
            from rlar.engines.sandbox import default_box

            self._verifier = default_box().load(self.source, ENTRY, cpu_s=self.card.timeout_s)
        return await self._verifier.judge(items)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_verifier"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _verifier=None)


def _item(query: Query, response: Response) -> dict[str, Any]:
    return {
        "prompt": query.text,
        "response": response,
        "reference": query.reference,
        "extra": {str(k): v for k, v in query.extra.items()},
    }


def _has(query: Query, field: str) -> bool:
    if field.startswith("extra."):
        return query.extra.get(field.removeprefix("extra.")) is not None
    value = getattr(query, field, None)
    return value is not None and value != ""
