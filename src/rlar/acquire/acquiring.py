"""The cold path: families of queries, candidates for each, one exam for all, and the best one admitted.

Sources of candidates, cheapest first: built-in tools set up for the family, a preference head, and whatever writers are
given (the code agent, the web agent). A family whose tool is proven already is left alone.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rlar.acquire.exam import Case, Exam, Split, build_cases, examine, split
from rlar.acquire.families import Family, group_families
from rlar.acquire.preference import head_draft
from rlar.acquire.templates import proposals
from rlar.errors import InputError
from rlar.library import Library
from rlar.library.index import Row
from rlar.library.loaders import load
from rlar.library.manifest import Draft, LibraryProblem
from rlar.library.store import Store
from rlar.rollouts import Item
from rlar.scoring.analyze import analyze
from rlar.scoring.route import Rules, family_of
from rlar.types import Json, Kind, Tool, content_key

MOST_CASES = 80  # queries of a family that an exam uses, practice and held-out together
MOST_LABELLED = 2000  # labelled queries that a preference head is fitted on
LABELLED_NEEDED = 20  # labelled pairs without which a graded tool is not believed

Progress = Callable[[str, int, int], None]


class Writer(Protocol):
    """A source of candidates that learns from exams: the code agent, the web agent."""

    name: str

    def candidates(self, family: Family, practice: Sequence[Case]) -> AsyncIterator[Candidate]: ...


@dataclass
class Candidate:
    """A draft on its way. After its exam on practice cases, `tell` is called with it, so that the writer can mend.

    draft: None if nothing came of an idea; then `name` says which. refusals: why its writer gave it up; such a draft is
    kept aside without an exam. practice: its last exam on practice cases, if the writer held one. made_by: whose idea
    it was, where there is no draft to say it.
    """

    draft: Draft | None
    tell: Callable[[Exam], None] | None = None
    name: str = ""
    refusals: tuple[str, ...] = ()
    practice: Exam | None = None
    made_by: str = "code agent"


@dataclass(frozen=True, slots=True)
class Tried:
    """One candidate and what came of it.

    exam: on the held-out half; on the practice half where it got no further; None where it never ran or was examined in
    an earlier run. refusals: () if it passed.
    """

    ref: str
    made_by: str
    exam: Exam | None
    refusals: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return self.exam is not None and not self.refusals

    @property
    def counts(self) -> tuple[bool, bool, bool]:
        """(executable, valid, discriminative), each with what it takes from the exam; all false where it never ran."""
        return (False,) * 3 if self.exam is None else (self.exam.executable, self.exam.valid, self.exam.discriminative)


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
                            "executable_valid_discriminative": list(t.counts),
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

    store: the library that grows. writers: agents, asked where templates and heads did not pass. templates, heads:
    whether those sources are tried. seed: of exams. min_queries: families below get no tool of their own; about
    half of a family is held out, and an exam needs 8 queries to say anything.
    """

    def __init__(
        self,
        store: Store,
        *,
        writers: Sequence[Writer] = (),
        templates: bool = True,
        heads: bool = True,
        seed: int = 0,
        min_queries: int = 24,
    ) -> None:
        self.store = store
        self.writers = tuple(writers)
        self.templates = templates
        self.heads = heads
        self.seed = seed
        self.min_queries = min_queries
        self.library = Library.open(store.folder)

    def plan(self, items: Iterable[Item]) -> list[Family]:
        """The families of these items, largest first. Asks nobody and writes nothing."""
        return plan_families(items, self.library)

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
                    o.admitted = o.admitted or self.admitted_for(o.family)
                break
        if progress:
            progress("done", len(families), len(families))
        return done

    def admitted_for(self, family: Family) -> str:
        """The ref of an admitted tool that serves this very family, or ""."""
        for tool in self.library.own():
            if tool.card.family == family.key and (tool.card.exam or {}).get("passed"):
                return tool.card.ref
        return ""

    def _known(self, family: Family) -> str:
        return ALREADY if self.admitted_for(family) else ""

    async def _serve(self, outcome: Outcome) -> None:
        family = outcome.family
        if ref := self.admitted_for(family):
            outcome.admitted, outcome.why = ref, ALREADY
            return
        if len(family.items) < self.min_queries:
            outcome.why = f"{len(family.items)} queries; {self.min_queries} are the least for a tool of their own"
            return
        parts = halves(family.items, seed=self.seed)
        for draft in proposals(family, self.library) if self.templates else ():
            if await self._alone(outcome, draft, parts):
                return
        head = head_draft(family, self._labelled(family)) if self.heads else None
        if head is not None and await self._alone(outcome, head, parts):
            return
        for writer in self.writers:
            if await self._best_of(outcome, writer, parts):
                return
        outcome.why = outcome.why or ("no candidate passed its exam" if outcome.tried else "nobody had a candidate")

    def _labelled(self, family: Family) -> Sequence[Case]:
        """The practice half, without the bound of an exam: a head learns from all labels that no exam asks about."""
        items = [item for item in family.items if item.labels]
        return halves(items, seed=self.seed, most=MOST_LABELLED).practice

    async def _alone(self, outcome: Outcome, draft: Draft, parts: Split) -> bool:
        passed = await self._try(outcome, Candidate(draft), parts)
        if passed is not None:
            self._admit(outcome, *passed)
        return passed is not None

    async def _best_of(self, outcome: Outcome, writer: Writer, parts: Split) -> bool:
        """Examine all of a writer's candidates and admit the best; the others that passed stay "proposed".

        Also where the writer is stopped in between: what it wrote before was paid for.
        """
        passed: list[tuple[Row, Exam]] = []
        try:
            async for candidate in writer.candidates(outcome.family, parts.practice):
                one = await self._try(outcome, candidate, parts)
                passed += [one] if one is not None else []
        except NoCandidates as e:
            outcome.why = f"{writer.name}: {e}"
        finally:
            if passed:
                self._admit(outcome, *max(passed, key=_merit))
        return bool(passed)

    async def _try(self, outcome: Outcome, candidate: Candidate, parts: Split) -> tuple[Row, Exam] | None:
        """Examine a candidate on the held-out half and keep it with its card; aside with its reasons if it failed."""
        draft = candidate.draft
        if draft is None:
            outcome.tried.append(Tried(candidate.name, candidate.made_by, None, candidate.refusals))
            return None
        made_by = draft.provenance.made_by
        row = self.store.add(draft, why=f"proposed for {outcome.family.name}")
        ref = f"{row.name}@{row.version}"

        def refuse(exam: Exam | None, *reasons: str) -> None:
            outcome.tried.append(Tried(ref, made_by, exam, reasons))
            if self.store.find(ref).state != "quarantined":
                self.store.move(ref, "quarantined", why="; ".join(reasons)[:500])

        questions = _key(parts.held_out, self.seed)
        if earlier := self._earlier(row, questions):
            outcome.tried.append(Tried(ref, made_by, None, earlier))
            return None
        if candidate.refusals:
            refuse(candidate.practice, *candidate.refusals)
            return None
        try:
            tool = load(self.store.manifest(row), self.store.path(row), None)
        except LibraryProblem as e:
            refuse(None, str(e))
            return None
        if candidate.tell is not None:
            practice = await examine(tool, parts.practice, seed=self.seed, elsewhere=False)
            candidate.tell(practice)
            if not practice.executable:
                refuse(practice, *practice.refusals)
                return None
        if row.state == "quarantined":  # it failed on other queries than these
            row = self.store.move(ref, "proposed", why="examined again, on other queries")
        exam, refusals = await self._exam(row, tool, parts.held_out, questions)
        if refusals:
            refuse(exam, *refusals)
            return None
        outcome.tried.append(Tried(ref, made_by, exam, ()))
        return row, exam

    async def _exam(
        self, row: Row, tool: Tool, held_out: Sequence[Case], questions: str
    ) -> tuple[Exam, tuple[str, ...]]:
        exam = await examine(tool, held_out, seed=self.seed)
        refusals = (*exam.refusals, *more_needed(tool, exam))
        body = exam.to_json() | {"passed": not refusals, "refusals": list(refusals), "questions": questions}
        self.store.write_exam(row, body)
        return exam, refusals

    async def again(self, ref: str, items: Sequence[Item]) -> tuple[Exam, tuple[str, ...]]:
        """Examine a version of the library again, on the held-out half of its family's items (all that it fits, if it
        has no family), and admit or quarantine it accordingly: the only way for what was imported or failed to judge.

        A canary that passes stays one. Raises LibraryProblem if it cannot be rebuilt, InputError if nothing fits it.
        """
        row = self.store.find(ref)
        tool = load(self.store.manifest(row), self.store.path(row), None)
        mine = [i for i in items if tool.card.family in ("", family_of(analyze(i.query))) and tool.fits(i.query)]
        if not mine:
            raise InputError(f"{tool.card.ref} fits none of the {len(items)} items, so nothing can be asked of it")
        held_out = halves(mine, seed=self.seed).held_out
        exam, refusals = await self._exam(row, tool, held_out, _key(held_out, self.seed))
        full = f"{row.name}@{row.version}"
        if refusals:
            if row.state != "quarantined":
                self.store.move(full, "quarantined", why="; ".join(refusals)[:500], pinned=False)
        elif row.state != "canary":
            if row.state == "quarantined":
                self.store.move(full, "proposed", why="passed its exam this time")
            self.store.admit(full, why=f"passed its exam on {exam.queries} held-out queries")
        return exam, refusals

    def _earlier(self, row: Row, questions: str) -> tuple[str, ...]:
        """Why this very version is not examined again: it failed the same exam, or somebody retired it."""
        if row.state == "retired":
            last = self.store.history(row)[-1]
            return (f"retired before: {last.why}",)
        if row.state != "quarantined":
            return ()
        try:
            exam = self.store.exam(row) or {}
        except LibraryProblem:
            return ()
        if exam.get("questions") != questions:
            return ()
        return tuple(f"in an earlier run: {reason}" for reason in exam.get("refusals", ())) or ("failed earlier",)

    def _admit(self, outcome: Outcome, row: Row, exam: Exam) -> None:
        ref = f"{row.name}@{row.version}"
        self.store.admit(ref, why=f"passed its exam on {exam.queries} held-out queries of {outcome.family.name}")
        outcome.admitted = ref
        self.library.add(load(self.store.manifest(row), self.store.path(row), self.store.exam(row)))


def plan_families(items: Iterable[Item], library: Library) -> list[Family]:
    """The families of these items as this library would route them, largest first."""
    rules = Rules()
    return group_families(items, lambda q: rules.decide(q, analyze(q), library))


def halves(items: Sequence[Item], *, seed: int, most: int = MOST_CASES) -> Split:
    """Cases to practise on, and cases that decide. The practice half is built from its own items alone, so that not
    even a wrong answer in it ("another prompt's answer") shows what the other half holds."""
    parts = split(build_cases(items, seed=seed, most=most), seed=seed)
    mine = {case.query.key for case in parts.practice}
    return Split(tuple(build_cases([i for i in items if i.query.key in mine], seed=seed)), parts.held_out)


def _merit(passed: tuple[Row, Exam]) -> tuple[float, float, float, str]:
    """Which of several that passed is best: order of pairs, then attacks, then speed; the name settles ties.

    Speed counts by powers of ten from 10 ms on: below, it is the machine's noise, and a rerun must go the same way.
    """
    row, exam = passed
    tens = round(math.log10(max(exam.numbers["seconds_p50"], 0.01)))
    return exam.figures["pair_accuracy"].low, exam.figures["resisted"].low, -tens, row.name


def _key(cases: Sequence[Case], seed: int) -> str:
    return content_key([seed, [[c.query.key, [a.text for a in (*c.right, *c.wrong)], c.ranked] for c in cases]])[:16]


class NoCandidates(Exception):
    """Raised by a writer that has nothing to offer for one family; others may do better with the next."""


class StopAcquiring(Exception):
    """Raised by a writer when nothing more may be asked (a budget is spent, the endpoint is gone)."""


def more_needed(tool: Tool, exam: Exam) -> list[str]:
    """What a metric or model must show beyond its figures: that it orders answers as people do.

    Constructed pairs do not say that: a metric that tells every text from its corruption can be near chance on what
    people preferred (data to text, measured: 0.91 against 0.58).
    """
    if tool.card.kind is Kind.VERIFIER:
        return []
    figure, limits = exam.figures["labelled_pairs"], exam.thresholds
    if figure.value is None or figure.n < LABELLED_NEEDED:
        return [f"unproven: {figure.n} labelled pairs, {LABELLED_NEEDED} needed; constructed ones prove no grades"]
    if figure.value < limits.pair_accuracy or figure.low <= limits.pair_floor:
        return [f"labelled_pairs: {figure}, at least {limits.pair_accuracy:g} needed, above {limits.pair_floor:g}"]
    return []
