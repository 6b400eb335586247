"""Which checkable instructions a prompt speaks of: loose patterns for the families of IFEval, English only.

`constraints.read_constraints` reads them in full where they are plain enough.
"""

from __future__ import annotations

import re

_READ = 6000  # characters of a prompt that are read
_N = r"(?:\d{1,5}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty)"
_Q = r"[\"'“”‘’«»]"
_LEAST = r"(?:at least|no fewer than|no less than|a minimum of|minimum|not less than)"
_MOST = r"(?:at most|no more than|not more than|a maximum of|maximum|up to)"
_LESS = r"(?:less than|fewer than|under|below)"
_MORE = r"(?:more than|over)"

# id: (words of which one must occur, which spares most patterns their search; the pattern)
_FAMILIES: dict[str, tuple[str, str]] = {
    "punctuation:no_comma": ("comma", (
        r"\bno commas?\b|\b(?:without|avoid|refrain from|not?)\b(?: \w+){0,3} commas?\b"
        r"|\bcommas? (?:is|are) not allowed"
    )),
    "length_constraints:number_words": ("word", (
        rf"\b(?:{_LEAST}|{_MOST}|{_LESS}|{_MORE}|exactly|in|about) ?\d+(?:[- ]\d+)?\+?[- ]words?\b"
        rf"|\b\d+ (?:or (?:more|less|fewer) )?words?(?: or (?:less|more|fewer))?\b|\d+\+ words?"
    )),
    "length_constraints:number_sentences": ("sentence", (
        rf"\b(?:{_LEAST}|{_MOST}|{_LESS}|{_MORE}|exactly"
        rf"|in) {_N} (?:\w+ )?sentences?\b"
    )),
    "length_constraints:number_paragraphs": ("paragraphs sections parts separate", (
        r"\b(?:exactly|at least|in|of|write) (?:\d+|two|three|four|five"
        r"|six) (?:\w+ )?(?:paragraphs|sections|parts)\b|separated? (?:by"
        r"|with) (?:the markdown divider|\*\*\*)"
    )),
    "change_case:english_lowercase": ("lower capital", (
        r"\b(?:all|only|entirely)(?: \w+){0,2} (?:lower[- ]?case|lowercases)\b"
        r"|\blower[- ]?case(?: letters)? only|no capital letters"
        r"|without (?:\w+ ){0,2}capital letters|in lower[- ]?case\b"
    )),
    "change_case:english_capital": ("upper capital caps", (
        r"\b(?:all|only|entirely)(?: \w+){0,3} (?:upper[- ]?case|capital letters|caps)\b"
        r"|\bin all caps\b|\bin upper[- ]?case\b|capitalize (?:all|every)"
    )),
    "startend:quotation": ("quot", (
        r"(?:wrap|put|enclose|surround)\w*\b.{0,60}\b(?:double )?(?:quotation marks|quotes)"
        r"|double quot\w+(?: marks)? (?:should|must) be (?:placed )?around"
    )),
    "startend:end_checker": ("end finish conclude last follow", (
        rf"\b(?:end|finish|conclude)\w*\b.{{0,60}}\b(?:with|by)\b.{{0,60}}{_Q}|last (?:sentence"
        rf"|line|words?)\b.{{0,60}}{_Q}|no other words should follow"
    )),
    "detectable_format:json_format": ("json", (
        r"\b(?:in|as|using|use|wrapped in|valid)(?: \w+){0,2} json\b|json (?:format|object|block"
        r"|string|schema)"
    )),
    "detectable_format:title": ("<< angular", r"<<[^<>\n]{1,60}>>|double angular brackets"),
    "detectable_format:number_bullet_lists": ("bullet", r"\bbullet(?:ed)? (?:points?|lists?)\b"),
    "detectable_format:number_highlighted_sections": ("highlight", (
        r"\bhighlight\w*\b.{0,60}\b(?:sections?|words|phrases?|markdown)|\*highlighted"
    )),
    "detectable_format:multiple_sections": ("section", r"\b(?:each|beginning of each) section\b|\bsection x\b"),
    "detectable_content:postscript": ("post p.s p.p.s", r"\bpost ?script\b|\bP\.(?:P\.)?S\b"),
    "detectable_content:number_placeholders": ("placeholder", r"\bplaceholders?\b"),
    "combination:two_responses": ("different asterisk ******", (
        r"two different (?:responses|answers|versions)|6 asterisk|six asterisk|\*{6}"
    )),
    "combination:repeat_prompt": ("repeat", (
        r"\brepeat the (?:exact )?(?:request|prompt|question|text|sentence)"
        r"|repeat (?:all )?(?:the )?\w+ (?:above|below)"
    )),
    "keywords:existence": ("includ mention use", (
        rf"\binclud\w*\b.{{0,30}}\b(?:key ?words?|words?|phrases?)\b|\bmention the words?\b"
        rf"|\buse the words?\b {_Q}"
    )),
    "keywords:forbidden_words": ("word phrase term appear", (
        rf"\b(?:not|n't|without|avoid|never)\b.{{0,40}}\b(?:key ?words?|the words?|the phrases?"
        rf"|the terms?)\b|{_Q} should not appear"
    )),
    "keywords:frequency": ("word appear", (
        r"\bwords? .{1,40}(?:at least|less than|at most|exactly) (?:\d+ times|once|twice)"
        r"|appears? (?:at least|less than|at most|exactly)"
    )),
    "keywords:letter_frequency": ("letter hashtag exclamation", (
        rf"\bletters? {_Q}?[a-z]{_Q}?(?: |,|\.)|\b(?:hashtags?|exclamation marks?)\b"
    )),
    "language:response_language": ("only entirely completely respond reply answer response written language", (
        r"\b(?:only|entirely|completely|respond|reply|answer|response|written)\b.{0,40}\b(?:in"
        r"|using)\b(?: only)?(?: the)? [A-Z]\w+(?: language)?\b(?:, no other|\.|$)"
        r"|no other language"
    )),
    "length_constraints:nth_paragraph_first_word": ("paragraph", (
        r"\b(?:first|second|third|fourth|\d(?:st|nd|rd|th)) paragraph\b.{0,40}\bstarts?\b"
        r"|\bstarts? paragraph\b|\bparagraph \d\b.{0,20}\bstarts?"
    )),
    "change_case:capital_word_frequency": ("capital caps", r"\bwords? (?:in|with) all (?:caps|capital)"),
    "detectable_format:constrained_response": ("my answer", r"my answer is (?:yes|no|maybe)"),
}  # fmt: skip
_ANY = tuple((ident, tuple(signs.split()), re.compile(pattern, re.I)) for ident, (signs, pattern) in _FAMILIES.items())


def mentions(prompt: str) -> tuple[str, ...]:
    """Ids of the constraint families that a prompt speaks of, in a fixed order. Loose: to analyse, not to judge by."""
    text = prompt[:_READ]
    lower = text.lower()
    return tuple(
        ident for ident, signs, pattern in _ANY if any(sign in lower for sign in signs) and pattern.search(text)
    )
