"""The whole flow on one page: a query is analysed, routed to proven tools, judged, composed, shaped."""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from rlar.errors import InputError
from rlar.library import Library
from rlar.scoring.analyze import analyze, read_constraints
from rlar.scoring.compose import Composition, compose
from rlar.scoring.route import Router, make_router
from rlar.scoring.run import Job, run
from rlar.types import Decision, Message, Query, Response, Reward, Task

if TYPE_CHECKING:
    from rlar.engines.cache import VerdictCache
    from rlar.scoring.cluster import RayCluster
    from rlar.scoring.shape import Shaper

T = TypeVar("T")
QueryLike = Query | str | Sequence[Mapping[str, Any]] | Mapping[str, Any]

Again = Callable[[Sequence[Query], Sequence[Sequence[Response]]], Awaitable[list[list[Reward]]]]


class Watching(Protocol):
    """What looks at everything that is judged, and may change the library: rlar.acquire.evolve.Evolution.

    gone: refs of tools that were taken away. after: called with what was judged, returns the rewards to hand out.
    """

    gone: set[str]

    async def after(
        self,
        system: RewardSystem,
        queries_P: Sequence[Query],
        responses_PG: Sequence[Sequence[Response]],
        rewards_PG: list[list[Reward]],
        again: Again,
    ) -> list[list[Reward]]: ...


class RewardSystem:
    """Rewards for groups of responses. Safe to share between threads, event loops and trainers.

    library: a Library, or the folder of one; None for the built-in tools.
    route: a static map {"gsm8k": "math"} over source, dataset or task; or any Router; None routes by content.
    tools: your own tools, added to the library. judge: an LLM (rlar.engines.llm.Chat) or a Judge, asked only where
    there would be a gap. profile: reward, strict or lenient (maths).
    read_constraints: check what a prompt plainly asks for ("in exactly 50 words"; English) where a query has nothing
    else to check against. Off by default: to follow such a wish is less than to answer well, and pay is learnt.
    composition: how parts become a reward. shape: a function on one group's rewards, applied last (see scoring.shape).
    deadline_s: wall seconds for one call; what is not judged by then has no reward (Fault.CANCELLED).
    cache: identical judgements are made once and kept: True in memory, a path also in that file, False not at all.
    cluster: judge on a Ray cluster (scoring.cluster.RayCluster, or its address: "auto", "local", "host:port").
    evolve: watches what is judged, and replaces tools that break (acquire.evolve.Evolution).
    """

    def __init__(
        self,
        library: Library | str | Path | None = None,
        *,
        route: Router | Mapping[str, object] | None = None,
        tools: Sequence[Any] = (),
        judge: Any = None,
        profile: str = "reward",
        read_constraints: bool = False,
        composition: Composition | None = None,
        shape: Shaper | None = None,
        deadline_s: float | None = None,
        cache: bool | str | Path = True,
        cluster: RayCluster | str | None = None,
        evolve: Watching | None = None,
    ) -> None:
        self.library = library if isinstance(library, Library) else Library.open(library) if library else Library()
        for own in tools:
            self.library.add(own)
        if judge is not None:
            from rlar.tools.judge import Judge

            self.library.add(Judge(judge, task_of=lambda q: analyze(q).label) if hasattr(judge, "ask") else judge)
        self.router = make_router(route, profile=profile)
        self.read_constraints = read_constraints
        self.composition = composition or Composition()
        self.shape = shape
        self.deadline_s = deadline_s
        self.cache = cache
        if isinstance(cluster, str):
            from rlar.scoring.cluster import RayCluster

            cluster = RayCluster(cluster)
        self.cluster = cluster
        self.evolve = evolve
        self._verdicts: VerdictCache | None = None
        self._loop: _BackgroundLoop | None = None
        self._lock = threading.Lock()

    def analyze(self, query: QueryLike) -> Task:
        """What kind of judging this query needs."""
        return analyze(self._query(query))

    def decide(self, query: QueryLike) -> Decision:
        """Which tools judge answers to this query, and why; or the gap. Sees no response."""
        q = self._query(query)
        return self.router.decide(q, analyze(q), self.library)

    async def score(self, query: QueryLike, responses_G: Sequence[Response]) -> list[Reward]:
        """One Reward per response to one query, same order."""
        return (await self.score_batch([query], [responses_G]))[0]

    async def score_batch(
        self,
        queries_P: Sequence[QueryLike],
        responses_PG: Sequence[Sequence[Response]],
        *,
        deadline_s: float | None = None,
        decisions_P: Sequence[Decision] | None = None,
    ) -> list[list[Reward]]:
        """Rewards[p][g] for response g to query p. Groups may differ in size; an empty group gives an empty list.

        deadline_s: wall seconds for this call; None for the system's own. decisions_P: what `decide` said of these
        queries, for callers that asked it before; None to decide here.
        Raises InputError if the counts do not match or a response is no text. Nothing that a tool or a response does
        raises: the Reward is then None-valued and its verdicts say why.
        """
        if len(queries_P) != len(responses_PG):
            raise InputError(
                f"{len(queries_P)} queries but {len(responses_PG)} groups of responses; give one group each"
            )
        queries = [self._query(q) for q in queries_P]
        for p, responses_G in enumerate(responses_PG):
            _check_texts(p, responses_G)
        decisions = list(decisions_P) if decisions_P is not None else [self.decide(q) for q in queries]
        rewards_PG = await self._judged(queries, responses_PG, decisions, deadline_s)
        if self.evolve is None:
            return rewards_PG

        async def again(some: Sequence[Query], responses: Sequence[Sequence[Response]]) -> list[list[Reward]]:
            return await self._judged(some, responses, [self.decide(q) for q in some], deadline_s)

        return await self.evolve.after(self, queries, responses_PG, rewards_PG, again)

    def _query(self, query: QueryLike) -> Query:
        q = as_query(query)
        if not self.read_constraints or q.constraints or q.tests or q.reference is not None:
            return q
        return replace(q, constraints=read_constraints(q.question))

    async def _judged(
        self,
        queries: Sequence[Query],
        responses_PG: Sequence[Sequence[Response]],
        decisions: Sequence[Decision],
        deadline_s: float | None,
    ) -> list[list[Reward]]:
        if self.evolve is not None:  # a decision that was made before its tool was taken away
            gone = self.evolve.gone
            decisions = [
                d if gone.isdisjoint(d.tools) else self.decide(q) for q, d in zip(queries, decisions, strict=True)
            ]
        jobs = [Job(q, r, d.tools) for q, r, d in zip(queries, responses_PG, decisions, strict=True)]
        tools = {ref: self.library.get(ref) for ref in {ref for d in decisions for ref in d.tools}}
        cards = {ref: tool.card for ref, tool in tools.items()}
        judge = run if self.cluster is None else self.cluster.run
        verdicts_PGK = await judge(jobs, tools, deadline_s=deadline_s or self.deadline_s, cache=self._cache())
        return [
            self._shaped(compose(decision, verdicts_GK, cards, self.composition))
            for decision, verdicts_GK in zip(decisions, verdicts_PGK, strict=True)
        ]

    def score_sync(self, query: QueryLike, responses_G: Sequence[Response]) -> list[Reward]:
        """`score` for callers without an event loop, or inside one; from any thread."""
        return self._run(self.score(query, responses_G))

    def score_batch_sync(
        self, queries_P: Sequence[QueryLike], responses_PG: Sequence[Sequence[Response]]
    ) -> list[list[Reward]]:
        """`score_batch` for callers without an event loop, or inside one; from any thread."""
        return self._run(self.score_batch(queries_P, responses_PG))

    def cache_counts(self) -> dict[str, int]:
        """How often a judgement was at hand: hits, misses, and shared (another caller was asking just then)."""
        with self._lock:
            return dict(self._verdicts.counts) if self._verdicts is not None else {}

    def close(self) -> None:
        """Stop the background loop of the sync faces. Worker processes are shared and end with the process."""
        with self._lock:
            if self._loop is not None:
                self._loop.close()
                self._loop = None
            if self._verdicts is not None:
                self._verdicts.close()
                self._verdicts = None
        if self.cluster is not None:
            self.cluster.close()

    def __enter__(self) -> RewardSystem:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _cache(self) -> VerdictCache | None:
        if self.cache is False:
            return None
        with self._lock:
            if self._verdicts is None:
                from rlar.engines.cache import VerdictCache

                self._verdicts = VerdictCache(file=None if self.cache is True else Path(self.cache))
            return self._verdicts

    def _shaped(self, rewards_G: list[Reward]) -> list[Reward]:
        if self.shape is None:
            return rewards_G
        values = self.shape([r.value for r in rewards_G])
        return [r if r.value is None else replace(r, value=v) for r, v in zip(rewards_G, values, strict=True)]

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        with self._lock:
            if self._loop is None or not self._loop.alive():
                self._loop = _BackgroundLoop()
            loop = self._loop
        return loop.run(work)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_loop", "_lock", "_verdicts", "evolve")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _loop=None, _lock=threading.Lock(), _verdicts=None, evolve=None)


class _BackgroundLoop:
    """One event loop in one thread, for sync callers, in the process that made it; a forked child makes its own."""

    def __init__(self) -> None:
        import os

        self._pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="rlar-scoring", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def alive(self) -> bool:
        import os

        return self._pid == os.getpid() and self._thread.is_alive()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        atexit.unregister(self.close)
        if self.alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=5)
            self._loop.close()


def as_query(query: QueryLike) -> Query:
    """A Query from a Query, a prompt, a list of messages, or a mapping with Query's fields (others go to extra)."""
    if isinstance(query, Query):
        return query
    if isinstance(query, str):
        return Query(query)
    if isinstance(query, Mapping):
        from rlar.rollouts import query_of_row

        return query_of_row(query)
    if isinstance(query, (list, tuple)) and all(isinstance(m, Mapping) for m in query):
        return Query(tuple(Message(str(m["role"]), str(m["content"])) for m in query))
    raise InputError(f"a query is a Query, a prompt, messages or a mapping, not a {type(query).__name__}")


def _check_texts(p: int, responses_G: Sequence[Response]) -> None:
    if isinstance(responses_G, str):
        raise InputError(f"group {p}: responses are one string; give a list of responses, even for one")
    for g, response in enumerate(responses_G):
        if not isinstance(response, str):
            raise InputError(f"group {p}, response {g}: a response is text, got {type(response).__name__}")


_default: RewardSystem | None = None
_default_lock = threading.Lock()


@overload
def score(queries: Query | str | Mapping[str, Any], responses: Sequence[str], **settings: Any) -> list[Reward]: ...


@overload
def score(
    queries: Sequence[Query | str | Mapping[str, Any]], responses: Sequence[Sequence[str]], **settings: Any
) -> list[list[Reward]]: ...


def score(
    queries: QueryLike | Sequence[Query | str | Mapping[str, Any]],
    responses: Sequence[str] | Sequence[Sequence[str]],
    **settings: Any,
) -> list[Reward] | list[list[Reward]]:
    """Score with one call: one query and its responses, or lists of both.

    settings: as for RewardSystem (route, tools, library ...); without them one system is kept for all calls.

    >>> score({"prompt": "6 * 7?", "reference": "42"}, ["It is 42.", "It is 24."])
    """
    many = isinstance(queries, (list, tuple)) and not (
        queries and isinstance(queries[0], Mapping) and "role" in queries[0]
    )
    queries_P: Any = queries if many else [queries]
    responses_PG: Any = responses if many else [responses]
    if settings:
        with RewardSystem(**settings) as system:
            rewards_PG = system.score_batch_sync(queries_P, responses_PG)
    else:
        rewards_PG = _default_system().score_batch_sync(queries_P, responses_PG)
    return rewards_PG if many else rewards_PG[0]


def _default_system() -> RewardSystem:
    global _default
    with _default_lock:
        if _default is None:
            _default = RewardSystem()
        return _default
