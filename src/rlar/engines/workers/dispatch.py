"""The dispatcher: the one thread of the caller that talks to template and workers. It never runs tool code.

It keeps at most two chunks (of bounded size) with each worker, and has a worker replaced when it dies, hangs, garbles
or has grown. What a loss means for the responses is decided in accounts.py, whose turn it is in turns.py.
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
from concurrent.futures import Future

from rlar.engines.workers import Judged
from rlar.engines.workers.accounts import Assignment, Call, Why
from rlar.engines.workers.board import Position, Stage
from rlar.engines.workers.processes import Preloads, TemplateEnd, WorkerEnd
from rlar.engines.workers.turns import Turns
from rlar.engines.workers.watch import TICK_S, Watch
from rlar.engines.workers.wire import Broke, GarbledError, read_reply
from rlar.engines.workers.worker import LOAD_CPU_S, STALE
from rlar.types import Fault

MAX_START_FAILURES = 5  # of the template, in a row
MAX_FORK_FAILURES = 200  # in a row, each followed by a pause of TICK_S
_OUTSIDE = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT}
_NOWHERE = Position(0, 0, 0, Stage.IDLE)


class Dispatcher:
    """State of one pool's thread. Other threads only call `add`, `preload`, `stop` and read figures."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.limit = turns.workers
        self.counts: Counter[str] = Counter()
        self.workers: dict[int, WorkerEnd] = {}  # by slot
        self.template: TemplateEnd | None = None
        self._preloads = Preloads()
        self._selector = selectors.DefaultSelector()
        self._inbox: deque[Call | list[str]] = deque()
        self._wake_r, self._wake_w = socket.socketpair()
        self._wake_r.setblocking(False)
        self._wake_w.setblocking(False)
        self._selector.register(self._wake_r, selectors.EVENT_READ)
        self._called = False
        self._stopping = False
        self._start_failures = 0
        self._looked = 0.0
        self._thread = threading.Thread(target=self._run, name="rlar-workers", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------------ called by other threads

    def add(self, call: Call) -> None:
        def cancelled(future: Future[list[list[Judged]]]) -> None:
            if future.cancelled():
                self._put(call)  # a second time: it is to be dropped

        self._put(call)
        call.future.add_done_callback(cancelled)

    def preload(self, names: Iterable[str]) -> None:
        self._put(list(names))

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
        self._close_own()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive() and not self._stopping

    def _put(self, thing: Call | list[str]) -> None:
        self._inbox.append(thing)
        self._wake()

    def _wake(self) -> None:
        if not self._called:
            self._called = True
            with contextlib.suppress(OSError):
                self._wake_w.send(b"!")

    # ------------------------------------------------------------------ the loop

    def _run(self) -> None:
        broke = Broke(Fault.CANCELLED, "the worker pool was closed")
        try:
            while not self._stopping:
                self._turn()
        except BaseException as e:
            broke = Broke(Fault.UNAVAILABLE, f"the dispatcher of the workers failed: {type(e).__name__}: {e}")
            raise
        finally:
            self._stopping = True
            self._end(broke)

    def _turn(self) -> None:
        busy = any(worker.orders for worker in self.workers.values())
        for key, events in self._selector.select(TICK_S if busy else None):
            if key.fileobj is self._wake_r:
                with contextlib.suppress(BlockingIOError):
                    self._wake_r.recv(65536)
                self._called = False  # before the inbox is opened, so that nothing can lie there unnoticed
            elif self.template is not None and key.fileobj is self.template.control:
                self._hear(self.template)
            elif isinstance(key.data, WorkerEnd) and key.data.slot in self.workers:
                if events & selectors.EVENT_WRITE:
                    key.data.push()
                    self._listen(key.data)
                if events & selectors.EVENT_READ:
                    self._read(key.data)
        self._open_inbox()
        if busy:
            self._look()
        while self._hand_out_urgent() or self._hand_out_batch():
            pass
        self._listen_to_template()

    def _open_inbox(self) -> None:
        while self._inbox:
            thing = self._inbox.popleft()
            if isinstance(thing, list):
                self._preloads.ask(self._started(), "load", thing)
            elif thing.future.cancelled():
                self.turns.drop(thing)
            else:
                self.turns.add(thing)

    def _listen(self, worker: WorkerEnd) -> None:
        """Ask the selector for what is of interest now: room to write only if something waits to be written."""
        key = self._selector.get_map().get(worker.connection)
        events = selectors.EVENT_READ * (not worker.garbled) | selectors.EVENT_WRITE * bool(worker.outgoing)
        if key is not None and key.events != events:
            if events:
                self._selector.modify(worker.connection, events, worker)
            else:
                self._selector.unregister(worker.connection)

    def _listen_to_template(self) -> None:
        if self.template is not None:
            events = selectors.EVENT_READ | selectors.EVENT_WRITE * self.template.waiting
            if self._selector.get_key(self.template.control).events != events:
                self._selector.modify(self.template.control, events)

    def _end(self, broke: Broke) -> None:
        for worker in self.workers.values():
            worker.connection.close()
        if self.template is not None:
            self.template.close()
            self.template = None
        self.workers.clear()
        calls = [*self.turns.calls, *(thing for thing in self._inbox if isinstance(thing, Call))]
        self._inbox.clear()
        for call in calls:
            call.settle_all(broke)
        self._close_own()

    def _close_own(self) -> None:
        self._selector.close()
        self._wake_r.close()
        self._wake_w.close()

    # ------------------------------------------------------------------ the template

    def _started(self) -> TemplateEnd:
        if self.template is None:
            self.template = TemplateEnd(4 * self.limit + 4)
            self._selector.register(self.template.control, selectors.EVENT_READ)
            self.counts["templates"] += 1
            self._preloads.ask_again(self.template)
        return self.template

    def _hear(self, template: TemplateEnd) -> None:
        template.push()
        messages, gone = template.hear()
        for message in messages:
            if "hello" in message:
                template.ready = True
            elif "forked" in message:
                slot, pid = message["forked"]
                self._start_failures = 0
                self.counts["forks"] += 1
                self.workers[slot].pid = pid
                self.workers[slot].watch = Watch(pid)
            elif "unforked" in message:
                slot, why = message["unforked"]
                self._gone(slot, Broke(Fault.UNAVAILABLE, why), outside=True)
                self._not_started(MAX_FORK_FAILURES, why)
                time.sleep(TICK_S)  # the machine is out of processes or memory; asking at once again does not help
            elif "exit" in message:
                slot, status, killed = message["exit"]
                self._exited(self.workers[slot], status, killed=killed)
            elif "loaded" in message:
                self._preloads.confirm(message["loaded"])
        if gone:
            self._template_died(template)

    def _template_died(self, template: TemplateEnd) -> None:
        """All its workers die with it (the kernel sees to it on Linux), and nobody's response is to blame."""
        self._selector.unregister(template.control)
        words = template.last_words()
        self.template = None
        for worker in self.workers.values():
            if worker.pid is not None and not worker.ended:
                with contextlib.suppress(OSError):
                    os.kill(worker.pid, signal.SIGKILL)
        for slot in list(self.workers):
            self._gone(slot, Broke(Fault.CRASHED, "its worker died with the template"), outside=True)
        template.close(patience_s=1.0)
        self.counts["template_deaths"] += 1
        if not template.ready:
            from_outside = template.process.returncode < 0
            self._not_started(MAX_START_FAILURES * (10 if from_outside else 1), words[-1500:])

    def _not_started(self, limit: int, why: str) -> None:
        """One more failure to start a process; after `limit` of them in a row, nothing can be judged."""
        self._start_failures += 1
        if self._start_failures >= limit:
            self._start_failures = 0
            broke = Broke(Fault.UNAVAILABLE, f"worker processes do not start: {why or 'no reason was given'}")
            for call in list(self.turns.calls):
                call.settle_all(broke)

    # ------------------------------------------------------------------ workers

    def _new_worker(self) -> WorkerEnd | None:
        template = self._started()
        if not template.free:
            return None
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        worker = WorkerEnd(template.free.popleft(), ours, template.board)
        template.board.write(worker.slot, *_NOWHERE)
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

    def _exited(self, worker: WorkerEnd, status: int, *, killed: bool) -> None:
        with contextlib.suppress(GarbledError):
            if not worker.garbled:
                self._take(worker, worker.pull()[0])  # its last answers
        cause = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        code = os.waitstatus_to_exitcode(status)
        if killed and cause == signal.SIGKILL and worker.killed_for is not None:
            self._gone(worker.slot, worker.killed_for, outside=False)
        elif cause == signal.SIGPROF:
            limit = worker.limit_s if worker.orders else 0.0
            self.counts["kills"] += 1
            self._gone(worker.slot, Broke(Fault.TIMEOUT, f"used more than {limit:g} CPU seconds"), outside=False)
        elif cause is not None:
            broke = Broke(Fault.CRASHED, f"its process died of {_signal_name(cause)}")
            self._gone(worker.slot, broke, outside=cause in _OUTSIDE)
        else:
            if code == STALE:
                worker.take_back()
            self._gone(worker.slot, Broke(Fault.CRASHED, f"its process left with exit code {code}"), outside=False)

    def _gone(self, slot: int, broke: Broke, *, outside: bool) -> None:
        worker = self.workers.pop(slot)
        if worker.connection in self._selector.get_map():
            self._selector.unregister(worker.connection)
        worker.connection.close()
        if self.template is not None:
            self.template.free.append(slot)
        if worker.orders:
            self.counts["deaths"] += 1
            running = worker.orders.popleft()
            running.lost(worker.at, broke, outside=outside)
            worker.take_back()

    def _read(self, worker: WorkerEnd) -> None:
        try:
            found, ended = worker.pull()
            self._take(worker, found)
        except GarbledError as e:
            worker.garbled = True
            self._listen(worker)
            self._kill(worker, Broke(Fault.CRASHED, f"its worker sent {e}"))
            return
        if ended:
            worker.garbled = True  # dead, or it has closed its socket; its exit will be reported
            worker.outgoing.clear()
            self._listen(worker)
            worker.ended_at = time.monotonic()
            if not worker.orders and self.template is not None:
                self.template.say({"kill": worker.slot})

    def _take(self, worker: WorkerEnd, bodies: list[bytes]) -> None:
        for body in bodies:
            if not worker.orders:
                raise GarbledError("an answer that nobody asked for")
            running = worker.orders[0]
            card = running.tool.card
            reply = read_reply(body, card.low, card.high)
            if reply.order != running.id:
                raise GarbledError(f"an answer for order {reply.order}, not {running.id}")
            for record in reply.records:
                running.answer(record)
            if reply.modules and self.template is not None:
                self._preloads.ask(self.template, "try", reply.modules)
            if reply.end:
                if running.open:
                    raise GarbledError(f"{len(running.open)} answers too few")
                worker.orders.popleft()
                running.tool.learn(running.seconds, running.answered)
                self.counts["judged"] += running.answered
                if reply.leave:
                    self.counts["replaced"] += 1
                    worker.take_back()
                    self._retire(worker)

    # ------------------------------------------------------------------ the watch

    def _look(self) -> None:
        now = time.monotonic()
        if now < self._looked + 0.8 * TICK_S:
            return
        self._looked = now
        self._look_at_template(now)
        for worker in self.workers.values():
            broke = worker.overdue(now)
            if broke is not None:
                self._kill(worker, broke)

    def _look_at_template(self, now: float) -> None:
        """A template that is asked to fork and does not has met a module that hangs while it is loaded."""
        if self.template is None or all(worker.pid is not None for worker in self.workers.values()):
            return
        watch = self.template.watch
        watch.look(_NOWHERE._replace(order=self.counts["forks"]), now)
        if max(watch.blocked_s, watch.cpu_s) > LOAD_CPU_S:
            self.template.process.kill()

    # ------------------------------------------------------------------ handing out

    def _hand_out_urgent(self) -> bool:
        """One retry or control, on a fresh worker. One worker is left to first tries, so that nobody starves."""
        if not self.turns.anything_urgent:
            return False
        running = sum(any(o.why is not Why.BATCH for o in w.orders) for w in self.workers.values())
        if running >= self.limit or (0 < running >= self.limit - 1 and self.turns.anything):
            return False
        worker = self._fresh_worker()
        assignment = self.turns.next_urgent() if worker is not None else None
        if worker is None or assignment is None:
            return False
        self.counts["retries" if assignment.why is Why.ALONE else "controls"] += 1
        self._give(worker, assignment)
        return True

    def _hand_out_batch(self) -> bool:
        if not self.turns.anything:
            return False
        worker = self._willing_worker()
        assignment = self.turns.next_batch(ahead=bool(worker.orders)) if worker is not None else None
        if worker is None or assignment is None:
            return False
        self._give(worker, assignment)
        return True

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
        live, second = 0, None
        for worker in self.workers.values():
            if worker.leaving:
                continue
            if not worker.orders:
                return worker
            live += 1
            if len(worker.orders) == 1 and worker.orders[0].why is Why.BATCH and not worker.outgoing:
                second = second or worker
        return self._new_worker() if live < self.limit else second

    def _give(self, worker: WorkerEnd, assignment: Assignment) -> None:
        worker.fresh = False
        worker.orders.append(assignment)
        worker.put(pickle.dumps(assignment.order(), pickle.HIGHEST_PROTOCOL))
        worker.push()
        self._listen(worker)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
