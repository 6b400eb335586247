"""Load what a spec names: one local folder, safetensors only, never code of the repository, all weights or none."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# A model's worker needs no network; set before transformers is imported.
os.environ.update(
    HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", TOKENIZERS_PARALLELISM="false"
)

import torch
import transformers

from rlar.engines.models.inside.heads import OwnHead, names_of, unpacked_internlm2
from rlar.engines.models.spec import FAMILIES, Head, ModelSpec

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
warnings.filterwarnings("ignore")

SAFE: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
LONGEST = 8192  # tokens, where neither config nor tokenizer says; and what is read of longer ones by default
# Weights that a checkpoint may lack without harm: they are computed, tied or unused by what is asked.
_HARMLESS = re.compile(r"rotary|inv_freq|position_ids|attn\.bias|masked_bias|^pooler\.|\.pooler\.")


class Refused(Exception):
    """The folder cannot be loaded as its spec says."""


def torch_dtype(name: str) -> Any:
    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[name]


def tokenizer_of(path: str) -> Any:
    tok = transformers.AutoTokenizer.from_pretrained(path, **SAFE)
    if not tok.is_fast:
        raise Refused("its tokenizer has no tokenizer.json, and places of texts cannot be told without it")
    return tok


def longest(spec: ModelSpec, tok: Any, config: Any) -> int:
    """Most tokens of an input: the spec's, or the least of what config and tokenizer state."""
    stated = []
    text = getattr(config, "text_config", None) or config
    for name in ("max_position_embeddings", "n_positions"):
        n = getattr(text, name, None)
        if isinstance(n, int) and n > 0:
            # Roberta counts positions from its padding's number on.
            roberta = "roberta" in str(getattr(text, "model_type", "")) or text.model_type == "camembert"
            stated.append(n - (int(text.pad_token_id or 0) + 1) if roberta else n)
    n = tok.model_max_length
    if isinstance(n, int) and 0 < n < 10**7:
        stated.append(n)
    hard = min(stated, default=LONGEST)
    return min(spec.max_tokens, hard) if spec.max_tokens else min(hard, LONGEST)


def load_class(path: str, name: str, dtype: str, device: str, **more: Any) -> Any:
    """A model of a transformers class with every weight from the files. Raises Refused."""
    cls = getattr(transformers, name)
    model, info = cls.from_pretrained(
        path, dtype=torch_dtype(dtype), use_safetensors=True, output_loading_info=True, **SAFE, **more
    )
    missing = sorted(k for k in info["missing_keys"] if not _HARMLESS.search(k))
    if missing:
        raise Refused(f"its weights hold no {missing[0]} ({len(missing)} missing): it would judge by random numbers")
    wrong = info.get("mismatched_keys")
    if wrong:
        raise Refused(f"the shape of {next(iter(wrong))} is not what its config says")
    model.eval().requires_grad_(False)
    return model.to(device)


def load_with_head(path: str, head: Head, dtype: str, device: str) -> tuple[Any, OwnHead]:
    """A transformer and a head of our own code. Raises Refused."""
    config = json.loads((Path(path) / "config.json").read_text("utf-8"))
    tensors = _head_tensors(Path(path), head)
    try:
        if config.get("model_type") == "internlm2":
            body = _internlm2(Path(path), config, head, dtype, device)
        else:
            # transformers strips its own prefix; others are told to it
            mapping = {} if head.body == "model" else {"key_mapping": {rf"^{re.escape(head.body)}\.": ""}}
            body = load_class(path, "AutoModel", dtype, device, **mapping)
        return body, OwnHead(head, tensors, body.config.hidden_size, device)
    except ValueError as e:
        raise Refused(str(e)) from e


def _head_tensors(path: Path, head: Head) -> dict[str, Any]:
    from safetensors import safe_open

    wanted = set(names_of(head))
    found: dict[str, Any] = {}
    for file in sorted(path.glob("*.safetensors")):
        with safe_open(file, framework="pt") as f:
            for name in wanted & set(f.keys()):
                found[name] = f.get_tensor(name)
    return found


def _internlm2(path: Path, config: Mapping[str, Any], head: Head, dtype: str, device: str) -> Any:
    from safetensors.torch import load_file

    known = (
        "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "hidden_act",
        "num_key_value_heads", "max_position_embeddings", "rms_norm_eps", "pad_token_id", "bos_token_id",
        "eos_token_id",
    )  # fmt: skip
    if config.get("bias"):
        raise Refused("its attention has biases, which Llama's has not")
    like = transformers.LlamaConfig(
        **{k: config[k] for k in known if config.get(k) is not None},
        rope_parameters={"rope_type": "default", "rope_theta": float(config.get("rope_theta", 10000.0))},
    )
    start = f"{head.body}."
    tensors: dict[str, Any] = {}
    for file in sorted(path.glob("*.safetensors")):
        tensors |= {k[len(start) :]: v for k, v in load_file(file).items() if k.startswith(start)}
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch_dtype(dtype))
    try:
        body = transformers.LlamaModel(like)
    finally:
        torch.set_default_dtype(before)
    result = body.load_state_dict(unpacked_internlm2(tensors, like), strict=False)
    missing = [k for k in result.missing_keys if not _HARMLESS.search(k)]
    if missing:
        raise Refused(f"its weights hold no {missing[0]} ({len(missing)} missing): it would judge by random numbers")
    body.eval().requires_grad_(False)
    return body.to(device)


def class_of(spec: ModelSpec) -> str:
    """The class of transformers for a spec without a head of its own."""
    if spec.family == "process" and spec.tokens:
        return "AutoModelForCausalLM"
    return FAMILIES[spec.family].loader
