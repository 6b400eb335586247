"""Routers: what each learns, that none sees labels, and that the trial measures on other cases than it teaches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evals_toys import pairs, tool

from rlar.evals.bandit import Bandit
from rlar.evals.own_router import OwnRouter
from rlar.evals.pool import make_pool
from rlar.evals.routers import ByCategory, Cascade, NearestFamily, Rules, Static, StaticMap, has_prices
from rlar.evals.trial import cascade_curve, cascade_of_each, halves, shuffled_router, try_router


def specialists(n=240, high=0.95, low=0.5):
    """Three tools, each good at one of three categories."""
    data = pairs(n, ("algebra", "poems", "python"))
    tables = [
        tool(f"for {c}", data, lambda k, c=c: high if k.category == c else low) for c in ("algebra", "poems", "python")
    ]
    pool = make_pool("toy", data.cases, tables)
    assert pool is not None
    return pool


def accuracy(tried):
    return sum(tried.utility_N) / len(tried.utility_N)


def test_learnt_by_category_beats_static_where_tools_differ_by_category():
    pool = specialists()
    static, router = try_router(pool, Static()), try_router(pool, ByCategory())
    assert accuracy(static) < 0.75 < 0.9 < accuracy(router)
    assert router.regret < 0.03 < static.regret
    assert set(router.choices) == {"algebra", "poems", "python"}
    assert router.choices["poems"]["for poems"] > 0.95


def test_words_alone_can_stand_in_for_the_category():
    router = try_router(specialists(), NearestFamily(), splits=5)  # the category is a word of the prompt
    assert accuracy(router) > 0.9


def test_a_router_learns_nothing_where_there_is_nothing_to_learn():
    data = pairs(240, ("x", "y", "z"))
    pool = make_pool("toy", data.cases, [tool(n, data, lambda c: 0.7) for n in "abcd"])
    assert pool is not None
    static, router = try_router(pool, Static()), try_router(pool, ByCategory())
    assert accuracy(router) < accuracy(static) + 0.03
    in_hindsight = pool.utility_NK.mean(axis=0).max()
    assert accuracy(static) < in_hindsight  # chosen elsewhere costs something


def test_thin_categories_fall_back_to_the_best_static():
    pool = specialists(n=30)  # five of each category in a half
    assert set(try_router(pool, ByCategory(min_cases=12)).shares) == set(try_router(pool, Static()).shares)
    assert len(try_router(pool, ByCategory(min_cases=2)).shares) == 3


def test_a_careful_router_switches_only_for_a_clear_lead():
    data = pairs(200, ("x", "y"))
    pool = make_pool("toy", data.cases, [tool("a", data, lambda c: 0.72), tool("b", data, lambda c: 0.7)])
    assert pool is not None
    eager, careful = (try_router(pool, ByCategory(careful=c)) for c in (0.0, 2.0))
    assert max(careful.shares.values()) >= max(eager.shares.values())
    clear = specialists()
    assert accuracy(try_router(clear, ByCategory(careful=2.0))) > 0.9


def test_a_written_map_is_followed_and_holes_get_the_best_static():
    pool = specialists()
    tried = try_router(pool, StaticMap({"poems": "for poems", "python": "no such tool"}))
    assert tried.choices["poems"] == {"for poems": 1.0}
    assert tried.choices["python"].keys() == tried.choices["algebra"].keys()


def test_rules_go_by_kind_not_by_accuracy():
    data = pairs(40)
    tables = [tool("judge", data, lambda c: 0.95, kind="llm_judge"), tool("rm", data, lambda c: 0.6)]
    pool = make_pool("toy", data.cases, tables)
    assert pool is not None
    assert try_router(pool, Rules()).shares == {"rm": 1.0}
    assert try_router(pool, OwnRouter()).shares.keys() <= {"rm", "judge"}


def test_the_bandit_learns_from_what_it_asked():
    pool = specialists(n=900, high=0.98, low=0.2)
    bandit, static = try_router(pool, Bandit(), splits=5), try_router(pool, Static(), splits=5)
    assert accuracy(bandit) > accuracy(static) + 0.2
    assert bandit.calls == 1000.0


def test_learning_is_pure():
    pool = specialists()
    for router in (Static(), ByCategory(), NearestFamily(), Bandit(), Rules(), OwnRouter()):
        one, two = (router.learn(pool, 7)(pool.seen).answer_N.tolist() for _ in range(2))
        assert one == two


def test_no_router_can_see_the_answers_of_the_cases_it_decides():
    pool = specialists()
    a, b = halves(pool.groups, 1, 0)[0]
    lied = replace(pool.take(b), utility_NK=1 - pool.take(b).utility_NK)
    for router in (Static(), ByCategory(), NearestFamily(), Bandit(), Rules(), OwnRouter()):
        policy = router.learn(pool.take(a), 0)
        assert policy(pool.take(b).seen).answer_N.tolist() == policy(lied.seen).answer_N.tolist()


def test_halves_keep_groups_together_and_cover_everything():
    groups = [f"g{k // 3}" for k in range(60)]
    for a, b in halves(groups, 10, 0):
        assert sorted([*a, *b]) == list(range(60))
        assert not {groups[k] for k in a} & {groups[k] for k in b}
        assert len(a) == len(b) == 30
    assert [x.tolist() for x, _ in halves(groups, 3, 1)] == [x.tolist() for x, _ in halves(groups, 3, 1)]


def test_cases_of_one_group_cannot_be_split():
    pool = specialists(n=12)
    same = replace(pool, cases=tuple(replace(c, group="g") for c in pool.cases))
    with pytest.raises(ValueError, match="one group"):
        try_router(same, Static())


def test_lock_in_is_a_wrong_choice_that_was_settled_early():
    pool = specialists()
    assert try_router(pool, ByCategory()).lock_in < 0.05
    stuck = try_router(pool, StaticMap(dict.fromkeys(("algebra", "poems", "python"), "for poems")))
    assert stuck.lock_in == pytest.approx(2 / 3)  # wrong for two categories of three, from the start


def judged(n=400):
    """Cheap tools that know when they do not know, and a dear one that is better throughout."""
    data = pairs(n)
    tables = [tool(f"rm {k}", data, lambda c: 0.4 + 0.6 * (hash_of(c.id) % 100) / 100, seed=k) for k in range(2)]
    dear = tool("judge", data, lambda c: 0.85, kind="llm_judge")
    pool = make_pool("toy", data.cases, [*tables, dear])
    assert pool is not None and has_prices(pool)
    return pool


def hash_of(text: str) -> int:
    return sum(map(ord, text)) * 7919


def test_the_cascade_keeps_its_budget_and_counts_its_calls():
    pool = judged()
    for budget in (0.1, 0.25, 0.5):
        tried = try_router(pool, Cascade(budget))
        assert tried.judge_calls <= 1000 * budget + 1e-9
        assert tried.calls == pytest.approx(1000 + tried.judge_calls)
        assert tried.price == pytest.approx(tried.judge_calls)  # cheap tools cost nothing here


def test_the_cascade_beats_asking_blindly_for_as_many_calls():
    pool = judged()
    points = cascade_curve(pool, (0.0, 0.25, 0.5), splits=10)
    assert points[0].cascade_N == points[0].static_N and points[0].share == 0
    for point in points[1:]:
        assert np.mean(point.cascade_N) > np.mean(point.static_N) + 0.01
    each = cascade_of_each(pool, (0.25,), splits=5)
    assert [p.cheap for p in each] == ["rm 0", "rm 1"] and all(p.dear == "judge" for p in each)


def test_a_judges_draw_is_settled_by_the_cheap_tool():
    data = pairs(60)
    sure = tool("rm", data, lambda c: 1.0)
    draws = replace(tool("judge", data, lambda c: 0.9, kind="llm_judge"), scores={c.id: [0.5, 0.5] for c in data.cases})
    pool = make_pool("toy", data.cases, [sure, draws])
    assert pool is not None
    assert accuracy(try_router(pool, Cascade(1.0))) == 1.0


def test_without_prices_there_is_no_cascade():
    assert not has_prices(specialists())


def test_the_null_of_the_category_router_is_the_router_itself_under_other_categories():
    from rlar.evals.trial import _routed_by_category

    pool = specialists(n=90)
    a, b = halves(pool.groups, 1, 3)[0]
    kinds, codes = np.unique(np.array(pool.seen.categories), return_inverse=True)
    for min_cases in (2, 12, 100):
        for shuffle in range(4):
            dealt = np.random.default_rng(shuffle).permutation(codes)
            other = pool.with_categories([str(kinds[c]) for c in dealt])
            routed = ByCategory(min_cases=min_cases).learn(other.take(a), 0)(other.take(b).seen)
            slow = pool.utility_NK[b, routed.answer_N].sum()
            assert _routed_by_category(pool.utility_NK, np.eye(3)[dealt], a, b, min_cases) == pytest.approx(slow)


def test_the_null_of_the_category_router_sees_meaning_and_its_absence():
    meant = shuffled_router(specialists(), shuffles=39, splits=5)
    assert meant.p == 1 / 40 and meant.high < accuracy(try_router(specialists(), ByCategory(), splits=5))
    data = pairs(240, ("x", "y", "z"))
    alike = make_pool("toy", data.cases, [tool(n, data, lambda c: 0.7) for n in "abcd"])
    assert alike is not None and shuffled_router(alike, shuffles=39, splits=5).p > 0.05
