"""Two processes that call each other's functions, in lock-step, over one socket: the judge and the answer.

Each call carries a fresh random number that its reply must repeat; while waiting for a reply, a side may be called
back (a function that a test passed as an argument). What cannot travel as data stays where it is and is known by a
number.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from typing import Any

from rlar.engines.sandbox.inside import wire

CHUNK = 1 << 16


class Gone(Exception):
    """The other side closed its end."""


class Peer:
    """One end. serve(message) answers a call of the other side with the fields of a reply.

    cap: bytes of one frame that the other side may send. guarded: bytes that nobody asked for are a fraud.
    """

    def __init__(self, fd: int, serve: Callable[[dict[str, Any]], dict[str, Any]], cap: int, *, guarded: bool) -> None:
        self.fd = fd
        self.serve = serve
        self.guarded = guarded
        self.reader = wire.FrameReader(cap)

    def ask(self, **message: Any) -> dict[str, Any]:
        """Send a call and wait for its reply, serving the other side's calls meanwhile.

        Raises Gone; wire.ProtocolError if the other side speaks out of turn.
        """
        if self.guarded and (self.reader.pending or select.select([self.fd], [], [], 0)[0]):
            if not self.reader.pending and not self._read():
                raise Gone
            raise wire.ProtocolError("words before a question")
        number = int.from_bytes(os.urandom(6))
        self.send({"id": number, **message})
        while True:
            reply = self.receive()
            if "op" in reply:
                self.answer(reply)
            elif reply.get("id") == number:
                return reply
            else:
                raise wire.ProtocolError("a reply to no question")

    def answer(self, call: dict[str, Any]) -> None:
        self.send({**self.serve(call), "id": call.get("id")})

    def receive(self) -> dict[str, Any]:
        while (body := self.reader.next()) is None:
            if not self._read():
                raise Gone
        message = wire.unpack(body)
        if type(message) is not dict:
            raise wire.ProtocolError("no message")
        return message

    def _read(self) -> bool:
        try:
            data = os.read(self.fd, CHUNK)  # read, not recvmsg: descriptors that come along are dropped
        except ConnectionResetError:
            return False
        self.reader.feed(data)
        return bool(data)

    def send(self, message: dict[str, Any]) -> None:
        view = memoryview(wire.pack(message))
        try:
            while view:
                view = view[os.write(self.fd, view) :]
        except (BrokenPipeError, ConnectionResetError):
            raise Gone from None
