"""Choices, labels, JSON, programs, moments and language: the answers that are not maths."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from rlar.tools.reference.golds import wants_json
from rlar.tools.reference.maths import wide_letters
from rlar.tools.reference.shape import Shape
from rlar.types import Json

# -- choices and labels --------------------------------------------------------------------------------------------

_LETTER = re.compile(r"(?:\\text\s?\{)?\(?([A-Za-z])\)?\}?[.:)]?")
_LETTER_AND_TEXT = re.compile(r"\(?([A-J])[).:]\)?\s{0,3}\S")
_SEVERAL = re.compile(r"[A-J](?:\s?(?:,|and|&)?\s?[A-J]){1,9}")
_OPTION = re.compile(r"(?:^|[\s*(\[{])\(?([A-J])(?:\)|\.(?=\s)|:(?=\s)|\}\)?)\**", re.M)
_LABEL_WORDS = """yes no true false maybe unknown unsure undetermined valid invalid correct incorrect right wrong
positive negative neutral mixed entailment contradiction entailed contradicted supported supports refuted refutes
unsupported agree disagree safe unsafe toxic spam ham pass fail possible impossible same different relevant irrelevant
equivalent uncertain ja nein oui non si sí sim não nao nee da net да нет 是 否 对 错 正确
错误 はい いいえ 예 아니요 evet hayır"""
_LABEL_PHRASES = {"not enough info", "not enough information", "not entailment", "cannot be determined", "not given"}
_LABELS = frozenset(_LABEL_WORDS.split()) | _LABEL_PHRASES


def choices_of(extra: Mapping[str, Json] | None) -> dict[str, str]:
    """{"A": text, ...} of extra["choices"] or ["options"]: a list, letter -> text, or {"text": [...], "label": [...]}.

    {} where none are given, and for more than 26.
    """
    found = (extra or {}).get("choices") or (extra or {}).get("options")
    if isinstance(found, Mapping):
        texts, labels = found.get("text"), found.get("label")
        if isinstance(texts, (list, tuple)) and isinstance(labels, (list, tuple)):
            return {str(k).strip().upper(): str(v) for k, v in zip(labels, texts, strict=False)}
        return {str(k).strip().upper(): str(v) for k, v in found.items()}
    if isinstance(found, (list, tuple)) and len(found) <= 26:
        return {"ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i]: str(v) for i, v in enumerate(found)}
    return {}


def options_in(prompt: str) -> str:
    """The letters of the options that a prompt lays out, e.g. "ABCD"; "" if it lays out fewer than two, from A on."""
    letters = list(dict.fromkeys(_OPTION.findall(prompt)))
    run = ""
    for letter in "ABCDEFGHIJ":
        if letter not in letters:
            break
        run += letter
    return run if len(run) > 1 else ""


def offered(text: str, prompt: str, extra: Mapping[str, Json] | None) -> Shape | None:
    """A choice or label that the row itself offers: in extra, or as lettered options of the prompt."""
    given = choices_of(extra)
    if given:
        m = _LETTER.fullmatch(text) or _LETTER_AND_TEXT.match(text) or re.fullmatch(r"\(?(\w{1,3})\)?", text)
        if m and m[1].upper() in given:
            return Shape("choice", 0.99, "reference is the letter of one of the given options", m[1].upper())
        same = [k for k, v in given.items() if v.strip().casefold() == text.casefold()]
        if len(same) == 1:
            return Shape("choice", 0.95, "reference is one of the given options", same[0])
    labels = (extra or {}).get("labels")
    if isinstance(labels, (list, tuple)) and text.casefold() in {str(x).casefold() for x in labels}:
        return Shape("label", 0.99, "reference is one of the given labels", text.casefold())
    if len(text) > 400 or not text.lstrip("([")[:1].isalpha():
        return None
    m = _LETTER.fullmatch(text) or _LETTER_AND_TEXT.match(text)
    several = None if m else _SEVERAL.fullmatch(text)
    if not m and not several:
        return None
    letters = options_in(prompt)
    if m and m[1].upper() in letters:
        return Shape("choice", 0.97, "reference is the letter of an option in the prompt", m[1].upper())
    named = re.sub(r"[^A-J]", "", text) if several else ""
    if named and set(named) <= set(letters) and list(named) == sorted(set(named)):
        return Shape("choice", 0.85, "reference names several options of the prompt", named)
    return None


def letter(text: str) -> Shape | None:
    """A bare letter with no options in sight: a choice if A-E, perhaps; else a name of something."""
    m = _LETTER.fullmatch(text)
    if not m:
        return None
    if m[1] in "ABCDEFGHIJ":
        sure = 0.6 if m[1] in "ABCDE" else 0.45
        return Shape("choice", sure, "reference is a letter, but no options are in sight", m[1])
    return Shape("expression", 0.55, "reference is one letter, also reads as a name", m[1])


def label(text: str) -> Shape | None:
    if len(text) <= 25 and text.casefold() in _LABELS:
        return Shape("label", 0.93, "reference is a common label", text.casefold())
    return None


# -- JSON, programs, moments ---------------------------------------------------------------------------------------


def json_value(text: str, prompt: str, extra: Mapping[str, Json] | None) -> Shape | None:
    if text[:1] + text[-1:] not in ("{}", "[]"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict):
        return Shape("json", 0.97, "reference is a JSON object", value) if value else None
    flat = not any(isinstance(x, (list, dict)) for x in value)
    if flat and value and not wants_json(prompt, extra):
        return None  # read as a list, or as a closed interval, by `bracketed`
    return Shape("json", 0.95 if value else 0.7, "reference is a JSON array", value)


_FENCE = re.compile(r"```([a-zA-Z+#]{0,12})\s*\n")
_CODE = tuple(
    (language, re.compile(pattern, re.M))
    for language, pattern in (
        ("python", r"^(?:from \w[\w.]* import |import \w|(?:async )?def \w+\s?\(|class \w+[(:]|@\w+)"),
        ("sql", r"(?i)^\s{0,4}(?:SELECT\b[\s\S]{1,300}?\bFROM\b|INSERT INTO\b|UPDATE \w+ SET\b|CREATE TABLE\b)"),
        ("c++", r"^\s{0,4}(?:#include\s?[<\"]|using namespace |int main\s?\()"),
        ("java", r"^\s{0,8}(?:public|private) (?:static |final |class )"),
        ("javascript", r"^\s{0,4}(?:(?:export )?(?:async )?function\s?\*?\s?\w*\s?\(|(?:const|let) \w+ = )"),
        ("go", r"^(?:package \w+$|func \w*\s?\()"),
        ("rust", r"^\s{0,4}(?:pub )?fn \w+"),
        ("bash", r"^#!/(?:usr/)?bin/(?:env )?(?:ba|z)?sh"),
    )
)
_CODE_SIGNS = re.compile(
    r"(?:^|\n)\s{0,8}(?:from |import |(?:async )?def |class |@\w|select\b|insert |update "
    r"|create |#include|using |int main|public"
    r"|private|export |function|const |let |package |func |(?:pub )?fn |#!|return\b|print\("
    r"|for |if |while |\w+\s?[+*/-]?=\s?\S)",
    re.I,
)
_PROSE = re.compile(r"[a-z]{2,} [a-z]{2,} [a-z]{2,} [a-z]{2,}[ .,]")
_STATEMENT = re.compile(r"^\s*(?:return\b|print\(|for \w+ in |if .{1,80}:$|\w+\s?[+*/-]?=\s?\S|while .{1,80}:$)", re.M)


def program(text: str) -> Shape | None:
    fence = _FENCE.match(text)
    if fence and text.rstrip().endswith("```"):
        return Shape("program", 0.93, "reference is a fenced program", fence[1].lower() or "unknown")
    if not _CODE_SIGNS.search(text):
        return None
    prose, lines = len(_PROSE.findall(text[:1000])), text.count("\n") + 1
    if prose > 1 + lines // 3:
        return None  # a text that talks about code, or has some in it
    for language, marks in _CODE:
        if marks.match(text) if language == "sql" else marks.search(text):
            return Shape("program", 0.9 if lines > 1 else 0.75, f"reference reads as {language}", language)
    statements = len(_STATEMENT.findall(text[:2000]))
    if lines > 1 and statements > 1 and statements >= 0.6 * min(lines, 30) and prose == 0:
        return Shape("program", 0.65, "reference reads as statements of a program", "python")
    return None


_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_DAY = r"\d\d?(?:st|nd|rd|th)?"
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)day,?\s?)"
_UNIT_OF_TIME = r"(?:second|minute|hour|day|week|month|year)s?"
_MOMENTS = (
    r"\d{4}-\d\d?-\d\d?(?:[T ]\d\d?:\d\d(?::\d\d)?Z?)?",  # 2026-03-01, with a time of day
    r"\d\d?[/.]\d\d?[/.]\d{2,4}",  # 01/03/2026
    rf"{_MONTH}\s{_DAY}(?:,?\s\d{{4}})?",  # March 1, 2026
    rf"{_DAY}\.?\s(?:of )?{_MONTH},?(?:\s\d{{4}})?",  # 1st of March 2026
    rf"{_MONTH},?\s\d{{4}}",
    r"\d\d?:\d\d(?::\d\d(?:\.\d{1,6})?)?\s?(?:[ap](?:\.?\s?m)?\.{0,2})?",  # 17:13:29, 4:30 p.m.
    r"\d\d?\s?[ap]\.?m\.?",
    rf"\d{{1,6}}\s{_UNIT_OF_TIME}(?:,?\s(?:and\s)?\d[\d:]{{0,8}}(?:\s{_UNIT_OF_TIME})?)?",  # 54 days, 04:17
)
_MOMENT = re.compile(rf"{_WEEKDAY}?(?:{'|'.join(_MOMENTS)})|{_WEEKDAY}", re.I)


def moment(text: str) -> Shape | None:
    if text[:1].isalnum() and len(text) <= 40 and _MOMENT.fullmatch(text):
        return Shape("span", 0.9, "reference is a date, a time or a duration", text)
    return None


def prose(text: str) -> Shape:
    """What is left is language: a short span, or a text of sentences. Scripts without spaces count by characters."""
    words = text.count(" ") + text.count("\n") + 1 + wide_letters(text) // 2
    sentence = text[-1] in ".!?。！？…" and words > 3
    if words <= 5 and not sentence:
        return Shape("span", 0.85 if words <= 3 else 0.75, "reference is a short phrase", text)
    if words > 15 or len(text) > 120:
        return Shape("text", 0.95, "reference is a text of several words", None)
    if sentence:
        return Shape("text", 0.8, "reference is a sentence", None)
    return Shape("text" if words > 8 else "span", 0.55, "reference is a phrase, between span and sentence",
                 None if words > 8 else text)  # fmt: skip
