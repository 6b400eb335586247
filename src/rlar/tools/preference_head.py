"""A small reward model of one's own: a Bradley-Terry head on hashed n-grams, fitted on labelled pairs in seconds.

It knows its domain and nothing else, and its card says so. Weights are plain numbers in JSON; nothing is unpickled.
Source: reward heads on cheap features after "Reusing Embeddings" (arXiv 2502.04357); features and calibration are ours.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from rlar.tools.base import RuleTool
from rlar.types import Kind, Mark, Query, Recipe, Response

BUCKETS = 4096
LONGEST = 20_000  # characters of a response that are read
_WORD = re.compile(r"\w+|[^\w\s]")
SURFACE = ("length", "lines", "bullets", "code", "questions", "refusal", "capitals", "digits")
_REFUSAL = re.compile(r"(?i)\b(?:i(?:'m| am) (?:sorry|not able)|i can(?:'|no)t|as an ai)\b")


def features(response: str) -> dict[int, float]:
    """Sparse features: hashed word 1-2-grams (unit length together), then the surface of the text."""
    text = response[:LONGEST]
    words = [w.lower() for w in _WORD.findall(text)]
    counts: dict[int, float] = {}
    for gram in (*words, *(f"{a} {b}" for a, b in pairwise(words))):
        bucket = zlib.crc32(gram.encode("utf-8", "surrogatepass")) % BUCKETS
        counts[bucket] = counts.get(bucket, 0.0) + 1.0
    norm = math.sqrt(sum(v * v for v in counts.values())) or 1.0
    out = {k: v / norm for k, v in counts.items()}
    n = max(1, len(text))
    surface = (
        math.log1p(len(words)) / 8,
        math.log1p(text.count("\n")) / 5,
        min(1.0, len(re.findall(r"(?m)^\s*(?:[-*]|\d+\.)\s", text)) / 10),
        float("```" in text),
        min(1.0, text.count("?") / 5),
        float(bool(_REFUSAL.search(text[:400]))),
        sum(c.isupper() for c in text) / n,
        sum(c.isdigit() for c in text) / n,
    )
    return out | {BUCKETS + i: v for i, v in enumerate(surface)}


class PreferenceHead(RuleTool):
    """How much better than not a response looks, in (0, 1), by what labelled pairs of its family taught.

    path: JSON file of weights, as `fit` gives it.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._weights: dict[int, float] = {}
        self.describe(
            name="preference_head",
            kind=Kind.REWARD_MODEL,
            about="a small preference model of its own domain",
            needs=("a prompt",),
            config={"path": path},
        )
        self.recipe = Recipe("import", __name__, "PreferenceHead", (("path", path),))

    def fits(self, query: Query) -> bool:
        return bool(query.text.strip())

    def prepare(self, query: Query) -> None:
        if not self._weights:
            body = json.loads(Path(self.path).read_text("utf-8"))
            self._weights = {int(k): float(v) for k, v in body["weights"].items()}

    def rate(self, response: Response, query: Query, prepared: Any) -> Mark:
        if not response.strip():
            return Mark(0.0, "an empty answer")
        logit = sum(self._weights.get(k, 0.0) * v for k, v in features(response).items())
        return Mark(1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit)))), f"logit {logit:.2f}")


def fit(pairs: Sequence[tuple[str, str]], *, strength: float = 1.0, steps: int = 300) -> bytes:
    """Weights from (better, worse) pairs, as the JSON file that PreferenceHead reads. Needs numpy; takes seconds.

    Bradley-Terry by full-batch gradient descent with momentum and L2 of `strength`; deterministic. The logits are then
    scaled by one temperature, found on the training pairs left out in five folds, so that sigmoid(difference) means
    the share of pairs that go this way.
    Raises ValueError for fewer than 20 pairs.
    """
    import numpy as np

    if len(pairs) < 20:
        raise ValueError(f"{len(pairs)} pairs are too few to fit a preference head; 20 are the least")
    size = BUCKETS + len(SURFACE)
    rows = np.zeros((len(pairs), size))
    for i, (better, worse) in enumerate(pairs):
        for k, v in features(better).items():
            rows[i, k] += v
        for k, v in features(worse).items():
            rows[i, k] -= v

    def descend(x: Any) -> Any:
        w, speed = np.zeros(size), np.zeros(size)
        for _ in range(steps):
            p = 1 / (1 + np.exp(np.clip(x @ w, -30, 30)))
            speed = 0.9 * speed + (x.T @ p / len(x) - strength * w / len(x))
            w = w + 0.5 * speed
        return w

    folds = np.arange(len(pairs)) % 5
    margins = np.empty(len(pairs))
    for fold in range(5):
        margins[folds == fold] = rows[folds == fold] @ descend(rows[folds != fold])
    scales = np.geomspace(0.05, 20, 60)
    losses = [np.mean(np.log1p(np.exp(np.clip(-s * margins, -30, 30)))) for s in scales]
    weights = descend(rows) * scales[int(np.argmin(losses))]
    body = {
        "weights": {str(i): round(float(w), 6) for i, w in enumerate(weights) if abs(w) > 1e-6},
        "pairs": len(pairs),
    }
    return json.dumps(body).encode()
