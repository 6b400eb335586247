"""From a version on disk to a tool that judges. Each kind of tool has one loader, named in its manifest.

A manifest can only name a loader of this table, never code of its own choice.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rlar.library.builtin import CATALOG
from rlar.library.manifest import LibraryProblem, Manifest
from rlar.types import Json, Tool

Loader = Callable[[Manifest, Path, Mapping[str, Json] | None], Tool]

LOADERS: dict[str, str] = {
    "builtin": "rlar.library.loaders:load_builtin",
    "code": "rlar.library.loaders:load_written",
    "head": "rlar.library.loaders:load_head",
    "model": "rlar.library.loaders:load_model",
}


def load(manifest: Manifest, folder: Path, exam: Mapping[str, Json] | None) -> Tool:
    """The tool of one version. Raises LibraryProblem if it cannot be rebuilt here."""
    where = LOADERS.get(manifest.loader)
    if where is None:
        raise LibraryProblem(f"{manifest.ref}: loader {manifest.loader!r} is none of {', '.join(LOADERS)}")
    module, _, function = where.partition(":")
    loader: Loader = getattr(importlib.import_module(module), function)
    try:
        return loader(manifest, folder, exam)
    except (TypeError, ValueError, KeyError, OSError) as e:
        raise LibraryProblem(f"{manifest.ref}: cannot be rebuilt ({type(e).__name__}: {e})") from e


def load_builtin(manifest: Manifest, folder: Path, exam: Mapping[str, Json] | None) -> Tool:
    """A built-in tool with settings of its own: settings = {"tool": name in the catalogue, "config": {...}}."""
    name = manifest.settings["tool"]
    if name not in CATALOG:
        raise LibraryProblem(f"{manifest.ref}: {name!r} is no built-in tool")
    module, cls, config = CATALOG[name]
    tool: Any = getattr(importlib.import_module(module), cls)(**{**config, **manifest.settings["config"]})
    tool.card = manifest.tool_card(exam)
    built: Tool = tool
    return built


def load_written(manifest: Manifest, folder: Path, exam: Mapping[str, Json] | None) -> Tool:
    """A tool that somebody wrote, for the sandbox: settings = {"requires": [...]}, file tool.py."""
    from rlar.tools.written import WrittenTool

    source = (folder / "tool.py").read_text("utf-8")
    return WrittenTool(source, manifest.tool_card(exam), requires=manifest.settings.get("requires") or ())


def load_head(manifest: Manifest, folder: Path, exam: Mapping[str, Json] | None) -> Tool:
    """A preference head: file head.json."""
    from rlar.tools.preference_head import PreferenceHead

    tool = PreferenceHead(str((folder / "head.json").resolve()))
    tool.card = manifest.tool_card(exam)
    return tool


def load_model(manifest: Manifest, folder: Path, exam: Mapping[str, Json] | None) -> Tool:
    """A reward model: settings = {"spec": a ModelSpec}; its path is absolute, or lies in the version's folder.

    With settings "wrapper", the file wrapper.py makes its texts and reads its outputs, in the sandbox.
    Without a path it is one that was fetched, and lies beside the library's tools (see `model_place`).
    """
    from rlar.engines.models.spec import ModelSpec
    from rlar.library.manifest import safe_path
    from rlar.tools.reward_model import RewardModel

    spec = ModelSpec.from_json(manifest.settings["spec"])
    if spec.path and not Path(spec.path).is_absolute():
        spec = spec.at(str((folder / safe_path(spec.path)).resolve()))
    elif not spec.path and spec.repo and spec.endpoint is None:
        spec = spec.at(_fetched(manifest, folder, spec.repo, spec.revision))
    if spec.base_repo and not spec.base_path:
        spec = spec.at(spec.path, base_path=_fetched(manifest, folder, spec.base_repo, spec.base_revision))
    tool = RewardModel(spec)
    if (wrapper := manifest.settings.get("wrapper")) is not None:
        from rlar.tools.wrapped_model import WrappedModel, Wrapper

        tool = WrappedModel(spec, Wrapper.read(wrapper, (folder / "wrapper.py").read_text("utf-8")))
    tool.card = manifest.tool_card(exam)
    return tool


def _fetched(manifest: Manifest, folder: Path, repo: str, revision: str) -> str:
    """Where a model of this library lies. Raises LibraryProblem if it is gone."""
    place = model_place(folder.resolve().parents[2] / "models", repo, revision)
    if not place.is_dir():
        again = manifest.settings["spec"].get("repo") or repo
        raise LibraryProblem(f"{manifest.ref}: {place} is not there; `rlar hub add {again}` fetches it again")
    return str(place)


def model_place(models: Path, repo: str, revision: str) -> Path:
    """Where a fetched model lies among others: ORG--NAME/REVISION."""
    name = repo.replace("/", "--")
    if not re.fullmatch(r"[\w.-]+", name) or name.startswith(".") or not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise LibraryProblem(f"{repo[:80]!r} at {revision[:50]!r} is no repository at a commit")
    return models / name / revision
