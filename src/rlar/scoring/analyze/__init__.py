"""What kind of judging a query needs: its label, what can be checked, its language, how sure that is and why.

No LLM, no model beyond a small table of word weights, no clock, no chance: the same query gives the same Task in every
process. Explicit fields (tests, constraints, schema ...) come first, then the shape of the reference, then what the
row says its task is, then the prompt's wording.
"""

from __future__ import annotations

from collections.abc import Mapping

from rlar.scoring.analyze.classifier import PromptClassifier
from rlar.scoring.analyze.constraints import read_constraints
from rlar.scoring.analyze.evidence import Evidence, gather
from rlar.scoring.analyze.hints import LABELS, hint, label_of
from rlar.tools.language import detect_cheap
from rlar.tools.language_pair import LanguagePair, language_pair
from rlar.tools.reference import Shape, shape_of
from rlar.types import Json, Query, Task

__all__ = ["LABELS", "PromptClassifier", "analyze", "label_of", "read_constraints"]

_ANSWERS = ("number", "expression", "interval", "set", "tuple", "choice", "json", "label", "list", "span")
_TEXT_LABELS = ("translation", "summarization", "data_to_text")  # the answer is a text, however short
_FORMATS = ("json", "yaml", "toml", "xml", "csv")
_SEEN_MOST = 4096
_seen: dict[tuple[str, bool], Task] = {}  # by content key: Tasks are small, prompts are not kept


def analyze(query: Query, *, use_hint: bool = True) -> Task:
    """What kind of judging a query needs. Pure and cached by content; about 0.5 ms for a new query.

    use_hint: believe extra["task"] (or the data set's name), unless explicit fields contradict it. Without it the
    label comes from content alone. Task.confidence is calibrated: see benchmarks/analyze.py.
    """
    key = (query.key, use_hint)
    task = _seen.get(key)
    if task is None:
        task = _analyze(query, use_hint)
        if len(_seen) >= _SEEN_MOST:
            _seen.clear()
        _seen[key] = task
    return task


def _analyze(query: Query, use_hint: bool) -> Task:
    shape, pair = shape_of(query), language_pair(query)
    evidence = gather(query, shape, pair)
    label, confidence, why = _label(query, evidence, hint(query) if use_hint else None)
    checks, sure, reasons = _checks(query, shape, label)
    language = detect_cheap(_instruction(query, pair))
    return Task(label, checks, language, round(confidence * sure, 3), (*reasons, *why))


def _label(query: Query, evidence: Evidence, hinted: tuple[str, str] | None) -> tuple[str, float, tuple[str, ...]]:
    """(label, confidence that it is right, reasons). Explicit fields, then the hint, then the evidence."""
    decided = evidence.decided
    if hinted is not None:
        label, where = hinted
        if decided is not None and decided.label != label and decided.strict:
            return decided.label, 0.9, (decided.why, f"{where}, which this contradicts")
        doubt = decided is None and evidence.label != label and evidence.confidence >= 0.9
        note = (f"but it reads as {evidence.label}: {'; '.join(evidence.why[:2])}",) if doubt else ()
        return label, 0.9 if doubt else 0.98, (where, *note)
    return evidence.label, evidence.confidence, evidence.why


def _checks(query: Query, shape: Shape, label: str) -> tuple[tuple[str, ...], float, list[str]]:
    """(checks, most decisive first; confidence that they are right; reasons)."""
    extra, checks, why = query.extra, [], []
    if query.tests:
        checks.append("tests")
        why.append("there are tests")
    for name, column in (("reasoning_gym", "rg"), ("sql", "sql"), ("tool_calls", "tool_calls")):
        abstain = name == "tool_calls" and extra.get("tools")  # an empty list: none of them is to be called
        if isinstance(extra.get(column), (Mapping, list, tuple)) and (extra[column] or abstain):
            checks.append(name)
            why.append(f"the row has {column!r}")
    answer, sure = _answer_check(shape, label), 1.0
    if answer:
        if not checks and answer.startswith("answer:"):  # everything hangs on how the reference was read
            sure = max(shape.confidence, 0.5) ** 0.5
        checks.append(answer)
        why.append(shape.why)
    if query.constraints:
        checks.append("constraints")
        why.append(f"there are {len(query.constraints)} constraints")
    if _is_schema(extra.get("schema")):
        checks.append("schema")
        why.append("there is a schema")
    if isinstance(extra.get("regex"), str) and extra["regex"]:
        checks.append("regex")
        why.append("there is a regular expression")
    wanted = extra.get("format")
    if isinstance(wanted, str) and wanted.strip().lower() in _FORMATS:
        checks.append(f"format:{wanted.strip().lower()}")
        why.append(f"the answer is to be {wanted.strip().upper()}")
    return tuple(checks), sure, why


def _answer_check(shape: Shape, label: str) -> str | None:
    """The check that the reference allows, or None. A text answers a text: even "Danke." is a translation."""
    if shape.kind in ("none", "program"):
        return None  # being like a program's text is not being right; its tests would tell
    if label in _TEXT_LABELS and shape.kind != "json":
        return "translation" if label == "translation" else "text:reference"
    if shape.kind == "text":
        return "text:reference"
    return f"answer:{shape.kind}" if shape.kind in _ANSWERS else None


def _is_schema(value: Json) -> bool:
    return (isinstance(value, Mapping) and bool(value)) or (isinstance(value, str) and value.strip()[:1] == "{")


def _instruction(query: Query, pair: LanguagePair | None) -> str:
    """The part of the prompt that is said in the asker's language: without the text that is to be translated."""
    text = query.question
    if pair is not None and pair.text and len(pair.text) < len(text):
        return text.replace(pair.text, " ", 1)
    return text
