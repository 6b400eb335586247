"""A task's end of its socket to the supervisor: requests come in, frames go out."""

from __future__ import annotations

import _socket
import array
import os
from typing import Any

from rlar.engines.sandbox.inside import wire

CHANNEL = 3  # descriptor of the socket in every task
CHUNK = 1 << 14  # more costs page faults on each read
_FDS_SPACE = 64
READY = b"R"


class Channel:
    """socket: any Python socket on descriptor CHANNEL.

    Blocking; used by trusted code before and between untrusted calls, and, for answers, by the task itself.
    """

    def __init__(self, socket: _socket.socket) -> None:
        self.socket = socket
        self.reader = wire.FrameReader(wire.TO_TASK)

    def ready(self, listener: int | None) -> None:
        """Tell that this task exists (the kernel adds who it is), and hand over the listener of its thread filter."""
        if listener is None:
            os.write(CHANNEL, READY)
        else:
            rights = [(1, 1, array.array("i", [listener]).tobytes())]  # SOL_SOCKET, SCM_RIGHTS
            self.socket.sendmsg([READY], rights)
            os.close(listener)

    def request(self) -> tuple[Any, list[int]]:
        """The next message, and the descriptors that came with it. Ends the process when the supervisor is gone."""
        fds = array.array("i")
        while True:
            body = self.reader.next()
            if body is not None:
                return wire.unpack(body), list(fds)
            data, ancillary, _, _ = self.socket.recvmsg(CHUNK, _FDS_SPACE)
            if not data:
                os._exit(0)
            for _, _, content in ancillary:
                fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
            self.reader.feed(data)

    def next(self) -> Any:
        """The next message, where no descriptors can come with it. Ends the process when the supervisor is gone."""
        while (body := self.reader.next()) is None:
            data = os.read(CHANNEL, CHUNK)
            if not data:
                os._exit(0)
            self.reader.feed(data)
        return wire.unpack(body)

    def send(self, message: Any) -> None:
        self.send_frame(wire.pack(message))

    def send_frame(self, frame: bytes) -> None:
        view = memoryview(frame)
        while view:
            view = view[os.write(CHANNEL, view) :]
