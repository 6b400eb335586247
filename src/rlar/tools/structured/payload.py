"""Finding the structured part of a response: the whole of it, its last fenced block, or what stands in prose.

One rule for all formats, so that nobody can hedge: one payload is taken, and of several candidates of the best kind the
*last* counts. Kinds, best first: a fenced block that names the language; a fenced block that names none; the whole
text; for JSON and XML what stands in prose. Every search is linear in the length of the response.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from rlar.tools.text import visible

LONGEST = 1_000_000  # characters of a response that are looked at; a longer one has no payload
MOST_SCANNED = 1_500_000  # characters that a search in prose may look at, all attempts together


class Payload(NamedTuple):
    """text: what was found, stripped. how: fence, whole or prose; "" with the reason in `why` if there is none."""

    text: str
    how: str
    why: str = ""


_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^\n`]*\n(.*?)(?:^[ \t]*\1[`~]*[ \t]*$|\Z)", re.M | re.S)
_INLINE_FENCE = re.compile(r"```([a-z]{2,10})?[ \t]([^\n`]{1,2000})```")


def find_payload(
    response: str,
    names: Collection[str],
    *,
    in_prose: Callable[[str], str | None] | None = None,
    looks_whole: Callable[[str], bool] = bool,
    strict: bool = False,
) -> Payload:
    """The payload of a response in one language.

    names: what a fence may call the language, e.g. ("json",). in_prose: finds it in running text, None if it is not
    there. looks_whole: whether a text without fences can be the payload as it stands.
    strict: the whole visible response has to be the payload, without fence or prose.
    """
    text = visible(response).strip()
    if not text:
        return Payload("", "", "the response is empty")
    if len(text) > LONGEST:
        return Payload("", "", f"the response has {len(text)} characters, more than {LONGEST}")
    if strict:
        return Payload(text, "whole")
    blocks = list(fences(text)) if "```" in text or "~~~" in text else []
    named = [body for name, body in blocks if name in names]
    unnamed = [body for name, body in blocks if not name]
    for found in (named, unnamed):
        if found:
            return Payload(found[-1].strip(), "fence")
    if looks_whole(text):
        return Payload(text, "whole")
    if in_prose is not None and (part := in_prose(text)) is not None:
        return Payload(part, "prose")
    return Payload(text, "whole") if not blocks else Payload("", "", f"no block is {' or '.join(names)}")


def fences(text: str) -> Iterator[tuple[str, str]]:
    """(name of the language in lower case or "", content) of each fenced block, in order; the last may be unclosed."""
    found = [(m.start(), m[2].lower(), m[3]) for m in _FENCE.finditer(text)]
    if not found:
        found = [(m.start(), m[1] or "", m[2]) for m in _INLINE_FENCE.finditer(text)]
    for _, name, body in found:
        yield name, body


def bracketed(text: str) -> list[str]:
    """All outermost {...} and [...] with balanced brackets in running text, in order, JSON strings minded."""
    found = []
    at, budget = 0, MOST_SCANNED
    while budget > 0 and (m := _OPENING.search(text, at)):
        end = _closing(text, m.start(), min(len(text), m.start() + budget))
        budget -= (end or len(text)) - m.start()
        if end is not None:
            found.append(text[m.start() : end])
        at = end or m.start() + 1
    return found


_OPENING = re.compile(r"[{\[]")
_STEP = re.compile(r'"(?:[^"\\]++|\\.)*+"|[{}\[\]"]', re.S)


def _closing(text: str, start: int, limit: int) -> int | None:
    """The position behind the bracket that closes the one at `start`, or None."""
    stack = []
    for m in _STEP.finditer(text, start, limit):
        piece = m[0]
        if piece in "{[":
            stack.append(piece)
        elif piece in "}]":
            if stack.pop() != ("{" if piece == "}" else "["):
                return None
            if not stack:
                return m.end()
        elif piece == '"':
            return None  # a string without an end
    return None
