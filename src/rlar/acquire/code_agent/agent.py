"""The writer: a bounded state machine. For each family: understand, propose, then every candidate by itself

    WRITE -> CHECK -> EXAMPLES -> PRACTICE -> (MEND -> CHECK ...) -> handed over, or given up with the reasons

Candidates run side by side. The agent sees practice cases only; whether a tool may pay is decided elsewhere, by an exam
on queries that no prompt of this package ever held.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from rlar.acquire.acquiring import Candidate, NoCandidates, StopAcquiring
from rlar.acquire.code_agent import showing
from rlar.acquire.code_agent.asking import NoReply, ask_form
from rlar.acquire.code_agent.forms import LABEL, WRITTEN, Idea, Written, ideas_of, proposals_form, written_of
from rlar.acquire.code_agent.prompts import prompt_id, render
from rlar.acquire.code_agent.static import MODULES
from rlar.acquire.code_agent.trial import Trial, draft_of, try_out, verdict_text
from rlar.acquire.exam import Case
from rlar.acquire.families import Family
from rlar.engines.llm import Ask, Chat
from rlar.tools.judge.guard import shown
from rlar.types import Message

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a family's calls. least, most: candidates proposed. rounds: times a candidate may be mended.

    again: further tries where a reply cannot be read. at_once: candidates that are written at the same time.
    max_tokens: of one reply. label: ask once per family what makes an answer right.
    """

    least: int = 3
    most: int = 5
    rounds: int = 2
    again: int = 2
    at_once: int = 4
    max_tokens: int = 4096
    label: bool = True

    @property
    def most_calls(self) -> int:
        """Per family, whatever is replied."""
        return (1 + self.again) * (int(self.label) + 1 + self.most * (1 + self.rounds)) + 2

    @property
    def usual_calls(self) -> int:
        """Per family, where replies can be read and half of the candidates are mended once."""
        return int(self.label) + 1 + (self.least + self.most) // 2 * 3 // 2


@dataclass
class _Work:
    """One candidate on its way."""

    idea: Idea
    talk: tuple[Message, ...] = ()
    written: Written | None = None
    trial: Trial | None = None
    prompts: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)


class CodeAgent:
    """Writes candidates for families, as a `Writer` of `Acquisition`.

    chat: who is asked; put CachedChat around BudgetedChat around it. seed: of practice exams. on_step: told what it is
    at, for a progress line. Raises StopAcquiring when nothing more can be asked, after handing over what is finished.
    """

    name = "code agent"

    def __init__(self, chat: Chat, *, limits: Limits | None = None, seed: int = 0, on_step: Step | None = None) -> None:
        self.chat = chat
        self.limits = limits or Limits()
        self.seed = seed
        self._on_step = on_step or (lambda _: None)

    async def candidates(self, family: Family, practice: Sequence[Case]) -> AsyncIterator[Candidate]:
        """Drafts that passed their practice exam, and those given up, with the reasons. In the order proposed."""
        if not practice:
            return
        try:
            about = await self._understand(family, practice)
            ideas = await self._propose(family, practice, about)
        except NoReply as e:
            raise NoCandidates(str(e)) from e
        slots = asyncio.Semaphore(self.limits.at_once)
        tasks = [asyncio.create_task(self._make(slots, idea, family, practice, about)) for idea in ideas]
        stopped: StopAcquiring | None = None
        try:
            for task in tasks:  # in the order proposed, so that a rerun goes the same way
                try:
                    made = await task
                except StopAcquiring as e:
                    stopped = e
                    continue
                yield made
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if stopped is not None:
            raise stopped

    async def _understand(self, family: Family, practice: Sequence[Case]) -> str:
        """What makes an answer right, by the model's account: one call for a family. It is data to later prompts."""
        if not self.limits.label:
            return "(judge by the examples)"
        self._on_step("reading the family")
        text = render("label", family=_family(family), examples=showing.examples(practice))
        ask = self._ask((_system(), Message("user", text)), LABEL, "label a family", most=600)
        try:
            body, _ = await ask_form(self.chat, ask, dict, again=self.limits.again)
        except NoReply:  # a refinement only
            return "(judge by the examples)"
        parts = "".join(f"\n- {part}" for part in body["parts"])
        return shown("account", f"{body['about']}{parts}")

    async def _propose(self, family: Family, practice: Sequence[Case], about: str) -> list[Idea]:
        self._on_step("proposing tools")
        most = self.limits.most
        text = render(
            "propose",
            family=_family(family),
            about=about,
            examples=showing.examples(practice),
            lacks=shown("lacks", family.gap or "none of them passed its exam"),
            least=str(self.limits.least),
            most=str(most),
        )
        ask = self._ask((_system(), Message("user", text)), proposals_form(most), "propose tools", most=2048)
        ideas, _ = await ask_form(
            self.chat, ask, lambda body: ideas_of(body, most), again=self.limits.again + 2
        )  # all hangs on it
        return ideas

    async def _make(
        self, slots: asyncio.Semaphore, idea: Idea, family: Family, practice: Sequence[Case], about: str
    ) -> Candidate:
        """One candidate, from its idea to a draft, or without one if not one version of it was ever readable."""
        work = _Work(idea)
        async with slots:
            why: tuple[str, ...] = ()
            try:
                for round_number in range(self.limits.rounds + 1):
                    self._on_step(
                        f"{idea.name}: {'writing' if round_number == 0 else f'mending, round {round_number}'}"
                    )
                    await self._write(work, family, practice, about)
                    if work.trial is None or work.trial.passed:
                        break
            except NoReply as e:
                why = (str(e),)
            except StopAcquiring:
                if work.trial is None or not work.trial.passed:
                    raise
        if work.written is None or work.trial is None:
            return Candidate(None, name=idea.name, refusals=why)
        prompts = [prompt_id(name) for name in work.prompts]
        draft = draft_of(work.written, idea, family, model=self.chat.model, prompts=prompts)
        return Candidate(
            draft, refusals=(*work.trial.refusals, *why) if why else work.trial.refusals, practice=work.trial.exam
        )

    async def _write(self, work: _Work, family: Family, practice: Sequence[Case], about: str) -> None:
        """Ask for the next version and try it. Raises NoReply where there is none, or it is one that was tried."""
        idea = work.idea
        if work.trial is None:
            text = render(
                "write",
                family=_family(family),
                about=about,
                name=idea.name,
                kind=str(idea.kind),
                idea=shown("idea", idea.about),
                approach=shown("approach", idea.approach),
                examples=showing.examples(practice),
            )
            messages: tuple[Message, ...] = (_system(), Message("user", text))
            work.prompts += ["system", "write"]
        else:
            verdict, failures = verdict_text(work.trial)
            messages = (*work.talk, Message("user", render("mend", verdict=verdict, failures=failures)))
            work.prompts += ["mend"] if "mend" not in work.prompts else []
        ask = self._ask(messages, WRITTEN, "write a tool" if work.trial is None else "mend a tool")
        written, talk = await ask_form(
            self.chat, ask, lambda body: written_of(body, idea.kind), again=self.limits.again
        )
        if written.source in work.seen:
            raise NoReply("the same program came again")
        work.seen.add(written.source)
        # Only the first question and the last version go on: a conversation does not grow with the rounds.
        work.talk = (*talk[:2], talk[-1])
        work.written = written
        self._on_step(f"{idea.name}: practice exam")
        work.trial = await try_out(written, idea, practice, seed=self.seed)

    def _ask(self, messages: tuple[Message, ...], schema: object, purpose: str, *, most: int | None = None) -> Ask:
        tokens = min(most or self.limits.max_tokens, self.limits.max_tokens)
        return Ask(messages, schema=schema, max_tokens=tokens, purpose=purpose)


def _system() -> Message:
    return Message("system", render("system", modules=", ".join(MODULES)))


def _family(family: Family) -> str:
    task = family.task
    return f"{task.label}; what can be checked: {', '.join(task.checks) or 'nothing named'}; language: {task.language}"


def estimate_tokens(practice: Sequence[Case], limits: Limits) -> tuple[int, int]:
    """(tokens in, tokens out) of a family's usual calls: prompts as they are, at four characters a token; replies of
    1,200 tokens."""
    cases = showing.examples(practice)
    usual = len(render("system", modules=", ".join(MODULES))) + len(cases) + 2_000
    return usual // 4 * limits.usual_calls, limits.usual_calls * 1_200
