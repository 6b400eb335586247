"""What is known about a repository before anything of it is trusted: from a listing, its config and its card."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from rlar.acquire.web_agent.licences import settle
from rlar.acquire.web_agent.reading import split_card, strings
from rlar.types import Json

REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file as the Hub lists it. size: bytes, None before it is known. sha256: of large files; blob: git's hash."""

    name: str
    size: int | None = None
    sha256: str = ""
    blob: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """One repository at one commit. Every text in it was written by a stranger.

    revision: 40 hex digits; for a local folder, of its content. parameters: of the safetensors headers as the Hub
    counts them, None where unknown. modified: ISO date. config: {} before it was read, or where it cannot be (then
    `broken` says why). tokenizer: its tokenizer_config.json. tensors: shapes of the weights, {} before their headers
    were read. card: its text without front matter, cut. read: whether all this was read, beyond the listing.
    base: the reference model that the user named for it, ORG/MODEL, ORG/MODEL@REVISION or a folder.
    """

    id: str
    revision: str
    tags: tuple[str, ...] = ()
    pipeline_tag: str = ""
    library: str = ""
    licence: str = ""
    licence_class: str = "unknown"
    gated: bool = False
    disabled: bool = False
    downloads: int = 0
    likes: int = 0
    modified: str = ""
    parameters: int | None = None
    made_from: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    config: Mapping[str, Json] = field(default_factory=dict)
    tokenizer: Mapping[str, Json] = field(default_factory=dict)
    tensors: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    broken: str = ""
    card: str = ""
    files: tuple[HubFile, ...] = ()
    read: bool = False
    base: str = ""

    @property
    def names(self) -> frozenset[str]:
        return frozenset(f.name for f in self.files)

    @property
    def safetensors(self) -> tuple[HubFile, ...]:
        return tuple(f for f in self.files if f.name.endswith(".safetensors") and "/" not in f.name)

    @property
    def architecture(self) -> str:
        """The first architecture of the config, "" where it names none."""
        return next(iter(strings(self.config.get("architectures"))), "")

    @property
    def model_type(self) -> str:
        value = self.config.get("model_type")
        return value if isinstance(value, str) else ""

    @property
    def labels(self) -> int | None:
        """Number of labels that the config states; None where it does not."""
        names = self.config.get("id2label")
        if isinstance(names, Mapping):
            return len(names)
        n = self.config.get("num_labels")
        return n if isinstance(n, int) and not isinstance(n, bool) else None

    def to_json(self) -> dict[str, Json]:
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Facts:
        files = tuple(HubFile(**f) for f in body["files"])
        lists = {k: tuple(body[k]) for k in ("tags", "made_from", "languages")}
        tensors = {k: tuple(v) for k, v in body["tensors"].items()}
        return cls(**{**body, **lists, "files": files, "tensors": tensors})


def from_listing(info: Any) -> Facts | None:
    """Facts of one ModelInfo of huggingface_hub; None where its id or commit is none."""
    sha = info.sha or ""
    if not (isinstance(info.id, str) and REPO_ID.fullmatch(info.id) and COMMIT.fullmatch(sha)):
        return None
    card = info.card_data.to_dict() if hasattr(info.card_data, "to_dict") else {}
    tags = strings(info.tags)
    stated = [*strings(card.get("license")), *(t.partition(":")[2] for t in tags if t.startswith("license:"))]
    stated += list(strings(card.get("license_name"))) if "other" in stated else []
    made_from = (*strings(card.get("base_model")), *(t.partition(":")[2] for t in tags if t.startswith("base_model:")))
    licence, kind = settle(stated, made_from=made_from)
    total = getattr(info.safetensors, "total", None)
    return Facts(
        id=info.id,
        revision=sha,
        tags=tags[:100],
        pipeline_tag=_text(info.pipeline_tag),
        library=_text(info.library_name),
        licence=licence,
        licence_class=kind,
        gated=bool(info.gated),
        disabled=bool(info.disabled or info.private),
        downloads=_count(info.downloads),
        likes=_count(info.likes),
        modified=info.last_modified.date().isoformat() if info.last_modified else "",
        parameters=total if isinstance(total, int) and total > 0 else None,
        made_from=made_from[:10],
        languages=strings(card.get("language"))[:20],
        config=info.config if isinstance(info.config, dict) else {},
        files=tuple(_file(s) for s in (info.siblings or ())[:5001]),
    )


def with_card(facts: Facts, card: str, licence_text: str = "") -> Facts:
    """The facts with what a card (and the head of a LICENSE file) adds to them."""
    front, body = split_card(card)
    stated = [facts.licence, *strings(front.get("license"))]
    stated += list(strings(front.get("license_name"))) if "other" in stated else []
    made_from = (*facts.made_from, *strings(front.get("base_model")))
    licence, kind = settle(stated, made_from=made_from, text=licence_text)
    return replace(
        facts,
        licence=licence,
        licence_class=kind,
        made_from=tuple(dict.fromkeys(made_from))[:10],
        tags=tuple(dict.fromkeys((*facts.tags, *strings(front.get("tags")))))[:100],
        pipeline_tag=facts.pipeline_tag or _text(front.get("pipeline_tag")),
        languages=facts.languages or strings(front.get("language"))[:20],
        card=body,
    )


def _file(sibling: Any) -> HubFile:
    lfs = sibling.lfs
    size = lfs.size if lfs is not None else sibling.size
    return HubFile(
        _text(sibling.rfilename),
        size if isinstance(size, int) and size >= 0 else None,
        _text(lfs.sha256) if lfs is not None else "",
        _text(sibling.blob_id),
    )


def _text(value: Json) -> str:
    return value[:400] if isinstance(value, str) else ""


def _count(value: Json) -> int:
    return max(0, value) if isinstance(value, int) else 0
