"""The arithmetic of noticing: what stays quiet, what does not, and what the limits promise."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlar.acquire.evolve.echoes import Echoes
from rlar.acquire.evolve.signals import Duel, Rate, Shape, Shift, chi_squared, counts, edges, psi, psi_limit

HISTOGRAMS = st.integers(2, 8).flatmap(
    lambda k: st.tuples(*[st.lists(st.integers(0, 500), min_size=k, max_size=k) for _ in range(2)])
)


@settings(deadline=None)
@given(HISTOGRAMS)
def test_psi_is_never_negative_symmetric_and_zero_without_a_change(both):
    before, after = both
    assert psi(before, after) >= 0 and psi(before, before) == 0
    assert psi(before, after) == pytest.approx(psi(after, before))


@pytest.mark.parametrize(
    ("degrees", "alpha", "table"), [(1, 0.05, 3.841), (5, 0.01, 15.086), (5, 0.001, 20.515), (9, 0.05, 16.919)]
)
def test_chi_squared_is_near_the_tables(degrees, alpha, table):
    assert chi_squared(degrees, alpha) == pytest.approx(table, rel=0.03)


def test_a_distribution_of_one_value_has_no_limit():
    assert edges([1.0] * 50, 6) == [] and psi_limit(1, 100, 64, 0.01) == math.inf


@settings(deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=200), st.integers(2, 8))
def test_every_value_has_a_bin(values, bins):
    borders = edges(values, bins)
    assert sum(counts(values, borders)) == len(values) and len(borders) < bins


def test_a_shift_is_told_with_its_way_and_its_levels_and_then_is_the_normal():
    rng, shift = random.Random(0), Shift()
    assert not any(shift.see(rng.gauss(0, 1)) for _ in range(2000))
    told = [way for _ in range(400) if (way := shift.see(rng.gauss(2, 1)))]
    assert told == ["up"] and shift.recent == pytest.approx(2, abs=1)
    assert shift.mean == pytest.approx(2, abs=0.5)  # learnt anew


def test_one_wild_value_is_no_shift():
    rng, shift = random.Random(1), Shift()
    assert not any(shift.see(rng.gauss(0, 1)) for _ in range(200))
    assert not shift.see(1e9) and not shift.see(-1e9)


def test_the_same_mean_in_another_shape_is_told_by_shape_only():
    rng, shift, shape = random.Random(2), Shift(), Shape()
    narrow = [rng.gauss(0.5, 0.05) for _ in range(300)]
    assert not any(shape.see(v) | bool(shift.see(v)) for v in narrow)
    wide = [rng.choice((0.3, 0.7)) for _ in range(80)]
    assert any(shape.see(v) for v in wide)


def test_rates_are_told_when_they_rise_and_not_before():
    rng = random.Random(3)
    rate = Rate(0.05)
    assert not any(rate.see(float(rng.random() < 0.05)) for _ in range(20_000))
    first = next(t for t in range(1000) if rate.see(float(rng.random() < 0.3)))
    assert first < 100


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_a_rate_cannot_be_ruined_by_a_long_quiet_time(seed):
    rate = Rate(0.02)
    for _ in range(500):
        rate.see(0.0)
    assert any(rate.see(1.0) for _ in range(8))


def outcomes(mean, seeds, most=4000):
    out = []
    for seed in range(seeds):
        rng, duel = random.Random(seed), Duel()
        for _ in range(most):
            if duel.see(max(-1.0, min(1.0, rng.gauss(mean, 0.3)))):
                break
        out.append(duel.decided)
    return out


def test_a_worse_version_wins_at_most_as_often_as_alpha_says():
    assert outcomes(-0.1, 100).count("better") <= 5  # alpha is 5%
    assert outcomes(0.0, 100).count("worse") <= 10
    assert outcomes(0.0, 40).count("better") >= 36  # as good is good enough
    assert outcomes(-0.3, 40).count("worse") >= 38


def test_no_duel_is_decided_by_a_handful():
    duel = Duel()
    assert [duel.see(1.0) for _ in range(19)] == [""] * 19 and duel.see(1.0) == "better"
    assert duel.see(-1.0) == "better" and duel.n == 20  # what is decided stays so


def test_answers_that_grow_alike_are_told_from_answers_that_do_not():
    rng, echoes = random.Random(4), Echoes()

    def own():
        return " ".join(rng.choice("abcdefghijklmnop") * 3 for _ in range(40))

    apart = [echoes.see([own(), own()]) for _ in range(50)]
    assert apart[:3] == [None] * 3 and max(apart[3:]) < 0.04
    same = [echoes.see([own() + " as an expert i am certain that this is right", own()]) for _ in range(10)]
    assert same[0] < 0.04 < same[-1]
    assert echoes.see(["", ""]) is None
