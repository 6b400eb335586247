"""Families words: and sentence: - rules for the letters of words and for how sentences follow each other."""

from __future__ import annotations

import string
from collections import Counter
from itertools import pairwise

from rlar.tools.constraints import breaking
from rlar.tools.constraints.check import Finding, check
from rlar.tools.constraints.fields import COUNT, POSITIVE, WORD, quoted
from rlar.tools.constraints.sentences import sentences
from rlar.tools.constraints.words import bare, stripped, treebank, treebank_sentence

PRIMES = frozenset({2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97})
VOWELS = frozenset("aeiou")
CONSONANTS = frozenset(string.ascii_lowercase) - VOWELS
PALINDROMES = 10
LETTERS = string.ascii_lowercase


@check(
    "words:alphabet",
    says="Each word must start with the next letter of the alphabet, looping back to A after Z.",
    breaks=breaking.with_words("xq xq"),
)
def alphabet(text: str) -> Finding:
    words = bare(text).lower().split()
    if not words or words[0][0] not in LETTERS:
        return Finding(False, "no letter at the beginning")
    for place, (before, word) in enumerate(pairwise(words), 2):
        following = LETTERS[(LETTERS.index(before[0]) + 1) % 26]
        if word[0] != following:
            return Finding(False, f"{quoted(word)} as word {place}, not one with {following.upper()}")
    return Finding(True, f"{len(words)} words in order")


@check(
    "words:vowel",
    says="Write a paragraph using words that contain only three types of vowels.",
    breaks=breaking.with_words("aeiou"),
)
def vowel(text: str) -> Finding:
    if "\n" in text.strip():
        return Finding(False, "more than one paragraph")
    found = VOWELS.intersection(text.lower())
    return Finding(len(found) <= 3, " ".join(sorted(found)) or "no vowels")


@check(
    "words:consonants",
    says="Ensure each word in your response has at least one consonant cluster (two or more consonants together).",
    breaks=breaking.with_words("a"),
)
def consonants(text: str) -> Finding:
    for word in text.lower().split():
        if not any(one in CONSONANTS and two in CONSONANTS for one, two in pairwise(word)):
            return Finding(False, quoted(word))
    return Finding(True, "all of them")


@check(
    "words:palindrome",
    says="Include at least 10 single-word palindromes, each at least 5 characters long.",
    breaks=lambda text: iter([" ".join(w + "x" if len(w) > 2 else w for w in text.split())]),
)
def palindromes(text: str) -> Finding:
    """The same palindrome ten times passes, as in the public checker."""
    count = sum(len(word) >= 5 and word == word[::-1] for word in bare(text).lower().split())
    return Finding(count >= PALINDROMES, f"{count} palindromes")


@check(
    "words:prime_lengths",
    says="Use only words with lengths that are prime numbers.",
    breaks=breaking.with_words("four"),
)
def prime_lengths(text: str) -> Finding:
    wrong = next((word for word in bare(text).split() if len(word) not in PRIMES), None)
    return Finding(wrong is None, f"{quoted(wrong)} with {len(wrong)} letters" if wrong else "all of them")


@check(
    "words:repeats",
    small_n=COUNT,
    says="The response should not repeat any word more than {small_n} times.",
    breaks=lambda text, small_n: breaking.with_words(" ".join(["again"] * (small_n + 1)))(text),
)
def repeats(text: str, small_n: int) -> Finding:
    most = Counter(bare(text.lower()).split()).most_common(1)
    return Finding(
        not most or most[0][1] <= small_n, f"{most[0][1]} times {quoted(most[0][0])}" if most else "no words"
    )


@check(
    "words:no_consecutive",
    says="No two consecutive words can share the same first letter.",
    breaks=breaking.with_words("some such"),
)
def no_consecutive(text: str) -> Finding:
    for one, two in pairwise(bare(text.lower()).split()):
        if one[0] == two[0]:
            return Finding(False, quoted(f"{one} {two}"))
    return Finding(True, "no such pair")


@check(
    "words:last_first",
    says="The last word of each sentence must become the first word of the next sentence.",
    breaks=breaking.with_end(" Xylophones play on."),
)
def last_first(text: str) -> Finding:
    marks = string.punctuation + " "
    for one, two in pairwise(sentences(text)):
        last, first = one.rstrip(marks).split()[-1:], two.lstrip(marks).split()[:1]
        if not last or not first or last[0].lower() != first[0].lower():
            return Finding(False, f"{quoted(' '.join(last))} and {quoted(' '.join(first))}")
    return Finding(True, "all of them")


@check(
    "words:paragraph_last_first",
    says="Each paragraph must end with the same word it started with; separate paragraphs with a newline.",
    breaks=breaking.with_end("\nOne more paragraph.\nAnd another."),
)
def paragraph_last_first(text: str) -> Finding:
    for line in text.lower().split("\n"):
        words = stripped(line.strip()).split()
        if words and words[0] != words[-1]:
            return Finding(False, f"{quoted(words[0])} and {quoted(words[-1])}")
    return Finding(True, "all of them")


@check(
    "words:keywords_specific_position",
    keyword=WORD,
    n=POSITIVE,
    m=POSITIVE,
    says="Include the keyword {keyword} in sentence {n}, as word {m} of that sentence.",
    breaks=lambda text, keyword, n, m: iter([breaking.without(text, keyword)]),
)
def keywords_specific_position(text: str, keyword: str, n: int, m: int) -> Finding:
    found = sentences(text)
    if len(found) < n:
        return Finding(False, f"{len(found)} sentences")
    words = [word for word in treebank_sentence(found[n - 1]) if any(map(str.isalnum, word))]
    if len(words) < m:
        return Finding(False, f"{len(words)} words in sentence {n}")
    return Finding(words[m - 1].lower() == keyword.lower(), quoted(words[m - 1]))


@check(
    "words:words_position",
    keyword=WORD,
    says="The second word in your response and the second to last word in your response should be the word {keyword}.",
    breaks=breaking.with_words("to the end"),
)
def words_position(text: str, keyword: str) -> Finding:
    words = [word.lower() for word in treebank(text)]
    if words and words[-1] in string.punctuation:
        words.pop()
    if len(words) < 2:
        return Finding(False, "fewer than two words")
    return Finding(words[1] == words[-2] == keyword.lower(), f"{quoted(words[1])} and {quoted(words[-2])}")


def _alliterative(sentence: str) -> int:
    """Words that share their first letter with a neighbour."""
    marks = string.punctuation + " "
    words = [clean for word in sentence.lower().split() if (clean := word.lstrip(marks))]
    count, in_row = 0, False
    for one, two in pairwise(words):
        alike = one[0] == two[0]
        count += (1 if in_row else 2) if alike else 0
        in_row = alike
    return count


@check(
    "sentence:alliteration_increment",
    says="Each sentence must have a longer sequence of consecutive alliterative words than the previous one.",
    breaks=breaking.with_end(" Nothing here does."),
)
def alliteration_increment(text: str) -> Finding:
    """The first sentence may have none."""
    counts = [_alliterative(sentence) for sentence in sentences(text)]
    return Finding(all(one < two for one, two in pairwise(counts)), f"{counts[:20]} alliterative words")


@check(
    "sentence:increment",
    small_n=COUNT,
    says="Each sentence must contain exactly {small_n} more words than the previous one.",
    breaks=breaking.with_end(" No."),
)
def increment(text: str, small_n: int) -> Finding:
    """A single sentence passes, as in the public checker."""
    counts = [len(bare(sentence).split()) for sentence in sentences(text)]
    return Finding(all(two == one + small_n for one, two in pairwise(counts)), f"{counts[:20]} words")
