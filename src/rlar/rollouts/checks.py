"""What a row says about checking an answer: tests, constraints, schema, expected tool calls, options, references."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass, field

from rlar.rollouts.items import BadRow, describe
from rlar.rollouts.row import Row, texts_of, unpack
from rlar.types import Constraint, Json

TESTS = ("tests", "test", "test_list", "test_cases", "unit_tests", "input_output", "public_test_cases")
SCHEMAS = ("schema", "json_schema", "response_format", "guided_json")
CALLS = ("tool_calls", "expected_tool_calls", "answers")
TOOLS = ("tools", "functions")


_CODE = re.compile(r"\bassert|\bdef |\bimport |==")


@dataclass(slots=True)
class Checks:
    """Read from one row. used: columns that have a meaning here and need not go to `Query.extra` a second time."""

    tests: dict[str, Json] | None = None
    constraints: tuple[Constraint, ...] = ()
    extra: dict[str, Json] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def settle(self, reference: Json) -> Json:
        """The reference, if it is one: tests and constraints in disguise become such, numbers of options letters.

        Of several gold texts the first is the reference, and all are in extra["references"].
        """
        if isinstance(reference, (str, Mapping, list)) and self.tests is None and not self.constraints:
            hidden = unpack(reference)
            if isinstance(hidden, Mapping) and {"inputs", "outputs"} <= set(hidden):
                self.tests = _cases(hidden, "reference", "python", None)  # PRIME and Eurus keep tests in ground_truth
                return None
            self.constraints = _hidden_constraints(hidden)  # and open-instruct constraints
            if self.constraints:
                return None
        references = self.extra.get("references")
        if references is not None and isinstance(reference, str):
            self.extra["references"] = [reference, *(one for one in references if one != reference)]
        return self._letter(reference)

    def _letter(self, reference: Json) -> Json:
        """MMLU's way: a whole number is the index of the right option, from 0, unless it is an option itself."""
        choices = self.extra.get("choices")
        if not isinstance(choices, list) or isinstance(reference, bool) or not isinstance(reference, int):
            return reference
        if not 0 <= reference < min(len(choices), 26) or str(reference) in map(str, choices):
            return reference
        return string.ascii_uppercase[reference]


def read_checks(row: Row) -> Checks:
    """Checks of a row, found in its columns, `extra_info` and `meta`.

    Raises BadRow where tests or constraints are there and cannot be read: without them something else would be judged.
    """
    checks = Checks()
    checks.tests = _tests(row, checks.used)
    checks.constraints = _constraints(row, checks.used)
    _schema(row, checks)
    _tools_and_calls(row, checks)
    _choices(row, checks)
    for name in ("rg", "sql"):
        value = unpack(row.first((name,), name, deep=True)[1])
        if value is not None:
            checks.used.add(name)
            checks.extra[name] = value
    column, value = row.first(("references", "extra_references"), "references", deep=True)
    several = several_texts(value)
    if column is not None and several:
        checks.used.add(column)
        checks.extra["references"] = several
    return checks


def several_texts(value: Json) -> list[str]:
    """Gold texts of which each is right: a list of texts, or SQuAD's {"text": [...]}; [] for anything else."""
    value = unpack(value)
    if isinstance(value, Mapping) and len(value) <= 2:
        value = value.get("text", value.get("target"))
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) for one in value):
        return []
    return list(value)


def _tests(row: Row, used: set[str]) -> dict[str, Json] | None:
    """{language, entry_point, code} or {language, entry_point, cases: [{input, output}]}, and what came beside them."""
    name, value = row.first(TESTS, "tests", deep=True)
    value = unpack(value)
    if name is None or value is None or value == []:
        return None
    if name == "test" and isinstance(value, str) and "tests" not in row.field_map and not _CODE.search(value):
        return None  # the name of a test, not a test
    used |= {name, "entry_point", "fn_name", "test_setup_code", "test_imports"}
    entry = row.first(("entry_point", "fn_name"), "entry_point", deep=True)[1]
    if isinstance(value, str):
        if name == "test" and isinstance(entry, str) and "def check(" in value and f"check({entry})" not in value:
            value = f"{value}\n\ncheck({entry})\n"  # HumanEval leaves the call to the harness
        return {"language": "python", "entry_point": entry, "code": value}
    if isinstance(value, Mapping):
        entry = value.get("entry_point", value.get("fn_name", entry))
        language = str(value.get("language") or "python")
        if value.get("code") is not None or value.get("cases") is not None:
            return {
                **{str(k): v for k, v in value.items() if v is not None},
                "language": language,
                "entry_point": entry,
            }
        if "inputs" in value and "outputs" in value:
            return _cases(value, name, language, entry)
        raise BadRow(name, describe(value), "an object with code, with cases, or with inputs and outputs")
    if isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value):
        setup = row.first(("test_setup_code", "test_imports"), "test_setup_code", deep=True)[1]
        lines = [*texts_of(setup, "test_setup_code"), *value] if setup else value
        return {"language": "python", "entry_point": entry, "code": "\n".join(lines) + "\n"}
    if isinstance(value, (list, tuple)) and all(map(_is_case, value)):
        cases = [dict(one) if isinstance(one, Mapping) else list(one) for one in value]
        return {"language": "python", "entry_point": entry, "cases": cases}
    raise BadRow(name, describe(value), "code as text, a list of asserts, or cases {input, output}")


def _is_case(case: Json) -> bool:
    """{input, output}, {args, expected}, [args, expected] or [args, kwargs, expected]."""
    if isinstance(case, Mapping):
        return {"input", "output"} <= set(case) or {"args", "expected"} <= set(case)
    return isinstance(case, (list, tuple)) and len(case) in (2, 3)


def _cases(value: Mapping[str, Json], name: str, language: str, entry: Json) -> dict[str, Json]:
    inputs, outputs = value["inputs"], value["outputs"]
    if not isinstance(inputs, (list, tuple)) or not isinstance(outputs, (list, tuple)) or len(inputs) != len(outputs):
        raise BadRow(name, "inputs and outputs that do not pair up", "two lists of equal length")
    cases = [{"input": i, "output": o} for i, o in zip(inputs, outputs, strict=True)]
    return {"language": language, "entry_point": value.get("fn_name", entry), "cases": cases}


def _constraints(row: Row, used: set[str]) -> tuple[Constraint, ...]:
    name, ids = row.first(("instruction_id_list", "instruction_ids"), "instruction_id_list", deep=True)
    if name is not None and ids is not None:
        used |= {name, "kwargs"}
        return _paired(name, unpack(ids), unpack(row.first(("kwargs",), "kwargs", deep=True)[1]))
    name, value = row.first(("constraints",), "constraints", deep=True)
    value = unpack(value)
    if name is None or not isinstance(value, (list, tuple)):
        return ()
    made = []
    for one in value:
        ident = one
        if isinstance(one, Mapping):
            ident = next((one[k] for k in ("id", "instruction_id", "type") if k in one), None)
        if not isinstance(ident, str) or ":" not in ident or " " in ident:
            return ()  # constraints in words: they stay in `extra`, for judges
        made.append(Constraint(ident, _kwargs(one.get("kwargs") if isinstance(one, Mapping) else None, name)))
    used.add(name)
    return tuple(made)


def _hidden_constraints(value: Json) -> tuple[Constraint, ...]:
    """Of open-instruct's ground truth, [{"instruction_id": [...], "kwargs": [...]}]; () for all else."""
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    if isinstance(value, Mapping) and isinstance(value.get("instruction_id"), (list, tuple)):
        return _paired("reference", value["instruction_id"], value.get("kwargs"))
    return ()


def _paired(name: str, ids: Json, kwargs: Json) -> tuple[Constraint, ...]:
    """Ids with their arguments. No arguments at all is {} for each."""
    ids = texts_of(ids, name)
    kwargs = [{}] * len(ids) if kwargs in (None, {}, []) else kwargs
    if not isinstance(kwargs, (list, tuple)) or len(kwargs) != len(ids):
        raise BadRow("kwargs", describe(kwargs), f"{len(ids)} objects, one for each of {name}")
    return tuple(Constraint(i, _kwargs(k, "kwargs")) for i, k in zip(ids, kwargs, strict=True))


def _kwargs(value: Json, name: str) -> dict[str, Json]:
    """One constraint's arguments without nulls (Parquet fills every column of a struct with them)."""
    value = unpack(value)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise BadRow(name, describe(value), "an object of arguments")
    return {str(k): v for k, v in value.items() if v is not None}


def _schema(row: Row, checks: Checks) -> None:
    """JSON Schema as such, or as OpenAI's `response_format` wraps it; {"type": "json_object"} asks for any JSON."""
    name, value = row.first(SCHEMAS, "schema", deep=True)
    value = unpack(value)
    if name is None or not isinstance(value, (Mapping, bool)):
        return
    checks.used.add(name)
    if isinstance(value, Mapping) and value.get("type") == "json_object":
        checks.extra["format"] = "json"
        return
    if isinstance(value, Mapping) and value.get("type") == "json_schema":
        value = value.get("json_schema", value)
    if isinstance(value, Mapping) and isinstance(value.get("schema"), (Mapping, bool)) and "properties" not in value:
        value = value["schema"]
    checks.extra["schema"] = value


def _tools_and_calls(row: Row, checks: Checks) -> None:
    """Declared functions, and the calls that are expected: a list of {name, arguments}."""
    name, value = row.first(TOOLS, "tools", deep=True)
    declared = _objects(unpack(value))
    if name is not None and declared:
        checks.used.add(name)
        checks.extra["tools"] = declared
    name, value = row.first(CALLS, "tool_calls", deep=True)
    calls = [
        call["function"] if isinstance(call.get("function"), Mapping) else call for call in _objects(unpack(value))
    ]
    if name is not None and calls and all("name" in call for call in calls):
        checks.used.add(name)
        checks.extra["tool_calls"] = [
            {**call, "arguments": unpack(call.get("arguments", call.get("parameters", {})))} for call in calls
        ]


def _objects(value: Json) -> list[dict[str, Json]]:
    """A list of objects, or one object as a list of one; [] for anything else."""
    values = [value] if isinstance(value, Mapping) else value
    if not isinstance(values, (list, tuple)) or not all(isinstance(one, Mapping) for one in values):
        return []
    return [dict(one) for one in values]


def _choices(row: Row, checks: Checks) -> None:
    """Options as a list of texts, or {letter: text}; ARC's {"text": [...], "label": [...]} becomes the second."""
    name, value = row.first(("choices", "options"), "choices", deep=True)
    value = unpack(value)
    if name == "options" and isinstance(value, Mapping) and not all(isinstance(one, str) for one in value.values()):
        return  # settings of something else
    if isinstance(value, Mapping) and isinstance(value.get("text"), (list, tuple)):
        letters, texts = value.get("label"), value["text"]
        paired = isinstance(letters, (list, tuple)) and len(letters) == len(texts)
        value = dict(zip(letters or (), texts, strict=True)) if paired else list(texts)
    if name is not None and isinstance(value, (list, tuple, Mapping)) and value:
        checks.used.add(name)
        checks.extra["choices"] = dict(value) if isinstance(value, Mapping) else list(value)
