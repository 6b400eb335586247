"""When two short texts say the same: normal forms of words, dates and times of day."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from rlar.tools.numbers import read_number
from rlar.tools.units import known_unit, ratio

LONGEST = 4_000  # characters of one answer that are compared

_ARTICLES = re.compile(r"(?<![^\s])(?:a|an|the)(?![^\s])")
_DROPPED = re.compile(r"[\"'`´‘’“”«»„*_()\[\]{}<>!?;:,，。、！？：；（）「」『』¿¡…~|\\]|(?<!\d)\.|\.(?!\d)")
_JOINED = re.compile(r"(?<=[^\W\d])[-–—/](?=[^\W\d])")
_LATEX_TEXT = re.compile(r"\\(?:text|textbf|mathrm|mbox|boxed|emph)\s?\{([^{}]*)\}")


def normal(text: str, *, articles: bool = True) -> str:
    """NFKC, case, punctuation and spacing made one; what carries meaning stays: "-5", "C++", "3.5", "50%".

    articles: whether "a", "an", "the" are dropped, which is right for English only ("a" is a word in many languages).
    Source: SQuAD 1.1's normalisation (Rajpurkar 2016), which also makes "C#" and "C++" the same; this does not.
    """
    text = text[:LONGEST]
    if "\\" in text:
        text = _LATEX_TEXT.sub(r"\1", text)
    text = text.casefold() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    text = _DROPPED.sub(" ", _JOINED.sub(" ", text.replace("$", "").replace("&", " and ").replace("\u2212", "-")))
    if articles:
        text = _ARTICLES.sub(" ", text)
    return " ".join(text.split())


_MONTHS = {
    m: i + 1 for i, m in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
}
_MONTH = r"(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6},?\s)?"
_DATES = (
    re.compile(rf"{_WEEKDAY}{_MONTH}\s(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s(?P<year>\d{{4}})", re.I),
    re.compile(rf"{_WEEKDAY}(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\.?\s(?:of\s)?{_MONTH},?\s(?P<year>\d{{4}})", re.I),
    re.compile(r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})"),
)
_TIME = re.compile(r"(?P<hour>\d{1,2})(?::(?P<minute>\d{2}))?(?::(?P<second>\d{2}))?\s?(?P<half>[ap])\.?\s?m\.?", re.I)
_CLOCK = re.compile(r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?")


def day_of(text: str) -> date | None:
    """The day that a text is, month by name or year first; None for anything else ("01/02/2026" could be two days)."""
    for pattern in _DATES:
        if m := pattern.fullmatch(text.strip()):
            month = int(m["month"]) if m["month"].isdecimal() else _MONTHS[m["month"].lower()]
            try:
                return date(int(m["year"]), month, int(m["day"]))
            except ValueError:
                return None
    return None


def time_of(text: str) -> tuple[int, int, int] | None:
    """The time of day (or length of time) that a text is, as hours, minutes, seconds; None for anything else."""
    text = text.strip()
    m = _TIME.fullmatch(text)
    if m:
        hour = int(m["hour"])
        if not 1 <= hour <= 12:
            return None
        return hour % 12 + (12 if m["half"].lower() == "p" else 0), int(m["minute"] or 0), int(m["second"] or 0)
    m = _CLOCK.fullmatch(text)
    return (int(m["hour"]), int(m["minute"]), int(m["second"] or 0)) if m else None


def same_span(gold: str, answer: str, *, articles: bool = True) -> bool:
    """Whether two short texts say the same: the same words, number and unit, day, or time."""
    a, b = normal(gold, articles=articles), normal(answer, articles=articles)
    if not b:
        return False
    if a == b:
        return True
    x, y = read_number(gold), read_number(answer)
    if x is not None and y is not None:
        scale = ratio(y.unit, x.unit)
        alike = not y.unit or _unit(x.unit) == _unit(y.unit) or scale is not None
        return alike and x.percent == y.percent and x.value == y.value * (scale or 1)
    for read in (day_of, time_of):
        first = read(gold)
        if first is not None and first == read(answer):
            return True
    return False


def _unit(written: str) -> str:
    return known_unit(written) or written.casefold().rstrip("s")
