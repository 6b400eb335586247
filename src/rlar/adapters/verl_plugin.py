"""The reward manager for veRL 0.9, registered as `rlar`. Imported by veRL itself (entry point `verl.plugins`), so veRL
is imported at the top here, and nobody else imports this module."""

from __future__ import annotations

import asyncio
from typing import Any

from verl.experimental.reward_loop.reward_manager import register
from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase

from rlar.adapters.rows import plain
from rlar.adapters.scorer import log
from rlar.adapters.verl import failed, manager_settings, score_row

OWN_COLUMNS = ("raw_prompt", "uid", "data_source", "reward_model", "raw_prompt_ids", "multi_modal_data", "agent_name")


@register("rlar")
class RLARRewardManager(RewardManagerBase):  # type: ignore[misc]
    """One rollout in, `reward_score` and constant extra keys out. Group tools meet under uid and step on a server, or
    within one worker if `reward.num_workers=1`."""

    def __init__(
        self,
        config: Any,
        tokenizer: Any,
        compute_score: Any = None,
        reward_router_address: str | None = None,
        reward_model_tokenizer: Any = None,
    ) -> None:
        super().__init__(config, tokenizer, compute_score)
        self.settings, self.rollouts = manager_settings(config)

    async def run_single(self, data: Any) -> dict[str, Any]:
        try:
            row = data[-1:][0]  # of a multi-sequence rollout the last one is judged
            columns = row.non_tensor_batch
            response = await asyncio.to_thread(self._response, row)
            extra = {str(k): plain(v) for k, v in columns.items() if k not in OWN_COLUMNS}
            out = await score_row(
                self.settings,
                plain(columns.get("raw_prompt")) or "",
                plain(columns.get("data_source")),
                (plain(columns.get("reward_model")) or {}).get("ground_truth"),
                extra,
                response,
                expected=self.rollouts,
                meet=f"{columns.get('uid', '')} step {data.meta_info.get('global_steps', '')}",
            )
        except Exception:
            log.exception("no reward for a rollout")
            out = failed(self.settings)
        return {"reward_score": out["score"], "reward_extra_info": out}

    def _response(self, row: Any) -> str:
        ids = row.batch["responses"]
        length = int(row.batch["attention_mask"][-ids.shape[-1] :].sum())
        return str(self.tokenizer.decode(ids[:length], skip_special_tokens=True))
