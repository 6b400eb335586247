"""The function calls of a response against the calls that were expected.

A call is a name and an object of arguments. Responses are read in all forms that models use (`rlar.tools.called`);
values are compared by JSON's types.
Source of the partial credit: ToolRL (Qian et al. 2025, arXiv 2504.13958), see `ToolCalls`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rlar.tools.base import RuleTool
from rlar.tools.called import Call, calls_in_json, declared_functions, read_calls
from rlar.tools.structured.values import same
from rlar.tools.text import visible
from rlar.types import Json, Kind, Mark, Query, Response

MOST_CALLS = 64  # of a response; one that makes more is wrong


class _Wanted(NamedTuple):
    """An expected call. optional: arguments that may be given or left out."""

    name: str
    arguments: Mapping[str, Json]
    optional: frozenset[str]


class ToolCalls(RuleTool):
    """1.0 if a response makes the expected calls and no others, else 0.0, or partial credit.

    Expected: `extra["tool_calls"]`, else the reference, a list of {"name", "arguments"}; an empty list means that no
    call is to be made, and something said. Names are compared without "mcp__server__" and "functions."; arguments by
    JSON's types (1 is 1.0, but not "1"). Arguments without a name take theirs from `extra["tools"]`, else from the
    expected call. One that `extra["tools"]` declares as not required may be given with its default (or null) where none
    is expected, and left out where its default is; one that the expected call lists under "optional" may be given or
    left out freely. Over MOST_CALLS calls are wrong.

    ordered: the calls have to come in the expected order; else in any.
    partial: the mean over pairs of calls, as many as the longer side has, of
    (1 for the name + shared / all argument names + right values) / (2 + number of expected arguments), nothing without
    the right name. Pairs are made so that the mean is highest, each call in one of them: saying a call twice halves its
    worth. Its 0..1 is ToolRL's -3..3: 1 call of 2 arguments, one right and the other under a wrong name, is
    (1 + 1/3 + 1) / 4 = 0.583, there 6 * 0.583 - 3 = 0.5. Only equality is worth 1.0: the line of partial credit.
    """

    def __init__(self, ordered: bool = False, partial: bool = False) -> None:
        self.ordered, self.partial = ordered, partial
        self.describe(
            name="tool_calls" + "_ordered" * ordered + "_partial" * partial,
            kind=Kind.VERIFIER,
            about="the response makes the expected function calls" + (", or how much of them" if partial else ""),
            needs=("tool_calls",),
            config={"ordered": ordered, "partial": partial},
            line=1.0 if partial else 0.5,
        )

    def fits(self, query: Query) -> bool:
        return _expected(query) is not None

    def prepare(self, query: Query) -> Any:
        functions = declared_functions(query.extra.get("tools"))
        wanted = [
            _Wanted(call.name, call.arguments or {}, frozenset(optional)) for call, optional in _expected(query) or []
        ]
        defaults = {name: _defaults(parameters) for name, parameters in functions.items()}
        order = {name: list(parameters.get("properties") or {}) for name, parameters in functions.items()}
        return wanted, defaults, order | {call.name: order.get(call.name, list(call.arguments)) for call in wanted}

    def rate(self, response: Response, query: Query, prepared: Any) -> Mark:
        wanted, defaults, known = prepared
        made = read_calls(response, known)
        if not wanted and made:
            return Mark(0.0, f"{len(made)} calls, none wanted")
        if not wanted:
            return Mark(1.0, "no call, none wanted") if visible(response).strip() else Mark(0.0, "empty")
        if not made:
            return Mark(0.0, f"no call, {len(wanted)} wanted")
        if len(made) > MOST_CALLS:
            return Mark(0.0, f"more than {MOST_CALLS} calls")
        credit_MW = [[_credit(call, gold, defaults.get(gold.name, {})) for gold in wanted] for call in made]
        total = _best_in_order(credit_MW) if self.ordered else _best_in_any_order(credit_MW)
        share = total / max(len(made), len(wanted))
        right = share > 1 - 1e-9
        why = f"{len(made)} calls made, {len(wanted)} wanted, credit {share:.2f}"
        return Mark(1.0 if right else share if self.partial else 0.0, why, {"credit": min(1.0, share)})


def _credit(call: Call, gold: _Wanted, defaults: Mapping[str, Json]) -> float:
    """How much of an expected call a call is, in [0, 1]; 1.0 only for an equal one, 0.0 for another name."""
    if call.name != gold.name or call.arguments is None:
        return 0.0
    ours = {k: v for k, v in call.arguments.items() if k in gold.arguments or not _free(k, v, gold, defaults)}
    wanted = {k: v for k, v in gold.arguments.items() if k in ours or not _free(k, v, gold, defaults)}
    right = sum(k in ours and same(ours[k], v, tolerance=1e-9) for k, v in wanted.items())
    names = len(ours.keys() & wanted.keys()) / len(ours.keys() | wanted.keys()) if ours or wanted else 1.0
    return (1 + names + right) / (2 + len(wanted))


def _free(name: str, value: Json, gold: _Wanted, defaults: Mapping[str, Json]) -> bool:
    """Whether an argument that only one side has makes no difference."""
    return name in gold.optional or (name in defaults and (value is None or same(value, defaults[name])))


def _expected(query: Query) -> list[tuple[Call, tuple[str, ...]]] | None:
    """The expected calls of a query with their optional arguments; None if it does not say any."""
    value = query.extra.get("tool_calls")
    if value is None:
        value = query.reference
        if value == [] and not query.extra.get("tools"):
            return None
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if value == [] or value == ():
        return []
    calls = calls_in_json(value)
    if not calls or any(call.arguments is None for call in calls):
        return None
    listed = value if isinstance(value, (list, tuple)) else [value]
    if len(listed) != len(calls):
        return [(call, ()) for call in calls]
    return [(call, _optional(one)) for call, one in zip(calls, listed, strict=True)]


def _optional(call: Json) -> tuple[str, ...]:
    names = call.get("optional") if isinstance(call, Mapping) else None
    return tuple(map(str, names)) if isinstance(names, (list, tuple)) else ()


def _defaults(parameters: Mapping[str, Json]) -> dict[str, Json]:
    """The arguments that a function does not require, with their defaults; None where none is declared."""
    required = parameters.get("required") or ()
    properties = parameters.get("properties") or {}
    return {
        name: schema.get("default") if isinstance(schema, Mapping) else None
        for name, schema in properties.items()
        if name not in required
    }


def _best_in_order(credit_MW: Sequence[Sequence[float]]) -> float:
    """The highest sum of credits of pairs that do not cross."""
    best_W = [0.0] * (len(credit_MW[0]) + 1)
    for credit_W in credit_MW:
        row_W = [0.0]
        for j, credit in enumerate(credit_W):
            row_W.append(max(best_W[j + 1], row_W[j], best_W[j] + credit))
        best_W = row_W
    return best_W[-1]


def _best_in_any_order(credit_MW: Sequence[Sequence[float]]) -> float:
    """The highest sum of credits of a matching of made to wanted calls.

    Source: the Hungarian algorithm with potentials, O(M * W * min(M, W)).
    """
    rows, columns = len(credit_MW), len(credit_MW[0])
    if rows > columns:
        return _best_in_any_order([list(column) for column in zip(*credit_MW, strict=True)])
    row_price, column_price = [0.0] * (rows + 1), [0.0] * (columns + 1)
    holder, before = [0] * (columns + 1), [0] * (columns + 1)  # row of each column; 0 for none
    for row in range(1, rows + 1):
        holder[0], column = row, 0
        slack, done = [float("inf")] * (columns + 1), [False] * (columns + 1)
        while True:
            done[column] = True
            current, delta, following = holder[column], float("inf"), 0
            for j in range(1, columns + 1):
                if not done[j]:
                    cost = -credit_MW[current - 1][j - 1] - row_price[current] - column_price[j]
                    if cost < slack[j]:
                        slack[j], before[j] = cost, column
                    if slack[j] < delta:
                        delta, following = slack[j], j
            for j in range(columns + 1):
                if done[j]:
                    row_price[holder[j]] += delta
                    column_price[j] -= delta
                else:
                    slack[j] -= delta
            column = following
            if holder[column] == 0:
                break
        while column:
            holder[column] = holder[before[column]]
            column = before[column]
    return sum(credit_MW[holder[j] - 1][j - 1] for j in range(1, columns + 1) if holder[j])
