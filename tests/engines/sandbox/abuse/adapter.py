"""How the collection of hostile and honest programs reaches the sandbox: `python _harness.py adapter`.

Environment: RLAR_ABUSE_LAYERS, a comma-separated list of layers to use (default: all).
"""

import os
from pathlib import Path

from rlar.engines.sandbox import Asserts, Calls, ItemError, Limits, Sandbox, Stdio


def limits(timeout):
    return Limits(cpu_s=timeout, wall_s=timeout + 0.2, memory_mib=256)


class Adapter:
    name = "rlar"
    dangers = frozenset({"forkbomb", "kill", "killall"})

    def __init__(self):
        layers = os.environ.get("RLAR_ABUSE_LAYERS")
        self.box = Sandbox(limits(2.0), slots=2, layers=layers.split(",") if layers else None)
        self.box.run_sync("")

    def run(self, code, stdin, timeout):
        ran = self.box.run_sync(code, stdin, limits=limits(timeout))
        return {"status": str(ran.status), "stdout": ran.stdout, "stderr": ran.stderr}

    def grade(self, kind, code, tests, entry, timeout):
        forms = {
            "function": lambda: Calls(entry, tests),
            "asserts": lambda: Asserts(tests, entry),
            "stdio": lambda: Stdio(tests),
        }
        graded = self.box.grade_sync(code, forms[kind](), limits=limits(timeout))
        return {"passed": graded.passed, "status": str(graded.status)}

    def values(self, code, entry, calls):
        return [r.error or r.value for r in self.box.call_sync(code, entry, calls)]

    def verify(self, code, entry, calls, call_timeout, load_timeout):
        verifier = self.box.load(code, entry, cpu_s=call_timeout, load_cpu_s=load_timeout)
        kinds = {"timeout": "timeout", "load_error": "load_error"}
        return [kinds.get(s.kind, "error") if isinstance(s, ItemError) else s for s in verifier.judge_sync(calls)]

    def service_pids(self):
        """The zygotes, and as many of their children as their owner knows to be alive: any more were left behind."""
        mine = set()
        for worker in self.box._open()._workers:
            zygote = worker.slot.zygote
            if zygote is not None:
                inside = {pid for pid, parent in parents().items() if parent == zygote.pid}
                known = {child.pid for child in zygote.children.values()}
                mine |= {zygote.pid} | (inside if len(inside) <= len(known) else inside & known)
        return mine

    def close(self):
        self.box.close()


def parents():
    """{process: its parent}, of the whole machine."""
    out = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            out[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
    return out
