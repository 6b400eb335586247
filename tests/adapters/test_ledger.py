"""What rewards cost is told per reward, apart from what their tools cost: in logs, run summaries and /metrics."""

from __future__ import annotations

import json
import logging

import pytest

from rlar.adapters import scorer as scoring
from rlar.adapters.ledger import efficiency
from rlar.adapters.scorer import Group, Scorer
from rlar.adapters.settings import Settings
from rlar.library.spent import FILE, Spent, note_spent, spent_on
from rlar.types import Cost, Query


def test_costs_are_told_each_and_all_told():
    told = efficiency(4, 2.0, Cost(0.4, 100, 0.02, 2), {"hits": 3, "misses": 1}, Spent(1, 60.0, 9.0, 7, 5000, 0.5))
    assert told["serving"] == {
        "rewards": 4, "wall_s": 2.0, "wall_ms_per_reward": 500.0, "cpu_s": 0.4, "cpu_ms_per_reward": 100.0,
        "llm_calls": 2, "tokens": 100, "tokens_per_reward": 25.0, "usd": 0.02, "usd_per_reward": 0.005,
        "cache_hits": 3, "cache_hit_rate": 0.75,
    }  # fmt: skip
    assert told["acquiring"] == {
        "runs": 1, "wall_s": 60.0, "cpu_s": 9.0, "llm_calls": 7, "tokens": 5000, "usd": 0.5,
    }  # fmt: skip
    assert efficiency(0, 0.0, Cost(), {})["serving"]["cache_hit_rate"] == 0.0  # nothing was asked: no division


def test_what_acquiring_cost_adds_up_over_runs_and_survives_torn_lines(tmp_path):
    assert spent_on(tmp_path) == spent_on(None) == Spent()
    note_spent(tmp_path, Spent(1, 2.0, 1.0, 3, 400, 0.25))
    note_spent(tmp_path, Spent(1, 1.0, 1.5, 1, 100, 0.25))
    with (tmp_path / FILE).open("a") as file:
        file.write('{"runs": 1, "wall_s"')
    assert spent_on(tmp_path) == Spent(2, 3.0, 2.5, 4, 500, 0.5)


def test_the_log_of_an_adapter_says_what_rewards_cost(settings, library, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(scoring, "LOG_S", 0.0)
    monkeypatch.setattr(scoring, "spent_on", lambda _: Spent(1, tokens=77))
    caplog.set_level(logging.INFO, "rlar.adapters")
    scorer = Scorer(Settings.of(settings))
    scorer.score_sync([Group(Query("p", source="ranks"), ["a", "bb"])])
    line = next(r.getMessage() for r in caplog.records if r.getMessage().startswith("rlar costs"))
    told = json.loads(line.partition(": ")[2])
    assert told["serving"]["rewards"] == 2 and told["serving"]["usd_per_reward"] == pytest.approx(0.01)
    assert told["acquiring"]["tokens"] == 77
