"""The same rewards on a quiet and on a crowded machine, to the byte."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rlar.engines.workers import WorkerPool
from rlar.types import Kind, Query, Recipe, ToolCard

MATH_RULE = """
class MathVerify:
    preload = ("math_verify",)

    def prepare(self, query):
        from math_verify import parse
        return parse(query.reference, parsing_timeout=None)

    def rate(self, response, query, prepared):
        from math_verify import parse, verify
        return float(verify(prepared, parse(response, parsing_timeout=None), timeout_seconds=None))
"""
HOSTILE = [
    "$9^{9^{9^9}}$",
    "$\\frac{" * 200 + "1" + "}{2}" * 200 + "$",
    "$" * 1_000_000,
    "$" + "7" * 200_000 + "$",
    "$\\boxed{" * 3000,
    "$(" * 500 + "x" + ")" * 500 + "$",
    "\\{" + ",".join(map(str, range(20_000))) + "\\}",
    "$10^{10^{10}}!$",
    "$\\sqrt[3]{" * 50 + "2" + "}" * 50 + "$",
    "\ud800\0",
    "",
]


@contextlib.contextmanager
def crowd(factor, seconds):
    """`factor` busy loops per core, which end by themselves."""
    code = f"import time\nend = time.monotonic() + {seconds}\nwhile time.monotonic() < end: pass"
    loops = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(factor * len(os.sched_getaffinity(0)))]
    try:
        yield
    finally:
        for process in loops:
            process.kill()
            process.wait()


def written(judged):
    """All but the seconds."""
    return json.dumps([[[*(j.mark or [None]), j.fault, j.why] for j in group] for group in judged])


def test_load_changes_no_reward(use):
    orders = [f"item {n}" for n in range(30)] + [f"burn 0.0{n}" for n in range(1, 9)] + ["raise", "exit 3", "recurse"]
    orders += ["loop", "sleep 0.05", "sleep 30", "memory_caught", "nan", "bignumber"]
    groups = [(Query(f"q{n}"), orders[n::6]) for n in range(6)]
    with WorkerPool(2) as pool:
        tool = use(on=pool, timeout_s=0.6, memory_mib=64)
        quiet = written(tool.judge(groups))
        with crowd(8, 20):
            assert written(tool.judge(groups)) == quiet
    assert quiet.count("broke the tool") == 6


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_load_changes_no_reward_of_math_verify(tmp_path):
    """Each hostile answer is far below or far above the limit of 8 CPU seconds, and so never near enough to flip."""
    (tmp_path / "rule.py").write_text(MATH_RULE)
    recipe = Recipe("file", str(tmp_path / "rule.py"), "MathVerify")
    card = ToolCard("math_verify", "1", Kind.VERIFIER, timeout_s=8.0, memory_mib=1024)
    groups = [(Query(f"{n} + 1?", reference=f"${n + 1}$"), [f"it is ${n + d}$" for d in range(4)]) for n in range(200)]
    groups[50:50] = [(Query(f"hostile {n}", reference="$42$"), [text]) for n, text in enumerate(HOSTILE)]
    with WorkerPool(2) as pool:
        quiet = pool.submit(recipe, card, groups).result(300)
        with crowd(8, 240):
            assert written(pool.submit(recipe, card, groups).result(300)) == written(quiet)
    values = [[j.mark.value for j in group] for group in quiet[:50] + quiet[50 + len(HOSTILE) :]]
    assert values == [[0.0, 1.0, 0.0, 0.0]] * 200
    assert [group[0].fault for group in quiet[50 : 50 + len(HOSTILE)]] == [None] * len(HOSTILE)


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs /proc")
def test_a_worker_with_math_verify_is_small(tmp_path):
    (tmp_path / "rule.py").write_text(MATH_RULE)
    recipe = Recipe("file", str(tmp_path / "rule.py"), "MathVerify")
    groups = [(Query(f"{n}?", reference=f"${n}$"), [f"it is $\\frac{{{2 * n}}}{{2}}$", f"$x^{n}$"]) for n in range(20)]
    with WorkerPool(2) as pool:
        judged = pool.submit(recipe, ToolCard("math_verify", "1", Kind.VERIFIER), groups).result(60)
        assert {group[0].mark.value for group in judged} == {1.0}
        for pid in [*pool.pids(), pool.template_pid()]:
            pss = next(line for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines() if "Pss:" in line)
            assert int(pss.split()[1]) < 100 * 1024
