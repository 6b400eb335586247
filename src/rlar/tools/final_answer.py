r"""What a response finally claims: the last box, "answer is ...", "#### ...", output block or closing sentence.

Extraction comes before comparison, and the *last* commitment counts: a policy that lists many answers has claimed only
the last one. Everything here is bounded: only the tail of a response is read, every regular expression is linear or has
a bounded reach, and nothing raises, whatever the text.
Sources: box and "####" as in MATH (Hendrycks 2021) and GSM8K (Cobbe 2021); "final answer" lines as in Minerva and
Math-Verify; output blocks as in ToRA; <answer> tags as in DeepSeek-R1.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

TAIL = 20_000  # characters at the end of a response that are read; what is claimed earlier is not claimed last
REACH = 2_000  # characters of one claim


class Claim(NamedTuple):
    """One claimed answer.

    text: as written, LaTeX and markdown dressing kept. how: box, tag, hash, line, output, restated, whole or closing.
    boxes: the contents of boxes that stand together ("\\boxed{1} and \\boxed{2}"), else empty.
    joined: whether these boxes are joined by a word or comma, so that they are one statement.
    begin: where the claim starts in what was said, -1 where that is not known.
    """

    text: str
    how: str
    boxes: tuple[str, ...] = ()
    joined: bool = False
    begin: int = -1

    @property
    def explicit(self) -> bool:
        """Marked as the answer by the writer, not guessed from the closing sentence."""
        return self.how != "closing"


# -- what is said, without what is thought ---------------------------------------------------------------------------

_THOUGHT_ENDS = ("</think>", "</thinking>", "</thought>", "</reasoning>", "<|channel|>final<|message|>")
_THOUGHT_STARTS = ("<think>", "<thinking>", "<thought>", "<reasoning>", "<|channel|>analysis")
_TURN_END = re.compile(
    r"<\|(?:im_end|im_start|eot_id|endoftext|end_of_text|end|return|eom_id)\|>|</s>|<end_of_turn>|<eos>"
)
_HARMLESS = {0x2212: "-", 0x2013: "-", 0x2012: "-", 0xFE63: "-", 0x2044: "/", 0x2215: "/", 0x2019: "'", 0x201C: '"'}
_HARMLESS |= {0x201D: '"', 0x00A0: " ", 0x202F: " ", 0x2009: " ", 0x2007: " ", 0x3000: " ", 0x3002: ". ", 0x2014: " - "}


@lru_cache(maxsize=4096)
def _plain_character(c: str) -> str:
    """ASCII for digits of any script, full-width and styled forms; "" for the invisible; else the character."""
    if (known := _HARMLESS.get(ord(c))) is not None:
        return known
    kind = unicodedata.category(c)
    if kind == "Nd":
        return str(unicodedata.decimal(c))
    if kind in ("Cf", "Cs", "Co"):  # zero-width, direction marks, lone surrogates, private use
        return ""
    if 0xFF01 <= ord(c) <= 0xFF5E:  # full-width ASCII
        return chr(ord(c) - 0xFEE0)
    if 0x1D400 <= ord(c) <= 0x1D7FF:  # mathematical alphabets
        return unicodedata.normalize("NFKC", c)
    return c


def plain_characters(text: str) -> str:
    """The text with digits, minus signs, quotes and spaces of any script as ASCII, and without invisible characters.

    Not NFKC: that would turn the square of "x²" into the digit of "x2". Look-alike letters stay different letters.
    """
    if text.isascii():
        return text
    table = {ord(c): _plain_character(c) for c in set(text) if c > "\x7f"}
    return text.translate(table)


def said(response: str, *, thoughts: str = "fallback") -> str:
    """What the response says to its reader (see `spoken`), in plain characters; at most its last TAIL characters."""
    return plain_characters(spoken(response, thoughts=thoughts)[-TAIL:])


def spoken(response: str, *, thoughts: str = "fallback") -> str:
    """What the response says to its reader: after its thoughts, up to the end of its turn, as written.

    thoughts: "fallback": a closed thought is read if nothing follows it, an endless one is not; "never": only what
    follows the thoughts counts; "always": thoughts count like all else.
    """
    text = response
    if "<" in text:
        if thoughts != "always":
            text = _after_thoughts(text, fallback=thoughts == "fallback")
        if m := _TURN_END.search(text):
            text = text[: m.start()] if text[: m.start()].strip() else _TURN_END.sub(" ", text)
    return text


def _after_thoughts(text: str, *, fallback: bool) -> str:
    end = max(((text.rfind(tag), tag) for tag in _THOUGHT_ENDS), key=lambda found: found[0])
    start = max(text.rfind(tag) for tag in _THOUGHT_STARTS)
    if end[0] < 0:
        return text if start < 0 else text[:start]  # a thought without an end: nothing was answered yet
    after = text[end[0] + len(end[1]) :]
    if start > end[0]:
        after = text[end[0] + len(end[1]) : start]
    if after.strip():
        return after
    return text[: end[0]] if fallback else ""


def echoes(text: str, prompt: str) -> bool:
    """Whether a text is the prompt said again, or most of it: nothing was answered, whatever numbers it holds."""
    text = text.strip()
    return len(text) > 30 and 2 * len(text) >= len(prompt) and text in prompt


# -- boxes -----------------------------------------------------------------------------------------------------------

_SIMPLE_BOX = re.compile(r"\s*\{([^{}]{0,400})\}")
_BARE_BOX = re.compile(r"\s*([A-Za-z0-9.,+-]{1,40})")
_PARTS = re.compile(r"[.!?:]\s|\b(?:wait|no|wrong|actually|but|not|then|so|therefore)\b", re.I)
_JOINT = re.compile(r"\\?,|;|\b(?:and|or|und|oder|et|ou|y|o)\b|和|或|\\quad", re.I)


def braced(text: str, start: int) -> tuple[str, int] | None:
    """The content of the braces that open at `start`, and the position behind them; None if they never close."""
    depth = 0
    for i in range(start, min(len(text), start + REACH)):
        c = text[i]
        if c == "{":
            depth += 1
        elif c == "}":
            depth -= 1
            if depth == 0:
                return text[start + 1 : i], i + 1
    return None


def _box_at(text: str, at: int) -> tuple[str, int] | None:
    """Content of the box command whose word ends at `at`, and where it ends."""
    if m := _SIMPLE_BOX.match(text, at):
        return m[1].strip(), m.end()
    at += len(text[at : at + 20]) - len(text[at : at + 20].lstrip())
    if text[at : at + 1] == "{":
        found = braced(text, at)
        if found:
            return found[0].strip(), found[1]
        line = text[at + 1 : at + 400].split("\n")[0].rstrip(" $.")  # cut off in the middle: what there is of it
        return line, at + 1 + len(line)
    if m := _BARE_BOX.match(text, at):
        return m[1].strip(), m.end()
    return None


def _last_boxes(text: str) -> tuple[list[tuple[int, int, str]], bool]:
    """The last group of boxes as (start, end, content), in order of the text, and whether a joint links all of them."""
    found: list[tuple[int, int, str]] = []
    joined = True
    at = len(text)
    for _ in range(24):
        at = max(text.rfind("boxed", 0, at), text.rfind("\\fbox", 0, at))
        if at < 0:
            break
        box = _box_at(text, at + 5)
        if box is None or not box[0] or box[0] in ("...", "answer", "\\text{answer}", "your answer"):
            continue  # a placeholder
        start = text.rfind("\\", max(0, at - 6), at + 1)
        start = at if start < 0 else start
        if found:
            between = text[box[1] : found[0][0]]
            if "boxed" in box[0] or box[1] > found[0][0]:
                continue  # the inner box was taken already
            linked = len(between) <= 70 and bool(_JOINT.search(between)) and not _PARTS.search(between)
            if not linked and len(between.strip()) > 9:
                break
            joined = joined and linked
        found.insert(0, (start, box[1], box[0]))
    return found, joined and len(found) > 1


# -- claims in words -------------------------------------------------------------------------------------------------

_ASCII_NAMES = "answer #### respuesta resposta antwort risposta antwoord jawaban odpowied cevap svar"
_WORDS_ASCII = (*_ASCII_NAMES.split(), "\na:", "\nans")
_WORDS_OTHER = ("réponse", "ответ", "答案", "答え", "答:", "정답", "답은", "उत्तर", "đáp án")
_OPENS = re.compile(
    r"(?:####|answer|respuesta|resposta|antwort|risposta|antwoord|jawaban|réponse|ответ\w{0,2}|答案|答え|答|정답|답|उत्तर"
    r"|đáp án|odpowied\w{1,2}|cevap|svaret|svar|\n(?:a|ans)(?=\s?\.?\s?[:=]))",
    re.I,
)
_BETWEEN = r"(?P<between>(?:(?![.!?]\s)[^\n:=：]){0,110}?)"
_SIGNS = r"[:=：→]|->"
_VERBS = r"\bis\b|\bare\b|\bbe\b|\bwas\b|\bis\s?:"
_OTHER_VERBS = (
    r"|\bes\b|\bson\b|\bist\b|\bsind\b|\best\b|\bè\b|\bé\b|\badalah\b|\blà\b|\bjest\b|\bär\b|\ber\b|[是为為は은는이]"
)
_AFTER = r"(?:\s?\*{1,2})?\s?[:=：]?\s?"
_LINK = re.compile(f"{_BETWEEN}(?:{_VERBS}|{_SIGNS}){_AFTER}")
_OTHER_LINK = re.compile(
    f"{_BETWEEN}(?:{_VERBS}{_OTHER_VERBS}|{_SIGNS}){_AFTER}"
)  # of other languages: "son" is no verb
_HEADING = re.compile(r"s?\W{0,6}\n\s*")
_NEGATED = re.compile(
    r"\b(?:not|never|cannot|n't|no|isn't|wrong|incorrect|whether|if|não|nicht|не)\b|不|並非|并非|아니", re.I
)
_BOUND = re.compile(
    r"\s*(?:found|obtained|given|calculated|computed|derived|determined|based|correct|wrong|incorrect)\b"
    r"|\s*(?:not\b|n't\b|nicht\b|pas\b|não\b|не\b|不|at (?:least|most)\b"
    r"|(?:greater|less|more|fewer|smaller|larger|bigger|higher|lower) than)",
    re.I,
)
_DISPLAYS = (("\\[", "\\]"), ("$$", "$$"), ("```", "```"))
_INITIALS = r"(?<![ .][A-Za-z])(?<!\bMr)(?<!\bMrs)(?<!\bMs)(?<!\bDr)(?<!\bSt)(?<!\bvs)"  # "4 p.m.", "J. K.", "Dr. No"
_SENTENCE_END = re.compile(_INITIALS + r"[.!?](?=\s|$|\*|\")|\n")
_OUTPUT = re.compile(r"```(?:output|stdout|result)s?[^\n]{0,20}\n(.{0,2000}?)(?:```|$)", re.S)


def _claim_at(text: str, at: int) -> tuple[int, int, str, str] | None:
    """(begin, end, text, how) of the claim that the word at `at` opens; None if it opens none."""
    opened = _OPENS.match(text, at)
    if opened is None:
        return None
    how = "line"
    if opened[0] == "####":
        begin, how = opened.end(), "hash"
    elif heading := _HEADING.match(text, opened.end()):
        begin = heading.end()
    else:
        english = opened[0].lower().strip() in ("answer", "a", "ans")
        link = (_LINK if english else _OTHER_LINK).match(text, opened.end())
        if link is None or _NEGATED.search(link["between"]):
            return None
        begin = link.end()
    while text[begin : begin + 1].isspace():
        begin += 1
    content, end = _until_end(text, begin)
    if not content or _BOUND.match(content):
        return None
    return begin, end, content, how


def _until_end(text: str, begin: int) -> tuple[str, int]:
    """The rest of the sentence or the display that starts at `begin`, and its end."""
    for opening, closing in _DISPLAYS:
        if text.startswith(opening, begin):
            end = text.find(closing, begin + len(opening), begin + REACH)
            if end > 0:
                return text[begin : end + len(closing)].strip(), end + len(closing)
    stop = begin
    while True:
        m = _SENTENCE_END.search(text, stop, begin + REACH)
        if m is None:
            return text[begin : begin + REACH].strip(), min(len(text), begin + REACH)
        inside = text[begin : m.start()]
        if inside.count("$") % 2 == 1 and m[0] != "\n" and text.find("$", m.end(), m.end() + 200) > 0:
            stop = m.end()  # "$x = 1. 5$": the sentence cannot end inside of a formula
            continue
        return inside.strip(), m.end()


def _last_claim_in_words(text: str, low: str, floor: int) -> tuple[int, int, str, str] | None:
    """The last claim that a marker opens at or behind `floor`."""
    words = _WORDS_ASCII if text.isascii() else _WORDS_ASCII + _WORDS_OTHER
    if floor == 0 and low.startswith(("a:", "ans", "a :")):
        claim = _last_claim_in_words("\n" + text, "\n" + low, 0)
        return (claim[0] - 1, claim[1] - 1, *claim[2:]) if claim else None
    top = len(text)
    for _ in range(12):
        at = max(low.rfind(word, floor, top) for word in words)
        if at < 0:
            return None
        if claim := _claim_at(text, at):
            return claim
        top = at
        if top <= floor:
            return None
    return None


# -- taking it back --------------------------------------------------------------------------------------------------

_RETRACTS = re.compile(
    r"\b(?:wait|actually|no|correction|corrected|sorry|apologi[sz]e|my mistake|scratch that|oops|hold on"
    r"|on second thought|rather|i mean|i meant|instead|let me (?:re|correct|fix)\w*|made (?:a|an) (?:mistake|error))\b",
    re.I,
)
_RESTATES = re.compile(
    r"(?:\b(?:it|that|this|answer|result|value|total|which)(?:'s| is| should be| must be| was| equals)"
    r"|\bshould (?:have been|be)|\bmust be|\bmake (?:it|that)|\bi mean(?:t)?|\brather,?|\bcorrection:?|\bno,"
    r"|\bactually,?|\bwait,?(?: no,?)?|\bsorry,?)\s{1,3}"
    r"(?P<value>\$[^$\n]{1,80}\$|\\\([^\n]{1,80}?\\\)|[-+]?[$€£]?\d[\d,]{0,30}(?:\.\d{1,20})?(?:/\d{1,20})?%?"
    r"|\(?[A-J]\)?(?![\w']))"
    r"(?=\s*(?:[.!?]|$|\n|[a-z]{2,14}[.!?\s]))",
    re.I,
)


def _taken_back(rest: str) -> str | None:
    """The value that replaces the claim in what follows it ("18. Wait, it is 20." gives "20"), or None."""
    cue = _RETRACTS.search(rest[:4000])
    if cue is None:
        return None
    last = None
    for m in _RESTATES.finditer(rest, cue.start(), cue.start() + 4000):
        last = m["value"]
    return last


# -- the last claim --------------------------------------------------------------------------------------------------


def claims(text: str, *, explicit: bool = False) -> list[Claim]:
    """The claims of what was `said`, the final one first; an earlier one only matters where a later one says nothing.

    explicit: only claims that are marked as such (box, tag, "####", answer line, output block, or a response that is
    nothing but its answer); otherwise the closing sentence counts where nothing is marked. [] where nothing is said.
    """
    stripped = text.strip()
    if not stripped:
        return []
    if "<answer>" in text and (inner := _in_tag(text)):
        return [claim._replace(how="tag") for claim in claims(inner)[:1]]
    found: list[Claim] = []
    boxes, joined = _last_boxes(text) if "box" in text else ([], False)
    end = boxes[-1][1] if boxes else 0
    if boxes:
        found.append(Claim(boxes[-1][2], "box", tuple(b[2] for b in boxes), joined))
    if "```" in text:
        for m in _OUTPUT.finditer(text, end):
            if m[1].strip():
                found.append(Claim(m[1].strip(), "output"))
                end = m.end()
    if len(text) - end > 3 and (words := _last_claim_in_words(text, text.lower(), end)):
        found.append(Claim(words[2], words[3], begin=words[0]))
        end = words[0]  # the claim itself may go on: "A. Wait, it is C."
    if found:
        rest = text[end:]
        if len(rest) > 4 and (restated := _taken_back(rest)) is not None:
            found.append(Claim(restated, "restated"))
        return found[:-4:-1]
    if _is_bare(stripped):
        return [Claim(stripped, "whole")]
    return [] if explicit else [Claim(closing(stripped), "closing")]


def _in_tag(text: str) -> str:
    """What stands between the last <answer> and its end; "" if that is nothing."""
    begin = text.rfind("<answer>") + len("<answer>")
    end = text.find("</answer>", begin)
    return text[begin : end if end >= 0 else len(text)].strip()


def last_claim(text: str, *, explicit: bool = False) -> Claim | None:
    """The final claim of what was `said`; None where nothing is claimed. See `claims`."""
    found = claims(text, explicit=explicit)
    return found[0] if found else None


def _is_bare(text: str) -> bool:
    """Nothing but an answer: one line, one sentence, three words at most beside formulas and numbers."""
    if len(text) > 200 or "\n" in text or "nswer" in text or re.search(r"[.!?]\s", text):
        return False
    return len(_WORDS_OF_PROSE.findall(text)) <= 3


_WORDS_OF_PROSE = re.compile(r"(?<![\\\w])(?!(?:sin|cos|tan|exp|log|sqrt|abs|mod)\b)[^\W\d_]{3,}")


def closing(text: str) -> str:
    """The last sentence that says something: with a digit, a formula or an option, if there is one near the end."""
    text = text[-3000:].rstrip()
    if text.endswith(("\\]", "$$")):
        opening = "\\[" if text.endswith("\\]") else "$$"
        start = text.rfind(opening, 0, len(text) - 2)
        if start >= 0:
            return text[start:]
    sentences = [s for s in _SENTENCES.split(text) if s.strip()]
    for sentence in reversed(sentences[-4:]):
        if _SAYS.search(sentence):
            return sentence.strip()
    return sentences[-1].strip() if sentences else ""


_SENTENCES = re.compile(_INITIALS + r"[.!?]\s+|\n+")
_SAYS = re.compile(r"\d|\$|\\\(|\\frac|\*\*|\([A-J]\)")
