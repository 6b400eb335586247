"""A judge from command-line options: endpoint, mode, budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rlar.tools.judge import Judge


def open_judge(url: str | None, model: str | None, mode: str, *, calls: int | None, tokens: int | None) -> Judge | None:
    """A judge over the endpoint at url, each question asked once, within the budget; None without url.

    Raises InputError where no model is named, MissingExtra where the SDK is not installed.
    """
    if url is None:
        return None
    import importlib.util

    from rlar.engines.llm import Budget, BudgetedChat, CachedChat, connect
    from rlar.errors import MissingExtra
    from rlar.tools.judge import Judge, JudgeSettings

    if importlib.util.find_spec("openai") is None:
        raise MissingExtra("--judge", "llm")
    chat = connect(url, model)
    assert chat is not None  # a url was given
    return Judge(CachedChat(BudgetedChat(chat, Budget(calls=calls, tokens=tokens))), JudgeSettings(mode=mode))
