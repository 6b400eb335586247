"""Reading structured replies: strictly what was asked for, out of whatever wrapping models put around it."""

from __future__ import annotations

import json
import re
from typing import Any

from rlar.engines.llm.chat import ChatUnreadable, Reply
from rlar.types import Json

FENCE = re.compile(r"```[a-zA-Z0-9_-]*\n(.*?)```", re.DOTALL)
LONGEST = 1_000_000  # characters of a reply that are read at all


def read_json(reply: Reply, schema: Json) -> Json:
    """The JSON value in a reply, checked against a JSON Schema.

    The whole text is tried first, then the last fenced block, then the outermost braces. Values that JSON does not
    know (NaN), duplicate keys and cut-off replies are refused: a guess would be a silent wrong verdict.
    Raises ChatUnreadable.
    """
    text = reply.text[:LONGEST].strip()
    if reply.finish == "length":
        raise ChatUnreadable("the reply was cut off", text)
    why = "the reply holds no JSON"
    for candidate in _candidates(text):
        try:
            value = json.loads(candidate, object_pairs_hook=_unique, parse_constant=_refuse)
        except (ValueError, RecursionError) as e:
            why = f"the reply holds no JSON ({e})"
            continue
        problem = _problem(value, schema)
        if problem is None:
            return value
        why = f"the reply does not meet its schema: {problem}"
    raise ChatUnreadable(why, text)


def _candidates(text: str) -> list[str]:
    found = [text]
    fences = FENCE.findall(text)
    if fences:
        found.append(fences[-1])
    start, end = text.find("{"), text.rfind("}")
    if 0 <= start < end:
        found.append(text[start : end + 1])
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [k for k, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("a key is there twice")
    return dict(pairs)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _problem(value: Json, schema: Json) -> str | None:
    import jsonschema

    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(value))
    return None if error is None else f"{error.json_path}: {error.message[:200]}"
