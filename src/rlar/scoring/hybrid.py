"""Two tools as one: a rule settles what it can, a dearer tool the rest, and never with more certainty than there is.

`Hybrid`: a verifier first; where it is unsure, a reference-conditioned model or judge; where that fails too, the
group's consensus, flagged with low confidence. `Cascaded`: a reward model first; a judge only for groups that it cannot
tell apart, under a budget. Sources: Beyond monolithic rewards, VerifyRM; the margin cascade is of scoring.cascade.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from rlar.scoring.cascade import Cascade
from rlar.scoring.run import Job, run
from rlar.types import Kind, Query, Response, Scope, Tool, ToolCard, Verdict, content_key

LOW_CONFIDENCE = 0.3  # of a consensus: the group may be wrong together


class Hybrid:
    """rule, then fallback, then consensus.

    rule: a verifier. It is unsure of a response where it faults, or where its own confidence is below `sure`; what it
    calls right stays right. fallback: asked about the unsure ones only; None for none. answer_of: reads the final
    answer of a response, "" for none; with it, where neither tool can tell, responses that agree with the answer which
    at least half of the group gives get 1, others 0, with confidence LOW_CONFIDENCE; without it they stay faults.
    A judgement may depend on the group (consensus), so the scope is the group.
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
        self.card = ToolCard(
            name,
            content_key(refs)[:12],
            Kind.VERIFIER,
            about=f"{rule.card.name}, else {fallback.card.name if fallback else 'consensus'}",
            suits=rule.card.suits,
            needs=rule.card.needs,
            low=rule.card.low,
            high=rule.card.high,
            line=rule.card.line,
            scope=Scope.GROUP,
            engine=fallback.card.engine if fallback else rule.card.engine,
        )

    def fits(self, query: Query) -> bool:
        return self.rule.fits(query)

    async def judge(self, query: Query, responses_G: Sequence[Response]) -> list[Verdict]:
        verdicts = await _ask(self.rule, query, responses_G)
        unsure = [g for g, v in enumerate(verdicts) if self._unsure(v)]
        if unsure and self.fallback is not None and self.fallback.fits(query):
            answers = await _ask(self.fallback, query, [responses_G[g] for g in unsure])
            for g, answer in zip(unsure, answers, strict=True):
                if answer.value is not None:
                    why = f"{verdicts[g].why or verdicts[g].fault}; {answer.tool}: {answer.why}"
                    verdicts[g] = replace(answer, why=why, value=self._unit(answer.value))
            unsure = [g for g in unsure if verdicts[g].value is None]
        else:
            unsure = [g for g in unsure if verdicts[g].value is None]
        if unsure and self.answer_of is not None:
            self._agree(verdicts, responses_G, unsure)
        return [replace(v, tool=self.card.ref) for v in verdicts]

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
        if times < 3 or 2 * times < len(responses_G):
            return
        for g in unsure:
            value = self.card.high if answers[g] == usual else self.card.low
            why = f"unverified: {times} of {len(responses_G)} say {usual[:40]!r}"
            verdicts[g] = Verdict(self.card.ref, value=value, why=why, confidence=LOW_CONFIDENCE)


class Cascaded:
    """A cheap graded tool, and a dear one for the groups within its noise floor, as the cascade's budget allows.

    All responses of a group are judged by one and the same tool, and both tools' values are mapped to [0, 1] over their
    cards' ranges; GRPO compares within a group only, so groups of either kind mix in a batch.
    asked, saved: groups for which the dear tool was, and was not, asked.
    """

    def __init__(self, cheap: Tool, dear: Tool, cascade: Cascade, *, name: str = "cascade") -> None:
        self.cheap, self.dear, self.cascade = cheap, dear, cascade
        self.asked = self.saved = 0
        self.card = ToolCard(
            name,
            content_key([cheap.card.ref, dear.card.ref, repr(cascade)])[:12],
            dear.card.kind,
            about=f"{cheap.card.name}; {dear.card.name} where its margin is noise",
            suits=cheap.card.suits,
            needs=cheap.card.needs,
            scope=Scope.GROUP,
            engine=dear.card.engine,
        )

    def fits(self, query: Query) -> bool:
        return self.cheap.fits(query)

    async def judge(self, query: Query, responses_G: Sequence[Response]) -> list[Verdict]:
        first = await _ask(self.cheap, query, responses_G)
        if not (self.dear.fits(query) and self.cascade.wants([v.value for v in first], query.key)):
            self.saved += 1
            return [self._unit(v, self.cheap.card) for v in first]
        self.asked += 1
        second = await _ask(self.dear, query, responses_G)
        if any(v.value is None for v in second):  # one tool for the whole group, or the group would mix scales
            return [self._unit(v, self.cheap.card) for v in first]
        return [self._unit(v, self.dear.card) for v in second]

    def _unit(self, verdict: Verdict, card: ToolCard) -> Verdict:
        if verdict.value is None:
            return replace(verdict, tool=self.card.ref)
        value = (verdict.value - card.low) / (card.high - card.low)
        return replace(verdict, tool=self.card.ref, value=value, why=f"{card.name}: {verdict.why}")


async def _ask(tool: Tool, query: Query, responses_G: Sequence[Response]) -> list[Verdict]:
    ref = tool.card.ref
    (group,) = await run([Job(query, responses_G, (ref,))], {ref: tool})
    return [verdicts_K[0] for verdicts_K in group]
