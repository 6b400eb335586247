import pytest

from rlar.acquire.code_agent import problems_of

GOOD = '''import re
from fractions import Fraction

NUMBER = re.compile(r"-?\\d+")


def term_same(answer, reference):
    words = []
    words.append(answer.strip())
    counts = {}
    counts["x"] = 1
    return 1.0 if words[0] == reference else 0.0


def score(prompt, response, reference, extra):
    """Docs may say anything: open, eval."""
    return term_same(response, str(reference))
'''


def test_a_plain_program_may_be_tried():
    assert problems_of(GOOD) == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("    import os", "import of os"),
        ("    from os import path", "import of os"),
        ("    from . import x", "import of a relative module"),
        ("    from re import *", "import of *"),
        ("    open('/etc/passwd')", "use of open"),
        ("    eval('1')", "use of eval"),
        ("    exec('1')", "use of exec"),
        ("    __import__('os')", "use of __import__"),
        ("    getattr(prompt, 'x')", "use of getattr"),
        ("    f = eval", "use of eval"),  # not only where it is called
        ("    prompt.__class__", "use of .__class__"),
        ("    re._cache", "use of ._cache"),
        ("    __builtins__", "use of __builtins__"),
        ("    '{0.__class__}'.format(prompt)", "a format text"),
        ("    hash(prompt)", "use of hash"),  # differs between processes
        ("    id(prompt)", "use of id"),
        ("    global NUMBER", "a Global"),
        ("    NUMBER.x = 1", "keeps state"),
        ("    score.seen = 1", "keeps state"),
        ("    term_same.append(1)", "keeps state"),
        ("    NUMBER[0] = 1", "keeps state"),
        ("    with prompt: pass", "a With"),
        ("    class A: pass", "a ClassDef"),
        ("    def f(x=[]): pass", "keeps state"),
        ("    yield 1", "a Yield"),
    ],
)
def test_what_reaches_out_or_keeps_state_is_refused_with_its_line(line, reason):
    head, _, tail = GOOD.partition('    """Docs')
    found = problems_of(head + line + "\n" + '    """Docs' + tail)
    assert any(reason in problem and problem.startswith("line ") for problem in found), found


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("", "no function score"),
        ("def score(response):\n    return 1.0\n", "must take exactly"),
        ("def score(prompt, response, reference, extra):\n    return 1.0\n", "`term_...`"),
        (GOOD + "while True:\n    pass\n", "a While at the top level"),
        (GOOD + "score('', '', '', {})\n", "a Expr at the top level"),
        ("def score(:\n", "cannot be read"),
        ("x = '\x00'\n", "cannot be read"),
        ("# " + "x" * 30_000, "characters"),
        ("x = " + "(" * 900 + ")" * 900, "cannot be read"),
        ("x = " + "-" * 500 + "1\n", "deep"),
        ("x = [" + "1," * 7000 + "]\n", "nodes"),
        ("x = '\ud800'\n", "cannot be read"),
    ],
)
def test_what_is_no_such_program_is_refused(source, reason):
    assert any(reason in problem for problem in problems_of(source)), problems_of(source)
