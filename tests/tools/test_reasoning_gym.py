"""Puzzles of reasoning-gym: its marks for honest answers, none for attacks, and nothing is executed."""

from __future__ import annotations

import gzip
import json
import sys

import pytest

pytest.importorskip("reasoning_gym", reason='needs pip install "rlar[verifiers]"')

from reasoning_gym.factory import DATASETS, create_dataset

from rlar.errors import ToolFault
from rlar.tools.reasoning_gym import ReasoningGym, known_datasets
from rlar.tools.reasoning_gym_scores import GATES, OWN, arithmetic, is_algebra, is_complex_number
from rlar.types import Query

pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning")
TOOL = ReasoningGym()
RUNS_CODE = ["binary_matrix", "n_queens", "spiral_matrix", "string_insertion", "countdown", "puzzle24"]
RUNS_CODE += ["polynomial_multiplication", "simple_integration", "intermediate_integration"]
CONSTANTS = [
    "0",
    "1",
    "nan",
    "inf",
    "banana",
    "True.",
    "yes",
    "[]",
    "{}",
    '""',
    "-",
    "1/0",
    "(",
    "\x00",
    "\ud800",
    "9" * 5000,
]
NO_GOLD = {"boxnet", "graph_color", "propositional_logic", "rubiks_cube", "rush_hour"}
SLOW = {"knight_swap", "sokoban", "zebra_puzzles", "codeio", "arc_agi", "rearc"}  # to build


def item(name, index=0, **rg):
    entry = create_dataset(name, size=6, seed=11)[index]
    rg = {"dataset": name, "size": 6, "seed": 11, "index": index, **rg}
    return entry, Query(entry["question"], reference=entry["answer"], extra={"rg": rg})


def value(response, query):
    return TOOL.rate(response, query, TOOL.prepare(query)).value


def test_names_are_known_without_importing_the_package():
    assert known_datasets() == set(DATASETS) - {"composite"}  # which would hand the answer to any scorer


@pytest.mark.parametrize("name", sorted(known_datasets() - SLOW))
def test_gold_is_right_and_constants_are_not(name):
    entry, query = item(name)
    prepared = TOOL.prepare(query)
    gold = str(entry["answer"]).strip()
    if name not in NO_GOLD:
        assert TOOL.rate(f" {gold}\n", query, prepared).value == 1.0
    for constant in CONSTANTS:
        if constant.strip('".') != gold:
            assert 0.0 <= TOOL.rate(constant, query, prepared).value < 0.99, constant
    assert TOOL.rate("", query, prepared).value == 0.0
    assert TOOL.rate("x" * 60_000, query, prepared).value == 0.0


@pytest.mark.parametrize("name", RUNS_CODE)
def test_no_answer_is_executed(name, tmp_path):
    _, query = item(name)
    mark = tmp_path / "was_here"
    evil = f"__import__('pathlib').Path({str(mark)!r}).touch()"
    for answer in (evil, f"[{evil}]", f"[[{evil}]]", f"({evil}, 1)[1]", f"(lambda: {evil})()", f"x.__class__({evil})"):
        assert value(answer, query) < 0.1
    assert not mark.exists()


@pytest.mark.parametrize("name", sorted(set(OWN) - {"coin_flip", "game_of_life_halting", "puzzle24"}))
def test_own_scorers_give_the_marks_of_theirs(name):
    dataset = create_dataset(name, size=25, seed=5)
    entries = [dataset[i] for i in range(25)]
    for i, entry in enumerate(entries):
        answer = entry["answer"]
        rows = [row.split() for row in answer.split("\n")]
        for text in (
            answer,
            entries[i - 1]["answer"],
            str(rows),
            str(rows[0]),
            str(list(answer)),
            "12",
            "(1 + 2) * 3",
            "(",
        ):
            assert OWN[name](text, entry) == pytest.approx(float(dataset.score_answer(text, entry)))


def test_where_theirs_can_be_fooled():
    entry, query = item("game_of_life_halting")
    assert value(str(entry["answer"]).lower(), query) == 1.0
    assert value("banana", query) == 0.0

    entry, query = item("puzzle24")
    assert value("6*4*1*1" if sorted(entry["metadata"]["numbers"]) != [1, 1, 4, 6] else "8*3*1*1", query) == 0.01

    entry, query = item("coin_flip")
    assert value(entry["answer"], query) == 1.0
    assert value("0", query) < 0.5  # a prefix of every probability

    _, query = item("complex_arithmetic")
    for text in ("nan", "nanj", "inf", "(nan+1i)"):
        assert value(text, query) == 0.0

    _, query = item("prime_factorization")
    assert value("banana", query) == 0.0  # theirs raises


@pytest.mark.parametrize("name", sorted(GATES))
def test_gates_let_honest_answers_through(name):
    dataset = create_dataset(name, size=40, seed=3)
    golds = [dataset[i] for i in range(40)]
    open_ = [entry for entry in golds if "Integral" not in entry["answer"]]
    assert len(open_) >= 30
    assert all(GATES[name](entry["answer"], entry) for entry in open_)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("-2*X**9 + 7*X**8 - 2*X + C", True),
        ("2*(2 - 8*x)**(3/2)/3 + C", True),
        ("exp(-x)*sin(2*x) + E**(x**2)", True),
        ("x**2*(x + 1)**3", True),
        ("9**9**9", False),
        ("(2**999)**999", False),
        ("x**(9**9)", False),
        ("9**(9**x)", False),
        ("1e99999999", False),
        ("9" * 100, False),
        ("x.real", False),
        ("x if x else y", False),
        ("open('f')", False),
        ("Integral(x, x)", False),  # an integral is not its own solution
        ("[x]", False),
        ("f'{x}'", False),
        ("lambda: 0", False),
        ("x; y", False),
        ("sin", False),
        ("sin(x, x=1)", False),
        ("(" * 300 + "x" + ")" * 300, False),
        ("", False),
    ],
)
def test_what_may_be_shown_to_sympy(text, safe):
    assert is_algebra(text, {}) is safe


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("3+4i", True),
        ("-2.5 - 1j", True),
        ("(7i)", True),
        ("nan", False),
        ("1e999", False),
        ("inf-infi", False),
        ("x", False),
    ],
)
def test_complex_numbers(text, is_one):
    assert is_complex_number(text, {}) is is_one


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2*3", 7),
        ("(1 - 4)/2", -1.5),
        ("--3", 3),
        ("1/0", None),
        ("2**3", None),
        ("f(1)", None),
        ("(" * 5000, None),
        ("True", None),
    ],
)
def test_arithmetic_is_exact_and_runs_nothing(text, expected):
    assert arithmetic(text) == expected


def test_answers_in_tags_and_boxes_count():
    entry, query = item("basic_arithmetic")
    assert value(f"<think>hm</think>so <answer> {entry['answer']} </answer>", query) == 1.0
    assert value(f"<answer>{entry['answer']}</answer> no: <answer>x</answer>", query) == 0.0
    assert value(f"<think>{entry['answer']}</think>", query) == 0.0
    assert value(rf"So it is $\boxed{{{entry['answer']}}}$.", query) == 1.0
    assert value(rf"So it is $\boxed{{{entry['answer']}}}$, or $\boxed{{0}}$.", query) < 1.0
    assert 0.0 < value(f"The answer is {entry['answer']}.", query) < 0.5  # by the generator's own rule


def test_an_item_that_is_not_the_prompts_is_a_fault():
    entry, query = item("basic_arithmetic")
    rg = query.extra["rg"]
    for change in ({"version": "0.0.1"}, {"index": 2}, {"seed": 12}, {"config": {"nonsense": 1}}):
        with pytest.raises(ToolFault):
            TOOL.prepare(Query(query.prompt, reference=query.reference, extra={"rg": {**rg, **change}}))
    as_text = Query(f"Solve this.\n{entry['question']}", extra={"rg": json.dumps(rg)})
    assert value(entry["answer"], as_text) == 1.0


def test_which_queries_fit(monkeypatch):
    fits = {"dataset": "basic_arithmetic", "index": 0, "seed": 1, "size": 5}
    assert TOOL.fits(Query("x", extra={"rg": fits}))
    for change in ({"dataset": "composite"}, {"dataset": "nonsense"}, {"dataset": 3}, {"index": -1}, {"index": "0"}):
        assert not TOOL.fits(Query("x", extra={"rg": {**fits, **change}}))
    assert not TOOL.fits(Query("x"))
    assert not TOOL.fits(Query("x", extra={"rg": "{broken"}))
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not TOOL.fits(Query("x", extra={"rg": fits}))


@pytest.mark.data
def test_recorded_marks_are_reproduced(shared_data):
    """The label is the mark of the generator's own scorer; ours differs where that is a flaw (coin_flip's prefixes)."""
    with gzip.open(shared_data / "eval/bon_reasoning_gym.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    other = set()
    for row in rows[::4]:
        query = Query(row["prompt"], reference=row["reference"], extra={"rg": row["meta"]["rg"]})
        prepared = TOOL.prepare(query)
        marks = [TOOL.rate(response["text"], query, prepared).value for response in row["responses"]]
        if marks != pytest.approx([response["label"] for response in row["responses"]], abs=6e-5):
            other.add(row["meta"]["rg"]["dataset"])
    assert other <= {"coin_flip"}
