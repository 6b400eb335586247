import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlar.tools.code import extract

F = "def f(x):\n    return x + 1\n"
G = "def g(x):\n    return 2 * x\n"


def fenced(code, label="python"):
    return f"```{label}\n{code}```"


@pytest.mark.parametrize(
    ("response", "source", "took"),
    [
        (F, F, "the whole response"),
        ("def f(x:\n", "def f(x:\n", "the whole response"),  # a broken program stays broken
        (fenced(F), F, "the fenced block"),
        (f"Here it is:\n\n{fenced(F)}\n\nIt adds one.", F, "the fenced block"),
        (fenced(F, ""), F, "the fenced block"),
        (f"~~~py\n{F}~~~", F, "the fenced block"),
        (f"```python\n{F}", F, "the fenced block"),  # never closed
        (f"<think>```python\n{G}```</think>\n{fenced(F)}", F, "the fenced block"),
        (f"{fenced('f = None' + chr(10))}\nBetter:\n{fenced(F)}", F, "fenced block 2 of 2"),  # the last one counts
        (f"{fenced(F)}\nUsage:\n{fenced('print(f(1))' + chr(10))}", F, "fenced block 1 of 2"),
        (f"{fenced(G)}\n{fenced('def f(x):' + chr(10) + '    return g(x)' + chr(10))}", G, "and 1 that it uses"),
        (f"Sure! Here is the code:\n\n{F}\nThis adds one to its argument.", F, "the code between prose"),
        (f"{fenced('int f(int x);', 'cpp')}\n", f"{fenced('int f(int x);', 'cpp')}\n", "the whole response"),
    ],
)
def test_the_program_is_found_and_what_was_taken_is_said(response, source, took):
    program = extract(response, entry_point="f")
    assert source in program.source and took in program.took
    if took == "the whole response":
        assert program.source == response


def test_a_method_of_the_only_class_becomes_the_function():
    program = extract(fenced("class Solution:\n    def f(self, x):\n        return x\n"), entry_point="f")
    assert "f = Solution().f" in program.source and "method of Solution" in program.took
    two = extract("class A:\n    def f(self): pass\nclass B:\n    def f(self): pass\n", entry_point="f")
    assert "Solution" not in two.source and two.took == "the whole response"


def test_imports_of_the_prompt_are_added_to_fenced_programs_only():
    prompt = "Complete:\n```python\nfrom typing import List\nimport math\n\ndef f(xs: List[int]):\n```"
    code = "def f(xs: List[int]):\n    return len(xs)\n"
    program = extract(fenced(code), entry_point="f", prompt=prompt)
    assert program.source.startswith("from typing import List\n") and "import math" not in program.source
    assert extract(code, entry_point="f", prompt=prompt).source == code  # a whole program is taken as it stands


def test_a_bare_prompt_is_continued():
    prompt = "from typing import List\n\ndef f(x):\n    '''Add one.'''\n"
    assert extract("    return x + 1\n", entry_point="f", prompt=prompt).source == prompt + "    return x + 1\n"
    assert extract("    return x + 1\n", entry_point="f", prompt="Add one.").source == "    return x + 1\n"


@given(st.text(max_size=400), st.sampled_from(["f", "", "not a name", "class"]))
def test_anything_gives_a_program_and_nothing_raises(response, entry):
    assert isinstance(extract(response, entry_point=entry, prompt=response).source, str)


@pytest.mark.parametrize(
    "hostile", ["```" * 100_000, "(" * 200_000, "```python\n" * 20_000, "def f(" * 50_000, "A. " * 100_000]
)
@pytest.mark.timeout(20)
def test_hostile_texts_are_read_in_bounded_time(hostile):
    extract(hostile, entry_point="f", prompt=hostile[:1000])
