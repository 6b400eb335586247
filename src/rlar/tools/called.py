"""Reading function calls out of responses, in every form that models write them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rlar.tools.structured.payload import bracketed, fences
from rlar.tools.structured.values import Malformed, read_json
from rlar.tools.text import visible
from rlar.types import Json, Response

LONGEST = 200_000  # characters of a response that are read
LONGEST_LINE = 5_000  # characters of a Python call


class Call(NamedTuple):
    """One call. arguments: None where they could not be read, which no expected call equals."""

    name: str
    arguments: Mapping[str, Json] | None


UNREADABLE = Call("", None)

_TAGGED = re.compile(
    r"<(tool_call|function_call|tool_calls)>(.*?)(?:</\1>|(?=<(?:tool_call|function_call|tool_calls)>)|\Z)", re.S
)
_MISTRAL = "[TOOL_CALLS]"
_PREFIX = re.compile(r"^(?:mcp__(?:(?!__).)+__|functions\.)")
_JSON_FENCES = ("", "json", "tool_call", "tool_calls", "tool_code")
_PYTHON_FENCES = ("", "python", "py", "tool_code", "tool_call")


def read_calls(response: Response, known: Mapping[str, Sequence[str]]) -> list[Call]:
    """All calls that a response makes, in order, thoughts left out.

    known: names of functions that may be called -> names of their parameters in order (for arguments without a name).
    The first form that is there counts: <tool_call>{json}</tool_call> (what is in the tags and cannot be read is an
    unreadable call); JSON objects or lists of calls, bare, in fences or in prose; Python calls with literal arguments,
    as all of the text or of a fence, or on lines of their own if the function is known.
    """
    text = visible(response)[:LONGEST].strip()
    if tagged := [m[2] for m in _TAGGED.finditer(text)]:
        return [call for content in tagged for call in _tagged_calls(content, known)]
    if _MISTRAL in text:
        return _tagged_calls(text.rpartition(_MISTRAL)[2], known)
    blocks = list(fences(text)) if "```" in text or "~~~" in text else []
    for parts in ([body for name, body in blocks if name in _JSON_FENCES], bracketed(text)):
        if found := [call for part in parts for call in _json_calls(part)]:
            return found
    for parts in ([body for name, body in blocks if name in _PYTHON_FENCES], [text]):
        if found := [call for part in parts for call in _python_calls(part.strip(), known) or ()]:
            return found
    found = [call for line in text.splitlines() for call in _python_calls(line.strip(" \t-*`"), known) or ()]
    return [call for call in found if call.name in known]


def plain_name(name: str) -> str:
    """A function's name without the prefix of its server: "mcp__weather__today" and "functions.today" are "today"."""
    return _PREFIX.sub("", name.strip())


# -- JSON ------------------------------------------------------------------------------------------------------------


def _tagged_calls(content: str, known: Mapping[str, Sequence[str]]) -> list[Call]:
    content = content.strip()
    for _, body in fences(content):
        content = body.strip()
    try:
        found = calls_in_json(read_json(content))
    except Malformed:
        found = [call for line in content.splitlines() if line.strip() for call in _json_calls(line)]
        found = found or _python_calls(content, known) or []
    return found or [UNREADABLE]


def _json_calls(text: str) -> list[Call]:
    if "{" not in text:
        return []
    try:
        return calls_in_json(read_json(text.strip()))
    except Malformed:
        meant = '"name"' in text and ('"arguments"' in text or '"parameters"' in text)
        return [UNREADABLE] if meant else []


def calls_in_json(value: Json) -> list[Call]:
    """The calls that a JSON value is: one call, a list of them, or a message with "tool_calls" or "function_call".

    A call is an object with a name, and arguments under "arguments", "parameters", "args" or "input", as an object or
    as JSON text of one; it may stand under "function". [] for anything else.
    """
    if isinstance(value, (list, tuple)):
        found = [calls_in_json(one) for one in value]
        return [call for calls in found for call in calls] if all(found) else []
    if not isinstance(value, Mapping):
        return []
    for wrapper in ("tool_calls", "function_call", "tool_call"):
        if wrapper in value:
            return calls_in_json(value[wrapper])
    if isinstance(value.get("function"), Mapping):
        return calls_in_json(value["function"])
    name = value.get("name", value.get("function"))
    keys = [key for key in ("arguments", "parameters", "args", "input") if key in value]
    if not isinstance(name, str) or not name.strip() or not (keys or set(value) <= {"id", "type", "name"}):
        return []
    return [Call(plain_name(name), _arguments(value[keys[0]] if keys else {}))]


def _arguments(value: Json) -> Mapping[str, Json] | None:
    if isinstance(value, str):
        try:
            value = read_json(value) if value.strip() else {}
        except Malformed:
            return None
    return value if isinstance(value, Mapping) else {} if value is None else None


def declared_functions(tools: Json) -> dict[str, Mapping[str, Any]]:
    """{name: JSON Schema of the parameters} of declared functions, in OpenAI's form, bare, or with "input_schema"."""
    if isinstance(tools, str):
        try:
            tools = json.loads(tools)
        except (ValueError, RecursionError):
            return {}
    found: dict[str, Mapping[str, Any]] = {}
    for tool in tools if isinstance(tools, (list, tuple)) else ():
        function = tool.get("function", tool) if isinstance(tool, Mapping) else None
        if isinstance(function, Mapping) and isinstance(function.get("name"), str):
            schema = function.get("parameters", function.get("input_schema"))
            found[plain_name(function["name"])] = schema if isinstance(schema, Mapping) else {}
    return found


# -- Python ----------------------------------------------------------------------------------------------------------


def _python_calls(text: str, known: Mapping[str, Sequence[str]]) -> list[Call] | None:
    """The calls that a text is from beginning to end, as Python: one after another, or a list of them; else None."""
    if not text.endswith((")", "]")) or "(" not in text or len(text) > LONGEST_LINE:
        return None
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    found: list[Call] = []
    for statement in body:
        value = statement.value if isinstance(statement, ast.Expr) else None
        nodes = value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]
        for node in nodes:
            if not isinstance(node, ast.Call) or not (name := _dotted(node.func)):
                return None
            found.append(_python_call(node, plain_name(name), known))
    return found


def _python_call(node: ast.Call, name: str, known: Mapping[str, Sequence[str]]) -> Call:
    names = list(known.get(name, ()))[: len(node.args)]
    given: Iterable[tuple[str | None, ast.expr]] = [
        *zip(names, node.args, strict=False),
        *((keyword.arg, keyword.value) for keyword in node.keywords),
    ]
    arguments: dict[str, Json] = {}
    for key, value in given:
        if key is None or key in arguments:
            return Call(name, None)
        try:
            arguments[key] = _literal(value)
        except ValueError:
            return Call(name, None)
    return Call(name, arguments if len(names) == len(node.args) else None)


def _dotted(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


_NAMES = {"true": True, "false": False, "null": None}


def _literal(node: ast.expr) -> Json:
    """The JSON value of a literal; nothing is executed. Raises ValueError for anything else."""
    if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, (bool, int, float, str))):
        return node.value
    if isinstance(node, ast.Name) and node.id in _NAMES:
        return _NAMES[node.id]
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return [_literal(one) for one in node.elts]
    if isinstance(node, ast.Dict):
        return dict(_items(node))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = _literal(node.operand)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return -value if isinstance(node.op, ast.USub) else value
    raise ValueError("not a literal")


def _items(node: ast.Dict) -> Iterator[tuple[str, Json]]:
    for key, value in zip(node.keys, node.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            raise ValueError("not a JSON key")
        yield key.value, _literal(value)
