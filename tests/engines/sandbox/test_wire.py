"""The protocol's codec: everything plain arrives as it was, and nothing an attacker writes does harm."""

from __future__ import annotations

import json
import math
import sys
import time
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlar.engines.sandbox.compare import Rules, same
from rlar.engines.sandbox.inside import wire

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**700), max_value=10**700)
    | st.floats(allow_nan=False)
    | st.text()
    | st.text(alphabet=st.characters(categories=["Cs"]), max_size=1)  # a lone surrogate (two in a row JSON may join)
    | st.binary()
    | st.binary().map(bytearray)
    | st.complex_numbers(allow_nan=False)
    | st.builds(range, st.integers(-9, 9), st.integers(), st.integers(1, 9))
    | st.decimals(allow_nan=False)
    | st.fractions()
    | st.dates()
    | st.datetimes()
    | st.times()
    | st.timedeltas()
)
HASHABLE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.lists(inner, max_size=4).map(deque)
        | st.dictionaries(HASHABLE | st.just("~t") | st.just("~"), inner, max_size=4)
        | st.sets(HASHABLE, max_size=4)
        | st.frozensets(HASHABLE, max_size=4)
    ),
    max_leaves=20,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from("~t ~s ~f ~d ~b ~a ~c ~i ~n ~r ~q ~m ~x ~w ~o ~y ~z id value".split()),  # noqa: SIM905
            inner,
            max_size=2,  # noqa: RUF100, SIM905
        )
    ),
    max_leaves=20,
)


def exactly(a: object, b: object) -> bool:
    """Equal with equal types all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple, deque)):
        return len(a) == len(b) and all(map(exactly, a, b))  # type: ignore[arg-type]
    if isinstance(a, dict):
        return exactly(list(a.items()), list(b.items()))  # type: ignore[attr-defined]
    if isinstance(a, (set, frozenset)):
        return a == b and sorted(type(x).__name__ for x in a) == sorted(type(x).__name__ for x in b)  # type: ignore
    return repr(a) == repr(b) or a == b


@given(VALUES)
@settings(max_examples=400, deadline=None)
def test_values_arrive_as_they_were(value: object) -> None:
    frame = wire.pack(wire.encode(value))
    reader = wire.FrameReader(1 << 20)
    for place in range(0, len(frame), 7):
        reader.feed(frame[place : place + 7])
    body = reader.next()
    assert body is not None
    assert not reader.pending
    assert exactly(wire.decode(wire.unpack(body), hash_guard=True), value)


@given(VALUES, VALUES)
@settings(max_examples=400, deadline=None)
def test_comparing_the_wire_form_is_comparing_values(a: object, b: object) -> None:
    assert same(a, wire.unpack(wire.to_json(wire.encode(a))), Rules())
    assert same(a, wire.unpack(wire.to_json(wire.encode(b))), Rules()) == exactly(a, b)
    assert same(a, wire.encode(b), Rules(numbers_alike=True)) == (a == b)


@given(JSON)
@settings(max_examples=600, deadline=None)
def test_no_message_does_more_than_be_refused(message: object) -> None:
    for attempt in (
        lambda: wire.decode(message, hash_guard=True),
        lambda: wire.decode(message, lambda number: number),
        lambda: same([1, {"a": (2.0, {3})}], message, Rules(tolerance=(1e-6, 1e-9))),
        lambda: same({1: {2}, "a": frozenset({(1, 2)})}, message, Rules(True, True)),
    ):
        try:
            attempt()
        except wire.ProtocolError:
            pass


@given(st.binary() | st.binary().map(lambda b: len(b).to_bytes(4, "little") + b))
@settings(max_examples=400, deadline=None)
def test_no_bytes_do_more_than_be_refused(data: bytes) -> None:
    reader = wire.FrameReader(1 << 16)
    try:
        reader.feed(data)
        while (body := reader.next()) is not None:
            wire.unpack(body)
    except wire.ProtocolError:
        pass


class Colour(IntEnum):
    RED = 7


class Liar(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__

    def __int__(self) -> int:
        return 99

    def __index__(self) -> int:
        return 99

    def __add__(self, other: object) -> int:
        return 99


class ListLiar(list):  # type: ignore[type-arg]
    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter([1, 2, 3])


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        (Liar(5), 5),
        (ListLiar([9]), [9]),
        (Colour.RED, 7),
        (Counter("aab"), {"a": 2, "b": 1}),
        (OrderedDict(a=1), {"a": 1}),
        (defaultdict(int, a=1), {"a": 1}),
        (namedtuple("P", "x y")(1, 2), (1, 2)),
        (type("S", (str,), {"__str__": lambda s: "no", "__getitem__": lambda s, i: "no"})("yes"), "yes"),
        (type("F", (float,), {"__float__": lambda s: 0.0})(2.5), 2.5),
    ],
)
def test_subclasses_travel_as_what_they_hold(value: object, arrives: object) -> None:
    assert exactly(wire.decode(wire.encode(value)), arrives)


@pytest.mark.parametrize(
    "value", [object(), wire.FrameReader, len, (x for x in ()), {1: object()}, datetime.now().astimezone()]
)
def test_foreign_objects_do_not_travel(value: object) -> None:
    with pytest.raises(wire.UnencodableError):
        wire.encode(value)


def test_unfolding_structures_are_refused() -> None:
    nested: list[object] = []
    for _ in range(100):
        nested = [nested]
    shared: list[object] = [0] * 10
    for _ in range(30):
        shared = [shared, shared]
    circle: list[object] = []
    circle.append(circle)
    for value in (nested, shared, circle):
        with pytest.raises(wire.UnencodableError):
            wire.encode(value)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"NaN",
        b"Infinity",
        b"9" * 5000,
        b'{"a": 1',
        b"\xff\xfe",
        '"é"'.encode(),
        b"",
    ],
)
def test_texts_that_are_no_messages_are_refused(body: bytes) -> None:
    with pytest.raises(wire.ProtocolError):
        wire.unpack(body)


def test_numbers_of_many_digits_are_refused_also_where_python_was_told_to_read_them() -> None:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        with pytest.raises(wire.ProtocolError):
            wire.unpack(b"9" * 1_000_000)
        assert wire.unpack(b"123") == 123
    finally:
        sys.set_int_max_str_digits(before)


def test_a_frame_over_its_cap_is_refused_before_it_arrives() -> None:
    reader = wire.FrameReader(1000)
    reader.feed((1001).to_bytes(4, "little"))
    with pytest.raises(wire.ProtocolError):
        reader.next()


@pytest.mark.parametrize(
    "message",
    [
        {"~s": [k * ((1 << 61) - 1) for k in range(20_000)]},  # all of one hash
        {"~d": [[k * ((1 << 61) - 1) for k in range(20_000)], [0] * 20_000]},
        {"~f": [{"~t": [k * ((1 << 61) - 1)]} for k in range(20_000)]},
        {"~x": [{"~i": "0x" + "f" * 400_000}, {"~i": "0x" + "e" * 400_000}]},
        {"~r": [0, {"~i": "0x" + "f" * 400_000}, 3]},
        {"~m": "1" * 900_000},
    ],
)
def test_values_made_to_be_slow_are_refused_at_once(message: object) -> None:
    start = time.process_time()
    with pytest.raises(wire.ProtocolError):
        wire.decode(message, hash_guard=True)
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(
    ("expected", "got", "strict", "loose", "near"),
    [
        (1, 1, True, True, True),
        (1, 1.0, False, True, True),
        (1, True, False, True, False),
        ([1, 2], (1, 2), False, True, False),
        ((1, [2]), [1, (2,)], False, True, False),
        (0.1 + 0.2, 0.3, False, False, True),
        (1.0, 1.0 + 1e-4, False, False, False),
        (1.0, float("nan"), False, False, False),
        (1.0, float("inf"), False, False, False),
        (float("inf"), float("inf"), True, True, True),
        (float("nan"), float("nan"), True, True, True),
        (1e300, 10**400, False, False, False),
        ({1: "a"}, {1: "a"}, True, True, True),
        ({1: "a"}, {1.0: "a"}, False, True, False),
        ({1: "a"}, {1: "a", 2: "b"}, False, False, False),
        ({"~t": 1}, {"~t": 1}, True, True, True),
        ({1, 2}, {2, 1}, True, True, True),
        ({1, 2}, frozenset({1, 2}), False, True, False),
        ({1, 2}, [1, 2], False, False, False),
        ("ab", b"ab", False, False, False),
        (Decimal("1.10"), Decimal("1.1"), True, True, True),
        (Fraction(1, 2), 0.5, False, True, False),
        (None, 0, False, False, False),
        ("", None, False, False, False),
        (date(2024, 1, 1), date(2024, 1, 1), True, True, True),
        (timedelta(1), timedelta(days=1), True, True, True),
        ([], (), False, True, False),
        ({}, [], False, False, False),
        (True, 1, False, True, False),
        (-0.0, 0.0, True, True, True),
    ],
)
def test_how_values_compare(expected: object, got: object, strict: bool, loose: bool, near: bool) -> None:
    message = wire.unpack(wire.to_json(wire.encode(got)))
    assert same(expected, message, Rules()) is strict
    assert same(expected, message, Rules(True, True)) is loose
    assert same(expected, message, Rules(tolerance=(1e-6, 1e-9))) is near


def test_one_value_may_not_stand_for_two() -> None:
    assert not same({1, 2}, {"~s": [1, 1]}, Rules())
    assert not same({1: 0, 2: 0}, {"~d": [[1, 1], [0, 0]]}, Rules())
    assert math.isnan(wire.decode({"~n": "nan"}))
    assert json.loads(wire.to_json({"a": [1]})) == {"a": [1]}
