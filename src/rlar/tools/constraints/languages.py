"""Languages of texts, for instructions that ask for one."""

from __future__ import annotations

import re

from rlar.tools.constraints.check import Finding
from rlar.tools.constraints.fields import Field
from rlar.tools.constraints.vocabulary import COMMON
from rlar.types import Json

# The languages that instruction data sets ask for, by ISO 639-1 code.
NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German",
    "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian", "fi": "Finnish",
    "fr": "French", "gl": "Galician", "gu": "Gujarati", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian",
    "hu": "Hungarian", "id": "Indonesian", "it": "Italian", "ja": "Japanese", "kn": "Kannada", "ko": "Korean",
    "lt": "Lithuanian", "lv": "Latvian", "ml": "Malayalam", "mr": "Marathi", "ms": "Malay", "ne": "Nepali",
    "nl": "Dutch", "no": "Norwegian", "pa": "Punjabi", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian",
    "ru": "Russian", "sk": "Slovak", "sl": "Slovenian", "sq": "Albanian", "sv": "Swedish", "sw": "Swahili",
    "ta": "Tamil", "te": "Telugu", "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu",
    "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
SAME = {"nb": "no", "nn": "no", "fil": "tl", "iw": "he", "in": "id"}


def base_code(code: str) -> str:
    """ "zh-cn" and "zh_TW" are Chinese; variants that detectors do not part are one language."""
    code = code.strip().lower().replace("_", "-").partition("-")[0]
    return SAME.get(code, code)


def _language(raw: Json) -> str:
    if not isinstance(raw, str) or base_code(raw) not in NAMES:
        raise ValueError(f"{raw!r} is not a known language code")
    return base_code(raw)


LANGUAGE = Field(_language, NAMES.__getitem__)


def in_language(text: str, language: str, *, doubt: bool = False) -> Finding:
    """Whether the text is in a language (ISO 639-1). doubt: the verdict on a text too short to tell its language.

    A text without letters is in no language. (The public checker takes it for any: an easy way to cheat.)
    """
    from rlar.tools.language import UNKNOWN, detect

    found = base_code(detect(text))
    if found == UNKNOWN:
        return Finding(doubt and any(map(str.isalpha, text)), "no language that could be told")
    return Finding(found == language, NAMES.get(found, found))


FEWEST_WORDS = 12
COMMON_SHARE = 0.05


def without_english_words(text: str) -> bool:
    """Whether a text of some length has hardly any of the words that bind English sentences."""
    words = re.findall(r"[a-z]+", text.lower())
    return len(words) >= FEWEST_WORDS and sum(word in COMMON for word in words) < COMMON_SHARE * len(words)
