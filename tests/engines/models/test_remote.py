"""Served scorers, against a server on loopback that speaks each API and misbehaves on request."""

import asyncio
import json
import math
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rlar.engines.models.remote import ask_remote
from rlar.engines.models.spec import Endpoint, ModelSpec
from rlar.engines.models.values import read
from rlar.types import Fault


class Served(BaseHTTPRequestHandler):
    """The score of a text is its length; `server.mood` makes it ill."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, body, dict(self.headers)))
        mood = self.server.mood.pop(0) if self.server.mood else ""
        if mood == "hang":
            time.sleep(1.0)
        if mood == "drop":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        if mood.isdigit():
            self.reply(int(mood), {"error": "busy"}, {"Retry-After": "0.01"})
        elif mood == "text":
            self.reply(200, "not json")
        elif mood == "shape":
            self.reply(200, {"unexpected": True})
        elif any(len(t) > 1000 for t in self.texts(body)):
            self.reply(400, {"error": "input is longer than the maximum number of tokens"})
        elif any("\x07" in t for t in self.texts(body)):
            self.reply(400, {"error": "control characters are not allowed"})
        else:
            self.reply(200, self.answer(body, nan=mood == "nan", short=mood == "short"))

    def texts(self, body):
        if "messages" in body:
            return [body["messages"][-1]["content"]]
        found = body.get("input") or body.get("text") or body.get("texts") or [i[-1] for i in body["inputs"]]
        return [found] if isinstance(found, str) else found

    def answer(self, body, *, nan, short):
        values = [math.nan if nan else float(len(t)) for t in self.texts(body)]
        values = values[:-1] if short else values
        if self.path.endswith("/chat/completions"):
            top = [{"token": " Yes", "logprob": -0.1}, {"token": "No", "logprob": -2.5}, {"token": "Hm", "logprob": -9}]
            if body.get("max_tokens") == 1:
                return {"choices": [{"logprobs": {"content": [{"top_logprobs": top}]}}]}
            return {"choices": [{"message": {"content": "It is fine. [[7]]"}}]}
        if self.path == "/rerank":  # sorted by score, as TEI does
            return sorted(({"index": i, "score": v} for i, v in enumerate(values)), key=lambda d: -d["score"])
        if self.path == "/predict":
            return [[{"label": "LABEL_1", "score": v}, {"label": "LABEL_0", "score": 1.0}] for v in values]
        if self.path == "/pooling":
            return {"data": [{"index": i, "data": [[0.0], [v]]} for i, v in enumerate(values)]}
        if "text" in body:
            return [{"embedding": [v]} for v in values]
        return {"data": [{"index": i, "probs": [v], "num_classes": 1} for i, v in enumerate(values)][::-1]}

    def reply(self, status, body, headers=()):
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture
def served():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Served)
    server.asked, server.mood = [], []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()


def spec(server, api, **fields):
    options = {k: fields.pop(k) for k in ("retries", "timeout_s", "batch", "key_env", "concurrency") if k in fields}
    fields.setdefault("family", "remote")
    end = Endpoint(server.url, api, "scorer", **options)
    return ModelSpec(endpoint=end, high=10_000.0, low=-10_000.0, **fields)


def asks(*texts):
    return [{"prompt": [["user", "why?"]], "response": t, "reference": "", "source": ""} for t in texts]


def values(spec, *texts):
    return [read(a, spec).value for a in asyncio.run(ask_remote(spec, asks(*texts)))]


FORMAT = {"format": "text", "prompt_format": "{response}"}


@pytest.mark.parametrize(
    ("api", "fields", "path"),
    [
        ("vllm_classify", {}, "/classify"),
        ("vllm_classify", FORMAT, "/classify"),
        ("vllm_pooling", {}, "/pooling"),
        ("vllm_pooling", FORMAT, "/pooling"),
        ("sglang_classify", FORMAT, "/classify"),
        ("tei_rerank", {"format": "pair"}, "/rerank"),
        ("tei_predict", {"format": "pair", "rule": "index"}, "/predict"),
        ("tei_predict", {**FORMAT, "rule": "index"}, "/predict"),
    ],
)
def test_each_api_gives_one_score_per_text_in_order(served, api, fields, path):
    texts = ["a" * n for n in (5, 1, 9, 3, 7)]
    assert values(spec(served, api, batch=2, **fields), *texts) == [5.0, 1.0, 9.0, 3.0, 7.0]
    assert {p for p, _, _ in served.asked} == {path}


def test_conversations_go_as_messages_and_plain_formats_in_batches(served):
    values(spec(served, "vllm_classify", system="be fair"), "one", "two")
    assert [m["role"] for m in served.asked[0][1]["messages"]] == ["system", "user", "assistant"]
    served.asked.clear()
    values(spec(served, "vllm_classify", batch=8, **FORMAT), *"abcdefgh")
    assert len(served.asked) == 1 and served.asked[0][1]["use_activation"] is False


def test_a_chat_template_of_the_spec_is_rendered_here(served):
    template = "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}{% endfor %}"
    values(spec(served, "sglang_classify", chat_template=template), "hello")
    assert served.asked[0][1]["text"] == ["[user] why?[assistant] hello"]
    answer = asyncio.run(ask_remote(spec(served, "sglang_classify"), asks("a")))[0]
    assert answer["fault"] == Fault.MISSING


def test_label_tokens_and_written_grades_over_chat_completions(served):
    yes = spec(served, "openai_tokens", family="label_token", tokens=("Yes", "No"), prompt_format="{response} ok?")
    assert values(yes, "a")[0] == pytest.approx(1 / (1 + math.exp(-2.4)))
    none = spec(served, "openai_tokens", family="label_token", tokens=("1", "0"), prompt_format="{response} ok?")
    assert asyncio.run(ask_remote(none, asks("a")))[0]["fault"] == Fault.UNREADABLE
    graded = spec(
        served, "openai_chat", family="generative_score", prompt_format="{response}", pattern=r"\[\[(\d+)\]\]"
    )
    assert values(graded, "a") == [7.0]


@pytest.mark.parametrize("mood", ["429", "503", "drop", "500"])
def test_a_busy_or_broken_service_is_asked_again(served, mood):
    served.mood = [mood, mood]
    assert values(spec(served, "vllm_classify", **FORMAT), "abc") == [3.0]
    assert len(served.asked) == 3


@pytest.mark.parametrize(
    ("mood", "fault"),
    [
        ("503", Fault.UNAVAILABLE),
        ("401", Fault.UNAVAILABLE),
        ("text", Fault.UNREADABLE),
        ("shape", Fault.UNREADABLE),
        ("short", Fault.UNREADABLE),
        ("hang", Fault.TIMEOUT),
        ("nan", Fault.INVALID),
    ],
)
def test_what_fails_at_the_service_is_a_fault_and_never_a_number(served, mood, fault):
    served.mood = [mood] * 9
    answers = asyncio.run(ask_remote(spec(served, "vllm_classify", retries=1, timeout_s=0.3, **FORMAT), asks("a", "b")))
    assert [a["fault"] for a in answers] == [fault, fault]
    assert all(a["why"] and "labels" not in a for a in answers)


def test_nobody_there_is_a_fault():
    end = Endpoint("http://127.0.0.1:9", retries=0)
    answer = asyncio.run(ask_remote(ModelSpec("remote", endpoint=end), asks("a")))[0]
    assert answer["fault"] == Fault.UNAVAILABLE


def test_one_input_that_is_too_long_or_refused_spoils_no_other(served):
    texts = ["a", "b" * 2000, "cc", "\x07", "ddd"]
    s = spec(served, "vllm_classify", **FORMAT)
    answers = asyncio.run(ask_remote(s, asks(*texts)))
    assert [a.get("labels") for a in answers] == [[1.0], None, [2.0], None, [3.0]]
    assert read(answers[1], s).value == s.low
    assert answers[3]["fault"] == Fault.INVALID


def test_the_key_comes_from_the_environment_and_its_absence_is_told(served, monkeypatch):
    s = spec(served, "vllm_classify", key_env="SCORER_KEY", **FORMAT)
    answer = asyncio.run(ask_remote(s, asks("a")))[0]
    assert answer["fault"] == Fault.MISSING and "SCORER_KEY" in answer["why"]
    monkeypatch.setenv("SCORER_KEY", "abc")
    assert values(s, "ab") == [2.0]
    assert served.asked[-1][2]["Authorization"] == "Bearer abc"


def test_endpoints_are_checked():
    for fields in ({"url": "ftp://x"}, {"url": "http://x", "api": "soap"}, {"url": "http://x", "batch": 0}):
        with pytest.raises(ValueError, match=r".+"):
            Endpoint(**fields)
