"""Labels of the public checker on real responses (IFEval prompts answered by GPT-4)."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from rlar.tools.constraints import Instructions
from rlar.types import Constraint, Query

FILES = ("eval/graded_ifeval.jsonl.gz", "stream/train_stream.jsonl.gz")


@pytest.mark.data
@pytest.mark.parametrize("file", FILES)
def test_labels_are_those_of_the_public_checker(shared_data: Path, file: str) -> None:
    strict, loose = Instructions(), Instructions(loose=True)
    same: dict[str, list[bool]] = {"instructions": [], "prompts": [], "loose prompts": []}
    for line in gzip.decompress((shared_data / file).read_bytes()).splitlines():
        row = json.loads(line)
        if "instruction_id_list" not in row["meta"]:
            continue
        asked = zip(row["meta"]["instruction_id_list"], row["meta"]["kwargs"], strict=True)
        query = Query(row["prompt"], constraints=tuple(Constraint(id, kwargs) for id, kwargs in asked))
        assert strict.fits(query), strict.unfit(query)
        prepared = strict.prepare(query)
        for response in row["responses"]:
            mark = strict.rate(response["text"], query, prepared)
            same["instructions"] += [
                bool(term) is followed
                for term, followed in zip(mark.terms.values(), response["follow_list"], strict=True)
            ]
            same["prompts"].append(mark.value == response["label"])
            same["loose prompts"].append(loose.rate(response["text"], query, prepared).value == response["loose_label"])
    for name, bar in (("instructions", 0.998), ("prompts", 0.998), ("loose prompts", 0.99)):
        # One loose label asks for "#" as a letter: the public checker drew a random letter, twice a different one.
        assert len(same[name]) > 100
        assert sum(same[name]) >= bar * len(same[name]), name
