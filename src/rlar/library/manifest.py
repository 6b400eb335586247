"""One version of a tool on disk: what is in its folder, and how its name follows from its content.

A version's folder holds `manifest.json`, the tool's own files (code, weights, settings), `exam.json` once it took an
exam, and `history.jsonl`, its states. The version is a hash over everything that decides values: the tool's files, its
loader, its settings and its pinned requirements; not over the card's words, dates or exams.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any

from rlar.errors import RlarError
from rlar.types import Json, Kind, Scope, ToolCard, content_key

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
VERSION = re.compile(r"[0-9a-f]{12}")
LARGEST_MANIFEST = 1 << 20  # bytes; a manifest is a page, not a book
_SCALE_FIELDS = ("low", "high", "line", "scale", "timeout_s", "memory_mib")  # these decide values
_CARD_FIELDS = ("about", "suits", "needs", *_SCALE_FIELDS, "tie_band", "family", "licence")


class LibraryProblem(RlarError):
    """Something in a library's folder is damaged, edited by hand, or against its format. Names the file."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a version comes from. made_by: template, code agent, web agent, preference head or user.

    model: the LLM that wrote it, if one did. prompts: ids of the prompts it was written with. family: key of the task
    family it serves. parents: refs it was derived from. made_at: ISO time, UTC.
    """

    made_by: str
    model: str = ""
    prompts: tuple[str, ...] = ()
    family: str = ""
    parents: tuple[str, ...] = ()
    made_at: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a version is. loader: which kind of tool to rebuild (see library.loaders), settings: its arguments.

    files: relative path -> SHA-256 of the tool's own files. requirements: pinned distributions that decide values.
    card: the words and numbers of its ToolCard, without name, version and exam.
    """

    name: str
    kind: Kind
    loader: str
    settings: Mapping[str, Json]
    files: Mapping[str, str]
    requirements: tuple[str, ...]
    card: Mapping[str, Json]
    provenance: Provenance
    scope: Scope = Scope.RESPONSE
    engine: str = "worker"

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise LibraryProblem(f"a tool's name is lower_snake of at most 64 letters, not {self.name!r}")
        for path in self.files:
            safe_path(path)
        unknown = set(self.card) - set(_CARD_FIELDS)
        if unknown:
            raise LibraryProblem(
                f"{self.name}: card fields {sorted(unknown)} are not known; known: {', '.join(_CARD_FIELDS)}"
            )

    @property
    def version(self) -> str:
        """12 hex digits over all that decides values."""
        deciding = {k: self.card[k] for k in _SCALE_FIELDS if k in self.card}
        body = [self.name, self.loader, self.settings, self.files, sorted(self.requirements), deciding]
        return content_key(body)[:12]

    @property
    def ref(self) -> str:
        return f"{self.name}@{self.version}"

    def tool_card(self, exam: Mapping[str, Json] | None) -> ToolCard:
        card = _frozen(self.card)
        origin = f"{self.provenance.made_by}" + (f" with {self.provenance.model}" if self.provenance.model else "")
        return ToolCard(
            self.name,
            self.version,
            self.kind,
            scope=self.scope,
            engine=self.engine,
            provenance=origin,
            exam=exam,
            **card,
        )

    def to_json(self) -> str:
        body = asdict(self)
        body["version"] = self.version
        return json.dumps(body, indent=2, sort_keys=True) + "\n"

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Raises LibraryProblem that names the file and what is wrong with it."""
        try:
            if path.stat().st_size > LARGEST_MANIFEST:
                raise LibraryProblem(f"{path}: larger than {LARGEST_MANIFEST} bytes, which no manifest is")
            return cls.parse(path.read_bytes(), str(path))
        except OSError as e:
            raise LibraryProblem(f"{path}: cannot be read ({e})") from e

    @classmethod
    def parse(cls, text: bytes, where: str) -> Manifest:
        """A manifest from its JSON. where: what to call it in an error. Raises LibraryProblem."""
        try:
            body = json.loads(text.decode("utf-8"))
            version = body.pop("version")
            origin: dict[str, Any] = body.pop("provenance")
            manifest = cls(
                provenance=Provenance(**_frozen(origin)),
                kind=Kind(body.pop("kind")),
                scope=Scope(body.pop("scope")),
                requirements=tuple(body.pop("requirements")),
                **body,
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as e:
            raise LibraryProblem(f"{where}: is no manifest of a tool ({type(e).__name__}: {e})") from e
        if manifest.version != version:
            raise LibraryProblem(f"{where}: says version {version}, but holds {manifest.version}; it was edited")
        return manifest


def _frozen(body: Mapping[str, Json]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in body.items()}


def card_words(card: ToolCard) -> dict[str, Json]:
    """The part of a card that a manifest keeps, as plain JSON."""
    known = {f.name for f in fields(card)}
    return {k: list(v) if isinstance(v := getattr(card, k), tuple) else v for k in _CARD_FIELDS if k in known}


def safe_path(path: str) -> PurePosixPath:
    """A relative path inside a version's folder. Raises LibraryProblem for anything that could lead out of it."""
    pure = PurePosixPath(path)
    if not path or pure.is_absolute() or ".." in pure.parts or "\\" in path or "\x00" in path or str(pure) != path:
        raise LibraryProblem(f"{path!r} is no plain relative path")
    if pure.parts[0] in RESERVED:
        raise LibraryProblem(f"{path!r}: this name is the library's own")
    return pure


RESERVED = ("manifest.json", "exam.json", "history.jsonl")


def file_hash(path: Path) -> str:
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def files_of(folder: Path, names: Mapping[str, str]) -> list[str]:
    """What is wrong with the files that a manifest names; an empty list if all are there and unchanged."""
    wrong = []
    for name, digest in names.items():
        path = folder / safe_path(name)
        if not path.is_file() or path.is_symlink():
            wrong.append(f"{path}: is missing")
        elif file_hash(path) != digest:
            wrong.append(f"{path}: was changed after it was admitted; its hash is not the manifest's")
    return wrong


@dataclass(frozen=True, slots=True)
class Draft:
    """A version that is not on disk yet: a manifest's fields and the bytes of its files."""

    name: str
    kind: Kind
    loader: str
    settings: Mapping[str, Json]
    card: Mapping[str, Json]
    provenance: Provenance
    content: Mapping[str, bytes] = field(default_factory=dict)
    requirements: tuple[str, ...] = ()
    scope: Scope = Scope.RESPONSE
    engine: str = "worker"

    def manifest(self) -> Manifest:
        return Manifest(
            name=self.name,
            kind=self.kind,
            loader=self.loader,
            settings=json.loads(json.dumps(self.settings)),
            files={name: hashlib.sha256(data).hexdigest() for name, data in self.content.items()},
            requirements=self.requirements,
            card=self.card,
            provenance=self.provenance,
            scope=self.scope,
            engine=self.engine,
        )
