"""What acquiring the tools of a library has cost, one line per run of `rlar acquire`, kept in the library."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

FILE = "spent.jsonl"


@dataclass(frozen=True, slots=True)
class Spent:
    """Of `runs` runs. cpu_s: of the process and its workers; llm_calls, tokens, usd: paid ones, not cached replies."""

    runs: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    llm_calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def as_json(self) -> dict[str, float]:
        return asdict(self)


def note_spent(library: str | Path, spent: Spent) -> None:
    """Add the cost of a run to the library."""
    line = json.dumps({"at": datetime.now(UTC).isoformat(timespec="seconds"), **spent.as_json()})
    with (Path(library) / FILE).open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def spent_on(library: str | Path | None) -> Spent:
    """The cost of all runs; nothing for the built-in tools, and for lines that cannot be read."""
    total = Spent()
    if not library:
        return total
    try:
        lines = (Path(library) / FILE).read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return total
    for line in lines:
        try:
            row = json.loads(line)
            calls, tokens = int(row["llm_calls"]), int(row["tokens"])
            total += Spent(
                int(row["runs"]), float(row["wall_s"]), float(row["cpu_s"]), calls, tokens, float(row["usd"])
            )
        except (ValueError, KeyError, TypeError):
            continue
    return total
