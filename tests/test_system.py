"""The whole flow: a query is analysed, routed, judged, composed; with the faults and gaps of each step."""

from __future__ import annotations

import asyncio
import multiprocessing
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import rlar
from rlar.errors import InputError, ToolError
from rlar.scoring.compose import Composition
from rlar.scoring.shape import clip
from rlar.types import Constraint, Fault, Kind, Query, ToolCard, Verdict

SUM = Query("What is 6 * 7?", reference="42")
GREETING = "Guten Morgen, liebe Freunde des Meeres!"
MIXED = [
    (SUM, ["It is 42.", "It is 24.", ""]),
    (Query("Capital of France?\nA) Lyon\nB) Paris", reference="B"), ["B", "A", "A or B"]),
    (
        Query("Say it without commas.", constraints=(Constraint("punctuation:no_comma"),)),
        ["No comma here.", "One, two."],
    ),
    (
        Query("Translate this from English to German.\n\nGood morning, dear friends of the sea!", reference=GREETING),
        [GREETING, "Hallo", ""],
    ),
    (
        Query("Give the user as JSON.", extra={"schema": {"type": "object", "required": ["name"]}}),
        ['{"name": "A"}', "{}"],
    ),
    (Query("Tell me a story."), ["Once upon a time", "No."]),
]


def values(rewards_PG):
    return [[r.value for r in rewards] for rewards in rewards_PG]


def scored(system=None):
    system = system or rlar.RewardSystem(cache=False)
    return values(system.score_batch_sync([q for q, _ in MIXED], [r for _, r in MIXED]))


def test_every_query_gets_its_right_tool_and_open_ones_are_gaps():
    with rlar.RewardSystem() as system:
        got = scored(system)
        tools = [[t.partition("@")[0] for t in system.decide(q).tools] for q, _ in MIXED]
    assert tools == [["math"], ["choice"], ["instructions"], ["translation"], ["json_schema"], []]
    assert got[0] == [1.0, 0.0, 0.0] and got[1] == [1.0, 0.0, 0.0] and got[2] == [1.0, 0.0]
    assert got[3][0] > 0.9 > got[3][1] >= got[3][2] == 0.0
    assert got[4] == [1.0, 0.0] and got[5] == [None, None]


def test_a_gap_says_what_lacks():
    with rlar.RewardSystem() as system:
        gap = system.decide("Tell me a story.").gap
    assert gap is not None and "no proven tool" in gap.why


def in_a_process(results):
    results.put(scored())


def test_threads_loops_and_processes_give_the_same_rewards():
    here = scored()
    with ThreadPoolExecutor(3) as threads:
        assert {str(f) for f in threads.map(lambda _: scored(), range(3))} == {str(here)}

    async def inside_a_loop():
        system = rlar.RewardSystem(cache=False)
        return values(await system.score_batch([q for q, _ in MIXED], [r for _, r in MIXED]))

    assert asyncio.run(inside_a_loop()) == here == asyncio.run(inside_a_loop())
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=in_a_process, args=(results,))
    process.start()
    assert results.get(timeout=60) == here
    process.join()


def test_the_sync_face_works_inside_a_running_loop():
    async def careless():
        return rlar.RewardSystem().score_sync(SUM, ["42"])[0].value

    assert asyncio.run(careless()) == 1.0


def test_one_system_serves_many_threads_at_once():
    with rlar.RewardSystem() as system:
        out = []
        threads = [threading.Thread(target=lambda: out.append(scored(system))) for _ in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert len(out) == 6 and len({str(o) for o in out}) == 1


def test_a_system_pickles_and_serves_elsewhere():
    system = rlar.RewardSystem(route={"mine": "math"})
    assert pickle.loads(pickle.dumps(system)).score_sync(SUM, ["42"])[0].value == 1.0


class Judge:
    """A tool of the user's own, without workers."""

    def __init__(self, verdict, **card):
        self.verdict = verdict
        self.asked = 0
        self.card = ToolCard("own_judge", "1", **{"kind": Kind.JUDGE, "engine": "llm", "about": "x"} | card)

    def fits(self, query):
        return True

    async def judge(self, query, responses):
        self.asked += 1
        return [self.verdict(self.card.ref, r) for r in responses]


def test_an_own_tool_fills_gaps_and_takes_over_nothing_unless_it_names_the_task():
    judge = Judge(lambda ref, r: Verdict(ref, value=0.7))
    with rlar.RewardSystem(tools=[judge]) as system:
        assert values([system.score_sync("Tell me a story.", ["Once"])]) == [[0.7]]
        assert system.score_sync(SUM, ["42"])[0].parts == {"math": 1.0}
    named = Judge(lambda ref, r: Verdict(ref, value=0.2), kind=Kind.VERIFIER, suits=("math",))
    with rlar.RewardSystem(tools=[named]) as system:
        assert system.score_sync(SUM, ["42"])[0].parts == {"own_judge": 0.2}
    weaker = Judge(lambda ref, r: Verdict(ref, value=0.2), suits=("math",))
    with rlar.RewardSystem(tools=[weaker]) as system:
        assert system.score_sync(SUM, ["42"])[0].parts == {"math": 1.0}  # a judge does not replace a verifier


def test_a_fault_is_no_number_and_names_the_tool():
    judge = Judge(lambda ref, r: Verdict(ref, fault=Fault.UNAVAILABLE, why="503"))
    with rlar.RewardSystem(tools=[judge]) as system:
        (reward,) = system.score_sync("Tell me a story.", ["Once"])
    assert reward.value is None and reward.faults[0].fault is Fault.UNAVAILABLE and "503" in reward.why


def test_identical_judgements_are_made_once_and_faults_are_tried_again():
    judge = Judge(lambda ref, r: Verdict(ref, value=0.5))
    with rlar.RewardSystem(tools=[judge]) as system:
        for _ in range(3):
            system.score_sync("Tell me a story.", ["Once"])
    assert judge.asked == 1
    down = Judge(lambda ref, r: Verdict(ref, fault=Fault.UNAVAILABLE, why="503"))
    with rlar.RewardSystem(tools=[down]) as system:
        for _ in range(2):
            system.score_sync("Tell me a story.", ["Once"])
    assert down.asked == 2


def test_a_static_map_in_three_lines():
    route = {"gsm8k": "math", "wmt": ["chrf", "bleu"], "odd": {"chrf": 3, "bleu": 1}}
    query = Query("Übersetze", reference="Guten Morgen, liebe Leute.", source="wmt")
    with rlar.RewardSystem(route=route) as system:
        assert [t.partition("@")[0] for t in system.decide(query).tools] == ["chrf", "bleu"]
        assert system.decide(Query("6*7?", reference="42", source="gsm8k")).router == "map"
        assert system.decide(SUM).router == "rules"  # what the map leaves out is routed by content
        assert "cannot judge" in system.decide(Query("Hi", source="gsm8k")).gap.why
    with pytest.raises(ToolError, match="did you mean math"), rlar.RewardSystem(route={"x": "maths"}) as system:
        system.decide(Query("6*7?", reference="42", source="x"))
    for wrong in ({}, {"x": 5}, {"x": {"math": -1}}):
        with pytest.raises(InputError):
            rlar.RewardSystem(route=wrong)


def test_shaping_comes_last_and_keeps_none():
    with rlar.RewardSystem(shape=lambda rewards: clip(rewards, low=0.2, high=0.8)) as system:
        assert values([system.score_sync(SUM, ["42", "41"])]) == [[0.8, 0.2]]
        assert values([system.score_sync("Tell me a story.", ["x"])]) == [[None]]


def test_form_gates_what_is_right():
    query = Query("What is 6*7? No commas.", reference="42", constraints=(Constraint("punctuation:no_comma"),))
    with rlar.RewardSystem(composition=Composition()) as system:
        assert values([system.score_sync(query, ["It is 42.", "Well, it is 42.", "It is 41."])]) == [[1.0, 0.0, 0.0]]


@pytest.mark.parametrize(
    ("queries", "responses", "says"),
    [
        ([SUM], [["42"], ["41"]], "1 queries but 2 groups"),
        ([SUM], ["42"], "one string"),
        ([SUM], [[42]], "a response is text, got int"),
        ([7], [["42"]], "a query is"),
    ],
)
def test_wrong_calls_are_refused_with_what_came(queries, responses, says):
    with rlar.RewardSystem() as system, pytest.raises(InputError, match=says):
        system.score_batch_sync(queries, responses)


def test_rlar_score_takes_one_or_many():
    assert [r.value for r in rlar.score({"prompt": "6 * 7?", "reference": "42"}, ["42", "41"])] == [1.0, 0.0]
    assert values(rlar.score([SUM, SUM], [["42"], ["41", "42"]])) == [[1.0], [0.0, 1.0]]
    assert rlar.score([{"role": "user", "content": "Tell me a story."}], ["x"])[0].value is None
    assert rlar.score([], []) == []


def test_a_deadline_leaves_what_is_late_without_a_number():
    async def late(query, responses):
        await asyncio.sleep(20)

    judge = Judge(None)
    judge.judge = late
    with rlar.RewardSystem(tools=[judge], deadline_s=0.1) as system:
        (reward,) = system.score_sync("Tell me a story.", ["x"])
    assert (reward.value, reward.verdicts[0].fault) == (None, Fault.CANCELLED)


def test_a_row_s_own_math_verify_options_choose_the_profile():
    with rlar.RewardSystem(profile="lenient") as system:
        tools = [
            system.decide(Query("", reference="$1/3$", extra={"options": options})).tools[0].partition("@")[0]
            for options in ({}, {"strict": True}, {"precision": 2}, {"allow_set_relation_comp": False})
        ]
    assert tools == ["math_lenient", "math", "math_lenient", "math_strict"]


def test_a_reference_of_any_shape_is_one_good_answer_of_many_in_open_ended_tasks():
    users = '[{"name": "Ada", "age": 36}, {"name": "Bo", "age": 41}]'
    with rlar.RewardSystem() as system:
        assert system.decide(Query("List the users as JSON.", reference=users, extra={"task": "code"})).gap is None
        gap = system.decide(Query("Tell me of the users.", reference=users, extra={"task": "dialogue"})).gap
    assert gap is not None and "one good answer of many" in gap.why


def test_what_a_prompt_asks_for_is_checked_only_where_one_asks_for_that_and_nothing_else_can_be():
    query, responses = Query("Describe the sea in exactly 3 words."), ["Blue and wide.", "Blue and very wide.", ""]
    sums = Query("What is 6 * 7? Answer in exactly 2 words.", reference="42")
    with rlar.RewardSystem() as plain, rlar.RewardSystem(read_constraints=True) as reads:
        assert values([plain.score_sync(query, responses)]) == [[None, None, None]]
        assert values([reads.score_sync(query, responses)]) == [[1.0, 0.0, 0.0]]
        assert reads.analyze(query).checks == ("constraints",)
        assert values([reads.score_sync(sums, ["It is 42.", "Fifty two"])]) == [[1.0, 0.0]]  # the reference decides
        assert reads.decide(Query("Tell me a story of about 300 words.")).gap is not None  # "about" is no bound
