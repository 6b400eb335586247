"""`read_items`: from paths to items, whatever the shape of the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from rlar.errors import InputError
from rlar.rollouts.files import expand, read_records
from rlar.rollouts.items import BadRow, Item, Reject, describe
from rlar.rollouts.shapes import check_field_map, read_row


def read_items(
    paths: Sequence[str | Path] | str | Path,
    *,
    field_map: Mapping[str, str] | None = None,
    strict: bool = False,
    on_reject: Callable[[Reject], None] | None = None,
    exclude: Iterable[Path] = (),
) -> Iterator[Item]:
    """Items of files, folders (recursively, sorted by path) and "-" (standard input), in order, one at a time.

    JSON Lines, JSON arrays, either with gzip, and Parquet (extra "parquet"). Shapes of rows: see rlar.rollouts.shapes.
    field_map: {field of rlar: column of the row}; dots go into nested objects ("reward_model.ground_truth"). A mapped
    column must be in every row (null is allowed).
    on_reject: called with every row that is not an item; without it they are left out silently.
    strict: raise InputError for the first such row instead.
    exclude: files not to read from folders.
    Raises InputError at once for a path that does not exist or a map that makes no sense, MissingExtra for Parquet
    without pyarrow.
    """
    if isinstance(paths, (str, Path)):
        paths = [paths]
    fields = check_field_map(field_map or {})
    return _items(expand(paths, exclude), fields, strict, on_reject)


def _items(
    files: list[tuple[str, Path | None, str]],
    fields: Mapping[str, str],
    strict: bool,
    on_reject: Callable[[Reject], None] | None,
) -> Iterator[Item]:
    def reject(bad: Reject) -> None:
        if strict:
            raise InputError(str(bad))
        if on_reject is not None:
            on_reject(bad)

    for name, path, stem in files:
        for record in read_records(name, path, stem, reject):
            try:
                if not isinstance(record.row, Mapping):
                    raise BadRow("", describe(record.row), "a JSON object")
                yield read_row(record, fields)
            except BadRow as e:
                reject(Reject(name, record.line, e.field, e.came, e.wanted, record.excerpt))
