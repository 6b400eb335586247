"""A verifier: loaded once, then called item by item, each reply carrying the number of its request."""

from __future__ import annotations

from typing import Any

from rlar.engines.sandbox.inside import program, purity, wire
from rlar.engines.sandbox.inside.answers import describe, find
from rlar.engines.sandbox.inside.channel import Channel

MODULE = "verifier"
_CHANGEABLE = (list, dict, set)


def admit(channel: Channel, request: dict[str, Any]) -> None:
    """Say whether the source is Python at all, and why it is not pure (an empty list if it is)."""
    try:
        reply: dict[str, Any] = {"impure": purity.reasons(request["source"])}
    except BaseException as e:
        reply = {"error": describe(e)}
    channel.send({"id": request["id"], **reply})


def serve(channel: Channel, request: dict[str, Any]) -> None:
    """Load, then answer frames of items until the supervisor is gone.

    A frame {"id", "items": [[args, kwargs], ...]} gets {"id", "scores": [number | error, ...], "changed": whether the
    module's own data is other than when it was loaded}.
    """
    try:
        names = program.load(request["source"], MODULE)
        function = find(names, request["entry"])
        before = _own_data(names)
    except BaseException as e:
        channel.send({"id": request["id"], "error": describe(e)})
        return
    channel.send({"id": request["id"], "loaded": True})
    while True:
        frame = channel.next()
        scores = [_score(function, args, kwargs) for args, kwargs in frame["items"]]
        channel.send({"id": frame["id"], "scores": scores, "changed": _own_data(names) != before})


def _score(function: Any, args: wire.Json, kwargs: wire.Json) -> Any:
    try:
        value = function(*wire.decode(args), **wire.decode(kwargs))
        if isinstance(value, int | float):
            return wire.encode(value)
        raise TypeError(f"a score must be a number, not {type(value).__name__}")
    except BaseException as e:
        return {"error": describe(e)}


def _own_data(names: dict[str, Any]) -> list[tuple[str, Any]]:
    """The module's lists, dicts and sets as data, for noticing that they changed; other data cannot change."""
    out = []
    for name, value in names.items():
        if type(value) in _CHANGEABLE and name != "__builtins__":
            try:
                out.append((name, wire.encode(value)))
            except wire.UnencodableError:
                continue
    return out
