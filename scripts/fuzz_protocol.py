"""Coverage-guided fuzzing of all that reads bytes from untrusted processes: frames, values, answers, scores.

    pip install atheris && python scripts/fuzz_protocol.py [-max_total_time=600] [CORPUS_FOLDER]

Options are libFuzzer's. An input that raises anything but ProtocolError, comes back changed, forges a pass or takes
longer than 5 seconds ends the run and is kept in a file `crash-...` or `timeout-...`.
"""

from __future__ import annotations

import secrets
import sys
import tempfile
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["rlar.engines.sandbox"]):
    from rlar.engines.sandbox import Calls, ItemError
    from rlar.engines.sandbox.compare import Rules, same
    from rlar.engines.sandbox.grading import Exchange, Outcome, prepare, result
    from rlar.engines.sandbox.inside import wire
    from rlar.engines.sandbox.results import Status
    from rlar.engines.sandbox.sessions import _scores

CAP = 1 << 16
SECRET = secrets.token_hex(16)  # what no input can know
CASES = prepare(Calls("f", [((1,), [1, (2.5, {"a": {3}})]), ((2,), None), ((3,), SECRET)], tolerance=(0.1, 0.1)))
SEEDS: list[Any] = [
    [1, (2.5, {"a": {3}}), None, b"x", 2j, range(3), "\ud800", -(10**40)],
    {"value": [1, 2.5], "id": 7},
    {"error": {"kind": "E", "base": "ValueError", "text": "t", "line": 3}, "id": 7},
    {"scores": [1.0, True, {"error": {"kind": "E"}}]},
    {frozenset({1, "a"}): {(1, 2): {1.5}}},
]


def bodies(data: bytes) -> list[bytes]:
    """One frame per line, so that mutations need not get lengths right; after a zero byte, as a channel cuts them."""
    if data[:1] != b"\0":
        data = b"".join(len(line).to_bytes(4, "little") + line for line in data.split(b"\n"))
    else:
        data = data[1:]
    reader, found = wire.FrameReader(CAP), []
    for at in range(0, len(data), 997):
        reader.feed(data[at : at + 997])
        while (body := reader.next()) is not None:
            found.append(body)
    return found


def value(message: Any) -> None:
    """What was read can be sent, and is read again as the same."""
    known = wire.decode(message, hash_guard=True)
    again = wire.unpack(wire.to_json(wire.encode(known)))
    assert same(known, again, Rules()), message
    assert same(wire.decode(again, hash_guard=True), again, Rules()), message


def answer(messages: list[Any]) -> None:
    """An answer's process may say what it likes: it passes a case only by its value."""
    exchange = Exchange(CASES, False)
    ids = iter(exchange.ids)
    try:
        for message in messages:
            named = type(message) is dict and ("value" in message or "error" in message)
            exchange.hear(wire.to_json({**message, "id": next(ids, 0)} if named else message))
    except (wire.ProtocolError, ValueError):  # ValueError: 1e999 is read as infinity, which is not sent so
        pass
    graded = result(frozenset(), Outcome(Status.OK, exchange.load_error, exchange.results, exchange.values, 0, 0), 3)
    assert len(graded.cases) == 3
    assert not graded.passed, "a pass without the secret"


def one(data: bytes) -> None:
    messages: list[Any] = []
    try:
        messages.extend(map(wire.unpack, bodies(data)))
    except wire.ProtocolError:
        pass
    for message in messages:
        scores = _scores(message if type(message) is dict else {}, 3)
        assert all(isinstance(s, ItemError) or (type(s) is float and abs(s) <= 1e6) for s in scores)
        try:
            value(message)
        except (wire.ProtocolError, wire.UnencodableError):
            pass
    answer(messages)


def main() -> None:
    given = [a for a in sys.argv[1:] if not a.startswith("-")]
    with tempfile.TemporaryDirectory() as folder:
        for i, seed in enumerate(SEEDS):
            told = wire.encode(seed) if i in (0, 4) else seed
            Path(folder, f"lines-{i}").write_bytes(wire.to_json(told) + b"\n" + wire.to_json(told))
            Path(folder, f"frames-{i}").write_bytes(b"\0" + wire.pack(told))
        words = Path(folder, "words.txt")
        words.write_text("".join(f'"\\"~{tag}\\":"\n' for tag in "tsfdbacinrqmxwoyzekFD"))
        corpus = given or [str(Path(folder, "found"))]
        Path(corpus[0]).mkdir(parents=True, exist_ok=True)
        options = [a for a in sys.argv[1:] if a.startswith("-")]
        limits = ["-max_total_time=60", "-timeout=5", "-max_len=8192", f"-dict={words}"]
        atheris.Setup([sys.argv[0], *limits, *options, *corpus, folder], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
