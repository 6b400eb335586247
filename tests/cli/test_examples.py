"""The rollouts that ship with the project are what the documentation says of them."""

from __future__ import annotations

import json
from pathlib import Path

from rlar.rollouts import read_items

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "rollouts.jsonl"


def test_the_example_is_small_whole_and_varied():
    rejects: list[object] = []
    items = list(read_items(EXAMPLE, on_reject=rejects.append))
    assert rejects == []
    assert EXAMPLE.stat().st_size < 100_000
    assert 55 <= len(items) <= 70
    kinds = {item.id.partition("/")[0] for item in items}
    assert len(kinds) >= 12
    assert len({item.id for item in items}) == len(items)
    assert all(1 <= len(item.responses) <= 6 for item in items)
    assert sum(item.labels is not None for item in items) >= 40
    everything = "".join(text for item in items for text in item.responses)
    for hostile in ("\x00", "\u200b", "\u202e", "__eq__", "os._exit", "Ignore all previous", "<script>"):
        assert hostile in everything
    assert any(response == "" for item in items for response in item.responses)


def test_the_example_has_rows_of_several_shapes():
    rows = [json.loads(line) for line in EXAMPLE.read_text("utf-8").splitlines()]
    for column in ("responses", "completions", "messages", "reward_model", "golden_answers", "response_format", "test"):
        assert any(column in row for row in rows)
