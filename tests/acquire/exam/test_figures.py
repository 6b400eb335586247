import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlar.acquire.exam.figures import clustered_share, mean_with_interval, quantile, rank_correlation, share


@pytest.mark.parametrize(
    ("good", "n", "low", "high"),
    [
        (10, 10, 0.7225, 1.0),  # Wilson's published values
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_wilson_s_interval(good, n, low, high):
    figure = share(good, n)
    assert (figure.low, figure.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_nothing_measured_is_not_zero():
    assert share(0, 0).value is None and str(clustered_share([[], []])) == "not measured"


def test_many_pairs_of_one_query_prove_less_than_as_many_queries():
    alone = clustered_share([[1.0]] * 20)
    together = clustered_share([[1.0] * 20])
    assert alone.n == together.n == 20 and together.low < alone.low
    split = clustered_share([[1.0] * 10] * 5 + [[0.0] * 10] * 5)
    spread = clustered_share([[1.0, 0.0] * 5] * 10)
    assert split.high - split.low > spread.high - spread.low


@given(st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0]), max_size=6), max_size=12))
def test_an_interval_holds_its_value_and_stays_in_range(hits):
    figure = clustered_share(hits)
    assert 0 <= figure.low <= (figure.value or 0.0) + 1e-12 and (figure.value or 0.0) <= figure.high <= 1


def test_rank_correlation_with_ties_and_without_information():
    assert rank_correlation([1, 2, 3, 4], [10, 20, 30, 40]) == pytest.approx(1.0)
    assert rank_correlation([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1.0)
    assert rank_correlation([1, 2, 2, 3], [1, 2, 2, 3]) == pytest.approx(1.0)
    assert rank_correlation([1, 1, 1], [1, 2, 3]) is None and rank_correlation([1, 2], [1, 2]) is None


def test_means_and_quantiles():
    assert mean_with_interval([]).value is None and mean_with_interval([0.5]).low == -1.0
    assert mean_with_interval([0.1, 0.2, 0.3]).value == pytest.approx(0.2)
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0 and quantile([1.0], 0.99) == 1.0
