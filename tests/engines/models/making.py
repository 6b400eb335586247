"""Tiny real reward models of many architectures, made on the spot: real configs, tokenizers and safetensors.

    make("armo", folder)              # a folder like a repository on the Hub; returns the ModelSpec that asks it right
    train_preferences(folder, pairs)  # a small classifier that really learnt from (prompt, chosen, rejected)

Needs torch and transformers. Sizes: hidden 32, two layers, about 500 tokens; a folder takes 100-400 kB and 0.1 s.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from rlar.engines.models.spec import OWN_HEADS, Head, ModelSpec

HIDDEN = 32
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA3 = (
    "<|begin_of_text|>{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n"
    "{{ m['content'] | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
SPECIAL = (
    *("<pad>", "<s>", "</s>", "[CLS]", "[SEP]", "<|im_start|>", "<|im_end|>", "<|begin_of_text|>"),
    *("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<extra_0>", "<|reward|>"),
    *("<|source|>", "<|candidate1|>", "<|candidate2|>"),
)
WORDS = """the quick brown fox jumps over a lazy dog and then it says thank you for your kind help with this question
yes no good bad right wrong answer is because we can see that number one two three four five six seven eight nine ten
sure here are some ways to cook rice write code in python def return print for while if else true false please sorry
Rating: [[7]] [[A]] [[B]] Yes No A B + - step first second so therefore equals plus minus times 1 2 3 4 5 6 7 8 9 0"""


def tokenizer(
    folder: Path, *, template: str | None = CHATML, texts: Iterable[str] = (), size: int = 600, **names: Any
) -> int:
    """A byte-level BPE tokenizer with all marks as special tokens, saved in folder; returns its vocabulary's size.

    names: tokens for PreTrainedTokenizerFast, e.g. pad_token=None, eos_token="<|im_end|>".
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    raw.train_from_iterator([WORDS, *texts], trainer)
    ids = {t: raw.token_to_id(t) for t in SPECIAL}
    encoder = template is None
    raw.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]" if encoder else "<s> $A",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1" if encoder else "<s> $A $B:1",
        special_tokens=[(t, ids[t]) for t in ("[CLS]", "[SEP]", "<s>")],
    )
    wanted: dict[str, Any] = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", **names}
    if encoder:
        wanted |= {"cls_token": "[CLS]", "sep_token": "[SEP]"}
    fast = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        model_max_length=names.pop("model_max_length", 512),
        **{k: v for k, v in wanted.items() if v},
    )
    if template:
        fast.chat_template = template
    fast.save_pretrained(folder)
    return len(fast)


def decoder_config(kind: str, vocab: int, **more: Any) -> Any:
    """A tiny config of a decoder: qwen3, qwen2, llama, mistral, gemma2, gpt_neox ..."""
    from transformers import AutoConfig

    sizes: dict[str, Any] = {
        "hidden_size": HIDDEN,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "vocab_size": vocab,
        "max_position_embeddings": 512,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "tie_word_embeddings": False,
    }
    if kind == "gpt2":
        sizes = {
            "n_embd": HIDDEN,
            "n_layer": 2,
            "n_head": 4,
            "n_positions": 512,
            "vocab_size": vocab,
            "pad_token_id": 0,
        }
    return AutoConfig.for_model(kind, **{**sizes, **more})


def encoder_config(kind: str, vocab: int, **more: Any) -> Any:
    """A tiny config of an encoder: deberta-v2, xlm-roberta, bert, roberta."""
    from transformers import AutoConfig

    sizes: dict[str, Any] = {
        "hidden_size": HIDDEN,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "vocab_size": vocab,
        "max_position_embeddings": 514,
        "type_vocab_size": 2 if kind in ("bert", "deberta-v2") else 1,
        "pad_token_id": 0,
        "pooler_hidden_size": HIDDEN,
    }
    if kind == "deberta-v2":
        sizes |= {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 16}
    return AutoConfig.for_model(kind, **{**sizes, **more})


def save(folder: Path, config: Any, tensors: dict[str, Any], architecture: str, **facts: Any) -> None:
    """config.json (with an architecture of any name and further facts) and model.safetensors."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    body = {**config.to_dict(), "architectures": [architecture], **facts}
    body = json.loads(json.dumps(body, default=str))
    (folder / "config.json").write_text(json.dumps(body, indent=2))
    save_file(
        {k: v.detach().clone().contiguous() for k, v in tensors.items()}, folder / "model.safetensors", {"format": "pt"}
    )


def seeded(seed: int) -> None:
    import torch

    torch.manual_seed(seed)


def randn(*shape: int, scale: float = 0.3) -> Any:
    import torch

    return torch.randn(*shape) * scale


def spread(model: Any) -> Any:
    """Weights large enough that scores differ between texts; fresh ones (0.02) give nearly the same to all."""
    import torch

    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() > 1:
                p.normal_(0.0, 0.5 if "embed" in name else 0.2)
    return model.eval()


# -- one function a kind: folder -> spec ----------------------------------------------------------------------------


def classifier(
    folder: Path, *, kind: str = "qwen3", labels: int = 1, template: str = CHATML, seed: int = 0, **more: Any
) -> ModelSpec:
    """Skywork-Reward-V2 (qwen3, llama), GRM and others: a decoder ForSequenceClassification with a chat template."""
    from transformers import AutoModelForSequenceClassification

    seeded(seed)
    vocab = tokenizer(folder, template=template)
    config = decoder_config(kind, vocab, num_labels=labels, **more)
    model = spread(AutoModelForSequenceClassification.from_config(config))
    save(folder, model.config, model.state_dict(), type(model).__name__)
    return ModelSpec("classifier", str(folder), rule="only" if labels == 1 else "difference")


def deberta(folder: Path, *, seed: int = 0) -> ModelSpec:
    """OpenAssistant's reward-model-deberta-v3: an encoder over the pair (prompt, response)."""
    from transformers import AutoModelForSequenceClassification

    seeded(seed)
    vocab = tokenizer(folder, template=None)
    model = spread(AutoModelForSequenceClassification.from_config(encoder_config("deberta-v2", vocab, num_labels=1)))
    save(folder, model.config, model.state_dict(), type(model).__name__)
    return ModelSpec("cross_encoder", str(folder), format="pair")


def reranker(folder: Path, *, first: str = "reference", seed: int = 0) -> ModelSpec:
    """A cross-encoder of (reference, response), or of (prompt, response)."""
    from transformers import AutoModelForSequenceClassification

    seeded(seed)
    vocab = tokenizer(folder, template=None)
    model = spread(AutoModelForSequenceClassification.from_config(encoder_config("xlm-roberta", vocab, num_labels=1)))
    save(folder, model.config, model.state_dict(), type(model).__name__)
    family = "reference" if first == "reference" else "cross_encoder"
    return ModelSpec(family, str(folder), format="pair", first=first, squash="sigmoid", low=0.0, high=1.0)


def comet(folder: Path, *, seed: int = 0) -> ModelSpec:
    """A COMET-like estimator: XLM-R over source, response and reference apart, then layers on their combinations."""
    from transformers import AutoModel

    seeded(seed)
    vocab = tokenizer(folder, template=None)
    encoder = spread(AutoModel.from_config(encoder_config("xlm-roberta", vocab)))
    tensors = {f"encoder.model.{k}": v for k, v in encoder.state_dict().items() if not k.startswith("pooler")}
    for i, (a, b) in zip((0, 3, 6), ((6 * HIDDEN, 24), (24, 16), (16, 1)), strict=True):
        tensors |= {f"estimator.ff.{i}.weight": randn(b, a), f"estimator.ff.{i}.bias": randn(b)}
    save(folder, encoder.config, tensors, "RegressionMetric")
    head = Head("estimator", ("estimator.ff.0", "estimator.ff.3", "estimator.ff.6"), "tanh", body="encoder.model")
    return ModelSpec("reference", str(folder), format="pair", head=head)


def _body(config: Any) -> dict[str, Any]:
    from transformers import AutoModel

    return {f"model.{k}": v for k, v in spread(AutoModel.from_config(config)).state_dict().items()}


def armo(folder: Path, *, quantiles: int = 1, seed: int = 0) -> ModelSpec:
    """ArmoRM (quantiles=1) and QRM: attributes, weighed by a gate that reads the prompt."""
    import torch

    seeded(seed)
    vocab = tokenizer(folder, template=LLAMA3)
    config = decoder_config("llama", vocab)
    n = 5
    tensors = _body(config)
    tensors["regression_layer.weight"] = randn(n * quantiles, HIDDEN)
    tensors["reward_transform_matrix"] = torch.eye(n) - 0.1 * torch.rand(n, n)
    tensors["gating.logit_scale"] = torch.tensor([1.5])
    sizes = [HIDDEN, 16, 16, 16, n]
    for i in range(4):
        tensors |= {
            f"gating.layers.{i}.weight": randn(sizes[i + 1], sizes[i], scale=1.0),
            f"gating.layers.{i}.bias": randn(sizes[i + 1]),
        }
    facts = {
        "num_objectives": n,
        "gating_temperature": 10,
        "gating_hidden_dim": 16,
        "gating_n_hidden": 3,
        "num_labels": n,
    }
    facts |= {"num_quantiles": quantiles} if quantiles > 1 else {}
    save(folder, config, tensors, "LlamaForRewardModelWithGating", **facts)
    known = OWN_HEADS["LlamaForRewardModelWithGating"]
    head = known["head"] if quantiles == 1 else Head(**{**_fields(known["head"]), "quantiles": quantiles})
    return ModelSpec(**{**known, "head": head}, path=str(folder))


def urm(folder: Path, *, seed: int = 0) -> ModelSpec:
    """URM: five attributes as (mean, deviation) pairs, the means weighed as its card says."""
    seeded(seed)
    vocab = tokenizer(folder, template=LLAMA3)
    config = decoder_config("llama", vocab, num_labels=10)
    tensors = {**_body(config), "score.weight": randn(10, HIDDEN)}
    save(folder, config, tensors, "LlamaForSequenceClassification")
    head = Head("means", ("score",))
    return ModelSpec("own_head", str(folder), head=head, rule="weights", weights=(0.3, 0.74, 0.46, 0.47, -0.33))


def value_head(folder: Path, *, seed: int = 0) -> ModelSpec:
    """GRM: a causal model with a head of two layers, v_head.summary.*."""
    seeded(seed)
    vocab = tokenizer(folder, template=LLAMA3)
    config = decoder_config("llama", vocab)
    tensors = {**_body(config), "lm_head.weight": randn(vocab, HIDDEN)}
    for i, (a, b) in zip((0, 2), ((HIDDEN, 16), (16, 1)), strict=True):
        tensors |= {f"v_head.summary.{i}.weight": randn(b, a), f"v_head.summary.{i}.bias": randn(b)}
    save(folder, config, tensors, "LlamaForCausalLM")
    return ModelSpec("own_head", str(folder), head=Head("linear", ("v_head.summary.0", "v_head.summary.2")))


def regression_head(folder: Path, *, architecture: str = "EurusRewardModel", seed: int = 0) -> ModelSpec:
    """Eurus-RM (mistral) and UltraRM (llama): regression_head on the last token, a text format of their own."""
    seeded(seed)
    vocab = tokenizer(folder, template=CHATML)
    config = decoder_config("mistral" if architecture == "EurusRewardModel" else "llama", vocab)
    tensors = {**_body(config), "regression_head.weight": randn(1, HIDDEN)}
    save(folder, config, tensors, architecture)
    return ModelSpec(path=str(folder), **OWN_HEADS[architecture])


def internlm2(folder: Path, *, seed: int = 0) -> ModelSpec:
    """InternLM2-reward: Llama's arithmetic under other names, packed query/key/value, v_head at a reward token."""
    import torch

    seeded(seed)
    vocab = tokenizer(folder, template=CHATML)
    config = decoder_config("llama", vocab)
    plain = _body(config)
    q_per_kv = config.num_attention_heads // config.num_key_value_heads
    tensors = {
        "model.tok_embeddings.weight": plain["model.embed_tokens.weight"],
        "model.norm.weight": plain["model.norm.weight"],
    }
    names = {
        "self_attn.o_proj": "attention.wo",
        "mlp.gate_proj": "feed_forward.w1",
        "mlp.up_proj": "feed_forward.w3",
        "mlp.down_proj": "feed_forward.w2",
        "input_layernorm": "attention_norm",
        "post_attention_layernorm": "ffn_norm",
    }
    for i in range(config.num_hidden_layers):
        here = f"model.layers.{i}."
        q, k, v = (plain[f"{here}self_attn.{x}_proj.weight"] for x in "qkv")
        groups = config.num_key_value_heads
        packed = torch.cat(
            [q.view(groups, q_per_kv, 8, HIDDEN), k.view(groups, 1, 8, HIDDEN), v.view(groups, 1, 8, HIDDEN)], dim=1
        )
        tensors[f"{here}attention.wqkv.weight"] = packed.reshape(-1, HIDDEN)
        for ours, theirs in names.items():
            tensors[f"{here}{theirs}.weight"] = plain[f"{here}{ours}.weight"]
    tensors["v_head.weight"] = randn(1, HIDDEN)
    facts = {
        "model_type": "internlm2",
        "bias": False,
        "rope_scaling": None,
        "rope_theta": 10000,
        "reward_token_id": SPECIAL.index("<|reward|>"),
        "auto_map": {
            "AutoConfig": "configuration_internlm2.InternLM2Config",
            "AutoModel": "modeling_internlm2.InternLM2ForRewardModel",
        },
    }
    save(folder, config, tensors, "InternLM2ForRewardModel", **facts)
    return ModelSpec(path=str(folder), **OWN_HEADS["InternLM2ForRewardModel"])


def pairrm(folder: Path, *, seed: int = 0) -> ModelSpec:
    """PairRM: a DeBERTa that reads source and two candidates, a head on the states of their marks."""
    from transformers import AutoModel

    seeded(seed)
    vocab = tokenizer(folder, template=None)
    config = encoder_config("deberta-v2", vocab)
    tensors = {f"pretrained_model.{k}": v for k, v in spread(AutoModel.from_config(config)).state_dict().items()}
    for i, (a, b) in zip((1, 4), ((2 * HIDDEN, HIDDEN), (HIDDEN, 1)), strict=True):
        tensors |= {f"head_layer.{i}.weight": randn(b, a), f"head_layer.{i}.bias": randn(b)}
    marks = ("<|source|>", "<|candidate1|>", "<|candidate2|>")
    facts = dict(
        zip(("source_prefix_id", "cand1_prefix_id", "cand2_prefix_id"), (SPECIAL.index(m) for m in marks), strict=True)
    )
    save(folder, config, tensors, "DebertaV2PairRM", n_tasks=1, drop_out=0.05, **facts)
    return ModelSpec(path=str(folder), **OWN_HEADS["DebertaV2PairRM"])


def causal(folder: Path, *, kind: str = "llama", template: str = CHATML, seed: int = 0, **more: Any) -> ModelSpec:
    """A language model that is asked yes or no; the base of the other families over language models."""
    from transformers import AutoModelForCausalLM

    seeded(seed)
    vocab = tokenizer(folder, template=template, eos_token="<|im_end|>")
    config = decoder_config(kind, vocab, eos_token_id=SPECIAL.index("<|im_end|>"), **more)
    model = spread(AutoModelForCausalLM.from_config(config))
    save(folder, model.config, model.state_dict(), type(model).__name__)
    return ModelSpec(
        "label_token", str(folder), tokens=("Yes", "No"), low=0.0, high=1.0,
        prompt_format="question: {prompt}\nanswer: {response}\nIs this a good answer? Yes or No.",
    )  # fmt: skip


def dpo(folder: Path, *, seed: int = 0) -> ModelSpec:
    """A policy and its reference model: folder/policy and folder/base."""
    causal(folder / "policy", seed=seed)
    causal(folder / "base", seed=seed + 1)
    return ModelSpec("log_ratio", str(folder / "policy"), base_path=str(folder / "base"), beta=0.1)


def prm(folder: Path, *, seed: int = 0) -> ModelSpec:
    """A process reward model as TRL trains it: a token classifier, scored at a mark after each step."""
    from transformers import AutoModelForTokenClassification

    seeded(seed)
    vocab = tokenizer(folder)
    model = spread(AutoModelForTokenClassification.from_config(decoder_config("qwen2", vocab, num_labels=2)))
    save(folder, model.config, model.state_dict(), type(model).__name__)
    return ModelSpec("process", str(folder), step_mark="<extra_0>", low=0.0, high=1.0)


def qwen_prm(folder: Path, *, seed: int = 0) -> ModelSpec:
    """Qwen2.5-Math-PRM: Qwen2ForProcessRewardModel, a head of two layers at <extra_0>."""
    seeded(seed)
    vocab = tokenizer(folder)
    config = decoder_config("qwen2", vocab, num_labels=2)
    tensors = _body(config)
    for i, (a, b) in zip((0, 2), ((HIDDEN, HIDDEN), (HIDDEN, 2)), strict=True):
        tensors |= {f"score.{i}.weight": randn(b, a), f"score.{i}.bias": randn(b)}
    save(folder, config, tensors, "Qwen2ForProcessRewardModel")
    return ModelSpec(path=str(folder), **OWN_HEADS["Qwen2ForProcessRewardModel"])


def _fields(head: Head) -> dict[str, Any]:
    return {name: getattr(head, name) for name in head.__slots__}


KINDS: dict[str, Callable[..., ModelSpec]] = {
    "classifier": classifier,
    "deberta": deberta,
    "reranker": reranker,
    "comet": comet,
    "armo": armo,
    "urm": urm,
    "value_head": value_head,
    "eurus": regression_head,
    "ultra": lambda folder, **more: regression_head(folder, architecture="LlamaRewardModel", **more),
    "internlm2": internlm2,
    "pairrm": pairrm,
    "causal": causal,
    "dpo": dpo,
    "prm": prm,
    "qwen_prm": qwen_prm,
}


def make(kind: str, folder: Path, /, **options: Any) -> ModelSpec:
    """A tiny model of a kind of KINDS in folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return KINDS[kind](folder, **options)


# -- one that learnt something --------------------------------------------------------------------------------------

Pair = tuple[str, str, str]


def train_preferences(
    folder: Path,
    pairs: Sequence[Pair],
    *,
    kind: str = "llama",
    epochs: int = 3,
    hidden: int = 48,
    seed: int = 0,
    tokens: int = 192,
) -> ModelSpec:
    """A small Bradley-Terry classifier, trained on (prompt, chosen, rejected) and saved like any other repository.

    About a minute for 1,500 pairs on one core. Mean pooling of a Llama would need code of its own, so it is a plain
    LlamaForSequenceClassification that reads the last token.
    """
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    seeded(seed)
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    texts = [t for p in pairs[:800] for t in (p[0][-400:], p[1][:600], p[2][:600])]
    vocab = tokenizer(folder, texts=texts, size=2000)
    config = decoder_config(
        kind, vocab, num_labels=1, hidden_size=hidden, intermediate_size=2 * hidden, num_hidden_layers=1, head_dim=12
    )
    model = AutoModelForSequenceClassification.from_config(config)
    tok = AutoTokenizer.from_pretrained(folder)

    def ids(prompt: str, response: str) -> list[int]:
        turns = [{"role": "user", "content": prompt[-300:]}, {"role": "assistant", "content": response}]
        return tok(tok.apply_chat_template(turns, tokenize=False), add_special_tokens=False)["input_ids"][-tokens:]  # type: ignore[no-any-return]

    data = [(ids(p, a), ids(p, b)) for p, a, b in pairs]
    steps = epochs * (len(data) // 16)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=max(steps, 1) + 1)
    model.train()
    for _ in range(epochs):
        rng.shuffle(data)
        for start in range(0, len(data) - 15, 16):
            batch = data[start : start + 16]
            rows = [a for a, _ in batch] + [b for _, b in batch]
            width = max(map(len, rows))
            x = torch.tensor([r + [0] * (width - len(r)) for r in rows])
            scores = model(input_ids=x, attention_mask=(x != 0).long()).logits[:, 0]
            loss = -torch.nn.functional.logsigmoid(scores[: len(batch)] - scores[len(batch) :]).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    model.eval()
    save(folder, model.config, model.state_dict(), type(model).__name__)
    return ModelSpec("classifier", str(folder), low=-20.0, high=20.0)
