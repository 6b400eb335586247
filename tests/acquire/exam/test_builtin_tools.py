"""The built-in tools face the exam that everybody faces: on small families of our own, one for each main tool."""

import asyncio
import json
import random

import pytest

from rlar.acquire.exam import build_cases, examine
from rlar.library import Library
from rlar.rollouts import Item
from rlar.types import Constraint, Kind, Query

N = 16
WORDS = [
    "amber", "basket", "candle", "dolphin", "ember", "falcon", "garden", "harbor", "island", "jungle", "kettle",
    "lantern", "meadow", "needle", "orchard", "pepper", "quartz", "ribbon", "saddle", "timber", "umbrella",
    "velvet", "window", "yellow", "zephyr", "anchor", "bridge", "copper"
]  # fmt: skip
TOWNS = [
    "Lisbon", "Vienna", "Oslo", "Madrid", "Prague", "Dublin", "Athens", "Warsaw", "Berlin", "Rome", "Paris", "Lima",
    "Quito", "Havana", "Cairo", "Tunis"
]  # fmt: skip
PEOPLE = [
    "Ada", "Boris", "Clara", "Dieter", "Edith", "Fernando", "Greta", "Hugo", "Ines", "Jonas", "Karla", "Liam",
    "Mona", "Nils", "Olga", "Pavel"
]  # fmt: skip


def rng(name):
    return random.Random(name)


def maths():
    r = rng("maths")
    return [
        (Query(f"What is {a} * {b}?", reference=str(a * b)), (), None)
        for a, b in ((r.randrange(11, 99), r.randrange(11, 99)) for _ in range(N))
    ]


def expressions():
    return [
        (
            Query(
                f"Simplify the fraction {3 * k}/{k * (k + 4)} as far as you can.", reference=f"\\frac{{3}}{{{k + 4}}}"
            ),
            (),
            None,
        )
        for k in range(4, 4 + N)
        if (k + 4) % 3
    ]


def choices():
    r = rng("choices")
    out = []
    for i in range(N):
        options = r.sample(WORDS, 4)
        k = r.randrange(4)
        text = "\n".join(f"{c}) {w}" for c, w in zip("ABCD", options, strict=True))
        out.append(
            (Query(f"Question {i}: which of these words is '{options[k]}'?\n{text}", reference="ABCD"[k]), (), None)
        )
    return out


def labels():
    r = rng("labels")
    out = []
    for _ in range(N + 4):
        a, b = r.randrange(10, 99), r.randrange(10, 99)
        out.append((Query(f"Answer yes or no: is {a} greater than {b}?", reference="yes" if a > b else "no"), (), None))
    return out


def spans():
    return [
        (Query(f"{p} lives in {t} with a dog. Where does {p} live?", reference=t), (), None)
        for p, t in zip(PEOPLE, TOWNS, strict=True)
    ]


def lists():
    r = rng("lists")
    return [
        (Query(f"Sort: {', '.join(map(str, v))}", reference=sorted(v)), (), None)
        for v in (r.sample(range(100), 5) for _ in range(N))
    ]


def records():
    r = rng("json")
    out = []
    for p, t in zip(PEOPLE, TOWNS, strict=True):
        gold = {"name": p, "town": t, "age": r.randrange(20, 80)}
        out.append(
            (
                Query(f"Give JSON with name, town, age: {p} of {t} is {gold['age']}.", reference=json.dumps(gold)),
                (),
                None,
            )
        )
    return out


ENGLISH_GERMAN = [
    ("The old bridge was closed for three weeks.", "Die alte Brücke war drei Wochen lang gesperrt."),
    ("Anna bought five apples and a loaf of bread.", "Anna kaufte fünf Äpfel und ein Brot."),
    ("We will meet at the station tomorrow morning.", "Wir treffen uns morgen früh am Bahnhof."),
    ("The children are playing in the garden behind the house.", "Die Kinder spielen im Garten hinter dem Haus."),
    ("It has been raining since Tuesday evening.", "Es regnet seit Dienstagabend."),
    ("My brother works for a small company in Hamburg.", "Mein Bruder arbeitet für eine kleine Firma in Hamburg."),
    ("Please close the window before you leave the room.", "Bitte schließ das Fenster, bevor du den Raum verlässt."),
    ("The museum opens at nine and closes at six.", "Das Museum öffnet um neun und schließt um sechs."),
    ("She has forgotten where she left her keys.", "Sie hat vergessen, wo sie ihre Schlüssel gelassen hat."),
    ("The train to Munich leaves from platform twelve.", "Der Zug nach München fährt von Gleis zwölf ab."),
    ("Nobody knew the answer to the teacher's question.", "Niemand wusste die Antwort auf die Frage des Lehrers."),
    ("They have been living in this village for twenty years.", "Sie wohnen seit zwanzig Jahren in diesem Dorf."),
]  # fmt: skip


def translations():
    return [
        (
            Query(f"Translate to German: {e}", reference=g, extra={"src": e, "src_lang": "en", "tgt_lang": "de"}),
            (),
            None,
        )
        for e, g in ENGLISH_GERMAN
    ]


def instructions():
    """Answers that follow two checkable instructions, and answers that break one of them."""
    r = rng("instructions")
    out = []
    for i in range(N):
        word = WORDS[i]
        rules = (Constraint("punctuation:no_comma", {}), Constraint("keywords:existence", {"keywords": [word]}))
        tail = " ".join(r.sample(WORDS, 6))
        right = (f"A {word} stands beside {tail}.", f"I saw the {word} near {tail} today.")
        wrong = (f"A {word}, beside {tail}.", f"Nothing but {' '.join(w for w in tail.split() if w != word)} here.")
        asked = f"Write a sentence without commas that holds the word {word}. ({i})"
        out.append((Query(asked, constraints=rules), (*right, *wrong), (1.0, 1.0, 0.0, 0.0)))
    return out


def programs():
    out = []
    for k in range(12):
        body = f"def f(x):\n    return {k + 2} * x + {k + 1}\n"
        tests = {
            "language": "python",
            "entry_point": "f",
            "code": f"assert f(1) == {2 * k + 3}\nassert f(5) == {6 * k + 11}\n",
        }
        query = Query(f"Write f(x) that gives {k + 2} * x + {k + 1}.", tests=tests, extra={"reference_solution": body})
        wrong = (
            f"```python\n{body.replace(f'+ {k + 1}', f'- {k + 1}')}```",
            "```python\ndef f(x):\n    return None\n```",
        )
        out.append((query, (f"```python\n{body}```", *wrong), (1.0, 0.0, 0.0)))
    return out


def calls():
    tools = [
        {
            "name": "weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        }
    ]
    out = []
    for i, town in enumerate(TOWNS):
        other = TOWNS[(i + 3) % len(TOWNS)]
        said = [f'<tool_call>{{"name": "weather", "arguments": {{"city": "{x}"}}}}</tool_call>' for x in (town, other)]
        expected = [{"name": "weather", "arguments": {"city": town}}]
        query = Query(f"How is the weather in {town}?", extra={"tools": tools, "tool_calls": expected})
        out.append((query, (said[0], said[1], f"It is sunny in {town}."), (1.0, 0.0, 0.0)))
    return out


FAMILIES = {
    "math": maths,
    "math_strict": maths,
    "math_lenient": maths,
    "numeric": maths,
    "math of fractions": expressions,
    "choice": choices,
    "label_match": labels,
    "final_span": spans,
    "list_match": lists,
    "json_match": records,
    "translation": translations,
    "chrf": translations,
    "instructions": instructions,
    "unit_tests": programs,
    "tool_calls": calls,
}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_built_in_tool_passes_the_exam_on_what_it_is_for(name):
    library, tool_name = Library(), name.partition(" of ")[0]
    if not library.has(tool_name):
        pytest.skip(f"{tool_name} is not in the catalogue")
    tool = library.get(tool_name)
    rows = FAMILIES[name]()
    cases = build_cases([Item(q, tuple(texts), str(i), "", 0, marks) for i, (q, texts, marks) in enumerate(rows)])
    exam = asyncio.run(examine(tool, cases, elsewhere=False))
    shown = [f"{f.shows}: {f.says} | {f.response[:80]!r}" for f in exam.failures[:8]]
    assert exam.queries == len(cases), f"fits {exam.queries} of {len(cases)}"
    if tool.card.kind is Kind.VERIFIER:
        assert exam.passed, (exam.refusals, shown)
    gained = {
        k: f.value for k, f in exam.attacks.items() if f.value is not None and f.value < exam.thresholds.resisted_each
    }
    assert not gained, (gained, shown)
