"""A task: a fork of the zygote that confines itself, waits for its request, and does one thing with it.

What untrusted code runs in here is in `program`, `answers` and `session`; what only tests run in is in `judge`.
"""

from __future__ import annotations

import _socket
import gc
import os
from collections.abc import Callable
from typing import Any

from rlar.engines.sandbox.inside import answers, confine, judge, program, selftest, session, suite, wire
from rlar.engines.sandbox.inside.channel import CHANNEL, Channel

Handler = Callable[[Channel, dict[str, Any], list[int]], None]
SILENT = {"calls", "serve", "judge", "admit", "session", "suite"}  # what these print is no part of their answer
QUIET = {"admit", "session"}  # these need neither threads nor files


def warm_up() -> None:
    """What the zygote does once so that tasks need not: load the modules and run the common paths."""
    request = {"op": "run", "source": "", "argv": [], "limits": {"cpu_s": 1, "memory_bytes": 1 << 30, "processes": 9}}
    for _ in range(20):
        reader = wire.FrameReader(wire.TO_TASK)
        reader.feed(wire.pack(request))
        wire.unpack(reader.next() or b"")
        wire.decode(wire.encode([1, (2.5, {"a": None}), {3}]))
        program.load("x = [i for i in range(3)]\n", "__main__")


def main(layers: confine.TaskLayers, fds: tuple[int, ...], socket: _socket.socket) -> None:
    """Never returns normally: ends the process. fds: the task's socket, standard output, standard error. socket: the
    zygote's object for descriptor CHANNEL, which becomes the task's."""
    channel_fd, out, err = fds
    os.dup2(channel_fd, CHANNEL, inheritable=False)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.closerange(CHANNEL + 1, 1 << 16)
    channel = Channel(socket)
    confine.confine_task(layers, channel.ready)
    request, passed = channel.request()
    gc.enable()
    limits = request["limits"]
    confine.limit_task(layers, limits["cpu_s"], limits["memory_bytes"], limits["processes"])
    if request["op"] in SILENT:
        _silence()
    if request["op"] in QUIET:
        confine.quieten(layers)
    HANDLERS[request["op"]](channel, request, passed)
    os._exit(0)


def _run(channel: Channel, request: dict[str, Any], passed: list[int]) -> None:
    if passed:
        os.dup2(passed[0], 0)
        os.close(passed[0])
    program.run(channel, request["source"], request["argv"])


def _calls(channel: Channel, request: dict[str, Any], passed: list[int]) -> None:
    answers.calls(channel, request)


def _serve(channel: Channel, request: dict[str, Any], passed: list[int]) -> None:
    answers.Served(passed[0]).listen()


def _judge(channel: Channel, request: dict[str, Any], passed: list[int]) -> None:
    judge.serve(channel)


def _admit(channel: Channel, request: dict[str, Any], passed: list[int]) -> None:
    session.admit(channel, request)


def _session(channel: Channel, request: dict[str, Any], passed: list[int]) -> None:
    session.serve(channel, request)


def _suite(channel: Channel, request: dict[str, Any], passed: list[int]) -> None:
    suite.run(channel, request)


def _selftest(channel: Channel, request: dict[str, Any], passed: list[int]) -> None:
    if "what" in request:
        selftest.run_hostile(channel, request)
    else:
        selftest.run(channel, request)


def _silence() -> None:
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    os.close(nothing)


HANDLERS: dict[str, Handler] = {
    "run": _run,
    "calls": _calls,
    "serve": _serve,
    "judge": _judge,
    "admit": _admit,
    "session": _session,
    "suite": _suite,
    "selftest": _selftest,
}
