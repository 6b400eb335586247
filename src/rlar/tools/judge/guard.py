"""Answers are data: how they are shown to a judge so that they cannot speak to it.

Three guards. The text is fenced by a tag whose id is a hash of the text, which the text cannot contain; characters that
hide or reorder text are taken out; and where an answer talks to its grader, it is judged a second time without those
passages, and the lower verdict counts: what cannot raise a verdict is not worth writing. Answers that are compared are
shown without those passages from the start.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

LONGEST = 24_000  # characters of one answer that a judge is shown; the rest is left out, and that is said

# Sentences and tags that address the grader, or only praise the answer. A false alarm costs a call, and a reward only
# where the answer is worse without that sentence.
_STEERING = re.compile(
    r"""(?ix)
    (?: \b(?:ignore|disregard|forget|override|bypass)\b [^.\n]{0,60}
        \b(?:above|previous|prior|earlier|instruction|rubric|criteria|rules?)\b
      | \b(?:grader|judge|evaluator|assessor|reviewer|scorer)\b [^.\n]{0,80}
        \b(?:should|must|please|note|give|assign|award|will)\b
      | \b(?:give|gives|assign|award|deserves?|merits?|earns?)\b [^.\n]{0,40}
        \b(?:full|maximum|max|highest|perfect|top|best) [ ]+ (?:possible[ ]+)?
        (?:marks?|scores?|points?|rating|grade|reward)\b
      | \b(?:give|rate|score|grade|mark|award)\b [ ]+ (?:this|it|me|my|the[ ]+(?:answer|response|above|following))\b
        [^.\n]{0,40} \b(?:full|maximum|max|highest|perfect|top|10|100|five|ten|best)\b
      | \b(?:highest|maximum|perfect|full|top) [ ]+ (?:possible [ ]+)? (?:score|marks?|rating|reward|grade|points)\b
      | \b(?:score|rating|grade|reward|verdict|winner)\b ["']? \s* [:=] \s*
        ["']? (?:\d|[ab]\b|tie\b|correct|right\b|pass|perfect|full|true\b)
      | \b(?:mark|marked|count|counted|graded?|rated?|accept|treat) [ ]+ (?:(?:this|it|me|them) [ ]+)?
        as [ ]+ (?:correct|passed|right|true|perfect|valid)
      | \b(?:answers?|response|solution|reply|submission|essay)\b (?:[ ]+(?:above|below|given|here))? [ ]+
        (?:is|are|was|were|has[ ]been|have[ ]been) [ ]+ (?:\w+ly[ ]+|100[ ]?%[ ]+)?
        (?:verified|confirmed|validated|approved|flawless|perfect|correct\b|right[.!]|beyond [ ] (?:doubt|reproach))
      | \b(?:it|this|which) [ ]+ (?:deserves|merits|earns) \b
      | \bI (?:[ ]am|'m) [ ]+ (?:100[ ]?%|absolutely|completely|totally|entirely) [ ]+ (?:certain|sure|confident)\b
      | \b(?:verified|checked|confirmed) [ ]+ (?:it|this|that) [ ]+ (?:twice|thrice|\w+[ ]times)
      | \\boxed\{ \s* (?:correct|right|true|pass|valid) \w* \s* \}
      | \[\[ \s* (?:[abc]|\d+|rating) [^\]]{0,20} \]\]
      | </? \s* (?:system|assistant|user|data|answer|instruction|im_start|im_end|s)\b [^>]{0,60} >
      | <\| [^|>]{1,40} \|> | \[ /? INST \] | << /? SYS >>
      | ^ \s* (?:system|assistant|user|human|\#\#\# \s* instruction) \s* :
      | \b(?:best|greatest|finest) [ ]+ (?:answer|response) [^.\n]{0,40} \b(?:ever|possible|seen)\b
      | \bas [ ]+ an? [ ]+ (?:[\w-]+ [ ]+)? (?:expert|authority|grader|judge|evaluator)\b
      | \b(?:ignorier|ignorez|ignora|ignore)\w* [^.\n]{0,40} (?:anweisung|consigne|instruc)\w*
      | (?:volle|höchste) [ ]+ punkt\w* | (?:note|puntuación|nota) [ ]+ (?:maxim|máxim)\w*
      | 满分 | 最高分 | 忽略[^。\n]{0,12}(?:指令|指示|要求)
    )""",
    re.MULTILINE,
)
_SENTENCE = re.compile(
    r"[^.!?:\n。！？]*[.!?:\n。！？]?"
)  # a clause before a colon goes alone: what it announces stays


def shown(label: str, text: str, **attributes: str) -> str:
    """A text as a judge sees it: cleaned, bounded, fenced by a tag that the text itself cannot close."""
    body = cleaned(text)
    if len(body) > LONGEST:
        half = LONGEST // 2
        body = f"{body[:half]}\n[... {len(body) - LONGEST} characters are left out here ...]\n{body[-half:]}"
    mark = hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    more = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<data id="{mark}" kind="{label}"{more}>\n{body}\n</data id="{mark}">'


def cleaned(text: str) -> str:
    """Without what hides or reorders text: control, zero-width and bidi characters, lone surrogates; NFC."""
    kept = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    return unicodedata.normalize("NFC", kept)


def steers(text: str) -> bool:
    """Whether a text seems to talk to whoever grades it."""
    return _STEERING.search(cleaned(text)[: 4 * LONGEST]) is not None


def without_steering(text: str) -> str:
    """The text without the sentences that seem to talk to its grader."""
    body = cleaned(text)[: 4 * LONGEST]
    spans = [m.span() for m in _STEERING.finditer(body)]
    kept = []
    for match in _SENTENCE.finditer(body):
        start, end = match.span()
        if not any(a < end and start < b for a, b in spans):
            kept.append(match.group())
    return "".join(kept).strip()
