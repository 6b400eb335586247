"""What stands before every request: keys, size of the body, number of requests at once; and counts it afterwards.

Plain ASGI, so that turning somebody away costs microseconds and no memory.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from rlar.server.keys import Keys
from rlar.server.metrics import Metrics

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN = frozenset(("/healthz",))  # answered without a key, and however full it is


class Door:
    """max_body: bytes of one request. max_requests: at once; more get 429 before their body is read."""

    def __init__(self, app: App, *, keys: Keys | None, max_body: int, max_requests: int, metrics: Metrics) -> None:
        self.app = app
        self.keys = keys
        self.max_body = max_body
        self.max_requests = max_requests
        self.metrics = metrics
        self.inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        codes: list[int] = []

        async def counted(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                codes.append(message["status"])
            await send(message)

        try:
            await self._enter(scope, receive, counted)
        finally:
            self.metrics.request(scope["path"], codes[0] if codes else 500, time.perf_counter() - started)

    async def _enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.lower(): value for name, value in scope["headers"]}
        if self.keys is not None:
            given = headers.get(b"authorization", b"").decode("latin-1")
            if self.keys.name_of(given) is None:
                await refuse(
                    send, 401, "a valid key is needed: Authorization: Bearer KEY", {"www-authenticate": "Bearer"}
                )
                return
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self.max_body:
            await refuse(send, 413, f"the body is larger than {self.max_body} bytes", {"connection": "close"})
            return
        if self.inside >= self.max_requests:
            await refuse(send, 429, f"{self.inside} requests are being answered; try again", {"retry-after": "1"})
            return
        self.inside += 1
        try:
            body = await self._body(receive)
            if body is None:
                await refuse(send, 413, f"the body is larger than {self.max_body} bytes", {"connection": "close"})
                return
            await self.app(scope, _replay(body, receive), send)
        finally:
            self.inside -= 1

    async def _body(self, receive: Receive) -> bytes | None:
        """All of it; None if it is too large, also where its length was not declared or was a lie."""
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return b"".join(parts)
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self.max_body:
                return None
            if not message.get("more_body"):
                return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> MutableMapping[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def refuse(send: Send, status: int, why: str, headers: dict[str, str]) -> None:
    body = json.dumps({"detail": why}).encode()
    pairs = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(name.encode(), value.encode()) for name, value in pairs.items()],
        }
    )
    await send({"type": "http.response.body", "body": body})
