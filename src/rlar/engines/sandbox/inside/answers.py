"""An answer under test: its module is loaded once, then its functions are called with values from outside."""

from __future__ import annotations

import builtins
import os
import types
from typing import Any

from rlar.engines.sandbox.inside import program, wire
from rlar.engines.sandbox.inside.channel import Channel
from rlar.engines.sandbox.inside.peer import Gone, Peer

MODULE = "solution"  # not "__main__": what a program does only as a script is not wanted here
TEXT = 400  # characters of an exception's message that leave


def calls(channel: Channel, request: dict[str, Any]) -> None:
    """Load `source`, then call `entry` once per case; a frame per step, in order, each with the id it answers.

    request: {"source", "entry", "load": id, "cases": [[id, args, kwargs]]}.
    """
    function = _load(channel, request)
    for number, args, kwargs in request["cases"]:
        try:
            value = function(*wire.decode(args), **wire.decode(kwargs))
            frame = wire.pack({"id": number, "value": wire.encode(value)})
            if len(frame) > wire.FROM_ANSWER:
                raise wire.UnencodableError(f"a value of {len(frame)} bytes")
        except BaseException as e:
            frame = wire.pack({"id": number, "error": describe(e)})
        channel.send_frame(frame)


def _load(channel: Channel, request: dict[str, Any]) -> Any:
    try:
        names = program.load(request["source"], MODULE)
        function = find(names, request["entry"])
    except BaseException as e:
        channel.send({"id": request["load"], "error": describe(e)})
        raise SystemExit from None
    channel.send({"id": request["load"], "value": None})
    return function


def find(names: dict[str, Any], entry: str) -> Any:
    """The entry point: a name, or a dotted path such as "Solution.solve" (of a fresh instance where it is a class)."""
    first, *rest = entry.split(".")
    if first not in names:
        raise NameError(f"name {first!r} is not defined")
    found = names[first]
    for name in rest:
        if isinstance(found, type):
            found = found()
        found = getattr(found, name)
    return found


def describe(error: BaseException) -> dict[str, Any]:
    """What may be told of an exception: its class's name, the builtin class it is, its text, its line."""
    kind = type(error)
    trace = program.own_frames(error.__traceback__)
    line = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == program.FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and line is None:
        line = error.lineno
    try:
        text = str(error)[:TEXT]
    except Exception:
        text = ""
    return {"kind": kind.__name__[:80], "base": builtin_base(kind).__name__, "text": text, "line": line}


def builtin_base(kind: type) -> type:
    """The nearest builtin class that a class is."""
    found: type = next(c for c in kind.__mro__ if getattr(builtins, c.__name__, None) is c)
    return found


class Served:
    """An answer that a judge asks things of: its names, calls, attributes and items, one at a time."""

    def __init__(self, fd: int) -> None:
        self.names: dict[str, Any] = {}
        self.objects: list[Any] = []
        self.peer = Peer(fd, self.serve, wire.TO_TASK, guarded=False)

    def listen(self) -> None:
        """Answer until the judge is gone."""
        try:
            while True:
                self.peer.answer(self.peer.receive())
        except Gone:
            os._exit(0)

    def serve(self, call: dict[str, Any]) -> dict[str, Any]:
        try:
            return self.do(call)
        except BaseException as e:
            return {"error": describe(e) | {"class": self.keep(type(e))}}

    def do(self, call: dict[str, Any]) -> dict[str, Any]:
        op = call["op"]
        if op == "load":
            self.names = program.load(call["source"], MODULE)
            return {"value": None}
        if op == "name":
            return self.name(call["name"])
        if op == "class":
            return {"value": isinstance(self.objects[call["of"]], self.objects[call["target"]])}
        target = self.objects[call["target"]]
        if op == "get":
            return self.value(getattr(target, call["name"]))
        if op == "set":
            setattr(target, call["name"], self.decode(call["value"]))
            return {"value": None}
        args, kwargs = self.decode(call["args"]), self.decode(call["kwargs"])
        if op == "method":  # of the class, as operators and built-in functions look them up
            method = getattr(type(target), call["name"], None)
            if method is None:
                raise TypeError(f"{type(target).__name__!r} object has no {call['name']}")
            return self.value(method(target, *args, **kwargs))
        result = target(*args, **kwargs)
        reply = self.value(result)
        if call["in_place"]:
            reply["args"] = wire.encode(args, self.opaque)
        return reply

    def name(self, name: str) -> dict[str, Any]:
        """What a name of the program stands for: a module (by its name), a kind of exception, or a value."""
        if name not in self.names:
            first, _, rest = name.partition(".")
            if not rest or first not in self.names:
                return {"missing": True}
            found = find(self.names, name)
        else:
            found = self.names[name]
        if isinstance(found, types.ModuleType):
            return {"module": found.__name__}
        if isinstance(found, type) and issubclass(found, BaseException):
            return {"exception": builtin_base(found).__name__, "target": self.keep(found)}
        return self.value(found)

    def value(self, value: Any) -> dict[str, Any]:
        reply = {"value": wire.encode(value, self.opaque)}
        if len(wire.pack(reply)) > wire.FROM_ANSWER - 4096:
            raise wire.UnencodableError("a value of more than a mebibyte")
        return reply

    def opaque(self, value: object) -> wire.Json:
        if isinstance(value, Callback):
            return {"~o": -value.number}
        return {"~o": self.keep(value)}

    def keep(self, value: Any) -> int:
        for number, kept in enumerate(self.objects):
            if kept is value:
                return number
        self.objects.append(value)
        return len(self.objects) - 1

    def decode(self, message: wire.Json) -> Any:
        return wire.decode(message, self.known)

    def known(self, number: int) -> Any:
        return self.objects[number] if number >= 0 else Callback(self, -number)


class Callback:
    """A function of the test, as the answer sees it."""

    def __init__(self, served: Served, number: int) -> None:
        self.served = served
        self.number = number

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        encoded = wire.encode(list(args), self.served.opaque), wire.encode(kwargs, self.served.opaque)
        reply = self.served.peer.ask(op="back", target=self.number, args=encoded[0], kwargs=encoded[1])
        if "error" in reply:
            kind = getattr(builtins, reply["error"]["base"])
            raise kind(reply["error"]["text"])
        return self.served.decode(reply["value"])
