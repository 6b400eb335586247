"""What the Hub says: listings through the real client, small files, and big ones to disk.

Everything has a deadline of its own: the client retries for 23 seconds when nobody is there. A listing is kept on disk,
and is used, with its age, where the Hub cannot be reached.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from rlar.acquire.web_agent.facts import Facts, from_listing, with_card
from rlar.acquire.web_agent.reading import LARGEST_CARD, LARGEST_CONFIG, UnreadableError, read_config
from rlar.errors import MissingExtra, RlarError
from rlar.types import Json, content_key

DEFAULT_ENDPOINT = "https://huggingface.co"
PROBE_S = 2.3  # offline is said within three seconds
DEADLINE_S = 20.0  # of one step: a listing, or reading one repository
FRESH_S = 3600.0  # a listing younger than this is not asked for again
LISTED = (
    "cardData config disabled downloads gated lastModified library_name likes pipeline_tag private safetensors sha "
    "siblings tags"
)
T = TypeVar("T")


class HubUnavailable(RlarError):
    """The Hub cannot be reached, or was too slow."""


class HubRefused(RlarError):
    """The Hub answered, but has no such thing, or not for us. reason: the name of the filter it comes under."""

    def __init__(self, reason: str, why: str) -> None:
        super().__init__(why)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Listing:
    """What a search found. age_s: 0 if it was asked just now. notes: what could not be had, for people."""

    facts: tuple[Facts, ...]
    age_s: float = 0.0
    notes: tuple[str, ...] = ()


def within(seconds: float, what: str, function: Callable[[], T]) -> T:
    """The function's result, or HubUnavailable after so long. What hangs stays in a thread until the process ends."""
    done: Future[T] = Future()

    def work() -> None:
        try:
            done.set_result(function())
        except BaseException as e:
            done.set_exception(e)

    threading.Thread(target=work, daemon=True, name="rlar-hub").start()
    try:
        return done.result(seconds)
    except FutureTimeout as e:
        raise HubUnavailable(f"{what}: no answer within {seconds:g} s") from e


@dataclass
class Hub:
    """One Hub or mirror. endpoint: None for HF_ENDPOINT, else the public one. cache: folder for listings.

    token: sent to this endpoint only; without one, the client's own is used on the public Hub, and none on a mirror,
    which has no business knowing it.
    """

    endpoint: str | None = None
    cache: Path | None = None
    token: str | None = None
    deadline_s: float = DEADLINE_S
    _reachable: bool | None = None
    _why: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.endpoint = (self.endpoint or os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/")

    # -- listing ----------------------------------------------------------------------------------------------------

    def search(self, asks: Sequence[Mapping[str, Json]], *, most: int = 200) -> Listing:
        """The union of several listings, in order of first appearance. asks: arguments of HfApi.list_models.

        Raises HubUnavailable if there is neither an answer nor a listing of before.
        """
        found: dict[str, Facts] = {}
        age, notes, deadline = 0.0, [], time.monotonic() + self.deadline_s
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda ask: self._one(ask, most, deadline), asks))
        for at, facts, note in answers:
            age = max(age, time.time() - at)
            notes += [note] if note else []
            for one in facts:
                found.setdefault(one.id, one)
        return Listing(tuple(found.values()), age if age > 1 else 0.0, tuple(dict.fromkeys(notes)))

    def _one(self, ask: Mapping[str, Json], most: int, deadline: float) -> tuple[float, list[Facts], str]:
        path = self._kept("list", {**ask, "most": most})
        kept = _load(path)
        if kept is not None and time.time() - kept[0] < FRESH_S:
            return kept[0], [Facts.from_json(f) for f in kept[1]], ""
        try:
            left = deadline - time.monotonic()
            if left <= 0:
                raise HubUnavailable(f"{self.endpoint}: no answer within {self.deadline_s:g} s")
            self.reach()
            facts = within(left, f"{self.endpoint}: listing", lambda: self._list(ask, most))
        except HubUnavailable as e:
            if kept is None:
                raise
            days = (time.time() - kept[0]) / 86400
            return kept[0], [Facts.from_json(f) for f in kept[1]], f"{e}; used a listing of {days:.1f} days ago"
        _keep(path, [f.to_json() for f in facts])
        return time.time(), facts, ""

    def _list(self, ask: Mapping[str, Json], most: int) -> list[Facts]:
        facts = []
        with _errors(self.endpoint):
            for info in self._api().list_models(**ask, limit=most, expand=LISTED.split()):
                one = from_listing(info)
                facts += [one] if one is not None else []
        return facts

    def info(self, repo_id: str, revision: str | None = None) -> Facts:
        """One repository's listing facts at a revision (branch, tag or commit), with sizes and hashes of its files.

        Raises HubUnavailable or HubRefused.
        """
        self.reach()

        def ask() -> Any:
            with _errors(self.endpoint, repo_id):
                return self._api().model_info(repo_id, revision=revision, files_metadata=True, timeout=self.deadline_s)

        facts = from_listing(within(self.deadline_s, f"{self.endpoint}: {repo_id}", ask))
        if facts is None or facts.id.lower() != repo_id.lower():
            raise HubRefused("broken", f"{repo_id}: the answer names no such repository and commit")
        return facts

    def read(self, facts: Facts) -> Facts:
        """The facts with sizes, config, tokenizer's config and card, at the same commit."""
        full = self.info(facts.id, facts.revision)
        if full.revision != facts.revision:
            raise HubRefused("broken", f"{facts.id}: asked for {facts.revision[:12]}, got {full.revision[:12]}")
        full = replace(full, downloads=full.downloads or facts.downloads, read=True)
        full = self._with_config(full)
        licence = next((n for n in sorted(full.names) if n.lower().partition(".")[0] in ("license", "licence")), "")
        text = self.head(full, licence, 16 << 10).decode("utf-8", "replace") if licence else ""
        card = self.head(full, "README.md", LARGEST_CARD) if "README.md" in full.names else b""
        return with_card(full, card.decode("utf-8", "replace"), text)

    def kept_facts(self, facts: Facts) -> Facts | None:
        """What was read of this commit before; a commit never changes, its downloads do."""
        kept = _load(self._kept("facts", {"id": facts.id, "revision": facts.revision}))
        if kept is None:
            return None
        try:
            full = Facts.from_json(kept[1][0])
        except (TypeError, KeyError, IndexError):
            return None
        same = full.id == facts.id and full.revision == facts.revision
        return replace(full, downloads=facts.downloads, likes=facts.likes, gated=facts.gated) if same else None

    def keep_facts(self, facts: Facts) -> None:
        _keep(self._kept("facts", {"id": facts.id, "revision": facts.revision}), [facts.to_json()])

    def _with_config(self, facts: Facts) -> Facts:
        if "config.json" not in facts.names:
            return replace(facts, config={}, broken="has no config.json")
        try:
            config = read_config(self.head(facts, "config.json", LARGEST_CONFIG + 1))
        except UnreadableError as e:
            return replace(facts, config={}, broken=str(e))
        tokenizer: dict[str, Json] = {}
        if "tokenizer_config.json" in facts.names:
            with contextlib.suppress(UnreadableError):
                tokenizer = read_config(self.head(facts, "tokenizer_config.json", LARGEST_CONFIG + 1))
        return replace(facts, config=config, tokenizer=tokenizer)

    # -- files ------------------------------------------------------------------------------------------------------

    def head(self, facts: Facts, name: str, most: int) -> bytes:
        """The first bytes of a file, `most` of them at the most; the connection is closed then."""
        got, until = bytearray(), time.monotonic() + self.deadline_s
        for piece in self.stream(facts, name, end=most):
            got += piece
            if len(got) >= most:
                break
            if time.monotonic() > until:  # a server may send a byte a second for ever
                raise HubUnavailable(f"{self.endpoint}: {facts.id}/{name} took longer than {self.deadline_s:g} s")
        return bytes(got[:most])

    def stream(self, facts: Facts, name: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """A file's bytes from `start` on, piece by piece, at this commit. Raises HubUnavailable, HubRefused.

        A server that ignores the range is heard from its beginning, and what was asked to be left out is left out.
        """
        from huggingface_hub import hf_hub_url

        url = hf_hub_url(facts.id, name, revision=facts.revision, endpoint=self.endpoint)
        headers = {**self._headers(), "Accept-Encoding": "identity"}
        if start or end is not None:
            headers["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        with _errors(self.endpoint, facts.id), self._got(url, headers) as response:
            if response.status_code == 416:
                return
            self._raise_for(response, facts.id)
            skip = start if response.status_code == 200 else 0
            for piece in response.iter_raw(1 << 18):
                if skip >= len(piece):
                    skip -= len(piece)
                    continue
                yield piece[skip:] if skip else piece
                skip = 0

    def _got(self, url: str, headers: dict[str, str]) -> Any:
        return self._session().stream("GET", url, headers=headers, timeout=self._timeout(), follow_redirects=True)

    def _raise_for(self, response: Any, repo_id: str) -> None:
        from huggingface_hub.utils import hf_raise_for_status

        if response.status_code >= 300:
            response.read()
        with _errors(self.endpoint, repo_id):
            hf_raise_for_status(response)

    # -- reaching it ------------------------------------------------------------------------------------------------

    def reach(self) -> None:
        """Raises HubUnavailable, within three seconds, if nobody answers here. Asked once; then remembered."""
        with self._lock:
            self._reach()

    def _reach(self) -> None:
        if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
            raise HubUnavailable(f"{self.endpoint}: not asked, because HF_HUB_OFFLINE is set")
        if self._reachable is None:
            self._session()  # its import is no part of anybody's slowness
            try:
                within(PROBE_S + 0.3, str(self.endpoint), self._probe)
                self._reachable = True
            except HubUnavailable as e:
                self._reachable, self._why = False, str(e).removeprefix(f"{self.endpoint}: ")
        if not self._reachable:
            raise HubUnavailable(
                f"{self.endpoint}: cannot be reached ({self._why}); give --hub-endpoint URL of a mirror, or a folder"
            )

    def _probe(self) -> None:
        import httpx2

        try:
            self._session().get(f"{self.endpoint}/api/models?limit=1", timeout=PROBE_S, headers={"User-Agent": "rlar"})
        except (httpx2.ReadTimeout, httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError):
            return  # somebody is there, and slow or rude: the deadline and the tries of each step bound that
        except httpx2.HTTPError as e:
            raise HubUnavailable(f"{self.endpoint}: {type(e).__name__}") from e

    def _kept(self, kind: str, body: Mapping[str, Json]) -> Path | None:
        return self.cache and self.cache / f"{kind}-{content_key([self.endpoint, dict(body)])[:24]}.json"

    def _allowed_token(self) -> str | bool | None:
        """Our token; else what the client finds by itself, on the public Hub only."""
        return self.token or (None if self.endpoint == DEFAULT_ENDPOINT else False)

    def _api(self) -> Any:
        try:
            from huggingface_hub import HfApi
        except ImportError as e:
            raise MissingExtra("searching the Hub", "hub") from e
        logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # its retries are our notes
        return HfApi(endpoint=self.endpoint, token=self._allowed_token(), library_name="rlar")

    def _headers(self) -> dict[str, str]:
        from huggingface_hub.utils import build_hf_headers

        headers: dict[str, str] = build_hf_headers(token=self._allowed_token(), library_name="rlar")
        return headers

    def _session(self) -> Any:
        """The client's own connections: one pool, proxies and certificates as the user set them for it."""
        try:
            from huggingface_hub import get_session
        except ImportError as e:
            raise MissingExtra("searching the Hub", "hub") from e
        return get_session()

    def _timeout(self) -> Any:
        import httpx2

        return httpx2.Timeout(self.deadline_s, connect=PROBE_S)


@contextlib.contextmanager
def _errors(endpoint: str | None, repo_id: str = "") -> Iterator[None]:
    """Errors of the client as ours."""
    import httpx2

    try:
        from huggingface_hub import errors as hf
    except ImportError as e:
        raise MissingExtra("searching the Hub", "hub") from e
    where = f"{endpoint}: {repo_id}" if repo_id else str(endpoint)
    try:
        yield
    except hf.GatedRepoError as e:
        raise HubRefused("gated", f"{where}: is gated, and this account may not read it") from e
    except hf.RevisionNotFoundError as e:
        raise HubRefused("missing", f"{where}: has no such revision") from e
    except hf.EntryNotFoundError as e:
        raise HubRefused("missing", f"{where}: lists a file that it does not have") from e
    except hf.RepositoryNotFoundError as e:
        raise HubRefused("missing", f"{where}: no such repository, or it is private") from e
    except hf.DisabledRepoError as e:
        raise HubRefused("disabled", f"{where}: was disabled") from e
    except hf.HFValidationError as e:
        raise HubRefused("missing", f"{repo_id!r} is no name of a repository") from e
    except (hf.HfHubHTTPError, httpx2.HTTPError, httpx2.InvalidURL, OSError) as e:
        raise HubUnavailable(f"{where}: {type(e).__name__} {str(e).partition(chr(10))[0][:160]}") from e


def _load(path: Path | None) -> tuple[float, list[Json]] | None:
    if path is None:
        return None
    try:
        body = json.loads(path.read_text("utf-8"))
        if content_key(body["facts"]) != body["sum"]:
            return None
        return float(body["at"]), body["facts"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(path: Path | None, facts: list[Json]) -> None:
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}-{os.getpid()}-{threading.get_ident()}")
    new.write_text(json.dumps({"at": time.time(), "facts": facts, "sum": content_key(facts)}), "utf-8")
    new.replace(path)
