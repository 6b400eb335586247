"""The same judgement in a fresh process with another hash seed: what a set's order decides shows here."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence

from rlar.types import Query, Tool

Value = tuple[float | None, str | None]
TIMEOUT_S = 120.0


def judge_elsewhere(tool: Tool, groups: Sequence[tuple[Query, Sequence[str]]]) -> list[list[Value]] | None:
    """(value, fault) per response, or None if this tool cannot be taken to another process (it talks to a service)."""
    try:
        work = pickle.dumps((tool, list(groups), [p for p in sys.path if p]))
    except (pickle.PicklingError, TypeError, AttributeError):
        return None
    # Workers and sandboxes fix their hash seed, so that rewards never depend on it; here it is what is examined.
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "RLAR_HASH_SEED": "12345"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "rlar.acquire.exam.elsewhere"],
            input=base64.b64encode(work),
            capture_output=True,
            timeout=TIMEOUT_S,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    line = done.stdout.decode("utf-8", "replace").rpartition("RLAR:")[2]
    try:
        return [[(value, fault) for value, fault in group] for group in json.loads(line)]
    except ValueError:
        return None


def _main() -> None:
    tool, groups, path = pickle.loads(base64.b64decode(sys.stdin.buffer.read()))  # noqa: S301  (our own parent wrote it)
    sys.path.extend(p for p in path if p not in sys.path)

    async def all_of_them() -> list[list[Value]]:
        out = []
        for query, responses in groups:
            verdicts = await tool.judge(query, responses)
            out.append([(v.value, str(v.fault) if v.fault else None) for v in verdicts])
        return out

    sys.stdout.write("RLAR:" + json.dumps(asyncio.run(all_of_them())))


if __name__ == "__main__":
    _main()
