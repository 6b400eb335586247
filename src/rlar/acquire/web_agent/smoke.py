"""The smoke test of a fitted model: does it load, and does it give numbers that mean the same each time?

It says nothing about whether the numbers are right: that is the exam's. A model that passes here is *integrated*.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rlar.engines.models.engine import ModelEngine
from rlar.engines.models.spec import ModelSpec
from rlar.errors import ToolFault
from rlar.tools.reward_model import RewardModel
from rlar.tools.wrapped_model import WrappedModel, Wrapper
from rlar.types import Fault, Json, Query, Scope, Verdict

SAME = 1e-4  # largest relative difference between a batch and single runs; other kernels for other shapes, float32
LONG_WORDS = 6_000  # of a prompt that no tiny or middling model reads whole
# What the smoke test asks: plain questions with a good answer each; the wrong ones are corruptions of these.
ASKED: tuple[tuple[str, str, str], ...] = (
    ("How do I boil an egg?", "Put it in boiling water for eight minutes, then cool it in cold water.", "cooking"),
    ("What is the capital of France?", "The capital of France is Paris.", "facts"),
    ("Say hello to my new neighbour.", "Hello, and welcome! I hope you feel at home here soon.", "dialogue"),
    ("Why is the sky blue?", "Air scatters blue light more than red light, so the sky looks blue.", "science"),
    ("Add 17 and 25.", "17 plus 25 is 42. So the answer is 42.", "maths"),
)
CORRUPTIONS: tuple[tuple[str, Callable[[str, str], str]], ...] = (
    ("reversed words", lambda good, other: " ".join(good.split()[::-1])),
    ("another question's answer", lambda good, other: other),
    ("cut short", lambda good, other: good[: max(3, len(good) // 4)]),
    ("one word again and again", lambda good, other: " ".join([good.split()[0]] * 12)),
)


@dataclass(frozen=True, slots=True)
class Smoke:
    """refusals: () if it passed. figures: for the card. ordered: of 20 pairs, how many had the good answer above."""

    refusals: tuple[str, ...]
    figures: dict[str, Json] = field(default_factory=dict)
    ordered: float = 0.0
    pairs: int = 0

    @property
    def passed(self) -> bool:
        return not self.refusals


def pairs() -> list[tuple[Query, str, str]]:
    """20 (query, good answer, corrupted answer); reference and source are there for those that need them."""
    out = []
    for i, (question, good, _) in enumerate(ASKED):
        query = Query(question, reference=good, extra={"src": question})
        other = ASKED[(i + 1) % len(ASKED)][1]
        out += [(query, good, make(good, other)) for _, make in CORRUPTIONS]
    return out


async def smoke(spec: ModelSpec, engine: ModelEngine, wrapper: Wrapper | None = None) -> Smoke:
    """Load it and ask it, through a wrapper if it has one; never raises for what the model does."""
    tool = WrappedModel(spec, wrapper, engine=engine) if wrapper else RewardModel(spec, engine=engine)
    try:
        facts = engine.load(tool.spec)
    except ToolFault as e:
        return Smoke((f"load: {e.why}",))
    groups = [(query, [good, bad]) for query, good, bad in pairs()]
    first = await tool.judge_many(groups)
    refusals = _unusable(first, spec)
    if not refusals:
        again = await tool.judge_many(groups[::-1])
        refusals += _moved("deterministic", first, again[::-1], 0.0 if spec.scope is Scope.GROUP else SAME)
    difference = 0.0
    if not refusals and spec.scope is Scope.RESPONSE:
        alone = [[(await tool.judge(q, [r]))[0] for r in texts] for q, texts in groups[:8]]
        refusals += _moved("batch = single", first[:8], alone, SAME)
        difference = _difference(first[:8], alone)
    values = [v.value for group in first for v in group if v.value is not None]
    if not refusals and len(set(values)) < 2 and spec.scope is Scope.RESPONSE and not spec.family.startswith("gen"):
        refusals.append("constant: gives every text the same value")
    if not refusals:
        refusals += await _cut(tool)
    good = [_above(group) for group in first]
    now = engine.facts(tool.spec) or facts
    tokens, seconds = float(now.get("tokens", 0)), float(now.get("seconds", 0))
    if not tokens:  # what is written is not counted by the engine: four letters a token, of what was asked twice
        tokens = 2 * sum(len(q.text) + len(r) for q, texts in groups for r in texts) / 4
    figures: dict[str, Json] = {
        "parameters": now.get("parameters"),
        "dtype": now.get("dtype"),
        "device": now.get("device"),
        "max_tokens": now.get("max_tokens"),
        "cpu_seconds_per_1k_tokens": round(1000 * seconds / tokens, 4) if tokens else None,
        "batch_difference": float(f"{difference:.2g}"),
        "ordered": f"{sum(good):g} of {len(good)}",
    }
    return Smoke(tuple(refusals), figures, sum(good), len(good))


def _unusable(judged: Sequence[Sequence[Verdict]], spec: ModelSpec) -> list[str]:
    """Faults and numbers that are none. A model that writes may be unreadable now and then, not half of the time."""
    verdicts = [v for group in judged for v in group]
    faults = [v for v in verdicts if v.fault is not None]
    unread = [v for v in faults if v.fault is Fault.UNREADABLE]
    if writes := spec.family.startswith("generative"):
        faults = [v for v in faults if v.fault is not Fault.UNREADABLE]
    if faults:
        return [f"finite: {len(faults)} of {len(verdicts)} answers are faults ({faults[0].fault}: {faults[0].why})"]
    if writes and 2 * len(unread) > len(verdicts):
        return [f"readable: {len(unread)} of {len(verdicts)} verdicts cannot be read ({unread[0].why})"]
    if any(v.value is not None and not math.isfinite(v.value) for v in verdicts):
        return ["finite: gave a number that is not finite"]
    return []


def _moved(
    what: str, before: Sequence[Sequence[Verdict]], after: Sequence[Sequence[Verdict]], most: float
) -> list[str]:
    d = _difference(before, after)
    return [f"{what}: values differ by {d:.2g}, at most {most:g} is noise"] if d > most else []


def _difference(before: Sequence[Sequence[Verdict]], after: Sequence[Sequence[Verdict]]) -> float:
    """Largest relative difference; infinite where one has a value and the other none."""
    worst = 0.0
    for a, b in zip(before, after, strict=True):
        for x, y in zip(a, b, strict=True):
            if x.value is None or y.value is None:
                worst = max(worst, 0.0 if x.value == y.value else math.inf)
            else:
                worst = max(worst, abs(x.value - y.value) / max(1.0, abs(x.value)))
    return worst


async def _cut(tool: RewardModel) -> list[str]:
    """A prompt that does not fit is cut, and the answer still counts."""
    long = Query(
        " ".join(["So tell me more about it, please."] * (LONG_WORDS // 7)), reference="Yes.", extra={"src": "?"}
    )
    verdicts = await tool.judge(long, ["Certainly: it is a small brown bird.", "No."])
    faults = [v for v in verdicts if v.fault not in (None, Fault.UNREADABLE)]
    if faults:
        return [f"truncation: a long prompt ends in {faults[0].fault} ({faults[0].why})"]
    values = [v.value for v in verdicts]
    if tool.spec.scope is Scope.RESPONSE and not tool.spec.family.startswith("gen") and values[0] == values[1]:
        return ["truncation: under a long prompt two different answers get the same value, so the answer is cut off"]
    return []


def _above(group: Sequence[Verdict]) -> float:
    good, bad = group[0].value, group[1].value
    if good is None or bad is None or good == bad:
        return 0.5 if good is not None and bad is not None else 0.0
    return float(good > bad)
