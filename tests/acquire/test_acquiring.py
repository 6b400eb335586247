import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
from scripted_coder import SPECS

from rlar.acquire.acquiring import ALREADY, Acquired, Acquisition, Outcome, Tried, _merit, halves
from rlar.acquire.exam import Exam, build_cases, examine, split
from rlar.acquire.exam.figures import Figure
from rlar.acquire.families import Family
from rlar.acquire.preference import LEAST_PAIRS, head_draft, labelled_pairs
from rlar.acquire.report import counts, report_html, report_json, shares
from rlar.acquire.templates import CANDIDATES, configured, proposals
from rlar.library import Library
from rlar.library.builtin import CATALOG
from rlar.library.index import Row
from rlar.library.loaders import load
from rlar.library.store import Store
from rlar.rollouts import Item
from rlar.types import Kind, Query, Task


def item(prompt, reference=None, responses=(), labels=None, **extra):
    return Item(Query(prompt, reference=reference, extra=extra), tuple(responses), prompt, "", 0, labels)


def sums(n=24):
    rng = random.Random(3)
    pairs = {(rng.randrange(10, 900), rng.randrange(10, 900)) for _ in range(n)}
    return [item(f"What is {a} + {b}?", str(a + b), task="math") for a, b in sorted(pairs)]


def polite(n=70, seed=5):
    """A family that only labels can judge: the polite answer is preferred."""
    rng = random.Random(seed)
    nice = ["thank you so much", "happy to help you", "of course, gladly", "it is my pleasure"]
    rude = ["whatever, go away", "figure it out yourself", "that is a dumb question", "stop asking me"]
    items = []
    for i in range(n):
        tail = " ".join(rng.sample(["river", "stone", "cloud", "lamp", "paper", "glass", "door", "wheel"], 4))
        texts = [f"{rng.choice(nice)} {tail}", f"{tail} {rng.choice(nice)}", f"{rng.choice(rude)} {tail}"]
        items.append(item(f"Could you tell me about {tail} ({i})?", None, texts, (1.0, 1.0, 0.0), task="dialogue"))
    return items


def test_a_family_of_numbers_gets_a_proven_template_and_routing_takes_it(tmp_path):
    items = sums()
    with Store(tmp_path) as store:
        run = Acquisition(store)
        families = run.plan(items)
        done = asyncio.run(run.run(families))
        (outcome,) = done.outcomes
        assert outcome.admitted.startswith("math_math_")
        again = asyncio.run(Acquisition(store).run(families))
        assert again.outcomes[0].why == ALREADY and not again.outcomes[0].tried
    library = Library.open(tmp_path)
    family = Acquisition(Store(tmp_path)).plan(items)[0]
    assert family.tool == outcome.admitted
    assert library.get(outcome.admitted).card.exam["passed"] is True
    rows = shares(done)
    assert rows[-1] == {"task": "all", "queries": len(items), "before": 0, "after": len(items)}
    assert shares(again)[-1]["before"] == len(items)


def test_families_too_small_and_families_nobody_can_serve_say_so(tmp_path):
    open_ended = [item(f"Tell me about {w}.", task="dialogue") for w in "abcdefghijklmnopqrstuvwxyzABCDEF"]
    with Store(tmp_path) as store:
        run = Acquisition(store, min_queries=30)
        done = asyncio.run(run.run(run.plan([*sums(20), *open_ended])))
    reasons = {o.family.task.label: o.why for o in done.outcomes}
    assert "30 are the least" in reasons["math"] and reasons["dialogue"] == "nobody had a candidate"


def test_what_failed_the_same_exam_is_not_examined_again_but_other_queries_may_be_asked(tmp_path):
    family = SPECS[0].family()
    draft = configured("token_f1", {}, family)
    with Store(tmp_path) as store:
        run = Acquisition(store)
        outcomes = []
        for queries in (36, 36, 30):
            outcomes.append(Outcome(SPECS[0].family(queries)))
            parts = halves(outcomes[-1].family.items, seed=0)
            assert not asyncio.run(run._alone(outcomes[-1], draft, parts))
        examined = [o.tried[0].exam is not None for o in outcomes]
    assert examined == [True, False, True] and outcomes[1].tried[0].refusals[0].startswith("in an earlier run:")


def test_what_somebody_retired_is_not_admitted_again(tmp_path):
    with Store(tmp_path) as store:
        run = Acquisition(store)
        families = run.plan(sums())
        first = asyncio.run(run.run(families)).outcomes[0].admitted
        store.move(first, "retired", why="we do not like it")
        second = asyncio.run(Acquisition(store).run(families)).outcomes[0]
    assert second.admitted != first and second.tried[0].refusals == ("retired before: we do not like it",)


def test_the_practice_half_holds_nothing_of_the_other():
    items = sums()
    parts = halves(items, seed=2)
    practice = json.dumps([[c.query.text, [a.text for a in (*c.right, *c.wrong)]] for c in parts.practice])
    assert parts.practice and parts.held_out
    for case in parts.held_out:
        assert case.query.text not in practice
    whole = split(build_cases(items, seed=2), seed=2)
    assert parts.held_out == whole.held_out  # and what decides is what it would be without an agent
    mine = {str(c.query.reference) for c in parts.practice}
    others = {a.text for c in parts.practice for a in c.wrong if a.how.endswith("another_prompt")}
    assert others <= mine


def test_an_admitted_tool_that_fails_its_next_exam_judges_no_longer(tmp_path):
    with Store(tmp_path) as store:
        run = Acquisition(store)
        ref = asyncio.run(run.run(run.plan(sums()))).outcomes[0].admitted
        exam, refusals = asyncio.run(Acquisition(store).again(ref, sums()))
        assert exam.passed and not refusals and store.find(ref).state == "admitted"
        crooked = [item(i.query.text, "7", task="math") for i in sums()]  # now every gold is wrong
        exam, refusals = asyncio.run(Acquisition(store).again(ref, [*crooked[:4]]))
        assert refusals and store.find(ref).state == "quarantined" and not store.current()
        exam, refusals = asyncio.run(Acquisition(store).again(ref, sums()))
        assert not refusals and store.find(ref).state == "admitted"


# -- templates and heads -------------------------------------------------------------------------------------------


def family_of_items(items, checks):
    return Family("f" * 12, Task(items[0].query.extra["task"], checks, "en", 0.9), tuple(items), 0, "", "")


@pytest.mark.parametrize("check", CANDIDATES)
def test_every_template_can_be_built_and_rebuilt_from_its_draft(check, tmp_path):
    family = family_of_items(sums(3), (check,))
    drafts = list(proposals(family, Library()))
    known = [(name, s) for name, s in CANDIDATES[check] if name in CATALOG]
    assert len(drafts) == len(known)
    assert len({d.manifest().ref for d in drafts}) == len(drafts)
    with Store(tmp_path) as store:
        for draft in drafts:
            row = store.add(draft, why="x")
            tool = load(store.manifest(row), store.path(row), None)
            assert tool.card.family == family.key and tool.card.suits == ("math",)


def test_the_tool_that_routing_chose_is_tried_first():
    import dataclasses

    family = dataclasses.replace(family_of_items(sums(3), ("answer:number",)), tool="numeric@abc")
    names = [d.settings["tool"] for d in proposals(family, Library())]
    assert names[0] == "numeric" and names.count("numeric") == 2 and "math" in names


def test_a_head_learns_what_people_prefer_and_passes_where_labels_agree(tmp_path):
    items = polite(100)
    parts = halves(items, seed=0, most=200)
    family = family_of_items(items, ())
    draft = head_draft(family, parts.practice)
    assert draft is not None and draft.kind is Kind.REWARD_MODEL
    with Store(tmp_path) as store:
        row = store.add(draft, why="x")
        tool = load(store.manifest(row), store.path(row), None)
        exam = asyncio.run(examine(tool, parts.held_out, elsewhere=False))
    assert exam.figures["pair_accuracy"].value > 0.95
    again = head_draft(family, parts.practice[::1])
    assert again.content == draft.content  # fitting is deterministic


def test_a_head_of_coin_flips_is_refused(tmp_path):
    rng = random.Random(1)
    items = [
        item(
            i.query.text,
            None,
            i.responses,
            rng.choice([(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)]),
            task="dialogue",
        )
        for i in polite(120)
    ]
    parts = halves(items, seed=0, most=200)
    draft = head_draft(family_of_items(items, ()), parts.practice)
    with Store(tmp_path) as store:
        row = store.add(draft, why="x")
        exam = asyncio.run(examine(load(store.manifest(row), store.path(row), None), parts.held_out, elsewhere=False))
    assert any(r.startswith("pair_accuracy") for r in exam.refusals)


def test_few_labels_make_no_head_and_constructed_answers_are_no_labels():
    few = halves(polite(20), seed=0).practice
    assert 0 < len(labelled_pairs(few)) < LEAST_PAIRS and head_draft(family_of_items(polite(20), ()), few) is None
    assert labelled_pairs(halves(sums(), seed=0).practice) == []


# -- reports -------------------------------------------------------------------------------------------------------


class Checker(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)


def test_a_report_is_one_page_in_which_nothing_of_a_stranger_is_markup():
    evil = "<script>alert(1)</script>\u202e<img src=x onerror=y>"
    family = Family("k", Task("math", (evil,), "en", 1.0), tuple(sums(3)), 0, evil, evil)
    outcome = Outcome(family, "", [Tried(evil, evil, None, (evil,))], evil)
    done = Acquired([outcome], stopped=evil)
    page = report_html(done, {"model": evil})
    checker = Checker()
    checker.feed(page)
    assert not {"script", "img"} & set(checker.tags) and "\u202e" not in page and "http" not in page
    body = report_json(done, {"model": evil})
    assert json.loads(json.dumps(body))["candidates"] == counts(done)
    assert counts(done) == {
        "candidates": 1,
        "executable": 0,
        "valid": 0,
        "discriminative": 0,
        "passed": 0,
        "admitted": 0,
    }


# -- kills ---------------------------------------------------------------------------------------------------------

CHILD = """
import asyncio, random, sys
sys.path.insert(0, sys.argv[2])
from test_acquiring import sums
from rlar.acquire.acquiring import Acquisition
from rlar.library.store import Store
store = Store(sys.argv[1])
print("open", flush=True)
run = Acquisition(store, seed=int(sys.argv[3]))
asyncio.run(run.run(run.plan(sums())))
print("done", flush=True)
"""


def _killed_runs(folder, kills, longest_s, seed):
    rng = random.Random(seed)
    admitted: set[tuple[str, str]] = set()
    for _ in range(kills):
        command = [sys.executable, "-c", CHILD, str(folder), str(Path(__file__).parent), str(rng.randrange(1000))]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
        child.stdout.readline()
        time.sleep(rng.uniform(0.0, longest_s))
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        with Store(folder) as store:
            rows = {(r.name, r.version): r for r in store.rows()}
            assert store.problems == [] and store.verify() == []
            for row in rows.values():
                if row.state == "admitted":
                    assert (store.exam(row) or {}).get("passed") is True  # never without its proof
                    admitted.add((row.name, row.version))
            assert all(rows[key].state in ("admitted", "retired") for key in admitted)
        assert not Library.open(folder).problems
    return admitted


@pytest.mark.parametrize(
    ("pairs", "seconds", "best"),
    [
        ((0.9, 0.8), (1.0, 0.0001), "a"),  # order of pairs comes first
        ((0.9, 0.9), (2.0, 0.02), "b"),
        ((0.9, 0.9), (0.0004, 0.0016), "b"),  # noise of the clock: the name settles it, either way round
        ((0.9, 0.9), (0.0016, 0.0004), "b"),
    ],
)
def test_which_of_two_that_passed_is_best_does_not_hang_on_the_clock(pairs, seconds, best):
    figures = [{"pair_accuracy": Figure(p, 40, p, 1.0), "resisted": Figure(1.0, 40, 0.9, 1.0)} for p in pairs]
    exams = [Exam("t", 0, 9, f, {}, {"seconds_p50": s}, (), ()) for f, s in zip(figures, seconds, strict=True)]
    rows = [Row(name, "1", "proposed", "", False) for name in "ab"]
    assert max(zip(rows, exams, strict=True), key=_merit)[0].name == best


def test_a_run_killed_at_any_moment_loses_nothing_that_was_admitted(tmp_path):
    _killed_runs(tmp_path / "lib", kills=3, longest_s=1.0, seed=1)
    with Store(tmp_path / "lib") as store:
        run = Acquisition(store)
        assert asyncio.run(run.run(run.plan(sums()))).outcomes[0].admitted


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_kills_at_any_moment_of_a_run(tmp_path):
    """RLAR_KILLS=200 kills more often. The moments reach past the end of a run, however slow this machine is."""
    command = [sys.executable, "-c", CHILD, str(tmp_path / "whole"), str(Path(__file__).parent), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        begun = time.monotonic()
        assert child.stdout.readline() == b"done\n"
        whole_s = time.monotonic() - begun
    assert _killed_runs(
        tmp_path / "lib", kills=int(os.environ.get("RLAR_KILLS", "10")), longest_s=1.3 * whole_s, seed=2
    )
