"""The server over real HTTP on loopback: lists, groups, keys, limits, overload, retries."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from rlar.adapters.client import row_of
from rlar.adapters.scorer import Group, Scorer
from rlar.adapters.settings import Settings
from rlar.errors import InputError
from rlar.rollouts import query_of_row
from rlar.server.app import Serving
from rlar.server.client import AsyncRewardClient, RewardClient, ServerRefusedError
from rlar.server.keys import Keys, add_key
from rlar.server.running import running_server
from rlar.types import Constraint, Message, Query

TOOL = """
import asyncio, rlar
from rlar.types import Kind, Scope, ToolCard, Verdict

class Waits:
    card = ToolCard("waits", "1", Kind.JUDGE, engine="inline")
    def fits(self, query): return True
    async def judge(self, query, responses_G):
        await asyncio.sleep(float(query.reference))
        return [Verdict(self.card.ref, value=1.0) for _ in responses_G]

class Ranks:
    card = ToolCard("ranks", "1", Kind.JUDGE, scope=Scope.GROUP, engine="inline")
    def fits(self, query): return True
    async def judge(self, query, responses_G):
        order = sorted(set(responses_G))
        return [Verdict(self.card.ref, value=order.index(r) / max(1, len(order) - 1)) for r in responses_G]

waits, ranks = Waits(), Ranks()
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("library")
    (folder / "own.py").write_text(TOOL)
    return {"library": str(folder), "route": {"waits": "waits", "ranks": "ranks", "gap": "math"}}


@pytest.fixture(scope="module")
def url(library: dict[str, Any]) -> Iterator[str]:
    with running_server({**library, "meet_s": 5.0}, Serving(max_body=1 << 20)) as address:
        yield address


def post(url: str, body: Any, **headers: str) -> httpx2.Response:
    content = body if isinstance(body, (bytes, str)) else json.dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.post(url, content=content, headers={"content-type": "application/json", **named}, timeout=60)


def waiting(seconds: float, count: int = 1) -> dict[str, Any]:
    return {"query": {"prompt": "p", "source": "waits", "reference": str(seconds)}, "responses": ["x"] * count}


def test_ids_order_groups_and_statuses(url):
    items = [
        {"id": "a", "query": {"prompt": "6*7?", "answer": "42"}, "responses": ["42", "24"]},
        {"id": 7, "query": {"prompt": "tell me", "source": "gap"}, "responses": ["x"]},
        {"query": [{"role": "user", "content": "hello"}], "responses": []},
    ]
    got = post(f"{url}/v1/score", {"items": items, "detail": "reasons"}).json()["items"]
    assert [(g["id"], g["rewards"], g["status"]) for g in got] == [
        ("a", [1.0, 0.0], ["ok", "ok"]),
        (7, [None], ["gap"]),
        (None, [], []),
    ]
    assert got[0]["parts"] == [{"math": 1.0}, {"math": 0.0}] and got[1]["why"][0]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{", 422),
        ("[" * 100_000, 400),
        ("{}", 422),
        ({"items": [{"query": "q", "responses": [None]}]}, 422),
        ({"items": [{"query": {}, "responses": ["x"], "tools": ["evil"]}]}, 422),
        ({"items": [{"query": {"nothing": 1}, "responses": []}]}, 422),
        ('{"items": [{"query": {"prompt": "p", "reference": NaN}, "responses": ["x"]}]}', 200),
        (json.dumps({"items": [{"query": {"prompt": "\ud800", "answer": "\udfff"}, "responses": ["\ud800"]}]}), 200),
        ({"items": [{"id": "\ud800", "query": "q", "responses": ["x"]}]}, 200),
        (b"\xff\xfe", 422),
        ("x" * (1 << 21), 413),
    ],
)
def test_what_makes_no_sense_is_refused_and_never_breaks_the_server(url, body, code):
    reply = post(f"{url}/v1/score", body)
    assert reply.status_code == code
    assert "NaN" not in reply.text and json.loads(reply.text)


def test_a_body_without_a_length_is_measured_as_it_comes(url):
    def endless() -> Iterator[bytes]:
        for _ in range(40):
            yield b" " * 65536

    assert httpx2.post(f"{url}/v1/score", content=endless(), timeout=30).status_code == 413


def test_a_caller_s_deadline_is_kept(url):
    started = time.monotonic()
    got = post(f"{url}/v1/score", {"items": [waiting(20)]}, X_Rlar_Deadline_S="0.3").json()
    assert got["items"][0]["status"] == ["timeout"] and time.monotonic() - started < 10
    assert post(f"{url}/v1/score", {"items": []}, X_Rlar_Deadline_S="nan").status_code == 422


def test_a_slow_lane_holds_up_nobody_else(url):
    slow = threading.Thread(target=post, args=(f"{url}/v1/score", {"items": [waiting(3)]}))
    slow.start()
    time.sleep(0.1)
    started = time.monotonic()
    post(f"{url}/v1/score", {"items": [{"query": {"prompt": "1+1?", "answer": "2"}, "responses": ["2"]}]})
    assert time.monotonic() - started < 2.5
    slow.join()


def test_the_same_key_gets_the_same_reply_and_another_request_is_refused(url):
    body = json.dumps({"items": [{"query": {"prompt": "2+2?", "answer": "4"}, "responses": ["4"]}]})
    first, second = (post(f"{url}/v1/score", body, Idempotency_Key="k1") for _ in range(2))
    assert first.text == second.text and first.status_code == 200
    assert post(f"{url}/v1/score", body + " ", Idempotency_Key="k1").status_code == 409


def test_members_of_a_group_meet_at_the_server_from_two_clients(url):
    async def rank(responses: list[str], step: int) -> list[Any]:
        scorer = Scorer(Settings.of(url, run="r"))
        group = Group(Query("p", source="ranks"), responses, complete=False, expected=4, meet=f"step {step}")
        return [s.value for s in (await scorer.score([group], deadline_s=20))[0]]

    async def both(step: int) -> list[Any]:
        return await asyncio.gather(rank(["d", "a"], step), rank(["b", "c"], step))

    expected = [[1.0, 0.0], [pytest.approx(1 / 3), pytest.approx(2 / 3)]]
    assert asyncio.run(both(1)) == expected == asyncio.run(both(2))


@pytest.mark.parametrize(
    "query",
    [
        Query("p", reference="3", source="gsm8k", extra={"task": "math", "choices": ["a", "b"]}),
        Query((Message("system", "s"), Message("user", "u")), reference=None),
        Query("p", constraints=(Constraint("punctuation:no_comma", {}), Constraint("x:y", {"n": 3}))),
        Query("p", tests={"language": "python", "code": "assert f(1) == 1", "entry_point": "f"}),
    ],
)
def test_a_query_arrives_as_it_was_sent(query):
    again = query_of_row(json.loads(json.dumps(row_of(query))))
    assert (again.prompt, again.reference, again.constraints, again.source) == (
        query.prompt, query.reference, query.constraints, query.source,
    )  # fmt: skip
    assert bool(again.tests) == bool(query.tests) and dict(again.extra).items() >= dict(query.extra).items()


def test_routes_of_trainers(url):
    rl = post(f"{url}/get_reward", {"query": ["<u>6*7?</u>42<|im_end|>", "q x"], "prompts": ["<u>6*7?</u>", "q"],
                                    "labels": ["42", {"v": 1, "task": "dialogue"}]}).json()  # fmt: skip
    assert rl["rewards"] == [1.0, 0.0] == rl["scores"] and rl["extra_logs"]["rlar_valid"] == [1.0, 0.0]
    assert post(f"{url}/openrlhf", {"query": [], "prompts": [], "labels": []}).json()["rewards"] == []
    slime = post(f"{url}/slime", {"prompt": "6*7?", "response": "42", "label": "42"}).json()
    assert slime["score"] == 1.0 and slime["rlar_valid"] == 1.0
    gym = {
        "responses_create_params": {"input": [{"role": "user", "content": "6*7?"}]},
        "response": {"output": [{"type": "message", "content": [{"type": "output_text", "text": "it is 42"}]}]},
        "answer": "42",
    }
    assert post(f"{url}/verify", gym).json()["reward"] == 1.0
    assert post(f"{url}/verify", '{"response": 1e999}').status_code in (200, 422)
    got = post(f"{url}/classify", {"input": ["42", "24"], "label": "42"}).json()
    assert [d["probs"][-1] for d in got["data"]] == [1.0, 0.0]


def test_pages(url):
    page = httpx2.get(f"{url}/").text
    assert "http" not in page.replace("http-equiv", "") and "<script" not in page
    text = httpx2.get(f"{url}/metrics").text
    assert 'rlar_responses_total{status="ok"}' in text and "rlar_usd_total" in text
    assert httpx2.get(f"{url}/healthz").json()["status"] == "ok"


def test_overload_is_told_and_what_was_taken_is_answered(library):
    with running_server(library, Serving(queue=8)) as url:
        replies: list[httpx2.Response] = []
        threads = [
            threading.Thread(target=lambda: replies.append(post(f"{url}/v1/score", {"items": [waiting(1, 4)]})))
            for _ in range(6)
        ]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        codes = sorted(r.status_code for r in replies)
        assert codes.count(200) >= 1 and codes.count(429) >= 1 and set(codes) == {200, 429}
        assert all(int(r.headers["retry-after"]) >= 1 for r in replies if r.status_code == 429)
        client = RewardClient(url)
        got = client.score([waiting(0.2, 4) for _ in range(3)], detail="values")
        assert [g["rewards"] for g in got] == [[1.0] * 4] * 3  # one large request is taken when nothing else waits


def test_the_client_retries_until_there_is_room_and_spreads(library):
    with running_server(library, Serving(queue=2)) as a, running_server(library, Serving(queue=2)) as b:
        client = RewardClient([a, b], batch=1)
        got = client.score([waiting(0.05, 2) for _ in range(6)], detail="values", deadline_s=60)
        assert [g["rewards"] for g in got] == [[1.0, 1.0]] * 6
        seen = [httpx2.get(f"{u}/metrics").text.count('route="/v1/score"') for u in (a, b)]
        assert all(seen)


def test_keys_are_hashed_and_compared(tmp_path, library):
    file = tmp_path / "keys"
    key = add_key(file, "trainer-1")
    assert key not in file.read_text() and file.stat().st_mode & 0o077 == 0
    keys = Keys.read(file)
    assert keys.name_of(f"Bearer {key}") == "trainer-1"
    assert keys.name_of(f"Bearer {key}x") is None and keys.name_of(f"Basic {key}") is None and keys.name_of("") is None
    (tmp_path / "bad").write_text("name:nohash\n")
    with pytest.raises(InputError, match=":1:"):
        Keys.read(tmp_path / "bad")
    with running_server(library, Serving(keys=keys)) as url:
        item = {"query": {"prompt": "1+1?", "answer": "2"}, "responses": ["2"]}
        assert post(f"{url}/v1/score", {"items": [item]}).status_code == 401
        assert httpx2.get(f"{url}/metrics").status_code == 401 and httpx2.get(f"{url}/healthz").status_code == 200
        assert RewardClient(url, key=key).score([item])[0]["rewards"] == [1.0]
        with pytest.raises(ServerRefusedError, match="401"):
            RewardClient(url, key="wrong").score([item])


def start(port: int, folder: Path, library: dict[str, Any]) -> subprocess.Popen[bytes]:
    route = ",".join(f"{k}={v}" for k, v in library["route"].items())
    command = [
        sys.executable,
        "-c",
        "from rlar.cli import main; main()",
        "serve",
        "--library",
        library["library"],
        "--route",
        route,
    ]
    command += ["--port", str(port), "--cache", str(folder / "cache.sqlite"), "--log-level", "warning"]
    return subprocess.Popen(command, env={**os.environ, "RLAR_WORKERS": "1"})


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as s:
        return int(s.getsockname()[1])


def up(url: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if httpx2.get(f"{url}/healthz").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise AssertionError("the server did not come up")


@pytest.mark.slow
def test_a_killed_server_loses_nothing_and_scores_nothing_differently(tmp_path, library):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    items = [
        {"id": i, "query": {"prompt": f"{i}+1?", "answer": str(i + 1)}, "responses": [str(i + 1), str(i), "?"]}
        for i in range(300)
    ]
    items += [{**waiting(1.5), "id": f"w{i}"} for i in range(40)]  # in flight when it is killed
    first = start(port, tmp_path, library)
    second = None
    try:
        up(url)
        client = AsyncRewardClient(url, batch=5, attempts=60)

        async def load() -> list[dict[str, Any]]:
            nonlocal second
            work = asyncio.create_task(client.score(items, detail="values", deadline_s=90))
            await asyncio.sleep(1.0)
            os.kill(first.pid, signal.SIGKILL)
            first.wait()
            second = start(port, tmp_path, library)
            return await work

        got = asyncio.run(load())
        assert client.retries > 0
        assert [g["id"] for g in got] == [i["id"] for i in items]
        assert all(g["rewards"] == [1.0, 0.0, 0.0] for g in got[:300]) and all(g["rewards"] == [1.0] for g in got[300:])
        again = RewardClient(url).score(items[:300], detail="values")
        assert [g["rewards"] for g in again] == [g["rewards"] for g in got[:300]]
    finally:
        for process in (first, second):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_killed_workers_lose_nothing_and_score_nothing_differently(tmp_path, library):
    psutil = pytest.importorskip("psutil")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    items = [
        {"id": i, "query": {"prompt": f"{i}+1?", "answer": str(i + 1)}, "responses": [f"so {i + 1}", f"so {i}", "?"]}
        for i in range(400)
    ]
    process = start(port, tmp_path, library)
    try:
        up(url)
        client = AsyncRewardClient(url, batch=5, attempts=60)
        killed: list[int] = []

        async def load() -> list[dict[str, Any]]:
            work = asyncio.create_task(client.score(items, detail="values", deadline_s=200))
            while not work.done():
                await asyncio.sleep(0.2)
                for child in psutil.Process(process.pid).children(recursive=True):
                    if len(killed) < 6:
                        child.kill()
                        killed.append(child.pid)
            return await work

        got = asyncio.run(load())
        assert killed
        assert [g["id"] for g in got] == list(range(400))
        assert all(g["rewards"] == [1.0, 0.0, 0.0] for g in got)
        again = RewardClient(url).score(items, detail="values")
        assert [g["rewards"] for g in again] == [g["rewards"] for g in got]
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_a_server_told_to_stop_finishes_what_it_took(tmp_path, library):
    port = free_port()
    process = start(port, tmp_path, library)
    try:
        url = f"http://127.0.0.1:{port}"
        up(url)
        replies: list[httpx2.Response] = []
        caller = threading.Thread(target=lambda: replies.append(post(f"{url}/v1/score", {"items": [waiting(2)]})))
        caller.start()
        time.sleep(0.7)
        process.send_signal(signal.SIGTERM)
        caller.join(30)
        assert replies[0].json()["items"][0]["rewards"] == [1.0]
        assert process.wait(20) in (0, -signal.SIGTERM)  # uvicorn hands the signal on once it is done
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
