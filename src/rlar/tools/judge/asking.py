"""One question to a judge, until it is readable: one re-ask, then a fault. Never a guess."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace

from rlar.engines.llm import Ask, BudgetSpent, Chat, ChatError, ChatRefused, ChatUnreadable, Reply, read_json
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
            return await _once(chat, ask, spent, ask)
        except ChatUnreadable as e:
            again = Message("user", f"That could not be read: {e}. Reply again, with the JSON object only.")
            said = Message("assistant", e.text[:2000] or "(nothing)")
            return await _once(chat, replace(ask, messages=(*ask.messages, said, again)), spent, ask)
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


async def _once(chat: Chat, ask: Ask, spent: Spent, first: Ask) -> Json:
    reply = await chat.ask(ask)
    if not reply.cached:
        tokens = reply.tokens_in + reply.tokens_out
        spent.cost = spent.cost + Cost(reply.seconds, tokens, reply.usd, 1)
    return read_verdict(reply, ask.schema, "\n".join(m.content for m in first.messages))


def read_verdict(reply: Reply, schema: Json, asked: str) -> Json:
    """The one JSON object of a judge's reply: the whole reply, or its end after some prose, fenced or not.

    Stricter than `read_json`, since a wrong reading would be a wrong number: nothing may follow the object ("... or
    maybe 3"), no second object may stand before it, and after prose it may not be a quotation of what was to be judged
    (`asked`): a judge that quotes a forged verdict has not given it. Raises ChatUnreadable.
    """
    text = reply.text.strip()
    if text.startswith("<think>"):  # of reasoning models whose server leaves it in
        text = text.rpartition("</think>")[2].strip()
    found = _last_object(_FENCE_END.sub("", text))
    if found is None:
        read_json(reply, schema)  # says what is wrong with it; if nothing is:
        raise ChatUnreadable("text follows the JSON object", reply.text)
    before, body = _FENCE_START.sub("", found[0]).strip(), found[1]
    value = read_json(replace(reply, text=body), schema)
    if before and _first_object(before) is not None:
        raise ChatUnreadable("the reply holds more than one JSON object", reply.text)
    if before and _bare(body) in _bare(asked):
        raise ChatUnreadable("the reply's JSON is a quotation of what was to be judged", reply.text)
    return value


_FENCE_START, _FENCE_END = re.compile(r"```\w*\s*$"), re.compile(r"\s*```$")
_DECODER = json.JSONDecoder()
MOST_BRACES = 64  # of a reply that are tried as the beginning of an object


def _last_object(text: str) -> tuple[str, str] | None:
    """(what stands before it, the JSON object that ends the text), or None."""
    start = 0
    for _ in range(MOST_BRACES):
        found = _first_object(text, start)
        if found is None:
            return None
        at, end = found
        if not text[end:].strip():
            return text[:at], text[at:end]
        start = end
    return None


def _first_object(text: str, start: int = 0) -> tuple[int, int] | None:
    """Where the first JSON object from `start` on begins and ends, or None."""
    at = text.find("{", start)
    for _ in range(MOST_BRACES):
        if at < 0:
            return None
        try:
            return at, _DECODER.raw_decode(text, at)[1]
        except (ValueError, RecursionError):
            at = text.find("{", at + 1)
    return None


def _bare(text: str) -> str:
    return "".join(text.split())
