"""Figures on recorded human judgements. Each is checked against the best metric of the score tables, with a margin
that is small beside the distance and large beside rounding."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from rlar.tools.metrics import Bleu, Chrf, DataToText, Rouge, Summary, Translation
from rlar.tools.metrics.reference_metric import ReferenceMetric
from rlar.types import Query

pytestmark = pytest.mark.data
Scores = Mapping[str, Sequence[float]]


def rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def pairwise(items: Sequence[Mapping[str, Any]], scores: Scores) -> float:
    """Share of pairs of responses to one item with different labels that the scores order alike; ties count half."""
    right = total = 0.0
    for item in items:
        labels, ours = [r["label"] for r in item["responses"]], scores[item["id"]]
        for i in range(len(labels)):
            for j in range(i):
                if labels[i] != labels[j]:
                    total += 1
                    agree = (ours[i] - ours[j]) * (labels[i] - labels[j])
                    right += 0.5 if agree == 0 else agree > 0
    return right / total


def rate(tool: ReferenceMetric, items: Sequence[Mapping[str, Any]]) -> Scores:
    found = {}
    for item in items:
        meta = item["meta"]
        extra = {name: meta[name] for name in ("src", "src_lang", "tgt_lang") if name in meta}
        extra["references"] = [item["reference"], *meta.get("extra_references", [])]
        query = Query(item["prompt"], reference=item["reference"], extra=extra)
        prepared = tool.prepare(query)
        marks = [tool.rate(r["text"], query, prepared) for r in item["responses"]]
        found[item["id"]] = [m if isinstance(m, float) else m.value for m in marks]
    return found


def table(path: Path, name: str) -> Scores:
    return {row["id"]: row["scores"] for row in rows(path) if row["tool"] == name}


def length(items: Sequence[Mapping[str, Any]], unit: Callable[[str], int] = len) -> Scores:
    return {item["id"]: [unit(r["text"]) for r in item["responses"]] for item in items}


@pytest.mark.parametrize("source", ["mqm_ted_ende", "mqm_ted_zhen"])
def test_translation_ranks_at_least_as_well_as_the_best_metric(shared_data, source):
    items = [row for row in rows(shared_data / "eval/bon_mqm_ted.jsonl.gz") if row["source"] == source]
    names = ("chrf", "bleu", "rougeL", "tokenF1", "length-ratio")
    others = {name: pairwise(items, table(shared_data / "scores/scores_mqm_ted.jsonl.gz", name)) for name in names}
    ours = pairwise(items, rate(Translation(), items))
    assert ours >= max(others.values()), others
    assert ours > pairwise(items, length(items)) + 0.03


@pytest.mark.parametrize(("name", "tool"), [("rougeL", Rouge("l", stem=True)), ("chrf", Chrf()), ("bleu", Bleu())])
def test_values_equal_the_recorded_ones(shared_data, name, tool):
    """Recorded with rouge-score 0.1.2 (stemmed) and sacrebleu 2.6.0, in percent, 4 digits behind the point."""
    items = rows(shared_data / "eval/bon_mqm_ted.jsonl.gz")[::25]
    theirs = table(shared_data / "scores/scores_mqm_ted.jsonl.gz", name)
    for ident, ours in rate(tool, items).items():
        assert [100 * value for value in ours] == pytest.approx(theirs[ident], abs=1e-3)


def test_summary_ranks_better_than_the_best_metric(shared_data):
    items = rows(shared_data / "eval/bon_summeval.jsonl.gz")
    names = ("rouge1", "rouge2", "rougeL", "chrf", "bleu", "length")
    others = {name: pairwise(items, table(shared_data / "scores/scores_summeval.jsonl.gz", name)) for name in names}
    several = pairwise(items, rate(Summary(), items))
    single = [{**item, "meta": {}} for item in items]
    assert several > max(others.values()) + 0.05, others
    assert pairwise(single, rate(Summary(), single)) > max(others.values()) + 0.03, others


def test_data_to_text_ranks_better_than_length(shared_data):
    items = rows(shared_data / "eval/bon_data2text.jsonl.gz")
    ours = pairwise(items, rate(DataToText(), items))
    assert ours > 0.55 > pairwise(items, length(items))
