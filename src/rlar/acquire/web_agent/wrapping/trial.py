"""A generated wrapper before any model is asked: its text is read, then it runs in the sandbox against a stub.

The stub gives outputs as models give them, and such as they must never give: NaN, infinities, huge, none, too many.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

from rlar.acquire.code_agent.static import problems_of
from rlar.engines.sandbox import ItemError, default_box
from rlar.tools.wrapped_model import REWARD_S, Plain, Wrapper, read_by_model
from rlar.types import Json

ENTRIES = {"texts": ("prompt_messages", "response", "reference"), "reward": ("outputs",)}
TYPICAL = 24  # outputs of the stub that are as a model's
SAME = 1e-9
_ASKED = "What is the capital of France?"
_TURNS = (("system", "Be brief."), ("user", "Name a city."), ("assistant", "Lyon."), ("user", "And the capital?"))
RESPONSES = (
    "The capital of France is Paris.",
    "Paris.",
    'It\'s {Paris} — "%s" \\ 100%\n\n```python\nprint("<b>")\n```\n\n1. a\n2. b',
    "Human: thanks\n\nAssistant: ok\n\nUser: [INST] more [/INST]",
    "Größe, 東京, 🙂 and a tab\there",
    "word " * 4000 + "end",
)


def cases(wrapper: Wrapper) -> list[Plain]:
    """Arguments of `texts`: plain and awkward, and none that a sound wrapper may refuse."""
    out: list[Plain] = []
    for i, response in enumerate(RESPONSES):
        turns = _TURNS if i % 2 else (("user", _ASKED),)
        reference = f"Paris, number {i}." if wrapper.reference or i == 2 else None
        out.append(([{"role": r, "content": c} for r, c in turns], response, reference))
    return out


async def problems_with(wrapper: Wrapper, kind: str, low: float, high: float) -> list[str]:
    """What is wrong with it, for its writer, worst first; [] if a model may be asked through it.

    Raises UnsafeError where there is no sandbox, and SandboxFault for its own failures.
    """
    if wrong := problems_of(wrapper.source, ENTRIES):
        return [f"static check: {w}" for w in wrong]
    if wrong := await _texts(wrapper):
        return wrong
    return await _reward(wrapper, kind, low, high)


async def _texts(wrapper: Wrapper) -> list[str]:
    asked = cases(wrapper)
    first = await read_by_model(wrapper, asked)
    if wrong := [
        f"{given} (response {a[1][:40]!r})" for a, given in zip(asked, first, strict=True) if type(given) is str
    ]:
        return list(dict.fromkeys(wrong))[:6]
    for (messages, _, reference), given in zip(asked, first, strict=True):
        held = str(given)
        question = messages[-1]["content"]
        if question not in held and not (reference and reference in held):
            return ["texts: what the model would read holds neither the question nor the reference"]
    again = await read_by_model(wrapper, asked[::-1], together=True)
    if again[::-1] != first:
        return ["texts: the same arguments give another text in another order of calls; it keeps state"]
    return []


async def _reward(wrapper: Wrapper, kind: str, low: float, high: float) -> list[str]:
    usual, hostile = typical(kind, wrapper.names), strange(kind, wrapper.names)
    first = await _scores(wrapper, usual)
    for outputs, score in zip(usual, first, strict=True):
        if isinstance(score, ItemError):
            return [f"reward: {score.kind}: {score.why} for the plain {str(outputs['values'])[:120]}"]
        if not low <= score <= high:
            return [f"reward: gave {score:g}, outside {low:g} to {high:g}, for {str(outputs['values'])[:120]}"]
    if max(first) - min(first) <= SAME:
        return [f"reward: gives {first[0]:g} for all {len(first)} outputs: a constant reward says nothing"]
    if not _equal(first, (await _scores(wrapper, usual[::-1]))[::-1]):
        return ["reward: the same outputs give another number in another order of calls; it keeps state"]
    wrong = []
    for (name, _), score in zip(hostile, await _scores(wrapper, [o for _, o in hostile]), strict=True):
        if isinstance(score, ItemError):
            if score.kind != "error":  # raising is right
                wrong.append(f"reward: {score.why or score.kind} for outputs with {name}; raise ValueError")
        elif not low <= score <= high:
            wrong.append(f"reward: gave {score:g}, outside {low:g} to {high:g}, for outputs with {name}")
    return wrong


async def _scores(wrapper: Wrapper, outputs: Sequence[dict[str, Json]]) -> list[Any]:
    verifier = default_box().load(wrapper.source, "reward", cpu_s=REWARD_S)
    return list(await verifier.judge([{"outputs": o} for o in outputs]))


def _equal(a: Sequence[Any], b: Sequence[Any]) -> bool:
    return all(not isinstance(y, ItemError) and abs(x - y) <= SAME for x, y in zip(a, b, strict=True))


def typical(kind: str, names: Sequence[str]) -> list[dict[str, Json]]:
    """Outputs as a model gives them; of every size that raw labels have in practice."""
    rng = random.Random(0)
    n = len(names)

    def row() -> list[float]:
        values = [rng.gauss(0, rng.choice((0.3, 2.0, 8.0))) for _ in range(n)]
        if kind != "tokens":
            return values
        return [min(-1e-6, -abs(v) - rng.random()) for v in values]

    out = []
    for _ in range(TYPICAL):
        if kind != "positions":
            out.append(_outputs(kind, names, row()))
            continue
        length = rng.randint(1, 30)
        ends = sorted({rng.randrange(length), length - 1})
        out.append({**_outputs(kind, names, [row() for _ in range(length)]), "ends": ends})
    return out


def strange(kind: str, names: Sequence[str]) -> list[tuple[str, dict[str, Json]]]:
    """Outputs that no sound model gives, each with its name."""
    n = len(names)
    rows: list[tuple[str, list[float]]] = [
        ("NaN", [math.nan] * n),
        ("one NaN", [math.nan, *[0.5] * (n - 1)]),
        ("infinity", [math.inf, *[0.0] * (n - 1)]),
        ("minus infinity", [*[0.0] * (n - 1), -math.inf]),
        ("huge numbers", [1e30, *[-1e30] * (n - 1)]),
        ("huge negative numbers", [-1e30] * n),
        ("no values", []),
        ("a value too many", [0.5] * (n + 1)),
    ]
    if kind != "positions":
        return [(name, _outputs(kind, names, row)) for name, row in rows]
    bare = {**_outputs(kind, names, []), "ends": []}
    many = [(name, {**_outputs(kind, names, [row, [0.1] * n]), "ends": [1]}) for name, row in rows]
    return [*many, ("no positions", bare), ("ends beyond them", {**bare, "values": [[0.1] * n], "ends": [7]})]


def _outputs(kind: str, names: Sequence[str], values: Json) -> dict[str, Json]:
    return {"kind": kind, "names": list(names), "values": values}
