"""Texts as tokens: sacrebleu's 13a and zh, rouge-score's words, and words of any script.

All are one pass of `str.translate` with a table that fills itself, so that a text costs microseconds, and none keeps a
cache of texts (sacrebleu keeps 65,536 of them, which a long-lived worker cannot afford). Standard library only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable


class _Table(dict[int, str]):
    """A translation table that asks `spell` once for each character it meets."""

    def __init__(self, spell: Callable[[str], str]) -> None:
        super().__init__()
        self._spell = spell

    def __missing__(self, code: int) -> str:
        self[code] = out = self._spell(chr(code))
        return out


# -- words of any script ---------------------------------------------------------------------------------------------

# Scripts that put no spaces between words: each character is a word. Blocks by first and last code point.
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x0FFF),  # Tibetan
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3040, 0x30FF),  # kana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)


def is_unspaced(c: str) -> bool:
    """Whether a character belongs to a script without spaces between words (Han, kana, Thai, Lao, Khmer, Burmese)."""
    code = ord(c)
    return code >= 0x0E00 and any(low <= code <= high for low, high in _UNSPACED)


def _spell_word(c: str) -> str:
    kind = unicodedata.category(c)
    if kind[0] in "LN":
        return f" {c} " if is_unspaced(c) else c
    return c if kind[0] == "M" else " "  # marks belong to their letter: without them Hindi words fall apart


_WORDS = _Table(_spell_word)


def words(text: str) -> list[str]:
    """The words of a text in any script, case folded, compatibility forms as one (NFKC); punctuation is dropped.

    A character of a script without spaces is a word. "It's 3.5" gives it, s, 3, 5.
    """
    return normalised(text).translate(_WORDS).split()


def normalised(text: str) -> str:
    """NFKC and case folded: what looks the same compares equal ("ﬁ" and "fi", full-width "Ａ" and "a")."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


def nfc(text: str) -> str:
    """Composed form, so that "é" equals "e" with an accent."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


_HANGUL = ("\uac00", "\ud7a3")


def stems(tokens: Iterable[str]) -> list[str]:
    """Words cut to their first 4 letters (2 syllables of Hangul): a stemmer for any alphabet. Numbers stay whole.

    Against human judgements of translations into German and English it ranks better than whole words.
    """
    return [_stem(t) if len(t) > 2 else t for t in tokens]


def _stem(token: str) -> str:
    if _HANGUL[0] <= token[0] <= _HANGUL[1]:
        return token[:2]
    return token[:4] if token.isalpha() or not any(map(str.isdigit, token)) else token


# -- rouge-score -----------------------------------------------------------------------------------------------------

_NOT_ASCII_WORD = re.compile(r"[^a-z0-9]+")


def rouge_words(text: str) -> list[str]:
    """The tokens of rouge-score without stemming: lower case, runs of a-z and 0-9. "naïve" gives na, ve."""
    return _NOT_ASCII_WORD.sub(" ", text.lower()).split()


def _spell_script(c: str) -> str:
    return "x" if c.isalpha() and not unicodedata.name(c, "").startswith("LATIN") else ""


_OTHER_SCRIPT = _Table(_spell_script)


def is_latin(text: str) -> bool:
    """Whether all letters of a text are Latin letters, accented ones included."""
    return text.isascii() or not text.translate(_OTHER_SCRIPT)


# -- sacrebleu -------------------------------------------------------------------------------------------------------

_SPLIT_OFF = '{|}~[\\]^_`!"#$%&()*+:;<=>?@/'
# What sacrebleu's zh tokenizer takes for Chinese. Its fourth range is written '\u20000' there, which Python reads as
# two characters, so that it holds U+2001 to U+2A6D; kept, since the scores are to be equal.
_CHINESE = (
    (0x3400, 0x4DB5), (0x4E00, 0x9FA5), (0x9FA6, 0x9FBB), (0xF900, 0xFA2D), (0xFA30, 0xFA6A), (0xFA70, 0xFAD9),
    (0x2001, 0x2A6D), (0x2F81, 0x2FA1), (0xFF00, 0xFFEF), (0x2E80, 0x2EFF), (0x3000, 0x303F), (0x31C0, 0x31EF),
    (0x2F00, 0x2FDF), (0x2FF0, 0x2FFF), (0x3100, 0x312F), (0x31A0, 0x31BF), (0xFE10, 0xFE1F), (0xFE30, 0xFE4F),
    (0x2600, 0x26FF), (0x2700, 0x27BF), (0x3200, 0x32FF), (0x3300, 0x33FF),
)  # fmt: skip


def _spell_13a(c: str) -> str:
    return f" {c} " if c in _SPLIT_OFF else c


def _spell_zh(c: str) -> str:
    code = ord(c)
    return f" {c} " if c in _SPLIT_OFF or any(low <= code <= high for low, high in _CHINESE) else c


def _spell_characters(c: str) -> str:
    return f" {c} " if c in _SPLIT_OFF or is_unspaced(c) or 0x3000 <= ord(c) <= 0x303F else c


_13A = _Table(_spell_13a)
_ZH = _Table(_spell_zh)
_CHARACTERS = _Table(_spell_characters)

_NOT_DIGIT_POINT = re.compile(r"([^0-9])([.,])")
_POINT_NOT_DIGIT = re.compile(r"([.,])([^0-9])")
_DIGIT_DASH = re.compile(r"([0-9])(-)")


def bleu_words(text: str, tokenizer: str) -> list[str]:
    """The tokens of sacrebleu's BLEU. tokenizer: "13a", "zh", or "char": as 13a, with each unspaced character alone."""
    if tokenizer == "zh":
        return _points(text.strip().translate(_ZH)).split()
    text = text.rstrip().replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    if "&" in text:
        text = text.replace("&quot;", '"').replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
    return _points(f" {text} ".translate(_13A if tokenizer == "13a" else _CHARACTERS)).split()


def _points(text: str) -> str:
    if "." in text or "," in text:
        text = _NOT_DIGIT_POINT.sub(r"\1 \2 ", text)
        text = _POINT_NOT_DIGIT.sub(r" \1 \2", text)
    return _DIGIT_DASH.sub(r"\1 \2 ", text) if "-" in text else text
