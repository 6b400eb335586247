"""Pinned bundles: chosen versions of a library in one file, that give the same rewards elsewhere.

A bundle is a plain .tar.gz with fixed times and owners, so the same versions give the same bytes. What is imported is
untrusted: it comes in as "proposed" and judges nothing until an exam on this machine admits it.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

from rlar.errors import InputError
from rlar.library.index import Row
from rlar.library.manifest import Draft, LibraryProblem, Manifest, safe_path
from rlar.library.store import Store

LARGEST_FILE = 512 << 20  # bytes of one member
LARGEST_BUNDLE = 2 << 30  # bytes of all members, unpacked
MOST_MEMBERS = 10_000


def export_bundle(store: Store, refs: Sequence[str], path: str | Path) -> list[Row]:
    """Write versions to a bundle file; without refs, all that judge now. Returns their rows.

    Exams and states are left out: they were measured here, and are to be measured again there.
    """
    rows = [store.find(ref) for ref in refs] if refs else list(store.current().values())
    if not rows:
        raise InputError("no admitted tool to export; name versions, or admit some first")
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        pins = "".join(f"{row.name}@{row.version}\n" for row in sorted(rows))
        _member(tar, "PINS", pins.encode())
        for row in sorted(rows):
            manifest = store.manifest(row)
            folder = f"{row.name}/{row.version}"
            _member(tar, f"{folder}/manifest.json", manifest.to_json().encode())
            for name in sorted(manifest.files):
                _member(tar, f"{folder}/{name}", (store.path(row) / name).read_bytes())
    new = Path(f"{path}.new")
    new.write_bytes(gzip.compress(out.getvalue(), mtime=0))
    new.replace(path)
    return rows


def import_bundle(store: Store, path: str | Path) -> list[Row]:
    """Take in a bundle's versions as "proposed". Returns their rows.

    Raises LibraryProblem, and takes in nothing, if any member is not what the bundle's manifests say: odd names, links,
    wrong hashes, missing or surplus files, more than the size limits.
    """
    members = _read(Path(path))
    drafts = []
    pins = members.pop("PINS", b"").decode("utf-8", "replace").split()
    for ref in pins:
        name, _, version = ref.partition("@")
        prefix = f"{name}/{version}/"
        mine = {k.removeprefix(prefix): members.pop(k) for k in list(members) if k.startswith(prefix)}
        draft = _draft(mine, where=f"{path}:{ref}")
        if draft.manifest().ref != ref:
            raise LibraryProblem(f"{path}: {ref} holds {draft.manifest().ref}; the bundle was changed")
        drafts.append(draft)
    if members or not drafts:
        raise LibraryProblem(f"{path}: is no bundle of tools" + (f"; surplus {sorted(members)[:3]}" if members else ""))
    return [store.add(draft, why=f"imported from {Path(path).name}; untrusted until examined here") for draft in drafts]


def _draft(files: dict[str, bytes], where: str) -> Draft:
    text = files.pop("manifest.json", None)
    if text is None:
        raise LibraryProblem(f"{where}: has no manifest")
    manifest = Manifest.parse(text, where)
    if set(files) != set(manifest.files):
        raise LibraryProblem(f"{where}: its files are not those its manifest names")
    return Draft(
        name=manifest.name,
        kind=manifest.kind,
        loader=manifest.loader,
        settings=manifest.settings,
        card=manifest.card,
        provenance=manifest.provenance,
        content=files,
        requirements=manifest.requirements,
        scope=manifest.scope,
        engine=manifest.engine,
    )


def _member(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o644
    tar.addfile(info, io.BytesIO(data))


def _read(path: Path) -> dict[str, bytes]:
    """All members in memory, bounded: nothing of an untrusted archive is written where it says."""
    members: dict[str, bytes] = {}
    total = 0
    try:
        with tarfile.open(path, mode="r|gz") as tar:
            for info in tar:
                if not info.isfile():
                    raise LibraryProblem(f"{path}: {info.name!r} is a link, folder or device")
                total += info.size
                if info.size > LARGEST_FILE or total > LARGEST_BUNDLE or len(members) >= MOST_MEMBERS:
                    raise LibraryProblem(f"{path}: larger than a bundle may be")
                *folder, _ = info.name.split("/")
                if info.name != "PINS" and len(folder) < 2:
                    raise LibraryProblem(f"{path}: {info.name!r} is not NAME/VERSION/FILE")
                if info.name.count("/") >= 2 and not info.name.endswith("/manifest.json"):
                    safe_path(info.name.split("/", 2)[2])
                if info.name in members:
                    raise LibraryProblem(f"{path}: {info.name!r} is there twice")
                data = tar.extractfile(info)
                members[info.name] = data.read() if data else b""
    except (tarfile.TarError, OSError, EOFError, json.JSONDecodeError) as e:
        raise LibraryProblem(f"{path}: cannot be read as a bundle ({type(e).__name__}: {e})") from e
    return members
