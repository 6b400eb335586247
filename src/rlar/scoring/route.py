"""Which tools judge a query: by content, or by a map that the user wrote. Same interface, same Decision.

A router never sees a response, so all responses of a group are judged by the same tools, and no response can choose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from rlar.errors import InputError
from rlar.library import Library
from rlar.types import Decision, Gap, Json, Kind, Part, Query, Task, Tool, content_key

KIND_ORDER = {Kind.VERIFIER: 0, Kind.METRIC: 1, Kind.REWARD_MODEL: 2, Kind.JUDGE: 3}

# What decides a check, best first. The first one that fits the query is taken.
TOOLS_OF_CHECK: dict[str, tuple[str, ...]] = {
    "tests": ("unit_tests",),
    "reasoning_gym": ("reasoning_gym",),
    "sql": ("sql_result",),
    "tool_calls": ("tool_calls",),
    "constraints": ("instructions",),
    "schema": ("json_schema",),
    "regex": ("regex_match",),
    "format:json": ("json_format",),
    "format:yaml": ("yaml_value", "yaml_format"),  # with a reference in that format, its value decides
    "format:toml": ("toml_value", "toml_format"),
    "format:xml": ("xml_value", "xml_format"),
    "format:csv": ("csv_value", "csv_format"),
    "answer:number": ("math", "numeric"),
    "answer:expression": ("math",),
    "answer:interval": ("math",),
    "answer:set": ("math",),
    "answer:tuple": ("math",),
    "answer:choice": ("choice",),
    "answer:json": ("json_match",),
    "answer:label": ("label_match",),
    "answer:list": ("math", "list_match", "final_span"),  # of numbers, tuples, equations: maths fits these only
    "answer:span": ("math", "final_span"),  # maths fits formulas and quantities only
    "translation": ("translation",),
}
# A reference text says what a good answer says only where the task is to say just that.
TOOLS_OF_TEXT_REFERENCE = {
    "summarization": ("summary",),
    "data_to_text": ("data_to_text",),
    "translation": ("translation",),
}
# Checks of form: they gate what decides correctness, and decide alone only where nothing else does.
FORM_CHECKS = (
    "schema",
    "regex",
    "format:json",
    "format:yaml",
    "format:toml",
    "format:xml",
    "format:csv",
    "constraints",
)
# In open-ended tasks a reference is one good answer of many, whatever shape it happens to have.
OPEN_ENDED = ("dialogue", "safety")
ONE_OF_MANY = ("answer:json", "answer:list", "answer:span", "answer:label")
# Checks that each prove correctness by themselves; a reference beside them adds nothing that they do not say better.
DECISIVE_CHECKS = ("tests", "reasoning_gym", "sql", "tool_calls")


class Router(Protocol):
    """Anything that decides. Must be pure: the same query, task and library give the same decision."""

    def decide(self, query: Query, task: Task, library: Library) -> Decision: ...


class Rules:
    """Routing by content: explicit checks first, then the shape of the reference, then own tools that suit the label.

    profile: "reward", "strict" or "lenient", which variant of the maths verifier is meant.
    min_confidence: below this confidence of the analysis, tools picked by the *label* alone are not trusted: a gap.
    """

    def __init__(self, *, profile: str = "reward", min_confidence: float = 0.5) -> None:
        if profile not in ("reward", "strict", "lenient"):
            raise InputError(f"profile must be reward, strict or lenient, got {profile!r}")
        self.profile = profile
        self.min_confidence = min_confidence

    def decide(self, query: Query, task: Task, library: Library) -> Decision:
        own = self._own_tool(query, task, library)
        by_check: dict[str, Tool] = {}
        tried: list[str] = []
        for check in task.checks:
            found = self._for_check(check, query, task, library, tried)
            if found is not None:
                by_check[check] = found
        parts, why = self._parts(by_check, own)
        if parts:
            return Decision(task, tuple(parts), (*task.why, *why), router="rules")
        return Decision(task, why=task.why, gap=_gap(task, tried), router="rules")

    def _for_check(self, check: str, query: Query, task: Task, library: Library, tried: list[str]) -> Tool | None:
        names = TOOLS_OF_CHECK.get(check, ())
        if task.label in OPEN_ENDED and check in ONE_OF_MANY:
            tried.append(f"a {check.partition(':')[2]} as reference is one good answer of many here")
            return None
        if check == "text:reference":
            if task.confidence < self.min_confidence:
                return None
            names = TOOLS_OF_TEXT_REFERENCE.get(task.label, ())
        for name in names:
            profile = _asked_profile(query) or self.profile
            if name == "math" and profile != "reward":
                name = f"math_{profile}"
            if library.has(name):
                tool = library.get(name)
                if tool.fits(query):
                    return tool
                tried.append(f"{name} does not fit this query")
        return None

    def _own_tool(self, query: Query, task: Task, library: Library) -> Tool | None:
        """The best of the user's and acquired tools that says it suits this label and fits the query."""
        own = [t for t in library.own() if _suits(t, task) and t.fits(query)]
        return min(
            own, key=lambda t: (not t.card.suits, KIND_ORDER[t.card.kind], -_proof(t), t.card.name), default=None
        )

    @staticmethod
    def _parts(by_check: Mapping[str, Tool], own: Tool | None) -> tuple[list[Part], list[str]]:
        proofs = [c for c in by_check if c in DECISIVE_CHECKS]
        answers = [c for c in by_check if c not in DECISIVE_CHECKS and c not in FORM_CHECKS]
        forms = [c for c in by_check if c in FORM_CHECKS]
        correctness = proofs or answers[:1]
        gates = [Part(by_check[c].card.ref, "gate") for c in forms]
        if own is not None and _preferred(own, [by_check[c] for c in (*correctness, *forms)]):
            return _unique([Part(own.card.ref), *gates]), [f"own tool {own.card.name} suits it"]
        why = [f"{c} -> {by_check[c].card.name}" for c in correctness]
        if correctness:
            gated = [f"{c} gates it -> {by_check[c].card.name}" for c in forms]
            return _unique([*(Part(by_check[c].card.ref) for c in correctness), *gates]), [*why, *gated]
        return _unique([Part(by_check[c].card.ref) for c in forms]), [f"{c} -> {by_check[c].card.name}" for c in forms]


class StaticMap:
    """Routing by a map that the user wrote: {"gsm8k": "math", "wmt": ["translation"], ...}.

    A key is looked for in the query's source, then in its dataset and task columns. A value is a tool's name, several
    names (equal weights) or {name: weight}. fallback: who decides for queries that the map does not name; None makes
    them gaps.
    """

    FIELDS = ("source", "dataset", "data_source", "task")

    def __init__(
        self, mapping: Mapping[str, str | Sequence[str] | Mapping[str, float]], *, fallback: Router | None
    ) -> None:
        if not mapping:
            raise InputError("an empty map routes nothing; give {source: tool name}")
        self.mapping = {str(k): _weights(k, v) for k, v in mapping.items()}
        self.fallback = fallback

    def decide(self, query: Query, task: Task, library: Library) -> Decision:
        for field in self.FIELDS:
            key = query.source if field == "source" else query.extra.get(field)
            if isinstance(key, str) and key in self.mapping:
                return self._mapped(field, key, query, task, library)
        if self.fallback is None:
            return Decision(
                task, gap=Gap(family_of(task), f"the map has no entry for source {query.source!r}"), router="map"
            )
        return self.fallback.decide(query, task, library)

    def _mapped(self, field: str, key: str, query: Query, task: Task, library: Library) -> Decision:
        if gone := [name for name in self.mapping[key] if name in library.withdrawn]:
            why = f"the map sends {field} {key!r} to {', '.join(gone)}, which was taken away because it is broken"
            return Decision(task, gap=Gap(family_of(task), why), router="map")
        tools = [(library.get(name), weight) for name, weight in self.mapping[key].items()]
        unfit = [tool.card for tool, _ in tools if not tool.fits(query)]
        if unfit:
            needs = "; ".join(f"{c.name} needs {', '.join(c.needs) or 'another kind of query'}" for c in unfit)
            named = ", ".join(c.name for c in unfit)
            why = f"the map sends {field} {key!r} to {named}, which cannot judge this query: {needs}"
            return Decision(task, gap=Gap(family_of(task), why), router="map")
        parts = tuple(Part(tool.card.ref, weight=weight) for tool, weight in tools)
        return Decision(task, parts, (f"the map sends {field} {key!r} here",), router="map")


def make_router(route: Router | Mapping[str, object] | None, *, profile: str = "reward") -> Router:
    """A router from a router, a static map (rules decide for what it leaves out), or None (rules)."""
    rules = Rules(profile=profile)
    if route is None:
        return rules
    if isinstance(route, Mapping):
        return StaticMap(route, fallback=rules)  # type: ignore[arg-type]  # _weights checks the values
    if not callable(getattr(route, "decide", None)):
        raise InputError(f"route must be a map, or have decide(query, task, library); got {type(route).__name__}")
    return route


def _asked_profile(query: Query) -> str | None:
    """The maths profile that a row asks for in Math-Verify's own options (extra["options"]); None if for none."""
    options = query.extra.get("options")
    if not isinstance(options, Mapping):
        return None
    if options.get("allow_set_relation_comp") is False:
        return "strict"
    if options.get("strict") is True:
        return "reward"
    return "lenient" if options.get("strict") is False or "precision" in options else None


def _suits(tool: Tool, task: Task) -> bool:
    card = tool.card
    return (not card.suits or task.label in card.suits) and card.family in ("", family_of(task))


def _proof(tool: Tool) -> float:
    """Lower bound of the exam's pair accuracy; one half (a coin) where it was never measured."""
    exam = tool.card.exam or {}
    figure = exam.get("pair_accuracy")
    if isinstance(figure, Mapping) and isinstance(figure.get("low"), (int, float)):
        return float(figure["low"])
    return 0.5


def _preferred(own: Tool, others: Sequence[Tool]) -> bool:
    """Whether an own tool goes before built-in ones: if it names the task, and none of them is of a stronger kind.

    A tool that names no task (suits=()) only serves where there would be a gap: else one rule without `suits` would
    silently take over maths and code.
    """
    if not others:
        return True
    return bool(own.card.suits) and all(KIND_ORDER[t.card.kind] >= KIND_ORDER[own.card.kind] for t in others)


def _unique(parts: Sequence[Part]) -> list[Part]:
    return list({part.tool: part for part in reversed(parts)}.values())[::-1]


def family_of(task: Task) -> str:
    """Key of the kind of judging a task needs: equal for queries that one tool could serve."""
    return content_key([task.label, list(task.checks), task.language])[:12]


def _gap(task: Task, tried: Sequence[str]) -> Gap:
    if not task.checks:
        why = f"{task.label}: nothing to check against (no reference, tests or constraints), and no proven tool for it"
    elif task.checks == ("text:reference",):
        why = f"{task.label}: being like the reference text is not being right, and no proven tool judges this"
    else:
        why = f"{task.label}: no proven tool for {', '.join(task.checks)}"
    return Gap(family_of(task), "; ".join([why, *tried]))


def _weights(key: str, value: Json) -> dict[str, float]:
    if isinstance(value, str):
        return {value: 1.0}
    if isinstance(value, Mapping) and value and all(isinstance(w, (int, float)) and w > 0 for w in value.values()):
        return {str(name): float(w) for name, w in value.items()}
    if isinstance(value, Sequence) and value and all(isinstance(name, str) for name in value):
        return dict.fromkeys(value, 1.0)
    raise InputError(f"map entry {key!r}: give a tool name, a list of names or {{name: weight > 0}}, not {value!r}")
