"""Unit tests as a verifier: the program runs in the sandbox, the verdict is formed outside of it."""

from __future__ import annotations

import ast
import asyncio
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rlar.errors import InputError, ToolFault, UnsafeError
from rlar.tools.base import Group, module_hash
from rlar.tools.code.extraction import extract
from rlar.tools.code.forms import has_tests, read_tests
from rlar.tools.code.weights import credit
from rlar.types import Cost, Fault, Json, Kind, Query, Response, ToolCard, Verdict

if TYPE_CHECKING:
    from rlar.engines.sandbox import GradeResult, Limits, Sandbox
    from rlar.engines.sandbox.results import Tests

CPU_S = 3.0  # of one program, all its tests


class UnitTests:
    """Right if every test passes (Query.tests; see `read_tests` for the forms).

    partial: pay a share of passed tests, at most half, for programs that fail some (tests["weights"] where given).
    cpu_s, memory_mib: of one program with all its tests. isolation: the least level of the sandbox, None for its own.
    A program's crash, timeout, memory or flood is its low value; the sandbox's own failure is a fault.
    """

    def __init__(
        self, partial: bool = False, cpu_s: float = CPU_S, memory_mib: int = 512, isolation: str | None = None
    ) -> None:
        self.settings: dict[str, Json] = {"partial": partial, "cpu_s": cpu_s, "memory_mib": memory_mib}
        self.isolation = isolation
        self._box: Sandbox | None = None
        self.card = ToolCard(
            "unit_tests" + "_partial" * partial,
            module_hash("rlar.tools.code", self.settings),
            Kind.VERIFIER,
            about="runs the program against its tests in the sandbox",
            suits=("code",),
            needs=("tests",),
            line=1.0 if partial else 0.5,
            engine="sandbox",
            timeout_s=cpu_s,
            memory_mib=memory_mib,
        )

    def fits(self, query: Query) -> bool:
        return has_tests(query)

    async def judge(self, query: Query, responses_G: Sequence[Response]) -> list[Verdict]:
        return (await self.judge_many([(query, responses_G)]))[0]

    async def judge_many(self, groups: Sequence[Group]) -> list[list[Verdict]]:
        """All programs of all groups at once; the sandbox runs as many together as it has slots."""
        work: dict[tuple[str, str], asyncio.Task[Verdict]] = {}
        for query, responses in groups:
            for response in responses:
                key = (query.key, hashlib.sha256(response.encode("utf-8", "surrogatepass")).hexdigest())
                if key not in work:
                    work[key] = asyncio.ensure_future(self._one(query, response))
        verdicts = dict(zip(work, await asyncio.gather(*work.values()), strict=True))
        return [
            [verdicts[query.key, hashlib.sha256(r.encode("utf-8", "surrogatepass")).hexdigest()] for r in responses]
            for query, responses in groups
        ]

    async def _one(self, query: Query, response: Response) -> Verdict:
        assert query.tests is not None
        try:
            tests = read_tests(query.tests)
        except (ValueError, KeyError, TypeError) as e:
            return self._fault(Fault.MISSING, f"the tests cannot be used: {e}")
        if not response.strip():
            return Verdict(self.card.ref, value=0.0, why="an empty answer")
        entry = str(getattr(tests, "entry_point", ""))
        program = extract(response, entry_point=entry, prompt=query.question)
        try:
            source = _utf8(program.source)
            graded = await self._sandbox().grade(source, tests, limits=self._limits())
        except ToolFault as e:
            return self._fault(e.fault, e.why)
        except UnsafeError as e:
            return self._fault(Fault.MISSING, str(e))
        except InputError as e:
            return self._fault(Fault.MISSING, f"the tests cannot be used: {e}")
        return self._verdict(graded, tests, query, program.took)

    def _verdict(self, graded: GradeResult, tests: Tests, query: Query, took: str) -> Verdict:
        passed = [case.passed for case in graded.cases]
        value = 1.0 if graded.passed else 0.0
        if self.settings["partial"] and not graded.passed:
            planned = max(len(passed), _count(tests))
            weights = (query.tests or {}).get("weights")
            value = credit([*passed, *[False] * (planned - len(passed))], weights, everything=False)
        shown = f"{sum(passed)} of {len(passed)} tests" if passed else f"ended with {graded.status}"
        why = f"passed {shown}" if passed else shown
        if graded.feedback and not graded.passed:
            why += f": {graded.feedback[:300]}"
        if took != "the whole response":
            why += f" (ran {took})"
        if graded.grading == "shared":
            why += " (grading=shared: the suite runs beside the answer, which could forge it)"
        terms = {"tests_passed": float(sum(passed)), "tests_run": float(len(passed))}
        trust = 0.5 if graded.grading == "shared" else None
        return Verdict(
            self.card.ref, value=value, why=why, terms=terms, confidence=trust, cost=Cost(seconds=graded.cpu_s)
        )

    def _sandbox(self) -> Sandbox:
        from rlar.engines.sandbox import Sandbox, default_box

        if self.isolation is None:
            return default_box()
        if self._box is None:
            self._box = Sandbox(require=self.isolation)
        return self._box

    def _limits(self) -> Limits:
        from rlar.engines.sandbox import Limits

        return Limits(cpu_s=self.settings["cpu_s"], memory_mib=self.settings["memory_mib"])

    def _fault(self, fault: Fault, why: str) -> Verdict:
        return Verdict(self.card.ref, fault=fault, why=why)

    def __getstate__(self) -> dict[str, Json]:
        return {k: v for k, v in self.__dict__.items() if k != "_box"}

    def __setstate__(self, state: dict[str, Json]) -> None:
        self.__dict__.update(state, _box=None)


def _count(tests: Tests) -> int:
    """How many tests there are, also where a failure keeps the rest from being reached."""
    cases = getattr(tests, "cases", None)
    if cases is not None:
        return len(cases)
    try:
        return sum(isinstance(n, ast.Assert) for n in ast.walk(ast.parse(getattr(tests, "code", ""))))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return 0


def _utf8(source: str) -> str:
    """A program is UTF-8 text; lone surrogates in a response become question marks."""
    return source.encode("utf-8", "replace").decode("utf-8")
