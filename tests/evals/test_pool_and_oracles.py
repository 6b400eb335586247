"""Tools on the same cases, and what oracles win by knowing the answer or by luck."""

from __future__ import annotations

import itertools

import pytest
from evals_toys import case, pairs, tool

from rlar.evals.cases import Dataset
from rlar.evals.oracles import (
    ENSEMBLES,
    best_static,
    category_oracle,
    ensemble,
    independent_guesses,
    item_oracle,
    shuffled_categories,
    utility_of,
)
from rlar.evals.pool import make_pool
from rlar.evals.tool_scores import ToolScores


def fixed(name: str, wins: str, kind: str = "reward_model") -> ToolScores:
    """One letter a case of `pairs`: w wins, l loses, t ties, - did not judge."""
    scores = {"w": [1.0, 0.0], "l": [0.0, 1.0], "t": [0.5, 0.5]}
    return ToolScores(name, kind, {f"q{k}": scores[c] for k, c in enumerate(wins) if c != "-"})


def test_a_pool_holds_the_cases_that_all_tools_judged():
    pool = make_pool("toy", pairs(6).cases, [fixed("a", "wwwwl-"), fixed("b", "lwtww-")])
    assert pool is not None and pool.tools == ("a", "b") and len(pool) == 5
    assert pool.utility_NK.tolist() == [[1, 0], [1, 1], [1, 0.5], [1, 1], [0, 1]]
    assert pool.seen.margin_NK[2].tolist() == [1.0, 0.0]


def test_a_tool_that_judged_other_cases_is_left_out_and_named():
    pool = make_pool(
        "toy", pairs(10).cases, [fixed("a", "w" * 8 + "--"), fixed("b", "l" * 8 + "--"), fixed("c", "-" * 6 + "wwww")]
    )
    assert pool is not None and pool.tools == ("a", "b") and len(pool) == 8
    assert pool.left_out == ("c (judged 4 cases, 2 of these)",)


def test_one_tool_makes_no_pool():
    assert make_pool("toy", pairs(4).cases, [fixed("a", "wwww")]) is None
    assert make_pool("toy", pairs(4).cases, [fixed("a", "ww--"), fixed("b", "--ww")]) is None


def test_prices_go_by_name_or_pattern_and_judges_cost_one_otherwise():
    tables = [fixed("GPT-4:CoT", "wwww", "llm_judge"), fixed("rm", "wwww"), fixed("haiku", "wwww", "llm_judge")]
    pool = make_pool("toy", pairs(4).cases, tables, {"GPT-4*": 30.0})
    assert pool is not None
    assert dict(zip(pool.tools, pool.seen.prices, strict=True)) == {"GPT-4:CoT": 30.0, "haiku": 1.0, "rm": 0.0}
    assert [pool.tools[k] for k in pool.cheapest] == ["rm"]


def test_oracles_by_hand():
    data = pairs(4, ("x", "y"))  # q0, q2 are x; q1, q3 are y
    pool = make_pool("toy", data.cases, [fixed("a", "wlwl"), fixed("b", "lwlt"), fixed("c", "wwll")])
    assert pool is not None
    assert pool.utility_NK.mean(axis=0).tolist() == [0.5, 0.375, 0.5]
    assert best_static(pool) == 0  # the first of equals
    assert category_oracle(pool).tolist() == [1, 1, 1, 0.5]  # x: a; y: b
    assert item_oracle(pool).tolist() == [1, 1, 1, 0.5]


def test_the_independent_guesses_are_those_of_all_combinations():
    data = pairs(6, ("x", "y"))
    tables = [fixed("a", "wwlltw"), fixed("b", "lwlwtt"), fixed("c", "llwwlw")]
    pool = make_pool("toy", data.cases, tables)
    assert pool is not None
    expected = 0.0
    for rows in ([0, 2, 4], [1, 3, 5]):
        columns = [pool.utility_NK[rows, k].tolist() for k in range(3)]
        draws = [max(combination) for combination in itertools.product(*columns)]
        expected += sum(draws) / len(draws) * 3 / 6
    assert independent_guesses(pool) == pytest.approx(expected)


def test_meaningless_categories_have_an_oracle_no_better_than_their_null():
    data = pairs(120, ("x", "y", "z"))
    pool = make_pool("toy", data.cases, [tool(n, data, lambda c: 0.7) for n in "abcdef"])
    assert pool is not None
    null = shuffled_categories(pool)
    assert category_oracle(pool).mean() > pool.utility_NK.mean(axis=0).max()  # it looks like a gain
    assert null.low <= category_oracle(pool).mean() <= null.high and null.p > 0.05  # and is none


def test_categories_with_meaning_beat_their_null():
    data = pairs(120, ("x", "y"))
    good_at = {c: tool(f"good at {c}", data, lambda k, c=c: 0.95 if k.category == c else 0.5) for c in "xy"}
    pool = make_pool("toy", data.cases, list(good_at.values()))
    assert pool is not None
    null = shuffled_categories(pool)
    assert category_oracle(pool).mean() > null.high and null.p < 0.01


def test_an_ensemble_is_not_ruled_by_the_widest_scale():
    data = pairs(200)
    right = [tool(f"small {k}", data, lambda c: 0.8, seed=k) for k in range(4)]
    wide = tool("wide", data, lambda c: 0.3)
    wide = ToolScores("wide", wide.kind, {i: [1000 * s for s in row] for i, row in wide.scores.items()})
    pool = make_pool("toy", data.cases, [*right, wide])
    assert pool is not None
    accuracy = {
        h: sum(u for u in utility_of(pool, ensemble(pool, [*right, wide], h)) if u is not None) / 200 for h in ENSEMBLES
    }
    assert accuracy["mean"] > 0.75 and accuracy["median"] > 0.75  # a plain sum would be the wide one: 0.3


def test_disagreement_is_held_against_a_response():
    data = Dataset("toy", (case("q0", [1.0, 0.0]), case("q1", [1.0, 0.0])))
    # All four responses have mean 0; the tools agree on the first of q0 and on the second of q1, and clash on the rest.
    a = ToolScores("a", "reward_model", {"q0": [0.0, 1.0], "q1": [-1.0, 0.0]})
    b = ToolScores("b", "reward_model", {"q0": [0.0, -1.0], "q1": [1.0, 0.0]})
    pool = make_pool("toy", data.cases, [a, b])
    assert pool is not None
    assert utility_of(pool, ensemble(pool, [a, b], "mean")) == [0.5, 0.5]
    assert utility_of(pool, ensemble(pool, [a, b], "mean - lambda*var")) == [1.0, 0.0]


def test_a_response_that_one_tool_did_not_judge_has_no_ensemble_score():
    data = pairs(3)
    tables = [fixed("a", "www"), ToolScores("b", "metric", {"q0": [1.0, 0.0], "q1": [1.0, 0.0], "q2": [1.0, 0.0]})]
    pool = make_pool("toy", data.cases, tables)
    assert pool is not None
    holed = [tables[0], ToolScores("b", "metric", {"q0": [1.0, None], "q1": [1.0, 0.0], "q2": [1.0, 0.0]})]
    assert utility_of(pool, ensemble(pool, holed, "mean"))[0] is None
