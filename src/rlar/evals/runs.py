"""Runs on disk: everything that a report was made from, so that it can be made again and compared with another.

RUN/run.json       settings, versions, files with their hashes, tools, data sets, and the report itself
RUN/items.jsonl.gz one row per case: labels, group, category, prompt, and every tool's scores, costs and gaps
Texts of responses are not kept; scores are all that the figures need.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rlar.errors import InputError
from rlar.evals.cases import Case, Dataset
from rlar.evals.report import Report, analyse
from rlar.evals.settings import Settings
from rlar.evals.tool_scores import ToolScores
from rlar.types import Cost, Json, Query

FORMAT = 1
KEPT_META = ("subset", "category", "row_id", "num_correct", "section", "label_type")
LIBRARIES = ("numpy", "math-verify", "sympy", "sacrebleu", "rouge-score", "reasoning-gym")


@dataclass(frozen=True)
class Run:
    """An evaluation: what went in, and the report. info: versions, files and times (see `describe`).

    measured: the report where it was made already; else `report` makes it from the scores when first asked for.
    """

    datasets: tuple[Dataset, ...]
    tables: tuple[ToolScores, ...]
    settings: Settings
    info: Mapping[str, Json]
    measured: Report | None = None

    @cached_property
    def report(self) -> Report:
        return self.measured or analyse(self.datasets, self.tables, self.settings)

    @property
    def name(self) -> str:
        return str(self.info.get("name") or "run")


def as_json(figures: Any) -> dict[str, Json]:
    """A report (or any dataclass of figures) as JSON values: no NaN, no infinity, tuples as lists."""
    plain = _plain(figures)
    json.dumps(plain, allow_nan=False)
    found: dict[str, Json] = plain
    return found


def describe(name: str, files: Sequence[Path], *, seconds: float, command: Sequence[str] = ()) -> dict[str, Json]:
    """What else decides figures, or tells how they came about: versions, files with SHA-256, the command, seconds."""
    from datetime import UTC, datetime
    from importlib.metadata import PackageNotFoundError, version

    versions = {"python": platform.python_version()}
    for library in ("rlar", *LIBRARIES):
        try:
            versions[library] = version(library)
        except PackageNotFoundError:
            continue
    return {
        "name": name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": list(command),
        "seconds": round(seconds, 1),
        "versions": versions,
        "machine": f"{platform.system()} {platform.machine()}",
        "files": [{"file": f.name, "sha256": hashlib.sha256(f.read_bytes()).hexdigest()} for f in files],
    }


def save_run(run: Run, folder: str | Path) -> Path:
    """Write a run; equal runs give equal bytes. Raises InputError if the folder holds a run already."""
    path = Path(folder)
    if (path / "run.json").exists():
        raise InputError(f"{path} holds a run already; name another folder with --run, or remove it")
    path.mkdir(parents=True, exist_ok=True)
    by_case: dict[str, list[ToolScores]] = {}
    for table in run.tables:
        for ident in table.scores:
            by_case.setdefault(ident, []).append(table)
    with (path / "items.jsonl.gz").open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as out:
        for dataset in run.datasets:
            for case in dataset.cases:
                out.write((json.dumps(_case_row(case, by_case.get(case.id, [])), allow_nan=False) + "\n").encode())
    body = {
        "format": FORMAT,
        **run.info,
        "settings": run.settings.as_json(),
        "tools": [{"tool": t.tool, "kind": t.kind, "line": t.line} for t in run.tables],
        "datasets": [
            {"name": d.name, "label_type": d.label_type, "benchmark": d.benchmark, "notes": list(d.notes)}
            for d in run.datasets
        ],
        "report": as_json(run.report),
    }
    (path / "run.json").write_text(json.dumps(body, allow_nan=False, indent=1) + "\n", "utf-8")
    return path


def load_run(folder: str | Path) -> Run:
    """Read a stored run; its report is made again from the stored scores, when first asked for.

    Raises InputError if it is not a run, or one of a newer format.
    """
    path = Path(folder)
    if path.name == "run.json":
        path = path.parent
    try:
        body = json.loads((path / "run.json").read_text("utf-8"))
        with gzip.open(path / "items.jsonl.gz", "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
    except FileNotFoundError as e:
        raise InputError(
            f"{path} is no stored run: it has no {Path(str(e.filename)).name} (rlar eval --run DIR)"
        ) from e
    except (OSError, EOFError, ValueError) as e:
        raise InputError(f"{path}: the run cannot be read: {type(e).__name__}: {e}") from e
    if body.get("format") != FORMAT:
        raise InputError(f"{path} was stored in format {body.get('format')}; this version of rlar reads {FORMAT}")
    settings = Settings.from_json(body["settings"])
    datasets = _datasets(body["datasets"], rows)
    tables = _tables(body["tools"], rows)
    info = {k: v for k, v in body.items() if k not in ("format", "settings", "tools", "datasets", "report")}
    return Run(datasets, tables, settings, {**info, "stored": body["report"]})


def replay_differences(run: Run) -> list[str]:
    """Where the report made again differs from the stored one: paths with both values; empty if they are equal."""
    stored = run.info.get("stored")
    return list(_different("", stored, as_json(run.report)))


def _case_row(case: Case, tables: Sequence[ToolScores]) -> dict[str, Json]:
    styles = [note.get("style") for note in case.notes]
    row: dict[str, Json] = {
        "dataset": case.dataset,
        "id": case.id,
        "task": case.task,
        "category": case.category,
        "group": case.group,
        "source": case.source,
        "prompt": case.query.text,
        "labels": list(case.labels),
        "scores": {t.tool: list(t.scores[case.id]) for t in tables},
    }
    if any(styles):
        row["styles"] = styles
    if meta := {k: case.meta[k] for k in KEPT_META if case.meta.get(k) is not None}:
        row["meta"] = meta
    if costs := {t.tool: list(_cost(t.costs[case.id])) for t in tables if case.id in t.costs}:
        row["costs"] = costs
    if gaps := {t.tool: t.gaps[case.id] for t in tables if case.id in t.gaps}:
        row["gaps"] = gaps
    if orders := {t.tool: list(t.orders[case.id]) for t in tables if case.id in t.orders}:
        row["orders"] = orders
    return row


def _cost(cost: Cost) -> tuple[float, int, float, int]:
    return cost.seconds, cost.tokens, cost.usd, cost.calls


def _datasets(heads: Sequence[Mapping[str, Json]], rows: Sequence[Mapping[str, Json]]) -> tuple[Dataset, ...]:
    cases: dict[str, list[Case]] = {str(head["name"]): [] for head in heads}
    for row in rows:
        cases[row["dataset"]].append(
            Case(
                id=row["id"],
                dataset=row["dataset"],
                query=Query(row["prompt"]),
                responses=(),
                labels=tuple(row["labels"]),
                task=row["task"],
                category=row["category"],
                group=row["group"],
                source=row["source"],
                notes=tuple({"style": style} for style in row.get("styles", ())),
                meta=row.get("meta", {}),
            )
        )
    return tuple(
        Dataset(head["name"], tuple(cases[head["name"]]), head["label_type"], head["benchmark"], tuple(head["notes"]))
        for head in heads
    )


def _tables(tools: Sequence[Mapping[str, Json]], rows: Sequence[Mapping[str, Json]]) -> tuple[ToolScores, ...]:
    def column(name: str, tool: str) -> dict[str, Any]:
        return {row["id"]: row[name][tool] for row in rows if tool in row.get(name, {})}

    return tuple(
        ToolScores(
            tool=t["tool"],
            kind=t["kind"],
            scores=column("scores", t["tool"]),
            line=t["line"],
            costs={ident: Cost(*cost) for ident, cost in column("costs", t["tool"]).items()},
            gaps=column("gaps", t["tool"]),
            orders={ident: (a, b) for ident, (a, b) in column("orders", t["tool"]).items()},
        )
        for t in tools
    )


def _plain(value: Any) -> Json:
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"a report holds {value}; figures that nothing determines are None")
    return str(value) if isinstance(value, str) else value


def _different(path: str, a: Json, b: Json) -> list[str]:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return [d for key in sorted({*a, *b}) for d in _different(f"{path}.{key}".lstrip("."), a.get(key), b.get(key))]
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return [d for k, (x, y) in enumerate(zip(a, b, strict=True)) for d in _different(f"{path}[{k}]", x, y)]
    return [] if a == b else [f"{path}: stored {str(a)[:60]}, now {str(b)[:60]}"]
