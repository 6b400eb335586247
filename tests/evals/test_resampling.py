"""Intervals over clusters and paired tests: they cover, they see pairs, and they do not claim certainty."""

from __future__ import annotations

import random

import pytest

from rlar.evals.resampling import Resampler, holm


def alone(n: int) -> list[str]:
    return [f"g{k}" for k in range(n)]


def test_the_interval_of_a_mean_is_near_the_textbook_one():
    values = [float(k % 4 == 0) for k in range(400)]
    found = Resampler(alone(400), draws=4000).mean(values)
    assert found.value == 0.25 and (found.n, found.groups) == (400, 400)
    half = 1.96 * (0.25 * 0.75 / 400) ** 0.5
    assert found.low == pytest.approx(0.25 - half, abs=0.006)
    assert found.high == pytest.approx(0.25 + half, abs=0.006)


def test_copies_of_a_case_do_not_narrow_the_interval():
    values = [float(k % 2) for k in range(50)]
    once = Resampler(alone(50)).mean(values)
    copied = Resampler([g for g in alone(50) for _ in range(10)]).mean([v for v in values for _ in range(10)])
    assert copied.n == 500 and copied.groups == 50
    assert (copied.low, copied.high) == (once.low, once.high)
    ignorant = Resampler(alone(500)).mean([v for v in values for _ in range(10)])
    assert ignorant.high - ignorant.low < 0.5 * (copied.high - copied.low)


def test_all_right_is_not_certainty():
    found = Resampler(alone(30)).mean([1.0] * 30)
    assert found.value == found.high == 1.0
    assert found.low == pytest.approx(0.025 ** (1 / 30))  # exact bound for 30 of 30
    assert Resampler(alone(30)).mean([0.0] * 30).high == pytest.approx(1 - 0.025 ** (1 / 30))


def test_a_constant_that_is_no_share_has_no_width():
    found = Resampler(alone(30)).mean([0.1] * 30)
    assert found.value == found.low == found.high == 0.1


def test_one_group_has_a_value_but_no_interval():
    found = Resampler(["same"] * 5).mean([1.0, 0.0, 1.0, 1.0, 0.0])
    assert found.value == 0.6 and found.low is None and found.groups == 1
    nothing = Resampler([]).mean([])
    assert nothing.value is None and nothing.n == 0


def test_cases_without_a_value_are_left_out_and_counted():
    found = Resampler(alone(4)).mean([1.0, None, 0.0, None])
    assert found.value == 0.5 and found.n == 2


def test_the_same_seed_gives_the_same_interval():
    rng = random.Random(1)
    values = [rng.random() for _ in range(60)]
    one, two, other = (Resampler(alone(60), seed=s).mean(values) for s in (1, 1, 2))
    assert one == two and (one.low, one.high) != (other.low, other.high)


def test_a_paired_difference_sees_what_unpaired_intervals_hide():
    rng = random.Random(3)
    a = [rng.random() for _ in range(200)]
    b = [x + 0.01 + 0.01 * rng.random() for x in a]
    sampler = Resampler(alone(200))
    assert sampler.mean(b).low < sampler.mean(a).high  # the single intervals overlap
    found = sampler.difference(a, b)
    assert found.low > 0 and found.p < 0.001
    assert (found.better, found.worse, found.equal) == (200, 0, 0)


def test_no_difference_is_not_significant_and_p_is_never_zero():
    sampler = Resampler(alone(100))
    values = [float(k % 2) for k in range(100)]
    same = sampler.difference(values, values)
    assert (same.value, same.p, same.equal) == (0.0, 1.0, 100)
    assert sampler.difference([0.0] * 100, [1.0] * 100).p == pytest.approx(1 / 10_001)


def test_the_test_keeps_its_level_on_clusters():
    # Both tools are coins; ten copies of each case. A test on cases would cry wolf; one on groups must not.
    alarms = 0
    for seed in range(60):
        rng = random.Random(seed)
        groups = [g for g in alone(30) for _ in range(10)]
        a = [v for _ in range(30) for v in [float(rng.random() < 0.5)] * 10]
        b = [v for _ in range(30) for v in [float(rng.random() < 0.5)] * 10]
        alarms += Resampler(groups, draws=50).difference(a, b, flips=500).p < 0.05
    assert alarms <= 8  # 3 expected; 8 or fewer in 99.3% of draws


def test_only_cases_that_both_judged_are_compared():
    found = Resampler(alone(4)).difference([1.0, 0.0, None, 0.0], [1.0, 1.0, 1.0, None])
    assert found.n == 2 and found.value == 0.5


def test_intervals_of_auc_and_rank_correlation_hold_the_value_and_shrink_with_cases():
    rng = random.Random(5)
    widths = []
    for n in (60, 600):
        labels = [float(rng.random() < 0.4) for _ in range(n)]
        scores = [round(y + rng.gauss(0, 1), 1) for y in labels]
        sampler = Resampler(alone(n), draws=500)
        for found in (sampler.statistic("auc", scores, labels), sampler.statistic("spearman", scores, labels)):
            assert found.low < found.value < found.high
            widths.append(found.high - found.low)
    assert widths[2] < 0.5 * widths[0] and widths[3] < 0.5 * widths[1]


def test_weighted_statistics_equal_those_of_the_resampled_cases():
    import numpy as np

    from rlar.evals.metrics import auc, spearman
    from rlar.evals.resampling import _weighted_auc, _weighted_spearman

    rng = random.Random(7)
    scores = [float(rng.randint(0, 5)) for _ in range(25)]
    labels = [float(rng.randint(0, 1)) for _ in range(25)]
    drawn = [rng.randrange(25) for _ in range(25)]
    weights = np.bincount(drawn, minlength=25).astype(float)[None, :]
    again = [scores[k] for k in drawn], [labels[k] for k in drawn]
    x, y = np.array(scores), np.array(labels)
    assert float(_weighted_auc(x, y, weights)[0]) == pytest.approx(auc(*again))
    assert float(_weighted_spearman(x, y, weights)[0]) == pytest.approx(spearman(*again))


def test_one_class_has_no_auc():
    found = Resampler(alone(3)).statistic("auc", [0.1, 0.2, 0.3], [1.0, 1.0, 1.0])
    assert found.value is None and found.low is None


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == [0.03, 0.06, 0.06]
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_statistic_is_taken_within_strata():
    # Within each source the scores rank perfectly; between them the level is upside down.
    scores = [1.0, 2.0, 3.0, 4.0, 101.0, 102.0, 103.0, 104.0]
    labels = [51.0, 52.0, 53.0, 54.0, 1.0, 2.0, 3.0, 4.0]
    sampler = Resampler(alone(8), draws=200)
    assert sampler.statistic("spearman", scores, labels, ["a"] * 4 + ["b"] * 4).value == 1.0
    assert sampler.statistic("spearman", scores, labels).value < 0


def test_a_difference_of_statistics_is_paired():
    rng = random.Random(2)
    labels = [rng.random() for _ in range(120)]
    worse = [y + rng.gauss(0, 0.5) for y in labels]
    better = [y + 0.8 * (s - y) for s, y in zip(worse, labels, strict=True)]  # the same errors, a fifth smaller
    sampler = Resampler(alone(120), draws=1000)
    a, b = (sampler.statistic("spearman", s, labels) for s in (worse, better))
    assert b.low < a.high  # alone, the intervals overlap
    found = sampler.statistic_difference("spearman", worse, better, labels)
    assert found.value == pytest.approx(b.value - a.value) and found.low > 0 and found.p < 0.01
    same = sampler.statistic_difference("spearman", worse, worse, labels)
    assert (same.value, same.p) == (0.0, 1.0)


def test_a_perfect_auc_is_not_certainty():
    scores, labels = [0.0] * 40 + [1.0] * 12, [0.0] * 40 + [1.0] * 12
    found = Resampler(alone(52), draws=300).statistic("auc", scores, labels)
    assert found.value == found.high == 1.0
    assert found.low == pytest.approx(0.025 ** (1 / 12))  # as many as the smaller class has
