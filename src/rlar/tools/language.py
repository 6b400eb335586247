"""Which language a text is in: by its script, by its commonest words, and only then by a model (py3langid).

`detect_cheap` loads nothing, so the parent process may ask it for every prompt; `detect` falls back on py3langid, which
costs about 130 MB and 1.5 s once per process, so only workers should. Neither is random: the same text gives the same
answer in every process.
"""

from __future__ import annotations

import functools
import re
import threading
from collections import Counter
from typing import Any

UNKNOWN = "und"
FEWEST_LETTERS = 20  # below it every detector guesses (measured), unless the script alone decides
_READ = 1200  # characters that are read: the beginning and the end of a longer text
_WORDS = 120  # words that may vote

# First code point past each range; the ranges are those of Unicode blocks that one language or script owns.
_BLOCKS = (
    (0x0370, 0x03FF, "el"),
    (0x1F00, 0x1FFF, "el"),
    (0x0400, 0x052F, "cyrillic"),
    (0x0530, 0x058F, "hy"),
    (0x0590, 0x05FF, "he"),
    (0x0600, 0x06FF, "arabic"),
    (0x0750, 0x077F, "arabic"),
    (0xFB50, 0xFDFF, "arabic"),
    (0x0900, 0x097F, "devanagari"),
    (0x0980, 0x09FF, "bengali"),
    (0x0A00, 0x0A7F, "pa"),
    (0x0A80, 0x0AFF, "gu"),
    (0x0B00, 0x0B7F, "or"),
    (0x0B80, 0x0BFF, "ta"),
    (0x0C00, 0x0C7F, "te"),
    (0x0C80, 0x0CFF, "kn"),
    (0x0D00, 0x0D7F, "ml"),
    (0x0D80, 0x0DFF, "si"),
    (0x0E00, 0x0E7F, "th"),
    (0x0E80, 0x0EFF, "lo"),
    (0x1000, 0x109F, "my"),
    (0x10A0, 0x10FF, "ka"),
    (0x1200, 0x137F, "am"),
    (0x1780, 0x17FF, "km"),
    (0x3040, 0x30FF, "kana"),
    (0x3400, 0x4DBF, "han"),
    (0x4E00, 0x9FFF, "han"),
    (0xF900, 0xFAFF, "han"),
    (0x1100, 0x11FF, "ko"),
    (0xAC00, 0xD7AF, "ko"),
)
_SYLLABIC = {"han": 3.0, "kana": 2.0, "ko": 2.5}  # letters of an alphabet that one of their characters stands for

_COMMON_WORDS = {
    "en": """the of and to in is was that for it as with on be by this are from at or have an not they which you were
        their has what how when who we your would there can if write does my will about should into than its give""",
    "de": """der die und das den von zu mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat
        dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur bis
        mehr durch man wurde ich wir was kann schreibe bitte ihr""",
    "fr": """le de un être et à il en que la les des du une dans qui pour au sur par est pas plus avec ce sont ou son
        se cette aux leur mais comme nous vous ses été ont même elle où écris quel quelle je tu dans""",
    "es": """el de que y en un los se del las por con una para es su al como más lo o pero sus le ha este sí porque
        esta entre cuando muy sin sobre también me hasta hay donde quien desde todo son fue qué cómo cuál escribe la""",
    "it": """il di che e la per un in è non sono una del con le si della da dei come più lo al ha ma nel gli alla delle
        anche i questo su o sua suo essere questa stato cui tra nella scrivi quale cosa""",
    "pt": """o de que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à seu sua
        ou ser quando muito há nos já está eu também só pelo pela até isso ela entre você são escreva qual""",
    "nl": """de het een en van in is dat op te zijn met voor niet die aan er om ook als dan maar bij of uit nog naar
        heeft worden werd door over deze wordt ze hij had kan meer al tot hebben zich zo wat je ik schrijf welke""",
    "ro": """și în de la cu pe este un o nu să care din a se că mai pentru al sau ale sunt fost după prin lui era au
        fi dar către între cum dacă ca acest această lor unui unei avea foarte""",
    "pl": """w i na z się do nie jest że to o jak za od po przez są dla być co czy ale był jego który tym oraz tylko
        może przy lub ich tego pod jako także napisz""",
    "sv": """och i att det som en på är av för med den till inte om har de ett var jag från men hur kan vi så eller när
        efter sig också mycket vad skriv""",
    "da": """og i at det er en til på som af for med den ikke der de har et var jeg fra men hvordan kan vi så eller når
        efter sig også meget hvad skriv blev""",
    "no": """og i at det er en til på som av for med den ikke de har et var jeg fra men hvordan kan vi så eller når
        etter seg også mye hva skriv ble""",
    "fi": """ja on ei se että oli hän mutta ovat kun niin myös kuin joka sen olla tai mukaan jos hänen ole vain kanssa
        voi mitä tämä kirjoita""",
    "tr": """ve bir bu da de için ile olarak daha çok olan gibi ne var kadar sonra en ama o değil her ise olduğu ya mi
        nasıl yaz""",
    "cs": """a se na v je že to s z do o i za pro jako by jsou ve po od ale byl jeho který nebo být také jen jsem při
        podle tak už napiš""",
    "id": """yang dan di ini itu dengan untuk dari dalam tidak akan pada juga ke adalah oleh atau sebagai bisa karena
        ada telah saya mereka seperti lebih apa bagaimana tulis""",
    "vi": """và của là có được cho không trong các những một người với để này khi đã từ về cũng đến như ra làm hãy
        viết""",
    "hu": """a az és hogy nem is egy van volt meg csak ha de mint még már vagy ez azt el kell szerint után között""",
    "ca": """de la i el que en a les els del per un una és amb no es al més dels com o va aquest aquesta ha però
        són també""",
}
# Letters that one of these languages uses and its neighbours do not; each occurrence is worth a common word.
_OWN_LETTERS = {
    "de": "ß", "es": "ñ¿¡", "pt": "ãõ", "ro": "ășțşţ", "pl": "ąęłżźśćń", "tr": "ğı", "cs": "ěřů", "hu": "őű",
    "vi": "ạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹđơư", "fr": "œ", "da": "æ", "no": "æ", "sv": "", "ca": "·",
}  # fmt: skip
# What the model may answer: it also knows rare neighbours ("wuu", "pcm", "lb") that it likes to see in names.
_MODEL_LANGUAGES = """af ar az be bg bn bs ca cs cy da de el en eo es et eu fa fi fr ga gl gu he hi hr hu hy id is it ja
ka kk km kn ko lo lt lv mk ml mr ms my nb ne nl no pa pl pt ro ru si sk sl sq sr sv sw ta te th tl tr uk ur uz vi zh"""
_ALIASES = {"nb": "no", "nn": "no"}

_CYRILLIC_LETTERS = (("kk", "әғқңұһ"), ("uk", "їєґ"), ("be", "ў"), ("mk", "ѓќѕ"), ("sr", "ђћљњџј"), ("mn", "өү"))
_ARABIC_LETTERS = (("ur", "ٹڈڑںےہ"), ("fa", "پچژگی"))
_NOISE = re.compile(r"```.*?(?:```|$)|https?://\S{1,500}|\$[^$\n]{0,300}\$|\\[A-Za-z]+|<[^<>\n]{0,200}>", re.S)
_WORD = re.compile(r"(?<!['’])[^\W\d_]+")  # not the "s" of "it's", which votes for Czech


def detect(text: str) -> str:
    """ISO 639-1 code of the language of a text, "und" where unknown (or under 20 letters of a shared script).

    The first call that words and script cannot settle loads py3langid. Pure: no state, no randomness.
    """
    found = detect_cheap(text)
    if found != UNKNOWN:
        return found
    sample = _sample(text)
    if sum(map(len, _WORD.findall(sample))) < FEWEST_LETTERS:
        return UNKNOWN
    code, probability = _model().classify(sample)
    return _ALIASES.get(code, str(code)) if probability >= 0.5 else UNKNOWN


@functools.lru_cache(maxsize=2048)
def _cheap(sample: str) -> str:
    weights = _scripts(sample)
    if not weights:
        return UNKNOWN
    script = max(sorted(weights), key=lambda s: weights[s])
    if script == "latin":
        return _by_words(sample)
    return _by_letters(script, sample, weights)


def detect_cheap(text: str) -> str:
    """Like `detect`, but by script and common words alone: loads nothing, and says "und" more often."""
    return _cheap(_sample(text))


def _sample(text: str) -> str:
    """Beginning and end of a text, without code blocks, addresses, formulas and tags, which have no language."""
    if len(text) > 4 * _READ:
        text = text[: 2 * _READ] + "\n" + text[-2 * _READ :]
    if any(mark in text for mark in ("```", "http", "$", "\\", "<")):
        text = _NOISE.sub(" ", text)
    return text if len(text) <= _READ else text[: _READ - _READ // 4] + "\n" + text[-(_READ // 4) :]


def _scripts(sample: str) -> dict[str, float]:
    """Letters per script (or language, if it owns its script); "han" and the like weigh as the letters they replace."""
    if sample.isascii():
        return {"latin": 1.0} if any(c.isalpha() for c in sample[:200]) or _WORD.search(sample) else {}
    counts: dict[str, float] = {}
    for c, n in Counter(sample).items():
        if c.isalpha() or ord(c) > 0x900:
            script = _script_of(ord(c))
            if script:
                counts[script] = counts.get(script, 0.0) + n * _SYLLABIC.get(script, 1.0)
    if "han" in counts and counts.get("kana", 0.0) > 0.1 * counts["han"]:
        counts["kana"] += counts.pop("han")
    return counts


@functools.lru_cache(maxsize=4096)
def _script_of(code: int) -> str:
    if code < 0x250 or 0x1E00 <= code < 0x1F00:
        return "latin"
    return next((script for low, high, script in _BLOCKS if low <= code <= high), "")


def _by_letters(script: str, sample: str, weights: dict[str, float]) -> str:
    """The language within a script that is not Latin. A few letters of another script among Latin ones do not count."""
    if weights[script] < 2 or weights[script] < 0.5 * weights.get("latin", 0.0):
        return UNKNOWN
    letters = sample.lower()
    if script == "kana":
        return "ja"
    if script == "han":
        return "zh"
    if script == "cyrillic":
        return _cyrillic(letters)
    if script == "arabic":
        return next((code for code, own in _ARABIC_LETTERS if sum(map(letters.count, own)) > 1), "ar")
    if script == "devanagari":
        return "mr" if "ळ" in letters or " आहे" in letters else "ne" if " छ" in letters or "गर्नु" in letters else "hi"
    if script == "bengali":
        return "as" if "ৰ" in letters or "ৱ" in letters else "bn"
    return script


def _cyrillic(letters: str) -> str:
    for code, own in _CYRILLIC_LETTERS:
        if any(c in letters for c in own):
            return code
    if sum(map(letters.count, "ыэё")):
        return "ru"
    if "і" in letters:
        return "uk"
    return "bg" if letters.count("ъ") > 1 else "ru" if len(letters) >= FEWEST_LETTERS else UNKNOWN


@functools.cache
def _votes() -> dict[str, tuple[tuple[str, float], ...]]:
    """word -> ((language, weight), ...): a word that several languages share is worth less to each."""
    owners: dict[str, list[str]] = {}
    for code, words in _COMMON_WORDS.items():
        for word in dict.fromkeys(words.split()):
            owners.setdefault(word, []).append(code)
    return {word: tuple((code, 1.0 / len(codes)) for code in codes) for word, codes in owners.items()}


def _by_words(sample: str) -> str:
    """A vote of the commonest words and of letters that one language owns; "und" unless it is clear."""
    words = _WORD.findall(sample.lower())
    if sum(map(len, words)) < FEWEST_LETTERS:
        return UNKNOWN
    words = words[:_WORDS]
    votes, scores = _votes(), dict.fromkeys(_COMMON_WORDS, 0.0)
    for word in words:
        for code, weight in votes.get(word, ()):
            scores[code] += weight
    if not sample.isascii():
        head = " ".join(words)
        for code, own in _OWN_LETTERS.items():
            scores[code] += sum(map(head.count, own))
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    (best, most), (_, second) = ranked[0], ranked[1]
    enough = most >= 1.5 and most >= 0.06 * len(words)
    return best if enough and most >= 1.4 * second else UNKNOWN


_lock = threading.Lock()
_loaded: list[Any] = []


def _model() -> Any:
    """py3langid's identifier with probabilities; loaded once per process."""
    with _lock:
        if not _loaded:
            from py3langid.langid import MODEL_FILE, LanguageIdentifier

            model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
            model.set_languages([code for code in _MODEL_LANGUAGES.split() if code in model.nb_classes])
            _loaded.append(model)
    return _loaded[0]
