"""An LLM as judge: one tool, several modes, for what no verifier, metric or reward model can settle.

Sources: critique first (CLoud, arXiv 2408.11791), criteria per query (CARMO, 2410.21545), solve first for reasoning
(RM-R1, 2505.02387), both orders (MT-Bench, 2306.05685), tournaments with draws (ArenaRL, 2601.06487).
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

from rlar.engines.llm import Ask, Chat
from rlar.errors import InputError, ToolFault
from rlar.tools.judge import forms
from rlar.tools.judge.asking import Spent, ask_json
from rlar.tools.judge.evidence import judge_with_evidence
from rlar.tools.judge.guard import shown, steers, without_steering
from rlar.types import Fault, Kind, Query, Response, Scope, ToolCard, Verdict, content_key

MODES = ("pointwise", "pairwise", "listwise", "tournament", "evidence")
REASONING = ("math", "code", "reasoning")


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """How a judge works.

    mode: pointwise (each answer alone), pairwise (every pair, both orders), listwise (all at once, two orders),
    tournament (knock-out, both orders, draws), evidence (each alone, with checks that the verdict must cite).
    principles: what counts, for every query; a query's own extra["rubric"] comes before them.
    criteria: also ask, once per query, what counts for it; frozen for the group (and cached).
    critique: reasons before the verdict. solve_first: the judge answers the question itself first: True, False, or
    None for reasoning tasks without a reference only. votes: replies per verdict, at most; equal first ones stop it.
    policy_model: name of the model being trained, to warn where judge and policy are one family.
    """

    mode: str = "pointwise"
    principles: tuple[str, ...] = ()
    criteria: bool = False
    critique: bool = True
    solve_first: bool | None = None
    votes: int = 1
    policy_model: str = ""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise InputError(f"a judge's mode is one of {', '.join(MODES)}, not {self.mode!r}")
        if not 1 <= self.votes <= 9:
            raise InputError(f"votes must lie in 1 to 9, got {self.votes}")


class Judge:
    """A judge over any Chat. Values in [0, 1]; a reply that cannot be read is a fault, never a number.

    confidence: 1 minus the deviation of the votes (or of the two orders) relative to the widest possible; None for a
    single vote.
    """

    def __init__(self, chat: Chat, settings: JudgeSettings | None = None, *, name: str = "judge") -> None:
        self.chat = chat
        self.settings = settings or JudgeSettings()
        s = self.settings
        version = content_key([chat.model, forms.prompts_version(), repr(s), forms.LOW, forms.HIGH])[:12]
        self.card = ToolCard(
            name,
            version,
            Kind.JUDGE,
            about=f"asks {chat.model} ({s.mode})",
            needs=("a prompt",),
            scope=Scope.RESPONSE if s.mode in ("pointwise", "evidence") else Scope.GROUP,
            engine="llm",
            provenance=f"prompts {forms.prompts_version()}",
        )
        if s.policy_model and family(s.policy_model) == family(chat.model):
            warnings.warn(
                f"judge {chat.model} and policy {s.policy_model} are of one family; such judges prefer their own kind",
                stacklevel=2,
            )

    def fits(self, query: Query) -> bool:
        return bool(query.text.strip())

    async def judge(self, query: Query, responses_G: Sequence[Response]) -> list[Verdict]:
        if not responses_G:
            return []
        shared = Spent()
        try:
            context = await self._context(query, shared)
        except ToolFault as e:
            return [Verdict(self.card.ref, fault=e.fault, why=e.why, cost=shared.cost)] * len(responses_G)
        unique = list(dict.fromkeys(responses_G))  # equal answers get equal verdicts, and are asked about once
        by_mode = {
            "pointwise": self._each,
            "evidence": self._each,
            "pairwise": self._pairs,
            "listwise": self._list,
            "tournament": self._tournament,
        }
        verdicts = dict(zip(unique, await by_mode[self.settings.mode](context, unique), strict=True))
        return [verdicts[r] for r in responses_G]

    async def _context(self, query: Query, spent: Spent) -> Context:
        s = self.settings
        rubric = query.extra.get("rubric")
        items = ([str(rubric)] if rubric else []) + list(s.principles)
        base = {"question": forms.question(query), "reference": forms.reference(query)}
        if s.criteria:
            wanted = forms.messages("criteria", **base, criteria=forms.criteria(items))
            got = await ask_json(self.chat, Ask(wanted, forms.CRITERIA_SCHEMA, purpose="criteria"), spent)
            items += got["criteria"]
        solve = s.solve_first
        if solve is None:
            solve = query.reference is None and query.extra.get("task") in REASONING
        solution = ""
        if solve:
            wanted = forms.messages("solve", **base)
            got = await ask_json(self.chat, Ask(wanted, forms.SOLUTION_SCHEMA, purpose="solve"), spent)
            solution = "Your own answer, found before you saw any other (it may be wrong):\n" + shown(
                "own", got["answer"]
            )
        order = "First the critique, then the verdict." if s.critique else "The verdict only."
        return Context(query, {**base, "criteria": forms.criteria(items), "solution": solution, "order": order})

    # -- each answer alone ------------------------------------------------------------------------------------------

    async def _each(self, context: Context, responses: Sequence[Response]) -> list[Verdict]:
        return list(await asyncio.gather(*(self._guarded(lambda r=r: self._one(context, r)) for r in responses)))  # type: ignore[misc]

    async def _one(self, context: Context, response: Response) -> Verdict:
        if not response.strip():
            return Verdict(self.card.ref, value=0.0, why="an empty answer")
        spent = Spent()
        value, deviation, why = await self._votes(context, response, spent)
        if steers(response):
            plain = without_steering(response)
            if not plain:
                return Verdict(self.card.ref, value=0.0, why="only talks to its grader", cost=spent.cost)
            again, _, why_again = await self._votes(context, plain, spent)
            if again < value:
                value, why = again, f"judged without what it says to its grader: {why_again}"
        confidence = None if self.settings.votes == 1 else 1 - 2 * deviation
        return Verdict(self.card.ref, value=value, why=why, confidence=confidence, cost=spent.cost)

    async def _votes(self, context: Context, response: Response, spent: Spent) -> tuple[float, float, str]:
        """Mean of the votes in [0, 1], their deviation, and the first vote's reasons."""
        needed = self.settings.votes // 2 + 1
        values: list[float] = []
        reasons = ""
        for sample in range(self.settings.votes):
            if self.settings.mode == "evidence":
                score, why = await judge_with_evidence(self.chat, context.query, context.parts, response, spent, sample)
            else:
                score, why = await self._score(context, response, spent, sample)
            values.append((score - forms.LOW) / (forms.HIGH - forms.LOW))
            reasons = reasons or why
            if len(values) == needed and len(set(values)) == 1:
                break  # the rest could not change the majority
        return fmean(values), pstdev(values), reasons

    async def _score(self, context: Context, response: Response, spent: Spent, sample: int) -> tuple[int, str]:
        answer = "The answer to judge:\n" + shown("answer", response)
        wanted = forms.messages("pointwise", **context.parts, answer=answer)
        ask = Ask(
            wanted,
            forms.score_schema(self.settings.critique),
            temperature=_heat(sample),
            sample=sample,
            purpose="judge",
        )
        got = await ask_json(self.chat, ask, spent)
        return got["score"], got.get("critique", "")

    # -- answers against each other ---------------------------------------------------------------------------------

    async def _compare(self, context: Context, a: Response, b: Response, spent: Spent) -> float:
        """1.0 if a wins in both orders, 0.0 if b does, else 0.5: a preference that order turns round is none."""
        if not a.strip() or not b.strip():
            return 0.5 if not a.strip() and not b.strip() else float(bool(a.strip()))
        shares = []
        for first, second, sign in ((a, b, 1), (b, a, -1)):
            wanted = forms.messages(
                "pairwise",
                **context.parts,
                answer_a="Answer A:\n" + shown("answer A", _unsteered(first)),
                answer_b="Answer B:\n" + shown("answer B", _unsteered(second)),
            )
            ask = Ask(wanted, forms.winner_schema(self.settings.critique), purpose="judge")
            winner = (await ask_json(self.chat, ask, spent))["winner"]
            shares.append({"A": sign, "B": -sign, "tie": 0}[winner])
        return {2: 1.0, -2: 0.0}.get(sum(shares), 0.5)

    async def _pairs(self, context: Context, responses: Sequence[Response]) -> list[Verdict]:
        n = len(responses)
        if n == 1:
            return [self._no_rival()]
        pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
        spents = [Spent() for _ in pairs]
        got = await asyncio.gather(
            *(self._compare(context, responses[i], responses[j], s) for (i, j), s in zip(pairs, spents, strict=True)),
            return_exceptions=True,
        )
        wins: list[list[float]] = [[] for _ in responses]
        faults: list[ToolFault | None] = [None] * n
        for (i, j), share in zip(pairs, got, strict=True):
            if isinstance(share, ToolFault):  # without this pair, shares would not be of the same rivals
                faults[i] = faults[j] = share
            elif isinstance(share, BaseException):
                raise share
            else:
                wins[i].append(share)
                wins[j].append(1 - share)
        costs = [[s.cost for (i, j), s in zip(pairs, spents, strict=True) if k in (i, j)] for k in range(n)]
        return [self._share(wins[k], faults[k], costs[k]) for k in range(n)]

    def _share(self, wins: Sequence[float], fault: ToolFault | None, costs: Sequence[object]) -> Verdict:
        from rlar.types import Cost

        cost = sum((c for c in costs if isinstance(c, Cost)), Cost())
        half = Cost(
            cost.seconds / 2, cost.tokens // 2, cost.usd / 2, cost.calls // 2
        )  # each pair is paid by two answers
        if fault is not None:
            return Verdict(self.card.ref, fault=fault.fault, why=fault.why, cost=half)
        why = f"wins {sum(w == 1 for w in wins)}, draws {sum(w == 0.5 for w in wins)} of {len(wins)}"
        return Verdict(self.card.ref, value=fmean(wins), why=why, cost=half)

    async def _list(self, context: Context, responses: Sequence[Response]) -> list[Verdict]:
        if len(responses) == 1:
            return [self._no_rival()]
        order = sorted(range(len(responses)), key=lambda i: content_key(responses[i]))  # not the caller's order
        spent = Spent()
        rounds = []
        for positions in (order, order[::-1]):
            ids = [f"R{k + 1}" for k in range(len(positions))]
            texts = [
                shown("answer", _unsteered(responses[i]), answer_id=id_) for id_, i in zip(ids, positions, strict=True)
            ]
            wanted = forms.messages("listwise", **context.parts, answers="The answers:\n" + "\n".join(texts))
            ask = Ask(wanted, forms.list_schema(self.settings.critique, ids), purpose="judge")
            try:
                got = (await ask_json(self.chat, ask, spent))["scores"]
                if sorted(g["id"] for g in got) != sorted(ids):
                    raise ToolFault(
                        Fault.UNREADABLE, f"scores for {[g['id'] for g in got]} instead of each of {ids} once"
                    )
            except ToolFault as e:
                return [Verdict(self.card.ref, fault=e.fault, why=e.why, cost=spent.cost)] * len(responses)
            by_id = {g["id"]: g["score"] for g in got}
            rounds.append({i: by_id[id_] for id_, i in zip(ids, positions, strict=True)})
        verdicts = []
        for i, response in enumerate(responses):
            a, b = ((r[i] - forms.LOW) / (forms.HIGH - forms.LOW) for r in rounds)
            value = (a + b) / 2 if response.strip() else 0.0
            why = f"{rounds[0][i]} in one order, {rounds[1][i]} in the other"
            verdicts.append(Verdict(self.card.ref, value=value, why=why, confidence=1 - abs(a - b), cost=spent.cost))
        return verdicts

    async def _tournament(self, context: Context, responses: Sequence[Response]) -> list[Verdict]:
        """Knock-out: who wins goes on; of a draw the earlier seed goes on for both, and both end with its points.

        Seeds by content, so that the caller's order decides nothing. 2 (G - 1) calls instead of G (G - 1).
        Value: share of the rounds that an answer came through. Under GRPO, losers of one round tie.
        """
        if len(responses) == 1:
            return [self._no_rival()]
        spent = Spent()
        points = [0] * len(responses)
        drawn: list[tuple[int, int]] = []
        alive = sorted(range(len(responses)), key=lambda i: content_key(responses[i]))
        rounds = 0
        try:
            while len(alive) > 1:
                rounds += 1
                pairs = list(zip(alive[::2], alive[1::2], strict=False))
                work = (self._compare(context, responses[i], responses[j], spent) for i, j in pairs)
                shares = await asyncio.gather(*work)
                through = [j if share == 0.0 else i for (i, j), share in zip(pairs, shares, strict=True)]
                drawn += [pair for pair, share in zip(pairs, shares, strict=True) if share == 0.5]
                alive = through + alive[2 * len(pairs) :]  # the last of an odd number has no rival this round
                for i in alive:
                    points[i] += 1
        except ToolFault as e:
            return [Verdict(self.card.ref, fault=e.fault, why=e.why, cost=spent.cost)] * len(responses)
        for i, j in reversed(drawn):  # what the one that went on won later, both won
            points[j] = points[i]
        return [
            Verdict(self.card.ref, value=p / rounds, why=f"came through {p} of {rounds} rounds", cost=spent.cost)
            for p in points
        ]

    def _no_rival(self) -> Verdict:
        return Verdict(
            self.card.ref, fault=Fault.INVALID, why="one answer alone cannot be compared; use mode pointwise"
        )

    async def _guarded(self, work: Callable[[], Awaitable[Verdict]]) -> Verdict:
        try:
            return await work()
        except ToolFault as e:
            return Verdict(self.card.ref, fault=e.fault, why=e.why)


@dataclass(frozen=True, slots=True)
class Context:
    """What is the same for all answers of a group: the query, and the parts of the prompt."""

    query: Query
    parts: dict[str, str]


def family(model: str) -> str:
    """The family of a model by its name: "Qwen/Qwen3-8B-Instruct" -> "qwen"."""
    plain = model.rsplit("/", 1)[-1].lower()
    letters = ""
    for char in plain:
        if not char.isalpha():
            break
        letters += char
    return letters or plain


def _heat(sample: int) -> float:
    return 0.0 if sample == 0 else 0.7


def _unsteered(text: str) -> str:
    return without_steering(text) if steers(text) else text
