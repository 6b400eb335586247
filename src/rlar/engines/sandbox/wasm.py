"""The portable provider: CPython as WebAssembly, a fresh instance per program, in a process that can be killed.

Works wherever `wasmtime` does (Linux, macOS, Windows), without any layer of the kernel. The interpreter inside has the
standard library, but no files, threads, sockets, processes or packages, and is a Python of its own version.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from rlar.engines.sandbox.clocks import waiting_seconds
from rlar.engines.sandbox.plan import INSIDE
from rlar.engines.sandbox.report import Layer, LayerReport
from rlar.engines.sandbox.results import Limits, RunResult, SandboxFault, Status
from rlar.engines.sandbox.watch import BLIND_PATIENCE
from rlar.errors import UnsafeError
from rlar.types import Fault

HOST = Path(__file__).with_name("wasm_host.py")
NEEDED = ("wasmtime", "componentize_py")
WORLD = "package rlar:sandbox;\nworld runner {\n  export run: func(source: string, argv: list<string>) -> s32;\n}\n"
START_S = 60.0
LARGEST_REPLY = 64 << 20
MEMORY = -1
GUEST = (
    "wasm_guest",
    "wire",
    "channel",
    "peer",
    "program",
    "answers",
    "tests_code",
    "pytest_stand_in",
    "suite",
    "script",
)
LACKS = "no files, threads, sockets, processes or packages; a Python of its own"


def missing() -> list[str]:
    """The packages that are needed and not here."""
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]


def component() -> Path:
    """The compiled interpreter, made on first use (a minute) and kept in the user's cache. Raises UnsafeError."""
    absent = missing()
    if absent:
        raise UnsafeError(
            f'the WebAssembly sandbox needs {" and ".join(absent)}, which are not installed: pip install "rlar[wasm]"'
        )
    folder = _cache()
    compiled = folder / "python.cwasm"
    if not compiled.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(folder / "lock"):
            if not compiled.exists():
                _build(compiled)
    return compiled


def _cache() -> Path:
    home = os.environ.get("RLAR_CACHE") or os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    key = hashlib.sha256(WORLD.encode() + HOST.read_bytes())
    for name in GUEST:
        key.update((INSIDE / f"{name}.py").read_bytes())
    for package in ("wasmtime", "componentize-py"):
        key.update(importlib.metadata.version(package).encode())
    key.update(os.uname().machine.encode() if hasattr(os, "uname") else b"")
    return Path(home, "rlar", f"wasm-{key.hexdigest()[:16]}")


def _build(compiled: Path) -> None:
    """Componentize the guest with the packages `componentize-py` brings, then compile it for this machine."""
    with tempfile.TemporaryDirectory(prefix="rlar-wasm-") as made:
        build = Path(made)
        inside = build / "rlar/engines/sandbox/inside"
        inside.mkdir(parents=True)
        for package in (build / "rlar", build / "rlar/engines", build / "rlar/engines/sandbox", inside):
            (package / "__init__.py").write_text("")
        for name in GUEST:
            shutil.copy(INSIDE / f"{name}.py", inside)
        (build / "guest.py").write_text("from rlar.engines.sandbox.inside.wasm_guest import WitWorld\n")
        (build / "runner.wit").write_text(WORLD)
        script = "import sys, componentize_py\nsys.argv[0] = 'componentize-py'\nsys.exit(componentize_py.script())"
        words = ["-d", "runner.wit", "-w", "runner", "componentize", "guest", "-o", "python.wasm"]
        for command in (
            [sys.executable, "-c", script, *words],
            [sys.executable, "-I", str(HOST), str(build / "python.wasm"), str(build / "python.cwasm")],
        ):
            done = subprocess.run(command, cwd=build, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise UnsafeError(f"the WebAssembly sandbox could not be built: {(done.stderr or done.stdout)[-400:]}")
        temporary = compiled.with_suffix(".part")
        shutil.copy(build / "python.cwasm", temporary)
        temporary.replace(compiled)


class Wasm:
    """A host process, started on first use and again after it had to be killed."""

    name = "wasm"
    isolation = "confined"
    layers: tuple[str, ...] = ("wasm",)
    has_runtime = True
    at_once: int | None = None

    def __init__(self) -> None:
        self._compiled = component()
        self._host: subprocess.Popen[bytes] | None = None

    def report(self) -> LayerReport:
        detail = f"an instance per program, which has {LACKS}; ended by CPU time, memory capped"
        return LayerReport(self.name, self.isolation, True, (Layer("wasm", True, detail, ""),))

    def _open(self) -> subprocess.Popen[bytes]:
        if self._host is None or self._host.poll() is not None:
            self.close()
            command = [sys.executable, "-I", str(HOST), str(self._compiled)]
            self._host = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"TMPDIR": tempfile.gettempdir()},
                start_new_session=True,
            )
            if self._reply(time.monotonic() + START_S).get("ready") is not True:
                self.close()
                raise SandboxFault(Fault.CRASHED, "the WebAssembly host does not start")
        return self._host

    def run(self, program: str, stdin: bytes, limits: Limits, argv: Sequence[str]) -> RunResult:
        host = self._open()
        assert host.stdin is not None
        request = {
            "source": program.encode("utf-8", "replace").decode(),  # a component's texts are whole Unicode
            "argv": list(argv),
            "stdin": base64.b64encode(stdin).decode(),
            "cpu_s": limits.cpu_s,
            "memory_bytes": limits.memory_mib << 20,
            "output_bytes": limits.output_bytes,
        }
        body = json.dumps(request).encode()
        waited = waiting_seconds(host.pid) or 0.0
        start = time.monotonic()
        try:
            host.stdin.write(len(body).to_bytes(4, "little") + body)
            host.stdin.flush()
            while not self._ready(limits.wall_limit_s - self._own_wall(host.pid, start, waited)):
                if self._own_wall(host.pid, start, waited) > limits.wall_limit_s:
                    self.close()
                    return self._result(Status.TIMEOUT, wall_s=time.monotonic() - start)
            reply = self._reply(time.monotonic() + START_S)
        except (OSError, ValueError) as e:
            self.close()
            raise SandboxFault(Fault.CRASHED, f"the WebAssembly host ended: {type(e).__name__}") from e
        return self._read(reply)

    def _read(self, reply: dict[str, Any]) -> RunResult:
        code = reply["code"]
        if reply["ended"]:
            status = Status(reply["ended"])
        elif code is None:
            status = Status.CRASHED
        else:
            status = {0: Status.OK, MEMORY: Status.MEMORY}.get(code, Status.ERROR)
        return self._result(
            status,
            stdout=base64.b64decode(reply["out"]),
            stderr=base64.b64decode(reply["err"]),
            exit_code=abs(code) if code is not None and not reply["ended"] else None,
            cpu_s=reply["cpu_s"],
            wall_s=reply["wall_s"],
        )

    def _result(self, status: Status, **more: Any) -> RunResult:
        return RunResult(status, layers=self.layers, isolation=self.isolation, **more)

    @staticmethod
    def _own_wall(pid: int, start: float, waited: float) -> float:
        """Seconds that were not spent waiting for a processor, as far as this system tells."""
        wall = time.monotonic() - start
        now = waiting_seconds(pid)
        return wall / BLIND_PATIENCE if now is None else wall - max(0.0, now - waited)

    def _ready(self, seconds: float) -> bool:
        assert self._host is not None and self._host.stdout is not None
        return bool(select.select([self._host.stdout], [], [], max(0.001, seconds))[0])

    def _reply(self, deadline: float) -> dict[str, Any]:
        """One frame of the host. Raises OSError."""
        head = self._exactly(4, deadline)
        length = int.from_bytes(head, "little")
        if length > LARGEST_REPLY:
            raise OSError("a reply without measure")
        reply: dict[str, Any] = json.loads(self._exactly(length, deadline))
        return reply

    def _exactly(self, count: int, deadline: float) -> bytes:
        assert self._host is not None and self._host.stdout is not None
        data = bytearray()
        while len(data) < count:
            if not self._ready(deadline - time.monotonic()):
                raise OSError("no reply")
            part = os.read(self._host.stdout.fileno(), count - len(data))
            if not part:
                raise OSError("it is gone")
            data += part
        return bytes(data)

    def close(self) -> None:
        host, self._host = self._host, None
        if host is not None:
            host.kill()
            host.wait()
            for stream in (host.stdin, host.stdout):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()
