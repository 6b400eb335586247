"""Killing parts of the sandbox at any moment: service goes on, nothing is scored wrong, nothing is left."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from rlar.engines.sandbox import Asserts, Calls, Limits, Sandbox, SandboxFault, Status, Stdio

pytestmark = pytest.mark.slow  # counts the processes of the whole machine run: alone, not beside other tests' boxes

LIMITS = Limits(cpu_s=5.0, memory_mib=256)


def eventually(what: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


OTHERS: set[int] = set()  # processes that this one had before: what earlier tests left running is not ours to count


@pytest.fixture(autouse=True)
def only_ours() -> None:
    OTHERS.clear()
    OTHERS.update(p.pid for p in psutil.Process().children())


def zygotes() -> list[psutil.Process]:
    return [p for p in psutil.Process().children() if p.pid not in OTHERS]


def inhabitants() -> list[psutil.Process]:
    """The zygotes and tasks of this test's sandboxes."""
    found = []
    for zygote in zygotes():
        with contextlib.suppress(psutil.NoSuchProcess):
            found += [zygote, *zygote.children(recursive=True)]
    return found


def descriptors() -> set[tuple[str, str]]:
    """Numbers of open descriptors and what they are, by name: a new one under an old number is new."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists them
            found.add((link.name, str(link.readlink())))
    return found


def test_a_dead_zygote_is_replaced_unnoticed() -> None:
    with Sandbox(LIMITS, slots=1) as box:
        assert box.run_sync("print(1)").stdout == b"1\n"
        for _ in range(3):
            for process in inhabitants():
                with contextlib.suppress(psutil.NoSuchProcess):  # a task that went with its zygote
                    process.kill()
            assert box.run_sync("print(1)").stdout == b"1\n"


def test_a_spare_that_died_is_replaced_unnoticed() -> None:
    with Sandbox(LIMITS, slots=1) as box:
        box.run_sync("")
        for _ in range(3):
            time.sleep(0.05)  # the spare comes up after the answer was given
            for process in zygotes()[0].children():
                process.kill()
            assert box.run_sync("print(1)").stdout == b"1\n"


@pytest.mark.parametrize("layers", [None, ("rlimits", "seccomp", "landlock")])
def test_killing_anything_at_any_moment_changes_no_result(layers: tuple[str, ...] | None) -> None:
    """One kill for every few pieces of work, at a random moment of it; a slow machine gets as many as a fast one."""
    dice = random.Random(7)
    stop = threading.Event()
    done = kills = faults = 0
    honest = "def f(x):\n    s = 0\n    for i in range(2000): s += i\n    return x + 1"

    def killer() -> None:
        nonlocal kills
        while not stop.is_set():
            seen = done
            while done < seen + 3 and not stop.is_set():
                time.sleep(0.001)
            time.sleep(dice.uniform(0, 0.01))
            try:
                dice.choice(inhabitants() or [psutil.Process(-1)]).kill()
                kills += 1
            except (psutil.NoSuchProcess, ValueError):
                continue

    with Sandbox(LIMITS, slots=2, layers=layers) as box:
        verifier = box.load("def score(r): return float(len(r))")
        verifier.judge_sync([("a",)])
        work: list[Callable[[int], bool]] = [
            lambda n: box.run_sync(f"print({n})").stdout == b"%d\n" % n,
            lambda n: box.grade_sync(honest, Calls("f", [((n,), n + 1)])).passed,
            lambda n: [c.kind for c in box.grade_sync(honest, Calls("f", [((n,), n + 2)])).cases] == ["wrong"],
            lambda n: box.grade_sync(honest, Asserts("for i in range(3): assert f(i) == i + 1", "f")).passed,
            lambda n: box.grade_sync("print(input())", Stdio([("a", "a")])).passed,
            lambda n: box.run_sync("1/0").status is Status.ERROR,
            lambda n: verifier.judge_sync([("a" * (n % 5),)] * 3) == [float(n % 5)] * 3,
        ]
        thread = threading.Thread(target=killer)
        thread.start()
        try:
            for n in range(2000):
                if n >= 210 and kills > 30:
                    break
                try:
                    assert work[n % len(work)](n), n % len(work)
                except SandboxFault:
                    faults += 1  # killed three times in a row: told, not scored
                done += 1
        finally:
            stop.set()
            thread.join()
        assert kills > 30
        assert faults <= kills / 6
        assert box.run_sync("print(1)").stdout == b"1\n"
    assert eventually(lambda: not inhabitants())


def test_closing_leaves_no_process_descriptor_or_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = descriptors()
    for layers in (None, ("rlimits", "seccomp", "landlock")):
        with Sandbox(LIMITS, slots=2, layers=layers) as box:
            for _ in range(4):
                box.run_sync("open('x', 'w').write('1')")
                box.grade_sync("def f(x): return 1", Asserts("for i in [1]: assert f(1) == 1", "f"))
                box.load("def score(r): return 1.0").judge_sync([("a",)])
    assert eventually(lambda: not inhabitants())
    assert descriptors() <= before  # an earlier test's may go meanwhile; there is no new one
    assert list(tmp_path.iterdir()) == []


OWNER = """
import sys, time
from rlar.engines.sandbox import Limits, Sandbox
box = Sandbox(Limits(cpu_s=30.0), slots=1, layers=sys.argv[1].split(","))
box.run_sync("")
import threading
threading.Thread(target=lambda: box.run_sync("while True: pass"), daemon=True).start()
time.sleep(0.3)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("layers", ["rlimits,seccomp,landlock,namespaces", "rlimits,seccomp,landlock"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_when_the_owner_dies_everything_in_it_dies(layers: str, how: int) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, layers], stdout=subprocess.PIPE)
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"ready\n"
    inside = psutil.Process(owner.pid).children(recursive=True)
    assert len(inside) >= 2
    owner.send_signal(how)
    owner.wait(10)
    owner.stdout.close()
    assert eventually(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in inside))


def test_a_forked_child_gets_sandboxes_of_its_own() -> None:
    with Sandbox(LIMITS, slots=1) as box:
        box.run_sync("")
        first = {p.pid for p in zygotes()}
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                out = box.run_sync("print('child')").stdout
                own = {p.pid for p in zygotes()}
                box.close()
                os.write(write, out if own and not own & first else b"shared")
            finally:
                os._exit(0)
        os.close(write)
        assert os.read(read, 100) == b"child\n"
        os.close(read)
        os.waitpid(pid, 0)
        assert box.run_sync("print('parent')").stdout == b"parent\n"


def test_a_closed_sandbox_opens_again_on_use() -> None:
    box = Sandbox(LIMITS, slots=1)
    assert box.run_sync("print(1)").stdout == b"1\n"
    box.close()
    box.close()
    assert box.run_sync("print(2)").stdout == b"2\n"
    box.close()
    assert eventually(lambda: not inhabitants())


def test_others_may_wait_for_our_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that collects every child of its process takes the zygotes' ends away; nothing hangs."""
    stop = threading.Event()

    def collect() -> None:
        while not stop.wait(0.002):
            try:
                os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                continue

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        for _ in range(3):
            with Sandbox(LIMITS, slots=1) as box:
                assert box.run_sync("print(1)").stdout == b"1\n"
    finally:
        stop.set()
        thread.join()


@pytest.mark.slow
def test_a_hundred_thousand_mixed_tasks_leave_everything_flat() -> None:
    mix: list[tuple[str, Status]] = [
        ("print('ok')", Status.OK),
        ("1/0", Status.ERROR),
        ("import os; os._exit(3)", Status.ERROR),
        ("x = bytearray(8 << 30)", Status.MEMORY),
        ("open('f', 'w').write('x' * 10000)", Status.OK),
        ("import ctypes; ctypes.string_at(0)", Status.CRASHED),
        ("import ctypes; ctypes.CDLL(None).ptrace(0, 0, 0, 0)", Status.VIOLATION),
        ("print('x' * 3_000_000)", Status.OUTPUT_LIMIT),
        ("print(input())", Status.OK),
        ("import threading; t = threading.Thread(target=print); t.start(); t.join()", Status.OK),
    ]
    limits = Limits(cpu_s=5.0, memory_mib=256, output_bytes=1 << 20)
    count = int(os.environ.get("RLAR_SOAK", "100000"))
    me = psutil.Process()
    with Sandbox(limits, slots=2) as box:
        pool = box._open()

        def burst(start: int, size: int) -> None:
            futures = []
            for n in range(start, start + size):
                program, _ = mix[n % len(mix)]
                futures.append(pool.submit(lambda w, p=program: w.run(p, b"in\n", limits, ())))  # type: ignore[misc]
            for n, future in enumerate(futures, start):
                assert future.result().status is mix[n % len(mix)][1], mix[n % len(mix)]

        burst(0, 2000)
        time.sleep(0.3)
        before = (me.num_fds(), me.memory_info().rss, len(inhabitants()))
        for start in range(2000, count, 1000):
            burst(start, 1000)
        time.sleep(0.3)
        after = (me.num_fds(), me.memory_info().rss, len(inhabitants()))
        zombies = [p for p in inhabitants() if p.status() == psutil.STATUS_ZOMBIE]
    assert after[0] <= before[0] + 2
    assert after[1] <= before[1] + (8 << 20)
    assert after[2] <= before[2] + 1
    assert zombies == []
