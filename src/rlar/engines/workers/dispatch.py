"""The dispatcher: the one thread of the caller that talks to template and workers. It never runs tool code.

It hands out chunks of about CHUNK_S CPU seconds, takes turns between calls, keeps at most two chunks (of bounded size)
with each worker, and has a worker replaced when it dies, hangs, garbles or has grown.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import selectors
import signal
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable

from rlar.engines.workers.accounts import Assignment, Call, Why
from rlar.engines.workers.board import Position, Stage
from rlar.engines.workers.processes import TemplateEnd, WorkerEnd
from rlar.engines.workers.watch import TICK_S, Watch
from rlar.engines.workers.wire import Broke, GarbledError, read_reply
from rlar.engines.workers.worker import LOAD_CPU_S, WARM_CPU_S
from rlar.types import Fault

FIRST_ITEMS = 16  # of a chunk, while nobody knows what an item costs
BLOCKED_SLACK_S = 0.05  # granted beyond the limit, for what the look itself misses
CPU_SLACK_S = 0.5  # beyond the kernel's limit: then the tool has switched the timer off
MAX_START_FAILURES = 5
_OUTSIDE = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


class Dispatcher:
    """State of one pool's thread. Other threads only call `add`, `preload`, `stop` and the read-only figures."""

    def __init__(self, workers: int, *, chunk_s: float, chunk_items: int, chunk_characters: int) -> None:
        self.limit = workers
        self.chunk_s = chunk_s
        self.chunk_items = chunk_items
        self.chunk_characters = chunk_characters
        self.counts: Counter[str] = Counter()
        self.workers: dict[int, WorkerEnd] = {}  # by slot
        self.calls: deque[Call] = deque()
        self.template: TemplateEnd | None = None
        self.loaded: list[str] = []  # modules that the template has, and that a new one is to have from the start
        self._tried: set[str] = set()
        self._selector = selectors.DefaultSelector()
        self._inbox: deque[Call | list[str]] = deque()
        self._wake_r, self._wake_w = socket.socketpair()
        self._wake_r.setblocking(False)
        self._wake_w.setblocking(False)
        self._selector.register(self._wake_r, selectors.EVENT_READ)
        self._stopping = False
        self._start_failures = 0
        self._thread = threading.Thread(target=self._run, name="rlar-workers", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------------ called by other threads

    def add(self, call: Call) -> None:
        self._inbox.append(call)
        self._wake()

    def preload(self, names: Iterable[str]) -> None:
        self._inbox.append(list(names))
        self._wake()

    def stop(self) -> None:
        """End all processes and settle what is open as cancelled. Returns when everything is gone."""
        self._stopping = True
        self._wake()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def abandon(self) -> None:
        """In a forked child: close the copies of the parent's sockets, so that the parent's end can be seen."""
        for worker in self.workers.values():
            worker.connection.close()
        if self.template is not None:
            self.template.release()
        self._selector.close()
        self._wake_r.close()
        self._wake_w.close()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive() and not self._stopping

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            self._wake_w.send(b"!")

    # ------------------------------------------------------------------ the loop

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._turn()
        except BaseException as e:
            broke = Broke(Fault.UNAVAILABLE, f"the dispatcher of the workers failed: {type(e).__name__}: {e}")
            self._stopping = True
            self._end(broke)
            raise
        self._end(None)

    def _turn(self) -> None:
        busy = any(worker.orders for worker in self.workers.values())
        for key, events in self._selector.select(TICK_S if busy else None):
            if key.fileobj is self._wake_r:
                with contextlib.suppress(BlockingIOError):
                    self._wake_r.recv(65536)
            elif self.template is not None and key.fileobj is self.template.control:
                self._hear()
            elif isinstance(key.data, WorkerEnd) and key.data.slot in self.workers:
                if events & selectors.EVENT_WRITE:
                    key.data.push()
                if events & selectors.EVENT_READ:
                    self._read(key.data)
        while self._inbox:
            thing = self._inbox.popleft()
            if isinstance(thing, Call):
                self.calls.append(thing)
            else:
                self._preload(thing)
        if busy:
            self._look()
        self._hand_out()
        self._mind_writing()

    def _end(self, broke: Broke | None) -> None:
        for worker in self.workers.values():
            worker.connection.close()
        if self.template is not None:
            self.template.close()
            self.template = None
        self.workers.clear()
        while self._inbox:
            thing = self._inbox.popleft()
            if isinstance(thing, Call):
                self.calls.append(thing)
        for call in self.calls:
            call.fail(broke or Broke(Fault.CANCELLED, "the worker pool was closed"))
        self.calls.clear()
        self._selector.close()
        self._wake_r.close()
        self._wake_w.close()

    def _mind_writing(self) -> None:
        """Ask to be told when a full socket can be written again, and only then."""
        ends: list[tuple[socket.socket, bool, object]] = [
            (w.connection, bool(w.outgoing), w) for w in self.workers.values() if w.connection.fileno() >= 0
        ]
        if self.template is not None:
            ends.append((self.template.control, self.template.waiting, None))
        for connection, write, data in ends:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if write else 0)
            key = self._selector.get_map().get(connection)
            if key is not None and key.events != events:
                self._selector.modify(connection, events, data)

    # ------------------------------------------------------------------ the template

    def _started(self) -> TemplateEnd:
        if self.template is None:
            self.template = TemplateEnd(4 * self.limit + 4)
            self._selector.register(self.template.control, selectors.EVENT_READ)
            self.counts["templates"] += 1
            if self.loaded:
                self.template.say({"load": self.loaded})
                self.loaded = []  # until it says that it has survived that
        return self.template

    def _preload(self, names: list[str]) -> None:
        new = [name for name in names if name not in self._tried]
        self._tried.update(new)
        if new:
            self._started().say({"load": new})

    def _hear(self) -> None:
        template = self.template
        assert template is not None
        template.push()
        messages, gone = template.hear()
        for message in messages:
            if "hello" in message:
                template.ready = True
                self._start_failures = 0
            elif "forked" in message:
                slot, pid = message["forked"]
                self.counts["forks"] += 1
                if slot in self.workers:
                    self.workers[slot].pid = pid
                    self.workers[slot].watch = Watch(pid)
            elif "unforked" in message:
                slot, why = message["unforked"]
                self.counts["unforked"] += 1
                self._gone(slot, Broke(Fault.UNAVAILABLE, f"no new process: {why}"), outside=True)
                time.sleep(TICK_S)  # the machine is out of processes or memory; asking at once again does not help
            elif "exit" in message:
                slot, status, _ = message["exit"]
                self._exited(slot, status)
            elif "loaded" in message:
                self.loaded += message["loaded"]
        if gone:
            self._template_died()

    def _template_died(self) -> None:
        template = self.template
        assert template is not None
        self._selector.unregister(template.control)
        words = template.last_words()
        ready = template.ready
        self.template = None
        for worker in self.workers.values():
            if worker.pid is not None and not self._ended(worker):
                with contextlib.suppress(OSError):
                    os.kill(worker.pid, signal.SIGKILL)  # Linux has done so already; elsewhere it is up to us
        broke = Broke(Fault.CRASHED, "its worker died with the template")
        for slot in list(self.workers):
            self._gone(slot, broke, outside=True)
        template.close(patience_s=1.0)
        self.counts["template_deaths"] += 1
        if not ready:
            self._start_failures += 1
            if self._start_failures >= MAX_START_FAILURES or "Error" in words:
                self._fail_all(f"worker processes do not start: {words[-1500:] or 'no reason was given'}")

    def _fail_all(self, why: str) -> None:
        self._start_failures = 0
        for call in self.calls:
            call.fail(Broke(Fault.UNAVAILABLE, why))
        self.calls.clear()

    @staticmethod
    def _ended(worker: WorkerEnd) -> bool:
        try:
            return worker.connection.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    # ------------------------------------------------------------------ workers

    def _new_worker(self) -> WorkerEnd | None:
        template = self._started()
        if not template.free:
            return None
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        worker = WorkerEnd(template.free.popleft(), ours)
        template.board.write(worker.slot, 0, 0, 0, Stage.IDLE)
        self.workers[worker.slot] = worker
        self._selector.register(ours, selectors.EVENT_READ, worker)
        template.say({"fork": worker.slot}, theirs)
        return worker

    def _retire(self, worker: WorkerEnd) -> None:
        """Let an idle worker go; it ends when its socket closes for writing."""
        worker.leaving = True
        with contextlib.suppress(OSError):
            worker.connection.shutdown(socket.SHUT_WR)

    def _kill(self, worker: WorkerEnd, broke: Broke) -> None:
        if worker.killed_for is None and self.template is not None:
            worker.killed_for = broke
            worker.leaving = True
            self.counts["kills"] += 1
            self.template.say({"kill": worker.slot})

    def _exited(self, slot: int, status: int) -> None:
        worker = self.workers.get(slot)
        if worker is None:
            return
        if worker.killed_for is None:
            with contextlib.suppress(GarbledError):
                self._take(worker, worker.pull()[0])  # its last answers
        if worker.killed_for is not None:
            self._gone(slot, worker.killed_for, outside=False)
            return
        cause = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        if cause == signal.SIGPROF:
            running = worker.orders[0].cpu_s if worker.orders else 0.0
            self.counts["kills"] += bool(worker.orders)
            broke = Broke(Fault.TIMEOUT, f"used more than {running:g} CPU seconds")
        elif cause is not None:
            broke = Broke(Fault.CRASHED, f"its process died of {_signal_name(cause)}")
        else:
            broke = Broke(Fault.CRASHED, f"its process left with exit code {os.waitstatus_to_exitcode(status)}")
        self._gone(slot, broke, outside=cause in _OUTSIDE)

    def _gone(self, slot: int, broke: Broke, *, outside: bool) -> None:
        worker = self.workers.pop(slot, None)
        if worker is None:
            return
        self._selector.unregister(worker.connection)
        worker.connection.close()
        at: Position | None = None
        if self.template is not None:
            at = self.template.board.read(slot)
            self.template.free.append(slot)
        if worker.orders:
            self.counts["deaths"] += 1
            running = worker.orders.popleft()
            running.call.lost(running, at, broke, outside=outside)
            for order in reversed(worker.orders):
                order.call.give_back(order)

    def _read(self, worker: WorkerEnd) -> None:
        try:
            found, ended = worker.pull()
            self._take(worker, found)
        except GarbledError as e:
            self._kill(worker, Broke(Fault.CRASHED, f"its worker sent {e}"))
            self._selector.modify(worker.connection, selectors.EVENT_WRITE, worker)
            return
        if ended:
            self._selector.unregister(worker.connection)
            self._selector.register(worker.connection, selectors.EVENT_WRITE, worker)
            if not worker.leaving and self.template is not None:
                self.template.say({"kill": worker.slot})  # dead already, or it has closed its socket

    def _take(self, worker: WorkerEnd, bodies: list[bytes]) -> None:
        for body in bodies:
            if worker.killed_for is not None or not worker.orders:
                raise GarbledError("an answer that nobody asked for")
            running = worker.orders[0]
            card = running.call.tool.card
            reply = read_reply(body, card.low, card.high)
            if reply.order != running.id:
                raise GarbledError(f"an answer for order {reply.order}, not {running.id}")
            for record in reply.records:
                running.call.answer(running, record)
            if reply.modules:
                self._learn(reply.modules)
            if reply.end:
                if running.open:
                    raise GarbledError(f"{len(running.open)} answers too few")
                worker.orders.popleft()
                running.call.tool.learn(running.seconds, running.answered)
                self.counts["judged"] += running.answered
                if reply.leave:
                    self.counts["replaced"] += 1
                    for order in reversed(worker.orders):
                        order.call.give_back(order)
                    worker.orders.clear()
                    self._retire(worker)

    def _learn(self, modules: list[str]) -> None:
        """Modules that a tool has loaded are put into the template, so that the next worker has them at once."""
        new = [name for name in modules if name not in self._tried]
        self._tried.update(new)
        if new and self.template is not None:
            self.template.say({"try": new})

    # ------------------------------------------------------------------ the watch

    def _look(self) -> None:
        now = time.monotonic()
        if self.template is None:
            return
        for worker in self.workers.values():
            if not worker.orders or worker.watch is None or worker.killed_for is not None:
                continue
            at = self.template.board.read(worker.slot)
            worker.watch.look(at, now)
            running = worker.orders[0]
            if at.order != running.id or at.stage == Stage.IDLE:
                continue
            limit = {Stage.LOAD: LOAD_CPU_S, Stage.WARM: WARM_CPU_S}.get(Stage(at.stage), running.cpu_s)
            if worker.watch.blocked_s > limit + BLOCKED_SLACK_S:
                self._kill(worker, Broke(Fault.TIMEOUT, f"was blocked for more than {limit:g} s without computing"))
            elif worker.watch.cpu_s > limit + CPU_SLACK_S:
                self._kill(worker, Broke(Fault.TIMEOUT, f"used more than {limit:g} CPU seconds"))

    # ------------------------------------------------------------------ handing out

    def _hand_out(self) -> None:
        for call in [call for call in self.calls if call.done]:
            self.calls.remove(call)
        while self.calls and (self._hand_out_urgent() or self._hand_out_batch()):
            pass

    def _hand_out_urgent(self) -> bool:
        """One retry or control, on a fresh worker. Some workers are left to the calls that have none of these."""
        if not any(call.urgent for call in self.calls):
            return False
        running = sum(any(o.why is not Why.BATCH for o in w.orders) for w in self.workers.values())
        if running >= self.limit or (running >= self.limit - 1 and running and any(c.pending for c in self.calls)):
            return False
        worker = self._fresh_worker()
        if worker is None:
            return False
        for _ in range(len(self.calls)):
            call = self.calls[0]
            self.calls.rotate(-1)
            assignment = call.next_urgent()
            if assignment is not None:
                self.counts["retries" if assignment.why is Why.ALONE else "controls"] += 1
                self._give(worker, assignment)
                return True
        return False

    def _hand_out_batch(self) -> bool:
        worker = self._willing_worker()
        if worker is None:
            return False
        for _ in range(len(self.calls)):
            call = self.calls[0]
            self.calls.rotate(-1)
            if worker.orders and len(call.pending) <= self._chunk_size(call) * self.limit:
                continue  # near the end a second chunk in advance only makes workers finish unevenly
            assignment = call.next_batch(self._chunk_size(call), self.chunk_characters)
            if assignment is not None:
                self._give(worker, assignment)
                return True
        return False

    def _chunk_size(self, call: Call) -> int:
        """Items of about chunk_s CPU seconds, but small enough that all workers get some."""
        share = -(-len(call.pending) // self.limit)
        item_s = call.tool.item_s
        if item_s is None:
            return max(1, min(FIRST_ITEMS, share))
        size = int(self.chunk_s / max(item_s, 1e-6))
        least = int(self.chunk_s / 20 / max(item_s, 1e-6))  # below it, handing out costs more than sharing brings
        return max(1, min(size, self.chunk_items, max(share, least)))

    def _fresh_worker(self) -> WorkerEnd | None:
        live = [w for w in self.workers.values() if not w.leaving]
        idle = [w for w in live if not w.orders]
        for worker in idle:
            if worker.fresh:
                return worker
        if len(live) < self.limit:
            return self._new_worker()
        if idle:
            self._retire(idle[0])
            return self._new_worker()
        return None

    def _willing_worker(self) -> WorkerEnd | None:
        """An idle worker, a new one, or one that can take a second chunk in advance."""
        live = [w for w in self.workers.values() if not w.leaving]
        for worker in live:
            if not worker.orders:
                return worker
        if len(live) < self.limit and any(call.pending for call in self.calls):
            return self._new_worker()
        for worker in live:
            if len(worker.orders) == 1 and worker.orders[0].why is Why.BATCH and not worker.outgoing:
                return worker
        return None

    def _give(self, worker: WorkerEnd, assignment: Assignment) -> None:
        worker.fresh = False
        worker.orders.append(assignment)
        worker.put(pickle.dumps(assignment.order(), pickle.HIGHEST_PROTOCOL))
        worker.push()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
