"""Rule tools in warm, killable processes, so that no response can hang, crash or starve the trainer.

    with WorkerPool() as pool:
        judged_PG = pool.submit(tool.recipe, tool.card, [(query, responses_G), ...]).result()

How it is built
  caller      any thread, event loop, notebook or forked child calls `submit` or `judge`; it never forks, never sets a
              signal handler, and only its one dispatcher thread talks to workers (dispatch.py, accounts.py)
  template    one small process, exec'ed once, single-threaded: it preloads modules and forks workers in milliseconds,
              kills and reaps them, and ends with its parent (template.py)
  workers     forked from the template; they load tools and judge chunks of groups (worker.py). Queries and responses go
              to them as pickles of frozen values; what comes back is JSON, capped and checked, never a pickle
  limits      CPU seconds, enforced by the kernel inside the worker (limits.py), so that load cannot change a reward;
              the caller kills only what neither computes nor waits for a core (watch.py)
The three outcomes (docs/design.md) are decided in accounts.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rlar.types import Fault, Mark

if TYPE_CHECKING:
    from rlar.engines.workers.pool import WorkerPool, default_pool

__all__ = ["Judged", "WorkerPool", "default_pool"]


class Judged(NamedTuple):
    """What the pool says about one response: a mark, or a fault; exactly one of them.

    why: the reason of the fault; empty beside a mark, which carries its own. seconds: CPU seconds that it cost in
    workers, all tries together (of a try that was cut off: its limit; prepare() counts with the first response of its
    group); 0.0 for a copy of an identical response in the same group.
    """

    mark: Mark | None
    fault: Fault | None
    why: str
    seconds: float


def __getattr__(name: str) -> object:
    if name in ("WorkerPool", "default_pool"):
        from rlar.engines.workers import pool

        return getattr(pool, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
