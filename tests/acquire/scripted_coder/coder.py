"""The coder as a scripted endpoint: it reads a request as a model would, and replies from its programs."""

from __future__ import annotations

import json
import random
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rlar.acquire.families import Family
from rlar.types import Json

from .families import SPECS, Spec
from .programs import BAD, Program, bad, good

MALFORMED: tuple[Any, ...] = (
    {"text": '{"source": "def score(prompt, resp', "finish": "length"},
    "I am sorry, but I cannot help with that request.",
    "",
    "```python\ndef score(prompt, response, reference, extra):\n    return 1.0\n```",
    '{"tool": "something else entirely", "admitted": true}',
    '{"candidates": [], "source": 7, "about": null}',
    {"status": 500, "text": "internal error"},
    {"raw": "<html>502 Bad Gateway</html>"},
    "[" * 5000,
    '{"about": "x", "about": "y", "parts": []}',
)


@dataclass(frozen=True)
class Plan:
    """One family and what the coder will write for it."""

    spec: Spec
    family: Family
    programs: dict[str, Program]

    @property
    def has_good(self) -> bool:
        return any(p.kind == "good" for p in self.programs.values())


def plans(specs: Sequence[Spec] = SPECS, *, seed: int = 0, bad_ones: int = 3) -> list[Plan]:
    """Per family a good program (every third one mended only after its failures were shown; every tenth family has
    none, every fifth has two) among bad ones, whose kinds go round."""
    out = []
    for i, spec in enumerate(specs):
        family = spec.family()
        kinds = [BAD[(i * bad_ones + k) % len(BAD)] for k in range(bad_ones)]
        programs = [bad(kind, spec, family, seed) for kind in kinds]
        if i % 10 != 9:
            programs.insert(i % (bad_ones + 1), good(spec, mended=i % 3 == 0))
        if i % 5 == 4 and i % 10 != 9:
            programs.append(good(spec))
        out.append(Plan(spec, family, {f"check_{k + 1}": p for k, p in enumerate(programs)}))
    return out


@dataclass
class Coder:
    """malformed: share of replies that are none. asked: how often each kind of question came."""

    plans: Sequence[Plan]
    malformed: float = 0.0
    asked: dict[str, int] = field(default_factory=dict)
    spoilt: int = 0
    _rng: random.Random = field(default_factory=lambda: random.Random(7))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, body: dict[str, Json]) -> str | dict[str, Any]:
        texts = [m["content"] for m in body["messages"]]
        plan = next(p for p in self.plans if p.spec.cue in texts[1])
        keys = set(body.get("response_format", {}).get("json_schema", {}).get("schema", {}).get("properties", {}))
        keys = keys or self._keys_of(texts[1])
        kind = "label" if "parts" in keys else "propose" if "candidates" in keys else "write"
        with self._lock:
            self.asked[kind] = self.asked.get(kind, 0) + 1
            if self._rng.random() < self.malformed:
                self.spoilt += 1
                return self._rng.choice(MALFORMED)
        if kind == "label":
            return json.dumps({"about": f"An answer is right if it solves {plan.spec.name}.", "parts": ["the result"]})
        if kind == "propose":
            return json.dumps({"candidates": [_idea(name) for name in plan.programs]})
        name = re.findall(r"The tool: (\w+), a", texts[1])[0]
        return plan.programs[name].reply(mended=any("The tool did not pass" in t for t in texts))

    @staticmethod
    def _keys_of(text: str) -> set[str]:
        """What is asked for, by the words of the question (an endpoint without structured output)."""
        return {"parts"} if '("parts")' in text else {"candidates"} if "Propose" in text else {"source"}


def _idea(name: str) -> dict[str, Json]:
    return {"name": name, "kind": "verifier", "about": "compares what is said last", "approach": "canonical forms"}
