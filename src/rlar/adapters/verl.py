"""veRL: `reward.reward_manager.name=rlar` (0.9, by the entry point `verl.plugins`), or `compute_score` as a function.

The manager is the better one: it sees the prompt, the uid and all columns. veRL sends one rollout at a time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from rlar.adapters.policy import OnFailure
from rlar.adapters.rollout import Judged, environment_settings, judge
from rlar.adapters.rows import plain
from rlar.adapters.scorer import log
from rlar.adapters.settings import Settings

DEADLINE_S = 280.0  # below the 300 s of veRL's rate-limited manager
_SETTINGS = {f.name for f in dataclasses.fields(Settings)} - {"key"}


async def compute_score(
    data_source: str, solution_str: str, ground_truth: Any, extra_info: Mapping[str, Any] | None = None, **kwargs: Any
) -> dict[str, Any]:
    """{"score", "acc", "rlar_valid", ...}: the same keys for every row, also where there was no reward. Never raises.

    veRL does not pass the prompt here; put it into extra_info["prompt"] where a tool needs it.
    kwargs: settings (`reward.custom_reward_function.reward_kwargs`); veRL's own are ignored.
    """
    settings = Settings()
    try:
        settings = _settings_in(kwargs)
        extra = {str(k): v for k, v in (extra_info or {}).items()}
        prompt = extra.pop("prompt", extra.pop("question", ""))
        return await score_row(settings, prompt, data_source, ground_truth, extra, solution_str)
    except Exception:
        log.exception("no reward for a row of %s", data_source)
        return failed(settings)


async def score_row(
    settings: Settings,
    prompt: Any,
    data_source: Any,
    ground_truth: Any,
    columns: Mapping[str, Any],
    response: str,
    *,
    expected: int | None = None,
    meet: str = "",
) -> dict[str, Any]:
    row = {**columns, "data_source": data_source}
    if ground_truth is not None:
        row["reward_model"] = {"ground_truth": plain(ground_truth)}
    whole = (expected or settings.group_size) == 1
    judged = await judge(
        settings,
        prompt,
        row,
        [response],
        complete=whole,
        expected=expected,
        meet=meet,
        default=OnFailure.FLOOR,
        deadline_s=DEADLINE_S,
    )
    return result(judged[0], settings)


def result(judged: Judged, settings: Settings) -> dict[str, Any]:
    """A reward as veRL reads it: it takes the keys off the first row and dies of a row that lacks one."""
    return {
        "score": judged.value,
        "acc": judged.value if judged.scored.valid else 0.0,
        "rlar_tool": judged.tool,
        "rlar_status": str(judged.scored.status),
        **judged.extras(settings.parts),
    }


def failed(settings: Settings) -> dict[str, Any]:
    """What stands for a row that could not even be read."""
    from rlar.adapters.ledger import Scored, Status

    return result(Judged(settings.floor, Scored(None, Status.FAULT), 0.0), settings)


def _settings_in(kwargs: Mapping[str, Any]) -> Settings:
    given = {name: plain(value) for name, value in kwargs.items() if name in _SETTINGS}
    return (
        Settings.of(kwargs["config"], **given)
        if kwargs.get("config")
        else (Settings.of(None, **given) if given else environment_settings())
    )


def manager_settings(config: Any) -> tuple[Settings, int | None]:
    """(settings, rollouts per prompt) of veRL's whole config: `reward.reward_kwargs.rlar`, 0.8 and older
    `reward_model.reward_kwargs.rlar`; without these the environment variable RLAR_CONFIG."""
    given: Any = None
    for path in ("reward.reward_kwargs.rlar", "reward_model.reward_kwargs.rlar"):
        given = given or _at(config, path)
    settings = (
        environment_settings() if given is None else Settings.of(given if isinstance(given, str) else dict(given))
    )
    n = _at(config, "actor_rollout_ref.rollout.n")
    return settings, int(n) if isinstance(n, int) and n > 0 else None


def _at(config: Any, path: str) -> Any:
    for name in path.split("."):
        try:
            config = config.get(name) if hasattr(config, "get") else getattr(config, name, None)
        except Exception:  # omegaconf raises for names that a struct does not have
            return None
        if config is None:
            return None
    return config


def __getattr__(name: str) -> Any:
    if name == "RLARRewardManager":
        from rlar.adapters.verl_plugin import RLARRewardManager

        return RLARRewardManager
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
