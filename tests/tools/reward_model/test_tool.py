"""The tool without torch: an engine that answers from the texts, so that what the tool makes of answers is seen."""

import asyncio
import json

import pytest

from rlar.engines.models.spec import OWN_HEADS, Endpoint, ModelSpec
from rlar.library import Library
from rlar.library.manifest import Draft, Provenance
from rlar.library.store import Store
from rlar.testing import check_tool
from rlar.tools.reward_model import RewardModel
from rlar.types import Fault, Kind, Message, Query, Scope, Tool


class Engine:
    """Answers as `answer(ask)` says; keeps what it was asked, call by call."""

    def __init__(self, answer):
        self.answer = answer
        self.calls = []

    async def ask(self, spec, asks):
        self.calls.append(list(asks))
        return [self.answer(a) for a in asks]


def length(ask):
    return {"labels": [float(len(ask["response"]))]}


FILES = {"model.safetensors": "0" * 64}
CLASSIFIER = ModelSpec("classifier", "/models/a-b", files=FILES, low=0.0, high=50.0)
PAIR = ModelSpec(
    "label_token", "/models/p", files=FILES, tokens=("A", "B"), prompt_format="{prompt} {a} {b}", low=0.0, high=1.0
)
LISTED = ModelSpec(
    "generative_list", "/m", files=FILES, prompt_format="{responses} {n}", pattern=r"(.*)", low=0.0, high=10.0
)
QUERY = Query("how do I cook rice?")


def tool(answer=length, spec=CLASSIFIER, **more):
    return RewardModel(spec, engine=Engine(answer), **more)


def judged(t, *responses, query=QUERY):
    return asyncio.run(t.judge(query, list(responses)))


def test_it_is_a_tool_whose_card_says_what_it_is():
    t = tool(card={"suits": ("dialogue",), "licence": "MIT"})
    assert isinstance(t, Tool) and t.card.kind is Kind.REWARD_MODEL and t.card.name == "a_b"
    assert (t.card.low, t.card.high, t.card.scale) == (0.0, 50.0, "logit") and t.card.suits == ("dialogue",)
    assert t.card.version == CLASSIFIER.version and t.card.licence == "MIT"
    assert tool(spec=PAIR).card.scale == "unit" and tool(spec=PAIR).card.scope is Scope.GROUP


def test_it_keeps_the_contract_of_tools():
    for t in (tool(), tool(prefers_longer, PAIR)):
        checks = check_tool(t, QUERY, ["yes", "no, because"])
        assert checks and not [c for c in checks if c.ok is False]


def test_values_are_in_order_equal_answers_are_asked_once_and_empty_ones_not_at_all():
    t = tool()
    verdicts = judged(t, "ccc", "a", "", "ccc", "  \n")
    assert [v.value for v in verdicts] == [3.0, 1.0, 0.0, 3.0, 0.0]
    assert verdicts[2].why == "an empty answer"
    assert [a["response"] for a in t._engine.calls[0]] == ["ccc", "a"]


def test_all_groups_go_in_one_call_and_a_group_keeps_its_number():
    t = tool()
    groups = [(Query(f"q{i}"), ["x" * (i + 1), "y" * 9]) for i in range(5)]
    found = asyncio.run(t.judge_many(groups))
    assert [[v.value for v in g] for g in found] == [[i + 1.0, 9.0] for i in range(5)]
    assert len(t._engine.calls) == 1 and [a["group"] for a in t._engine.calls[0]] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ({"fault": "crashed", "why": "gone"}, Fault.CRASHED),
        ({"labels": [float("nan")]}, Fault.INVALID),
        ({"labels": [1.0, 2.0]}, Fault.INVALID),
        ({"labels": ["x"]}, Fault.UNREADABLE),
        ({"something": 1}, Fault.UNREADABLE),
    ],
)
def test_what_broke_is_a_fault_and_never_a_number(answer, fault):
    verdicts = judged(tool(lambda a: answer if a["response"] == "bad" else length(a)), "good", "bad")
    assert verdicts[0].value == 4.0
    assert verdicts[1].value is None and verdicts[1].fault is fault and verdicts[1].why


def test_too_long_is_the_lowest_value_and_beyond_the_scale_is_its_bound():
    t = tool(lambda a: {"too_long": True} if a["response"] == "endless" else {"labels": [999.0], "notes": ["5 cut"]})
    low, high = judged(t, "endless", "big")
    assert low.value == 0.0 and "does not fit" in low.why
    assert high.value == 50.0 and "5 cut" in high.why and "999" in high.why


def test_conversations_keep_their_turns():
    t = tool()
    query = Query((Message("system", "be kind"), Message("user", "hi")))
    judged(t, "x", query=query)
    assert t._engine.calls[0][0]["prompt"] == [["system", "be kind"], ["user", "hi"]]


# -- groups -----------------------------------------------------------------------------------------------------------


def prefers_longer(ask, bias=0.0):
    d = len(ask["a"]) - len(ask["b"])
    return {"labels": [float(d) + bias, 0.0]}


def test_pairs_are_asked_in_both_orders_so_that_a_bias_for_the_first_place_cancels():
    answers = ["a" * n for n in (2, 5, 3)]
    fair, biased = (judged(tool(lambda a, b=b: prefers_longer(a, b), PAIR), *answers) for b in (0.0, 1.0))
    for verdicts in (fair, biased):
        assert verdicts[1].value > verdicts[2].value > verdicts[0].value
        assert sum(v.value for v in verdicts) == pytest.approx(1.5)


def test_the_order_of_a_group_changes_nothing():
    answers = [f"{'x' * (i % 5)}{i}" for i in range(12)]
    there = dict(zip(answers, judged(tool(prefers_longer, PAIR), *answers), strict=True))
    back = dict(zip(answers[::-1], judged(tool(prefers_longer, PAIR), *answers[::-1]), strict=True))
    assert {a: v.value for a, v in there.items()} == {a: v.value for a, v in back.items()}


def test_a_large_group_costs_a_bounded_number_of_comparisons():
    t = tool(prefers_longer, PAIR)
    judged(t, *(str(i) for i in range(64)))
    assert len(t._engine.calls[0]) <= 64 * 8
    four = tool(prefers_longer, PAIR)
    judged(four, *"abcd")
    assert len(four._engine.calls[0]) == 12  # every pair, both orders


def test_alone_there_is_nothing_to_compare_and_empty_answers_lose():
    t = tool(prefers_longer, PAIR)
    assert [v.value for v in judged(t, "only", "")] == [0.5, 0.0]
    assert [v.value for v in judged(t, "", " ")] == [0.0, 0.0]


def test_one_broken_comparison_faults_those_it_concerns():
    def breaks(ask):
        return {"fault": "timeout", "why": "late"} if {ask["a"], ask["b"]} == {"x", "yy"} else prefers_longer(ask)

    verdicts = judged(tool(breaks, PAIR), "x", "yy", "zzz")
    assert [v.fault for v in verdicts] == [Fault.TIMEOUT, Fault.TIMEOUT, None]


def test_pair_models_with_a_head_compare_by_their_difference():
    spec = ModelSpec(**OWN_HEADS["DebertaV2PairRM"], path="/p", files=FILES)
    verdicts = judged(tool(lambda a: {"labels": [float(len(a["a"]) - len(a["b"]))]}, spec), "x", "yyyy")
    assert verdicts[1].value > 0.9 > 0.1 > verdicts[0].value


def test_lists_are_asked_in_two_orders_and_counts_must_agree():
    def grade(ask):
        return {"text": " ".join(str(len(r)) for r in ask["responses"])}

    t = tool(grade, LISTED)
    assert [v.value for v in judged(t, "ccc", "a", "ccc")] == [3.0, 1.0, 3.0]
    assert len(t._engine.calls[0]) == 2
    short = judged(tool(lambda a: {"text": "5"}, LISTED), "a", "b")
    assert [v.fault for v in short] == [Fault.UNREADABLE] * 2


# -- what it fits -----------------------------------------------------------------------------------------------------


def test_a_model_that_needs_a_reference_does_not_fit_without_one():
    t = tool(spec=ModelSpec("reference", "/r", files=FILES, format="pair", first="reference"))
    assert not t.fits(Query("translate")) and t.fits(Query("translate", reference="gold"))
    assert t.fits(Query("t", extra={"references": ["gold", "or"]})) and t.card.needs == ("a prompt", "reference")
    assert not tool().fits(Query("  "))


def test_a_model_is_kept_in_a_library_and_comes_back_the_same(tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    head = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (model / "model.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + bytes(4))
    (model / "config.json").write_text(
        json.dumps({"architectures": ["LlamaForSequenceClassification"], "num_labels": 1})
    )
    (model / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ messages }}"}))
    t = RewardModel(model, low=0.0, high=9.0, card={"suits": ("dialogue",)})
    assert t.spec.family == "classifier" and t.spec.parameters == 1 and set(t.spec.files) >= {"model.safetensors"}
    from rlar.library.manifest import card_words

    with Store(tmp_path / "lib") as store:
        for name, inside in (("here", "model"), ("there", "")):
            draft = Draft(
                name, Kind.REWARD_MODEL, "model", t.settings(inside=inside), card_words(t.card), Provenance("user"),
                content=t.content(inside) if inside else {}, engine="model",
            )  # fmt: skip
            store.admit(f"{name}@{store.add(draft, why='new').version}", why="passed")
    library = Library.open(tmp_path / "lib")
    here, there = library.get("here"), library.get("there")
    assert here.spec.version == there.spec.version == t.spec.version
    assert there.spec.path == str(model) and here.spec.path.startswith(str(tmp_path / "lib"))
    assert here.card.suits == ("dialogue",) and (here.card.low, here.card.high) == (0.0, 9.0)


def test_a_folder_that_leaves_doubts_says_what_it_needs(tmp_path):
    from rlar.errors import InputError

    with pytest.raises(InputError, match=r"config\.json"):
        RewardModel(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"]}))
    with pytest.raises(InputError, match="name its family"):
        RewardModel(tmp_path)
    with pytest.raises(InputError, match="needs tokens"):
        RewardModel(tmp_path, family="label_token")
    body = {"architectures": ["BertForSequenceClassification"], "id2label": {"0": "a", "1": "b", "2": "c"}}
    (tmp_path / "config.json").write_text(json.dumps({**body, "model_type": "bert"}))
    with pytest.raises(InputError, match="cannot be told"):  # three labels, and nobody says which counts
        RewardModel(tmp_path)


def test_a_served_model_that_is_not_there_is_a_fault():
    spec = ModelSpec("remote", endpoint=Endpoint("http://127.0.0.1:9", retries=0, model="m/x-1"))
    t = RewardModel(spec)
    assert t.card.engine == "remote" and t.card.name == "x_1"
    assert judged(t, "a")[0].fault is Fault.UNAVAILABLE
