"""What decides the figures of a run, besides its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from rlar.errors import InputError
from rlar.types import Json


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of an evaluation; equal settings on equal scores give equal figures.

    seed: of everything that is drawn. draws: bootstrap resamples. level: coverage of intervals. splits: random halves
    on which routers are learnt and measured. shuffles: of category labels, for the null of the category oracle.
    category: the field that routers go by ("" picks one per data set). min_cases: thinner categories fall back to the
    best static tool. budgets: shares of cases for which a cascade may ask its dear tool. spread_weight: lambda of the
    ensemble mean - lambda*var. prices: of one call, by tool name or pattern; they tell cheap tools from dear ones.
    static_map: {category: tool}, tried as one more router.
    """

    seed: int = 0
    draws: int = 2000
    level: float = 0.95
    splits: int = 20
    shuffles: int = 500
    category: str = ""
    min_cases: int = 12
    budgets: tuple[float, ...] = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
    spread_weight: float = 0.5
    prices: Mapping[str, float] = field(default_factory=dict)
    static_map: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.draws < 100 or self.splits < 1 or self.shuffles < 20:
            raise InputError("an evaluation needs at least 100 draws, 1 split and 20 shuffles to say anything")
        if not 0.5 <= self.level < 1:
            raise InputError(f"the level of intervals lies in [0.5, 1), got {self.level}")
        if odd := [b for b in self.budgets if not 0 <= b <= 1]:
            raise InputError(f"a judge budget is a share in [0, 1], got {odd[0]}")

    def as_json(self) -> dict[str, Json]:
        """A JSON object that `from_json` reads back."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Json]) -> Settings:
        """Settings of a stored run; unknown names are an error, so that a newer run is not replayed wrongly."""
        names = {f.name for f in fields(cls)}
        if unknown := sorted(set(stored) - names):
            raise InputError(f"the run has settings that this version does not know: {', '.join(unknown)}")
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in stored.items()}
        return cls(**values)
