"""Task families: the queries of a stream, grouped by what judging they need, so that one tool serves many queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rlar.rollouts import Item
from rlar.scoring.route import family_of
from rlar.types import Decision, Query, Task


@dataclass(frozen=True, slots=True)
class Family:
    """Queries that one tool could serve: same label, same checks, same language.

    key: as in Gap.family and ToolCard.family. task: of its most confident query. items: all of it, by id.
    covered: items for which routing chose tools; tool: the ref it chose most often, "" where it chose none.
    """

    key: str
    task: Task
    items: tuple[Item, ...]
    covered: int
    tool: str
    gap: str

    @property
    def name(self) -> str:
        """For people and in tools' names: "knowledge_label_en"; unique together with the key."""
        check = self.task.checks[0].replace(":", "_").replace("answer_", "") if self.task.checks else "open"
        return f"{self.task.label}_{check}_{self.task.language}"


def group_families(items: Iterable[Item], decide: Callable[[Query], Decision]) -> list[Family]:
    """All families of some items, largest first. Costs one decision per item, and no LLM call."""
    groups: dict[str, list[tuple[Item, Decision]]] = {}
    for item in items:
        decision = decide(item.query)
        groups.setdefault(family_of(decision.task), []).append((item, decision))
    families = [_family(key, members) for key, members in groups.items()]
    return sorted(families, key=lambda f: (-len(f.items), f.key))


def _family(key: str, members: list[tuple[Item, Decision]]) -> Family:
    members = sorted(members, key=lambda m: (m[0].query.key, m[0].id))
    task = max((d.task for _, d in members), key=lambda t: t.confidence)
    tools = Counter(d.tools[0] for _, d in members if d.tools)
    gaps = Counter(d.gap.why for _, d in members if d.gap)
    return Family(
        key,
        task,
        tuple(item for item, _ in members),
        sum(bool(d.tools) for _, d in members),
        tools.most_common(1)[0][0] if tools else "",
        gaps.most_common(1)[0][0] if gaps else "",
    )
