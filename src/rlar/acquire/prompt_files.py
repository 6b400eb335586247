"""Prompts as files, one each. A prompt's id holds a hash of its text, so provenance says what was asked."""

from __future__ import annotations

import functools
from pathlib import Path
from string import Template

from rlar.types import content_key


class PromptFiles:
    """The prompts of one folder, NAME.md each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.text_of = functools.cache(self._text_of)

    def _text_of(self, name: str) -> str:
        return (self.folder / f"{name}.md").read_text("utf-8")

    def id_of(self, name: str) -> str:
        """ "write@1a2b3c4d5e6f": changes with the file."""
        return f"{name}@{content_key(self.text_of(name))[:12]}"

    def render(self, prompt: str, /, **values: str) -> str:
        """A prompt with its places filled. Values are put in as they are, and are not looked at for further places.

        Raises KeyError for a place without a value, ValueError for a value without a place.
        """
        template = Template(self.text_of(prompt))
        if surplus := values.keys() - set(template.get_identifiers()):
            raise ValueError(f"prompt {prompt!r} has no place for {', '.join(sorted(surplus))}")
        return template.substitute(values).strip()
