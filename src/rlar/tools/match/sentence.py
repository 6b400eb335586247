"""A sentence that answers a question with one span and otherwise repeats the question.

"Paris is the capital of France", "The capital is Paris" and "It's Paris" state "Paris" to "What is the capital of
France?": what is left without the words of the question and the words that only link is the answer, in one piece.
A second name, a negation or an "or" is left over as well, so "Lyon, not Paris" and "Paris or Lyon" say something else.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

LONGEST = 300  # characters of a sentence that is read this way, and of the question at the end of a prompt

_LINK_WORDS = """a an the it its it's this that these those is are was were be been s i he she they we there here
    of in on at by to for from with as called named known answer think believe
    written located found born made painted directed invented discovered founded composed sung played built
    es son la el los las le les un une der die das ist sind est est c'est de du des von en é è o os il lo"""
_LINKS = frozenset(_LINK_WORDS.split())
_TELLING_WORDS = "or and not no never nor neither but oder ou nicht pas n't without except"
_TELLING = frozenset(_TELLING_WORDS.split())
_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*\.?[+#%]*")
_POSSESSIVE = re.compile(r"['’]s$")


def words_of(text: str) -> set[str]:
    """The words of a text in lower case, possessives also without their ending."""
    found = {word.rstrip(".").casefold() for word in _WORD.findall(text)}
    return found | {_POSSESSIVE.sub("", word) for word in found}


def asked(question: str) -> str:
    """The question itself at the end of a prompt: up to its last "?", from the sentence's start; else the last line."""
    head, mark, _ = question[-4 * LONGEST :].rpartition("?")
    text = head if mark else question.strip().rpartition("\n")[2]
    return re.split(r"[.!?:]\s|\n", text)[-1][-LONGEST:]


def answer_in(sentence: str, words: AbstractSet[str]) -> str:
    """What a sentence says beside linking words and the `words` of a question; "" if that is nothing or in two pieces.

    sentence: one sentence, at most LONGEST characters are read; a longer one says "".
    """
    sentence = sentence.strip()
    if len(sentence) > LONGEST or re.search(r"[;:\n]|,\s", sentence) or re.search(r"[.!?]\s", sentence[:-1]):
        return ""
    found = list(_WORD.finditer(sentence))
    own = [i for i, m in enumerate(found) if not _said_before(m[0], words)]
    if not own or own[-1] - own[0] + 1 == len(found):
        return ""
    if any(m[0].casefold() in _TELLING or "n't" in m[0] or "n’t" in m[0] for m in found):
        return ""
    return sentence[found[own[0]].start() : found[own[-1]].end()].rstrip(".")


def _said_before(word: str, words: AbstractSet[str]) -> bool:
    word = word.rstrip(".").casefold().replace("’", "'")
    return word in _LINKS or word in words or _POSSESSIVE.sub("", word) in words | _LINKS
