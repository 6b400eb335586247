"""What is unusual about a response. Only for choosing what to show people: no reward ever depends on it."""

from __future__ import annotations

import re

from rlar.types import Response

LOOKED_AT = 20_000  # characters at either end that are searched for phrases
LONG = 20_000

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad\U000e0000-\U000e007f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
# (what it is called, texts of which one must be there for the pattern to be tried, pattern); all in lower case.
# Searching for a plain text is twenty times faster than trying the pattern everywhere.
_PHRASES: tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...] = (
    (
        "speaks to the grader",
        (
            *("ignore ", "grader", "judge", "evaluator", "reviewer", "verifier", "full marks", "full score", "maximum"),
            *("highest", "perfect", "10/10", "score of", "is correct", "is right", "<|im_start|>", "inst]", "<<sys>>"),
        ),
        re.compile(
            r"ignore (?:all |any |the |your )*(?:previous|prior|above|earlier)"
            r"|(?:dear|note to|attention|as) (?:the )?(?:grader|judge|evaluator|reviewer|verifier)"
            r"|(?:give|award|assign|deserves?|output|return) (?:\w+ ){0,4}"
            r"(?:full marks|full score|maximum|highest|perfect|10/10|score of)"
            r"|this (?:answer|response) is (?:correct|perfect|right)\b"
            r"|<\|im_start\|>|\[/?inst\]|<<sys>>"
        ),
    ),
    (
        "answers true to any comparison",
        ("def __",),
        re.compile(r"def __(?:eq|ne|lt|le|gt|ge|contains|bool|hash)__"),
    ),
    (
        "ends the test process",
        ("exit", "quit", "os.kill"),
        re.compile(r"\b(?:os\._exit|sys\.exit|exit|quit)\(\s*0?\s*\)|atexit|os\.kill"),
    ),
    ("holds markup", ("<", "javascript:"), re.compile(r"<\s*(?:script|iframe|img|svg)\b|javascript:")),
)
_ANSWERS = ("\\boxed{", "answer is", "####")


def oddities(response: Response) -> list[str]:
    """What stands out, in a few words each; [] for an ordinary response. Time is linear in its length."""
    if not response.strip():
        return ["empty"]
    found = []
    if _CONTROL.search(response):
        found.append("control characters")
    if _INVISIBLE.search(response):
        found.append("invisible or direction-changing characters")
    if _SURROGATE.search(response):
        found.append("lone surrogates")
    if len(response) > LONG:
        found.append(f"{len(response):,} characters")
    ends = response if len(response) <= 2 * LOOKED_AT else response[:LOOKED_AT] + "\n" + response[-LOOKED_AT:]
    ends = ends.lower()
    for name, needed, pattern in _PHRASES:
        if any(text in ends for text in needed) and pattern.search(ends):
            found.append(name)
    if sum(ends.count(mark) for mark in _ANSWERS) >= 4:
        found.append("many final answers")
    if _repeats(ends):
        found.append("repeats itself")
    return found


def _repeats(text: str) -> bool:
    """Whether fewer than one in eight of the words in a row of three are new; texts under 60 words are left alone."""
    words = text.split()
    if len(words) < 60:
        return False
    triples = set(zip(words, words[1:], words[2:], strict=False))
    return len(triples) * 8 < len(words) - 2
