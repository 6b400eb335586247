import pickle

import pytest

from rlar.engines.models.spec import FAMILIES, OWN_HEADS, Endpoint, Head, ModelSpec
from rlar.types import Scope


def full():
    head = Head("gated", ("regression_layer",), gate=("gating.layers.0",), transform="matrix", temperature=10.0)
    end = Endpoint("http://localhost:8000", "tei_rerank", "m", batch=4)
    return ModelSpec("own_head", "/x", head=head, endpoint=end, weights=(1.0, 2.0), files={"a": "b"}, revision="a" * 40)


def test_a_spec_survives_json_and_pickle():
    assert ModelSpec.from_json(full().to_json()) == full() == pickle.loads(pickle.dumps(full()))


def test_the_version_follows_weights_and_settings_not_places():
    spec = ModelSpec("classifier", "/here", files={"model.safetensors": "1"})
    moved = ModelSpec("classifier", "/there", repo="a/b", licence="MIT", files={"model.safetensors": "1"})
    assert spec.version == moved.version
    assert spec.version != ModelSpec("classifier", "/here", files={"model.safetensors": "2"}).version
    assert spec.version != ModelSpec("classifier", "/here", files={"model.safetensors": "1"}, rule="mean").version


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"family": "oracle"}, "family is one of"),
        ({"family": "own_head"}, "needs head"),
        ({"family": "label_token"}, "needs tokens"),
        ({"family": "log_ratio"}, "needs base_path"),
        ({"family": "process"}, "needs step_mark"),
        ({"family": "remote"}, "needs endpoint"),
        ({"family": "classifier", "rule": "guess"}, "rule is one of"),
        ({"family": "classifier", "low": 1.0, "high": 0.0}, "low < high"),
        ({"family": "classifier", "low": float("nan")}, "low < high"),
        ({"family": "classifier", "revision": "main"}, "40 hex digits"),
        ({"family": "classifier", "prompt_format": "{prompt.__class__}"}, "knows prompt"),
        ({"family": "classifier", "prompt_format": "{0}"}, "knows prompt"),
        ({"family": "classifier", "prompt_format": "{prompt"}, "knows prompt"),
        ({"family": "classifier", "weights": (float("inf"),)}, "finite"),
    ],
)
def test_a_wrong_spec_says_what_is_wrong(fields, says):
    with pytest.raises(ValueError, match=says):
        ModelSpec(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "mlp"},
        {"layers": ()},
        {"layers": ("../../etc",)},
        {"layers": ("__import__('os')",)},
        {"kind": "gated"},
        {"kind": "pair"},
        {"temperature": 0.0},
    ],
)
def test_a_head_names_tensors_and_nothing_else(fields):
    with pytest.raises(ValueError, match=r".+"):
        Head(**fields)


def test_unknown_fields_are_refused():
    with pytest.raises(ValueError, match="has no code"):
        ModelSpec.from_json({"family": "classifier", "code": "print()"})
    with pytest.raises(ValueError, match="no spec"):
        ModelSpec.from_json({"family": "own_head", "head": {"lambda": 1}})


def test_what_a_query_needs_follows_from_the_format():
    assert ModelSpec("reference", format="pair", first="reference").needs == ("reference",)
    assert ModelSpec("reference", format="text", prompt_format="{source} {reference} {response}").needs == (
        "reference",
        "source",
    )
    assert ModelSpec("classifier").needs == ()


def test_comparing_families_judge_groups():
    pair = ModelSpec("label_token", tokens=("A", "B"), prompt_format="{prompt} {a} {b}")
    assert pair.scope is Scope.GROUP
    assert ModelSpec(**OWN_HEADS["DebertaV2PairRM"]).scope is Scope.GROUP
    assert ModelSpec("generative_list", prompt_format="{responses}", pattern=".*").scope is Scope.GROUP
    assert ModelSpec("label_token", tokens=("Yes", "No"), prompt_format="{response}").scope is Scope.RESPONSE


def test_every_family_and_every_known_head_is_described():
    assert all(f.about and f.known_by for f in FAMILIES.values())
    for fields in OWN_HEADS.values():
        spec = ModelSpec(**fields)
        assert ModelSpec.from_json(spec.to_json()) == spec
