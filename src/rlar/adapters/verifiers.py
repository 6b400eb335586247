"""verifiers 0.4 and prime-rl: task config `rewards: {rlar: {fn: "rlar.adapters.verifiers:reward"}}`.

The one kind of trainer where a missing reward may raise: the trace then leaves its group. That is `on_failure: drop`
(RLAR_CONFIG); the default is the floor, with `rlar_valid` in `metrics: {rlar: {fn: "...:metrics"}}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlar.adapters.policy import OnFailure
from rlar.adapters.rollout import Judged, environment_settings, judge
from rlar.adapters.rows import plain, response_of
from rlar.adapters.scorer import log
from rlar.errors import RlarError

DEADLINE_S = 280.0
_KEPT = "rlar_judged"  # in trace.info: what `metrics` tells, so that nothing is judged for it


class NoRewardError(RlarError):
    """There is no reward for this trace, and the settings say to drop it."""


async def reward(task: Any, trace: Any) -> float:
    """A finite number for one trace. Raises NoRewardError under on_failure "drop", else nothing."""
    settings = environment_settings()
    try:
        data = _dump(getattr(task, "data", task))
        prompt = data.pop("prompt", None) or ""
        judged = (
            await judge(
                settings,
                prompt,
                data,
                [_response(trace)],
                complete=settings.group_size == 1,
                default=OnFailure.FLOOR,
                deadline_s=DEADLINE_S,
                meet=str(data.get("idx", "")),
            )
        )[0]
    except Exception as e:
        log.exception("no reward for a trace")
        if settings.on_failure is OnFailure.DROP:
            raise NoRewardError(f"{type(e).__name__}: {e}") from e
        return settings.floor
    _remember(trace, judged)
    if settings.on_failure is OnFailure.DROP and not judged.scored.valid:
        raise NoRewardError(f"{judged.scored.status}: {judged.scored.why}")
    return judged.value


async def metrics(task: Any, trace: Any) -> Mapping[str, float]:
    """`rlar_valid`, `rlar_latency_ms` and `rlar_usd` of a trace that `reward` judged; zeros where it did not."""
    del task
    known = (getattr(trace, "info", None) or {}).get(_KEPT) or {}
    return {name: float(known.get(name, 0.0)) for name in ("rlar_valid", "rlar_latency_ms", "rlar_usd")}


def _remember(trace: Any, judged: Judged) -> None:
    info = getattr(trace, "info", None)
    if isinstance(info, dict):
        info[_KEPT] = {**judged.extras(), "tool": judged.tool, "status": str(judged.scored.status)}


def _dump(data: Any) -> dict[str, Any]:
    value = data.model_dump() if hasattr(data, "model_dump") else data
    return {str(k): plain(v) for k, v in value.items()} if isinstance(value, Mapping) else {}


def _response(trace: Any) -> str:
    """All turns of the assistant, tool calls rendered; the last reply where the trace has no readable turns."""
    turns = [_dump(m) for m in getattr(trace, "assistant_messages", None) or []]
    return response_of(turns) if turns else response_of(getattr(trace, "last_reply", "") or "")
