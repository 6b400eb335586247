"""Figures of public benchmarks: equal to their own code, and to tables worked out by hand."""

from __future__ import annotations

import math
from pathlib import Path

import evals_rewardbench2_cases as cases
import numpy as np
import pytest

from rlar.errors import InputError
from rlar.evals.benchmark_scores import REWARDBENCH_SECTIONS, rewardbench_sections, style_matrix
from rlar.evals.rewardbench2 import EDITIONS, TiesRow, rewardbench2_result, rewardbench2_ties

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def vectors() -> dict[str, np.ndarray]:
    """What the public `reroll_and_score_dataset` and `process_single_model` gave for the random cases.

    "ties 0.1.4": the package of PyPI; "ties 0.1.5": the public repository at commit 05a9005. `accuracy` is one in both.
    """
    with np.load(HERE / "rewardbench2_vectors.npz") as stored:
        return {name: stored[name] for name in stored.files}


def test_rewardbench2_accuracy_equals_the_public_function_on_10000_random_rows(vectors):
    ours = np.array([rewardbench2_result(row) for row in cases.accuracy_cases(10_000)])
    assert np.array_equal(ours, vectors["accuracy"])
    assert len(np.unique(ours)) >= 7  # wrong, right, and right with every number of ties


@pytest.mark.parametrize("edition", EDITIONS)
def test_rewardbench2_ties_equals_the_public_function_on_10000_random_sets(vectors, edition):
    ours = np.array(
        [
            math.nan
            if (score := rewardbench2_ties([TiesRow(*row) for row in rows], edition=edition).score) is None
            else score
            for rows in cases.ties_cases(10_000)
        ]
    )
    theirs = vectors[f"ties {edition}"]
    assert np.array_equal(np.isnan(ours), np.isnan(theirs))
    assert 0 < np.isnan(theirs).sum() < 2_000
    # Equal to the last bit where tanh is the same; another processor's tanh may move a sum by one rounding step.
    assert np.nanmax(np.abs(ours - theirs)) <= 2**-52
    assert np.mean((ours == theirs) | np.isnan(theirs)) > 0.99


@pytest.mark.parametrize(
    ("scores", "result"),
    [
        ([2.0, 1.0, 1.0, 1.0], 1.0),
        ([2.0, 2.0, 1.0, 1.0], 0.5),  # a shared top is shared, not won
        ([2.0, 2.0, 2.0, 2.0], 0.25),
        ([1.0, 2.0], 0.0),
        ([2.0, math.nan], 0.0),  # a score that is no number wins nothing, even for the others
        ([math.nan, 1.0], 0.0),
    ],
)
def test_a_rewardbench2_row(scores, result):
    assert rewardbench2_result(scores) == result


def test_ties_worked_out_by_hand():
    rows = [TiesRow("ref:1", 1, [5.0, 1.0]), TiesRow("tied:1", 2, [5.0, 4.0, 1.0])]
    ties = rewardbench2_ties(rows)
    # Spread of the right answers 1; gaps 3 (tied) and 4 (reference); min gap / spread - 1 = 2.
    assert (ties.reference_accuracy, ties.tied_accuracy, ties.preferred, ties.preferred_hard) == (1, 1, 1, 1)
    assert ties.margin == pytest.approx(math.tanh(2))
    assert ties.score == pytest.approx(1 + 0.01 * math.tanh(2))


def test_ties_without_a_reference_row_have_no_score_instead_of_nan():
    ties = rewardbench2_ties([TiesRow("tied:1", 2, [5.0, 4.0, 1.0])])
    assert ties.score is None and ties.margin is None
    assert ties.tied_accuracy == 1.0


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ([TiesRow("17", 1, [1.0, 0.0])], "id of a Ties row"),
        ([TiesRow("ref:1", 2, [1.0, 0.0])], "right and wrong"),
        ([TiesRow("ref:1", 1, [1.0, 0.0]), TiesRow("tied:1", 1, [1.0, 0.0])], "at least two"),
    ],
)
def test_rows_that_the_ties_score_cannot_read_are_named(rows, word):
    with pytest.raises(InputError, match=word):
        rewardbench2_ties(rows)


def test_rewardbench_sections_weigh_subsets_by_prompts_and_maths_like_code():
    scores = {"math-prm": 1.0, **{f"hep-{x}": 0.5 for x in ("cpp", "go", "java", "js", "python", "rust")}}
    assert rewardbench_sections(scores) == {"Reasoning": 0.75}  # no other section was measured
    assert rewardbench_sections({"mt-bench-easy": 1.0, "mt-bench-med": 0.0})["Chat"] == 28 / 68
    assert sum(map(len, REWARDBENCH_SECTIONS.values())) == 23


def test_the_style_matrix_separates_style_from_substance():
    # A scorer that only likes looks: plain 0, detailed 1, markdown 2, whatever is said.
    looks = [[0.0, 1.0, 2.0]] * 3
    only_looks = style_matrix(looks, looks)
    assert only_looks is not None
    assert (only_looks.hard, only_looks.normal, only_looks.easy) == (0.0, 0.0, 1.0)
    # A scorer that only sees substance wins every cell.
    substance = style_matrix([[1.0, 1.0, 1.0]], [[0.0, 0.0, 0.0]])
    assert substance is not None and substance.average == 1.0
    assert substance.matrix == ((1.0,) * 3,) * 3


def test_the_style_matrix_by_hand():
    found = style_matrix([[3.0, 1.0, 2.0], [0.0, 5.0, 5.0]], [[2.0, 2.0, 2.0], [1.0, 4.0, 6.0]])
    assert found is not None
    assert found.matrix == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.0), (0.5, 0.5, 0.0))
    assert found.hard == pytest.approx(1 / 3)  # cells right of the diagonal: 0.5, 0.5, 0.0
    assert found.normal == pytest.approx(1 / 3)
    assert found.easy == pytest.approx(0.5)


def test_a_style_row_of_another_length_is_refused():
    with pytest.raises(InputError, match="3 scores"):
        style_matrix([[1.0, 2.0]], [[1.0, 2.0, 3.0]])
