"""The nouns: what crosses the borders between analysis, routing, tools, engines and trainers.

Standard library only, so that importing them costs nothing and every process can. All are frozen values that pickle.
Three outcomes, settled by whose side it is:
  the response is wrong, empty, hostile  -> a low *value*
  the tool does not suit the query       -> it is not asked (`Tool.fits` is false before any response is read)
  the tool broke                         -> a *fault*, and no value
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, runtime_checkable

Json = Any  # null, bool, number, string, list or dict of these; recursive aliases are not worth their errors
Response = str  # one completion of the policy; tool calls inside are rendered as <tool_call>{json}</tool_call>


class Kind(StrEnum):
    """What a tool is. The order is the routing order, unless measured cards say otherwise."""

    VERIFIER = "verifier"  # runs or proves: right or wrong, or a share of it
    METRIC = "metric"  # compares with a reference
    REWARD_MODEL = "reward_model"  # a trained scorer
    JUDGE = "judge"  # an LLM that is asked


class Fault(StrEnum):
    """Why a tool gave no value. The response is innocent in every case."""

    TIMEOUT = "timeout"  # the tool or its service was late
    CRASHED = "crashed"  # the tool raised or its process died, also on a harmless control response
    UNAVAILABLE = "unavailable"  # service down, refused, rate-limited for too long
    UNREADABLE = "unreadable"  # a judge's or service's reply could not be read
    INVALID = "invalid"  # the tool gave NaN, a number outside its card's range, or not a number
    MISSING = "missing"  # a dependency, model or setting the tool needs is not here
    BUDGET = "budget"  # asking it would have cost more than allowed
    CANCELLED = "cancelled"  # the caller's deadline passed or the system was closed


class Scope(StrEnum):
    """RESPONSE: each response is judged alone. GROUP: a judgement needs all responses to one query."""

    RESPONSE = "response"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. role: system, user, assistant or tool."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Constraint:
    """One checkable instruction, e.g. Constraint("punctuation:no_comma", {})."""

    id: str
    kwargs: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """What the policy was asked, and whatever is known about a right answer.

    prompt: text, or the messages of a conversation (the last one is what is answered).
    reference: gold answer, human translation, expected label ...; any JSON value; None where there is none.
    tests: for code: {"language", "entry_point", "code"} (see rlar.tools.code for all accepted forms).
    constraints: checkable instructions (IFEval ids).
    source: name of the dataset, for static maps. id: the caller's name for it; not part of its content.
    extra: all other columns. Known names: "schema" (JSON Schema of the answer), "tool_calls" (expected calls),
    "tools" (declared functions), "choices" (options), "src_lang", "tgt_lang", "src", "references" (several).
    Equality and hash go by content (`key`), so equal questions are judged once. Treat nested values as read-only.
    """

    prompt: str | tuple[Message, ...] = ""
    reference: Json = None
    tests: Mapping[str, Json] | None = None
    constraints: tuple[Constraint, ...] = ()
    source: str | None = None
    id: str | None = None
    extra: Mapping[str, Json] = field(default_factory=dict)
    _key: str = field(default="", init=False, repr=False)

    @property
    def key(self) -> str:
        """32 hex digits over everything but `id`; the same in every process."""
        if not self._key:
            body = [
                self.prompt if isinstance(self.prompt, str) else [[m.role, m.content] for m in self.prompt],
                self.reference,
                self.tests,
                [[c.id, c.kwargs] for c in self.constraints],
                self.source,
                self.extra,
            ]
            object.__setattr__(self, "_key", content_key(body))
        return self._key

    @property
    def text(self) -> str:
        """The prompt as plain text; turns of a conversation are separated by blank lines."""
        if isinstance(self.prompt, str):
            return self.prompt
        return "\n\n".join(m.content for m in self.prompt)

    @property
    def question(self) -> str:
        """What is to be answered: the prompt, or the last user turn of a conversation."""
        if isinstance(self.prompt, str):
            return self.prompt
        return next((m.content for m in reversed(self.prompt) if m.role == "user"), self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Query) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


def content_key(value: Json) -> str:
    """32 hex digits of SHA-256 over canonical JSON: the same content gives the same key in any process.

    Values that JSON lacks count by their str(), lone surrogates by their escapes; NaN is legal here, being hashed only.
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:32]


def _plain(value: object) -> Json:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    if isinstance(value, tuple):
        return list(value)
    return str(value)


@dataclass(frozen=True, slots=True)
class Task:
    """What kind of judging a query needs.

    label: math, code, translation, knowledge, reasoning, instruction_following, summarization, data_to_text,
    dialogue or safety. checks: what can be checked, most decisive first, e.g. ("tests",), ("answer:number",),
    ("constraints",), ("schema",). language: ISO 639-1 code of the prompt, "und" where unknown.
    confidence: in [0, 1], that label and checks are right. why: the reasons, for people.
    """

    label: str
    checks: tuple[str, ...] = ()
    language: str = "und"
    confidence: float = 0.0
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipe:
    """How any process can rebuild a tool: import it, load it from a file, or run its source.

    kind: "import" (where = module name), "file" (where = path) or "source" (where = Python text).
    attribute: qualified name there: a class (called with config), or a function f(response, query).
    config: keyword arguments of the class. file: for "import", the file to load if the module cannot be imported by
    name in another process; else empty.
    """

    kind: str
    where: str
    attribute: str
    config: tuple[tuple[str, Json], ...] = ()
    file: str = ""


@dataclass(frozen=True, slots=True)
class ToolCard:
    """What a tool is, what it suits, its scale, its price, its proof.

    name: unique, lower_snake. version: content hash (12 hex digits) of its code and settings.
    about: one line for people. suits: task labels it was made for, () for any. needs: what a query must have for it,
    e.g. ("reference:number",) (for people and routing; `Tool.fits` decides). low, high: range of its values.
    line: the value from which a response counts as right; None for a graded tool without such a line.
    scale: name of the scale of its values; only parts of one scale may be summed without a declared conversion.
    engine: worker (killable process), inline (trusted, linear time), sandbox, model, llm or remote.
    timeout_s: CPU seconds one response may cost. memory_mib: what one worker may hold.
    tie_band: differences up to this are noise, in the unit of the value (learnt; 0 for a verifier).
    family: key of the only task family it may judge, "" for any that it suits and fits.
    exam: the measured card, as the exam wrote it; None if it never took one.
    """

    name: str
    version: str
    kind: Kind
    about: str = ""
    suits: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 1.0
    line: float | None = None
    scale: str = "unit"
    scope: Scope = Scope.RESPONSE
    engine: str = "worker"
    timeout_s: float = 2.0
    memory_mib: int = 1024
    tie_band: float = 0.0
    family: str = ""
    licence: str = "Apache-2.0"
    provenance: str = "built in"
    exam: Mapping[str, Json] | None = None

    def __post_init__(self) -> None:
        if not self.name or "@" in self.name:
            raise ValueError(f"a tool's name may not be empty or hold '@', but it is {self.name!r}")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"{self.name}: needs finite low < high, but low={self.low} and high={self.high}")

    @property
    def ref(self) -> str:
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a verdict cost. seconds: CPU seconds of workers, or wall seconds of a service. usd, tokens: of LLMs."""

    seconds: float = 0.0
    tokens: int = 0
    usd: float = 0.0
    calls: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.seconds + other.seconds, self.tokens + other.tokens, self.usd + other.usd, self.calls + other.calls
        )


class Mark(NamedTuple):
    """What a rule says about one response, before it becomes a Verdict. terms: named sub-values, each finite."""

    value: float
    why: str = ""
    terms: Mapping[str, float] = {}
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """One tool on one response: a finite value, or a fault; exactly one of them.

    tool: "name@version". why: the reason, for people. confidence: in [0, 1] or None if the tool has no notion of it.
    terms: named sub-values (one per constraint, test, criterion ...), each finite.
    """

    tool: str
    value: float | None = None
    fault: Fault | None = None
    why: str = ""
    confidence: float | None = None
    terms: Mapping[str, float] = field(default_factory=dict)
    cost: Cost = Cost()

    def __post_init__(self) -> None:
        if (self.value is None) == (self.fault is None):
            raise ValueError(
                f"{self.tool}: a verdict has a value or a fault, exactly one; got value={self.value!r}, "
                f"fault={self.fault!r}"
            )
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(
                f"{self.tool}: a value must be finite, got {self.value!r}; say fault=Fault.INVALID instead"
            )


@dataclass(frozen=True, slots=True)
class Gap:
    """No proven tool suits this query: a value that the hot path returns and the cold path takes up.

    family: key of the kind of judging that is missing (equal for queries that one new tool could serve).
    """

    family: str
    why: str


@dataclass(frozen=True, slots=True)
class Part:
    """One tool's place in a decision. role: gate, correctness or quality, in that priority. weight: within its role."""

    tool: str
    role: str = "correctness"
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Decision:
    """Which tools judge a query, and why; or the gap. The same for all responses of a group."""

    task: Task
    parts: tuple[Part, ...] = ()
    why: tuple[str, ...] = ()
    gap: Gap | None = None
    router: str = "rules"

    @property
    def tools(self) -> tuple[str, ...]:
        return tuple(part.tool for part in self.parts)


@dataclass(frozen=True, slots=True)
class Reward:
    """The composed number for one response, or None (gap, or no tool could judge), with its parts and reasons.

    parts: {tool name: value} of the tools that gave one. verdicts: all of them, faults included.
    """

    value: float | None
    parts: Mapping[str, float] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    decision: Decision | None = None
    why: str = ""

    def __post_init__(self) -> None:
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"a reward must be finite or None, got {self.value!r}")

    @property
    def faults(self) -> tuple[Verdict, ...]:
        return tuple(v for v in self.verdicts if v.fault is not None)


@runtime_checkable
class Tool(Protocol):
    """Something that judges. Implementations: rules in workers, sandboxed code, reward models, LLM judges, remotes."""

    @property
    def card(self) -> ToolCard: ...

    def fits(self, query: Query) -> bool:
        """Whether this tool can judge answers to this query at all. Cheap, pure, and never sees a response."""
        ...

    async def judge(self, query: Query, responses_G: Sequence[Response]) -> list[Verdict]:
        """One verdict per response, same order. Never raises for one response; faults are verdicts."""
        ...


class Rule(Protocol):
    """The synchronous half of a tool that runs in a worker process: it may raise, hang or die; the pool copes.

    prepare(query): anything that is worth computing once per query (parsed gold), handed back to `rate`.
    rate(response, query, prepared): a float in the card's range, or a Mark.
    """

    @property
    def card(self) -> ToolCard: ...

    @property
    def recipe(self) -> Recipe: ...

    def fits(self, query: Query) -> bool: ...

    def prepare(self, query: Query) -> Any: ...

    def rate(self, response: Response, query: Query, prepared: Any) -> float | Mark: ...


RuleFunction = Callable[[Response, Query], "float | Mark"]
