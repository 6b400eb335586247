"""OpenRLHF: `--reward.remote_url http://host/openrlhf`, or this file's path (`python -m rlar.adapters.openrlhf`).

One sample at a time. `reward_func` is synchronous: an async one fails silently there, and every sample then has no
reward. The label column is the only channel for what a tool needs: a reference, or what `rlar stamp` wrote.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from rlar.adapters.policy import OnFailure
from rlar.adapters.rollout import Judged, columns_of_label, environment_settings, judge
from rlar.adapters.scorer import Scoring, log, run_sync
from rlar.adapters.settings import Settings

DEADLINE_S = 150.0  # below OpenRLHF's 180 s per try
END_MARKS = re.compile(r"(?:\s*(?:<\|[\w▁.-]{1,40}\|>|</s>|<eos>|<pad>|<end_of_turn>|<｜[^｜]{1,40}｜>))+\s*$")


def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any], **_: Any) -> dict[str, Any]:
    """{"rewards", "scores", "extra_logs"}: lists as long as `queries`, finite numbers, constant keys. Never raises.

    Settings come from the environment variable RLAR_CONFIG.
    """
    try:
        settings = environment_settings()
        judged = run_sync(judge_samples(settings, queries, prompts, labels))
    except Exception:
        log.exception("no rewards for %d samples", len(queries))
        return {"rewards": [0.0] * len(queries), "scores": [0.0] * len(queries), "extra_logs": _logs([], len(queries))}
    return reply(judged, settings)


async def judge_samples(
    settings: Settings,
    queries: Sequence[str],
    prompts: Sequence[str],
    labels: Sequence[Any],
    scorer: Scoring | None = None,
    deadline_s: float = DEADLINE_S,
) -> list[Judged]:
    """One Judged per query; shorter `prompts` and `labels` count as empty (older versions send none)."""

    async def one(i: int) -> Judged:
        prompt = prompts[i] if i < len(prompts) else ""
        label = labels[i] if i < len(labels) else None
        found = await judge(
            settings,
            prompt,
            columns_of_label(label),
            [response_in(queries[i], prompt)],
            complete=settings.group_size == 1,
            default=OnFailure.FLOOR,
            deadline_s=deadline_s,
            scorer=scorer,
        )
        return found[0]

    return list(await asyncio.gather(*(one(i) for i in range(len(queries)))))


def response_in(query: str, prompt: str) -> str:
    """The response of a sequence that is prompt and response in one text, without the end marks of chat templates."""
    return END_MARKS.sub("", query.removeprefix(prompt))


def reply(judged: Sequence[Judged], settings: Settings) -> dict[str, Any]:
    """rewards: for the advantage. scores: in [0, 1], for dynamic filtering. extra_logs: numbers only."""
    rewards = [j.value for j in judged]
    return {
        "rewards": rewards,
        "scores": [min(1.0, max(0.0, v)) for v in rewards],
        "extra_logs": _logs([j.extras(settings.parts) for j in judged], len(judged)),
    }


def _logs(rows: Sequence[dict[str, float]], count: int) -> dict[str, list[float]]:
    names = list(rows[0]) if rows else ["rlar_valid", "rlar_latency_ms", "rlar_usd"]
    return {name: [row[name] for row in rows] if rows else [0.0] * count for name in names}


if __name__ == "__main__":
    print(__file__)  # for --reward.remote_url "$(python -m rlar.adapters.openrlhf)"
