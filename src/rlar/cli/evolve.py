"""`rlar evolve`: look over what tools gave, and replace those that no longer judge as they were proven to."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlar.cli.errors import plain
from rlar.cli.options import parse_pairs
from rlar.cli.versions import opened
from rlar.errors import InputError
from rlar.types import Json, Task

if TYPE_CHECKING:
    from rlar.acquire.evolve import Event, Evolution
    from rlar.library.store import Store
    from rlar.rollouts import Item

Paths = Annotated[
    list[Path] | None, typer.Argument(help="rewards, as `rlar score --out` wrote them, in the order of training")
]
LibraryFolder = Annotated[Path, typer.Option("--library", help="folder of the library that judged")]
Rollouts = Annotated[
    list[str] | None,
    typer.Option("--rollouts", help="what was judged: lets tools be examined, and canaries be compared"),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="tell what would be done, and do nothing")]
Learn = Annotated[int, typer.Option("--learn", min=20, help="groups from which a tool's normal level is learnt")]
Map = Annotated[list[str] | None, typer.Option("--map", metavar="FIELD=COLUMN", help="of the rollouts")]
Log = Annotated[bool, typer.Option("--log", help="print what was done before, numbered")]
Undo = Annotated[int | None, typer.Option("--undo", metavar="N", help="take back entry N of the log")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON Lines")]


def evolve(
    library: LibraryFolder,
    paths: Paths = None,
    rollouts: Rollouts = None,
    dry_run: DryRun = False,
    learn: Learn = 100,
    map: Map = None,
    log: Log = False,
    undo: Undo = None,
    as_json: AsJson = False,
) -> int:
    """Watch what tools gave: faults, drift, groups without information, disagreement, signs of exploits. Doubtful tools
    are examined again on --rollouts; what is broken is quarantined, and the version before it judges again. Canaries
    (`rlar tools canary`) are compared with the version that judges, and promoted only if they are not worse.

    Everything that is done stands with its reason in the library's log (--log) and can be taken back (--undo).
    """
    from rlar.acquire.evolve import Evolution, Settings

    if log or undo is not None:
        with opened(library) as store:
            return _undone(store, undo) if undo is not None else _logged(store, as_json=as_json)
    if not paths:
        raise InputError("give files of rewards, as `rlar score --out` wrote them (or --log, or --undo N)")
    items = _items(rollouts or (), map)
    with opened(library) as store:
        evolution = Evolution(store, settings=Settings(learn=learn), dry_run=dry_run, running=False)
        lines = asyncio.run(_over(evolution, library, _lines(paths), items))
        _tell(evolution, lines, as_json=as_json, dry_run=dry_run)
    return 0


async def _over(
    evolution: Evolution, folder: Path, lines: Iterator[Mapping[str, Any]], items: Mapping[str, Item]
) -> int:
    from rlar.library import Library
    from rlar.scoring.route import family_of

    library = Library.open(folder)
    n = 0
    for line in lines:
        n += 1
        family = family_of(_task(line["task"]))
        item = items.get(str(line["id"]))
        if item is not None and len(item.responses) != len(line["rewards"]):
            item = None  # another file's item of the same id
        await evolution.take(library, family, _values(line), item=item, gap=bool(line.get("gap")))
    return n


def _task(body: Mapping[str, Any]) -> Task:
    return Task(str(body["label"]), tuple(body["checks"]), str(body["language"]), float(body["confidence"]))


def _values(line: Mapping[str, Any]) -> dict[str, list[float | None]]:
    """What each tool gave, by ref; None for a fault. Tools that were not asked for some response are left out."""
    found: dict[str, list[float | None]] = {}
    for ref in line["tools"]:
        name = ref.partition("@")[0]
        faulty = [any(f["tool"] == ref for f in faults) for faults in line["faults"]]
        given = [parts.get(name) for parts in line["parts"]]
        if all(broke or value is not None for broke, value in zip(faulty, given, strict=True)):
            found[ref] = [None if broke else value for broke, value in zip(faulty, given, strict=True)]
    return found


def _lines(paths: Sequence[Path]) -> Iterator[Mapping[str, Any]]:
    for path in paths:
        try:
            with path.open(encoding="utf-8") as lines:
                for number, text in enumerate(lines, 1):
                    yield _line(text, f"{path}:{number}")
        except OSError as e:
            raise InputError(f"{path}: cannot be read: {e.strerror or e}") from e
        except UnicodeDecodeError as e:
            raise InputError(f"{path}: not UTF-8: {e}") from e


def _line(text: str, where: str) -> Mapping[str, Any]:
    try:
        line = json.loads(text)
        _task(line["task"])
        n = len(line["rewards"])
        if not n == len(line["parts"]) == len(line["faults"]) or "id" not in line:
            raise ValueError("rewards, parts and faults differ in number")
        _values(line)
    except (ValueError, TypeError, KeyError, AttributeError) as e:
        raise InputError(f"{where}: is no line of `rlar score --out` ({type(e).__name__}: {e})") from e
    return line  # type: ignore[no-any-return]


def _items(paths: Sequence[str], fields: list[str] | None) -> dict[str, Item]:
    from rlar.rollouts import read_items
    from rlar.rollouts.row import check_field_map

    rejected: list[object] = []
    given = check_field_map(parse_pairs(fields or (), "--map"))
    found = {item.id: item for item in read_items(paths, field_map=given, on_reject=rejected.append)} if paths else {}
    if rejected:
        sys.stderr.write(f"{len(rejected):,} bad rows of the rollouts were left out\n")
    return found


def _tell(evolution: Evolution, lines: int, *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        for event in evolution.events:
            typer.echo(json.dumps(event.to_json()))
        return
    for event in evolution.events:
        typer.echo(_words(event.to_json()))
    streams = len(evolution.watch.streams)
    would = "would be done" if dry_run else "done"
    typer.echo(f"{lines:,} groups, {streams} tools on families; {_counted(evolution.events)} {would}")
    for ref, duel in evolution.canaries.duels.items():
        typer.echo(f"canary {ref}: {duel.n} queries compared, {duel.mean:+.3f}; undecided")
    if any(event.act == "asked" for event in evolution.events):
        typer.echo("`rlar acquire ROLLOUTS --library` looks for tools where something is asked for")


def _counted(events: Sequence[Event]) -> str:
    from collections import Counter

    acts = Counter(event.act for event in events)
    return ", ".join(f"{n} {act}" for act, n in acts.items()) or "nothing"


def _words(event: Mapping[str, Json]) -> str:
    tool = event["tool"] or f"family {event['family']}"
    instead = f"; {event['instead']} judges now" if event.get("instead") else ""
    return plain(f"{event['act']:<12} {tool}: {event['why']}{instead}")


def _logged(store: Store, *, as_json: bool) -> int:
    for n, event in enumerate(store.events()):
        if event["act"] == "compared":
            continue
        typer.echo(json.dumps({"n": n, **event}) if as_json else f"{n:>5}  {event['at'][:19]}  {_words(event)}")
    return 0


def _undone(store: Store, n: int) -> int:
    from rlar.acquire.evolve import undo

    events = store.events()
    if not 0 <= n < len(events):
        raise InputError(f"the log has entries 0 to {len(events) - 1}, not {n}" if events else "the log is empty")
    done = undo(store, events[n])
    store.record({**events[n], "act": "undone", "why": f"entry {n} was taken back", "at": _at()})
    typer.echo(plain(done))
    return 0


def _at() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat(timespec="seconds")
