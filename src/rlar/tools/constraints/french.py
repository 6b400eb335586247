"""M-IFEval's French ids (fr:...). What means the same in any language is the check of the id without its prefix."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rlar.tools.constraints import breaking
from rlar.tools.constraints.check import Finding, check
from rlar.tools.constraints.content import one_of, wrapped
from rlar.tools.constraints.ends import banned, is_quoted, lower_in, one_lower, one_upper, upper_in
from rlar.tools.constraints.fields import COUNT, LETTER, RELATION, SPELLING, Relation, listed, quoted
from rlar.tools.constraints.keywords import counted
from rlar.tools.constraints.scripts import without_accents
from rlar.tools.constraints.sentences import sentences

ANSWERS = ("Oui.", "Non.", "Peut-être.")
TU = re.compile(r"\b(?:(?:tu|te|toi|ton|ta|tes)\b|t['’](?=\w))", re.IGNORECASE)
ACCENTS = re.compile("[àáâãäåçèéêëìíîïñòóôõöùúûüýÿ]", re.IGNORECASE)

PREFIX = "fr:"
SAME = (
    "keywords:existence",
    "keywords:frequency",
    "keywords:forbidden_words",
    "keywords:letter_frequency",
    "language:response_language",
    "length_constraints:number_paragraphs",
    "length_constraints:number_words",
    "length_constraints:nth_paragraph_first_word",
    "detectable_content:number_placeholders",
    "detectable_content:postscript",
    "detectable_format:number_bullet_lists",
    "detectable_format:number_highlighted_sections",
    "detectable_format:multiple_sections",
    "detectable_format:json_format",
    "combination:two_responses",
    "combination:repeat_prompt",
    "startend:end_checker",
    "change_case:capital_word_frequency",
    "punctuation:no_comma",
)


@check(
    "fr:length_constraints:number_sentences",
    num_sentences=COUNT,
    relation=RELATION,
    says="Your response should contain {relation} {num_sentences} sentences.",
    breaks=lambda text, num_sentences, relation: breaking.with_sentence_count(text, relation, num_sentences, "fr"),
)
def number_sentences(text: str, num_sentences: int, relation: Relation) -> Finding:
    return counted(relation, len(sentences(text, "fr")), num_sentences, "sentences")


@check(
    "fr:detectable_format:constrained_response",
    says=f"Answer with one of the following options: {listed(ANSWERS)}.",
    breaks=lambda text: iter([re.sub(r"Oui\.|Non\.|Peut-être\.", "Cela dépend.", text)]),
)
def constrained_response(text: str) -> Finding:
    return one_of(text, ANSWERS)


@check(
    "fr:detectable_format:title",
    says="Your answer must contain a title between double number signs, as ##Titre##.",
    breaks=breaking.replaced("#", ""),
)
def title(text: str) -> Finding:
    found = wrapped(text, "##", "##")
    return Finding(found, "a title" if found else "no title")


@check(
    "fr:startend:quotation",
    says="Wrap your entire response with quotation marks.",
    breaks=breaking.either(breaking.with_start("Bien:\n\n"), breaking.with_end("\n\nVoilà.\nOui.")),
)
def quotation(text: str) -> Finding:
    text = text.strip()
    return Finding(is_quoted(text) or (len(text) > 1 and text[0] == text[-1] == "'"), f"{text[0]} ... {text[-1]}")


@check(
    "fr:change_case:french_capital",
    breaks=one_lower,
    says="Your entire response should be in French, and in all capital letters.",
)
def french_capital(text: str) -> Finding:
    return upper_in(text, "fr")


@check(
    "fr:change_case:french_lowercase",
    breaks=one_upper,
    says="Your entire response should be in French, and in all lowercase letters.",
)
def french_lowercase(text: str) -> Finding:
    return lower_in(text, "fr")


@check(
    "fr:special_character:ethel_or_cedilla",
    forbidden_char=LETTER,
    says="Do not include the character {forbidden_char} in your response.",
    breaks=lambda text, forbidden_char: breaking.with_mark(f" {forbidden_char}")(text),
)
def ethel_or_cedilla(text: str, forbidden_char: str) -> Finding:
    return banned(text, re.compile(re.escape(forbidden_char), re.IGNORECASE), f"times {quoted(forbidden_char)}")


@check(
    "fr:detectable_content:informal_address",
    says="Address the reader directly and informally (tutoiement).",
    breaks=lambda text: iter([TU.sub("vous ", text)]),
)
def informal_address(text: str) -> Finding:
    found = TU.search(text)
    return Finding(found is not None, quoted(found.group()) if found else "no tu, te, toi, ton, ta, tes")


@check(
    "fr:special_character:no_accents", says="Do not use accents in your response.", breaks=breaking.with_words("déjà")
)
def no_accents(text: str) -> Finding:
    return banned(text, ACCENTS, "letters with accents")


def _plainly(text: str, word_to_accentuate: Mapping[str, str]) -> Iterator[str]:
    for plain, right in word_to_accentuate.items():
        yield re.sub(rf"\b{re.escape(right)}\b", plain, text, flags=re.IGNORECASE)


@check(
    "fr:special_character:accents",
    word_to_accentuate=SPELLING,
    breaks=_plainly,
    says="Rewrite the text with its accents; these words are checked: {word_to_accentuate}.",
)
def accents(text: str, word_to_accentuate: Mapping[str, str]) -> Finding:
    """Wherever one of the words occurs, with whatever accents, it has to be spelt right. It need not occur."""
    for word in re.findall(r"\w+", text.lower()):
        right = word_to_accentuate.get(without_accents(word))
        if right is not None and word != right:
            return Finding(False, quoted(word))
    return Finding(True, "all of them")


@check(
    "fr:detectable_content:no_digits",
    says="Do not use Arabic digits in your response.",
    breaks=breaking.with_words("12"),
)
def no_digits(text: str) -> Finding:
    return banned(text, re.compile(r"\d"), "digits")
