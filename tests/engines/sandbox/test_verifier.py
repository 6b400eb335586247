"""Verifiers that somebody else wrote: right scores, and no item that changes another's."""

from __future__ import annotations

import asyncio

import pytest

from rlar.engines.sandbox import ItemError, Sandbox
from rlar.engines.sandbox.inside import purity
from rlar.errors import InputError

EXACT = "import re\ndef score(prompt, response, reference=None):\n    return 1.0 if response.strip() == reference else 0.0\n"  # noqa: E501


def kinds(scores: list[float | ItemError]) -> list[float | str]:
    return [s.kind if isinstance(s, ItemError) else s for s in scores]


@pytest.mark.parametrize("frame", [1, 64])
def test_a_pure_verifier_scores_in_order_in_one_process(box: Sandbox, frame: int) -> None:
    verifier = box.load(EXACT, frame=frame)
    items = [("p", str(i % 7), str(i % 3)) for i in range(300)]
    assert verifier.judge_sync(items) == [float(i % 7 == i % 3) for i in range(300)]
    assert verifier.mode == "session"
    assert asyncio.run(verifier.judge(items[:5])) == [1.0, 1.0, 1.0, 0.0, 0.0]
    assert verifier.judge_sync([{"prompt": "p", "response": "a", "reference": "a"}]) == [1.0]
    assert verifier.judge_sync([]) == []


@pytest.mark.parametrize(
    ("source", "items", "wanted"),
    [
        ("n = 0\ndef score(r):\n    global n; n += 1\n    return float(n > 1)", "abc", [0.0] * 3),
        ("seen = []\ndef score(r):\n    seen.append(r); return float(len(seen) > 1)", "abc", [0.0] * 3),
        ("seen = []\ndef score(r):\n    a = seen; a.append(r); return float(len(seen) > 1)", "abc", [0.0] * 3),
        ("def score(r, seen=[]):\n    seen.append(r); return float(len(seen) > 1)", "abc", [0.0] * 3),
        ("def score(r):\n    score.n = getattr(score, 'n', 0) + 1; return float(score.n > 1)", "abc", [0.0] * 3),
        ("import random\ndef score(r): return random.random()", "aa", None),
        ("D = {}\ndef put(d, r): d[r] = 1\ndef score(r):\n    put(D, r); return float(len(D) > 1)", "abc", [0.0] * 3),
        (
            "import re, sys\ndef score(r):\n    sys.modules['x' + r] = re; return float('xa' in sys.modules)",
            "ba",
            [0.0, 1.0],
        ),
        ("def score(r):\n    open('left', 'a').close(); return 1.0", "ab", ["error"] * 2),
        (
            "def score(r):\n    try: return float(eval(r) == 2)\n    except Exception: return 0.0",
            [
                "1+1",
                "globals().update(score=lambda r: 1.0) or __import__('builtins').__dict__.update(float=lambda x: 9.0)",
                "5",
            ],
            [1.0, None, 0.0],
        ),
    ],
)
def test_state_never_passes_from_item_to_item(
    box: Sandbox, source: str, items: list[str], wanted: list[float | None] | None
) -> None:
    verifier = box.load(source)
    scores = kinds(verifier.judge_sync([(item,) for item in items]))
    assert verifier.mode == "fresh", verifier.impure
    assert verifier.impure
    if wanted is None:  # only equal: each item starts from the same state
        assert len(set(scores)) == 1
    else:
        assert all(w is None or s == w for s, w in zip(scores, wanted, strict=True)), scores


@pytest.mark.parametrize(
    "source",
    [
        "D = {}\ndef score(r):\n    x = D\n    x.__class__\n    return 1.0",
        "from functools import lru_cache\nimport json\nC = json.loads('[]')\ndef score(r): return 1.0",
    ],
)
def test_what_is_not_known_to_be_pure_gets_fresh_processes(box: Sandbox, source: str) -> None:
    verifier = box.load(source)
    assert verifier.judge_sync([("a",)]) == [1.0]
    assert verifier.mode == "fresh"


def test_state_that_the_check_cannot_see_is_seen_at_work(box: Sandbox) -> None:
    """Changed through two names: the data of the module is compared after every frame."""
    hidden = (
        "KEPT = [[]]\ndef score(r):\n    for inner in KEPT:\n        inner += [r]\n        return float(len(inner))\n"
    )
    assert purity.reasons(hidden) == []
    verifier = box.load(hidden)
    assert verifier.judge_sync([("a",), ("b",), ("c",)]) == [1.0, 1.0, 1.0]
    assert verifier.mode == "fresh"


def test_each_item_answers_for_itself(box: Sandbox) -> None:
    source = (
        "import os\ndef score(r):\n    i = int(r)\n    if i == 0: raise SystemExit(0)\n    if i == 1: raise KeyboardInterrupt\n"  # noqa: E501
        "    if i == 2: raise MemoryError\n    if i == 3: os._exit(0)\n    if i == 4:\n        while True: pass\n"
        "    if i == 5: os.kill(os.getpid(), 9)\n    return 0.25"
    )
    verifier = box.load(source, cpu_s=0.3)
    wanted = ["error"] * 4 + ["timeout", "error", 0.25]
    assert kinds(verifier.judge_sync([(str(i),) for i in range(7)])) == wanted


@pytest.mark.parametrize("frame", [1, 8])
def test_a_pure_verifier_that_hangs_or_bursts_on_an_item_harms_no_other(box: Sandbox, frame: int) -> None:
    source = (
        "import re\ndef score(r):\n    if r == 'hang': re.match(r'(a+)+$', 'a' * 40 + 'b')\n"
        "    if r == 'burst': x = 'a' * (1 << 40)\n    if r == 'raise': raise ValueError(r)\n    return float(len(r))"
    )
    verifier = box.load(source, cpu_s=0.3, frame=frame)
    items = ["ok", "hang", "ok", "burst", "raise", "fine"]
    assert kinds(verifier.judge_sync([(i,) for i in items])) == [2.0, "timeout", 2.0, "error", "error", 4.0]
    assert verifier.mode == "session"


@pytest.mark.parametrize(
    ("value", "score"),
    [
        ("1", 1.0),
        ("True", 1.0),
        ("-3", -3.0),
        ("1e6", 1e6),
        ("1e7", "invalid"),
        ("float('nan')", "invalid"),
        ("float('inf')", "invalid"),
        ("10 ** 400", "invalid"),
        ("10 ** 5000", "invalid"),
        ("None", "error"),
        ("'1'", "error"),
        ("1j", "error"),
        ("[1]", "error"),
        ("undefined", "error"),
    ],
)
def test_only_finite_numbers_of_modest_size_are_scores(box: Sandbox, value: str, score: float | str) -> None:
    verifier = box.load(f"def score(r): return {value}")
    assert kinds(verifier.judge_sync([("a",), ("b",)])) == [score, score]


@pytest.mark.parametrize(
    "source",
    [
        "while True: pass",
        "1/0",
        "def score(r:",
        "import nowhere",
        "x = 1",
        "raise SystemExit",
        "import os; os._exit(0)",
    ],
)
def test_a_verifier_that_does_not_load_says_so_for_every_item(box: Sandbox, source: str) -> None:
    verifier = box.load(source, load_cpu_s=0.3)
    scores = verifier.judge_sync([("a",), ("b",)])
    assert kinds(scores) == ["load_error"] * 2
    assert all(isinstance(s, ItemError) and s.why for s in scores)
    assert box.load(EXACT).judge_sync([("p", "a", "a")]) == [1.0]


def test_a_leak_is_ended_by_replacing_the_process(box: Sandbox) -> None:
    source = (
        "from functools import lru_cache\n@lru_cache(maxsize=None)\ndef big(r): return bytes(4 << 20)\n"
        "def score(r): return float(len(big(r)) > 0)"
    )
    verifier = box.load(source)
    assert verifier.judge_sync([(str(i),) for i in range(200)]) == [1.0] * 200
    assert verifier.mode == "session"


def test_many_verifiers_share_the_slots(box: Sandbox) -> None:
    verifiers = [box.load(f"def score(r): return float({n})") for n in range(7)]
    for _ in range(2):
        assert [v.judge_sync([("a",)] * 3) for v in verifiers] == [[float(n)] * 3 for n in range(7)]


def test_items_must_be_plain_data(box: Sandbox) -> None:
    verifier = box.load(EXACT)
    for item in ((object(),), "bare text"):
        with pytest.raises(InputError):
            verifier.judge_sync([item])  # type: ignore[list-item]


@pytest.mark.parametrize(
    "source",
    [
        "import os",
        "from os import path",
        "from . import x",
        "from math import *",
        "def f(x):\n    global y",
        "def f(x): return eval(x)",
        "def f(x): return getattr(x, 'y')",
        "def f(x): return x.__class__",
        "def f(x): x.y = 1",
        "def f(x, y=[]): return 1",
        "def f(x, y={}.get): return 1",
        "D = {}\ndef f(x): D[x] = 1",
        "D = []\ndef f(x): D.append(x)",
        "import itertools\nC = itertools.count()",
        "G = (x for x in [1])",
        "import re\nM = re.compile('a').finditer('a')",
        "class A:\n    n = 0",
        "@print\ndef f(x): return 1",
        "for i in [1]: pass",
        "import decimal\ndef f(x): decimal.getcontext()",
        "import operator\ndef f(x): return operator.attrgetter(x)",
        "import datetime\ndef f(x): return datetime.datetime.now()",
        "def f(x): return __builtins__",
        "def f(x): return open(x)",
        "async def f(x): return 1",
    ],
)
def test_impure_sources(source: str) -> None:
    assert purity.reasons(source)


@pytest.mark.parametrize(
    "source",
    [
        EXACT,
        "import re, json\nfrom collections import Counter\nP = re.compile('a')\nUNITS = {'km': 1000.0, 'm': (1, 2)}\n"
        "def score(p, r, ref=None, *, n=3):\n    c = Counter(r.split())\n    c['x'] += 1\n    out = []\n    out.append(1)\n"  # noqa: E501
        "    best = max((c[w] for w in c), default=0)\n    return 1.0 if P.search(r) and UNITS['km'] > best else 0.0",
        "from functools import lru_cache\n@lru_cache(maxsize=10)\ndef f(x): return len(x)\ndef score(r): return f(r)",
        '"""doc"""\nfrom __future__ import annotations\nX: int = 3\ndef score(r: str) -> float:\n    try:\n        return float(r)\n    except ValueError:\n        return 0.0',  # noqa: E501
    ],
)
def test_pure_sources(source: str) -> None:
    assert purity.reasons(source) == []
