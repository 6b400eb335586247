"""From one row to an Item: which column means what, in the shapes that people have.

| shape | prompt | responses | reference |
|---|---|---|---|
| rlar's items | prompt | responses[].text, .label | reference, tests, meta.instruction_id_list ... |
| TRL | prompt (text or messages) | completion, completions | solution, answer, ground_truth ... |
| conversations | messages up to the last assistant turn | that turn | answer, label ... |
| veRL | prompt (messages), data_source | responses, solution_str, output | reward_model.ground_truth, extra_info |
| veRL's dumps | input | output | gts |
| OpenRLHF | prompts | query without its prompt | labels |
| preferences | prompt | chosen, rejected (labels 1 and 0) | - |
| questions | question, problem, instruction + input, ... | any of the above | any of the above |

A column that is none of these goes to `Query.extra`, so that a user's own tools can see it; except labels, scores and
whatever else was made from responses: a tool that sees those is told the answer to what it is asked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from rlar.rollouts.checks import Checks, read_checks, several_texts
from rlar.rollouts.items import BadRow, Item, Record, describe
from rlar.rollouts.messages import is_messages, read_messages, read_prompt, read_response
from rlar.rollouts.row import Row, unpack
from rlar.types import Json, Message, Query, Response

PROMPTS: tuple[str, ...] = (
    *("prompt", "raw_prompt", "prompts", "question", "problem", "instruction", "query", "input", "inputs"),
    *("user_prompt", "src", "document", "article"),
)
RESPONSES: tuple[str, ...] = (
    *("responses", "completions", "completion", "response", "outputs", "output", "solution_str", "generations"),
    *("generation", "generated_text", "predictions", "prediction", "model_output", "candidates", "mt"),
)
# The final answer before the worked solution: rows of MATH have both.
REFERENCES: tuple[str, ...] = (
    *("reference", "ground_truth", "gold_answer", "reference_answer", "correct_answer", "expected_answer"),
    *("final_answer", "answerKey", "answer", "target", "gold", "expected_output", "gts", "ref", "label", "labels"),
    *("answers", "golden_answers", "gold_answers", "targets", "gold_sql", "solution", "summary", "highlights"),
)
ALIASES = ("answers", "golden_answers", "gold_answers", "targets")  # each of the list is right
CONVERSATIONS = ("messages", "conversations", "conversation")
IDS = ("id", "uid", "uuid", "task_id", "question_id", "problem_id", "instance_id", "example_id", "prompt_id", "key")
SOURCES = ("source", "dataset", "data_source")
LABELS = ("labels", "label", "scores", "score", "rewards", "reward")
BODIES = ("text", "content", "response", "completion", "output")  # where an object keeps the text of a response

# About the responses, made from them, or bookkeeping of the data set: never in a Query.
UNSEEN = frozenset(
    (
        *("label", "labels", "label_type", "label_kind", "loose_label", "raw_label", "score"),
        *("scores", "reward", "rewards", "advantage", "advantages", "acc", "pred"),
        *("preds", "correct", "is_correct", "follow_list", "outcome", "verdict", "verdicts"),
        *("votes", "tie", "winner", "preference", "rank", "ranks", "rating"),
        *("ratings", "n_raters", "logprob", "logprobs", "log_probs", "cumulative_logprob", "completion_ids"),
        *("response_ids", "token_ids", "tokens", "finish_reason", "truncated", "model", "models"),
        *("generator", "rm_scores", "chosen", "rejected", "group", "phase", "eval_file"),
        *("split", "license", "attack", "no_text", "synthetic_negatives", "synthetic_responses", "step"),
        *("epoch", "iteration", "rollout_id", "response_length", "completion_length", "usage", "meta"),
        *("extra", "extra_info", "reward_model"),
    )
)


class Answers(NamedTuple):
    """The responses of a row. column: where they were; None if the row has none."""

    texts: tuple[Response, ...] = ()
    labels: tuple[float | None, ...] | None = None
    notes: tuple[Mapping[str, Json], ...] = ()
    column: str | None = None


def read_row(record: Record, field_map: Mapping[str, str]) -> Item:
    """The Item of a row. Raises BadRow, naming the field."""
    if not isinstance(record.row, Mapping):
        raise BadRow("", describe(record.row), "a JSON object")
    row = Row(record.row, field_map)
    answers = _responses(row) or _preference(row) or _rest_of_query(row)
    prompt, last_turn, prompt_column = _prompt(row, answers)
    if answers is None and last_turn is not None:
        answers = Answers((last_turn,), None, ({},), prompt_column)
    answers = answers or Answers()
    row.take(prompt_column, answers.column)
    checks = read_checks(row)
    reference = checks.settle(_reference(row, answers.column, checks))
    labels = answers.labels or _labels(row, len(answers.texts))
    task = row.text(("task",), "task")
    source = row.text([name for name in SOURCES if name != prompt_column], "source")
    ident = _ident(row) or f"{record.stem}:{record.line}"
    query = Query(prompt, reference, checks.tests, checks.constraints, source, ident, _extra(row, checks, task))
    if not query.text.strip() and reference is None and not (checks.tests or checks.constraints or answers.texts):
        raise BadRow("prompt", f"a row with {row.names()}", f"one of {', '.join(PROMPTS[:6])}, messages; or --map")
    rest = {str(k): v for k, v in row.columns.items() if k not in row.used}
    meta = {**rest, **row.inner}
    return Item(query, answers.texts, ident, record.file, record.line, labels, task, meta, answers.notes)


def _responses(row: Row) -> Answers | None:
    """Texts, with the label and the notes that stand beside each; None where the row has no responses."""
    column, value = row.first(RESPONSES, "responses")
    if column is None:
        return None
    if value is None:
        raise BadRow("responses", f"null under the mapped column {column}", "texts")
    many = isinstance(value, (list, tuple)) and not is_messages(value) and not _is_parts(value)
    texts, labels, notes = [], [], []
    for i, one in enumerate(value if many else [value]):
        field = f"{column}[{i}]" if many else column
        note: Mapping[str, Json] = {}
        label = None
        if isinstance(one, Mapping) and "role" not in one:
            body = next((name for name in BODIES if name in one), None)
            if body is None:
                raise BadRow(field, describe(one), "text, or an object with text")
            note = {str(k): v for k, v in one.items() if k not in (body, "label")}
            label = _number(one.get("label"))
            one, field = one[body], f"{field}.{body}"
        if one is None:
            raise BadRow(field, "null", "the text of the response: nothing can be judged without it")
        texts.append(read_response(one, field))
        labels.append(label)
        notes.append(note)
    return Answers(tuple(texts), _some(labels), tuple(notes), column)


def _is_parts(value: Json) -> bool:
    """Whether a list is the content parts of one response: [{"type": "text", "text": ...}]."""
    return bool(value) and all(isinstance(part, Mapping) and "type" in part and "text" in part for part in value)


def _preference(row: Row) -> Answers | None:
    """`chosen` and `rejected` as two responses with labels 1 and 0."""
    pair = row.columns.get("chosen"), row.columns.get("rejected")
    if pair[0] is None or pair[1] is None:
        return None
    texts = [
        read_response(value[-1:] if is_messages(value) else value, name)
        for name, value in zip(("chosen", "rejected"), pair, strict=True)
    ]
    return Answers(tuple(texts), (1.0, 0.0), ({}, {}), "chosen")


def _rest_of_query(row: Row) -> Answers | None:
    """OpenRLHF: `query` is prompt and response in one text, `prompts` the prompt; either may be a list of one."""
    query, prompt = _only(row.columns.get("query")), _only(row.columns.get("prompts"))
    if not isinstance(query, str) or not isinstance(prompt, str):
        return None
    if not query.startswith(prompt):
        raise BadRow("query", "a text that does not start with prompts", "prompt and response in one text")
    return Answers((query[len(prompt) :],), None, ({},), "query")


def _only(value: Json) -> Json:
    return value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value


def _prompt(row: Row, answers: Answers | None) -> tuple[str | tuple[Message, ...], Response | None, str | None]:
    """(prompt, closing assistant turn where the row has no other responses, column). No prompt is ""."""
    taken = answers.column if answers else None
    column, value = row.first([name for name in PROMPTS if name != taken], "prompt")
    turns = next((name for name in CONVERSATIONS if is_messages(row.columns.get(name))), None)
    if column is None and turns is not None:
        column, value = turns, row.columns[turns]
    if column is None or value is None:
        return _implied_prompt(row, taken)
    if isinstance(_only(value), str):
        value = _only(value)  # OpenRLHF sends lists of one
    prompt = read_prompt(value, column)
    last = None
    if answers is None and isinstance(prompt, tuple) and prompt[-1].role == "assistant":
        prompt, last = prompt[:-1], prompt[-1].content
    elif answers is None and turns is not None:  # `prompt` beside the whole conversation
        whole = read_messages(row.columns[turns], turns)
        last = whole[-1].content if whole[-1].role == "assistant" else None
    if turns is not None:
        row.take(turns)
    more = row.columns.get("input")
    if column == "instruction" and isinstance(prompt, str) and isinstance(more, str) and more.strip():
        row.take("input")
        prompt = f"{prompt}\n\n{more}"
    return prompt, last, column


def _implied_prompt(row: Row, taken: str | None) -> tuple[str | tuple[Message, ...], None, str | None]:
    """The prompt of rows without a column for it: the turns before `chosen`; `source` beside `target`."""
    chosen, source = row.columns.get("chosen"), row.columns.get("source")
    if taken == "chosen" and is_messages(chosen) and len(chosen) > 1:
        return read_messages(chosen[:-1], "chosen"), None, "chosen"
    if isinstance(source, str) and row.columns.get("target") is not None:
        return source, None, "source"
    return "", None, None


def _reference(row: Row, taken: str | None, checks: Checks) -> Json:
    """The first reference column that is not null; a number or a boolean under `label(s)` is no reference."""
    if "reference" in row.field_map:
        column, value = row.first((), "reference")
        row.take(column)
        return value
    judge = unpack(row.columns.get("reward_model"))
    if isinstance(judge, Mapping) and judge.get("ground_truth") is not None:
        gold = judge["ground_truth"]
        return _first_of_several(gold, checks) if isinstance(gold, Mapping) else gold
    for name in REFERENCES:
        value = row.columns.get(name)
        if value is None or name == taken or name in checks.used:
            continue
        if name in ("label", "labels"):
            value = _only(value)
            if not isinstance(value, (str, Mapping)):
                continue
        row.take(name)
        return _first_of_several(value, checks) if name in ALIASES else value
    several = checks.extra.get("references")
    return several[0] if several else None


def _first_of_several(value: Json, checks: Checks) -> Json:
    """The first gold text of a list of which each is right; the list goes to extra["references"]."""
    several = several_texts(value)
    if not several:
        return value
    checks.extra["references"] = several
    return several[0]


def _labels(row: Row, count: int) -> tuple[float | None, ...] | None:
    """Numbers under one of LABELS, one per response; None where there are none."""
    for name in [*LABELS] if "labels" not in row.field_map else ["labels"]:
        column, value = row.first((name,), name)
        numbers = [_number(one) for one in (value if isinstance(value, (list, tuple)) else [value])]
        if count and len(numbers) == count and any(one is not None for one in numbers):
            return tuple(numbers)
        if "labels" in row.field_map and value is not None:
            raise BadRow("labels", f"{describe(value)} under {column}", f"{count} numbers, one per response")
    return None


def _number(value: Json) -> float | None:
    """A finite number, else None: a label that is not a number is as good as none."""
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _some(labels: list[float | None]) -> tuple[float | None, ...] | None:
    return tuple(labels) if any(label is not None for label in labels) else None


def _ident(row: Row) -> str | None:
    column, value = row.first(IDS, "id")
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        return None
    row.take(column)
    return str(value)


def _extra(row: Row, checks: Checks, task: str | None) -> dict[str, Json]:
    """Everything that may help to judge and does not come from responses or labels."""
    hidden = UNSEEN | row.used | checks.used | set(RESPONSES) | set(CONVERSATIONS)
    extra = {str(k): v for k, v in row.columns.items() if v is not None and k not in hidden}
    extra |= {k: v for k, v in row.inner.items() if v is not None and k not in UNSEEN and k not in checks.used}
    extra |= checks.extra
    if task is not None:
        extra["task"] = task
    for field, column in row.field_map.items():
        if field.startswith("extra."):
            extra[field.removeprefix("extra.")] = row.at(column, field)
        elif field in ("src", "src_lang", "tgt_lang"):
            extra[field] = row.at(column, field)
    return extra
