"""One item's rewards as one line of output: what was decided, what came out, and why."""

from __future__ import annotations

from collections.abc import Sequence

from rlar.rollouts import Item
from rlar.rollouts.items import clip
from rlar.types import Cost, Decision, Json, Reward

WHY_LENGTH = 300  # characters of a reason; tools may quote the response


def output_line(item: Item, decision: Decision, rewards_G: Sequence[Reward]) -> dict[str, Json]:
    """The line of one item. Holds no times, so the same input gives the same bytes.

    rewards: G numbers or nulls, in the order of the responses. parts: per response {tool: value}, in the tool's own
    range. faults: per response the tools that broke. why: per response the reason of its reward. decision: why these
    tools. gap: why there is no tool, or null. cost: of all verdicts together; tokens and usd are of LLMs.
    """
    task = decision.task
    verdicts = [verdict for reward in rewards_G for verdict in reward.verdicts]
    cost = sum((verdict.cost for verdict in verdicts), Cost())
    return {
        "id": item.id,
        "task": {
            "label": task.label,
            "confidence": round(task.confidence, 4),
            "checks": list(task.checks),
            "language": task.language,
        },
        "tools": list(decision.tools),
        "rewards": [reward.value for reward in rewards_G],
        "parts": [dict(reward.parts) for reward in rewards_G],
        "faults": [
            [{"tool": v.tool, "fault": str(v.fault), "why": clip(v.why, WHY_LENGTH)} for v in reward.faults]
            for reward in rewards_G
        ],
        "why": ["" if decision.gap else clip(reward.why, WHY_LENGTH) for reward in rewards_G],
        "decision": list(decision.why),
        "gap": decision.gap.why if decision.gap else None,
        "cost": {"verdicts": len(verdicts), "calls": cost.calls, "tokens": cost.tokens, "usd": cost.usd},
    }
