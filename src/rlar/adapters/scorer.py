"""The one internal call behind all trainers: groups in, rewards with parts out; nothing raised, deadlines kept."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import threading
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from rlar.adapters.ledger import Ledger, Scored, Status, by_task_and_tool, metrics
from rlar.adapters.meeting import MeetingPoint, NotAllCameError
from rlar.adapters.settings import Settings
from rlar.library.spent import spent_on
from rlar.types import Decision, Json, Query, Response, Scope

if TYPE_CHECKING:
    from rlar.adapters.client import AsyncRewardClient
    from rlar.system import RewardSystem

T = TypeVar("T")
DEADLINE_S = 100.0  # below the shortest limit of a trainer that has one (slime's remote_rm: 120 s)
DECISIONS = 8_192  # kept by content: some steps of training; about 1 kB each
LOG_S = 60.0  # between two lines about costs in the log
GRACE_S = 0.5  # for a system that overruns its deadline, before its call is given up
log = logging.getLogger("rlar.adapters")


@dataclass(frozen=True, slots=True)
class Group:
    """Responses to one query. complete: whether these are all that the policy gave in this step.

    expected: size of the complete group, where these are not all; None if nobody knows. meet: what tells this group
    from another one of the same query (run, step); part of the key under which its members meet.
    """

    query: Query
    responses: Sequence[Response]
    complete: bool = True
    expected: int | None = None
    meet: str = ""

    @property
    def whole(self) -> bool:
        return self.complete or (self.expected is not None and len(self.responses) >= self.expected)


class Scoring(Protocol):
    """What an adapter needs of a scorer."""

    @property
    def ledger(self) -> Ledger: ...

    async def score(self, groups_P: Sequence[Group], *, deadline_s: float | None = None) -> list[list[Scored]]: ...


class Scorer:
    """Rewards by a RewardSystem in this process, or by servers. For any number of threads and event loops.

    system: used instead of one made from the settings. ledger: what it all cost, since the start.
    """

    def __init__(self, settings: Settings, system: RewardSystem | None = None) -> None:
        self.settings = settings
        self.ledger = Ledger()
        self._told = time.monotonic()
        self._last: tuple[list[list[Scored]], float, float] = ([], 0.0, 0.0)
        self.meeting: MeetingPoint[Scored] | None = None
        if settings.meet_s is not None and not settings.servers:
            self.meeting = MeetingPoint(settings.meet_s, judge_partial=settings.partial == "score")
        self._system = system or settings.system
        self._client: AsyncRewardClient | None = None
        self._decisions: dict[str, Decision] = {}
        self._refs: dict[str, tuple[str, ...]] = {}  # of the decisions
        self._own_tools: tuple[str, ...] = ()
        self._lock = threading.Lock()

    @property
    def system(self) -> RewardSystem:
        with self._lock:
            if self._system is None:
                from rlar.system import RewardSystem

                s = self.settings
                self._system = RewardSystem(
                    s.library or None, route=s.route, tools=s.tools, profile=s.profile, cache=s.cache
                )
            return self._system

    async def score(self, groups_P: Sequence[Group], *, deadline_s: float | None = None) -> list[list[Scored]]:
        """Scored[p][g] for response g of group p. Never raises for what a tool, a response, a query or a server does.

        deadline_s: wall seconds for this call; without it the settings', else DEADLINE_S.
        """
        limit = max(0.001, deadline_s or self.settings.deadline_s or DEADLINE_S)
        started = time.monotonic()
        before = self.cache_counts()
        work = self._by_servers(groups_P, limit) if self.settings.servers else self._here(groups_P, limit)
        try:
            scored_PG = await asyncio.wait_for(work, limit + GRACE_S)
        except TimeoutError:
            scored_PG = _all(groups_P, Status.TIMEOUT, f"not ready within {limit:g} s")
        except Exception as e:  # the last line before a trainer that an exception would kill
            log.exception("a call could not be scored")
            scored_PG = _all(groups_P, Status.FAULT, f"{type(e).__name__}: {e}")
        wall_s = time.monotonic() - started
        self.ledger.add(scored_PG, wall_s)
        self._tell_costs()
        hit = _hit_rate(before, self.cache_counts())
        self._last = scored_PG, wall_s, hit
        return scored_PG

    def score_sync(self, groups_P: Sequence[Group], *, deadline_s: float | None = None) -> list[list[Scored]]:
        """`score` for callers without an event loop, or inside one; from any thread."""
        return run_sync(self.score(groups_P, deadline_s=deadline_s))

    @property
    def latest(self) -> dict[str, float]:
        """Metrics of the last call that ended: the constant ones, and those of its tasks and tools."""
        scored_PG, wall_s, hit = self._last
        return metrics(scored_PG, latency_s=wall_s, cache_hit=hit) | by_task_and_tool(scored_PG)

    def efficiency(self) -> dict[str, Json]:
        """What rewards cost since the start, all told and each, and apart from it what their tools cost to acquire."""
        return self.ledger.efficiency(self.cache_counts(), spent_on(self.settings.library))

    def _tell_costs(self) -> None:
        """One line in the log about every LOG_S seconds, for trainers that drop what a reward says of itself."""
        now = time.monotonic()
        if now - self._told >= LOG_S and log.isEnabledFor(logging.INFO):
            self._told = now
            log.info("rlar costs: %s", json.dumps(self.efficiency()))

    def tools_of(self, query: Query) -> tuple[str, ...]:
        """Refs of the tools that will judge this query; () for a gap, or where deciding fails."""
        known = self._refs.get(query.key)  # asked for every item of every request
        if known is not None:
            return known
        decision = self._decide(self.system, query)
        if not isinstance(decision, Decision):
            return ()
        refs = self._refs[query.key] = decision.tools
        return refs

    def _forget_if_changed(self, system: RewardSystem) -> None:
        tools = tuple(tool.card.ref for tool in system.library.own())
        if tools != self._own_tools:
            self._own_tools = tools
            self._decisions.clear()
            self._refs.clear()

    def _decide(self, system: RewardSystem, query: Query) -> Decision | Exception:
        """Routers are pure: while the library stays as it is, a decision holds for every query of that content."""
        known = self._decisions.get(query.key)
        if known is not None:
            return known
        try:
            decision = system.decide(query)
        except Exception as e:  # a user's router or `fits`
            return e
        if len(self._decisions) >= DECISIONS:
            self._decisions.clear()
            self._refs.clear()
        self._decisions[query.key] = decision
        return decision

    async def _here(self, groups_P: Sequence[Group], limit: float) -> list[list[Scored]]:
        system = await asyncio.to_thread(lambda: self.system) if self._system is None else self.system
        self._forget_if_changed(system)
        decisions = [self._decide(system, group.query) for group in groups_P]
        apart = {
            p
            for p, (group, decision) in enumerate(zip(groups_P, decisions, strict=True))
            if isinstance(decision, Decision) and not group.whole and _needs_all(system, decision)
        }
        rest = [p for p in range(len(groups_P)) if p not in apart]
        jobs = [(groups_P[p].query, groups_P[p].responses, decisions[p]) for p in rest]
        judged, met = await asyncio.gather(
            self._judge(system, jobs, limit),
            asyncio.gather(*(self._meet(system, groups_P[p], decisions[p], limit) for p in sorted(apart))),
        )
        by_place = dict(zip(rest, judged, strict=True)) | dict(zip(sorted(apart), met, strict=True))
        return [by_place[p] for p in range(len(groups_P))]

    async def _judge(
        self,
        system: RewardSystem,
        jobs: Sequence[tuple[Query, Sequence[Response], Decision | Exception]],
        limit: float,
    ) -> list[list[Scored]]:
        """Judge complete groups; a query whose decision failed, or that fails the call, costs only its own rewards."""
        sound = [(q, r, d) for q, r, d in jobs if isinstance(d, Decision)]
        try:
            rewards = await system.score_batch(
                [q for q, _, _ in sound],
                [r for _, r, _ in sound],
                deadline_s=limit,
                decisions_P=[d for _, _, d in sound],
            )
        except Exception as e:  # boundary to routers and tools that we did not write
            if len(sound) > 1:
                alone = await asyncio.gather(*(self._judge(system, [job], limit) for job in jobs))
                return [groups[0] for groups in alone]
            return [_broken(r, e if isinstance(d, Decision) else d) for _, r, d in jobs]
        done = iter(rewards)
        return [
            [Scored.of(reward) for reward in next(done)] if isinstance(d, Decision) else _broken(r, d)
            for _, r, d in jobs
        ]

    async def _meet(
        self, system: RewardSystem, group: Group, decision: Decision | Exception, limit: float
    ) -> list[Scored]:
        if self.meeting is None or group.expected is None:
            why = "a group tool is needed, and the group is not complete; set group_size and meet_s, or serve it"
            return [Scored(None, Status.INCOMPLETE, why=why)] * len(group.responses)

        async def judge(responses: Sequence[Response]) -> list[Scored]:
            return (await self._judge(system, [(group.query, responses, decision)], limit))[0]

        key = f"{self.settings.run}\0{group.meet}\0{group.query.key}"
        try:
            return await self.meeting.join(key, group.responses, group.expected, judge, wait_s=limit)
        except NotAllCameError as e:
            return [Scored(None, Status.INCOMPLETE, why=str(e))] * len(group.responses)

    async def _by_servers(self, groups_P: Sequence[Group], limit: float) -> list[list[Scored]]:
        with self._lock:
            if self._client is None:
                from rlar.adapters.client import AsyncRewardClient

                s = self.settings
                self._client = AsyncRewardClient(s.servers, key=os.environ.get(s.key_env), timeout_s=limit)
        scored: list[list[Scored]] = await self._client.score_groups(groups_P, deadline_s=limit, run=self.settings.run)
        return scored

    def cache_counts(self) -> dict[str, int]:
        return self._system.cache_counts() if self._system is not None else {}


def _needs_all(system: RewardSystem, decision: Decision) -> bool:
    return any(system.library.get(ref).card.scope is Scope.GROUP for ref in decision.tools)


def _broken(responses: Sequence[Response], error: Exception) -> list[Scored]:
    return [Scored(None, Status.FAULT, why=f"{type(error).__name__}: {error}")] * len(responses)


def _all(groups_P: Sequence[Group], status: Status, why: str) -> list[list[Scored]]:
    return [[Scored(None, status, why=why)] * len(group.responses) for group in groups_P]


def _hit_rate(before: dict[str, int], after: dict[str, int]) -> float:
    """Share of judgements that were at hand between two counts; other callers' in the meantime included."""
    new = {name: after.get(name, 0) - before.get(name, 0) for name in after}
    asked = new.get("hits", 0) + new.get("misses", 0)
    return max(0.0, min(1.0, new.get("hits", 0) / asked)) if asked > 0 else 0.0


_scorers: dict[tuple[int, str], Scorer] = {}
_scorers_lock = threading.Lock()


def scorer_for(settings: Settings) -> Scorer:
    """The scorer that this process has for these settings; equal ones share it, a forked child makes its own."""
    with _scorers_lock:
        place = os.getpid(), settings.key
        if place not in _scorers:
            _scorers[place] = Scorer(settings)
        return _scorers[place]


class _Loop:
    """One event loop in one daemon thread, for sync callers."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name="rlar-adapters", daemon=True).start()


_loop: _Loop | None = None
_loop_lock = threading.Lock()


def run_sync(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine, on a loop of our own: safe inside a running loop, and from several threads."""
    global _loop
    with _loop_lock:
        if _loop is None or _loop.pid != os.getpid():
            _loop = _Loop()
        loop = _loop.loop
    return asyncio.run_coroutine_threadsafe(work, loop).result()


def finite(value: object) -> float | None:
    """A number that may leave, else None."""
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
