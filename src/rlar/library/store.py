"""A library on disk: versions by content hash, states with history, safe with many processes and with kill -9.

    LIBRARY/
      library.json                     what this folder is
      tools/NAME/VERSION/              one version: manifest.json, its files, exam.json, history.jsonl
      aside/                           what was damaged or half written, kept for people to look at
      replies.sqlite                   what LLMs replied while tools were written, so that a rerun costs nothing
      evolution.jsonl                  what was noticed while the tools judged, and what was done about it
      index.sqlite                     a shortcut, rebuilt from the folders whenever it is in doubt

A version appears by one rename of a finished folder, and a state by one appended line with a checksum, both under one
write lock; so at any kill a version is there whole or not at all, and readers never wait for writers.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock

from rlar.errors import InputError, ToolError
from rlar.library.index import Index, Row
from rlar.library.manifest import NAME, VERSION, Draft, LibraryProblem, Manifest, files_of
from rlar.types import Json, content_key

FORMAT = {"format": "rlar-library", "version": 1}
STATES = ("proposed", "admitted", "canary", "retired", "quarantined")
# Which state may follow which. What failed or was damaged comes back only by a new exam (proposed -> admitted).
NEXT: Mapping[str, tuple[str, ...]] = {
    "": ("proposed",),
    "proposed": ("admitted", "canary", "quarantined", "retired"),
    "canary": ("admitted", "retired", "quarantined"),
    "admitted": ("retired", "quarantined", "canary"),
    "retired": ("admitted", "proposed", "quarantined"),
    "quarantined": ("proposed",),
}
REPLACED = "replaced by"  # how the reason begins for which a newer version retires an older one


class Change(NamedTuple):
    """One line of a version's history."""

    state: str
    at: str
    why: str
    pinned: bool = False


class Store:
    """One library's folder. Open as many as you like, in as many processes as you like."""

    def __init__(self, folder: str | Path) -> None:
        """Open a library, or make an empty one in a folder that is empty or does not exist yet.

        Raises InputError if the folder holds something else. What was damaged while nobody looked is set aside and
        listed in `problems`; it costs nothing else.
        """
        self.folder = Path(folder)
        self.problems: list[str] = []
        self._make()
        self._lock = FileLock(self.folder / "write.lock", timeout=60)
        self._index = self._open_index()
        self.reconcile()

    @staticmethod
    def is_library(folder: str | Path) -> bool:
        return (Path(folder) / "library.json").is_file()

    # -- reading ----------------------------------------------------------------------------------------------------

    def rows(self) -> list[Row]:
        """All versions, by name and time of their last change."""
        return self._index.rows()

    def current(self) -> dict[str, Row]:
        """Per name the version that judges: the pinned one, else the one admitted last; no entry without one."""
        chosen: dict[str, Row] = {}
        for row in self.rows():
            if row.state == "admitted" and not (row.name in chosen and chosen[row.name].pinned and not row.pinned):
                chosen[row.name] = row
        return chosen

    def find(self, ref: str) -> Row:
        """The row of "name@version", or of "name": its current version, else the one changed last."""
        name, _, version = ref.partition("@")
        rows = [r for r in self.rows() if r.name == name and r.version.startswith(version)]
        if not rows:
            raise ToolError(
                f"the library has no {ref!r} (`rlar tools ls --library {self.folder.name}` lists what it has)"
            )
        if version and len({r.version for r in rows}) > 1:
            raise ToolError(f"{ref!r} could be {', '.join(r.version for r in rows)}; give more digits")
        return rows[0] if version else self.current().get(name, rows[-1])

    def path(self, row: Row) -> Path:
        return self.folder / "tools" / row.name / row.version

    def manifest(self, row: Row) -> Manifest:
        """A version's manifest, its files checked against it. Raises LibraryProblem naming what is wrong."""
        manifest = Manifest.read(self.path(row) / "manifest.json")
        if (manifest.name, manifest.version) != (row.name, row.version):
            raise LibraryProblem(f"{self.path(row)}: holds {manifest.ref}, not {row.name}@{row.version}")
        if wrong := files_of(self.path(row), manifest.files):
            raise LibraryProblem("; ".join(wrong))
        return manifest

    def exam(self, row: Row) -> Mapping[str, Json] | None:
        """The measured card, or None if it took no exam. Raises LibraryProblem if the file is damaged."""
        path = self.path(row) / "exam.json"
        if not path.exists():
            return None
        try:
            body = json.loads(path.read_text("utf-8"))
            if content_key(body["exam"]) != body["sum"]:
                raise ValueError("checksum differs; it was edited")
        except (OSError, ValueError, KeyError, TypeError) as e:
            raise LibraryProblem(f"{path}: {e}") from e
        return body["exam"]  # type: ignore[no-any-return]

    def history(self, row: Row) -> list[Change]:
        return _read_history(self.path(row) / "history.jsonl")

    # -- writing ----------------------------------------------------------------------------------------------------

    def add(self, draft: Draft, *, why: str, exam: Mapping[str, Json] | None = None) -> Row:
        """Write a version as "proposed"; if it is there already, nothing changes but its exam. Returns its row."""
        manifest = draft.manifest()
        target = self.folder / "tools" / manifest.name / manifest.version
        row = Row(manifest.name, manifest.version, "proposed", _now(), False)
        if not target.exists():
            new = self.folder / "aside" / f"new-{uuid.uuid4().hex}"
            new.mkdir(parents=True)
            try:
                for name, data in draft.content.items():
                    _write(new / name, data)
                _write(new / "manifest.json", manifest.to_json().encode())
                _write(new / "history.jsonl", _line(Change("proposed", row.changed_at, why)))
                with self._writing():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    if not target.exists():
                        new.rename(target)
                        _sync_folder(target.parent)
                        self._index.put([row])
            finally:
                shutil.rmtree(new, ignore_errors=True)
        if exam is not None:
            self.write_exam(row, exam)
        return self.find(manifest.ref)

    def write_exam(self, row: Row, exam: Mapping[str, Json]) -> None:
        """Keep a measured card beside its version, replacing an older one in one rename."""
        plain = json.loads(json.dumps(exam))
        body = json.dumps({"exam": plain, "sum": content_key(plain)}, indent=2, sort_keys=True) + "\n"
        new = self.path(row) / f".exam-{uuid.uuid4().hex}"
        _write(new, body.encode())
        new.replace(self.path(row) / "exam.json")

    def move(self, ref: str, state: str, *, why: str, pinned: bool | None = None) -> Row:
        """Give a version a new state, with the reason. Raises ToolError for a step that NEXT does not allow.

        An admitted version that is admitted again only gets its new reason and pin.
        """
        if state not in STATES:
            raise ToolError(f"a state is one of {', '.join(STATES)}, not {state!r}")
        with self._writing():
            row = self.find(ref)
            if state != row.state and state not in NEXT[row.state]:
                raise ToolError(
                    f"{row.name}@{row.version} is {row.state}; from there it can become {', '.join(NEXT[row.state])}"
                )
            change = Change(state, _now(), why, row.pinned if pinned is None else pinned)
            _append(self.path(row) / "history.jsonl", change)
            after = Row(row.name, row.version, state, change.at, change.pinned)
            self._index.put([after])
        return after

    def admit(self, ref: str, *, why: str) -> Row:
        """Let a version judge, and retire the one that judged before under its name."""
        with self._writing():
            before = self.current().get(self.find(ref).name)
            row = self.move(ref, "admitted", why=why)
            if before is not None and before.version != row.version:
                self.move(f"{before.name}@{before.version}", "retired", why=f"{REPLACED} {row.version}", pinned=False)
        return row

    def pin(self, ref: str, *, why: str = "pinned by hand") -> Row:
        """Let this admitted or retired version judge whatever is admitted later, until another one is pinned."""
        with self._writing():
            row = self.find(ref)
            for other in self.rows():
                if other.name == row.name and other.pinned and other.version != row.version:
                    self.move(
                        f"{other.name}@{other.version}", other.state, why=f"pin moved to {row.version}", pinned=False
                    )
            return self.move(f"{row.name}@{row.version}", "admitted", why=why, pinned=True)

    def rollback(self, name: str, *, why: str = "rolled back by hand") -> Row:
        """Retire the current version and let the one judge again that was admitted before it."""
        with self._writing():
            now = self.current().get(name)
            if now is None:
                last = self.find(name)  # raises where the name is not known
                hint = (
                    f"; `rlar tools pin {name}@{last.version}` lets it judge again" if last.state == "retired" else ""
                )
                raise ToolError(f"{name}: no version is admitted, so there is nothing to roll back{hint}")
            admitted = sorted(
                (change.at, row)
                for row in self.rows()
                if row.name == name and row.version != now.version and row.state == "retired"
                for change in self.history(row)
                if change.state == "admitted"
            )
            if not admitted:
                raise ToolError(f"{name}: {now.version} is the only version that was ever admitted")
            before = admitted[-1][1]
            row = self.move(f"{name}@{before.version}", "admitted", why=why)
            self.move(f"{name}@{now.version}", "retired", why=f"rolled back to {before.version}", pinned=False)
        return row

    def quarantine(self, ref: str, *, why: str) -> Row | None:
        """Let a version judge no longer, because it is broken, and let the one judge again that it replaced.

        Returns the row of that one; None where there was none. What a person retired or rolled back stays away.
        """
        with self._writing():
            row = self.find(ref)
            judged = self.current().get(row.name) == row
            self.move(f"{row.name}@{row.version}", "quarantined", why=why, pinned=False)
            if not judged or row.name in self.current():  # it was not the one that judges
                return None
            retired = sorted((r for r in self.rows() if r.name == row.name and r.state == "retired"), key=_changed)
            for last in reversed(retired):
                if self.history(last)[-1].why.startswith(REPLACED):
                    why = f"judges again: {row.version} is broken"
                    return self.move(f"{last.name}@{last.version}", "admitted", why=why)
        return None

    def record(self, event: Mapping[str, Json]) -> None:
        """Append one event to the log of evolution, whole or not at all."""
        body = json.loads(json.dumps(event))
        line = (json.dumps({"sum": content_key(body)[:8], **body}) + "\n").encode()
        with self._writing():
            _append_line(self.folder / "evolution.jsonl", line)

    def events(self) -> list[dict[str, Json]]:
        """The log of evolution, oldest first. Lines that were torn or edited are passed over."""
        found = []
        try:
            lines = (self.folder / "evolution.jsonl").read_bytes().splitlines()
        except OSError:
            return []
        for line in lines:
            try:
                body = json.loads(line)
                if body.pop("sum") == content_key(body)[:8]:
                    found.append(body)
            except (ValueError, KeyError, AttributeError):
                continue
        return found

    # -- keeping it whole -------------------------------------------------------------------------------------------

    def reconcile(self) -> None:
        """Make the index say what the folders say; a kill between the two leaves the folders right."""
        on_disk = {(n.name, v.name) for n in _folders(self.folder / "tools") for v in _folders(n)}
        known = {(r.name, r.version): r for r in self._index.rows()}
        found = {key: self._row_on_disk(*key) for key in sorted(on_disk)}
        stale = [key for key, row in found.items() if known.get(key) != row]
        if stale or known.keys() - on_disk:
            with self._writing():  # read again: another process may have changed them meanwhile
                rows = {key: self._row_on_disk(*key) for key in stale}
                self._index.put([row for row in rows.values() if row is not None])
                self._index.forget([*(known.keys() - on_disk), *(key for key, row in rows.items() if row is None)])
        self._index.checkpoint()

    def _row_on_disk(self, name: str, version: str) -> Row | None:
        path = self.folder / "tools" / name / version
        if not (NAME.fullmatch(name) and VERSION.fullmatch(version) and (path / "manifest.json").is_file()):
            self._note(f"{path}: is no version of a tool; left as it is and not used")
            return None
        changes = _read_history(path / "history.jsonl")
        if not changes:
            self._note(f"{path}/history.jsonl: no state can be read from it; the version is not used")
            return None
        return Row(name, version, changes[-1].state, changes[-1].at, changes[-1].pinned)

    def verify(self) -> list[str]:
        """Read every version in full; what is damaged or edited is quarantined and named. Returns what is wrong."""
        wrong = []
        for row in self.rows():
            try:
                self.manifest(row)
                self.exam(row)
            except LibraryProblem as e:
                wrong.append(str(e))
                if row.state in ("admitted", "canary", "proposed", "retired"):
                    self.move(f"{row.name}@{row.version}", "quarantined", why=str(e), pinned=False)
        return [*self.problems, *wrong]

    def close(self) -> None:
        self._index.checkpoint()
        self._index.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _make(self) -> None:
        marker = self.folder / "library.json"
        if marker.is_file():
            try:
                found = json.loads(marker.read_text("utf-8"))
            except ValueError as e:
                raise InputError(f"{marker} is damaged ({e}); write {json.dumps(FORMAT)} into it") from e
            if found != FORMAT:
                raise InputError(f"{marker} says {found}; this rlar reads {FORMAT}")
        elif self.folder.exists() and (not self.folder.is_dir() or any(_foreign(self.folder))):
            raise InputError(f"{self.folder} is no library and not empty; give a new folder, or one that rlar made")
        else:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write_once(marker, json.dumps(FORMAT).encode())
        (self.folder / "tools").mkdir(exist_ok=True)
        (self.folder / "aside").mkdir(exist_ok=True)

    def _open_index(self) -> Index:
        path = self.folder / "index.sqlite"
        try:
            return Index(path)
        except sqlite3.DatabaseError as e:
            with self._lock:
                for part in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
                    if part.exists():
                        part.replace(self.folder / "aside" / f"{part.name}-{uuid.uuid4().hex[:8]}")
                self._note(f"{path}: {e}; set aside and rebuilt from the folders")
                return Index(path)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock:  # counts its holders, so writing calls may nest
            yield

    def _note(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def _foreign(folder: Path) -> Iterator[Path]:
    """What is in a folder that a store did not put there; another process may be making the library right now."""
    ours = (
        "library.json",
        ".library.json",
        "tools",
        "aside",
        "write.lock",
        "index.sqlite",
        "replies.sqlite",
        "evolution.jsonl",
    )
    return (p for p in folder.iterdir() if not p.name.startswith(ours) and p.suffix != ".py")


def _folders(path: Path) -> list[Path]:
    return [p for p in path.iterdir() if p.is_dir() and not p.is_symlink()] if path.is_dir() else []


def _changed(row: Row) -> str:
    return row.changed_at


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _line(change: Change) -> bytes:
    body = change._asdict()
    return (json.dumps({**body, "sum": content_key(body)[:8]}) + "\n").encode()


def _append(path: Path, change: Change) -> None:
    _append_line(path, _line(change))


def _append_line(path: Path, line: bytes) -> None:
    """One write of one line. A torn tail of a killed writer is closed first, so that it spoils no later line."""
    with path.open("a+b") as f:
        f.seek(0, os.SEEK_END)
        if f.tell():
            f.seek(-1, os.SEEK_END)
            torn = f.read(1) != b"\n"
            if torn:
                f.write(b"\n")
        f.write(line)
        f.flush()
        os.fsync(f.fileno())


def _read_history(path: Path) -> list[Change]:
    """The changes that were written whole, in order; torn or edited lines are passed over."""
    changes: list[Change] = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return changes
    for line in lines:
        try:
            body = json.loads(line)
            given = body.pop("sum")
            change = Change(**body)
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
        if content_key(change._asdict())[:8] == given and change.state in STATES:
            changes.append(change)
    return changes


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as f:
        f.write(data)
        f.flush()
        os.fsync(f.fileno())


def _write_once(path: Path, data: bytes) -> None:
    new = path.with_name(f".{path.name}-{uuid.uuid4().hex[:8]}")
    _write(new, data)
    new.replace(path)


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
