"""What the wording and the form of a prompt say about its task: few, strong, readable rules beside the classifier.

Each rule adds evidence (in nats, added to log-odds) for one label and says why. The strengths were set by hand and
checked on labelled prompts; benchmarks/analyze.py prints what they achieve.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from rlar.tools.language_pair import LanguagePair
from rlar.tools.reference import Shape, options_in
from rlar.types import Query


class Signal(NamedTuple):
    """Evidence for a label. strength: nats; negative speaks against it. why: for people."""

    label: str
    strength: float
    why: str


_SUMMARY = re.compile(
    r"\bsummar(?:i[sz]e|i[sz]ing|y|ies)\b|\btl;?\s?dr\b|\bzusammenfass\w*|\bfass\w* .{1,60} zusammen\b|\brésum\w+|\bresum[eai]\w*"
    r"|\briassum\w*|\bsamenvat\w*|кратко (?:изложи|перескаж)\w*|резюмируй\w*|总结|概括|摘要|要約|요약|\bcondense\b|\babstract of\b"
    r"|\bthe gist\b|\bkey (?:points|takeaways) (?:of|from)\b|\bhighlights (?:of|for)\b|\bstreszcz\w*|\bözetle\w*|\bringkas\w*",
    re.I,
)
_RECORD = re.compile(
    r"meaning representation|structured (?:data|record)|\b(?:rdf )?triples?\b|data[- ]to[- ]text|\bverbali[sz]e\b|knowledge graph"
    r"|(?:following|given|this|these) (?:\w+ ){0,2}(?:table|record|attributes|fields|key[- ]value|slots|facts|data)\b",
    re.I,
)
_RECORD_FORM = re.compile(
    r"\b\w+\((?:\w+\s?=\s?[^(),]{1,80},?\s?){1,12}\)|\b\w+\[[^\]\n]{1,60}\],\s?\w+\[|[^|\n]{2,60}\|\s?[^|\n]{2,60}\s?\|[^|\n]{2,60}"
    r"|<(?:subject|H|S)>|(?:^|\n)(?:[A-Z][\w ]{1,25}: [^\n]{1,60}\n){3,}"
)
_SENTENCE_WANTED = re.compile(
    r"\b(?:sentences?|text|description|paragraph|describe|utterance|natural language|verbali[sz]e|caption)\b", re.I
)
_CODE_WORDS = re.compile(
    r"\b(?:python|java|javascript|typescript|c\+\+|c#|rust|golang|kotlin|swift|php|ruby|bash|sql|html|css|react|regex|pandas|numpy)(?!\w)",
    re.I,
)
_CODE_ORDER = re.compile(
    r"\b(?:write|implement|create|complete|code|develop|build|generate|fix|debug|refactor|optimi[sz]e|give|show|provide|need|schreib\w*|"
    r"écri\w*|escrib\w*|crea)\b.{0,60}\b(?:functions?|programs?|scripts?|class|methods?|code|algorithm|query|regex|regular expression|api|"
    r"app|component|funktion|programm|fonction|función|programa|unit tests?)\b",
    re.I | re.S,
)
_CODE_FORM = re.compile(
    r"^\s*(?:def \w+\(|class \w+[(:]|import \w+|from \w+ import|#include|public (?:static|class)|function \w*\(|SELECT .{1,200} FROM)",
    re.M | re.I,
)
_CONTEST = re.compile(
    r"(?:0-indexed|1-indexed)|integer array|\bgiven (?:an?|two|three) (?:\w+ ){0,2}(?:array|string|integer|list|grid|matrix|tree|graph)s?\b"
    r"|\breturn (?:true|false|the|an?|any|-1|it)\b|standard (?:input|output)|\bstdin\b|sample (?:input|output)|test cases?\b"
    r"|\\leq|<= ?\w+ ?<=|input\s*\n|time complexity|modulo 10\^?9",
    re.I,
)
_LATEX = re.compile(
    r"\\(?:frac|sqrt|boxed|int|sum|lim|begin|cdot|times|pi|theta|angle|text|left|le|ge|in|infty|mathbb|log|sin)\b|\$[^$\n]{1,200}\$"
)
_MATH_ORDER = re.compile(
    r"^\W*(?:calculate|compute|evaluate|simplify|solve|find|factor|expand|determine|prove|differentiate|integrate|berechne\w*|calcule[rz]?|"
    r"calcula|löse|résou\w*|вычисли\w*|реши\w*|найди\w*|计算|求|解)",
    re.I | re.M,
)
_MATH_WORDS = re.compile(
    r"\b(?:integral|derivative|polynomial|equations?|inequality|triangle|circle|radius|perimeter|hypotenuse|probability|remainder|divisible|"
    r"divisors?|prime|factors?|integers?|quadratic|matrix|determinant|logarithm|arithmetic|geometric|fractions?|percent|sum of|product of|"
    r"multiplication|gcd|lcm|greatest common|least common|median|variance|standard deviation|angles?|degrees|vertices|function f)\b",
    re.I,
)
_QUANTITY = re.compile(
    r"\bhow (?:many|much|long|far|old|fast|tall)\b|\bwhat (?:is|was|percentage|fraction) .{0,40}(?:total|average|cost|price|profit|distance|"
    r"speed|age)\b|\bwieviele?\b|\bwie viele?\b|\bcombien\b|\bcuánt\w+|\bquant[iaoe]\b|сколько|多少|いくつ|何人|몇",
    re.I,
)
_NUMBER = re.compile(r"(?<![\w.])\$?\d[\d,]*(?:\.\d+)?%?(?![\w])")
_PUZZLE = re.compile(
    r"always (?:tells? the truth|lies?|lie)|\bknights?\b.{1,80}\bknaves?\b|truth-?tellers?|\bpremises?\b|\bconclu(?:de|sion)\b.{0,60}\bfollow"
    r"|logic(?:al)? (?:puzzle|deduction|grid)|\bdeduce\b|step[- ]by[- ]step and (?:then )?(?:put|give)|\bmaze\b|\bsudoku\b|tower of hanoi"
    r"|\banagram|unscramble|unsramble|\bsyllogism|shortest path|spiral order|\brotate\b.{1,40}\bmatrix|\bcaesar cipher|\bpalindrome\b"
    r"|\bfamily\b.{1,200}\brelat(?:ed|ion)|\bhow is .{1,30} related|sitting|seated|standing in (?:a )?line|who (?:is|sits|owns|lives)"
    r"|\bpattern\b.{1,60}\b(?:next|rule)|what comes next|which direction|facing (?:north|south|east|west)|\briddle\b|\bentail"
    r"|true or false|\bbinary matrix\b|\bboard\b.{1,60}\bmoves?\b|sort (?:these|the|words)|\bhypothesis\b|\bclues?\b",
    re.I | re.S,
)
_LAST_ANSWER = re.compile(
    r"answer choices|which (?:one )?of the following|\bmultiple[- ]choice\b|choose the (?:correct|best)", re.I
)
_FACTUAL = re.compile(
    r"^\W*(?:who|what|when|where|which|in (?:what|which)|why|how (?:do|does|did)|wer|was ist|wann|qui|quand|quel\w*|qué|quién|cuándo|кто|когда|"
    r"谁|什么|name the|define|explain)\b",
    re.I,
)
_HARM = re.compile(
    r"\b(?:kill(?:ing)?|murder\w*|bombs?|explosives?|poison\w*|hack(?:ing|ed)? (?:into|someone|my|his|her|a|the)|steal(?:ing)?|shoplift\w*|suicide|suicidal|self[- ]harm|"
    r"racis[tm]\w*|slurs?|derogatory|meth(?:amphetamine)?|cocaine|heroin|fentanyl|weapons?|ammo|stalk(?:ing)?|blackmail|counterfeit\w*|launder\w*|"
    r"forge[dr]?|illegal(?:ly)?|undetected|get(?:ting)? away with|without (?:getting|being) caught|torture|abus(?:e|ive|ing)|molest\w*|porn\w*|rape\w*|"
    r"terroris\w+|genocide|nazi\w*|ethnic cleansing|hate speech|insult\w*|bully\w*|harass\w*|threaten\w*|ransomware|malware|phishing|virus|ddos|dox\w*|"
    r"fake (?:id|passport|news|reviews?|prescription)|drugs?|overdose|smuggl\w+|scam\w*|fraud\w*|bribe\w*|evade|arson|burn down|kidnap\w*|hitman|gun|knife|"
    r"fuck\w*|shit\w*|bitch\w*|asshole|stupid|idiots?|retard\w*|nigg\w+|fag\w*|whore|slut\w*|dumb|hate (?:all )?(?:the )?(?:jews|blacks?|muslims?|gays?|women|men|immigrants)|"
    r"steroids|weed|bleach|cheat(?:ing)? on|sex\w*|naked|nude\w*|lynch\w*|jail|prison|cops?|break into|pick a lock|revenge|slap|punch|beat up|hurt)\b",
    re.I,
)  # fmt: skip
_CHAT = re.compile(
    r"^\W*(?:hi|hello|hey|thanks|thank you|good (?:morning|evening)|hallo|bonjour|hola|привет|你好)\b|\b(?:act as|pretend|role-?play|you are an? |imagine you)|"
    r"\b(?:recommend|suggest|advice|recipe|tips|what do you think|do you (?:like|know|think|have)|can you help me|my (?:wife|husband|boss|friend|mom|dad|dog|cat|"
    r"girlfriend|boyfriend))\b",
    re.I,
)


def form_signals(query: Query, shape: Shape, pair: LanguagePair | None) -> Iterator[Signal]:
    """Evidence from what stands beside the prompt: the reference's kind, options, turns, a translation pair."""
    if pair is not None:
        yield Signal("translation", {True: 6.0, False: 1.0}[pair.sure >= 0.75], pair.why)
    kind = shape.kind
    if kind in ("expression", "interval", "set", "tuple"):
        yield Signal("math", 3.5 * shape.confidence, f"reference is {_article(kind)}")
    elif kind == "number":
        yield Signal("math", 2.0, "reference is a number")
    elif kind == "choice":
        yield Signal("knowledge", 2.0 * shape.confidence, "reference is an option's letter")
    elif kind == "label":
        yield Signal("reasoning", 1.0, f"reference is the label {shape.value!r}")
        yield Signal("knowledge", 0.7, "reference is a label")
    elif kind == "list":
        yield Signal("reasoning", 1.0, "reference is a list")
    elif kind == "span":
        yield Signal("knowledge", 1.2, "reference is a short phrase")
        yield Signal("reasoning", 1.0, "reference is a short phrase")
    elif kind == "json":
        yield Signal("instruction_following", 1.5, "reference is JSON")
    elif kind == "program":
        yield Signal("code", 3.5, "reference is a program")
    elif kind == "text":
        yield Signal("math", -1.5, "reference is a text")
    if query.extra.get("choices") or query.extra.get("options"):
        yield Signal("knowledge", 1.5, "the row has options")
    if not isinstance(query.prompt, str) and sum(m.role == "assistant" for m in query.prompt):
        yield Signal("dialogue", 1.5, "the prompt is a conversation of several turns")
        yield Signal("safety", 1.0, "the prompt is a conversation of several turns")


def wording_signals(text: str) -> Iterator[Signal]:
    """Evidence from the words of a prompt alone. text: the question, at most a few thousand characters of it."""
    head, tail = text[:600], text[-300:]
    yield from _texts_to_texts(text, head, tail)
    yield from _code(text, head)
    yield from _maths(text, head)
    options = options_in(text)
    asked = _LAST_ANSWER.search(text)
    if len(options) > 2 or asked:
        yield Signal("knowledge", 2.0 if options and asked else 1.3, "prompt lays out options")
    puzzles = {m[0].lower() for m in _PUZZLE.finditer(text)}
    if puzzles:
        yield Signal("reasoning", min(3.0, 1.2 + 0.6 * len(puzzles)), f"prompt speaks of {_few(puzzles)}")
    harm = {m[0].lower() for m in _HARM.finditer(text[:3000])}
    if harm:
        yield Signal("safety", min(3.0, 1.0 + 0.6 * len(harm)), f"prompt speaks of {_few(harm)}")
    if _CHAT.search(head):
        yield Signal("dialogue", 1.0, "prompt chats or asks for advice")
    if _FACTUAL.match(head) and len(text) < 200:
        yield Signal("knowledge", 0.7, "prompt asks for a fact")


def _texts_to_texts(text: str, head: str, tail: str) -> Iterator[Signal]:
    summary = _SUMMARY.search(head) or _SUMMARY.search(tail)
    if summary:
        long = text.count(" ") > 80 or len(text) > 600
        yield Signal("summarization", 4.0 if long else 1.0, f"prompt says {summary[0]!r}")
    form = _RECORD_FORM.search(text[:1500])
    record = _RECORD.search(head) or _RECORD.search(tail)
    if record and _SENTENCE_WANTED.search(head + tail):
        strength = 3.5 if form else 1.2
        yield Signal("data_to_text", strength, f"prompt speaks of {record[0]!r} to be put into words")
    elif form and _SENTENCE_WANTED.search(head):
        yield Signal("data_to_text", 2.0, "prompt holds a record to be put into words")


def _code(text: str, head: str) -> Iterator[Signal]:
    order = _CODE_ORDER.search(head)
    words = {m[0].lower() for m in _CODE_WORDS.finditer(text[:2000])}
    form = _CODE_FORM.search(text) or ("```" in text and "```" in text)
    if order:
        yield Signal("code", 2.0, f"prompt says {' '.join(order[0].split())[:50]!r}")
    if words:
        yield Signal("code", min(1.8, 0.9 + 0.3 * len(words)), f"prompt names {_few(words)}")
    if form:
        yield Signal("code", 1.6, "prompt holds code")
    contest = {m[0].lower() for m in _CONTEST.finditer(text)}
    if len(contest) > 1:
        yield Signal("code", min(3.0, 0.8 * len(contest)), "prompt reads like a programming contest")


def _maths(text: str, head: str) -> Iterator[Signal]:
    latex = len(_LATEX.findall(text))
    if latex:
        yield Signal("math", min(2.5, 0.8 + 0.3 * latex), "prompt holds LaTeX")
    words = {m[0].lower() for m in _MATH_WORDS.finditer(text)}
    if _MATH_ORDER.search(head) and (words or latex or _NUMBER.search(text)):
        yield Signal("math", 1.2, "prompt asks to compute")
    if words:
        yield Signal("math", min(2.0, 0.5 + 0.4 * len(words)), f"prompt speaks of {_few(words)}")
    numbers = len(_NUMBER.findall(text[:3000]))
    if numbers > 1 and _QUANTITY.search(text):
        yield Signal("math", min(2.8, 1.2 + 0.3 * numbers), "prompt asks how many, and gives numbers")


def _few(words: set[str]) -> str:
    return ", ".join(repr(" ".join(w.split())[:30]) for w in sorted(words)[:3])


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aei" else f"a {kind}"
