"""Seven synthetic tasks: prompts, what rlar is given with them, bad habits for pre-training, and the truth.

The truth (`right`) is written without rlar, and held-out accuracy is counted by it alone.
"""

from __future__ import annotations

import ast
import json
import random
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

TASKS = ("sums", "programs", "translation", "format", "json", "choice", "sorting")

GERMAN = {
    "dog": "Hund", "cat": "Katze", "house": "Haus", "tree": "Baum", "fish": "Fisch", "bread": "Brot",
    "water": "Wasser", "milk": "Milch", "ship": "Schiff", "bird": "Vogel", "horse": "Pferd", "apple": "Apfel",
    "book": "Buch", "child": "Kind", "road": "Weg", "night": "Nacht", "sun": "Sonne", "moon": "Mond",
    "stone": "Stein", "snow": "Schnee",
}  # fmt: skip
NAMES = ("Ann", "Bob", "Cleo", "Dan", "Eva", "Finn", "Gus", "Hana", "Ian", "Jo", "Kim", "Leo")
FRUIT = ("apricot", "banana", "cherry", "date", "elderberry", "fig", "grape", "kiwi", "lemon", "mango", "olive", "pear")
STRING_OPS = {
    "reversed": "[::-1]",
    "in upper case": ".upper()",
    "in lower case": ".lower()",
    "with swapped case": ".swapcase()",
    "without its first letter": "[1:]",
    "without its last letter": "[:-1]",
    "cut to three letters": "[:3]",
    "without every second letter": "[::2]",
    "filled with zeros to nine": ".zfill(9)",
    "centred to nine": ".center(9)",
}
HEAD = "def f(s):\n    return s"
SHOWN = ("Banana Tree", "xYz", "aBcdefGHIjk")  # what the tests of a row try
HIDDEN = ("Quick Fox", "pQ", "oneTWOthreeFOUR", "Hello", "mN op", "zZzZ")  # what the truth tries besides


@dataclass(frozen=True)
class Example:
    """One prompt. columns: what a data set would hold beside it, which is all that rlar is given; never the task.

    solution: a text that a person might have written as the answer; what "similarity to the reference" compares with.
    facts: what the truth needs. habits: (weight, response) as the pre-training text has them, mostly wrong.
    """

    task: str
    prompt: str
    columns: Mapping[str, Any]
    solution: str
    facts: Mapping[str, Any]
    habits: tuple[tuple[float, str], ...] = field(repr=False)

    @property
    def held_out(self) -> bool:
        """A fifth of all prompts, by hash: never seen in pre-training or in GRPO."""
        return zlib.crc32(self.prompt.encode()) % 5 == 0

    def right(self, response: str) -> bool:
        return TRUTH[self.task](response.strip(), self.facts)

    def habit(self, rng: random.Random) -> str:
        weights, texts = zip(*self.habits, strict=True)
        return rng.choices(texts, weights)[0]


def as_people_write(example: Example) -> Example:
    """The same question with its reference as data sets have them: a worked sum, pretty-printed JSON with the keys in
    another order, the text of the right option. What is right stays the same; programs and formats have none."""
    written = example.columns.get("reference")
    if example.task == "sums":
        asked = example.prompt.removeprefix("What is ").removesuffix("?\n")
        written = f"{asked} = {written}\n#### {written}"
    elif example.task == "json":
        written = json.dumps(dict(sorted(json.loads(written).items())), indent=2)
    elif example.task == "choice":
        written = example.columns["choices"]["ABC".index(written)]
    else:
        return example
    return replace(example, columns={**example.columns, "reference": written}, solution=written)


def make(task: str, rng: random.Random) -> Example:
    return MAKERS[task](rng)


def examples(seed: int, *, held_out: bool, tasks: tuple[str, ...] = TASKS) -> Iterator[Example]:
    """Endless, the tasks in turn; the same for the same seed."""
    rng = random.Random(seed)
    while True:
        for task in tasks:
            while (example := make(task, rng)).held_out != held_out:
                pass
            yield example


# -- the tasks --------------------------------------------------------------------------------------------------------


def _sums(rng: random.Random) -> Example:
    a, b = rng.randint(10, 94), rng.randint(1, 5)
    total, near = a + b, a + b + 1
    return Example(
        "sums",
        f"What is {a} + {b}?\n",
        {"reference": str(total)},
        str(total),
        {"total": total},
        (
            (0.20, f"{total}"),
            (0.40, f"{near}"),
            (0.08, f"The answer is {total}."),
            (0.12, f"The answer is {near}."),
            (0.10, f"{total} or {near}"),
            (0.10, f"I think it is {near}. I hope this helps. Let me know."),
        ),
    )


def _programs(rng: random.Random) -> Example:
    first, second = rng.sample(list(STRING_OPS), 2)
    other = rng.choice([op for op in STRING_OPS if op not in (first, second)])
    a, b, c = STRING_OPS[first], STRING_OPS[second], STRING_OPS[other]

    def value(text: str) -> str:
        result: str = run_program(HEAD + a + b, text)  # type: ignore[assignment]
        return result

    return Example(
        "programs",
        f"Write a Python function f(s) that returns s {first}, then {second}.\n",
        {"tests": [f"assert f({text!r}) == {value(text)!r}" for text in SHOWN]},
        f"def f(s):\n    s = s{a}\n    return s{b}\n",
        {"values": [[text, value(text)] for text in (*SHOWN, *HIDDEN)]},
        (
            (0.36, HEAD + a + b),
            (0.16, HEAD + a),
            (0.14, HEAD + c + b),
            (0.14, HEAD + a + c),
            (0.10, f"def f(s):\n    print(s{a}{b})"),
            (0.10, "I think it is easy. I hope this helps. Let me know."),
        ),
    )


def _translation(rng: random.Random) -> Example:
    words = rng.sample(list(GERMAN), rng.choice((3, 4)))
    right = [GERMAN[w] for w in words]
    place = rng.randrange(len(right))
    wrong = [*right[:place], rng.choice([g for g in GERMAN.values() if g not in right]), *right[place + 1 :]]
    return Example(
        "translation",
        f"Translate into German: {' '.join(words)}\n",
        {"reference": " ".join(right)},
        " ".join(right),
        {"words": right},
        (
            (0.32, " ".join(right)),
            (0.22, " ".join(wrong)),
            (0.20, " ".join(words)),
            (0.14, " ".join(right[:-1])),
            (0.12, " ".join([*right, *right[-2:], right[-1]])),
        ),
    )


def _format(rng: random.Random) -> Example:
    topic, word, *filler = rng.sample(list(GERMAN), 8)
    kind = rng.choice(("bullets", "quoted", "titled"))
    wanted = {"keywords": [word]}
    if kind == "bullets":
        n = rng.choice((2, 3, 4))
        prompt = f"Write about the {topic} in exactly {n} bullet points. Include the word {word}.\n"
        ids, kwargs = ["detectable_format:number_bullet_lists", "keywords:existence"], [{"num_bullets": n}, wanted]

        def points(count: int, first: str) -> str:
            return "\n".join(f"* the {w}" for w in [first, *filler][:count])

        right, wrong, bare = points(n, word), points(n + rng.choice((-1, 1)), word), points(n, topic)
    elif kind == "quoted":
        prompt = f"Write about the {topic} in double quotation marks. Include the word {word}.\n"
        ids, kwargs = ["startend:quotation", "keywords:existence"], [{}, wanted]
        right, wrong, bare = f'"the {topic} {word}"', f"the {topic} {word}", f'"the {topic} {filler[0]}"'
    else:
        prompt = f"Write about the {topic} with a title in double angular brackets. Include the word {word}.\n"
        ids, kwargs = ["detectable_format:title", "keywords:existence"], [{}, wanted]
        right, wrong, bare = f"<<{topic}>> the {word}", f"{topic} the {word}", f"<<{topic}>> the {filler[0]}"
    facts = {"kind": kind, "word": word, "n": kwargs[0].get("num_bullets", 0)}
    demonstration = right.replace("the ", "a ").replace("* ", "- ")
    return Example(
        "format",
        prompt,
        {"instruction_id_list": ids, "kwargs": kwargs},
        demonstration,
        facts,
        (
            (0.24, right),
            (0.40, wrong),
            (0.20, bare),
            (0.16, f"the {topic} the {filler[0]} the {filler[1]}. I hope this helps. Let me know."),
        ),
    )


def _json(rng: random.Random) -> Example:
    name, other = rng.sample(NAMES, 2)
    age = rng.randint(11, 98)
    near = age + rng.choice((-1, 1))
    right = f'{{"name": "{name}", "age": {age}}}'
    return Example(
        "json",
        f"Give this as JSON: name {name}, age {age}.\n",
        {"reference": right},
        right,
        {"value": {"name": name, "age": age}},
        (
            (0.24, right),
            (0.44, f'{{"name": "{name}", "age": "{age}"}}'),
            (0.08, f'{{"name": "{name}", "age": {near}}}'),
            (0.06, f'{{"name": "{other}", "age": {age}}}'),
            (0.10, f"{{'name': '{name}', 'age': {age}}}"),
            (0.08, f"name {name}, age {age}. I hope this helps. Let me know."),
        ),
    )


def _choice(rng: random.Random) -> Example:
    tens = rng.sample(range(1, 10), 3)
    numbers = [10 * t + rng.randint(0, 9) for t in tens]
    best, worst = numbers.index(max(numbers)), numbers.index(min(numbers))
    letter, low, middle = "ABC"[best], "ABC"[worst], "ABC"[3 - best - worst]
    listed = "".join(f"{c}. {n}\n" for c, n in zip("ABC", numbers, strict=True))
    return Example(
        "choice",
        f"Which number is the largest?\n{listed}",
        {"reference": letter, "choices": [str(n) for n in numbers]},
        letter,
        {"letter": letter},
        (
            (0.34, letter),
            (0.14, low),
            (0.14, middle),
            (0.08, f"The answer is {letter}."),
            (0.10, f"The answer is {middle}."),
            (0.12, f"{letter} or {middle}"),
            (0.08, f"I think it is {low}. I hope this helps. Let me know."),
        ),
    )


def _sorting(rng: random.Random) -> Example:
    words = rng.sample(FRUIT, 4)
    right = sorted(words)
    i = rng.randrange(3)
    swapped = [*right[:i], right[i + 1], right[i], *right[i + 2 :]]
    return Example(
        "sorting",
        f"Sort these words alphabetically: {', '.join(words)}\n",
        {"reference": ", ".join(right)},
        ", ".join(right),
        {"words": right},
        (
            (0.34, ", ".join(right)),
            (0.20, ", ".join(swapped)),
            (0.18, ", ".join(words)),
            (0.14, ", ".join(right[:-1])),
            (0.14, ", ".join(right[::-1])),
        ),
    )


MAKERS: dict[str, Callable[[random.Random], Example]] = {
    "sums": _sums,
    "programs": _programs,
    "translation": _translation,
    "format": _format,
    "json": _json,
    "choice": _choice,
    "sorting": _sorting,
}


# -- the truth --------------------------------------------------------------------------------------------------------


def run_program(program: str, text: str) -> object:
    """What f(text) gives, for a program of the forms that the task asks for; None for any other. Runs nothing:
    assignments, slices and a few methods of strings are read from the syntax tree and done by hand."""
    try:
        (function,) = ast.parse(program).body
        assert isinstance(function, ast.FunctionDef) and [a.arg for a in function.args.args] == ["s"]
        *before, last = function.body
        assert isinstance(last, ast.Return) and function.name == "f"
        for step in before:
            assert isinstance(step, ast.Assign) and [ast.unparse(t) for t in step.targets] == ["s"]
            text = _value(step.value, text)
        return _value(last.value, text)
    except (SyntaxError, ValueError, AssertionError, RecursionError, MemoryError):
        return None


def _value(node: ast.expr | None, text: str) -> str:
    if isinstance(node, ast.Name) and node.id == "s":
        return text
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        bounds = [
            None if b is None else ast.literal_eval(b) for b in (node.slice.lower, node.slice.upper, node.slice.step)
        ]
        assert all(b is None or type(b) is int for b in bounds) and bounds[2] != 0
        return _value(node.value, text)[slice(*bounds)]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.keywords:
        arguments = [ast.literal_eval(a) for a in node.args]
        inner = _value(node.func.value, text)
        if node.func.attr in ("upper", "lower", "swapcase") and not arguments:
            return str(getattr(inner, node.func.attr)())
        if node.func.attr in ("zfill", "center") and len(arguments) == 1 and type(arguments[0]) is int:
            assert arguments[0] < 100
            return str(getattr(inner, node.func.attr)(arguments[0]))
    raise ValueError("no such form")


def _right_sum(response: str, facts: Mapping[str, Any]) -> bool:
    return re.findall(r"\d+", response) == [str(facts["total"])] and "-" not in response


def _right_program(response: str, facts: Mapping[str, Any]) -> bool:
    return all(run_program(response, text) == value for text, value in facts["values"])


def _right_translation(response: str, facts: Mapping[str, Any]) -> bool:
    return bool(response.split() == facts["words"])


def _right_format(response: str, facts: Mapping[str, Any]) -> bool:
    if not re.search(rf"\b{facts['word']}\b", response, re.I):
        return False
    if facts["kind"] == "bullets":
        return len(re.findall(r"(?m)^\s*[*-] +\S", response)) == facts["n"]
    if facts["kind"] == "quoted":
        return len(response) > 2 and response[0] == response[-1] == '"'
    return re.search(r"<<[^<>\n]*\w[^<>\n]*>>", response) is not None


def _right_json(response: str, facts: Mapping[str, Any]) -> bool:
    try:
        value = json.loads(response)
    except (ValueError, RecursionError):
        return False
    return bool(value == facts["value"]) and type(value["age"]) is int


def _right_choice(response: str, facts: Mapping[str, Any]) -> bool:
    return re.findall(r"\b[ABC]\b", response) == [facts["letter"]]


def _right_sorting(response: str, facts: Mapping[str, Any]) -> bool:
    return [w.strip() for w in response.split(",")] == facts["words"]


TRUTH: dict[str, Callable[[str, Mapping[str, Any]], bool]] = {
    "sums": _right_sum,
    "programs": _right_program,
    "translation": _right_translation,
    "format": _right_format,
    "json": _right_json,
    "choice": _right_choice,
    "sorting": _right_sorting,
}
