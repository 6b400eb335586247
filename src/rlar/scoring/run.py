"""Run the chosen tools over many groups at once, and give back verdicts that can be believed.

The one place where counts, order and ranges of verdicts are checked, and where an exception of a tool becomes a fault.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rlar.types import Fault, Query, Response, Scope, Tool, Verdict

if TYPE_CHECKING:
    from rlar.engines.cache import VerdictCache

Group = tuple[Query, Sequence[Response]]

EPSILON = 1e-9  # a value may leave its card's range by rounding, and is then put back


@dataclass(frozen=True, slots=True)
class Job:
    """All responses to one query, and the refs of the tools that judge them."""

    query: Query
    responses_G: Sequence[Response]
    tools_K: tuple[str, ...]


async def run(
    jobs_P: Sequence[Job],
    tools: Mapping[str, Tool],
    *,
    deadline_s: float | None = None,
    cache: VerdictCache | None = None,
) -> list[list[list[Verdict]]]:
    """Verdicts[p][g][k]: of tool k on response g of job p; every tool gets all of its groups in one call.

    tools: by ref, every one that a job names. deadline_s: wall seconds for the whole call; tools that are not ready
    by then give Fault.CANCELLED. cache: what it knows, or somebody is asking right now, is not asked again (tools that
    judge each response by itself only). Never raises for a tool's or a response's failure.
    """
    work: dict[str, list[int]] = {}
    for p, job in enumerate(jobs_P):
        for ref in dict.fromkeys(job.tools_K):
            if job.responses_G:
                work.setdefault(ref, []).append(p)
    asked = [[(jobs_P[p].query, jobs_P[p].responses_G) for p in places] for places in work.values()]
    answers = await asyncio.gather(
        *(_within(tools[ref], groups, deadline_s, cache) for ref, groups in zip(work, asked, strict=True))
    )
    by_tool = {
        (ref, p): group
        for (ref, places), groups in zip(work.items(), answers, strict=True)
        for p, group in zip(places, groups, strict=True)
    }
    return [
        [[by_tool[ref, p][g] for ref in job.tools_K] for g in range(len(job.responses_G))]
        for p, job in enumerate(jobs_P)
    ]


async def _within(
    tool: Tool, groups: Sequence[Group], deadline_s: float | None, cache: VerdictCache | None
) -> list[list[Verdict]]:
    clock = asyncio.timeout(deadline_s)
    try:
        async with clock:
            if cache is None or tool.card.scope is not Scope.RESPONSE:
                return await ask(tool, groups)
            return await cache.judge_many(tool.card, groups, lambda some: ask(tool, some))
    except Exception as e:  # boundary to code that we did not write
        if clock.expired():
            return _all(tool, groups, Fault.CANCELLED, f"not ready within the deadline of {deadline_s:g} s")
        return _all(tool, groups, Fault.CRASHED, f"{type(e).__name__}: {e}")


async def ask(tool: Tool, groups: Sequence[Group]) -> list[list[Verdict]]:
    """The tool's verdicts[p][g], counted and checked. Never raises for a tool's or a response's failure."""
    judge_many = getattr(tool, "judge_many", None)
    if judge_many is None:
        answers = await asyncio.gather(*(_judge(tool, query, responses) for query, responses in groups))
    else:
        try:
            answers = await judge_many(groups)
        except Exception as e:  # boundary to code that we did not write
            return _all(tool, groups, Fault.CRASHED, f"{type(e).__name__}: {e}")
        if not isinstance(answers, list) or len(answers) != len(groups):
            came = f"{len(answers)} groups" if isinstance(answers, list) else f"a {type(answers).__name__}"
            why = f"{came} of verdicts for {len(groups)} groups; return a list with one each, in order"
            return _all(tool, groups, Fault.INVALID, why)
    return [_checked(tool, answer, responses) for answer, (_, responses) in zip(answers, groups, strict=True)]


async def _judge(tool: Tool, query: Query, responses_G: Sequence[Response]) -> Sequence[Verdict]:
    try:
        return await tool.judge(query, responses_G)
    except Exception as e:  # one group's failure is not another's
        return [_fault(tool, Fault.CRASHED, f"{type(e).__name__}: {e}")] * len(responses_G)


def _checked(tool: Tool, verdicts: object, responses_G: Sequence[Response]) -> list[Verdict]:
    if not isinstance(verdicts, list) or len(verdicts) != len(responses_G):
        came = f"{len(verdicts)} verdicts" if isinstance(verdicts, list) else f"a {type(verdicts).__name__}"
        why = f"{came} for {len(responses_G)} responses; return a list with one each, in order"
        return [_fault(tool, Fault.INVALID, why)] * len(responses_G)
    return [_in_range(tool, verdict) for verdict in verdicts]


def _in_range(tool: Tool, verdict: object) -> Verdict:
    card = tool.card
    if not isinstance(verdict, Verdict):
        return _fault(tool, Fault.INVALID, f"gave a {type(verdict).__name__} instead of a Verdict")
    if verdict.tool != card.ref:
        verdict = replace(verdict, tool=card.ref)  # a card may be renamed; a verdict is always by its tool
    if verdict.value is None:
        return verdict
    slack = EPSILON * max(1.0, card.high - card.low)
    if not card.low - slack <= verdict.value <= card.high + slack:
        return _fault(tool, Fault.INVALID, f"gave {verdict.value!r}, outside its range {card.low:g} to {card.high:g}")
    return (
        verdict
        if card.low <= verdict.value <= card.high
        else replace(verdict, value=min(max(verdict.value, card.low), card.high))
    )


def _fault(tool: Tool, fault: Fault, why: str) -> Verdict:
    return Verdict(tool.card.ref, fault=fault, why=why)


def _all(tool: Tool, groups: Sequence[tuple[Query, Sequence[Response]]], fault: Fault, why: str) -> list[list[Verdict]]:
    return [[_fault(tool, fault, why)] * len(responses) for _, responses in groups]
