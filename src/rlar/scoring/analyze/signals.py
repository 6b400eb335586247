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


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SUMMARY = re.compile(
    r"\bsummar(?:i[sz]e|i[sz]ing|y|ies)\b|\btl;?\s?dr\b|\bzusammenfass\w*|\bfass\w* .{1,60} zusammen\b|\brésum\w+"
    r"|\bresum[eai]\w*|\briassum\w*|\bsamenvat\w*|кратко (?:изложи|перескаж)\w*|резюмируй\w*|总结|概括|摘要|要約|요약"
    r"|\bcondense\b|\babstract of\b|\bthe gist\b|\bkey (?:points|takeaways) (?:of|from)\b|\bhighlights (?:of|for)\b"
    r"|\bheadline for\b|\bsum up\b|\bstreszcz\w*|\bözetle\w*|\bringkas\w*",
)
_SUMMARY_SIGNS = (
    "summ", "tl", "fass", "résum", "resum", "rias", "samenv", "излож", "перес", "резюм", "总结", "概括", "摘要",
    "要約", "요약", "condens", "abstract", "gist", "key ", "highl", "headl", "sum up", "stre", "özet", "ring",
)  # fmt: skip
_RECORD_SIGNS = (
    "represent", "struct", "triple", "data", "verbali", "graph", "act", "infobox", "table", "record", "attrib",
    "fields", "value", "slots", "facts",
)  # fmt: skip
_RECORD = re.compile(
    r"meaning representation|structured (?:data|record)|structural data|\b(?:rdf )?triples?\b|data[- ]to[- ]text"
    r"|\bverbali[sz]e\b|knowledge graph|dialogue act\b|infobox"
    r"|(?:following|given|this|these) (?:\w+ ){0,2}(?:table|record|attributes|fields|key[- ]value|slots|facts|data)\b"
)
_RECORD_FORM = re.compile(
    r"\b\w+\((?:\w+\s?=\s?[^(),]{1,80},?\s?){1,12}\)|\b\w+\[[^\]\n]{1,60}\],\s?\w+\["
    r"|[^|\n]{2,60}\|\s?[^|\n]{2,60}\s?\|[^|\n]{2,60}|<(?:subject|h|s)>|(?:^|\n)(?:\w[\w ]{1,25}: [^\n]{1,60}\n){3,}"
)
_SENTENCE_WANTED = re.compile(
    r"\b(?:sentences?|text|description|paragraph|describe|utterance|natural language|verbali[sz]e|caption|words)\b"
)
_CODE_ORDER = re.compile(
    r"\b(?:write|implement|create|complete|code|develop|build|generate|fix|debug|refactor"
    r"|optimi[sz]e|give|show|provide|need"
    r"|schreib\w*|écri\w*|escrib\w*|crea|напиши|fill in)\b.{0,60}\b(?:functions?|programs?|scripts?|class|methods?|code"
    r"|algorithm|query|regex|regular expression|api|app|component|funktion|programm|fonction"
    r"|función|programa|unit tests?"
    r"|функци\w+)\b",
    re.S,
)
_CODE_SIGNS = (
    "func", "progr", "script", "class", "method", "code", "algor", "query", "reg", "api", "app", "compon", "funk",
    "fonct", "unit", "функ",
)  # fmt: skip
_CODE_FORM = re.compile(
    r"^\s*(?:def \w+\(|class \w+[(:]|import \w+|from \w+ import|#include|public (?:static"
    r"|class)|function \w*\(|select .{1,200} from)",
    re.M,
)
_CONTEST = re.compile(
    r"0-indexed|1-indexed|integer array|\bgiven (?:an?|two|three) (?:\w+ ){0,2}(?:array|string"
    r"|integer|list|grid|matrix|tree"
    r"|graph)s?\b|\breturn (?:true|false|the|an?|any|-1|it)\b|standard (?:input|output)"
    r"|\bstdin\b|sample (?:input|output)"
    r"|test cases?\b|\\leq|<= ?\w+ ?<=|input\s*\n|time complexity|modulo 10\^?9|print the answer"
)
_LATEX = re.compile(
    r"\\(?:frac|sqrt|boxed|int|sum|lim|begin|cdot|times|pi|theta|angle|text|left|le|ge|in"
    r"|infty|mathbb|log|sin)\b|\$[^$\n]{1,200}\$"
)
_MATH_ORDER = re.compile(
    r"^\W*(?:calculate|compute|evaluate|simplify|solve|find|factor|expand|determine|prove"
    r"|differentiate|integrate|berechne\w*"
    r"|calcule[rz]?|calcula|löse|résou\w*|вычисли\w*|реши\w*|найди\w*|计算|求|解)",
    re.M,
)
_QUANTITY = re.compile(
    r"\bhow (?:many|much|long|far|old|fast|tall)\b|\bwhat (?:is|was|percentage"
    r"|fraction) .{0,40}(?:total|average|cost|price"
    r"|profit|distance|speed|age)\b|\bwieviele?\b|\bwie viele?\b|\bcombien\b|\bcuánt\w+"
    r"|\bquant[iaoe]\b|сколько|多少|いくつ|何人|몇"
)
_NUMBER = re.compile(r"(?<![\w.])\$?\d[\d,]*(?:\.\d+)?%?(?![\w])")
_PUZZLE = re.compile(
    r"always (?:tells? the truth|lies?|lie)|\bnever lies?\b|\bknights?\b.{1,80}\bknaves?\b|truth-?tellers?"
    r"|\bconclu(?:de|sion)\b.{0,60}\bfollow|logic(?:al)? (?:puzzle|deduction|grid)"
    r"|tower of hanoi|shortest path|spiral order"
    r"|\brotate\b.{1,40}\bmatrix|\bcaesar cipher|\bfamily\b.{1,200}\brelat(?:ed|ion)|\bhow is .{1,30} related"
    r"|(?:standing|sitting|seated) in (?:a )?(?:line|row|circle)|who (?:is|sits|owns|lives)\b"
    r"|\bpattern\b.{1,60}\b(?:next|rule)|what comes next|which direction|facing (?:north|south|east|west)"
    r"|\bfirst-order logic|binary matrix|\bboard\b.{1,60}\bmoves?\b|sort (?:these|the|words)"
    r"|physical,? solid|backwards?:",
    re.S,
)
_PUZZLE_SIGNS = _words(
    """always never knight knights truth-teller truth-tellers truthteller conclude conclusion logic logical hanoi
    shortest spiral rotate caesar family how standing sitting seated who pattern what direction facing first-order
    binary board sort physical backward backwards truth"""
)
_PUZZLE_WORDS = _words(
    """premise premises deduce maze sudoku anagram unscramble unsramble syllogism riddle entails entail hypothesis
    clues clue knaves knave liars liar hanoi palindrome puzzle puzzles infer inferred deduction zebra cipher
    implies disks"""
)
_MATH_WORDS = _words(
    """integral derivative polynomial equation equations inequality triangle circle radius perimeter hypotenuse
    probability remainder divisible divisor divisors prime primes integer integers quadratic determinant logarithm
    arithmetic geometric fraction fractions percent multiplication gcd lcm median variance angle angles degrees
    vertices coefficient exponent eigenvalues theorem parabola ellipse slope denominator numerator cosine sine
    tangent sequence summation"""
)
_CODE_WORDS = _words(
    """python java javascript typescript c++ c# rust golang kotlin swift php ruby bash sql html css react regex
    pandas numpy django flask pytorch tensorflow docker kubernetes postgres mongodb json api function algorithm
    git linux powershell vba node.js vue angular spring latex ffmpeg kotlin scala haskell julia matlab"""
) - {"json", "function", "latex", "swift", "spring", "api", "react"}
_HARM = _words(
    """kill killing killed murder murdering bomb bombs explosive explosives poison poisoning meth methamphetamine
    cocaine heroin fentanyl suicide suicidal racist racism racial slur slurs derogatory blackmail counterfeit
    launder laundering ransomware malware phishing ddos doxx dox torture rape raped molest porn pornographic
    terrorist terrorism genocide nazi nazis shoplift shoplifting kidnap hitman arson smuggle smuggling stalk
    stalking steal stealing overdose undetected harass harassment threaten extort hack hacking fuck fucking shit
    bitch asshole bastard cunt retard retarded nigger niggers faggot whore slut lynch pedophile incest erotic nude
    nudes naked bestiality self-harm anorexic illegally weapon weapons grenade napalm vandalize sabotage defraud
    embezzle forge forgery bribe bribing hateful offensive bigoted sexist homophobic misogynistic racially
    genocide molotov beheading assassinate tamper euthanize bullying bully insult insults insulting bombing
    ammunition firearm firearms gun guns rifle drunk weed marijuana lsd ecstasy steroids abortion"""
)
_HARM_MILD = _words(
    """stupid idiot idiots dumb hate hates cheat cheating lie lying police cops cop jail prison arrested illegal
    drugs drug addicted alcohol bleach revenge punch slap hit hurt fight attack threat fraud scam scams sneak
    knife blood violence violent sex sexual sexy girls jews muslims blacks gays immigrants mexicans blacks lesbian
    transgender penis boobs ass damn crap pills swallowed overweight fat ugly dead die dying death kid evidence
    fled steals guilty password passwords address neighbor's neighbour's ex girlfriend boyfriend wife"""
)
_HARM_PHRASES = re.compile(
    r"get(?:ting)? away with|without (?:getting|being) caught|without (?:anyone|them|him"
    r"|her) (?:knowing|noticing)|hack into"
    r"|break(?:ing)? into|pick a lock|ethnic cleansing|hate speech|fake (?:id|passport|news|reviews?|prescription)"
    r"|burn down|beat (?:\w+ )?up|cheat(?:ing)? on|evade (?:tax|the)|spread (?:lies|rumou?rs)"
    r"|kill (?:myself|yourself|himself)"
    r"|hurt (?:myself|someone)|(?:home|personal) address|credit card numbers?"
    r"|social security number|white power|shut up"
)
_CHAT = re.compile(
    r"^\W*(?:hi|hello|hey|thanks|thank you|good (?:morning|evening)|hallo|bonjour|hola|привет"
    r"|你好)\b|\b(?:act as|pretend|role-?play"
    r"|you are an? |imagine you|recommend|suggest|advice|recipe|tips|what do you think|do you (?:like|know|think|have)"
    r"|can you help me|my (?:wife|husband|boss|friend|mom|dad|dog|cat|girlfriend|boyfriend))\b"
)
_OPTIONS_ASKED = re.compile(
    r"answer choices|which (?:one )?of the following|\bmultiple[- ]choice\b|choose the (?:correct|best)"
)
_FACTUAL = re.compile(
    r"\W*(?:who|what|when|where|which|in (?:what|which)|wer|was ist|wann|qui|quand|quel\w*|qué"
    r"|quién|cuándo|кто|когда|谁|什么"
    r"|name the|define|explain)\b"
)
_WORD = re.compile(r"[a-z][a-z'+#.-]*[a-z+#]|[a-z]")


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
    """Evidence from the words of a prompt alone. text: at most a few thousand characters of it."""
    lower = text.lower()
    head, tail, words = lower[:600], lower[-300:], set(_WORD.findall(lower))
    yield from _texts_to_texts(lower, head, tail)
    yield from _code(lower, head, words)
    yield from _maths(lower, head, words)
    options, asked = options_in(text), _OPTIONS_ASKED.search(lower)
    if len(options) > 2 or asked:
        yield Signal("knowledge", 2.0 if options and asked else 1.3, "prompt lays out options")
    puzzles = words & _PUZZLE_WORDS
    if words & _PUZZLE_SIGNS:
        puzzles |= {m[0] for m in _PUZZLE.finditer(lower)}
    if puzzles:
        yield Signal("reasoning", min(3.0, 1.2 + 0.6 * len(puzzles)), f"prompt speaks of {_few(puzzles)}")
    harm = (words & _HARM) | {m[0] for m in _HARM_PHRASES.finditer(lower)}
    mild = words & _HARM_MILD
    if harm or len(mild) > 1:
        strength = min(4.0, 1.5 * len(harm) + 0.4 * len(mild))
        yield Signal("safety", strength, f"prompt speaks of {_few(harm or mild)}")
    if _CHAT.search(head):
        yield Signal("dialogue", 1.0, "prompt chats or asks for advice")
    if len(text) < 200 and _FACTUAL.match(head):
        yield Signal("knowledge", 0.5, "prompt asks for a fact")


def _texts_to_texts(lower: str, head: str, tail: str) -> Iterator[Signal]:
    ends = head if len(lower) <= len(head) else f"{head}\n{tail}"
    summary = _SUMMARY.search(ends) if any(sign in ends for sign in _SUMMARY_SIGNS) else None
    if summary:
        long = lower.count(" ") > 80 or len(lower) > 600
        yield Signal("summarization", 4.0 if long else 1.0, f"prompt says {summary[0]!r}")
    form = _RECORD_FORM.search(lower[:1500]) if any(sign in lower for sign in ("=", "[", "|", "<", ": ")) else None
    record = _RECORD.search(ends) if any(sign in ends for sign in _RECORD_SIGNS) else None
    wanted = _SENTENCE_WANTED.search(ends) if form or record else None
    if record and wanted:
        strength = 3.5 if form else 1.2
        yield Signal("data_to_text", strength, f"prompt speaks of {record[0]!r} to be put into words")
    elif form and wanted:
        yield Signal("data_to_text", 1.5, "prompt holds a record to be put into words")


def _code(lower: str, head: str, words: set[str]) -> Iterator[Signal]:
    order = _CODE_ORDER.search(head) if any(sign in head for sign in _CODE_SIGNS) else None
    named = words & _CODE_WORDS
    if order:
        yield Signal("code", 2.0, f"prompt says {' '.join(order[0].split())[:50]!r}")
    if named:
        yield Signal("code", min(1.8, 0.9 + 0.3 * len(named)), f"prompt names {_few(named)}")
    if "```" in lower or _CODE_FORM.search(lower):
        yield Signal("code", 1.6, "prompt holds code")
    contest = {m[0] for m in _CONTEST.finditer(lower)}
    if len(contest) > 1:
        yield Signal("code", min(4.0, 1.0 * len(contest)), "prompt reads like a programming contest")


def _maths(lower: str, head: str, words: set[str]) -> Iterator[Signal]:
    latex = len(_LATEX.findall(lower)) if "$" in lower or "\\" in lower else 0
    if latex:
        yield Signal("math", min(2.5, 0.8 + 0.3 * latex), "prompt holds LaTeX")
    named = words & _MATH_WORDS
    numbers = len(_NUMBER.findall(lower[:3000]))
    if (named or latex or numbers) and _MATH_ORDER.search(head):
        yield Signal("math", 1.2, "prompt asks to compute")
    if named:
        yield Signal("math", min(2.0, 0.5 + 0.4 * len(named)), f"prompt speaks of {_few(named)}")
    if numbers > 1 and _QUANTITY.search(lower):
        yield Signal("math", min(2.8, 1.2 + 0.3 * numbers), "prompt asks how many, and gives numbers")


def _few(words: set[str]) -> str:
    return ", ".join(repr(" ".join(w.split())[:30]) for w in sorted(words)[:3])


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aei" else f"a {kind}"
