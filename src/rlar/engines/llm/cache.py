"""Replies kept by the content of the question, so that a rerun costs nothing and an interrupted run resumes."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import sqlite3
import threading
from dataclasses import asdict, replace
from pathlib import Path

from rlar.engines.llm.budget import Ledger
from rlar.engines.llm.chat import Ask, Chat, Reply
from rlar.types import content_key


class CachedChat:
    """A chat that asks each question once, also when many ask it at the same time. Failures are not kept.

    path: an SQLite file, shared by processes; None keeps replies in memory only. ledger: counts what was saved.
    Put it around a BudgetedChat, not inside: what is cached costs nothing.
    """

    def __init__(self, chat: Chat, path: str | Path | None = None, *, ledger: Ledger | None = None) -> None:
        self.chat = chat
        self.ledger = ledger or getattr(chat, "ledger", None) or Ledger()
        self._lock = threading.Lock()
        self._asking: dict[str, concurrent.futures.Future[Reply | None]] = {}
        if path is not None:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(str(path or ":memory:"), timeout=30, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS reply (key TEXT PRIMARY KEY, body TEXT NOT NULL, sum TEXT NOT NULL)"
        )

    @property
    def model(self) -> str:
        return self.chat.model

    async def ask(self, ask: Ask) -> Reply:
        key = ask.key(self.chat.model)
        while True:
            with self._lock:
                kept = self._get(key)
                waiting = self._asking.get(key)
                if kept is None and waiting is None:
                    mine = self._asking[key] = concurrent.futures.Future()
                    break
            if kept is None and waiting is not None:
                # Shielded: a waiter that is cancelled may not cancel what others wait for.
                shared = await asyncio.shield(asyncio.wrap_future(waiting))
                kept = shared and replace(shared, cached=True)
            if kept is not None:
                self.ledger.add(ask.purpose, kept)
                return kept
        try:
            reply = await self.chat.ask(ask)
        except BaseException as e:
            with self._lock:
                del self._asking[key]
            if isinstance(e, Exception):
                mine.set_exception(e)
                mine.exception()  # nobody may be waiting
            else:  # this task was cancelled, which is nobody else's concern: who waits asks for itself
                mine.set_result(None)
            raise
        with self._lock:
            self._put(key, reply)
            del self._asking[key]
        mine.set_result(reply)
        return reply

    def close(self) -> None:
        self._db.close()

    def _get(self, key: str) -> Reply | None:
        row = self._db.execute("SELECT body, sum FROM reply WHERE key = ?", (key,)).fetchone()
        if row is None or content_key(row[0]) != row[1]:  # a damaged row is asked for again
            return None
        return replace(Reply(**json.loads(row[0])), cached=True)

    def _put(self, key: str, reply: Reply) -> None:
        body = json.dumps(asdict(reply))
        self._db.execute("INSERT OR REPLACE INTO reply VALUES (?, ?, ?)", (key, body, content_key(body)))
