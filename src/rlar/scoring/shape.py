"""Reshaping rewards before a trainer sees them, with what each does under GRPO said beside it.

GRPO divides a group's centred rewards by their deviation. So adding a constant to a whole group, or multiplying it by a
positive factor, is a **no-op** there. What matters: bounded non-linear maps (when groups hold more than two values),
tie bands, length control inside the prompt, and leaving out groups without information.
All functions take one group's rewards, None where no tool could judge, and keep None in place; none makes NaN or inf.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, isfinite, log1p
from statistics import fmean, pstdev

Rewards = Sequence[float | None]
Shaper = Callable[[Rewards], list[float | None]]


def sigmoid(x: float) -> float:
    """1 / (1 + e^-x) without overflow; in [0, 1]."""
    return 1.0 / (1.0 + exp(-x)) if x >= 0 else exp(x) / (1.0 + exp(x))


def log_sigmoid(rewards_G: Rewards) -> list[float | None]:
    """log(sigmoid(r)), in (-inf, 0): large rewards saturate, so one outlier cannot rule its group.

    Under GRPO: order stays; gaps between high rewards shrink, between low ones they stay. On a group of two values it
    is a no-op. Source: reward shaping in "Transforming and Combining Rewards for Aligning LLMs" (arXiv 2402.00742).
    """
    return [None if r is None else (-log1p(exp(-r)) if r >= 0 else r - log1p(exp(r))) for r in rewards_G]


def clip(rewards_G: Rewards, *, low: float, high: float) -> list[float | None]:
    """Limit rewards to [low, high], in their unit. Under GRPO: ties at the ends, no-op for rewards inside."""
    if not low < high:
        raise ValueError(f"clip needs low < high, got {low} and {high}")
    return [None if r is None else min(max(r, low), high) for r in rewards_G]


def centred_sigmoid(rewards_G: Rewards, *, references: Sequence[float]) -> list[float | None]:
    """Mean over references of sigmoid(r - reference), in (0, 1): how surely r beats answers of a reference policy.

    references: the same tool's values of reference answers to this prompt; at least one. Centring alone would be a
    no-op under GRPO; the sigmoid is what bounds the pull of extreme rewards.
    Source: preference-as-reward, PAR (arXiv 2502.18770): r=2 with references 0 and 1 gives 0.80593.
    """
    if not references:
        raise ValueError("centred_sigmoid needs the reward of at least one reference answer")
    return [None if r is None else fmean(sigmoid(r - x) for x in references) for r in rewards_G]


def tie_band(rewards_G: Rewards, *, band: float) -> list[float | None]:
    """Rewards that differ by no more than the tool's noise become equal: each chain of close ones gets its mean.

    band: widest difference that is noise, in the unit of the rewards (a card's `tie_band`); a chain is cut where it
    grows wider than the band, so that many small steps do not melt into one tie. Under GRPO: a group of ties only has
    no advantage at all; without the band, division by its tiny deviation would blow noise up to full size.
    """
    if band < 0 or not isfinite(band):
        raise ValueError(f"a tie band is a finite number >= 0, got {band}")
    judged = sorted((r, i) for i, r in enumerate(rewards_G) if r is not None)
    out: list[float | None] = list(rewards_G)
    chain: list[tuple[float, int]] = []
    for item in [*judged, None]:
        if chain and (item is None or item[0] - chain[0][0] > band):
            mean = min(max(fmean(r for r, _ in chain), chain[0][0]), chain[-1][0])  # rounding must not leave the chain
            for _, i in chain:
                out[i] = mean
            chain = []
        if item is not None:
            chain.append(item)
    return out


def length_control(rewards_G: Rewards, lengths_G: Sequence[int], *, strength: float = 1.0) -> list[float | None]:
    """Take out what length explains of the rewards *within this prompt*: residuals of a straight line, mean kept.

    lengths_G: one per response, any unit. strength: in [0, 1], share of the slope that is removed.
    Inside the prompt only, because the correlation over prompts can have the opposite sign. Groups with fewer than
    three judged responses, or all of one length, stay as they are. Under GRPO: not a no-op; may change order. Do not
    use it on right/wrong verifiers: longer answers may be right more often for good reasons.
    """
    if len(lengths_G) != len(rewards_G):
        raise ValueError(f"{len(lengths_G)} lengths for {len(rewards_G)} rewards; give one each, in order")
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must lie in [0, 1], got {strength}")
    pairs = [(float(n), r) for n, r in zip(lengths_G, rewards_G, strict=True) if r is not None]
    if len(pairs) < 3 or len({n for n, _ in pairs}) < 2:
        return list(rewards_G)
    mean_n, mean_r = fmean(n for n, _ in pairs), fmean(r for _, r in pairs)
    slope = sum((n - mean_n) * (r - mean_r) for n, r in pairs) / sum((n - mean_n) ** 2 for n, _ in pairs)
    return [
        None if r is None else r - strength * slope * (n - mean_n) for n, r in zip(lengths_G, rewards_G, strict=True)
    ]


def has_information(rewards_G: Rewards, *, min_spread: float = 1e-9) -> bool:
    """Whether a group can teach anything: at least two judged responses that differ by more than min_spread.

    min_spread: in the unit of the rewards; give a tool's tie band to leave out groups that hold only noise.
    """
    judged = [r for r in rewards_G if r is not None]
    return len(judged) >= 2 and max(judged) - min(judged) > min_spread


def keep_mask(rewards_PG: Sequence[Rewards], *, min_spread: float = 1e-9) -> list[bool]:
    """Per group whether to train on it. GRPO gives the others no advantage (or, by tiny deviations, pure noise)."""
    return [has_information(rewards_G, min_spread=min_spread) for rewards_G in rewards_PG]


def spread(rewards_G: Rewards) -> float:
    """Population standard deviation of a group's judged rewards, 0.0 for fewer than two."""
    judged = [r for r in rewards_G if r is not None]
    return pstdev(judged) if len(judged) > 1 else 0.0


def chain(*shapers: Shaper) -> Shaper:
    """Apply several shapers in the order given."""

    def shaped(rewards_G: Rewards) -> list[float | None]:
        out = list(rewards_G)
        for shaper in shapers:
            out = shaper(out)
            if len(out) != len(rewards_G):
                raise ValueError(f"{shaper!r} gave {len(out)} rewards for {len(rewards_G)}; keep one each, in order")
        return out

    return shaped
