"""slime: `--custom-rm-path rlar.adapters.slime.rlar_rm`, single and with `--group-rm`; or `--rm-type remote_rm` to the
server's `/slime`. One function takes a Sample and a list of them, because slime calls it both ways."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from rlar.adapters.policy import OnFailure
from rlar.adapters.rollout import Judged, columns_of_label, environment_settings, judge
from rlar.adapters.rows import STAMP, plain
from rlar.adapters.scorer import log
from rlar.adapters.settings import Settings
from rlar.types import content_key

DEADLINE_S = 100.0  # below remote_rm's 120 s


async def rlar_rm(args: Any, samples: Any, **_: Any) -> Any:
    """A reward for a Sample, or a list of rewards for a list. Never raises.

    A reward is a number, or with `--reward-key NAME` a dict with NAME and constant keys beside it.
    args.rlar: settings (slime's custom config file sets it); without it the environment variable RLAR_CONFIG.
    """
    many = isinstance(samples, (list, tuple))
    listed = list(samples) if many else [samples]
    settings = Settings()
    try:
        given = getattr(args, "rlar", None)
        settings = Settings.of(given) if given else environment_settings()
        judged = await _judge(settings, listed, whole=many and bool(getattr(args, "group_rm", False)))
        rewards = [_reward(args, j, settings) for j in judged]
    except Exception:
        log.exception("no rewards for %d samples", len(listed))
        keys = {"rlar_valid": 0.0, "rlar_latency_ms": 0.0, "rlar_usd": 0.0, "rlar_tool": ""}
        rewards = [_named(args, settings.floor, keys)] * len(listed)
    return rewards if many else rewards[0]


async def _judge(settings: Settings, samples: Sequence[Any], *, whole: bool) -> list[Judged]:
    """whole: the samples are complete groups (slime sends one, but nothing here depends on that)."""
    groups: dict[str, list[int]] = {}
    for i, sample in enumerate(samples):
        groups.setdefault(content_key([plain(sample.prompt), plain(sample.label)]) if whole else str(i), []).append(i)
    answers = await asyncio.gather(
        *(
            judge(
                settings,
                samples[span[0]].prompt,
                _columns(samples[span[0]]),
                [samples[i].response for i in span],
                complete=whole or settings.group_size == 1,
                default=OnFailure.GROUP_MEAN if whole else OnFailure.FLOOR,
                deadline_s=DEADLINE_S,
                meet=str(getattr(samples[span[0]], "group_index", "")),
            )
            for span in groups.values()
        )
    )
    found = {
        i: j for span, judged in zip(groups.values(), answers, strict=True) for i, j in zip(span, judged, strict=True)
    }
    return [found[i] for i in range(len(samples))]


def _columns(sample: Any) -> dict[str, Any]:
    metadata = plain(getattr(sample, "metadata", None))
    columns = columns_of_label(sample.label)
    if isinstance(metadata, dict):
        columns = {**metadata, **columns} if STAMP not in metadata else {**columns, **metadata}
    return columns


def _reward(args: Any, judged: Judged, settings: Settings) -> Any:
    return _named(args, judged.value, {**judged.extras(settings.parts), "rlar_tool": judged.tool})


def _named(args: Any, value: float, extras: dict[str, Any]) -> Any:
    names = {name for attribute in ("reward_key", "eval_reward_key") if (name := getattr(args, attribute, None))}
    return {**extras, "score": value, **dict.fromkeys(names, value)} if names else value
