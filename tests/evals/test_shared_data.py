"""What must hold on the real recorded scores: published figures, nulls, and where the cascade is worth it."""

from __future__ import annotations

import pytest

from rlar.evals.evaluation import evaluate
from rlar.evals.routing_report import BEST_HINDSIGHT, CATEGORY_ORACLE, ITEM_ORACLE
from rlar.evals.settings import Settings

pytestmark = pytest.mark.data
SETTINGS = Settings(draws=500, splits=10, shuffles=200)


def measured(shared_data, name, settings=SETTINGS):
    scores = shared_data / "scores" / f"{name.replace('pref_', 'scores_')}.jsonl.gz"
    run = evaluate([shared_data / "eval" / f"{name}.jsonl.gz"], scores=[scores], system=False, settings=settings)
    return run.report.dataset(name)


@pytest.fixture(scope="module")
def judgebench(shared_data):
    return measured(shared_data, "pref_judgebench")


def test_judgebench_reward_models_have_the_figures_of_their_split(judgebench):
    cheap = judgebench.routings[1]
    assert cheap.n == 199 and len(cheap.tools) == 5  # the published 350 pairs: 0.647, 0.673, 0.883
    assert cheap.entry(BEST_HINDSIGHT).figure.value == pytest.approx(0.6432, abs=1e-4)
    assert cheap.entry(CATEGORY_ORACLE).figure.value == pytest.approx(0.7035, abs=1e-4)
    assert cheap.entry(ITEM_ORACLE).figure.value == pytest.approx(0.8593, abs=1e-4)
    assert cheap.entry(ITEM_ORACLE).figure.value < cheap.independent - 0.1  # they err together


def test_the_cascade_beats_every_static_use_of_the_judge_at_equal_budget(judgebench):
    everything = judgebench.routings[0]
    assert len(everything.of_each) == 10  # five reward models, two budgets
    assert all(p.gain.value > 0 for p in everything.of_each)
    assert all(p.share <= p.budget for p in everything.of_each)
    assert everything.of_each_mean["0.25"].p < 0.01 and everything.of_each_mean["0.5"].p < 0.01
    best = everything.entry(BEST_HINDSIGHT)
    assert best.shares == {"arena_hard:o1-mini-2024-09-12": 1.0} and best.figure.value == pytest.approx(
        0.7487, abs=1e-4
    )


def test_no_ensemble_of_reward_models_beats_the_best_of_them(judgebench):
    cheap = judgebench.routings[1]
    best = cheap.entry(BEST_HINDSIGHT).figure.value
    assert all(e.figure.value <= best + 0.001 for e in cheap.entries if e.role == "ensemble")


def test_margins_say_where_the_best_reward_model_is_a_coin(judgebench):
    row = judgebench.row("Skywork/Skywork-Reward-Gemma-2-27B")
    assert len(row.margins) == 4 and row.margins[0].accuracy < 0.6 < 0.75 < row.margins[3].accuracy


def test_a_judge_that_was_asked_twice_shows_how_often_it_contradicts_itself(judgebench):
    row = judgebench.row("arena_hard:claude-3-haiku-20240307")
    assert row.consistency.n == 142 and row.consistency.consistent < 0.8


def test_routing_among_65_judges_is_said_not_to_help(shared_data):
    prices = Settings(draws=500, splits=10, shuffles=200, prices={"GPT-4:*": 20.0})
    llmbar = measured(shared_data, "pref_llmbar", prices)
    for routing in llmbar.routings:
        assert "routing by category does not help here" in routing.words[0]
    everything = llmbar.routings[0]
    assert len(everything.tools) == 65 and everything.shuffled.p > 0.05
    assert everything.entry(CATEGORY_ORACLE).figure.value <= everything.shuffled.high
    half = next(p for p in everything.curve if p.budget == 0.5)
    assert half.gain.value > 0.03 and half.gain.p < 0.01  # but asking GPT-4 where the cheap judge wavers does


@pytest.mark.parametrize(
    ("name", "longer"),
    [("bon_gsm8k", 0.80), ("bon_prometheus_vicuna", 0.75), ("bon_topical_chat", 0.69), ("pref_llmbar", 0.27)],
)
def test_the_length_baseline_agrees_with_the_datas_own_notes(shared_data, name, longer):
    run = evaluate([shared_data / "eval" / f"{name}.jsonl.gz"], system=False, settings=SETTINGS)
    assert run.report.dataset(name).line.length.value == pytest.approx(longer, abs=0.01)
