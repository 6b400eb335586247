"""Rows with one completion each, put back together into the group that they came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from rlar.rollouts.items import Item
from rlar.types import content_key

LARGEST_GROUP = 4096  # of a file of one prompt: memory stays bounded


def group_items(items: Iterable[Item]) -> Iterator[Item]:
    """Merge *consecutive* items that ask the same: equal prompt, reference, tests and constraints.

    Trainers dump one row per completion; spread within a group and groups without information exist only for whole
    groups. A merged item keeps the first one's id, place, meta and query, and all responses in order. Items with the
    same prompt that are apart in the file stay apart, so nothing has to be held but one group.
    """
    group: list[Item] = []
    key = ""
    for item in items:
        query = item.query
        prompt = query.prompt if isinstance(query.prompt, str) else [[m.role, m.content] for m in query.prompt]
        constraints = [[c.id, c.kwargs] for c in query.constraints]
        this = content_key([prompt, query.reference, query.tests, constraints])
        if group and (this != key or len(group) >= LARGEST_GROUP):
            yield _merged(group)
            group = []
        group.append(item)
        key = this
    if group:
        yield _merged(group)


def _merged(group: list[Item]) -> Item:
    first = group[0]
    if len(group) == 1:
        return first
    labels = [label for item in group for label in (item.labels or (None,) * len(item.responses))]
    return replace(
        first,
        responses=tuple(text for item in group for text in item.responses),
        labels=tuple(labels) if any(label is not None for label in labels) else None,
        response_meta=tuple(note for item in group for note in item.response_meta),
    )
