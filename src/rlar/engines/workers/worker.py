"""A worker: reads orders, judges them one response at a time, and answers. Forked from the template, killed at need."""

from __future__ import annotations

import json
import os
import pickle
import random
import socket
import sys
import sysconfig
import time
import traceback
from typing import Any

from rlar.engines.workers import loading
from rlar.engines.workers.board import Board, Stage
from rlar.engines.workers.limits import Limits
from rlar.engines.workers.values import as_mark
from rlar.engines.workers.wire import (
    MAX_MODULES,
    Broke,
    Order,
    encode_broke,
    encode_mark,
    receive_frame,
    send_frame,
)
from rlar.errors import ToolFault
from rlar.types import Fault, Mark, Query, Rule

HARMLESS = "I do not know."  # the plain sentence of the controls
LOAD_CPU_S = 60.0  # importing a heavy library on a slow disk is no fault
FLUSH_S = 0.05  # CPU seconds between partial answers: what a killed worker had finished is not judged again
FLUSH_ITEMS = 512
LEAVE_AFTER = 20_000  # items, and
LEAVE_GROWTH = 256 << 20  # bytes of growth, after which a worker asks to be replaced: leaks end there
STALE = 75  # exit code: the module of a tool has changed since this process imported it
KEPT_TOOLS = 256
KEPT_QUERIES = 4  # prepared queries that are kept for groups that came in several orders


class Worker:
    """The loop of one worker process."""

    def __init__(self, connection: socket.socket, board: Board, slot: int) -> None:
        self.connection = connection
        self.board = board
        self.slot = slot
        self.limits = Limits()
        self.tools: dict[int, Rule] = {}
        self.prepared: dict[int, tuple[Query, Any]] = {}
        self.lines: list[list[Any]] = []
        self.served = 0
        self.leave = False
        self.settled_at = self.limits.resident()  # bytes in use, with all tools loaded
        self.modules = Modules()
        self.flushed_at = 0.0

    def serve(self) -> None:
        while (body := receive_frame(self.connection)) is not None:
            order: Order = pickle.loads(body)  # noqa: S301  (from our own parent)
            self.flushed_at = time.thread_time()
            rule = self.load(order)
            if rule is not None:
                for position, (key, blob, responses) in enumerate(order.groups):
                    self.judge_group(order, rule, position, key, blob, responses)
            self.limits.disarm()
            self.board.write(self.slot, order.id, 0, 0, Stage.IDLE)
            grown = self.limits.resident() - self.settled_at
            self.leave |= self.served >= LEAVE_AFTER or grown > LEAVE_GROWTH
            self.flush(order, end=True)

    def load(self, order: Order) -> Rule | None:
        if order.tool in self.tools:
            return self.tools[order.tool]
        self.board.write(self.slot, order.id, 0, 0, Stage.LOAD)
        self.limits.lift_memory()
        self.limits.arm_cpu(LOAD_CPU_S)
        start = time.thread_time()
        try:
            recipe, path = pickle.loads(order.tool_blob)  # noqa: S301
            sys.path += [p for p in path if p not in sys.path]
            rule = loading.load(recipe)
            names = [str(name) for name in getattr(rule, "preload", ())]
            loading.preload(names)
            self.modules.named += names
        except loading.StaleError:
            os._exit(STALE)
        except BaseException as e:
            self.lines.append(encode_broke(-1, -1, time.thread_time() - start, broke(e)))
            return None
        if order.warm_s and order.groups:
            self.warm(order, rule)
        while len(self.tools) >= KEPT_TOOLS:
            del self.tools[next(iter(self.tools))]
        self.tools[order.tool] = rule
        self.settled_at = self.limits.resident()
        return rule

    def warm(self, order: Order, rule: Rule) -> None:
        """Judge a harmless text, so that lazy imports and first-call caches are not charged to a response.

        What comes out is of no interest: if it fails, the responses will show it.
        """
        self.board.write(self.slot, order.id, 0, 0, Stage.WARM)
        self.limits.arm(order.warm_s, order.memory_mib)
        try:
            query = pickle.loads(order.groups[0][1])  # noqa: S301
            rule.rate(HARMLESS, query, rule.prepare(query))
        except BaseException:  # noqa: S110
            pass

    def judge_group(self, order: Order, rule: Rule, position: int, key: int, blob: bytes, responses: list[str]) -> None:
        preparing = 0.0  # is charged to the first response
        if key in self.prepared:
            query, prepared = self.prepared[key]
        else:
            self.board.write(self.slot, order.id, position, -1, Stage.PREPARE)
            start = time.thread_time()
            try:
                self.begin(order)
                query = pickle.loads(blob)  # noqa: S301
                prepared = rule.prepare(query)
            except BaseException as e:
                self.failed(position, -1, start, e)
                return
            while len(self.prepared) >= KEPT_QUERIES:
                del self.prepared[next(iter(self.prepared))]
            self.prepared[key] = (query, prepared)
            preparing = time.thread_time() - start
        for i, response in enumerate(responses):
            self.board.write(self.slot, order.id, position, i, Stage.RATE)
            start = time.thread_time() - preparing
            preparing = 0.0
            try:
                self.begin(order)
                outcome = as_mark(rule.rate(response, query, prepared), order.low, order.high)
            except BaseException as e:
                self.failed(position, i, start, e)
            else:
                seconds = time.thread_time() - start
                if isinstance(outcome, Mark):
                    self.lines.append(encode_mark(position, i, seconds, outcome))
                else:
                    self.lines.append(encode_broke(position, i, seconds, outcome))
            self.served += 1
            if len(self.lines) >= FLUSH_ITEMS or time.thread_time() - self.flushed_at > FLUSH_S:
                self.board.write(self.slot, order.id, 0, 0, Stage.IDLE)
                self.flush(order, end=False)

    def begin(self, order: Order) -> None:
        """Limits for one call into the tool, and the same random numbers for every item, whatever ran before it."""
        self.limits.arm(order.cpu_s, order.memory_mib)
        random.seed(0)
        numpy_random = sys.modules.get("numpy.random")
        if numpy_random is not None:
            numpy_random.seed(0)

    def failed(self, group: int, item: int, start: float, error: BaseException) -> None:
        self.limits.lift_memory()
        seconds = time.thread_time() - start
        if isinstance(error, MemoryError | RecursionError) or not isinstance(error, Exception):
            self.leave = True  # what it has left behind is anybody's guess
        self.lines.append(encode_broke(group, item, seconds, broke(error)))

    def flush(self, order: Order, *, end: bool) -> None:
        body = json.dumps([order.id, self.lines, end, end and self.leave, self.modules.new() if end else []])
        self.lines = []
        send_frame(self.connection, body.encode("ascii"))
        self.flushed_at = time.thread_time()


class Modules:
    """Which modules tools have loaded here since the fork. Not the user's own: those may change while we run."""

    def __init__(self) -> None:
        self.known = set(sys.modules)
        self.count = len(sys.modules)
        self.named: list[str] = []  # what tools ask for by their `preload`
        paths = sysconfig.get_paths()
        self.roots = tuple({paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")})

    def new(self) -> list[str]:
        """Names that the template should load for the workers to come; each is told once."""
        found, self.named = self.named, []
        if len(sys.modules) != self.count:
            fresh = [name for name in list(sys.modules) if name not in self.known]
            self.known.update(fresh)
            self.count = len(sys.modules)
            found = [name for name in fresh if self._installed(name)] + found
        return found[:MAX_MODULES]

    def _installed(self, name: str) -> bool:
        spec = getattr(sys.modules.get(name), "__spec__", None)
        origin = getattr(spec, "origin", None)
        return isinstance(origin, str) and (origin.startswith(self.roots) or origin == "built-in")


def broke(error: BaseException) -> Broke:
    """What an exception out of a tool means, with its type, text and place."""
    if isinstance(error, ToolFault):
        return Broke(error.fault, error.why, at_once=True)
    try:
        text = str(error)[:2000]
    except Exception:
        text = "(its text cannot be told)"
    last = traceback.extract_tb(error.__traceback__)[-1:]
    place = f" ({os.path.basename(last[0].filename)}:{last[0].lineno})" if last else ""  # noqa: PTH119
    why = f"{type(error).__name__}: {text}{place}"
    if isinstance(error, ImportError):
        return Broke(Fault.MISSING, why, at_once=True)
    return Broke(Fault.CRASHED, why)


def serve(connection: socket.socket, board: Board, slot: int) -> None:
    Worker(connection, board, slot).serve()
