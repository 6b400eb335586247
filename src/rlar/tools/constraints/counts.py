"""Families count: and ratio: - how many words, names, numbers and marks of a kind, and in which proportion."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

from rlar.tools.constraints import breaking
from rlar.tools.constraints.check import Finding, check
from rlar.tools.constraints.fields import COUNT, FROM_PROMPT, PERCENT, POSITIVE, WORD, Relation, quoted
from rlar.tools.constraints.keywords import counted, holds_word
from rlar.tools.constraints.scripts import CJK
from rlar.tools.constraints.sentences import sentences
from rlar.tools.constraints.vocabulary import CONJUNCTIONS, NAMES, PRONOUNS, STOP_WORDS
from rlar.tools.constraints.words import bare, stripped, treebank, words


@check(
    "count:unique_word_count",
    N=COUNT,
    says="Use at least {N} unique words in the response.",
    breaks=lambda text, N: iter([" ".join(text.split()[: N - 1])]),
)
def unique_word_count(text: str, N: int) -> Finding:
    return counted(Relation.AT_LEAST, len({stripped(word) for word in text.lower().split()}), N, "unique words")


# Open-instruct's rule: treebank tokens, so a second full stop repeats a "word", too.
@check(
    "count:count_unique",
    says="Only use unique words in your response, no word should be repeated.",
    breaks=lambda text: iter([f"{text.rstrip()} {text.split()[0]} {text.split()[0]}"]),
)
def count_unique(text: str) -> Finding:
    seen: set[str] = set()
    for word in treebank(text):
        if word in seen:
            return Finding(False, f"{quoted(word)} again")
        seen.add(word)
    return Finding(True, f"{len(seen)} unique words")


# The public rule counts all words in lower case together, though its instruction says "each at most N times".
@check(
    "count:lowercase_counting",
    N=POSITIVE,
    says="In your response, words in all lowercase letters should appear at most {N} times.",
    breaks=lambda text, N: breaking.with_words(" ".join(["more"] * (N + 1)))(text),
)
def lowercase_counting(text: str, N: int) -> Finding:
    pattern = r"\b[a-z]+\b" if text.isascii() else r"\b[^\W\d_]+\b"
    count = sum(word.islower() for word in re.findall(pattern, text))
    return counted(Relation.AT_MOST, count, N, "words in lower case")


@check(
    "count:conjunctions",
    small_n=COUNT,
    says="Use at least {small_n} different coordinating conjunctions in the response.",
    breaks=lambda text, **_: iter([" ".join(w for w in text.split() if stripped(w).lower() not in CONJUNCTIONS)]),
)
def conjunctions(text: str, small_n: int) -> Finding:
    """ "And" and "and," count as different from "and", as in the public checker, which keeps words as they are."""
    found = {word for word in text.split() if stripped(word).lower() in CONJUNCTIONS}
    return counted(Relation.AT_LEAST, len(found), small_n, "conjunctions")


def _without_names(text: str, **_: object) -> Iterator[str]:
    yield re.sub(rf"\b(?:{'|'.join(NAMES)})\b", "Somebody", text)


@check(
    "count:person_names",
    N=COUNT,
    says=f"Mention at least {{N}} different person names in the response, from this list: {', '.join(NAMES)}.",
    breaks=_without_names,
)
def person_names(text: str, N: int) -> Finding:
    found = set(re.findall(r"\w+", text)).intersection(NAMES)
    return counted(Relation.AT_LEAST, len(found), N, "names of the list")


@check(
    "count:numbers",
    N=COUNT,
    says="Include exactly {N} numbers in the response.",
    breaks=breaking.with_words("1000"),
)
def numbers(text: str, N: int) -> Finding:
    """Marks inside a number do not part it: 1,000.50 is one."""
    return counted(Relation.EXACTLY, len(re.findall(r"\d+", bare(text))), N, "numbers")


@check(
    "count:pronouns",
    N=COUNT,
    says="The response should include at least {N} pronouns.",
    breaks=lambda text, **_: iter([" ".join(w for w in text.split() if stripped(w).lower() not in PRONOUNS)]),
)
def pronouns(text: str, N: int) -> Finding:
    count = sum(word in PRONOUNS for word in treebank(text.lower().replace("/", " ")))
    return counted(Relation.AT_LEAST, count, N, "pronouns")


@check(
    "count:punctuation",
    says="Use every standard punctuation mark at least once: period, comma, exclamation mark, question mark, "
    "semicolon, colon and the interrobang (?!).",
    breaks=breaking.either(breaking.replaced(";", ","), breaking.replaced(":", " -")),
)
def punctuation(text: str) -> Finding:
    """The interrobang's own marks do not count for the single ones."""
    if not any(mark in text for mark in ("!?", "?!", "‽")):
        return Finding(False, "no interrobang")
    rest = text.replace("?!", "", 1) if "?!" in text else text.replace("!?", "", 1)
    missing = [mark for mark in ".,!?;:" if mark not in rest]
    return Finding(not missing, f"no {' '.join(missing)}" if missing else "all of them")


def _english_word(text: str, N: int) -> Iterator[str]:
    tokens = text.split()
    if len(tokens) >= N:
        tokens[N - 1] = "English"
        yield " ".join(tokens)


@check(
    "count:words_japanese",
    N=POSITIVE,
    says="Every {N}th word of your response must be in Japanese.",
    breaks=_english_word,
)
def words_japanese(text: str, N: int) -> Finding:
    """Numbers may stand in a Japanese place; a text of fewer than N words has no such place and passes."""
    for place, word in enumerate(text.split(), 1):
        word = stripped(word)
        if place % N == 0 and word and not word.isdigit() and not CJK.search(word):
            return Finding(False, f"{quoted(word)} as word {place}")
    return Finding(True, "all of them")


@check(
    "ratio:stop_words",
    percentage=PERCENT,
    says="Ensure that stop words constitute no more than {percentage}% of the total words in your response.",
    breaks=lambda text, percentage: iter([text + " and so it was to be that it is" * (len(text.split()) // 4 + 1)]),
)
def stop_words(text: str, percentage: float) -> Finding:
    all_words = words(text)
    if not all_words:
        return Finding(False, "no words")
    share = 100 * sum(word.lower() in STOP_WORDS for word in all_words) / len(all_words)
    return Finding(share <= percentage, f"{share:.1f}%")


def _endings(text: str) -> tuple[int, int, int]:
    ends = [sentence[-1] for sentence in sentences(text)]
    return (
        sum(end in ".。．।" for end in ends),
        sum(end in "?？؟" for end in ends),
        sum(end in "!！" for end in ends),
    )


@check(
    "ratio:sentence_type",
    says="Maintain a 2:1 ratio of declarative to interrogative sentences.",
    breaks=breaking.with_end(" Is that so?"),
)
def sentence_type(text: str) -> Finding:
    """0:0 is 2:1, too, as in the public checker: a text without any stop passes."""
    declarative, interrogative, _ = _endings(text)
    return Finding(declarative == 2 * interrogative, f"{declarative}:{interrogative}")


@check(
    "ratio:sentence_balance",
    says="Ensure that the ratio of sentence types (declarative, interrogative, exclamatory) is balanced.",
    breaks=breaking.with_end(" Is that so?"),
)
def sentence_balance(text: str) -> Finding:
    """As many of each; a text without any stop passes, as in the public checker."""
    ends = _endings(text)
    return Finding(len(set(ends)) == 1, ":".join(map(str, ends)))


# "All different words" is part of the public instruction but not of its checker.
@check(
    "ratio:sentence_words",
    says="Respond with three sentences, all containing the same number of characters but using all different words.",
    breaks=breaking.with_end(" And a fourth one."),
)
def sentence_words(text: str) -> Finding:
    lengths = [len(sentence) for sentence in sentences(text)]
    return Finding(len(lengths) == 3 and len(set(lengths)) == 1, f"sentences of {lengths[:10]} characters")


def _trigrams(text: str) -> set[str]:
    return {text[at : at + 3] for at in range(len(text) - 2)}


@check(
    "ratio:overlap",
    reference_text=FROM_PROMPT,
    percentage=PERCENT,
    says="Maintain a trigram overlap of {percentage}% (±2%) with the reference text: {reference_text}",
    breaks=lambda text, **_: iter([text + " " + string.ascii_letters, text + " " + string.printable.strip()]),
)
def overlap(text: str, reference_text: str, percentage: float) -> Finding:
    """Trigrams of characters: the share of the response's own ones that the reference has as well."""
    own = _trigrams(text)
    if not own:
        return Finding(False, "fewer than three characters")
    share = 100 * len(own & _trigrams(reference_text)) / len(own)
    return Finding(percentage - 2 <= share <= percentage + 2, f"{share:.1f}%")


@check(
    "sentence:keyword",
    word=WORD,
    N=POSITIVE,
    says="The response must include the keyword {word} in sentence {N}.",
    breaks=lambda text, word, N: iter([breaking.without(text, word)]),
)
def sentence_keyword(text: str, word: str, N: int) -> Finding:
    found = sentences(text)
    if len(found) < N:
        return Finding(False, f"{len(found)} sentences")
    return Finding(holds_word(found[N - 1], word), quoted(found[N - 1][:80]))
