"""Conversations as people store them (OpenAI, TRL, ShareGPT, content parts, tool calls) to the two forms that rlar has:
a tuple of Message for prompts, one text for responses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from rlar.rollouts.items import BadRow, describe
from rlar.types import Json, Message, Response

_ROLES = {"human": "user", "gpt": "assistant", "model": "assistant", "bot": "assistant", "ai": "assistant"}
_ROLES |= {"developer": "system", "function": "tool", "observation": "tool", "tool_response": "tool"}


def is_messages(value: Json) -> TypeGuard[list[dict[str, Json]]]:
    """Whether this is a non-empty list of turns: objects with a role (`role` or ShareGPT's `from`)."""
    return (
        isinstance(value, (list, tuple))
        and len(value) > 0
        and all(isinstance(turn, Mapping) and ("role" in turn or "from" in turn) for turn in value)
    )


def read_messages(value: Sequence[Mapping[str, Json]], field: str) -> tuple[Message, ...]:
    """Turns with their text; tool calls of a turn are rendered after it. Raises BadRow naming the turn."""
    return tuple(_message(turn, f"{field}[{i}]") for i, turn in enumerate(value))


def read_prompt(value: Json, field: str) -> str | tuple[Message, ...]:
    """A text, a list of turns, or one turn. Raises BadRow for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and ("role" in value or "from" in value):
        value = [value]
    if is_messages(value):
        return read_messages(value, field)
    raise BadRow(field, describe(value), "text, or a list of messages {role, content}")


def read_response(value: Json, field: str) -> Response:
    """One completion as text: a text, a turn, or a list of turns.

    Of several turns those of the assistant are joined by blank lines: results of tools are not the policy's words.
    Raises BadRow for anything else, null included: a completion that is missing is not an empty one.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        value = [value if "role" in value or "from" in value else {"role": "assistant", **value}]
    if is_messages(value):
        own = [turn for turn in read_messages(value, field) if turn.role == "assistant"]
        if own:
            return "\n\n".join(turn.content for turn in own)
        raise BadRow(field, "messages without one of the assistant", "at least one assistant message")
    if (
        isinstance(value, (list, tuple))
        and value
        and all(isinstance(part, Mapping) and "type" in part for part in value)
    ):
        return _content(value, field)
    raise BadRow(field, describe(value), "text, or a list of messages {role, content}")


def render_tool_call(call: Mapping[str, Json]) -> str:
    """`<tool_call>{"name": ..., "arguments": {...}}</tool_call>` of an OpenAI call or a plain {name, arguments}."""
    function = call.get("function", call)
    if not isinstance(function, Mapping):
        function = call
    arguments = function.get("arguments", function.get("parameters", {}))
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            pass  # the policy wrote broken JSON: the tool-call check shall see just that
    body = json.dumps({"name": function.get("name"), "arguments": arguments}, ensure_ascii=False)
    return f"<tool_call>{body}</tool_call>"


def _message(turn: Mapping[str, Json], field: str) -> Message:
    role = turn.get("role", turn.get("from"))
    if not isinstance(role, str):
        raise BadRow(f"{field}.role", describe(role), "text such as user or assistant")
    text = _content(turn.get("content", turn.get("value", turn.get("text"))), f"{field}.content")
    calls = turn.get("tool_calls") or ([turn["function_call"]] if turn.get("function_call") else [])
    if not isinstance(calls, (list, tuple)) or not all(isinstance(call, Mapping) for call in calls):
        raise BadRow(f"{field}.tool_calls", describe(calls), "a list of calls {name, arguments}")
    rendered = [render_tool_call(call) for call in calls]
    return Message(_ROLES.get(role.lower(), role.lower()), "\n".join([text, *rendered] if text else rendered))


def _content(value: Json, field: str) -> str:
    """Text of a turn: a text, null (a turn of tool calls only), or OpenAI's content parts; other media as [type]."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, (list, tuple)):
        raise BadRow(field, describe(value), "text or a list of content parts")
    parts = []
    for i, part in enumerate(value):
        if isinstance(part, str):
            parts.append(part)
        elif isinstance(part, Mapping):
            text = part.get("text", part.get("refusal"))
            if isinstance(text, Mapping):  # {"type": "text", "text": {"value": ...}}
                text = text.get("value")
            parts.append(text if isinstance(text, str) else f"[{part.get('type', 'part')}]")
        else:
            raise BadRow(f"{field}[{i}]", describe(part), "a content part {type, text}")
    return "".join(parts)
