"""What the model is asked to fill in, and what is made of it. Nothing in a reply is used before it meets its schema."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from rlar.acquire.code_agent.static import LONGEST
from rlar.types import Json, Kind

_WORD = {"type": "string", "maxLength": 600}
_TEXT = {"type": "string", "maxLength": 4000}


def _object(**properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


LABEL: Json = _object(about=_WORD, parts={"type": "array", "items": _WORD, "maxItems": 5})
IDEA: Json = _object(name=_WORD, kind={"enum": ["verifier", "metric"]}, about=_WORD, approach=_TEXT)
EXAMPLE: Json = _object(
    prompt=_TEXT,
    response=_TEXT,
    reference={"type": ["string", "number", "null"]},
    extra=_TEXT,
    low={"type": "number"},
    high={"type": "number"},
)
WRITTEN: Json = _object(
    source={"type": "string", "maxLength": 2 * LONGEST},
    about=_WORD,
    line={"type": ["number", "null"]},
    requires={"type": "array", "items": _WORD, "maxItems": 8},
    examples={"type": "array", "items": EXAMPLE, "minItems": 2, "maxItems": 12},
)
_FIELD = re.compile(r"reference|extra\.[A-Za-z_][A-Za-z0-9_]{0,40}")


def proposals_form(most: int) -> Json:
    """One idea is enough to go on; more than `most` are cut off by `ideas_of`, since not every endpoint can count."""
    return _object(candidates={"type": "array", "items": IDEA, "minItems": 1, "maxItems": 4 * most})


@dataclass(frozen=True, slots=True)
class Idea:
    """A proposed tool. name: lower_snake, unique within its family."""

    name: str
    kind: Kind
    about: str
    approach: str


def ideas_of(reply: Json, most: int) -> list[Idea]:
    ideas: dict[str, Idea] = {}
    for i, body in enumerate(reply["candidates"][:most]):
        name = re.sub(r"[^a-z0-9]+", "_", body["name"].lower()).strip("_")[:40]
        name = name if name and name[0].isalpha() else f"tool_{i + 1}"
        while name in ideas:
            name = f"{name}_{i + 1}"
        ideas[name] = Idea(name, Kind(body["kind"]), _one_line(body["about"]), body["approach"])
    return list(ideas.values())


@dataclass(frozen=True, slots=True)
class Example:
    """The writer's own: score(prompt, response, reference, extra) must lie in [low, high]."""

    prompt: str
    response: str
    reference: Json
    extra: dict[str, Json]
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Written:
    """One version of a tool as it was written. line: None for a metric. requires: as WrittenTool takes it."""

    source: str
    about: str
    line: float | None
    requires: tuple[str, ...]
    examples: tuple[Example, ...]


def written_of(reply: Json, kind: Kind) -> Written:
    """Raises ValueError, in words for the writer, for what a schema cannot say."""
    line = reply["line"] if kind is Kind.VERIFIER else None
    if kind is Kind.VERIFIER:
        line = 0.5 if line is None else float(line)
        if not 0.0 < line <= 1.0:
            raise ValueError(f"line is the score from which an answer is right, above 0 and at most 1, not {line}")
    requires = tuple(dict.fromkeys(name for name in reply["requires"] if name not in ("prompt", "response", "extra")))
    if strange := [name for name in requires if not _FIELD.fullmatch(name)]:
        raise ValueError(f"requires may name prompt, reference and extra.NAME, not {', '.join(strange)[:100]}")
    examples = tuple(_example(body) for body in reply["examples"])
    return Written(unfenced(reply["source"]), _one_line(reply["about"]), line, requires, examples)


def _example(body: dict[str, Any]) -> Example:
    try:
        extra = json.loads(body["extra"] or "{}")
    except (ValueError, RecursionError) as e:
        raise ValueError(f"the extra of an example is no JSON ({e}); write {{}} for none") from e
    low, high = float(body["low"]), float(body["high"])
    if not (isinstance(extra, dict) and math.isfinite(low) and math.isfinite(high) and low <= high):
        raise ValueError("an example needs extra as a JSON object and low <= high")
    return Example(body["prompt"], body["response"], body["reference"], extra, low, high)


def unfenced(source: str) -> str:
    """A program without the code fence that some models put around it even inside of JSON."""
    found = re.fullmatch(r"\s*```[a-zA-Z0-9]*\n(.*?)\n?```\s*", source, re.DOTALL)
    return (found.group(1) if found else source).strip() + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]
