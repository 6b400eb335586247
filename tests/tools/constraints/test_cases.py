"""Every id: responses that follow and responses that do not, the traps beside the plain cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from rlar.tools.constraints import CHECKS, break_response, describe, follows
from rlar.tools.constraints.registry import SAME_IN
from rlar.types import Constraint

CASES: list[dict[str, Any]] = [
    case
    for file in sorted((Path(__file__).parent / "cases").glob("*.yaml"))
    for case in yaml.safe_load(file.read_text("utf-8"))
]


def each(kind: str) -> list[Any]:
    return [
        pytest.param(Constraint(case["id"], case["kwargs"]), text, id=f"{case['id']}-{number}")
        for case in CASES
        for number, text in enumerate(case[kind])
    ]


@pytest.mark.parametrize(("constraint", "response"), each("follows"))
def test_it_is_followed(constraint: Constraint, response: str) -> None:
    assert follows(response, constraint)
    assert follows(response, constraint, loose=True)


@pytest.mark.parametrize(("constraint", "response"), each("breaks"))
def test_it_is_not_followed(constraint: Constraint, response: str) -> None:
    assert not follows(response, constraint)


@pytest.mark.parametrize(("constraint", "response"), each("follows"))
def test_a_broken_response_is_no_longer_right(constraint: Constraint, response: str) -> None:
    broken = break_response(response, constraint)
    if broken is not None:
        assert broken != response
        assert broken.strip()
        assert not follows(broken, constraint)


@pytest.mark.parametrize(("constraint", "response"), each("breaks"))
def test_what_is_wrong_already_is_not_broken_again(constraint: Constraint, response: str) -> None:
    assert break_response(response, constraint) is None


def test_every_check_has_cases() -> None:
    shared = {f"{prefix}{id}" for prefix, ids in SAME_IN.items() for id in ids}
    assert {case["id"] for case in CASES} == CHECKS.keys() - shared


NOT_BROKEN = {"language:response_language", "keywords:palindrome"}  # no small change does it


def test_nearly_every_check_can_be_broken() -> None:
    broken = {
        case["id"]
        for case in CASES
        for text in case["follows"]
        if break_response(text, Constraint(case["id"], case["kwargs"])) is not None
    }
    assert {case["id"] for case in CASES} - broken == NOT_BROKEN


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_instruction_is_said_in_words_with_its_values(case: dict[str, Any]) -> None:
    words = describe(Constraint(case["id"], case["kwargs"]))
    assert "{" not in words.replace("{and braces}", "")
    for name, value in case["kwargs"].items():
        if isinstance(value, (int, str)) and "relation" not in name and name != "language":
            assert str(value).strip() in words


@pytest.mark.parametrize("id", sorted(CHECKS))
@pytest.mark.parametrize("response", ["", " ", "\n\t\n", "\u3000"])
def test_silence_never_follows(id: str, response: str) -> None:
    case = next(case for case in CASES if id.endswith(case["id"]) or case["id"] == id)
    constraint = Constraint(id, case["kwargs"])
    assert not follows(response, constraint)
    assert not follows(response, constraint, loose=True)
