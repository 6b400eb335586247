"""The small classifier of prompts: fitting, saving, explaining, and the weights that ship."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlar.errors import InputError
from rlar.scoring.analyze import LABELS, PromptClassifier
from rlar.scoring.analyze.classifier import features_of
from rlar.scoring.analyze.evidence import prompt_classifier

FRUIT = [
    f"Which {fruit} tastes sweet in {season}?" for fruit in ("apple", "pear", "plum") for season in ("May", "June")
]
TOOLS = [f"Where is the {tool} that {name} used?" for tool in ("hammer", "saw", "drill") for name in ("Ada", "Bo")]


@pytest.fixture(scope="module")
def fitted() -> PromptClassifier:
    return PromptClassifier.fit(FRUIT + TOOLS, ["fruit"] * 6 + ["tools"] * 6)


def test_a_dozen_examples_are_enough_for_two_easy_labels(fitted):
    assert fitted.predict("Is this pear sweet in July?") == "fruit"
    assert fitted.predict("the hammer that Cy used yesterday") == "tools"
    assert sum(fitted.probabilities("Is this pear sweet?").values()) == pytest.approx(1.0)


def test_it_says_which_words_told(fitted):
    told = fitted.telling(features_of("Which pear tastes sweet and where is the saw?"), "fruit", count=20)
    assert "sweet" in told
    assert not any("saw" in words for words in told)


def test_saved_and_loaded_it_answers_the_same(fitted, tmp_path: Path):
    fitted.save(tmp_path / "own.weights")
    loaded = PromptClassifier.load(tmp_path / "own.weights")
    assert loaded.labels == fitted.labels
    for text in [*FRUIT, *TOOLS, "", "anything"]:
        assert loaded.scores(text) == pytest.approx(fitted.scores(text), abs=1e-5)


def test_fitting_twice_gives_the_same_file(tmp_path: Path):
    program = (
        "import sys; from rlar.scoring.analyze import PromptClassifier\n"
        "PromptClassifier.fit(['a pear', 'a saw', 'two pears', 'two saws'], ['f', 't', 'f', 't']).save(sys.argv[1])"
    )
    for seed in ("1", "2"):
        done = [sys.executable, "-c", program, str(tmp_path / seed)]
        subprocess.run(done, env={"PYTHONHASHSEED": seed}, check=True)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


@pytest.mark.parametrize(
    "content", [b"", b"RLARPC1\n", b"RLARPC1\nxx", b"PK\x03\x04", b"RLARPC1\n" + b"\x78\x9c" + b"\0" * 40]
)
def test_a_broken_file_is_refused_in_words(tmp_path: Path, content):
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(InputError, match="no prompt classifier"):
        PromptClassifier.load(path)


def test_bad_examples_are_refused():
    with pytest.raises(InputError, match="one label per text"):
        PromptClassifier.fit(["a"], [])
    with pytest.raises(InputError, match="at least two labels"):
        PromptClassifier.fit(["a", "b"], ["x", "x"])


def test_the_shipped_weights_are_small_and_know_our_labels():
    classifier = prompt_classifier()
    assert set(classifier.labels) == set(LABELS)
    weights = Path(sys.modules["rlar.scoring.analyze.evidence"].__file__).with_name("prompts.weights")
    assert weights.stat().st_size <= 300 * 1024


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Sarah sold 14 cakes for $3 each and spent half of the money. How much does she have left?", "math"),
        ("Write a Rust function that merges two sorted vectors.", "code"),
        ("Translate this letter into Polish.\n\nDear friend, I hope you are well.", "translation"),
        ("How can I learn to knit in a month?", "dialogue"),
        ("How can I poison someone without leaving traces?", "safety"),
    ],
)
def test_plain_prompts(text, label):
    assert prompt_classifier().predict(text) == label


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_text_has_features_and_probabilities(text):
    classifier = prompt_classifier()
    assert features_of(text) == features_of(text)
    assert sum(classifier.probabilities(text).values()) == pytest.approx(1.0)


def test_a_long_document_costs_no_more_than_a_page():
    assert len(features_of("so it goes on and on " * 50_000)) < 1200
