"""bubblewrap as a provider: one `bwrap` and one interpreter per program, where the native provider is not wanted.

bubblewrap gives the namespaces; resource limits and our own filter of system calls are added.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import Any

from rlar.engines.sandbox import interpreter
from rlar.engines.sandbox.clocks import cpu_seconds, waiting_seconds
from rlar.engines.sandbox.inside import filters
from rlar.engines.sandbox.inside.bpf import Arg, Rule, allow, deny
from rlar.engines.sandbox.plan import DEVICES
from rlar.engines.sandbox.report import Layer, LayerReport
from rlar.engines.sandbox.results import Limits, RunResult, SandboxFault, Status
from rlar.engines.sandbox.slot import sealed_file
from rlar.errors import UnsafeError
from rlar.types import Fault

OWN_MIB = 96  # address space of the interpreter itself
PROGRAM = "/tmp/program.py"  # noqa: S108  (in its own root)
CHUNK = 1 << 16
POLL_S = 0.02
TRIAL = Limits(cpu_s=5.0)


class Bubblewrap:
    """Raises UnsafeError where there is no `bwrap`, or where it does not work."""

    name = "bubblewrap"
    isolation = "confined"
    layers: tuple[str, ...] = ("bubblewrap", "rlimits", "seccomp")
    has_runtime = False
    at_once: int | None = None

    def __init__(self, bwrap: str = "") -> None:
        found = bwrap or shutil.which("bwrap")
        if not found:
            raise UnsafeError("there is no bwrap here (the package is called bubblewrap)")
        self._python = interpreter.find()
        self._start = [found, *self._arguments()]
        self._filter = _filter()
        trial = self.run("import os\nprint(os.listdir('/'))", b"", TRIAL, ())
        if trial.status is not Status.OK:
            raise UnsafeError(f"bwrap does not work here: {trial.stderr.decode('utf-8', 'replace')[-200:]}")

    def _arguments(self) -> list[str]:
        one = self._python
        words = ["--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"]
        words += ["--hostname", "sandbox"]
        for path in dict.fromkeys([*one.folders, *one.files]):
            words += ["--ro-bind-try", path, path]
        for path in one.masked:
            words += ["--tmpfs", path]
        for path in DEVICES:  # not bwrap's own /dev, whose /dev/shm is memory without a limit
            words += ["--dev-bind", path, path]
        words += ["--size", str(Limits().scratch_mib << 20), "--tmpfs", "/tmp", "--chdir", "/tmp"]  # noqa: S108
        words += ["--remount-ro", "/"]
        environment = {"PATH": "/usr/bin", "LANG": "C.UTF-8", "HOME": "/tmp", "PYTHONHASHSEED": "0"}  # noqa: S108
        if one.libraries:
            environment["LD_LIBRARY_PATH"] = ":".join(one.libraries)
        for name, value in environment.items():
            words += ["--setenv", name, value]
        return words

    def report(self) -> LayerReport:
        detail = "namespaces by bwrap, with limits and a filter of system calls; watched from outside"
        return LayerReport(self.name, self.isolation, True, (Layer("bubblewrap", True, detail, ""),))

    def run(self, program: str, stdin: bytes, limits: Limits, argv: Sequence[str]) -> RunResult:
        source = program.encode("utf-8", "surrogatepass")
        with sealed_file(source) as code, sealed_file(self._filter) as seccomp, sealed_file(stdin) as given:
            inner = [
                *self._start,
                *("--ro-bind-data", str(code), PROGRAM, "--seccomp", str(seccomp)),
                *(self._python.python, "-P", "-s", "-S", "-B", PROGRAM, *argv),
            ]
            bounds = {
                "c": 0,
                "t": math.ceil(limits.cpu_s) + 1,
                "v": (limits.memory_mib + OWN_MIB) << 10,
                "f": limits.scratch_mib << 11,
                "n": limits.open_files,
            }
            shell = " && ".join([*(f"ulimit -{k} {v}" for k, v in bounds.items()), f"exec {shlex.join(inner)}"])
            process = subprocess.Popen(
                ["/bin/sh", "-c", shell],
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(code, seccomp),
                start_new_session=True,
                env={},
            )
        with process:
            return self._watch(process, limits)

    def _watch(self, process: subprocess.Popen[bytes], limits: Limits) -> RunResult:
        assert process.stdout is not None and process.stderr is not None
        start = time.monotonic()
        streams = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
        out, err = streams.values()
        cause: Status | None = None
        poll = select.poll()
        ended = os.pidfd_open(process.pid)
        try:
            for fd in (*streams, ended):
                poll.register(fd, select.POLLIN)
            open_ = set(streams)
            gone = False
            cpu_s = 0.0
            while not gone or open_:
                events = poll.poll(1000 * POLL_S)
                for fd, _ in events:
                    if fd == ended:
                        gone = True
                        poll.unregister(ended)
                    elif data := os.read(fd, CHUNK):
                        streams[fd] += data[: max(0, limits.output_bytes - len(out) - len(err) + 1)]
                    else:
                        open_.discard(fd)
                        poll.unregister(fd)
                if cause is None and len(out) + len(err) > limits.output_bytes:
                    cause = Status.OUTPUT_LIMIT
                used, waited = _usage(process.pid)
                cpu_s = max(cpu_s, used)
                over = cpu_s > limits.cpu_s or time.monotonic() - start - waited > limits.wall_limit_s
                if cause is None and not gone and over:
                    cause = Status.TIMEOUT
                if cause is not None and not gone:
                    process.kill()  # what is inside dies with it
        finally:
            os.close(ended)
        process.wait()
        return self._result(process.returncode, cause, bytes(out), bytes(err), cpu_s, time.monotonic() - start, limits)

    def _result(
        self, code: int, cause: Status | None, out: bytes, err: bytes, cpu_s: float, wall_s: float, limits: Limits
    ) -> RunResult:
        number = code - 128 if code > 128 else None  # how bwrap tells of a signal
        if code < 0 and cause is None:
            raise SandboxFault(Fault.CRASHED, f"bwrap was ended by signal {-code}")
        if cause is not None:
            how = cause
        elif cpu_s > limits.cpu_s and number is not None:
            how = Status.TIMEOUT
        elif number is not None:
            how = Status.VIOLATION if number == signal.SIGSYS else Status.CRASHED
        elif code == 0:
            how = Status.TIMEOUT if cpu_s > limits.cpu_s else Status.OK
        else:
            last = err.rstrip().rpartition(b"\n")[2]
            how = Status.MEMORY if last.startswith(b"MemoryError") else Status.ERROR
        known: dict[str, Any] = {"exit_code": code if number is None and code >= 0 else None, "signal": number}
        return RunResult(
            how,
            out[: limits.output_bytes],
            err[: limits.output_bytes],
            cpu_s=cpu_s,
            wall_s=wall_s,
            layers=self.layers,
            isolation=self.isolation,
            **known,
        )

    def close(self) -> None:
        """Nothing stays between programs."""


def _filter() -> bytes:
    """Our list of system calls, with what starting the interpreter and its threads needs."""
    f = filters.zygote_filter(private_root=True, truncate_by_landlock=True)
    f.set(["execve"], allow)  # bwrap's own; there is nothing else in there to execute
    f.set(["clone"], Rule(Arg(0).has_any(filters.CLONE_THREAD), allow, deny(1)))
    f.set(["sendmsg", "pidfd_open", "seccomp", "capset"], deny(1))
    return f.assemble()


def _usage(pid: int) -> tuple[float, float]:
    """Seconds of processors used, and waited for, by what this process has started and is still there.

    bwrap does not wait for what it started inside, so that the kernel's account of its children is empty.
    """
    used = waited = 0.0
    rest = [pid]
    while rest:
        one = rest.pop()
        used += cpu_seconds(one) or 0.0
        waited += waiting_seconds(one) or 0.0
        with contextlib.suppress(OSError), open(f"/proc/{one}/task/{one}/children") as f:  # noqa: PTH123
            rest += [int(child) for child in f.read().split()]
    return used, waited
