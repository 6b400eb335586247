"""One question to the model, until its reply can be read: bounded, and every way to fail has its place.

No usable reply to this question: `NoReply`, the candidate is given up. Nobody left to ask, or nothing left to pay with:
`StopAcquiring`, the whole run ends with what it has won.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from rlar.acquire.acquiring import StopAcquiring
from rlar.engines.llm import (
    Ask,
    BudgetSpent,
    Chat,
    ChatError,
    ChatRefused,
    ChatUnavailable,
    ChatUnreadable,
    read_json,
)
from rlar.types import Json, Message

T = TypeVar("T")
SHOWN_AGAIN = 1_500  # characters of an unreadable reply that go back with the complaint


class NoReply(Exception):
    """No usable reply to one question, also after asking again."""


async def ask_form(chat: Chat, ask: Ask, read: Callable[[Json], T], *, again: int) -> tuple[T, tuple[Message, ...]]:
    """What `read` makes of the reply, and the conversation with it. again: further tries with an unreadable reply.

    read raises ValueError for a reply that meets the schema and still makes no sense.
    """
    question, lost = ask, False
    for attempt in range(again + 1):
        try:
            reply = await chat.ask(question)
            value = read(read_json(reply, ask.schema))
        except (ChatUnreadable, ValueError) as e:
            if attempt == again:
                raise NoReply(f"no readable reply after {again + 1} tries: {e}") from e
            question = _complained(ask, e, attempt)
        except ChatRefused as e:
            raise NoReply(str(e)) from e
        except BudgetSpent as e:
            raise StopAcquiring(f"the budget is spent: {e}") from e
        except ChatUnavailable as e:  # the endpoint's own retries are over by now; one hiccup more is forgiven
            if lost or attempt == again:
                raise StopAcquiring(f"the LLM endpoint is gone: {e}") from e
            lost = True
        except ChatError as e:
            raise StopAcquiring(f"the LLM endpoint cannot be used: {e}") from e
        else:
            return value, (*ask.messages, Message("assistant", reply.text))
    raise NoReply("no reply")  # again < 0


def _complained(ask: Ask, error: Exception, attempt: int) -> Ask:
    text = error.text[:SHOWN_AGAIN] if isinstance(error, ChatUnreadable) else ""
    said = (Message("assistant", text),) if text else ()
    complaint = f"That reply cannot be used: {str(error)[:400]}. Reply with the whole JSON object, shorter if need be."
    return replace(ask, messages=(*ask.messages, *said, Message("user", complaint)), sample=ask.sample + attempt)
