"""Text into sentences, in two ways that public checkers use.

`sentences` is the unsupervised method of Kiss and Strunk (2006), "Unsupervised Multilingual Sentence Boundary
Detection", as NLTK's tokenizer behaves: a stop ends a sentence unless it belongs to an abbreviation, an initial or an
ordinal before a word that does not look like a beginning. NLTK learnt its lists from newspapers; ours are written by
hand. Added here: the stops of scripts that NLTK leaves alone (。！？ । ۔ ؟).

`simple_sentences` cuts at every stop that is not part of a known abbreviation; open-instruct's checkers use such a one.
"""

from __future__ import annotations

import re
from itertools import pairwise

STOPS = ".?!"
CLOSERS = "\"')]}‘’“”«»"  # these join the sentence before them
AFTER = frozenset(")\";}]*:@'({[!?‘’“”«»")  # a stop before one of these may end a sentence, too
FOREIGN_STOPS = "。！？｡।॥۔؟።။"
CLOSING = re.compile(f"\\s*[{re.escape(CLOSERS)}]+(?=\\s|--|\\Z)")
FOREIGN = re.compile(f"[{FOREIGN_STOPS}]+[」』）】》〉”’\"')\\]}}»]*")

# Titles, months, days, states, firms, units, authors. "e.g.", "i.e." and "etc." are not here: NLTK ends a sentence there.
ABBREVIATIONS = {
    "en": frozenset(
        "mr mrs ms dr prof messrs gen col maj lt adm sen rep reps st sr jr bros co corp inc ltd cos cie "
        "jan feb aug sept sep oct nov dec tues wed fri sw ave vs ct ft mg yr pa "
        "ala ariz calif colo conn fla ga ill kan ky mich minn nev okla ore tenn va vt wash wis w.va "
        "a.m p.m u.s u.k u.n u.s.a u.s.s.r a.d ph.d m.b.a d.c n.y l.a n.c s.c n.j n.h n.m n.d r.i b.v n.v s.p.a j.r j.k "
        "c e f g h k l m n p r s t v w "
        "mme mlle mmes sra srta sres ud uds ee.uu p.ej z.b d.h u.a bzw usw".split()
    )
}
ABBREVIATIONS["fr"] = ABBREVIATIONS["en"] | frozenset(
    "dre drs pr cap cf ex env etc av apr janv fév févr avr juil déc tél tel rép vol nb n.b p.s p.-s c.-à-d i.e e.g j.-c "
    "adj resp svp art chap éd fig p pp".split()
)
ABBREVIATIONS["es"] = ABBREVIATIONS["en"] | frozenset(
    "dra dres dña d lic ing arq etc pág págs p.ej ej tel tfno núm vol cap av avda c.a s.a s.l a.c d.c art fig aprox".split()
)

# Words that begin a sentence after "U.S.", "p.m." or "..." when written with a capital.
STARTERS = frozenset(
    "a about according actually add after all also although always an and another any anyway are as ask at because "
    "before being besides both bring but by call check choose come consider could create depending despite did do does "
    "don't during each eighth either enjoy even eventually every everyone fifth finally find first following for fourth from get give given "
    "had has have having he hence her here his how however i if imagine in indeed instead is it its just keep know last "
    "later let let's like look make many maybe meanwhile moreover most much my nevertheless next no nonetheless nor not "
    "now of oh on once one only or others our over overall perhaps please put remember second separately set several she should "
    "similarly simply since sixth so some someone sometimes soon start still such suddenly take tell that the their then there "
    "therefore these they think third this those though through thus to today together too try under unfortunately unless "
    "until upon use usually very wait was we well were what whatever when where whether which while who whose why will "
    "with without would write yes yet you your".split()
)

# One word of the method: runs of dashes or dots, words up to a closing mark or a final comma, single marks.
RUN = r"-{2,}|\.{2,}"
TOKEN = re.compile(
    rf"{RUN}|[^\s(\"`{{\[:;&#*@)}}\]\-,]\S*?(?=$|[)\";}}\]*:@'({{\[!?“”«»]|{RUN}|,(?:$|[)\";}}\]*:@'({{\[!?“”«»]|{RUN}))|\S"
)
INITIAL = re.compile(r"[^\W\d]\.\Z")
NUMBER = re.compile(r"-?[.,]?\d[\d,.-]*\Z")


def sentences(text: str, language: str = "en") -> list[str]:
    """The sentences, stripped. language: whose abbreviations to know: en, fr or es."""
    abbreviations = ABBREVIATIONS.get(language, ABBREVIATIONS["en"])
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
    for (start, end), following in zip(chunks, [*chunks[1:], None], strict=True):
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
    """Sentences as open-instruct's checkers cut them: at every stop but those of titles, initials, numbers and sites."""
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
