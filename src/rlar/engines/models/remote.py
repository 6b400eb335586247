"""Scorers that somebody serves: vLLM, SGLang, TEI and OpenAI-compatible addresses, over HTTP, with the same answers.

What fails at the service is a fault: busy, broken, late, unreadable. Only where it says that one input is too long is
that the response's side, as with a local model.
"""

from __future__ import annotations

import asyncio
import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from rlar.engines.models.spec import Endpoint, ModelSpec
from rlar.errors import ToolFault
from rlar.types import Fault, Json

Ask = Mapping[str, Any]
Answer = dict[str, Any]
LONGEST_REPLY = 64 << 20  # bytes
_LENGTH = re.compile(r"(?i)token|too long|length|maximum context|exceed")
_BUSY = (408, 409, 425, 429, 500, 502, 503, 504)
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0


async def ask_remote(spec: ModelSpec, asks: Sequence[Ask]) -> list[Answer]:
    """One answer per ask, same order, as values.read takes them. Never raises for one ask."""
    assert spec.endpoint is not None
    import httpx2

    end = spec.endpoint
    headers = {}
    if end.key_env:
        key = os.environ.get(end.key_env)
        if not key:
            why = f"{end.key_env} is not set, which should hold the key for {end.url}"
            return [{"fault": Fault.MISSING, "why": why} for _ in asks]
        headers["Authorization"] = f"Bearer {key}"
    answers: list[Answer] = [{"fault": Fault.CANCELLED, "why": "was not asked"} for _ in asks]
    gate = asyncio.Semaphore(end.concurrency)
    async with httpx2.AsyncClient(timeout=end.timeout_s, headers=headers, follow_redirects=False) as client:

        async def some(numbers: Sequence[int]) -> None:
            try:
                async with gate:
                    found = await _request(client, spec, end, [asks[i] for i in numbers])
                for i, answer in zip(numbers, found, strict=True):
                    answers[i] = answer
            except _RefusedError as e:
                if len(numbers) > 1:  # one input may spoil a batch; find it
                    half = len(numbers) // 2
                    await asyncio.gather(some(numbers[:half]), some(numbers[half:]))
                elif _LENGTH.search(e.why):
                    answers[numbers[0]] = {"too_long": True, "notes": [e.why[:160]]}
                else:
                    answers[numbers[0]] = {"fault": Fault.INVALID, "why": e.why}
            except ToolFault as e:
                for i in numbers:
                    answers[i] = {"fault": e.fault, "why": e.why}

        await asyncio.gather(*(some(numbers) for numbers in _batches(spec, end, asks)))
    return answers


class _RefusedError(Exception):
    """The service says that the request is wrong (4xx)."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def _batches(spec: ModelSpec, end: Endpoint, asks: Sequence[Ask]) -> list[list[int]]:
    """Numbers of asks that go in one request: one for conversations, the same prompt for rerank, else end.batch."""
    if end.api in ("openai_tokens", "openai_chat") or (end.api.startswith("vllm") and _is_chat(spec)):
        return [[i] for i in range(len(asks))]
    groups: dict[str, list[int]] = {}
    for i, ask in enumerate(asks):
        groups.setdefault(_first(spec, ask) if end.api == "tei_rerank" else "", []).append(i)
    return [g[k : k + end.batch] for g in groups.values() for k in range(0, len(g), end.batch)]


def _is_chat(spec: ModelSpec) -> bool:
    return spec.format == "chat" and not spec.prompt_format and not spec.chat_template


def _prompt(ask: Ask) -> str:
    turns = ask["prompt"]
    return str(turns[0][1]) if len(turns) == 1 else "\n\n".join(f"{r}: {t}" for r, t in turns)


def _first(spec: ModelSpec, ask: Ask) -> str:
    return _prompt(ask) if spec.first == "prompt" else str(ask.get(spec.first) or "")


def _messages(spec: ModelSpec, ask: Ask) -> list[dict[str, str]]:
    turns = [{"role": str(r), "content": str(t)} for r, t in ask["prompt"]]
    if spec.system:
        turns.insert(0, {"role": "system", "content": spec.system})
    return [*turns, {"role": "assistant", "content": str(ask["response"])}]


def _text(spec: ModelSpec, ask: Ask) -> str:
    if spec.prompt_format:
        responses = [str(r) for r in ask.get("responses", ())]
        names = ("response", "reference", "source", "a", "b")
        values = {name: str(ask.get(name) or "") for name in names}
        listed = "\n\n".join(f"[Response {i}]\n{r}" for i, r in enumerate(responses, 1))
        return spec.prompt_format.format(prompt=_prompt(ask), responses=listed, n=len(responses), **values) + spec.end
    if spec.chat_template:
        try:
            from jinja2.sandbox import ImmutableSandboxedEnvironment
        except ImportError as e:
            raise ToolFault(Fault.MISSING, "a chat template needs jinja2: pip install jinja2") from e
        template = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(spec.chat_template)
        return template.render(messages=_messages(spec, ask), add_generation_prompt=False) + spec.end
    raise ToolFault(
        Fault.MISSING, "its spec has neither prompt_format nor chat_template, and its API takes plain texts"
    )


async def _request(client: Any, spec: ModelSpec, end: Endpoint, asks: Sequence[Ask]) -> list[Answer]:
    """Raises ToolFault, or _RefusedError where the service refuses these inputs."""
    base = end.url.rstrip("/")
    model = {"model": end.model} if end.model else {}
    if end.api in ("vllm_classify", "vllm_pooling"):
        chat = {"messages": _messages(spec, asks[0]), "add_generation_prompt": False} if _is_chat(spec) else None
        body = {**model, **(chat or {"input": [_text(spec, a) for a in asks]})}
        if end.api == "vllm_classify":
            data = await _post(client, end, f"{base}/classify", {**body, "use_activation": False})
            return [{"labels": _numbers(d["probs"])} for d in _ordered(data, len(asks))]
        data = await _post(client, end, f"{base}/pooling", body)
        return [{"labels": _numbers(_last_row(d["data"]))} for d in _ordered(data, len(asks))]
    if end.api == "sglang_classify":
        data = await _post(client, end, f"{base}/classify", {**model, "text": [_text(spec, a) for a in asks]})
        return [{"labels": _numbers(d["embedding"])} for d in _listed(data, len(asks))]
    if end.api == "tei_rerank":
        body = {"query": _first(spec, asks[0]), "texts": [str(a["response"]) for a in asks], "raw_scores": True}
        data = await _post(client, end, f"{base}/rerank", body)
        return [{"labels": _numbers([d["score"]])} for d in _ordered({"data": data}, len(asks))]
    if end.api == "tei_predict":
        inputs = [[_first(spec, a), str(a["response"])] if spec.format == "pair" else [_text(spec, a)] for a in asks]
        data = await _post(client, end, f"{base}/predict", {"inputs": inputs, "raw_scores": True})
        return [{"labels": _by_label(d)} for d in _listed(data, len(asks))]
    return [await _chat(client, spec, end, base, asks[0])]


async def _chat(client: Any, spec: ModelSpec, end: Endpoint, base: str, ask: Ask) -> Answer:
    messages = [{"role": "user", "content": _text(spec, ask)}]
    if spec.system:
        messages.insert(0, {"role": "system", "content": spec.system})
    tokens = end.api == "openai_tokens"
    more: dict[str, Json] = {"logprobs": True, "top_logprobs": 20, "max_tokens": 1}
    body = {"model": end.model, "messages": messages, "temperature": 0.0}
    body |= more if tokens else {"max_tokens": spec.max_new_tokens}
    url = f"{base}/chat/completions" if base.endswith("/v1") else f"{base}/v1/chat/completions"
    data = await _post(client, end, url, body)
    with _reading():
        choice = data["choices"][0]
        if not tokens:
            return {"text": str(choice["message"]["content"])}
        top = {str(t["token"]).strip(): float(t["logprob"]) for t in choice["logprobs"]["content"][0]["top_logprobs"]}
    found = [top.get(t) for t in spec.tokens[:2]]
    if all(f is None for f in found):
        raise ToolFault(Fault.UNREADABLE, f"neither of {spec.tokens} is among the likeliest tokens {list(top)[:5]}")
    least = min(top.values())  # what is not listed is at most as likely as the last that is
    return {"labels": [least if f is None else f for f in found]}


async def _post(client: Any, end: Endpoint, url: str, body: Mapping[str, Json]) -> Any:
    """The JSON of a 200. Raises ToolFault or _RefusedError."""
    import httpx2

    why, fault = "", Fault.UNAVAILABLE
    for attempt in range(end.retries + 1):
        pause = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**attempt)
        try:
            reply = await client.post(url, json=body)
        except httpx2.TimeoutException:
            why, fault = f"no answer within {end.timeout_s:g} s", Fault.TIMEOUT
        except httpx2.HTTPError as e:
            why, fault = f"{type(e).__name__}: {e}", Fault.UNAVAILABLE
        else:
            if reply.status_code == 200:
                if len(reply.content) > LONGEST_REPLY:
                    raise ToolFault(Fault.UNREADABLE, f"{url}: its reply has {len(reply.content):,} bytes")
                try:
                    return reply.json()
                except ValueError as e:
                    raise ToolFault(Fault.UNREADABLE, f"{url}: its reply is no JSON ({reply.text[:80]!r})") from e
            why, fault = f"status {reply.status_code}: {' '.join(reply.text[:200].split())}", Fault.UNAVAILABLE
            if reply.status_code in (400, 413, 422):
                raise _RefusedError(f"{url}: {why}")
            if reply.status_code not in _BUSY:
                break
            pause = _retry_after(reply.headers.get("retry-after"), pause)
        if attempt < end.retries:
            await asyncio.sleep(pause)
    raise ToolFault(fault, f"{url}: {why}")


def _retry_after(text: str | None, default: float) -> float:
    try:
        return min(_LONGEST_PAUSE_S, max(0.0, float(text))) if text else default
    except ValueError:
        return default


class _reading:  # noqa: N801  (a context: "with _reading():")
    """What is not shaped as expected is unreadable, a fault."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (KeyError, TypeError, ValueError, IndexError, AttributeError)):
            raise ToolFault(Fault.UNREADABLE, f"its reply has another form ({type(error).__name__}: {error})")


def _ordered(data: Any, count: int) -> list[Any]:
    """Items of data["data"] by their index, each exactly once."""
    with _reading():
        items = {int(d.get("index", i)): d for i, d in enumerate(data["data"])}
        if sorted(items) != list(range(count)) or len(data["data"]) != count:
            raise ValueError(f"{len(data['data'])} results for {count} inputs")
        return [items[i] for i in range(count)]
    raise AssertionError


def _listed(data: Any, count: int) -> list[Any]:
    with _reading():
        if isinstance(data, dict):
            data = [data]
        if len(data) != count:
            raise ValueError(f"{len(data)} results for {count} inputs")
        return list(data)
    raise AssertionError


def _last_row(data: Any) -> Any:
    """A sequence's values; where every token has some, those of the last."""
    with _reading():
        return data[-1] if data and isinstance(data[0], list) else data


def _numbers(values: Any) -> list[float]:
    with _reading():
        found = [float(v) for v in values]
        if not found or not all(map(math.isfinite, found)):
            raise ToolFault(Fault.INVALID, f"it gave {found[:4]}, which is no number to use")
        return found
    raise AssertionError


def _by_label(results: Any) -> list[float]:
    """Scores in the order of their labels' numbers (LABEL_0, LABEL_1 ...), or of their names."""
    with _reading():

        def place(result: Any) -> tuple[int, str]:
            number = re.search(r"\d+$", str(result["label"]))
            return (int(number[0]) if number else 0, str(result["label"]))

        results = sorted(results, key=place)
        values = [r["score"] for r in results]
    return _numbers(values)
