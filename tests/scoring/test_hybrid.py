import asyncio

import pytest

from rlar.scoring.cascade import Cascade
from rlar.scoring.hybrid import LOW_CONFIDENCE, Cascaded, Hybrid
from rlar.types import Fault, Kind, Query, ToolCard, Verdict

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
