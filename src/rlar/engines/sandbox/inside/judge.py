"""The judge: a process that runs tests, and never any code of the answer that it tests.

Tests see the answer through stand-ins: a call goes to the answer's process and comes back as plain data. What is not
data stays there behind a `Remote`, which no comparison with data, no arithmetic and no truth value can turn into a
pass: it equals only itself, or what its own kind says of two of its kind.
"""

from __future__ import annotations

import builtins
import os
import random
import sys
from collections.abc import Callable
from typing import Any

from rlar.engines.sandbox.inside import tests_code, wire
from rlar.engines.sandbox.inside.answers import builtin_base
from rlar.engines.sandbox.inside.channel import Channel
from rlar.engines.sandbox.inside.peer import Gone, Peer

MOST_CASES = 2000  # results of single asserts that are reported


class Unsplittable(Exception):
    """The test hands over an object of a class of its own, which cannot leave this process."""


def serve(channel: Channel) -> None:
    """Plan and run tests, one request after the other, until the supervisor is gone."""
    while True:
        request, fds = channel.request()
        recursion = sys.getrecursionlimit()
        random.seed(0)
        if request["op"] == "plan":
            reply = tests_code.plan(request["code"], request["entry"])
        else:
            reply = Trial(fds[0], request).verdict()
        sys.setrecursionlimit(recursion)
        channel.send({"id": request["id"], **reply})


class Trial:
    """One run of tests against one answer."""

    def __init__(self, fd: int, request: dict[str, Any]) -> None:
        self.request = request
        self.peer = Peer(fd, self.called_back, wire.FROM_ANSWER, guarded=True)
        self.fd = fd
        self.functions: list[Any] = [None]  # of the test, that the answer may call; numbers begin with 1
        self.remotes: dict[int, Remote] = {}
        self.kinds: dict[int, type[BaseException]] = {}
        self.record = Record(self)
        self.trouble: BaseException | None = None

    def verdict(self) -> dict[str, Any]:
        """{"passed", "cases", "why": {"kind", ...} | None, "load": error | None}."""
        try:
            load, why = self.run()
        except (Gone, wire.ProtocolError) as e:
            load, why = None, self.why(e)
        finally:
            os.close(self.fd)
        cases = self.record.cases
        passed = load is None and why is None and all(cases)
        return {"passed": passed, "cases": cases[:MOST_CASES], "why": why, "load": load}

    def run(self) -> tuple[Any, dict[str, Any] | None]:
        """(the error of loading the program, why the tests did not pass), each None if there is nothing to tell."""
        loaded = self.ask(op="load", source=self.request["source"])
        if "error" in loaded:
            return loaded["error"], None
        return None, self.test()

    def ask(self, **message: Any) -> dict[str, Any]:
        """Ask the answer. What goes wrong between the processes is kept, whatever the test makes of it."""
        try:
            return self.peer.ask(**message)
        except (Gone, wire.ProtocolError) as e:
            self.trouble = self.trouble or e
            raise

    def test(self) -> dict[str, Any] | None:
        code, free = tests_code.instrument(self.request["code"], self.request["entry"])
        names: dict[str, Any] = {"__name__": "tests", "__builtins__": builtins, tests_code.RECORD: self.record}
        try:
            for name in free:
                self.bind(names, name)
            entry = self.entry()
            names["candidate"] = names[self.request["entry"].split(".")[-1]] = entry
            exec(code, names)  # noqa: S102  (the test's own process)
            for function, takes_candidate in tests_code.runnable(self.request["code"], names):
                function(*([entry] if takes_candidate else []))
        except BaseException as e:
            return self.why(self.trouble or e)
        if self.trouble is not None:  # a test that catches everything must not hide it
            return self.why(self.trouble)
        if not self.record.cases and tests_code.has_asserts(self.request["code"]):
            return {"kind": "nothing"}  # an answer may not talk a test out of asking
        return self.why(self.record.error) if self.record.error is not None else None

    def why(self, error: BaseException) -> dict[str, Any]:
        """For feedback. The text of an assertion may hold expected values: it is left out."""
        if isinstance(error, Gone):
            return {"kind": "gone"}
        if isinstance(error, wire.ProtocolError):
            return {"kind": "protocol"}
        if isinstance(error, Unsplittable):
            return {"kind": "unsplittable", "text": str(error)}
        told: dict[str, Any] = getattr(error, "told_by_answer", None) or {}
        return {"kind": "raised", "name": type(error).__name__, **({"answer": told} if told else {})}

    def entry(self) -> Any:
        reply = self.ask(op="name", name=self.request["entry"])
        if reply.get("missing"):
            raise NameError(f"name {self.request['entry']!r} is not defined")
        return self.result(reply)

    def bind(self, names: dict[str, Any], name: str) -> None:
        """Give the test a name that it uses and does not define: the program's."""
        reply = self.ask(op="name", name=name)
        if "module" in reply:
            module = str(reply["module"])
            if module.partition(".")[0] in sys.stdlib_module_names:
                names[name] = __import__(module, fromlist=["*"])  # our own copy of it
        elif "exception" in reply:
            names[name] = self.kind(reply["target"], reply["exception"], name)
        elif not reply.get("missing"):
            names[name] = self.result(reply)

    # -- calls to the answer

    def call(self, op: str, target: int, args: tuple[Any, ...], kwargs: dict[str, Any], **more: Any) -> Any:
        in_place = more.setdefault("in_place", False)
        reply = self.ask(op=op, target=target, args=self.encode(list(args)), kwargs=self.encode(dict(kwargs)), **more)
        value = self.result(reply, stops=more.get("name") == "__next__")
        if in_place:
            changed = self.decode(reply.get("args"))
            if type(changed) is list and len(changed) == len(args):
                for own, now in zip(args, changed, strict=True):
                    _overwrite(own, now)
        return value

    def result(self, reply: dict[str, Any], *, stops: bool = False) -> Any:
        error = reply.get("error")
        if error is not None:
            raise self.exception(error, stops)
        if "value" not in reply:
            raise wire.ProtocolError("a reply of neither value nor error")
        return self.decode(reply["value"])

    def exception(self, error: Any, stops: bool) -> BaseException:
        """The answer's exception as one of our own: of the class that the test knows it by, or the nearest builtin.

        stops: StopIteration is meant; from anything but an iterator it would end the test's own loops unnoticed.
        """
        if type(error) is not dict:
            raise wire.ProtocolError("a bad error")
        number, base = error.get("class"), error.get("base")
        kind = self.kinds.get(number) if type(number) is int else None
        found = kind or getattr(builtins, base if type(base) is str else "", None)
        if not (isinstance(found, type) and issubclass(found, BaseException)):
            raise wire.ProtocolError("an exception of no known kind")
        if issubclass(found, StopIteration | StopAsyncIteration) and not stops:
            found = RuntimeError
        try:
            made = found(str(error.get("text", ""))[:1000])
        except Exception:
            made = RuntimeError(str(error.get("kind", ""))[:80])
        made.told_by_answer = error  # type: ignore[attr-defined]
        return made

    def kind(self, number: Any, base: Any, name: str) -> type[BaseException]:
        parent = getattr(builtins, str(base), Exception)
        if not (isinstance(parent, type) and issubclass(parent, BaseException)):
            raise wire.ProtocolError("an exception of no known kind")
        made = self.kinds[int(number)] = type(name, (parent,), {})
        return made

    # -- values

    def encode(self, value: Any) -> wire.Json:
        return wire.encode(value, self.own_object)

    def own_object(self, value: object) -> wire.Json:
        if isinstance(value, Remote):
            return {"~o": value._number}
        if callable(value) and not isinstance(value, type):
            self.functions.append(value)
            return {"~o": -(len(self.functions) - 1)}
        self.trouble = self.trouble or Unsplittable(f"an object of type {type(value).__name__}")
        raise self.trouble

    def decode(self, message: wire.Json) -> Any:
        return wire.decode(message, self.stand_in)

    def stand_in(self, number: int) -> Any:
        if number < 0:
            if -number >= len(self.functions):
                raise wire.ProtocolError("an object of ours that never was")
            return self.functions[-number]
        return self.remotes.setdefault(number, Remote(self, number))

    def called_back(self, call: dict[str, Any]) -> dict[str, Any]:
        """The answer calls a function that the test gave it."""
        target = call.get("target")
        if call.get("op") != "back" or type(target) is not int or not 0 < target < len(self.functions):
            raise wire.ProtocolError("a call that is not allowed")
        args, kwargs = self.decode(call.get("args")), self.decode(call.get("kwargs"))
        if type(args) is not list or type(kwargs) is not dict:
            raise wire.ProtocolError("a bad call")
        try:
            return {"value": self.encode(self.functions[target](*args, **kwargs))}
        except (Gone, wire.ProtocolError):
            raise
        except BaseException as e:
            return {"error": {"base": builtin_base(type(e)).__name__, "text": ""}}


class Record:
    """What the asserts of a test report to, under a name that tests do not use."""

    errors = Exception

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.cases: list[bool] = []
        self.error: BaseException | None = None  # the first one that an assert met

    def passed(self, condition: Any) -> None:
        self.cases.append(bool(condition))

    def failed(self) -> None:
        if self.trial.trouble is not None:
            raise self.trial.trouble
        self.cases.append(False)
        self.error = self.error or sys.exc_info()[1]


def _overwrite(own: Any, now: Any) -> None:
    """Make a mutable argument what the answer's copy of it became."""
    if type(own) is not type(now):
        return
    if isinstance(own, (list, bytearray)):
        own[:] = now
    elif isinstance(own, (dict, set)):
        own.clear()
        own.update(now)


def _forward(name: str) -> Callable[..., Any]:
    def method(self: Remote, *args: Any, **kwargs: Any) -> Any:
        return self._trial.call("method", self._number, args, kwargs, name=name)

    return method


def _among_its_kind(name: str) -> Callable[..., Any]:
    """An operator between two objects of the answer; with data on the other side it is not defined."""

    def method(self: Remote, other: Any) -> Any:
        if not isinstance(other, Remote):
            return NotImplemented
        return self._trial.call("method", self._number, (other,), {}, name=name)

    return method


class Remote:
    """An object that stays in the answer's process."""

    def __init__(self, trial: Trial, number: int) -> None:
        object.__setattr__(self, "_trial", trial)
        object.__setattr__(self, "_number", number)

    _trial: Trial
    _number: int

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._trial.call("call", self._number, args, kwargs)

    def rlar_in_place(self, *args: Any, **kwargs: Any) -> Any:
        """A call whose result the test does not use: what it does to its arguments is what counts."""
        return self._trial.call("call", self._number, args, kwargs, in_place=True)

    def __getattr__(self, name: str) -> Any:
        return self._trial.result(self._trial.ask(op="get", target=self._number, name=name))

    def __setattr__(self, name: str, value: Any) -> None:
        trial = self._trial
        trial.result(trial.ask(op="set", target=self._number, name=name, value=trial.encode(value)))

    def __instancecheck__(self, other: Any) -> bool:
        if not isinstance(other, Remote):
            return False
        reply = self._trial.ask(op="class", target=self._number, of=other._number)
        return self._trial.result(reply) is True

    def __eq__(self, other: object) -> Any:
        if self is other:
            return True
        if not isinstance(other, Remote):
            return NotImplemented
        return self._trial.call("method", self._number, (other,), {}, name="__eq__") is True

    def __hash__(self) -> int:
        return hash(self._number)

    def __iter__(self) -> Any:
        found = self._trial.call("method", self._number, (), {}, name="__iter__")
        return iter(found) if isinstance(found, Remote) and found is not self else self

    __next__ = _forward("__next__")
    __len__ = _forward("__len__")
    __getitem__ = _forward("__getitem__")
    __setitem__ = _forward("__setitem__")
    __delitem__ = _forward("__delitem__")
    __contains__ = _forward("__contains__")
    __str__ = _forward("__str__")
    __repr__ = _forward("__repr__")
    __enter__ = _forward("__enter__")
    __add__ = _among_its_kind("__add__")
    __sub__ = _among_its_kind("__sub__")
    __mul__ = _among_its_kind("__mul__")
    __truediv__ = _among_its_kind("__truediv__")
    __and__ = _among_its_kind("__and__")
    __or__ = _among_its_kind("__or__")
    __lt__ = _among_its_kind("__lt__")
    __le__ = _among_its_kind("__le__")
    __gt__ = _among_its_kind("__gt__")
    __ge__ = _among_its_kind("__ge__")

    def __bool__(self) -> bool:
        return True

    def __exit__(self, *error: object) -> None:
        self._trial.call("method", self._number, (None, None, None), {}, name="__exit__")
