"""Text into words: runs of letters and digits, as IFEval counts them, and treebank tokens, as NLTK cuts them."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

from rlar.tools.constraints.scripts import CJK, mostly_cjk
from rlar.tools.constraints.sentences import sentences

WORD = re.compile(r"\w+")
PUNCTUATION = str.maketrans("", "", string.punctuation)


def words(text: str) -> list[str]:
    """Runs of letters, digits and underscores; in Chinese and Japanese texts every character is a word.

    So "don't" is two words, as in IFEval. Without spaces there are no words to see; word processors count characters.
    """
    runs = WORD.findall(text)
    if not mostly_cjk(text):
        return runs
    return [part for run in runs for part in (_split_cjk(run) if CJK.search(run) else (run,))]


def _split_cjk(run: str) -> Iterator[str]:
    rest = 0
    for match in CJK.finditer(run):
        if rest < match.start():
            yield run[rest : match.start()]
        yield match.group()
        rest = match.end()
    if rest < len(run):
        yield run[rest:]


def bare(text: str) -> str:
    """The text without ASCII punctuation, which is how IFBench looks at words."""
    return text.translate(PUNCTUATION)


def stripped(word: str) -> str:
    """The word without ASCII punctuation and spaces around it."""
    return word.strip(string.punctuation + " ")


# Treebank tokens: the conventions of the Penn Treebank with the additions that NLTK made (typographic quotes, "*").
APART = re.compile(
    r"""
    \.{2,} | --                       # ellipsis, dash
    | ``? | ''                        # the treebank's own quotes
    | [«»“”‘’„\u2012-\u2015]          # typographic quotes, apostrophes among them, and dashes
    | (?<!\w)' (?!(?:re|ve|ll|m|t|s|d|n)\b)(?=\w)  # an opening quote
    | [][(){}<>;@\#$%&?!*"]           # marks that always stand alone
    | [:,] (?=\D|\Z)                  # but not in 10:30 or 1,000
    """,
    re.VERBOSE | re.IGNORECASE,
)
FINAL_DOT = re.compile(r"(?<=[^.])\.(?=[\])}>\"'»”’\s]*\Z)")
SHORT_FORM = re.compile(r"(?i)('s|'m|'d|'ll|'re|'ve|n't|')\Z")
FUSED = {
    "cannot": 3, "gimme": 3, "gonna": 3, "gotta": 3, "lemme": 3, "wanna": 3, "d'ye": 1, "more'n": 4,
}  # fmt: skip


def treebank(text: str) -> list[str]:
    """Treebank tokens of every sentence: "He can't." -> He, ca, n't, "."; quotation marks stay as they are written."""
    return [token for sentence in sentences(text) for token in treebank_sentence(sentence)]


def treebank_sentence(sentence: str) -> list[str]:
    return list(_tokens(sentence))


def capitals(text: str) -> int:
    """How many treebank tokens are written in capitals. Where sentences end does not matter for that."""
    chunks = (chunk for chunk in text.split() if not chunk.islower())
    return sum(token.isupper() for chunk in chunks for token in _tokens(chunk))


def _tokens(sentence: str) -> Iterator[str]:
    dot = FINAL_DOT.search(sentence, max(0, len(sentence.rstrip("])}>\"'»”’ \t\n\r\f\v")) - 2))
    end = dot.start() if dot else -1
    for chunk in re.finditer(r"\S+", sentence):
        start, stop = chunk.span()
        for match in APART.finditer(sentence, start, stop):
            yield from _pieces(sentence, start, match.start(), end)
            yield match.group()
            start = match.end()
        yield from _pieces(sentence, start, stop, end)


def _pieces(sentence: str, start: int, stop: int, dot: int) -> Iterator[str]:
    """A stretch without marks that stand alone, cut at short forms ('s, n't) and at the sentence's final dot."""
    if start <= dot < stop:
        yield from _pieces(sentence, start, dot, -1)
        yield "."
        yield from _pieces(sentence, dot + 1, stop, -1)
        return
    piece = sentence[start:stop]
    if not piece:
        return
    tail: list[str] = []
    short = SHORT_FORM.search(piece)
    if short and short.start() > 0:
        piece, tail = piece[: short.start()], [short.group()]
    if piece.lower() in FUSED:
        cut = FUSED[piece.lower()]
        yield from (piece[:cut], piece[cut:])
    else:
        yield piece
    yield from tail
