"""An LLM as judge: one tool, several modes, for what no verifier, metric or reward model can settle.

Sources: critique first (CLoud, arXiv 2408.11791), criteria per query (CARMO, 2410.21545), solve first for reasoning
(RM-R1, 2505.02387), both orders (MT-Bench, 2306.05685), tournaments with draws (ArenaRL, 2601.06487).
"""

from __future__ import annotations

import asyncio
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, pstdev

from rlar.engines.llm import Ask, Chat
from rlar.errors import InputError, ToolFault
from rlar.tools.judge import forms
from rlar.tools.judge.asking import Spent, ask_json
from rlar.tools.judge.evidence import judge_with_evidence
from rlar.tools.judge.guard import shown, steers, without_steering
from rlar.types import Cost, Fault, Json, Kind, Message, Query, Response, Scope, ToolCard, Verdict, content_key

MODES = ("pointwise", "pairwise", "listwise", "tournament", "evidence")
CRITERIA = ("", "query", "family", "both")
REASONING = ("math", "code", "reasoning")


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """How a judge works.

    mode: pointwise (each answer alone), pairwise (every pair, both orders), listwise (all at once, two orders),
    tournament (knock-out, both orders, draws), evidence (each alone, with checks that the verdict must cite).
    principles: what counts, for every query; a query's own extra["rubric"] comes before them.
    criteria: also ask what counts: "query" once per query, "family" once per task label, "both" the family's core and
    then the query's part, "" not at all. They are frozen: all answers of a group are judged by the same ones.
    critique: reasons before the verdict. solve_first: the judge answers the question itself first: True, False, or
    None for reasoning tasks without a reference only. votes: replies per verdict, at most; equal first ones stop it.
    policy_model: name of the model being trained, to warn where judge and policy are one family.
    """

    mode: str = "pointwise"
    principles: tuple[str, ...] = ()
    criteria: str | bool = ""
    critique: bool = True
    solve_first: bool | None = None
    votes: int = 1
    policy_model: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.criteria, bool):
            object.__setattr__(self, "criteria", "query" if self.criteria else "")
        if self.mode not in MODES:
            raise InputError(f"a judge's mode is one of {', '.join(MODES)}, not {self.mode!r}")
        if self.criteria not in CRITERIA:
            raise InputError(f"a judge's criteria are for query, family or both, not {self.criteria!r}")
        if not 1 <= self.votes <= 9:
            raise InputError(f"votes must lie in 1 to 9, got {self.votes}")


def task_of(query: Query) -> str:
    """The task label that the query carries, "" for none."""
    label = query.extra.get("task")
    return label if isinstance(label, str) else ""


class Judge:
    """A judge over any Chat. Values in [0, 1]; a reply that cannot be read is a fault, never a number.

    confidence: 1 minus the deviation of the replies behind a value (votes, orders) relative to the widest possible;
    None where there was one reply only. cost: what a group shares (criteria, own solution, comparisons) stands with
    its first answer, so that sums are right. task_of: the task label of a query, for criteria by family and for solving
    first; without it, what the query itself says.
    """

    def __init__(
        self,
        chat: Chat,
        settings: JudgeSettings | None = None,
        *,
        name: str = "judge",
        task_of: Callable[[Query], str] = task_of,
    ) -> None:
        self.chat = chat
        self.settings = settings or JudgeSettings()
        self.task_of = task_of
        self._core: dict[str, list[str]] = {}  # by family: once known, never asked for again
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
        if s.policy_model and (shared := families(s.policy_model) & families(chat.model)):
            warnings.warn(
                f"judge {chat.model} and policy {s.policy_model} are of one family ({', '.join(sorted(shared))}); "
                "such judges prefer their own kind",
                stacklevel=2,
            )

    def fits(self, query: Query) -> bool:
        return bool(query.text.strip())

    async def judge(self, query: Query, responses_G: Sequence[Response]) -> list[Verdict]:
        if not responses_G:
            return []
        shared = Spent()
        unique = list(dict.fromkeys(responses_G))  # equal answers get equal verdicts, and are asked about once
        by_mode = {
            "pointwise": self._each,
            "evidence": self._each,
            "pairwise": self._pairs,
            "listwise": self._list,
            "tournament": self._tournament,
        }
        try:
            context = await self._context(query, shared)
            found = await by_mode[self.settings.mode](context, unique, shared)
        except ToolFault as e:
            found = [Verdict(self.card.ref, fault=e.fault, why=e.why)] * len(unique)
        found[0] = replace(found[0], cost=found[0].cost + shared.cost)
        verdicts = dict(zip(unique, found, strict=True))
        first = {r: g for g, r in reversed(list(enumerate(responses_G)))}
        return [
            verdicts[r] if first[r] == g else replace(verdicts[r], cost=Cost())  # a cost is told once
            for g, r in enumerate(responses_G)
        ]

    async def _context(self, query: Query, spent: Spent) -> Context:
        s = self.settings
        rubric = query.extra.get("rubric")
        base = {"question": forms.question(query), "reference": forms.reference(query)}
        task = self.task_of(query)
        principles = list(s.principles)
        core = await self._family_core(task, spent) if s.criteria in ("family", "both") else []
        items = ([str(rubric)] if rubric else []) + principles + core
        if s.criteria in ("query", "both"):
            wanted = forms.messages("criteria", **base, criteria=forms.criteria(items))
            got = await ask_json(self.chat, Ask(wanted, forms.CRITERIA_SCHEMA, purpose="criteria"), spent)
            items += got["criteria"]
        items = list({item.strip().casefold(): item for item in reversed(items)}.values())[::-1]
        solve = s.solve_first
        if solve is None:
            solve = query.reference is None and task in REASONING
        solution = ""
        if solve:
            wanted = forms.messages("solve", **base)
            got = await ask_json(self.chat, Ask(wanted, forms.SOLUTION_SCHEMA, purpose="solve"), spent)
            solution = "Your own answer, found before you saw any other (it may be wrong):\n" + shown(
                "own", got["answer"]
            )
        order = "First the critique, then the verdict." if s.critique else "The verdict only."
        return Context(query, {**base, "criteria": forms.criteria(items), "solution": solution, "order": order})

    async def _family_core(self, task: str, spent: Spent) -> list[str]:
        """What counts for every query of one task, from the principles alone: no query, no answer has a say in it."""
        if task not in self._core:
            family = task.replace("_", " ") or "general questions and requests"
            wanted = forms.messages("family", family=family, criteria=forms.criteria(list(self.settings.principles)))
            got = await ask_json(self.chat, Ask(wanted, forms.CRITERIA_SCHEMA, purpose="criteria"), spent)
            self._core.setdefault(task, got["criteria"])  # of two that asked at once, the first one's stay
        return self._core[task]

    # -- each answer alone ------------------------------------------------------------------------------------------

    async def _each(self, context: Context, responses: Sequence[Response], spent: Spent) -> list[Verdict]:
        return list(await asyncio.gather(*(self._one(context, r) for r in responses)))

    async def _one(self, context: Context, response: Response) -> Verdict:
        """A verdict on one answer. What it says to its grader cannot raise it, and cannot make it a fault either."""
        plain = without_steering(response) if steers(response) else response
        if not plain.strip():
            why = "only talks to its grader" if response.strip() else "an empty answer"
            return Verdict(self.card.ref, value=0.0, why=why)
        spent = Spent()
        rated: list[Rated] = []
        fault: ToolFault | None = None
        for text in dict.fromkeys((plain, response)):
            try:
                rated.append(await self._votes(context, text, spent))
            except ToolFault as e:
                fault = fault or e
                if text == plain:
                    break  # not readable even without it: then it is the judge
        if not rated:
            assert fault is not None
            return Verdict(self.card.ref, fault=fault.fault, why=fault.why, cost=spent.cost)
        lower = min(rated, key=lambda r: r.value)
        steered = plain != response and lower is rated[0]
        why = f"judged without what it says to its grader: {lower.why}" if steered else lower.why
        confidence = None if self.settings.votes == 1 else 1 - 2 * lower.deviation
        return Verdict(self.card.ref, value=lower.value, why=why, confidence=confidence, cost=spent.cost)

    async def _votes(self, context: Context, response: Response, spent: Spent) -> Rated:
        values: list[float] = []
        reasons = ""
        for sample in range(self.settings.votes):
            if self.settings.mode == "evidence":
                score, why = await judge_with_evidence(self.chat, context.query, context.parts, response, spent, sample)
            else:
                score, why = await self._score(context, response, spent, sample)
            values.append(_unit(score))
            reasons = reasons or why
            if self._settled(values):
                break
        return Rated(fmean(values), pstdev(values), reasons)

    def _settled(self, votes: Sequence[float]) -> bool:
        """Whether the rest of the votes could not change the majority."""
        return len(votes) == self.settings.votes // 2 + 1 and len(set(votes)) == 1

    async def _score(self, context: Context, response: Response, spent: Spent, sample: int) -> tuple[int, str]:
        answer = "The answer to judge:\n" + shown("answer", response)
        wanted = forms.messages("pointwise", **context.parts, answer=answer)
        schema = forms.score_schema(self.settings.critique)
        got = await ask_json(self.chat, _ask(wanted, schema, sample), spent)
        return got["score"], got.get("critique", "")

    # -- answers against each other ---------------------------------------------------------------------------------

    async def _compare(self, context: Context, a: Response, b: Response, spent: Spent) -> Compared:
        """Share 1.0 if a wins in both orders, 0.0 if b does, else 0.5: a preference that order turns round is none."""
        if not a.strip() or not b.strip():
            return Compared(0.5 if not a.strip() and not b.strip() else float(bool(a.strip())), 0.0)
        shares: list[float] = []
        outcomes: list[float] = []
        for sample in range(self.settings.votes):
            pair = []
            for first, second, swapped in ((a, b, False), (b, a, True)):
                wanted = forms.messages(
                    "pairwise",
                    **context.parts,
                    answer_a="Answer A:\n" + shown("answer A", first),
                    answer_b="Answer B:\n" + shown("answer B", second),
                )
                schema = forms.winner_schema(self.settings.critique)
                winner = (await ask_json(self.chat, _ask(wanted, schema, sample), spent))["winner"]
                share = {"A": 1.0, "B": 0.0, "tie": 0.5}[winner]
                pair.append(1 - share if swapped else share)
            outcomes += pair
            shares.append({2.0: 1.0, 0.0: 0.0}.get(sum(pair), 0.5))
            if self._settled(shares):
                break
        return Compared(fmean(shares), pstdev(outcomes))

    async def _pairs(self, context: Context, responses: Sequence[Response], spent: Spent) -> list[Verdict]:
        n = len(responses)
        if n == 1:
            return [self._no_rival()]
        pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
        texts = [_unsteered(r) for r in responses]
        got = await asyncio.gather(
            *(self._compare(context, texts[i], texts[j], spent) for i, j in pairs), return_exceptions=True
        )
        mine: list[list[Compared]] = [[] for _ in responses]
        faults: list[ToolFault | None] = [None] * n
        for (i, j), compared in zip(pairs, got, strict=True):
            if isinstance(compared, ToolFault):  # without this pair, shares would not be of the same rivals
                faults[i] = faults[j] = compared
            elif isinstance(compared, BaseException):
                raise compared
            else:
                mine[i].append(compared)
                mine[j].append(Compared(1 - compared.share, compared.deviation))
        return [self._share(mine[k], faults[k]) for k in range(n)]

    def _share(self, mine: Sequence[Compared], fault: ToolFault | None) -> Verdict:
        if fault is not None:
            return Verdict(self.card.ref, fault=fault.fault, why=fault.why)
        wins, draws = sum(c.share > 0.5 for c in mine), sum(c.share == 0.5 for c in mine)
        why = f"wins {wins}, draws {draws} of {len(mine)}"
        return Verdict(self.card.ref, value=fmean(c.share for c in mine), why=why, confidence=_confidence(mine))

    async def _list(self, context: Context, responses: Sequence[Response], spent: Spent) -> list[Verdict]:
        if len(responses) == 1:
            return [self._no_rival()]
        texts = [_unsteered(r) for r in responses]
        order = sorted(range(len(responses)), key=lambda i: content_key(responses[i]))  # not the caller's order
        rounds: list[dict[int, int]] = []
        for sample in range(self.settings.votes):
            rounds.append(await self._listed(context, texts, order, spent, sample))
            rounds.append(await self._listed(context, texts, order[::-1], spent, sample))
            seen = [tuple(_unit(r[i]) for i in order) for r in rounds]
            if len(seen) == 2 * (self.settings.votes // 2 + 1) and len(set(seen)) == 1:
                break
        verdicts = []
        for i, text in enumerate(texts):
            values = [_unit(r[i]) for r in rounds]
            why = f"{rounds[0][i]} in one order, {rounds[1][i]} in the other"
            value = fmean(values) if text.strip() else 0.0
            verdicts.append(Verdict(self.card.ref, value=value, why=why, confidence=1 - 2 * pstdev(values)))
        return verdicts

    async def _listed(
        self, context: Context, texts: Sequence[str], positions: Sequence[int], spent: Spent, sample: int
    ) -> dict[int, int]:
        """The score of each answer, shown in this order. Raises ToolFault where the ids are not each of them, once."""
        ids = [f"R{k + 1}" for k in range(len(positions))]
        fenced = [shown("answer", texts[i], answer_id=id_) for id_, i in zip(ids, positions, strict=True)]
        wanted = forms.messages("listwise", **context.parts, answers="The answers:\n" + "\n".join(fenced))
        schema = forms.list_schema(self.settings.critique, ids)
        got = (await ask_json(self.chat, _ask(wanted, schema, sample), spent))["scores"]
        if sorted(g["id"] for g in got) != sorted(ids):
            raise ToolFault(Fault.UNREADABLE, f"scores for {[g['id'] for g in got]} instead of each of {ids} once")
        by_id = {g["id"]: g["score"] for g in got}
        return {i: by_id[id_] for id_, i in zip(ids, positions, strict=True)}

    async def _tournament(self, context: Context, responses: Sequence[Response], spent: Spent) -> list[Verdict]:
        """Knock-out: who wins goes on; of a draw the earlier seed goes on for both, and both end with its points.

        Seeds by content, so that the caller's order decides nothing. 2 (G - 1) calls instead of G (G - 1).
        Value: share of the rounds that an answer came through. Under GRPO, losers of one round tie.
        """
        if len(responses) == 1:
            return [self._no_rival()]
        texts = [_unsteered(r) for r in responses]
        points = [0] * len(responses)
        mine: list[list[Compared]] = [[] for _ in responses]
        drawn: list[tuple[int, int]] = []
        alive = sorted(range(len(responses)), key=lambda i: content_key(responses[i]))
        rounds = 0
        while len(alive) > 1:
            rounds += 1
            pairs = list(zip(alive[::2], alive[1::2], strict=False))
            matches = await asyncio.gather(*(self._compare(context, texts[i], texts[j], spent) for i, j in pairs))
            for (i, j), match in zip(pairs, matches, strict=True):
                mine[i].append(match)
                mine[j].append(match)
            through = [j if m.share < 0.5 else i for (i, j), m in zip(pairs, matches, strict=True)]
            drawn += [pair for pair, m in zip(pairs, matches, strict=True) if m.share == 0.5]
            alive = through + alive[2 * len(pairs) :]  # the last of an odd number has no rival this round
            for i in alive:
                points[i] += 1
        for i, j in reversed(drawn):  # what the one that went on won later, both won
            points[j] = points[i]
        return [
            Verdict(
                self.card.ref,
                value=p / rounds,
                why=f"came through {p} of {rounds} rounds",
                confidence=_confidence(mine[k]),
            )
            for k, p in enumerate(points)
        ]

    def _no_rival(self) -> Verdict:
        return Verdict(
            self.card.ref, fault=Fault.INVALID, why="one answer alone cannot be compared; use mode pointwise"
        )


@dataclass(frozen=True, slots=True)
class Context:
    """What is the same for all answers of a group: the query, and the parts of the prompt."""

    query: Query
    parts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Rated:
    """One text's votes: their mean in [0, 1], their deviation, the first one's reasons."""

    value: float
    deviation: float
    why: str


@dataclass(frozen=True, slots=True)
class Compared:
    """One pair: the first answer's share in [0, 1], and the deviation of all single replies (orders, votes)."""

    share: float
    deviation: float


_KIN = {"o1": "gpt", "o3": "gpt", "o4": "gpt", "chatgpt": "gpt", "davinci": "gpt", "qwq": "qwen", "qvq": "qwen"}
_KIN |= {"mixtral": "mistral", "ministral": "mistral", "magistral": "mistral", "codestral": "mistral"}
_KIN |= {"vicuna": "llama", "alpaca": "llama", "tulu": "llama", "codellama": "llama", "gemma": "gemini"}
_FAMILIES = {"gpt", "qwen", "llama", "mistral", "gemini", "claude", "deepseek", "internlm", "glm", "yi", "phi", "grok"}


def families(model: str) -> set[str]:
    """The families of a model by its name: {"deepseek", "qwen"} for "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B".

    A name that holds no known family is its own: its first letters.
    """
    words = re.findall(r"o\d(?![a-z0-9])|[a-z]+", model.rsplit("/", 1)[-1].lower())
    known = {_KIN.get(w, w) for w in words}
    return known & _FAMILIES or {next(iter(words), model)}


def _ask(messages: tuple[Message, ...], schema: Json, sample: int) -> Ask:
    return Ask(messages, schema, temperature=0.7 if sample else 0.0, sample=sample, purpose="judge")


def _unit(score: int) -> float:
    return (score - forms.LOW) / (forms.HIGH - forms.LOW)


def _confidence(mine: Sequence[Compared]) -> float:
    return 1 - 2 * fmean(c.deviation for c in mine) if mine else 1.0


def _unsteered(text: str) -> str:
    return without_steering(text) if steers(text) else text
