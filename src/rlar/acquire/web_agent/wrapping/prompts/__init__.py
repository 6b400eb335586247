"""What an LLM is asked that writes a wrapper, one file a prompt."""

from __future__ import annotations

from pathlib import Path

from rlar.acquire.prompt_files import PromptFiles

FILES = PromptFiles(Path(__file__).parent)
