"""JSON that can always be sent, and replies kept for callers who ask the same thing twice."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.responses import Response

_ENCODER = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def encode(value: Any) -> bytes:
    """Bytes of JSON. Raises ValueError for NaN and infinity, which no JSON may hold; lone surrogates are escaped."""
    return _ENCODER.encode(value).encode("ascii")


def json_reply(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(encode(value), status, headers, "application/json")


class KeyReusedError(Exception):
    """One idempotency key for two different requests."""


class Replies:
    """Replies by idempotency key: the second request with a key gets the first one's reply, also while that one is
    still being judged. Bounded by count and bytes; the oldest go first. For one event loop."""

    def __init__(self, count: int = 4096, size: int = 64 << 20) -> None:
        self._kept: OrderedDict[str, tuple[bytes, asyncio.Future[bytes]]] = OrderedDict()
        self._count = count
        self._size = size
        self._bytes = 0

    async def once(self, key: str | None, body: bytes, answer: Callable[[], Awaitable[bytes]]) -> bytes:
        """The reply under this key, or a new one. A failed one is not kept. Raises KeyReusedError."""
        if not key:
            return await answer()
        digest = hashlib.blake2b(body, digest_size=16).digest()
        known = self._kept.get(key)
        if known is not None:
            if known[0] != digest:
                raise KeyReusedError("this Idempotency-Key came with another request before")
            return await asyncio.shield(known[1])
        reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._kept[key] = digest, reply
        try:
            content = await answer()
        except BaseException as e:
            del self._kept[key]
            reply.set_exception(e if isinstance(e, Exception) else ConnectionError("the first caller went away"))
            reply.exception()  # somebody may wait for it, but nobody has to
            raise
        reply.set_result(content)
        self._bytes += len(content)
        while self._kept and (len(self._kept) > self._count or self._bytes > self._size):
            oldest, (_, old) = next(iter(self._kept.items()))
            if not old.done():
                break
            del self._kept[oldest]
            self._bytes -= len(old.result())
        return content
