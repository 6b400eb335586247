"""A reward model behind a wrapper that somebody generated: two pure functions on plain data, which run in the sandbox.

    texts(prompt_messages, response, reference) -> what the model reads: turns, one text, or a pair of texts
    reward(outputs) -> float                       from the numbers that the model gave

Generated code never enters the model's process: that one gets plain texts and gives plain numbers. Nor does `reward`
see the response, or `texts` a number. What `texts` makes is believed only as far as the response stands in it whole.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rlar.engines.models.engine import default_engine
from rlar.engines.models.marks import pattern_of, safe
from rlar.engines.models.spec import ModelSpec
from rlar.engines.models.values import finish
from rlar.errors import ToolFault, UnsafeError
from rlar.tools.reward_model import RewardModel, cost_of, reference_of
from rlar.types import Cost, Fault, Json, Query, Response, Verdict, content_key

if TYPE_CHECKING:
    from rlar.engines.models.engine import ModelEngine
    from rlar.engines.sandbox import Returned
    from rlar.engines.sandbox.verifier import Verifier
    from rlar.tools.base import Group

FORMS = ("chat", "text", "pair")
ROLES = ("system", "user", "assistant")
KINDS = {"classifier": "labels", "label_token": "tokens", "process": "positions"}  # of outputs, by family
CONTROL = "I do not know."  # a harmless answer to anything: a wrapper that breaks on it is broken
TEXTS_S = 0.5  # CPU seconds for one text
REWARD_S = 0.5
LONGEST = 20_000  # characters that a wrapper may add to what it was given


@dataclass(frozen=True, slots=True)
class Wrapper:
    """Generated code and what was declared with it.

    form: what `texts` returns: chat (turns), text or pair. names: of labels or tokens, in the order of the values.
    reference: whether a query must have one.
    """

    source: str
    form: str
    names: tuple[str, ...]
    reference: bool = False

    def __post_init__(self) -> None:
        if self.form not in FORMS or not self.names:
            raise ValueError(f"a wrapper's form is one of {', '.join(FORMS)}, and it names its outputs")

    def settings(self) -> dict[str, Json]:
        """All but the source, for a manifest."""
        return {"form": self.form, "names": list(self.names), "reference": self.reference}

    @classmethod
    def read(cls, settings: Mapping[str, Any], source: str) -> Wrapper:
        return cls(source, str(settings["form"]), tuple(settings["names"]), bool(settings["reference"]))


@dataclass(frozen=True, slots=True)
class _Got:
    """One response: a value, or a fault, or (broke) what the wrapper did wrong about it."""

    value: float | None = None
    fault: Fault | None = None
    why: str = ""
    broke: bool = False
    cost: Cost = field(default_factory=Cost)


class WrappedModel(RewardModel):
    """spec: of format "given". Where a response breaks the wrapper but a harmless one does not, it is the response, and
    gets the card's low end; where both do, it is a fault."""

    def __init__(
        self,
        spec: ModelSpec,
        wrapper: Wrapper,
        *,
        engine: ModelEngine | None = None,
        card: dict[str, Any] | None = None,
    ) -> None:
        if spec.format != "given" or spec.family not in KINDS:
            raise ValueError(f"a wrapper is for format given of {', '.join(KINDS)}, not {spec.format} of {spec.family}")
        super().__init__(spec, engine=engine, card=card)
        self.wrapper = wrapper
        version = content_key([self.spec.version, wrapper.source, wrapper.settings()])[:12]
        needs = ("a prompt", "reference") if wrapper.reference else ("a prompt",)
        self.card = replace(self.card, version=version, needs=needs)
        self._marks: tuple[str, ...] | None = None
        self._verifier: Verifier | None = None

    def fits(self, query: Query) -> bool:
        return super().fits(query) and (bool(reference_of(query)) or not self.wrapper.reference)

    async def judge_many(self, groups: Sequence[Group]) -> list[list[Verdict]]:
        """All groups in one round. Same order as given."""
        cells = [(q, r) for q, responses in groups for r in dict.fromkeys(responses) if r.strip()]
        try:
            got = dict(zip(((id(q), r) for q, r in cells), await self._all(cells), strict=True))
        except ToolFault as e:
            return [[Verdict(self.card.ref, fault=e.fault, why=e.why) for _ in r] for _, r in groups]
        except UnsafeError as e:
            return [[Verdict(self.card.ref, fault=Fault.MISSING, why=str(e)) for _ in r] for _, r in groups]
        empty = _Got(self.card.low, why="an empty answer")
        return [[self._verdict(got.get((id(q), r), empty)) for r in responses] for q, responses in groups]

    def _verdict(self, got: _Got) -> Verdict:
        if got.fault is not None:
            return Verdict(self.card.ref, fault=got.fault, why=got.why, cost=got.cost)
        return Verdict(self.card.ref, value=got.value, why=got.why, cost=got.cost)

    async def _all(self, cells: Sequence[tuple[Query, Response]]) -> list[_Got]:
        """Judge, and settle whose side it is where the wrapper broke. Raises ToolFault, UnsafeError."""
        first = await self._round(cells) if cells else []
        hurt = {id(q): q for (q, _), got in zip(cells, first, strict=True) if got.broke}
        controls = await self._round([(q, CONTROL) for q in hurt.values()]) if hurt else []
        sound = {key: got.value is not None for key, got in zip(hurt, controls, strict=True)}
        out = []
        for (query, _), got in zip(cells, first, strict=True):
            if not got.broke:
                out.append(got)
            elif sound[id(query)]:
                out.append(_Got(self.card.low, why=f"broke the wrapper: {got.why}", cost=got.cost))
            else:
                why = f"{got.why}; it also breaks on the harmless {CONTROL!r}"
                out.append(_Got(fault=Fault.CRASHED, why=why, cost=got.cost))
        return out

    async def _round(self, cells: Sequence[tuple[Query, Response]]) -> list[_Got]:
        engine = self._engine or default_engine()
        if self._marks is None:
            facts = engine.facts(self.spec) or await asyncio.to_thread(engine.load, self.spec)
            self._marks = tuple(facts["marks"])
        pattern = pattern_of(self._marks)
        numbers = {key: n for n, key in enumerate(dict.fromkeys(id(q) for q, _ in cells))}
        plain = [_plain(query, response, pattern) for query, response in cells]
        given = await read_by_model(self.wrapper, plain)
        out: list[_Got] = [_Got(why=g, broke=True) if isinstance(g, str) else _Got() for g in given]
        sent = [i for i, g in enumerate(given) if not isinstance(g, str)]
        asks = [
            {
                "given": given[i]["given"],  # type: ignore[index]
                "response": plain[i][1],
                "prompt": [[m["role"], m["content"]] for m in plain[i][0]],
                "group": numbers[id(cells[i][0])],
            }
            for i in sent
        ]
        answers = await engine.ask(self.spec, asks) if asks else []
        useful: list[tuple[int, dict[str, Json]]] = []
        for i, answer in zip(sent, answers, strict=True):
            cost = cost_of(self.spec, answer)
            if fault := answer.get("fault"):
                out[i] = _Got(fault=Fault(fault), why=str(answer.get("why", "")), cost=cost)
            elif answer.get("too_long"):
                why = "the response alone does not fit: its lowest value"
                out[i] = _Got(self.card.low, why=why, cost=cost)
            else:
                out[i] = _Got(why="; ".join(map(str, answer.get("notes", ()))), cost=cost)
                useful.append((i, outputs_of(answer, self.spec, self.wrapper)))
        for i, outputs in useful:
            if not _finite(outputs["values"]):
                out[i] = _Got(fault=Fault.INVALID, why="the model gave NaN or infinity, which is no number to use")
        asked = [(i, o) for i, o in useful if out[i].fault is None]
        for (i, _), score in zip(asked, await self._reward([o for _, o in asked]), strict=True):
            if isinstance(score, float):
                value, note = finish(score, self.spec)
                out[i] = replace(out[i], value=value, why="; ".join(filter(None, (out[i].why, note))))
            else:
                out[i] = replace(out[i], broke=True, why=f"reward: {score.kind}: {score.why}")
        return out

    async def _reward(self, outputs: Sequence[dict[str, Json]]) -> Sequence[Any]:
        if self._verifier is None:
            from rlar.engines.sandbox import default_box

            self._verifier = default_box().load(self.wrapper.source, "reward", cpu_s=REWARD_S)
        return await self._verifier.judge([{"outputs": o} for o in outputs])

    def settings(self, *, inside: str = "") -> dict[str, Json]:
        return {**super().settings(inside=inside), "wrapper": self.wrapper.settings()}

    def content(self, inside: str = "model") -> dict[str, bytes]:
        return {**super().content(inside), "wrapper.py": self.wrapper.source.encode()}

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_verifier", "_engine")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _verifier=None, _engine=None)


Plain = tuple[list[dict[str, str]], str, str | None]  # the arguments of `texts`


async def read_by_model(
    wrapper: Wrapper, plain: Sequence[Plain], *, together: bool = False
) -> list[dict[str, Json] | str]:
    """{"given": what the model reads} for each, or what is wrong with it. Raises SandboxFault, UnsafeError.

    Each in a process of its own (2 to 3 ms, little beside a model), so that no response reaches another through what a
    wrapper might keep. together: all in one process, one after the other, to see whether it keeps anything.
    """
    from rlar.engines.sandbox import Limits, default_box

    limits = Limits(cpu_s=TEXTS_S * (len(plain) if together else 1))
    parts = [plain] if together else [[arguments] for arguments in plain]
    box = default_box()
    returned = await asyncio.gather(*(box.call(wrapper.source, "texts", part, limits=limits) for part in parts))
    flat = [one for part in returned for one in part]
    return [_read(wrapper, arguments, one) for arguments, one in zip(plain, flat, strict=True)]


def _read(wrapper: Wrapper, arguments: Plain, returned: Returned) -> dict[str, Json] | str:
    if returned.error is not None:
        error = returned.error
        return f"texts: {error.get('kind')} {str(error.get('text') or '')[:160]}".strip()
    why = wrong_given(returned.value, wrapper.form, arguments)
    return f"texts: {why}" if why else {"given": returned.value}


def wrong_given(given: Any, form: str, arguments: Plain) -> str:
    """Why what `texts` returned cannot be given to a model; "" if it can."""
    messages, response, reference = arguments
    if form == "text":
        texts = [given] if isinstance(given, str) else []
    elif form == "pair":
        fine = isinstance(given, (list, tuple)) and len(given) == 2 and all(isinstance(t, str) for t in given)
        texts = list(given) if fine else []
    else:
        fine = isinstance(given, list) and all(
            isinstance(m, dict) and set(m) == {"role", "content"} and isinstance(m["content"], str) for m in given
        )
        texts = [m["content"] for m in given if m["role"] in ROLES] if fine else []
        texts = texts if fine and len(texts) == len(given) else []
    if not texts:
        return f"returned {type(given).__name__}, which is not the declared form {form}"
    if not any(response.strip() in text for text in texts):
        return "what the model would read does not hold the whole response"
    room = sum(len(m["content"]) for m in messages) + 2 * len(response) + len(reference or "") + LONGEST
    if sum(map(len, texts)) > 2 * room:
        return f"makes {sum(map(len, texts)):,} characters of {room - LONGEST:,}"
    return ""


def outputs_of(answer: Mapping[str, Any], spec: ModelSpec, wrapper: Wrapper) -> dict[str, Json]:
    """What `reward` is given of a model's answer."""
    body: dict[str, Json] = {"kind": KINDS[spec.family], "names": list(wrapper.names)}
    if spec.family == "process":
        return {**body, "values": answer["positions"], "ends": answer["ends"]}
    return {**body, "values": answer["labels"]}


def _plain(query: Query, response: Response, pattern: Any) -> Plain:
    turns = [("user", query.prompt)] if isinstance(query.prompt, str) else [(m.role, m.content) for m in query.prompt]
    messages = [{"role": str(role), "content": safe(content, pattern)} for role, content in turns]
    reference = reference_of(query)
    return messages, safe(response, pattern), safe(reference, pattern) if reference else None


def _finite(values: Any) -> bool:
    rows = values if values and isinstance(values[0], list) else [values]
    return all(isinstance(x, (int, float)) and math.isfinite(x) for row in rows for x in row)
