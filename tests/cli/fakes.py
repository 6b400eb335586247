"""A reward system that decides and judges by simple, visible rules, with the interface of the real one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from rlar.types import Cost, Decision, Fault, Gap, Part, Query, Response, Reward, Task, Verdict

EXACT, OVERLAP = "exact@aaaaaaaaaaaa", "overlap@bbbbbbbbbbbb"


class FakeSystem:
    """Right if the reference is in the response. No reference: a gap. "crash" in the prompt: a fault of the tool.

    "both" in the prompt: two tools judge, and the second one is always of the opposite opinion.
    """

    def __init__(self, library: object = None, *, route: object = None, profile: str = "reward", **_: Any) -> None:
        self.asked = 0
        self.largest_call = 0
        self.slow_s = 0.0
        self.exact = EXACT

    def __enter__(self) -> FakeSystem:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def cache_counts(self) -> dict[str, int]:
        return {}

    def decide(self, query: Query) -> Decision:
        label = str(query.extra.get("task", "math" if query.reference is not None else "dialogue"))
        task = Task(label, ("answer:number",) if query.reference is not None else (), "en", 0.9, ("it looks like it",))
        if query.reference is None:
            return Decision(task, why=task.why, gap=Gap("f", f"{label}: nothing to check against"))
        parts = [Part(self.exact)] + ([Part(OVERLAP)] if "both" in query.text else [])
        return Decision(task, tuple(parts), (*task.why, "reference is a number"))

    async def score_batch(
        self, queries_P: Sequence[Query], responses_PG: Sequence[Sequence[Response]]
    ) -> list[list[Reward]]:
        self.asked += len(queries_P)
        self.largest_call = max(self.largest_call, len(queries_P))
        await asyncio.sleep(self.slow_s)
        return [
            [self._reward(query, response) for response in responses]
            for query, responses in zip(queries_P, responses_PG, strict=True)
        ]

    def _reward(self, query: Query, response: Response) -> Reward:
        decision = self.decide(query)
        if decision.gap:
            return Reward(None, decision=decision, why=decision.gap.why)
        cost = Cost(seconds=0.001 * len(response))
        if "crash" in query.text:
            verdict = Verdict(self.exact, fault=Fault.CRASHED, why="ZeroDivisionError: division by zero", cost=cost)
            return Reward(None, verdicts=(verdict,), decision=decision, why="exact: crashed")
        value = float(str(query.reference) in response)
        verdicts = [Verdict(self.exact, value=value, why="it is there" if value else "it is not there", cost=cost)]
        if "both" in query.text:
            verdicts.append(Verdict(OVERLAP, value=1 - value, why="the opposite", cost=cost))
        return Reward(
            value,
            parts={v.tool.partition("@")[0]: v.value for v in verdicts if v.value is not None},
            verdicts=tuple(verdicts),
            decision=decision,
            why=verdicts[0].why,
        )
