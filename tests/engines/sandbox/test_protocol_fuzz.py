"""Whatever an answer, a judge or a service sends, it is a result, or it is refused: never another exception here."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rlar.engines.sandbox import Calls, ItemError, Limits, RunResult
from rlar.engines.sandbox.grading import Exchange, Outcome, prepare, result, suite_result, value_cases
from rlar.engines.sandbox.inside import wire
from rlar.engines.sandbox.remote import Remote
from rlar.engines.sandbox.results import SandboxFault, Status
from rlar.engines.sandbox.sessions import _scores

TAGS = ["~t", "~s", "~f", "~d", "~n", "~i", "~b", "~c", "~r", "~q", "~o", "~x", "~e", "~k", "~F", "~D"]
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)
)
wireish: Any = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(TAGS), st.text(max_size=3)), inner, max_size=3),
    ),
    max_leaves=12,
)
KEYS = ["id", "value", "error", "kind", "base", "text", "line", "passed", "load", "tests", "scores", "changed"]
messages: Any = st.one_of(wireish, st.dictionaries(st.sampled_from(KEYS), wireish, max_size=4))
CASES = prepare(Calls("f", [((1,), [1, (2.5, {"a": {3}})]), ((2,), None), ((3,), float("nan"))], tolerance=(0.1, 0.1)))
FEW = settings(max_examples=60, deadline=None)


@FEW
@given(st.lists(messages, max_size=5), st.booleans())
def test_an_answer(sent: list[Any], keep: bool) -> None:
    exchange = Exchange(value_cases([(1,), (2,), (3,)]) if keep else CASES, keep)
    ids = iter(exchange.ids)
    try:
        for message in sent:
            if (type(message) is dict and "value" in message) or (type(message) is dict and "error" in message):
                message = {**message, "id": next(ids, 0)}  # the right number: an answer can see it
            exchange.hear(wire.to_json(message))
    except wire.ProtocolError:
        pass
    outcome = Outcome(Status.OK, exchange.load_error, exchange.results, exchange.values, 0.0, 0.0)
    graded = result(frozenset(), outcome, 3)
    assert len(graded.cases) == 3
    assert not graded.passed or all(case.passed for case in exchange.results)


@FEW
@given(messages)
def test_a_suite(message: Any) -> None:
    reply = message if type(message) is dict else {}
    graded = suite_result(frozenset(), reply, Status.OK, 0.0, 0.0)
    assert graded.grading == "shared"
    assert not graded.passed or graded.cases


@FEW
@given(messages, st.integers(1, 3))
def test_a_verifier(message: Any, count: int) -> None:
    scores = _scores(message if type(message) is dict else {}, count)
    assert len(scores) == count
    assert all(isinstance(s, ItemError) or (type(s) is float and abs(s) <= 1e6) for s in scores)


@FEW
@given(
    st.one_of(
        messages,
        st.fixed_dictionaries(
            {"status": st.sampled_from(["Success", "Failed"]), "message": wireish, "run_result": wireish}
        ),
        st.fixed_dictionaries(
            {
                "status": st.sampled_from(["Success", "Failed"]),
                "run_result": st.dictionaries(
                    st.sampled_from(["status", "return_code", "stdout", "stderr", "execution_time"]), wireish
                ),
            }
        ),
    )
)
def test_a_service(answer: Any) -> None:
    try:
        ran = REMOTE._read(json.loads(json.dumps(answer)), Limits(), 0.1)
    except SandboxFault:
        return
    assert isinstance(ran, RunResult)
    assert ran.status is not Status.OK or ran.exit_code == 0


REMOTE = Remote("http://localhost:1")
