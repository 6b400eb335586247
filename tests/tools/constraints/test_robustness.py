"""Any text: no check raises, none depends on anything but the text, and time grows with the length, no faster."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rlar.tools.constraints import CHECKS
from rlar.tools.constraints.check import Check

CASES: dict[str, dict[str, Any]] = {
    case["id"]: case
    for file in sorted((Path(__file__).parent / "cases").glob("*.yaml"))
    for case in yaml.safe_load(file.read_text("utf-8"))
}
READY: list[tuple[Check, dict[str, Any]]] = [
    (CHECKS[id], CHECKS[id].read(case["kwargs"])) for id, case in CASES.items()
]
SEEDS = [text for case in CASES.values() for text in (*case["follows"], *case["breaks"])]

anything = st.text(st.characters(exclude_categories=()), max_size=200)
pieces = st.sampled_from(
    [
        *"*#-_.,!?'\"`()[]{}<>:;\n\t |",
        "\ud800",
        "\x00",
        "***",
        "******",
        "```",
        "。",
        "、",
        "「",
        "」",
        "漢",
        "あ",
        "¿",
        "«",
        "e\u0301",
    ]
)
texts = st.one_of(
    anything,
    st.sampled_from(SEEDS),
    st.lists(st.one_of(pieces, st.sampled_from(["word", "A", "3.5", "Section 1", "P.S."])), max_size=60).map("".join),
)


@given(texts)
@settings(max_examples=60, deadline=None)
def test_no_check_raises_and_the_same_text_gives_the_same_finding(text: str) -> None:
    for check, values in READY:
        finding = check.follow(text, values)
        assert isinstance(finding.followed, bool)
        finding.found.encode("utf-8")  # people can be shown it
        assert finding == check.follow(text, values)
        if not text.strip():
            assert not finding.followed


@given(texts)
@settings(max_examples=20, deadline=None)
def test_loose_follows_wherever_strict_does(text: str) -> None:
    for check, values in READY:
        if check.follow(text, values).followed:
            assert check.follow_loosely(text, values).followed
        else:
            check.follow_loosely(text, values)


@given(texts)
@settings(max_examples=20, deadline=None)
def test_a_break_is_a_break_for_any_text(text: str) -> None:
    for check, values in READY:
        broken = check.breaks(text, values)
        if broken is not None:
            assert check.follow(text, values).followed
            assert not check.follow(broken, values).followed


HOSTILE = [
    "a",
    "!",
    "*",
    "\n",
    "[",
    "<<",
    '"',
    "- ",
    ".",
    "漢",
    "「",
    "《",
    "p. ",
    "A.B. ",
    "word! ",
    "1,",
    "…",
    "\ud800",
    "x\n",
    "' ",
]


def seconds(check: Check, values: dict[str, Any], text: str) -> float:
    start = time.process_time()
    check.follow(text, values)
    return time.process_time() - start


@pytest.mark.parametrize("piece", HOSTILE, ids=repr)
def test_time_grows_with_the_length_and_no_faster(piece: str) -> None:
    """Eight times the text: a quadratic step would cost 64 times as much."""
    short, long = (piece * (size // len(piece)) for size in (2_000, 16_000))
    for check, values in READY:
        if seconds(check, values, long) > 0.1:  # slow, or disturbed: look again
            least = min(seconds(check, values, short) for _ in range(3))
            most = min(seconds(check, values, long) for _ in range(3))
            assert most < 30 * max(least, 0.002), check.id


@pytest.mark.slow
@pytest.mark.parametrize("piece", HOSTILE, ids=repr)
def test_a_megabyte_is_judged_by_every_check(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    for check, values in READY:
        assert seconds(check, values, text) < 10, check.id


def test_a_megabyte_of_prose_is_judged_by_every_check() -> None:
    text = "It's a fine day, isn't it? We went to the U.S. in May.\n\n* One [place] **more**\n" * 1_200
    text += text.upper()
    for check, values in READY[::7]:
        check.follow(text, values)


def test_deeply_nested_json_is_no_json() -> None:
    assert not CHECKS["detectable_format:json_format"].follow("[" * 200_000, {}).followed
