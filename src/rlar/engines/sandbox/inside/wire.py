"""Frames and values on the channels between supervisor, tasks and judges: length-capped JSON, never code.

A frame is a little-endian u32 length and that many bytes of ASCII JSON. A value is JSON, where what JSON lacks is an
object with one key that begins with "~" (a tuple is {"~t": [...]}). Both sides use this module; the side that reads
what untrusted code wrote relies on nothing but the checks in here.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import sys
from collections import deque
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, Final

Json = Any

FROM_ANSWER: Final = 1 << 20  # bytes of one frame that an untrusted process may send
TO_TASK: Final = 64 << 20  # bytes of one frame from the supervisor: a program, its inputs
DEPTH: Final = 60  # containers in containers
NODES: Final = 1_000_000  # values in one value: shared parts would unfold without end
PLAIN_INT: Final = 1 << 512  # larger ones travel as hexadecimal text, which is read in linear time
_HEADER: Final = 4
_MODEST_BITS: Final = 20_000
PLAIN_TYPES: Final = {
    kind.__name__: kind
    for kind in (bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, range, object)
}
_COLLISIONS: Final = 64  # equal hashes in one set or dict; honest data has none or one
_SCALARS: Final = frozenset({str, bool, type(None)})
_DIGITS: Final = 4300  # Python's own limit for reading int from text, which takes quadratic time

Opaque = Callable[[object], Json]


class ProtocolError(Exception):
    """What arrived is not a frame or value of this protocol."""


class UnencodableError(Exception):
    """The value cannot travel: of a foreign type, too deep or too large."""


def pack(message: Json) -> bytes:
    """One frame. Raises ValueError for NaN and infinity outside encoded values."""
    body = to_json(message)
    return len(body).to_bytes(_HEADER, "little") + body


def to_json(message: Json) -> bytes:
    """JSON without spaces. Raises ValueError for NaN and infinity."""
    return _encode_json(message).encode("ascii")


def unpack(body: bytes) -> Json:
    """The message of a frame's body. Raises ProtocolError for anything but strict JSON of modest depth and numbers."""
    lifted = not 0 < sys.get_int_max_str_digits() <= _DIGITS  # the host may have switched Python's limit off
    try:
        return (_decode_json_slowly if lifted else _decode_json)(body.decode("ascii"))
    except (ValueError, RecursionError) as e:
        raise ProtocolError(f"not JSON: {type(e).__name__}") from None


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


def _short_int(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError("a number of thousands of digits")
    return int(text)


# Made once: json.dumps and json.loads make a new coder at each call with options.
_encode_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_decode_json = json.JSONDecoder(parse_constant=_no_constant).decode
_decode_json_slowly = json.JSONDecoder(parse_constant=_no_constant, parse_int=_short_int).decode


class FrameReader:
    """Cuts a stream of bytes into frame bodies. A length over `cap` is refused before anything is stored for it."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> bytes | None:
        """The next body, or None until more bytes arrive. Raises ProtocolError."""
        if len(self._buffer) < _HEADER:
            return None
        length = int.from_bytes(self._buffer[:_HEADER], "little")
        if length > self.cap:
            raise ProtocolError(f"a frame of {length} bytes, where {self.cap} are allowed")
        end = _HEADER + length
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[_HEADER:end])
        del self._buffer[:end]
        return body

    @property
    def pending(self) -> bool:
        """Whether bytes arrived that were not asked for yet."""
        return bool(self._buffer)


def encode(value: object, opaque: Opaque | None = None) -> Json:
    """A value as tagged JSON. Exact builtin types and some of the standard library's value types travel whole.

    Instances of subclasses travel as what they hold (a namedtuple as a tuple, a Counter as a dict): data is read by
    the base class's own methods, so nothing a subclass overrides is called. opaque: gives JSON for any other object;
    without it they raise UnencodableError, as do values too deep or too large.
    """
    return _Encoder(opaque).any(value, DEPTH)


class _Encoder:
    def __init__(self, opaque: Opaque | None) -> None:
        self.opaque = opaque
        self.nodes = NODES

    def any(self, value: Any, depth: int) -> Json:
        kind = type(value)
        if kind in _SCALARS:
            return value
        if kind is int:
            return value if -PLAIN_INT < value < PLAIN_INT else {"~i": hex(value)}
        if kind is float:
            return value if math.isfinite(value) else {"~n": repr(value)}
        if depth <= 0:
            raise UnencodableError("a value nested too deeply")
        if kind is list:
            return self.items(value, depth)
        if kind is tuple:
            return {"~t": self.items(value, depth)}
        if kind is dict:
            return self.mapping(value, depth)
        for base in _mro(kind):
            how = _METHODS.get(base)
            if how is not None:
                return how(self, value, depth)
        if self.opaque is None:
            raise UnencodableError(f"a value of type {_name(kind)}")
        return self.opaque(value)

    def items(self, values: Any, depth: int) -> list[Json]:
        self.nodes -= len(values)
        if self.nodes < 0:
            raise UnencodableError("a value of too many parts")
        kinds = set(map(type, values))
        if kinds <= _SCALARS:
            return list(values)
        if kinds == {int} and min(values) > -PLAIN_INT and max(values) < PLAIN_INT:
            return list(values)
        if kinds == {float} and all(map(math.isfinite, values)):
            return list(values)
        return [self.any(item, depth - 1) for item in values]

    def mapping(self, value: dict[Any, Any], depth: int) -> Json:
        if set(map(type, value)) <= {str} and not any(key[:1] == "~" for key in value):
            return dict(zip(value, self.items(list(value.values()), depth), strict=True))
        return {"~d": [self.items(list(value), depth), self.items(list(value.values()), depth)]}


_mro: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__  # not what a metaclass says it is
_type_name: Callable[[type], str] = type.__dict__["__name__"].__get__


def _name(kind: type) -> str:
    return _type_name(kind)[:80]


def _encode_date(self: _Encoder, value: Any, depth: int) -> Json:
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            raise UnencodableError("a datetime with a time zone")
        return {"~w": ["datetime", *datetime.timetuple(value)[:6], value.microsecond]}
    return {"~w": ["date", value.year, value.month, value.day]}


def _encode_time(self: _Encoder, value: Any, depth: int) -> Json:
    if value.tzinfo is not None:
        raise UnencodableError("a time with a time zone")
    return {"~w": ["time", value.hour, value.minute, value.second, value.microsecond]}


_METHODS: dict[type, Callable[[_Encoder, Any, int], Json]] = {
    bool: lambda self, v, d: bool(v),
    int: lambda self, v, d: self.any(int.__add__(v, 0), d),
    float: lambda self, v, d: self.any(float.__add__(v, 0.0), d),
    str: lambda self, v, d: str.__getitem__(v, slice(None)) + "",
    bytes: lambda self, v, d: {"~b": base64.b64encode(v).decode("ascii")},
    bytearray: lambda self, v, d: {"~a": base64.b64encode(v).decode("ascii")},
    list: lambda self, v, d: self.items(list(list.__iter__(v)), d),
    tuple: lambda self, v, d: {"~t": self.items(tuple(tuple.__iter__(v)), d)},
    dict: lambda self, v, d: self.mapping(dict(dict.items(v)), d),
    set: lambda self, v, d: {"~s": self.items(_ordered(set.__iter__(v)), d)},
    frozenset: lambda self, v, d: {"~f": self.items(_ordered(frozenset.__iter__(v)), d)},
    complex: lambda self, v, d: {"~c": [self.any(float(v.real), d), self.any(float(v.imag), d)]},
    range: lambda self, v, d: {"~r": [self.any(x, d) for x in (v.start, v.stop, v.step)]},
    deque: lambda self, v, d: {"~q": [v.maxlen, self.items(list(deque.__iter__(v)), d)]},
    Decimal: lambda self, v, d: {"~m": Decimal.__str__(v)},
    Fraction: lambda self, v, d: {"~x": [self.any(v.numerator, d), self.any(v.denominator, d)]},
    timedelta: lambda self, v, d: {"~w": ["delta", v.days, v.seconds, v.microseconds]},
    date: _encode_date,
    time: _encode_time,
    type: lambda self, v, d: _encode_type(self, v),
}


def _encode_type(self: _Encoder, value: Any) -> Json:
    """A builtin class by its name; other classes are foreign objects."""
    name = _type_name(value)
    if PLAIN_TYPES.get(name) is value:
        return {"~y": name}
    if self.opaque is None:
        raise UnencodableError(f"the class {name[:80]}")
    return self.opaque(value)


def _ordered(values: Iterable[Any]) -> list[Any]:
    """Sets in a stable order where there is one, so that equal sets have equal text."""
    items = list(values)
    if len({type(x) for x in items}) == 1 and type(items[0]) in (int, str, float):
        items.sort()
    return items


def decode(message: Json, opaque: Callable[[int], object] | None = None, *, hash_guard: bool = False) -> Any:
    """The value of tagged JSON. Raises ProtocolError for what `encode` never writes.

    opaque: makes the stand-in of a foreign object from its number; without it such values are refused.
    hash_guard: refuse sets and dicts whose keys were chosen to collide, which would cost quadratic time to build.
    Needed where no CPU limit guards the reader.
    """
    return _Decoder(opaque, hash_guard).any(message, 2 * DEPTH)


class _Decoder:
    def __init__(self, opaque: Callable[[int], object] | None, hash_guard: bool) -> None:
        self.opaque = opaque
        self.hash_guard = hash_guard

    def any(self, message: Json, depth: int) -> Any:
        kind = type(message)
        if kind is list:
            if depth <= 0:
                raise ProtocolError("a value nested too deeply")
            if set(map(type, message)) <= {str, bool, type(None), int, float}:
                return message
            return [self.any(item, depth - 1) for item in message]
        if kind is dict:
            if depth <= 0:
                raise ProtocolError("a value nested too deeply")
            if len(message) == 1:
                ((tag, content),) = message.items()
                if tag[:1] == "~":
                    return self.tagged(tag, content, depth - 1)
            return {key: self.any(item, depth - 1) for key, item in message.items()}
        return message

    def tagged(self, tag: str, content: Json, depth: int) -> Any:
        read = _READERS.get(tag)
        if read is None:
            raise ProtocolError(f"unknown tag {tag[:20]!r}")
        try:
            return read(self, content, depth)
        except (
            TypeError,
            ValueError,
            AttributeError,
            KeyError,
            OverflowError,
            InvalidOperation,
            ZeroDivisionError,
        ) as e:
            raise ProtocolError(f"bad content of tag {tag}: {type(e).__name__}") from None

    def hashed(self, content: Json, depth: int) -> list[Any]:
        """Items that will be hashed: an exact list of them, without chosen collisions."""
        items = self.any(_typed(content, list), depth)
        if self.hash_guard and len(items) - len({hash(x) for x in items}) > _COLLISIONS:
            raise ProtocolError("keys that collide")
        return list(items)


def _typed(content: Json, kind: type) -> Any:
    if type(content) is not kind:
        raise ProtocolError(f"{kind.__name__} expected, {type(content).__name__} came")
    return content


def _bytes(content: Json) -> bytes:
    try:
        return base64.b64decode(_typed(content, str), validate=True)
    except binascii.Error:
        raise ProtocolError("bytes that are not base64") from None


def _modest_int(self: _Decoder, content: Json) -> int:
    """For fractions and ranges, whose making takes quadratic time."""
    value: int = _typed(self.any(content, 1), int)
    if value.bit_length() > _MODEST_BITS:
        raise ProtocolError("a fraction or range of thousands of digits")
    return value


_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def _float(content: Json) -> float:
    if content not in ("nan", "inf", "-inf"):
        raise ProtocolError("an unknown float")
    return _FLOATS[content]


def _int(content: Json) -> int:
    text = _typed(content, str)
    if not re.fullmatch(r"-?0x[0-9a-f]+", text):
        raise ProtocolError("a bad integer")
    return int(text, 16)


def _dict(self: _Decoder, content: Json, depth: int) -> dict[Any, Any]:
    keys, values = _typed(content, list)
    return dict(zip(self.hashed(keys, depth), self.any(_typed(values, list), depth), strict=True))


def _deque(self: _Decoder, content: Json, depth: int) -> deque[Any]:
    longest, items = _typed(content, list)
    if longest is not None:
        _typed(longest, int)
    return deque(self.any(_typed(items, list), depth), longest)


def _when(content: Json) -> object:
    name, *parts = _typed(content, list)
    for part in parts:
        _typed(part, int)
    makers: dict[str, Callable[..., object]] = {"date": date, "datetime": datetime, "time": time}
    if name == "delta":
        days, seconds, microseconds = parts
        return timedelta(days, seconds, microseconds)
    return makers[_typed(name, str)](*parts)


def _decimal(content: Json) -> Decimal:
    text = _typed(content, str)
    if len(text) > 5000:
        raise ProtocolError("a decimal of thousands of digits")
    return Decimal(text)


def _handle(self: _Decoder, content: Json) -> object:
    if self.opaque is None:
        raise ProtocolError("a foreign object where none is allowed")
    return self.opaque(_typed(content, int))


_READERS: dict[str, Callable[[_Decoder, Json, int], Any]] = {
    "~i": lambda self, c, d: _int(c),
    "~n": lambda self, c, d: _float(c),
    "~t": lambda self, c, d: tuple(self.any(_typed(c, list), d)),
    "~s": lambda self, c, d: set(self.hashed(c, d)),
    "~f": lambda self, c, d: frozenset(self.hashed(c, d)),
    "~d": _dict,
    "~b": lambda self, c, d: _bytes(c),
    "~a": lambda self, c, d: bytearray(_bytes(c)),
    "~c": lambda self, c, d: complex(*[float(self.any(_typed(x, type(x)), d)) for x in _typed(c, list)]),
    "~r": lambda self, c, d: range(*[_modest_int(self, x) for x in _typed(c, list)]),
    "~q": _deque,
    "~m": lambda self, c, d: _decimal(c),
    "~x": lambda self, c, d: Fraction(*[_modest_int(self, x) for x in _typed(c, list)]),
    "~w": lambda self, c, d: _when(c),
    "~o": lambda self, c, d: _handle(self, c),
    "~y": lambda self, c, d: PLAIN_TYPES[_typed(c, str)],
}

if sys.byteorder != "little":  # pragma: no cover
    raise ImportError("the sandbox supports little-endian machines only")
