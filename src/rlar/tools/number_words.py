"""Whole numbers in English words: "seven", "twenty-one", "a hundred and five", "minus two thousand"."""

from __future__ import annotations

_BELOW_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
ONES = {word: value for value, word in enumerate(_BELOW_TWENTY.split())}
_FROM_TWENTY = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = {word: 10 * value for value, word in enumerate(_FROM_TWENTY.split(), 2)}
_THOUSANDS = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
_LONGEST = 200


def spoken_number(text: str) -> int | None:
    """The number that all of the text says; None where it says anything else ("one half", "seven or eight").

    Only what is said as numbers are: "twenty seven" and "two thousand five", not "seven twenty" or "two three".
    """
    words = text[:_LONGEST].casefold().replace("-", " ").strip(" .!").split()
    sign = 1
    if words and words[0] in ("minus", "negative"):
        sign, words = -1, words[1:]
    if not words or len(text) > _LONGEST:
        return None
    total, smallest = 0, 10**12  # what is said, from the largest part down
    part: list[str] = []
    for word in words:
        if word not in _THOUSANDS:
            part.append(word)
            continue
        value = 1 if part == ["a"] else _below_thousand(part)
        if not value or _THOUSANDS[word] >= smallest:
            return None
        total, smallest, part = total + value * _THOUSANDS[word], _THOUSANDS[word], []
    if not part:
        return sign * total
    if total and part[0] == "and":
        part = part[1:]
    rest = _below_thousand(part)
    return None if rest is None or (total and not rest) else sign * (total + rest)


def _below_thousand(words: list[str]) -> int | None:
    if "hundred" in words:
        at = words.index("hundred")
        head, tail = words[:at], words[at + 1 :]
        hundreds = 1 if head == ["a"] else ONES.get(head[0]) if len(head) == 1 else None
        if not hundreds or hundreds > 9:
            return None
        tail = tail[1:] if tail[:1] == ["and"] and len(tail) > 1 else tail
        rest = _below_hundred(tail) if tail else 0
        return None if rest is None or (tail and not rest) else 100 * hundreds + rest
    return _below_hundred(words)


def _below_hundred(words: list[str]) -> int | None:
    if len(words) == 1:
        return ONES.get(words[0], _TENS.get(words[0]))
    if len(words) == 2 and words[0] in _TENS and 0 < ONES.get(words[1], 0) < 10:
        return _TENS[words[0]] + ONES[words[1]]
    return None
