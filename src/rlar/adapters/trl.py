"""TRL: `GRPOTrainer(reward_funcs=rlar.adapters.trl.reward(...))`, also RLOOTrainer and AsyncGRPOTrainer.

A partial of a module-level coroutine function: the one form that pickles, is awaited and has a name in all of TRL 0.29
to 1.16.
"""

from __future__ import annotations

import functools
import importlib.metadata
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, cast

from rlar.adapters.ledger import Scored
from rlar.adapters.policy import OnFailure, settle
from rlar.adapters.rows import query_of, response_of, rows_of
from rlar.adapters.scorer import Group, Scorer, log, scorer_for
from rlar.adapters.settings import Settings
from rlar.errors import InputError

DEADLINE_S = 300.0  # TRL has no limit of its own and blocks training meanwhile


_NAMED = "_reward_named_"


def reward(config_or_library: Any = None, *, name: str = "rlar", **settings: Any) -> Callable[..., Any]:
    """A reward function for `reward_funcs`. Arguments: see rlar.adapters.settings.Settings.of.

    name: under which TRL logs it, `rewards/NAME/mean`. Give different names to two of them.
    group_size (a setting) is `num_generations`; it is needed only for group tools where ranks split groups.

    >>> trainer = GRPOTrainer(model, reward_funcs=reward("./library"), ...)  # doctest: +SKIP
    """
    function = functools.partial(_named(name), config=Settings.of(config_or_library, **settings))
    function.__name__ = name  # type: ignore[attr-defined]
    return function


def _named(name: str) -> Callable[..., Any]:
    """`rlar_reward` under another name. TRL >= 1.9 looks through partials for the name of the metric, so two adapters
    need two functions; each is a global of this module, made on demand (`__getattr__`), so that it pickles."""
    if not name.isidentifier():
        raise InputError(f"name must be an identifier, got {name!r}")
    place = f"{_NAMED}{name}"
    if place not in globals():

        async def function(prompts: Any, completions: Any, completion_ids: Any = None, **given: Any) -> Any:
            return await rlar_reward(prompts, completions, completion_ids, **given)

        function.__name__, function.__qualname__, function.__doc__ = name, place, rlar_reward.__doc__
        globals()[place] = function
    return cast("Callable[..., Any]", globals()[place])


def __getattr__(attribute: str) -> Any:
    if attribute.startswith(_NAMED):
        return _named(attribute.removeprefix(_NAMED))
    raise AttributeError(f"module {__name__!r} has no attribute {attribute!r}")


async def rlar_reward(
    prompts: Sequence[Any],
    completions: Sequence[Any],
    completion_ids: Sequence[Sequence[int]] | None = None,
    *,
    config: Settings | None = None,
    trainer_state: Any = None,
    log_metric: Callable[[str, float], None] | None = None,
    log_extra: Callable[[str, list[Any]], None] | None = None,
    **columns: Any,
) -> list[float | None]:
    """One reward per row, None where there is none (TRL before 1.6: the mean of the group's others). Never raises."""
    settings = config or Settings()
    count = len(completions)
    try:
        scorer = scorer_for(settings)
        groups = _groups(prompts, completions, columns, settings, trainer_state)
        scored_PG = await scorer.score(groups, deadline_s=settings.deadline_s or DEADLINE_S)
        flat = [s for group in scored_PG for s in group]
        _log(flat, scorer, log_metric, log_extra)
        policy = settings.on_failure or (OnFailure.NONE if _none_is_skipped() else OnFailure.GROUP_MEAN)
        values = [v for group in scored_PG for v in settle([s.value for s in group], policy, settings.floor)]
        scorer.ledger.replaced(sum(v is not None and not s.valid for v, s in zip(values, flat, strict=True)))
    except Exception:  # an exception here stops training
        log.exception("no rewards for a call of %d rows", count)
        return [None] * count if _none_is_skipped() else [settings.floor] * count
    return values


def _groups(
    prompts: Sequence[Any], completions: Sequence[Any], columns: dict[str, Any], settings: Settings, state: Any
) -> list[Group]:
    """Neighbouring rows with the same prompt and columns are one group; all of it, if no other rank has a part."""
    rows = rows_of(columns, len(completions))
    spans: list[list[int]] = []
    size = settings.group_size
    for i in range(len(rows)):
        if spans and _same(prompts, rows, spans[-1][0], i) and not (size and len(spans[-1]) >= size):
            spans[-1].append(i)
        else:
            spans.append([i])
    alone = _ranks() == 1
    step = getattr(state, "global_step", "")
    return [
        Group(
            query_of(prompts[span[0]], rows[span[0]]),
            [response_of(completions[i]) for i in span],
            complete=len(span) == settings.group_size if settings.group_size and not alone else alone,
            expected=settings.group_size,
            meet=f"step {step}",
        )
        for span in spans
    ]


def _same(prompts: Sequence[Any], rows: Sequence[dict[str, Any]], a: int, b: int) -> bool:
    try:
        return bool(prompts[a] == prompts[b] and rows[a] == rows[b])
    except Exception:  # values that cannot be compared, e.g. arrays
        return False


def _ranks() -> int:
    """Processes of this training run. torch is asked only where the trainer has loaded it."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return int(distributed.get_world_size())
    return int(os.environ.get("WORLD_SIZE") or 1)


def _log(
    flat: Sequence[Scored],
    scorer: Scorer,
    log_metric: Callable[[str, float], None] | None,
    log_extra: Callable[[str, list[Any]], None] | None,
) -> None:
    """Means for the training log, and one value per row for the table of completions; both may be absent."""
    if log_metric is not None:
        for name, value in scorer.latest.items():
            log_metric(name, value)
    if log_extra is not None:
        log_extra("rlar_status", [str(s.status) for s in flat])
        log_extra("rlar_task", [s.task for s in flat])
        log_extra("rlar_tools", [", ".join(tool.partition("@")[0] for tool in s.tools) for s in flat])


@functools.cache
def _none_is_skipped() -> bool:
    """Whether this TRL leaves rows without a reward out of the baseline (since 1.6); before, they counted as 0."""
    try:
        major, minor, *_ = importlib.metadata.version("trl").split(".")
        return (int(major), int(minor)) >= (1, 6)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return True
