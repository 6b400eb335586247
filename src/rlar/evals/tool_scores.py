"""What one tool said about the responses of many cases: recorded elsewhere, or asked here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rlar.errors import InputError
from rlar.evals.cases import Case, looks_like_scores, manifest_files
from rlar.types import Cost, Json, content_key

# A scorer sees queries and responses, never labels: one score per response of each case, None where it did not judge.
Scorer = Callable[[Sequence[Case]], Sequence[Sequence[float | None]]]

KINDS = ("verifier", "rule_metric", "metric", "classifier", "reward_model", "llm_rating", "llm_judge")  # cheap to dear
JUDGES = ("llm_rating", "llm_judge", "judge")


@dataclass(frozen=True, slots=True)
class ToolScores:
    """Scores of one tool by case id, one per response in the case's order, None where it did not judge.

    kind: see KINDS; "baseline" and "system" for what this package adds. line: the score from which a response counts as
    right, for tools that say so. costs: by case id, where known. gaps: reasons by case id why the tool did not judge.
    orders: for pair judges, the answers in both orders of the pair, each for the order shown ("A>B", "B>A", "A=B").
    """

    tool: str
    kind: str
    scores: Mapping[str, Sequence[float | None]]
    line: float | None = None
    costs: Mapping[str, Cost] = field(default_factory=dict)
    gaps: Mapping[str, str] = field(default_factory=dict)
    orders: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def of(self, case: Case) -> Sequence[float | None]:
        """One score per label of the case; all None where the tool has no row for it.

        Raises InputError if the row has another length.
        """
        found = self.scores.get(case.id)
        if found is None:
            return [None] * len(case.labels)
        if len(found) != len(case.labels):
            raise InputError(
                f"{self.tool}: {len(found)} scores for {len(case.labels)} responses of {case.id}; "
                "give one per response, in the order of the item, null where it has none"
            )
        return found


def read_scores(paths: Sequence[str | Path]) -> list[ToolScores]:
    """Recorded score tables: rows {"id", "tool", "scores": [number or null ...], "kind", "orders", "seconds", ...}.

    Files, folders, or a manifest.json (its files under scores/). A tool's rows may be spread over files.
    Raises InputError, naming file and line, for anything that is not such a row, for NaN or infinite scores, and for
    two rows of one tool about one id that differ.
    """
    from rlar.rollouts.files import read_records

    tables: dict[str, _Table] = {}
    for path in score_files(paths):
        for record in read_records(str(path), path, path.name, _refuse):
            _add(tables, record.row, f"{path}:{record.line}")
    return [t.freeze(name) for name, t in sorted(tables.items())]


def scores_of(tool: str, scorer: Scorer, cases: Sequence[Case], *, kind: str = "baseline") -> ToolScores:
    """Ask a scorer about all cases that have texts. Raises InputError for wrong counts, NaN or infinite scores."""
    asked = [case for case in cases if case.responses]
    answers = scorer(asked)
    if len(answers) != len(asked):
        raise InputError(f"{tool}: {len(answers)} answers for {len(asked)} cases; give one list of scores per case")
    scores = dict(zip((case.id for case in asked), answers, strict=True))
    table = ToolScores(tool, kind, scores)
    for case in asked:
        if odd := [s for s in table.of(case) if s is not None and not math.isfinite(s)]:
            raise InputError(f"{tool}: a score is a finite number or None, got {odd[0]} for {case.id}")
    return table


def length(cases: Sequence[Case]) -> list[list[float]]:
    """Baseline: the longer response is better, in characters. Whatever does not beat it has learnt nothing else."""
    return [[float(len(text)) for text in case.responses] for case in cases]


def random_scores(cases: Sequence[Case], seed: int = 0) -> list[list[float]]:
    """Baseline: uniform numbers in [0, 1), a pure function of seed, case id and position."""
    return [[int(content_key([seed, case.id, k])[:13], 16) / 16**13 for k in range(len(case.labels))] for case in cases]


@dataclass(slots=True)
class _Table:
    kind: str
    scores: dict[str, list[float | None]] = field(default_factory=dict)
    costs: dict[str, Cost] = field(default_factory=dict)
    orders: dict[str, tuple[str, str]] = field(default_factory=dict)

    def freeze(self, name: str) -> ToolScores:
        return ToolScores(name, self.kind, self.scores, costs=self.costs, orders=self.orders)


def score_files(paths: Sequence[str | Path]) -> list[Path]:
    """The score tables among files, folders and manifests. Raises InputError for a missing path."""
    from rlar.rollouts.files import expand

    found: list[Path] = []
    for given in map(Path, paths):
        manifest = given if given.name == "manifest.json" else given / "manifest.json"
        if manifest.exists():
            found += [manifest.parent / name for name in manifest_files(manifest) if name.startswith("scores/")]
        else:
            inside = [path for _, path, _ in expand([given]) if path is not None]
            found += [path for path in inside if path == given or looks_like_scores(path)]
    return found


def scores_beside(paths: Sequence[str | Path]) -> list[Path]:
    """Score tables that come with a folder or a manifest of items, so that naming it once is enough."""
    return score_files([p for p in paths if Path(p).is_dir() or Path(p).name == "manifest.json"])


def _refuse(reject: object) -> None:
    raise InputError(str(reject))


def _add(tables: dict[str, _Table], row: Json, where: str) -> None:
    shape = '{"id": text, "tool": text, "scores": [number or null, ...]}'
    if not isinstance(row, Mapping) or not isinstance(row.get("id"), str) or not isinstance(row.get("tool"), str):
        raise InputError(f"{where}: a recorded score is {shape}, got {str(row)[:120]}")
    scores = row.get("scores")
    if not isinstance(scores, list) or not all(s is None or _is_number(s) for s in scores):
        raise InputError(f"{where}: scores are finite numbers or null, one per response, got {str(scores)[:120]}")
    tool, ident = row["tool"], row["id"]
    table = tables.setdefault(tool, _Table(str(row.get("kind") or "metric")))
    values = [None if s is None else float(s) for s in scores]
    if table.scores.get(ident, values) != values:
        raise InputError(f"{where}: {tool} has other scores for {ident} in an earlier row; keep one of them")
    table.scores[ident] = values
    orders = row.get("orders")
    if isinstance(orders, list) and len(orders) == 2:
        table.orders[ident] = str(orders[0]), str(orders[1])
    if row.get("seconds") is not None or row.get("tokens") is not None:
        table.costs[ident] = Cost(float(row.get("seconds") or 0), int(row.get("tokens") or 0), calls=1)


def _is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
