"""Reading what strangers wrote: configs, cards and file names of repositories. Bounded, and nothing in them is obeyed.

A card is data: words to compare with a query, and a licence. No sentence of it, and no number in its tables, decides.
"""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath

from rlar.types import Json

LARGEST_CONFIG = 2 << 20  # bytes of a config.json; real ones have a few KiB, label tables included
LARGEST_CARD = 64 << 10  # bytes of a README.md that are ever asked for
LARGEST_FRONT = 16 << 10  # bytes of its front matter
DEEPEST = 32  # levels of a config
MOST_FILES = 5_000
WINDOWS_NAMES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


class UnreadableError(Exception):
    """What a stranger wrote cannot be taken. The text says what is wrong."""


def read_config(data: bytes) -> dict[str, Json]:
    """A JSON object of bounded size and depth. Raises UnreadableError."""
    if len(data) > LARGEST_CONFIG:
        raise UnreadableError(f"config.json has {len(data):,} bytes, more than {LARGEST_CONFIG:,}")
    try:
        body = json.loads(data.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as e:
        raise UnreadableError(f"config.json is no JSON ({str(e)[:80]})") from e
    if not isinstance(body, dict):
        raise UnreadableError(f"config.json holds a {type(body).__name__}, not an object")
    if _depth(body) > DEEPEST:
        raise UnreadableError(f"config.json is nested deeper than {DEEPEST} levels")
    return body


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is no JSON number")


def _depth(value: Json) -> int:
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        now, level = waiting.pop()
        deepest = max(deepest, level)
        if isinstance(now, (dict, list)):
            waiting += [(v, level + 1) for v in (now.values() if isinstance(now, dict) else now)]
    return deepest


def split_card(text: str) -> tuple[dict[str, Json], str]:
    """(front matter, the rest) of a card. The first is {} where it is missing, too large, broken, or uses aliases."""
    import yaml

    match = re.match(r"\s*---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|$)", text[: LARGEST_FRONT + 8], re.S)
    if match is None:
        return {}, text
    rest = text[match.end() :]
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(match[1], Loader=yaml.SafeLoader)):
            return {}, rest  # a few lines of aliases unfold to gigabytes
        body = yaml.safe_load(match[1])
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError):
        return {}, rest
    return (body if isinstance(body, dict) else {}), rest


def strings(value: Json) -> tuple[str, ...]:
    """The texts of a field that may hold one text, a list of them, or rubbish."""
    if isinstance(value, str):
        return (value,)
    return tuple(v for v in value if isinstance(v, str)) if isinstance(value, (list, tuple)) else ()


def wrong_name(name: str) -> str:
    """Why a file's name cannot be taken; "" if it is a plain relative path."""
    pure = PurePosixPath(name)
    if not name or len(name) > 255:
        return "is empty or longer than 255 characters"
    if pure.is_absolute() or ".." in pure.parts or str(pure) != name or name.startswith("~"):
        return "could lead out of its folder"
    if "\\" in name or ":" in name or not name.isprintable():
        return "holds characters that no plain path has"
    if any(part.startswith(".") and part != ".gitattributes" for part in pure.parts):
        return ""  # hidden files are never fetched, and harm nobody
    if any(WINDOWS_NAMES.fullmatch(part) or part.endswith((" ", ".")) for part in pure.parts):
        return "is a reserved name on some systems"
    return ""
