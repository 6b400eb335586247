"""Fetching a repository at one commit: only files that are needed, each checked, whole or not at all.

    MODELS/
      ORG--NAME/REVISION/     a finished model with files.json, made by one rename of a checked staging folder
      .staging/               what is being fetched; an interrupted fetch goes on from there

Never fetched: programs, pickles, archives, and whatever is not on the list below.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from rlar.acquire.web_agent.facts import Facts, HubFile
from rlar.acquire.web_agent.hub import Hub, HubRefused, HubUnavailable
from rlar.acquire.web_agent.reading import UnreadableError, wrong_name
from rlar.acquire.web_agent.tensors import Shape, read_header
from rlar.library.loaders import model_place
from rlar.types import Json, content_key

TOKENIZERS = frozenset(
    (
        "tokenizer.json",
        "tokenizer.model",
        "spiece.model",
        "spm.model",
        "sentencepiece.bpe.model",
        "vocab.json",
        "vocab.txt",
        "merges.txt",
    )
)
BESIDE = frozenset(
    (
        "config.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "chat_template.jinja",
        "chat_template.json",
        "model.safetensors.index.json",
    )
)
LICENCE = re.compile(r"(?i)(licen[cs]e|notice)(\.(txt|md))?")
LARGEST_TEXT = 128 << 20  # bytes of a tokenizer's or other file that is no weights; the largest real ones have 35 MiB
TRIES = 6  # in a row without a new byte, before a fetch gives up
MOST_TRIES = 200  # of one file, with progress or without
FINISHED = "files.json"
Progress = Callable[[str, int, int], None]  # file, bytes there, bytes of all files


@dataclass(frozen=True, slots=True)
class Fetched:
    """A finished model on disk. sha256: of every file, by name."""

    folder: Path
    repo: str
    revision: str
    sha256: Mapping[str, str]
    size: int


def needed(facts: Facts) -> list[HubFile]:
    """The files of a repository that are worth fetching. Raises HubRefused for names and sizes that cannot be taken."""
    out = []
    for f in facts.files:
        weights = f.name.endswith(".safetensors") and "/" not in f.name
        if not (weights or f.name in TOKENIZERS or f.name in BESIDE or LICENCE.fullmatch(f.name)):
            continue
        if f.size is None:
            raise HubRefused("broken", f"{facts.id}: {f.name} has no size")
        if not weights and f.size > LARGEST_TEXT:
            if LICENCE.fullmatch(f.name):
                continue
            raise HubRefused("broken", f"{facts.id}: {f.name} has {f.size:,} bytes, more than any such file needs")
        if why := wrong_name(f.name):
            raise HubRefused("names", f"{facts.id}: {f.name!r} {why}")
        out.append(f)
    return out


def headers(hub: Hub, facts: Facts) -> dict[str, Shape]:
    """Shapes of all weights, from the heads of the files. Raises HubRefused if one is no sound safetensors file."""
    shapes: dict[str, Shape] = {}
    for f in facts.safetensors:
        first = hub.head(facts, f.name, 1 << 17)

        def head(n: int, f: HubFile = f, first: bytes = first) -> bytes:
            return first[:n] if n <= len(first) else hub.head(facts, f.name, n)

        try:
            shapes |= read_header(head, f.size or 0, f.name)
        except UnreadableError as e:
            raise HubRefused("broken", f"{facts.id}: {e}") from e
    return shapes


def finished(models: Path, repo: str, revision: str, *, full: bool = False) -> Fetched | None:
    """A model that was fetched whole, or None. full: read every byte again, and compare.

    Without it, sizes of all files are compared, and the hashes of the small ones.
    """
    folder = model_place(models, repo, revision)
    try:
        body = json.loads((folder / FINISHED).read_text("utf-8"))
        if content_key(body["files"]) != body["sum"] or body["revision"] != revision:
            return None
        for name, (size, digest) in body["files"].items():
            path = folder / name
            if wrong_name(name) or path.is_symlink() or path.stat().st_size != size:
                return None
            if (full or size < 8 << 20) and _sha256(path) != digest:
                return None
        files = body["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Fetched(folder, repo, revision, {n: d for n, (_, d) in files.items()}, sum(s for s, _ in files.values()))


def fetch(hub: Hub, facts: Facts, models: Path, *, quota: int, progress: Progress | None = None) -> Fetched:
    """The model on disk, whole and checked; at once if it is there already.

    quota: bytes that all models in this folder may take together. progress: told often, from this thread.
    Raises HubRefused for what cannot be taken, and HubUnavailable where the connection failed too often; a later call
    goes on from there.
    """
    files = needed(facts)
    target = model_place(models, facts.id, facts.revision)
    staging = models / ".staging" / f"{target.parent.name}-{facts.revision[:12]}"
    staging.mkdir(parents=True, exist_ok=True)
    with FileLock(staging.with_suffix(".lock")):
        if there := finished(models, facts.id, facts.revision, full=True):
            shutil.rmtree(staging, ignore_errors=True)
            return there
        if target.exists():
            shutil.rmtree(target)  # damaged by somebody since; what is fetched again is checked again
        staging.mkdir(parents=True, exist_ok=True)
        _room(models, staging, files, quota, facts.id)
        listed: dict[str, list[Json]] = {}
        before, total = 0, sum(f.size or 0 for f in files)
        for f in files:

            def told(there: int, f: HubFile = f, before: int = before) -> None:
                if progress:
                    progress(f.name, before + there, total)

            listed[f.name] = [f.size, _one(hub, facts, f, staging, told)]
            before += f.size or 0
        for stray in set(staging.iterdir()) - {staging / name for name in listed}:
            stray.unlink()
        body = {"repo": facts.id, "revision": facts.revision, "files": listed, "sum": content_key(listed)}
        _write(staging / FINISHED, json.dumps(body, indent=1).encode())
        target.parent.mkdir(parents=True, exist_ok=True)
        staging.rename(target)
    done = finished(models, facts.id, facts.revision)
    if done is None:
        raise HubRefused("broken", f"{target}: was changed while it was being fetched")
    return done


def _room(models: Path, staging: Path, files: list[HubFile], quota: int, repo: str) -> None:
    need = sum(f.size or 0 for f in files)
    there = sum(p.stat().st_size for p in staging.iterdir() if p.is_file())
    used = sum(p.stat().st_size for p in models.rglob("*") if p.is_file() and not p.is_symlink()) - there
    if used + need > quota:
        raise HubRefused(
            "quota", f"{repo} takes {need:,} bytes, {used:,} are used, and {quota:,} are allowed; raise --disk-quota"
        )
    free = shutil.disk_usage(models).free
    if need - there > free - (64 << 20):
        raise HubRefused("quota", f"{repo} takes {need:,} bytes, and the disk has {free:,} left")


def _one(hub: Hub, facts: Facts, f: HubFile, staging: Path, told: Callable[[int], None]) -> str:
    """Fetch one file, or finish it; its SHA-256. Raises HubRefused, HubUnavailable."""
    path, part, size = staging / f.name, staging / f"{f.name}.part", f.size or 0
    if path.exists():
        if path.stat().st_size == size and (digest := _checked(path, f)) is not None:
            return digest
        path.unlink()
    for last in (False, True):
        _complete(hub, facts, f, part, told)
        digest = _checked(part, f)
        if digest is not None:
            part.rename(path)
            return digest
        part.unlink()  # perhaps damaged on the way, or a rest of another answer: once more from the start
        if last:
            raise HubRefused("hash", f"{facts.id}: {f.name} has another hash than the Hub lists; nothing of it is used")
    raise AssertionError("unreachable")


def _complete(hub: Hub, facts: Facts, f: HubFile, part: Path, told: Callable[[int], None]) -> None:
    size, idle, last = f.size or 0, 0, ""
    for _ in range(MOST_TRIES):
        have = part.stat().st_size if part.exists() else 0
        if have == size and part.exists():
            return
        if have > size:
            part.unlink()
            have = 0
        try:
            with part.open("ab") as out:
                for piece in hub.stream(facts, f.name, start=have) if size else ():
                    if out.tell() + len(piece) > size:
                        raise HubRefused("hash", f"{facts.id}: {f.name} is longer than the {size:,} bytes listed")
                    out.write(piece)
                    told(out.tell())
                out.flush()
                os.fsync(out.fileno())
        except HubUnavailable as e:
            last = str(e)
        except HubRefused:
            part.unlink(missing_ok=True)
            raise
        now = part.stat().st_size
        idle = 0 if now > have else idle + 1
        if idle >= TRIES:
            break
        if now < size:
            time.sleep(min(0.05 * 2**idle, 2.0))
    else:
        last = last or "too many interruptions"
    if part.stat().st_size != size:
        raise HubUnavailable(f"{facts.id}: {f.name} broke off at {part.stat().st_size:,} of {size:,} bytes ({last})")


def _checked(path: Path, f: HubFile) -> str | None:
    """SHA-256 of a file if it is what the Hub lists; None if it is not, or if the Hub lists no hash for it."""
    sha256, blob = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as source:
        while piece := source.read(1 << 20):
            sha256.update(piece)
            blob.update(piece)
    if f.sha256:
        return sha256.hexdigest() if sha256.hexdigest() == f.sha256 else None
    return sha256.hexdigest() if blob.hexdigest() == f.blob else None


def take_folder(source: Path, models: Path, *, quota: int) -> tuple[Fetched, list[str]]:
    """Copy a local model folder into the models, under a revision made of its content. Second: names left out."""
    names = sorted(p.name for p in source.iterdir() if p.is_file())
    wanted = [n for n in names if n.endswith(".safetensors") or n in TOKENIZERS | BESIDE or LICENCE.fullmatch(n)]
    sizes = {n: (source / n).stat().st_size for n in wanted}
    digests = {n: _sha256(source / n) for n in wanted}
    revision = hashlib.sha1(json.dumps(digests, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
    repo = f"local/{re.sub(r'[^A-Za-z0-9.-]+', '-', source.resolve().name).strip('-.') or 'model'}"
    left_out = [n for n in names if n not in wanted]
    if there := finished(models, repo, revision, full=True):
        return there, left_out
    staging = models / ".staging" / f"local-{revision[:12]}-{os.getpid()}"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    _room(models, staging, [HubFile(n, s) for n, s in sizes.items()], quota, str(source))
    for n in wanted:
        shutil.copyfile(source / n, staging / n)
    listed = {n: [sizes[n], _sha256(staging / n)] for n in wanted}
    if {n: d for n, (_, d) in listed.items()} != digests:
        raise HubRefused("hash", f"{source}: changed while it was being copied")
    body = {"repo": repo, "revision": revision, "files": listed, "sum": content_key(listed)}
    _write(staging / FINISHED, json.dumps(body, indent=1).encode())
    target = model_place(models, repo, revision)
    target.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        shutil.rmtree(target)
    staging.rename(target)
    return Fetched(target, repo, revision, digests, sum(sizes.values())), left_out


def _sha256(path: Path) -> str:
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as f:
        f.write(data)
        f.flush()
        os.fsync(f.fileno())


def to_json(fetched: Fetched) -> dict[str, Json]:
    body: dict[str, Any] = {"repo": fetched.repo, "revision": fetched.revision, "sha256": dict(fetched.sha256)}
    return body
