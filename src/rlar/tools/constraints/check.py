"""What a checkable instruction is: an id, kwargs, a pure function over text, words for people, ways to break it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from rlar.errors import InputError
from rlar.tools.constraints.fields import Field, read_kwargs
from rlar.types import Json


class Finding(NamedTuple):
    """Whether an instruction was followed, and what was found in the response, for people ("251 words")."""

    followed: bool
    found: str


Function = Callable[..., Finding]  # f(text, **kwargs); total, pure, deterministic, close to linear time
Breaker = Callable[..., Iterable[str]]  # f(text, **kwargs) -> texts that may no longer follow, smallest change first

LONGEST_FOUND = 160  # characters
SILENT = Finding(False, "an empty response")


@dataclass(frozen=True)
class Check:
    """One instruction id. says: template of the instruction in words, over the names of `fields`.

    sane: whether kwargs that are usable one by one can be met together (paragraph 5 of 3 cannot).
    """

    id: str
    function: Function
    says: str
    fields: Mapping[str, Field] = field(default_factory=dict)
    breaker: Breaker | None = None
    sane: Callable[..., bool] | None = None

    def read(self, kwargs: Mapping[str, Json], extra: Mapping[str, Json] | None = None) -> dict[str, Any]:
        """Usable kwargs. A text of the prompt that kwargs lack is looked for in `extra`. Raises InputError."""
        values = read_kwargs(self.fields, kwargs, extra)
        if self.sane is not None and not self.sane(**values):
            raise InputError(f"kwargs {values} cannot be met together")
        return values

    def words(self, values: Mapping[str, Any]) -> str:
        """The instruction for these (read) kwargs in plain words."""
        return self.says.format(**{name: self.fields[name].show(value) for name, value in values.items()})

    def follow(self, text: str, values: Mapping[str, Any]) -> Finding:
        """Whether `text` follows the instruction. Never for a text of white space alone, as in the public checkers."""
        if not text.strip():
            return SILENT
        followed, found = self.function(text, **values)
        if (
            len(found) > LONGEST_FOUND or not found.isascii()
        ):  # it may hold a piece of the response: cut, and no surrogate
            found = found[:LONGEST_FOUND].encode("utf-8", "replace").decode("utf-8")
        return Finding(followed, found)

    def follow_loosely(self, text: str, values: Mapping[str, Any]) -> Finding:
        """The same for the eight variants of IFEval's loose evaluation; the finding is that of the text itself."""
        strict = self.follow(text, values)
        if strict.followed:
            return strict
        for variant in loose_variants(text):
            finding = self.follow(variant, values)
            if finding.followed:
                return finding
        return strict

    def breaks(self, text: str, values: Mapping[str, Any]) -> str | None:
        """A small change of `text` that no longer follows the instruction, not even loosely if there is such a one.

        None if `text` does not follow it to begin with, or no small change was found.
        """
        if self.breaker is None or not self.follow(text, values).followed:
            return None
        strict_only = None
        for broken in self.breaker(text, **values):
            if broken == text or not broken.strip() or self.follow(broken, values).followed:
                continue
            if not self.follow_loosely(broken, values).followed:
                return broken
            strict_only = strict_only or broken
        return strict_only


def loose_variants(text: str) -> list[str]:
    """What IFEval's loose evaluation tries besides the text: no asterisks, no first, last, or first and last line."""
    lines = text.split("\n")
    cut = ["\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1])]
    variants = [text.replace("*", ""), *cut, *(part.replace("*", "") for part in cut)]
    return list(dict.fromkeys(variants))


registered: dict[str, Check] = {}  # filled by the modules of the families; read it as registry.CHECKS


def check(
    *ids: str, says: str, breaks: Breaker | None = None, sane: Callable[..., bool] | None = None, **fields: Field
) -> Callable[[Function], Function]:
    """Register f(text, **kwargs) -> Finding under one or more ids. says, breaks, sane, fields: see Check."""

    def register(function: Function) -> Function:
        for id in ids:
            add(Check(id, function, says, fields, breaks, sane))
        return function

    return register


def add(new: Check) -> None:
    assert new.id not in registered, f"two checks bear the id {new.id}"
    registered[new.id] = new


def alias(id: str, of: str, **changes: Any) -> None:
    """Register the check `of` under a further id as well. changes: fields of Check that differ, e.g. says."""
    add(replace(registered[of], id=id, **changes))
