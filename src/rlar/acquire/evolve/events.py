"""What was done about findings, one event each, and how to take it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from rlar.acquire.evolve.watch import Finding
from rlar.errors import ToolError
from rlar.library.store import Store
from rlar.types import Json, content_key

ACTS = ("noted", "asked", "quarantined", "restored", "canary", "promoted", "retired")


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that was done. act: one of ACTS. instead: ref of the tool that judges now, "" for none."""

    act: str
    tool: str
    family: str
    why: str
    instead: str = ""
    finding: Finding | None = None
    at: str = ""

    def to_json(self) -> dict[str, Json]:
        body: dict[str, Json] = {
            name: getattr(self, name) for name in ("at", "act", "tool", "family", "instead", "why")
        }
        return body | {"finding": self.finding and self.finding.to_json()}

    def __str__(self) -> str:
        of = self.tool or f"family {self.family}"
        return f"{self.act} {of}: {self.why}" + (f"; {self.instead} judges now" if self.instead else "")

    def now(self) -> Event:
        """The same event, done at this second."""
        return replace(self, at=second())

    def key(self) -> str:
        """Equal for events that say the same, whenever they were."""
        return key_of(self.to_json())


def key_of(event: Mapping[str, Json]) -> str:
    """`Event.key` of an event as a log holds it."""
    return content_key({name: value for name, value in event.items() if name != "at"})


def second() -> str:
    """The time, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def undo(store: Store, event: Mapping[str, Json], *, why: str = "undone by hand") -> str:
    """Take back what an event of the log did to the library. Returns what was done. Raises ToolError if it can't."""
    act, ref = event.get("act"), str(event.get("tool"))
    if act == "quarantined":
        store.move(ref, "proposed", why=why)
        store.admit(ref, why=why)
        return f"{ref} judges again"
    if act == "promoted":
        row = store.rollback(ref.partition("@")[0], why=why)
        return f"{row.name}@{row.version} judges again"
    if act in ("retired", "canary"):
        state = "proposed" if act == "retired" else "retired"
        store.move(ref, state, why=why)
        return f"{ref} is {state}"
    if act == "restored":
        store.quarantine(ref, why=why)
        return f"{ref} is quarantined"
    raise ToolError(f"{act!r} changed nothing, so there is nothing to take back")
