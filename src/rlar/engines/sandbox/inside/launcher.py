"""First program of a slot: builds namespaces and root, gives up all rights, and becomes the zygote by exec.

Usage: python -P -s -S -B -c BOOTSTRAP '{json settings}' with the control socket as descriptor 3. Tells
{"pid": N} or {"error": text} there. Namespaces are all or nothing: if one step fails, the parent starts another
launcher without them.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
from typing import Any

from rlar.engines.sandbox.inside import namespaces
from rlar.engines.sandbox.inside.bpf import libc
from rlar.engines.sandbox.inside.syscalls import number

CONTROL = 3
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_SET_KEEPCAPS = 24, 38, 8
CAPABILITIES = 64
LAUNCHER_ONLY = {"mounts", "masked", "python", "environment", "uid", "cpu"}
HOST_NAME = b"sandbox"
STACK_BYTES = 64 << 20  # fixed at exec; deep recursion in C needs it

# The interpreter inside must find these modules under their full names without running rlar's own __init__ files.
BOOTSTRAP = """
import sys, types
folder, main = sys.argv[1:3]
for name in ("rlar", "rlar.engines", "rlar.engines.sandbox", "rlar.engines.sandbox.inside"):
    module = sys.modules[name] = types.ModuleType(name)
    module.__path__ = []
sys.modules["rlar.engines.sandbox.inside"].__path__ = [folder]
__import__("rlar.engines.sandbox.inside." + main, fromlist=["main"]).main(sys.argv[3])
"""


def main(text: str) -> None:
    settings: dict[str, Any] = json.loads(text)
    try:
        _become_zygote(settings)
    except (OSError, ValueError) as e:
        os.write(CONTROL, json.dumps({"error": f"{type(e).__name__}: {e}"}).encode())
        sys.exit(1)


def _become_zygote(settings: dict[str, Any]) -> None:
    os.closerange(CONTROL + 1, 1 << 20)
    if settings["cpu"] is not None:
        os.sched_setaffinity(0, {settings["cpu"]})
    resource.setrlimit(resource.RLIMIT_STACK, (STACK_BYTES, STACK_BYTES))
    if settings["namespaces"]:
        _enter_namespaces(settings)
        pid = namespaces.clone_as_sibling()
        if pid:
            os.write(CONTROL, json.dumps({"pid": pid}).encode())
            os._exit(0)
    else:
        _drop_bounding_set()
        if settings["uid"] is not None:
            namespaces.become(settings["uid"], settings["uid"])
        os.write(CONTROL, json.dumps({"pid": os.getpid()}).encode())
    _drop_capabilities()
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_NO_NEW_PRIVS)")
    python = settings["python"]
    needed = json.dumps({k: v for k, v in settings.items() if k not in LAUNCHER_ONLY})  # tasks can find it in memory
    arguments = [python, "-P", "-s", "-S", "-B", "-c", BOOTSTRAP, settings["folder"], "zygote", needed]
    os.execve(python, arguments, settings["environment"])  # noqa: S606


def _enter_namespaces(settings: dict[str, Any]) -> None:
    apart = namespaces.NEWNS | namespaces.NEWPID | namespaces.NEWNET | namespaces.NEWIPC | namespaces.NEWUTS
    mounts, scratch = settings["mounts"], (settings["scratch_mib"], settings["scratch_files"])
    proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    uid = settings["uid"]
    if uid is None:
        outer = os.geteuid(), os.getegid()  # other numbers once the namespace exists
        namespaces.unshare(namespaces.NEWUSER | apart)
        libc.sethostname(HOST_NAME, len(HOST_NAME))
        namespaces.map_ids(proc, *outer)
        namespaces.build_root(mounts, settings["masked"], *scratch, None)
    else:
        # As root: the root is built with root's rights (the interpreter may lie in a folder only root may enter),
        # then root is left for a user that nobody else has, and that user goes the way of every user.
        namespaces.unshare(apart)
        libc.sethostname(HOST_NAME, len(HOST_NAME))
        namespaces.build_root(mounts, settings["masked"], *scratch, (uid, uid))
        _drop_bounding_set()
        namespaces.become(uid, uid)
        namespaces.unshare(namespaces.NEWUSER | namespaces.NEWNS)
        namespaces.map_ids(proc, uid, uid)
    os.close(proc)
    _drop_bounding_set()


def _drop_bounding_set() -> None:
    for capability in range(CAPABILITIES):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            return  # past the last one, or no right to: then there is nothing to drop either


def _drop_capabilities() -> None:
    """Empty sets; for root outside a namespace this, with the empty bounding set, is what takes its rights away."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()
    if libc.syscall(number("capset"), header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")
