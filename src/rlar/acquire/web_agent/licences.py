"""What a repository's licence allows: permissive, conditional (with terms to read), restricted, or unknown.

Of several statements that differ (card, tags, LICENSE file, the model it was made from) the strictest counts: a card
may claim anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_PERMISSIVE = """
apache-2.0 mit bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear isc cc0-1.0 cc-by-2.0 cc-by-3.0 cc-by-4.0 unlicense
zlib odc-by pddl afl-3.0 artistic-2.0 ecl-2.0 ms-pl postgresql wtfpl cdla-permissive-1.0 cdla-permissive-2.0
bsl-1.0 ncsa
"""
_CONDITIONAL = """
openrail openrail++ creativeml-openrail-m bigscience-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m
cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nd-4.0 gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 agpl-3.0 mpl-2.0 epl-2.0 eupl-1.1
eupl-1.2 gfdl odbl nvidia-open-model-license internlm deepseek qwen modified-mit
"""
PERMISSIVE = frozenset(_PERMISSIVE.split())
CONDITIONAL = frozenset(_CONDITIONAL.split())
ORDER = ("permissive", "conditional", "unknown", "restricted")
ALLOWED = {
    "permissive": ("permissive",),
    "conditional": ("permissive", "conditional"),
    "any": ORDER,
}
# What was made from a model of these owners carries its terms, whatever the card says.
INHERITED = (
    (re.compile(r"(?i)(meta-llama/|llama-?[234])"), "llama"),
    (re.compile(r"(?i)google/gemma|(^|/)gemma-"), "gemma"),
)
RESTRICTING = re.compile(
    r"(?i)non-?commercial(?!ly)|research purposes? only|research-only|no commercial use|"
    r"cc[- ]by[- ]nc|personal use only"
)


def licence_class(name: str) -> str:
    """The class of one licence id; "unknown" for what is not an id that we know."""
    name = name.strip().lower()
    if name in PERMISSIVE:
        return "permissive"
    if name in CONDITIONAL or re.fullmatch(r"(llama|gemma)[\w.-]*", name):
        return "conditional"
    if "-nc" in name or "noncommercial" in name or "research" in name:
        return "restricted"
    return "unknown"


def settle(stated: Iterable[str], *, made_from: Iterable[str] = (), text: str = "") -> tuple[str, str]:
    """(licence, its class) out of all statements: the strictest one.

    stated: ids in card and tags. made_from: base models. text: the head of a LICENSE file.
    """
    found = [(name.strip().lower(), licence_class(name)) for name in stated if name.strip()]
    for base in made_from:
        found += [(name, "conditional") for pattern, name in INHERITED if pattern.search(base)]
    if text and RESTRICTING.search(text):
        found.append(("non-commercial (LICENSE file)", "restricted"))
    if not found:
        return "", "unknown"
    return max(found, key=lambda f: (ORDER.index(f[1]), f[0]))
