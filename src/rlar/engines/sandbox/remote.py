"""A provider elsewhere: any service that speaks SandboxFusion's `/run_code` (our own server does too).

What it is confined by is the service's own affair; from here, nothing runs on this machine.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from rlar.engines.sandbox.report import Layer, LayerReport
from rlar.engines.sandbox.results import Limits, RunResult, SandboxFault, Status
from rlar.types import Fault

GRACE_S = 30.0  # beyond the program's own limit: the service may be busy
AT_ONCE = 8
_OURS = {status.value: status for status in Status}


class Remote:
    """url: of the service, with or without `/run_code`. language: what it calls Python."""

    name = "remote"
    isolation = "confined"
    layers: tuple[str, ...] = ("remote",)
    has_runtime = False
    at_once: int | None = AT_ONCE

    def __init__(self, url: str, *, language: str = "python") -> None:
        import httpx2

        self.url = url if url.rstrip("/").endswith("/run_code") else f"{url.rstrip('/')}/run_code"
        self.language = language
        self._client = httpx2.Client()

    def report(self) -> LayerReport:
        layer = Layer("remote", True, "runs on another machine, confined by what that service has", "")
        return LayerReport(f"{self.name} ({self.url})", self.isolation, False, (layer,))

    def run(self, program: str, stdin: bytes, limits: Limits, argv: Sequence[str]) -> RunResult:
        import httpx2

        if argv:
            program = f"import sys\nsys.argv[1:] = {list(argv)!r}\n{program}"
        asked = {
            "code": program.encode("utf-8", "replace").decode(),
            "language": self.language,
            "stdin": stdin.decode("utf-8", "replace"),
            "run_timeout": limits.cpu_s,
            "memory_limit_MB": limits.memory_mib,
        }
        start = time.monotonic()
        try:
            reply = self._client.post(self.url, json=asked, timeout=limits.wall_limit_s + GRACE_S)
            reply.raise_for_status()
            answer: Any = reply.json()
        except httpx2.TimeoutException as e:
            raise SandboxFault(Fault.TIMEOUT, f"{self.url} did not answer") from e
        except (httpx2.HTTPError, ValueError) as e:
            raise SandboxFault(Fault.UNAVAILABLE, f"{self.url}: {type(e).__name__}: {e}") from e
        return self._read(answer, limits, time.monotonic() - start)

    def _read(self, answer: Any, limits: Limits, wall_s: float) -> RunResult:
        ran = answer.get("run_result") if type(answer) is dict else None
        if type(ran) is not dict or answer.get("status") not in ("Success", "Failed"):
            why = answer.get("message") if type(answer) is dict else answer
            raise SandboxFault(Fault.CRASHED, f"{self.url}: {str(why)[:200]}")
        out, err = (str(ran.get(name) or "").encode("utf-8", "replace") for name in ("stdout", "stderr"))
        code = ran.get("return_code")
        took = ran.get("execution_time")
        status = _status(answer, ran, code)
        if len(out) + len(err) > limits.output_bytes:
            status, out = Status.OUTPUT_LIMIT, out[: limits.output_bytes]
        seconds = float(took) if isinstance(took, int | float) else wall_s
        return RunResult(
            status,
            out,
            err[: limits.output_bytes],
            code if type(code) is int else None,
            None,
            seconds,
            wall_s,
            layers=self.layers,
            isolation=self.isolation,
        )

    def close(self) -> None:
        self._client.close()


def _status(answer: dict[str, Any], ran: dict[str, Any], code: Any) -> Status:
    told = str(ran.get("status"))
    if told == "TimeLimitExceeded":
        return Status.TIMEOUT
    own = _OURS.get(str(answer.get("message")))
    if own is not None and own is not Status.OK:
        return own
    if told == "Finished" and code == 0:
        return Status.OK
    return Status.ERROR if told == "Finished" else Status.CRASHED
