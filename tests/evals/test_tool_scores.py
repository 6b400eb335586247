"""Recorded scores and scorers: what is taken, and every way a table can be wrong."""

from __future__ import annotations

import json
import math

import pytest
from evals_toys import case, pairs

from rlar.errors import InputError
from rlar.evals.tool_scores import ToolScores, length, random_scores, read_scores, scores_beside, scores_of


def write(path, rows):
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    return path


def test_tables_are_read_by_tool(tmp_path):
    rows = [
        {"id": "1", "tool": "b", "scores": [1, None], "kind": "llm_judge", "orders": ["A>B", "B>A"]},
        {"id": "1", "tool": "a", "scores": [0.5, 2], "kind": "reward_model", "seconds": 0.5, "tokens": 12},
        {"id": "2", "tool": "b", "scores": [0, 1], "kind": "llm_judge"},
    ]
    a, b = read_scores([write(tmp_path / "s.jsonl", rows)])
    assert (a.tool, a.kind, a.scores) == ("a", "reward_model", {"1": [0.5, 2.0]})
    assert (a.costs["1"].seconds, a.costs["1"].tokens) == (0.5, 12)
    assert b.scores == {"1": [1.0, None], "2": [0.0, 1.0]} and b.orders == {"1": ("A>B", "B>A")}


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ({"id": "1", "scores": [1]}, "a recorded score is"),
        ({"id": 1, "tool": "t", "scores": [1]}, "a recorded score is"),
        ({"id": "1", "tool": "t", "scores": "high"}, "finite numbers or null"),
        ({"id": "1", "tool": "t", "scores": [True]}, "finite numbers or null"),
        ({"id": "1", "tool": "t", "scores": ["1"]}, "finite numbers or null"),
    ],
)
def test_a_row_that_is_no_score_is_named_with_its_place(tmp_path, row, word):
    file = write(tmp_path / "s.jsonl", [row])
    with pytest.raises(InputError, match=word) as caught:
        read_scores([file])
    assert "s.jsonl:1" in str(caught.value)


def test_nan_means_not_judged_and_an_infinity_is_refused(tmp_path):
    file = tmp_path / "s.jsonl"
    file.write_text('{"id": "1", "tool": "t", "scores": [NaN, 1]}\n')
    assert read_scores([file])[0].scores == {"1": [None, 1.0]}
    file.write_text('{"id": "1", "tool": "t", "scores": [Infinity, 1]}\n')
    with pytest.raises(InputError, match="Infinity"):
        read_scores([file])


def test_two_rows_that_disagree_are_refused_and_equal_ones_are_not(tmp_path):
    one = {"id": "1", "tool": "t", "scores": [1, 0]}
    assert read_scores([write(tmp_path / "s.jsonl", [one, one])])[0].scores == {"1": [1.0, 0.0]}
    with pytest.raises(InputError, match="keep one of them"):
        read_scores([write(tmp_path / "s.jsonl", [one, {**one, "scores": [0, 1]}])])


def test_a_row_of_another_length_is_refused_when_it_meets_its_case():
    with pytest.raises(InputError, match="3 scores for 2 responses"):
        ToolScores("t", "metric", {"q": [1.0, 2.0, 3.0]}).of(case("q", [1, 0]))


def test_what_a_tool_did_not_judge_is_none_not_zero():
    assert ToolScores("t", "metric", {}).of(case("q", [1, 0])) == [None, None]


def test_score_tables_beside_a_manifest_are_found(tmp_path):
    (tmp_path / "scores").mkdir()
    write(tmp_path / "scores" / "s.jsonl", [{"id": "1", "tool": "t", "scores": [1, 0]}])
    (tmp_path / "manifest.json").write_text(json.dumps({"files": [{"file": "scores/s.jsonl"}]}))
    assert [p.name for p in scores_beside([tmp_path / "manifest.json"])] == ["s.jsonl"]
    assert scores_beside([tmp_path / "scores" / "s.jsonl"]) == []  # a file is what it is


def test_baselines_see_texts_and_ids_only():
    dataset = pairs(50)
    short_wins = [[float(len(t)) for t in c.responses] for c in dataset.cases]
    assert length(dataset.cases) == short_wins
    drawn = random_scores(dataset.cases, 3)
    assert drawn == random_scores(dataset.cases, 3) != random_scores(dataset.cases, 4)
    assert drawn[7] == random_scores(dataset.cases[7:8], 3)[0]  # a case's numbers do not depend on the others
    assert all(0 <= x < 1 for row in drawn for x in row)


def test_a_scorer_is_held_to_one_finite_score_per_response():
    cases = pairs(2).cases
    assert scores_of("t", lambda cs: [[1.0, None] for _ in cs], cases).scores["q0"] == [1.0, None]
    with pytest.raises(InputError, match="1 answers for 2 cases"):
        scores_of("t", lambda cs: [[1.0, 0.0]], cases)
    with pytest.raises(InputError, match="1 scores for 2 responses"):
        scores_of("t", lambda cs: [[1.0] for _ in cs], cases)
    with pytest.raises(InputError, match="finite"):
        scores_of("t", lambda cs: [[1.0, math.nan] for _ in cs], cases)
