"""Two models that are read together: the second passes the same filters, and both read texts as the same tokens."""

from __future__ import annotations

from dataclasses import dataclass

from rlar.acquire.web_agent.adapters import DECODERS, EMBEDDINGS
from rlar.acquire.web_agent.bases import difference, vocabulary
from rlar.acquire.web_agent.facts import Facts, HubFile
from rlar.acquire.web_agent.fetch import LARGEST_TEXT, Fetched
from rlar.acquire.web_agent.filters import FILTERS
from rlar.acquire.web_agent.hub import Hub, HubRefused
from rlar.acquire.web_agent.wanted import Wanted

TOKENIZER = "tokenizer.json"
# A reference model is no reward model; whether it failed an exam says nothing about it either.
NOT_ASKED = ("family", "known_bad")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two. held: where it lies, None while it is on the Hub only."""

    facts: Facts
    held: Fetched | None = None


def sift_base(facts: Facts, wanted: Wanted, *, local: bool = False) -> None:
    """Raises HubRefused with the first filter that refuses a reference model, and all that is wrong with it."""
    skipped = (*NOT_ASKED, *(("licence", "gated", "disabled") if local else ()))
    wrong = {name: why for name, test in FILTERS.items() if name not in skipped and (why := test(facts, wanted))}
    if wrong:
        raise HubRefused(next(iter(wrong)), f"its reference model {facts.id}: {'; '.join(wrong.values())}")
    if not facts.architecture.endswith(("ForCausalLM", "LMHeadModel")):
        raise HubRefused("base", f"its reference model {facts.id} is {facts.architecture or 'none'}, no language model")
    if facts.config.get("auto_map") and facts.model_type not in DECODERS:
        raise HubRefused("remote_code", f"its reference model {facts.id} is code of its own, which is never run")


def check_pair(hub: Hub | None, policy: Side, base: Side, wanted: Wanted) -> None:
    """Raises HubRefused where both together are too large, or do not read texts as the same tokens."""
    one, other = policy.facts, base.facts
    if (one.id, one.revision) == (other.id, other.revision):
        raise HubRefused("base", f"{one.id} is its own reference model: every ratio would be 1")
    together = (one.parameters or 0) + (other.parameters or 0)
    if together > wanted.budget:
        raise HubRefused(
            "size",
            f"{one.id} and its reference model {other.id} have {together / 1e9:.2f}B parameters together; the budget "
            f"is {wanted.budget / 1e9:g}B",
        )
    rows = [_vocabulary_size(side.facts) for side in (policy, base)]
    if all(rows) and rows[0] != rows[1]:
        raise HubRefused("base", f"its reference model {other.id} has {rows[1]:,} tokens, and {one.id} has {rows[0]:,}")
    files = [next((f for f in side.facts.files if f.name == TOKENIZER), None) for side in (policy, base)]
    for side, file in zip((policy, base), files, strict=True):
        if file is None:
            raise HubRefused("tokenizer", f"{side.facts.id} has no {TOKENIZER} to compare with the other model's")
    if _same(files[0], files[1]):
        return
    try:
        why = difference(*(vocabulary(_read(hub, side)) for side in (policy, base)))
    except ValueError as e:
        raise HubRefused("tokenizer", f"{one.id} and {other.id}: {e}") from e
    if why:
        raise HubRefused("base", f"its reference model {other.id} {why}")


def _vocabulary_size(facts: Facts) -> int:
    """Rows of the embeddings, 0 where unknown."""
    return next((shape[0] for name, shape in sorted(facts.tensors.items()) if EMBEDDINGS.fullmatch(name) and shape), 0)


def _same(one: HubFile | None, other: HubFile | None) -> bool:
    if one is None or other is None:
        return False
    return bool((one.sha256 and one.sha256 == other.sha256) or (one.blob and one.blob == other.blob))


def _read(hub: Hub | None, side: Side) -> bytes:
    if side.held is not None:
        return (side.held.folder / TOKENIZER).read_bytes()
    if hub is None:
        raise HubRefused("base", f"{side.facts.id}: no Hub was given")
    data = hub.head(side.facts, TOKENIZER, LARGEST_TEXT + 1)
    if len(data) > LARGEST_TEXT:
        raise HubRefused("broken", f"{side.facts.id}: {TOKENIZER} is longer than any real one")
    return data
