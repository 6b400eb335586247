"""What asking costs, and the limits on it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rlar.engines.llm.chat import Ask, BudgetSpent, Chat, ChatRefused, ChatUnreadable, Reply
from rlar.types import Cost


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars per million tokens. Zero where you pay nothing, or do not say."""

    usd_in: float = 0.0
    usd_out: float = 0.0

    def usd(self, tokens_in: int, tokens_out: int) -> float:
        return (tokens_in * self.usd_in + tokens_out * self.usd_out) / 1e6


@dataclass(frozen=True, slots=True)
class Budget:
    """Most that may be spent; None for no limit. tokens: in and out together."""

    usd: float | None = None
    tokens: int | None = None
    calls: int | None = None


@dataclass
class Ledger:
    """What was spent, by purpose. Thread-safe. `saved` counts replies that came from the cache."""

    spent: dict[str, Cost] = field(default_factory=dict)
    saved: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, purpose: str, reply: Reply) -> None:
        with self._lock:
            if reply.cached:
                self.saved += 1
                return
            cost = Cost(reply.seconds, reply.tokens_in + reply.tokens_out, reply.usd, 1)
            self.spent[purpose] = self.spent.get(purpose, Cost()) + cost

    @property
    def total(self) -> Cost:
        with self._lock:
            return sum(self.spent.values(), Cost())

    def by_purpose(self) -> Mapping[str, Cost]:
        with self._lock:
            return dict(self.spent)


class BudgetedChat:
    """A chat that never spends more than its budget: a call's upper bound is reserved before it is made.

    So it may stop a little early, never late, also with many calls in flight. The bound of a call: three characters of
    the question to a token, and all of max_tokens. An endpoint that counts no tokens is charged three characters to a
    token; a reply that was refused or unreadable is charged as a call. Raises BudgetSpent instead of asking.
    """

    def __init__(
        self, chat: Chat, budget: Budget, *, prices: Prices | None = None, ledger: Ledger | None = None
    ) -> None:
        self.chat = chat
        self.budget = budget
        self.prices = prices or getattr(chat, "prices", None) or Prices()
        self.ledger = ledger or Ledger()
        self._held = Cost()
        self._lock = threading.Lock()

    @property
    def model(self) -> str:
        return self.chat.model

    async def ask(self, ask: Ask) -> Reply:
        bound = self._reserve(ask)
        try:
            try:
                reply = await self.chat.ask(ask)
            except (ChatRefused, ChatUnreadable):
                self.ledger.add(ask.purpose, Reply("", self.model, tokens_in=_tokens_in(ask)))
                raise
            if not (reply.tokens_in or reply.tokens_out or reply.cached):
                tokens_in, tokens_out = _tokens_in(ask), len(reply.text) // 3 + 1
                usd = reply.usd or self.prices.usd(tokens_in, tokens_out)
                reply = replace(reply, tokens_in=tokens_in, tokens_out=tokens_out, usd=usd)
            self.ledger.add(ask.purpose, reply)
            return reply
        finally:
            with self._lock:
                self._held = self._held + Cost(0.0, -bound.tokens, -bound.usd, -bound.calls)

    def _reserve(self, ask: Ask) -> Cost:
        tokens_in = _tokens_in(ask)
        bound = Cost(0.0, tokens_in + ask.max_tokens, self.prices.usd(tokens_in, ask.max_tokens), 1)
        with self._lock:
            after = self.ledger.total + self._held + bound
            for what, used, limit in (
                ("usd", after.usd, self.budget.usd),
                ("tokens", after.tokens, self.budget.tokens),
                ("calls", after.calls, self.budget.calls),
            ):
                if limit is not None and used > limit:
                    raise BudgetSpent(f"the next call could pass the budget of {limit:g} {what}")
            self._held = self._held + bound
        return bound


def _tokens_in(ask: Ask) -> int:
    return sum(len(m.content) for m in ask.messages) // 3 + 16
