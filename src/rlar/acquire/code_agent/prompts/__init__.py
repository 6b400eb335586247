"""The prompts, one file each. A prompt's id holds a hash of its text, so a tool's provenance says what it was asked."""

from __future__ import annotations

import functools
from pathlib import Path
from string import Template

from rlar.types import content_key

NAMES = ("system", "label", "propose", "write", "mend")


@functools.cache
def text_of(name: str) -> str:
    return (Path(__file__).parent / f"{name}.md").read_text("utf-8")


def prompt_id(name: str) -> str:
    """ "write@1a2b3c4d5e6f": changes with the file."""
    return f"{name}@{content_key(text_of(name))[:12]}"


def render(prompt: str, /, **values: str) -> str:
    """A prompt with its places filled. Values are put in as they are, and are not looked at for further places.

    Raises KeyError for a place without a value, ValueError for a value without a place.
    """
    template = Template(text_of(prompt))
    if surplus := values.keys() - set(template.get_identifiers()):
        raise ValueError(f"prompt {prompt!r} has no place for {', '.join(sorted(surplus))}")
    return template.substitute(values).strip()
