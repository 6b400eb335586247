"""Agreement with real labelled responses. The figures, with all misses, are printed by benchmarks/answers.py."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from rlar.tools.base import RuleTool
from rlar.tools.choice import Choice
from rlar.tools.match import FinalSpan, LabelMatch, ListMatch
from rlar.tools.math import Math
from rlar.types import Query

pytestmark = pytest.mark.data


def agreement(folder: Path, name: str, tools: list[RuleTool]) -> tuple[float, int]:
    """(share of responses where the first fitting tool agrees with the label, false accepts)."""
    agreed = judged = false_accepts = 0
    with gzip.open(folder / "eval" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            query = Query(prompt=row["prompt"], reference=row["reference"])
            tool = next((tool for tool in tools if tool.fits(query)), None)
            if tool is None:
                continue
            prepared = tool.prepare(query)
            for response in row["responses"]:
                right = tool.rate(response["text"], query, prepared).value > 0.5
                judged += 1
                agreed += right == (response["label"] > 0.5)
                false_accepts += right and response["label"] < 0.5
    return agreed / judged, false_accepts


def routed(profile: str) -> list[RuleTool]:
    return [Choice(), Math(profile), LabelMatch(), ListMatch(), FinalSpan()]


def test_gsm8k_in_all_its_answer_formats(shared_data):
    share, false_accepts = agreement(shared_data, "bon_gsm8k", routed("reward"))
    assert share >= 0.999 and false_accepts == 0


def test_math_problems(shared_data):
    assert agreement(shared_data, "bon_math_rm", routed("reward"))[0] >= 0.995


def test_weak_models_with_noisy_labels(shared_data):
    assert agreement(shared_data, "graded_realcritic", routed("reward"))[0] >= 0.93


def test_equivalence_cases_of_other_libraries(shared_data):
    assert agreement(shared_data, "verify_math_equiv", routed("lenient"))[0] >= 0.97
    assert agreement(shared_data, "verify_math_equiv", routed("reward"))[0] >= 0.94
