"""The margin cascade: where the dear tool is asked, whose scores count, and what that saves."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlar.errors import InputError
from rlar.scoring.cascade import (
    Cascade,
    Evidence,
    group_margin,
    learn_cascade,
    learn_noise_floor,
    savings,
)

scores = st.lists(st.none() | st.floats(-1e6, 1e6), max_size=9)


@pytest.mark.parametrize(
    ("scores_G", "margin"),
    [
        ([3.0, 1.0], 2.0),
        ([1.0, 3.0], 2.0),  # order does not matter
        ([0.0, 0.0, 3.0], 2.0),  # pairs: 0, 3, 3
        ([5.0, 5.0], 0.0),
        ([5.0], None),
        ([5.0, None], None),  # a response that was not judged is apart from nothing
        ([], None),
    ],
)
def test_the_margin_of_a_group(scores_G, margin):
    assert group_margin(scores_G) == margin


@settings(deadline=None)
@given(scores)
def test_the_margin_is_the_mean_over_all_pairs(scores_G):
    known = [s for s in scores_G if s is not None]
    pairs = [abs(a - b) for i, a in enumerate(known) for b in known[:i]]
    margin = group_margin(scores_G)
    assert (margin is None) == (not pairs)
    if margin is not None:
        assert margin == pytest.approx(math.fsum(pairs) / len(pairs), rel=1e-9, abs=1e-6)


@settings(deadline=None)
@given(scores, st.randoms())
def test_the_margin_does_not_depend_on_the_order(scores_G, rng):
    shuffled = list(scores_G)
    rng.shuffle(shuffled)
    assert group_margin(shuffled) == group_margin(scores_G)


def test_the_floor_lies_where_a_coin_turns_into_a_tool():
    # Below 1.0 a fair coin, above it always right: the cut belongs between them.
    margins = [k / 100 for k in range(200)]
    right = [float(k % 2) if k < 100 else 1.0 for k in range(200)]
    floor = learn_noise_floor(margins, right)
    assert floor.floor == pytest.approx(0.98)  # 0.99 happens to be right
    assert floor.accuracy_above == 1.0
    assert floor.accuracy_below == pytest.approx(0.5, abs=0.01)
    assert (floor.n, floor.share) == (200, pytest.approx(0.495))


def test_a_tool_that_is_always_right_has_no_noise():
    assert learn_noise_floor([0.1 * k for k in range(1, 50)], [1.0] * 49).floor == 0.0


def test_a_tool_that_is_always_wrong_gets_no_floor_that_hides_it():
    floor = learn_noise_floor([0.1 * k for k in range(1, 50)], [0.0] * 49)
    assert (floor.floor, floor.share, floor.accuracy_above) == (0.0, 0.0, 0.0)


def test_a_handful_of_groups_teaches_no_floor():
    margins, right = [0.1, 0.2, 0.3, 0.4], [0.0, 0.0, 1.0, 1.0]
    assert learn_noise_floor(margins, right).floor == 0.0
    assert learn_noise_floor(margins, right, min_groups=4).floor == 0.2


def test_a_cut_never_splits_groups_of_one_margin():
    margins = [1.0] * 40 + [2.0] * 40
    right = [0.0] * 20 + [1.0] * 20 + [1.0] * 40
    assert learn_noise_floor(margins, right).floor == 1.0  # not in the midst of the first forty


@pytest.mark.parametrize(
    ("margins", "accuracy", "word"),
    [
        ([1.0], [], "1 margins for 0"),
        ([-1.0], [1.0], "not negative"),
        ([math.inf], [1.0], "finite"),
        ([1.0], [2.0], "share"),
    ],
)
def test_evidence_that_makes_no_sense_is_refused(margins, accuracy, word):
    with pytest.raises(InputError, match=word):
        learn_noise_floor(margins, accuracy)


def test_the_dear_tool_is_asked_only_up_to_the_floor():
    cascade = Cascade("rm", "judge", floor=0.5)
    assert cascade.wants([1.0, 1.5], "q")  # at the floor
    assert not cascade.wants([1.0, 1.6], "q")
    assert cascade.wants([1.0, None], "q")  # the cheap tool cannot compare
    assert not Cascade("rm", "judge", floor=-1.0).wants([1.0, 1.0], "q")


def test_a_batch_never_exceeds_its_budget_and_asks_the_closest_first():
    cascade = Cascade("rm", "judge", floor=9.0, budget=0.5)
    assert cascade.within_budget([3.0, 1.0, 2.0, 10.0], ["a", "b", "c", "d"]) == [False, True, True, False]
    assert cascade.within_budget([3.0, None], ["a", "b"]) == [False, True]  # what the cheap tool could not compare
    assert cascade.within_budget([1.0], ["a"]) == [False]  # half of one group is none


@settings(deadline=None)
@given(st.lists(st.none() | st.floats(0, 20), max_size=30), st.floats(0, 1))
def test_the_cap_holds_for_any_batch(margins, budget):
    cascade = Cascade("rm", "judge", floor=10.0, budget=budget)
    asked = cascade.within_budget(margins, ["q"] * len(margins))
    assert sum(asked) <= budget * len(margins) + 1e-9
    assert all(cascade.asks(margin, "q") for margin, ask in zip(margins, asked, strict=True) if ask)


@pytest.mark.parametrize(
    ("dear", "counts"),
    [
        (None, [0.2, 0.1]),  # not asked
        ([0.0, 1.0], [0.0, 1.0]),
        ([0.5, 0.5], [0.2, 0.1]),  # a draw of the judge leaves it to the cheap tool
        ([None, None], [0.2, 0.1]),  # a failed judge is not a zero
        ([None, 1.0], [0.2, 0.1]),  # half an answer does not compare the two
    ],
)
def test_whose_scores_count(dear, counts):
    assert Cascade("rm", "judge", 1.0).settle([0.2, 0.1], dear) == counts


def test_scores_of_another_length_are_refused():
    with pytest.raises(InputError, match="gave 1 scores"):
        Cascade("rm", "judge", 1.0).settle([0.2, 0.1], [1.0])


def evidence(n: int = 400, seed: int = 1) -> list[Evidence]:
    """A cheap tool whose accuracy grows from a coin to 0.95 with its margin, and a judge at 0.8 throughout."""
    rng = random.Random(seed)
    drawn = []
    for _ in range(n):
        margin = rng.random()
        cheap, dear = float(rng.random() < 0.5 + 0.45 * margin), float(rng.random() < 0.8)
        drawn.append(Evidence(margin, cheap, dear))
    return drawn


def test_groups_that_tie_at_the_floor_are_thinned_by_their_key():
    # A verifier finds all responses of six groups in ten equal; a quarter may be asked.
    tied = [Evidence(0.0, 0.5, 0.9, key=f"a{k}") for k in range(600)]
    apart = [Evidence(1.0, 1.0, 0.9, key=f"b{k}") for k in range(400)]
    cascade = learn_cascade("verifier", "judge", tied + apart, budget=0.25)
    assert (cascade.floor, cascade.at_floor) == (0.0, pytest.approx(250 / 600))
    assert savings(cascade, tied + apart).share == pytest.approx(0.25, abs=0.03)
    answers = [cascade.wants([1.0, 1.0], f"query {k}") for k in range(50)]
    assert answers == [cascade.wants([1.0, 1.0], f"query {k}") for k in range(50)] and 5 < sum(answers) < 40


def test_one_lucky_group_does_not_set_the_floor():
    # Asking gains below 0.5 and loses above, but for one lucky group far out.
    steady = [Evidence(k / 200, 0.5, 0.9) for k in range(100)] + [
        Evidence(0.5 + k / 200, 0.95, 0.9) for k in range(100)
    ]
    lucky = Evidence(0.9, 0.0, 1.0)
    cascade = learn_cascade("rm", "judge", [*steady, lucky], budget=1.0)
    assert cascade.floor < 0.55


@pytest.mark.parametrize("budget", [0.0, 0.1, 0.25, 0.5])
def test_the_learnt_floor_keeps_the_budget_and_beats_blind_asking_on_other_groups(budget):
    cascade = learn_cascade("rm", "judge", evidence(1500, seed=1), budget=budget)
    held_out = savings(cascade, evidence(n=4000, seed=2))
    assert savings(cascade, evidence(1500, seed=1)).share <= budget + 1e-9
    assert held_out.share == pytest.approx(budget, abs=0.05)
    assert held_out.saved_per_1000 == pytest.approx(1000 * (1 - held_out.share))
    if budget:
        assert held_out.accuracy > held_out.mix + 0.02


def test_no_budget_is_spent_where_asking_gains_nothing():
    worse_judge = [Evidence(e.margin, 1.0, e.dear) for e in evidence()]
    cascade = learn_cascade("rm", "judge", worse_judge, budget=1.0)
    assert cascade.floor < 0
    assert savings(cascade, worse_judge).share == 0.0


def test_a_price_spares_groups_where_little_is_gained():
    free = savings(learn_cascade("rm", "judge", evidence(), budget=1.0), evidence())
    priced = savings(learn_cascade("rm", "judge", evidence(), budget=1.0, price=0.15), evidence())
    assert 0 < priced.share < free.share


def test_a_draw_of_the_judge_counts_as_the_cheap_tools_answer():
    drawn = [Evidence(0.1, 1.0, 0.5, dear_draw=True)] * 3
    assert savings(Cascade("rm", "judge", 1.0), drawn).accuracy == 1.0


def test_a_floor_is_not_learnt_from_nothing():
    with pytest.raises(InputError, match="learnt from nothing"):
        learn_cascade("rm", "judge", [])


@pytest.mark.parametrize(("floor", "budget"), [(math.nan, 0.5), (0.0, 1.5), (0.0, -0.1)])
def test_a_cascade_without_sense_is_refused(floor, budget):
    with pytest.raises(InputError):
        Cascade("rm", "judge", floor, budget=budget)
