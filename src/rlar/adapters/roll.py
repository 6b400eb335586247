"""ROLL: `rewards: {rlar: {worker_cls: rlar.adapters.roll.RLARRewardWorker, tag_included: [...]}}`.

The class is made on first access, so that importing this needs neither ROLL nor torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rlar.adapters.policy import OnFailure
from rlar.adapters.rollout import Judged, columns_of_label, environment_settings, judge
from rlar.adapters.rows import plain
from rlar.adapters.scorer import log, run_sync
from rlar.adapters.settings import Settings
from rlar.types import content_key

if TYPE_CHECKING:
    RLARRewardWorker: Any

DEADLINE_S = 280.0


async def judge_rows(
    settings: Settings, prompts: Sequence[Any], responses: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> list[Judged]:
    """One Judged per row; rows with the same prompt and columns are one group (complete: ROLL sends whole requests
    unless it expands them; set group_size where it does)."""
    spans: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        spans.setdefault(content_key([plain(prompts[i]), dict(row)]), []).append(i)
    judged: dict[int, Judged] = {}
    for span in spans.values():
        row = rows[span[0]]
        columns = {**row, **columns_of_label(row.get("ground_truth"))}
        found = await judge(
            settings,
            prompts[span[0]],
            columns,
            [responses[i] for i in span],
            complete=settings.group_size is None or len(span) >= settings.group_size,
            default=OnFailure.GROUP_MEAN,
            deadline_s=DEADLINE_S,
        )
        judged.update(zip(span, found, strict=True))
    return [judged[i] for i in range(len(rows))]


def make_worker() -> Any:
    """The class for this installation of ROLL. Raises ImportError without it."""
    import torch
    from roll.distributed.executor.worker import Worker
    from roll.distributed.scheduler.decorator import Dispatch, register
    from roll.distributed.scheduler.protocol import DataProto
    from roll.models.model_providers import default_tokenizer_provider

    class RLARRewardWorker(Worker):  # type: ignore[misc]
        """Settings from the environment variable RLAR_CONFIG."""

        def __init__(self, worker_config: Any) -> None:
            super().__init__(worker_config=worker_config)
            self.settings = environment_settings()
            self.tokenizer = default_tokenizer_provider(model_args=worker_config.model_args)

        @register(dispatch_mode=Dispatch.ONE_TO_ALL)  # type: ignore[untyped-decorator]
        def initialize(self, pipeline_config: Any) -> None:
            """Nothing to load: tools start on first use."""

        @register(dispatch_mode=Dispatch.DP_MP_COMPUTE, clear_cache=False)  # type: ignore[untyped-decorator]
        def compute_rewards(self, data: Any) -> Any:
            decode = self.tokenizer.batch_decode
            responses = decode(data.batch["responses"], skip_special_tokens=True)
            prompts = decode(data.batch["prompts"], skip_special_tokens=True)
            columns = data.non_tensor_batch
            rows = [
                {name: plain(values[i]) for name, values in columns.items() if name not in ("rollout_id",)}
                for i in range(len(responses))
            ]
            values, metrics = rewards_of(self.settings, prompts, responses, rows)
            scores = torch.tensor(values, dtype=torch.float16)
            tokens = torch.zeros_like(data.batch["responses"], dtype=torch.float16)
            out = DataProto.from_dict(
                tensors={"token_level_rewards": tokens, "response_level_rewards": scores, "scores": scores}
            )
            out.meta_info = {"metrics": metrics}
            return out

    RLARRewardWorker.__module__, RLARRewardWorker.__qualname__ = __name__, "RLARRewardWorker"
    return RLARRewardWorker


def rewards_of(
    settings: Settings, prompts: Sequence[Any], responses: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> tuple[list[float], dict[str, float]]:
    """(finite rewards, metrics with constant keys). Never raises."""
    try:
        judged = run_sync(judge_rows(settings, prompts, responses, rows))
    except Exception:
        log.exception("no rewards for %d responses", len(responses))
        return [settings.floor] * len(responses), dict.fromkeys(("rlar/valid_rate", "rlar/latency_ms", "rlar/usd"), 0.0)
    count = len(judged) or 1
    metrics = {
        "rlar/valid_rate": sum(j.scored.valid for j in judged) / count,
        "rlar/latency_ms": max((j.latency_ms for j in judged), default=0.0),
        "rlar/usd": sum(j.scored.cost.usd for j in judged),
    }
    return [j.value for j in judged], metrics


def __getattr__(name: str) -> Any:
    if name == "RLARRewardWorker":
        made = globals()["RLARRewardWorker"] = make_worker()
        return made
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
