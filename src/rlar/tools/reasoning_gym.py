"""Answers to tasks that the package reasoning-gym generated, judged by the generator's own scorer, where that is safe.

Needs the extra "verifiers". The item is built again from its dataset, seed and index.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import io
import json
import math
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rlar.errors import ToolFault
from rlar.tools.base import RuleTool, library_version
from rlar.tools.final_answer import last_claim
from rlar.tools.reasoning_gym_scores import GATES, OWN
from rlar.tools.text import visible
from rlar.types import Fault, Kind, Mark, Query, Response

LONGEST = 50_000  # characters of an answer
KEPT = 8  # datasets that a worker keeps

_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.S)


class _Item(NamedTuple):
    dataset: Any
    entry: Mapping[str, Any]
    name: str


class ReasoningGym(RuleTool):
    """The mark of reasoning-gym's scorer for the item in `extra["rg"]`: partial credit in [0, 1], 1.0 is right.

    `extra["rg"]`: {"dataset", "index", "seed", "size", "version", "config"}, or JSON text of it; the last four may be
    missing. A version other than the installed one is a fault, as is an item that comes out as another question than
    the prompt's (and another answer than the reference): the same seed does not give the same item in every version.
    The answer is what stands in the last <answer> ... </answer>, else in the last \\boxed{...}, else all that follows
    the thoughts: an answer within a sentence gets the little that most scorers give for it. Scorers that would run the
    answer as code, or give full marks to a constant, are replaced (see rlar.tools.reasoning_gym_scores); the dataset
    "composite" does not fit. An answer that makes a scorer raise is 0.0, once it has taken the gold answer.
    """

    def __init__(self) -> None:
        self.describe(
            name="reasoning_gym",
            kind=Kind.VERIFIER,
            about="the mark that the generator of the puzzle gives to the answer",
            suits=("reasoning", "math"),
            needs=("rg",),
            libraries=("reasoning-gym", "sympy"),
            line=1.0,
            timeout_s=10.0,
        )

    def fits(self, query: Query) -> bool:
        rg = _settings(query)
        if rg is None or importlib.util.find_spec("reasoning_gym") is None:
            return False
        return rg["dataset"] in known_datasets()

    def prepare(self, query: Query) -> _Item:
        rg = _settings(query)
        if rg is None:
            raise ToolFault(Fault.MISSING, "extra['rg'] lacks a dataset and an index")
        installed = library_version("reasoning-gym").partition("==")[2]
        if rg.get("version") not in (None, "", installed):
            raise ToolFault(Fault.MISSING, f"the item is of reasoning-gym {rg['version']}, installed is {installed}")
        name, config = rg["dataset"], dict(rg.get("config") or {})
        config |= {key: rg[key] for key in ("seed", "size") if rg.get(key) is not None}
        item = _Item(*_entry(name, json.dumps(config, sort_keys=True), int(rg["index"])), name)
        if not _same_question(item.entry, query):
            raise ToolFault(Fault.INVALID, f"{name} {rg['index']} comes out as another question than the prompt's")
        if isinstance(item.entry["answer"], str):
            _mark(item.entry["answer"], item)  # raises where the scorer is broken
        return item

    def rate(self, response: Response, query: Query, prepared: _Item) -> Mark:
        text = visible(response)
        answer = _answer(text)
        if len(answer) > LONGEST:
            return Mark(0.0, f"an answer of {len(answer)} characters")
        gold = prepared.entry["answer"]
        answer = gold if isinstance(gold, str) and gold.strip() == answer.strip() != "" else answer.strip()
        if not answer:
            return Mark(0.0, "empty")
        try:
            mark = _mark(answer, prepared)
        except ImportError:
            raise
        except Exception as e:  # their scorer, which took the gold answer: so it is this one
            return Mark(0.0, f"{prepared.name} cannot read it: {type(e).__name__}")
        return Mark(mark, f"{prepared.name} gives {mark:.3g}")


def _answer(text: str) -> str:
    if tagged := _ANSWER.findall(text):
        return str(tagged[-1])
    claim = last_claim(text, explicit=True) if "\\boxed" in text else None
    return claim.text if claim is not None and claim.how == "box" else text


def _mark(answer: str, item: _Item) -> float:
    """The mark of an answer, in [0, 1]."""
    if item.name in OWN:
        return OWN[item.name](answer, item.entry)
    if item.name in GATES and not GATES[item.name](answer, item.entry):
        return float(answer == item.entry["answer"])  # some golds are no algebra: integrals that sympy could not solve
    if item.name == "polynomial_equations" and not item.entry["answer"]:
        return float(answer in ('""', "''"))  # theirs takes any text without a number for "no solution"
    with contextlib.redirect_stdout(io.StringIO()):  # some scorers print what they think of an answer
        mark = float(item.dataset.score_answer(answer, dict(item.entry)))
    return min(1.0, max(0.0, mark)) if math.isfinite(mark) else 0.0


@functools.lru_cache(maxsize=KEPT)
def _dataset(name: str, config: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its dependencies have invalid escapes and "is" with literals
        from reasoning_gym.factory import create_dataset

        try:
            return create_dataset(name, **json.loads(config))
        except (ValueError, TypeError, AssertionError) as e:
            raise ToolFault(Fault.MISSING, f"reasoning-gym cannot build {name} with {config}: {e}") from e


@functools.lru_cache(maxsize=64)
def _entry(name: str, config: str, index: int) -> tuple[Any, Mapping[str, Any]]:
    dataset = _dataset(name, config)
    try:
        return dataset, dataset[index]
    except (IndexError, ValueError) as e:
        raise ToolFault(Fault.MISSING, f"reasoning-gym's {name} has no item {index} with {config}: {e}") from e


def _same_question(entry: Mapping[str, Any], query: Query) -> bool:
    question, prompt = " ".join(str(entry["question"]).split()), " ".join(query.text.split())
    return not prompt or question in prompt or (query.reference is not None and str(query.reference) == entry["answer"])


def _settings(query: Query) -> dict[str, Any] | None:
    """`extra["rg"]` as a dict with a dataset and an index; None if it is not one."""
    rg = query.extra.get("rg")
    if isinstance(rg, str):
        try:
            rg = json.loads(rg)
        except (ValueError, RecursionError):
            return None
    if not isinstance(rg, Mapping) or not isinstance(rg.get("dataset"), str):
        return None
    index = rg.get("index")
    return dict(rg) if isinstance(index, int) and not isinstance(index, bool) and index >= 0 else None


_NAMED = re.compile(r"""(?:DATASET_NAME\s*=|register_dataset\()\s*["'](\w+)["']""")


@functools.cache
def known_datasets() -> frozenset[str]:
    """The names of the installed package's datasets, read from its source: importing it takes 2 s.

    Without "composite", at the top of the package, which would hand the answer to any scorer.
    """
    spec = importlib.util.find_spec("reasoning_gym")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    files = (file for folder in folders for file in Path(folder).glob("*/**/*.py"))
    return frozenset(name for file in files for name in _NAMED.findall(file.read_text("utf-8", "replace")))
