"""Whether a response is valid JSON, YAML, TOML, XML or CSV, and whether it says what a reference in it says."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from rlar.errors import ToolFault
from rlar.tools.base import RuleTool
from rlar.tools.structured import csv, json_match, toml, xml, yaml
from rlar.tools.structured.payload import Payload, find_payload
from rlar.tools.structured.values import Malformed, read_json, same
from rlar.types import Fault, Json, Kind, Mark, Query, Response


class _Format(NamedTuple):
    """names: of fences. read: the plain value of a text, or Malformed. find: the payload of a response.

    looks: whether a reference can be of this format at all, by the standard library alone.
    """

    names: tuple[str, ...]
    read: Callable[[str], Json]
    find: Callable[[Response, bool], Payload]
    looks: Callable[[str], bool]
    libraries: tuple[str, ...] = ()


def _reads(read: Callable[[str], Json]) -> Callable[[str], bool]:
    def looks(text: str) -> bool:
        try:
            read(text)
        except Malformed:
            return False
        return True

    return looks


_YAML = re.compile(r"(?:^|\n)[ \t]*(?:- |[^\s#:][^\n:]{0,200}:(?:\s|$))|^[\[{]")


def _in_fence_or_whole(names: tuple[str, ...]) -> Callable[[Response, bool], Payload]:
    return lambda response, strict: find_payload(response, names, strict=strict)


_FORMATS = {
    "json": _Format(
        json_match.NAMES,
        read_json,
        lambda response, strict: json_match.json_payload(response, strict=strict),
        _reads(read_json),
    ),
    "yaml": _Format(
        yaml.NAMES,
        yaml.read_yaml,
        _in_fence_or_whole(yaml.NAMES),
        lambda text: _YAML.search(text) is not None,
        ("PyYAML",),
    ),
    "toml": _Format(toml.NAMES, toml.read_toml, _in_fence_or_whole(toml.NAMES), _reads(toml.read_toml)),
    "xml": _Format(
        xml.NAMES,
        xml.read_xml,
        xml.xml_payload,
        lambda text: text.startswith("<") and text.endswith(">"),
        ("defusedxml",),
    ),
    "csv": _Format(csv.NAMES, csv.read_csv, _in_fence_or_whole(csv.NAMES), _reads(csv.read_csv)),
}


class FormatValid(RuleTool):
    """1.0 if the response holds valid text of a format, else 0.0; with `match`, if it says what the reference says.

    format: json, yaml, toml, xml or csv. A bare text is no YAML here and prose no CSV: both need structure (a mapping
    or list; two columns or a fence that says csv). Bombs (aliases, entities, nesting, size) are invalid.
    match: compare the values too: types as in JSON, key order free; XML by tags, attributes, texts and order of
    children; CSV cell by cell as text.
    strict: the response has to be that text and nothing else, without fence or prose.
    """

    def __init__(self, format: str = "json", match: bool = False, strict: bool = False) -> None:
        if format not in _FORMATS:
            raise ValueError(f"format must be one of {', '.join(_FORMATS)}, got {format!r}")
        self.format, self.match, self.strict = format, match, strict
        what = f"the response is valid {format.upper()}"
        self.describe(
            name=f"{format}_{'value' if match else 'format'}" + "_strict" * strict,
            kind=Kind.VERIFIER,
            about=f"{what} and says what the reference says" if match else what,
            needs=("reference",) if match else (),
            config={"format": format, "match": match, "strict": strict},
            libraries=_FORMATS[format].libraries,
            line=0.5,
        )

    def fits(self, query: Query) -> bool:
        asked = query.extra.get("format")
        if isinstance(asked, str) and asked.lower() in _FORMATS and asked.lower() != self.format:
            return False
        if not self.match or (
            isinstance(query.reference, (Mapping, list, tuple)) and self.format in ("json", "yaml", "toml")
        ):
            return True
        return isinstance(query.reference, str) and _FORMATS[self.format].looks(query.reference.strip())

    def prepare(self, query: Query) -> Json:
        if not self.match or not isinstance(query.reference, str):
            return query.reference
        try:
            return _FORMATS[self.format].read(query.reference.strip())
        except Malformed as e:
            raise ToolFault(Fault.MISSING, f"the reference is no valid {self.format.upper()}: {e}") from e

    def rate(self, response: Response, query: Query, prepared: Any) -> Mark:
        form = _FORMATS[self.format]
        found = form.find(response, self.strict)
        if not found.how:
            return Mark(0.0, found.why)
        try:
            value = (
                form.read(found.text) if self.format != "csv" else csv.read_csv(found.text, sure=found.how == "fence")
            )
        except Malformed as e:
            return Mark(0.0, f"not {self.format.upper()} ({found.how}): {str(e)[:300]}")
        if not self.match:
            return Mark(1.0, f"valid {self.format.upper()} ({found.how})")
        if same(value, prepared, tolerance=1e-9):
            return Mark(1.0, f"says what the reference says ({found.how})")
        return Mark(0.0, f"valid, but differs from the reference ({found.how})")
