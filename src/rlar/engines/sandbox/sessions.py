"""Judging items with a verifier, in one slot: which process serves which item, and what becomes of errors."""

from __future__ import annotations

import contextlib
import math
import os
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rlar.engines.sandbox.clocks import cpu_seconds, resident_mib
from rlar.engines.sandbox.grading import plain_error, tell_error
from rlar.engines.sandbox.inside import wire
from rlar.engines.sandbox.results import ItemError, Limits, Status
from rlar.engines.sandbox.slot import Disturbed, Slot
from rlar.engines.sandbox.watch import Watch, Watched
from rlar.engines.sandbox.zygote import Child
from rlar.errors import InputError

LARGEST = 1e6  # magnitude of a score
CALLS = 20_000  # items of one session before it is replaced
GROWTH_MIB = 64.0
LOOK_EVERY = 64  # items between two looks at a session's memory
RSS_UNKNOWN = 0.0
SOON = struct.pack("=qq", 0, 5000)  # a timeval of 5 ms
CHUNK = 1 << 14

Score = float | ItemError
Item = Sequence[Any]


@dataclass(frozen=True)
class Source:
    """A verifier as it is given. call, load: limits of one item and of loading. key: its identity in a slot."""

    text: str
    entry: str
    call: Limits
    load: Limits
    key: str


@dataclass
class Session:
    """A process that has loaded a verifier and waits for items."""

    child: Child
    calls: int = 0
    rss_mib: float = RSS_UNKNOWN


@dataclass
class Broken(Exception):
    """A session ended, or must be, at some item. error: what to charge the item with if it happens again."""

    error: ItemError
    done: list[Score] = field(default_factory=list)


class LoadError(Exception):
    """The verifier cannot be loaded. why: for its author."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(why)
        self.kind = kind


class Sessions:
    """The verifier sessions of one slot, the longest unused one closed first."""

    MOST = 4

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.open: dict[str, Session] = {}

    # -- processes

    def admit(self, source: Source) -> list[str]:
        """Why the verifier is not pure; empty if it is. Raises LoadError."""
        child = self.slot.take()
        child.close_outputs()
        number = _number()
        replies: list[dict[str, Any]] = []
        task = Watched(child, source.load.cpu_s, on_frame=lambda body: replies.append(_reply(body, number)))
        try:
            assert self.slot.zygote is not None
            watch = Watch(self.slot.zygote, source.load, task)
            limits = self.slot.limits_message(source.load)
            child.send({"op": "admit", "id": number, "source": source.text, "limits": limits})
            watch.until(lambda: bool(replies))
            status = self.slot.settle(watch, task, bool(replies), last=True)
        finally:
            self.slot.release(child)
        if status is not Status.OK or not replies:
            raise LoadError("load_error", f"reading its source was ended by {status.value}")
        if "error" in replies[0]:
            raise LoadError("load_error", f"it {tell_error(plain_error(replies[0]['error']))}")
        return [str(why) for why in replies[0]["impure"]]

    def start(self, source: Source, *, lasting: bool) -> Session:
        """A process with the verifier loaded. lasting: for many items. Raises LoadError."""
        child = self.slot.take(session=lasting)
        child.close_outputs()
        number = _number()
        replies: list[dict[str, Any]] = []
        task = Watched(child, source.load.cpu_s, on_frame=lambda body: replies.append(_reply(body, number)))
        assert self.slot.zygote is not None
        watch = Watch(self.slot.zygote, source.load, task)
        limits = self.slot.limits_message(source.call)
        limits["cpu_s"] = 1 << 20 if lasting else int(source.load.cpu_s + source.call.cpu_s) + 2
        request = {"op": "session", "id": number, "source": source.text, "entry": source.entry, "limits": limits}
        child.send(request)
        watch.until(lambda: bool(replies))
        if replies and "error" not in replies[0] and not task.over:
            child.channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, SOON)
            return Session(child)
        try:
            status = self.slot.settle(watch, task, bool(replies), last=False)
        finally:
            self.slot.release(child)
        if replies and "error" in replies[0]:
            raise LoadError("load_error", f"it {tell_error(plain_error(replies[0]['error']))} while it was loaded")
        raise LoadError("load_error", f"loading it was ended by {status.value}")

    def lasting(self, source: Source) -> Session:
        """The slot's session of this verifier, started if there is none."""
        session = self.open.pop(source.key, None)
        if session is not None:
            zygote = self.slot.zygote
            if zygote is not None:
                zygote.hear_ends()
            if zygote is None or not zygote.has(session.child):
                session.child.close()
                session = None
            elif session.calls >= CALLS:
                self.slot.release(session.child)
                session = None
        if session is None:
            while len(self.open) >= self.MOST:
                self.slot.release(self.open.pop(next(iter(self.open))).child)
            session = self.start(source, lasting=True)
            session.rss_mib = resident_mib(session.child.pid) or RSS_UNKNOWN
        self.open[source.key] = session  # at the end: the longest unused one comes first
        return session

    @staticmethod
    def _grown(session: Session) -> bool:
        now = resident_mib(session.child.pid)
        return now is not None and session.rss_mib > 0 and now > session.rss_mib + GROWTH_MIB

    def drop(self, source: Source) -> None:
        session = self.open.pop(source.key, None)
        if session is not None:
            self.slot.release(session.child)

    # -- items

    def ask(self, session: Session, source: Source, items: Sequence[bytes]) -> tuple[list[Score], bool]:
        """One frame of items: their scores, and whether the verifier's own data changed. Raises Broken, Disturbed."""
        number = _number()
        body = b'{"id":%d,"items":[%b]}' % (number, b",".join(items))
        child = session.child
        session.calls += len(items)
        task = Watched(child, source.call.cpu_s * len(items), cpu_start_s=cpu_seconds(child.pid) or 0.0)
        start = time.monotonic()
        child.send_frame(len(body).to_bytes(4, "little") + body)
        try:
            reply = self._soon(child, number) or self._watched(task, source, number, start)
        except wire.ProtocolError:
            raise Broken(ItemError("error", "spoke out of turn")) from None
        if time.monotonic() - start > task.cpu_limit_s and task.over:  # CPU time is never more than wall time here
            raise Broken(ItemError("timeout", "ended by timeout"))
        return _scores(reply, len(items)), reply.get("changed") is True

    @staticmethod
    def _soon(child: Child, number: int) -> dict[str, Any] | None:
        """The reply, if it comes whole and within a few milliseconds: the usual case, with one system call."""
        try:
            data = child.channel.recv(CHUNK)
        except OSError:  # nothing within SOON_S, or the task is gone
            return None
        child.reader.feed(data)
        reply = child.reader.next()
        return None if reply is None else _reply(reply, number)

    def _watched(self, task: Watched, source: Source, number: int, start: float) -> dict[str, Any]:
        """The reply of a verifier that takes its time, under its limits. Raises Broken, Disturbed."""
        replies: list[dict[str, Any]] = []
        task.on_frame = lambda body: replies.append(_reply(body, number))
        assert self.slot.zygote is not None
        watch = Watch(self.slot.zygote, source.call, task, start=start)
        watch.until(lambda: bool(replies))
        if replies:
            return replies[0]
        finish = self.slot.finish(task)
        kind = "timeout" if finish.status is Status.TIMEOUT else "error"
        raise Broken(ItemError(kind, f"ended by {'its exit' if finish.status is Status.OK else finish.status.value}"))

    def judge_fresh(self, source: Source, item: bytes) -> Score:
        """One item in a process of its own."""

        def once(last: bool) -> Score:
            try:
                session = self.start(source, lasting=False)
            except LoadError as e:
                return ItemError(e.kind, str(e))
            try:
                return self.ask(session, source, [item])[0][0]
            except Broken as e:
                return e.error
            except Disturbed:
                if not last:
                    raise
                return ItemError("error", "ended by a signal")
            finally:
                self.slot.release(session.child)

        return self.slot.persistent(once)

    def judge_in_session(self, source: Source, items: Sequence[bytes], frame: int) -> tuple[list[Score], bool]:
        """Items in the slot's lasting session, up to `frame` of them at once.

        An item with an error, or that ended the process, is judged again alone, and the session is replaced.
        Returns the scores, and False if the verifier's own data changed, so that none of them can be believed.
        """
        scores: list[Score] = []
        while len(scores) < len(items):
            part = items[len(scores) : len(scores) + frame]
            got = self.slot.attempt(lambda: self._part(source, part))  # noqa: B023  (called at once)
            if got is None:
                return [], False
            scores += got
        return scores, True

    def _part(self, source: Source, part: Sequence[bytes]) -> list[Score] | None:
        try:
            session = self.lasting(source)
            scores, changed = self.ask(session, source, part)
        except LoadError as e:
            return [ItemError(e.kind, str(e)) for _ in part]
        except (Broken, Disturbed):
            self.drop(source)
            return [self.judge_fresh(source, item) for item in part]
        if changed:
            self.drop(source)
            return None
        if any(isinstance(s, ItemError) for s in scores):
            self.drop(source)
            scores = [
                self.judge_fresh(source, i) if isinstance(s, ItemError) else s
                for i, s in zip(part, scores, strict=True)
            ]
        elif session.calls % LOOK_EVERY < len(part) and self._grown(session):
            self.drop(source)
        return scores

    def close(self) -> None:
        for session in self.open.values():
            with contextlib.suppress(OSError):
                session.child.close()
        self.open.clear()


def encode_item(item: Item | dict[str, Any]) -> bytes:
    """One item as it travels: a tuple of arguments, or keyword arguments. Raises InputError."""
    try:
        if isinstance(item, dict):
            return wire.to_json([[], wire.encode(item)])
        if isinstance(item, str):
            raise InputError("a verifier's item is a tuple of arguments or a dict of them, not a bare string")
        return wire.to_json([wire.encode(list(item)), {}])
    except wire.UnencodableError as e:
        raise InputError(f"a verifier's item holds {e}; only plain data can be sent") from None


def _number() -> int:
    return int.from_bytes(os.urandom(6))


def _reply(body: bytes, number: int) -> dict[str, Any]:
    message = wire.unpack(body)
    if type(message) is not dict or message.get("id") != number:
        raise wire.ProtocolError("a reply to no request")
    return message


def _scores(reply: dict[str, Any], count: int) -> list[Score]:
    told = reply.get("scores")
    if type(told) is not list or len(told) != count:
        return [ItemError("error", "no scores came back")] * count
    return [score_of(one) for one in told]


def score_of(told: Any) -> Score:
    """A finite number of modest size, or an error."""
    if type(told) is dict and type(told.get("error")) is dict:
        return ItemError("error", tell_error(plain_error(told["error"])))
    if type(told) not in (int, float, bool):
        return ItemError("invalid", "a score must be a finite number")
    if not -LARGEST <= told <= LARGEST or not math.isfinite(told):
        return ItemError("invalid", f"a score must be within {-LARGEST:g} and {LARGEST:g}")
    return float(told)
