"""Options that need reading: FIELD=COLUMN pairs, static maps, and the check that no run reads what it writes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rlar.errors import InputError
from rlar.types import Json


def parse_pairs(texts: Iterable[str], option: str) -> dict[str, str]:
    """{left: right} of texts like "left=right". Raises InputError."""
    pairs: dict[str, str] = {}
    for text in texts:
        left, mark, right = text.partition("=")
        if not mark or not left.strip():
            raise InputError(f"{option} {text}: write {option} NAME=VALUE")
        if left.strip() in pairs:
            raise InputError(f"{option} {text}: {left.strip()} is given twice")
        pairs[left.strip()] = right.strip()
    return pairs


def parse_route(text: str | None) -> dict[str, Json] | None:
    """A static map of "gsm8k=math,wmt=translation+chrf", or of a .json file {"gsm8k": "math"}. Raises InputError."""
    if text is None:
        return None
    if "=" in text:
        pairs = parse_pairs(filter(None, (part.strip() for part in text.split(","))), "--route")
        return {key: value.split("+") if "+" in value else value for key, value in pairs.items()}
    path = Path(text)
    try:
        value = json.loads(path.read_text("utf-8"))
    except OSError as e:
        raise InputError(f"--route {text}: {e.strerror}; give 'source=tool,...' or a JSON file of such a map") from e
    except ValueError as e:
        raise InputError(f"--route {text}: not JSON ({e})") from e
    if not isinstance(value, Mapping):
        raise InputError(f"--route {text}: the file holds no object {{source: tool}}")
    return dict(value)


def refuse_own_input(paths: Sequence[str], own: Sequence[Path]) -> None:
    """Raises InputError if a file that the run writes is given as input by name. (Folders leave such files out.)"""
    written = {path.resolve() for path in own}
    for path in paths:
        if path != "-" and Path(path).resolve() in written:
            raise InputError(f"{path}: is input and output at once; give another --out")
