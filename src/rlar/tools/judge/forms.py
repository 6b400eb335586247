"""The prompts of a judge, and the JSON that it has to reply with."""

from __future__ import annotations

import functools
from importlib.resources import files
from string import Template

from rlar.tools.judge.guard import shown
from rlar.types import Json, Message, Query, content_key

LOW, HIGH = 1, 10  # what a judge is asked for; mapped to [0, 1]
NAMES = ("system", "pointwise", "pairwise", "listwise", "criteria", "family", "solve", "evidence")


@functools.cache
def prompt(name: str) -> Template:
    return Template((files("rlar.tools.judge") / "prompts" / f"{name}.md").read_text("utf-8"))


@functools.cache
def prompts_version() -> str:
    """12 hex digits over all prompts: a judge with other words is another judge."""
    return content_key([prompt(name).template for name in NAMES])[:12]


def messages(name: str, **parts: str) -> tuple[Message, ...]:
    """A filled prompt. Parts are filled in once, so nothing inside them can be a placeholder."""
    text = prompt(name).substitute(low=str(LOW), high=str(HIGH), **parts)
    squeezed = "\n".join(line for line in text.splitlines())
    return Message("system", prompt("system").template), Message("user", squeezed)


def question(query: Query) -> str:
    if isinstance(query.prompt, str):
        return "The question:\n" + shown("question", query.prompt)
    turns = "\n".join(shown("turn", m.content, role=m.role) for m in query.prompt)
    return "The conversation; its last turn is what was to be answered:\n" + turns


def reference(query: Query) -> str:
    if query.reference is None:
        return ""
    return "A reference answer, known to be right; a good answer may say it differently:\n" + shown(
        "reference", str(query.reference)
    )


def criteria(items: list[str]) -> str:
    return "What counts, most important first:\n" + "\n".join(f"- {item}" for item in items) if items else ""


def score_schema(critique: bool) -> Json:
    score = {"type": "integer", "minimum": LOW, "maximum": HIGH}
    return _object({"critique": {"type": "string"}, "score": score} if critique else {"score": score})


def winner_schema(critique: bool) -> Json:
    winner = {"type": "string", "enum": ["A", "B", "tie"]}
    return _object({"critique": {"type": "string"}, "winner": winner} if critique else {"winner": winner})


def list_schema(critique: bool, ids: list[str]) -> Json:
    one = _object(
        {"id": {"type": "string", "enum": ids}, "score": {"type": "integer", "minimum": LOW, "maximum": HIGH}}
    )
    scores = {"type": "array", "items": one, "minItems": len(ids), "maxItems": len(ids)}
    return _object({"critique": {"type": "string"}, "scores": scores} if critique else {"scores": scores})


CRITERIA_SCHEMA = {
    "type": "object",
    "properties": {"criteria": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 8}},
    "required": ["criteria"],
    "additionalProperties": False,
}
SOLUTION_SCHEMA = {
    "type": "object",
    "properties": {"reasoning": {"type": "string"}, "answer": {"type": "string"}},
    "required": ["reasoning", "answer"],
    "additionalProperties": False,
}
EVIDENCE_SCHEMA = {
    "type": "object",
    "properties": {
        "action": {"enum": ["check", "verdict"]},
        "check": {"enum": ["calculator", "lookup", "python"]},
        "input": {"type": "string"},
        "critique": {"type": "string"},
        "evidence": {"type": "array", "items": {"type": "integer", "minimum": 1}},
        "score": {"type": "integer", "minimum": LOW, "maximum": HIGH},
    },
    "required": ["action"],
    "oneOf": [
        {"properties": {"action": {"const": "check"}}, "required": ["check", "input"]},
        {"properties": {"action": {"const": "verdict"}}, "required": ["critique", "evidence", "score"]},
    ],
    "additionalProperties": False,
}


def _object(properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
