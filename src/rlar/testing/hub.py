"""A Hub on this machine that the real huggingface-hub client accepts: listing, cards, revisions, files, and faults.

    with LocalHub() as hub:
        hub.add("acme/reward", {"config.json": b"{}", "README.md": b"---\\nlicense: mit\\n---\\n"}, downloads=12)
        HfApi(endpoint=hub.endpoint).list_models(search="reward")

Every `add` to one repository is a new commit on its main branch; older commits stay, so that pinning can be tested.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from rlar.types import Json

LARGE = (".safetensors", ".bin", ".pt", ".pth", ".pkl", ".ckpt", ".msgpack", ".h5", ".onnx", ".gguf", ".zip")
CONFIG_KEYS = ("architectures", "model_type", "auto_map", "quantization_config")  # of config.json, what a Hub lists
WHEN = "2026-01-01T00:00:00.000Z"


@dataclass(frozen=True)
class File:
    """One file of a commit: bytes, or a path that is read when it is asked for."""

    source: bytes | Path

    @cached_property
    def size(self) -> int:
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size

    def read(self, start: int = 0, end: int | None = None) -> bytes:
        if isinstance(self.source, bytes):
            return self.source[start:end]
        with self.source.open("rb") as f:
            f.seek(start)
            return f.read() if end is None else f.read(end - start)

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.read()).hexdigest()

    @cached_property
    def blob(self) -> str:
        """Git's own hash of it."""
        return hashlib.sha1(b"blob %d\0" % self.size + self.read(), usedforsecurity=False).hexdigest()


@dataclass
class Repository:
    """One model repository. facts: fields of the Hub's answer that override what follows from the files.

    gated: False, "auto" or "manual"; without a token such files answer 401, with one that is not in `allowed` 403.
    listed: per file name, fields that a lying server gives instead of the true ones ({"size": 3}); names that no file
    has are listed too.
    """

    id: str
    commits: dict[str, dict[str, File]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Json] = field(default_factory=dict)
    gated: bool | str = False
    allowed: tuple[str, ...] = ()
    listed: dict[str, dict[str, Json]] = field(default_factory=dict)
    _known: dict[tuple[str, bool], dict[str, Json]] = field(default_factory=dict)

    def commit(self, revision: str) -> str | None:
        revision = self.branches.get(revision, revision)
        return next((sha for sha in self.commits if sha == revision), None)

    def info(self, sha: str, *, blobs: bool = False) -> dict[str, Json]:
        """What /api/models/ID says about one commit."""
        known = self._known.get((sha, blobs))
        if known is None:
            known = self._known[sha, blobs] = self._info(sha, blobs)
        return {**known, "siblings": list(self._siblings(self.commits[sha], blobs)), "gated": self.gated, **self.facts}

    def _info(self, sha: str, blobs: bool) -> dict[str, Json]:
        files = self.commits[sha]
        card, config = _card(files.get("README.md")), _config(files.get("config.json"))
        tensors = [header for name, f in files.items() if name.endswith(".safetensors") for header in [_header(f)]]
        body: dict[str, Json] = {
            "_id": sha[:24],
            "id": self.id,
            "modelId": self.id,
            "author": self.id.partition("/")[0],
            "sha": sha,
            "private": False,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": [*_words(card.get("tags")), *([f"license:{card['license']}"] if card.get("license") else [])],
            "pipeline_tag": card.get("pipeline_tag"),
            "library_name": card.get("library_name", "transformers" if config else None),
            "cardData": card,
            "config": {k: config[k] for k in CONFIG_KEYS if k in config},
            "createdAt": WHEN,
            "lastModified": WHEN,
        }
        if tensors:
            counts: dict[str, int] = {}
            for header in tensors:
                for dtype, n in header.items():
                    counts[dtype] = counts.get(dtype, 0) + n
            body["safetensors"] = {"parameters": counts, "total": sum(counts.values())}
        return body

    def _siblings(self, files: Mapping[str, File], blobs: bool) -> Iterator[dict[str, Json]]:
        for name in sorted({*files, *self.listed}):
            one: dict[str, Json] = {"rfilename": name}
            if blobs and name in files:
                f = files[name]
                one |= {"size": f.size, "blobId": f.blob}
                if name.endswith(LARGE):
                    one["lfs"] = {"size": f.size, "sha256": f.sha256, "pointerSize": 130}
            yield one | self.listed.get(name, {})


@dataclass
class Faults:
    """What goes wrong with a GET whose path matches `where`. cut_at: close the connection after so many bytes.

    times: how often, then all is well (None: always). status: answer this instead of the body. stall_s: sleep first.
    """

    where: str = "/resolve/"
    cut_at: int | None = None
    status: int | None = None
    stall_s: float = 0.0
    times: int | None = None


class LocalHub:
    """A Hub with the repositories that a test gives it. Listens on loopback between `with` and its end.

    page: how many models one page of a listing holds. redirect: whether large files are served from another address,
    as the Hub does it. `requests`: (method, path with query, range) of every request so far.
    """

    def __init__(self, *, page: int = 100, redirect: bool = True) -> None:
        self.page = page
        self.redirect = redirect
        self.repositories: dict[str, Repository] = {}
        self.requests: list[tuple[str, str, str | None]] = []
        self.authorized: list[str | None] = []
        self.faults: Faults | None = None
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        hub = self

        class Handler(_Handler):
            owner = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> LocalHub:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def add(
        self,
        repo_id: str,
        files: Mapping[str, bytes | str] | Path,
        *,
        gated: bool | str = False,
        allowed: tuple[str, ...] = (),
        listed: Mapping[str, dict[str, Json]] | None = None,
        **facts: Json,
    ) -> str:
        """Put a commit on a repository's main branch, making the repository. Returns the commit's 40 digits.

        files: name -> content, or a folder. facts: downloads, likes, pipeline_tag, lastModified ... of the answer.
        """
        if isinstance(files, Path):
            held = {str(p.relative_to(files)): File(p) for p in sorted(files.rglob("*")) if p.is_file()}
        else:
            held = {name: File(c.encode() if isinstance(c, str) else c) for name, c in files.items()}
        names = "".join(f"{name}\0{f.blob}\n" for name, f in sorted(held.items()))
        sha = hashlib.sha1(f"{repo_id}\n{names}".encode(), usedforsecurity=False).hexdigest()
        repository = self.repositories.setdefault(repo_id, Repository(repo_id))
        repository.commits[sha] = held
        repository.branches["main"] = sha
        repository.facts |= facts
        repository.gated, repository.allowed = gated, allowed
        repository.listed = dict(listed or {})
        return sha

    def fault(self) -> Faults | None:
        """The fault to be shown now, counted down; None where all is well."""
        with self.lock:
            now = self.faults
            if now is None or now.times == 0:
                return None
            if now.times is not None:
                now.times -= 1
            return now

    def found(self, query: Mapping[str, list[str]]) -> list[Repository]:
        """The repositories of a listing: `search` is in the id, every `filter` is a tag, `sort` goes downwards."""

        def has(repository: Repository) -> bool:
            if not all(s.lower() in repository.id.lower() for s in query.get("search", [])):
                return False
            if not all(a == repository.id.partition("/")[0] for a in query.get("author", [])):
                return False
            if not query.keys() & {"filter", "pipeline_tag"}:
                return True
            info = repository.info(repository.branches["main"])
            words = {*info["tags"], info["pipeline_tag"], info["library_name"]}
            return all(f in words for f in query.get("filter", [])) and all(
                t == info["pipeline_tag"] for t in query.get("pipeline_tag", [])
            )

        kept = [r for _, r in sorted(self.repositories.items()) if has(r)]
        for key in query.get("sort", [])[:1]:
            kept.sort(key=lambda r: r.info(r.branches["main"]).get(key) or 0, reverse=True)
        return kept


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: LocalHub

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        hub = self.owner
        with hub.lock:
            hub.requests.append((self.command, self.path, self.headers.get("Range")))
            hub.authorized.append(self.headers.get("Authorization"))
        url = urlsplit(self.path)
        parts = [unquote(p) for p in url.path.strip("/").split("/")]
        struck = self.command == "GET" and hub.faults is not None and re.search(hub.faults.where, self.path)
        fault = hub.fault() if struck else None
        if fault is not None and fault.stall_s:
            hub.stopping.wait(fault.stall_s)
        if fault is not None and fault.status:
            return self._send(fault.status, b"", {})
        try:
            if parts[:2] == ["api", "models"]:
                return self._api(parts[2:], parse_qs(url.query), url.path)
            if len(parts) > 4 and parts[2] in ("resolve", "large"):
                return self._file(parts, fault)
        except (BrokenPipeError, ConnectionResetError):
            return None
        return self._missing("RepoNotFound")

    def _api(self, rest: list[str], query: dict[str, list[str]], path: str) -> None:
        hub = self.owner
        if not rest:
            return self._list(query, path)
        repository = hub.repositories.get("/".join(rest[:2]))
        if repository is None:
            return self._missing("RepoNotFound")
        what = rest[2:]
        sha = repository.commit("/".join(what[1:2]) or "main")
        if sha is None:
            return self._missing("RevisionNotFound")
        if what[:1] == ["tree"]:
            under = "/".join(what[2:])
            files = repository.commits[sha]
            tree = [
                {"type": "file", "path": name, "size": f.size, "oid": f.blob}
                | ({"lfs": {"oid": f.sha256, "size": f.size, "pointerSize": 130}} if name.endswith(LARGE) else {})
                for name, f in sorted(files.items())
                if name.startswith(under)
            ]
            return self._json(tree)
        if what and what[0] != "revision":
            return self._missing("EntryNotFound")
        blobs = query.get("blobs", ["false"])[0].lower() in ("true", "1")
        return self._json(_expanded(repository.info(sha, blobs=blobs), query))

    def _list(self, query: dict[str, list[str]], path: str) -> None:
        hub = self.owner
        found = hub.found(query)
        start = int(query.get("cursor", ["0"])[0])
        size = min(hub.page, int(query.get("limit", [str(hub.page)])[0]))
        body = [_expanded(r.info(r.branches["main"]), query) for r in found[start : start + size]]
        headers = {}
        if start + size < len(found):
            more = urlencode({**query, "cursor": [start + size]}, doseq=True)
            headers["Link"] = f'<{hub.endpoint}{path}?{more}>; rel="next"'
        self._json(body, headers)

    def _file(self, parts: list[str], fault: Faults | None) -> None:
        repository = self.owner.repositories.get("/".join(parts[:2]))
        if repository is None:
            return self._missing("RepoNotFound")
        if repository.gated and parts[2] == "resolve":
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            if token not in repository.allowed:
                status = 403 if token else 401
                return self._send(
                    status, b"{}", {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"}
                )
        sha, name = repository.commit(parts[3]), "/".join(parts[4:])
        if sha is None:
            return self._missing("RevisionNotFound")
        file = repository.commits[sha].get(name)
        if file is None:
            return self._missing("EntryNotFound", {"X-Repo-Commit": sha})
        large = name.endswith(LARGE)
        headers = {
            "ETag": f'"{file.sha256 if large else file.blob}"',
            "X-Repo-Commit": sha,
            "Accept-Ranges": "bytes",
            "Content-Type": "application/octet-stream",
        }
        if large:
            headers |= {"X-Linked-Size": str(file.size), "X-Linked-ETag": headers["ETag"]}
            if self.owner.redirect and parts[2] == "resolve":
                where = f"{self.owner.endpoint}/{repository.id}/large/{sha}/{quote(name)}"
                return self._send(302, b"", headers | {"Location": where})
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if asked is None:
            return self._send(200, file.read(), headers, fault, size=file.size)
        start, end = int(asked[1]), min(int(asked[2]) + 1 if asked[2] else file.size, file.size)
        if start >= file.size:
            return self._send(416, b"", {"Content-Range": f"bytes */{file.size}"})
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size}"
        return self._send(206, file.read(start, end), headers, fault, size=end - start)

    def _missing(self, code: str, headers: Mapping[str, str] | None = None) -> None:
        self._send(404, b'{"error": "not found"}', {"X-Error-Code": code, **(headers or {})})

    def _json(self, body: Json, headers: Mapping[str, str] | None = None) -> None:
        self._send(200, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _send(
        self, status: int, body: bytes, headers: Mapping[str, str], fault: Faults | None = None, size: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body) if size is None else size), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault is not None and fault.cut_at is not None and fault.cut_at < len(body):
            self.wfile.write(body[: fault.cut_at])
            self.wfile.flush()
            self.close_connection = True
            return
        self.wfile.write(body)


def _expanded(info: dict[str, Json], query: Mapping[str, list[str]]) -> dict[str, Json]:
    wanted = query.get("expand")
    return info if not wanted else {k: v for k, v in info.items() if k in ("_id", "id", "modelId", *wanted)}


def _card(file: File | None) -> dict[str, Any]:
    """The front matter of a card, as the Hub reads it; {} where there is none that can be read."""
    import yaml

    if file is None:
        return {}
    match = re.match(r"---\n(.*?)\n---", file.read(0, 100_000).decode("utf-8", "replace"), re.S)
    try:
        body = yaml.safe_load(match[1]) if match else {}
    except yaml.YAMLError:
        return {}
    return body if isinstance(body, dict) else {}


def _config(file: File | None) -> dict[str, Any]:
    try:
        body = json.loads(file.read()) if file is not None else {}
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _header(file: File) -> dict[str, int]:
    """Parameters by dtype, of the header of a safetensors file; {} where it is none."""
    try:
        n = int.from_bytes(file.read(0, 8), "little")
        body = json.loads(file.read(8, 8 + min(n, 10_000_000)))
        counts: dict[str, int] = {}
        for name, tensor in body.items():
            if name != "__metadata__":
                size = 1
                for d in tensor["shape"]:
                    size *= d
                counts[tensor["dtype"]] = counts.get(tensor["dtype"], 0) + size
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    return counts


def _words(value: Json) -> list[str]:
    return [str(v) for v in value] if isinstance(value, list) else [value] if isinstance(value, str) else []
