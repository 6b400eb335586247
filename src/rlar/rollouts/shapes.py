"""From one row to an Item: which column means what, in the shapes that people have.

| shape | prompt | responses | reference |
|---|---|---|---|
| rlar's items | prompt | responses[].text, .label | reference, tests, meta.instruction_id_list ... |
| TRL | prompt (text or messages) | completion, completions | solution, answer, ground_truth ... |
| conversations | messages up to the last assistant turn | that turn | answer, label ... |
| veRL | prompt (messages), data_source | responses, solution_str, output | reward_model.ground_truth, extra_info |
| veRL's dumps | input | output | gts |
| OpenRLHF | prompts, or query without its response | query without its prompt | labels |
| preferences | prompt | chosen, rejected (labels 1 and 0) | - |
| questions | question, problem, instruction + input, ... | any of the above | any of the above |

A column that is none of these goes to `Query.extra`, so that a user's own tools can see it, except labels, scores and
whatever else was derived from responses: a tool that saw those would be told the answer to what it is asked.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from rlar.errors import InputError
from rlar.rollouts.checks import Checks, read_checks
from rlar.rollouts.items import BadRow, Item, Record, describe
from rlar.rollouts.messages import is_messages, read_messages, read_prompt, read_response
from rlar.types import Json, Message, Query, Response

PROMPTS = (
    "prompt",
    "raw_prompt",
    "prompts",
    "question",
    "problem",
    "instruction",
    "query",
    "input",
    "inputs",
    "user_prompt",
)
PROMPTS += ("src", "document", "article")
RESPONSES = ("responses", "completions", "completion", "response", "outputs", "output", "solution_str", "generations")
RESPONSES += ("generation", "generated_text", "predictions", "prediction", "model_output", "candidates", "mt")
REFERENCES = (
    "reference",
    "ground_truth",
    "solution",
    "answer",
    "target",
    "gold",
    "expected_output",
    "gts",
    "gold_answer",
)
REFERENCES += (
    "reference_answer",
    "correct_answer",
    "expected_answer",
    "final_answer",
    "answerKey",
    "ref",
    "label",
    "labels",
)
REFERENCES += ("references", "answers", "targets", "gold_sql", "summary", "highlights")
IDS = ("id", "uid", "uuid", "task_id", "question_id", "problem_id", "instance_id", "example_id", "prompt_id", "key")
SOURCES = ("source", "dataset", "data_source")
LABELS = ("labels", "label", "scores", "score", "rewards", "reward")

# Columns about the responses, or made from them, or bookkeeping of the data set: never in a Query.
UNSEEN = frozenset(
    """
    label labels label_type label_kind loose_label raw_label score scores reward rewards advantage advantages acc pred preds
    correct is_correct follow_list outcome verdict verdicts votes tie winner preference rank ranks rating ratings n_raters
    logprob logprobs log_probs cumulative_logprob completion_ids response_ids token_ids tokens finish_reason truncated
    model models generator rm_scores chosen rejected group phase eval_file split license attack no_text
    synthetic_negatives synthetic_responses step epoch iteration rollout_id response_length completion_length usage
    """.split()
)
FIELDS = (
    *("prompt", "responses", "reference", "references", "tests", "constraints", "instruction_id_list", "kwargs"),
    *(
        "schema",
        "tool_calls",
        "tools",
        "choices",
        "task",
        "source",
        "id",
        "labels",
        "src",
        "src_lang",
        "tgt_lang",
        "meta",
    ),
)
_ABSENT: Any = object()


def check_field_map(field_map: Mapping[str, str]) -> dict[str, str]:
    """The map, if every field is one that rlar has or `extra.NAME`. Raises InputError with the nearest name."""
    for name, column in field_map.items():
        if name not in FIELDS and not (name.startswith("extra.") and len(name) > len("extra.")):
            near = difflib.get_close_matches(name, FIELDS, 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise InputError(f"--map {name}={column}: {hint}the fields are {', '.join(FIELDS)} and extra.NAME")
        if not column:
            raise InputError(f"--map {name}=: name the column")
    return dict(field_map)


def read_row(record: Record, field_map: Mapping[str, str]) -> Item:
    """The Item of a row. Raises BadRow, naming the field."""
    row = _Row(record.row, field_map)
    chosen = _preference(row)
    responses, labels, notes, response_column = chosen or _responses(row)
    prompt, last_turn, prompt_column = _prompt(row, response_column)
    if last_turn is not None and response_column is None:
        responses, notes, response_column = (last_turn,), ({},), prompt_column
    meta = row.mapping("meta")
    checks = read_checks(row.get, {**row.mapping("extra_info"), **meta})
    reference = checks.reference if checks.reference is not None else _reference(row, responses, response_column)
    reference = checks.translate(reference)
    if labels is None:
        labels = _labels(row, len(responses))
    source = row.text_of(SOURCES)
    if prompt_column == "source":
        source = row.text_of(("dataset", "data_source"))
    task = row.text_of(("task",))
    ident = row.ident()
    extra = _extra(row, checks, meta, prompt_column, task)
    query = Query(
        prompt=prompt,
        reference=reference,
        tests=checks.tests,
        constraints=checks.constraints,
        source=source,
        id=ident if ident is not None else f"{record.stem}:{record.line}",
        extra=extra,
    )
    if not query.text.strip() and reference is None and checks.tests is None and not responses:
        raise BadRow("prompt", f"a row with {row.names()}", f"one of {', '.join(PROMPTS[:6])}, messages; or --map")
    return Item(
        query=query,
        responses=responses,
        labels=labels if labels is not None and any(label is not None for label in labels) else None,
        task=task,
        meta={**{k: v for k, v in row.row.items() if k not in row.used and k != "meta"}, **meta},
        response_meta=notes,
        id=str(query.id),
        file=record.file,
        line=record.line,
    )


class _Row:
    """A row with its field map; remembers which columns were given a meaning."""

    def __init__(self, row: Mapping[str, Json], field_map: Mapping[str, str]) -> None:
        self.row = row
        self.field_map = field_map
        self.used: set[str] = set()

    def get(self, *names: str) -> Json:
        """The mapped column of the first name, else the first of the columns that is there and not null."""
        return self.find(names)[1]

    def find(self, names: Sequence[str], field: str | None = None) -> tuple[str | None, Json]:
        """(column, value); (None, None) where there is none. Raises BadRow if a mapped column is missing."""
        column = self.field_map.get(field or names[0])
        if column is not None:
            return column, self._at(field or names[0], column)
        for name in names:
            if self.row.get(name) is not None:
                self.used.add(name)
                return name, self.row[name]
        return None, None

    def _at(self, field: str, column: str) -> Json:
        value: Json = self.row
        if column in self.row:
            self.used.add(column)
            return self.row[column]
        for step in column.split("."):
            if isinstance(value, str) and value.lstrip()[:1] in "{[":
                value = _parsed(value)
            if isinstance(value, Mapping) and step in value:
                value = value[step]
            elif isinstance(value, (list, tuple)) and step.isdigit() and int(step) < len(value):
                value = value[int(step)]
            else:
                raise BadRow(field, f"a row without {column}: it has {self.names()}", f"the mapped column {column}")
        return value

    def mapping(self, name: str) -> dict[str, Json]:
        """A column that is an object, or the JSON text of one; {} for anything else."""
        _, value = self.find((name,))
        if isinstance(value, str):
            value = _parsed(value)
        return {str(k): v for k, v in value.items()} if isinstance(value, Mapping) else {}

    def text_of(self, names: Sequence[str]) -> str | None:
        _, value = self.find(names)
        return value if isinstance(value, str) and value else None

    def ident(self) -> str | None:
        _, value = self.find(IDS)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "":
            return str(value)
        return None

    def names(self) -> str:
        names = [str(name) for name in self.row]
        return ", ".join(names[:12]) + (" ..." if len(names) > 12 else "") if names else "no columns"


def _parsed(text: str) -> Json:
    from rlar.rollouts.files import parse_json

    try:
        return parse_json(text)
    except (ValueError, RecursionError):
        return None


Read = tuple[tuple[Response, ...], tuple[float | None, ...] | None, tuple[Mapping[str, Json], ...], str | None]


def _responses(row: _Row) -> Read:
    """(texts, labels or None, notes, column); no texts and no column where the row has no responses."""
    column, value = row.find(RESPONSES, "responses")
    if column is None or value is None:
        return (), None, (), None
    many = isinstance(value, (list, tuple)) and not is_messages(value)
    if many and value and all(isinstance(part, Mapping) and "type" in part and "text" in part for part in value):
        many = False  # the content parts of one response
    values = list(value) if many else [value]
    texts, labels, notes = [], [], []
    for i, one in enumerate(values):
        field = f"{column}[{i}]" if many else column
        note: Mapping[str, Json] = {}
        if isinstance(one, Mapping) and "role" not in one:
            body = next((k for k in ("text", "content", "response", "completion", "output") if k in one), None)
            if body is None:
                raise BadRow(field, describe(one), "text, or an object with text")
            note = {k: v for k, v in one.items() if k not in (body, "label")}
            labels.append(_number(one.get("label")))
            one, field = one[body], f"{field}.{body}"
        else:
            labels.append(None)
        if one is None:
            raise BadRow(field, "null", "the text of the response: nothing can be judged without it")
        texts.append(read_response(one, field))
        notes.append(note)
    return tuple(texts), tuple(labels) if any(x is not None for x in labels) else None, tuple(notes), column


def _preference(row: _Row) -> Read | None:
    """chosen and rejected as two responses with labels 1 and 0; None where the row has other responses."""
    chosen, rejected = row.row.get("chosen"), row.row.get("rejected")
    if chosen is None or rejected is None or row.find(RESPONSES, "responses")[0] is not None:
        return None
    row.used |= {"chosen", "rejected"}
    texts = []
    for name, value in (("chosen", chosen), ("rejected", rejected)):
        texts.append(read_response(value[-1:] if is_messages(value) else value, name))
    return tuple(texts), (1.0, 0.0), ({}, {}), "chosen"


def _prompt(row: _Row, response_column: str | None) -> tuple[str | tuple[Message, ...], Response | None, str | None]:
    """(prompt, last assistant turn if it closes a conversation, column). An empty prompt where the row has none."""
    names = [name for name in PROMPTS if name != response_column]
    column, value = row.find(names, "prompt")
    if column is None or value is None:
        for name in ("messages", "conversations", "conversation"):
            if is_messages(row.row.get(name)):
                row.used.add(name)
                return _conversation(row.row[name], name, response_column)
        if response_column == "chosen" and is_messages(row.row["chosen"]) and len(row.row["chosen"]) > 1:
            return read_messages(row.row["chosen"][:-1], "chosen"), None, "chosen"
        source = row.row.get("source")
        if isinstance(source, str) and row.row.get("target") is not None:
            return source, None, "source"
        return "", None, None
    if column == "query" and response_column is None and "prompts" in row.row:
        raise BadRow("query", describe(value), "a response column beside it")
    if isinstance(value, (list, tuple)) and len(value) == 1 and isinstance(value[0], str):
        value = value[0]  # OpenRLHF sends lists of one
    if is_messages(value) and response_column is None:
        return _conversation(value, column, response_column)
    prompt = read_prompt(value, column)
    if column == "instruction" and isinstance(prompt, str):
        more = row.row.get("input")
        if isinstance(more, str) and more.strip() and response_column != "input":
            row.used.add("input")
            prompt = f"{prompt}\n\n{more}"
    return prompt, None, column


def _conversation(
    value: list[dict[str, Json]], column: str, response_column: str | None
) -> tuple[tuple[Message, ...], Response | None, str]:
    turns = read_messages(value, column)
    if response_column is None and turns[-1].role == "assistant":
        return turns[:-1], turns[-1].content, column
    return turns, None, column


def _reference(row: _Row, responses: tuple[Response, ...], response_column: str | None) -> Json:
    """The first reference column that is not null; numbers under `label(s)` are labels, not references."""
    if "reference" in row.field_map:
        return row.find(REFERENCES, "reference")[1]
    judge = row.row.get("reward_model")
    if isinstance(judge, str):
        judge = _parsed(judge)
    if isinstance(judge, Mapping) and judge.get("ground_truth") is not None:
        row.used.add("reward_model")
        return judge["ground_truth"]
    for name in REFERENCES:
        value = row.row.get(name)
        if value is None or name == response_column:
            continue
        if name in ("label", "labels"):
            if isinstance(value, (list, tuple)) and len(value) == 1 and isinstance(value[0], str):
                value = value[0]
            if not isinstance(value, (str, Mapping)):
                continue
        row.used.add(name)
        return value
    return None


def _labels(row: _Row, count: int) -> tuple[float | None, ...] | None:
    """Numbers under one of LABELS, one per response (or one for one response); None where there are none."""
    names = LABELS if "labels" not in row.field_map else (row.find(("labels",))[0] or "labels",)
    for name in names:
        value = row.find(("labels",))[1] if "labels" in row.field_map else row.row.get(name)
        values = list(value) if isinstance(value, (list, tuple)) else [value]
        numbers = [_number(v) for v in values]
        if count and len(numbers) == count and any(n is not None for n in numbers):
            return tuple(numbers)
        if "labels" in row.field_map and value is not None:
            raise BadRow("labels", describe(value), f"{count} numbers, one per response")
    return None


def _number(value: Json) -> float | None:
    """A finite number, else None: a label that is not a number is as good as none."""
    if isinstance(value, (int, float)) and math.isfinite(value):
        return float(value)
    return None


def _extra(
    row: _Row, checks: Checks, meta: Mapping[str, Json], prompt_column: str | None, task: str | None
) -> dict[str, Json]:
    """Everything that may help to judge and does not come from responses or labels."""
    left = {k: v for k, v in row.row.items() if k not in row.used and k not in checks.used}
    left |= {k: v for k, v in row.mapping("extra_info").items() if k not in left}
    left |= meta
    names = {*RESPONSES, "messages", "conversations", "meta", "extra_info", "reward_model"}
    extra = {
        str(k): v
        for k, v in left.items()
        if v is not None and k not in UNSEEN and k not in names and k not in checks.used
    }
    extra |= checks.extra
    if task is not None:
        extra["task"] = task
    for field, column in row.field_map.items():
        if field.startswith("extra."):
            extra[field.removeprefix("extra.")] = row.find((field,))[1]
    return extra
