"""verifiers 0.4 and prime-rl: task config `rewards: {rlar: {fn: "rlar.adapters.verifiers:reward"}}`.

The one kind of trainer where a missing reward may raise: the trace then leaves its group. That is `on_failure: drop`
(RLAR_CONFIG); the default is the floor, with `rlar_valid` in `metrics: {rlar: {fn: "...:metrics"}}`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from rlar.adapters.policy import OnFailure
from rlar.adapters.rollout import Judged, environment_settings, judge
from rlar.adapters.rows import plain, response_of
from rlar.adapters.scorer import log
from rlar.adapters.settings import Settings
from rlar.errors import RlarError

DEADLINE_S = 280.0
KEPT = 4096  # judgements of the latest traces
_latest: OrderedDict[tuple[str, str, str], Judged] = OrderedDict()


class NoRewardError(RlarError):
    """There is no reward for this trace, and the settings say to drop it."""


async def reward(task: Any, trace: Any) -> float:
    """A finite number for one trace. Raises NoRewardError under on_failure "drop", else nothing."""
    settings = environment_settings()
    try:
        judged = await _judged(settings, task, trace)
    except Exception as e:
        log.exception("no reward for a trace")
        if settings.on_failure is OnFailure.DROP:
            raise NoRewardError(f"{type(e).__name__}: {e}") from e
        return settings.floor
    if settings.on_failure is OnFailure.DROP and not judged.scored.valid:
        raise NoRewardError(f"{judged.scored.status}: {judged.scored.why}")
    return judged.value


async def metrics(task: Any, trace: Any) -> Mapping[str, float]:
    """`rlar_valid`, `rlar_latency_ms` and `rlar_usd` of a trace. verifiers asks for them before the reward."""
    try:
        return (await _judged(environment_settings(), task, trace)).extras()
    except Exception:
        log.exception("no metrics for a trace")
        return dict.fromkeys(("rlar_valid", "rlar_latency_ms", "rlar_usd"), 0.0)


async def _judged(settings: Settings, task: Any, trace: Any) -> Judged:
    """One judgement of a trace for `metrics` and `reward`, so that a meeting is not joined twice."""
    data = _dump(getattr(task, "data", task))
    prompt = data.pop("prompt", None) or ""
    response = _response(trace)
    place = (settings.key, str(getattr(trace, "id", id(trace))), response)
    known = _latest.get(place)
    if known is not None:
        return known
    judged = await judge(
        settings,
        prompt,
        data,
        [response],
        complete=settings.group_size == 1,
        default=OnFailure.FLOOR,
        deadline_s=DEADLINE_S,
        meet=str(data.get("idx", "")),
    )
    if judged[0].scored.valid:
        _latest[place] = judged[0]
        while len(_latest) > KEPT:
            _latest.popitem(last=False)
    return judged[0]


def _dump(data: Any) -> dict[str, Any]:
    value = data.model_dump() if hasattr(data, "model_dump") else data
    return {str(k): plain(v) for k, v in value.items()} if isinstance(value, Mapping) else {}


def _response(trace: Any) -> str:
    """All turns of the assistant, tool calls rendered; the last reply where the trace has no readable turns."""
    turns = [_dump(m) for m in getattr(trace, "assistant_messages", None) or []]
    return response_of(turns) if turns else response_of(getattr(trace, "last_reply", "") or "")
