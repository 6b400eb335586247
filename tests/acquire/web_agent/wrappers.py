"""Wrappers as an LLM might write them: a good one, and bad ones with what must be said of each."""

from __future__ import annotations

import json
from typing import Any

GOOD = """
import math


def texts(prompt_messages, response, reference):
    return [*prompt_messages, {"role": "assistant", "content": response}]


def reward(outputs):
    values = outputs["values"]
    if len(values) != len(outputs["names"]) or not all(math.isfinite(v) for v in values):
        raise ValueError("no outputs of this model")
    return max(-50.0, min(50.0, values[0]))
"""
PLAIN = GOOD.replace(
    'return [*prompt_messages, {"role": "assistant", "content": response}]',
    'return "\\n\\n".join(m["content"] for m in prompt_messages) + "\\n\\n" + response',
)
TEXTS = 'return [*prompt_messages, {"role": "assistant", "content": response}]'
REWARD = "return max(-50.0, min(50.0, values[0]))"


def _with(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


BAD: dict[str, tuple[str, str]] = {
    "imports os": ("import os\n" + GOOD, "static check: .*import of os"),
    "reads a file": (_with(REWARD, "return float(len(open('/etc/passwd').read()))"), "static check: .*use of open"),
    "draws at random": ("import random\n" + GOOD, "static check: .*import of random"),
    "lacks a function": (GOOD.replace("def reward", "def score"), r"there is no function reward\(outputs\)"),
    "constant": (_with(REWARD, "return 1.0"), "a constant reward says nothing"),
    "ignores the response": (_with(TEXTS, "return prompt_messages"), "does not hold the whole response"),
    "cuts the response": (
        _with(TEXTS, 'return [*prompt_messages, {"role": "assistant", "content": response[:60]}]'),
        "does not hold the whole response",
    ),
    "ignores the question": (
        _with(TEXTS, 'return [{"role": "user", "content": "Rate."}, {"role": "assistant", "content": response}]'),
        "neither the question nor the reference",
    ),
    "returns NaN": (_with(REWARD, 'return float("nan")'), "must be a finite number"),
    "leaves its range": (_with(REWARD, "return 100.0 + values[0]"), "outside -50 to 50"),
    "lets strange outputs through": (
        _with('raise ValueError("no outputs of this model")', "return 1e3"),
        "outside -50 to 50, for outputs with",
    ),
    "counts its calls": (
        "SEEN = []\n"
        + _with(TEXTS, "seen = SEEN\n    seen.append(1)\n    " + TEXTS.replace("nse}", "nse + '!' * len(seen)}")),
        "keeps state",
    ),
    "raises": (_with(TEXTS, "return prompt_messages[7]"), "texts: IndexError"),
    "another form": (_with(TEXTS, "return response"), "not the declared form chat"),
    "never ends": (_with(REWARD, "while True:\n        pass"), "reward: timeout"),
}  # fmt: skip


def reply(source: str = GOOD, **changes: Any) -> str:
    body = {
        "source": source,
        "form": "chat",
        "tokens": [],
        "reference": False,
        "low": -50.0,
        "high": 50.0,
        "about": "the only label",
    }
    return json.dumps({**body, **changes})
