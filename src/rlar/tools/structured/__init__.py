"""Verifiers of structured answers: JSON, JSON Schema, YAML, TOML, XML, CSV, regular expressions, tags."""

from rlar.tools.structured.formats import FormatValid
from rlar.tools.structured.json_match import JsonMatch
from rlar.tools.structured.regex import RegexMatch
from rlar.tools.structured.schema import JsonSchema
from rlar.tools.structured.tags import TagFormat

__all__ = ["FormatValid", "JsonMatch", "JsonSchema", "RegexMatch", "TagFormat"]
