"""Fakes for whatever asks an LLM: a scripted chat, a replay of recorded replies, and a scripted HTTP endpoint."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from rlar.engines.llm import Ask, CachedChat, ChatUnavailable, Prices, Reply
from rlar.types import Json


class FakeChat:
    """A chat that replies from a script: a list of texts (or exceptions) in order, or a function of the Ask.

    `asked` holds every Ask. A list that runs out raises ChatUnavailable, so that a test sees unexpected calls.
    """

    def __init__(
        self,
        script: Sequence[str | Exception] | Callable[[Ask], str | Exception],
        *,
        model: str = "fake",
        prices: Prices | None = None,
    ) -> None:
        self.prices = prices or Prices()
        self.asked: list[Ask] = []
        self._script = script if callable(script) else list(script)
        self._model = model
        self._lock = threading.Lock()

    @property
    def model(self) -> str:
        return self._model

    async def ask(self, ask: Ask) -> Reply:
        await asyncio.sleep(0)  # like a real one, let others ask meanwhile
        with self._lock:
            index = len(self.asked)
            self.asked.append(ask)
        if callable(self._script):
            said = self._script(ask)
        elif index < len(self._script):
            said = self._script[index]
        else:
            said = ChatUnavailable(f"the script holds {len(self._script)} replies; this is question {index + 1}")
        if isinstance(said, Exception):
            raise said
        tokens = sum(len(m.content) for m in ask.messages) // 4
        usd = self.prices.usd(tokens, len(said) // 4)
        return Reply(said, self._model, tokens_in=tokens, tokens_out=len(said) // 4, usd=usd)


class ReplayChat(CachedChat):
    """Replays a recorded cache file; a question that was never recorded raises ChatUnavailable."""

    def __init__(self, path: str | Path, model: str) -> None:
        if not Path(path).exists():
            raise FileNotFoundError(f"no recorded replies at {path}; record them with CachedChat(chat, path)")
        super().__init__(FakeChat([], model=model), path)


@dataclass
class ScriptedEndpoint:
    """A real HTTP server on loopback that speaks /v1/chat/completions and answers from a script.

    script(request body) -> text of the reply, or a dict: {"text", "finish", "status", "headers", "raw", "delay_s",
    "hang_up"} for whatever a real endpoint can do to you. requests: all bodies received. models: what /v1/models lists;
    None for no such page. key: the bearer key that is accepted, "" for any. Use as a context manager; `url` is what
    `--llm` and `--judge` take.
    """

    script: Callable[[dict[str, Json]], str | dict[str, Any]]
    requests: list[dict[str, Json]] = field(default_factory=list)
    url: str = ""
    models: Sequence[str] | None = None
    key: str = ""

    def __enter__(self) -> ScriptedEndpoint:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # headers and body in one packet

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                listed = {"object": "list", "data": [{"id": m, "object": "model"} for m in endpoint.models or ()]}
                found = endpoint.models is not None and self.path.endswith("/models")
                said = {"raw": json.dumps(listed)} if found else {"status": 404, "text": "no such page"}
                _answer(self, said if self._known() else {"status": 401, "text": "who are you"}, {})

            def _known(self) -> bool:
                return endpoint.key in ("", (self.headers.get("Authorization") or "").removeprefix("Bearer "))

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
                if not self._known():
                    _answer(self, {"status": 401, "text": "who are you"}, body)
                    return
                endpoint.requests.append(body)
                said = endpoint.script(body)
                _answer(self, {"text": said} if isinstance(said, str) else said, body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


def _answer(handler: BaseHTTPRequestHandler, said: dict[str, Any], body: dict[str, Json]) -> None:
    time.sleep(float(said.get("delay_s", 0)))
    if said.get("hang_up"):
        handler.close_connection = True
        return
    if "raw" in said:
        payload = said["raw"] if isinstance(said["raw"], bytes) else str(said["raw"]).encode()
    elif said.get("status", 200) >= 400:
        payload = json.dumps({"error": {"message": said.get("text", "scripted error")}}).encode()
    else:
        payload = json.dumps(_completion(said, body)).encode()
    handler.send_response(int(said.get("status", 200)))
    for name, value in {"Content-Type": "application/json", **said.get("headers", {})}.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(payload)))
    handler.end_headers()
    handler.wfile.write(payload)


def _completion(said: dict[str, Any], body: dict[str, Json]) -> dict[str, Json]:
    text = said.get("text", "")
    tokens_in = len(json.dumps(body.get("messages", []))) // 4
    return {
        "id": "scripted",
        "object": "chat.completion",
        "created": 0,
        "model": body.get("model", "scripted"),
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": said.get("refusal")},
                "finish_reason": said.get("finish", "stop"),
            }
        ],
        "usage": {
            "prompt_tokens": tokens_in,
            "completion_tokens": len(text) // 4,
            "total_tokens": tokens_in + len(text) // 4,
        },
    }


def texts(ask: Ask) -> Iterable[str]:
    """The contents of an Ask's messages, for scripts that look at them."""
    return (m.content for m in ask.messages)
