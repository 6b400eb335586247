"""The tool `LabelMatch`: answers from a closed set of labels, such as yes / no or entailment / contradiction."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rlar.tools.base import RuleTool
from rlar.tools.final_answer import Claim, claims, echoes, said
from rlar.tools.match.normal import normal
from rlar.tools.numbers import undressed
from rlar.tools.reference import golds, shape_of
from rlar.types import Json, Kind, Mark, Query, Response

# One line a set: labels apart by "|", spellings of one label apart by ",". The first spelling names the label.
_SETS = (
    "yes, true, correct, right, affirmative, ja, oui, si, sí, sim, evet, da, да, 是, 对, 對, 正确, はい, 예, 네, हाँ"
    " | no, false, incorrect, wrong, negative, nein, non, não, nao, hayır, net, нет, 否, 错, 錯, 错误, いいえ, 아니요"
    " | unknown, uncertain, maybe, undetermined, cannot be determined, unsure",
    "entailment, entailed, entails | contradiction, contradicted, contradicts | neutral, not entailment, unrelated",
    "supported, supports, support | refuted, refutes, contradicted | not enough information, not enough info, nei,"
    " unverifiable, unsupported",
    "positive | negative | neutral | mixed",
    "valid | invalid",
    "possible | impossible",
    "safe | unsafe, toxic, harmful",
    "spam | ham, not spam, legitimate",
    "same, equivalent, paraphrase | different, not equivalent, not a paraphrase",
    "agree | disagree",
    "pass | fail",
    "relevant | irrelevant, not relevant",
)
# A claim in these words grades an answer ("the answer is correct") unless the question asks for just them.
_GRADES = re.compile(r"(?<!\w)(?:correct|right|true|valid|wrong|incorrect|false|invalid)(?!\w)")
_NOT = re.compile(r"(?:\bnot|n't|\bnever)\s(?:a |an |really |necessarily |logically )?$")


@dataclass(frozen=True, slots=True)
class _Prepared:
    spellings: Mapping[str, str]  # normal form of a spelling -> its label
    pattern: re.Pattern[str]  # any spelling as whole words, longest first
    accepted: frozenset[str]
    opposite: Mapping[str, str]  # of sets with two labels, so that "not valid" is "invalid"
    asked: str  # normal form of the question's end


class LabelMatch(RuleTool):
    """Right (1) if the one label that the answer states is the gold label or a synonym of it; else wrong (0).

    The set of labels is extra["labels"], else a common set that holds the gold label. A last line that is nothing but a
    label counts first; then a marked answer, the closing sentence, and the first word of the response. A sentence that
    grades an answer ("the answer is correct") is none, unless nothing else is said. Two different labels in the answer
    are wrong; "not valid" is "invalid". A label inside of a longer word never counts.
    """

    def __init__(self) -> None:
        self.describe(
            name="label_match",
            kind=Kind.VERIFIER,
            about="the stated label is the gold label",
            suits=("reasoning", "knowledge", "safety"),
            needs=("reference:label",),
            line=0.5,
        )

    def fits(self, query: Query) -> bool:
        return shape_of(query).kind == "label"

    def prepare(self, query: Query) -> _Prepared:
        wanted = [normal(gold, articles=False) for gold in golds(query)]
        spellings = _given(query.extra) or _common(wanted[0] if wanted else "", query.question)
        for gold in wanted:
            spellings.setdefault(gold, gold)
        words = sorted((re.escape(s) for s in spellings if s), key=len, reverse=True)
        pattern = re.compile(rf"(?<!\w)(?:{'|'.join(words) or '(?!)'})(?!\w)")
        labels = list(dict.fromkeys(spellings.values()))
        decided = [label for label in labels if label != "unknown"]
        opposite = {decided[0]: decided[1], decided[1]: decided[0]} if len(decided) == 2 else {}
        asked = f" {normal(query.question[-3000:], articles=False)} "
        return _Prepared(spellings, pattern, frozenset(spellings[gold] for gold in wanted), opposite, asked)

    def rate(self, response: Response, query: Query, prepared: _Prepared) -> Mark:
        text = said(response)
        if echoes(text, query.question):
            return Mark(0.0, "repeats the question")
        stated = _stated(text, prepared)
        if len(stated) != 1:
            return Mark(0.0, "states several labels" if stated else "states no label")
        label = stated.pop()
        return Mark(1.0 if label in prepared.accepted else 0.0, f"states {label}")


def _stated(text: str, prepared: _Prepared) -> set[str]:
    """The labels of the last part of a response that states any."""
    line = text.rstrip().rpartition("\n")[2]
    last = normal(undressed(line), articles=False)
    if last in prepared.spellings:
        return {prepared.spellings[last]}
    found = claims(text)
    grading = [c for c in found if _grades(c, prepared)]
    found = [c for c in found if c not in grading]
    marked = any(c.explicit for c in found)
    if not marked and len(stated := labels_in(line, prepared, first=True)) == 1:
        return stated  # before the closing sentence of `claims`, which is the last with a number in it
    for claim in found:
        if stated := labels_in(claim.text, prepared, first=claim.explicit):
            return stated
    opening = normal(re.split(r"[.,:;!\n]", undressed(text)[:60], maxsplit=1)[0], articles=False)
    if opening in prepared.spellings:
        return {prepared.spellings[opening]}
    return next((labels for c in grading if (labels := labels_in(c.text, prepared, first=True))), set())


def _grades(claim: Claim, prepared: _Prepared) -> bool:
    """Whether a sentence says how good an answer is, instead of giving one."""
    word = _GRADES.search(normal(claim.text, articles=False)) if claim.how in ("line", "closing") else None
    return word is not None and f" {word[0]} " not in prepared.asked


def labels_in(text: str, prepared: _Prepared, *, first: bool) -> set[str]:
    """The labels that a text states. first: a label that opens the text stands for all of it ("No, because ...")."""
    key = normal(undressed(text), articles=False)
    if key in prepared.spellings:
        return {prepared.spellings[key]}
    opening = normal(re.split(r"[.,:;!(\n]|\s[-–—]\s", undressed(text), maxsplit=1)[0], articles=False)
    if first and opening in prepared.spellings and key.count(" ") - opening.count(" ") > 2:
        return {prepared.spellings[opening]}
    stated = set()
    for m in prepared.pattern.finditer(key):
        label = prepared.spellings[m[0]]
        if _NOT.search(key[: m.start()]):
            label = prepared.opposite.get(label, "")
        if label:
            stated.add(label)
    return stated


def _given(extra: Mapping[str, Json]) -> dict[str, str]:
    labels = extra.get("labels")
    if not isinstance(labels, (list, tuple)):
        return {}
    return {key: key for label in labels if (key := normal(str(label), articles=False))}


def _common(gold: str, question: str) -> dict[str, str]:
    """The common set that holds the gold label; of several, the one of which the question names most labels."""
    best: dict[str, str] = {}
    most = -1
    asked = f" {normal(question[-3000:], articles=False)} "
    for line in _SETS:
        spellings: dict[str, str] = {}
        for group in line.split("|"):
            names = [normal(name, articles=False) for name in group.split(",")]
            spellings |= dict.fromkeys(names, names[0])
        named = sum(f" {name} " in asked for name in spellings)
        if gold in spellings and named > most:
            best, most = spellings, named
    return best
