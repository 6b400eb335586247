"""Policies trained by DPO: their reference model is found, sifted, fetched at one commit, or the reason is told."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil

import pytest
from stocking import card, reward_model, tensors
from zoo import REAL, making

from rlar.acquire.web_agent.adding import Integrator, draft_of
from rlar.acquire.web_agent.bases import base_of, beta_of, difference, vocabulary
from rlar.acquire.web_agent.facts import Facts
from rlar.acquire.web_agent.fetch import finished
from rlar.acquire.web_agent.hub import Hub
from rlar.acquire.web_agent.smoke import Smoke
from rlar.acquire.web_agent.wanted import Wanted
from rlar.library.loaders import load, model_place
from rlar.library.manifest import LibraryProblem
from rlar.library.store import Store
from rlar.testing.hub import Faults

pytest.importorskip("huggingface_hub")
WORDS = {"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": [["a", "b"]]}, "added_tokens": []}
TEXT = "A reward model for helpful dialogue: its implicit reward (DPO, beta = 0.2)."


def policy(text=TEXT, *, tokenizer=WORDS, rows=16, license="mit", files=None, config=None, **front):
    """A language model as stocking makes classifiers: of the right names and shapes, and without sense."""
    return reward_model(
        text,
        config={"architectures": ["LlamaForCausalLM"], "id2label": None, **(config or {})},
        files={"tokenizer.json": json.dumps(tokenizer), **(files or {})},
        weights={"model.embed_tokens.weight": (rows, 8), "lm_head.weight": (rows, 8)},
        license=license,
        **{"pipeline_tag": "text-generation", **front},
    )


def base(**changes):
    return policy("A chat model.", tags=["conversational"], **changes)


@pytest.fixture
def smoked(monkeypatch):
    """No torch here: what would be loaded is looked at, and called sound."""
    seen = []

    async def smoke(spec, engine, wrapper=None):
        seen.append(spec)
        return Smoke((), {"device": "cpu"})

    monkeypatch.setattr("rlar.acquire.web_agent.adding.smoke", smoke)
    return seen


def integrate(server, folder, name="acme/dpo-rm", **more):
    wanted = Wanted("", **{k: more.pop(k) for k in ("budget", "licence") if k in more})
    integrator = Integrator(Hub(server.endpoint, deadline_s=5), folder / "lib" / "models", wanted, **more)
    return asyncio.run(integrator.integrate(name, suits=("dialogue",)))


def steps(done):
    return [(s.name, s.ok) for s in done.steps]


def test_the_reference_model_is_found_fetched_at_its_commit_and_recorded(server, tmp_path, smoked):
    server.add("acme/dpo-rm", policy(base_model="acme/sft"))
    old = server.add("acme/sft", base())
    Store(tmp_path / "lib").close()
    done = integrate(server, tmp_path)
    assert done.state == "integrated", done.steps
    assert [n for n, ok in steps(done) if ok] == ["read", "filter", "family", "base", "fetch", "fetch", "smoke"]
    (spec,) = smoked
    assert (spec.family, spec.beta, spec.base_repo, spec.base_revision) == ("log_ratio", 0.2, "acme/sft", old)
    place = model_place(tmp_path / "lib" / "models", "acme/sft", old)
    weights = hashlib.sha256((place / "model.safetensors").read_bytes()).hexdigest()
    assert spec.base_path == str(place) and spec.base_files["model.safetensors"] == weights
    assert spec.parameters == 4 * 16 * 8  # both count
    assert f"against acme/sft@{old}" in done.draft.provenance.model and "against acme/sft" in done.draft.card["about"]
    server.add("acme/sft", base(config={"hidden_size": 16}))  # a newer commit changes nothing of what was pinned
    with Store(tmp_path / "lib") as store:
        row = store.add(done.draft, why="test")
        manifest = store.manifest(row)
        assert manifest.settings["spec"]["base_path"] == "" and manifest.settings["spec"]["base_files"]
        tool = load(manifest, store.path(row), None)
        assert (tool.spec.path, tool.spec.base_path) == (spec.path, spec.base_path)
        shutil.rmtree(place)
        with pytest.raises(LibraryProblem, match=r"is not there; `rlar hub add acme/dpo-rm`"):
            load(manifest, store.path(row), None)


def test_the_user_may_name_the_reference_model_and_its_revision(server, tmp_path, smoked):
    server.add("acme/dpo-rm", policy("A chat model.", base_model="acme/other", tags=["conversational"]))
    old = server.add("acme/sft", base())
    server.add("acme/sft", base(config={"hidden_size": 16}))
    done = integrate(server, tmp_path, base=f"acme/sft@{old}")
    assert done.state == "integrated", done.steps
    assert smoked[0].base_revision == old and smoked[0].base_repo == "acme/sft"


def test_both_may_be_folders(server, tmp_path, smoked):
    for name, files in (("dpo-rm", policy()), ("sft", base())):
        (tmp_path / name).mkdir()
        for file, content in files.items():
            (tmp_path / name / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    done = integrate(server, tmp_path, str(tmp_path / "dpo-rm"), base=str(tmp_path / "sft"))
    assert done.state == "integrated", done.steps
    assert smoked[0].base_repo == "local/sft" and not server.requests


BIG = {"model": {**WORDS["model"], "vocab": {"a": 0, "c": 1}}, "added_tokens": []}
MOVED = {**WORDS, "added_tokens": [{"id": 3, "content": "<|im_end|>"}]}


@pytest.mark.parametrize(
    ("mine", "theirs", "reason", "says"),
    [
        ({}, None, "base", "names no reference model; say which: --base"),
        ({"base_model": "acme/sft"}, None, "missing", "its reference model: .*no such repository"),
        ({"base_model": ["acme/sft", "acme/b"]}, {}, "base", r"several could be .*acme/sft .*acme/b .*--base"),
        ({"base_model": "acme/sft"}, {"license": "cc-by-nc-4.0"}, "licence", "acme/sft: cc-by-nc-4.0 is restricted"),
        ({"base_model": "acme/sft"}, {"license": ""}, "licence", "acme/sft: names no licence"),
        ({"base_model": "acme/sft"}, {"rows": 17}, "base", "acme/sft has 17 tokens, and acme/dpo-rm has 16"),
        ({"base_model": "acme/sft"}, {"tokenizer": BIG}, "base", "acme/sft has another vocabulary"),
        ({"base_model": "acme/sft"}, {"tokenizer": {"model": 3}}, "tokenizer", "cannot be read"),
        ({"base_model": "acme/sft"}, {"config": {"auto_map": {}, "architectures": ["X"]}}, "base", "no language model"),
        (
            {"base_model": "acme/sft", "tokenizer": {**MOVED, "added_tokens": [{"id": 2, "content": "<|im_end|>"}]}},
            {"tokenizer": MOVED},
            "base",
            "gives the token '<|im_end|>' another number",
        ),
    ],
)
def test_what_cannot_be_had_is_refused_with_the_reason_before_any_weights_are_fetched(
    server, tmp_path, smoked, mine, theirs, reason, says
):
    server.add("acme/dpo-rm", policy(**mine))
    if theirs is not None:
        server.add("acme/sft", base(**theirs))
    done = integrate(server, tmp_path)
    assert (done.state, done.reason) == ("refused", reason), done.steps
    import re

    assert re.search(says.replace("|", r"\|"), done.steps[-1].says), done.steps[-1].says
    assert not smoked and not (tmp_path / "lib" / "models" / "acme--dpo-rm").exists()


def test_pickles_and_adapters_are_no_reference_model(server, tmp_path, smoked):
    server.add("acme/dpo-rm", policy(base_model="acme/sft"))
    files = base()
    files["pytorch_model.bin"] = files.pop("model.safetensors")
    server.add("acme/sft", files)
    done = integrate(server, tmp_path)
    assert done.reason == "weights" and "its reference model acme/sft: its weights are pickles" in done.steps[-1].says


def test_both_together_must_fit_the_budget(server, tmp_path, smoked):
    server.add("acme/dpo-rm", policy(base_model="acme/sft"))
    server.add("acme/sft", base())
    one = 2 * 16 * 8
    assert integrate(server, tmp_path, budget=2 * one).state == "integrated"
    done = integrate(server, tmp_path, budget=2 * one - 1)
    assert done.reason == "size" and "together" in done.steps[-1].says


def test_a_reference_model_for_what_needs_none_is_refused(server, tmp_path, smoked):
    server.add("acme/classifier-rm", reward_model())
    done = integrate(server, tmp_path, "acme/classifier-rm", base="acme/sft")
    assert done.reason == "base" and "--base acme/sft is for a log ratio" in done.steps[-1].says


def test_nothing_half_fetched_of_the_second_model_is_used(server, tmp_path, smoked, monkeypatch):
    server.add("acme/dpo-rm", policy(base_model="acme/sft"))
    sha = server.add("acme/sft", base(files={"model.safetensors": tensors(
        {"model.embed_tokens.weight": (16, 8), "lm_head.weight": (16, 8), "model.norm.weight": (900_000,)}
    )}))  # fmt: skip
    models = tmp_path / "lib" / "models"
    server.faults = Faults("model.safetensors|/large/", cut_at=1_000_000)
    with monkeypatch.context() as patch:
        patch.setattr("rlar.acquire.web_agent.fetch.MOST_TRIES", 2)
        done = integrate(server, tmp_path)
    (part,) = models.glob(".staging/*/model.safetensors.part")
    assert 1_000_000 < part.stat().st_size < 3_600_000  # what came is kept, to go on from
    assert (done.state, done.reason) == ("refused", "unavailable"), done.steps
    assert not smoked and done.spec is None and done.draft is None
    assert finished(models, "acme/sft", sha) is None and not model_place(models, "acme/sft", sha).exists()
    server.faults = None
    again = integrate(server, tmp_path)
    assert again.state == "integrated", again.steps
    assert finished(models, "acme/sft", sha, full=True) is not None and len(smoked) == 1


@pytest.mark.parametrize(
    ("text", "made_from", "config", "name"),
    [
        ("An implicit reward.", ("acme/sft",), {}, "acme/sft"),
        ("An implicit reward.", ("finetune:acme/sft", "acme/sft"), {}, "acme/sft"),
        ("An implicit reward.", ("merge:acme/a", "quantized:acme/b"), {}, ""),
        ("Reference model: `acme/sft`.", (), {}, "acme/sft"),
        ("The ref_model = 'acme/sft' was kept.", (), {}, "acme/sft"),
        ("The reference model is [acme/sft](https://huggingface.co/acme/sft).", (), {}, "acme/sft"),
        ("Reference model: acme/other", ("acme/sft",), {}, ""),  # two, and nobody chose
        ("A reference model for fun.", (), {"ref_model": "acme/sft"}, "acme/sft"),
        ("Reference model: acme/dpo-rm", (), {}, ""),  # itself
        ("Reference model: ../../etc/passwd", (), {}, ""),
    ],
)
def test_where_the_reference_model_is_named(text, made_from, config, name):
    facts = Facts("acme/dpo-rm", "0" * 40, made_from=made_from, config=config, card=text, read=True)
    assert base_of(facts).name == name, base_of(facts)


@pytest.mark.parametrize(
    ("text", "value"),
    [("trained with beta=0.05", 0.05), ("`beta`: 0.3", 0.3), ("beta = 1e99", 1.0), ("a beta of 5000", 0.1), ("", 0.1)],
)
def test_beta_is_read_where_it_is_plain(text, value):
    assert beta_of(Facts("a/b", "0" * 40, card=text)) == value


def test_tokenizers_are_compared_by_what_numbers_texts():
    plain = vocabulary(json.dumps(WORDS).encode())
    written = {**WORDS, "padding": {"length": 3}, "model": {**WORDS["model"], "merges": ["a b"], "dropout": None}}
    assert difference(plain, vocabulary(json.dumps(written).encode())) == ""
    assert difference(vocabulary(json.dumps(MOVED).encode()), plain) == ""  # the policy learnt a token more
    assert "another normalizer" in difference(plain, vocabulary(json.dumps({**WORDS, "normalizer": {"t": 1}}).encode()))


MARKS = [*REAL, pytest.mark.timeout(600)]


class TestReal:
    """Through real transformers: the ratio is the engine's, and a model against itself is refused by smoke."""

    pytestmark = MARKS

    def repositories(self, server, folder, *, same=False):
        making().dpo(folder)
        if same:
            shutil.copyfile(folder / "policy" / "model.safetensors", folder / "base" / "model.safetensors")
        front = {"license": "apache-2.0", "tags": ["reward-model"], "base_model": "acme/sft"}
        (folder / "policy" / "README.md").write_text(card(TEXT, **front))
        (folder / "base" / "README.md").write_text(card("Chat.", license="mit"))
        server.add("acme/dpo-rm", folder / "policy")
        server.add("acme/sft", folder / "base")

    def test_it_is_integrated_and_its_values_are_those_of_both_models(self, server, tmp_path):
        from rlar.engines.models.engine import EngineSettings, ModelEngine
        from rlar.engines.models.spec import ModelSpec
        from rlar.tools.reward_model import RewardModel
        from rlar.types import Query

        self.repositories(server, tmp_path / "made")
        with ModelEngine(EngineSettings(models=2, threads=1)) as engine:
            done = integrate(server, tmp_path, engine=engine)
            assert done.state == "integrated", done.steps
            assert draft_of(done.spec, done.smoke).manifest().version
            plain = ModelSpec(
                "log_ratio", str(tmp_path / "made/policy"), base_path=str(tmp_path / "made/base"), beta=0.2
            )
            query, texts = Query("How do I cook rice?"), ["In water, for ten minutes.", "No."]
            here, there = (asyncio.run(RewardModel(s, engine=engine).judge(query, texts)) for s in (done.spec, plain))
        assert [v.value for v in here] == [v.value for v in there] and here[0].value != here[1].value

    def test_a_policy_that_is_its_base_gives_every_text_the_same(self, server, tmp_path):
        from rlar.engines.models.engine import EngineSettings, ModelEngine

        self.repositories(server, tmp_path / "made", same=True)
        with ModelEngine(EngineSettings(models=1, threads=1)) as engine:
            done = integrate(server, tmp_path, engine=engine)
        assert done.reason == "smoke" and "constant" in done.steps[-1].says, done.steps
