"""Two tools as one: a rule settles what it can, a dearer tool the rest, and never with more certainty than there is.

`Hybrid`: a verifier first; where it is unsure, a reference-conditioned model or judge; where that fails too, the
group's consensus, flagged with low confidence. `Cascaded`: a reward model first; a judge only for groups that it cannot
tell apart, under a budget. `Backing` puts both in the places of a library's tools, so that routing does not change.
Sources: Beyond monolithic rewards, VerifyRM; the margin cascade is of scoring.cascade.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from rlar.errors import InputError
from rlar.scoring.cascade import Cascade, group_margin
from rlar.scoring.run import Group, Job, run
from rlar.types import Kind, Query, Response, Scope, Tool, ToolCard, Verdict, content_key

LOW_CONFIDENCE = 0.3  # of a consensus: the group may be wrong together
MOST_ALIKE = 3  # so many responses have to agree at least


def final_answer(response: Response) -> str:
    """The final answer that a response claims in so many words, made comparable; "" for none."""
    from rlar.tools.final_answer import last_claim, said

    claim = last_claim(said(response), explicit=True)
    return "".join(claim.text.split()).strip("$.`*").casefold() if claim is not None else ""


class Hybrid:
    """rule, then fallback, then consensus.

    rule: a verifier. It is unsure of a response where it faults, or where its own confidence is below `sure`; what it
    calls right stays right. fallback: asked about the unsure ones only; None for none. answer_of: reads the final
    answer of a response, "" for none; with it, where neither tool can tell, responses that agree with the answer which
    at least half of the group gives get 1, others 0, with confidence LOW_CONFIDENCE; without it they stay faults.
    A judgement may depend on the group (consensus), so the scope is the group. name: "" for the rule's own.
    """

    def __init__(
        self,
        rule: Tool,
        fallback: Tool | None = None,
        *,
        sure: float = 0.5,
        answer_of: Callable[[Response], str] | None = None,
        name: str = "hybrid",
    ) -> None:
        self.rule, self.fallback, self.sure, self.answer_of = rule, fallback, sure, answer_of
        refs = [rule.card.ref, fallback.card.ref if fallback else "", sure, answer_of is not None]
        self.card = replace(
            rule.card,
            name=name or rule.card.name,
            version=content_key(refs)[:12],
            about=f"{rule.card.name}, else {fallback.card.name if fallback else 'consensus'}",
            scope=Scope.GROUP,
            engine=fallback.card.engine if fallback else rule.card.engine,
        )

    def fits(self, query: Query) -> bool:
        return self.rule.fits(query)

    async def judge(self, query: Query, responses_G: Sequence[Response]) -> list[Verdict]:
        return (await self.judge_many([(query, responses_G)]))[0]

    async def judge_many(self, groups: Sequence[Group]) -> list[list[Verdict]]:
        """All groups at once, so that the rule can fill its workers and the fallback its endpoint."""
        verdicts_PG = await _ask(self.rule, groups)
        unsure_P = [[g for g, v in enumerate(verdicts) if self._unsure(v)] for verdicts in verdicts_PG]
        if self.fallback is not None:
            places = [p for p, (query, _) in enumerate(groups) if unsure_P[p] and self.fallback.fits(query)]
            asked = [(groups[p][0], [groups[p][1][g] for g in unsure_P[p]]) for p in places]
            for p, answers in zip(places, await _ask(self.fallback, asked), strict=True):
                self._settle(verdicts_PG[p], unsure_P[p], answers)
        for (_, responses_G), verdicts, unsure in zip(groups, verdicts_PG, unsure_P, strict=True):
            left = [g for g in unsure if verdicts[g].value is None]
            if left and self.answer_of is not None:
                self._agree(verdicts, responses_G, left)
        return [[replace(v, tool=self.card.ref) for v in verdicts] for verdicts in verdicts_PG]

    def _settle(self, verdicts: list[Verdict], unsure: Sequence[int], answers: Sequence[Verdict]) -> None:
        for g, answer in zip(unsure, answers, strict=True):
            before = verdicts[g]
            cost = before.cost + answer.cost
            if answer.value is None:
                verdicts[g] = replace(before, cost=cost)
            else:
                why = f"{before.why or before.fault}; {answer.tool}: {answer.why}"
                verdicts[g] = replace(answer, why=why, value=self._unit(answer.value), cost=cost)

    def _unsure(self, verdict: Verdict) -> bool:
        if verdict.value is None:
            return True
        right = verdict.value >= (self.card.line if self.card.line is not None else self.card.high)
        return not right and verdict.confidence is not None and verdict.confidence < self.sure

    def _unit(self, value: float) -> float:
        assert self.fallback is not None
        low, high = self.fallback.card.low, self.fallback.card.high
        return self.card.low + (value - low) / (high - low) * (self.card.high - self.card.low)

    def _agree(self, verdicts: list[Verdict], responses_G: Sequence[Response], unsure: Sequence[int]) -> None:
        assert self.answer_of is not None
        answers = [self.answer_of(r) for r in responses_G]
        given = Counter(a for a in answers if a)
        if not given:
            return
        usual, times = given.most_common(1)[0]
        if times < MOST_ALIKE or 2 * times < len(responses_G) or list(given.values()).count(times) > 1:
            return
        for g in unsure:
            value = self.card.high if answers[g] == usual else self.card.low
            why = f"unverified: {times} of {len(responses_G)} say {usual[:40]!r}"
            verdicts[g] = Verdict(self.card.ref, value=value, why=why, confidence=LOW_CONFIDENCE, cost=verdicts[g].cost)


class Cascaded:
    """A cheap graded tool, and a dear one for the groups within its noise floor, as the cascade's budget allows.

    All responses of a group are judged by one and the same tool, and both tools' values are mapped to [0, 1] over their
    cards' ranges; GRPO compares within a group only, so groups of either kind mix in a batch. The cheap one decides
    where the dear one breaks or calls all responses equal, and for a response without rivals.
    capped: hold every batch to the cascade's budget, smallest margins first. Then a group's judge may depend on its
    batch; without it, the same group is always judged by the same tool.
    asked, saved: groups for which the dear tool was, and was not, asked. name: "" for the cheap tool's own.
    """

    def __init__(
        self, cheap: Tool, dear: Tool, cascade: Cascade, *, capped: bool = False, name: str = "cascade"
    ) -> None:
        self.cheap, self.dear, self.cascade, self.capped = cheap, dear, cascade, capped
        self.asked = self.saved = 0
        self._lock = threading.Lock()
        self.card = replace(
            cheap.card,
            name=name or cheap.card.name,
            version=content_key([cheap.card.ref, dear.card.ref, repr(cascade), capped])[:12],
            about=f"{cheap.card.name}; {dear.card.name} where its margin is noise",
            low=0.0,
            high=1.0,
            line=None,
            scale="unit",
            tie_band=cheap.card.tie_band / (cheap.card.high - cheap.card.low),
            scope=Scope.GROUP,
            engine=dear.card.engine,
        )

    def fits(self, query: Query) -> bool:
        return self.cheap.fits(query)

    async def judge(self, query: Query, responses_G: Sequence[Response]) -> list[Verdict]:
        return (await self.judge_many([(query, responses_G)]))[0]

    async def judge_many(self, groups: Sequence[Group]) -> list[list[Verdict]]:
        """All groups at once: the cheap tool first, then the dear one for those that it cannot tell apart."""
        first_P = await _ask(self.cheap, groups)
        places = [p for p, wanted in enumerate(self._wanted(groups, first_P)) if wanted]
        with self._lock:
            self.asked += len(places)
            self.saved += len(groups) - len(places)
        second_P = dict(zip(places, await _ask(self.dear, [groups[p] for p in places]), strict=True))
        return [self._settled(first, second_P.get(p)) for p, first in enumerate(first_P)]

    def _wanted(self, groups: Sequence[Group], first_P: Sequence[Sequence[Verdict]]) -> list[bool]:
        margins = [group_margin([v.value for v in first]) for first in first_P]
        keys = [query.key for query, _ in groups]
        able = [
            self.dear.fits(query) and (len(responses) > 1 or any(v.value is None for v in first))
            for (query, responses), first in zip(groups, first_P, strict=True)
        ]
        if self.capped:
            wanted = self.cascade.within_budget(margins, keys)
        else:
            wanted = [self.cascade.asks(margin, key) for margin, key in zip(margins, keys, strict=True)]
        return [a and w for a, w in zip(able, wanted, strict=True)]

    def _settled(self, first: Sequence[Verdict], second: Sequence[Verdict] | None) -> list[Verdict]:
        if second is None:
            return [self._unit(v, self.cheap.card) for v in first]
        whole = all(v.value is not None for v in second)  # one tool for the whole group, or the group would mix scales
        tells = len({v.value for v in second}) > 1 or any(v.value is None for v in first)
        chosen, card, other = (second, self.dear.card, first) if whole and tells else (first, self.cheap.card, second)
        costs = [v.cost + o.cost for v, o in zip(chosen, other, strict=True)]
        return [replace(self._unit(v, card), cost=cost) for v, cost in zip(chosen, costs, strict=True)]

    def _unit(self, verdict: Verdict, card: ToolCard) -> Verdict:
        if verdict.value is None:
            return replace(verdict, tool=self.card.ref)
        value = (verdict.value - card.low) / (card.high - card.low)
        return replace(verdict, tool=self.card.ref, value=value, why=f"{card.name}: {verdict.why}")


class Backing:
    """A judge behind a library's tools, in their places and under their names: `library.dress(Backing(judge, ...))`.

    judge: None for none; then only `hybrid` is of use, and where a verifier is unsure the group's consensus decides.
    hybrid: verifiers become `Hybrid`: where one breaks or is unsure, the judge, then the consensus.
    cascade: metrics and reward models become `Cascaded`: by name as learnt (`learn_cascade`), or "noise" for all, with
    the tie band of each card as floor. share: hold each batch to this share of groups; None as the cascade says.
    """

    def __init__(
        self,
        judge: Tool | None,
        *,
        hybrid: bool = False,
        cascade: Mapping[str, Cascade] | str | None = None,
        share: float | None = None,
    ) -> None:
        if isinstance(cascade, str) and cascade != "noise":
            raise InputError(f"a cascade is learnt, or 'noise' for the tie bands of the cards; got {cascade!r}")
        if cascade is not None and judge is None:
            raise InputError("a cascade asks a judge; name one")
        self.judge, self.hybrid, self.cascade, self.share = judge, hybrid, cascade, share
        self.cascaded: list[Cascaded] = []

    def __call__(self, tool: Tool) -> Tool:
        if tool is self.judge or tool.card.kind is Kind.JUDGE:
            return tool
        if tool.card.kind is Kind.VERIFIER:
            return Hybrid(tool, self.judge, answer_of=final_answer, name="") if self.hybrid else tool
        return self._cascaded(tool)

    @property
    def asked(self) -> int:
        return sum(c.asked for c in self.cascaded)

    @property
    def saved(self) -> int:
        return sum(c.saved for c in self.cascaded)

    def _cascaded(self, tool: Tool) -> Tool:
        if self.cascade is None or self.judge is None:
            return tool
        if isinstance(self.cascade, str):
            cascade = Cascade(tool.card.ref, self.judge.card.ref, tool.card.tie_band)
        elif (learnt := self.cascade.get(tool.card.name)) is not None:
            version = learnt.cheap.partition("@")[2]
            if version and version != tool.card.version:
                raise InputError(
                    f"the cascade was learnt for {learnt.cheap}, but here is {tool.card.ref}; learn it again"
                )
            cascade = learnt
        else:
            return tool
        if self.share is not None:
            cascade = replace(cascade, budget=self.share)
        made = Cascaded(tool, self.judge, cascade, capped=self.share is not None, name="")
        self.cascaded.append(made)
        return made


async def _ask(tool: Tool, groups: Sequence[Group]) -> list[list[Verdict]]:
    ref = tool.card.ref
    judged = await run([Job(query, responses_G, (ref,)) for query, responses_G in groups], {ref: tool})
    return [[verdicts_K[0] for verdicts_K in group] for group in judged]
