"""M-IFEval's Japanese ids (ja:...). What means the same in any language is the check of the id without its prefix."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from rlar.tools.constraints import breaking
from rlar.tools.constraints.check import Finding, check
from rlar.tools.constraints.content import dash_bullets, enclosed, one_of, spans, star_bullets, wrapped
from rlar.tools.constraints.ends import banned
from rlar.tools.constraints.fields import COUNT, LETTER, POSITIVE, RELATION, TEXT, Relation, listed, quoted
from rlar.tools.constraints.keywords import counted
from rlar.tools.constraints.length import nth_block

ANSWERS = ("はい、そうです。", "いいえ、違います。", "どちらとも言えません。")
KANJI = re.compile(r"[\u4e00-\u9faf]")
KANJI_RUN = re.compile(r"[\u4e00-\u9faf]+")
FURIGANA = re.compile("（[ぁ-ん]+）")
HIRAGANA = re.compile("[ぁ-ゖ]")
KATAKANA = re.compile("[ァ-ヺｦ-ﾟ]")
STOP = re.compile("[。｡！？!?]+")
BRACKETS = {"「": "」", "『": "』", "（": "）", "(": ")"}
MARKUP = " \t\u3000>#*+-・_`「『（(《〈"
NUMBERED = re.compile(r"\s*\d{1,9}[.．]\s")

PREFIX = "ja:"
SAME = (
    "keywords:existence",
    "keywords:frequency",
    "keywords:forbidden_words",
    "language:response_language",
    "length_constraints:number_paragraphs",
    "detectable_content:number_placeholders",
    "detectable_content:postscript",
    "detectable_format:json_format",
    "combination:two_responses",
    "combination:repeat_prompt",
)


def japanese_sentences(text: str) -> list[str]:
    """Lines, cut after stops that are not within brackets; a line that ends with の goes on in the next one."""
    parts: list[str] = []
    line = ""
    for one in filter(None, map(str.strip, text.split("\n"))):
        line += one
        if not line.endswith("の"):
            parts += _cut(line)
            line = ""
    return [*parts, *_cut(line)]


def _cut(line: str) -> Iterator[str]:
    start, closing = 0, ""
    last = {mark: line.rfind(mark) for mark in BRACKETS.values()}
    for at, mark in enumerate(line):
        if closing:
            closing = "" if mark == closing else closing
        elif mark in BRACKETS and last[BRACKETS[mark]] > at:  # one that is never closed is no bracket
            closing = BRACKETS[mark]
        elif STOP.match(mark) and not STOP.match(line[at + 1 : at + 2]):
            yield line[start : at + 1]
            start = at + 1
    if line[start:].strip():
        yield line[start:]


def _sentence_count(text: str, num_sentences: int, relation: Relation) -> Iterator[str]:
    target = relation.nearest(num_sentences, broken=True)
    parts = japanese_sentences(text)
    if 0 < target < len(parts):
        yield "\n".join(parts[:target])
    elif target > len(parts):
        yield text.rstrip() + "\n" + "なお、この文は追加された。" * (target - len(parts))


@check(
    "ja:length_constraints:number_sentences",
    num_sentences=COUNT,
    relation=RELATION,
    says="Your response should contain {relation} {num_sentences} sentences.",
    breaks=_sentence_count,
)
def number_sentences(text: str, num_sentences: int, relation: Relation) -> Finding:
    return counted(relation, len(japanese_sentences(text)), num_sentences, "sentences")


def _length(text: str, num_letters: int, relation: Relation) -> Iterator[str]:
    target = relation.nearest(num_letters, broken=True)
    yield text[:target] if target < len(text) else text + "あ" * (target - len(text))


@check(
    "ja:length_constraints:number_letters",
    num_letters=COUNT,
    relation=RELATION,
    breaks=_length,
    says="Answer with {relation} {num_letters} characters.",
)
def number_letters(text: str, num_letters: int, relation: Relation) -> Finding:
    """Every character counts, marks and white space too."""
    return counted(relation, len(text), num_letters, "characters")


def _katakana(letter: str) -> str:
    return chr(ord(letter) + 96) if HIRAGANA.match(letter) else letter


@check(
    "ja:keywords:letter_frequency",
    letter=LETTER,
    let_frequency=COUNT,
    let_relation=RELATION,
    says="In your response, the letter {letter} (as hiragana or katakana) should appear {let_relation} {let_frequency} "
    "times.",
    breaks=lambda text, letter, let_frequency, let_relation: breaking.with_count_of(
        text.replace(_katakana(letter), letter), letter, let_relation, let_frequency
    ),
)
def letter_frequency(text: str, letter: str, let_frequency: int, let_relation: Relation) -> Finding:
    count = sum(map(text.count, {letter, _katakana(letter)}))
    return counted(let_relation, count, let_frequency, f"times {quoted(letter)}")


@check(
    "ja:detectable_format:number_bullet_lists",
    num_bullets=COUNT,
    says="Your answer must contain exactly {num_bullets} bullet points, such as: ・一つめの内容",
    breaks=breaking.with_line("・もう一つの内容"),
)
def number_bullet_lists(text: str, num_bullets: int) -> Finding:
    """Lines with ・, * or a dash and a space; a rule (---) is no item."""
    lines = text.split("\n")
    dots = sum(line.lstrip().startswith("・") for line in lines)
    dashes = dash_bullets("\n".join(line for line in lines if line.lstrip()[:2] in ("- ", "-\u3000")))
    return counted(Relation.EXACTLY, dots + star_bullets(text) + dashes, num_bullets, "bullet points")


@check(
    "ja:detectable_format:number_numbered_lists",
    num_items=COUNT,
    breaks=breaking.with_line("9. もう一つの内容"),
    says="Your answer must contain exactly {num_items} numbered items, such as: 1. 一つめの内容",
)
def number_numbered_lists(text: str, num_items: int) -> Finding:
    count = sum(NUMBERED.match(line) is not None for line in text.split("\n"))
    return counted(Relation.EXACTLY, count, num_items, "numbered items")


@check(
    "ja:detectable_format:constrained_response",
    says=f"Answer with one of the following options: {listed(ANSWERS)}.",
    breaks=breaking.either(*(breaking.replaced(answer, "さあ。") for answer in ANSWERS)),
)
def constrained_response(text: str) -> Finding:
    return one_of(text, ANSWERS)


@check(
    "ja:detectable_format:number_highlighted_sections",
    num_highlights=COUNT,
    breaks=breaking.replaced("《", "〈"),
    says="Highlight at least {num_highlights} sections in your answer with 《》.",
)
def number_highlighted_sections(text: str, num_highlights: int) -> Finding:
    count = sum(bool(part.rpartition("《")[2].strip()) for part in enclosed(text, "《", "》"))
    return counted(Relation.AT_LEAST, count, num_highlights, "highlighted sections")


@check(
    "ja:detectable_format:multiple_sections",
    section_spliter=TEXT,
    num_sections=COUNT,
    breaks=breaking.replaced("第", ""),
    says="Your response must have at least {num_sections} sections, the first one beginning with 第1{section_spliter}.",
)
def multiple_sections(text: str, section_spliter: str, num_sections: int) -> Finding:
    """Digits of any width, or Chinese numerals, which the public checker does not read."""
    count = len(re.findall(rf"第(?:\d+|[一二三四五六七八九十百]+){re.escape(section_spliter)}", text))
    return counted(Relation.AT_LEAST, count, num_sections, "sections")


@check(
    "ja:detectable_format:title", says="Your answer must contain a title in 『』.", breaks=breaking.replaced("『", "")
)
def title(text: str) -> Finding:
    found = wrapped(text, "『", "』")
    return Finding(found, "a title" if found else "no title")


@check(
    "ja:length_constraints:nth_paragraph_first_word",
    num_paragraphs=POSITIVE,
    nth_paragraph=POSITIVE,
    first_word=TEXT,
    says="There should be {num_paragraphs} paragraphs, separated by two line breaks. Paragraph {nth_paragraph} must "
    "start with {first_word}.",
    breaks=lambda text, first_word, **_: iter([text.replace(first_word, "さて" + first_word)]),
    sane=lambda num_paragraphs, nth_paragraph, **_: nth_paragraph <= num_paragraphs,
)
def nth_paragraph_first_word(text: str, num_paragraphs: int, nth_paragraph: int, first_word: str) -> Finding:
    """Marks of lists, headings, emphasis and opening brackets before the word do not count."""
    block, settled = nth_block(text, num_paragraphs, nth_paragraph)
    if settled:
        return settled
    start = re.sub(r"^\d{1,9}[.)]\s+", "", block.lstrip(MARKUP)).lstrip(MARKUP)
    return Finding(start.startswith(first_word), f"{quoted(start[: len(first_word)])} first")


@check(
    "ja:startend:end_checker",
    end_phrase=TEXT,
    breaks=breaking.with_end("\n以上です。\nまた。"),
    says="Finish your response with this exact phrase: {end_phrase}. No other words should follow it.",
)
def end_checker(text: str, end_phrase: str) -> Finding:
    """Closing brackets and emphasis behind the phrase do not count."""
    end = text.rstrip(" \t\n\r\u3000*_`」』")
    return Finding(end.endswith(end_phrase.strip().strip("」』")), f"{quoted(end[-40:])} at the end")


@check(
    "ja:startend:quotation",
    says="Wrap your entire response with 「」.",
    breaks=breaking.either(breaking.with_start("さて、\n\n"), breaking.with_end("\n\n以上。\nまた。")),
)
def quotation(text: str) -> Finding:
    text = text.strip()
    return Finding(len(text) > 1 and text[0] + text[-1] == "「」", f"{text[0]} ... {text[-1]}")


@check(
    "ja:punctuation:no_comma",
    says="In your entire response, refrain from the use of 、.",
    breaks=breaking.with_mark("、"),
)
def no_comma(text: str) -> Finding:
    return banned(text, re.compile("[、､，]"), "commas")


@check(
    "ja:punctuation:no_period",
    says="In your entire response, refrain from the use of 。.",
    breaks=breaking.with_mark("。"),
)
def no_period(text: str) -> Finding:
    return banned(text, re.compile("[。｡]"), "full stops")


def _without_quotes(text: str) -> str:
    for opening, closing in (("「", "」"), ("『", "』")):
        text = "\n".join(_without_spans(line, opening, closing) for line in text.split("\n"))
    return text


def _without_spans(line: str, opening: str, closing: str) -> str:
    kept, rest = [], 0
    for start, end in spans(line, opening, closing):
        kept.append(line[rest:start])
        rest = end
    return "".join([*kept, line[rest:]])


@check(
    "ja:startend:sentence_unified_end",
    ending=TEXT,
    breaks=breaking.with_end("以上とする。"),
    says="All sentences of your response must end with {ending}.",
)
def sentence_unified_end(text: str, ending: str) -> Finding:
    """Quotations do not count; neither do line breaks after a stop."""
    for sentence in filter(None, map(str.strip, STOP.split(_without_quotes(text)))):
        if not sentence.endswith(ending):
            return Finding(False, quoted(sentence[-30:]))
    return Finding(True, "all of them")


@check(
    "ja:letters:furigana",
    says="Give furigana for all kanji, in hiragana within full-width brackets （）.",
    breaks=breaking.with_end("追加"),
)
def furigana(text: str) -> Finding:
    """A text without kanji passes, as in the public checker."""
    bare = next((run.group() for run in KANJI_RUN.finditer(text) if not FURIGANA.match(text, run.end())), None)
    return Finding(bare is None, f"{quoted(bare)} without" if bare else "all of them")


@check(
    "ja:letters:kanji",
    kanji_limit=COUNT,
    relation=RELATION,
    says="Answer with {relation} {kanji_limit} kanji.",
    breaks=lambda text, kanji_limit, relation: iter([KANJI.sub("", text), text + "漢" * (kanji_limit + 1)]),
)
def kanji(text: str, kanji_limit: int, relation: Relation) -> Finding:
    return counted(relation, len(KANJI.findall(text)), kanji_limit, "kanji")


@check("ja:letters:no_hiragana", says="Answer without any hiragana.", breaks=breaking.with_end("の"))
def no_hiragana(text: str) -> Finding:
    return banned(text, HIRAGANA, "hiragana")


@check("ja:letters:no_katakana", says="Answer without any katakana.", breaks=breaking.with_end("ノ"))
def no_katakana(text: str) -> Finding:
    return banned(text, KATAKANA, "katakana")


def _only(text: str, wanted: re.Pattern[str]) -> Finding:
    """All letters are of one kind, and there are some (the public checker also takes a text without letters)."""
    other = next((c for c in text if unicodedata.category(c)[0] == "L" and c != "ー" and not wanted.match(c)), None)
    if other is not None:
        return Finding(False, quoted(other))
    return Finding(wanted.search(text) is not None, "all of them" if wanted.search(text) else "no letters")


@check("ja:letters:hiragana_only", says="Answer in hiragana only.", breaks=breaking.with_end("漢字"))
def hiragana_only(text: str) -> Finding:
    return _only(text, HIRAGANA)


@check("ja:letters:katakana_only", says="Answer in katakana only.", breaks=breaking.with_end("漢字"))
def katakana_only(text: str) -> Finding:
    return _only(text, KATAKANA)


@check("ja:letters:kansuuji", says="Write all numbers in Chinese numerals.", breaks=breaking.with_end("5"))
def kansuuji(text: str) -> Finding:
    return banned(text, re.compile(r"\d"), "digits")
