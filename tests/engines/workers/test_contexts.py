"""The same judgements from every thread, loop and kind of process; nothing leaks; nothing outlives its parent."""

import asyncio
import contextlib
import gc
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from rlar.engines.workers import WorkerPool, default_pool
from rlar.engines.workers.pool import usable_cores
from rlar.errors import InputError
from rlar.types import Fault, Kind, Mark, Query, Recipe, ToolCard

HERE = Path(__file__).parent
GROUPS = [(Query(f"q{i}"), [f"item {i} {n}" for n in range(8)]) for i in range(40)]


def script(*arguments, **options):
    return subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, timeout=100, **options
    )


def soon(true, patience_s=10.0):
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return False


def gone(pids):
    """Whether all these processes end soon (a zombie has ended)."""
    return soon(lambda: not any(alive(pid) for pid in pids))


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_every_context_gives_the_same_rewards():
    done = script(HERE / "script.py")
    assert done.returncode == 0, done.stderr[-2000:]
    results = json.loads(done.stdout)
    assert len(results) == 10
    wanted = results["main thread"]
    assert wanted[1][:3] == [[0.0, None, ""], [0.01, None, ""], [0.02, None, ""]]
    assert wanted[3][8][0] == 0.0
    assert wanted[3][8][2].startswith("broke the tool: ValueError: boom")
    assert {name: result == wanted for name, result in results.items()} == dict.fromkeys(results, True)


def test_a_script_needs_no_guard_and_runs_once():
    done = script(HERE / "unguarded.py")
    lines = done.stdout.splitlines()
    assert done.returncode == 7, done.stderr[-2000:]
    assert lines[0].startswith("running in ")
    assert lines[1:] == ["[1.0, 0.0, 0.5]", "[0.25, 0.0, 0.125]"]


def test_a_program_from_standard_input_can_judge():
    text = "from rlar.engines.workers import WorkerPool\nfrom rlar.types import *\n"
    text += "source = 'def rate(r, q):\\n    return float(r.count(\"a\") > 1)'\n"
    text += "card = ToolCard('t', '1', Kind.VERIFIER)\n"
    text += "f = WorkerPool(1).submit(Recipe('source', source, 'rate'), card, [(Query('q'), ['aa', 'a'])])\n"
    text += "print([j.mark.value for j in f.result(30)[0]])"
    done = script("-", input=text)
    assert done.stdout.strip() == "[1.0, 0.0]", done.stderr[-2000:]


def test_two_event_loops_in_two_threads_share_a_pool(use, pool):
    tool = use()
    wanted = tool.judge(GROUPS)
    came = {}

    def run(name):
        came[name] = asyncio.run(pool.judge(tool.recipe, tool.card, GROUPS))

    threads = [threading.Thread(target=run, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [[[j.mark for j in g] for g in came[n]] for n in range(2)] == [[[j.mark for j in g] for g in wanted]] * 2


def test_a_cancelled_coroutine_drops_its_work_and_harms_nobody(use, pool):
    tool = use()
    tool.responses("warm")

    async def main():
        before = pool.stats()["judged"]
        groups = [(Query(f"c{i}"), ["burn 0.02"]) for i in range(400)]
        task = asyncio.create_task(pool.judge(tool.recipe, tool.card, groups))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        judged = await pool.judge(tool.recipe, tool.card, [(Query("q"), ["after"])])
        return judged[0][0].fault, pool.stats()["judged"] - before

    fault, judged = asyncio.run(main())
    assert fault is None
    assert judged < 200  # what the workers had in hand
    deadline = time.monotonic() + 10
    while pool.stats()["calls"] and time.monotonic() < deadline:  # an answer is out a moment before its call is closed
        time.sleep(0.01)
    assert pool.stats()["calls"] == 0


def test_a_short_call_is_not_kept_waiting_by_a_long_one(use, pool):
    tool = use()
    tool.responses("warm")
    long = pool.submit(tool.recipe, tool.card, [(Query(f"l{i}"), ["burn 0.01"]) for i in range(600)])
    time.sleep(0.1)
    tool.responses("short")
    assert not long.done()
    long.cancel()


def test_thousands_of_small_calls_share_chunks(use, pool):
    tool = use()
    tool.responses("warm")
    futures = [pool.submit(tool.recipe, tool.card, [(Query(f"q{i}"), [f"item {i}"])]) for i in range(3000)]
    assert {f.result(30)[0][0].fault for f in futures} == {None}


def test_closing_settles_what_is_open_and_ends_all_processes(use):
    pool = WorkerPool(2)
    tool = use(on=pool)
    tool.responses("warm")
    pids = [*pool.pids(), pool.template_pid()]
    future = pool.submit(tool.recipe, tool.card, [(Query(f"q{i}"), ["burn 0.2"]) for i in range(50)])
    pool.close()
    assert {group[0].fault for group in future.result(1)} <= {None, Fault.CANCELLED}
    assert future.result()[-1][0].fault is Fault.CANCELLED
    assert gone(pids)
    with pytest.raises(InputError, match="closed"):
        tool.responses("late")
    pool.close()


def test_no_process_and_no_file_is_leaked(use):
    me = psutil.Process()
    with WorkerPool(2) as pool:  # loads what is loaded once
        use(on=pool).responses("a", "raise", "exit")
    gc.collect()
    children, files, threads = len(me.children(recursive=True)), me.num_fds(), threading.active_count()
    for _ in range(3):
        with WorkerPool(2) as pool:
            use(on=pool, timeout_s=0.1).responses("a", "raise", "exit", "loop", "hang_up", "garble", "orphan")
            template = psutil.Process(pool.template_pid())
            assert soon(lambda: len(template.children()) <= 2)  # noqa: B023
            assert soon(lambda: len(me.children(recursive=True)) <= children + 3)
        assert soon(lambda: len(me.children(recursive=True)) <= children)
    gc.collect()
    assert (me.num_fds(), threading.active_count()) == (files, threads)


def test_a_pool_that_is_forgotten_ends(use):
    pool = WorkerPool(1)
    use(on=pool).responses("a")
    pids = [*pool.pids(), pool.template_pid()]
    del pool
    gc.collect()
    assert gone(pids)


def test_a_forgotten_pool_still_finishes_its_work(use):
    tool = use()
    future = WorkerPool(1).submit(tool.recipe, tool.card, [(Query("q"), ["burn 0.05", "b"])])
    gc.collect()
    assert [j.fault for j in future.result(20)[0]] == [None, None]


def kill_at_random(pool, victims, seed, until, pause_s):
    """Kill one after the other, but let the pool get on a little in between, however slow the machine is."""
    rng = random.Random(seed)
    killed = judged = 0
    while not until.is_set():
        time.sleep(pause_s * rng.random())
        pids = victims()
        if pids and pool.stats()["judged"] > judged:
            judged = pool.stats()["judged"]
            with contextlib.suppress(ProcessLookupError):
                os.kill(rng.choice(pids), signal.SIGKILL)
                killed += 1
    return killed


@pytest.mark.parametrize("victim", ["worker", "template"])
def test_nothing_is_wrong_when_processes_are_killed_under_load(use, victim):
    with WorkerPool(2) as pool:
        tool = use(on=pool)
        groups = [
            (Query(f"q{i}"), [f"item {i}", f"burn 0.00{i % 4}", "raise"][: 2 + (i % 20 == 0)]) for i in range(200)
        ]
        wanted = [[(j.mark, j.fault, j.why) for j in group] for group in tool.judge(groups)]
        assert all(fault is None for marks in wanted for _, fault, _ in marks)
        stop = threading.Event()
        victims = pool.pids if victim == "worker" else lambda: [p for p in [pool.template_pid()] if p]
        killed = []
        pause = 0.04 if victim == "worker" else 0.1
        killer = threading.Thread(target=lambda: killed.append(kill_at_random(pool, victims, 7, stop, pause)))
        killer.start()
        end = time.monotonic() + 1.5
        try:
            rounds = 0
            while time.monotonic() < end:
                assert [[(j.mark, j.fault, j.why) for j in group] for group in tool.judge(groups)] == wanted
                rounds += 1
        finally:
            stop.set()
            killer.join()
        assert rounds >= 1
        assert killed[0] >= 2
        assert tool.responses("after")[0].fault is None


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_die_with_their_parent(how):
    text = """
import sys, time
from rlar.engines.workers import WorkerPool
from rlar.types import *
pool = WorkerPool(2)
source = "def rate(r, q):\\n    import time\\n    time.sleep(50)\\n    return 1.0"
card = ToolCard("t", "1", Kind.VERIFIER, timeout_s=200.0)
pool.submit(Recipe("source", source, "rate"), card, [(Query(str(i)), ["a"]) for i in range(4)])
while len(pool.pids()) < 2:
    time.sleep(0.01)
print(*pool.pids(), pool.template_pid(), flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 3
    assert all(alive(pid) for pid in pids)
    parent.send_signal(how)
    parent.wait(10)
    parent.stdout.close()
    assert gone(pids)


def test_a_forked_child_does_not_keep_the_parents_workers_alive(use):
    """The child closes its copies of the sockets; else the template would not see the parent's end."""
    pool = WorkerPool(1)
    use(on=pool).responses("a")
    pids = [*pool.pids(), pool.template_pid()]
    child = os.fork()
    if child == 0:
        time.sleep(20)
        os._exit(0)
    try:
        pool.close()
        assert gone(pids)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_workers_that_cannot_start_are_a_fault_that_says_why(monkeypatch, use):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with WorkerPool(1) as pool:
        judged = use(on=pool).responses("a")[0]
    assert judged.fault is Fault.UNAVAILABLE
    assert "do not start" in judged.why


def test_the_number_of_workers_comes_from_the_setting(monkeypatch):
    monkeypatch.setenv("RLAR_WORKERS", "3")
    assert usable_cores() == 3
    monkeypatch.setenv("RLAR_WORKERS", "many")
    with pytest.raises(InputError, match="whole number"):
        usable_cores()
    monkeypatch.delenv("RLAR_WORKERS")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "10000")
    assert usable_cores() == 1
    with pytest.raises(InputError, match="at least one"):
        WorkerPool(0)


def test_wrong_input_is_told_at_once(use, pool):
    tool = use()
    with pytest.raises(InputError, match="response 1 to x1 is a NoneType"):
        pool.submit(tool.recipe, tool.card, [(Query("q", id="x1"), ["a", None])])
    assert pool.submit(tool.recipe, tool.card, []).result(1) == []
    assert pool.submit(tool.recipe, tool.card, [(Query("q"), [])]).result(1) == [[]]


def test_a_query_that_cannot_be_sent_is_a_fault_for_its_group_only(use):
    tool = use()
    bad = Query("q", extra={"lock": threading.Lock()})
    judged = tool.judge([(bad, ["a", "b"]), (Query("fine"), ["c"])])
    assert [[j.fault for j in group] for group in judged] == [[Fault.CRASHED] * 2, [None]]
    assert "cannot be sent" in judged[0][0].why


def test_a_tool_that_has_changed_on_disk_is_loaded_anew(pool, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "a_changing_tool.py"
    with WorkerPool(2) as own:
        for version, value in (("1", 0.25), ("2", 0.75)):
            file.write_text(f"def rate(response, query):\n    return {value}\n")
            os.utime(file, ns=(0, int(version) * 10**9))
            card = ToolCard("changing", version, Kind.VERIFIER)
            groups = [(Query(f"q{i}"), ["a"]) for i in range(8)]
            judged = own.submit(Recipe("import", "a_changing_tool", "rate"), card, groups).result(30)
            assert [group[0].mark for group in judged] == [Mark(value)] * 8


def test_the_default_pool_is_one_and_comes_back_after_closing(use):
    assert default_pool() is default_pool()
    first = default_pool()
    first.close()
    assert default_pool() is not first


def test_importing_the_package_is_cheap():
    heavy = ("multiprocessing", "asyncio", "numpy", "subprocess")
    code = f"import sys, rlar.engines.workers; print([m for m in {heavy} if m in sys.modules])"
    assert script("-c", code).stdout.strip() == "[]"
