"""What is done about findings: ask, note, quarantine and roll back, compare a canary, promote, retire, restore.

A finding alone changes nothing where it can be looked into. First the tool judges again what it judged first: if it no
longer gives what it gave, it is broken. Then it is examined on the queries of just now: if it is as good as it was
proven to be, the policy has changed and not the tool. What is broken is quarantined, and the version before it judges
again. Everything done is an event with its reason, in the library's log and in the version's history.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rlar.acquire.evolve.canaries import Canaries
from rlar.acquire.evolve.doubts import RECENT, Judgement, Recent, examined, replayed, sound, why_broken
from rlar.acquire.evolve.events import Event, key_of
from rlar.acquire.evolve.watch import Finding, Judged, Settings, Watch
from rlar.acquire.exam.cases import rng_for
from rlar.errors import ToolError
from rlar.library import Library
from rlar.library.index import Row
from rlar.library.loaders import load
from rlar.library.manifest import LibraryProblem
from rlar.library.store import REPLACED, Store
from rlar.rollouts import Item
from rlar.scoring.route import family_of
from rlar.scoring.run import Job, run
from rlar.types import Query, Response, Reward, Tool

REFRESH = 50  # groups after which the library on disk is looked at again
RETRY = 300  # groups after which a tool that was taken away for faults is asked again
OPEN_ASKS = 1000


log = logging.getLogger("rlar.evolve")

Again = Callable[[Sequence[Query], Sequence[Sequence[Response]]], Awaitable[list[list[Reward]]]]


class Judging(Protocol):
    """What a running system shows of itself."""

    library: Library


@dataclass
class _Away:
    """A tool that was taken away for faults. next: when to ask it again, in groups that the watch has seen."""

    tool: Tool
    finding: Finding
    next: int


class Evolution:
    """Watches a system and keeps its tools good: `RewardSystem(library, evolve=Evolution(library))`.

    library: the folder that the system uses (or its Store): its versions' states are changed, and canaries are taken
    from it. None: only the running system is changed, and what is learnt is gone with it.
    check: a tool that pays nothing and is asked on a share of the groups (check_share), to tell exploits from learning.
    canary_share: of queries with a known answer on which a canary is compared with the version that judges.
    exams: whether doubtful tools are examined on recent queries; without, doubt alone changes nothing, broken tools
    (faults, one value for everything) are still taken away. dry_run: events are told, and nothing is done.
    on_event: called with each event. gone: refs of the versions that were taken away. For several threads and event
    loops; an exception of `on_event` is the caller's.
    """

    def __init__(
        self,
        library: Store | str | Path | None = None,
        *,
        settings: Settings | None = None,
        check: Tool | None = None,
        check_share: float = 0.1,
        canary_share: float = 0.25,
        exams: bool = True,
        dry_run: bool = False,
        running: bool = True,
        on_event: Callable[[Event], None] = lambda event: None,
    ) -> None:
        self.store = library if isinstance(library, Store) else Store(library) if library is not None else None
        self.watch = Watch(settings)
        self.check, self.check_share = check, check_share
        self.exams, self.dry_run, self.running, self.on_event = exams, dry_run, running, on_event
        self.events: list[Event] = []
        self.problems: deque[str] = deque(maxlen=100)  # what went wrong with watching itself, newest last
        self.canaries = Canaries(self.store, share=canary_share, recorded=not dry_run)
        self._recent: dict[str, Recent] = {}
        self._first: dict[tuple[str, str], list[Judgement]] = {}
        self.gone: set[str] = set()
        self._away: dict[str, _Away] = {}
        self._asked: deque[tuple[str, str]] = deque(maxlen=OPEN_ASKS)
        self._lock = threading.Lock()
        self._recorded: set[str] = set()
        if self.store is not None:
            self._recorded = {key_of(event) for event in self.store.events()}
            self.gone |= {f"{r.name}@{r.version}" for r in self.store.rows() if r.state == "quarantined"}

    # -- a running system -------------------------------------------------------------------------------------------

    async def after(
        self,
        system: Judging,
        queries_P: Sequence[Query],
        responses_PG: Sequence[Sequence[Response]],
        rewards_PG: list[list[Reward]],
        again: Again,
    ) -> list[list[Reward]]:
        """Called by a RewardSystem with what it just judged. Returns the rewards to hand out: those of groups whose
        tool was found broken right now are made anew, by the tool that judges instead. again: how to make them."""
        gone = set(self.gone)
        for query, responses, rewards in zip(queries_P, responses_PG, rewards_PG, strict=True):
            if rewards and rewards[0].decision is not None:
                try:
                    check = await self._checked(query, responses)
                    await self.see(system.library, query, responses, rewards, check=check)
                except Exception as e:  # watching must not cost rewards: a full disk, a library that somebody removed
                    self.problems.append(f"{type(e).__name__}: {e}")
                    log.exception("a group was not watched")
        new = self.gone - gone
        stale = [
            p
            for p, rewards in enumerate(rewards_PG)
            if any(v.tool in new for reward in rewards for v in reward.verdicts)
        ]
        if stale:
            mended = await again([queries_P[p] for p in stale], [responses_PG[p] for p in stale])
            for p, rewards in zip(stale, mended, strict=True):
                rewards_PG[p] = rewards
        return rewards_PG

    async def see(
        self,
        library: Library,
        query: Query,
        responses_G: Sequence[Response],
        rewards_G: Sequence[Reward],
        *,
        check: Sequence[float | None] = (),
    ) -> list[Event]:
        """Take in one judged group, and do what it calls for."""
        decision = rewards_G[0].decision
        assert decision is not None
        values = {
            ref: [next((v.value for v in r.verdicts if v.tool == ref), None) for r in rewards_G]
            for ref in decision.tools
        }
        item = Item(query, tuple(responses_G), query.id or "", "", 0)
        return await self.take(library, family_of(decision.task), values, item=item, gap=not values, check=check)

    async def take(
        self,
        library: Library,
        family: str,
        values: Mapping[str, Sequence[float | None]],
        *,
        item: Item | None = None,
        gap: bool = False,
        check: Sequence[float | None] = (),
    ) -> list[Event]:
        """Take in what the tools said of one group (by ref), and do what it calls for. item: None where it is not known
        what was judged, as in a file of rewards; then nothing can be examined, and answers are not looked at."""
        with self._lock:
            found = self.watch.see_family(family, gap=gap)
            shared = self.watch.echoes.see(item.responses) if item is not None else None
            lengths = [len(r) for r in item.responses] if item is not None else ()
            if item is not None:
                self._recent.setdefault(family, Recent()).add(item)
            for ref, mine in values.items():
                if ref in self.gone:
                    continue
                first = self._first.setdefault((ref, family), [])
                if item is not None and len(first) < RECENT:
                    first.append((item, tuple(mine)))
                others = [v for other, v in values.items() if other != ref]
                distinct = item is None or len(set(item.responses)) > 1
                found += self.watch.see(Judged(ref, family, mine, others, check, lengths, shared, distinct))
        events = [event for finding in found for event in await self._answer(library, finding)]
        if self.running and self.watch.groups % REFRESH == 0:
            events += self.refresh(library)
        if self._away:
            events += await self._restore(library)
        if item is not None and self.canaries.tools:
            for old in filter(None, (self._tool(library, ref) for ref in values)):
                for new in await self.canaries.compare(old, family, item, self._recent.get(family)):
                    events.append(self._settle(library, new, old.card.ref, family))
        return events

    async def _checked(self, query: Query, responses_G: Sequence[Response]) -> list[float | None]:
        if self.check is None or rng_for(0, "check", query.key).random() >= self.check_share:
            return []
        if not self.check.fits(query):
            return []
        ref = self.check.card.ref
        ((verdicts),) = await run([Job(query, responses_G, (ref,))], {ref: self.check})
        return [v[0].value for v in verdicts]

    # -- findings ---------------------------------------------------------------------------------------------------

    async def _answer(self, library: Library, finding: Finding) -> list[Event]:
        if finding.kind == "gaps":
            return self._ask(finding, "a tool is missing: acquire one")
        if finding.tool in self.gone:
            return []
        if finding.kind == "saturation":
            return self._ask(finding, "it teaches nothing more here: harder queries, or a tool that tells finer")
        tool = self._tool(library, finding.tool)
        moved = exam = None
        if self.exams and tool is not None:
            moved = await replayed(tool, self._first.get((finding.tool, finding.family), []))
        if moved:
            return self._quarantine(library, finding, f"{finding.why}; {moved}")
        if self.exams and tool is not None and finding.family in self._recent:
            exam = await examined(tool, self._recent[finding.family])
        if tool is not None and exam is not None and (broken := why_broken(tool, exam)):
            return self._quarantine(library, finding, f"{finding.why}; examined on {exam.queries} queries: {broken}")
        if finding.kind == "faults" or (finding.kind == "frozen" and moved is None):
            return self._quarantine(library, finding, finding.why)
        why = f"{finding.why}; {sound(moved, exam)}"
        if finding.kind in ("hacking", "frozen"):
            return self._ask(finding, f"{why}: look at the answers, acquire a stricter tool")
        return [self._tell(Event("noted", finding.tool, finding.family, why, finding=finding))]

    def _ask(self, finding: Finding, why: str) -> list[Event]:
        key = finding.family, finding.kind
        if key in self._asked:
            return []
        self._asked.append(key)
        words = why if why.startswith(finding.why) else f"{finding.why}; {why}"
        return [self._tell(Event("asked", finding.tool, finding.family, words, finding=finding))]

    def _tool(self, library: Library, ref: str) -> Tool | None:
        try:
            return library.get(ref)
        except ToolError:
            return None

    # -- actions ----------------------------------------------------------------------------------------------------

    def _tell(self, event: Event) -> Event:
        event = event.now()
        self.events.append(event)
        known = event.act in ("noted", "asked") and event.key() in self._recorded  # the same file, read again
        if self.store is not None and not self.dry_run and not known:
            self._recorded.add(event.key())
            self.store.record(event.to_json())
        self.on_event(event)
        return event

    def _quarantine(self, library: Library, finding: Finding, why: str) -> list[Event]:
        """Take a broken version away. Instead of it: the version it replaced, else one of its family that passed its
        exam and waits, else what routing finds (a built-in tool, or a gap, which is asked for)."""
        ref, name = finding.tool, finding.tool.partition("@")[0]
        if not self.running and not self._on_disk(ref):
            return self._ask(finding, f"{why}; it is not the library's, so nothing was changed: acquire a tool instead")
        with self._lock:
            if ref in self.gone:
                return []
            self.gone.add(ref)
            self.watch.forget(ref)
        instead = ""
        if self.dry_run:
            return [self._tell(Event("quarantined", ref, finding.family, why, finding=finding))]
        if self.store is not None and self._on_disk(ref):
            row = self.store.quarantine(ref, why=why[:500])
            row = row or self._waiting(finding.family)
            if row is not None:
                instead = f"{row.name}@{row.version}"
        tool = self._tool(library, ref)
        if finding.kind == "faults" and tool is not None and finding.family in self._recent:
            self._away[ref] = _Away(tool, finding, self.watch.groups + RETRY)
        before = self._leave(library, ref)
        if instead and self.store is not None:
            row = self.store.find(instead)
            with contextlib.suppress(LibraryProblem):
                if before is None or before.card.ref != instead:
                    library.add(load(self.store.manifest(row), self.store.path(row), self.store.exam(row)))
        elif before is not None and before.card.name == name:
            instead = before.card.ref
        events = [self._tell(Event("quarantined", ref, finding.family, why, instead, finding))]
        if not instead:
            events += self._ask(finding, f"{ref} is gone and had no earlier version: acquire a tool")
        return events

    def _leave(self, library: Library, ref: str) -> Tool | None:
        """Withdraw a version from the running system, and those before it that judge no longer either. Returns the tool
        that has the name now."""
        states = {f"{r.name}@{r.version}": r.state for r in self.store.rows()} if self.store is not None else {}
        left = library.withdraw(ref)
        while left is not None and states.get(left.card.ref) in ("retired", "quarantined"):
            left = library.withdraw(left.card.ref)
        return left

    def _on_disk(self, ref: str) -> bool:
        return self.store is not None and any(
            f"{r.name}@{r.version}" == ref and r.state in ("admitted", "canary") for r in self.store.rows()
        )

    def _waiting(self, family: str) -> Row | None:
        """Admit the best version of this family that passed its exam and was second best then; None without one."""
        assert self.store is not None
        ready = []
        for row in self.store.rows():
            if row.state not in ("proposed", "canary"):
                continue
            with contextlib.suppress(LibraryProblem):
                exam = self.store.exam(row) or {}
                if self.store.manifest(row).card.get("family") == family and exam.get("passed"):
                    ready.append((exam["pair_accuracy"]["low"], row))
        if not ready:
            return None
        row = max(ready)[1]
        return self.store.admit(f"{row.name}@{row.version}", why="passed its exam; the version that judged is broken")

    async def _restore(self, library: Library) -> list[Event]:
        """Ask tools again that were taken away for faults, which may have been an outage, once in a while."""
        events = []
        for ref, away in list(self._away.items()):
            if self.watch.groups < away.next:
                continue
            away.next = self.watch.groups + RETRY
            items = self._recent[away.finding.family].items.values()
            got = await run([Job(i.query, i.responses, (ref,)) for i in items], {ref: away.tool})
            faulty = [v[0].fault is not None for group in got for v in group]
            if not faulty or sum(faulty) > 0.01 * len(faulty):
                continue
            with self._lock:
                self.gone.discard(ref)
                self._away.pop(ref, None)
            if self.store is not None and not self.dry_run and self._state(ref) == "quarantined":
                self.store.move(ref, "proposed", why="judges again without faults")
                self.store.admit(ref, why=f"judged {len(faulty)} recent responses without a fault")
            if not self.dry_run:
                library.add(away.tool)
            why = f"judged {len(faulty)} recent responses without a fault"
            events.append(self._tell(Event("restored", ref, away.finding.family, why)))
        return events

    def refresh(self, library: Library) -> list[Event]:
        """Take over what happened to the library on disk meanwhile: what `rlar acquire` admitted, or somebody retired,
        rolled back, pinned, or let shadow. Done by itself every REFRESH groups."""
        if self.store is None or self.dry_run:
            return []
        rows = self.store.rows()
        current = self.store.current()
        states = {f"{r.name}@{r.version}": r.state for r in rows}
        events = []
        here = {tool.card.name: tool.card.ref for tool in library.own()}
        for name, row in current.items():
            ref = f"{name}@{row.version}"
            if here.get(name) != ref and ref not in self.gone:
                with contextlib.suppress(LibraryProblem):
                    library.add(load(self.store.manifest(row), self.store.path(row), self.store.exam(row)))
                    events.append(
                        Event("noted", ref, "", "admitted in the library meanwhile; it judges from now on", ref)
                    )
        for name, ref in here.items():
            if name not in current and states.get(ref) in ("retired", "quarantined") and ref not in self.gone:
                self._leave(library, ref)
                events.append(Event("noted", ref, "", f"{states[ref]} in the library meanwhile; it judges no longer"))
        if {ref for ref, state in states.items() if state == "canary"} != set(self.canaries.tools):
            self.canaries.load()
        for event in events:
            self.events.append(event)
            self.on_event(event)
        return events

    # -- canaries ---------------------------------------------------------------------------------------------------

    def _settle(self, library: Library, new: str, old: str, family: str) -> Event:
        canary, duel = self.canaries.pop(new)
        measured = f"{duel.mean:+.3f} in the order of answers, on {duel.n} queries, beside {old}"
        if duel.decided == "worse":
            if self.store is not None and not self.dry_run:
                self.store.move(new, "retired", why=f"as a canary it was worse: {measured}")
            return self._tell(Event("retired", new, family, f"a canary that is worse: {measured}", old))
        if not self.dry_run:
            assert self.store is not None
            self.store.admit(new, why=f"as a canary it was not worse: {measured}")
            if old.partition("@")[0] != canary.card.name and self._state(old) == "admitted":
                self.store.move(old, "retired", why=f"{REPLACED} {new}", pinned=False)
                library.withdraw(old)
            library.add(canary)
        return self._tell(Event("promoted", new, family, f"a canary that is not worse: {measured}", new))

    def start_canary(self, ref: str, *, why: str = "to be compared with the version that judges") -> Event:
        """Let a version shadow the one that judges. Raises ToolError if its state does not allow that."""
        if self.store is None:
            raise ToolError("a canary needs a library on disk")
        row = self.store.move(ref, "canary", why=why)
        tool = load(self.store.manifest(row), self.store.path(row), self.store.exam(row))
        self.canaries.add(tool)
        return self._tell(Event("canary", tool.card.ref, tool.card.family, why))

    def _state(self, ref: str) -> str:
        assert self.store is not None
        return next((r.state for r in self.store.rows() if f"{r.name}@{r.version}" == ref), "")
