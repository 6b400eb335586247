"""How many repositories are integrated, and how sound fetching is: on a Hub on loopback, with the real client.

python benchmarks/hub.py zoo        # 29 eligible and 29 ineligible repositories; needs torch and transformers
python benchmarks/hub.py cuts 500   # downloads broken at random bytes; counts what was used half-fetched (never)
python benchmarks/hub.py search 200 # a search on a Hub of so many repositories: seconds, requests
"""

from __future__ import annotations

import asyncio
import collections
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "acquire" / "web_agent"))

from stocking import reward_model, tensors

from rlar.acquire.web_agent import fetch as fetching
from rlar.acquire.web_agent.hub import Hub, HubUnavailable
from rlar.acquire.web_agent.searching import search
from rlar.acquire.web_agent.wanted import Wanted
from rlar.testing.hub import Faults, LocalHub


def zoo(folder: Path) -> None:
    from zoo import BUDGET, ELIGIBLE, INELIGIBLE

    from rlar.acquire.web_agent.adding import Integrator
    from rlar.engines.models.engine import EngineSettings, ModelEngine

    with LocalHub() as hub, ModelEngine(EngineSettings(models=1, threads=1)) as engine:
        integrator = Integrator(Hub(hub.endpoint), folder / "models", Wanted("", budget=BUDGET), engine=engine)
        for name, animals in (("ineligible", INELIGIBLE), ("eligible", ELIGIBLE)):
            right, seconds, wants = 0, [], collections.Counter()
            for animal in animals:
                animal.put(hub, folder / "made" / animal.id.replace("/", "--"))
                started = time.monotonic()
                done = asyncio.run(integrator.integrate(animal.id))
                seconds.append(time.monotonic() - started)
                got = done.spec.family if done.state == "integrated" and done.spec else done.reason
                right += got == animal.wants
                wants[animal.wants] += 1
                mark = "  " if got == animal.wants else "NO"
                print(f"{mark} {animal.id:50} {got:20} {seconds[-1]:6.1f} s", flush=True)
                if got != animal.wants:
                    print(f"     wanted {animal.wants}: {done.steps[-1].says[:200]}")
            middle = sorted(seconds)[len(seconds) // 2]
            print(f"{name}: {right} of {len(animals)} as they must be, median {middle:.1f} s")
            print(f"  {', '.join(f'{k} {n}' for k, n in sorted(wants.items()))}\n")


def cuts(folder: Path, trials: int) -> None:
    fetching.time.sleep = lambda _: None  # type: ignore[assignment]  # waits between tries are not what is measured
    rng = random.Random(1)
    calls = broken = used = 0
    with LocalHub() as server:
        for n in range(trials):
            body = tensors({"w": (rng.randint(50, 3000), 8)}, rng.random())
            name = f"acme/rm-{n}"
            sha = server.add(name, reward_model(files={"model.safetensors": body}))
            hub = Hub(server.endpoint)
            facts = hub.info(name)
            while True:
                calls += 1
                server.faults = Faults(cut_at=rng.choice([0, rng.randint(1, len(body))]), times=rng.randint(1, 12))
                try:
                    done = fetching.fetch(hub, facts, folder, quota=1 << 33)
                except HubUnavailable:
                    broken += 1
                    used += fetching.finished(folder, name, sha) is not None
                    continue
                used += (done.folder / "model.safetensors").read_bytes() != body
                break
    print(f"{trials} models, {calls} fetches, {broken} of them broken off; {used} half-fetched or wrong models used")


def timed_search(repositories: int) -> None:
    with LocalHub() as server:
        for n in range(repositories):
            kind = reward_model() if n % 2 else reward_model(license="cc-by-nc-4.0")
            server.add(f"acme/reward-{n:04}", kind, downloads=n)
        for what in ("first search", "again, nothing kept"):
            before, started = len(server.requests), time.monotonic()
            found = search(Hub(server.endpoint), Wanted("helpful dialogue"))
            took = time.monotonic() - started
            print(f"{what}: {len(found.ranked)} ranked, {took:.2f} s, {len(server.requests) - before} requests")


if __name__ == "__main__":
    what = sys.argv[1] if len(sys.argv) > 1 else "zoo"
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    with tempfile.TemporaryDirectory() as kept:
        if what == "zoo":
            zoo(Path(kept))
        elif what == "cuts":
            cuts(Path(kept), count)
        else:
            timed_search(count)
