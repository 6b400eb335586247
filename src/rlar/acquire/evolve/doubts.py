"""Is a doubtful tool broken, or has the policy changed? It judges again what it judged first, and takes an exam."""

from __future__ import annotations

from collections.abc import Sequence

from rlar.acquire.exam import Exam, build_cases, examine
from rlar.acquire.exam.figures import share
from rlar.rollouts import Item
from rlar.scoring.run import Job, run
from rlar.types import Kind, Tool

RECENT = 32  # queries of a tool and family that are kept to examine it on
JUDGEABLE = 8  # of them must have an answer known to be right and one known to be wrong

Judgement = tuple[Item, tuple[float | None, ...]]  # an item, and what a tool gave its responses


class Recent:
    """The last items of a family, newest last, each query once."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}

    def add(self, item: Item) -> None:
        self.items.pop(item.query.key, None)
        self.items[item.query.key] = item
        if len(self.items) > RECENT:
            del self.items[next(iter(self.items))]


async def replayed(tool: Tool, first: Sequence[Judgement]) -> str | None:
    """What is wrong if a tool no longer gives what it gave for the first responses; "" if it does; None if nothing can
    be said: there are none, or it is a judge, whose grades vary."""
    if tool.card.kind is Kind.JUDGE:
        return None
    ref = tool.card.ref
    got = await run([Job(item.query, item.responses, (ref,)) for item, _ in first], {ref: tool})
    slack = max(tool.card.tie_band, 1e-3 * (tool.card.high - tool.card.low))
    same = n = 0
    for (_, before), group in zip(first, got, strict=True):
        for old, (verdict,) in zip(before, group, strict=True):
            if old is not None:
                n += 1
                same += verdict.value is not None and abs(verdict.value - old) <= slack
    if n == 0:
        return None
    figure = share(same, n)
    return "" if same >= 0.99 * n else f"of {n} early responses it gives {figure.value:.1%} what it gave then"


async def examined(tool: Tool, recent: Recent) -> Exam | None:
    """The exam of a tool on recent queries; None where there are too few with known answers."""
    cases = [c for c in build_cases(list(recent.items.values())) if (c.right and c.wrong) or c.ranked]
    return await examine(tool, cases, elsewhere=False) if len(cases) >= JUDGEABLE else None


def why_broken(tool: Tool, exam: Exam) -> str:
    """Which figure is surely below what the tool was proven to reach; "" if none is. Surely: its whole interval is.

    A tool that was never proven is held to what no working tool misses: it runs, and it is no worse than a coin.
    """
    proof = tool.card.exam or {}
    least = {"executable": exam.thresholds.executable, "deterministic": 1.0, "pair_accuracy": 0.5}
    if proof.get("passed"):
        for name in ("gold_accepted", "wrong_rejected", "pair_accuracy"):
            low = (proof.get(name) or {}).get("low")
            if isinstance(low, (int, float)):
                least[name] = min(low, float(getattr(exam.thresholds, name)))
    for name, bar in least.items():
        figure = exam.figures[name]
        if figure.value is not None and figure.value < bar and (figure.high < bar or name == "deterministic"):
            return f"{name} {figure}, {bar:.3g} needed"
    if exam.numbers["distinct_values"] < 2 and exam.numbers["judgeable"]:
        return "it gives every answer the same value"
    return ""


def sound(moved: str | None, exam: Exam | None) -> str:
    words = ["it gives what it gave before"] if moved == "" else []
    words += [f"examined on {exam.queries} queries it is as good as it was"] if exam is not None else []
    return " and ".join(words) or "nothing to examine it on"
