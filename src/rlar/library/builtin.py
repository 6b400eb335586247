"""The catalogue of built-in tools: name -> where its class is, and the settings that make this tool of it.

In routing order within a kind. Only names live here; a module is imported when one of its tools is first asked for.
"""

from __future__ import annotations

from rlar.types import Json

Entry = tuple[str, str, dict[str, Json]]

CATALOG: dict[str, Entry] = {
    "math": ("rlar.tools.math", "Math", {"profile": "reward"}),
    "math_strict": ("rlar.tools.math", "Math", {"profile": "strict"}),
    "math_lenient": ("rlar.tools.math", "Math", {"profile": "lenient"}),
    "numeric": ("rlar.tools.numeric", "Numeric", {}),
    "choice": ("rlar.tools.choice", "Choice", {}),
}
