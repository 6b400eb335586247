"""A pool of two workers for all tests here, and tools of rules.py as recipes."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlar.engines.workers import WorkerPool
from rlar.types import Kind, Query, Recipe, ToolCard

RULES = Path(__file__).parent / "rules.py"


class Use:
    """One tool on one pool: `judge` groups, or one group by `responses`."""

    def __init__(self, pool, attribute, card, config):
        self.pool = pool
        self.card = card
        self.recipe = Recipe("file", str(RULES), attribute, tuple(config.items()))

    def judge(self, groups, timeout=60):
        return self.pool.submit(self.recipe, self.card, groups).result(timeout)

    def responses(self, *responses, reference=None, **extra):
        return self.judge([(Query("q", reference=reference, extra=extra), responses)])[0]


@pytest.fixture(scope="session")
def pool():
    with WorkerPool(2) as pool:
        yield pool


@pytest.fixture
def use(pool, tmp_path):
    def make(attribute="Obeys", *, timeout_s=1.0, memory_mib=256, on=None, **config):
        card = ToolCard(attribute.lower(), "1", Kind.VERIFIER, timeout_s=timeout_s, memory_mib=memory_mib)
        return Use(on or pool, attribute, card, config)

    return make
