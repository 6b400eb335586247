# fastapi is not followed by mypy, so its decorators are untyped.
# mypy: disable-error-code="untyped-decorator"
"""SandboxFusion's `/run_code` over our own sandbox: for trainers that expect that service. Python only."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import Response

from rlar.engines.sandbox import Limits, RunResult, Status, default_box
from rlar.errors import RlarError, ToolFault
from rlar.server import messages as m
from rlar.server.replies import json_reply

LANGUAGES = ("python", "pytest")
MAX_CPU_S = 60.0
MAX_MEMORY_MIB = 4096
OUTPUT = 1 << 20  # characters of each stream that are handed back


def add_run_code(app: FastAPI) -> None:
    @app.post("/run_code", responses={200: {"model": m.RunCodeReply}}, response_model=None)
    async def run_code(asked: m.RunCodeRequest) -> Response:
        """Run a Python program with some input. Its failures are in the answer; so are the sandbox's own."""
        if asked.language not in LANGUAGES:
            return json_reply(_failed(f"language {asked.language!r} is not here; there is python"))
        memory = asked.memory_limit_MB if asked.memory_limit_MB > 0 else 512
        limits = Limits(cpu_s=min(asked.run_timeout, MAX_CPU_S), memory_mib=min(memory, MAX_MEMORY_MIB))
        try:
            result = await default_box().run(asked.code, _bytes(asked.stdin or ""), limits=limits)
        except (ToolFault, RlarError) as e:
            return json_reply(_failed(str(e)))
        return json_reply(_answer(result))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _failed(why: str) -> dict[str, object]:
    return {"status": "SandboxError", "message": why, "compile_result": None, "run_result": None, "files": {}}


def _answer(result: RunResult) -> dict[str, object]:
    ended = {Status.OK: "Finished", Status.ERROR: "Finished", Status.TIMEOUT: "TimeLimitExceeded"}
    return {
        "status": "Success" if result.ok else "Failed",
        "message": "" if result.ok else str(result.status),
        "compile_result": None,
        "run_result": {
            "status": ended.get(result.status, "Error"),
            "execution_time": result.wall_s,
            "return_code": result.exit_code,
            "stdout": result.stdout.decode("utf-8", "replace")[:OUTPUT],
            "stderr": result.stderr.decode("utf-8", "replace")[:OUTPUT],
        },
        "files": {},
    }
