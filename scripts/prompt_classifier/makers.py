"""Parts of prompts that are made up anew each time: formulas, word problems, programs, tables, options, articles."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from words import (
    ADJECTIVES,
    ADVERBIALS,
    CHAT_TURNS,
    COUNTRIES,
    EXAM_NUMBERS,
    FIELDS,
    HARM,
    NAMES,
    NEWS,
    NOUNS,
    OPTIONS,
    PLACES,
    PROGRAM_TASKS,
    RELATIONS,
    SCIENCE,
    SENTENCES,
    THINGS,
    UNITS,
    VALUES,
    VERBS,
)

VARIABLES = "xyzabnktm"


def number(r: Random) -> str:
    return str(
        r.choice([r.randint(2, 20), r.randint(2, 20), r.randint(10, 120), r.randint(100, 5000), r.randint(2, 9) * 10])
    )


def small(r: Random) -> str:
    return str(r.randint(2, 12))


def count_word(r: Random) -> str:
    return r.choice(["two", "three", "four", "five", "six", "seven", "ten", "3", "4", "5", "6", "8", "10"])


def word_number(r: Random) -> str:
    return r.choice(
        ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve", "twenty", "forty"]
    )


def formula(r: Random) -> str:
    v = r.choice(VARIABLES)
    a, b, c = r.randint(2, 12), r.randint(1, 30), r.randint(1, 40)
    return r.choice([
        f"{v}^2 {r.choice('+-')} {a}{v} {r.choice('+-')} {b}", f"{a}{v} + {b} = {c}", f"\\frac{{{a}}}{{{b}}} + \\sqrt{{{c}}}",
        f"\\sin({a}{v}) - \\cos({v})", f"\\int_0^{a} {v}^{b % 5 + 1} \\, d{v}", f"\\sum_{{k=1}}^{{{c}}} \\frac{{1}}{{k^{a}}}",
        f"\\log_{{{a}}}({b}{v})", f"({v}+{a})({v}-{b})", f"{a}^{{{v}}} = {c}", f"|{v} - {a}| < {b}", f"f({v}) = {a}{v}^3 - {b}{v}",
        f"\\frac{{d}}{{d{v}}} e^{{{a}{v}}}", f"\\lim_{{{v} \\to \\infty}} \\frac{{{a}{v}+{b}}}{{{c}{v}}}", f"{a}({v} - {b}) \\le {c}",
        f"\\begin{{pmatrix}} {a} & {b} \\\\ {c} & {a} \\end{{pmatrix}}", f"{a}\\sqrt{{{b}}}", f"{v}^{a} \\equiv 1 \\pmod{{{b}}}",
    ])  # fmt: skip


def tex(r: Random) -> str:
    left, right = r.choice([("$", "$"), ("$", "$"), ("$$", "$$"), ("\\(", "\\)"), ("\\[", "\\]"), ("", "")])
    body = formula(r)
    return (
        left
        + (body if left else body.replace("\\frac", "").replace("\\", "").replace("{", "(").replace("}", ")"))
        + right
    )


def arithmetic(r: Random) -> str:
    n = r.randint(2, 6)
    out = str(r.randint(-99, 9999))
    for _ in range(n - 1):
        out += (
            f" {r.choice(['+', '-', '*', '/', '+', '-'])} {r.choice([r.randint(2, 999), round(r.uniform(0.1, 99), 2)])}"
        )
    return out


def numbers(r: Random) -> str:
    return ", ".join(str(r.randint(1, 900)) for _ in range(r.randint(2, 9)))


GOODS = [*THINGS, "pounds of flour", "hours", "minutes of exercise", "dollars", "points", "miles", "pages", "goals", "students", "guests", "cups of coffee",
         "litres of paint", "kilograms of potatoes", "emails", "songs", "rooms", "visitors", "votes", "puppies", "crayons", "beads", "cans of soup"]  # fmt: skip
DOINGS = ["buys", "sold", "collected", "needs", "baked", "earns", "spent", "found", "ordered", "lost", "used", "makes", "planted", "packed", "reads", "paid for", "carried", "wants",
          "counted", "received", "ate", "donated", "borrowed", "wrote", "drank", "picked", "caught", "invited", "washes", "painted", "cut", "filled", "shipped"]  # fmt: skip
WHENS = ["on Monday", "each day", "every week", "last year", "in the morning", "per hour", "before lunch", "in June", "at the fair", "for the party", "after school", "each month",
         "on the first day", "over the weekend", "at the market", "for each friend", "during the summer", "in total", "per person", "a week"]  # fmt: skip
SHARES = [
    "half",
    "a third",
    "a quarter",
    "two-thirds",
    "twice as many",
    "three times as many",
    "half as many",
    "a dozen",
    "10% more",
    "20% fewer",
    "5 less than twice as many",
]


def told_quantity(r: Random, who: str, things: str) -> str:
    amount = r.choice(
        [number(r), number(r), f"${number(r)} worth of", f"{r.choice(SHARES)} of the", f"{small(r)} more"]
    )
    actor = r.choice(
        [
            who,
            "She",
            "He",
            "They",
            r.choice(NAMES),
            "Her brother",
            "His mother",
            "The school",
            "The store",
            "Their teacher",
            "A family",
            "The club",
        ]
    )
    tail = r.choice([f" {r.choice(WHENS)}", f" {r.choice(WHENS)}", f" for ${number(r)} each", f" and {r.choice(DOINGS)} {small(r)} of them", ", which is "
                     f"{r.choice(SHARES)} than the day before", ""])  # fmt: skip
    return f"{actor} {r.choice(DOINGS)} {amount} {r.choice([things, r.choice(GOODS)])}{tail}."


def asked_quantity(r: Random, who: str, things: str) -> str:
    what = r.choice([things, r.choice(GOODS)])
    return r.choice([
        f"How many {what} did {who} {r.choice(['use', 'need', 'buy', 'sell', 'keep', 'get'])} {r.choice(WHENS)}?", f"How much did {who} {r.choice(['spend', 'earn', 'pay', 'save'])} {r.choice(WHENS)}?",
        f"What is the {r.choice(['total', 'average', 'combined', 'remaining'])} {r.choice(['number', 'weight', 'cost', 'price', 'time'])} of the {what}?",
        f"How many {r.choice(['days', 'weeks', 'trips', 'boxes', 'hours'])} will it take {who} to {r.choice(['finish', 'earn enough', 'use them up', 'get there'])}?",
        f"How much more does {who} {r.choice(['need', 'earn', 'weigh', 'spend'])} than {r.choice(NAMES)}?", f"How many {what} are left over?",
        f"By what percentage did the number of {what} grow?", f"What fraction of the {what} is gone?", f"How much money is that {r.choice(WHENS)}?",
    ])  # fmt: skip


def story_problem(r: Random) -> str:
    """A word problem of two to five sentences with a question of quantity at its end."""
    who, other, things = r.choice(NAMES), r.choice(NAMES), r.choice(THINGS)
    steps = [
        f"{who} has {number(r)} {things}.", f"{who} buys {number(r)} more {things} at ${number(r)} each.",
        f"{other} gives {who} {number(r)} {things}.", f"Each box holds {small(r)} {things}.", f"{who} sells {number(r)} of them for ${number(r)}.",
        f"{other} has twice as many {things} as {who}.", f"{who} works {small(r)} hours a day and earns ${number(r)} per hour.",
        f"A store sells {things} for ${number(r)} a dozen.", f"The price rises by {number(r)}%.", f"{who} drives {number(r)} miles at {number(r)} miles per hour.",
        f"Half of the {things} are broken.", f"{other} eats {small(r)} {things} every day for {small(r)} weeks.", f"There are {small(r)} rows with {number(r)} seats in each row.",
        f"{who} is {small(r)} years older than {other}.", f"A recipe needs {small(r)} cups of flour for {number(r)} cookies.",
        f"He saved $ {number(r)} from his allowance and spent ${number(r)} on a game.", f"The tank is {r.choice(['1/3', '1/4', '2/5', '3/8'])} full and holds {number(r)} litres.",
        f"In the first week {who} read {number(r)} pages, and {small(r)} times as many in the second.", f"Tickets cost ${number(r)} for adults and ${small(r)} for children.",
        f"A factory makes {number(r)} {things} per day.", f"She pays back {number(r)} dollars every month with {small(r)}% interest.",
    ]  # fmt: skip
    ends = [
        f"How many {things} does {who} have left?", "How much money did she make in total?", f"How many {things} are there altogether?",
        f"How old is {other} now?", "How many hours does the trip take?", "How much does each person have to pay?", "What is the total cost?",
        f"How many days will the {things} last?", "What percentage of them is left?", "How much profit does the shop make?",
        f"How many more {things} does {who} need?", "What is the average per day?", "How much change does he get back?",
        "How many boxes are needed?", "What was the original price?", "How far did they travel in all?",
    ]  # fmt: skip
    steps += [told_quantity(r, who, things) for _ in range(12)]
    ends += [asked_quantity(r, who, things) for _ in range(8)]
    body = r.sample(steps, r.randint(1, 5))
    if r.random() < 0.2:
        return f"If {body[0][0].lower()}{body[0][1:-1]}, {r.choice(ends)[0].lower()}{r.choice(ends)[1:]}"
    return " ".join([*body, r.choice(ends)])


def geometry(r: Random) -> str:
    a, b = number(r), number(r)
    return r.choice([
        f"A triangle has sides of length {a}, {b} and {number(r)}. What is its area?",
        f"The radius of a circle is {a} cm. Find its circumference.", f"In triangle $ABC$, $\\angle A = {a}^\\circ$ and $AB = {b}$. Find $BC$.",
        f"A rectangle is {a} m long and {b} m wide. What is the length of its diagonal?",
        f"Points $P({small(r)}, {small(r)})$ and $Q({small(r)}, {small(r)})$ are given. What is the distance between them?",
        f"A cube has a volume of {a}. What is its surface area?", f"What is the sum of the interior angles of a polygon with {small(r)} sides?",
        f"A cone has height {a} and base radius {small(r)}. What is its volume in terms of $\\pi$?",
        f"Two circles with radii {small(r)} and {small(r)} are tangent externally. Find the length of their common tangent.",
    ])  # fmt: skip


def identifier(r: Random) -> str:
    return (
        r.choice(["count", "find", "max", "sum", "check", "get", "sort", "is", "merge", "parse", "split", "build"])
        + "_"
        + r.choice(
            [
                "items",
                "words",
                "prime",
                "pairs",
                "list",
                "string",
                "matrix",
                "nums",
                "tree",
                "digits",
                "path",
                "total",
                "values",
            ]
        )
    )


def signature(r: Random) -> str:
    f, args = (
        identifier(r),
        r.choice(["nums", "s", "n", "lst, k", "a, b", "text", "grid", "head", "arr: list[int]", "s: str, k: int"]),
    )
    return r.choice([f"def {f}({args}):", f"def {f}({args}) -> int:", f"def {f}({args}) -> List[int]:"])


def python_stub(r: Random) -> str:
    doc = r.choice(PROGRAM_TASKS)
    f = signature(r)
    name = f[4 : f.index("(")]
    return (
        f'{r.choice(["", "from typing import List", "import math"])}\n\n{f}\n    """{doc[0].upper()}{doc[1:]}.\n'
        f'    >>> {name}({small(r)})\n    {small(r)}\n    >>> {name}([{numbers(r)}])\n    {r.choice(["True", "False", "[1, 2]", "0"])}\n    """\n'
    )


def broken_code(r: Random) -> str:
    return r.choice([
        f"{signature(r)}\n    total = 0\n    for i in range(len(nums)):\n        total += nums[i]\n    return totl",
        "for (int i = 0; i <= arr.length; i++) {\n    System.out.println(arr[i]);\n}",
        "function add(a, b) {\n  return a + b\n}\nconsole.log(add('1', 2));",
        "SELECT name, COUNT(*) FROM orders WHERE COUNT(*) > 3 GROUP BY name;",
        "import pandas as pd\ndf = pd.read_csv('data.csv')\ndf.groupby('city').mean()['price'].plot()",
        "#include <stdio.h>\nint main() {\n    int *p = NULL;\n    *p = 3;\n    return 0;\n}",
        "class Stack:\n    def __init__(self):\n        self.items = []\n    def pop(self):\n        return self.items.pop(0)",
        "const [count, setCount] = useState(0);\nuseEffect(() => { setCount(count + 1); });",
        "fn main() {\n    let s = String::from(\"hi\");\n    let t = s;\n    println!(\"{}\", s);\n}",
        "Traceback (most recent call last):\n  File \"main.py\", line 12, in <module>\nTypeError: 'NoneType' object is not subscriptable",
    ])  # fmt: skip


def contest(r: Random) -> str:
    """A task in the manner of programming contests."""
    start = r.choice([
        "You are given an array of integers nums and an integer k.", "You are given a 0-indexed string s of lowercase English letters.",
        "You are given an integer n and a list of edges of an undirected graph.", "There are N cities numbered from 1 to N.",
        "We have a grid with H rows and W columns.", "Given the root of a binary tree, consider its nodes.", "Takashi has N cards with integers on them.",
        "You are given two strings S and T of length N.", "A robot starts at the cell (0, 0) of an m x n board.", "There is a row of N lamps, each either on or off.",
    ])  # fmt: skip
    middle = r.choice([
        "In one operation you may choose any index i and increase nums[i] by 1.", "A subarray is good if its sum is divisible by k.",
        "You may perform the following operation any number of times.", "Each edge has a weight w_i.", "Cell (i, j) is blocked if A_{i,j} is #.",
        "You want to visit all of them in the smallest number of moves.", "Two players take turns and both play optimally.",
    ])  # fmt: skip
    end = r.choice([
        "Return the minimum number of operations needed.", "Return the maximum possible value.", "Print the answer modulo 10^9+7.",
        "Find the number of good subarrays.", "Return true if it is possible, otherwise return false.", "Print Yes or No.", "Return -1 if it is impossible.",
    ])  # fmt: skip
    tail = r.choice([
        "", f"\n\nExample 1:\nInput: nums = [{numbers(r)}], k = {small(r)}\nOutput: {small(r)}\n\nConstraints:\n1 <= nums.length <= 10^5\n1 <= k <= 100",
        "\n\nInput\n\nThe input is given from standard input in the following format:\nN\nA_1 A_2 ... A_N\n\nOutput\n\nPrint the answer.\n\nConstraints\n\n- 1 \\leq N \\leq 200000",
        f"\n\nSample Input 1\n\n3\n{numbers(r)}\n\nSample Output 1\n\n{small(r)}",
    ])  # fmt: skip
    return f"{start} {middle} {end}{tail}"


def options(r: Random) -> str:
    picked = r.sample(OPTIONS, r.choice([3, 4, 4, 4, 5, 8, 10]))
    style = r.choice(["(A) ", "A. ", "A) ", "a) ", "A: ", "(A) inline", "Choices"])
    letters = "ABCDEFGHIJ"
    if style == "Choices":
        return "Choices:\n" + "\n".join(f"- {letters[i]}: {o}" for i, o in enumerate(picked))
    if style == "(A) inline":
        return "Answer choices: " + " ".join(f"({letters[i]}) {o}" for i, o in enumerate(picked))
    return "\n".join(style.replace("A", letters[i]).replace("a", letters[i].lower()) + o for i, o in enumerate(picked))


def exam_question(r: Random) -> str:
    return f"{r.choice(SCIENCE)}?\n{options(r)}"


def slot(r: Random) -> str:
    return r.choice(FIELDS).replace(" ", r.choice(["_", "", " "]))


def record(r: Random) -> str:
    """A meaning representation, triples, a table row, attributes or JSON."""
    n = r.randint(2, 6)
    pairs = [(slot(r), r.choice(VALUES)) for _ in range(n)]
    kind = r.randint(0, 8)
    if kind == 0:
        act = r.choice(
            [
                "inform",
                "confirm",
                "request",
                "inform_no_match",
                "recommend",
                "offer",
                "select",
                "goodbye",
                "suggest",
                "verify_attribute",
                "give_opinion",
            ]
        )
        return f"{act}({r.choice([',', ', ', ';']).join(f'{k}={chr(39)}{v}{chr(39)}' for k, v in pairs)})"
    if kind == 1:
        return ", ".join(f"{k}[{v}]" for k, v in pairs)
    if kind == 2:
        who = r.choice([*VALUES, *COUNTRIES]).replace(" ", "_")
        return "\n".join(f"{who} | {r.choice(RELATIONS)} | {v.replace(' ', '_')}" for _, v in pairs)
    if kind == 3:
        return "\n".join(f"({r.choice(PLACES)}, {r.choice(RELATIONS)}, {v})" for _, v in pairs)
    if kind == 4:
        heads = [k for k, _ in pairs]
        rows = [" | ".join(r.choice(VALUES) for _ in heads) for _ in range(r.randint(1, 4))]
        return "| " + " | ".join(heads) + " |\n|" + "---|" * n + "\n" + "\n".join(f"| {row} |" for row in rows)
    if kind == 5:
        return "\n".join(f"{k}: {v}" for k, v in pairs)
    if kind == 6:
        return "{" + ", ".join(f'"{k}": "{v}"' for k, v in pairs) + "}"
    if kind == 7:
        return " ".join(f"<H> {r.choice(COUNTRIES)} <R> {r.choice(RELATIONS)} <T> {v}" for _, v in pairs)
    return "; ".join(f"{k} = {v}" for k, v in pairs)


def noun_phrase(r: Random) -> str:
    article = r.choice(["the", "a", "the", "his", "their", "this", "another"])
    return f"{article} {r.choice(ADJECTIVES)} {r.choice(NOUNS)}" if r.random() < 0.5 else f"{article} {r.choice(NOUNS)}"


def any_sentence(r: Random) -> str:
    """A sentence about anything, so that the topic of a text says nothing about what is asked."""
    if r.random() < 0.25:
        return r.choice([*SENTENCES, *NEWS])
    who = r.choice(
        [noun_phrase(r), noun_phrase(r), r.choice(NAMES), f"{r.choice(NAMES)}, {number(r)},", "she", "they", "it"]
    )
    s = f"{who} {r.choice(VERBS)} {noun_phrase(r)}"
    if r.random() < 0.6:
        s += f" {r.choice(['of', 'with', 'in', 'for', 'against', 'near', 'and'])} {noun_phrase(r)}"
    if r.random() < 0.5:
        s = f"{r.choice(ADVERBIALS)} {s}" if r.random() < 0.4 else f"{s} {r.choice(ADVERBIALS)}"
    if r.random() < 0.15:
        s += (
            r.choice([" because ", " but ", " while ", " which "])
            + f"{noun_phrase(r)} {r.choice(VERBS)} {noun_phrase(r)}"
        )
    return s[0].upper() + s[1:]


def article(r: Random) -> str:
    """A made-up news text of 6 to 30 sentences; names and places vary."""
    sentences = []
    for _ in range(r.randint(6, 30)):
        s = any_sentence(r)
        if r.random() < 0.5:
            s = f"{s}, {r.choice(NAMES)} of {r.choice(PLACES)} said"
        if r.random() < 0.2:
            s = f"In {r.choice(PLACES)}, {s[0].lower()}{s[1:]}"
        sentences.append(s + r.choice([".", ".", ".", " ."]))
    lead = r.choice(
        [
            "",
            f"{r.choice(PLACES).upper()} ({r.choice(['Reuters', 'AP', 'Local News', 'CNN'])}) - ",
            "By our correspondent\n",
        ]
    )
    joiner = r.choice([" ", " ", "\n", "\n\n"])
    return lead + joiner.join(sentences)


def paper(r: Random) -> str:
    return " ".join(r.choice([
        "We propose a new method for the estimation of sparse graphs.", "Experiments on three data sets show that our approach beats strong baselines.",
        "Prior work has mostly assumed that labels are clean.", "In this paper we study the effect of sleep on memory in adults.",
        f"A total of {number(r)} participants took part in the trial.", "Our results suggest that the effect is larger than was thought.",
        "We discuss limits of the approach and directions for future work.", "The proposed model reduces the error by a wide margin.",
        "Patients were assigned at random to one of two groups.", "Section 2 reviews related work.", "The bill amends the act of 1974 and sets new limits.",
    ]) for _ in range(r.randint(6, 22)))  # fmt: skip


def transcript(r: Random) -> str:
    a, b = r.sample(NAMES, 2)
    return "\n".join(f"{r.choice([a, b])}: {r.choice(CHAT_TURNS)}" for _ in range(r.randint(5, 20)))


def sentence(r: Random) -> str:
    return any_sentence(r) + r.choice([".", ".", ".", "", "!"])


def passage(r: Random) -> str:
    return " ".join(any_sentence(r) + "." for _ in range(r.randint(2, 9)))


def exam_numbers(r: Random) -> str:
    """An exam question with a computation and ten numeric options, as in engineering and science exams."""
    unit, letters = r.choice(UNITS), "ABCDEFGHIJ"
    style = r.choice(["({}) {}", "{}. {}", "{}) {}"])
    picked = [
        f"{r.choice(['', '-', ''])}{number(r)}{r.choice(['', '.5', ' x 10^3'])} {unit}"
        for _ in range(r.choice([4, 5, 8, 10, 10]))
    ]
    lines = "\n".join(style.format(letters[i], o) for i, o in enumerate(picked))
    given = r.choice(
        [
            "",
            f" The mass is {number(r)} g.",
            f" Assume T = {number(r)} K.",
            f" Let $R = {number(r)}$.",
            f" Take {tex(r)}.",
        ]
    )
    return f"{r.choice(EXAM_NUMBERS)}?{given}\n{lines}"


def grid(r: Random) -> str:
    symbols = r.choice(["01", "XO*#", "0123456789", ".#SE"])
    size = r.randint(3, 8)
    return "\n".join(" ".join(r.choice(symbols) for _ in range(size)) for _ in range(size))


def harm(r: Random) -> str:
    return r.choice(HARM)


def letters(r: Random) -> str:
    word = r.choice(SENTENCES).split()[r.randint(1, 3)].lower()
    return "".join(r.sample(word, len(word)))


MAKERS: dict[str, Callable[[Random], str]] = {
    "number": number, "small": small, "count": count_word, "wordnumber": word_number, "formula": formula, "tex": tex, "arithmetic": arithmetic, "numbers": numbers,
    "story": story_problem, "geometry": geometry, "signature": signature, "stub": python_stub, "broken": broken_code, "contest": contest,
    "options": options, "exam": exam_question, "examnumbers": exam_numbers, "record": record, "article": article, "paper": paper, "transcript": transcript,
    "sentence": sentence, "passage": passage, "grid": grid, "harm": harm, "scramble": letters, "identifier": identifier,
}  # fmt: skip
