"""Labelled files as data sets: what is read, what is left out and said."""

from __future__ import annotations

import gzip
import json

import pytest

from rlar.errors import InputError
from rlar.evals.cases import Dataset, LabelKind, Metric, categorise, item_files, read_datasets


def row(ident, labels, *, texts=None, task="math", **meta):
    texts = texts or [f"answer {k}" for k in range(len(labels))]
    responses = [{"text": t, "label": y} for t, y in zip(texts, labels, strict=True)]
    return {
        "id": ident,
        "task": task,
        "source": "toy",
        "prompt": f"question {ident}",
        "responses": responses,
        "meta": meta,
    }


def write(path, rows):
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    return path


def test_rows_become_cases_with_group_task_and_labels(tmp_path):
    file = write(tmp_path / "bon_toy.jsonl", [row("a/1", [1, 0], group="g1", label_type="binary_final_answer")])
    [dataset] = read_datasets([file])
    [case] = dataset.cases
    assert (dataset.name, dataset.kind, dataset.metric) == ("bon_toy", LabelKind.BINARY, Metric.PAIRS)
    assert (case.id, case.labels, case.group, case.task, case.dataset) == ("a/1", (1.0, 0.0), "g1", "math", "bon_toy")
    assert case.responses == ("answer 0", "answer 1")


def test_rows_without_labels_are_left_out_and_said(tmp_path):
    file = write(
        tmp_path / "x.jsonl", [row("1", [1, 0]), row("2", [None, None]), {"id": "3", "prompt": "no responses"}]
    )
    [dataset] = read_datasets([file])
    assert [c.id for c in dataset.cases] == ["1"]
    assert dataset.notes == ("2 rows without labels left out",)


def test_a_file_without_any_label_is_an_error_that_says_so(tmp_path):
    file = write(tmp_path / "x.jsonl", [row("1", [None, None])])
    with pytest.raises(InputError, match="no row has labels"):
        read_datasets([file])


def test_labels_without_texts_are_kept_for_recorded_scores(tmp_path):
    file = write(tmp_path / "textless.jsonl", [row("1", [0.3, 0.9], texts=[None, None])])
    [dataset] = read_datasets([file])
    assert dataset.cases[0].responses == () and dataset.cases[0].labels == (0.3, 0.9)
    assert dataset.kind is LabelKind.GRADED


@pytest.mark.parametrize(
    ("rows", "label_type", "kind", "metric"),
    [
        ([[1, 0], [0, 1]], "human_pref", LabelKind.PREFERENCE, Metric.PAIRS),
        ([[0.5, 0.5], [0, 1]], "", LabelKind.PREFERENCE, Metric.PAIRS),
        ([[1], [0]], "binary_strict_checker", LabelKind.BINARY, Metric.AUC),
        ([[3.5], [1.0]], "human_da_0_100", LabelKind.GRADED, Metric.SPEARMAN),
        ([[0.0, 0.25, 1.0]], "score_0_1", LabelKind.GRADED, Metric.PAIRS),
    ],
)
def test_the_metric_follows_from_the_labels(tmp_path, rows, label_type, kind, metric):
    file = write(tmp_path / "x.jsonl", [row(str(k), r, label_type=label_type) for k, r in enumerate(rows)])
    [dataset] = read_datasets([file])
    assert (dataset.kind, dataset.metric) == (kind, metric)


def test_a_manifest_names_its_eval_files_and_a_folder_leaves_score_tables_out(tmp_path):
    (tmp_path / "eval").mkdir()
    (tmp_path / "scores").mkdir()
    with gzip.open(tmp_path / "eval" / "a.jsonl.gz", "wt") as f:
        f.write(json.dumps(row("1", [1, 0])))
    write(tmp_path / "scores" / "s.jsonl", [{"id": "1", "tool": "t", "scores": [1, 0]}])
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"files": [{"file": "eval/a.jsonl.gz"}, {"file": "scores/s.jsonl"}]}))
    assert [p.name for p in item_files([manifest])] == ["a.jsonl.gz"]
    assert [p.name for p in item_files([tmp_path])] == ["a.jsonl.gz"]
    manifest.unlink()
    assert [p.name for p in item_files([tmp_path])] == ["a.jsonl.gz"]


def test_a_manifest_that_is_none_is_refused(tmp_path):
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(InputError, match="a manifest is"):
        read_datasets([tmp_path / "manifest.json"])


def test_repeated_ids_stay_apart_and_are_said(tmp_path):
    a = write(tmp_path / "a.jsonl", [row("1", [1, 0]), row("1", [0, 1])])
    b = write(tmp_path / "b.jsonl", [row("1", [1, 0])])
    first, second = read_datasets([a, b])
    assert [c.id for c in first.cases] == ["1", "1-2"] and [c.id for c in second.cases] == ["1-3"]
    assert any("suffix" in note for note in first.notes)


def test_the_category_is_the_first_field_that_tells_cases_apart(tmp_path):
    rows = [row(str(k), [1, 0], subset="easy" if k % 2 else "hard") for k in range(20)]
    [dataset] = read_datasets([write(tmp_path / "x.jsonl", rows)])
    assert {c.category for c in dataset.cases} == {"easy", "hard"}  # one task only, so the subset
    [by_task] = read_datasets([tmp_path / "x.jsonl"], category="task")
    assert {c.category for c in by_task.cases} == {"math"}


def test_crumbs_are_no_categories(tmp_path):
    rows = [row(str(k), [1, 0], subset=f"s{k}") for k in range(20)]
    [dataset] = read_datasets([write(tmp_path / "x.jsonl", rows)])
    assert {c.category for c in dataset.cases} == {"math"}
    assert {c.category for c in categorise(dataset, "subset").cases} == {f"s{k}" for k in range(20)}  # if asked for


def test_prompts_without_a_group_cluster_by_their_text(tmp_path):
    rows = [{**row("1", [1, 0]), "prompt": "same"}, {**row("2", [1, 0]), "prompt": "same"}, row("3", [1, 0])]
    [dataset] = read_datasets([write(tmp_path / "x.jsonl", rows)])
    assert len({c.group for c in dataset.cases}) == 2


def test_a_row_that_cannot_be_read_is_counted_and_quoted(tmp_path):
    file = tmp_path / "x.jsonl"
    file.write_text(json.dumps(row("1", [1, 0])) + "\n{broken\n")
    [dataset] = read_datasets([file])
    assert len(dataset.cases) == 1 and "1 rows could not be read" in dataset.notes[0]


def test_a_case_is_decided_if_two_labels_differ(tmp_path):
    file = write(tmp_path / "x.jsonl", [row("1", [1, 1]), row("2", [1, None, 0])])
    [dataset] = read_datasets([file])
    assert [c.decided for c in dataset.cases] == [False, True]
    assert isinstance(dataset, Dataset)
