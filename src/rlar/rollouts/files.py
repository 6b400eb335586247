"""From paths to raw rows: JSON Lines, JSON arrays, gzip, Parquet, folders and standard input, one row at a time.

JSON Lines are never held whole; a JSON array and a single JSON object are. What cannot be parsed becomes a Reject
and reading goes on with the next line.
"""

from __future__ import annotations

import io
import json
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from rlar.errors import InputError, MissingExtra
from rlar.rollouts.items import Record, Reject, clip
from rlar.types import Json

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SUFFIXES = (".jsonl", ".ndjson", ".json", ".jsonl.gz", ".ndjson.gz", ".json.gz", ".parquet")
MAX_LINE_BYTES = 64 * 2**20
EXCERPT = 200
OnReject = Callable[[Reject], None]


class _BadJsonError(ValueError):
    """JSON that the standard parser would take and that still has no one meaning."""


def expand(paths: Sequence[str | Path], exclude: Iterable[Path] = ()) -> list[tuple[str, Path | None, str]]:
    """(name to show, path or None for stdin, stem for ids) of every file; folders recursively and sorted.

    exclude: files that are never read from a folder (the output that is being written).
    Raises InputError for a path that does not exist, a file of an unknown kind is read as JSON Lines.
    """
    left_out = {path.resolve() for path in exclude}
    found: list[tuple[str, Path | None, str]] = []
    for given in paths:
        if str(given) == "-":
            found.append(("<stdin>", None, "stdin"))
            continue
        path = Path(given)
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.name.endswith(SUFFIXES) and p.is_file())
            inside = [p for p in inside if not any(part.startswith(".") for part in p.relative_to(path).parts)]
            inside = [p for p in inside if p.resolve() not in left_out and not p.name.endswith(".run.json")]
            if not inside:
                raise InputError(f"{path}: the folder has no file that ends in {', '.join(SUFFIXES)}")
            found += [(str(p), p, _stem(p.relative_to(path))) for p in inside]
        elif path.exists():
            found.append((str(path), path, _stem(Path(path.name))))
        else:
            raise InputError(f"{path}: no such file or folder")
    return found


def _stem(path: Path) -> str:
    name = path.as_posix()
    suffix = max((s for s in SUFFIXES if name.endswith(s)), key=len, default="")
    return name[: len(name) - len(suffix)]


def read_records(name: str, path: Path | None, stem: str, on_reject: OnReject) -> Iterator[Record]:
    """Raw rows of one file. Raises InputError if it cannot be opened."""
    if path is not None and path.suffix == ".parquet":
        yield from _parquet(name, path, stem, on_reject)
        return
    try:
        raw: BinaryIO = _stdin() if path is None else path.open("rb")
    except OSError as e:
        raise InputError(f"{name}: cannot be opened: {e.strerror or e}") from e
    try:
        yield from _text(name, stem, raw, on_reject, whole=path is not None and ".json" in path.suffixes)
    finally:
        if path is not None:
            raw.close()


def _stdin() -> BinaryIO:
    """Standard input past sys.stdin: that one's lock, held by a thread that waits for input, aborts Python at exit."""
    try:
        return cast(BinaryIO, io.BufferedReader(io.FileIO(sys.stdin.fileno(), closefd=False), 2**20))
    except (OSError, AttributeError):  # replaced by something without a descriptor
        return sys.stdin.buffer


def _text(name: str, stem: str, raw: BinaryIO, on_reject: OnReject, whole: bool) -> Iterator[Record]:
    stream = io.BufferedReader(cast(io.RawIOBase, raw), 2**20) if not hasattr(raw, "peek") else raw
    peeked = cast(io.BufferedReader, stream).peek(4)[:4]
    if peeked[:2] == b"\x1f\x8b":  # by content, so that a renamed file and a pipe work too
        stream = cast(BinaryIO, io.BufferedReader(_Gunzip(stream), 2**20))
    elif peeked[:2] in (b"\xff\xfe", b"\xfe\xff"):
        on_reject(Reject(name, 0, "", "a UTF-16 file", "UTF-8; convert it, e.g. with iconv -f UTF-16 -t UTF-8"))
        return
    elif peeked[:4] == b"PAR1":
        on_reject(Reject(name, 0, "", "a Parquet file without the name of one", "a name that ends in .parquet"))
        return
    line = 0
    try:
        for line, data in _lines(stream):
            if line == 1:
                data = data.removeprefix(b"\xef\xbb\xbf")
                if data.lstrip()[:1] == b"[" or (whole and data.strip() in (b"{", b"")):
                    yield from _array(name, stem, data + stream.read(), on_reject)
                    return
            record = _parse(name, stem, line, data, on_reject)
            if record is not None:
                yield record._replace(offset=raw.tell()) if raw.seekable() else record
    except (EOFError, zlib.error) as e:
        on_reject(
            Reject(name, line + 1, "", f"a broken gzip stream ({e})", "a complete gzip file; rows above were read")
        )
    except OSError as e:
        on_reject(
            Reject(name, line + 1, "", f"a read error ({e.strerror or e})", "a readable file; rows above were read")
        )


class _Gunzip(io.RawIOBase):
    """Decompressed bytes, all there are before the place where a stream is cut: gzip.GzipFile loses its last buffer."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._member = zlib.decompressobj(31)
        self._pending = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Raises EOFError where the stream is cut, zlib.error where it is damaged."""
        view = memoryview(buffer)
        while True:
            if self._member.eof:  # another member may follow: cat a.gz b.gz
                rest = self._member.unused_data.lstrip(b"\0") or self._stream.read(2**16)
                if not rest.lstrip(b"\0"):
                    return 0
                self._member, self._pending = zlib.decompressobj(31), rest
            data = self._pending or self._stream.read(2**16)
            if not data:
                raise EOFError("it ends in the middle")
            out = self._member.decompress(data, len(view))
            self._pending = self._member.unconsumed_tail
            if out:
                view[: len(out)] = out
                return len(out)


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """(number, bytes) of each line; of a line over MAX_LINE_BYTES only the first MAX_LINE_BYTES + 1 bytes."""
    number = 0
    while data := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        rest = data
        while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = stream.readline(MAX_LINE_BYTES + 1)
        yield number, data


def _parse(name: str, stem: str, line: int, data: bytes, on_reject: OnReject) -> Record | None:
    """One line to a Record; None for a blank line or a rejected one."""
    if not data.strip():
        return None
    excerpt = clip(data[: 4 * EXCERPT].decode("utf-8", "replace").strip(), EXCERPT)
    if len(data) > MAX_LINE_BYTES:
        limit = f"at most {MAX_LINE_BYTES // 2**20} MiB a line"
        on_reject(Reject(name, line, "", "a longer line", limit, excerpt))
        return None
    try:
        return Record(name, stem, line, parse_json(data.decode("utf-8")), excerpt)
    except UnicodeDecodeError as e:
        came = f"byte 0x{data[e.start]:02x} at offset {e.start}, which is not UTF-8"
        on_reject(Reject(name, line, "", came, "UTF-8", excerpt))
    except (ValueError, RecursionError) as e:
        on_reject(Reject(name, line, "", _json_trouble(e, data), "one JSON object a line", excerpt))
    return None


def _array(name: str, stem: str, data: bytes, on_reject: OnReject) -> Iterator[Record]:
    """Rows of a file that is one JSON value: an array of rows, or one row."""
    excerpt = clip(data[: 4 * EXCERPT].decode("utf-8", "replace").strip(), EXCERPT)
    try:
        value = parse_json(data.decode("utf-8"))
    except UnicodeDecodeError as e:
        came = f"byte 0x{data[e.start]:02x} at offset {e.start}, which is not UTF-8"
        on_reject(Reject(name, 0, "", came, "UTF-8", excerpt))
        return
    except (ValueError, RecursionError) as e:
        on_reject(Reject(name, 0, "", _json_trouble(e, data), "a JSON array of objects", excerpt))
        return
    for number, row in enumerate(value if isinstance(value, list) else [value], 1):
        yield Record(name, stem, number, row, _row_excerpt(row))


def parse_json(text: str) -> Json:
    """JSON with one meaning: NaN is null (what data frames mean by it); infinities and repeated keys are refused.

    Raises ValueError or RecursionError.
    """
    return json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _BadJsonError(f"the key {clip(twice, 40)!r} twice in one object")
    return made


def _constant(name: str) -> None:
    if name != "NaN":
        raise _BadJsonError(f"{name}, which is not JSON")


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _BadJsonError(f"the number {clip(text, 20)}, which is infinite as a float")
    return value


def _json_trouble(error: Exception, data: bytes) -> str:
    if isinstance(error, RecursionError):
        return "JSON nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        if b"\0" in data:
            return "NUL bytes"
        return f"text that is not JSON ({error.msg} at column {error.colno})"
    return str(error).partition(";")[0]


def _row_excerpt(row: Json) -> str:
    try:
        return clip(json.dumps(row, ensure_ascii=False, default=str), EXCERPT)
    except (ValueError, RecursionError):
        return clip(repr(type(row)), EXCERPT)


def _parquet(name: str, path: Path, stem: str, on_reject: OnReject) -> Iterator[Record]:
    try:
        import pyarrow.parquet as pq
        from pyarrow import ArrowException
    except ImportError as e:
        raise MissingExtra(f"{name}: reading Parquet", "parquet") from e
    line = 0
    try:
        with pq.ParquetFile(path) as file:
            size, rows = path.stat().st_size, max(file.metadata.num_rows, 1)
            for batch in file.iter_batches(batch_size=256):
                for row in batch.to_pylist():
                    line += 1
                    plain = _plain(row)
                    yield Record(name, stem, line, plain, _row_excerpt(plain), size * line // rows)
    except (ArrowException, OSError) as e:
        came = f"what is not readable as Parquet ({clip(str(e), 120)})"
        on_reject(Reject(name, line + 1 if line else 0, "", came, "a complete Parquet file"))


def _plain(value: object) -> Json:
    """A value of Arrow as JSON: NaN is null, bytes are text, times are ISO 8601, decimals are text."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    if isinstance(value, (Decimal, timedelta)):
        return str(value)
    return value
