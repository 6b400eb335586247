"""Forty families of queries that no built-in tool was made for, each with a good verifier as text."""

# ruff: noqa: E501  (programs as text, one statement a line)
from __future__ import annotations

import datetime
import json
import math
import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from rlar.acquire.families import Family
from rlar.rollouts import Item
from rlar.types import Json, Query, Task, content_key

QUERIES = 36

Row = tuple[str, Json]  # prompt, reference


@dataclass(frozen=True)
class Spec:
    """cue: words that stand in each of its prompts and in no other family's. canon: source of `canon(text)`, which
    gives equal values for equal answers and None for none. solve: source of `solve(prompt)`, for verifiers that need no
    reference. rate: source of `rate(prompt, text)` in [0, 1], where only labelled responses say what is right."""

    name: str
    cue: str
    rows: tuple[tuple[str, Json, tuple[tuple[str, float], ...]], ...]
    canon: str = ""
    solve: str = ""
    rate: str = ""

    def family(self, queries: int = QUERIES) -> Family:
        items = tuple(
            Item(
                Query(prompt, reference=reference),
                tuple(text for text, _ in labelled),
                f"{self.name}/{i}",
                "",
                0,
                tuple(worth for _, worth in labelled) or None,
            )
            for i, (prompt, reference, labelled) in enumerate(self.rows[:queries])
        )
        key = content_key(self.name)[:12]
        return Family(key, Task("reasoning", (), "en", 0.9), items, 0, "", f"no tool for {self.name}")


SPECS: list[Spec] = []
PLAIN = "def canon(text):\n    return ' '.join(text.casefold().split()) or None\n"
NUMBER = (
    "def canon(text):\n    m = re.fullmatch(r'([-+]?\\d[\\d,]*(?:\\.\\d+)?)', text.strip().strip('$'))\n"
    "    return round(float(m.group(1).replace(',', '')), 6) if m and len(m.group(1)) < 40 else None\n"
)
WORD = "def canon(text):\n    m = re.fullmatch(r'[\\W_]*([A-Za-z]+)[\\W_]*', text)\n    return m.group(1).lower() if m else None\n"
LISTED = (
    "def canon(text):\n    parts = [p.strip().lower() for p in text.strip('[]() ').split(',')]\n"
    "    return tuple(parts) if parts and all(parts) else None\n"
)


def spec(name: str, cue: str, make: Callable[[random.Random], Row], canon: str, solve: str = "") -> None:
    """A family with references. make(rng) -> (the prompt without its cue, the reference)."""
    rng = random.Random(name)
    rows: dict[str, Json] = {}
    for _ in range(5000):
        if len(rows) == QUERIES:
            break
        asked, reference = make(rng)
        rows[f"{cue} {asked}"] = reference
    assert len(rows) == QUERIES, name
    SPECS.append(Spec(name, cue, tuple((p, r, ()) for p, r in rows.items()), canon, solve))


def labelled(name: str, cue: str, make: Callable[[random.Random], tuple[str, list[str], list[str]]], rate: str) -> None:
    """A family without references. make(rng) -> (prompt, right answers, wrong answers)."""
    rng = random.Random(name)
    rows = {}
    for _ in range(5000):
        if len(rows) == QUERIES:
            break
        asked, right, wrong = make(rng)
        rows[f"{cue} {asked}"] = tuple((t, 1.0) for t in right) + tuple((t, 0.0) for t in wrong)
    assert len(rows) == QUERIES, name
    SPECS.append(Spec(name, cue, tuple((p, None, r) for p, r in rows.items()), rate=rate))


def roman(n: int) -> str:
    out = ""
    for value, sign in ((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"),
                        (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")):  # fmt: skip
        out += sign * (n // value)
        n %= value
    return out


def day(rng: random.Random) -> datetime.date:
    return datetime.date(2001, 1, 1) + datetime.timedelta(days=rng.randrange(9000))


WORDS = [
    "amber",
    "basket",
    "candle",
    "dolphin",
    "ember",
    "falcon",
    "garden",
    "harbor",
    "island",
    "jungle",
    "kettle",
    "lantern",
    "meadow",
    "needle",
    "orchard",
    "pepper",
    "quartz",
    "ribbon",
    "saddle",
    "timber",
    "umbrella",
    "velvet",
    "window",
    "yellow",
    "zephyr",
    "anchor",
    "bridge",
    "copper",
    "desert",
    "engine",
    "forest",
    "granite",
    "hammer",
    "insect",
    "jacket",
    "kitten",
    "ladder",
    "marble",
    "napkin",
    "ocean",
    "pencil",
    "rabbit",
    "silver",
    "tunnel",
    "valley",
    "walnut",
]
NAMES = [
    "Ada",
    "Boris",
    "Clara",
    "Dieter",
    "Edith",
    "Fernando",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Karla",
    "Liam",
    "Mona",
    "Nils",
    "Olga",
    "Pavel",
]


def some(rng: random.Random, n: int) -> list[str]:
    return rng.sample(WORDS, n)


# -- numbers ------------------------------------------------------------------------------------------------------

LAST = "def numbers(prompt):\n    return [int(x) for x in re.findall(r'\\d+', prompt)]\n"


def _roman(rng: random.Random) -> Row:
    n = rng.randrange(1, 3999)
    return f"{n}", roman(n)


ROMAN = "def canon(text):\n    t = text.strip().strip('*_` ').upper()\n    return t if t and set(t) <= set('IVXLCDM') else None\n"
spec("to_roman", "Write this number as a Roman numeral:", _roman, ROMAN)
spec("from_roman", "Which number is this Roman numeral?", lambda r: (roman(n := r.randrange(1, 3999)), str(n)), NUMBER)


def _metres(rng: random.Random) -> Row:
    n = rng.randrange(1, 400) / 4
    return f"{n:g} km", f"{n * 1000:g} m"


METRES = (
    "UNITS = {'m': 1.0, 'metre': 1.0, 'metres': 1.0, 'meter': 1.0, 'meters': 1.0}\n"
    "def canon(text):\n    m = re.fullmatch(r'([\\d,]+(?:\\.\\d+)?)\\s*([a-z]+)', text.strip().lower())\n"
    "    return round(float(m.group(1).replace(',', '')) * UNITS[m.group(2)], 6) if m and m.group(2) in UNITS else None\n"
)
spec("km_to_metres", "Convert to metres, with the unit:", _metres, METRES)


def _fahrenheit(rng: random.Random) -> Row:
    c = rng.randrange(-40, 120)
    return f"{c} degrees Celsius", f"{c * 9 / 5 + 32:.1f}"


spec("to_fahrenheit", "Convert to Fahrenheit, one decimal:", _fahrenheit, NUMBER)
spec("to_binary", "Write in base two:", lambda r: (str(n := r.randrange(4, 5000)), f"{n:b}"),
     "def canon(text):\n    t = text.strip().lower().removeprefix('0b').replace(' ', '').lstrip('0')\n"
     "    return t if t and set(t) <= {'0', '1'} else None\n",
     LAST + "def solve(prompt):\n    return format(numbers(prompt)[0], 'b')\n")  # fmt: skip
spec("to_hex", "Write in base sixteen:", lambda r: (str(n := r.randrange(17, 70000)), f"{n:x}"),
     "def canon(text):\n    t = text.strip().lower().removeprefix('0x').lstrip('0')\n"
     "    return t if t and set(t) <= set('0123456789abcdef') else None\n")  # fmt: skip


def _gcd(rng: random.Random) -> Row:
    a, b, c = rng.randrange(2, 60), rng.randrange(2, 60), rng.randrange(2, 40)
    return f"{a * c} and {b * c}", str(math.gcd(a * c, b * c))


spec(
    "gcd",
    "Largest common divisor of:",
    _gcd,
    NUMBER,
    "import math\n" + LAST + "def solve(prompt):\n    return str(math.gcd(*numbers(prompt)[-2:]))\n",
)


def _factors(rng: random.Random) -> Row:
    primes = sorted(rng.choice([2, 2, 3, 3, 5, 7, 11, 13, 17]) for _ in range(rng.randrange(3, 6)))
    return str(math.prod(primes)), " * ".join(map(str, primes))


spec("prime_factors", "Factor into primes:", _factors,
     "def canon(text):\n    parts = re.split(r'\\s*(?:\\*|×|·|x)\\s*', text.strip())\n"
     "    return tuple(sorted(int(p) for p in parts)) if all(re.fullmatch(r'\\d{1,6}', p) for p in parts) else None\n")  # fmt: skip


def _fraction(rng: random.Random) -> Row:
    a, b, c = rng.randrange(1, 30), rng.randrange(2, 40), rng.randrange(2, 12)
    g = math.gcd(a, b)
    return f"{a * c}/{b * c}", f"{a // g}/{b // g}"


spec("reduce_fraction", "Reduce to lowest terms:", _fraction,
     "def canon(text):\n    m = re.fullmatch(r'(-?\\d{1,9})\\s*/\\s*(\\d{1,9})', text.strip())\n    return m.groups() if m else None\n")  # fmt: skip


def _percent(rng: random.Random) -> Row:
    p, n = rng.randrange(1, 100), rng.randrange(2, 90) * 10
    return f"{p}% of {n}", f"{p * n / 100:g}"


spec("percent", "Work out the share:", _percent, NUMBER)

# -- dates and times ----------------------------------------------------------------------------------------------

DATE = (
    "MONTHS = ['january', 'february', 'march', 'april', 'may', 'june', 'july', 'august', 'september', 'october',\n"
    "          'november', 'december']\n"
    "def canon(text):\n    t = text.strip().lower().replace(',', '')\n"
    "    m = re.fullmatch(r'(\\d{4})-(\\d{1,2})-(\\d{1,2})', t)\n"
    "    if m:\n        return tuple(int(x) for x in m.groups())\n"
    "    m = re.fullmatch(r'([a-z]+) (\\d{1,2}) (\\d{4})', t)\n"
    "    if m and m.group(1) in MONTHS:\n"
    "        return (int(m.group(3)), MONTHS.index(m.group(1)) + 1, int(m.group(2)))\n    return None\n"
)


def _later(rng: random.Random) -> Row:
    d, n = day(rng), rng.randrange(2, 400)
    return f"{n} days after {d.isoformat()}?", (d + datetime.timedelta(days=n)).isoformat()


spec("date_later", "Which date is", _later, DATE,
     "import datetime\ndef solve(prompt):\n    n, y, m, d = [int(x) for x in re.findall(r'\\d+', prompt)]\n"
     "    return (datetime.date(y, m, d) + datetime.timedelta(days=n)).isoformat()\n")  # fmt: skip


def _between(rng: random.Random) -> Row:
    a = day(rng)
    n = rng.randrange(3, 900)
    return f"{a.isoformat()} to {(a + datetime.timedelta(days=n)).isoformat()}", str(n)


spec("days_between", "Count the days from", _between, NUMBER)
spec("weekday", "On which weekday falls", lambda r: ((d := day(r)).isoformat(), d.strftime("%A")), WORD)


def _leap(rng: random.Random) -> Row:
    y = rng.randrange(1800, 2200)
    return f"{y}?", "yes" if y % 4 == 0 and (y % 100 != 0 or y % 400 == 0) else "no"


YESNO = (
    "def canon(text):\n    m = re.fullmatch(r'\\W*(yes|no)\\W*', text.lower())\n    return m.group(1) if m else None\n"
)
spec("leap_year", "Answer yes or no: is this a leap year,", _leap, YESNO,
     "import calendar\ndef solve(prompt):\n    return 'yes' if calendar.isleap(int(re.findall(r'\\d{4}', prompt)[0])) else 'no'\n")  # fmt: skip


def _clock(rng: random.Random) -> Row:
    t, n = rng.randrange(1440), rng.randrange(5, 700)
    u = (t + n) % 1440
    return f"{n} minutes after {t // 60:02d}:{t % 60:02d}", f"{u // 60:02d}:{u % 60:02d}"


spec("clock_time", "What time (24 h) is it", _clock,
     "def canon(text):\n    m = re.fullmatch(r'(\\d{1,2}):(\\d{2})\\s*(am|pm)?', text.strip().lower())\n"
     "    if not m:\n        return None\n    h = int(m.group(1))\n"
     "    h = h % 12 + (12 if m.group(3) == 'pm' else 0) if m.group(3) else h\n    return (h, int(m.group(2)))\n")  # fmt: skip
spec(
    "minutes",
    "How many minutes are",
    lambda r: (f"{(h := r.randrange(1, 30))} h {(m := r.randrange(60))} min", str(h * 60 + m)),
    NUMBER,
)

# -- letters and words --------------------------------------------------------------------------------------------

spec(
    "sort_numbers",
    "Sort from small to large:",
    lambda r: (", ".join(map(str, v := r.sample(range(-50, 300), 6))), ", ".join(map(str, sorted(v)))),
    LISTED,
)
spec("sort_words", "Sort by the alphabet:", lambda r: (", ".join(w := some(r, 5)), ", ".join(sorted(w))), LISTED)
spec(
    "reverse_word",
    "Spell backwards:",
    lambda r: ((w := "".join(some(r, 1)) + r.choice(string.ascii_lowercase)), w[::-1]),
    WORD,
)
spec("acronym", "Make an acronym of:", lambda r: (" ".join(w := some(r, 4)).title(), "".join(x[0] for x in w).upper()), WORD,
     "def solve(prompt):\n    return ''.join(w[0] for w in prompt.partition(': ')[2].split())\n")  # fmt: skip


def _caesar(rng: random.Random) -> Row:
    k, w = rng.randrange(1, 25), rng.choice(WORDS)
    return f"{w} by {k}", "".join(chr((ord(c) - 97 + k) % 26 + 97) for c in w)


spec("caesar", "Shift the letters of", _caesar, WORD)
spec(
    "count_words",
    "How many words has this line?",
    lambda r: (" ".join(some(r, n := r.randrange(3, 20))), str(n)),
    NUMBER,
)
spec(
    "count_vowels",
    "How many vowels (aeiou) has",
    lambda r: ((w := "".join(some(r, 2))), str(sum(c in "aeiou" for c in w))),
    NUMBER,
)


def _anagram(rng: random.Random) -> Row:
    w = rng.choice(WORDS)
    letters = list(w)
    rng.shuffle(letters)
    same = rng.random() < 0.5
    if not same:
        letters[0] = "z" if letters[0] != "z" else "q"
    return f"{w} and {''.join(letters)}?", "yes" if same else "no"


spec("anagram", "Answer yes or no, are these anagrams:", _anagram, YESNO)
PLURALS = {"child": "children", "mouse": "mice", "goose": "geese", "foot": "feet", "tooth": "teeth", "leaf": "leaves",
           "wolf": "wolves", "knife": "knives", "city": "cities", "box": "boxes"}  # fmt: skip
MORE = {w: w + "s" for w in (*WORDS[:12], *WORDS[18:36])}
_plurals = iter(list((PLURALS | MORE).items()) * 200)
spec("plural", "Give the plural of", lambda r: next(_plurals), WORD)


def _dedupe(rng: random.Random) -> Row:
    w = some(rng, 4)
    with_twins = [*w, *rng.sample(w, 2)]
    rng.shuffle(with_twins)
    return ", ".join(with_twins), ", ".join(dict.fromkeys(with_twins))


spec("dedupe", "Drop what repeats, keep the order:", _dedupe, LISTED)


def _union(rng: random.Random) -> Row:
    w = some(rng, 6)
    return f"{{{', '.join(w[:4])}}} and {{{', '.join(w[2:])}}}", ", ".join(sorted(w))


spec("union", "Unite the sets:", _union,
     "def canon(text):\n    parts = [p.strip().lower() for p in text.strip('{}[]() ').split(',')]\n"
     "    return frozenset(parts) if all(parts) and len(set(parts)) == len(parts) else None\n")  # fmt: skip
ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS = ["_", "_", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
spec("in_words", "Write in English words:", lambda r: (str(n := r.randrange(20, 100)), TENS[n // 10] + ("-" + ONES[n % 10] if n % 10 else "")),
     "def canon(text):\n    t = text.strip().lower().replace('-', ' ')\n    return t if re.fullmatch(r'[a-z ]{3,40}', t) else None\n")  # fmt: skip


def _ordinal(rng: random.Random) -> Row:
    n = rng.randrange(1, 400)
    end = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return str(n), f"{n}{end}"


spec("ordinal", "Write as an ordinal in digits:", _ordinal,
     "def canon(text):\n    m = re.fullmatch(r'(\\d{1,6})(st|nd|rd|th)', text.strip().lower())\n    return m.groups() if m else None\n")  # fmt: skip
SPELLING = [
    "alfa",
    "bravo",
    "charlie",
    "delta",
    "echo",
    "foxtrot",
    "golf",
    "hotel",
    "india",
    "juliett",
    "kilo",
    "lima",
    "mike",
    "november",
    "oscar",
    "papa",
    "quebec",
    "romeo",
    "sierra",
    "tango",
    "uniform",
    "victor",
    "whiskey",
    "xray",
    "yankee",
    "zulu",
]
LETTERS = {word[0]: word for word in SPELLING}
spec("spelling_alphabet", "Spell by the NATO alphabet:", lambda r: ((w := r.choice(WORDS)), " ".join(LETTERS[c] for c in w)),
     "def canon(text):\n    words = re.findall(r'[a-z-]+', text.lower())\n"
     "    return tuple(w.replace('-', '') for w in words) if len(words) > 1 else None\n")  # fmt: skip

# -- codes and records --------------------------------------------------------------------------------------------


def _isbn(rng: random.Random) -> Row:
    digits = [rng.randrange(10) for _ in range(9)]
    check = -sum((10 - i) * d for i, d in enumerate(digits)) % 11
    return "".join(map(str, digits)), "X" if check == 10 else str(check)


spec("isbn_check", "Which check digit completes this ISBN-10?", _isbn,
     "def canon(text):\n    t = text.strip().upper()\n    return t if re.fullmatch(r'[0-9X]', t) else None\n",
     "def solve(prompt):\n    digits = re.findall(r'\\d{9}', prompt)[0]\n"
     "    check = -sum((10 - i) * int(d) for i, d in enumerate(digits)) % 11\n    return 'X' if check == 10 else str(check)\n")  # fmt: skip


def _luhn(rng: random.Random) -> Row:
    digits = [rng.randrange(10) for _ in range(15)]
    total = sum(sum(divmod(2 * d, 10)) if i % 2 == 0 else d for i, d in enumerate(digits))
    check = -total % 10
    good = rng.random() < 0.5
    return "".join(map(str, digits)) + str(check if good else (check + 3) % 10), "valid" if good else "invalid"


spec("luhn", "Is this card number valid or invalid:", _luhn,
     "def canon(text):\n    m = re.fullmatch(r'\\W*(valid|invalid)\\W*', text.lower())\n    return m.group(1) if m else None\n")  # fmt: skip


def _record(rng: random.Random) -> Row:
    rows = {"name": rng.choice(NAMES), "town": rng.choice(WORDS).title() + "ville", "age": str(rng.randrange(18, 90))}
    field = rng.choice(["name", "town"])
    return f"{field}. " + "; ".join(f"{k}={v}" for k, v in rows.items()), rows[field]


spec("lookup", "Read from the record the field", _record, PLAIN)


def _json(rng: random.Random) -> Row:
    name, age, pet = rng.choice(NAMES), rng.randrange(18, 90), rng.choice(WORDS)
    return f"{name}, {age}, likes {pet}", json.dumps({"name": name, "age": age, "likes": pet})


spec("to_json", "Give JSON with name, age and likes:", _json,
     "import json\n\n\ndef unique(pairs):\n    if len({k for k, _ in pairs}) != len(pairs):\n        raise ValueError('a key stands twice')\n    return dict(pairs)\n\n\n"
     "def canon(text):\n    t = text.strip()\n    t = t.removeprefix('```json').removeprefix('```').removesuffix('```').strip()\n"
     "    try:\n        value = json.loads(t, object_pairs_hook=unique)\n    except (ValueError, RecursionError):\n        return None\n"
     "    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else None\n")  # fmt: skip


def _square(rng: random.Random) -> Row:
    f, r = rng.randrange(8), rng.randrange(8)
    return f"{'abcdefgh'[f]}{r + 1}", "light" if (f + r) % 2 else "dark"


spec("square", "Is this square of a chess board light or dark:", _square, WORD)


def _colour(rng: random.Random) -> Row:
    r, g, b = (rng.randrange(256) for _ in range(3))
    return f"rgb({r}, {g}, {b})", f"#{r:02x}{g:02x}{b:02x}"


spec("colour", "Write as a web colour:", _colour,
     "def canon(text):\n    m = re.fullmatch(r'#?([0-9a-f]{6})', text.strip().strip('`').lower())\n    return m.group(1) if m else None\n")  # fmt: skip

# -- answers that no reference can name ---------------------------------------------------------------------------

SENTENCES = ("A small bird sang on a branch at dawn", "Our old dog ran across that muddy lawn",
             "The green river flows past seven stone houses", "We were there when the three bells rang",
             "Fog sat on a quiet harbor all morning", "She keeps fresh bread in the kitchen")  # fmt: skip


def _lipogram(rng: random.Random) -> tuple[str, list[str], list[str]]:
    topic = f"{rng.choice(WORDS)} and {rng.choice(WORDS)}"
    return f"Topic: {topic}.", [SENTENCES[0] + ".", SENTENCES[1] + "."], [SENTENCES[2] + ".", SENTENCES[3] + "."]


labelled("lipogram", "Write one sentence that never uses the letter e.", _lipogram,
         "def rate(prompt, text):\n    words = re.findall(r'[a-z]+', text.lower())\n"
         "    plain = re.fullmatch(r\"[A-Za-z ,'-]+[.!?]\\s*\", text) is not None\n"
         "    return 1.0 if plain and 5 <= len(words) <= 40 and len(set(words)) > 4 and 'e' not in text.lower() else 0.0\n")  # fmt: skip


def _exactly(rng: random.Random) -> tuple[str, list[str], list[str]]:
    n = rng.choice([11, 13, 14])
    line = [rng.choice(WORDS) for _ in range(n)]
    other = [rng.choice(WORDS) for _ in range(n)]
    right = [" ".join(line).capitalize() + ".", " ".join(other).capitalize() + "."]
    wrong = [" ".join(line[:-1]).capitalize() + ".", " ".join([*line, "twice"]).capitalize() + "."]
    return f"{n}. Topic: {rng.choice(WORDS)}.", right, wrong


labelled("exactly_n_words", "Write one line. Its number of words is to be", _exactly,
         "def rate(prompt, text):\n    wanted = int(re.findall(r'\\d+', prompt)[0])\n"
         "    plain = re.fullmatch(r'[a-zA-Z ]+\\.\\s*', text) is not None\n"
         "    return 1.0 if plain and len(text.split()) == wanted else 0.0\n")  # fmt: skip


def _palindrome(rng: random.Random) -> tuple[str, list[str], list[str]]:
    half = "".join(rng.sample(string.ascii_lowercase, 4))
    twin = half[:2] + "".join(rng.sample(string.ascii_lowercase, 2))
    right = [half + half[-2::-1], twin + twin[-2::-1]]
    return f"Start with {half[:2]}.", right, [half, half + half[:3]]


labelled("palindrome", "Write a palindrome of seven letters.", _palindrome,
         "def rate(prompt, text):\n    t = text.strip().lower().rstrip('.')\n    first = prompt.rstrip('.')[-2:]\n"
         "    return 1.0 if re.fullmatch(r'[a-z]{7}', t) and t == t[::-1] and t[:2] == first else 0.0\n")  # fmt: skip


def _acrostic(rng: random.Random) -> tuple[str, list[str], list[str]]:
    lines = some(rng, 4)
    word = "".join(x[0] for x in lines)
    text = "\n".join(f"{x} {rng.choice(WORDS)}" for x in lines)
    again = "\n".join(f"{x} is {rng.choice(WORDS)}" for x in lines)
    swapped = [lines[1], lines[0], *lines[2:]] if lines[0][0] != lines[1][0] else [lines[-1], *lines[:-1], "extra"]
    return word + ".", [text, again], ["\n".join(f"{x} {rng.choice(WORDS)}" for x in swapped), " ".join(lines)]


labelled("acrostic", "Write one line for each letter of this word, in order:", _acrostic,
         "def rate(prompt, text):\n    word = prompt.rpartition(': ')[2].strip('. ')\n"
         "    lines = [x.strip() for x in text.strip().split('\\n')]\n"
         "    return 1.0 if len(lines) == len(word) and all(x and x[0].lower() == c for x, c in zip(lines, word)) else 0.0\n")  # fmt: skip

BY_NAME = {s.name: s for s in SPECS}
assert not any(a.cue in b.cue for a, b in pairwise(sorted(SPECS, key=lambda s: s.cue)))
