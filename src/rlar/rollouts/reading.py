"""`read_items`: from paths to items, whatever the shape of the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rlar.errors import InputError
from rlar.rollouts.files import expand, read_records
from rlar.rollouts.items import BadRow, Item, Record, Reject
from rlar.rollouts.row import check_field_map
from rlar.rollouts.shapes import read_row
from rlar.types import Json, Query


def read_items(
    paths: Sequence[str | Path] | str | Path,
    *,
    field_map: Mapping[str, str] | None = None,
    strict: bool = False,
    on_reject: Callable[[Reject], None] | None = None,
    exclude: Iterable[Path] = (),
    on_bytes: Callable[[int], None] | None = None,
) -> Iterator[Item]:
    """Items of files, folders (recursively, sorted by path) and "-" (standard input), in order, one at a time.

    JSON Lines, JSON arrays, either with gzip, and Parquet (extra "parquet"). Shapes of rows: see rlar.rollouts.shapes.
    Two items may have one id: whoever needs unique ones has to count (the command line does, and warns).
    field_map: {field of rlar: column of the row}; dots go into nested objects ("reward_model.ground_truth"). A mapped
    column must be in every row; it may be null.
    on_reject: called with every row that is not an item; without it they are left out silently.
    strict: raise InputError for the first such row instead.
    exclude: files not to read from folders. on_bytes: called before each item with the bytes read so far, of all files
    (see `bytes_to_read`), for progress.
    Raises InputError at once for a path that does not exist or a map that makes no sense; MissingExtra for Parquet
    without pyarrow.
    """
    fields = check_field_map(field_map or {})
    files = expand([paths] if isinstance(paths, (str, Path)) else paths, exclude)

    def reject(bad: Reject) -> None:
        if strict:
            raise InputError(str(bad))
        if on_reject is not None:
            on_reject(bad)

    def items() -> Iterator[Item]:
        before = 0
        for name, path, stem in files:
            for record in read_records(name, path, stem, reject):
                if on_bytes is not None:
                    on_bytes(before + record.offset)
                try:
                    yield read_row(record, fields)
                except BadRow as e:
                    reject(Reject(name, record.line, e.field, e.came, e.wanted, record.excerpt))
            before += path.stat().st_size if path is not None else 0

    return items()


def bytes_to_read(paths: Sequence[str | Path], exclude: Iterable[Path] = ()) -> int | None:
    """Bytes that `read_items` will read, as they lie on disk; None if standard input is among them."""
    files = expand(paths, exclude)
    if any(path is None for _, path, _ in files):
        return None
    return sum(path.stat().st_size for _, path, _ in files if path is not None)


def query_of_row(row: Mapping[str, Json], field_map: Mapping[str, str] | None = None) -> Query:
    """The Query of one row that is at hand, in any of the shapes that files may have; its id is None if it has none.

    Responses and labels of the row are left out. Raises InputError.
    """
    try:
        query = read_row(Record("row", "row", 0, dict(row), ""), check_field_map(field_map or {})).query
    except BadRow as e:
        raise InputError(str(e)) from e
    return replace(query, id=None) if query.id == "row:0" else query
