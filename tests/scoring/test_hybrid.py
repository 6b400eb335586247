import asyncio
import json
from collections import defaultdict
from dataclasses import replace

import pytest

from rlar.errors import InputError
from rlar.library import Library
from rlar.scoring.cascade import Cascade, read_cascades
from rlar.scoring.hybrid import LOW_CONFIDENCE, Backing, Cascaded, Hybrid
from rlar.system import RewardSystem
from rlar.types import Cost, Fault, Kind, Query, ToolCard, Verdict

QUERY = Query("q", reference="42")


class Scripted:
    """Says what a map of responses says: a value, (value, confidence) or a Fault."""

    def __init__(self, says, name="scripted", **card):
        self.says, self.asked = says, []
        self.card = ToolCard(name, "1", **{"kind": Kind.VERIFIER, "line": 0.5, "about": "x"} | card)

    def fits(self, query):
        return True

    async def judge(self, query, responses):
        self.asked.append(list(responses))
        return [self.one(r) for r in responses]

    def one(self, response):
        said = self.says[response]
        if isinstance(said, Fault):
            return Verdict(self.card.ref, fault=said, why="broke")
        value, confidence = said if isinstance(said, tuple) else (said, None)
        return Verdict(self.card.ref, value=value, confidence=confidence, why="said")


def judged(tool, responses):
    return asyncio.run(tool.judge(QUERY, responses))


def test_the_rule_decides_what_it_is_sure_of_and_the_fallback_the_rest():
    rule = Scripted({"right": 1.0, "wrong": 0.0, "odd": (0.0, 0.2), "broken": Fault.CRASHED, "right?": (1.0, 0.1)})
    model = Scripted({"odd": 8.0, "broken": -10.0}, "model", low=-10, high=10, kind=Kind.REWARD_MODEL, line=None)
    verdicts = judged(Hybrid(rule, model), ["right", "wrong", "odd", "broken", "right?"])
    assert [v.value for v in verdicts] == [1.0, 0.0, pytest.approx(0.9), 0.0, 1.0]
    assert model.asked == [["odd", "broken"]]


def test_where_nobody_can_tell_a_clear_majority_counts_a_little_and_says_so():
    rule = Scripted(dict.fromkeys("abcd", Fault.CRASHED))
    answers = {"a": "7", "b": "7", "c": "7", "d": "8"}
    verdicts = judged(Hybrid(rule, answer_of=answers.__getitem__), list("abcd"))
    assert [v.value for v in verdicts] == [1.0, 1.0, 1.0, 0.0]
    assert {v.confidence for v in verdicts} == {LOW_CONFIDENCE} and "unverified" in verdicts[0].why


@pytest.mark.parametrize("answers", [{"a": "1", "b": "1", "c": "2", "d": "2"}, dict.fromkeys("abcd", "")])
def test_without_a_clear_majority_a_fault_stays_a_fault(answers):
    rule = Scripted(dict.fromkeys("abcd", Fault.TIMEOUT))
    verdicts = judged(Hybrid(rule, answer_of=answers.__getitem__), list("abcd"))
    assert {(v.value, v.fault) for v in verdicts} == {(None, Fault.TIMEOUT)}


def test_a_fallback_that_breaks_too_leaves_faults():
    rule = Scripted({"a": Fault.CRASHED, "b": 1.0})
    verdicts = judged(Hybrid(rule, Scripted({"a": Fault.UNAVAILABLE})), ["a", "b"])
    assert (verdicts[0].value, verdicts[1].value) == (None, 1.0)


def test_the_dear_tool_is_asked_only_within_the_noise_floor_and_about_the_whole_group():
    cheap = Scripted({"a": 0.50, "b": 0.52, "c": 0.9}, "cheap", kind=Kind.REWARD_MODEL)
    dear = Scripted({"a": 1.0, "b": 0.0}, "dear", kind=Kind.JUDGE)
    tool = Cascaded(cheap, dear, Cascade(cheap="cheap", dear="dear", floor=0.1))
    assert [v.value for v in judged(tool, ["a", "b"])] == [1.0, 0.0]
    assert [v.value for v in judged(tool, ["a", "c"])] == [0.50, 0.9]
    assert (tool.asked, tool.saved, dear.asked) == (1, 1, [["a", "b"]])


def test_a_broken_dear_tool_leaves_the_cheap_one_s_judgement_for_the_whole_group():
    cheap = Scripted({"a": 0.50, "b": 0.52}, "cheap", kind=Kind.REWARD_MODEL)
    dear = Scripted({"a": 1.0, "b": Fault.UNAVAILABLE}, "dear", kind=Kind.JUDGE)
    tool = Cascaded(cheap, dear, Cascade(cheap="cheap", dear="dear", floor=0.1))
    assert [v.value for v in judged(tool, ["a", "b"])] == [0.50, 0.52]


def test_the_dear_tool_s_draw_and_a_response_without_rivals_are_left_to_the_cheap_one():
    cheap = Scripted({"a": 0.50, "b": 0.52}, "cheap", kind=Kind.REWARD_MODEL)
    dear = Scripted({"a": 1.0, "b": 1.0}, "dear", kind=Kind.JUDGE)
    tool = Cascaded(cheap, dear, Cascade(cheap="cheap", dear="dear", floor=0.1))
    assert [v.value for v in judged(tool, ["a", "b"])] == [0.50, 0.52]
    assert [v.value for v in judged(tool, ["a"])] == [0.50] and len(dear.asked) == 1


def test_a_capped_cascade_asks_about_the_smallest_margins_of_a_batch():
    cheap = Scripted({"a": 0.5, "b": 0.51, "c": 0.53, "d": 0.56}, "cheap", kind=Kind.REWARD_MODEL)
    dear = Scripted(dict.fromkeys("abc", 1.0) | {"d": 0.0, "b": 0.0}, "dear", kind=Kind.JUDGE)
    tool = Cascaded(cheap, dear, Cascade("cheap", "dear", floor=0.1, budget=0.34), capped=True)
    groups = [(Query(f"q{i}"), pair) for i, pair in enumerate((["a", "c"], ["a", "b"], ["a", "d"]))]
    asyncio.run(tool.judge_many(groups))
    assert dear.asked == [["a", "b"]] and (tool.asked, tool.saved) == (1, 2)


def test_costs_of_both_tools_count():
    class Priced(Scripted):
        def one(self, response):
            return replace(super().one(response), cost=Cost(calls=1))

    rule, model = Priced({"a": Fault.CRASHED}), Priced({"a": 1.0}, "model")
    assert judged(Hybrid(rule, model), ["a"])[0].cost.calls == 2
    cascaded = Cascaded(Priced({"a": 0.5, "b": 0.5}), Priced({"a": 1.0, "b": 0.0}), Cascade("c", "d", floor=0.0))
    assert [v.cost.calls for v in judged(cascaded, ["a", "b"])] == [2, 2]


def test_a_judge_stands_behind_the_tools_of_a_library_without_changing_the_route():
    judge = Scripted(dict.fromkeys("abc", 1.0), "judge", kind=Kind.JUDGE, suits=("safety",))
    graded = Scripted({"a": 0.50, "b": 0.505, "c": 0.9}, "graded", kind=Kind.METRIC, line=None, tie_band=0.01)
    library = Library([Scripted({"a": Fault.CRASHED, "b": 0.0}, "rule"), graded, judge])
    before = list(library.names())
    backing = Backing(judge, hybrid=True, cascade="noise")
    library.dress(backing)
    assert list(library.names()) == before and {t.card.name for t in library.own()} == {"rule", "graded", "judge"}
    assert library.get("judge") is judge
    assert [v.value for v in judged(library.get("rule"), ["a", "b"])] == [1.0, 0.0]
    judge.says = {"a": 0.0, "b": 1.0, "c": 0.5}
    assert [v.value for v in judged(library.get("graded"), ["a", "b"])] == [0.0, 1.0]
    assert [v.value for v in judged(library.get("graded"), ["a", "c"])] == [0.5, 0.9]
    assert (backing.asked, backing.saved) == (1, 1)
    math = library.get("math")  # built in, and dressed when first asked for
    assert isinstance(math, Hybrid) and "math" not in {t.card.name for t in library.own()}
    assert RewardSystem(library).decide(Query("6*7?", reference="42")).tools == (math.card.ref,)


def test_without_a_judge_a_verifier_that_breaks_leaves_it_to_the_group_s_majority():
    library = Library([Scripted(defaultdict(lambda: Fault.CRASHED), "rule")])
    library.dress(Backing(None, hybrid=True))
    said = ["The answer is 7.", "So the answer is 7", "\\boxed{7}", "The answer is 8."]
    assert [v.value for v in judged(library.get("rule"), said)] == [1.0, 1.0, 1.0, 0.0]
    with pytest.raises(InputError):
        Backing(None, cascade="noise")


def test_learnt_cascades_are_read_back_and_belong_to_a_version():
    cascade = Cascade("cheap@1", "judge@2", 0.2, 0.5, 0.25)
    assert read_cascades(json.dumps({**cascade.as_json(), "groups": 9})) == {"cheap": cascade}
    for text in ("{", '{"cheap": "x"}', '{"cheap": "x", "dear": "y", "floor": "low"}', "[3]"):
        with pytest.raises(InputError):
            read_cascades(text)
    judge = Scripted({}, "judge", kind=Kind.JUDGE)
    backing = Backing(judge, cascade={"cheap": cascade})
    assert isinstance(backing(Scripted({}, "cheap", kind=Kind.METRIC)), Cascaded)
    other = Scripted({}, "other", kind=Kind.METRIC)
    assert backing(other) is other
    changed = Scripted({}, "cheap", kind=Kind.METRIC)
    changed.card = replace(changed.card, version="9")
    with pytest.raises(InputError, match="learn it again"):
        backing(changed)
