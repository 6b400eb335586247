# fastapi is not followed by mypy, so its decorators are untyped.
# mypy: disable-error-code="untyped-decorator"
"""The HTTP application. Every route is thin: translate, have it judged, translate back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Header, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, Response

from rlar import __version__
from rlar.adapters import nemo_gym, openrlhf
from rlar.adapters.ledger import FREE, Ledger, Scored
from rlar.adapters.policy import OnFailure
from rlar.adapters.rollout import columns_of_label, judge
from rlar.adapters.scorer import Group, Scorer
from rlar.adapters.settings import Settings
from rlar.errors import InputError
from rlar.rollouts import query_of_row
from rlar.rollouts.messages import read_prompt
from rlar.server import messages as m
from rlar.server.batching import Batcher, OverloadedError
from rlar.server.door import Door
from rlar.server.keys import Keys
from rlar.server.metrics import Metrics
from rlar.server.replies import KeyReusedError, Replies, encode, json_reply
from rlar.types import Query, content_key

Deadline = Annotated[
    float | None, Header(alias="X-Rlar-Deadline-S", gt=0, le=3600, description="wall seconds that the caller waits")
]
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200)]
PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"model": m.Problem, "description": about}
    for code, about in {
        400: "The body is no JSON",
        401: "No valid key",
        409: "The Idempotency-Key came with another request before",
        413: "The body is too large",
        422: "The request makes no sense",
        429: "Too much is waiting; see Retry-After",
    }.items()
}
QUERIES = 8_192  # read ones, kept by content: some steps of training; about 1 kB each


@dataclass(frozen=True, slots=True)
class Serving:
    """How to serve. keys: None lets everybody in. max_body: bytes of one request. max_requests: at once.

    queue: responses that may wait or be judged; more get 429. deadline_s: for callers who give none.
    run_code: whether /run_code runs programs.
    """

    keys: Keys | None = None
    max_body: int = 32 << 20
    max_requests: int = 256
    queue: int = 50_000
    lane_queue: int | None = None
    batch: int = 512
    deadline_s: float = 100.0
    run_code: bool = True


class Gate:
    """The batcher with the face of a scorer, for the adapters' own code."""

    def __init__(self, batcher: Batcher) -> None:
        self.batcher = batcher

    @property
    def ledger(self) -> Ledger:
        return self.batcher.scorer.ledger

    async def score(self, groups_P: Sequence[Group], *, deadline_s: float | None = None) -> list[list[Scored]]:
        return await self.batcher.score(groups_P, deadline_s or 100.0)


class Desk:
    """What all routes share: the scorer, the batcher, and the queries that were read before."""

    def __init__(self, settings: Settings, serving: Serving) -> None:
        self.settings = settings
        self.serving = serving
        self.scorer = Scorer(settings)
        self.batcher = Batcher(self.scorer, queue=serving.queue, lane_queue=serving.lane_queue, batch=serving.batch)
        self.gate = Gate(self.batcher)
        self.metrics = Metrics(self.scorer, self.batcher)
        self.replies = Replies()
        self.started = time.time()
        self._queries: dict[tuple[str, ...], Query] = {}

    def query(self, value: str | list[dict[str, Any]] | dict[str, Any]) -> Query:
        """The Query of an item; equal ones are read once. Raises InputError or BadRow."""
        if isinstance(value, dict) and len(value) == 2 and "prompt" in value and isinstance(value["prompt"], str):
            ((name, rest),) = [(k, v) for k, v in value.items() if k != "prompt"]
            place: tuple[str, ...] = (value["prompt"], name, repr(rest))  # the usual case, and cheaper than a hash
        else:
            place = ("text", value) if isinstance(value, str) else (content_key(value),)
        known = self._queries.get(place)
        if known is None:
            if isinstance(value, str):
                known = Query(value)
            elif isinstance(value, list):
                known = Query(read_prompt(value, "query"))
            else:
                known = query_of_row(value)
            if len(self._queries) >= QUERIES:
                self._queries.clear()
            self._queries[place] = known
        return known

    def groups(self, items: Sequence[m.Item]) -> list[Group]:
        """Raises HTTPException 422, naming the item."""
        out = []
        for i, item in enumerate(items):
            try:
                query = self.query(item.query)
            except Exception as e:  # whatever a caller's row makes our reader stumble over
                raise HTTPException(422, f"items[{i}].query: {e}") from e
            out.append(Group(query, item.responses, item.complete, item.expected, item.meet))
        return out


def create_app(settings: Settings, serving: Serving | None = None) -> FastAPI:
    """The application for uvicorn or a test. settings: as for the adapters (library, route, meet_s, floor ...)."""
    desk = Desk(settings, serving or Serving())

    @contextlib.asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(lambda: desk.scorer.system)
        yield
        await desk.batcher.drain()
        desk.scorer.system.close()

    app = FastAPI(title="rlar", version=__version__, lifespan=life, description=__doc__, responses=PROBLEMS)
    app.state.desk = desk
    _add_errors(app)
    _add_score(app, desk)
    _add_trainers(app, desk)
    _add_classify(app, desk)
    if desk.serving.run_code:
        from rlar.server.run_code import add_run_code

        add_run_code(app)
    _add_pages(app, desk)
    s = desk.serving
    app.add_middleware(
        Door,
        keys=s.keys,
        max_body=s.max_body,
        max_requests=s.max_requests,
        metrics=desk.metrics,
    )
    return app


def _add_errors(app: FastAPI) -> None:
    async def invalid(_: Request, error: Exception) -> Response:
        found = error.errors() if isinstance(error, RequestValidationError) else []
        places = [f"{'.'.join(map(str, e.get('loc', ())))}: {e.get('msg', '')}" for e in found[:5]]
        return json_reply({"detail": "; ".join(places) or "the request makes no sense"}, 422)

    async def overloaded(_: Request, error: Exception) -> Response:
        patience = error.retry_after_s if isinstance(error, OverloadedError) else 1.0
        return json_reply({"detail": str(error)}, 429, {"Retry-After": str(int(patience))})

    async def reused(_: Request, error: Exception) -> Response:
        return json_reply({"detail": str(error)}, 409)

    async def wrong(_: Request, error: Exception) -> Response:
        return json_reply({"detail": str(error)}, 422)

    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(OverloadedError, overloaded)
    app.add_exception_handler(KeyReusedError, reused)
    app.add_exception_handler(InputError, wrong)


def _add_score(app: FastAPI, desk: Desk) -> None:
    @app.post("/v1/score", responses={200: {"model": m.ScoreReply}}, response_model=None)
    async def score(
        request: Request, asked: m.ScoreRequest, deadline_s: Deadline = None, idempotency_key: IdempotencyKey = None
    ) -> Response:
        """Rewards for a list of items, in order; ids are handed back. Groups are declared by `complete`."""

        async def answer() -> bytes:
            groups = desk.groups(asked.items)
            scored = await desk.batcher.score(groups, deadline_s or desk.serving.deadline_s)
            return encode({"items": [_item(i, g, asked.detail) for i, g in zip(asked.items, scored, strict=True)]})

        body = await request.body() if idempotency_key else b""
        return Response(await desk.replies.once(idempotency_key, body, answer), media_type="application/json")


def _item(item: m.Item, scored_G: Sequence[Scored], detail: str) -> dict[str, Any]:
    first = scored_G[0] if scored_G else None
    cost = first.cost if first else FREE
    for s in scored_G[1:]:
        if s.cost is not FREE:
            cost += s.cost
    out: dict[str, Any] = {
        "id": item.id,
        "rewards": [s.value for s in scored_G],
        "status": [s.status for s in scored_G],
        "task": first.task if first else "",
        "tools": list(first.tools) if first else [],
        "cost": {"cpu_s": cost.seconds, "tokens": cost.tokens, "usd": cost.usd, "calls": cost.calls},
    }
    if detail != "values":
        out["parts"] = [s.parts for s in scored_G]
    if detail == "reasons":
        out["why"] = [s.why[:2000] for s in scored_G]
    return out


def _add_trainers(app: FastAPI, desk: Desk) -> None:
    async def rewards(asked: m.OpenRlhfRequest, deadline_s: Deadline = None) -> Response:
        """OpenRLHF's remote reward: always finite numbers and the same logs; an empty query gets empty lists."""
        judged = await openrlhf.judge_samples(
            desk.settings, asked.query, asked.prompts, asked.labels, desk.gate, deadline_s or openrlhf.DEADLINE_S
        )
        return json_reply(openrlhf.reply(judged, desk.settings))

    for path in ("/openrlhf", "/get_reward"):
        app.post(path, responses={200: {"model": m.OpenRlhfReply}}, response_model=None)(rewards)

    @app.post("/slime", responses={200: {"model": m.SlimeReply}}, response_model=None)
    async def slime(asked: m.SlimeRequest, deadline_s: Deadline = None) -> Response:
        """slime's remote_rm: the body of the answer is the reward; use `--reward-key score`."""
        judged = await judge(
            desk.settings, asked.prompt, columns_of_label(asked.label), [asked.response],
            complete=desk.settings.group_size == 1, default=OnFailure.FLOOR,
            deadline_s=deadline_s or 100.0, scorer=desk.gate,
        )  # fmt: skip
        return json_reply({"score": judged[0].value, **judged[0].extras(), "rlar_tool": judged[0].tool})

    body = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}

    @app.post("/verify", response_model=None, openapi_extra={"requestBody": body})
    async def verify(request: Request, deadline_s: Deadline = None) -> Response:
        """NeMo Gym's resources server: the same object with `reward`."""
        asked = _json(await request.body())
        if not isinstance(asked, Mapping):
            raise HTTPException(422, "the body must be an object with responses_create_params and response")
        try:
            out = await nemo_gym.verify(desk.settings, asked, desk.gate, deadline_s or nemo_gym.DEADLINE_S)
            return json_reply(out)
        except (ValueError, RecursionError) as e:  # numbers beyond JSON, or nesting beyond reason, come back to us
            raise HTTPException(422, f"the body cannot be handed back: {e}") from e


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as e:
        raise HTTPException(400, f"the body is no JSON: {e}") from e


def _add_classify(app: FastAPI, desk: Desk) -> None:
    @app.post("/classify", responses={200: {"model": m.ClassifyReply}}, response_model=None)
    async def classify(asked: m.ClassifyRequest, deadline_s: Deadline = None) -> Response:
        """The answer of vLLM's classifier endpoint: data[-1].probs[-1] is the reward."""
        texts = [asked.input] if isinstance(asked.input, str) else asked.input
        judged = await openrlhf.judge_samples(
            desk.settings, texts, [], [asked.label] * len(texts), desk.gate, deadline_s or desk.serving.deadline_s
        )
        data = [
            {"index": i, "label": str(j.scored.status), "probs": [j.value], "num_classes": 1}
            for i, j in enumerate(judged)
        ]
        return json_reply(
            {"id": f"classify-{content_key(texts)[:12]}", "object": "list", "model": asked.model, "data": data}
        )


def _add_pages(app: FastAPI, desk: Desk) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, Any]:
        """Whether this is up, and which tools it holds."""
        return {"status": "ok", "version": __version__, "waiting": desk.batcher.load}

    @app.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        return Response(desk.metrics.page(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/", response_class=HTMLResponse)
    async def dashboard() -> HTMLResponse:
        from jinja2 import Environment, FileSystemLoader

        pages = Environment(loader=FileSystemLoader(Path(__file__).parent / "pages"), autoescape=True)
        known = desk.scorer.ledger.snapshot()
        page = pages.get_template("dashboard.html").render(
            known=known, version=__version__, waiting=desk.batcher.load, costs=desk.scorer.efficiency(),
            up=_long(time.time() - desk.started), tools=len(desk.scorer.system.library),
            library=Path(desk.settings.library).name,
        )  # fmt: skip
        return HTMLResponse(page)


def _long(seconds: float) -> str:
    """As people say it: 2 h 5 min."""
    minutes = int(seconds) // 60
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
