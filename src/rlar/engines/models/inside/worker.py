"""A model's process: one JSON message in, one out, framed by their length, until the caller closes the pipe."""

from __future__ import annotations

import json
import os
import resource
import struct
import sys
import time
from typing import Any

LENGTH = struct.Struct("!I")


def main() -> None:
    """Answers go to what was standard output; whatever libraries print goes to standard error."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    scorer: Any = None
    while True:
        head = sys.stdin.buffer.read(LENGTH.size)
        if len(head) < LENGTH.size:
            return
        message = json.loads(sys.stdin.buffer.read(LENGTH.unpack(head)[0]))
        if "load" in message:
            scorer, reply = _load(message)
        else:
            started, seen, sent = time.process_time(), scorer.rows_seen, scorer.forward.tokens
            answers = scorer.answer(message["asks"])
            reply = {
                "answers": answers,
                "seconds": time.process_time() - started,
                "rows": scorer.rows_seen - seen,
                "tokens": scorer.forward.tokens - sent,
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        body = json.dumps(reply).encode("ascii")
        out.write(LENGTH.pack(len(body)) + body)
        out.flush()


def _load(message: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    started = time.perf_counter()
    try:
        import torch

        if message["threads"]:
            torch.set_num_threads(message["threads"])
        from rlar.engines.models.inside.loading import Refused
        from rlar.engines.models.inside.scorers import scorer_for
        from rlar.engines.models.spec import ModelSpec
    except ImportError as e:
        return None, {"error": f'{e}; a model needs pip install "rlar[models]"'}
    device = message["device"]
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = message["dtype"][device.partition(":")[0] if device.startswith("cuda") else "cpu"]
    try:
        if device.startswith("cuda"):
            free = torch.cuda.mem_get_info(torch.device(device))[0]
            need = message["parameters"] * {"float32": 4}.get(dtype, 2) * 1.1
            if need > free:
                raise Refused(f"needs {need / 2**20:,.0f} MiB in {dtype}, {device} has {free / 2**20:,.0f} left")
        budget = message["budget"] or (16384 if device.startswith("cuda") else 2048)
        scorer = scorer_for(ModelSpec.from_json(message["load"]), dtype=dtype, device=device, budget=budget)
    except Refused as e:
        return None, {"error": str(e)}
    except Exception as e:  # transformers raises what it likes for a folder that is not what it says
        return None, {"error": f"{type(e).__name__}: {' '.join(str(e).split())}"[:400]}
    return scorer, {**scorer.facts(), "device": device, "dtype": dtype, "seconds": time.perf_counter() - started}


if __name__ == "__main__":
    main()
