"""The web agent as a writer of candidates: where nothing can be checked, the best models of the Hub take the exam."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace

from rlar.acquire.acquiring import Candidate, NoCandidates
from rlar.acquire.exam import Case
from rlar.acquire.families import Family
from rlar.acquire.web_agent.adding import Integrator, Step, exam_marks
from rlar.acquire.web_agent.hub import HubUnavailable
from rlar.acquire.web_agent.searching import search
from rlar.acquire.web_agent.wanted import wanted_for
from rlar.library.store import Store

CANDIDATES = 3  # models that are tried for a family
OPEN_CHECKS = ("text:reference",)  # being like the reference text is not being right


@dataclass
class WebAgent:
    """tries: models fetched and smoked for a family, at most; those refused on the way count, so that a run ends.

    budget: most parameters. licence: permissive, conditional or any.
    """

    integrator: Integrator
    store: Store
    tries: int = CANDIDATES
    on_step: Callable[[str], None] | None = None
    name: str = "web agent"

    async def candidates(self, family: Family, practice: Sequence[Case]) -> AsyncIterator[Candidate]:
        """The best models for a family, fitted and smoked. Raises NoCandidates where none is looked for or found."""
        task = family.task
        if any(check not in OPEN_CHECKS for check in task.checks):
            raise NoCandidates(f"answers to it can be checked ({task.checks[0]}); no reward model is looked for")
        if self.integrator.hub is None:
            raise NoCandidates("no Hub was given")
        bounds = self.integrator.wanted
        wanted = wanted_for(task, budget=bounds.budget, licence=bounds.licence, gated=bounds.gated)
        wanted = replace(wanted, wrappers=self.integrator.wrappers is not None)
        self._say(f"searching for {wanted.words}")
        try:
            found = search(self.integrator.hub, wanted, exams=exam_marks(self.store))
        except HubUnavailable as e:
            raise NoCandidates(str(e)) from e
        if not found.taken:
            raise NoCandidates(f"none of {len(found.ranked)} repositories may be taken; `rlar hub search` says why")
        for ranked in found.taken[: self.tries]:
            self.integrator.on_step = lambda step, repo=ranked.facts.id: self._step(repo, step)
            self.integrator.on_bytes = self._came
            done = await self.integrator.integrate(
                ranked.facts.id, suits=(task.label,), family=family.key, facts=ranked.facts
            )
            if done.draft is None:
                why = done.steps[-1].says if done.steps else done.reason
                yield Candidate(None, name=f"{done.repo}@{done.revision[:12]}", refusals=(why,), made_by=self.name)
            else:
                yield Candidate(done.draft)

    def _step(self, repo: str, step: Step) -> None:
        self._say(f"{repo}: {step.name} {'ok' if step.ok else 'no'}")

    def _came(self, file: str, there: int, total: int) -> None:
        self._say(f"fetching {file}: {there / 1e6:,.0f} of {total / 1e6:,.0f} MB")

    def _say(self, what: str) -> None:
        if self.on_step:
            self.on_step(what)
