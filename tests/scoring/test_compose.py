import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlar.errors import ToolError
from rlar.scoring.compose import Composition, Conversion, compose
from rlar.types import Decision, Fault, Kind, Part, Task, ToolCard, Verdict

TASK = Task("math")
CARDS = {
    c.ref: c
    for c in (
        ToolCard("gate", "1", Kind.VERIFIER, line=0.5),
        ToolCard("right", "1", Kind.VERIFIER, line=0.5),
        ToolCard("nice", "1", Kind.METRIC),
        ToolCard("model", "1", Kind.REWARD_MODEL, low=-20, high=20, scale="logit"),
    )
}


def decision(*parts):
    return Decision(TASK, tuple(Part(f"{name}@1", role) for name, role in parts))


def reward(parts, values, composition=None):
    verdicts = [
        Verdict(f"{name}@1", fault=v, why="broke") if isinstance(v, Fault) else Verdict(f"{name}@1", value=v)
        for (name, _), v in zip(parts, values, strict=True)
    ]
    return compose(decision(*parts), [verdicts], CARDS, composition)[0]


ALL = (("gate", "gate"), ("right", "correctness"), ("nice", "quality"))


@pytest.mark.parametrize(
    ("values", "value"),
    [
        ((1.0, 1.0, 1.0), 1.0),
        ((1.0, 1.0, 0.0), 0.8),
        ((1.0, 0.0, 1.0), 0.0),  # quality pays nothing where the answer is wrong
        ((0.0, 1.0, 1.0), 0.0),  # a failed gate
        ((0.5, 1.0, 0.5), 0.9),  # the line itself passes
        ((Fault.CRASHED, 1.0, 1.0), None),  # nobody knows whether the gate was passed
        ((1.0, Fault.TIMEOUT, 1.0), None),
        ((1.0, 1.0, Fault.TIMEOUT), None),
        ((0.0, Fault.TIMEOUT, 1.0), 0.0),  # a failed gate is failed, whatever else broke
    ],
)
def test_gates_then_correctness_then_quality(values, value):
    got = reward(ALL, values)
    assert got.value == (None if value is None else pytest.approx(value))
    assert set(got.parts) == {n for (n, _), v in zip(ALL, values, strict=True) if not isinstance(v, Fault)}
    assert len(got.faults) == sum(isinstance(v, Fault) for v in values)


UNIT = st.floats(0, 1)


@given(UNIT, UNIT, UNIT, UNIT, UNIT, UNIT)
def test_no_response_that_fails_a_gate_outranks_one_that_passes(g1, c1, q1, g2, c2, q2):
    failed, passed = reward(ALL, (min(g1, 0.499), c1, q1)), reward(ALL, (max(g2, 0.5), c2, q2))
    assert failed.value <= passed.value


@given(UNIT, UNIT, UNIT)
def test_rewards_stay_in_the_unit_range(g, c, q):
    assert 0 <= reward(ALL, (g, c, q)).value <= 1


def test_a_single_tool_keeps_its_own_scale():
    assert reward([("model", "correctness")], [-3.25]).value == -3.25


def test_mixing_scales_is_refused_until_a_conversion_is_declared():
    parts = (("right", "correctness"), ("model", "quality"))
    with pytest.raises(ToolError, match="conversions="):
        reward(parts, (1.0, 0.0))
    declared = Composition(conversions={"logit": Conversion(center=0, width=1)})
    assert reward(parts, (1.0, 0.0), declared).value == pytest.approx(0.8 + 0.2 * 0.5)
    assert reward(parts, (1.0, 20.0), declared).value <= 1


def test_a_gap_has_no_reward_and_says_why():
    from rlar.types import Gap

    got = compose(Decision(TASK, gap=Gap("f", "no tool")), [[]], {})[0]
    assert got.value is None and got.why == "no tool"


def test_verdicts_are_counted():
    with pytest.raises(ToolError, match="1 verdicts for 3 tools"):
        compose(decision(*ALL), [[Verdict("gate@1", value=1.0)]], CARDS)
