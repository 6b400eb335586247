"""Golden rows: what people have, and what it is read as. Each trap stands beside the plain case."""

from __future__ import annotations

import json

import pytest

from rlar.rollouts.items import BadRow, Item, Record
from rlar.rollouts.shapes import read_row
from rlar.types import Constraint, Message

Row = dict[str, object]


def read(row: object, **field_map: str) -> Item:
    return read_row(Record("f.jsonl", "f", 7, row, ""), field_map)


def user(text: str) -> Message:
    return Message("user", text)


MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "6 * 7?"}]


def test_the_item_format_is_read_whole():
    item = read(
        {
            "id": "x/1",
            "source": "gsm8k",
            "task": "math",
            "prompt": "6 * 7?",
            "reference": "42",
            "responses": [{"text": "42", "label": 1, "model": "m"}, {"text": "", "label": None}],
            "meta": {"label_type": "binary", "group": "g", "level": 3, "src": "s"},
        }
    )
    assert (item.id, item.query.id, item.task, item.query.source) == ("x/1", "x/1", "math", "gsm8k")
    assert (item.query.prompt, item.query.reference) == ("6 * 7?", "42")
    assert item.responses == ("42", "")
    assert item.labels == (1.0, None)
    assert item.response_meta == ({"model": "m"}, {})
    assert item.query.extra == {"level": 3, "src": "s", "task": "math"}
    assert item.meta["group"] == "g"


@pytest.mark.parametrize(
    ("row", "prompt", "responses", "reference"),
    [
        ({"prompt": "q", "completion": "r", "answer": "a"}, "q", ("r",), "a"),
        ({"prompt": "q", "completions": ["r", "s"], "solution": "a"}, "q", ("r", "s"), "a"),
        ({"prompt": "q", "response": "r", "ground_truth": 4}, "q", ("r",), 4),
        ({"question": "q", "outputs": ["r"], "target": "a"}, "q", ("r",), "a"),
        ({"problem": "q", "generations": ["r"], "answer": "4", "solution": "2 + 2 = 4"}, "q", ("r",), "4"),
        ({"instruction": "do", "input": "this", "output": "r"}, "do\n\nthis", ("r",), None),
        ({"instruction": "do", "input": "", "output": "r"}, "do", ("r",), None),
        ({"input": "q", "output": "r", "gts": "a", "score": 1.0, "step": 3}, "q", ("r",), "a"),
        ({"query": "q r", "prompts": "q ", "labels": "a"}, "q ", ("r",), "a"),
        ({"query": ["q r"], "prompts": ["q "], "labels": ["a"]}, "q ", ("r",), "a"),
        ({"prompt": "q", "completion": "r", "label": "a"}, "q", ("r",), "a"),
        ({"prompt": "q", "completion": "r", "label": True}, "q", ("r",), None),  # KTO: a judgement, no reference
        ({"src": "Haus", "mt": "house", "ref": "home"}, "Haus", ("house",), "home"),
        ({"source": "Haus", "target": "home", "prediction": "house"}, "Haus", ("house",), "home"),
        ({"question": "q", "golden_answers": ["a", "b"], "response": "r"}, "q", ("r",), "a"),
        ({"question": "q", "answers": {"text": ["a"], "answer_start": [3]}, "response": "r"}, "q", ("r",), "a"),
        ({"prompt": "q", "responses": []}, "q", (), None),
        ({"prompt": "q", "reference": None, "answer": "a"}, "q", (), "a"),
    ],
)
def test_plain_columns(row: Row, prompt: str, responses: tuple[str, ...], reference: object):
    item = read(row)
    assert (item.query.prompt, item.responses, item.query.reference) == (prompt, responses, reference)


def test_trl_conversational_columns():
    item = read({"prompt": MESSAGES, "completion": [{"role": "assistant", "content": "42"}], "solution": "42"})
    assert item.query.prompt == (Message("system", "Be brief."), user("6 * 7?"))
    assert (item.responses, item.query.reference) == (("42",), "42")


def test_several_conversational_completions():
    completions = [[{"role": "assistant", "content": "42"}], [{"role": "assistant", "content": "24"}]]
    assert read({"prompt": MESSAGES, "completions": completions}).responses == ("42", "24")


@pytest.mark.parametrize("name", ["messages", "conversations", "prompt"])
def test_the_last_assistant_turn_is_the_response(name: str):
    item = read({name: [*MESSAGES, {"role": "assistant", "content": "42"}], "answer": "42"})
    assert item.query.prompt == (Message("system", "Be brief."), user("6 * 7?"))
    assert item.responses == ("42",)


def test_a_conversation_beside_responses_keeps_its_last_turn():
    turns = [*MESSAGES, {"role": "assistant", "content": "It is"}]
    item = read({"messages": turns, "responses": [" 42"]})
    assert item.query.prompt[-1] == Message("assistant", "It is")
    assert item.responses == (" 42",)


def test_a_conversation_that_ends_with_the_user_has_no_response():
    assert read({"messages": MESSAGES}).responses == ()


def test_sharegpt_roles():
    item = read({"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]})
    assert (item.query.prompt, item.responses) == ((user("hi"),), ("hello",))


def test_verl_rows():
    item = read(
        {
            "data_source": "openai/gsm8k",
            "prompt": [{"role": "user", "content": "6 * 7?"}],
            "ability": "math",
            "reward_model": {"style": "rule", "ground_truth": "42"},
            "extra_info": {"split": "train", "index": 0, "answer": "6*7=42", "src_lang": None},
            "responses": ["42"],
        }
    )
    assert (item.query.source, item.query.reference, item.responses) == ("openai/gsm8k", "42", ("42",))
    assert item.query.extra == {"ability": "math", "index": 0, "answer": "6*7=42"}
    assert item.id == "f:7"


def test_search_r1_golds_are_alternatives():
    item = read({"prompt": "q", "reward_model": {"ground_truth": {"target": ["Paris", "paris"]}}})
    assert item.query.reference == "Paris"
    assert item.query.extra["references"] == ["Paris", "paris"]


def test_preferences_are_two_labelled_responses():
    turns = [{"role": "user", "content": "hi"}]
    chosen, rejected = ([*turns, {"role": "assistant", "content": text}] for text in ("hello", "no"))
    item = read({"chosen": chosen, "rejected": rejected})
    assert (item.query.prompt, item.responses, item.labels) == ((user("hi"),), ("hello", "no"), (1.0, 0.0))
    assert read({"prompt": "hi", "chosen": "hello", "rejected": "no"}).query.prompt == "hi"


def test_content_parts_and_tool_calls_become_text():
    call = {"type": "function", "function": {"name": "add", "arguments": '{"a": 1, "é": 2}'}}
    turn = {"role": "assistant", "content": [{"type": "text", "text": "Adding."}], "tool_calls": [call]}
    picture = {"role": "user", "content": [{"type": "text", "text": "See "}, {"type": "image_url", "image_url": {}}]}
    item = read({"messages": [picture, turn]})
    assert item.query.prompt == (user("See [image_url]"),)
    rendered = '<tool_call>{"name": "add", "arguments": {"a": 1, "é": 2}}</tool_call>'
    assert item.responses == (f"Adding.\n{rendered}",)


def test_a_tool_call_without_content_and_with_broken_arguments_stays_what_it_was():
    turn = {"role": "assistant", "content": None, "tool_calls": [{"name": "f", "arguments": "{oops"}]}
    item = read({"prompt": "q", "completion": [turn, {"role": "tool", "content": "3"}, {**turn, "tool_calls": None}]})
    assert item.responses == ('<tool_call>{"name": "f", "arguments": "{oops"}</tool_call>\n\n',)


@pytest.mark.parametrize(
    "columns",
    [
        {"instruction_id_list": ["punctuation:no_comma", "a:b"], "kwargs": [{"x": None}, {"n": 3, "m": None}]},
        {"meta": {"instruction_id_list": ["punctuation:no_comma", "a:b"], "kwargs": [{}, {"n": 3}]}},
        {"instruction_id_list": ["punctuation:no_comma", "a:b"], "kwargs": ["{}", '{"n": 3}']},
        {"constraints": [{"id": "punctuation:no_comma"}, {"id": "a:b", "kwargs": {"n": 3}}]},
        {
            "ground_truth": "[{'instruction_id': ['punctuation:no_comma', 'a:b'], 'kwargs': [None, {'n': 3}]}]",
        },
    ],
)
def test_constraints_in_all_their_clothes(columns: Row):
    item = read({"prompt": "q", "responses": ["r"], **columns})
    assert item.query.constraints == (Constraint("punctuation:no_comma", {}), Constraint("a:b", {"n": 3}))
    assert item.query.reference is None
    assert not {"instruction_id_list", "kwargs", "constraints"} & set(item.query.extra)


def test_constraints_in_words_are_not_checkable_ones():
    item = read({"prompt": "q", "constraints": ["be kind: always"]})
    assert item.query.constraints == ()
    assert item.query.extra["constraints"] == ["be kind: always"]


CODE = {"language": "python", "entry_point": "f", "code": "assert f(1) == 2\nassert f(2) == 3\n"}


@pytest.mark.parametrize(
    ("columns", "tests"),
    [
        ({"tests": {"entry_point": "f", "code": "x"}}, {"language": "python", "entry_point": "f", "code": "x"}),
        ({"test_list": ["assert f(1) == 2", "assert f(2) == 3"], "entry_point": "f"}, CODE),
        ({"test_list": '["assert f(1) == 2", "assert f(2) == 3"]', "entry_point": "f"}, CODE),
        ({"tests": "assert f(1) == 2\nassert f(2) == 3\n", "entry_point": "f"}, CODE),
        (
            {"test": "def check(candidate):\n    assert candidate(1) == 2\n", "entry_point": "f"},
            {
                "language": "python",
                "entry_point": "f",
                "code": "def check(candidate):\n    assert candidate(1) == 2\n\n\ncheck(f)\n",
            },
        ),
        (
            {"test_cases": [{"input": "1\n", "output": "2\n"}]},
            {"language": "python", "entry_point": None, "cases": [{"input": "1\n", "output": "2\n"}]},
        ),
        (
            {"test_cases": [[[1], 2], {"args": [2], "expected": 3}], "fn_name": "f"},
            {"language": "python", "entry_point": "f", "cases": [[[1], 2], {"args": [2], "expected": 3}]},
        ),
        (
            {"input_output": json.dumps({"fn_name": "f", "inputs": [[1]], "outputs": [2]})},
            {"language": "python", "entry_point": "f", "cases": [{"input": [1], "output": 2}]},
        ),
        (
            {"reward_model": {"ground_truth": json.dumps({"inputs": ["1"], "outputs": ["2"]})}},
            {"language": "python", "entry_point": None, "cases": [{"input": "1", "output": "2"}]},
        ),
    ],
)
def test_tests_in_all_their_clothes(columns: Row, tests: Row):
    query = read({"prompt": "q", "responses": ["r"], **columns}).query
    assert query.tests == tests
    assert query.reference is None


def test_the_name_of_a_test_is_no_test():
    item = read({"prompt": "q", "reference": "4", "meta": {"test": "test_number_extraction"}})
    assert item.query.tests is None
    assert item.query.extra == {"test": "test_number_extraction"}


@pytest.mark.parametrize(
    ("columns", "extra"),
    [
        ({"schema": '{"type": "object"}'}, {"schema": {"type": "object"}}),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "array"}}}},
            {"schema": {"type": "array"}},
        ),
        ({"response_format": {"type": "json_object"}}, {"format": "json"}),
        ({"schema": {"type": "object", "properties": {"schema": {}}}}, None),  # a property of that name, no wrapper
        ({"choices": ["a", "b"]}, {"choices": ["a", "b"]}),
        ({"choices": {"text": ["x", "y"], "label": ["A", "B"]}}, {"choices": {"A": "x", "B": "y"}}),
        ({"options": {"strict": False}}, None),  # settings, not choices
        (
            {"tools": '[{"name": "add"}]', "answers": '[{"name": "add", "arguments": {"a": 1}}]'},
            {"tools": [{"name": "add"}], "tool_calls": [{"name": "add", "arguments": {"a": 1}}]},
        ),
        ({"meta": {"rg": '{"dataset": "lcm", "seed": 1}'}}, {"rg": {"dataset": "lcm", "seed": 1}}),
        ({"reference": "a", "extra_references": ["b", "a"]}, {"references": ["a", "b"]}),
        ({"extra": {"regex": "^a$"}}, {"regex": "^a$"}),
    ],
)
def test_explicit_checks_go_to_extra_under_one_name(columns: Row, extra: Row | None):
    assert read({"prompt": "q", **columns}).query.extra == (columns if extra is None else extra)


@pytest.mark.parametrize(
    ("answer", "reference"),
    [(2, "C"), ("2", "2"), (7, 7), (True, True)],
)
def test_an_option_number_is_a_letter_only_where_it_is_one(answer: object, reference: object):
    assert read({"question": "q", "choices": ["w", "x", "y", "z"], "answer": answer}).query.reference == reference


def test_an_option_that_is_the_number_itself_stays():
    assert read({"question": "q", "choices": ["1", "2", "3"], "answer": 2}).query.reference == 2


def test_labels_and_what_was_made_from_responses_never_enter_the_query():
    secret = {
        "label_type": "binary",
        "labels": [1, 0],
        "votes": [1, 1],
        "follow_list": [True],
        "outcome": "ok",
        "score": [1, 0],
        "reward": [1, 0],
        "acc": 1,
        "winner": "model_a",
        "chosen": "r",
        "advantage": [1, -1],
    }
    item = read({"prompt": "q", "responses": ["r", "s"], "reference": "a", **secret, "meta": dict(secret)})
    assert item.query.extra == {}
    assert item.labels == (1.0, 0.0)
    assert item.query == read({"prompt": "q", "responses": ["other"], "reference": "a"}).query


def test_a_mapped_column_wins_and_may_be_deep():
    row = {"q": {"text": ["no", "yes"]}, "answer": "wrong", "judge": '{"gold": "right"}', "out": "r", "hard": 1}
    item = read(row, prompt="q.text.1", reference="judge.gold", responses="out", **{"extra.difficulty": "hard"})
    assert (item.query.prompt, item.query.reference, item.responses) == ("yes", "right", ("r",))
    assert item.query.extra["difficulty"] == 1


@pytest.mark.parametrize(
    ("row", "field", "came"),
    [
        ([1, 2], "", "a list of 2 whose first is a number (1)"),
        ({"a": 1, "b": 2}, "prompt", "a row with a, b"),
        ({"prompt": 5, "response": "r"}, "prompt", "a number (5)"),
        ({"prompt": "q", "responses": [{"text": None, "label": 1}]}, "responses[0].text", "null"),
        ({"prompt": "q", "responses": ["r", 3]}, "responses[1]", "a number (3)"),
        ({"prompt": "q", "responses": [{"score": 3}]}, "responses[0]", "an object with score"),
        ({"prompt": "q", "completion": [{"role": "user", "content": "x"}]}, "completion", "messages without one of"),
        ({"prompt": [{"role": "user", "content": 3}]}, "prompt[0].content", "a number (3)"),
        ({"prompt": "q", "tests": {"what": 1}}, "tests", "an object with what"),
        ({"prompt": "q", "tests": {"inputs": [1], "outputs": []}}, "tests", "inputs and outputs that do not pair up"),
        ({"prompt": "q", "instruction_id_list": ["a:b"], "kwargs": [{}, {}]}, "kwargs", "a list of 2"),
        ({"query": "other", "prompts": "q"}, "query", "a text that does not start with prompts"),
    ],
)
def test_a_bad_row_names_its_field(row: object, field: str, came: str):
    with pytest.raises(BadRow) as caught:
        read(row)
    assert caught.value.field == field
    assert caught.value.came.startswith(came)


def test_a_missing_mapped_column_is_named():
    with pytest.raises(BadRow, match="a row without answr: it has prompt, answer"):
        read({"prompt": "q", "answer": "a"}, reference="answr")
