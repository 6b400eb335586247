"""One question to a judge, until it is readable: one re-ask, then a fault. Never a guess."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from rlar.engines.llm import Ask, BudgetSpent, Chat, ChatError, ChatRefused, ChatUnreadable, read_json
from rlar.errors import MissingExtra, ToolFault
from rlar.types import Cost, Fault, Json, Message


@dataclass
class Spent:
    """What one verdict cost so far; filled in by `ask_json`."""

    cost: Cost = field(default_factory=Cost)


async def ask_json(chat: Chat, ask: Ask, spent: Spent) -> Json:
    """The JSON that was asked for. Raises ToolFault: UNREADABLE after one re-ask, UNAVAILABLE, BUDGET, or MISSING."""
    try:
        try:
            return await _once(chat, ask, spent)
        except ChatUnreadable as e:
            again = Message("user", f"That could not be read: {e}. Reply again, with the JSON object only.")
            said = Message("assistant", e.text[:2000] or "(nothing)")
            return await _once(chat, replace(ask, messages=(*ask.messages, said, again)), spent)
    except ChatUnreadable as e:
        raise ToolFault(Fault.UNREADABLE, str(e)) from e
    except ChatRefused as e:  # the judge's refusal says nothing about the answer
        raise ToolFault(Fault.UNREADABLE, str(e)) from e
    except BudgetSpent as e:
        raise ToolFault(Fault.BUDGET, str(e)) from e
    except MissingExtra as e:
        raise ToolFault(Fault.MISSING, str(e)) from e
    except ChatError as e:
        raise ToolFault(Fault.UNAVAILABLE, str(e)) from e


async def _once(chat: Chat, ask: Ask, spent: Spent) -> Json:
    reply = await chat.ask(ask)
    if not reply.cached:
        tokens = reply.tokens_in + reply.tokens_out
        spent.cost = spent.cost + Cost(reply.seconds, tokens, reply.usd, 1)
    return read_json(reply, ask.schema)
