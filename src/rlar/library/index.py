"""The index of a library: an SQLite file that is only a shortcut to the folders, and is rebuilt from them."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

SCHEMA = 1


class Row(NamedTuple):
    """One version: its state, the time of its last change (ISO, UTC), and its place in the order of changes."""

    name: str
    version: str
    state: str
    changed_at: str
    pinned: bool


class Index:
    """Rows by (name, version). WAL, so readers and writers of many processes never block each other for long.

    SQLite before 3.51.3 can corrupt a WAL when two connections checkpoint at once, so automatic checkpoints are off,
    and `checkpoint` lets one process do it under a file lock. A damaged index is set aside and rebuilt by the store.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("PRAGMA wal_autocheckpoint=0")
        (found,) = self._db.execute("PRAGMA user_version").fetchone()
        if found not in (0, SCHEMA):
            raise sqlite3.DatabaseError(f"index format {found}, this rlar writes {SCHEMA}")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS version (name TEXT, version TEXT, state TEXT NOT NULL,"
            " changed_at TEXT NOT NULL, pinned INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (name, version)) WITHOUT ROWID"
        )
        self._db.execute(f"PRAGMA user_version={SCHEMA}")

    def rows(self) -> list[Row]:
        rows = self._db.execute(
            "SELECT name, version, state, changed_at, pinned FROM version ORDER BY name, changed_at"
        )
        return [Row(n, v, s, t, bool(p)) for n, v, s, t, p in rows]

    def put(self, rows: Sequence[Row]) -> None:
        with self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO version VALUES (?, ?, ?, ?, ?)", rows)

    def forget(self, keys: Sequence[tuple[str, str]]) -> None:
        with self._transaction():
            self._db.executemany("DELETE FROM version WHERE name = ? AND version = ?", keys)

    def checkpoint(self) -> bool:
        """Fold the WAL into the file, unless another process is at it. Returns whether this call did it."""
        try:
            with FileLock(f"{self.path}.checkpoint", timeout=0):
                self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")
                return True
        except Timeout:
            return False

    def close(self) -> None:
        self._db.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")
