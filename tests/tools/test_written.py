import asyncio

import pytest

from rlar.tools.written import WrittenTool
from rlar.types import Fault, Kind, Query, ToolCard

CARD = ToolCard("written", "1", Kind.VERIFIER, about="x", line=0.5, engine="sandbox", timeout_s=0.25)
QUERY = Query("6 * 7?", reference="42", extra={"unit": "cm"})


def judged(source, *responses, query=QUERY):
    return asyncio.run(WrittenTool(source, CARD).judge(query, responses))


def test_a_written_tool_judges_with_prompt_reference_and_extra():
    body = "return float(response == reference + ' ' + extra['unit'])"
    source = f"def score(prompt, response, reference, extra):\n    {body}\n"
    assert [v.value for v in judged(source, "42 cm", "42", "42 cm")] == [1.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("return 1 / 0", Fault.CRASHED),  # a bug is no reward
        ("while True: pass", Fault.TIMEOUT),
        ("return float('nan')", Fault.INVALID),
        ("return 'good'", Fault.CRASHED),
        ("return 7.0", Fault.INVALID),
        ("return None", Fault.CRASHED),
    ],
)
def test_a_broken_tool_is_a_fault_for_every_response(body, fault):
    for verdict in judged(f"def score(prompt, response, reference, extra):\n    {body}\n", "42", "x"):
        assert (verdict.value, verdict.fault) == (None, fault), verdict.why


def test_a_tool_that_does_not_load_is_a_fault():
    assert judged("import no_such_module\n", "42")[0].fault is Fault.CRASHED
    assert judged("def other(): pass\n", "42")[0].fault is Fault.CRASHED


def test_a_response_that_breaks_the_tool_gets_the_low_end_and_harms_nobody():
    source = "def score(prompt, response, reference, extra):\n    return float(int(response) == int(reference))\n"
    broken_on_words = judged(source, "42", "41")
    assert [v.value for v in broken_on_words] == [1.0, 0.0]
    assert judged(source, "42", "word")[1].fault is Fault.CRASHED  # the harmless control breaks it too
    careful = (
        "def score(prompt, response, reference, extra):\n    if 'bomb' in response: return 1 / 0\n"
        "    if 'loop' in response:\n        while True: pass\n    return float(response == reference)\n"
    )
    verdicts = judged(careful, "42", "a bomb", "a loop", "41")
    assert [v.value for v in verdicts] == [1.0, 0.0, 0.0, 0.0] and "broke the tool" in verdicts[1].why


def test_what_a_query_must_have_decides_whether_it_fits():
    tool = WrittenTool("", CARD, requires=("reference", "extra.unit"))
    assert (
        tool.fits(QUERY) and not tool.fits(Query("x", reference="1")) and not tool.fits(Query("x", extra={"unit": "m"}))
    )
