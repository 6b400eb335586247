"""Rows through a transformer: micro-batches under a token budget, sorted by length, prefixes of a group once.

`Forward.states` is the heart: the hidden states at wanted positions of each row. What is allowed (no mask for causal
models padded on the right, shared prefixes) is not guessed from a model's name but tried once, when it is loaded.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch

from rlar.engines.models.batching import plan, shared_prefixes
from rlar.engines.models.inside.texts import Row

CLOSE = 2e-5


class Forward:
    """body: a transformer without head. budget: tokens of one micro-batch, padding included."""

    def __init__(self, body: Any, *, device: str, budget: int, causal: bool) -> None:
        self.body = body
        self.device = device
        self.budget = budget
        self.causal = causal
        self.shares = False
        self.tokens = 0  # sent through the model, padding included

    # -- what this model allows -------------------------------------------------------------------------------------

    def check(self, vocabulary: int) -> None:
        """Try both short cuts on made-up rows; a short cut that changes a state is not taken."""
        if not self.causal:
            return
        low = min(20, vocabulary - 1)
        rows = [
            Row([low + (7 * i + 3 * k) % max(1, vocabulary - low) for i in range(n)])
            for k, n in ((0, 9), (0, 6), (1, 4))
        ]
        for row in rows:
            row.places = [len(row.ids) - 1]
        single = [self._batch([row])[0] for row in rows]
        scale = max(1.0, max(float(s.abs().max()) for s in single))
        together = self._batch(rows)
        if not all(torch.allclose(a, b, atol=self._close(scale)) for a, b in zip(single, together, strict=True)):
            self.causal = False
            return
        if self._windowed():
            return  # what a cache keeps of a long prefix is then not what a single run sees
        try:
            shared = self._shared(rows[:2], 4)
        except Exception:  # a cache of another kind: recurrent, hybrid, none
            return
        self.shares = all(torch.allclose(a, b, atol=self._close(scale)) for a, b in zip(single, shared, strict=False))

    def _windowed(self) -> bool:
        config = self.body.config
        kinds = getattr(config, "layer_types", None)
        if kinds:
            return any(kind != "full_attention" for kind in kinds)
        return bool(getattr(config, "sliding_window", None)) and getattr(config, "use_sliding_window", True)

    def _close(self, scale: float) -> float:
        return CLOSE * scale if next(self.body.parameters()).dtype == torch.float32 else 5e-2 * scale

    # -- states -----------------------------------------------------------------------------------------------------

    def states(self, rows: Sequence[Row]) -> list[torch.Tensor]:
        """For each row, [len(places), hidden] in float32, in the order of its places."""
        out: list[torch.Tensor | None] = [None] * len(rows)
        ids = [row.ids for row in rows]
        parts = shared_prefixes(ids, [row.group for row in rows]) if self.shares else []
        if not parts:
            self._fill(out, rows, range(len(rows)), 0)
        for part in parts:
            self._fill(out, rows, part.rows, part.prefix)
        assert all(o is not None for o in out)
        return [o for o in out if o is not None]

    def _fill(self, out: list[Any], rows: Sequence[Row], numbers: Sequence[int], prefix: int) -> None:
        # A shared prefix is computed once a batch. Its cache is copied for each row, but a token of cache is small
        # beside what computing one holds for a moment.
        lengths = [max(len(rows[i].ids) - prefix, -(-len(rows[i].ids) // 4)) for i in numbers]
        for batch in plan(lengths if prefix else [len(rows[i].ids) for i in numbers], self.budget):
            chosen = [numbers[j] for j in batch]
            some = [rows[i] for i in chosen]
            early = prefix and any(p < prefix for row in some for p in row.places)
            found = self._shared(some, prefix) if prefix and len(some) > 1 and not early else self._batch(some)
            for i, state in zip(chosen, found, strict=True):
                out[i] = state

    def _batch(self, rows: Sequence[Row]) -> list[torch.Tensor]:
        arguments = self.inputs(rows)
        with torch.inference_mode():
            hidden = self.body(**arguments, **self._no_cache()).last_hidden_state
            return [hidden[i, row.places].float() for i, row in enumerate(rows)]

    def _no_cache(self) -> dict[str, Any]:
        return {"use_cache": False} if getattr(self.body.config, "use_cache", None) is not None else {}

    def inputs(self, rows: Sequence[Row]) -> dict[str, Any]:
        """Padded on the right; a mask only where it is needed, since without one attention is faster."""
        width = max(len(row.ids) for row in rows)
        self.tokens += width * len(rows)
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        mask = torch.zeros(len(rows), width, dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, : len(row.ids)] = torch.tensor(row.ids)
            mask[i, : len(row.ids)] = 1
        arguments: dict[str, Any] = {"input_ids": ids.to(self.device)}
        if not self.causal:
            pad = getattr(self.body.config, "pad_token_id", None)
            if pad:
                arguments["input_ids"] = ids.masked_fill(mask == 0, pad).to(self.device)
            arguments["attention_mask"] = mask.to(self.device)
        if rows[0].types is not None and getattr(self.body.config, "type_vocab_size", 0) > 1:
            types = torch.zeros(len(rows), width, dtype=torch.long)
            for i, row in enumerate(rows):
                types[i, : len(row.ids)] = torch.tensor(row.types)
            arguments["token_type_ids"] = types.to(self.device)
        return arguments

    def _shared(self, rows: Sequence[Row], prefix: int) -> list[torch.Tensor]:
        """The first `prefix` tokens, the same in all rows, once; then the rests together on copies of its cache."""
        with torch.inference_mode():
            head = torch.tensor([rows[0].ids[:prefix]], device=self.device)
            cache = self.body(input_ids=head, use_cache=True).past_key_values
            cache.batch_repeat_interleave(len(rows))
            width = max(len(row.ids) for row in rows) - prefix
            self.tokens += prefix + width * len(rows)
            rest = torch.zeros(len(rows), width, dtype=torch.long)
            for i, row in enumerate(rows):
                rest[i, : len(row.ids) - prefix] = torch.tensor(row.ids[prefix:])
            # transformers 5.40 renames the argument
            name = "cache" if "cache" in inspect.signature(self.body.forward).parameters else "past_key_values"
            hidden = self.body(input_ids=rest.to(self.device), **{name: cache}, use_cache=True).last_hidden_state
            return [hidden[i, [p - prefix for p in row.places]].float() for i, row in enumerate(rows)]
