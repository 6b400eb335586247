"""`rlar rescore`: stored rollouts under another library version, and what moved. No model is called."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlar.cli.options import parse_pairs, parse_route, refuse_own_input
from rlar.cli.rejects import RejectFile
from rlar.cli.run import batches
from rlar.errors import InputError
from rlar.rollouts import Item, Writer, read_items
from rlar.rollouts.row import check_field_map
from rlar.types import Decision, Json, Kind

if TYPE_CHECKING:
    from rlar.system import RewardSystem

MODELS = (Kind.REWARD_MODEL, Kind.JUDGE)
SMALL = 1e-9  # differences up to this are rounding

Paths = Annotated[list[str], typer.Argument(help="stored rollouts: JSON Lines, JSON, either with .gz, Parquet")]
LibraryFolder = Annotated[Path | None, typer.Option("--library", help="the new library; without it the built-in tools")]
Before = Annotated[Path | None, typer.Option("--before", help="old rewards, as `rlar score --out` wrote them")]
LibraryBefore = Annotated[Path | None, typer.Option("--library-before", help="the old library: score with it as well")]
Out = Annotated[str | None, typer.Option("--out", "-o", help="one JSON line per item: before, after, by which tools")]
Route = Annotated[str | None, typer.Option(help="a static map, as for `rlar score`")]
Map = Annotated[list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN")]
JsonReport = Annotated[bool, typer.Option("--json", help="print the report as JSON")]


@dataclass(slots=True)
class Moves:
    """Of one task or one tool. pairs: of responses in a group, valid before and after; swapped: whose order turned."""

    responses: int = 0
    moved: int = 0
    came: int = 0
    went: int = 0
    before: float = 0.0
    after: float = 0.0
    both: int = 0
    largest: float = 0.0
    pairs: int = 0
    swapped: int = 0

    def add(self, before_G: Sequence[float | None], after_G: Sequence[float | None]) -> None:
        known = []
        for old, new in zip(before_G, after_G, strict=True):
            self.responses += 1
            if old is None or new is None:
                self.came += old is None and new is not None
                self.went += old is not None and new is None
                continue
            known.append((old, new))
            self.both += 1
            self.before += old
            self.after += new
            self.moved += abs(new - old) > SMALL
            self.largest = max(self.largest, abs(new - old))
        for i, (old, new) in enumerate(known[:128]):
            for other_old, other_new in known[i + 1 : 128]:
                self.pairs += 1
                self.swapped += (old - other_old) * (new - other_new) < 0

    def as_json(self) -> dict[str, Json]:
        n = self.both
        return {
            "responses": self.responses,
            "moved": self.moved,
            "now_judged": self.came,
            "no_longer_judged": self.went,
            "mean_before": self.before / n if n else None,
            "mean_after": self.after / n if n else None,
            "largest_move": self.largest,
            "pairs": self.pairs,
            "pairs_swapped": self.swapped,
        }


@dataclass(slots=True)
class Diff:
    """What moved, by task and by tool (those of the new decision)."""

    items: int = 0
    unknown: int = 0
    skipped: int = 0
    total: Moves = field(default_factory=Moves)
    tasks: defaultdict[str, Moves] = field(default_factory=lambda: defaultdict(Moves))
    tools: defaultdict[str, Moves] = field(default_factory=lambda: defaultdict(Moves))

    def as_json(self) -> dict[str, Json]:
        return {
            "items": self.items,
            "without_old_rewards": self.unknown,
            "skipped_because_a_model_would_be_asked": self.skipped,
            "total": self.total.as_json(),
            "tasks": {name: moves.as_json() for name, moves in sorted(self.tasks.items())},
            "tools": {name: moves.as_json() for name, moves in sorted(self.tools.items())},
        }


def rescore(
    paths: Paths,
    library: LibraryFolder = None,
    before: Before = None,
    library_before: LibraryBefore = None,
    out: Out = None,
    route: Route = None,
    map: Map = None,
    as_json: JsonReport = False,
) -> int:
    """Score stored rollouts with another library, and say which rewards moved, by task and by tool.

    Old rewards come from a file of `rlar score` or from an old library. No model is called: items that the new library
    would give to a reward model or a judge are skipped and counted.
    """
    from rlar.system import RewardSystem

    if before is not None and library_before is not None:
        raise InputError("give --before or --library-before, not both")
    if out not in (None, "-"):
        refuse_own_input(paths, [Path(str(out))])
    static_map = parse_route(route)
    fields = check_field_map(parse_pairs(map or (), "--map"))
    old_lines = _old_lines(before) if before is not None else None
    diff = Diff()
    with RejectFile(None, strict=False) as aside, RewardSystem(library, route=static_map) as new:
        old = RewardSystem(library_before, route=static_map) if library_before is not None else None
        try:
            lines = _compared(read_items(paths, field_map=fields, on_reject=aside.add), new, old, old_lines, diff)
            if out is None:
                for _ in lines:
                    pass
            else:
                with Writer(out) as writer:
                    for line in lines:
                        writer.write(line)
        finally:
            if old is not None:
                old.close()
    stream = sys.stderr if out == "-" else sys.stdout
    stream.write(json.dumps(diff.as_json()) + "\n" if as_json else _table(diff))
    if aside.count:
        sys.stderr.write(f"{aside.count:,} bad rows were left out; the first: {aside.first[0]}\n")
    return 0


def _compared(
    items: Iterator[Item],
    new: RewardSystem,
    old: RewardSystem | None,
    old_lines: Mapping[str, deque[dict[str, Json]]] | None,
    diff: Diff,
) -> Iterator[dict[str, Json]]:
    for batch in batches(items, read=lambda: None):
        decisions = [new.decide(item.query) for item in batch.items]
        asked = [i for i, decision in enumerate(decisions) if not _asks_a_model(new, decision)]
        diff.items += len(batch.items)
        diff.skipped += len(batch.items) - len(asked)
        kept = [batch.items[i] for i in asked]
        rewards = asyncio.run(_rewards(new, kept, [decisions[i] for i in asked]))
        earlier = _earlier(kept, old, old_lines)
        for item, i, after_G, (before_G, tools) in zip(kept, asked, rewards, earlier, strict=True):
            yield _line(item, decisions[i], after_G, before_G, tools, diff)


async def _rewards(
    system: RewardSystem, items: Sequence[Item], decisions: Sequence[Decision] | None = None
) -> list[list[float | None]]:
    scored = await system.score_batch([i.query for i in items], [i.responses for i in items], decisions_P=decisions)
    return [[reward.value for reward in group] for group in scored]


def _earlier(
    items: Sequence[Item], old: RewardSystem | None, lines: Mapping[str, deque[dict[str, Json]]] | None
) -> list[tuple[list[float | None] | None, list[str]]]:
    """(old rewards, refs of the tools that gave them) per item; None where they are not known."""
    if old is not None:
        decisions = [old.decide(item.query) for item in items]
        asked = [i for i, decision in enumerate(decisions) if not _asks_a_model(old, decision)]
        rewards = asyncio.run(_rewards(old, [items[i] for i in asked], [decisions[i] for i in asked]))
        known = dict(zip(asked, rewards, strict=True))
        return [(known.get(i), list(decision.tools)) for i, decision in enumerate(decisions)]
    found: list[tuple[list[float | None] | None, list[str]]] = []
    for item in items:
        waiting = (lines or {}).get(item.id)
        line = waiting.popleft() if waiting else None
        values = line.get("rewards") if line is not None else None
        fits = isinstance(values, list) and len(values) == len(item.responses)
        found.append((values if fits else None, list((line or {}).get("tools", ()))))
    return found


def _line(
    item: Item,
    decision: Decision,
    after_G: list[float | None],
    before_G: list[float | None] | None,
    tools_before: list[str],
    diff: Diff,
) -> dict[str, Json]:
    label = decision.task.label
    if before_G is None:
        diff.unknown += 1
    else:
        names = {ref.partition("@")[0] for ref in decision.tools} or {"(gap)"}
        for moves in (diff.total, diff.tasks[label], *(diff.tools[name] for name in sorted(names))):
            moves.add(before_G, after_G)
    return {
        "id": item.id,
        "task": label,
        "before": before_G,
        "after": after_G,
        "tools_before": tools_before,
        "tools_after": list(decision.tools),
        "gap": decision.gap.why if decision.gap else None,
    }


def _asks_a_model(system: RewardSystem, decision: Decision) -> bool:
    return any(system.library.get(ref).card.kind in MODELS for ref in decision.tools)


def _old_lines(path: Path) -> dict[str, deque[dict[str, Json]]]:
    """Lines of `rlar score --out` by id; several with one id are taken in order."""
    found: dict[str, deque[dict[str, Json]]] = {}
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                value: Any = json.loads(line)
                if not isinstance(value, dict) or "id" not in value or not isinstance(value.get("rewards"), list):
                    raise InputError(f"{path}:{number}: is no line of `rlar score --out`: needs id and rewards")
                found.setdefault(str(value["id"]), deque()).append(value)
    except OSError as e:
        raise InputError(f"{path}: cannot be read: {e.strerror or e}") from e
    except ValueError as e:
        raise InputError(f"{path}: not JSON Lines: {e}") from e
    return found


def _table(diff: Diff) -> str:
    head = f"{'':<28}{'responses':>10}{'moved':>8}{'came':>7}{'went':>7}{'before':>9}{'after':>9}{'swapped':>9}\n"

    def row(name: str, m: Moves) -> str:
        before, after = (f"{x / m.both:.3f}" if m.both else "-" for x in (m.before, m.after))
        swapped = f"{m.swapped / m.pairs:.1%}" if m.pairs else "-"
        return (
            f"{name[:27]:<28}{m.responses:>10,}{m.moved:>8,}{m.came:>7,}{m.went:>7,}{before:>9}{after:>9}{swapped:>9}\n"
        )

    parts = [head, row("all", diff.total)]
    parts += [row(f"task {name}", moves) for name, moves in sorted(diff.tasks.items())]
    parts += [row(f"tool {name}", moves) for name, moves in sorted(diff.tools.items())]
    parts.append(f"{diff.items:,} items; {diff.unknown:,} without old rewards; {diff.skipped:,} would ask a model\n")
    return "".join(parts)
