"""What a user can set for an adapter: plain values that pickle and travel to other processes."""

from __future__ import annotations

import difflib
import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rlar.adapters.policy import OnFailure
from rlar.errors import InputError
from rlar.types import content_key

if TYPE_CHECKING:
    from rlar.system import RewardSystem

PARTIAL = ("abstain", "score")


@dataclass(frozen=True, slots=True)
class Settings:
    """How rewards are made and handed over. Frozen; equal settings share one reward system per process.

    library: folder of a library, "" for the built-in tools. route: a static map {source: tool}, None routes by
    content. tools: own functions under @rlar.tool (importable ones, where other processes are to load them).
    profile: of the maths verifier. cache: keep judgements: True in memory, a path also in that file, False not at all.
    system: a RewardSystem to use instead of all the above.
    servers: addresses of `rlar serve`; then nothing is judged here. key_env: environment variable with their key.
    deadline_s: wall seconds for one call of the trainer; what is not judged by then has no reward. None: the
    trainer's default, which lies below its own time limit. on_failure: what a missing reward becomes; None for the
    trainer's default (see rlar.adapters.policy). floor: the number for missing rewards where there must be one.
    group_size: responses per prompt, where the trainer does not say. meet_s: wall seconds that the members of a group
    wait for each other where a group tool needs all of them; None: no meeting, such groups have no reward.
    partial: what happens if not all came in time: "abstain" (no reward) or "score" (judge those who came).
    run: name of the training run, so that two runs on one server do not meet. parts: names of tools whose values are
    handed to the trainer as metrics of their own (constant keys, 0.0 where a tool was not asked).
    """

    library: str = ""
    route: Mapping[str, Any] | None = None
    tools: tuple[Any, ...] = ()
    profile: str = "reward"
    cache: bool | str = True
    system: RewardSystem | None = None
    servers: tuple[str, ...] = ()
    key_env: str = "RLAR_API_KEY"
    deadline_s: float | None = None
    on_failure: OnFailure | None = None
    floor: float = 0.0
    group_size: int | None = None
    meet_s: float | None = None
    partial: str = "abstain"
    run: str = ""
    parts: tuple[str, ...] = ()
    key: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not math.isfinite(self.floor):
            raise InputError(f"floor must be a finite number, got {self.floor!r}")
        for name in ("deadline_s", "meet_s"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InputError(f"{name} must be above 0 seconds and finite, or None, got {value!r}")
        if self.group_size is not None and self.group_size < 1:
            raise InputError(f"group_size must be at least 1, got {self.group_size}")
        if self.partial not in PARTIAL:
            raise InputError(f"partial must be {' or '.join(PARTIAL)}, got {self.partial!r}")
        if self.servers and (self.system is not None or self.library or self.tools):
            raise InputError("give servers, or a library, tools or a system to judge with here; not both")
        object.__setattr__(self, "key", self._content())

    def _content(self) -> str:
        from rlar.tools.base import as_tool

        tools = [as_tool(t).card.ref for t in self.tools]
        system = id(self.system) if self.system is not None else None
        plain = {
            f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("tools", "system", "key", "parts")
        }
        return content_key([plain, tools, system])

    @classmethod
    def of(cls, config_or_library: Any = None, **changes: Any) -> Self:
        """Settings from a library's folder, a server's address, a .toml/.json/.yaml file, a mapping, a RewardSystem, a
        Library, or Settings; `changes` by name on top. Raises InputError for names that are no setting."""
        base = cls()
        given: Mapping[str, Any] = {}
        if isinstance(config_or_library, cls):
            base = config_or_library
        elif isinstance(config_or_library, Mapping):
            given = config_or_library
        elif isinstance(config_or_library, (str, Path)):
            given = _from_text(str(config_or_library))
        elif config_or_library is not None:
            given = {"system": _as_system(config_or_library)}
        values = {**given, **changes}
        known = {f.name for f in fields(cls)} - {"key"}
        for name in values:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                raise InputError(f"{name!r} is no setting; {hint}there are {', '.join(sorted(known))}")
        return replace(base, **{name: _typed(name, value) for name, value in values.items()})


def _typed(name: str, value: Any) -> Any:
    if name in ("servers", "parts", "tools"):
        return (value,) if isinstance(value, str) or not isinstance(value, (list, tuple)) else tuple(value)
    if name == "on_failure" and value is not None:
        try:
            return OnFailure(value)
        except ValueError as e:
            raise InputError(f"on_failure must be one of {', '.join(OnFailure)}, got {value!r}") from e
    if name == "library":
        return str(value or "")
    if name == "cache" and isinstance(value, Path):
        return str(value)
    return value


def _from_text(text: str) -> Mapping[str, Any]:
    if text.startswith(("http://", "https://")):
        return {"servers": tuple(part.strip() for part in text.split(",") if part.strip())}
    path = Path(text)
    if path.suffix not in (".toml", ".json", ".yaml", ".yml"):
        return {"library": text}
    try:
        content = path.read_text("utf-8")
        if path.suffix == ".toml":
            value: Any = tomllib.loads(content)
        elif path.suffix == ".json":
            value = json.loads(content)
        else:
            import yaml

            value = yaml.safe_load(content)
    except OSError as e:
        raise InputError(f"{path}: cannot be read: {e.strerror or e}") from e
    except ValueError as e:
        raise InputError(f"{path}: cannot be understood: {e}") from e
    if not isinstance(value, Mapping):
        raise InputError(f"{path}: holds no settings, but a {type(value).__name__}")
    return value


def _as_system(thing: Any) -> Any:
    from rlar.library import Library
    from rlar.system import RewardSystem

    if isinstance(thing, RewardSystem):
        return thing
    if isinstance(thing, Library):
        return RewardSystem(thing)
    raise InputError(f"give a library's folder, a config file, a mapping, Settings or a RewardSystem, not {thing!r}")
