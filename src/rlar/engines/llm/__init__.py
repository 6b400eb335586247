"""LLMs behind one method: any OpenAI-compatible endpoint, with a cache of replies, budgets and a ledger of usage."""

from __future__ import annotations

from rlar.engines.llm.budget import Budget, BudgetedChat, Ledger, Prices
from rlar.engines.llm.cache import CachedChat
from rlar.engines.llm.chat import Ask, BudgetSpent, Chat, ChatError, ChatRefused, ChatUnavailable, ChatUnreadable, Reply
from rlar.engines.llm.endpoint import OpenAIChat, connect
from rlar.engines.llm.reply import read_json

__all__ = [
    "Ask",
    "Budget",
    "BudgetSpent",
    "BudgetedChat",
    "CachedChat",
    "Chat",
    "ChatError",
    "ChatRefused",
    "ChatUnavailable",
    "ChatUnreadable",
    "Ledger",
    "OpenAIChat",
    "Prices",
    "Reply",
    "connect",
    "read_json",
]
