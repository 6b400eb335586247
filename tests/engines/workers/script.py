"""Run as a script, with no __main__ guard: judge the same things from every context, print what came, as JSON.

The rule below lives in this very file, and so is found by workers without running the rest of it.
"""

import asyncio
import json
import os
import re
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

from rlar.engines.workers import default_pool
from rlar.tools.base import as_tool, tool
from rlar.types import Query

NUMBER = re.compile(r"\d+")


@tool(suits="math", timeout_s=1.0)
def last_number(response, query):
    found = NUMBER.findall(response)
    if response == "boom":
        raise ValueError("boom")
    return int(found[-1]) / 100 if found else 0.0


GROUPS = [(Query(f"q{i}"), [f"{i} then {n}" for n in range(8)] + ["boom", "none"] * (i == 3)) for i in range(12)]


def shown(verdicts):
    return [[[v.value, v.fault, v.why] for v in group] for group in verdicts]


def judge():
    return shown(asyncio.run(as_tool(last_number).judge_many(GROUPS)))


def judged_in_a_forked_child():
    read, write = os.pipe()
    if os.fork() == 0:
        os.close(read)
        with os.fdopen(write, "w") as out:
            json.dump(judge(), out)
        default_pool().close()
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as came:
        result = json.load(came)
    os.wait()
    return result


def judged_after_load():
    """While other threads of this process compute, so that the dispatcher gets little of the interpreter."""
    stop = threading.Event()

    def spin():
        while not stop.is_set():
            sum(range(1000))

    spinners = [threading.Thread(target=spin) for _ in range(3)]
    for spinner in spinners:
        spinner.start()
    try:
        return judge()
    finally:
        stop.set()
        for spinner in spinners:
            spinner.join()


async def judged_twice_at_once():
    rule = as_tool(last_number)
    first, second = await asyncio.gather(rule.judge_many(GROUPS), rule.judge_many(GROUPS))
    assert shown(first) == shown(second)
    return shown(first)


if "rlar-nested" in sys.argv:  # this is what a spawned child imports; it needs its own way in
    json.dump(judge(), sys.stdout)
elif __name__ == "__main__":
    with ThreadPoolExecutor(4) as threads:
        results = {f"thread {i}": f for i, f in enumerate([threads.submit(judge) for _ in range(4)])}
        results = {name: future.result() for name, future in results.items()}
    results["main thread"] = judge()
    results["one loop, two tasks"] = asyncio.run(judged_twice_at_once())
    results["forked child"] = judged_in_a_forked_child()
    results["busy process"] = judged_after_load()
    results["parent of a forked child"] = judge()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        results["spawned process"] = processes.submit(judge).result()
    json.dump(results, sys.stdout)
