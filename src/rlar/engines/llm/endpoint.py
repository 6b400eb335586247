"""Any OpenAI-compatible endpoint, over the `openai` SDK (extra "llm")."""

from __future__ import annotations

import asyncio
import os
import time
import weakref
from typing import Any

from rlar.engines.llm.budget import Prices
from rlar.engines.llm.chat import Ask, ChatRefused, ChatUnavailable, ChatUnreadable, Reply
from rlar.errors import InputError, MissingExtra

FAILURES, PAUSE_S = 8, 10.0


class OpenAIChat:
    """Chat over an endpoint such as vLLM, SGLang, llama.cpp, Ollama, or a hosted one.

    url: base address ending in /v1. key: bearer key; never logged, never part of a message or repr.
    concurrency: calls in flight at most, per event loop. timeout_s: wall seconds for one try. retries: further tries
    after connection errors, 408, 409, 429 (Retry-After is honoured) and 5xx.
    After FAILURES failures in a row, all retries included, the endpoint is left alone for PAUSE_S seconds: until then
    each question fails at once, so that an endpoint that died does not hold up a long run.
    Structured replies are asked for by JSON Schema; an endpoint that does not know it is asked for a JSON object, then
    for plain text, and remembered.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        key: str | None = None,
        prices: Prices | None = None,
        concurrency: int = 8,
        timeout_s: float = 60.0,
        retries: int = 3,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise InputError(f"an LLM endpoint is a URL such as http://localhost:8000/v1, not {url!r}")
        self.url = url
        self.prices = prices or Prices()
        self._model = model
        self._key = key
        self._concurrency = concurrency
        self._timeout_s = timeout_s
        self._retries = retries
        self._failures = 0
        self._paused_until = 0.0
        self._forms = ["json_schema", "json_object", "text"]  # what the endpoint may still understand, best first
        # The SDK's client belongs to one event loop; each loop that asks gets its own.
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[Any, asyncio.Semaphore]]
        self._clients = weakref.WeakKeyDictionary()

    @property
    def model(self) -> str:
        return self._model

    def __repr__(self) -> str:
        return f"<OpenAIChat {self._model} at {self.url}>"

    async def ask(self, ask: Ask) -> Reply:
        openai = _sdk()
        client, slots = self._client(openai)
        async with slots:
            start = time.perf_counter()
            if start < self._paused_until:
                raise ChatUnavailable(
                    f"{self.url} failed {self._failures} times in a row, and is left alone for a while"
                )
            try:
                answer = await self._create(openai, client, ask)
                self._failures = 0
            except openai.APIStatusError as e:
                if e.status_code in (400, 413, 422):
                    raise ChatRefused(f"{self._model} refused the question ({e.status_code}): {_short(e)}") from e
                self._failed()
                raise ChatUnavailable(f"{self.url} answered {e.status_code}: {_short(e)}") from e
            except openai.APIConnectionError as e:  # timeouts too
                self._failed()
                raise ChatUnavailable(f"{self.url} cannot be reached: {_short(e)}") from e
            except (openai.OpenAIError, ValueError, TypeError, AttributeError) as e:  # a body that is no completion
                raise ChatUnavailable(
                    f"{self.url} does not speak this protocol: {type(e).__name__}: {_short(e)}"
                ) from e
            return self._reply(answer, time.perf_counter() - start)

    def _failed(self) -> None:
        self._failures += 1
        if self._failures >= FAILURES:
            self._paused_until = time.perf_counter() + PAUSE_S

    async def models(self) -> list[str] | None:
        """The names of the models that the endpoint serves; None where it is there but does not say.

        Asked once, with a short patience. Raises ChatUnavailable where nothing answers, or the key is not accepted.
        """
        openai = _sdk()
        client, _ = self._client(openai)
        try:
            page = await client.with_options(max_retries=0, timeout=5.0).models.list()
            return [m.id for m in page.data]
        except openai.APIConnectionError as e:
            raise ChatUnavailable(f"nothing answers at {self.url} ({_short(e)})") from e
        except openai.APIStatusError as e:
            if e.status_code in (401, 403):
                raise ChatUnavailable(
                    f"{self.url} does not accept the key ({e.status_code}); set RLAR_LLM_KEY to one that it knows"
                ) from e
            if e.status_code in (502, 503, 504):
                raise ChatUnavailable(f"{self.url} is not ready ({e.status_code}): {_short(e)}") from e
            return None
        except Exception:  # boundary: whatever else this server says to a list of models, it may still chat
            return None

    async def _create(self, openai: Any, client: Any, ask: Ask) -> Any:
        body = {
            "model": self._model,
            "messages": [{"role": m.role, "content": _sendable(m.content)} for m in ask.messages],
            "max_tokens": ask.max_tokens,
            "temperature": ask.temperature,
        }
        if ask.sample:
            body["seed"] = ask.sample
        if ask.schema is None:
            return await client.chat.completions.create(**body)
        for form in tuple(self._forms):
            try:
                return await client.chat.completions.create(**body, **_response_format(form, ask.schema))
            except (openai.BadRequestError, openai.UnprocessableEntityError) as e:
                if form == "text" or ("response_format" not in str(e) and "schema" not in str(e)):
                    raise
                self._forms = [f for f in self._forms if f != form]
        raise ChatRefused(f"{self._model} takes no form of structured reply")

    def _reply(self, answer: Any, seconds: float) -> Reply:
        choices = getattr(answer, "choices", None)
        if not choices or getattr(choices[0], "message", None) is None:
            raise ChatUnreadable("the endpoint's answer holds no message", str(answer))
        message, finish = choices[0].message, choices[0].finish_reason or "stop"
        if finish == "content_filter" or getattr(message, "refusal", None):
            raise ChatRefused(f"{self._model} declined: {getattr(message, 'refusal', None) or finish}")
        usage = getattr(answer, "usage", None)
        tokens_in = int(getattr(usage, "prompt_tokens", 0) or 0)
        tokens_out = int(getattr(usage, "completion_tokens", 0) or 0)
        usd = self.prices.usd(tokens_in, tokens_out)
        return Reply(message.content or "", self._model, tokens_in, tokens_out, usd, seconds, finish)

    def _client(self, openai: Any) -> tuple[Any, asyncio.Semaphore]:
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            client = openai.AsyncOpenAI(
                api_key=self._key or "none", base_url=self.url, timeout=self._timeout_s, max_retries=self._retries
            )
            self._clients[loop] = (client, asyncio.Semaphore(self._concurrency))
        return self._clients[loop]


def connect(url: str | None = None, model: str | None = None, *, prices: Prices | None = None) -> OpenAIChat | None:
    """The endpoint that flags or the environment name, or None if none is named.

    Environment: RLAR_LLM_URL or OPENAI_BASE_URL, RLAR_LLM_MODEL, RLAR_LLM_KEY or OPENAI_API_KEY.
    Raises InputError if there is an address but no model.
    """
    address = url or os.environ.get("RLAR_LLM_URL") or os.environ.get("OPENAI_BASE_URL")
    if not address:
        return None
    name = model or os.environ.get("RLAR_LLM_MODEL")
    if not name:
        raise InputError(f"which model of {address}? Give --model NAME, or set RLAR_LLM_MODEL")
    key = os.environ.get("RLAR_LLM_KEY") or os.environ.get("OPENAI_API_KEY")
    return OpenAIChat(address, name, key=key, prices=prices)


def _sdk() -> Any:
    try:
        import openai
    except ImportError as e:
        raise MissingExtra("asking an LLM", "llm") from e
    return openai


def _response_format(form: str, schema: Any) -> dict[str, Any]:
    if form == "json_schema":
        wanted = {"name": "reply", "schema": schema, "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": wanted}}
    return {"response_format": {"type": "json_object"}} if form == "json_object" else {}


def _sendable(text: str) -> str:
    """Lone surrogates cannot be sent as UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _short(e: Exception) -> str:
    return str(e)[:300]
