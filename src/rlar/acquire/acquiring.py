"""The cold path: families of queries, candidates for each, one exam for all, and the best one admitted.

Sources of candidates, cheapest first: built-in tools set up for the family, a preference head, and whatever writers are
given (the code agent, the web agent). A family whose tool is proven already is left alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rlar.acquire.exam import Case, Exam, Split, build_cases, examine, split
from rlar.acquire.families import Family, group_families
from rlar.acquire.preference import head_draft
from rlar.acquire.templates import proposals
from rlar.library import Library
from rlar.library.loaders import load
from rlar.library.manifest import Draft, LibraryProblem
from rlar.library.store import Store
from rlar.rollouts import Item
from rlar.scoring.analyze import analyze
from rlar.scoring.route import Rules
from rlar.types import Json, Kind, Tool

MOST_CASES = 80  # queries of a family that an exam uses, practice and held-out together
LABELLED_NEEDED = 20  # labelled pairs without which likeness to a reference text proves nothing
# Tasks where a good answer is the reference, said so or slightly otherwise; elsewhere people must have judged answers.
REFERENCE_IS_ANSWER = ("translation", "summarization", "data_to_text")

Progress = Callable[[str, int, int], None]


class Writer(Protocol):
    """A source of candidates that learns from exams: the code agent, the web agent."""

    name: str

    def candidates(self, family: Family, practice: Sequence[Case]) -> AsyncIterator[Candidate]: ...


@dataclass
class Candidate:
    """A draft on its way. After its exam on practice cases, `tell` is called with it, so that the writer can mend."""

    draft: Draft
    tell: Callable[[Exam], None] | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """One candidate and its exam on the held-out half (None if it could not even be loaded)."""

    ref: str
    made_by: str
    exam: Exam | None
    refusals: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return self.exam is not None and not self.refusals


@dataclass
class Outcome:
    """What became of one family. admitted: ref of the tool that now judges it, or ""."""

    family: Family
    admitted: str = ""
    tried: list[Tried] = field(default_factory=list)
    why: str = ""


@dataclass
class Acquired:
    """What a run achieved, for the report."""

    outcomes: list[Outcome]
    stopped: str = ""

    def proven(self, *, before: bool) -> dict[str, tuple[int, int]]:
        """Per task label: (queries with a proven tool, queries). before: with what was admitted before this run."""
        out: dict[str, tuple[int, int]] = {}
        for outcome in self.outcomes:
            label, n = outcome.family.task.label, len(outcome.family.items)
            has = outcome.why == ALREADY if before else bool(outcome.admitted)
            done, total = out.get(label, (0, 0))
            out[label] = (done + (n if has else 0), total + n)
        return out

    def to_json(self) -> Json:
        return {
            "stopped": self.stopped,
            "families": [
                {
                    "family": o.family.key,
                    "name": o.family.name,
                    "queries": len(o.family.items),
                    "tool_before": o.family.tool,
                    "gap_before": o.family.gap,
                    "admitted": o.admitted,
                    "why": o.why,
                    "tried": [
                        {
                            "tool": t.ref,
                            "made_by": t.made_by,
                            "refusals": list(t.refusals),
                            "exam": t.exam and t.exam.to_json(),
                        }
                        for t in o.tried
                    ],
                }
                for o in self.outcomes
            ],
        }


ALREADY = "its tool was proven before"


class Acquisition:
    """One run over some items: plan it, carry it out, stop anywhere; what was admitted stays admitted.

    store: the library that grows. writers: agents, asked where templates and heads did not pass. seed: of exams.
    min_queries: families below get no tool of their own.
    """

    def __init__(
        self, store: Store, *, writers: Sequence[Writer] = (), heads: bool = True, seed: int = 0, min_queries: int = 12
    ) -> None:
        self.store = store
        self.writers = tuple(writers)
        self.heads = heads
        self.seed = seed
        self.min_queries = min_queries
        self.library = Library.open(store.folder)

    def plan(self, items: Sequence[Item]) -> list[Family]:
        """The families of these items, largest first. Asks nobody and writes nothing."""
        rules = Rules()
        return group_families(items, lambda q: rules.decide(q, analyze(q), self.library))

    async def run(self, families: Sequence[Family], *, progress: Progress | None = None) -> Acquired:
        """Find a proven tool for every family that is large enough. Raises nothing for what candidates do."""
        done = Acquired([])
        for i, family in enumerate(families):
            if progress:
                progress(family.name, i, len(families))
            outcome = Outcome(family)
            done.outcomes.append(outcome)
            try:
                await self._serve(outcome)
            except StopAcquiring as e:
                done.stopped = str(e)
                outcome.why = outcome.why or str(e)
                done.outcomes += [Outcome(f, why=self._known(f) or str(e)) for f in families[i + 1 :]]
                for o in done.outcomes:
                    o.admitted = o.admitted or self._admitted(o.family)
                break
        if progress:
            progress("done", len(families), len(families))
        return done

    def _admitted(self, family: Family) -> str:
        """The ref of an admitted tool that serves this very family, or ""."""
        for tool in self.library.own():
            if tool.card.family == family.key and (tool.card.exam or {}).get("passed"):
                return tool.card.ref
        return ""

    def _known(self, family: Family) -> str:
        return ALREADY if self._admitted(family) else ""

    async def _serve(self, outcome: Outcome) -> None:
        family = outcome.family
        if ref := self._admitted(family):
            outcome.admitted, outcome.why = ref, ALREADY
            return
        if len(family.items) < self.min_queries:
            outcome.why = f"{len(family.items)} queries; {self.min_queries} are the least for a tool of their own"
            return
        parts = split(build_cases(family.items, seed=self.seed, most=MOST_CASES), seed=self.seed)
        for draft in proposals(family, self.library):
            if await self._try(outcome, draft, parts):
                return
        head = head_draft(family, parts.practice) if self.heads else None
        if head is not None and await self._try(outcome, head, parts):
            return
        for writer in self.writers:
            async for candidate in writer.candidates(family, parts.practice):
                if await self._try(outcome, candidate.draft, parts, candidate):
                    return
        outcome.why = outcome.why or ("no candidate passed its exam" if outcome.tried else "nobody had a candidate")

    async def _try(self, outcome: Outcome, draft: Draft, parts: Split, candidate: Candidate | None = None) -> bool:
        """Examine a draft on the held-out half and keep it with its card: admitted, or aside with its reasons."""
        row = self.store.add(draft, why=f"proposed for {outcome.family.name}")
        ref = f"{row.name}@{row.version}"
        if row.state == "quarantined":  # it failed before, and its content is the same
            outcome.tried.append(Tried(ref, draft.provenance.made_by, None, ("failed its exam in an earlier run",)))
            return False
        try:
            tool = load(self.store.manifest(row), self.store.path(row), None)
        except LibraryProblem as e:
            outcome.tried.append(Tried(ref, draft.provenance.made_by, None, (str(e),)))
            self.store.move(ref, "quarantined", why=str(e))
            return False
        if candidate is not None and candidate.tell is not None:
            practice = await examine(tool, parts.practice, seed=self.seed, elsewhere=False)
            candidate.tell(practice)
            if not practice.executable:
                outcome.tried.append(Tried(ref, draft.provenance.made_by, practice, practice.refusals))
                self.store.move(ref, "quarantined", why="; ".join(practice.refusals)[:500])
                return False
        exam = await examine(tool, parts.held_out, seed=self.seed)
        refusals = (*exam.refusals, *more_needed(tool, outcome.family, parts.held_out))
        self.store.write_exam(row, exam.to_json() | {"passed": not refusals, "refusals": list(refusals)})
        outcome.tried.append(Tried(ref, draft.provenance.made_by, exam, refusals))
        if refusals:
            self.store.move(ref, "quarantined", why="; ".join(refusals)[:500])
            return False
        self.store.admit(ref, why=f"passed its exam on {exam.queries} held-out queries of {outcome.family.name}")
        outcome.admitted = ref
        self.library.add(load(self.store.manifest(row), self.store.path(row), self.store.exam(row)))
        return True


class StopAcquiring(Exception):
    """Raised by a writer when nothing more may be asked (a budget is spent, the endpoint is gone)."""


def more_needed(tool: Tool, family: Family, held_out: Sequence[Case]) -> list[str]:
    """What a metric or model must show beyond its figures: people's judgements, where likeness is not rightness."""
    if tool.card.kind is Kind.VERIFIER or family.task.label in REFERENCE_IS_ANSWER:
        return []
    labelled = sum(
        sum(a.how == "labelled" for a in c.right) * sum(a.how == "labelled" for a in c.wrong)
        + sum(x > y for _, x in c.ranked for _, y in c.ranked)
        for c in held_out
    )
    if labelled >= LABELLED_NEEDED:
        return []
    return [
        f"unproven: {labelled} labelled pairs, {LABELLED_NEEDED} needed; being like a reference is not being right here"
    ]
