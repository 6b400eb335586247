"""An LLM writes the wrapper: asked once, told what failed, a few times; whatever it writes is tried before use."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from rlar.acquire.acquiring import StopAcquiring
from rlar.acquire.code_agent.asking import NoReply, ask_form
from rlar.acquire.code_agent.forms import unfenced
from rlar.acquire.code_agent.static import LONGEST, MODULES
from rlar.acquire.web_agent.adapters import has_template
from rlar.acquire.web_agent.facts import Facts
from rlar.acquire.web_agent.wrapping.prompts import FILES
from rlar.acquire.web_agent.wrapping.seats import Seat, label_names
from rlar.acquire.web_agent.wrapping.trial import problems_with
from rlar.engines.llm import Ask, Chat
from rlar.errors import RlarError
from rlar.tools.judge.guard import shown
from rlar.tools.wrapped_model import Wrapper
from rlar.types import Json, Message

CARD_SHOWN = 8_000  # characters of a card
TEMPLATE_SHOWN = 3_000
WIDEST = 1_000.0  # magnitude of a range
SHOWN_OF_CONFIG = ("architectures", "model_type", "id2label", "num_labels", "problem_type", "max_position_embeddings")


class NoWrapper(RlarError):
    """No wrapper that passed its trial. The text says why."""


@dataclass(frozen=True, slots=True)
class Written:
    """A wrapper that passed its trial. tokens: of the spec. model, prompts: who wrote it, asked what."""

    wrapper: Wrapper
    tokens: tuple[str, ...]
    low: float
    high: float
    about: str
    model: str
    prompts: tuple[str, ...]


@dataclass
class WrapperWriter:
    """chat: who is asked. rounds: times that a wrapper may be mended. again: further tries with unreadable replies."""

    chat: Chat
    rounds: int = 2
    again: int = 1
    max_tokens: int = 4096

    @property
    def most_calls(self) -> int:
        """For one repository, whatever is replied (and one more where the endpoint hiccups)."""
        return (1 + self.again) * (1 + self.rounds)

    async def write(self, facts: Facts, seat: Seat) -> Written:
        """Raises NoWrapper; UnsafeError where there is no sandbox to try it in."""
        forms = ("chat", "text", "pair") if has_template(facts) else ("text", "pair")
        text = FILES.render(
            "write",
            kind=seat.kind,
            outputs=seat.outputs,
            forms=", ".join(forms),
            facts=shown("repository", _about(facts)),
            card=shown("card", facts.card[:CARD_SHOWN]),
        )
        system = Message("system", FILES.render("system", modules=", ".join(MODULES)))
        messages: tuple[Message, ...] = (system, Message("user", text))
        prompts, seen, problems = ["system", "write"], set(), ["it was not asked"]
        for n in range(self.rounds + 1):
            ask = Ask(messages, schema=FORM, max_tokens=self.max_tokens, purpose="write a wrapper")
            try:
                written, talk = await ask_form(
                    self.chat, ask, lambda body: self._read(body, facts, seat, forms), again=self.again
                )
            except (NoReply, StopAcquiring) as e:
                raise NoWrapper(f"no wrapper was written: {e}") from e
            problems = await problems_with(written.wrapper, seat.kind, written.low, written.high)
            if not problems:
                return Written(
                    written.wrapper,
                    written.tokens,
                    written.low,
                    written.high,
                    written.about,
                    self.chat.model,
                    tuple(FILES.id_of(name) for name in prompts),
                )
            if written.wrapper.source in seen:
                break
            seen.add(written.wrapper.source)
            if n == 0:
                prompts.append("mend")
            told = FILES.render("mend", problems=shown("problems", "\n".join(problems)[:3000]))
            messages = (*talk[:2], talk[-1], Message("user", told))
        raise NoWrapper(f"the wrapper that {self.chat.model} wrote does not pass: {'; '.join(problems)[:600]}")

    def _read(self, body: Json, facts: Facts, seat: Seat, forms: tuple[str, ...]) -> Written:
        if body["form"] not in forms:
            raise ValueError(f"form is one of {', '.join(forms)}: the tokenizer has no chat template")
        low, high = float(body["low"]), float(body["high"])
        if not (math.isfinite(low) and math.isfinite(high) and -WIDEST <= low < high <= WIDEST):
            raise ValueError(f"low is below high, and both are within {-WIDEST:g} and {WIDEST:g}")
        tokens = tuple(dict.fromkeys(body["tokens"])) if seat.kind == "tokens" else ()
        if seat.kind == "tokens" and not 1 <= len(tokens) <= 8:
            raise ValueError("outputs of kind tokens need one to eight tokens")
        names = tokens or label_names(facts)
        wrapper = Wrapper(unfenced(body["source"]), body["form"], names, bool(body["reference"]))
        return Written(wrapper, tokens, low, high, " ".join(body["about"].split())[:160], "", ())


def _about(facts: Facts) -> str:
    """What of a repository is worth showing; every word of it a stranger's."""
    config = {k: facts.config[k] for k in SHOWN_OF_CONFIG if k in facts.config}
    template = facts.tokenizer.get("chat_template")
    body: dict[str, Any] = {"id": facts.id, "tags": list(facts.tags[:30]), "config": config}
    if isinstance(template, str):
        body["chat_template"] = template[:TEMPLATE_SHOWN]
    return json.dumps(body, ensure_ascii=False, indent=1)[:12_000]


_WORD: Json = {"type": "string", "maxLength": 600}
FORM: Json = {
    "type": "object",
    "properties": {
        "source": {"type": "string", "maxLength": 2 * LONGEST},
        "form": {"enum": ["chat", "text", "pair"]},
        "tokens": {"type": "array", "items": {"type": "string", "maxLength": 40}, "maxItems": 8},
        "reference": {"type": "boolean"},
        "low": {"type": "number"},
        "high": {"type": "number"},
        "about": _WORD,
    },
    "required": ["source", "form", "tokens", "reference", "low", "high", "about"],
    "additionalProperties": False,
}
