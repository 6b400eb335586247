"""Labelled queries to measure on: read from item files, folders or a manifest, and put into data sets by file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from rlar.errors import InputError
from rlar.rollouts import Item, Reject
from rlar.types import Json, Query, Response, content_key


class LabelKind(StrEnum):
    """What labels say. BINARY: right or wrong. PREFERENCE: better or worse than the other. GRADED: how good."""

    BINARY = "binary"
    PREFERENCE = "preference"
    GRADED = "graded"


class Metric(StrEnum):
    """The headline figure of a data set."""

    PAIRS = "pair accuracy"  # within items, ties half
    AUC = "AUC"  # one response per item, right or wrong
    SPEARMAN = "Spearman"  # one response per item, graded; per source


@dataclass(frozen=True, slots=True)
class Case:
    """One labelled query.

    responses: G texts; () where the file has labels but no texts: then only recorded scores can be measured.
    labels: G numbers, higher is better, None where nobody labelled that response.
    task: the file's word for it. category: what routers and oracles by category go by. group: cluster of cases with the
    same or nearly the same prompt. notes: what the file says about each response (style, model, orders ...).
    """

    id: str
    dataset: str
    query: Query
    responses: tuple[Response, ...]
    labels: tuple[float | None, ...]
    task: str
    category: str
    group: str
    source: str
    notes: tuple[Mapping[str, Json], ...] = ()
    meta: Mapping[str, Json] = field(default_factory=dict)

    @property
    def decided(self) -> bool:
        """Whether two responses have different labels, so that a pair can be ordered rightly or wrongly."""
        return len({y for y in self.labels if y is not None}) > 1


@dataclass(frozen=True)
class Dataset:
    """The cases of one file or benchmark. notes: what a reader of its figures must know (rows left out ...)."""

    name: str
    cases: tuple[Case, ...]
    label_type: str = ""
    benchmark: str = ""
    notes: tuple[str, ...] = ()

    @cached_property
    def kind(self) -> LabelKind:
        """By the declared label type where there is one, else by the values."""
        labels = {y for case in self.cases for y in case.labels if y is not None}
        if labels <= {0.0, 1.0} and not self.label_type.startswith(("human_pref", "judge_pref")):
            return LabelKind.BINARY
        paired = all(len(case.labels) == 2 for case in self.cases)
        return LabelKind.PREFERENCE if paired and labels <= {0.0, 0.5, 1.0} else LabelKind.GRADED

    @cached_property
    def metric(self) -> Metric:
        if any(sum(y is not None for y in case.labels) > 1 for case in self.cases):
            return Metric.PAIRS
        return Metric.AUC if self.kind is LabelKind.BINARY else Metric.SPEARMAN


def read_datasets(paths: Sequence[str | Path], *, category: str = "") -> list[Dataset]:
    """Data sets of item files, folders of them, or a manifest.json (its `files` under eval/), one per file.

    category: "task", or a field of `meta`, that routers and oracles go by; "" picks per file (see `categorise`).
    Rows without labels and rows that cannot be read are left out, and counted in the data set's notes.
    Raises InputError for a missing path, for files without any labelled row, and if nothing is left.
    """
    found: list[Dataset] = []
    for path in item_files(paths):
        cases, notes, label_type = _read_file(path)
        if cases:
            name = _unique_name(dataset_name(path), {d.name for d in found})
            found.append(Dataset(name, tuple(replace(c, dataset=name) for c in cases), label_type, notes=tuple(notes)))
        elif len(paths) == 1 and Path(paths[0]) == path:
            raise InputError(f"{path}: no row has labels, so there is nothing to measure against ({'; '.join(notes)})")
    if not found:
        raise InputError(f"no labelled rows in {', '.join(map(str, paths))}; rows need responses[].label")
    return [categorise(d, category) for d in _with_unique_ids(found)]


def item_files(paths: Sequence[str | Path]) -> list[Path]:
    """The files to read: a manifest's eval files, a folder's files without score tables, or the files named."""
    from rlar.rollouts.files import expand

    found: list[Path] = []
    for given in map(Path, paths):
        if given.name == "manifest.json":
            found += [given.parent / name for name in manifest_files(given) if name.startswith("eval/")]
        elif given.is_dir() and (given / "manifest.json").exists():
            found += item_files([given / "manifest.json"])
        else:
            inside = [path for _, path, _ in expand([given]) if path is not None]
            found += [path for path in inside if path == given or not looks_like_scores(path)]
    if missing := [str(path) for path in found if not path.exists()]:
        raise InputError(f"{missing[0]}: named in the manifest, but not there")
    return found


def manifest_files(manifest: Path) -> list[str]:
    """The `file` entries of a manifest. Raises InputError if it is not one."""
    try:
        listed = json.loads(manifest.read_text("utf-8"))["files"]
        return [str(entry["file"]) for entry in listed]
    except OSError as e:
        raise InputError(f"{manifest}: cannot be read: {e.strerror or e}") from e
    except (ValueError, KeyError, TypeError) as e:
        raise InputError(f'{manifest}: a manifest is {{"files": [{{"file": "eval/x.jsonl.gz"}}, ...]}} ({e!r})') from e


def looks_like_scores(path: Path) -> bool:
    """Whether the first row of a file is a recorded score, {"id", "tool", "scores"}, rather than an item."""
    from rlar.rollouts.files import read_records

    for record in read_records(str(path), path, path.name, lambda _: None):
        return isinstance(record.row, Mapping) and {"id", "tool", "scores"} <= set(record.row)
    return False


def dataset_name(path: Path) -> str:
    """The file's name without folders and suffixes."""
    return path.name.removesuffix(".gz").rsplit(".", 1)[0]


def _read_file(path: Path) -> tuple[list[Case], list[str], str]:
    from rlar.rollouts.files import read_records
    from rlar.rollouts.items import BadRow
    from rlar.rollouts.shapes import read_row

    rejects: list[Reject] = []
    cases, unlabelled, types = [], 0, Counter[str]()
    for record in read_records(str(path), path, dataset_name(path), rejects.append):
        texts = _has_texts(record.row)
        try:
            item = read_row(record if texts else record._replace(row=_without_texts(record.row)), {})
        except BadRow as e:
            rejects.append(Reject(str(path), record.line, e.field, e.came, e.wanted))
            continue
        case = case_of_item(item, textless=not texts)
        if case is None:
            unlabelled += 1
            continue
        cases.append(case)
        types[str(item.meta.get("label_type") or "")] += 1
    notes = [f"{unlabelled} rows without labels left out"] if unlabelled else []
    if rejects:
        notes.append(f"{len(rejects)} rows could not be read, the first: {rejects[0]}")
    return cases, notes, types.most_common(1)[0][0] if types else ""


def _has_texts(row: Json) -> bool:
    responses = row.get("responses") if isinstance(row, Mapping) else None
    if not isinstance(responses, list):
        return True
    return not any(isinstance(r, Mapping) and "text" in r and r["text"] is None for r in responses)


def _without_texts(row: Mapping[str, Json]) -> Json:
    """The row with empty texts in place of null ones: labels and recorded scores are still worth measuring."""
    return {**row, "responses": [{**r, "text": r.get("text") or ""} for r in row["responses"]]}


def case_of_item(item: Item, *, textless: bool = False) -> Case | None:
    """The case of an item; None if no response has a label."""
    if item.labels is None or all(y is None for y in item.labels):
        return None
    task = item.task or "unknown"
    return Case(
        id=item.id,
        dataset="",
        query=item.query,
        responses=() if textless else item.responses,
        labels=item.labels,
        task=task,
        category=task,
        group=str(item.meta.get("group") or content_key(item.query.text)[:12]),
        source=item.query.source or "",
        notes=item.response_meta,
        meta=item.meta,
    )


def categorise(dataset: Dataset, category: str = "") -> Dataset:
    """Set the category of each case: the named field, or the first of task, meta.subset, meta.category, source that
    tells at least two kinds of cases apart and does not fall into crumbs (at least 8 cases per category on average).
    """

    def value(case: Case, name: str) -> str:
        if name in ("task", "source"):
            return str(getattr(case, name))
        return str(case.meta.get(name.removeprefix("meta.")) or "none")

    for name in [category] if category else ("task", "subset", "category", "source"):
        values = [value(case, name) for case in dataset.cases]
        kinds = len(set(values))
        if category or (kinds > 1 and len(values) >= 8 * kinds):
            pairs = zip(dataset.cases, values, strict=True)
            return replace(dataset, cases=tuple(replace(case, category=v) for case, v in pairs))
    return dataset


def _unique_name(name: str, taken: set[str]) -> str:
    return next(n for k in range(1, 10_000) if (n := name if k == 1 else f"{name}-{k}") not in taken)


def _with_unique_ids(datasets: Iterable[Dataset]) -> list[Dataset]:
    """Recorded scores and stored runs go by id, so a repeated id gets a suffix and its data set a note."""
    seen: set[str] = set()
    out = []
    for dataset in datasets:
        cases, repeated = [], 0
        for case in dataset.cases:
            name = _unique_name(case.id, seen)
            repeated += name != case.id
            seen.add(name)
            cases.append(replace(case, id=name))
        note = (f"{repeated} ids were there before and got a suffix (-2, -3 ...)",) if repeated else ()
        out.append(replace(dataset, cases=tuple(cases), notes=(*dataset.notes, *note)))
    return out
