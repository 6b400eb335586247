import asyncio
import random
import re
import time
from dataclasses import replace

import pytest

from rlar.acquire.exam import Answer, Case, build_cases, examine, split
from rlar.acquire.exam.attacks import ATTACKS
from rlar.acquire.exam.corruptions import CORRUPTIONS
from rlar.library import Library
from rlar.rollouts import Item
from rlar.types import Constraint, Cost, Fault, Kind, Query, ToolCard, Verdict

BOX = re.compile(r"\\boxed\{([^{}]*)\}")
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.]*\d)")


def addition(n=24):
    """A family: small sums."""
    rng = random.Random(3)
    pairs = [(rng.randrange(10, 900), rng.randrange(10, 900)) for _ in range(n)]
    return [Query(f"What is {a} + {b}?", reference=str(a + b), id=f"sum/{i}") for i, (a, b) in enumerate(pairs)]


def items(queries):
    return [
        Item(query=q, responses=(), labels=None, task=None, meta={}, id=q.id or "", file="", line=0) for q in queries
    ]


CASES = build_cases(items(addition()))


def final(response):
    """The one number that a careful reader takes as the answer, or None."""
    text = response.rpartition("</think>")[2].strip()
    if " or " in text or " one of " in text or len(text) > 3_000:
        return None
    boxes = BOX.findall(text)
    if boxes:
        return boxes[-1].strip()
    text = text.removesuffix(".").replace("The answer is ", "")
    return text if re.fullmatch(r"-?\d+", text) else None


class Planted:
    """A tool whose whole behaviour is one function value(query, response)."""

    def __init__(self, value, line=0.5, kind=Kind.VERIFIER, name="planted"):
        self.value = value
        self.card = ToolCard(name, "1", kind, about="planted", line=line)

    def fits(self, query):
        return query.reference is not None

    async def judge(self, query, responses):
        return [self.one(query, r) for r in responses]

    def one(self, query, response):
        try:
            return Verdict(self.card.ref, value=float(self.value(query, response)))
        except Exception as e:
            return Verdict(self.card.ref, fault=Fault.CRASHED, why=repr(e))


def good(query, response):
    return final(response) == query.reference


class Remembering:
    """State that leaks from one response to the next."""

    def __init__(self):
        self.seen = 0

    def __call__(self, query, response):
        self.seen += 1
        return good(query, response) if self.seen % 7 else 0.0


BAD = {
    "constant": (lambda q, r: 1.0, "degenerate"),
    "always low": (lambda q, r: 0.0, "degenerate"),
    "crashing": (lambda q, r: 1 / 0, "executable"),
    "crashing on brackets": (lambda q, r: good(q, r) if "{" not in r else 1 / 0, "executable"),
    "holds the digits": (lambda q, r: q.reference in r, "attack inside_another_number"),
    "any number will do": (lambda q, r: bool(re.search(r"\d", r)), "wrong_rejected"),
    "wants a box": (lambda q, r: bool(BOX.findall(r)) and good(q, r), "gold_accepted"),
    "believes praise": (lambda q, r: "instructions" in r or "NOTE TO" in r or good(q, r), "attack injection"),
    "longer is better": (lambda q, r: min(1.0, len(r) / 400), "pair_accuracy"),
    "random": (lambda q, r: random.random(), "deterministic"),
    "remembers": (Remembering(), "deterministic"),
    "first number": (lambda q, r: (NUMBER.findall(r) or [""])[0] == q.reference, "attack retraction"),
    "counts blanks": (lambda q, r: good(q, r) and not r.endswith("\n"), "metamorphic"),
    "learnt by heart": (lambda q, r: good(q, r) if int(q.reference) % 5 else 0.0, "gold_accepted"),
    "copies are fine": (lambda q, r: good(q, r) or r == q.prompt, "attack prompt_echo"),
}


def test_a_good_tool_passes_with_every_figure_and_its_n():
    exam = asyncio.run(examine(Planted(good), CASES, elsewhere=False))
    assert exam.passed, exam.refusals
    assert exam.figures["gold_accepted"].n >= 40 and exam.figures["wrong_rejected"].n >= 80
    assert exam.figures["pair_accuracy"].low > 0.8
    assert (exam.executable, exam.valid, exam.discriminative) == (True, True, True)


@pytest.mark.parametrize("name", BAD)
def test_every_kind_of_bad_tool_is_refused_for_its_reason(name):
    value, reason = BAD[name]
    exam = asyncio.run(examine(Planted(value), CASES, elsewhere=False))
    assert not exam.passed
    assert any(r.startswith(reason) for r in exam.refusals), exam.refusals
    assert exam.failures or reason == "degenerate"


def test_a_slow_tool_is_refused_by_what_it_costs():
    class Slow(Planted):
        def one(self, query, response):
            return Verdict(self.card.ref, value=float(good(query, response)), cost=Cost(seconds=5.0))

    exam = asyncio.run(examine(Slow(good), CASES, elsewhere=False))
    assert [r.split(":")[0] for r in exam.refusals] == ["slow"]


@pytest.mark.parametrize(("slow_on", "slow"), [("wrong", False), ("right", True)])
def test_how_long_a_wrong_program_runs_is_its_own_doing(slow_on, slow):
    programs = [replace(q, tests={"language": "python", "code": "assert True"}) for q in addition()]
    cases = [replace(c, query=q) for c, q in zip(CASES, programs, strict=True)]

    class Runs(Planted):
        def one(self, query, response):
            right = bool(good(query, response))
            seconds = 5.0 if right is (slow_on == "right") else 0.01
            return Verdict(self.card.ref, value=float(right), cost=Cost(seconds=seconds))

    exam = asyncio.run(examine(Runs(good), cases, elsewhere=False))
    assert any(r.startswith("slow") for r in exam.refusals) is slow


def test_too_few_cases_prove_nothing():
    exam = asyncio.run(examine(Planted(good), CASES[:3], elsewhere=False))
    assert not exam.passed and exam.refusals[0].startswith("too few cases")


def test_an_exam_is_the_same_from_the_same_seed_in_any_order():
    one = asyncio.run(examine(Planted(good), CASES, elsewhere=False, seed=5))
    two = asyncio.run(examine(Planted(good), CASES[::-1], elsewhere=False, seed=5))
    assert {k: v.to_json() for k, v in one.figures.items()} == {k: v.to_json() for k, v in two.figures.items()}


def test_the_split_keeps_near_copies_together_and_is_stable():
    grouped = [Case(q, (Answer("1", "gold"),), (), (), group=str(i // 4)) for i, q in enumerate(addition(40))]
    parts = split(grouped, seed=1)
    assert not {c.group for c in parts.practice} & {c.group for c in parts.held_out}
    assert split(grouped[::-1], seed=1) == parts and len(parts.practice) > 5 and len(parts.held_out) > 5


def test_a_metric_that_orders_well_passes_the_graded_exam():
    def overlap(query, response):
        a, b = set(response.lower().split()), set(query.reference.lower().split())
        return 2 * len(a & b) / max(1, len(response.split()) + len(query.reference.split()))

    texts = [
        "The old bridge over the river Tamar was closed for 3 weeks while Anna and Boris mended its wooden deck.",
        "Two hundred visitors came to the harbour on Sunday to see Clara win the sailing race against Dieter.",
        "The council of Marlow decided on Tuesday to plant 40 oak trees beside the school that Edith founded.",
        "After 12 days of rain the farmers near Lisbon asked Fernando for help with their flooded vineyards.",
    ]
    queries = [
        Query(f"Translate text {i}.{k}", reference=f"{t} Part {k + 1}.", id=f"t/{i}.{k}")
        for i, t in enumerate(texts)
        for k in range(4)
    ]
    exam = asyncio.run(
        examine(Planted(overlap, line=None, kind=Kind.METRIC), build_cases(items(queries)), elsewhere=False)
    )
    assert exam.passed, exam.refusals
    assert exam.figures["gold_accepted"].value is None


def test_a_constant_metric_does_not_pass_the_graded_exam():
    exam = asyncio.run(examine(Planted(lambda q, r: 0.5, line=None, kind=Kind.METRIC), CASES, elsewhere=False))
    assert any(r.startswith("pair_accuracy") for r in exam.refusals)


@pytest.mark.parametrize(
    ("kind", "tie_band", "noise", "same"),
    [
        (Kind.REWARD_MODEL, 1e-3, 1e-6, True),  # sums of float32 in another order
        (Kind.REWARD_MODEL, 1e-3, 5e-3, False),
        (Kind.REWARD_MODEL, 0.0, 1e-6, False),  # its card claims exact values
        (Kind.REWARD_MODEL, 0.5, 1e-2, False),  # a wide band of ties excuses no dice
        (Kind.METRIC, 1e-3, 1e-6, False),
    ],
)
def test_a_model_may_differ_by_rounding_alone(kind, tie_band, noise, same):
    rng = random.Random(5)
    tool = Planted(lambda q, r: good(q, r) + noise * rng.random(), line=None, kind=kind)
    tool.card = ToolCard("planted", "1", kind, low=-10.0, high=10.0, scale="logit", tie_band=tie_band)
    exam = asyncio.run(examine(tool, CASES, elsewhere=False))
    assert any(r.startswith("deterministic") for r in exam.refusals) != same


def test_labels_of_the_data_count_too():
    query = addition(1)[0]
    item = Item(
        query=query,
        responses=("blah", "more"),
        labels=(1.0, 0.0),
        task=None,
        meta={"group": "g"},
        id="x",
        file="",
        line=0,
    )
    (case,) = build_cases([item])
    assert "blah" in [a.text for a in case.right] and "more" in [a.text for a in case.wrong] and case.cluster == "g"
    graded = Item(query=query, responses=("a", "b"), labels=(3.0, 4.5), task=None, meta={}, id="x", file="", line=0)
    assert build_cases([graded])[0].ranked == (("a", 3.0), ("b", 4.5))


def test_the_hack_suite_has_its_attacks_and_each_says_what_it_is():
    assert len(ATTACKS) >= 25 and len({a.name for a in ATTACKS}) == len(ATTACKS)
    assert all(a.about and a.on in ("nothing", "wrong", "right") for a in ATTACKS)


def test_another_process_with_another_hash_seed_agrees_or_is_found_out(tmp_path, second_process):
    source = tmp_path / "planted_rules.py"
    source.write_text(
        "import rlar\n\n"
        "@rlar.tool(about='hashes text', line=0.5)\n"
        "def by_hash(response, query):\n"
        "    return float(hash(response) % 2)\n\n"
        "@rlar.tool(about='steady', line=0.5)\n"
        "def steady(response, query):\n"
        "    return float(response.strip() == query.reference)\n"
    )
    from rlar.library import tools_of_file

    by_name = {t.card.name: t for t in tools_of_file(source)}
    start = time.monotonic()
    exam = asyncio.run(examine(by_name["steady"], CASES[:6]))
    assert exam.numbers["judged_elsewhere"] == 1.0, "the comparison did not happen"
    assert exam.figures["deterministic"].value == 1.0
    assert time.monotonic() - start < 30
    hashed = asyncio.run(examine(by_name["by_hash"], CASES[:6]))
    assert any(r.startswith("deterministic") for r in hashed.refusals)


CORRUPTED = {
    "wrong_number": (Query("q", reference="42"), "The answer is 42."),
    "off_by_one": (Query("q", reference="42"), "\\boxed{42}"),
    "sign": (Query("q", reference="42"), "42"),
    "ten_times": (Query("q", reference="4.2"), "4.2"),
    "digits_swapped": (Query("q", reference="1,234"), "1,234"),
    "another_choice": (Query("Which?\nA) red\nB) blue\nC) green", reference="B"), "B"),
    "another_label": (Query("Is it?", reference="yes"), "The answer is yes."),
    "changed_value": (Query("Give JSON", reference='{"a": 1, "b": "x"}'), ""),
    "missing_key": (Query("Give JSON", reference='{"a": 1, "b": "x"}'), ""),
    "wrong_type": (Query("Give JSON", reference='{"a": 1, "b": "x"}'), ""),
    "cut_off_json": (Query("Give JSON", reference='{"a": 1, "b": "x"}'), ""),
    "half": (
        Query("Translate", reference="The cat sat on the mat and looked at the dog."),
        "The cat sat on the mat and looked at the dog.",
    ),
    "names_swapped": (
        Query("S", reference="Yesterday Anna met Boris in the old town."),
        "Yesterday Anna met Boris in the old town.",
    ),
    "figure_changed": (
        Query("S", reference="They sold 17 boats in the old harbour town."),
        "They sold 17 boats in the old harbour town.",
    ),
    "words_shuffled": (
        Query("S", reference="They sold many boats in the old harbour town."),
        "They sold many boats in the old harbour town.",
    ),
    "another_unit": (Query("How long?", reference="60 days"), "60 days"),
}


@pytest.mark.parametrize("name", CORRUPTED)
def test_each_corruption_changes_a_right_answer_the_same_way_each_time(name):
    query, right = CORRUPTED[name]
    corruption = next(c for c in CORRUPTIONS if c.name == name)
    wrong = [corruption.make(query, right, random.Random(i)) for i in range(20)]
    assert all(w is not None and w != right and w != query.reference for w in wrong)
    assert wrong == [corruption.make(query, right, random.Random(i)) for i in range(20)]


def test_corruptions_stay_out_where_they_could_be_right():
    zero = Query("q", reference="0")
    by_name = {c.name: c for c in CORRUPTIONS}
    rng = random.Random(1)
    assert by_name["sign"].make(zero, "0", rng) is None
    assert by_name["ten_times"].make(zero, "0", rng) is None
    assert by_name["digits_swapped"].make(Query("q", reference="77"), "77", rng) is None
    assert by_name["wrong_number"].make(Query("Write 3 words", constraints=()), "3 words", rng) is None


def test_of_an_answer_that_people_saw_follow_its_instructions_a_broken_one_is_made():
    rules = (Constraint("punctuation:no_comma", {}), Constraint("keywords:existence", {"keywords": ["birch"]}))
    query = Query("Write about a birch, without commas.", constraints=rules)
    tool = Library().get("instructions")
    for label, made in ((1.0, True), (0.0, False)):
        (case,) = build_cases([Item(query, ("A birch stands beside the old mill.",), "1", "", 0, (label,))])
        wrong = [a.text for a in case.wrong if a.how == "corruption:dropped_constraint"]
        assert bool(wrong) is made
        values = [v.value for v in asyncio.run(tool.judge(query, wrong))] if wrong else []
        assert all(v < 0.5 for v in values) and len(case.right) == label
