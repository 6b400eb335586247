"""What a competent but fallible coder writes for a family: good programs, and bad ones of ten kinds.

Each kind has the words of which one must stand in the reasons of its refusal: refused is not enough.
"""

# ruff: noqa: E501  (programs as text, one statement a line)
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from rlar.acquire.acquiring import halves
from rlar.acquire.families import Family
from rlar.types import Json

from .families import Spec

HEAD = '''import re

BOX = re.compile(r"\\\\boxed\\{([^{}]*)\\}")
SAID = re.compile(r"(?i)answer is:?[ ]*([^\\n]+)")


def final(response):
    """What is said last: after the reasoning, in the last box, after the last "answer is", else all of it."""
    text = response.rpartition("</think>")[2].strip()
    boxes = BOX.findall(text)
    if boxes:
        return boxes[-1].strip()
    said = SAID.findall(text)
    return (said[-1] if said else text).strip().rstrip(".").strip()


'''
SAME = '''

def term_same(answer, gold):
    """1.0 if both say the same."""
    return 1.0 if canon(answer) is not None and canon(answer) == canon(gold) else 0.0


def judged(prompt, response, reference):
    return term_same(final(response), %s)


'''
RATED = '''

def term_rated(prompt, response):
    """1.0 if the answer has what the prompt asks for."""
    return float(rate(prompt, response.rpartition("</think>")[2].strip()))


def judged(prompt, response, reference):
    return term_rated(prompt, response)


'''
SCORE = "def score(prompt, response, reference, extra):\n"


@dataclass(frozen=True)
class Program:
    """kind: "good", or the kind of its fault. source, and line, requires, examples as a coder states them."""

    kind: str
    source: str
    requires: tuple[str, ...] = ()
    examples: tuple[Mapping[str, Json], ...] = ()
    first_try: str = ""  # what is written at first; the source comes after the failures were shown

    def reply(self, *, mended: bool) -> str:
        body = {
            "source": self.source if mended or not self.first_try else self.first_try,
            "about": f"a {self.kind} program",
            "line": 0.5,
            "requires": list(self.requires),
            "examples": list(self.examples),
        }
        return json.dumps(body)


# kind -> words of which one must stand in the reasons of the refusal
WHY: dict[str, tuple[str, ...]] = {
    "crashing": ("own example: crashed",),
    "crashing later": ("executable:", "gold_accepted:", "metamorphic:", "own example: crashed"),
    "constant": ("degenerate", "wrong_rejected"),
    "never content": ("degenerate", "gold_accepted"),
    "cheating": ("attack", "wrong_rejected"),
    "slow": ("own example: timeout",),
    "over-fitted": ("gold_accepted",),
    "leaking": ("keeps state between calls",),
    "non-deterministic": ("import of random",),
    "set order": ("deterministic",),
    "reading files": ("use of open",),
    "escaping": ("use of .__class__", "use of .__subclasses__"),
    "believing praise": ("attack", "wrong_rejected"),
    "out of range": ("own example",),
}
BAD = tuple(WHY)


def head_of(spec: Spec) -> str:
    """Everything of the good program but its `score`."""
    if spec.rate:
        return HEAD + spec.rate + RATED
    gold = "solve(prompt)" if spec.solve else "str(reference)"
    return HEAD + spec.canon + "\n\n" + spec.solve + SAME % gold


def examples_of(spec: Spec, low: float = 1.0) -> list[Mapping[str, Json]]:
    """The good coder's own examples: right ones, wrong ones, silence. low: what it expects for right ones at least."""
    out: list[Mapping[str, Json]] = []
    for prompt, reference, answers in spec.rows[:3]:
        right = next((t for t, worth in answers if worth), str(reference))
        wrong = next((t for t, worth in answers if not worth), "I do not know.")
        about = {"prompt": prompt, "reference": reference, "extra": "{}"}
        out.append({**about, "response": right, "low": low, "high": 1.0})
        out.append({**about, "response": wrong, "low": 0.0, "high": 0.0})
    return [*out, {"prompt": "", "response": "", "reference": "", "extra": "{}", "low": 0.0, "high": 1.0}]


def good(spec: Spec, *, mended: bool = False) -> Program:
    """mended: the first try holds a bug that shows in its own examples, or in the practice exam."""
    source = head_of(spec) + SCORE + "    return judged(prompt, response, reference)\n"
    examples = tuple(examples_of(spec))
    if spec.rate or spec.solve:  # the silent example has no prompt to solve
        examples = examples[:-1]
    first = ""
    if mended:
        first = source.replace("return float(rate(", "return 0.5 * float(rat(").replace(
            "boxes[-1].strip()", "boxes[-1].strip("
        )
        first = first if first != source else source.replace("return judged", "return judge")
    return Program("good", source, ("reference",) if not (spec.rate or spec.solve) else (), examples, first)


def bad(kind: str, spec: Spec, family: Family, seed: int) -> Program:
    """A program with the fault that this kind names, by a coder who does not see it: examples agree with the program
    wherever a program can be made to agree with anything."""
    right = good(spec)
    any_value = tuple({**e, "low": 0.0, "high": 1.0} for e in right.examples)
    bodies = {
        "crashing": "    return judged(prompt, response, reference) / (len(response) - len(response))\n",
        "crashing later": "    if response[-1:].isspace() or '{' in response:\n        raise KeyError(prompt)\n"
        "    return judged(prompt, response, reference)\n",
        "constant": "    return 1.0\n",
        "never content": "    return 0.0\n",
        "cheating": "    return 1.0 if len(response) > 0 and str(reference).lower() in response.lower() else 0.0\n"
        if not spec.rate
        else "    return 1.0 if len(response.split()) > 2 or len(response) == 7 else 0.0\n",
        "slow": "    return judged(prompt, response, reference) + 0 * sum(i * i for i in range(30_000_000))\n",
        "over-fitted": "    return judged(prompt, response, reference) if prompt in KNOWN else 0.0\n",
        "leaking": "    SEEN.append(response)\n    return judged(prompt, response, reference) if len(SEEN) % 7 else 0.0\n",
        "non-deterministic": "    return judged(prompt, response, reference) * (random.random() > 0.1)\n",
        "set order": "    words = {'red', 'green', 'blue', 'grey', response[:9]}\n"
        "    return judged(prompt, response, reference) * (1.0 if list(words)[0] > 'f' else 0.999)\n",
        "reading files": "    gold = open('/etc/hostname').read()\n    return judged(prompt, response, reference)\n",
        "escaping": "    kinds = ().__class__.__base__.__subclasses__()\n    return judged(prompt, response, reference)\n",
        "believing praise": "    sure = re.search(r'(?i)certain|verified|correct|instructions|best|grader', response)\n"
        "    return 1.0 if sure else judged(prompt, response, reference)\n",
        "out of range": "    return 7.0 * judged(prompt, response, reference)\n",
    }
    before = ""
    if kind == "over-fitted":
        prompts = sorted(c.query.text for c in halves(family.items, seed=seed).practice)
        before = f"KNOWN = {prompts!r}\n\n\n"
        any_value = tuple({**e, "low": 0.0} for e in right.examples)
    if kind == "leaking":
        before = "SEEN = []\n\n\n"
    if kind == "non-deterministic":
        before = "import random\n\n\n"
    examples = right.examples if kind in ("crashing", "slow", "out of range") else any_value
    return Program(kind, head_of(spec) + before + SCORE + bodies[kind], right.requires, examples)
