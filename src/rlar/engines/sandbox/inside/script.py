"""The other ways to run a task: as one script, where all that comes back is what it prints.

Providers that can do no more than run a script (WebAssembly, bubblewrap, a remote service) grade by these: replies are
lines of JSON, each with the number of its request, and are judged outside like those of any task.
"""

from __future__ import annotations

import io
import json
import sys
from typing import Any, TextIO

from rlar.engines.sandbox.inside import answers, program, suite, tests_code


class Printer:
    """Stands in for a task's channel: a frame becomes a line of output. What the program prints goes nowhere."""

    def __init__(self) -> None:
        self.out: TextIO = sys.stdout
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(_Nowhere()), write_through=True)
        sys.stderr = io.TextIOWrapper(io.BufferedWriter(_Nowhere()), write_through=True)

    def send(self, message: Any) -> None:
        self.out.write(json.dumps(message) + "\n")
        self.out.flush()

    def send_frame(self, frame: bytes) -> None:
        self.out.write(frame[4:].decode("ascii") + "\n")
        self.out.flush()


class _Nowhere(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data)


def main(text: str) -> None:
    """text: JSON of a request {"op": "calls" | "plan" | "suite" | "together", "id", ...}."""
    request: dict[str, Any] = json.loads(text)
    channel: Any = Printer()
    match request["op"]:
        case "calls":
            answers.calls(channel, request)
        case "plan":
            channel.send({"id": request["id"], **tests_code.plan(request["code"], request["entry"])})
        case "suite":
            suite.run(channel, request)
        case "together":
            _together(channel, request)


def _together(channel: Any, request: dict[str, Any]) -> None:
    """Asserts beside the answer, in one process, which can therefore forge their result: graded as shared."""
    try:
        names = program.load(request["source"], answers.MODULE)
        candidate = answers.find(names, request["entry"])
    except BaseException as e:
        channel.send({"id": request["id"], "load": answers.describe(e)})
        return
    names["candidate"] = candidate
    try:
        exec(compile(request["code"], "tests.py", "exec", dont_inherit=True), names)  # noqa: S102
        for function, takes_candidate in tests_code.runnable(request["code"], names):
            function(*([candidate] if takes_candidate else []))
    except BaseException as e:
        rows = [["the asserts", suite.FAILED, type(e).__name__[:80]]]
    else:
        rows = [["the asserts", suite.PASSED, ""]]
    channel.send({"id": request["id"], "tests": rows})
