"""A JSON answer against a JSON Schema."""

from __future__ import annotations

import datetime
import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from rlar.errors import ToolFault
from rlar.tools.base import RuleTool
from rlar.tools.structured.json_match import json_payload
from rlar.tools.structured.values import Malformed, read_json
from rlar.types import Fault, Json, Kind, Mark, Query, Response

MOST_REASONS = 3  # violations that are named


class JsonSchema(RuleTool):
    """1.0 if the response's JSON obeys the schema in `extra["schema"]` (an object, a truth value, or JSON text of one).

    The draft is that of "$schema", else 2020-12; "format" is checked for dates, times, e-mail, URI, UUID, IP and host
    names and regular expressions. Nothing is fetched: a "$ref" to elsewhere is a fault, as is a broken schema.
    strict: the response has to be JSON and nothing else, without fence or prose.
    """

    def __init__(self, strict: bool = False) -> None:
        self.strict = strict
        self.describe(
            name="json_schema" + "_strict" * strict,
            kind=Kind.VERIFIER,
            about="the JSON of the response obeys the schema",
            needs=("schema",),
            config={"strict": strict},
            libraries=("jsonschema",),
            line=0.5,
        )

    def fits(self, query: Query) -> bool:
        return _schema_of(query) is not None

    def prepare(self, query: Query) -> Any:
        return _validator(json.dumps(_schema_of(query), sort_keys=True))

    def rate(self, response: Response, query: Query, prepared: Any) -> Mark:
        import referencing.exceptions

        found = json_payload(response, strict=self.strict)
        if not found.how:
            return Mark(0.0, found.why)
        try:
            value = read_json(found.text)
        except Malformed as e:
            return Mark(0.0, f"not JSON ({found.how}): {e}")
        reasons = []
        try:
            for error in prepared.iter_errors(value):
                place = "/".join(map(str, error.absolute_path)) or "the top"
                reasons.append(f"at {place}: {error.message[:200]}")
                if len(reasons) == MOST_REASONS:
                    break
        except referencing.exceptions.Unresolvable as e:
            raise ToolFault(Fault.MISSING, f"the schema refers to {e.ref!r}, which is not in it") from e
        return Mark(0.0, "; ".join(reasons)) if reasons else Mark(1.0, f"obeys the schema ({found.how})")


def _schema_of(query: Query) -> Json:
    """The schema of a query as an object or a truth value; None if it has none that can be read."""
    schema = query.extra.get("schema")
    if isinstance(schema, str):
        try:
            schema = json.loads(schema)
        except (ValueError, RecursionError):
            return None
    if isinstance(schema, Mapping):
        return dict(schema)
    return schema if isinstance(schema, bool) else None


@functools.lru_cache(maxsize=128)
def _validator(text: str) -> Any:
    """The validator of a schema, given as JSON text. Raises ToolFault for a schema that is none."""
    import jsonschema
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]

    schema = json.loads(text)
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as e:
        raise ToolFault(Fault.MISSING, f"extra['schema'] is no JSON Schema: {e.message[:300]}") from e
    known = set(_strings(schema, ("$id", "id")))
    for ref in _strings(schema, ("$ref", "$dynamicRef")):
        base = ref.partition("#")[0]
        if "://" in base and base not in REGISTRY and base not in known:
            raise ToolFault(Fault.MISSING, f"the schema refers to {ref!r}; nothing is fetched, so put it into $defs")
    return kind(schema, registry=REGISTRY, format_checker=_formats())


def _strings(schema: Json, keys: tuple[str, ...]) -> Iterator[str]:
    """The texts under these keys, at any depth."""
    layer = [schema]
    while layer:
        one = layer.pop()
        if isinstance(one, dict):
            yield from (v for k, v in one.items() if k in keys and isinstance(v, str))
            layer += one.values()
        elif isinstance(one, list):
            layer += one


@functools.cache
def _formats() -> Any:
    """jsonschema's own checks of "format", and by the standard library those that it needs other packages for."""
    import jsonschema

    checker = jsonschema.FormatChecker()
    for name, pattern in _FORMATS.items():
        checker.checks(name)(functools.partial(_matches, re.compile(pattern)))
    checker.checks("date-time", raises=ValueError)(_is_date_time)
    checker.checks("time", raises=ValueError)(_is_time)
    return checker


_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_FORMATS = {
    "uri": r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]*",
    "hostname": rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*",
    "email": r"[^\s@]{1,64}@[^\s@]{1,255}",
    "json-pointer": r"(?:/(?:[^~/]|~[01])*)*",
    "duration": r"P(?!$)(?:\d+W|(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?)",
}
_RFC3339_TIME = re.compile(r"\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.A)


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return not isinstance(value, str) or pattern.fullmatch(value) is not None


def _is_date_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    if len(value) < 20 or value[10] not in "Tt ":
        return False
    datetime.date.fromisoformat(value[:10])
    return _is_time(value[11:])


def _is_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    if not _RFC3339_TIME.fullmatch(value):
        return False
    datetime.time.fromisoformat(value[:8].replace(":60", ":59"))  # a leap second is a time
    return True
