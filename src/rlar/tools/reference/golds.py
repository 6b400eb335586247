"""The accepted gold answers of a query, as text, whatever people keep them in.

A list of texts means *alternatives*: any of them is right (as in SQuAD, TriviaQA, NQ). A list of two or more bare
numbers, or one that holds lists or dicts, is *one* answer that is a list; so is any list where the prompt asks for
JSON or `extra` has a schema. Containers such as {"answer": "18"} or {"value": ..., "aliases": [...]} are opened, and
an answer that is marked inside a solution ("... #### 18", "\\boxed{18}") stands for the solution.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence

from rlar.types import Json, Query

LONGEST = 20_000  # characters of a reference that are read in full


def golds(query: Query) -> tuple[str, ...]:
    """All accepted gold answers as text, in order, without repeats: of the reference, then of extra["references"].

    A list answer comes as one text: "1, 2, 3". A JSON answer comes as JSON text. () where there is no gold.
    """
    found = alternatives(query.reference, query.question, query.extra)
    more = query.extra.get("references")
    if isinstance(more, (str, list, tuple)):
        for one in [more] if isinstance(more, str) else more:
            found += alternatives(one)
    return tuple(dict.fromkeys(found))


def alternatives(reference: Json, prompt: str = "", extra: Mapping[str, Json] | None = None) -> tuple[str, ...]:
    """The accepted answers that one reference value holds, as text; () where it holds none. Rules: see `golds`."""
    if is_missing(reference):
        return ()
    if isinstance(reference, str):
        return (marked_answer(reference),)
    if isinstance(reference, (bool, int, float)):
        return (_plain_text(reference),)
    as_json = wants_json(prompt, extra)
    if isinstance(reference, Mapping):
        inner = None if as_json else opened(reference)
        return (_plain_text(reference),) if inner is None else alternatives(inner, prompt, extra)
    if isinstance(reference, Sequence):
        if as_json or is_list_answer(reference):
            flat = not as_json and all(_is_number(x) for x in reference)
            return (", ".join(map(_plain_text, reference)) if flat else _plain_text(reference),)
        return tuple(dict.fromkeys(gold for one in reference for gold in alternatives(one)))
    return (_plain_text(reference),)


def is_missing(reference: Json) -> bool:
    """None, NaN (a missing cell of a table), blank text, and empty containers are no reference."""
    if isinstance(reference, float):
        return math.isnan(reference)
    if isinstance(reference, str):
        return not reference or reference.isspace()
    return reference is None or (isinstance(reference, (list, tuple, Mapping)) and not reference)


def is_list_answer(reference: Sequence[Json]) -> bool:
    """Whether a JSON list is one answer that is a list, and not a list of alternatives (see `golds`)."""
    nested = any(isinstance(x, (list, tuple, Mapping)) for x in reference)
    return nested or (len(reference) > 1 and all(_is_number(x) for x in reference))


def _is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _plain_text(value: Json) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if value.bit_length() < 10_000 else hex(value)  # str() of a huge integer raises
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError, TypeError):
        return "<unreadable>"


# -- containers that people put golds into ------------------------------------------------------------------------

_ANSWER_KEYS = ("final_answer", "answer", "answers", "ground_truth", "expected_answer", "target", "gold", "golds",
                "value", "text", "label")  # fmt: skip
_SIDE = """aliases normalized_aliases normalized_value matched_wiki_entity_name normalized_matched_wiki_entity_name
type style explanation rationale solution reasoning unit units answer_start answer_type unit_text is_multiple_answer
id source"""
_SIDE_KEYS = frozenset(_SIDE.split())


def opened(reference: Mapping[str, Json]) -> Json:
    """What a container holds, or None if the mapping is an answer in itself (it has keys of its own)."""
    keys = {str(k).lower(): k for k in reference}
    answers = [keys[k] for k in _ANSWER_KEYS if k in keys]
    if not answers or any(k not in _SIDE_KEYS and k not in _ANSWER_KEYS for k in keys):
        return None
    main = reference[answers[0]]
    aliases = reference.get(keys.get("aliases", ""), None)
    if isinstance(aliases, (list, tuple)) and isinstance(main, str):
        return [main, *aliases]
    return main


def wants_json(prompt: str, extra: Mapping[str, Json] | None) -> bool:
    if extra and (extra.get("schema") or extra.get("format") == "json"):
        return True
    return _JSON_WORD.search(prompt[:1000]) is not None or _JSON_WORD.search(prompt[-1000:]) is not None


_JSON_WORD = re.compile(r"\bjson\b", re.I)


# -- answers marked inside a solution -----------------------------------------------------------------------------

_LAST_LINE = re.compile(r"(?:^|\n)\W{0,4}(?:the )?(?:final )?answer(?: is)?[:=]?\s{1,3}(\S[^\n]{0,200})$", re.I)
_SENTENCE = re.compile(  # three words at most: a longer one explains, and is a text
    r"(?:so |thus |therefore,? )?the (?:final |correct )?answer is:?\s{1,3}(?!not\b|in\b|that\b)"
    r"(\S{1,40}(?: \S{1,40}){0,2}?)[.!]?",
    re.I,
)
_BETWEEN_BOXES = re.compile(r"(?:[\s,;$]|\\[()]|and|or|\\text\{\s?(?:and|or)\s?\})*")


def marked_answer(text: str) -> str:
    """The answer that a solution marks: after its last "####", in its last \\boxed{}, else the whole text, stripped."""
    tail = text[-LONGEST:]
    if "####" in tail:
        marked = tail.rpartition("####")[2].strip()
        if marked and "\n" not in marked:
            return marked
    if m := _SENTENCE.fullmatch(text.strip()):
        return m[1].strip()
    if "\\boxed" in tail or "\\fbox" in tail:
        boxes = list(_boxes(tail))
        if len(boxes) == 1 or (boxes and not _joined(boxes, tail)):
            return boxes[-1][2].strip()
    return text.strip()


def _boxes(text: str) -> list[tuple[int, int, str]]:
    """(start, end, content) of each \\boxed{...} with balanced braces, outermost ones only."""
    found: list[tuple[int, int, str]] = []
    for m in re.finditer(r"\\f?box(?:ed)?\s{0,2}\{", text):
        if found and m.start() < found[-1][1]:
            continue
        depth, i = 1, m.end()
        while i < len(text) and depth:
            depth += {"{": 1, "}": -1}.get(text[i], 0)
            i += 1
        if depth:
            break
        found.append((m.start(), i, text[m.end() : i - 1]))
    return found


def _joined(boxes: Sequence[tuple[int, int, str]], text: str) -> bool:
    """Whether the last two boxes are one answer: "\\boxed{2} and \\boxed{3}"."""
    between = text[boxes[-2][1] : boxes[-1][0]]
    return len(between) < 40 and _BETWEEN_BOXES.fullmatch(between) is not None
