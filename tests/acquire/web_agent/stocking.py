"""Small repositories for the test Hub: cards, configs and weights of any shape, without torch."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping

from rlar.types import Json


def tensors(shapes: Mapping[str, tuple[int, ...]], value: float = 0.0) -> bytes:
    """A safetensors file of float32 tensors, all of one value."""
    header, at, body = {}, 0, []
    for name, shape in shapes.items():
        n = 1
        for d in shape:
            n *= d
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, at + 4 * n]}
        at += 4 * n
        body.append(struct.pack("<f", value) * n)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + b"".join(body)


def card(text: str = "", **front: Json) -> str:
    lines = "".join(f"{k}: {json.dumps(v)}\n" for k, v in front.items())
    return f"---\n{lines}---\n{text}\n"


def reward_model(
    text: str = "A reward model for helpful dialogue.",
    *,
    config: Mapping[str, Json] | None = None,
    files: Mapping[str, bytes | str] | None = None,
    weights: Mapping[str, tuple[int, ...]] | None = None,
    **front: Json,
) -> dict[str, bytes | str]:
    """The files of a plain one-label classifier with a chat template."""
    base = {
        "architectures": ["LlamaForSequenceClassification"],
        "model_type": "llama",
        "id2label": {"0": "LABEL_0"},
        "hidden_size": 8,
    }
    front = {"license": "mit", "tags": ["reward-model"], "pipeline_tag": "text-classification", **front}
    return {
        "config.json": json.dumps({**base, **(config or {})}),
        "tokenizer.json": "{}",
        "tokenizer_config.json": json.dumps({"chat_template": "{{ messages }}"}),
        "README.md": card(text, **front),
        "model.safetensors": tensors(weights or {"model.embed_tokens.weight": (16, 8), "score.weight": (1, 8)}),
        **(files or {}),
    }
