"""Checkable instructions that a prompt states in plain words, as constraints with IFEval ids.

For people who have prompts without kwargs and ask for them: `read_constraints` gives only what it can read in full,
and rather too little than something wrong. English only. Its loose counterpart, for analysis, is `mentions`.
Ids and keyword arguments: IFEval (arXiv 2311.07911).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from rlar.tools.language_names import code_of_language
from rlar.tools.number_words import ONES
from rlar.types import Constraint, Json

_READ = 6000  # characters of a prompt that are read

_NUMBERS = ONES | {"a": 1, "once": 1, "twice": 2, "thrice": 3, "twenty": 20}
_N = r"(?P<n>\d{1,5}|" + "|".join([*ONES][1:]) + "|twenty)"
_Q = r"[\"'“”‘’«»]"
_LEAST = r"(?:at least|no fewer than|no less than|a minimum of|minimum|not less than)"
_MOST = r"(?:at most|no more than|not more than|a maximum of|maximum|up to)"
_LESS = r"(?:less than|fewer than|under|below)"
_MORE = r"(?:more than|over)"
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "1st": 1, "2nd": 2, "3rd": 3}
_ORDINALS |= {f"{n}th": n for n in range(4, 13)}


def read_constraints(prompt: str) -> tuple[Constraint, ...]:
    """The constraints that a prompt states without ambiguity, with their keyword arguments; () if none.

    A prompt may state more than is found. Where two readings exist ("about 300 words"), nothing is given.
    """
    text = prompt[:_READ].replace("“", '"').replace("”", '"').replace("’", "'").replace("‘", "'")
    found: list[Constraint] = []
    for reader in _READERS:
        for constraint in reader(text):
            if constraint not in found:
                found.append(constraint)
    return tuple(found)


def _int(text: str) -> int:
    return int(text) if text.isdigit() else _NUMBERS[text.lower()]


def _bound(m: re.Match[str]) -> tuple[int, str]:
    """(number, relation) where IFEval knows only "at least" and "less than"; bounds are moved by one where needed."""
    n, kind = _int(m["n"]), m.lastgroup
    if kind in ("least", "least2", "least3"):
        return n, "at least"
    if kind in ("more", "more2"):
        return n + 1, "at least"
    if kind in ("most", "most2"):
        return n + 1, "less than"
    return n, "less than"


def _counted(unit: str, ident: str, key: str) -> Callable[[str], Iterator[Constraint]]:
    """A reader of "at least 300 words", "under 6 sentences", "300+ words", "exactly 3 words", "between 5 and 9"."""
    patterns = [
        re.compile(rf"\b{_LEAST}\s{_N}(?:\s|-)(?:{unit})\b(?P<least>)", re.I),
        re.compile(rf"\b{_N}\s(?:or more\s(?:{unit})|(?:{unit}) or (?:more|longer))\b(?P<least2>)", re.I),
        re.compile(rf"\b{_N}\+\s(?:{unit})\b(?P<least3>)", re.I),
        re.compile(rf"(?<!no )\b{_MORE}\s{_N}\s(?:{unit})\b(?P<more>)", re.I),
        re.compile(rf"\b{_MOST}\s{_N}\s(?:{unit})\b(?P<most>)", re.I),
        re.compile(rf"\b{_N}\s(?:(?:{unit}) or (?:less|fewer)|or (?:less|fewer)\s(?:{unit}))\b(?P<most2>)", re.I),
        re.compile(rf"(?<!no )\b{_LESS}\s{_N}\s(?:{unit})\b(?P<less>)", re.I),
    ]

    exact = re.compile(rf"\b(?:exactly|precisely)\s{_N}(?:\s|-)(?:{unit})\b", re.I)
    between = re.compile(rf"\bbetween\s{_N}\s(?:and|to)\s{_N.replace('?P<n>', '?P<top>')}\s(?:{unit})\b", re.I)

    def read(text: str) -> Iterator[Constraint]:
        bounds = {_bound(m) for pattern in patterns for m in pattern.finditer(text) if _about_the_response(text, m)}
        for m in [*exact.finditer(text), *between.finditer(text)]:
            if _about_the_response(text, m):  # IFEval knows no "exactly": two bounds
                top = m["top"] if m.re is between else m["n"]
                bounds |= {(_int(m["n"]), "at least"), (_int(top) + 1, "less than")}
        by_relation: dict[str, int] = {}
        for n, relation in sorted(bounds):
            if relation in by_relation:
                return  # two minima: one of them is about a part of the response
            by_relation[relation] = n
        for relation, n in sorted(by_relation.items()):
            yield Constraint(ident, {key: n, "relation": relation})

    return read


_PART = re.compile(
    r"\b(?:each|every|per|paragraphs?|sections?|title|names?|first|last|stanzas?|bullets?|lines?)\b", re.I
)


def _about_the_response(text: str, m: re.Match[str]) -> bool:
    """Whether a count is of the whole response, and neither of a part ("each at least 20 words") nor of words of a kind
    ("at least 5 words in all caps", "at least 3 words that rhyme")."""
    start = max(text.rfind(c, 0, m.start()) for c in ".\n!?;,")
    before = text[max(start + 1, m.start() - 40) : m.start()]
    after = text[m.end() : m.end() + 40]
    return not _PART.search(before) and not re.match(
        r"\s(?:in|with all|that|from|per|each|starting|of the|which|must|should appear|like)\b"
        r"|\s(?:per|in (?:each|every))\b|\s?[\"':(]",
        after,
        re.I,
    )


def _flag(ident: str, pattern: str, but_not: str = "", **kwargs: Json) -> Callable[[str], Iterator[Constraint]]:
    wanted = re.compile(pattern, re.I)
    unwanted = re.compile(but_not, re.I) if but_not else None

    def read(text: str) -> Iterator[Constraint]:
        if wanted.search(text) and not (unwanted and unwanted.search(text)):
            yield Constraint(ident, kwargs)

    return read


def _number_of(ident: str, key: str, *patterns: str) -> Callable[[str], Iterator[Constraint]]:
    compiled = [re.compile(pattern, re.I) for pattern in patterns]

    def read(text: str) -> Iterator[Constraint]:
        counts = {_int(m["n"]) for pattern in compiled for m in pattern.finditer(text)}
        if len(counts) == 1:
            yield Constraint(ident, {key: counts.pop()})

    return read


def _words_of(listed: str) -> list[str]:
    """Words of a quoted or comma-separated list: '"a", "b" and "c"', "a, b, and c"; [] where it is not clearly one."""
    quoted = re.findall(r"\"([^\"\n]{1,40})\"|(?<!\w)'([^'\n]{1,40})'(?!\w)", listed)
    if quoted:
        return [(a or b).strip(" .,") for a, b in quoted]
    words = [w.strip() for w in re.split(r",\s?(?:and |or )?|\s(?:and|or)\s", listed) if w.strip()]
    return words if words and all(re.fullmatch(r"[\w-]{2,20}", w) for w in words) else []


_LIST = (
    r"(?P<list>(?:\"[^\"\n]{1,40}\"|'[^'\n]{1,40}'|[\w-]{2,20})(?:(?:,?\s(?:and|or)\s"
    r"|,\s?)(?:\"[^\"\n]{1,40}\"|'[^'\n]{1,40}'|[\w-]{2,20})){0,19})"
)
_INCLUDE = re.compile(
    rf"\b(?:include|includes|including|mention|contain"
    rf"|contains) (?:the )?(?:following )?(?:key ?words?|words?):? {_LIST}",
    re.I,
)
_FORBID = re.compile(
    rf"\b(?:do(?:es)? not|don't|should not|must not|without|avoid"
    rf"|never)\b(?: \w+){{0,2}} (?:the )?(?:following )?(?:key ?words?|words?|word):? {_LIST}",
    re.I,
)
_NOT_APPEAR = re.compile(r"\bthe words? \"([^\"\n]{1,30})\" (?:should|must) not appear", re.I)
_TIMES = re.compile(
    r"\bword \"?'?(?P<word>[\w-]{1,25})\"?'?(?: should| must)?(?: appears?| for| be (?:used"
    r"|mentioned))? (?P<how>at least|less than|at most|no more than"
    r"|fewer than) (?:(?P<n>\d{1,3}|" + "|".join([*ONES][1:]) + r") times|(?P<once>once|twice))",
    re.I,
)
_LETTER_TIMES = re.compile(
    r"\bletter \"?'?(?P<letter>[a-z])\"?'?(?: should| must)?(?: appears?"
    r"| be used)? (?P<how>at least|less than|at most|no more than"
    r"|fewer than) (?P<n>\d{1,3}) times",
    re.I,
)


def _included(text: str) -> Iterator[Constraint]:
    for m in _INCLUDE.finditer(text):
        before = text[max(0, m.start() - 15) : m.start()].lower()
        after = text[m.end() : m.end() + 25].lower()
        quoted = m["list"][:1] in "\"'"
        many = re.search(r"key ?words|words", m[0].split(m["list"])[0], re.I)
        if re.search(r"not |n't |without |avoid |one of", before) or re.match(
            r"\s?(?:at least|less|at most|exactly|appears?|for)\b", after
        ):
            continue
        words = _words_of(m["list"])
        if words and (quoted or (many and len(words) > 1)):
            yield Constraint("keywords:existence", {"keywords": words})


def _forbidden(text: str) -> Iterator[Constraint]:
    words = [
        w
        for m in _FORBID.finditer(text)
        for w in _words_of(m["list"])
        if m["list"][:1] in "\"'" or "keywords" in m[0].lower()
    ]
    words += [m[1] for m in _NOT_APPEAR.finditer(text)]
    if words:
        yield Constraint("keywords:forbidden_words", {"forbidden_words": list(dict.fromkeys(words))})


def _relation(m: re.Match[str], n: int) -> tuple[int, str]:
    how = m["how"].lower()
    return (
        (n, "at least")
        if how == "at least"
        else (n, "less than")
        if how in ("less than", "fewer than")
        else (n + 1, "less than")
    )


def _times(text: str) -> Iterator[Constraint]:
    for m in _TIMES.finditer(text):
        n, relation = _relation(m, _int(m["n"] or m["once"]))
        yield Constraint("keywords:frequency", {"keyword": m["word"], "frequency": n, "relation": relation})
    for m in _LETTER_TIMES.finditer(text):
        n, relation = _relation(m, int(m["n"]))
        yield Constraint(
            "keywords:letter_frequency", {"letter": m["letter"], "let_frequency": n, "let_relation": relation}
        )


_END = re.compile(
    r"\b(?:end|finish|conclude)\b(?: \w+){0,4} (?:with|by)(?: \w+){0,5}:? \"(?P<phrase>[^\"\n]{3,120})\"|"
    r"\b(?:very )?(?:last sentence|end) of (?:your|the) response should (?:be|read) \"(?P<phrase2>[^\"\n]{3,120})\"",
    re.I,
)
_NTH = re.compile(
    r"\b(?P<nth>first|second|third|fourth|fifth|\d{1,2}(?:st|nd|rd|th)) paragraph (?:must "
    r"|should )?starts? with(?: the word)? \"?(?P<word>[\w-]+)\"?",
    re.I,
)
_PARAGRAPHS = re.compile(rf"\b(?:exactly )?{_N} paragraphs\b", re.I)
_LANGUAGE = re.compile(
    r"\b(?:only|entirely|completely|fully)(?: using"
    r"| in)?(?: the)? (?P<a>[A-Z]\w+)(?: language)?(?:, no other|[.,]|$)"
    r"|\bin (?:the )?(?P<b>[A-Z]\w+)(?: language)?, (?:and )?no other language",
)


def _ended(text: str) -> Iterator[Constraint]:
    phrases = {m["phrase"] or m["phrase2"] for m in _END.finditer(text)}
    if len(phrases) == 1:
        yield Constraint("startend:end_checker", {"end_phrase": phrases.pop()})


def _nth_paragraph(text: str) -> Iterator[Constraint]:
    total = {_int(m["n"]) for m in _PARAGRAPHS.finditer(text)}
    for m in _NTH.finditer(text):
        nth = _ORDINALS.get(m["nth"].lower())
        if nth and len(total) == 1:
            yield Constraint(
                "length_constraints:nth_paragraph_first_word",
                {"num_paragraphs": next(iter(total)), "nth_paragraph": nth, "first_word": m["word"].lower()},
            )


def _language(text: str) -> Iterator[Constraint]:
    codes = {code_of_language(m["a"] or m["b"]) for m in _LANGUAGE.finditer(text)} - {"und", "en"}
    if len(codes) == 1:
        yield Constraint("language:response_language", {"language": codes.pop()})


_READERS: tuple[Callable[[str], Iterator[Constraint]], ...] = (
    _flag(
        "punctuation:no_comma",
        r"\bno commas?\b|\b(?:without|avoid|refrain from|do not|don't|should not|must not"
        r"|not)(?: (?:using|use|contain|include|any|the|of|have|be))* commas?\b",
        r"no commas? (?:after|before|between)|commas? (?:after|before|between|in (?:the )?(?:first|title|numbers))",
    ),
    _counted(r"words", "length_constraints:number_words", "num_words"),
    _counted(r"sentences", "length_constraints:number_sentences", "num_sentences"),
    _flag(
        "change_case:english_lowercase",
        r"\b(?:in|use|using|only)(?: only)? (?:all )?lower[- ]?case(?: letters)?\b"
        r"|all(?: in)? lower[- ]?case|no capital letters (?:are )?allowed"
        r"|without (?:using )?(?:any )?capital letters|not contain any capital letters"
        r"|contain only lower[- ]?case",
        r"lower[- ]?case (?:word|key|or|and upper)|title in lower|except",
    ),
    _flag(
        "change_case:english_capital",
        r"(?:response|reply|answer|letter|everything)\b[^.\n]{0,40}\bin all (?:capital letters"
        r"|caps)|in english,? and in all (?:capital letters|caps)|use only capital letters"
        r"|only use capital letters",
        r"words? (?:in|with) all|title in all|at least \d+ words",
    ),
    _flag(
        "startend:quotation",
        r"\b(?:wrap|put|enclose|surround)\b[^.\n]{0,30}\b(?:entire |whole |your )+(?:response"
        r"|reply|answer|output)\b[^.\n]{0,50}\b(?:with|in)(?:side)? double quot"
        r"|double quot\w+(?: marks)? (?:should be placed )?around (?:your|the) (?:entire "
        r"|whole )?(?:response|reply|answer)",
    ),
    _flag(
        "detectable_format:json_format",
        r"\b(?:entire|whole|your) (?:output|response|answer|reply)\b[^.\n]{0,40}\bjson\b"
        r"|\b(?:wrapped )?in json format\b|\buse json format\b",
        r"\b(?:convert|parse|following) (?:\w+ ){0,4}json|json (?:below|above|file)",
    ),
    _flag("detectable_format:title", r"\b(?:title|name)\b[^.\n]{0,60}(?:double angular brackets|<<[^<>\n]{1,60}>>)"),
    _number_of(
        "detectable_format:number_bullet_lists",
        "num_bullets",
        rf"\bexactly {_N} bullet(?:ed)? points?\b",
    ),
    _number_of(
        "detectable_format:number_highlighted_sections",
        "num_highlights",
        rf"\bhighlight(?:ed)? {_LEAST} {_N} (?:\w+ )?sections?\b",
        rf"\b{_LEAST} {_N} (?:text )?sections? (?:should|must) be highlighted",
    ),
    _number_of("detectable_content:number_placeholders", "num_placeholders", rf"\b{_LEAST} {_N} placeholders?\b"),
    _flag("detectable_content:postscript", r"\bP\.P\.S\b", postscript_marker="P.P.S"),
    _flag("detectable_content:postscript", r"\bP\.S\.", r"P\.P\.S", postscript_marker="P.S."),
    _flag(
        "combination:two_responses",
        r"\b(?:exactly )?two (?:different )?\w+\b[^\n]{0,120}\bseparat[^\n]{0,60}(?:6"
        r"|six) asterisk|two different responses[^\n]{0,60}\*{6}",
    ),
    _included,
    _forbidden,
    _times,
    _ended,
    _nth_paragraph,
    _language,
)
