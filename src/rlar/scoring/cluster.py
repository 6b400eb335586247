"""The same judging on a Ray cluster, where one machine is too small: `RewardSystem(cluster=RayCluster("auto"))`.

    driver   analyses, routes, composes and shapes; keeps the cache; sends each tool once, and chunks of groups
    actors   one to a slot of `cpus` cores, spread over the nodes; each has its own worker pool and sandbox, and judges
             with `scoring.run`, as the driver would. Ray restarts one that dies; what it held is judged by another

Tools that ask over the network (LLM judges, remote models) stay with the driver, so that budgets and ledger are one;
models too, unless `gpus` gives every actor a share of a GPU. A group whose
actor died with it is judged again, alone; one that takes every actor down is a fault, and takes no other with it.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import pickle
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlar.errors import InputError, MissingExtra, ToolFault
from rlar.scoring.run import Group, Job, ask, run
from rlar.types import Fault, Query, Response, Tool, ToolCard, Verdict

if TYPE_CHECKING:
    from rlar.engines.cache import VerdictCache

ALONE = 2  # more tries, alone on an actor, for a group whose actor died with it
IN_FLIGHT = 2  # chunks of one call that an actor holds at a time: one is judged, one waits
CHUNK = 64  # responses of a chunk; a group is never cut
START_S = 60.0  # wall seconds for the first actor to come up
FREE_S = 10.0  # wall seconds to wait for a free core
BACK_S = 30.0  # wall seconds for a lost actor to come back


@dataclass(slots=True, eq=False)
class Seat:
    """One actor, as the driver sees it. node: its node's id. gone: it does not answer, and has been waited for."""

    handle: Any
    node: str = ""
    gone: bool = False
    asked: Any = None

    async def back(self) -> None:
        """Return when the actor answers again, or is gone."""
        import ray.exceptions

        until = time.monotonic() + BACK_S
        died = 0  # in a row: one that died under the question may be restarted, one that is dead stays so
        while died < 3:
            try:
                self.node, _ = await asyncio.wait_for(self.handle.here.remote(), until - time.monotonic())
                return
            except TimeoutError:
                break
            except ray.exceptions.RayError as e:
                died = died + 1 if isinstance(e, ray.exceptions.ActorDiedError) else 0
                await asyncio.sleep(0.3)
        self.gone = True

    def look(self) -> bool:
        """Whether it is there, without waiting: one that was gone may be up again on a node that came."""
        import ray

        if self.gone:
            self.asked = self.asked or self.handle.here.remote()
            if ray.wait([self.asked], timeout=0)[0]:
                try:
                    self.node, _ = ray.get(self.asked)
                    self.gone = False
                except ray.exceptions.RayError:
                    pass
                self.asked = None
        return not self.gone


class RayCluster:
    """Actors on a Ray cluster that judge for this process.

    address: as for ray.init: "auto" (the cluster at hand), "local" (a new one on this machine), "host:port" or
    "ray://...". In a process that is connected already (a trainer on Ray) the connection is used as it is.
    actors: how many; None for as many as the free cores hold. cpus: cores of one actor, which are its worker
    processes; None for 8, or a node's cores where it has fewer. gpus: share of a GPU of each, for reward models.
    runtime_env: as for Ray, for what the nodes lack.
    Nothing starts before the first use. Rewards are the same as without a cluster. Safe for threads and event loops.
    Raises MissingExtra without ray; InputError if the cluster has no room, or runs another version of this package.
    """

    def __init__(
        self,
        address: str = "auto",
        *,
        actors: int | None = None,
        cpus: int | None = None,
        gpus: float = 0.0,
        runtime_env: Mapping[str, Any] | None = None,
    ) -> None:
        for name, value in (("actors", actors), ("cpus", cpus)):
            if value is not None and value < 1:
                raise InputError(f"{name} must be at least 1, got {value}")
        if gpus < 0:
            raise InputError(f"gpus must not be negative, got {gpus:g}")
        self.address, self.actors, self.cpus, self.gpus = address, actors, cpus, gpus
        self.runtime_env = dict(runtime_env or {})
        self.counts = {"chunks": 0, "lost": 0, "given_up": 0}
        self._seats: list[Seat] = []
        self._sent: dict[str, Any] = {}
        self._lock = threading.Lock()

    async def run(
        self,
        jobs_P: Sequence[Job],
        tools: Mapping[str, Tool],
        *,
        deadline_s: float | None = None,
        cache: VerdictCache | None = None,
    ) -> list[list[list[Verdict]]]:
        """As `scoring.run.run`, with tools that judge on the cluster. What the driver's cache knows is not sent."""
        spread = {ref: Afar(self, tool) if self.takes(tool) else tool for ref, tool in tools.items()}
        if any(isinstance(tool, Afar) for tool in spread.values()):
            await asyncio.to_thread(self.ready)  # a cluster that can't be had is the caller's to know, not a fault
        return await run(jobs_P, spread, deadline_s=deadline_s, cache=cache)

    def takes(self, tool: Tool) -> bool:
        """Whether this tool is sent to actors, rather than asked by the driver."""
        return tool.card.engine in ("worker", "inline", "sandbox") or (tool.card.engine == "model" and self.gpus > 0)

    def stats(self) -> dict[str, Any]:
        """For people: actors, nodes, chunks sent, chunks lost with an actor, groups given up."""
        seats = [seat for seat in self._seats if not seat.gone]
        return {"actors": len(seats), "nodes": len({seat.node for seat in seats}), **self.counts}

    def handles(self) -> list[Any]:
        """The Ray actors, once they are up."""
        return [seat.handle for seat in self._seats]

    def close(self) -> None:
        """End the actors. The connection to the cluster stays, for whoever made it."""
        with self._lock:
            seats, self._seats, self._sent = self._seats, [], {}
        if seats:
            import ray

            for seat in seats:
                if ray.is_initialized():
                    ray.kill(seat.handle)

    def __getstate__(self) -> dict[str, Any]:
        state = {k: v for k, v in self.__dict__.items() if k != "_lock"}
        return state | {"_seats": [], "_sent": {}, "counts": dict.fromkeys(self.counts, 0)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())

    # -- actors and tools ----------------------------------------------------------------------------------------------

    def ready(self) -> list[Seat]:
        """The actors that are there, made at the first use."""
        with self._lock:
            if not self._seats:
                self._seats = self._start()
            return [seat for seat in self._seats if seat.look()]

    def _start(self) -> list[Seat]:
        try:
            import ray
        except ImportError as e:
            raise MissingExtra("a Ray cluster", "ray") from e
        if not ray.is_initialized():
            self._connect(ray)
        cpus, actors = self._places(ray)
        make = ray.remote(Actor).options(
            num_cpus=cpus, num_gpus=self.gpus, max_restarts=-1, max_task_retries=0, max_concurrency=1000,
            scheduling_strategy="SPREAD", runtime_env=self.runtime_env or None,
        )  # fmt: skip
        seats = [Seat(make.remote(cpus)) for _ in range(actors)]
        asked = [seat.handle.here.remote() for seat in seats]
        up, _ = ray.wait(asked, num_returns=len(asked), timeout=START_S)
        versions = {answer: ray.get(answer) for answer in up}
        wrong = [(node, version) for node, version in versions.values() if version != _version()]
        if not up or wrong:
            for seat in seats:
                ray.kill(seat.handle)
        for node, version in wrong:
            raise InputError(
                f"a node of the Ray cluster ({node[:8]}) runs rlar {version}, this process {_version()}: install one"
            )
        if not up:
            raise InputError(f"no actor came up within {START_S:g} s: the cluster has no room for {cpus} cores each")
        found = []
        for seat, answer in zip(seats, asked, strict=True):
            if answer not in up:
                ray.kill(seat.handle)  # the cluster is smaller than it said, or others took its cores
                continue
            seat.node, _ = versions[answer]
            found.append(seat)
        return found

    def _connect(self, ray: Any) -> None:
        try:
            ray.init(address=self.address, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, ValueError) as e:
            raise InputError(
                f"there is no Ray cluster at {self.address!r} ({e}); start one with `ray start --head`, or give 'local'"
            ) from e

    def _places(self, ray: Any) -> tuple[int, int]:
        """Cores of one actor, and how many actors."""
        nodes = [int(n["Resources"].get("CPU", 0)) for n in ray.nodes() if n["Alive"]]
        largest = max(nodes, default=0)
        if largest < 1:
            raise InputError("the Ray cluster has no cores")
        cpus = self.cpus or min(8, largest)
        if cpus > largest:
            raise InputError(f"no node of the Ray cluster has {cpus} cores; the largest has {largest}")
        if self.actors is not None:
            return cpus, self.actors
        free = _free_cores(ray)
        room = min(sum(n // cpus for n in nodes), free // cpus)
        if room == 0 and self.cpus is None and free >= 1:
            return 1, free  # others hold most of it: small actors fit beside them
        if room == 0:
            raise InputError(f"the Ray cluster has {free} free cores, an actor wants {cpus}: give cpus=1, or fewer")
        if self.gpus > 0:
            room = min(room, int(ray.available_resources().get("GPU", 0) / self.gpus))
            if room == 0:
                raise InputError(f"the Ray cluster has no free GPU for an actor that wants {self.gpus:g}")
        return cpus, room

    def parcel(self, tool: Tool) -> Any:
        """A tool in Ray's object store, put there once. Raises ToolFault if it can't be sent."""
        ref = tool.card.ref
        with self._lock:
            if ref not in self._sent:
                import ray

                try:
                    blob = pickle.dumps(tool)
                except Exception as e:  # boundary to code that we did not write
                    why = f"can't be sent to another machine: {type(e).__name__}: {e}"
                    raise ToolFault(Fault.MISSING, why) from e
                self._sent[ref] = ray.put(blob)
            return self._sent[ref]


def _version() -> str:
    return importlib.metadata.version("rlar")


def _free_cores(ray: Any) -> int:
    """Cores that nobody holds; waits a little for some, as Ray is slow to see that actors have ended."""
    until = time.monotonic() + FREE_S
    while (free := int(ray.available_resources().get("CPU", 0))) < 1 and time.monotonic() < until:
        time.sleep(0.2)
    return free


@dataclass(frozen=True, slots=True)
class Afar:
    """A tool whose judging is done by the actors of a cluster."""

    cluster: RayCluster
    tool: Tool

    @property
    def card(self) -> ToolCard:
        return self.tool.card

    def fits(self, query: Query) -> bool:
        return self.tool.fits(query)

    async def judge(self, query: Query, responses_G: Sequence[Response]) -> list[Verdict]:
        return (await self.judge_many([(query, responses_G)]))[0]

    async def judge_many(self, groups: Sequence[Group]) -> list[list[Verdict]]:
        """Verdicts of all groups, in order. What is cancelled here is cancelled on the cluster."""
        seats = await asyncio.to_thread(self.cluster.ready)
        try:
            parcel = await asyncio.to_thread(self.cluster.parcel, self.tool)
        except ToolFault as e:
            return [[Verdict(self.card.ref, fault=e.fault, why=e.why)] * len(responses) for _, responses in groups]
        sending = Sending(self.cluster, self.card.ref, parcel, groups)
        await sending.over(seats)
        return sending.out


class Sending:
    """One call's groups on their way through the actors. out: verdicts by group, filled as they come.

    First all chunks, some at a time on each actor; then the groups whose actor died with them, each alone, and on
    another actor where there is one: only who is alone with a death may be blamed for it.
    """

    def __init__(self, cluster: RayCluster, ref: str, parcel: Any, groups: Sequence[Group]) -> None:
        self.cluster, self.ref, self.parcel, self.groups = cluster, ref, parcel, groups
        self.out: list[list[Verdict]] = [[] for _ in groups]
        self.died_on: dict[int, list[Seat]] = {}

    async def over(self, seats: Sequence[Seat]) -> None:
        """Send all of it; returns when every group has its verdicts."""
        waiting = deque(chunks_of([len(responses) for _, responses in self.groups]))
        await self._all([(seat, waiting) for seat in seats for _ in range(IN_FLIGHT)])
        for _ in range(ALONE):
            lanes: dict[int, tuple[Seat, deque[list[int]]]] = {}
            for p, deadly in self._unsettled():
                there = [seat for seat in seats if not seat.gone]
                if chosen := [seat for seat in there if seat not in deadly] or there:
                    seat = chosen[p % len(chosen)]
                    lanes.setdefault(id(seat), (seat, deque()))[1].append([p])
            await self._all(list(lanes.values()))
        for p, deadly in self._unsettled():
            if deadly:
                self._give_up([p], Fault.CRASHED, f"{len(deadly)} actors of the Ray cluster died with it")
            else:
                self._give_up([p], Fault.UNAVAILABLE, "no actor of the Ray cluster is left")

    def _unsettled(self) -> list[tuple[int, list[Seat]]]:
        """Groups without verdicts, each with the actors that died with it."""
        return [(p, self.died_on.get(p, [])) for p, verdicts in enumerate(self.out) if not verdicts]

    async def _all(self, lanes: Sequence[tuple[Seat, deque[list[int]]]]) -> None:
        async with asyncio.TaskGroup() as serving:
            for seat, waiting in lanes:
                serving.create_task(self._serve(seat, waiting))

    async def _serve(self, seat: Seat, waiting: deque[list[int]]) -> None:
        while waiting and not seat.gone:
            await self._send(seat, waiting.popleft())

    async def _send(self, seat: Seat, chunk: list[int]) -> None:
        import ray
        import ray.exceptions

        self.cluster.counts["chunks"] += 1
        # In a list, so that Ray hands over the reference: the actor fetches the tool once.
        answer = seat.handle.judge.remote(self.ref, [self.parcel], [self.groups[p] for p in chunk])
        try:
            verdicts = await self._answer(seat, answer)
        except asyncio.CancelledError:
            ray.cancel(answer)
            raise
        except TimeoutError:
            ray.cancel(answer)
            self._lost(seat, chunk)
        except ray.exceptions.RayTaskError as e:
            fault = e.cause.fault if isinstance(e.cause, ToolFault) else Fault.CRASHED
            self._give_up(chunk, fault, str(e.cause if e.cause is not None else e)[:500])
        except ray.exceptions.RayError:
            self._lost(seat, chunk)
            await seat.back()
        else:
            for p, verdicts_G in zip(chunk, verdicts, strict=True):
                self.out[p] = verdicts_G

    async def _answer(self, seat: Seat, answer: Any) -> list[list[Verdict]]:
        """What the actor says. Raises TimeoutError once it is gone: a call to one that is down would wait for ever."""
        coming = asyncio.ensure_future(_result(answer))
        try:
            while not (await asyncio.wait([coming], timeout=BACK_S))[0]:
                await seat.back()
                if seat.gone:
                    raise TimeoutError
            return coming.result()
        finally:
            coming.cancel()

    def _lost(self, seat: Seat, chunk: Sequence[int]) -> None:
        self.cluster.counts["lost"] += 1
        for p in chunk:
            self.died_on.setdefault(p, []).append(seat)

    def _give_up(self, chunk: Sequence[int], fault: Fault, why: str) -> None:
        self.cluster.counts["given_up"] += len(chunk)
        for p in chunk:
            self.out[p] = [Verdict(self.ref, fault=fault, why=why)] * len(self.groups[p][1])


async def _result(answer: Any) -> list[list[Verdict]]:
    verdicts: list[list[Verdict]] = await answer
    return verdicts


class Actor:
    """What runs on a node: judges chunks with its own worker pool and sandbox."""

    def __init__(self, cpus: int) -> None:
        os.environ["RLAR_WORKERS"] = str(cpus)
        self.tools: dict[str, Tool] = {}

    async def here(self) -> tuple[str, str]:
        """The node's id, and the version of this package there."""
        import ray

        return ray.get_runtime_context().get_node_id(), _version()

    async def judge(self, ref: str, parcel: Sequence[Any], groups: Sequence[Group]) -> list[list[Verdict]]:
        """Verdicts[p][g], checked. parcel: one reference to the pickled tool. Raises ToolFault for another version."""
        if ref not in self.tools:
            self.tools[ref] = unpack(ref, await parcel[0])
        return await ask(self.tools[ref], groups)


def unpack(ref: str, blob: bytes) -> Tool:
    """A tool as the driver sent it. Raises ToolFault if this node's own code of it is another version."""
    from rlar.library import Library

    name = ref.partition("@")[0]
    tool: Tool = pickle.loads(blob)  # noqa: S301 - from this cluster's driver
    library = Library()
    if library.has(name) and type(own := library.get(name)) is type(tool) and own.card.ref != ref:
        why = f"the node has {own.card.ref}, the driver {ref}: other code, or another version of a library"
        raise ToolFault(Fault.MISSING, why)
    return tool


def chunks_of(sizes: Sequence[int]) -> list[list[int]]:
    """Places of groups with these counts of responses, in order, in chunks of CHUNK responses; a group stays whole."""
    chunks: list[list[int]] = []
    held = CHUNK
    for p, size in enumerate(sizes):
        if held + size > CHUNK:
            chunks.append([])
            held = 0
        chunks[-1].append(p)
        held += size
    return chunks
