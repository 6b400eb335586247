"""From which language into which a prompt asks to translate, and the text to be translated."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from rlar.tools.language import UNKNOWN, detect_cheap
from rlar.tools.language_names import CODE_OF_NAME, CODES, code_of_language
from rlar.types import Query

_READ = 2000  # characters at either end of a prompt in which an instruction to translate is looked for

_WIDE = sorted(
    (n for n in CODE_OF_NAME if not n[0].isascii() and len(n) <= 7 and ord(n[0]) > 0x2E80), key=len, reverse=True
)
_SPACED = [n for n in CODE_OF_NAME if n not in _WIDE]
_ONE_CHARACTER = {n for n in _WIDE if len(n) == 1}  # 中, 英: names only within 中译英
_MENTION = re.compile(
    rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(_SPACED, key=len, reverse=True)))})(?!\w)"
    rf"|{'|'.join(n for n in _WIDE if n not in _ONE_CHARACTER)}",
    re.I,
)
_VERB = re.compile(
    r"\btranslat\w{0,5}|\btraduc\w{0,6}|\btradui\w{0,4}|\btraduz\w{0,4}|\btradur\w{0,3}|\btraduisez|übersetz\w{0,4}"
    r"|\bvertaal\w?|\bвертал\w{0,2}|перевед\w{0,4}|перевод\w{0,3}|перевести|переклад\w{0,3}|翻译|翻譯|译成|译为|訳して|訳す|翻訳|번역"
    r"|przetłumacz\w{0,3}|\bçevir\w{0,4}|\btercüme|\bdịch\b|terjemah\w{0,3}|अनुवाद|অনুবাদ|ترجم|תרגם|แปล"
    r"|\btradu(?:ceți|ce)\b|\böversätt|\bprzekład",
    re.I,
)
_VERB_SIGNS = (
    "transl", "tradu", "überse", "verta", "верта", "перев", "перек", "翻", "译", "譯", "訳", "번역", "tłum", "çevir",
    "tercü", "dịch", "terje", "अनुवाद", "অনুবাদ", "ترجم", "תרגם", "แปล", "övers", "przek",
)  # fmt: skip
_FROM = re.compile(
    r"(?:from|aus dem|aus|vom|von|du|de l['’]|depuis|del|desde|dal|dall['’]|do|из|с|从|由|這|uit het)\s*$", re.I
)
_INTO = re.compile(
    r"(?:\bto|into|in|ins|nach|auf|en|vers|vers le|al?|para|all['’]|in het|на|成|为|到)\s*(?:the\s)?$", re.I
)
_HOW_TO_SAY = re.compile(
    r"how (?:do|would|can|to) (?:you |i |we )?(?:say|write)\b.{1,120}?\bin (\w+)"
    r"|what(?:'s| is) the (\w+) (?:word|translation|term) (?:for|of)"
    r"|\bsay .{1,120}? in (\w+)|what (?:does|is) .{1,80}? (?:mean )?in (\w+)\?",
    re.I | re.S,
)
_ARROW = re.compile(
    r"\b([a-z]{2,3})(?:[_-][A-Za-z]{2,4})?\s?(?:->|→|=>|-)\s?([a-z]{2,3})(?:[_-][A-Za-z]{2,4})?\b\s*[:|\n]"
)
_SHORT_CHINESE = re.compile(r"(中|英|日|韩|法|德|俄|西)(?:译|翻|譯)(中|英|日|韩|法|德|俄|西)")
_SHORT_CODES = {"中": "zh", "英": "en", "日": "ja", "韩": "ko", "法": "fr", "德": "de", "俄": "ru", "西": "es"}
_OTHER_ORDER = re.compile(r"\s*(?:write|create|explain|compose|generate|make|design|implement|describe)\b", re.I)
_NOUN = re.compile(r"\s?(?:translation|version|rendering|equivalent)", re.I)
_SLOTS = re.compile(r"(?:^|\n)\s{0,3}(\w{3,12}):\s?(\S[^\n]{0,1500})\n{1,2}\s{0,3}(\w{3,12}):\s*$")


@dataclass(frozen=True, slots=True)
class LanguagePair:
    """source, target: ISO 639-1 codes, "und" where unknown. text: what is to be translated, "" where not found.

    sure: in [0, 1], that the query asks for a translation at all. why: the reason, for people.
    """

    source: str
    target: str
    text: str
    sure: float
    why: str


@functools.lru_cache(maxsize=1024)
def _in_prompt(prompt: str) -> LanguagePair | None:
    return _slots(prompt) or _arrow(prompt) or _instruction(prompt) or _how_to_say(prompt)


def language_pair(query: Query) -> LanguagePair | None:
    """The translation that a query asks for, from its columns ("src_lang", "tgt_lang", "src") or its prompt, or None.

    Works for instructions in about 20 languages. Where only the target is named, the source is told from the text.
    """
    source, target = code_of_language(query.extra.get("src_lang")), code_of_language(query.extra.get("tgt_lang"))
    text = query.extra.get("src")
    prompt = query.question
    if not isinstance(query.prompt, str):  # the instruction may stand in the system message, the text alone in the turn
        system = "\n".join(m.content for m in query.prompt if m.role == "system")
        if _VERB.search(system[:_READ]):
            prompt = f"{system}\n\n{prompt}"
    found = _in_prompt(prompt if len(prompt) <= 4 * _READ else prompt[: 3 * _READ] + "\n" + prompt[-_READ:])
    if target != UNKNOWN:
        given = text if isinstance(text, str) else found.text if found else prompt
        sure = 0.98 if source != UNKNOWN or found else 0.8
        if source == UNKNOWN:
            source = detect_cheap(given)
        return LanguagePair(source, target, given, sure, f"the row says {source} to {target}")
    if found and isinstance(text, str):
        return LanguagePair(found.source, found.target, text, max(found.sure, 0.95), found.why)
    return found


def _slots(prompt: str) -> LanguagePair | None:
    """The few-shot form: "English: ...\\nGerman:" at the very end."""
    m = _SLOTS.search(prompt[-_READ:])
    if m and m[1].lower() in CODE_OF_NAME and m[3].lower() in CODE_OF_NAME:
        source, target = CODE_OF_NAME[m[1].lower()], CODE_OF_NAME[m[3].lower()]
        return LanguagePair(source, target, m[2].strip(), 0.97, f"prompt has the slots '{m[1]}: ... {m[3]}:'")
    return None


def _arrow(prompt: str) -> LanguagePair | None:
    m = _ARROW.search(prompt[:60])
    if (
        m
        and code_of_language(m[1]) in CODES
        and code_of_language(m[2]) in CODES
        and m[1] != m[2]
        and _VERB.search(prompt[:200])
    ):
        return LanguagePair(
            code_of_language(m[1]),
            code_of_language(m[2]),
            prompt[m.end() :].strip(),
            0.95,
            f"prompt says '{m[0].strip()}'",
        )
    m = _SHORT_CHINESE.search(prompt[:200])
    if m and m[1] != m[2]:
        rest = prompt[m.end() :].lstrip("：:\n ")
        return LanguagePair(_SHORT_CODES[m[1]], _SHORT_CODES[m[2]], rest, 0.95, f"prompt says '{m[0]}'")
    return None


def _instruction(prompt: str) -> LanguagePair | None:
    lower = prompt.lower()
    if not any(sign in lower for sign in _VERB_SIGNS):
        return None
    head, tail = prompt[:_READ], prompt[-300:] if len(prompt) > _READ else ""
    for where, offset in ((head, 0), (tail, len(prompt) - len(tail))):
        for verb in _VERB.finditer(where):
            start = max(0, verb.start() - 40)
            window = where[start : verb.end() + 160]
            mentions = [m for m in _MENTION.finditer(window) if _usable(window, m, verb.start() - start)]
            source, target = _roles(window, mentions)
            if target == UNKNOWN and source == UNKNOWN:
                continue
            sure = 0.96 if _is_the_order(prompt, offset + verb.start()) and target != UNKNOWN else 0.6
            text = _text_to_translate(prompt, offset + verb.end())
            if source == UNKNOWN:
                source = detect_cheap(text)
            named = " to ".join(m[0] for m in mentions[:2]) if len(mentions) > 1 else f"to {mentions[0][0]}"
            why = f"prompt says '{verb[0]} ... {named}'"
            return LanguagePair(source, target, text, sure, why)
    return None


def _is_the_order(prompt: str, at: int) -> bool:
    """Whether the verb is what the prompt asks for: few words before it in its sentence, near one of the two ends."""
    before = re.split(r"[.!?:。\n]", prompt[max(0, at - 200) : at])[-1]
    return len(before.split()) <= 10 and not _OTHER_ORDER.match(before) and (at < 400 or len(prompt) - at < 300)


def _usable(window: str, mention: re.Match[str], verb: int) -> bool:
    """A name in the same sentence or line as the verb, or right behind it: the text itself may name languages too."""
    between = window[min(mention.end(), verb) : max(mention.start(), verb)]
    return not re.search(r"\n\s*\n|[.!?:]\s", between) and between.count("\n") <= 1


def _roles(window: str, mentions: list[re.Match[str]]) -> tuple[str, str]:
    """(source, target) among the languages named: by their prepositions, else first to second, else the target."""
    source = target = UNKNOWN
    free: list[str] = []
    for m in mentions[:3]:
        before, code = window[max(0, m.start() - 12) : m.start()], CODE_OF_NAME[m[0].lower()]
        if _NOUN.match(window, m.end()) and target == UNKNOWN:
            target = code
        elif _FROM.search(before) and source == UNKNOWN:
            source = code
        elif _INTO.search(before) and target == UNKNOWN:
            target = code
        else:
            free.append(code)
    for code in free:
        if target == UNKNOWN and (source != UNKNOWN or len(free) == 1):
            target = code
        elif source == UNKNOWN and code != target:
            source = code
        elif target == UNKNOWN:
            target = code
    return (UNKNOWN, target) if source == target else (source, target)


def _how_to_say(prompt: str) -> LanguagePair | None:
    m = _HOW_TO_SAY.search(prompt[:400]) if " in " in prompt[:400] or " the " in prompt[:400] else None
    name = next((g for g in m.groups() if g), "").lower() if m else ""
    if m is None or name not in CODE_OF_NAME:
        return None
    quoted = re.search(r"[\"'“‘«](.{1,200}?)[\"'”’»]", prompt)
    text = quoted[1] if quoted else ""
    return LanguagePair(
        detect_cheap(text), CODE_OF_NAME[name], text, 0.8, f"prompt asks how to say it in {name.title()}"
    )


_RULES_LINE = re.compile(
    r"^[^\n]{0,200}\b(?:only|nothing else|no explanation|explanations?|nur die|uniquement)\b[^\n]{0,200}$", re.I
)


def _text_to_translate(prompt: str, after: int) -> str:
    """What follows the instruction: behind a blank line, a line break or a colon; else what is quoted; else ""."""
    rest = prompt[after:]
    for mark in ("\n\n", ":\n", "\n", ": ", "："):
        _, found, text = rest.partition(mark)
        if found and text.strip() and (mark in ("\n\n", ":\n", "\n") or len(text) > 3):
            first, _, more = text.strip().partition("\n\n")
            return more.strip() if more.strip() and _RULES_LINE.match(first) else text.strip()
    before = prompt[:after].rpartition("\n\n")[0]
    if len(before) > 20 and len(rest) < 200:
        return before.strip()  # the text came first: "...\n\nTranslate it into German"
    quoted = re.search(r"[\"'“‘«](.{1,2000}?)[\"'”’»]", rest, re.S)
    return quoted[1] if quoted else ""
