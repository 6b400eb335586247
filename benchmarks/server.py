"""What the server costs and stands: CPU per item, a mixed batch, overload, a short soak. Loopback only; ends by itself.

python benchmarks/server.py [--soak-s 20]   prints one line of JSON per measurement
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx2
import psutil

TOOL = """
import rlar

@rlar.tool(suits="dialogue")
def slow_rule(response, query):
    n = 0
    for i in range(200_000):  # about 10 ms of one processor
        n += i
    return 1.0
"""


@contextmanager
def server(*options: str) -> Iterator[tuple[str, psutil.Process]]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "own.py").write_text(TOOL)
        command = [sys.executable, "-c", "from rlar.cli import main; main()", "serve", "--port", str(port)]
        command += ["--library", folder, "--log-level", "warning", "--route", "slow=slow_rule", *options]
        process = subprocess.Popen(command, env={**os.environ, "RLAR_WORKERS": "1"})
        url = f"http://127.0.0.1:{port}"
        try:
            until = time.monotonic() + 60
            while time.monotonic() < until:
                try:
                    httpx2.get(f"{url}/healthz")
                    break
                except httpx2.TransportError:
                    time.sleep(0.1)
            yield url, psutil.Process(process.pid)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def trivial(count: int, offset: int = 0) -> list[dict[str, Any]]:
    return [
        {"query": {"prompt": f"{i} + {i}?", "answer": str(2 * i)}, "responses": [str(2 * i)]}
        for i in range(offset, offset + count)
    ]


def mixed(prompts: int, group: int) -> list[dict[str, Any]]:
    """Four kinds of items that built-in tools judge; `prompts` items with `group` responses."""

    def one(i: int) -> tuple[dict[str, Any], list[str]]:
        every = range(group)
        if i % 4 == 0:
            return {"prompt": f"{i} * 3?", "answer": str(3 * i)}, [f"so \\boxed{{{3 * i + g % 2}}}" for g in every]
        if i % 4 == 1:
            return {"prompt": f"Which ({i})?", "answer": "B", "choices": ["x", "y"]}, [
                f"It is {'AB'[g % 2]}" for g in every
            ]
        if i % 4 == 2:
            schema = {"type": "object", "required": ["a"]}
            return {"prompt": f"JSON {i}", "schema": schema}, ['{"a": 1}' if g % 2 else "{}" for g in every]
        languages = {"src_lang": "en", "tgt_lang": "de"}
        return {"prompt": f"To German: house {i}", "reference": f"Haus {i}", **languages}, [
            f"Haus {i + g}" for g in every
        ]

    made = [one(i) for i in range(prompts)]
    return [{"query": query, "responses": responses} for query, responses in made]


def post(client: httpx2.Client, url: str, items: list[dict[str, Any]]) -> float:
    started = time.perf_counter()
    client.post(f"{url}/v1/score", json={"items": items, "detail": "values"}).raise_for_status()
    return time.perf_counter() - started


def cpu(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def per_item() -> dict[str, Any]:
    """Trivial items, 64 a request, judgements at hand: what HTTP, reading, routing and composing cost."""
    with server() as (url, process), httpx2.Client(timeout=60) as client:
        items = trivial(64)
        for _ in range(5):
            post(client, url, items)
        rates = []
        for _ in range(5):
            before = cpu(process)
            for _ in range(100):
                post(client, url, items)
            rates.append(6400 / (cpu(process) - before))
        fresh = cpu(process)
        for i in range(40):
            post(client, url, trivial(64, 1000 + 64 * i))
        return {
            "items_per_cpu_s_at_hand": round(median(rates)),
            "items_per_cpu_s_new_queries": round(40 * 64 / (cpu(process) - fresh)),
        }


def mixed_batch() -> dict[str, Any]:
    with server() as (url, _), httpx2.Client(timeout=120) as client:
        post(client, url, mixed(8, 8))
        first = post(client, url, mixed(64, 8))
        return {"rollouts": 512, "first_s": round(first, 3), "again_s": round(post(client, url, mixed(64, 8)), 3)}


async def load(url: str, callers: int, seconds: float, size: int = 4) -> tuple[list[float], Counter[int]]:
    """Latencies of accepted requests and codes, by callers that ask again at once."""
    took: list[float] = []
    codes: Counter[int] = Counter()
    ends = time.monotonic() + seconds
    numbers = iter(range(10**9))

    async def caller(client: httpx2.AsyncClient) -> None:
        while time.monotonic() < ends:
            n = next(numbers)
            items = [
                {"query": {"prompt": f"p{n}.{i}.{ends}", "source": "slow"}, "responses": ["x"]} for i in range(size)
            ]
            started = time.perf_counter()
            reply = await client.post(f"{url}/v1/score", json={"items": items, "detail": "values"})
            codes[reply.status_code] += 1
            if reply.status_code == 200:
                took.append(time.perf_counter() - started)
            else:
                await asyncio.sleep(0.05)

    async with httpx2.AsyncClient(timeout=60, limits=httpx2.Limits(max_connections=callers)) as client:
        await asyncio.gather(*(caller(client) for _ in range(callers)))
    return took, codes


def p99(values: list[float]) -> float:
    return quantiles(values, n=100)[98] if len(values) > 1 else 0.0


def overload(seconds: float) -> dict[str, Any]:
    """Callers at the server's capacity, then four times as many; each item costs about 10 ms of one worker."""
    capacity = 4
    with server("--queue", str(capacity * 4 + 2)) as (url, process):
        asyncio.run(load(url, 2, 2.0))
        calm, _ = asyncio.run(load(url, capacity, seconds))
        memory = process.memory_info().rss
        full, codes = asyncio.run(load(url, 4 * capacity, seconds))
        return {
            "p99_calm_s": round(p99(calm), 3),
            "p99_at_4x_s": round(p99(full), 3),
            "ratio": round(p99(full) / max(1e-9, p99(calm)), 2),
            "codes": dict(codes),
            "memory_grew_mib": round((process.memory_info().rss - memory) / 2**20, 1),
        }


def soak(seconds: float, rate: float) -> dict[str, Any]:
    """Requests of 64 items at a steady rate; a quarter of the items was never seen before, as in training. Memory and
    file handles are those of the server and its workers, after a tenth of the time and at the end."""
    with server() as (url, process), httpx2.Client(timeout=60) as client:
        begins = time.monotonic()
        ends, n = begins + seconds, 0
        seen: list[tuple[float, int]] = []
        while time.monotonic() < ends:
            post(client, url, trivial(48, (n % 50) * 48) + trivial(16, 10_000 + 16 * n))
            n += 1
            if n % 20 == 0:
                family = [process, *process.children(recursive=True)]
                seen.append((sum(p.memory_info().rss for p in family) / 2**20, sum(p.num_fds() for p in family)))
            time.sleep(max(0.0, begins + n / rate - time.monotonic()))
        tenths = [seen[i * (len(seen) - 1) // 10] for i in range(1, 11)]
        return {
            "seconds": seconds,
            "items": n * 64,
            "never_seen_before": n * 16,
            "memory_mib": [round(memory, 1) for memory, _ in tenths],
            "file_handles": [handles for _, handles in tenths],
        }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--soak-s", type=float, default=20.0)
    options.add_argument("--soak-rate", type=float, default=10.0, help="requests of 64 items a second")
    options.add_argument("--load-s", type=float, default=6.0)
    options.add_argument("--only", choices=["per_item", "mixed", "overload", "soak"])
    given = options.parse_args()
    runs = {
        "per_item": per_item,
        "mixed": mixed_batch,
        "overload": lambda: overload(given.load_s),
        "soak": lambda: soak(given.soak_s, given.soak_rate),
    }
    for name, measure in runs.items():
        if given.only in (None, name):
            print(json.dumps({"what": name, **measure()}), flush=True)


if __name__ == "__main__":
    main()
