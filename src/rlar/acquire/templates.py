"""Tools for a family with no LLM: built-in tools, set up for what its references and constraints are.

Being proposed here proves nothing; each proposal takes the same exam as a written tool.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from rlar.acquire.families import Family
from rlar.library import Library
from rlar.library.builtin import CATALOG
from rlar.library.manifest import Draft, Provenance, card_words
from rlar.tools.base import library_version
from rlar.types import Json

# Built-in tools worth trying for a family's first check, the one that proves most first; settings over the catalogue's.
CANDIDATES: dict[str, tuple[tuple[str, dict[str, Json]], ...]] = {
    "answer:number": (("math", {}), ("numeric", {}), ("numeric", {"rel_tol": 1e-3}), ("math_lenient", {})),
    "answer:expression": (("math", {}), ("math_strict", {}), ("math_lenient", {})),
    "answer:interval": (("math", {}), ("math_lenient", {})),
    "answer:set": (("math", {}), ("list_match", {"ordered": False})),
    "answer:tuple": (("math", {}), ("list_match", {"ordered": True})),
    "answer:choice": (("choice", {}), ("label_match", {})),
    "answer:label": (("label_match", {}), ("final_span", {})),
    "answer:list": (("list_match", {}), ("list_match", {"ordered": False}), ("list_match", {"ordered": True})),
    "answer:span": (("final_span", {}), ("normalized_match", {}), ("token_f1", {}), ("fuzzy_match", {})),
    "answer:json": (("json_match", {}), ("json_match", {"list_order": False}), ("json_match", {"partial": True})),
    "translation": (("translation", {}), ("chrf", {}), ("bleu", {}), ("ter", {})),
    "text:reference": (("data_to_text", {}), ("summary", {}), ("chrf", {}), ("rouge_l", {}), ("token_f1", {})),
    "tests": (("unit_tests", {}), ("unit_tests_partial", {})),
    "constraints": (("instructions", {}),),
    "reasoning_gym": (("reasoning_gym", {}),),
}


def proposals(family: Family, library: Library) -> Iterator[Draft]:
    """Drafts for a family, most promising first; the tool that routing already chose for it comes before all."""
    wanted: list[tuple[str, dict[str, Json]]] = []
    chosen = family.tool.partition("@")[0]
    if chosen in CATALOG:
        wanted.append((chosen, {}))
    check = family.task.checks[0] if family.task.checks else ""
    wanted += [c for c in CANDIDATES.get(check, ()) if c not in wanted]
    for name, settings in wanted:
        if name in CATALOG and library.has(name):
            yield configured(name, settings, family)


def configured(name: str, settings: dict[str, Json], family: Family) -> Draft:
    """A built-in tool with settings of its own, as a tool of one family."""
    import importlib

    module, cls, config = CATALOG[name]
    tool: Any = getattr(importlib.import_module(module), cls)(**{**config, **settings})
    card = dataclasses.replace(tool.card, family=family.key, suits=(family.task.label,))
    words = "_".join(f"{k}_{v}" for k, v in sorted(settings.items()))
    return Draft(
        name=f"{name}_{family.task.label}_{family.key[:6]}"[:64],
        kind=card.kind,
        loader="builtin",
        settings={"tool": name, "config": settings},
        card=card_words(card) | {"about": f"{card.about}; for {family.name}" + (f" ({words})" if words else "")},
        provenance=Provenance("template", family=family.key),
        requirements=tuple(library_version(x) for x in ("math-verify", "sacrebleu", "jsonschema")),
        scope=card.scope,
        engine=card.engine,
    )
