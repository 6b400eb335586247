"""A local folder of a model, read as a repository is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from rlar.acquire.web_agent.facts import Facts, HubFile, with_card
from rlar.acquire.web_agent.fetch import Fetched
from rlar.acquire.web_agent.reading import LARGEST_CARD, UnreadableError, read_config
from rlar.acquire.web_agent.tensors import parameters, read_header
from rlar.types import Json


def facts_of_folder(held: Fetched, source: Path, left_out: Sequence[str]) -> Facts:
    """The facts of a copied local folder, read as a repository's are."""
    folder = held.folder
    files = tuple(HubFile(n, (folder / n).stat().st_size, d) for n, d in held.sha256.items())
    facts = Facts(held.repo, held.revision, files=(*files, *(HubFile(n, 0) for n in left_out)), read=True)
    shapes: dict[str, tuple[int, ...]] = {}
    tokenizer: dict[str, Json] = {}
    config: dict[str, Json] = {}
    broken = ""
    try:
        config = read_config((folder / "config.json").read_bytes())
        if (folder / "tokenizer_config.json").is_file():
            tokenizer = read_config((folder / "tokenizer_config.json").read_bytes())
        for f in facts.safetensors:
            shapes |= read_header(partial(_first, folder / f.name), f.size or 0, f.name)
    except FileNotFoundError:
        broken = "has no config.json"
    except UnreadableError as e:
        broken = str(e)
    facts = replace(
        facts,
        config=config,
        tokenizer=tokenizer,
        tensors=shapes,
        parameters=parameters(shapes) if shapes else None,
        broken=broken,
    )
    readme = source / "README.md"
    if not readme.is_file():
        return facts
    return with_card(facts, _first(readme, LARGEST_CARD).decode("utf-8", "replace"))


def _first(path: Path, n: int) -> bytes:
    with path.open("rb") as f:
        return f.read(n)
