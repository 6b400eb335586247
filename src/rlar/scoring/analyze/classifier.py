"""A small linear classifier of prompts: words, word pairs, word stems and the form of the text.

Reading and applying weights is plain Python (about 0.1 ms a prompt); only `fit` needs numpy. The weights that ship were
fitted by scripts/prompt_classifier/train.py on prompts that its own generator writes. Users fit their own labels with
`PromptClassifier.fit(texts, labels)`.
"""

from __future__ import annotations

import heapq
import json
import math
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rlar.errors import InputError

_HEAD, _TAIL = 70, 50  # words that are read at either end of a prompt
_FIRST, _LAST = 12, 8  # words at either end that also count by their place
_LANE = 24  # bits per label when ten small weights travel in one integer
_OFFSET = 128
_MAGIC = b"RLARPC1\n"

# Words that say how a sentence is built and not what it is about count only near the two ends of a prompt.
_COMMON_WORDS = """
the of and to in is was that for it as with on be by this are from at or have an not which has how when if can will
do does then there all each any some been but so no also get got one ones more most than just only same take make
made put let go went its their them they he she his her him we us our a own up out off over into about between
through after before very too these those what
"""
_COMMON = frozenset(_COMMON_WORDS.split())
_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\d_]+(?:'[a-z]{1,2})?|\d+|[?!$%=+*<>|{}\[\]#:\\]")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


def features_of(text: str) -> set[str]:
    """The features of a prompt: "write", "write a", "compu~" (stem), "^write" (near the start), "#digits3" (form).

    Reads the first 70 and last 50 words only, so a long document costs no more than a page.
    """
    if len(text) > 4000:
        text = text[:2400] + "\n" + text[-1600:]
    lower = text.lower()
    tokens = _TOKEN.findall(lower)
    found = set(_form(text, tokens))
    if len(tokens) > _HEAD + _TAIL:
        _add_words(found, tokens[:_HEAD], "")
        _add_words(found, tokens[-_TAIL:], "")
    else:
        _add_words(found, tokens, "")
    _add_words(found, tokens[:_FIRST], "^")  # what is asked mostly stands at an end, whatever is in between
    if len(tokens) > 2 * _FIRST:
        _add_words(found, tokens[-_LAST:], "$")
    return found


def _add_words(found: set[str], tokens: Sequence[str], place: str) -> None:
    last, last_common = place, True
    for token in tokens:
        word = "0" if token[0].isdigit() else token
        common = not place and word in _COMMON
        if not common:
            found.add(place + word)
            if len(word) > 6 and not place:
                found.add(word[:5] + "~")
        if not (common and last_common):
            found.add(f"{last} {word}")
        last, last_common = place + word, common


def _form(text: str, tokens: Sequence[str]) -> Iterable[str]:
    """Features of the form: length, lines, numbers, marks. Counts go by powers of two."""
    yield f"#words{len(tokens).bit_length()}"
    yield f"#lines{text.count(chr(10)).bit_length()}"
    yield f"#digits{min(6, sum(t.isdigit() for t in tokens).bit_length())}"
    for mark in (
        "```",
        "\\",
        "$",
        "?",
        "\n\n",
        "def ",
        '"',
        "=",
        "|",
        "(a)",
        "(b)",
        ">>>",
        "* ",
        "- ",
        "http",
        "{",
        ";",
    ):
        if mark in text or (mark == "(a)" and "(A)" in text):
            yield f"#has{mark}"
    yield "#ends" + text.rstrip()[-1:]
    if text[:1].islower():
        yield "#startslower"
    if text.isascii() and text == text.lower():
        yield "#alllower"


class PromptClassifier:
    """Which of a few labels a prompt belongs to. Frozen after it is made; safe to share between threads.

    labels: the labels, sorted. Made by `fit` or `load`.
    """

    def __init__(self, labels: Sequence[str], bias: Sequence[float], scale: float, rows: Mapping[str, bytes]) -> None:
        """bias: one per label, nats. rows: feature -> one int8 per label, as bytes; scale: nats of one int8 step."""
        self.labels = tuple(labels)
        self._bias = tuple(bias)
        self._scale = scale
        self._rows = dict(rows)
        width = len(self.labels)
        # One big integer per feature, a lane per label: adding these is several times faster than adding lists.
        self._packed = {
            feature: sum((((b + _OFFSET) % 256) << (_LANE * i)) for i, b in enumerate(row[:width]))
            for feature, row in self._rows.items()
        }

    def scores(self, text: str) -> dict[str, float]:
        """Log-odds of each label, in nats, up to a common constant."""
        return self.score_features(features_of(text))

    def score_features(self, found: set[str]) -> dict[str, float]:
        """`scores` of a text whose features are at hand."""
        packed = self._packed
        hits = [packed[f] for f in found if f in packed]
        total, size = sum(hits), math.sqrt(max(1, len(found)))
        mask, away = (1 << _LANE) - 1, _OFFSET * len(hits)
        return {
            label: self._bias[i] + self._scale * (((total >> (_LANE * i)) & mask) - away) / size
            for i, label in enumerate(self.labels)
        }

    def probabilities(self, text: str) -> dict[str, float]:
        """Probability of each label; they sum to 1."""
        return softmax(self.scores(text))

    def predict(self, text: str) -> str:
        """The likeliest label; of equals the first in the alphabet."""
        scores = self.scores(text)
        return max(self.labels, key=lambda label: (scores[label], [-ord(c) for c in label]))

    def telling(self, found: set[str], label: str, count: int = 3) -> tuple[str, ...]:
        """The words and word pairs among the features of a text that speak most for a label, best first; for people."""
        i, rows = self.labels.index(label), self._rows
        weights = [
            (-_signed(rows[f][i]), f) for f in found if len(f) > 3 and f[0] not in "#^$" and f[-1] != "~" and f in rows
        ]
        return tuple(f for weight, f in heapq.nsmallest(count, weights) if weight < 0)

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        labels: Sequence[str],
        *,
        decay: float = 1e-4,
        rounds: int = 60,
        most_features: int = 20_000,
        least_count: int = 1,
    ) -> PromptClassifier:
        """Fit by regularised multinomial logistic regression (Adam on the full gradient; deterministic).

        texts, labels: one label per text; ten examples per label give something useful, sixty something good.
        decay: L2 penalty on weights. most_features: kept by how unevenly they spread over the labels.
        least_count: features of fewer texts are dropped. Raises InputError on unequal lengths or fewer than two labels.
        """
        if len(texts) != len(labels):
            raise InputError(f"{len(texts)} texts but {len(labels)} labels; give one label per text")
        names = sorted(set(labels))
        if len(names) < 2:
            raise InputError(f"a classifier needs at least two labels, got {names}")
        return _fit(cls, [features_of(t) for t in texts], labels, names, decay, rounds, most_features, least_count)

    def save(self, path: str | Path) -> None:
        """Write the weights; `load` reads them back. Compressed, about 10 bytes a feature."""
        features = sorted(self._rows)
        head = {"labels": self.labels, "bias": self._bias, "scale": self._scale, "features": features}
        body = json.dumps(head, ensure_ascii=False).encode("utf-8", "surrogatepass")
        weights = b"".join(self._rows[f] for f in features)
        Path(path).write_bytes(_MAGIC + zlib.compress(len(body).to_bytes(4, "big") + body + weights, 9))

    @classmethod
    def load(cls, path: str | Path) -> PromptClassifier:
        """Read what `save` wrote. Raises InputError if it is something else."""
        data = Path(path).read_bytes()
        try:
            if not data.startswith(_MAGIC):
                raise ValueError("it starts otherwise")
            raw = zlib.decompress(data[len(_MAGIC) :])
            size = int.from_bytes(raw[:4], "big")
            head, weights = json.loads(raw[4 : 4 + size].decode("utf-8", "surrogatepass")), raw[4 + size :]
            width = len(head["labels"])
            rows = {f: weights[i * width : (i + 1) * width] for i, f in enumerate(head["features"])}
            return cls(head["labels"], head["bias"], float(head["scale"]), rows)
        except (ValueError, KeyError, TypeError, zlib.error) as e:
            raise InputError(f"{path} holds no prompt classifier ({e}); write one with PromptClassifier.save") from e


def softmax(scores: Mapping[str, float]) -> dict[str, float]:
    """Probabilities from log-odds (nats), in the order of the mapping."""
    top = max(scores.values())
    weights = {label: math.exp(score - top) for label, score in scores.items()}
    total = sum(weights.values())
    return {label: weight / total for label, weight in weights.items()}


def _signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


def _fit(
    cls: type[PromptClassifier],
    found: Sequence[set[str]],
    labels: Sequence[str],
    names: Sequence[str],
    decay: float,
    rounds: int,
    most_features: int,
    least_count: int,
) -> PromptClassifier:
    import numpy as np

    place = {name: i for i, name in enumerate(names)}
    y = np.array([place[label] for label in labels])
    vocabulary = _chosen(found, y, len(names), most_features, least_count)
    index = {feature: i for i, feature in enumerate(vocabulary)}
    lists = [sorted(index[f] for f in fs if f in index) for fs in found]
    # The matrix of features, one entry per (text, feature): its row, its column and its value.
    columns = np.fromiter((c for row in lists for c in row), dtype=np.int64)
    lengths = np.array([len(row) for row in lists])
    row_of = np.repeat(np.arange(len(lists)), lengths)
    # Words that stand everywhere count little (inverse document frequency), so that the penalty does not favour them.
    idf = np.log(len(lists) / np.maximum(1, np.bincount(columns, minlength=len(vocabulary))))
    size = np.sqrt(np.maximum(1, np.array([len(fs) for fs in found], dtype=np.float64)))
    value = idf[columns] / size[row_of]
    share = np.bincount(y, minlength=len(names)) / len(y)
    weight = (1.0 / (len(names) * share))[y] / len(y)  # every label counts the same
    W, b = np.zeros((len(vocabulary), len(names))), np.zeros(len(names))
    state = [np.zeros_like(W), np.zeros_like(W), np.zeros_like(b), np.zeros_like(b)]
    rows = np.arange(len(y))
    for step in range(1, rounds + 1):
        gathered = W[columns] * value[:, None]
        scores = b + np.stack(
            [np.bincount(row_of, gathered[:, k], minlength=len(lists)) for k in range(len(names))], axis=1
        )
        scores -= scores.max(axis=1, keepdims=True)
        p = np.exp(scores)
        p /= p.sum(axis=1, keepdims=True)
        p[rows, y] -= 1.0
        p *= weight[:, None]
        spread = p[row_of] * value[:, None]
        gradient = np.stack(
            [np.bincount(columns, spread[:, k], minlength=len(vocabulary)) for k in range(len(names))], axis=1
        )
        _adam(W, gradient + decay * W, state[0], state[1], step, 0.3)
        _adam(b, p.sum(axis=0), state[2], state[3], step, 0.05)
    W *= idf[:, None]
    scale = max(float(np.abs(W).max()), 1e-9) / 127.0
    small = np.rint(W / scale).astype(np.int8)
    kept = {f: small[i].tobytes() for f, i in index.items() if small[i].any()}
    return cls(names, [round(float(x), 6) for x in b], scale, kept)


def _adam(x: object, gradient: object, m: object, v: object, step: int, rate: float) -> None:
    """One step of Adam, in place (Kingma and Ba, arXiv 1412.6980); the rate falls to a tenth over 100 steps."""
    import numpy as np

    m *= 0.9  # type: ignore[operator]
    m += 0.1 * gradient  # type: ignore[operator]
    v *= 0.999  # type: ignore[operator]
    v += 0.001 * gradient**2  # type: ignore[operator]
    rate *= max(0.1, 1.0 - step / 100)
    x -= rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)  # type: ignore[operator]


def _chosen(found: Sequence[set[str]], y: Iterable[int], width: int, most: int, least: int) -> list[str]:
    """The features whose counts differ most from what the labels' sizes explain (chi-squared), sorted by name."""
    counts: dict[str, list[int]] = {}
    for features, label in zip(found, y, strict=True):
        for feature in features:
            counts.setdefault(feature, [0] * width)[label] += 1
    sizes = [sum(1 for label in y if label == k) for k in range(width)]
    shares = [size / len(found) for size in sizes]

    def unevenness(item: tuple[str, list[int]]) -> float:
        total = sum(item[1])
        return sum((n - total * s) ** 2 / (total * s) for n, s in zip(item[1], shares, strict=True))

    kept = [item for item in counts.items() if sum(item[1]) >= least]
    if len(kept) > most:
        kept.sort(key=lambda item: (-unevenness(item), item[0]))
        kept = kept[:most]
    return sorted(feature for feature, _ in kept)
