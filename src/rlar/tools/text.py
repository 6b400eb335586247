"""Gates on plain text: empty, too short or long, repeating itself, copied from the prompt, another language, no text.

Each gives a value in [0, 1] with the line at 0.5: from there on a response passes. Made to stand before what decides
correctness or quality, not to decide alone.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Collection
from typing import Any

from rlar.tools.base import RuleTool
from rlar.tools.final_answer import spoken
from rlar.tools.language import UNKNOWN, detect_cheap
from rlar.tools.language_names import code_of_language
from rlar.tools.language_pair import language_pair
from rlar.tools.reference import golds
from rlar.tools.tokens import words
from rlar.types import Json, Kind, Mark, Query, Response

_INVISIBLE = re.compile(  # spaces, and characters that show nothing: soft hyphen, zero width, direction marks, fillers
    r"[\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0]+"
)


def visible(response: Response) -> str:
    """What a reader is shown: what follows the thoughts (<think> ... </think>). An endless thought shows nothing."""
    return spoken(response, thoughts="never")


class TextGate(RuleTool):
    """Base of the gates: a response that shows no visible character outside its thoughts is 0.0; else `look` says."""

    def describe_gate(self, name: str, about: str, **more: Any) -> None:
        self.describe(name=name, kind=Kind.VERIFIER, about=about, line=0.5, **more)

    def fits(self, query: Query) -> bool:
        return True

    def rate(self, response: Response, query: Query, prepared: Any) -> Mark:
        shown = visible(response)
        if not _INVISIBLE.sub("", shown):
            return Mark(0.0, "empty")
        return self.look(shown, response, prepared)

    def look(self, shown: str, response: Response, prepared: Any) -> Mark:
        """The mark of a response that shows something. shown: without its thoughts."""
        raise NotImplementedError


class NonEmpty(TextGate):
    """1.0 if the response shows at least one visible character outside its thoughts, else 0.0."""

    def __init__(self) -> None:
        self.describe_gate("non_empty", "the response says anything at all")

    def look(self, shown: str, response: Response, prepared: Any) -> Mark:
        return Mark(1.0, "says something")


LEEWAY = 0.2  # share that a response may always copy beyond the gold texts before it is worth nothing


class NotCopied(TextGate):
    """1 - the share of the response's word n-grams that stand in the prompt too: an echo of the prompt is 0.0.

    n: words in a row that count as copied. What the gold texts copy themselves is allowed: with a gold that copies 30%
    of its n-grams (an extractive summary), the share counts from 30% on. A response of fewer than n words passes,
    unless it is the prompt: a short answer may well be a name from the question.
    """

    def __init__(self, n: int = 5) -> None:
        if n < 2:
            raise ValueError(f"n must be at least 2, got {n}: single words are in any prompt")
        self.n = n
        about = "the response is not an echo of the prompt"
        self.describe_gate("not_copied", about, config={"n": n})

    def fits(self, query: Query) -> bool:
        return bool(query.text.strip())

    def prepare(self, query: Query) -> Any:
        prompt = words(query.text)
        known = set(zip(*[prompt[i:] for i in range(self.n)], strict=False))
        allowed = max((copied_share(words(gold), known, self.n) for gold in golds(query)), default=0.0)
        return prompt, known, allowed

    def look(self, shown: str, response: Response, prepared: Any) -> Mark:
        prompt, known, allowed = prepared
        said = words(shown)
        if len(said) < self.n:
            same = bool(said) and said == prompt
            return Mark(0.0 if same else 1.0, "the prompt itself" if same else f"under {self.n} words")
        share = copied_share(said, known, self.n)
        value = max(0.0, 1.0 - max(0.0, share - allowed) / max(LEEWAY, 1.0 - allowed))
        return Mark(value, f"{share:.0%} of its runs of {self.n} words are in the prompt", {"copied": share})


def copied_share(tokens: list[str], known: Collection[tuple[str, ...]], n: int) -> float:
    """The share of the n-grams of `tokens` that are in `known`; 0.0 if there are none."""
    grams = list(zip(*[tokens[i:] for i in range(n)], strict=False))
    return sum(gram in known for gram in grams) / len(grams) if grams else 0.0


class NotRepetitive(TextGate):
    """The share of distinct word n-grams among all n-grams of the response: 1.0 without a repeat, near 0 for a loop.

    Thoughts count too. A response of up to n words is 1.0. Source: distinct-n (Li et al. 2016).
    """

    def __init__(self, n: int = 4) -> None:
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        self.n = n
        about = "the response does not repeat itself"
        self.describe_gate("not_repetitive", about, config={"n": n})

    def look(self, shown: str, response: Response, prepared: Any) -> Mark:
        share = distinct_share(words(response), self.n)
        return Mark(share, f"{share:.0%} of its runs of {self.n} words are distinct")


def distinct_share(tokens: list[str], n: int) -> float:
    """Distinct n-grams per n-gram, in (0, 1]; 1.0 for fewer than two n-grams."""
    total = len(tokens) - n + 1
    if total < 2:
        return 1.0
    return len(set(zip(*[tokens[i:] for i in range(n)], strict=False))) / total


class LengthWithin(TextGate):
    """1.0 for a length between `fewest` and `most` (both included), else 0.5 times how near it comes, under the line.

    unit: "words" (characters in scripts without spaces) or "characters". None leaves a side open. No thoughts.
    """

    def __init__(self, fewest: int | None = None, most: int | None = None, unit: str = "words") -> None:
        if unit not in ("words", "characters"):
            raise ValueError(f"unit must be words or characters, got {unit!r}")
        if fewest is None and most is None:
            raise ValueError("give fewest, most or both")
        if (fewest or 0) < 0 or (most is not None and most < max(1, fewest or 0)):
            raise ValueError(f"needs 0 <= fewest <= most and most >= 1, got fewest={fewest}, most={most}")
        self.fewest, self.most, self.unit = fewest or 0, most, unit
        config: dict[str, Json] = {"fewest": fewest, "most": most, "unit": unit}
        bounds = f"{self.fewest} to {'any' if most is None else most} {unit}"
        about = f"the response has {bounds}"
        self.describe_gate("length_within", about, config=config)

    def look(self, shown: str, response: Response, prepared: Any) -> Mark:
        count = len(words(shown)) if self.unit == "words" else len(shown.strip())
        why = f"{count} {self.unit}"
        if count < self.fewest:
            return Mark(0.5 * count / (self.fewest + 1), f"{why}, fewer than {self.fewest}")
        if self.most is not None and count > self.most:
            return Mark(0.5 * self.most / count, f"{why}, more than {self.most}")
        return Mark(1.0, why)


# Languages whose texts are often taken for each other: such a finding is no proof of the wrong language.
_CLOSE = (
    "no da sv nb nn",
    "hr sr bs sl",
    "cs sk",
    "id ms",
    "pt gl es",
    "ca es",
    "ru uk be bg mk",
    "hi mr ne",
    "ur fa ar",
    "zh ja",
    "nl af",
)


class LanguageIs(TextGate):
    """1.0 if the response is in the asked language, 0.0 if it is in another; 1.0, with low confidence, if unclear.

    language: ISO 639-1 code; None for the language that the query asks for: the target of a translation, else that of
    its question. A text with under 20 letters cannot be told (unless its script tells it).
    """

    def __init__(self, language: str | None = None) -> None:
        code = None if language is None else code_of_language(language)
        if code == UNKNOWN:
            raise ValueError(f"{language!r} is not a language that is known here; give an ISO 639-1 code such as 'de'")
        self.language = code
        self.describe_gate(
            "language_is" if code is None else f"language_is_{code}",
            f"the response is in {code or 'the language that the query asks for'}",
            config={"language": code},
            libraries=("py3langid",),
        )

    def fits(self, query: Query) -> bool:
        return asked_language(query, self.language) != UNKNOWN

    def prepare(self, query: Query) -> str:
        return asked_language(query, self.language)

    def look(self, shown: str, response: Response, prepared: str) -> Mark:
        from rlar.tools.language import detect

        found = detect(shown)
        if found == prepared:
            return Mark(1.0, f"is {found}", confidence=1.0)
        if found == UNKNOWN:
            return Mark(1.0, "too short or mixed to tell the language", confidence=0.3)
        if are_close(found, prepared):
            return Mark(1.0, f"looks like {found}, which is close to {prepared}", confidence=0.5)
        return Mark(0.0, f"is {found}, not {prepared}", confidence=0.9)


def asked_language(query: Query, language: str | None = None) -> str:
    """The language that answers to a query are to be in: as configured, the target of a translation, the question's."""
    if language is not None:
        return language
    pair = language_pair(query)
    return pair.target if pair is not None and pair.target != UNKNOWN else detect_cheap(query.question)


def are_close(one: str, other: str) -> bool:
    """Whether two languages are so alike that detectors mix them up."""
    return any(one in group.split() and other in group.split() for group in _CLOSE)


class NotDegenerate(TextGate):
    """1.0 for what can be text, code or data at all; near 0.0 for loops, one character, noise and gibberish.

    Four signs, of which the worst counts: how far the text can be compressed (loops), the share of its commonest
    character, the share of characters that no text has (control, unassigned, replacement), and the share of its longer
    words in Latin letters that nobody could speak (6 consonants in a row). Short texts are not suspected.
    """

    def __init__(self) -> None:
        about = "the response is no loop, noise or gibberish"
        self.describe_gate("not_degenerate", about)

    def look(self, shown: str, response: Response, prepared: Any) -> Mark:
        terms = degeneration_signs(response)
        worst = min(terms, key=lambda name: terms[name])
        return Mark(terms[worst], "looks like text" if terms[worst] >= 0.5 else _WHY[worst], terms)


_WHY = {
    "variety": "repeats itself over and over",
    "characters": "is mostly one character",
    "printable": "holds characters that no text has",
    "speakable": "holds words that nobody can speak",
}
_CONSONANTS = re.compile(r"[b-df-hj-np-tv-xzß]{6,}")
_RULE = re.compile(r"(?m)^[ \t]*([^\w\s])\1{3,199}[ \t]*$")  # a line that only separates

_LATIN_WORD = re.compile(r"(?<![\w./\\@#-])[a-zß]{6,}(?![\w./\\@-])")
_STRANGE = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ufffd\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_READ = 20_000  # characters that are looked at, half of them from the end


def degeneration_signs(text: str) -> dict[str, float]:
    """Four signs of a text's health, each in [0, 1], under 0.5 where it is sick (see `NotDegenerate`)."""
    if len(text) > _READ:
        text = text[: _READ // 2] + text[-_READ // 2 :]
    bare = "".join(text.split())
    if len(ruled := "".join(_RULE.sub("", text).split())) >= 20:
        bare = ruled
    if len(bare) < 20:
        return {"variety": 1.0, "characters": 1.0, "printable": 1.0, "speakable": 1.0}
    data = text.encode("utf-8", "replace")
    ratio = len(zlib.compress(data, 6)) / len(data)
    # English prose of 300 to 20,000 bytes shrinks to 0.3-0.7, tables to 0.15, a loop of 50 turns to 0.04. A short text
    # cannot shrink much, so the same loop shows less; texts under 200 bytes are left to the other signs.
    variety = min(1.0, ratio / 0.16) if len(data) >= 200 else 1.0
    top = Counter(bare).most_common(1)[0][1] / len(bare)
    strange = len(_STRANGE.findall(text)) / len(text)
    long_words = _LATIN_WORD.findall(text.lower())
    unspeakable = sum(any(len(set(run)) > 3 for run in _CONSONANTS.findall(word)) for word in long_words)
    speakable = 1.0 - min(1.0, unspeakable / len(long_words) * 2) if len(long_words) >= 5 else 1.0
    return {
        "variety": variety,
        "characters": max(0.0, 1.0 - max(0.0, top - 0.3) / 0.7),
        "printable": max(0.0, 1.0 - 10 * strange),
        "speakable": speakable,
    }
