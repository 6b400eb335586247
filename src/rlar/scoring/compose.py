"""From verdicts to one reward per response: gates first, then correctness, then quality.

Rules that hold for every composition:
  a response that fails a gate never outranks one that passes all gates;
  quality pays only where correctness is reached;
  parts of different scales are never summed silently: declare a conversion, or it is refused;
  where a needed tool broke, there is no reward (None), never a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp

from rlar.errors import ToolError
from rlar.types import Decision, Part, Reward, ToolCard, Verdict

ROLES = ("gate", "correctness", "quality")


@dataclass(frozen=True, slots=True)
class Conversion:
    """How values of one scale become numbers in [0, 1]: sigmoid((value - center) / width). Monotone, so order stays."""

    center: float = 0.0
    width: float = 1.0

    def __post_init__(self) -> None:
        if not self.width > 0:
            raise ValueError(f"a conversion's width must be positive, got {self.width}")

    def __call__(self, value: float) -> float:
        z = (value - self.center) / self.width
        return 1.0 / (1.0 + exp(-z)) if z >= 0 else exp(z) / (1.0 + exp(z))


@dataclass(frozen=True, slots=True)
class Composition:
    """How parts become a reward in [0, 1].

    quality_share: in [0, 1), what quality can add on top of correctness; the reward is
    (1 - quality_share) * correctness + quality_share * quality, quality counting only if every correctness tool's
    value reaches its line. Without quality parts, or without correctness parts, the others take all.
    gate_line: from which value in [0, 1] a gate passes, where its card has no line.
    conversions: scale name -> Conversion for tools whose scale is not "unit".
    Under GRPO: adding a constant or a positive factor to all rewards of a group changes nothing, so only gates,
    shares and non-linear conversions matter.
    """

    quality_share: float = 0.2
    gate_line: float = 0.5
    conversions: Mapping[str, Conversion] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.quality_share < 1:
            raise ValueError(f"quality_share must lie in [0, 1), got {self.quality_share}")

    def check(self, parts: Sequence[Part], cards: Mapping[str, ToolCard]) -> None:
        """Raise ToolError if these parts cannot be composed: unknown role, or scales that would be mixed silently."""
        for part in parts:
            if part.role not in ROLES:
                raise ToolError(f"{part.tool}: role {part.role!r} is none of {', '.join(ROLES)}")
            if part.weight <= 0:
                raise ToolError(f"{part.tool}: weight must be positive, got {part.weight}")
        if len(parts) < 2:
            return
        for part in parts:
            card = cards[part.tool]
            if card.scale != "unit" and card.scale not in self.conversions:
                raise ToolError(
                    f"{card.ref} is on scale {card.scale!r} ({card.low} to {card.high}) and would be mixed with "
                    f"{', '.join(p.tool for p in parts if p is not part)}; declare how: "
                    f"Composition(conversions={{{card.scale!r}: Conversion(center=..., width=...)}})"
                )

    def unit(self, value: float, card: ToolCard) -> float:
        """A tool's value as a number in [0, 1]: by its scale's conversion, or linearly over the card's range."""
        convert = self.conversions.get(card.scale)
        return convert(value) if convert else (value - card.low) / (card.high - card.low)

    def passes(self, value: float, card: ToolCard) -> bool:
        return value >= card.line if card.line is not None else self.unit(value, card) >= self.gate_line


def compose(
    decision: Decision,
    verdicts_GK: Sequence[Sequence[Verdict]],
    cards: Mapping[str, ToolCard],
    composition: Composition | None = None,
) -> list[Reward]:
    """One Reward per response of a group.

    verdicts_GK: per response the verdicts of decision.parts, in that order. cards: by the tool refs of the parts.
    A single part passes through unchanged, in its card's own range. Raises ToolError if parts cannot be composed.
    """
    rule = composition or Composition()
    rule.check(decision.parts, cards)
    return [_one(decision, verdicts, cards, rule) for verdicts in verdicts_GK]


def _one(decision: Decision, verdicts_K: Sequence[Verdict], cards: Mapping[str, ToolCard], rule: Composition) -> Reward:
    if len(verdicts_K) != len(decision.parts):
        raise ToolError(f"{len(verdicts_K)} verdicts for {len(decision.parts)} tools; give one each, in order")
    parts = {cards[v.tool].name: v.value for v in verdicts_K if v.value is not None}
    value, why = _value(decision, verdicts_K, cards, rule)
    return Reward(value, parts=parts, verdicts=tuple(verdicts_K), decision=decision, why=why)


def _value(
    decision: Decision, verdicts_K: Sequence[Verdict], cards: Mapping[str, ToolCard], rule: Composition
) -> tuple[float | None, str]:
    if not decision.parts:
        return None, decision.gap.why if decision.gap else "no tool was chosen"
    if len(decision.parts) == 1:
        only = verdicts_K[0]
        return only.value, only.why if only.value is not None else _broken([only])
    by_role: dict[str, list[tuple[Part, Verdict]]] = {role: [] for role in ROLES}
    for part, verdict in zip(decision.parts, verdicts_K, strict=True):
        by_role[part.role].append((part, verdict))
    for _, verdict in by_role["gate"]:
        if verdict.value is not None and not rule.passes(verdict.value, cards[verdict.tool]):
            return 0.0, f"fails gate {verdict.tool}: {verdict.why}"  # another tool's fault cannot save it
    if broken := [v for v in verdicts_K if v.value is None]:
        return None, _broken(broken)
    correctness, quality = (_mean(by_role[role], cards, rule) for role in ("correctness", "quality"))
    if correctness is None and quality is None:
        return 1.0, "passes all gates"
    if quality is None or correctness is None:
        return (correctness if quality is None else quality), _reasons(verdicts_K)
    reached = all(rule.passes(v.value or 0.0, cards[v.tool]) for _, v in by_role["correctness"])
    bonus = quality if reached else 0.0
    return (1 - rule.quality_share) * correctness + rule.quality_share * bonus, _reasons(verdicts_K)


def _mean(parts: Sequence[tuple[Part, Verdict]], cards: Mapping[str, ToolCard], rule: Composition) -> float | None:
    if not parts:
        return None
    total = sum(part.weight for part, _ in parts)
    return sum(part.weight * rule.unit(v.value, cards[v.tool]) for part, v in parts if v.value is not None) / total


def _broken(verdicts: Sequence[Verdict]) -> str:
    return "; ".join(f"{v.tool}: {v.fault}: {v.why}" for v in verdicts)


def _reasons(verdicts: Sequence[Verdict]) -> str:
    return "; ".join(f"{v.tool.partition('@')[0]}: {v.why}" for v in verdicts if v.why)
