"""Evolution: a running system's tools are watched, and replaced when they no longer judge as they were proven to."""

from rlar.acquire.evolve.events import Event, undo
from rlar.acquire.evolve.evolution import Evolution
from rlar.acquire.evolve.watch import Finding, Judged, Settings, Watch

__all__ = ["Event", "Evolution", "Finding", "Judged", "Settings", "Watch", "undo"]
