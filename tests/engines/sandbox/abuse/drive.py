"""Runs the collection's own harness so that it sees, and ends, no process but those that come from here.

`python drive.py HARNESS OUT.json [USER]`, with USER a number to become first. The harness takes every process that
is new on the machine for one that the sandbox left behind, and kills it: on a machine with other work that must not be.
"""

import contextlib
import ctypes
import importlib.util
import os
import sys
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
CGROUPS = Path("/sys/fs/cgroup")


def descendants():
    """Everything that this process has started; orphans come back to it, as it is their subreaper."""
    from adapter import parents

    table = parents()
    mine = {os.getpid()}
    while more := {pid for pid, parent in table.items() if parent in mine} - mine:
        mine |= more
    return mine


@contextlib.contextmanager
def own_cgroup():
    """Groups in which memory and threads are counted apart from the rest of the machine, where root may make them."""
    name = f"rlar_abuse_{os.getpid()}"
    made = []
    with contextlib.suppress(OSError):
        for kind in ("memory", "pids"):
            (CGROUPS / kind / name).mkdir()
            made.append(CGROUPS / kind / name)
            (made[-1] / "cgroup.procs").write_text(str(os.getpid()))
        os.environ["RLAR_ABUSE_CGROUP"] = name
    try:
        yield
    finally:
        for folder in made:
            with contextlib.suppress(OSError):
                (folder.parent / "cgroup.procs").write_text(str(os.getpid()))
                folder.rmdir()


def main():
    path, out, *user = sys.argv[1:]
    with own_cgroup():
        pid = os.fork()
        if pid == 0:
            if user:
                os.setgroups([])
                os.setresgid(*[int(user[0])] * 3)
                os.setresuid(*[int(user[0])] * 3)
            run(path, out)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    sys.exit(code)


def run(path, out):
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    spec = importlib.util.spec_from_file_location("harness", path)
    harness = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(harness)
    harness.Watch.pids = lambda self: descendants()
    if "RLAR_ABUSE_CGROUP" not in os.environ:
        harness.Watch.tasks = lambda self: len(descendants())
    sys.argv[1:] = ["adapter", "--json", out]
    harness.main()
    sys.stdout.flush()


if __name__ == "__main__":
    main()
