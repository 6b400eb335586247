"""Prompts with labels, made up from the patterns: the training text of the shipped prompt classifier."""

from __future__ import annotations

import re
from random import Random
from typing import NamedTuple

from makers import MAKERS
from other_languages import OTHER
from patterns import CONSTRAINTS, PATTERNS
from words import (
    ADVICE,
    ANIMALS,
    CHAT_TURNS,
    COUNTRIES,
    CREATIVE,
    FACT_TOPICS,
    FOODS,
    FRAMEWORKS,
    GROUPS,
    HUMAN_LANGUAGES,
    JOBS,
    LANGUAGES,
    MILD_HARM,
    NAMES,
    PEOPLE,
    PLACES,
    PROGRAM_TASKS,
    SCIENCE,
    SWEARS,
    TASK_VERBS,
    THINGS,
    TOPICS,
    WORKS,
    WORKTASKS,
    WRITINGS,
)


class Example(NamedTuple):
    """One made-up prompt. pattern: index of the pattern it comes from, so that tests can hold whole patterns out."""

    text: str
    label: str
    pattern: int


_LISTS = {
    "name": NAMES, "place": PLACES, "thing": THINGS, "job": JOBS, "topic": TOPICS, "fact": FACT_TOPICS, "creative": CREATIVE,
    "writing": WRITINGS, "advice": ADVICE, "person": PEOPLE, "work": WORKS, "country": COUNTRIES, "food": FOODS, "animal": ANIMALS,
    "program": PROGRAM_TASKS, "language": LANGUAGES, "framework": FRAMEWORKS, "human": HUMAN_LANGUAGES, "group": GROUPS,
    "mildharm": MILD_HARM, "swear": SWEARS, "science": SCIENCE, "taskverb": TASK_VERBS, "chat": CHAT_TURNS, "plural": [*ANIMALS, *(job + "s" for job in JOBS), *THINGS], "worktask": WORKTASKS,
}  # fmt: skip
_HARM_OUTSIDE = re.compile(r"\b(?:illegal|criminals|caught|racist|worse|inferior|violent|hate|insult|offensive|slur|ruining|deported|blames|evil|rules|rid|stupid|"
                           r"disgusting|race|allowed|dangerous|pills|hurts|nerves|embarrass|cry|avoid|stand|dirty|ignore|DAN|sorry|hard|nice)\b", re.I)  # fmt: skip
_SLOT = re.compile(r"\{(\w+)\}")
_LINES = {label: [line for line in text.strip().split("\n") if line] for label, text in PATTERNS.items()}
_OTHER_LINES = {label: [line for line in text.strip().split("\n") if line] for label, text in OTHER.items()}
# The same words with harmless contents are small talk: without these twins "how do I" itself would look dangerous.
_HARMLESS = {"{harm}": "{advice}", "{group}": "{plural}", "{mildharm}": "{sentence}", "{swear}": "{chat}"}
_CONSTRAINT_LINES = [line for line in CONSTRAINTS.strip().split("\n") if line]


def fill(pattern: str, r: Random) -> str:
    """A pattern with every slot filled; "\\n" becomes a line break, "{{" and "}}" become braces."""

    def one(m: re.Match[str]) -> str:
        name = m[1]
        if name == "constraint":
            return fill(r.choice(_CONSTRAINT_LINES), r)
        if name == "verbprogram":
            first, _, rest = r.choice(PROGRAM_TASKS).partition(" ")
            return f"{re.sub('(?<!s)s$', '', re.sub('ies$', 'y', first))} {rest}"
        return MAKERS[name](r) if name in MAKERS else r.choice(_LISTS[name])

    guarded = pattern.replace("\\n", "\n").replace("{{", "\0").replace("}}", "\1")
    return _SLOT.sub(one, guarded).replace("\0", "{").replace("\1", "}")


_POLITE = [
    "Please ",
    "Could you ",
    "Hi, ",
    "Hello! ",
    "hey, ",
    "I need your help. ",
    "Quick question: ",
    "pls ",
    "As an AI language model, ",
]
_SYSTEM = [
    "You are a helpful assistant.", "You are a helpful, respectful and honest assistant.", "You are an expert in your field.",
    "Answer as well as you can.", "Below is an instruction that describes a task. Write a response that completes the request.",
    "You are ChatGPT, a large language model.", "Think carefully before you answer.",
]  # fmt: skip
_AFTER = [
    "",
    "",
    "",
    " Thanks!",
    " thank you",
    " Explain your answer.",
    " Please be brief.",
    " Give a detailed answer.",
]


def _typos(text: str, r: Random) -> str:
    chars = list(text)
    for _ in range(max(1, len(text) // 60)):
        i = r.randrange(len(chars))
        if chars[i].isalpha():
            chars[i] = r.choice(["", chars[i] * 2, r.choice("aeiourstn")])
    return "".join(chars)


def style(text: str, label: str, r: Random) -> str:
    """The same request as other people would type it: system lines, politeness, lower case, typos, chat marks."""
    roll = r.random()
    short = len(text) < 300
    if roll < 0.06 and text[:1].isupper() and text[1:2].islower() and short:
        text = r.choice(_POLITE) + text[0].lower() + text[1:]
    elif roll < 0.12 and label not in ("math", "translation") and short:
        text = text + r.choice(_AFTER)
    elif roll < 0.20:
        text = f"{r.choice(_SYSTEM)}\n\n{text}"
    elif roll < 0.27 and short:
        text = text.lower().rstrip("?.!")
    elif roll < 0.31 and short:
        text = _typos(text, r)
    elif roll < 0.34:
        text = f"### Instruction:\n{text}\n\n### Response:"
    elif roll < 0.37:
        text = f"Human: {text}\n\nAssistant:"
    elif roll < 0.40 and label != "summarization":
        text = f"Question: {text}\nAnswer:"
    return text


def _harmless_twin(r: Random) -> tuple[str, int]:
    lines = _LINES["safety"]
    twins = [
        i for i, line in enumerate(lines) if any(slot in line for slot in _HARMLESS) and not _HARM_OUTSIDE.search(line)
    ]
    i = r.choice(twins)
    line = lines[i]
    for slot, other in _HARMLESS.items():
        line = line.replace(slot, other)
    return line, 20_000 + i


def generate(per_label: int, seed: int, other_share: float = 0.12) -> list[Example]:
    """per_label examples of each label, in a fixed order for a seed. other_share: share of other languages."""
    r = Random(seed)
    made: list[Example] = []
    for label, lines in _LINES.items():
        others = _OTHER_LINES[label]
        for _ in range(per_label):
            if r.random() < other_share:
                i = r.randrange(len(others))
                text, pattern = fill(others[i], r), 10_000 + i
            else:
                i = r.randrange(len(lines))
                line, pattern = lines[i], i
                if label == "dialogue" and r.random() < 0.3:
                    line, pattern = _harmless_twin(r)
                text = style(fill(line, r), label, r)
            made.append(Example(text, label, pattern))
    return made
