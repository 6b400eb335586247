"""Counting, and the helpers of the command line that count or read."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from rlar.cli.options import parse_route
from rlar.cli.tally import Sample, agreement, is_flat
from rlar.errors import InputError


@pytest.mark.parametrize(
    ("rewards", "labels", "pairs", "alike"),
    [
        ([1.0, 0.0], [1.0, 0.0], 1, 1.0),
        ([0.0, 1.0], [1.0, 0.0], 1, 0.0),
        ([0.5, 0.5], [1.0, 0.0], 1, 0.5),
        ([1.0, 0.0], [1.0, 1.0], 0, 0.0),  # equal labels say nothing
        ([None, 0.0], [1.0, 0.0], 0, 0.0),
        ([1.0, 0.0, 0.2], [3.0, 1.0, 2.0], 3, 3.0),
        ([], [], 0, 0.0),
    ],
)
def test_agreement_counts_pairs(rewards: list, labels: list, pairs: int, alike: float):
    assert agreement(rewards, labels) == (pairs, alike)


@pytest.mark.parametrize(
    ("rewards", "flat"), [([1.0, 1.0], True), ([0.1 + 0.2, 0.3], True), ([0.0, 1e-6], False), ([-5.0, -5.0], True)]
)
def test_flat_groups_are_equal_but_for_rounding(rewards: list[float], flat: bool):
    assert is_flat(rewards) is flat


def test_a_full_sample_stays_evenly_spread():
    sample = Sample(most=8)
    for i in range(100):
        sample.add(i)
    kept = list(sample.values)
    assert 4 <= len(kept) <= 8
    assert len({b - a for a, b in pairwise(kept)}) == 1
    assert kept[0] == 0
    assert kept[-1] > 80


def test_routes(tmp_path: Path):
    assert parse_route(None) is None
    assert parse_route("gsm8k=math, wmt=translation+chrf") == {"gsm8k": "math", "wmt": ["translation", "chrf"]}
    (tmp_path / "map.json").write_text(json.dumps({"gsm8k": {"math": 1.0}}))
    assert parse_route(str(tmp_path / "map.json")) == {"gsm8k": {"math": 1.0}}
    (tmp_path / "bad.json").write_text("[]")
    with pytest.raises(InputError, match="holds no object"):
        parse_route(str(tmp_path / "bad.json"))
