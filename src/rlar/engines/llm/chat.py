"""What it means to ask an LLM: one frozen question, one frozen reply, four ways to fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rlar.errors import RlarError
from rlar.types import Json, Message, content_key


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to an LLM.

    messages: the conversation. schema: JSON Schema that the reply must meet; None for free text.
    sample: which of several replies to the same question (they are cached apart). purpose: a word for the ledger
    ("judge", "write tool"); not part of the question. max_tokens: of the reply.
    """

    messages: tuple[Message, ...]
    schema: Json = None
    max_tokens: int = 2048
    temperature: float = 0.0
    sample: int = 0
    purpose: str = "other"

    def key(self, model: str) -> str:
        """Content key of the question to one model."""
        turns = [[m.role, m.content] for m in self.messages]
        return content_key([model, turns, self.schema, self.max_tokens, self.temperature, self.sample])


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. tokens as the endpoint counts them (0 where it does not say); usd by the prices you gave.

    finish: "stop", "length" (cut off) or the endpoint's own word. cached: no call was made for it.
    """

    text: str
    model: str
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0
    seconds: float = 0.0
    finish: str = "stop"
    cached: bool = False


class Chat(Protocol):
    """An LLM. Safe for many tasks, threads and event loops at once. Raises only ChatError and its kinds."""

    @property
    def model(self) -> str: ...

    async def ask(self, ask: Ask) -> Reply: ...


class ChatError(RlarError):
    """No usable reply. Nothing about the response under judgement follows from it."""


class ChatUnavailable(ChatError):
    """The endpoint is down, late, overloaded, or does not accept us, also after retries."""


class ChatRefused(ChatError):
    """The endpoint or model declined this very question (content filter, too long, bad request)."""


class ChatUnreadable(ChatError):
    """A reply came, but not in the form asked for. `text` is its beginning."""

    def __init__(self, why: str, text: str) -> None:
        super().__init__(f"{why}; the reply begins {text[:120]!r}")
        self.text = text


class BudgetSpent(ChatError):
    """Asking would exceed the budget. What was won so far stays."""
