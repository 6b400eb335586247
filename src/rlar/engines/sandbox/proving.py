"""Which layers really hold here: each set of them is tried from inside before anything is served."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlar.engines.sandbox.asserts import Judges, Plans, grade_asserts
from rlar.engines.sandbox.grading import grade_calls
from rlar.engines.sandbox.inside import wire
from rlar.engines.sandbox.plan import LEVELS, Plan, level
from rlar.engines.sandbox.results import Asserts, Calls, Limits, SandboxFault, Status
from rlar.engines.sandbox.sessions import Sessions, Source, encode_item
from rlar.engines.sandbox.slot import Disturbed, Slot
from rlar.engines.sandbox.watch import Watch, Watched
from rlar.engines.sandbox.zygote import StartError, ZygoteDied
from rlar.errors import UnsafeError

TRIAL = Limits(cpu_s=10.0)
HOSTILE = ("exec", "ptrace", "unshare")


@dataclass(frozen=True)
class Proof:
    """A plan whose layers held, the slot that showed it, and what was tried before: (layers, why not)."""

    plan: Plan
    slot: Slot
    given_up: tuple[tuple[frozenset[str], str], ...]


def prove(plan: Plan, cpu: int | None, require: str) -> Proof:
    """Start a slot with the plan's layers; if that fails or something gets out, with fewer. Raises UnsafeError."""
    given_up: list[tuple[frozenset[str], str]] = []
    for layers in _weaker(plan.layers):
        if LEVELS.index(level(layers)) < LEVELS.index(require):
            continue
        slot = Slot(replace(plan, layers=layers), cpu)
        try:
            succeeded = self_test(slot)
            works(slot)
        except (StartError, ZygoteDied, SandboxFault, Disturbed, OSError) as e:
            slot.close()
            given_up.append((layers, str(e)))
            continue
        if not succeeded or (LEVELS.index(require) <= LEVELS.index("process") and level(layers) == "process"):
            slot.check = None if succeeded else quick_test
            return Proof(slot.plan, slot, tuple(given_up))
        slot.close()
        given_up.append((layers, f"a confined task could: {', '.join(succeeded)}"))
    tried = "; ".join(f"{'+'.join(sorted(layers)) or 'no layers'}: {why}" for layers, why in given_up)
    raise UnsafeError(
        f"isolation {require!r} was asked for and cannot be had here. {tried or 'The kernel lacks the layers for it'}. "
        "`rlar doctor` explains the layers; a container that allows user namespaces or Landlock helps; only "
        "Sandbox(unsafe=True) runs code without them"
    )


def _weaker(layers: frozenset[str]) -> Iterator[frozenset[str]]:
    """The set itself, then those with one or the other of the two file layers, then without both."""
    seen = set()
    nothing: set[str] = set()
    for less in (nothing, {"namespaces"}, {"landlock"}, {"namespaces", "landlock"}):
        rest = layers - less
        if rest not in seen:
            seen.add(rest)
            yield rest


def self_test(slot: Slot) -> list[str]:
    """What a task under the slot's layers can do that it must not; empty if the layers hold.

    Raises StartError, ZygoteDied or SandboxFault if the slot does not even come up.
    """
    slot.open()
    succeeded = quick_test(slot)
    if "seccomp" in slot.plan.layers:
        for what in HOSTILE:
            got = _ask(slot, {"what": what})
            if got is None or got:
                succeeded = [*succeeded, what]
    return succeeded


def quick_test(slot: Slot) -> list[str]:
    """The part of the self-test that takes one task; run on every zygote."""
    with _canary() as canary:
        out = _ask(slot, {"canary": canary})
    return out if out is not None else ["end the self-test"]


def works(slot: Slot) -> None:
    """Run each kind of work once. Raises StartError if the layers leave no room for honest programs."""
    program = "def f(x):\n    return x + 1\n"
    done = {
        "a program": slot.run("print(input())", b"1\n", TRIAL, ()).stdout == b"1\n",
        "a function": grade_calls(slot, program, Calls("f", [((1,), 2)]), TRIAL).passed,
        "a test": grade_asserts(
            slot, Judges(), Plans(), program, Asserts("for i in [1]: assert f(i) == 2", "f"), TRIAL
        ).passed,
        "a verifier": Sessions(slot).judge_fresh(Source(program, "f", TRIAL, TRIAL, ""), encode_item((1,))) == 2.0,
    }
    broken = [what for what, well in done.items() if not well]
    if broken:
        raise StartError(f"{', '.join(broken)} did not work under these layers")


def _ask(slot: Slot, request: dict[str, Any]) -> list[str] | None:
    """What succeeded, by the task's own word; a task that was killed for a violation did not succeed; None if it
    ended otherwise without a word."""
    child = slot.take()
    number = int.from_bytes(os.urandom(6))
    replies: list[dict[str, Any]] = []
    task = Watched(child, TRIAL.cpu_s, on_frame=lambda body: replies.append(wire.unpack(body)))
    assert slot.zygote is not None
    try:
        watch = Watch(slot.zygote, TRIAL, task)
        child.send({"op": "selftest", "id": number, **request, "limits": slot.limits_message(TRIAL)})
        watch.until(lambda: bool(replies))
        status = slot.settle(watch, task, bool(replies), last=True)
    finally:
        slot.release(child)
    if status is Status.VIOLATION:
        return []
    return [str(x) for x in replies[0]["succeeded"]] if replies else None


@contextmanager
def _canary() -> Iterator[str]:
    """A file that anybody may read and write, in a folder that anybody may enter: only confinement protects it."""
    with tempfile.TemporaryDirectory(prefix="rlar-canary-") as folder:
        path = Path(folder, "canary")
        path.write_text("canary")
        path.chmod(0o666)
        Path(folder).chmod(0o777)
        yield str(path)
