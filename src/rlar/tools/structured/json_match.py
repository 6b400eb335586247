"""A JSON answer against a JSON reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rlar.tools.base import RuleTool
from rlar.tools.reference import shape_of
from rlar.tools.structured.payload import Payload, bracketed, find_payload
from rlar.tools.structured.values import Malformed, leaves, read_json, same
from rlar.types import Json, Kind, Mark, Query, Response

NAMES = ("json", "jsonc", "json5", "geojson", "jsonld")  # of fences
MOST_PAIRED = 60  # elements of unordered lists that are paired one with one for partial credit


class JsonMatch(RuleTool):
    """1.0 if the response's JSON equals the reference, else 0.0, or the share of equal leaves with `partial`.

    Equality is by JSON's types: key order is free, 1 equals 1.0 (within the relative `tolerance`), but neither true nor
    "1". list_order: whether the order of lists matters. partial: equal leaves / leaves of the longer side, so that
    leaving out and adding cost alike; the line of a partial match is 1.0. What counts as the response's JSON: see
    `rlar.tools.structured.payload`; NaN, keys that stand twice and broken JSON are 0.0.
    strict: the response has to be JSON and nothing else.
    """

    def __init__(
        self, list_order: bool = True, partial: bool = False, tolerance: float = 1e-9, strict: bool = False
    ) -> None:
        if not 0 <= tolerance < 1:
            raise ValueError(f"tolerance must be in [0, 1), got {tolerance!r}")
        self.list_order, self.partial, self.tolerance, self.strict = list_order, partial, tolerance, strict
        config: dict[str, Json] = {
            "list_order": list_order,
            "partial": partial,
            "tolerance": tolerance,
            "strict": strict,
        }
        self.describe(
            name="json_match" + "_any_order" * (not list_order) + "_partial" * partial + "_strict" * strict,
            kind=Kind.VERIFIER,
            about="the JSON of the response equals the reference" + (", or how much of it does" if partial else ""),
            needs=("reference:json",),
            config=config,
            line=1.0 if partial else 0.5,
        )

    def fits(self, query: Query) -> bool:
        return isinstance(query.reference, (Mapping, list, tuple)) or shape_of(query).kind == "json"

    def prepare(self, query: Query) -> Json:
        if isinstance(query.reference, str):
            return shape_of(query).value
        return query.reference

    def rate(self, response: Response, query: Query, prepared: Json) -> Mark:
        found = json_payload(response, strict=self.strict)
        if not found.how:
            return Mark(0.0, found.why)
        try:
            value = read_json(found.text)
        except Malformed as e:
            return Mark(0.0, f"not JSON ({found.how}): {e}")
        if same(value, prepared, ordered=self.list_order, tolerance=self.tolerance):
            return Mark(1.0, f"equals the reference ({found.how})")
        if not self.partial:
            return Mark(0.0, f"differs from the reference ({found.how})")
        ours, gold = _count(value), _count(prepared)
        equal = self._equal_leaves(value, prepared)
        share = min(equal / max(ours, gold), 0.999)  # 1.0 is for equality
        return Mark(share, f"{equal} leaves equal, of {ours} given and {gold} wanted ({found.how})")

    def _equal_leaves(self, ours: Json, gold: Json) -> int:
        """How many leaves of two values are equal at the same place."""
        if isinstance(gold, Mapping) and isinstance(ours, Mapping) and gold and ours:
            return sum(self._equal_leaves(ours[key], gold[key]) for key in gold if key in ours)
        if _is_list(gold) and _is_list(ours) and gold and ours:
            if self.list_order or max(len(ours), len(gold)) > MOST_PAIRED:
                return sum(self._equal_leaves(a, b) for a, b in zip(ours, gold, strict=False))
            return self._paired_leaves(ours, gold)
        return int(same(ours, gold, ordered=self.list_order, tolerance=self.tolerance))

    def _paired_leaves(self, ours: Sequence[Json], gold: Sequence[Json]) -> int:
        """The same for lists without order: the pair with most equal leaves first, each element in one pair."""
        pairs = [(-self._equal_leaves(a, b), i, j) for i, a in enumerate(ours) for j, b in enumerate(gold)]
        used_i: set[int] = set()
        used_j: set[int] = set()
        total = 0
        for minus, i, j in sorted(pairs):
            if i not in used_i and j not in used_j:
                used_i.add(i)
                used_j.add(j)
                total -= minus
        return total


def json_payload(response: Response, *, strict: bool = False) -> Payload:
    """The JSON part of a response: the last fence, the whole, or in prose the last object (else list) that is JSON."""
    return find_payload(response, NAMES, in_prose=_in_prose, looks_whole=_looks_whole, strict=strict)


def _looks_whole(text: str) -> bool:
    """Whether a text can be one JSON value: also a bare number, text or truth value."""
    if text[0] in "{[":
        return text[-1] in "}]"
    return text[0] in '"-0123456789tfn' and "\n" not in text and _is_json(text)


def _in_prose(text: str) -> str | None:
    parts = bracketed(text)[-50:]
    for opening in "{[":
        for part in reversed(parts):
            if part[0] == opening and _is_json(part):
                return part
    return parts[-1] if parts else None


def _is_json(text: str) -> bool:
    try:
        read_json(text)
    except Malformed:
        return False
    return True


def _is_list(value: Json) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _count(value: Json) -> int:
    return sum(1 for _ in leaves(value))
