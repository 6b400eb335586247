"""What a row says about checking an answer: tests, constraints, schema, expected tool calls, options, references."""

from __future__ import annotations

import ast
import json
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rlar.rollouts.items import BadRow, describe
from rlar.types import Constraint, Json

Get = Callable[..., Json]
TEST_COLUMNS = ("tests", "test", "test_list", "test_cases", "unit_tests", "input_output", "public_test_cases")


@dataclass(slots=True)
class Checks:
    """Read from one row. used: columns that have a meaning here and need not go to `extra` a second time.

    reference: only where a check fixes it (none does unless the row hides one); else None.
    """

    tests: dict[str, Json] | None = None
    constraints: tuple[Constraint, ...] = ()
    extra: dict[str, Json] = field(default_factory=dict)
    reference: Json = None
    used: set[str] = field(default_factory=set)

    def translate(self, reference: Json) -> Json:
        """The reference, if it is one: option numbers become letters; tests and constraints in disguise become such."""
        if isinstance(reference, str) and self.tests is None and not self.constraints:
            hidden = parse_text(reference) if reference.lstrip()[:1] in ("{", "[") else None
            if isinstance(hidden, Mapping) and {"inputs", "outputs"} <= set(hidden):
                self.tests = _cases(
                    hidden, "reference", "python", None
                )  # PRIME and Eurus: tests as JSON in ground_truth
                return None
            found = hidden_constraints(hidden)
            if found:
                self.constraints = found  # open-instruct: constraints as JSON in ground_truth
                return None
        choices = self.extra.get("choices")
        if isinstance(reference, int) and not isinstance(reference, bool) and isinstance(choices, list):
            if 0 <= reference < min(len(choices), 26) and str(reference) not in map(str, choices):
                return string.ascii_uppercase[reference]  # MMLU: the index of the right option, from 0
        return reference


def read_checks(get: Get, meta: Mapping[str, Json]) -> Checks:
    """Checks of a row. get(*names): the first of these columns that is not null; meta: further columns, looked at second.

    Raises BadRow where a column with a known meaning cannot be read: to leave it out would judge by something else.
    """

    def look(*names: str) -> tuple[str, Json]:
        for name in names:
            value = get(name)
            if value is None:
                value = meta.get(name)
            if value is not None:
                return name, value
        return names[0], None

    checks = Checks()
    checks.tests = _tests(look, checks.used)
    checks.constraints = _constraints(look, checks.used)
    _schema(look, checks)
    _tool_calls(look, checks)
    _choices(look, checks)
    for name in ("rg", "sql"):
        value = look(name)[1]
        if isinstance(value, str) and value.lstrip()[:1] == "{":
            value = parse_text(value)
        if value is not None:
            checks.extra[name] = value
    references = look("references", "extra_references")
    _references(references, look("reference")[1], checks)
    return checks


def parse_text(text: str) -> Json:
    """JSON, else a Python literal (as data frames print lists), else None."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text) if len(text) < 200_000 else None
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None


Look = Callable[..., tuple[str, Json]]


def _tests(look: Look, used: set[str]) -> dict[str, Json] | None:
    """{language, entry_point, code} or {language, entry_point, cases: [{input, output}]}, with all that came beside them."""
    name, value = look(*TEST_COLUMNS)
    if value is None:
        return None
    used |= {*TEST_COLUMNS, "entry_point", "test_setup_code", "test_imports", "fn_name"}
    entry = look("entry_point", "fn_name")[1]
    language = "python"
    if isinstance(value, str):
        parsed = parse_text(value) if value.lstrip()[:1] in ("{", "[") else None
        value = parsed if isinstance(parsed, (dict, list)) else value
    if isinstance(value, str):
        code = value
        if name == "test" and isinstance(entry, str) and "check(" in code and f"check({entry})" not in code:
            code = (
                f"{code}\n\ncheck({entry})\n"  # HumanEval defines check(candidate) and leaves the call to the harness
            )
        return {"language": language, "entry_point": entry, "code": code}
    if isinstance(value, Mapping):
        entry = value.get("entry_point", value.get("fn_name", entry))
        language = str(value.get("language") or language)
        if value.get("code") is not None or value.get("cases") is not None:
            return {**{k: v for k, v in value.items() if v is not None}, "language": language, "entry_point": entry}
        if "inputs" in value and "outputs" in value:
            return _cases(value, name, language, entry)
        raise BadRow(name, describe(value), "an object with code, cases, or inputs and outputs")
    if isinstance(value, (list, tuple)) and value:
        if all(isinstance(one, str) for one in value):
            setup = look("test_setup_code", "test_imports")[1]
            before = setup if isinstance(setup, list) else [setup] if setup else []
            return {"language": language, "entry_point": entry, "code": "\n".join([*before, *value]) + "\n"}
        if all(isinstance(one, Mapping) and "input" in one and "output" in one for one in value):
            return {"language": language, "entry_point": entry, "cases": [dict(one) for one in value]}
    if isinstance(value, (list, tuple)) and not value:
        return None
    raise BadRow(name, describe(value), "code as text, a list of asserts, or cases {input, output}")


def _cases(value: Mapping[str, Json], name: str, language: str, entry: Json) -> dict[str, Json]:
    inputs, outputs = value["inputs"], value["outputs"]
    if not isinstance(inputs, (list, tuple)) or not isinstance(outputs, (list, tuple)) or len(inputs) != len(outputs):
        raise BadRow(name, "inputs and outputs that do not pair up", "two lists of equal length")
    cases = [{"input": i, "output": o} for i, o in zip(inputs, outputs, strict=True)]
    return {"language": language, "entry_point": value.get("fn_name", entry), "cases": cases}


def _constraints(look: Look, used: set[str]) -> tuple[Constraint, ...]:
    name, ids = look("instruction_id_list", "instruction_ids")
    if ids is not None:
        used |= {name, "kwargs"}
        kwargs = look("kwargs")[1]
        if isinstance(ids, str):
            ids = parse_text(ids)
        if isinstance(kwargs, str):
            kwargs = parse_text(kwargs)
        return _paired(name, ids, kwargs)
    name, value = look("constraints")
    if isinstance(value, str):
        value = parse_text(value)
    if not isinstance(value, (list, tuple)) or not value:
        return ()
    made = []
    for one in value:
        ident = (
            next((one[k] for k in ("id", "instruction_id", "type") if k in one), None)
            if isinstance(one, Mapping)
            else one
        )
        if not isinstance(ident, str) or ":" not in ident:
            return ()  # constraints in words: they stay in `extra`, for judges
        made.append(Constraint(ident, _kwargs(one.get("kwargs") if isinstance(one, Mapping) else None, name)))
    used.add(name)
    return tuple(made)


def hidden_constraints(value: Json) -> tuple[Constraint, ...]:
    """Constraints of open-instruct's ground truth: [{"instruction_id": [...], "kwargs": [...]}]; () for all else."""
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    if isinstance(value, Mapping) and isinstance(value.get("instruction_id"), (list, tuple)):
        return _paired("reference", value["instruction_id"], value.get("kwargs"))
    return ()


def _paired(name: str, ids: Json, kwargs: Json) -> tuple[Constraint, ...]:
    if not isinstance(ids, (list, tuple)) or not all(isinstance(i, str) for i in ids):
        raise BadRow(name, describe(ids), "a list of instruction ids")
    kwargs = kwargs if isinstance(kwargs, (list, tuple)) else [{}] * len(ids) if kwargs in (None, {}) else kwargs
    if not isinstance(kwargs, (list, tuple)) or len(kwargs) != len(ids):
        raise BadRow("kwargs", describe(kwargs), f"{len(ids)} objects, one for each of {name}")
    return tuple(Constraint(i, _kwargs(k, "kwargs")) for i, k in zip(ids, kwargs, strict=True))


def _kwargs(value: Json, name: str) -> dict[str, Json]:
    """One constraint's arguments without nulls (Parquet fills every column of a struct with them)."""
    if isinstance(value, str):
        value = parse_text(value)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise BadRow(name, describe(value), "an object of arguments")
    return {str(k): v for k, v in value.items() if v is not None}


def _schema(look: Look, checks: Checks) -> None:
    name, value = look("schema", "json_schema", "response_format", "guided_json")
    if isinstance(value, str):
        parsed = parse_text(value) if value.lstrip()[:1] == "{" else None
        if parsed is None:
            return
        value = parsed
    if not isinstance(value, (Mapping, bool)):
        return
    checks.used.add(name)
    if isinstance(value, Mapping) and value.get("type") in ("json_schema", "json_object") and name != "schema":
        inner = value.get("json_schema", value)
        found = inner.get("schema") if isinstance(inner, Mapping) else None
        if found is None:
            checks.extra["format"] = "json"
            return
        value = found
    elif isinstance(value, Mapping) and "schema" in value and "name" in value:
        value = value["schema"]  # OpenAI wraps the schema with a name
    checks.extra["schema"] = value


def _tool_calls(look: Look, checks: Checks) -> None:
    for names, known in (
        (("tools", "functions"), "tools"),
        (("tool_calls", "expected_tool_calls", "answers"), "tool_calls"),
    ):
        name, value = look(*names)
        if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
            value = parse_text(value)
        if isinstance(value, Mapping):
            value = [value]
        if not isinstance(value, (list, tuple)) or not all(isinstance(one, Mapping) for one in value):
            continue
        if known == "tool_calls":
            value = [one["function"] if isinstance(one.get("function"), Mapping) else one for one in value]
            if not all("name" in one for one in value):
                continue
            value = [{**one, "arguments": _arguments(one.get("arguments", one.get("parameters", {})))} for one in value]
        checks.used.add(name)
        checks.extra[known] = [dict(one) for one in value]


def _arguments(value: Json) -> Json:
    parsed = parse_text(value) if isinstance(value, str) else value
    return parsed if parsed is not None else value


def _choices(look: Look, checks: Checks) -> None:
    name, value = look("choices", "options")
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        value = parse_text(value)
    if isinstance(value, Mapping) and isinstance(value.get("text"), (list, tuple)):
        labels = value.get("label")  # ARC: {"text": [...], "label": ["A", ...]}
        texts: Sequence[Json] = value["text"]
        value = dict(zip(labels, texts, strict=True)) if _same_length(labels, texts) else list(texts)
    if isinstance(value, Mapping):
        value = {str(k): v for k, v in value.items() if v is not None}
    if isinstance(value, (list, tuple, dict)) and value:
        checks.used.add(name)
        checks.extra["choices"] = value if isinstance(value, dict) else list(value)


def _same_length(a: Json, b: Sequence[Json]) -> bool:
    return isinstance(a, (list, tuple)) and len(a) == len(b)


def _references(found: tuple[str, Json], first: Json, checks: Checks) -> None:
    """extra["references"]: all gold texts, the row's `reference` first."""
    name, value = found
    if isinstance(value, (list, tuple)) and value and all(isinstance(one, str) for one in value):
        checks.used.add(name)
        more = [one for one in value if one != first]
        checks.extra["references"] = [first, *more] if isinstance(first, str) else list(value)
        if first is None:
            checks.reference = value[0]
