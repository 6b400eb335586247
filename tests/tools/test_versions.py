"""A tool's version changes with whatever can change its values."""

from __future__ import annotations

from rlar.tools.base import _sources
from rlar.tools.math import Math


def test_the_version_covers_the_modules_that_a_tool_is_made_of():
    sources = "\n".join(_sources("rlar.tools.math.tool"))
    for sign in ("def read_number(", "def said(", "def explosive(", "def intervals_of(", "def shape_of("):
        assert sign in sources, sign
    assert "class RuleTool" not in sources  # how tools are made decides no value


def test_the_same_settings_give_the_same_version():
    assert Math().card == Math("reward").card
    assert Math().card.version != Math("strict").card.version
