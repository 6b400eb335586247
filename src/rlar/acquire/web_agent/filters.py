"""Why a repository is not taken: named filters, in the order in which their reasons are told. All are applied.

A filter that needs what a listing does not tell (sizes, the whole config) says nothing before that was read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rlar.acquire.web_agent.adapters import recognise
from rlar.acquire.web_agent.facts import Facts
from rlar.acquire.web_agent.fetch import TOKENIZERS
from rlar.acquire.web_agent.licences import ALLOWED
from rlar.acquire.web_agent.reading import MOST_FILES, wrong_name
from rlar.acquire.web_agent.wanted import Wanted
from rlar.acquire.web_agent.wrapping.seats import HOW, seat_of

TEXT_PIPELINES = frozenset(
    (
        "",
        "text-classification",
        "text-generation",
        "text2text-generation",
        "text-ranking",
        "token-classification",
        "sentence-similarity",
        "feature-extraction",
        "question-answering",
        "zero-shot-classification",
        "reinforcement-learning",
        "translation",
        "summarization",
        "fill-mask",
        "other",
    )
)
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib")
# Repositories that are known to be no use, with the reason; `--known-bad` and earlier exams add to them.
KNOWN_BAD: dict[str, str] = {
    "google-bert/bert-base-uncased": "a base model",
    "distilbert/distilbert-base-uncased-finetuned-sst-2-english": "a classifier of sentiment",
}


@dataclass(frozen=True, slots=True)
class Rejection:
    """Which filter, and why, with what came."""

    filter: str
    why: str

    def __str__(self) -> str:
        return f"{self.filter}: {self.why}"


def disabled(facts: Facts, wanted: Wanted) -> str:
    if facts.disabled:
        return "is disabled or private"
    archived = {"archived", "deprecated", "obsolete"} & {t.lower() for t in facts.tags}
    return f"is marked {min(archived)}" if archived else ""


def names(facts: Facts, wanted: Wanted) -> str:
    if len(facts.files) > MOST_FILES:
        return f"lists more than {MOST_FILES:,} files"
    wrong = [(f.name, why) for f in facts.files if (why := wrong_name(f.name))]
    return f"its file {wrong[0][0][:80]!r} {wrong[0][1]}" if wrong else ""


def modality(facts: Facts, wanted: Wanted) -> str:
    if facts.pipeline_tag not in TEXT_PIPELINES:
        return f"is for {facts.pipeline_tag}, not for text"
    if facts.library in ("diffusers", "timm", "speechbrain", "nemo", "open_clip"):
        return f"is a model of the library {facts.library}, not for text"
    parts = [k for k in ("vision_config", "audio_config", "unet_config") if k in facts.config]
    return f"its config has a {parts[0]}: it reads more than text" if parts else ""


def gated(facts: Facts, wanted: Wanted) -> str:
    return "" if wanted.gated or not facts.gated else "is gated: its owner asks for terms to be accepted first"


def licence(facts: Facts, wanted: Wanted) -> str:
    if facts.licence_class in ALLOWED[wanted.licence]:
        return ""
    if not facts.licence:
        return f"names no licence; {wanted.licence} is asked for"
    return f"{facts.licence} is {facts.licence_class}; {wanted.licence} is asked for"


def broken(facts: Facts, wanted: Wanted) -> str:
    return facts.broken


def weights(facts: Facts, wanted: Wanted) -> str:
    """Safetensors at the top of the repository, in full precision; no adapter, and nothing that must be unpickled."""
    if not facts.files:
        return ""
    present = sorted(f.name for f in facts.files)
    if "adapter_config.json" in present:
        return "holds an adapter; its weights are another model's"
    if not facts.safetensors:
        pickled = [n for n in present if n.endswith(PICKLES)]
        if pickled:
            return f"its weights are pickles ({pickled[0][:60]}), which run code when they are read"
        other = [n for n in present if n.endswith((".gguf", ".onnx", ".h5", ".msgpack", ".zip"))]
        return f"has no safetensors, but {other[0][:60]}" if other else "has no weights"
    if facts.config.get("quantization_config"):
        return "its weights are quantised, which needs software of their makers"
    return ""


def size(facts: Facts, wanted: Wanted) -> str:
    n = facts.parameters
    if n is None and facts.read:
        n = sum(f.size or 0 for f in facts.safetensors) // 4  # at least; float32 is the widest
    if n is None or n <= wanted.budget:
        return ""
    return f"has {n / 1e9:.2f}B parameters; the budget is {wanted.budget / 1e9:g}B"


def family(facts: Facts, wanted: Wanted) -> str:
    """Code of its own, or nothing that says it is a reward model: see adapters."""
    found = recognise(facts)
    if found.family:
        return ""
    if seat_of(facts) is not None:
        return "" if wanted.wrappers else f"{found.why}; {HOW}"
    return found.why


def tokenizer(facts: Facts, wanted: Wanted) -> str:
    if not facts.read or TOKENIZERS & facts.names:
        return ""
    return "has no tokenizer"


def known_bad(facts: Facts, wanted: Wanted) -> str:
    if facts.id in KNOWN_BAD:
        return f"is known: {KNOWN_BAD[facts.id]}"
    bad = {facts.id, f"{facts.id}@{facts.revision}"} & wanted.known_bad
    return "failed its exam before, at this revision" if bad else ""


FILTERS: dict[str, Callable[[Facts, Wanted], str]] = {
    "disabled": disabled,
    "names": names,
    "modality": modality,
    "gated": gated,
    "licence": licence,
    "broken": broken,
    "weights": weights,
    "size": size,
    "family": family,
    "tokenizer": tokenizer,
    "known_bad": known_bad,
}


def rejections(facts: Facts, wanted: Wanted) -> tuple[Rejection, ...]:
    """All reasons against a repository, the most telling first; () if there is none."""
    out = []
    for name, test in FILTERS.items():
        why = test(facts, wanted)
        if why:
            named = recognise(facts).reason if name == "family" else name
            out.append(Rejection(named, why))
    return tuple(out)
