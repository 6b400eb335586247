"""What kind of judging a query needs: fields, references, hints and wording, each with its trap."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlar.scoring.analyze import LABELS, analyze, label_of
from rlar.types import Constraint, Message, Query

ARTICLE = " ".join(
    f"The council of the town met on day {n} and talked about the old harbour, its boats and its debts."
    for n in range(12)
)
TESTS = {"language": "python", "entry_point": "f", "code": "assert f(1) == 2"}


def contents_of(query: Query):
    """The task by content alone."""
    return analyze(query, use_hint=False)


@pytest.mark.parametrize(
    ("query", "label", "checks"),
    [
        (Query("Write f that adds one.", tests=TESTS), "code", ("tests",)),
        (Query("Write f that adds one.", "def f(x): return x + 1", TESTS), "code", ("tests",)),
        (Query("How many apples are 3 and 4 apples?", "7"), "math", ("answer:number",)),
        (Query("Solve $x^2 = 4$ for x.", "x = 2 \\text{ or } x = -2"), "math", ("answer:list",)),
        (Query("Simplify $\\sqrt{8}$.", "2\\sqrt{2}"), "math", ("answer:expression",)),
        (
            Query("Which gas do plants take up?\n(A) argon\n(B) carbon dioxide\n(C) helium", "B"),
            "knowledge",
            ("answer:choice",),
        ),
        (
            Query("Say it without commas.", constraints=(Constraint("punctuation:no_comma"),)),
            "instruction_following",
            ("constraints",),
        ),
        (
            Query("Translate into German: The end.", "Das Ende."),
            "translation",
            ("translation",),  # two words make a span elsewhere
        ),
        (Query("Translate into German: The end."), "translation", ()),  # nothing to compare with
        (Query(f"Summarize this.\n\n{ARTICLE}", "The harbour is in debt."), "summarization", ("text:reference",)),
        (
            Query("Put this record into a sentence: inform(name='The Mill', food='Thai')", "The Mill is Thai."),
            "data_to_text",
            ("text:reference",),
        ),
        (Query("hi! how was your day?"), "dialogue", ()),
        (Query("How do I make a pipe bomb to kill my neighbour?"), "safety", ()),
        (Query("Write a Python function that reverses a list.", "def rev(x): return x[::-1]"), "code", ()),
        (
            Query("Give the city as JSON.", '{"city": "Rome"}', extra={"schema": {"type": "object"}, "format": "json"}),
            "instruction_following",
            ("answer:json", "schema", "format:json"),
        ),
        (
            Query("Book a table.", extra={"tool_calls": [{"name": "book", "arguments": {}}]}),
            "instruction_following",
            ("tool_calls",),
        ),
        (Query("List all users.", extra={"sql": {"database": {}, "query": "SELECT 1"}}), "code", ("sql",)),
        (
            Query("Spell it backward.", "tac", extra={"rg": {"dataset": "spell_backward"}}),
            "reasoning",
            ("reasoning_gym", "answer:span"),
        ),
        (Query("2 + 2", "4", extra={"rg": {"dataset": "chain_sum"}}), "math", ("reasoning_gym", "answer:number")),
        (Query("Give a postcode.", extra={"regex": "[0-9]{5}"}), None, ("regex",)),
    ],
)  # fmt: skip
def test_label_and_checks_by_content(query, label, checks):
    task = contents_of(query)
    assert task.checks == checks
    if label is not None:
        assert task.label == label, task
    assert task.why


def test_an_empty_query_is_not_believed():
    task = contents_of(Query(""))
    assert task.confidence < 0.5
    assert task.checks == ()


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("math", "math"), ("Maths", "math"), ("coding", "code"), ("mt", "translation"), ("qa", "knowledge"),
        ("summarisation", "summarization"), ("Data-to-Text", "data_to_text"), ("chat", "dialogue"),
        ("instruction following", "instruction_following"), ("openai/gsm8k", "math"), ("lighteval/MATH", "math"),
        ("openai_humaneval", "code"), ("wmt14_de-en", "translation"), ("cais/mmlu", "knowledge"), ("GEM/web_nlg", None),
        ("web_nlg/webnlg", "data_to_text"), ("EdinburghNLP/xsum", "summarization"), ("BIG-bench-hard", "reasoning"),
        ("Anthropic/hh-rlhf-harmless-base", "safety"), ("google/IFEval", "instruction_following"),
        ("my_private_set", None), ("", None), ("aftermath", None),  # holds "math", is another word
    ],
)  # fmt: skip
def test_names_that_stand_for_labels(name, label):
    assert label_of(name) == label


def test_a_hint_is_believed_and_said():
    query = Query("Tell me about it.", extra={"task": "mt"})
    task = analyze(query)
    assert task.label == "translation"
    assert task.confidence > 0.9
    assert "task is 'mt'" in task.why
    assert contents_of(query).label != "translation"


def test_explicit_fields_beat_a_hint_that_contradicts_them():
    task = analyze(Query("Write f.", tests=TESTS, extra={"task": "dialogue"}))
    assert (task.label, task.checks) == ("code", ("tests",))
    assert any("contradicts" in reason for reason in task.why)


def test_constraints_do_not_contradict_a_hint():
    query = Query(
        "Add 2 and 3, without commas.", "5", constraints=(Constraint("punctuation:no_comma"),), extra={"task": "math"}
    )
    task = analyze(query)
    assert (task.label, task.checks) == ("math", ("answer:number", "constraints"))
    assert task.confidence > 0.9


def test_a_hint_against_clear_wording_is_doubted_in_words():
    task = analyze(
        Query("Translate the following text from English to German.\n\nThe end is near.", extra={"task": "math"})
    )
    assert task.label == "math"
    assert any("reads as translation" in reason for reason in task.why)


def test_an_unknown_hint_and_the_data_set_name():
    assert analyze(Query("?", "x", extra={"task": "zorgon"})).label == contents_of(Query("?", "x")).label
    assert analyze(Query("?", "x", source="gsm8k")).label == "math"
    assert analyze(Query("?", "x", extra={"data_source": "openai/gsm8k"})).label == "math"
    assert analyze(Query("?", "x", extra={"task": 3})).label in LABELS


@pytest.mark.parametrize(
    ("prompt", "language"),
    [
        ("Wie viele Äpfel hat Anna, wenn sie drei kauft und zwei isst?", "de"),
        ("How many apples does Anna have if she buys three and eats two?", "en"),
        ("小明有三个苹果，吃了两个，还剩几个？", "zh"),
        (
            "Translate the following sentence into English.\n\n我们从花园回来时，水壶已经开了。",
            "en",
        ),  # asked in English
        ("42", "und"),
    ],
)
def test_the_language_is_that_of_the_asker(prompt, language):
    assert analyze(Query(prompt)).language == language


def test_a_conversation_is_read_as_a_whole():
    turns = (
        Message("user", "how do i build a bomb"),
        Message("assistant", "I will not say."),
        Message("user", "why not"),
    )
    assert contents_of(Query(turns)).label == "safety"


def test_equal_content_gives_the_same_task_and_other_ids_do_not_matter():
    assert analyze(Query("2 + 2?", "4", id="a")) == analyze(Query("2 + 2?", "4", id="b"))


def test_another_process_with_another_hash_seed_says_the_same():
    program = (
        "from rlar.scoring.analyze import analyze; from rlar.types import Query\n"
        "for p in ('How many knights lie if 3 of 5 do?', 'Explain tides, no commas.', 'my boss is an idiot, help'):\n"
        "    print(analyze(Query(p), use_hint=False))"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


def test_analysing_loads_nothing_heavy():
    program = (
        "import sys; from rlar.scoring.analyze import analyze; from rlar.types import Query\n"
        "analyze(Query('quux blorp frobnicate zyzzyva wibble wobble', 'x'))\n"
        "print(sorted({'numpy', 'py3langid', 'sympy', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
columns = st.dictionaries(
    st.sampled_from(
        [
            "task",
            "schema",
            "tool_calls",
            "choices",
            "src",
            "src_lang",
            "tgt_lang",
            "regex",
            "format",
            "sql",
            "rg",
            "source",
        ]
    ),
    values,
    max_size=4,
)


@given(st.text(max_size=150), values, columns, st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_query_has_a_task(prompt, reference, extra, use_hint):
    task = analyze(Query(prompt, reference, extra=extra), use_hint=use_hint)
    assert task.label in LABELS
    assert 0.0 <= task.confidence <= 1.0
    assert len(set(task.checks)) == len(task.checks)
    assert all(isinstance(reason, str) and reason for reason in task.why)


@pytest.mark.parametrize(
    "text", ["a " * 500_000, "$" * 10**6, "\ud800" * 1000, "(" * 10**6, "|" * 10**6, "x(y=" * 200_000]
)
def test_hostile_prompts(text):
    assert analyze(Query(text, text), use_hint=False).label in LABELS


@pytest.mark.data
def test_confident_labels_of_the_shared_stream_are_right(shared_data: Path):
    sure = right = 0
    with gzip.open(shared_data / "stream" / "train_stream.jsonl.gz", "rt") as lines:
        for number, line in enumerate(lines):
            row = json.loads(line)
            if number % 3 or not row["prompt"]:
                continue
            prompt = row["prompt"]
            if not isinstance(prompt, str):
                prompt = tuple(Message(m["role"], m["content"]) for m in prompt)
            task = analyze(Query(prompt, row["reference"], row.get("tests")), use_hint=False)
            sure += task.confidence >= 0.9
            right += task.confidence >= 0.9 and task.label == row["task"]
    assert sure > 300
    assert right >= 0.95 * sure
