"""Models in processes of their own: loaded when first asked, asked by many at once in rounds, unloaded by least use.

One process a model, so that unloading gives all memory back, and what kills one harms no other. Everything that waits
for a model when its process is free goes in one round, whoever asked; the process sorts it into micro-batches.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlar.engines.models.files import Weights, changed, choose_dtype, free_mib, weights_of
from rlar.engines.models.process import Died, Late, ModelProcess
from rlar.engines.models.spec import ModelSpec
from rlar.errors import InputError, ToolFault
from rlar.types import Fault

Ask = Mapping[str, Any]
Answer = dict[str, Any]
FIRST_ROUND = 64  # asks; later rounds are as large as takes about ROUND_S
MOST_ROUND = 4096
FIRST_PARAMETERS = 10**8  # on a CPU, a model with n times as many parameters has a first round of an n-th
ROUND_S = 10.0  # wall seconds that a round is to take, so that late comers wait no longer
TRIES = 2  # a process that dies is replaced and asked again, once


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """device: auto (a GPU where there is one), cpu, cuda or cuda:N. memory_mib: for all models together, at most; None
    for what the machine or its cgroup has left. models: how many are loaded at once, at most. threads: of one process;
    0 for all cores. budget: tokens of one micro-batch, padding included; 0 for 2,048 on a CPU and 16,384 on a GPU.
    load_s, round_s: wall seconds that loading and one round may take; a process that is later is killed, a fault.
    """

    device: str = "auto"
    memory_mib: float | None = None
    models: int = 4
    threads: int = 0
    budget: int = 0
    load_s: float = 600.0
    round_s: float = 300.0

    def __post_init__(self) -> None:
        if self.device not in ("auto", "cpu", "cuda") and not self.device.startswith("cuda:"):
            raise InputError(f"a device is auto, cpu, cuda or cuda:N, not {self.device!r}")
        if self.models < 1 or self.threads < 0 or self.budget < 0 or min(self.load_s, self.round_s) <= 0:
            raise InputError("models, load_s and round_s are positive, threads and budget not negative")


@dataclass(slots=True)
class _Call:
    ask: Ask
    future: Future[Answer]
    tries: int = 0
    taken: bool = False  # it can no longer be cancelled


@dataclass(eq=False)
class _Model:
    """One model and those who wait for it. Guarded by the engine's lock, but for the process's pipes."""

    spec: ModelSpec
    waiting: deque[_Call] = field(default_factory=deque)
    thread: threading.Thread | None = None
    process: ModelProcess | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    need_mib: float = 0.0
    used_at: float = 0.0
    busy: bool = False
    refused: str = ""  # why it can never be loaded
    round: int = FIRST_ROUND
    counts: dict[str, float] = field(default_factory=dict)


class ModelEngine:
    """Asks models. For any number of threads and event loops; a forked child has to make its own (default_engine does).

    with ModelEngine() as engine:
        answers = engine.ask_sync(spec, asks)
    """

    def __init__(
        self, settings: EngineSettings | None = None, *, start: Callable[[], ModelProcess] = ModelProcess
    ) -> None:
        """start: makes a process; another one is for tests."""
        self.settings = settings or EngineSettings()
        self._start = start
        self.pid = os.getpid()
        self._models: dict[tuple[str, str], _Model] = {}
        self._lock = threading.Condition()
        self._closed = False

    # -- asking -----------------------------------------------------------------------------------------------------

    async def ask(self, spec: ModelSpec, asks: Sequence[Ask]) -> list[Answer]:
        """One answer per ask, same order; see values.read. Faults are answers; nothing raises for one ask."""
        futures = self.submit(spec, asks)
        return list(await asyncio.gather(*map(asyncio.wrap_future, futures)))

    def ask_sync(self, spec: ModelSpec, asks: Sequence[Ask], *, timeout_s: float | None = None) -> list[Answer]:
        """Like `ask`, for callers without an event loop. Raises TimeoutError after timeout_s."""
        ends = None if timeout_s is None else time.monotonic() + timeout_s
        return [f.result(None if ends is None else ends - time.monotonic()) for f in self.submit(spec, asks)]

    def submit(self, spec: ModelSpec, asks: Sequence[Ask]) -> list[Future[Answer]]:
        calls = [_Call(ask, Future()) for ask in asks]
        with self._lock:
            if self._closed or os.getpid() != self.pid:
                why = "the engine was closed" if self._closed else "a forked process cannot use its parent's engine"
                _answer(calls, {"fault": Fault.CANCELLED, "why": why})
                return [c.future for c in calls]
            key = (spec.version, spec.path)
            model = self._models.setdefault(key, _Model(spec))
            if model.refused:
                _answer(calls, {"fault": Fault.MISSING, "why": model.refused})
                return [c.future for c in calls]
            model.waiting += calls
            if calls and model.thread is None:
                model.thread = threading.Thread(target=self._serve, args=(model,), name="rlar model", daemon=True)
                model.thread.start()
            self._lock.notify_all()
        return [c.future for c in calls]

    def load(self, spec: ModelSpec) -> dict[str, Any]:
        """Load it now if it is not, and tell what came of it: parameters, dtype, device, max_tokens, seconds ...

        Raises ToolFault with the reason where it cannot be loaded.
        """
        answer = self.ask_sync(
            spec, [{"prompt": [["user", "?"]], "response": "?", "a": "?", "b": "?", "responses": []}]
        )
        facts = self.facts(spec)
        if not facts:
            raise ToolFault(Fault(answer[0].get("fault", Fault.MISSING)), str(answer[0].get("why", "was not loaded")))
        return facts

    def facts(self, spec: ModelSpec) -> dict[str, Any]:
        """What is known of a loaded model, with counts of rounds, asks, rows and tokens; {} where it is not loaded."""
        with self._lock:
            model = self._models.get((spec.version, spec.path))
            return {**model.facts, **model.counts} if model is not None and model.process is not None else {}

    @property
    def loaded(self) -> list[ModelSpec]:
        with self._lock:
            return [m.spec for m in self._models.values() if m.process is not None]

    def unload(self, spec: ModelSpec) -> None:
        """Give its memory back; it is loaded again when it is next asked."""
        with self._lock:
            model = self._models.get((spec.version, spec.path))
            while model is not None and model.busy and not self._closed:
                self._lock.wait()
            if model is not None:
                self._end(model)

    def close(self) -> None:
        """End all processes. Whoever still waits gets Fault.CANCELLED."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if os.getpid() == self.pid:
                for model in self._models.values():
                    self._end(model)
            self._lock.notify_all()

    def __enter__(self) -> ModelEngine:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # -- one thread a model -----------------------------------------------------------------------------------------

    def _serve(self, model: _Model) -> None:
        while True:
            with self._lock:
                while not model.waiting and not self._closed:
                    self._lock.wait()
                if self._closed:
                    _answer(model.waiting, {"fault": Fault.CANCELLED, "why": "the engine was closed"})
                    return
                model.busy = True
                model.used_at = time.monotonic()
                calls: list[_Call] = []
                while model.waiting and len(calls) < model.round:
                    call = model.waiting.popleft()
                    if call.taken or call.future.set_running_or_notify_cancel():
                        call.taken = True
                        calls.append(call)
            try:
                if calls:
                    self._round(model, calls)
            except Exception as e:  # nobody may wait for ever
                _answer(calls, {"fault": Fault.CRASHED, "why": f"{type(e).__name__}: {e}"})
            finally:
                with self._lock:
                    model.busy = False
                    model.used_at = time.monotonic()
                    self._lock.notify_all()

    def _round(self, model: _Model, calls: list[_Call]) -> None:
        try:
            process = self._ready(model)
            with self._lock:  # now that its size is known
                model.waiting.extendleft(reversed(calls[model.round :]))
                del calls[model.round :]
            started = time.monotonic()
            reply = process.say({"asks": [dict(c.ask) for c in calls]}, limit_s=self.settings.round_s)
        except ToolFault as e:
            _answer(calls, {"fault": e.fault, "why": e.why})
        except Late as e:
            self._drop(model)
            _answer(calls, {"fault": Fault.TIMEOUT, "why": str(e)})
        except Died as e:
            self._drop(model)
            for call in calls:
                call.tries += 1
            again = [c for c in calls if c.tries < TRIES]
            _answer([c for c in calls if c.tries >= TRIES], {"fault": Fault.CRASHED, "why": f"{e}, {TRIES} times"})
            with self._lock:
                model.waiting.extendleft(reversed(again))
        else:
            answers = reply["answers"]
            if len(answers) != len(calls):
                raise ToolFault(Fault.INVALID, f"{len(answers)} answers for {len(calls)} asks")
            took = max(1e-3, time.monotonic() - started)
            with self._lock:
                if took > ROUND_S or len(calls) == model.round:
                    model.round = max(1, min(MOST_ROUND, int(len(calls) * ROUND_S / took)))
                for name in ("seconds", "rows", "tokens"):
                    model.counts[name] = model.counts.get(name, 0) + reply[name]
                model.counts["peak_mib"] = reply["peak_mib"]
                model.counts["asks"] = model.counts.get("asks", 0) + len(calls)
                model.counts["rounds"] = model.counts.get("rounds", 0) + 1
            share = reply["seconds"] / len(calls)
            for call, answer in zip(calls, answers, strict=True):
                call.future.set_result({**answer, "seconds": share})

    # -- loading ----------------------------------------------------------------------------------------------------

    def _ready(self, model: _Model) -> ModelProcess:
        """Its process, with the model loaded. Raises ToolFault, Died or Late."""
        with self._lock:
            if model.process is not None:
                return model.process
        spec = model.spec
        try:
            for folder, files in ((spec.path, spec.files), (spec.base_path, spec.base_files)):
                if folder and files and (wrong := changed(Path(folder), files)):
                    raise ToolFault(Fault.MISSING, f"{Path(folder) / wrong[0]}: is not the file that was admitted")
            weights = [weights_of(Path(p)) for p in (spec.path, spec.base_path) if p]
        except ToolFault as e:
            model.refused = e.why
            raise
        dtypes = self._make_room(model, weights)
        process = self._start()
        with self._lock:
            model.process = process
        threads = self.settings.threads or _cores()
        message: dict[str, Any] = {
            "load": spec.to_json(),
            "device": self.settings.device,
            "dtype": dtypes,
            "threads": threads,
            "budget": self.settings.budget,
            "parameters": sum(w.parameters for w in weights),
        }
        facts = process.say(message, limit_s=self.settings.load_s)
        if why := facts.get("error"):
            self._drop(model)
            model.refused = why
            raise ToolFault(Fault.MISSING, str(why))
        with self._lock:
            model.facts = facts
            if facts.get("device") == "cpu":
                model.round = max(1, min(model.round, FIRST_ROUND * FIRST_PARAMETERS // max(1, message["parameters"])))
        return process

    def _make_room(self, model: _Model, weights: Sequence[Weights]) -> dict[str, str]:
        """dtype by device, once there is memory for it; others are unloaded for that, the least used first.

        Raises ToolFault (MISSING) where it fits not even alone, or where the others are busy for too long.
        """
        whole = Weights(sum(w.parameters for w in weights), weights[0].dtype, ())
        ends = time.monotonic() + self.settings.round_s
        on_gpu = self.settings.device.startswith("cuda") or (
            self.settings.device == "auto" and Path("/dev/nvidia0").exists()
        )
        # What a GPU holds, the machine need not; its own guard is in the process, which alone can ask the GPU.
        counted = Weights(0, whole.dtype, ()) if on_gpu else whole
        with self._lock:
            while True:
                others = [m for m in self._models.values() if m.need_mib and m is not model]
                try:
                    if len(others) >= self.settings.models:
                        raise ToolFault(Fault.MISSING, f"{len(others)} models are loaded, all of them busy")
                    room = free_mib() - sum(m.need_mib for m in others if not m.facts)  # they are being loaded
                    if self.settings.memory_mib is not None:
                        room = min(room, self.settings.memory_mib - sum(m.need_mib for m in others))
                    dtype, need = choose_dtype(counted, model.spec.dtype, room)
                except ToolFault:
                    idle = [m for m in others if m.process is not None and not m.busy and not m.waiting]
                    if idle:
                        self._end(min(idle, key=lambda m: m.used_at))
                    elif not others or time.monotonic() > ends:
                        raise
                    else:
                        self._lock.wait(1.0)
                else:
                    model.need_mib = need
                    stored = model.spec.dtype if model.spec.dtype != "auto" else whole.dtype
                    return {"cpu": dtype, "cuda": stored}

    def _drop(self, model: _Model) -> None:
        with self._lock:
            self._end(model)

    def _end(self, model: _Model) -> None:
        if model.process is not None:
            model.process.kill()
        model.process, model.facts, model.need_mib = None, {}, 0.0


def _answer(calls: Sequence[_Call] | deque[_Call], answer: Answer) -> None:
    for call in calls:
        if not call.future.done():
            with contextlib.suppress(Exception):  # cancelled in this very moment
                call.future.set_result(dict(answer))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_engine: ModelEngine | None = None
_engine_lock = threading.Lock()


def default_engine() -> ModelEngine:
    """The engine of this process, made when first asked for and closed at exit. A forked child gets one of its own."""
    global _engine
    with _engine_lock:
        if _engine is None or _engine.pid != os.getpid() or _engine._closed:
            _engine = ModelEngine()
            atexit.register(_engine.close)
        return _engine


def use_engine(engine: ModelEngine) -> None:
    """Make this engine, with its settings, the default one."""
    global _engine
    with _engine_lock:
        _engine = engine
