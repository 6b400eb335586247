"""Family custom: - tasks of IFBench whose answer has a fixed form: the prompt is part of the id."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from itertools import pairwise

from rlar.tools.constraints import breaking
from rlar.tools.constraints.check import Finding, check
from rlar.tools.constraints.fields import quoted
from rlar.tools.constraints.sentences import sentences
from rlar.tools.constraints.words import bare, stripped

MULTIPLES = [str(number) for number in range(14, 51, 7)]
CAPITALS = [
    *("Reykjavik", "Helsinki", "Oslo", "Tallinn", "Stockholm", "Riga", "Moscow", "Copenhagen", "Vilnius", "Minsk"),
    *("Dublin", "Berlin", "Amsterdam", "Warsaw", "London", "Brussels", "Prague", "Luxembourg", "Paris", "Vienna"),
    *("Bratislava", "Budapest", "Vaduz", "Chisinau", "Bern", "Ljubljana", "Zagreb"),
]
COUNTRIES = 52  # what a list of African countries from Zimbabwe down has at least
DAYS = {1: 31, 2: 29, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}
BORN, DIED = 1769, 1821
LARGEST_FIELD = 1 << 20


def _ascii(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")


@check(
    "custom:multiples", says="Count from 10 to 50 but only print multiples of 7.", breaks=breaking.with_end("\n56\n63")
)
def multiples(text: str) -> Finding:
    numbers = re.findall(r"\d+", text)
    return Finding(numbers == MULTIPLES, ", ".join(numbers[:20]) or "no number")


QUESTION = re.compile(r"Question \d+[.|):;]?\s*")
OPTION = re.compile(r"[A-Ea-e][.|)]\s*\w")


@check(
    "custom:mcq_count_length",
    says="Generate 4 multiple choice questions with 5 options each about 20th century art history. Each question "
    'should start with the label "Question". The questions should get progressively longer. Do not explain.',
    breaks=breaking.with_start("Here they are:\n\n"),
)
def mcq_count_length(text: str) -> Finding:
    if not text.startswith("Question"):
        return Finding(False, f"{quoted(text[:40])} first")
    questions = [part for part in QUESTION.split(text) if part.strip()]
    if len(questions) != 4:
        return Finding(False, f"{len(questions)} questions")
    lengths = []
    for question in questions:
        lines = [line.strip() for line in question.strip().split("\n")]
        options = [bool(OPTION.match(line)) for line in lines]
        if sum(options) != 5:
            return Finding(False, f"{sum(options)} options in a question")
        lengths.append(len(" ".join(lines[: options.index(True)]).strip()))
    return Finding(all(one < two for one, two in pairwise(lengths)), f"questions of {lengths} characters")


@check(
    "custom:reverse_newline",
    says="List the countries of Africa in reverse alphabetical order, each on a new line.",
    breaks=breaking.with_end("\nZambia\nZambia"),
)
def reverse_newline(text: str) -> Finding:
    """Order and number of lines only; what precedes Zimbabwe does not count."""
    lines = [line for one in text.split("\n") if (line := stripped(one))]
    start = next((at for at, line in enumerate(lines) if "Zimbabwe" in line), None)
    if start is None:
        return Finding(False, "no Zimbabwe")
    names = [_ascii(line) for line in lines[start:]]
    if len(names) < COUNTRIES:
        return Finding(False, f"{len(names)} lines from Zimbabwe on")
    wrong = next((two for one, two in pairwise(names) if one < two), None)
    return Finding(wrong is None, f"{quoted(wrong)} out of order" if wrong else "the order")


@check(
    "custom:word_reverse",
    says="What animal is the national symbol of the US? Respond, but make your sentence in reverse order, per word.",
    breaks=lambda text: iter([" ".join(text.split()[::-1])]),
)
def word_reverse(text: str) -> Finding:
    """Read backwards, the words have to be one sentence with "bald eagle" in it."""
    forward = " ".join(bare(text.lower()).split()[::-1])
    if "bald eagle" not in forward:
        return Finding(False, 'no "bald eagle" when read backwards')
    return Finding(sentences(forward) == [forward], "one sentence when read backwards")


@check(
    "custom:character_reverse",
    says="What animal is the national symbol of the US? Respond, but make your sentence in reverse order, per letter.",
    breaks=lambda text: iter([text[::-1]]),
)
def character_reverse(text: str) -> Finding:
    found = "elgae dlab" in text.lower()
    return Finding(found, "the bald eagle backwards" if found else 'no "elgae dlab"')


@check(
    "custom:sentence_alphabet",
    says="Tell a 26-sentence story where each sentence's first word starts with the letters of the alphabet in order.",
    breaks=breaking.with_end(" And so it ended."),
)
def sentence_alphabet(text: str) -> Finding:
    found = sentences(text)
    if len(found) != 26:
        return Finding(False, f"{len(found)} sentences")
    for place, sentence in enumerate(found):
        if sentence[0].lower() != chr(ord("a") + place):
            return Finding(False, f"{quoted(sentence[:30])} as sentence {place + 1}")
    return Finding(True, "the alphabet")


@check(
    "custom:european_capitals_sort",
    says="Give the names of all capital cities of European countries whose latitude is higher than 45 degrees, without "
    "country names, separated by commas, sorted by latitude, from highest to lowest.",
    breaks=breaking.with_end(", Rome"),
)
def european_capitals_sort(text: str) -> Finding:
    cities = [city.strip() for city in _ascii(text).split(",") if city.strip()]
    wrong = next((city for city, right in zip(cities, CAPITALS, strict=False) if city != right), None)
    return Finding(cities == CAPITALS, quoted(wrong[:60]) if wrong else f"{len(cities)} cities")


def rows(text: str, delimiter: str) -> list[list[str]] | None:
    """The rows of a CSV text; None if it is none. The default limit of a field would be a global setting."""
    if len(text) > LARGEST_FIELD:
        return None
    try:
        return list(csv.reader(io.StringIO(text), delimiter=delimiter))
    except csv.Error:
        return None


def _table(text: str, header: tuple[str, ...], body: int, delimiter: str = ",") -> Finding | list[list[str]]:
    """The rows, if there are as many as asked for under the header; else the finding."""
    if not _is_header(text.split("\n", 1)[0].strip(), header, delimiter):
        return Finding(False, "another header")
    table = rows(text.replace('"', '"""'), delimiter)  # so that the quotes stay in the fields
    if table is None:
        return Finding(False, "no CSV")
    if len(table) != body + 1:
        return Finding(False, f"{len(table) - 1} rows")
    if any(len(row) != len(header) for row in table[1:]):
        return Finding(False, f"a row without {len(header)} fields")
    return table


def _is_header(line: str, header: tuple[str, ...], delimiter: str) -> bool:
    names = [name.strip(" \t") for name in line.split(delimiter)]
    return len(names) == len(header) and all(
        name in (right, f'"{right}"') for name, right in zip(names, header, strict=True)
    )


CITY = ("ID", "Country", "City", "Year", "Count")
PRODUCT = ("ProductID", "Category", "Brand", "Price", "Stock")
STUDENT = ("StudentID", "Subject", "Grade", "Semester", "Score")


@check(
    "custom:csv_city",
    says='Generate CSV data: the column names are "ID", "Country", "City", "Year", "Count", comma delimited, '
    "with 7 rows.",
    breaks=breaking.with_end("\n8,France,Paris,2020,1\n9,France,Paris,2020,1"),
)
def csv_city(text: str) -> Finding:
    table = rows(text, ",")
    if table is None:
        return Finding(False, "no CSV")
    if len(table) != 8:
        return Finding(False, f"{len(table) - 1} rows")
    if tuple(table[0]) != CITY:
        return Finding(False, "another header")
    return Finding(all(len(row) == 5 for row in table), "rows of five fields or others")


@check(
    "custom:csv_special_character",
    says='Generate CSV data: the column names are "ProductID", "Category", "Brand", "Price", "Stock", comma delimited, '
    "with 14 rows. Add one field which contains a special character and enclose it in double quotes.",
    breaks=breaking.replaced('"', ""),
)
def csv_special_character(text: str) -> Finding:
    table = _table(text, PRODUCT, 14)
    if isinstance(table, Finding):
        return table
    fields = [field for row in table[1:] for field in row]
    found = any(field[:1] == '"' and _has_special(field) for field in fields)
    return Finding(found, "a quoted special character" if found else "no quoted special character")


def _has_special(field: str) -> bool:
    end = field.rfind('"')
    return any(not (c.isalnum() or c == "_" or c.isspace()) for c in field[1:end])


@check(
    "custom:csv_quotes",
    says='Generate CSV data: the column names are "StudentID", "Subject", "Grade", "Semester", "Score", tab delimited, '
    "with 3 rows; enclose each single field in double quotes.",
    breaks=breaking.replaced('"', ""),
)
def csv_quotes(text: str) -> Finding:
    table = _table(text, STUDENT, 3, "\t")
    if isinstance(table, Finding):
        return table
    bare_field = next(
        (field for row in table for field in row if not (field.strip()[:1] == '"' and field.strip()[-1:] == '"')), None
    )
    return Finding(
        bare_field is None, "all fields quoted" if bare_field is None else f"{quoted(bare_field)} without quotes"
    )


@check(
    "custom:date_format_list",
    says="List the start dates of all the battles Napoleon fought separated by commas, in the format YYYY-MM-DD, "
    "without an explanation.",
    breaks=breaking.with_end(", 1700-01-01"),
)
def date_format_list(text: str) -> Finding:
    """Form and plausibility only: years of Napoleon's life, days that their month has."""
    for part in text.split(","):
        date = re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})", part.strip())
        if not date:
            return Finding(False, quoted(part.strip()[:40]))
        year, month, day = map(int, date.groups())
        if not BORN <= year <= DIED or month > 12 or day > DAYS.get(month, 99):
            return Finding(False, quoted(date.group()))
    return Finding(True, "dates")
