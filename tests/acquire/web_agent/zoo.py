"""A Hub like the real one in small: 29 repositories that can be integrated, and 29 that must be refused.

Names, configs, cards and layouts follow well-known reward models; the weights are tiny, random and made on the spot by
making.py of the engine's tests. Needs torch and transformers.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from stocking import card

from rlar.testing.hub import LocalHub

REAL = [
    pytest.mark.models,
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(importlib.util.find_spec(n) for n in ("torch", "transformers", "huggingface_hub")),
        reason='needs torch and transformers: pip install "rlar[models]"',
    ),
]
BUDGET = 400_000  # parameters; a model of the zoo has 30,000 to 60,000, the one that is too big has 600,000


def making() -> Any:
    """The maker of tiny models, which lies beside the tests of the engine."""
    name = "models_making"
    if name not in sys.modules:
        path = Path(__file__).parents[2] / "engines" / "models" / "making.py"
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@dataclass(frozen=True)
class Animal:
    """One repository. make(folder) writes its files. wants: family it must be integrated as, or the refusing filter."""

    id: str
    wants: str
    make: Callable[[Path], Any]
    text: str = "A reward model."
    front: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    change: Callable[[Path], None] | None = None
    listed: dict[str, dict[str, Any]] = field(default_factory=dict)

    def put(self, hub: LocalHub, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.make(folder)
        path = folder / "config.json"
        if self.config and path.exists():
            path.write_text(json.dumps({**json.loads(path.read_text()), **self.config}))
        front = {"license": "apache-2.0", "tags": ["reward-model"], **self.front}
        (folder / "README.md").write_text(card(self.text, **front), "utf-8")
        if self.change:
            self.change(folder)
        hub.add(self.id, folder, listed=self.listed, **self.facts)


def a(what: str, /, **options: Any) -> Callable[[Path], Any]:
    return lambda folder: making().KINDS[what](folder, **options)


def llama3(kind: str = "llama", **options: Any) -> Callable[[Path], Any]:
    return lambda folder: making().classifier(folder, kind=kind, template=making().LLAMA3, **options)


def labelled(names: list[str], *, kind: str = "llama", template: bool = True) -> Callable[[Path], Any]:
    """A classifier whose labels have names."""

    def make(folder: Path) -> None:
        m = making()
        m.classifier(folder, kind=kind, labels=len(names), template=m.CHATML if template else None)
        _set(folder, id2label={str(i): n for i, n in enumerate(names)}, label2id={n: i for i, n in enumerate(names)})

    return make


def encoder(kind: str, names: list[str]) -> Callable[[Path], Any]:
    def make(folder: Path) -> None:
        from transformers import AutoModelForSequenceClassification

        m = making()
        m.seeded(0)
        config = m.encoder_config(kind, m.tokenizer(folder, template=None), num_labels=len(names))
        model = m.spread(AutoModelForSequenceClassification.from_config(config))
        m.save(folder, model.config, model.state_dict(), type(model).__name__)
        _set(folder, id2label={str(i): n for i, n in enumerate(names)})

    return make


def writer(text: str, *, kind: str = "llama") -> Callable[[Path], Any]:
    """A language model that answers every prompt with one text: a grade, or a preference.

    The text is one token; the first dimension of the state says whether it was just written, then the end follows.
    """

    def make(folder: Path) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        m = making()
        m.seeded(0)
        m.tokenizer(folder, template=m.CHATML, eos_token="<|im_end|>")
        tok = AutoTokenizer.from_pretrained(folder)
        tok.add_tokens([text])
        tok.save_pretrained(folder)
        end, said = tok.convert_tokens_to_ids("<|im_end|>"), tok.convert_tokens_to_ids(text)
        config = m.decoder_config(kind, len(tok), eos_token_id=end)
        model = AutoModelForCausalLM.from_config(config)
        with torch.no_grad():
            for name, p in model.named_parameters():
                if name.endswith(("o_proj.weight", "down_proj.weight")):
                    p.zero_()
            tokens, out = model.get_input_embeddings().weight, model.get_output_embeddings().weight
            tokens.zero_()
            tokens[:, 0] = 1.0
            tokens[said, 0] = -1.0
            out.zero_()
            out[said, 0], out[end, 0] = 10.0, -10.0
        m.save(folder, model.config, model.state_dict(), type(model).__name__)

    return make


def starling(folder: Path) -> None:
    """Starling-RM: a Llama body under "transformer", one row of weights as head."""
    _renamed(folder, "value_head", lambda name: name.replace("model.", "transformer.", 1))
    _tensors(folder, lambda t: {**{k: v for k, v in t.items() if "v_head" not in k}, "v_head.weight": _row(t)})


def step_head(folder: Path) -> None:
    """Skywork-o1-Open-PRM: a language model with a value head, scored at line ends; its template trims no answer."""
    making().make("value_head", folder)
    for path in (folder / "chat_template.jinja", folder / "tokenizer_config.json"):
        if path.exists():
            path.write_text(path.read_text("utf-8").replace(" | trim", ""), "utf-8")


def pickled(folder: Path) -> None:
    making().make("classifier", folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def only_code(folder: Path) -> None:
    making().make("classifier", folder)
    _set(folder, architectures=["SpecialRewardModel"], auto_map={"AutoModel": "modeling_special.SpecialRewardModel"})
    (folder / "modeling_special.py").write_text("import os\nos.system('touch /tmp/was_run')\n")


def embedding(folder: Path) -> None:
    from transformers import AutoModel

    m = making()
    config = m.encoder_config("bert", m.tokenizer(folder, template=None))
    model = AutoModel.from_config(config)
    m.save(folder, model.config, model.state_dict(), "BertModel")


def tagger(folder: Path) -> None:
    making().make("prm", folder)
    _set(folder, id2label={"0": "O", "1": "B-PER"})


def headless(folder: Path) -> None:
    making().make("causal", folder)
    _set(folder, architectures=["LlamaForSequenceClassification"], id2label={"0": "LABEL_0"})
    _tensors(folder, lambda t: {k: v for k, v in t.items() if "lm_head" not in k})


def large(folder: Path) -> None:
    making().classifier(folder, intermediate_size=3000)


def renamed_to(name: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / "model.safetensors").rename(folder / name)


def drop(*names: str) -> Callable[[Path], None]:
    return lambda folder: [(folder / n).unlink(missing_ok=True) for n in names] and None


def write(**files: str) -> Callable[[Path], None]:
    return lambda folder: [(folder / n.replace("__", ".")).write_text(t) for n, t in files.items()] and None


def _set(folder: Path, **facts: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))


def _tensors(folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    held = {k: v.clone() for k, v in load_file(path).items()}
    save_file({k: v.contiguous() for k, v in change(held).items()}, path, {"format": "pt"})


def _renamed(folder: Path, kind: str, name: Callable[[str], str]) -> None:
    making().make(kind, folder)
    _tensors(folder, lambda t: {name(k): v for k, v in t.items()})


def _row(tensors: dict[str, Any]) -> Any:
    return tensors["v_head.summary.0.weight"][:1].clone()


CODE = {"auto_map": {"AutoModel": "modeling_custom.Custom", "AutoConfig": "configuration_custom.Config"}}
HELPSTEER = ["quality", "toxicity", "humor", "creativity", "helpfulness"]

ELIGIBLE: tuple[Animal, ...] = (
    Animal("Skywork/Skywork-Reward-V2-Qwen3-0.6B", "classifier", a("classifier")),
    Animal("Skywork/Skywork-Reward-V2-Llama-3.2-1B", "classifier", llama3()),
    Animal("Ray2333/GRM-gemma2-2B-rewardmodel-ft", "classifier", a("classifier", kind="gemma2")),
    Animal("mistral-community/Mistral-RM", "classifier", a("classifier", kind="mistral")),
    Animal("trl-lib/Qwen2-0.5B-Reward", "classifier", a("classifier", kind="qwen2")),
    Animal("RLHFlow/ArmoRM-Llama3-8B-v0.1", "own_head", a("armo"), config=CODE),
    Animal("nicolinho/QRM-Llama3.1-8B-v2", "own_head", a("armo", quantiles=5), config=CODE),
    Animal("LBZ/URM-LLaMa-3.1-8B", "own_head", a("urm")),
    Animal("internlm/internlm2-1_8b-reward", "own_head", a("internlm2")),
    Animal("openbmb/Eurus-RM-7b", "own_head", a("eurus"), config=CODE),
    Animal("openbmb/UltraRM-13b", "own_head", a("ultra")),
    Animal("Ray2333/GRM-Llama3-8B-sftreg", "own_head", a("value_head")),
    Animal("berkeley-nest/Starling-RM-7B-alpha", "own_head", starling),
    Animal("llm-blender/PairRM-hf", "own_head", a("pairrm")),
    Animal("OpenAssistant/reward-model-deberta-v3-large-v2", "cross_encoder", a("deberta")),
    Animal("acme/helpfulness-preference-bert", "cross_encoder", encoder("bert", ["unhelpful", "helpful"])),
    Animal("acme/pythia-reward", "classifier", labelled(["rejected", "chosen"], kind="gpt_neox")),
    Animal("nvidia/HelpSteer-reward-attributes", "classifier", labelled(HELPSTEER)),
    Animal("prometheus-eval/prometheus-7b-v2.0", "generative_score", writer("[RESULT] 4", kind="mistral"),
           "Direct assessment and pairwise ranking."),
    Animal("nvidia/Llama-3.3-Nemotron-GenRM", "generative_list", writer(r"\boxed{7, 5}")),
    Animal("PKU-ONELab/Themis", "generative_score", writer("Rating: 4"), "A reference-free evaluator."),
    Animal("acme/pairwise-judge", "generative_pair", writer("[[A]]"),
           "A judge of two answers. It ends with [[A]], [[B]] or [[C]]."),
    Animal("acme/yes-no-verifier", "label_token", a("causal"), 'Read the probability of the token "Yes".'),
    Animal("Qwen/Qwen2.5-Math-PRM-7B", "process", a("qwen_prm"), config=CODE),
    Animal("trl-lib/Qwen2-0.5B-Reward-Math-Shepherd-PRM", "process", a("prm")),
    Animal("peiyi9979/math-shepherd-mistral-7b-prm", "process", a("causal", kind="mistral"),
           "A process reward model. The mark of a step is ки, its labels are + and -."),
    Animal("Skywork/Skywork-o1-Open-PRM", "process", step_head, "A process reward model."),
    Animal("Unbabel/wmt22-comet-da-safetensors", "reference", a("comet"), "Translation quality."),
    Animal("acme/bleurt-like-metric", "reference", a("reranker"), "A metric that compares with a reference."),
)  # fmt: skip

INELIGIBLE: tuple[Animal, ...] = (
    Animal("meta-llama/base", "not_a_reward_model", a("causal"), "A base model.", {"tags": ["text-generation"]}),
    Animal("acme/chat", "not_a_reward_model", a("causal"), "A chat model.", {"tags": ["conversational"]}),
    Animal("acme/claims-to-be-a-reward-model", "unsupported", a("causal"), "This is the best reward model ever."),
    Animal("acme/reward-pickle", "weights", pickled),
    Animal("acme/reward-gguf", "weights", a("classifier"), change=renamed_to("m.gguf")),
    Animal("acme/reward-lora", "weights", a("classifier"), change=write(adapter_config__json="{}")),
    Animal("acme/reward-gptq", "weights", a("classifier"), config={"quantization_config": {"bits": 4}}),
    Animal("acme/reward-code", "remote_code", only_code),
    Animal("acme/reward-big", "size", large),
    Animal("acme/reward-nc", "licence", a("classifier"), front={"license": "cc-by-nc-4.0"}),
    Animal("acme/reward-no-licence", "licence", a("classifier"), front={"license": ""}),
    Animal("acme/reward-llama-in-disguise", "licence", a("classifier"), front={"base_model": "meta-llama/Llama-3-8B"}),
    Animal("acme/reward-research-only", "licence", a("classifier"), change=write(LICENSE="Research purposes only.")),
    Animal("acme/reward-image", "modality", a("classifier"), front={"pipeline_tag": "text-to-image"}),
    Animal("acme/reward-speech", "modality", a("classifier"), front={"pipeline_tag": "automatic-speech-recognition"}),
    Animal("acme/reward-vision", "modality", a("classifier"), config={"vision_config": {"depth": 2}}),
    Animal("acme/reward-broken", "broken", a("classifier"), change=write(config__json='{"architectures": [')),
    Animal("acme/reward-no-config", "broken", a("classifier"), change=drop("config.json")),
    Animal("acme/reward-cut", "broken", a("classifier"), change=lambda f: _cut(f / "model.safetensors")),
    Animal("acme/reward-headless", "broken", headless),
    Animal("acme/reward-no-tokenizer", "tokenizer", a("classifier"), change=drop("tokenizer.json")),
    Animal("acme/reward-escapes", "names", a("classifier"), listed={"../../../home/evil.safetensors": {"size": 3}}),
    Animal("acme/reward-disabled", "disabled", a("classifier"), facts={"disabled": True}),
    Animal("acme/reward-gated", "gated", a("classifier"), facts={"gated": "manual"}),
    Animal("acme/sentiment", "not_a_reward_model", encoder("bert", ["NEGATIVE", "POSITIVE"]), "Moods.", {"tags": []}),
    Animal("acme/embedding", "not_a_reward_model", embedding, "Vectors of sentences.", {"tags": ["embeddings"]}),
    Animal("acme/names-tagger", "not_a_reward_model", tagger, "Finds names.", {"tags": ["ner"]}),
    Animal("acme/reward-five-labels", "not_scalar", labelled([f"LABEL_{i}" for i in range(5)])),
    Animal("acme/reward-other-shape", "smoke", a("classifier"), config={"hidden_size": 64}),
)  # fmt: skip


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])
