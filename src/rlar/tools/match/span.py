"""Short texts against gold texts: the whole response (`ExactMatch`, `NormalizedMatch`) or its answer (`FinalSpan`)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rlar.tools.base import RuleTool
from rlar.tools.final_answer import Claim, claims, echoes, said
from rlar.tools.language import detect_cheap
from rlar.tools.match.normal import normal, same_span
from rlar.tools.match.sentence import answer_in, asked, words_of
from rlar.tools.numbers import undressed
from rlar.tools.reference import golds, shape_of
from rlar.types import Kind, Mark, Query, Response


@dataclass(frozen=True, slots=True)
class Golds:
    """Accepted answers, whether English articles in them may be dropped, and the words of the question.

    words: empty where the question itself holds an answer ("Paris or Lyon?"): there its words tell nothing apart.
    """

    texts: tuple[str, ...]
    keys: frozenset[str]
    articles: bool
    words: frozenset[str] = frozenset()


def read_golds(query: Query) -> Golds:
    """The accepted answers of a query in normal form. Articles are dropped where the question is English."""
    texts = golds(query)
    articles = detect_cheap(query.question or " ".join(texts)) in ("en", "und")
    words = words_of(asked(query.question))
    if any(words_of(text) & words for text in texts):
        words = set()
    keys = frozenset(normal(text, articles=articles) for text in texts) - {""}
    return Golds(texts, keys, articles, frozenset(words))


class ExactMatch(RuleTool):
    """Right (1) if what is said after any thoughts is one of the gold texts, to the character; else wrong (0).

    Only white space at both ends is ignored. For answers whose form is part of the task (codes, strings, single words).
    """

    def __init__(self) -> None:
        about = "the response is the gold text, to the character"
        self.describe(name="exact_match", kind=Kind.VERIFIER, about=about, needs=("reference",), line=0.5)

    def fits(self, query: Query) -> bool:
        return bool(golds(query))

    def prepare(self, query: Query) -> frozenset[str]:
        return frozenset(gold.strip() for gold in golds(query))

    def rate(self, response: Response, query: Query, prepared: frozenset[str]) -> Mark:
        text = response.rpartition("</think>")[2].strip()
        return Mark(1.0, "the same text") if text and text in prepared else Mark(0.0, "another text")


class NormalizedMatch(RuleTool):
    """Right (1) if what is said equals a gold text up to case, punctuation, spacing, and articles in English; else 0.

    The whole response has to be the answer; `FinalSpan` finds the answer in a longer one.
    Source: SQuAD 1.1 exact match; NFKC added, articles kept outside of English, and "-5", "C++", "50%" kept apart.
    """

    def __init__(self) -> None:
        about = "the response is a gold text up to case, punctuation and articles"
        self.describe(name="normalized_match", kind=Kind.VERIFIER, about=about, needs=("reference",), line=0.5)

    def fits(self, query: Query) -> bool:
        return bool(golds(query))

    def prepare(self, query: Query) -> Golds:
        return read_golds(query)

    def rate(self, response: Response, query: Query, prepared: Golds) -> Mark:
        key = normal(undressed(said(response, thoughts="never")), articles=prepared.articles)
        return Mark(1.0, "the same words") if key and key in prepared.keys else Mark(0.0, "other words")


class FinalSpan(RuleTool):
    """Right (1) if the last stated answer is a gold span: a name, phrase, date, time or quantity; else wrong (0).

    The answer is found first (box, "answer is ...", a response that is nothing else, the end of the closing sentence)
    and compared then, whole with whole: a gold that merely occurs in the response is no match. "4:30 p.m." equals
    "16:30", "5 March 2021" equals "2021-03-05", "60" equals "60 days", "60 hours" does not.
    """

    def __init__(self) -> None:
        self.describe(
            name="final_span",
            kind=Kind.VERIFIER,
            about="the last stated answer is the gold name, phrase, date, time or quantity",
            suits=("knowledge", "reasoning", "math"),
            needs=("reference:span",),
            line=0.5,
        )

    def fits(self, query: Query) -> bool:
        return shape_of(query).kind in ("span", "label", "list")

    def prepare(self, query: Query) -> Golds:
        return read_golds(query)

    def rate(self, response: Response, query: Query, prepared: Golds) -> Mark:
        text = said(response)
        whole = undressed(text)
        if len(whole) < 300 and self._right(whole, prepared):
            return Mark(1.0, "the same")
        found = claims(text)
        if not found or echoes(text, query.question):
            return Mark(0.0, "no answer is stated")
        answer = stated_span(found[0])
        if self._right(answer, prepared):
            return Mark(1.0, "the same")
        if prepared.words and found[0].how in ("whole", "closing", "line"):
            told = "" if found[0].text.rstrip().endswith("?") else answer_in(undressed(found[0].text), prepared.words)
            if told and self._right(told, prepared):
                return Mark(1.0, "the same, in the words of the question")
        return Mark(0.0, f"states {answer[:60]!r}")

    @staticmethod
    def _right(answer: str, prepared: Golds) -> bool:
        return any(same_span(gold, answer, articles=prepared.articles) for gold in prepared.texts)


_MARKED = re.compile(r"\*\*([^*\n]{1,200})\*\*")
_QUOTED = re.compile(r"[\"“]([^\"”\n]{1,200})[\"”]")
_FORMULA = re.compile(r"(?:\$|\\\()(?:[A-Za-z]{1,2}\s?=)?([^$\n]{1,200}?)(?:\$|\\\))")
_COPULA = re.compile(
    r"^.{0,400}(?:\b(?:is|are|was|were|be|equals|named|called|es|ist|est|son|sind)\b|[:=：]|是|為|为)\s?", re.S
)


def stated_span(claim: Claim) -> str:
    """The one short text that a claim states: what is marked in it, else all of it, else the end of its sentence."""
    text = undressed(claim.text)
    if claim.how == "closing":
        for pattern in (_MARKED, _QUOTED, _FORMULA):
            if marked := pattern.findall(claim.text):
                return undressed(marked[-1])
        return undressed(_COPULA.sub("", text))
    if claim.how == "output":
        return text.rpartition("\n")[2].strip()
    marked = _MARKED.findall(claim.text)
    return undressed(marked[0]) if len(marked) == 1 else text
