"""One prompt's responses, as all trainers but TRL send them: one call, and one constant set of metrics per response."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rlar.adapters.ledger import Scored
from rlar.adapters.policy import OnFailure, settled_numbers
from rlar.adapters.rows import STAMP, STAMPED, plain, query_of, response_of
from rlar.adapters.scorer import Group, Scoring, scorer_for
from rlar.adapters.settings import Settings
from rlar.rollouts.row import unpack

CONFIG = "RLAR_CONFIG"  # library, config file or server, for trainers that can only name a function


@dataclass(frozen=True, slots=True)
class Judged:
    """What a trainer gets for one response. value: finite, always. latency_ms: of the whole call."""

    value: float
    scored: Scored
    latency_ms: float

    def extras(self, parts: Sequence[str] = ()) -> dict[str, float]:
        """Numbers with the same keys for every response, failed ones too: trainers read the keys off the first row.

        parts: names of tools whose values are given as well, 0.0 where a tool was not asked.
        """
        numbers = {
            "rlar_valid": 1.0 if self.scored.valid else 0.0,
            "rlar_latency_ms": self.latency_ms,
            "rlar_usd": self.scored.cost.usd,
        }
        return numbers | {f"rlar_part_{name}": self.scored.parts.get(name, 0.0) for name in parts}

    @property
    def tool(self) -> str:
        return ", ".join(ref.partition("@")[0] for ref in self.scored.tools)


def environment_settings() -> Settings:
    """Settings from the environment variable RLAR_CONFIG; the built-in tools without it."""
    return Settings.of(os.environ.get(CONFIG) or None)


def columns_of_label(label: Any) -> dict[str, Any]:
    """Columns of a row from the one value that a trainer hands through: a stamp, an object of columns, or a reference.

    A stamp is {"v": 1, "id", "task", "reference"}; `rlar stamp` writes it.
    """
    value = unpack(plain(label))
    if isinstance(value, Mapping):
        if isinstance(value.get(STAMP), (Mapping, str)):
            return dict(value)
        if "v" in value and any(name in value for name in STAMPED):
            return {STAMP: value}
        return dict(value)
    return {} if value is None or value == "" else {"reference": value}


async def judge(
    settings: Settings,
    prompt: Any,
    columns: Mapping[str, Any],
    completions: Sequence[Any],
    *,
    complete: bool,
    default: OnFailure,
    deadline_s: float,
    expected: int | None = None,
    meet: str = "",
    scorer: Scoring | None = None,
) -> list[Judged]:
    """Finite numbers for the responses to one prompt. Never raises (but for OnFailure.DROP's users, see `verifiers`).

    complete, expected, meet: see scorer.Group. default, deadline_s: the trainer's, where the settings name none.
    """
    scorer = scorer or scorer_for(settings)
    group = Group(
        query_of(prompt, columns),
        [response_of(c) for c in completions],
        complete=complete,
        expected=expected if expected is not None else settings.group_size,
        meet=meet,
    )
    started = time.monotonic()
    scored_G = (await scorer.score([group], deadline_s=settings.deadline_s or deadline_s))[0]
    latency_ms = (time.monotonic() - started) * 1e3
    numbers = settled_numbers([s.value for s in scored_G], settings.on_failure or default, settings.floor)
    scorer.ledger.replaced(sum(not s.valid for s in scored_G))
    return [Judged(v, s, latency_ms) for v, s in zip(numbers, scored_G, strict=True)]
