import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlar.scoring import shape

REWARD = st.none() | st.floats(-1e6, 1e6)
GROUP = st.lists(REWARD, max_size=12)


def advantages(rewards):
    """GRPO's, population deviation; None stays out."""
    judged = [r for r in rewards if r is not None]
    mean = sum(judged) / len(judged)
    std = math.sqrt(sum((r - mean) ** 2 for r in judged) / len(judged))
    return [None if r is None else (r - mean) / (std + 1e-12) for r in rewards]


def test_centred_sigmoid_is_the_published_golden_value():
    assert shape.centred_sigmoid([2.0], references=[0.0, 1.0])[0] == pytest.approx(0.80593, abs=5e-6)


def test_log_sigmoid_golden_values_and_extremes():
    low, mid, high = shape.log_sigmoid([-1000.0, 0.0, 1000.0])
    assert (low, mid, high) == pytest.approx((-1000.0, math.log(0.5), 0.0))


@given(GROUP)
def test_every_shaper_keeps_none_in_place_and_stays_finite(rewards):
    lengths = list(range(1, len(rewards) + 1))
    for out in (
        shape.log_sigmoid(rewards),
        shape.clip(rewards, low=-1, high=1),
        shape.centred_sigmoid(rewards, references=[0.0]),
        shape.tie_band(rewards, band=0.5),
        shape.length_control(rewards, lengths),
    ):
        assert [r is None for r in out] == [r is None for r in rewards]
        assert all(math.isfinite(r) for r in out if r is not None)


@given(GROUP)
def test_bounded_maps_never_turn_an_order_round(rewards):
    judged = [(r, i) for i, r in enumerate(rewards) if r is not None]
    for out in (
        shape.log_sigmoid(rewards),
        shape.centred_sigmoid(rewards, references=[0.0, 2.0]),
        shape.tie_band(rewards, band=0.3),
        shape.clip(rewards, low=-2, high=3),
    ):
        for a, i in judged:
            for b, j in judged:
                if a < b:
                    assert out[i] <= out[j]


def test_centring_alone_is_a_no_op_under_group_normalisation_and_the_sigmoid_is_not():
    rewards = [0.1, 0.5, 3.0, 9.0]
    assert advantages([r - 2.0 for r in rewards]) == pytest.approx(advantages(rewards))
    assert advantages([5 * r for r in rewards]) == pytest.approx(advantages(rewards))
    bounded = advantages(shape.centred_sigmoid(rewards, references=[1.0]))
    assert max(abs(a - b) for a, b in zip(bounded, advantages(rewards), strict=True)) > 0.2


@pytest.mark.parametrize(
    ("rewards", "band", "out"),
    [
        ([0.50, 0.52, 0.90], 0.05, [0.51, 0.51, 0.90]),
        ([0.50, 0.52, 0.90], 0.0, [0.50, 0.52, 0.90]),
        ([0.0, 0.1, 0.2, 0.3], 0.15, [0.05, 0.05, 0.25, 0.25]),  # many small steps are not one tie
        ([None, 1.0], 9.0, [None, 1.0]),
        ([], 1.0, []),
    ],
)
def test_tie_band_makes_noise_equal(rewards, band, out):
    assert shape.tie_band(rewards, band=band) == pytest.approx(out)


def test_length_control_removes_what_length_explains_within_the_prompt_only():
    lengths = [10, 20, 30, 40]
    assert shape.length_control([1.0, 2.0, 3.0, 4.0], lengths) == pytest.approx([2.5] * 4)
    better_than_its_length = shape.length_control([1.0, 2.0, 9.0, 4.0], lengths)
    assert max(range(4), key=better_than_its_length.__getitem__) == 2
    assert shape.length_control([1.0, None, 3.0], [1, 2, 3]) == [1.0, None, 3.0]  # two points explain everything


def test_groups_without_information_are_marked():
    assert shape.keep_mask([[1.0, 1.0], [0.0, 1.0], [None, 1.0], [], [0.50, 0.52]]) == [False, True, False, False, True]
    assert shape.keep_mask([[0.50, 0.52]], min_spread=0.05) == [False]


@pytest.mark.parametrize(
    "call",
    [
        lambda: shape.clip([1.0], low=1, high=0),
        lambda: shape.centred_sigmoid([1.0], references=[]),
        lambda: shape.tie_band([1.0], band=-1),
        lambda: shape.tie_band([1.0], band=math.nan),
        lambda: shape.length_control([1.0], [1, 2]),
        lambda: shape.length_control([1.0], [1], strength=2),
        lambda: shape.chain(lambda r: list(r)[1:])([1.0]),
    ],
)
def test_wrong_settings_are_refused(call):
    with pytest.raises(ValueError):
        call()
