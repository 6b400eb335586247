"""YAML, read strictly and within bounds."""

from __future__ import annotations

import math
from typing import Any

from rlar.tools.structured.values import DEEPEST, Malformed
from rlar.types import Json

NAMES = ("yaml", "yml")  # of fences
LONGEST = 60_000  # characters; PyYAML reads about 100 kB in a second
MOST_VALUES = 100_000  # after aliases are written out: 9 lines of YAML can stand for a billion values


def read_yaml(text: str) -> Json:
    """The value of a YAML document as JSON would have it: dates and binaries as text, keys as text.

    Raises Malformed for broken or unsafe YAML, for keys that stand twice, for aliases that write out to over
    MOST_VALUES values, and for a bare value: any sentence is YAML.
    """
    import yaml

    if len(text) > LONGEST:
        raise Malformed(f"{len(text)} characters, more than {LONGEST}")
    try:
        value = yaml.load(text, Loader=_loader())  # noqa: S506  (a SafeLoader)
    except yaml.YAMLError as e:
        raise Malformed(" ".join(str(e).split())[:300]) from None
    except (ValueError, RecursionError, OverflowError, TypeError) as e:  # a date of month 13, unhashable keys
        raise Malformed(f"{type(e).__name__}: {e}") from None
    if not isinstance(value, (dict, list)):
        raise Malformed("a bare value, where a mapping or a list should be")
    return _Plain().plain(value, 0)


class _Plain:
    def __init__(self) -> None:
        self.left = MOST_VALUES

    def plain(self, value: Any, level: int) -> Json:
        self.left -= 1
        if self.left < 0 or level > DEEPEST:
            raise Malformed("writes out to too many values or levels")
        if isinstance(value, dict):
            return {_key(k): self.plain(v, level + 1) for k, v in value.items()}
        if isinstance(value, (list, tuple, set)):
            return [self.plain(one, level + 1) for one in value]
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _key(key: Any) -> str:
    if isinstance(key, bool) or key is None:
        return {True: "true", False: "false", None: "null"}[key]
    return str(key)


def _loader() -> Any:
    global _strict_loader
    if _strict_loader is None:
        import yaml

        class StrictLoader(yaml.SafeLoader):
            """SafeLoader that does not accept one key twice, as YAML demands."""

            def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
                seen: set[str] = set()
                for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
                    name = f"{key.tag} {key.value}" if isinstance(key, yaml.ScalarNode) else ""
                    if name in seen and name and key.tag != "tag:yaml.org,2002:merge":
                        raise yaml.constructor.ConstructorError(
                            None, None, f"the key {key.value!r} stands twice", key.start_mark
                        )
                    seen.add(name)
                made: dict[Any, Any] = super().construct_mapping(node, deep=deep)
                return made

        _strict_loader = StrictLoader
    return _strict_loader


_strict_loader: Any = None
