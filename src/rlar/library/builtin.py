"""The catalogue of built-in tools: name -> where its class is, and the settings that make this tool of it.

In routing order within a kind. Only names live here; a module is imported when one of its tools is first asked for.
"""

from __future__ import annotations

from rlar.types import Json

Entry = tuple[str, str, dict[str, Json]]

CATALOG: dict[str, Entry] = {
    # answers
    "math": ("rlar.tools.math", "Math", {"profile": "reward"}),
    "math_strict": ("rlar.tools.math", "Math", {"profile": "strict"}),
    "math_lenient": ("rlar.tools.math", "Math", {"profile": "lenient"}),
    "numeric": ("rlar.tools.numeric", "Numeric", {}),
    "choice": ("rlar.tools.choice", "Choice", {}),
    "label_match": ("rlar.tools.match", "LabelMatch", {}),
    "list_match": ("rlar.tools.match", "ListMatch", {}),
    "final_span": ("rlar.tools.match", "FinalSpan", {}),
    "normalized_match": ("rlar.tools.match", "NormalizedMatch", {}),
    "exact_match": ("rlar.tools.match", "ExactMatch", {}),
    # programs
    "unit_tests": ("rlar.tools.code", "UnitTests", {}),
    "unit_tests_partial": ("rlar.tools.code", "UnitTests", {"partial": True}),
    # instructions
    "instructions": ("rlar.tools.constraints", "Instructions", {}),
    # structured output, calls, queries
    "json_match": ("rlar.tools.structured", "JsonMatch", {}),
    "json_schema": ("rlar.tools.structured", "JsonSchema", {}),
    "json_format": ("rlar.tools.structured", "FormatValid", {"format": "json"}),
    "yaml_format": ("rlar.tools.structured", "FormatValid", {"format": "yaml"}),
    "toml_format": ("rlar.tools.structured", "FormatValid", {"format": "toml"}),
    "xml_format": ("rlar.tools.structured", "FormatValid", {"format": "xml"}),
    "csv_format": ("rlar.tools.structured", "FormatValid", {"format": "csv"}),
    "yaml_value": ("rlar.tools.structured", "FormatValid", {"format": "yaml", "match": True}),
    "toml_value": ("rlar.tools.structured", "FormatValid", {"format": "toml", "match": True}),
    "xml_value": ("rlar.tools.structured", "FormatValid", {"format": "xml", "match": True}),
    "csv_value": ("rlar.tools.structured", "FormatValid", {"format": "csv", "match": True}),
    "regex_match": ("rlar.tools.structured", "RegexMatch", {}),
    "tag_format": ("rlar.tools.structured", "TagFormat", {}),
    "tool_calls": ("rlar.tools.tool_calls", "ToolCalls", {}),
    "tool_calls_partial": ("rlar.tools.tool_calls", "ToolCalls", {"partial": True}),
    "sql_result": ("rlar.tools.sql", "SqlResult", {}),
    "reasoning_gym": ("rlar.tools.reasoning_gym", "ReasoningGym", {}),
    # metrics
    "translation": ("rlar.tools.metrics", "Translation", {}),
    "summary": ("rlar.tools.metrics", "Summary", {}),
    "data_to_text": ("rlar.tools.metrics", "DataToText", {}),
    "chrf": ("rlar.tools.metrics", "Chrf", {}),
    "bleu": ("rlar.tools.metrics", "Bleu", {}),
    "ter": ("rlar.tools.metrics", "Ter", {}),
    "rouge_1": ("rlar.tools.metrics", "Rouge", {"kind": "1"}),
    "rouge_2": ("rlar.tools.metrics", "Rouge", {"kind": "2"}),
    "rouge_l": ("rlar.tools.metrics", "Rouge", {"kind": "l"}),
    "token_f1": ("rlar.tools.match", "TokenF1", {}),
    "fuzzy_match": ("rlar.tools.match", "FuzzyMatch", {}),
    # form of the text
    "non_empty": ("rlar.tools.text", "NonEmpty", {}),
    "not_copied": ("rlar.tools.text", "NotCopied", {}),
    "not_repetitive": ("rlar.tools.text", "NotRepetitive", {}),
    "not_degenerate": ("rlar.tools.text", "NotDegenerate", {}),
    "language_is": ("rlar.tools.text", "LanguageIs", {}),
}
