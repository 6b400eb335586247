"""For which repositories a wrapper may be written: all is well with them, but no rule says how they are asked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from rlar.acquire.web_agent.adapters import label_count, recognise
from rlar.acquire.web_agent.facts import Facts
from rlar.acquire.web_agent.hints import calls_itself_reward_model

HOW = "an LLM may write a wrapper for it: --llm URL --allow-generated-wrappers"
REASONS = ("unsupported", "not_scalar")  # of the rules, beside which a wrapper may help
ASK_S = 120.0  # for importing transformers in a process of its own
_PROGRAM = (
    "import json, sys; from transformers.models.auto import modeling_auto as m; "
    "print(json.dumps(getattr(m, sys.argv[1]).get(sys.argv[2])))"
)


@dataclass(frozen=True, slots=True)
class Seat:
    """One kind of head. family: of the spec. mapping: where transformers lists its classes. outputs: for the writer."""

    suffix: str
    family: str
    mapping: str
    kind: str
    outputs: str


SEATS = (
    Seat(
        "ForSequenceClassification",
        "classifier",
        "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES",
        "labels",
        "The raw numbers of a classification head over the whole text.",
    ),
    Seat(
        "ForTokenClassification",
        "process",
        "MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES",
        "positions",
        "The raw numbers of a classification head at every token of the response.",
    ),
    Seat(
        "ForCausalLM",
        "label_token",
        "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES",
        "tokens",
        "Log-probabilities of the tokens that you declare, as the next token after the text.",
    ),
)


def seat_of(facts: Facts) -> Seat | None:
    """Where generated code could sit; None where a rule knows the model, or it must not be taken at all."""
    found = recognise(facts)
    if found.family or found.reason not in REASONS or facts.config.get("auto_map"):
        return None
    if not calls_itself_reward_model(facts):
        return None
    return next((seat for seat in SEATS if facts.architecture.endswith(seat.suffix)), None)


def unknown_here(facts: Facts, seat: Seat) -> str:
    """Why the installed transformers cannot load it without code of its own; "" if it can.

    Asked in a process of its own: transformers brings torch, which only models' processes hold.
    """
    command = [sys.executable, "-c", _PROGRAM, seat.mapping, facts.model_type]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ASK_S, check=False)
        named = json.loads(done.stdout) if done.returncode == 0 else ""
    except (OSError, subprocess.TimeoutExpired, ValueError):
        named = ""
    if named == "":
        return 'whether transformers knows it cannot be told; pip install "rlar[models]"'
    names = (named,) if isinstance(named, str) else tuple(named or ())
    if facts.architecture in names:
        return ""
    return f"the installed transformers has no {facts.architecture} for {facts.model_type[:60] or 'its model_type'}"


def label_names(facts: Facts) -> tuple[str, ...]:
    """Names of the labels, in order; of as many as the head has, or the config says."""
    names = facts.config.get("id2label")
    n = min(label_count(facts), 256)
    held = names if isinstance(names, Mapping) else {}
    return tuple(str(held.get(str(i), f"LABEL_{i}"))[:60] for i in range(n))
