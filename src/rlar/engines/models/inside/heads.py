"""Heads that transformers has no class for, rebuilt from their tensors: linear, gated, means, pair, estimator.

Written from what was published of the architectures (ArmoRM arXiv 2406.12845, QRM 2409.10164, URM 2410.00847, PairRM
2306.02561, COMET 2009.09025); no code of a model's repository is ever run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch.nn import functional

from rlar.engines.models.spec import Head

ACTIVATIONS = {
    "relu": functional.relu,
    "tanh": torch.tanh,
    "selu": functional.selu,
    "gelu": functional.gelu,
    "silu": functional.silu,
}


class OwnHead:
    """The tensors of a head, in float32. Raises ValueError where one is missing or does not fit the others."""

    def __init__(self, head: Head, tensors: Mapping[str, Any], width: int, device: str) -> None:
        self.head = head
        self._tensors = {k: v.to(device=device, dtype=torch.float32) for k, v in tensors.items()}
        factor = {"pair": 2, "estimator": 6}.get(head.kind, 1)
        self._layers = self._stack(head.layers, width * factor)
        self._gate = self._stack(head.gate, width) if head.gate else []
        labels = self._layers[-1][0].shape[0]
        if head.kind == "means" and labels % 2:
            raise ValueError(f"means need pairs of labels, there are {labels}")
        if labels % head.quantiles:
            raise ValueError(f"{labels} labels are no multiple of {head.quantiles} quantiles")
        if self._gate and self._gate[-1][0].shape[0] != labels // head.quantiles:
            raise ValueError(f"the gate weighs {self._gate[-1][0].shape[0]} attributes, there are {labels}")

    def _stack(self, names: Sequence[str], width: int) -> list[tuple[Any, Any]]:
        layers = []
        for name in names:
            weight = self._tensors.get(f"{name}.weight")
            if weight is None:
                raise ValueError(f"its weights hold no {name}.weight")
            if weight.dim() != 2 or weight.shape[1] != width:
                raise ValueError(f"{name}.weight has shape {tuple(weight.shape)}, {width} columns are needed")
            width = weight.shape[0]
            layers.append((weight, self._tensors.get(f"{name}.bias")))
        return layers

    def _through(self, layers: Sequence[tuple[Any, Any]], x: Any, activation: str) -> Any:
        act = ACTIVATIONS[activation]
        for weight, bias in layers[:-1]:
            x = act(functional.linear(x, weight, bias))
        weight, bias = layers[-1]
        return functional.linear(x, weight, bias)

    def labels(self, states: Any) -> Any:
        """[places, hidden] -> labels: [labels], or for steps [places, labels]. See spec.Head for the kinds."""
        kind = self.head.kind
        if kind == "gated":
            gate, last = states[0], states[-1]
            attributes = self._through(self._layers, last, self.head.activation)
            attributes = attributes.view(-1, self.head.quantiles).mean(dim=1)
            if self.head.transform:
                attributes = attributes @ self._tensors[self.head.transform]
            shares = functional.softmax(self._through(self._gate, gate, "relu") / self.head.temperature, dim=-1)
            if self.head.gate_scale:
                shares = shares * self._tensors[self.head.gate_scale]
            return (shares * attributes).sum(dim=-1, keepdim=True)
        if kind == "pair":
            source, first, second = states
            both = [torch.cat([source, x]) for x in (first, second)]
            scores = [self._through(self._layers, x, self.head.activation) for x in both]
            return (scores[0] - scores[1]).mean(dim=-1, keepdim=True)
        out = self._through(self._layers, states, self.head.activation)
        if kind == "means":
            return out[..., 0::2]
        return out.view(*out.shape[:-1], -1, self.head.quantiles).mean(dim=-1) if self.head.quantiles > 1 else out

    def estimate(self, response: Any, source: Any, reference: Any) -> Any:
        """Pooled encodings [hidden] -> labels, from response, reference, their products and differences."""
        joined = torch.cat(
            [response, reference, response * reference, (response - reference).abs(), response * source,
             (response - source).abs()]
        )  # fmt: skip
        return self._through(self._layers, joined, self.head.activation)


def names_of(head: Head) -> list[str]:
    """Every tensor that a head may have."""
    layers = [f"{name}.{part}" for name in (*head.layers, *head.gate) for part in ("weight", "bias")]
    return [*layers, *filter(None, (head.gate_scale, head.transform))]


def unpacked_internlm2(tensors: Mapping[str, Any], config: Any) -> dict[str, Any]:
    """InternLM2's weights under Llama's names: the same arithmetic, with query, key and value in one tensor."""
    groups = config.num_key_value_heads
    per_group = config.num_attention_heads // groups
    names = {
        "attention.wo": "self_attn.o_proj",
        "feed_forward.w1": "mlp.gate_proj",
        "feed_forward.w3": "mlp.up_proj",
        "feed_forward.w2": "mlp.down_proj",
        "attention_norm": "input_layernorm",
        "ffn_norm": "post_attention_layernorm",
    }
    out: dict[str, Any] = {}
    for name, tensor in tensors.items():
        if name.endswith("attention.wqkv.weight"):
            packed = tensor.view(groups, per_group + 2, -1, tensor.shape[-1])
            bounds = [0, per_group, per_group + 1, per_group + 2]
            for part, (a, b) in zip("qkv", pairwise(bounds), strict=True):
                key = name.replace("attention.wqkv", f"self_attn.{part}_proj")
                out[key] = packed[:, a:b].reshape(-1, tensor.shape[-1])
            continue
        for theirs, ours in names.items():
            name = name.replace(f".{theirs}.", f".{ours}.")
        out[name.replace("tok_embeddings", "embed_tokens")] = tensor
    return out
