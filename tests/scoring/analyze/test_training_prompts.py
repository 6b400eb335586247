"""The generator of training prompts: deterministic, complete, and none of it taken from what it is tested on."""

from __future__ import annotations

import gzip
import importlib
import json
import re
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from rlar.scoring.analyze import LABELS

FOLDER = Path(__file__).resolve().parents[3] / "scripts" / "prompt_classifier"
RUN = 7  # so many words in a row are no accident


@pytest.fixture(scope="module")
def generator():
    sys.path.insert(0, str(FOLDER))
    try:
        yield importlib.import_module("generate")
    finally:
        sys.path.remove(str(FOLDER))


def test_the_same_seed_gives_the_same_prompts(generator: ModuleType):
    assert generator.generate(5, 3) == generator.generate(5, 3)
    assert generator.generate(5, 3) != generator.generate(5, 4)


def test_every_label_has_many_patterns_and_every_slot_is_filled(generator: ModuleType):
    made = generator.generate(120, 1)
    assert set(Counter(example.label for example in made)) == set(LABELS)
    for label, lines in generator._LINES.items():
        assert len(lines) >= 30, label
    for example in made:
        assert not re.search(
            r"\{(?:name|topic|thing|number|small|tex|record|article|constraint|\w+verb)\}", example.text
        ), example
        assert example.text.strip()


@pytest.mark.data
def test_no_pattern_repeats_the_wording_of_a_labelled_prompt(generator: ModuleType, shared_data: Path):
    words = re.compile(r"[a-z']+|\d+")
    taken: set[tuple[str, ...]] = set()
    for path in [*shared_data.glob("eval/*.gz"), *shared_data.glob("stream/*.gz")]:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                prompt = row["prompt"]
                text = prompt if isinstance(prompt, str) else "\n".join(m["content"] for m in prompt)
                found = words.findall(text.lower())
                taken.update(tuple(found[i : i + RUN]) for i in range(len(found) - RUN + 1))
    every = [*generator._CONSTRAINT_LINES, *(line for lines in generator._LINES.values() for line in lines)]
    for line in every:
        for piece in re.split(r"\{\w+\}", line.replace("\\n", " ")):
            found = words.findall(piece.lower())
            runs = {tuple(found[i : i + RUN]) for i in range(len(found) - RUN + 1)}
            assert not runs & taken, line
