"""The client of `rlar serve`: batches, retries with jitter, several servers. Needs no extra.

>>> client = RewardClient("http://127.0.0.1:8080")
>>> client.score([{"query": {"prompt": "6 * 7?", "reference": "42"}, "responses": ["42", "24"]}])  # doctest: +SKIP
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import math
import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rlar.adapters.ledger import Scored, Status
from rlar.adapters.scorer import Group, run_sync
from rlar.errors import InputError, RlarError
from rlar.types import Cost, Json, Query

if TYPE_CHECKING:
    import httpx2

BATCH = 64  # items of one request
AT_ONCE = 8  # requests of one call
AGAIN = (429, 500, 502, 503, 504)


class ServerRefusedError(RlarError):
    """The server said no, and asking again would not help."""


class _BusyError(Exception):
    """Worth another try. after_s: how long the server wants us to wait, None if it did not say."""

    def __init__(self, why: str, after_s: float | None) -> None:
        super().__init__(why)
        self.after_s = after_s


class AsyncRewardClient:
    """For any event loop of one process; connections are kept per loop.

    servers: addresses; requests go round, and a retry goes to the next one. key: bearer key. timeout_s: wall seconds
    for one call of `score`, retries included. attempts: of one request. batch: items of one request.
    """

    def __init__(
        self,
        servers: str | Sequence[str],
        *,
        key: str | None = None,
        timeout_s: float = 120.0,
        attempts: int = 20,
        batch: int = BATCH,
    ) -> None:
        named = servers.split(",") if isinstance(servers, str) else list(servers)
        self.servers = [url.strip().rstrip("/") for url in named if url.strip()]
        if not self.servers or not all(url.startswith(("http://", "https://")) for url in self.servers):
            raise InputError(f"give the address of a server, like http://127.0.0.1:8080, not {servers!r}")
        self.timeout_s = timeout_s
        self.attempts = attempts
        self.batch = batch
        self.retries = 0
        self._headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if key else {})
        self._turn = itertools.count()
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, httpx2.AsyncClient]
        self._clients = weakref.WeakKeyDictionary()

    async def score(
        self, items: Sequence[Mapping[str, Json]], *, detail: str = "parts", deadline_s: float | None = None
    ) -> list[dict[str, Json]]:
        """The server's answer for each item, in order (see /v1/score). Raises ServerRefusedError where asking again is
        of no use, TimeoutError where the time was up, OSError or httpx2's errors where no server could be reached."""
        limit = deadline_s or self.timeout_s
        chunks = [items[i : i + self.batch] for i in range(0, len(items), self.batch)]
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(chunk: Sequence[Mapping[str, Json]]) -> list[dict[str, Json]]:
            async with turns:
                return await self._request({"items": list(chunk), "detail": detail}, limit)

        async with asyncio.timeout(limit):
            answers = await asyncio.gather(*(one(chunk) for chunk in chunks))
        return [item for answer in answers for item in answer]

    async def score_groups(self, groups_P: Sequence[Group], *, deadline_s: float, run: str = "") -> list[list[Scored]]:
        """As Scorer.score, by the servers. Raises as `score` does."""
        items = [
            {
                "query": row_of(group.query),
                "responses": list(group.responses),
                "complete": group.complete,
                "expected": group.expected,
                "meet": f"{run} {group.meet}" if not group.whole else "",
            }
            for group in groups_P
        ]
        answers = await self.score(items, detail="reasons", deadline_s=deadline_s)
        return [_scored(answer, len(group.responses)) for answer, group in zip(answers, groups_P, strict=True)]

    async def aclose(self) -> None:
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    def _client(self) -> httpx2.AsyncClient:
        import httpx2

        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = httpx2.AsyncClient(timeout=None, trust_env=False)  # asyncio.timeout
        return self._clients[loop]

    async def _request(self, asked: Mapping[str, Json], limit: float) -> list[dict[str, Json]]:
        """One request with its retries. Its key comes from its content: a retry finds the first try's answer."""
        import stamina

        body = json.dumps(asked, ensure_ascii=True, separators=(",", ":"), default=str).encode("ascii")
        headers = {
            **self._headers,
            "idempotency-key": hashlib.sha256(body).hexdigest(),
            "x-rlar-deadline-s": str(min(3600.0, limit)),
        }
        tries = stamina.retry_context(
            on=_worth_it, attempts=self.attempts, timeout=limit, wait_initial=0.1, wait_max=2.0, wait_jitter=0.3
        )
        start = next(self._turn)
        async for attempt in tries:
            with attempt:
                self.retries += attempt.num > 1
                server = self.servers[(start + attempt.num - 1) % len(self.servers)]
                return await self._post(f"{server}/v1/score", body, headers, len(asked["items"]))
        raise AssertionError("stamina gives up by raising")

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str], count: int) -> list[dict[str, Json]]:
        reply = await self._client().post(url, content=body, headers=dict(headers))
        if reply.status_code in AGAIN:
            after = reply.headers.get("retry-after", "")
            raise _BusyError(f"{url}: {reply.status_code}", float(after) if after.isdigit() else None)
        if reply.status_code != 200:
            raise ServerRefusedError(f"{url}: {reply.status_code}: {reply.text[:500]}")
        answered = reply.json().get("items")
        if not isinstance(answered, list) or len(answered) != count:
            raise ServerRefusedError(f"{url}: gave no list of {count} items")
        return answered


class RewardClient:
    """The same without an event loop; from any thread, and inside a running loop too."""

    def __init__(self, servers: str | Sequence[str], **options: Any) -> None:
        self._client = AsyncRewardClient(servers, **options)

    @property
    def retries(self) -> int:
        return self._client.retries

    def score(
        self, items: Sequence[Mapping[str, Json]], *, detail: str = "parts", deadline_s: float | None = None
    ) -> list[dict[str, Json]]:
        return run_sync(self._client.score(items, detail=detail, deadline_s=deadline_s))


def _worth_it(error: Exception) -> bool | float:
    """Whether to try again; a number is the wait that the server asked for, with some spread so that not all come
    back at once."""
    import random

    import httpx2

    if isinstance(error, _BusyError):
        return True if error.after_s is None else error.after_s * random.uniform(0.5, 1.5)
    return isinstance(error, (httpx2.TransportError, OSError))


def row_of(query: Query) -> dict[str, Json]:
    """A row from which the server reads an equal Query."""
    prompt = (
        query.prompt
        if isinstance(query.prompt, str)
        else [{"role": t.role, "content": t.content} for t in query.prompt]
    )
    row: dict[str, Json] = {**query.extra, "prompt": prompt}
    if query.reference is not None:
        row["reference"] = query.reference
    if query.tests is not None:
        row["tests"] = dict(query.tests)
    if query.constraints:
        row["constraints"] = [{"id": c.id, "kwargs": dict(c.kwargs)} for c in query.constraints]
    if query.source is not None:
        row["source"] = query.source
    return row


def _scored(answer: Mapping[str, Json], count: int) -> list[Scored]:
    values, states = answer.get("rewards"), answer.get("status")
    if not isinstance(values, list) or not isinstance(states, list) or not len(values) == len(states) == count:
        raise ServerRefusedError(f"an item came back with other than {count} rewards")
    cost = answer.get("cost") or {}
    share = Cost(
        cost.get("cpu_s", 0.0) / (count or 1), int(cost.get("tokens", 0) / (count or 1)),
        cost.get("usd", 0.0) / (count or 1), int(cost.get("calls", 0) / (count or 1)),
    )  # fmt: skip
    parts, why = answer.get("parts") or [{}] * count, answer.get("why") or [""] * count
    return [
        Scored(
            float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None,
            Status(state),
            answer.get("task", ""),
            tuple(answer.get("tools", ())),
            dict(part),
            reason,
            share,
        )
        for value, state, part, reason in zip(values, states, parts, why, strict=True)
    ]
