"""`rlar stamp`: write what routing needs into a training set, where each trainer hands it through."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import typer

from rlar.cli.options import parse_pairs, refuse_own_input
from rlar.cli.rejects import RejectFile
from rlar.errors import InputError, MissingExtra
from rlar.rollouts.files import expand, read_records
from rlar.rollouts.items import BadRow, Item, Reject
from rlar.rollouts.row import check_field_map
from rlar.rollouts.shapes import read_row
from rlar.rollouts.writing import Writer
from rlar.types import Json

Trainer = Literal["trl", "verl", "openrlhf", "slime", "open_instruct", "roll", "verifiers"]
LABEL_ONLY = ("openrlhf", "open_instruct")  # a row's other columns do not reach the reward there
SURE = 0.5  # of the analysis, for a hint that the row does not give itself

Paths = Annotated[list[str], typer.Argument(help="JSON Lines, JSON, either with .gz, or Parquet")]
For = Annotated[Trainer, typer.Option("--for", help=", ".join(get_args(Trainer)))]
Out = Annotated[Path, typer.Option("--out", "-o", help="a .jsonl or .parquet file")]
Map = Annotated[list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN", help="reference=extra_info.gold")]
Strict = Annotated[bool, typer.Option("--strict", help="stop at the first bad row, with exit code 1")]


def stamp(paths: Paths, trainer: For, out: Out, map: Map = None, strict: Strict = False) -> int:
    """Write the reserved column `rlar` into a training set: id, task hint and reference; never tools, never code.

    All other columns stay. For trainers with a place of their own (veRL's reward_model, OpenRLHF's label ...) it goes
    there too. The task hint is the row's own word, else what the analysis is sure of.
    """
    if out.suffix not in (".jsonl", ".parquet"):
        raise InputError(f"--out {out}: end it in .jsonl or .parquet")
    refuse_own_input(paths, [out])
    fields = check_field_map(parse_pairs(map or (), "--map"))
    lost = 0
    count = 0

    def rows() -> Iterator[dict[str, Json]]:
        nonlocal lost, count
        for row, item in _items(paths, fields, aside):
            count += 1
            lost += trainer in LABEL_ONLY and bool(item.query.tests or item.query.constraints)
            yield PLACES[trainer](dict(row), stamp_of(item), item)

    with RejectFile(None, strict=strict) as aside:
        _write(rows(), out)
    sys.stderr.write(f"{count:,} rows for {trainer} in {out}\n")
    if aside.count:
        sys.stderr.write(f"{aside.count:,} bad rows were left out; the first: {aside.first[0]}\n")
    if lost:
        sys.stderr.write(
            f"{lost:,} rows have tests or constraints, which {trainer} cannot hand through: its label is all that a "
            "reward sees. Those rows will have gaps.\n"
        )
    return 0


def stamp_of(item: Item) -> dict[str, Json]:
    """{"v": 1, "id", "task", "reference"} of a row."""
    from rlar.scoring.analyze import analyze

    task = item.task
    if task is None:
        analysed = analyze(item.query)
        task = analysed.label if analysed.confidence >= SURE else None
    return {"v": 1, "id": item.query.id or item.id, "task": task, "reference": item.query.reference}


def _items(paths: list[str], fields: Mapping[str, str], aside: RejectFile) -> Iterator[tuple[Mapping[str, Json], Item]]:
    for name, path, stem in expand(paths):
        for record in read_records(name, path, stem, aside.add):
            try:
                yield record.row, read_row(record, fields)
            except BadRow as e:
                aside.add(Reject(name, record.line, e.field, e.came, e.wanted, record.excerpt))


def _text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _messages(item: Item) -> list[dict[str, str]]:
    prompt = item.query.prompt
    if isinstance(prompt, str):
        return [{"role": "user", "content": prompt}]
    return [{"role": turn.role, "content": turn.content} for turn in prompt]


def _column(row: dict[str, Any], mark: dict[str, Json], item: Item) -> dict[str, Any]:
    row.setdefault("prompt", _messages(item))
    return {**row, "rlar": _text(mark)}


def _verl(row: dict[str, Any], mark: dict[str, Json], item: Item) -> dict[str, Any]:
    info = row.get("extra_info") if isinstance(row.get("extra_info"), Mapping) else {}
    judged = row.get("reward_model") if isinstance(row.get("reward_model"), Mapping) else {}
    gold = mark["reference"] if isinstance(mark["reference"], str) else _text(mark["reference"])
    return {
        **row,
        "prompt": _messages(item),
        "data_source": f"rlar/{mark['task'] or 'any'}",
        "reward_model": {"style": "rule", **dict(judged or {}), "ground_truth": gold},
        "extra_info": {**dict(info or {}), "rlar": _text(mark), "source": item.query.source or ""},
    }


def _label(row: dict[str, Any], mark: dict[str, Json], item: Item) -> dict[str, Any]:
    row.setdefault("prompt", _messages(item))
    return {**row, "label": _text(mark)}


def _slime(row: dict[str, Any], mark: dict[str, Json], item: Item) -> dict[str, Any]:
    metadata = row.get("metadata") if isinstance(row.get("metadata"), Mapping) else {}
    return {**_label(row, mark, item), "metadata": {**dict(metadata or {}), "rlar": _text(mark)}}


def _open_instruct(row: dict[str, Any], mark: dict[str, Json], item: Item) -> dict[str, Any]:
    return {**row, "messages": _messages(item), "dataset": "rlar", "ground_truth": _text(mark)}


def _roll(row: dict[str, Any], mark: dict[str, Json], item: Item) -> dict[str, Any]:
    row.setdefault("messages", _text(_messages(item)))
    return {**row, "id": mark["id"], "tag": "rlar", "ground_truth": _text(mark)}


PLACES: dict[str, Callable[[dict[str, Any], dict[str, Json], Item], dict[str, Any]]] = {
    "trl": _column,
    "verifiers": _column,
    "verl": _verl,
    "openrlhf": _label,
    "slime": _slime,
    "open_instruct": _open_instruct,
    "roll": _roll,
}


def _write(rows: Iterator[dict[str, Json]], out: Path) -> None:
    if out.suffix == ".jsonl":
        with Writer(out) as writer:
            for row in rows:
                writer.write(row)
        return
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as e:
        raise MissingExtra("writing Parquet", "parquet") from e
    partial = out.with_name(out.name + ".partial")
    listed = list(rows)
    columns: dict[str, Any] = {}
    for name in dict.fromkeys(name for row in listed for name in row):
        values = [row.get(name) for row in listed]
        try:
            columns[name] = pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
            columns[name] = pa.array([None if v is None else json.dumps(v, sort_keys=True) for v in values])
            sys.stderr.write(
                f"column {name!r} holds values of several types, which Parquet cannot: it is JSON text now\n"
            )
    try:
        parquet.write_table(pa.table(columns), partial)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as e:
        partial.unlink(missing_ok=True)
        raise InputError(f"{out}: cannot be written as Parquet ({e}); write .jsonl instead") from e
    partial.replace(out)
