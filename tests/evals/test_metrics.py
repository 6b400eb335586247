"""Metrics on tables worked out by hand, and their laws on random input."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlar.evals.metrics import (
    agreement,
    auc,
    best_of_n,
    calibration,
    kendall,
    pairwise_accuracy,
    position_consistency,
    ranks,
    spearman,
)

coarse = st.integers(-3, 3).map(float)  # ties are common
group = st.lists(st.tuples(st.none() | coarse, st.none() | coarse), max_size=8)


@pytest.mark.parametrize(
    ("scores", "labels", "value"),
    [
        ([1.0, 0.0], [1.0, 0.0], 1.0),
        ([0.0, 1.0], [1.0, 0.0], 0.0),
        ([1.0, 1.0], [1.0, 0.0], 0.5),  # a tie of scores is half right
        ([1.0, 0.0], [1.0, 1.0], None),  # a tie of labels decides nothing
        ([1.0, None], [1.0, 0.0], None),  # not judged is not wrong
        ([3.0, 2.0, 1.0], [1.0, None, 0.0], 1.0),
        ([3.0, 2.0, 1.0], [3.0, 1.0, 2.0], 2 / 3),
        ([], [], None),
    ],
)
def test_pairwise_accuracy(scores, labels, value):
    assert pairwise_accuracy(scores, labels) == value


def test_scores_and_labels_of_different_length_are_an_error():
    with pytest.raises(ValueError, match="zip"):
        pairwise_accuracy([1.0], [1.0, 0.0])


@settings(deadline=None)
@given(group)
def test_turning_the_scores_round_mirrors_the_accuracy(rows):
    scores, labels = [s for s, _ in rows], [y for _, y in rows]
    forward = pairwise_accuracy(scores, labels)
    backward = pairwise_accuracy([None if s is None else -s for s in scores], labels)
    if forward is None:
        assert backward is None
    else:
        assert backward is not None and forward + backward == pytest.approx(1.0)


@settings(deadline=None)
@given(group, st.randoms())
def test_the_order_of_responses_changes_nothing(rows, rng):
    mixed = list(rows)
    rng.shuffle(mixed)
    for metric in (pairwise_accuracy, kendall, spearman, auc):
        one, other = (metric([s for s, _ in r], [y for _, y in r]) for r in (rows, mixed))
        assert one == other or one == pytest.approx(other)


def test_the_pick_of_tied_tops_is_an_expectation():
    found = best_of_n([2.0, 2.0, 1.0], [5.0, 1.0, 3.0])
    assert found is not None
    assert (found.accuracy, found.regret, found.share_of_gain) == (0.5, 2.0, 0.0)


def test_picking_worse_than_blindly_has_a_negative_gain():
    found = best_of_n([0.0, 9.0], [1.0, 0.0])
    assert found is not None
    assert (found.accuracy, found.regret, found.share_of_gain) == (0.0, 1.0, -1.0)


def test_an_item_with_an_unjudged_response_is_not_made_easier():
    assert best_of_n([1.0, None], [1.0, 0.0]) is None
    assert best_of_n([1.0, 0.0, None], [1.0, 0.0, None]) is not None  # without a label it is no candidate


def test_a_constant_scorer_is_a_blind_pick():
    found = best_of_n([1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 0.0, 0.0])
    assert found is not None and (found.accuracy, found.share_of_gain) == (0.25, 0.0)


def test_equal_values_share_their_mean_rank():
    assert ranks([10.0, 30.0, 10.0, 20.0]) == [1.5, 4.0, 1.5, 3.0]


@pytest.mark.parametrize(
    ("scores", "labels", "rho", "tau"),
    [
        ([1, 2, 3], [1, 2, 3], 1.0, 1.0),
        ([1, 2, 3], [3, 2, 1], -1.0, -1.0),
        # Random rows with ties; values of scipy 1.17.1 (spearmanr, kendalltau).
        ([-1, -3, 2, 0], [0, -2, -3, -3], -0.737864787, -0.547722558),
        ([0, 1, -1], [3, 3, -3], 0.866025404, 0.816496581),
        ([1, 1, -1, -1], [3, -2, 3, -3], 0.23570226, 0.223606798),
        ([-2, -3, 3, 2, 3], [-1, 3, -1, -2, -2], -0.648885685, -0.589255651),
        ([-1, 2, 3, 2, 3], [3, -1, -3, 3, 1], -0.675922588, -0.589255651),
        ([2, 0, 1, -2, -2], [-2, 0, -1, -3, 3], -0.20519567, -0.316227766),
        ([3, -1, -3, -1, 1, 2, -1], [3, 3, 1, -2, 0, 0, 1], 0.057145449, 0.055555556),
        ([0, 0, -2, -2, -1], [-1, 3, 3, -3, -3], 0.25, 0.25),
        ([0, 2, -1], [1, 1, 2], -0.866025404, -0.816496581),
        ([2, -1, -2, 2, -2, -3], [0, -2, 2, 2, 0, -1], 0.272727273, 0.230769231),
    ],
)
def test_rank_correlations_share_ranks_among_ties(scores, labels, rho, tau):
    assert spearman(scores, labels) == pytest.approx(rho, abs=1e-9)
    assert kendall(scores, labels) == pytest.approx(tau, abs=1e-9)
    with_a_hole = [*scores, None], [*labels, 5.0]
    assert spearman(*with_a_hole) == spearman(scores, labels)


@settings(deadline=None)
@given(group)
def test_a_constant_side_has_no_correlation(rows):
    scores, labels = [s for s, _ in rows], [y for _, y in rows]
    known = [(s, y) for s, y in rows if s is not None and y is not None]
    constant = len({s for s, _ in known}) < 2 or len({y for _, y in known}) < 2
    assert (spearman(scores, labels) is None) == (kendall(scores, labels) is None) == constant


@settings(deadline=None)
@given(st.lists(st.tuples(coarse, st.sampled_from([0.0, 1.0])), max_size=12))
def test_auc_is_the_share_of_pairs_of_right_and_wrong_ordered_rightly(rows):
    pairs = [(s, t) for (s, y), (t, z) in itertools.product(rows, rows) if y == 1 and z == 0]
    expected = math.fsum(0.5 if s == t else float(s > t) for s, t in pairs) / len(pairs) if pairs else None
    found = auc([s for s, _ in rows], [y for _, y in rows])
    assert found == (None if expected is None else pytest.approx(expected))


def test_false_accepts_and_false_rejects_have_their_own_class_below():
    found = agreement([1.0, 1.0, 0.0, 0.2, None], [1, 0, 0, 1, 1], line=0.5)
    assert found is not None
    assert (found.n, found.right, found.wrong) == (4, 2, 2)  # the unjudged one is nobody's error
    assert (found.agreement, found.false_accept, found.false_reject) == (0.5, 0.5, 0.5)


def test_a_rate_of_an_absent_class_is_unknown_not_zero():
    found = agreement([1.0, 0.0], [1, 1])
    assert found is not None and found.false_accept is None and found.false_reject == 0.5


def test_the_line_itself_is_accepted():
    found = agreement([0.5], [1], line=0.5)
    assert found is not None and found.agreement == 1.0


def test_calibration_by_hand():
    found = calibration([0.9, 0.9, 0.9, 0.9, 0.1], [1, 1, 1, 0, 0])
    assert found is not None
    assert found.brier == pytest.approx((3 * 0.01 + 0.81 + 0.01) / 5)
    assert found.ece == pytest.approx((4 * 0.15 + 1 * 0.1) / 5)
    assert [(b.n, round(b.observed, 2)) for b in found.bins] == [(1, 0.0), (4, 0.75)]


def test_a_forecast_that_is_no_probability_is_refused():
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        calibration([1.2], [1.0])


def test_certainty_falls_into_the_last_bin():
    found = calibration([1.0, 0.95], [1.0, 1.0])
    assert found is not None and len(found.bins) == 1


def test_a_judge_that_likes_the_first_response_is_seen():
    # Both times it names whatever stands first.
    always_first = position_consistency([1, 1, 1], [1, 1, 1])
    assert always_first is not None and (always_first.consistent, always_first.first) == (0.0, 1.0)
    fair = position_consistency([1, -1, 0], [-1, 1, 0])
    assert fair is not None and (fair.consistent, fair.first) == (1.0, 0.5)
    assert position_consistency([0], [0]).first is None
    assert position_consistency([], []) is None
