"""Rules that do what the response tells them, good and bad. Loaded in workers by file, never imported by the tests."""

import ctypes
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

from rlar.errors import ToolFault
from rlar.types import Fault, Mark


class Obeys:
    """rate() obeys the response, or `always` where that is set; prepare() obeys query.extra["prepare"]."""

    def __init__(self, always="", folder=""):
        self.always = always
        self.folder = folder

    def prepare(self, query):
        order = query.extra.get("prepare", "")
        return obey(order, self.folder) if order else None

    def rate(self, response, query, prepared):
        return obey(self.always or response, self.folder)


class BadAtReferences(Obeys):
    def rate(self, response, query, prepared):
        if response == query.reference:
            raise KeyError("the reference itself")
        return obey(response, self.folder)


class Unbuildable:
    def __init__(self):
        raise RuntimeError("no table")


class NeedsMissing:
    def __init__(self):
        import a_package_that_is_not_there  # noqa: F401


class Remembers:
    """Gives the number of calls so far, to see what is judged how often, and where."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def prepare(self, query):
        self.note(f"prepare {query.text}")

    def rate(self, response, query, prepared):
        self.note(f"rate {response}")
        return 1.0

    def note(self, line):
        with (self.folder / "log").open("a") as log:
            log.write(f"{os.getpid()} {line}\n")


class Randomly:
    def prepare(self, query):
        return None

    def rate(self, response, query, prepared):
        import random

        return random.random()


def value_of(text):
    """What an order that is no order is worth: decided by the text alone."""
    return sum(map(ord, text)) % 101 / 100


def obey(order, folder=""):
    word, _, rest = order.partition(" ")
    action = ACTIONS.get(word)
    if action is None:
        return value_of(order)
    return action(rest) if word not in ("once", "twice") else action(rest, folder)


def fail(rest):
    raise ValueError(f"cannot read {rest!r}")


def missing(rest):
    raise ImportError("no module named thing")


def fault(rest):
    raise ToolFault(Fault.UNAVAILABLE, "the table is being rebuilt")


def leave(rest):
    raise SystemExit(0)


def base(rest):
    raise BaseException("not an Exception")


def unprintable(rest):
    class Strange(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    raise Strange


def recurse(rest):
    return recurse(rest)


def loop(rest):
    while True:
        pass


def swallow(rest):
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue


def unlimited(rest):
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, signal.SIG_IGN)
    loop(rest)


def big_number(rest):
    return float(len(str(7 ** (10**9))))


def sleep(rest):
    time.sleep(float(rest or 60))
    return value_of("slept")


def burn(rest):
    end = time.thread_time() + float(rest)
    while time.thread_time() < end:
        pass
    return value_of("burnt")


def threads(rest):
    for _ in range(3):
        threading.Thread(target=loop, args=("",), daemon=True).start()
    time.sleep(60)


def exit_now(rest):
    os._exit(int(rest or 0))


def crash(rest):
    ctypes.string_at(0)


def stop(rest):
    os.kill(os.getpid(), signal.SIGSTOP)


def memory(rest):
    hoard = []
    while True:
        hoard.append(bytearray(1 << 24))


def memory_caught(rest):
    try:
        memory(rest)
    except MemoryError:
        return 0.25
    return 1.0


def shout(rest):
    for _ in range(2000):
        print("x" * 10_000)
        os.write(1, b"y" * 10_000)
        os.write(2, b"z" * 10_000)
    sys.stdout.flush()
    return 0.5


def sockets():
    for fd in range(3, 64):
        try:
            if socket.socket(fileno=os.dup(fd)).family == socket.AF_UNIX:
                yield fd
        except OSError:
            continue


def garble(rest):
    for fd in sockets():
        os.write(fd, b"\xff" * 64)
    return 1.0


def forge(rest):
    body = b'[1, [[0, 0, 0.0, 1.0]], true, false, ["os"]]'
    for fd in sockets():
        os.write(fd, len(body).to_bytes(8, "little") + body)
    return 1.0


def hang_up(rest):
    for fd in sockets():
        os.close(fd)
    return 1.0


def orphan(rest):
    """Leave a child behind that holds the worker's socket."""
    if os.fork() == 0:
        time.sleep(30)
        os._exit(0)
    os._exit(1)


def kill_template(rest):
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


def once(rest, folder, times=1):
    marks = Path(folder)
    for n in range(times):
        marker = marks / f"{rest or 'once'}-{n}"
        try:
            marker.touch(exist_ok=False)
        except FileExistsError:
            continue
        fail(f"try {n}")
    return value_of("in the end")


def twice(rest, folder):
    return once(rest, folder, 2)


class Awkward:
    def __repr__(self):
        raise RuntimeError("no repr")


def numpy_value(rest):
    import numpy

    return {"f": numpy.float32(0.5), "b": numpy.bool_(True), "n": numpy.float64("nan"), "i": numpy.int64(1)}[rest]


ACTIONS = {
    "raise": fail,
    "missing": missing,
    "fault": fault,
    "sysexit": leave,
    "base": base,
    "unprintable": unprintable,
    "recurse": recurse,
    "loop": loop,
    "swallow": swallow,
    "unlimited": unlimited,
    "bignumber": big_number,
    "sleep": sleep,
    "burn": burn,
    "threads": threads,
    "exit": exit_now,
    "crash": crash,
    "stop": stop,
    "memory": memory,
    "memory_caught": memory_caught,
    "shout": shout,
    "garble": garble,
    "forge": forge,
    "hang_up": hang_up,
    "orphan": orphan,
    "kill_template": kill_template,
    "once": once,
    "twice": twice,
    "nan": lambda rest: float("nan"),
    "inf": lambda rest: float("inf"),
    "none": lambda rest: None,
    "text": lambda rest: "1.0",
    "tuple": lambda rest: (1.0, "right"),
    "complex": lambda rest: 1j,
    "huge": lambda rest: 10**400,
    "above": lambda rest: 1.01,
    "rounding": lambda rest: 1.0 + 1e-12,
    "awkward": lambda rest: Awkward(),
    "true": lambda rest: True,
    "one": lambda rest: 1,
    "numpy": numpy_value,
    "mark": lambda rest: Mark(0.5, "why \ud800\0 not", {"a": 1, "b": 0.25}, 0.75),
    "badterm": lambda rest: Mark(0.5, "", {"a": float("inf")}),
    "badconfidence": lambda rest: Mark(0.5, "", {}, 1.5),
    "longwhy": lambda rest: Mark(0.5, "w" * 10_000_000),
    "manyterms": lambda rest: Mark(0.5, "", {str(i): 1.0 for i in range(100_000)}),
    "length": lambda rest: Mark(1.0, str(len(rest))),
}
