"""From what a model said (labels, label tokens, steps, texts) to one number; NaN and unreadable texts are faults."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from rlar.engines.models.spec import ModelSpec
from rlar.errors import ToolFault
from rlar.types import Fault, Mark

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def label_value(labels: Sequence[float], spec: ModelSpec) -> float:
    """One number from one or several labels, by the spec's rule. Raises ToolFault."""
    _finite(labels)
    rule, i = spec.rule, spec.positive
    if rule == "only":
        if len(labels) != 1:
            raise ToolFault(Fault.INVALID, f"{len(labels)} labels, but its spec knows no rule to make one of them")
        return labels[0]
    if rule in ("difference", "index", "probability") and not 0 <= i < len(labels):
        raise ToolFault(Fault.INVALID, f"label {i} is to count, but there are {len(labels)}")
    if rule == "difference":
        if len(labels) != 2:
            raise ToolFault(Fault.INVALID, f"a difference needs two labels, there are {len(labels)}")
        return labels[i] - labels[1 - i]
    if rule == "index":
        return labels[i]
    if rule == "mean":
        return math.fsum(labels) / len(labels)
    if rule == "probability":
        return softmax(labels)[i]
    weights = spec.weights or tuple(range(len(labels)))
    if len(weights) != len(labels):
        raise ToolFault(Fault.INVALID, f"{len(labels)} labels, but weights for {len(weights)}")
    shares = softmax(labels) if rule == "expected" else labels
    return math.fsum(w * x for w, x in zip(weights, shares, strict=True))


def step_value(steps: Sequence[Sequence[float]], spec: ModelSpec) -> tuple[float, dict[str, float]]:
    """A solution's value from the labels at its steps, and the steps' own values. Raises ToolFault."""
    if not steps:
        raise ToolFault(Fault.INVALID, "no step was scored")
    good = 0 if spec.tokens else spec.step_label
    values = []
    for labels in steps:
        _finite(labels)
        if len(labels) == 1:
            values.append(sigmoid(labels[0]))
        elif good < len(labels):
            values.append(softmax(labels)[good])
        else:
            raise ToolFault(Fault.INVALID, f"step label {good} is to count, but there are {len(labels)}")
    by_rule = {"min": min, "product": math.prod, "mean": lambda v: math.fsum(v) / len(v), "last": lambda v: v[-1]}
    terms = {f"step_{n}": v for n, v in enumerate(values[:50], 1)}
    return float(by_rule[spec.step_rule](values)), terms  # type: ignore[operator]


def grade(text: str, spec: ModelSpec) -> float:
    """The number that the last match of the pattern holds. Raises ToolFault (UNREADABLE)."""
    found = _last(text, spec)
    number = _NUMBER.fullmatch(found.strip())
    if number is None:
        raise ToolFault(Fault.UNREADABLE, f"wrote {found[:60]!r} where a number should be")
    value = float(number[0])
    if not spec.low <= value <= spec.high:
        raise ToolFault(Fault.UNREADABLE, f"wrote {value:g}, but its scale is {spec.low:g} to {spec.high:g}")
    return value


def preference(text: str, spec: ModelSpec) -> float:
    """1.0 if the text prefers the first response, 0.0 the second, 0.5 a tie. Raises ToolFault (UNREADABLE)."""
    found = _last(text, spec).strip().lower()
    first, second = (t.lower() for t in (spec.tokens or ("A", "B"))[:2])
    if found in (first, second):
        return float(found == first)
    if found in ("c", "tie", "equal", "draw"):
        return 0.5
    raise ToolFault(Fault.UNREADABLE, f"wrote {found[:60]!r} where {first!r} or {second!r} should be")


def grades(text: str, count: int, spec: ModelSpec) -> list[float]:
    """One number for each of `count` responses, in order, from the last match. Raises ToolFault (UNREADABLE)."""
    found = [float(x) for x in _NUMBER.findall(_last(text, spec))]
    if len(found) != count:
        raise ToolFault(Fault.UNREADABLE, f"wrote {len(found)} grades for {count} responses")
    if any(not spec.low <= x <= spec.high for x in found):
        raise ToolFault(Fault.UNREADABLE, f"wrote a grade outside its scale of {spec.low:g} to {spec.high:g}")
    return found


def finish(value: float, spec: ModelSpec) -> tuple[float, str]:
    """Squash and bound; says where a bound was put in place of the value. Raises ToolFault for NaN."""
    _finite([value])
    if spec.squash == "sigmoid":
        value = sigmoid(value)
    if value < spec.low or value > spec.high:
        bound = spec.low if value < spec.low else spec.high
        return bound, f"{value:.4g} lies beyond its scale and is set to {bound:g}"
    return value, ""


def read(raw: Mapping[str, Any], spec: ModelSpec) -> Mark:
    """What a worker answered about one response -> a Mark. Raises ToolFault."""
    if fault := raw.get("fault"):
        raise ToolFault(Fault(fault), str(raw.get("why", "")))
    notes = [str(n) for n in raw.get("notes", ())]
    if raw.get("too_long"):
        return Mark(spec.low, "; ".join([*notes, "the response alone does not fit: its lowest value"]))
    terms: dict[str, float] = {}
    if "steps" in raw:
        value, terms = step_value(raw["steps"], spec)
        notes.insert(0, f"{len(raw['steps'])} steps, {spec.step_rule}")
    elif "text" in raw:
        value = grade(str(raw["text"]), spec)
        notes.insert(0, " ".join(str(raw["text"]).split())[-160:])
    else:
        labels = [float(x) for x in raw["labels"]]
        if spec.family == "label_token":
            _finite(labels)
            value = softmax(labels)[0]
        elif spec.family == "log_ratio":
            _finite(labels)
            value = spec.beta * (labels[0] - labels[1])
        else:
            value = label_value(labels, spec)
            if len(labels) > 1:
                terms = {f"label_{i}": x for i, x in enumerate(labels)}
    value, note = finish(value, spec)
    return Mark(value, "; ".join([*notes, *([note] if note else [])]), terms)


def softmax(values: Sequence[float]) -> list[float]:
    top = max(values)
    powers = [math.exp(v - top) for v in values]
    total = math.fsum(powers)
    return [p / total for p in powers]


def sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))


def _finite(values: Sequence[float]) -> None:
    if not values or not all(map(math.isfinite, values)):
        raise ToolFault(Fault.INVALID, f"the model gave {[f'{v:g}' for v in values[:4]]}, which is no number to use")


def _last(text: str, spec: ModelSpec) -> str:
    found = [m[1] if m.re.groups else m[0] for m in re.finditer(spec.pattern, text) if m[0]]
    if not found:
        raise ToolFault(Fault.UNREADABLE, f"no verdict in {' '.join(text.split())[-80:]!r}")
    return found[-1] or ""
