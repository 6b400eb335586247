"""Text into sentences, in two ways that public checkers use.

`sentences` is the unsupervised method of Kiss and Strunk (2006), "Unsupervised Multilingual Sentence Boundary
Detection", as NLTK's tokenizer behaves: a stop ends a sentence unless it belongs to an abbreviation, an initial or an
ordinal before a word that does not look like a beginning. NLTK learnt its lists from newspapers; ours are written by
hand. Added here: the stops of scripts that NLTK leaves alone (。！？ । ۔ ؟).

`simple_sentences` cuts at every stop that is not part of a known abbreviation; open-instruct's checkers use such a one.
"""

from __future__ import annotations

import re
from itertools import pairwise, zip_longest

from rlar.tools.constraints.vocabulary import (
    ABBREVIATIONS,
    FRENCH_ABBREVIATIONS,
    SPANISH_ABBREVIATIONS,
    STARTERS,
)

STOPS = ".?!"
CLOSERS = "\"')]}‘’“”«»"  # these join the sentence before them
AFTER = frozenset(")\";}]*:@'({[!?‘’“”«»")  # a stop before one of these may end a sentence, too
FOREIGN_STOPS = "。！？｡।॥۔؟።။"
CLOSING = re.compile(f"\\s*[{re.escape(CLOSERS)}]+(?=\\s|--|\\Z)")
FOREIGN = re.compile(f"[{FOREIGN_STOPS}]+[」』）】》〉”’\"')\\]}}»]*")

ABBREVIATIONS_OF = {"en": ABBREVIATIONS, "fr": FRENCH_ABBREVIATIONS, "es": SPANISH_ABBREVIATIONS}

# One word of the method: runs of dashes or dots, words up to a closing mark or a final comma, single marks.
RUN = r"-{2,}|\.{2,}"
TOKEN = re.compile(
    rf"{RUN}|[^\s(\"`{{\[:;&#*@)}}\]\-,]\S*?(?=$|[)\";}}\]*:@'({{\[!?“”«»]|{RUN}|,(?:$|[)\";}}\]*:@'({{\[!?“”«»]|{RUN}))|\S"
)
INITIAL = re.compile(r"[^\W\d]\.\Z")
NUMBER = re.compile(r"-?[.,]?\d[\d,.-]*\Z")


def sentences(text: str, language: str = "en") -> list[str]:
    """The sentences, stripped. language: whose abbreviations to know: en, fr or es."""
    abbreviations = ABBREVIATIONS_OF.get(language, ABBREVIATIONS)
    cuts = _cuts(text, abbreviations)
    if not text.isascii():
        cuts = sorted({*cuts, *(match.end() for match in FOREIGN.finditer(text))})
    parts = []
    start = 0
    for cut in [*cuts, len(text)]:
        end = _past_closers(text, cut)
        part = text[start:end].strip()
        if part:
            parts.append(part)
        start = max(start, end)
    return parts


def _past_closers(text: str, cut: int) -> int:
    """Closing quotes and brackets after a cut belong to the sentence before it, if nothing is joined to them."""
    closers = CLOSING.match(text, cut)
    return closers.end() if closers else cut


def _cuts(text: str, abbreviations: frozenset[str]) -> list[int]:
    """Where sentences end: after the last stop of a chunk (text between spaces) that passes for an end."""
    cuts = []
    chunks = [match.span() for match in re.finditer(r"\S+", text)]
    before = "A"  # how the chunk before begins: a capital lets "J." be part of a name
    for (start, end), following in zip_longest(chunks, chunks[1:]):
        before, first = text[start], before
        stop = _last_stop(text, start, end, last=following is None)
        if stop < 0:
            continue
        tokens = TOKEN.findall(text, start, stop + 1)
        if stop + 1 < end:
            tokens.append(text[stop + 1])
        elif following is not None:
            tokens += TOKEN.findall(text, *following)
        # A stop within the next chunk counts as well ('Mr. Smith!"' is cut after "Mr."): NLTK looks at both together.
        if any(_breaks(token, after, abbreviations, first.islower()) for token, after in pairwise(tokens)):
            cuts.append(stop + 1)
    return cuts


def _last_stop(text: str, start: int, end: int, *, last: bool) -> int:
    """The last stop with a space or a closing mark behind it, -1 if there is none. last: no further chunk comes."""
    for at in range(end - 1, start - 1, -1):
        if text[at] in STOPS and (not last if at + 1 == end else text[at + 1] in AFTER):
            return at
    return -1


def _breaks(token: str, following: str, abbreviations: frozenset[str], after_lower: bool) -> bool:
    """Whether a sentence ends between two tokens. after_lower: a word in lower case comes before them."""
    if token in ("?", "!", "."):
        return True
    if not token.endswith("."):
        return False
    begins = following[0].isupper() and following.lower().rstrip(".") in STARTERS
    if token.endswith(".."):  # an ellipsis
        return begins
    name = token[:-1].lower()
    initial = INITIAL.match(token) is not None
    if name in abbreviations or name.rpartition("-")[2] in abbreviations:
        return begins and not initial
    if initial or NUMBER.match(name):
        if following in (*";:,.!?",) or following[0].islower():
            return False
        return begins or not (initial and following[0].isupper()) or after_lower
    return True


# Cuts at every stop, after some have been marked as no end. One alternation in place of a chain of substitutions, so
# that the time is linear and no placeholder can be forged by the text.
BEGINNING = r"[ ](?:Mrs?|Ms|Dr|Prof|Ca?pt|Lt|Wherever|(?:He|She|It|They|Their|Our|We|But|However|That|This)\s)"
SIMPLE_STOP = re.compile(
    rf"""
    (?P<kept> (?:Mr|St|Mrs|Ms|Dr|Ph\.D)\.
      | \.(?:com|net|org|io|gov|edu|me)
      | (?<=[0-9])\.(?=[0-9])
      | [A-Za-z]\.[A-Za-z]\.(?:[A-Za-z]\.)?(?!(?<=[A-Z]\.){BEGINNING})
      | (?<=\s)[A-Za-z]\.
      | (?<=\s)(?:Inc|Ltd|Jr|Sr|Co)\.(?!{BEGINNING})
    )
    | \.{{2,}} | [.!?]" | \.” | [.?!]
    """,
    re.VERBOSE,
)


def simple_sentences(text: str) -> list[str]:
    """Sentences as open-instruct's checkers cut them: at every stop but those of titles, initials, numbers, sites."""
    text = f" {text}  ".replace("\n", " ")
    parts, start = [], 0
    for match in SIMPLE_STOP.finditer(text):
        if match["kept"]:
            continue
        parts.append(text[start : match.end()].strip())
        start = match.end()
    if not text.isascii():
        parts = [part for one in parts for part in _at_foreign_stops(one)]
        parts += _at_foreign_stops(text[start:].strip())
    else:
        parts.append(text[start:].strip())
    return parts if parts[-1] else parts[:-1]


def _at_foreign_stops(text: str) -> list[str]:
    parts, start = [], 0
    for match in FOREIGN.finditer(text):
        parts.append(text[start : match.end()].strip())
        start = match.end()
    rest = text[start:].strip()
    return [*parts, rest] if rest or not parts else parts
