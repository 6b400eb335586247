import math

import pytest

from rlar.engines.models.spec import ModelSpec
from rlar.engines.models.values import grade, grades, label_value, preference, read, step_value
from rlar.errors import ToolFault

SPEC = ModelSpec("classifier")


def spec(**fields):
    return ModelSpec("classifier", **fields)


@pytest.mark.parametrize(
    ("labels", "fields", "value"),
    [
        ([1.5], {}, 1.5),
        ([1.0, 3.0], {"rule": "difference"}, 2.0),
        ([1.0, 3.0], {"rule": "difference", "positive": 0}, -2.0),
        ([1.0, 3.0, 5.0], {"rule": "index", "positive": 2}, 5.0),
        ([0.0, 0.0], {"rule": "probability"}, 0.5),
        ([0.0, 0.0, 0.0], {"rule": "expected"}, 1.0),
        ([0.0, 0.0], {"rule": "expected", "weights": (1.0, 5.0)}, 3.0),
        ([1.0, 2.0], {"rule": "weights", "weights": (0.5, -1.0)}, -1.5),
        ([1.0, 2.0], {"rule": "mean"}, 1.5),
    ],
)
def test_labels_become_a_number_by_the_rule(labels, fields, value):
    assert label_value(labels, spec(**fields)) == pytest.approx(value)


@pytest.mark.parametrize(
    ("labels", "fields"),
    [
        ([1.0, 2.0], {}),  # two labels and no rule: which one would it be?
        ([math.nan], {}),
        ([math.inf], {}),
        ([], {}),
        ([1.0], {"rule": "difference"}),
        ([1.0, 2.0, 3.0], {"rule": "difference"}),
        ([1.0], {"rule": "index", "positive": 3}),
        ([1.0, 2.0], {"rule": "weights", "weights": (1.0,)}),
    ],
)
def test_labels_that_do_not_suit_the_rule_are_faults(labels, fields):
    with pytest.raises(ToolFault) as e:
        label_value(labels, spec(**fields))
    assert e.value.fault == "invalid"


def test_repeating_a_good_step_raises_neither_minimum_nor_mean():
    process = ModelSpec("process", step_mark="<s>", low=0.0, high=1.0)
    good, bad = [0.0, 2.0], [1.0, 0.0]
    once, _ = step_value([good, bad], process)
    again, terms = step_value([good, good, good, bad], process)
    assert once == again == terms["step_4"] < terms["step_1"]
    with pytest.raises(ToolFault):
        step_value([], process)


def test_label_tokens_of_steps_have_the_good_one_first():
    process = ModelSpec("process", step_mark="<s>", tokens=("+", "-"), low=0.0, high=1.0)
    assert step_value([[3.0, 0.0]], process)[0] > 0.9


GRADED = ModelSpec("generative_score", prompt_format="{response}", pattern=r"\[\[(.*?)\]\]", low=1.0, high=10.0)


def test_the_last_grade_counts_and_a_stray_one_does_not():
    assert grade("it might be [[3]], but no: [[8]]", GRADED) == 8.0
    assert grade("[[7.5]]", GRADED) == 7.5
    for text in ("8", "[[eight]]", "[[8/10]]", "[[11]]", "[[-3]]", "[[nan]]", "[[]]", "", "[[1e999]]"):
        with pytest.raises(ToolFault) as e:
            grade(text, GRADED)
        assert e.value.fault == "unreadable"


def test_preferences_and_lists_are_read_or_faults():
    pair = ModelSpec("generative_pair", prompt_format="{a} {b}", pattern=r"\[\[(.*?)\]\]")
    assert [preference(f"so [[{v}]]", pair) for v in "ABC"] == [1.0, 0.0, 0.5]
    with pytest.raises(ToolFault):
        preference("A is better", pair)
    listed = ModelSpec("generative_list", prompt_format="{responses}", pattern=r"(?s)Grades:(.*)", low=0.0, high=9.0)
    assert grades("Grades: 1, 9, 3", 3, listed) == [1.0, 9.0, 3.0]
    for text in ("Grades: 1, 9", "Grades: 1, 9, 3, 4", "Grades: 1, 99, 3"):
        with pytest.raises(ToolFault):
            grades(text, 3, listed)


def test_a_value_beyond_the_scale_is_bounded_and_says_so():
    mark = read({"labels": [250.0]}, SPEC)
    assert mark.value == 100.0 and "250" in mark.why
    assert read({"labels": [0.0]}, spec(squash="sigmoid", low=0.0, high=1.0)).value == 0.5


def test_what_does_not_fit_is_low_and_what_broke_is_a_fault():
    assert read({"too_long": True}, SPEC).value == SPEC.low
    with pytest.raises(ToolFault, match="gone"):
        read({"fault": "crashed", "why": "gone"}, SPEC)
    with pytest.raises(ToolFault):
        read({"labels": [float("nan")]}, spec(squash="sigmoid"))


def test_families_over_tokens():
    yes = ModelSpec("label_token", tokens=("Yes", "No"), low=0.0, high=1.0)
    assert read({"labels": [2.0, 2.0]}, yes).value == 0.5
    ratio = ModelSpec("log_ratio", base_path="/b", beta=0.1)
    assert read({"labels": [-10.0, -30.0]}, ratio).value == pytest.approx(2.0)
