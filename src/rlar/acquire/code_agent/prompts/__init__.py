"""The prompts of the code agent, one file each."""

from __future__ import annotations

from pathlib import Path

from rlar.acquire.prompt_files import PromptFiles

NAMES = ("system", "label", "propose", "write", "mend")
_files = PromptFiles(Path(__file__).parent)
text_of, prompt_id, render = _files.text_of, _files.id_of, _files.render
