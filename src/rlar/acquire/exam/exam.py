"""The exam: what decides whether a tool may pay rewards.

A tool judges every case of the held-out queries at once: right answers, wrong ones, harmless changes of both, and the
attacks. Everything is made from the seed and the content of the cases, so an exam can be taken again by anybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product

from rlar.acquire.exam.attacks import ATTACKS
from rlar.acquire.exam.cases import Case, rng_for
from rlar.acquire.exam.elsewhere import judge_elsewhere
from rlar.acquire.exam.figures import Figure, clustered_share, mean_with_interval, quantile, rank_correlation, share
from rlar.acquire.exam.metamorphic import harmless
from rlar.acquire.exam.settings import Thresholds, thresholds_for
from rlar.scoring.run import Job, run
from rlar.types import Json, Kind, Query, Scope, Tool, Verdict

ROUNDING = 1e-4  # relative; what sums of float32 in another order may differ by
MOST_FAILURES = 40  # failing cases that a card keeps, spread over what they show


@dataclass(frozen=True, slots=True)
class Failure:
    """One failing case, for people and for the writer of the tool."""

    shows: str  # which figure it lowers: gold_accepted, wrong_rejected, pair_accuracy, attack:NAME ...
    query: str
    response: str
    says: str

    def to_json(self) -> Json:
        return {"shows": self.shows, "query": self.query[:400], "response": self.response[:400], "says": self.says}


@dataclass(frozen=True, slots=True)
class Exam:
    """The measured card. passed: whether every threshold was reached; refusals: which were not, in words."""

    tool: str
    seed: int
    queries: int
    figures: dict[str, Figure]
    attacks: dict[str, Figure]
    numbers: dict[str, float]
    failures: tuple[Failure, ...]
    refusals: tuple[str, ...]
    thresholds: Thresholds = field(default_factory=Thresholds)

    @property
    def passed(self) -> bool:
        return not self.refusals

    @property
    def executable(self) -> bool:
        """It ran: the least of it."""
        figure = self.figures["executable"]
        return figure.value is not None and figure.value >= self.thresholds.executable

    @property
    def valid(self) -> bool:
        """It ran, deterministically, and right answers got what they should."""
        wrong = ("deterministic", "gold_accepted", "metamorphic", "degenerate")
        return self.executable and not any(r.startswith(wrong) for r in self.refusals)

    @property
    def discriminative(self) -> bool:
        """It told right from wrong."""
        figure = self.figures["pair_accuracy"]
        return self.executable and figure.value is not None and figure.value >= self.thresholds.pair_accuracy

    def to_json(self) -> Json:
        body: dict[str, Json] = {name: figure.to_json() for name, figure in self.figures.items()}
        return body | {
            "tool": self.tool,
            "seed": self.seed,
            "queries": self.queries,
            "passed": self.passed,
            "executable_valid_discriminative": [self.executable, self.valid, self.discriminative],
            "refusals": list(self.refusals),
            "attacks": {name: figure.to_json() for name, figure in self.attacks.items()},
            "numbers": {k: round(v, 6) for k, v in self.numbers.items()},
            "failures": [f.to_json() for f in self.failures],
        }


async def examine(
    tool: Tool,
    cases: Sequence[Case],
    *,
    seed: int = 0,
    thresholds: Thresholds | None = None,
    elsewhere: bool = True,
) -> Exam:
    """Put a tool through the exam on these cases (the held-out half, where it decides about admission).

    elsewhere: also judge in a fresh process with another hash seed, and compare. Never raises for what the tool does.
    """
    limits = thresholds or thresholds_for(tool.card.kind)
    fitting = sorted((case for case in cases if _fits(tool, case.query)), key=lambda c: c.query.key)
    sheet = _Sheet(tool, fitting, seed)
    await sheet.ask(elsewhere=elsewhere)
    figures = {
        "fits": share(len(fitting), len(cases)),
        "executable": sheet.executable(),
        "deterministic": sheet.deterministic(),
        "gold_accepted": sheet.accepted(),
        "wrong_rejected": sheet.rejected(),
        "pair_accuracy": sheet.pairs(),
        "labelled_pairs": sheet.labelled_pairs(),
        "metamorphic": sheet.unmoved(),
        "resisted": sheet.resisted(),
        "length_correlation": sheet.length_correlation(),
    }
    attacks = sheet.by_attack()
    numbers = sheet.numbers()
    refusals = _refusals(figures, attacks, numbers, limits, has_line=tool.card.line is not None)
    return Exam(
        tool.card.ref, seed, len(fitting), figures, attacks, numbers, sheet.kept_failures(), tuple(refusals), limits
    )


def _fits(tool: Tool, query: Query) -> bool:
    try:
        return bool(tool.fits(query))
    except Exception:  # a fits that raises does not fit; conformance names it
        return False


def _refusals(
    figures: dict[str, Figure],
    attacks: dict[str, Figure],
    numbers: dict[str, float],
    limits: Thresholds,
    *,
    has_line: bool,
) -> list[str]:
    out = []
    if numbers["judgeable"] < limits.min_queries:
        had = f"{numbers['judgeable']:g} queries with a right and a wrong answer"
        out.append(f"too few cases: {had}, {limits.min_queries} needed")
    required = ["executable", "deterministic", "pair_accuracy", "metamorphic", "resisted"]
    required += ["gold_accepted", "wrong_rejected"] if has_line else []
    for name in required:
        figure, least = figures[name], float(getattr(limits, name))
        if figure.value is not None and figure.value < least:
            out.append(f"{name}: {figure}, at least {least:g} needed")
    pairs = figures["pair_accuracy"]
    if pairs.value is not None and pairs.low <= limits.pair_floor:
        out.append(f"pair_accuracy: {pairs}, its lower end must exceed {limits.pair_floor:g}")
    for name, figure in attacks.items():
        if figure.value is not None and figure.value < limits.resisted_each:
            out.append(f"attack {name}: resisted {figure}, at least {limits.resisted_each:g} needed")
    if numbers["distinct_values"] < 2 and numbers["judgeable"]:
        out.append("degenerate: gives every answer the same value")
    if numbers["seconds_p99"] > limits.most_seconds_p99:
        out.append(f"slow: p99 {numbers['seconds_p99']:.2f} s per response, at most {limits.most_seconds_p99:g}")
    return out


@dataclass(frozen=True, slots=True)
class _Attacked:
    attack: str
    on: str
    base: str
    text: str


class _Sheet:
    """All questions of one exam, the tool's answers, and the figures that follow from them."""

    def __init__(self, tool: Tool, cases: Sequence[Case], seed: int) -> None:
        self.tool, self.cases, self.seed = tool, cases, seed
        self.card = tool.card
        self.attacked: list[list[_Attacked]] = [self._attacks(case) for case in cases]
        self.variants = [self._variants(case) for case in cases]
        self.texts = [self._texts(i) for i in range(len(cases))]
        self.verdicts: list[dict[str, Verdict]] = []
        self.moved: list[list[float]] = []
        self.failures: list[Failure] = []
        self.judged_elsewhere = False

    def _attacks(self, case: Case) -> list[_Attacked]:
        others = [a.text for c in self.cases if c.cluster != case.cluster for a in c.right[:1]][:12]
        out = []
        for attack in ATTACKS:
            bases = {
                "nothing": [""],
                "wrong": [a.text for a in case.wrong[:2]],
                "right": [a.text for a in case.right[:1]],
            }
            for base in bases[attack.on]:
                text = attack.make(case.query, base, rng_for(self.seed, attack.name, case.query.key), others)
                if text is not None and text not in {a.text for a in case.right}:
                    out.append(_Attacked(attack.name, attack.on, base, text))
        return out

    def _variants(self, case: Case) -> list[tuple[str, str, str]]:
        """(name of the change, text, changed text) of right and wrong answers."""
        bases = [*case.right[:2], *case.wrong[:2]]
        return [(name, a.text, changed) for a in bases for name, changed in harmless(case.query, a.text)]

    def _texts(self, i: int) -> list[str]:
        case = self.cases[i]
        texts = [a.text for a in (*case.right, *case.wrong)] + [t for t, _ in case.ranked]
        texts += [changed for _, _, changed in self.variants[i]] + [a.text for a in self.attacked[i]]
        return list(dict.fromkeys(texts))

    async def ask(self, *, elsewhere: bool) -> None:
        ref = self.card.ref
        jobs = [Job(case.query, texts, (ref,)) for case, texts in zip(self.cases, self.texts, strict=True)]
        got = await run(jobs, {ref: self.tool})
        self.verdicts = [
            dict(zip(job.responses_G, (v[0] for v in group), strict=True)) for job, group in zip(jobs, got, strict=True)
        ]
        await self._again(jobs, elsewhere)

    async def _again(self, jobs: Sequence[Job], elsewhere: bool) -> None:
        """Judge once more: in another order, some alone, and in another process. Group tools keep their group."""
        ref = self.card.ref
        back = [Job(j.query, list(j.responses_G)[::-1], j.tools_K) for j in jobs]
        alone = (
            [] if self.card.scope is Scope.GROUP else [Job(j.query, j.responses_G[:1], j.tools_K) for j in jobs[:20]]
        )
        again = await run([*back, *alone], {ref: self.tool})
        for i, job in enumerate(back):
            self.moved.append([self._same(i, t, v[0]) for t, v in zip(job.responses_G, again[i], strict=True)])
        for k, job in enumerate(alone):
            for text, v in zip(job.responses_G, again[len(back) + k], strict=True):
                self.moved[k].append(self._same(k, text, v[0]))
        if elsewhere and jobs:
            some = jobs[:20]
            values = await asyncio.to_thread(judge_elsewhere, self.tool, [(j.query, list(j.responses_G)) for j in some])
            self.judged_elsewhere = values is not None
            for i, (job, group) in enumerate(zip(some, values or [], strict=False)):
                for text, (value, fault) in zip(job.responses_G, group, strict=True):
                    here = self.verdicts[i][text]
                    equal = (here.fault and str(here.fault)) == fault and self._equal(here.value, value)
                    self.moved[i].append(float(equal))

    def _same(self, i: int, text: str, verdict: Verdict) -> float:
        before = self.verdicts[i][text]
        same = before.fault == verdict.fault and self._equal(before.value, verdict.value)
        if not same:
            self._fail(
                "deterministic", i, text, f"{before.value} ({before.fault}), then {verdict.value} ({verdict.fault})"
            )
        return float(same)

    def _equal(self, a: float | None, b: float | None) -> bool:
        """Equal; of a model whose card has a band of ties also up to float32's noise, for batches differ in shape."""
        if a is None or b is None:
            return a is b
        noise = ROUNDING * max(1.0, abs(a)) if self.card.kind is Kind.REWARD_MODEL else 0.0
        return a == b or abs(a - b) <= min(self.card.tie_band, noise)

    # -- figures ----------------------------------------------------------------------------------------------------

    def _value(self, i: int, text: str) -> float | None:
        return self.verdicts[i][text].value

    def _fail(self, shows: str, i: int, response: str, says: str) -> None:
        self.failures.append(Failure(shows, self.cases[i].query.text, response, says))

    def executable(self) -> Figure:
        hits = []
        for i, verdicts in enumerate(self.verdicts):
            hits.append([float(v.fault is None) for v in verdicts.values()])
            for text, v in verdicts.items():
                if v.fault is not None:
                    self._fail("executable", i, text, f"{v.fault}: {v.why}")
        return clustered_share(hits)

    def deterministic(self) -> Figure:
        return clustered_share(self.moved)

    def accepted(self) -> Figure:
        return self._by_line([(i, a.text, a.how, True) for i, c in enumerate(self.cases) for a in c.right])

    def rejected(self) -> Figure:
        return self._by_line([(i, a.text, a.how, False) for i, c in enumerate(self.cases) for a in c.wrong])

    def _by_line(self, wanted: Sequence[tuple[int, str, str, bool]]) -> Figure:
        if self.card.line is None:
            return clustered_share([])
        hits: dict[int, list[float]] = {}
        for i, text, how, right in wanted:
            value = self._value(i, text)
            hit = value is not None and (value >= self.card.line) == right
            hits.setdefault(i, []).append(float(hit))
            if not hit:
                self._fail("gold_accepted" if right else "wrong_rejected", i, text, f"{how}: got {value}")
        return clustered_share(list(hits.values()))

    def pairs(self) -> Figure:
        """Better above worse: each right with each wrong answer, and labelled answers of different worth."""
        hits = []
        for i, case in enumerate(self.cases):
            pairs = [(r.text, w.text) for r, w in product(case.right, case.wrong)]
            pairs += [(a, b) for (a, x), (b, y) in product(case.ranked, case.ranked) if x > y]
            hits.append([self._pair(i, better, worse) for better, worse in pairs])
        return clustered_share(hits)

    def labelled_pairs(self) -> Figure:
        """The part of `pairs` that people labelled. A graded tool is believed by these alone: telling a text from its
        corruption is much easier than telling good from better."""
        hits = []
        for i, case in enumerate(self.cases):
            known = ([a.text for a in side if a.how == "labelled"] for side in (case.right, case.wrong))
            pairs = list(product(*known))
            pairs += [(a, b) for (a, x), (b, y) in product(case.ranked, case.ranked) if x > y]
            hits.append([self._pair(i, better, worse) for better, worse in pairs])
        return clustered_share(hits)

    def _pair(self, i: int, better: str, worse: str) -> float:
        a, b = self._value(i, better), self._value(i, worse)
        if a is None or b is None or abs(a - b) <= self.card.tie_band:
            return 0.5 if a is not None and b is not None else 0.0  # a fault orders nothing
        if a < b:
            self._fail("pair_accuracy", i, worse, f"got {b}, above {a} of a better answer: {better[:120]!r}")
        return float(a > b)

    def unmoved(self) -> Figure:
        hits = []
        for i, variants in enumerate(self.variants):
            mine = []
            for name, text, changed in variants:
                a, b = self._value(i, text), self._value(i, changed)
                slack = max(self.card.tie_band, 0.02 * (self.card.high - self.card.low))
                hit = a is not None and b is not None and abs(a - b) <= slack
                mine.append(float(hit))
                if not hit:
                    self._fail("metamorphic", i, changed, f"{name} moved {a} to {b}")
            hits.append(mine)
        return clustered_share(hits)

    def resisted(self) -> Figure:
        return clustered_share([[self._resists(i, a) for a in attacked] for i, attacked in enumerate(self.attacked)])

    def by_attack(self) -> dict[str, Figure]:
        hits: dict[str, list[list[float]]] = {}
        for i, attacked in enumerate(self.attacked):
            for attack in attacked:
                hits.setdefault(attack.attack, []).append([self._resists(i, attack, note=True)])
        return {name: clustered_share(rows) for name, rows in sorted(hits.items())}

    def _resists(self, i: int, attack: _Attacked, *, note: bool = False) -> float:
        value = self._value(i, attack.text)
        if value is None:
            return 0.0  # a tool that an attack can break has not resisted it
        line, band = self.card.line, self.card.tie_band
        base = self._value(i, attack.base) if attack.base else None
        rights = [v for a in self.cases[i].right if (v := self._value(i, a.text)) is not None]
        gained = attack.on != "right" and line is not None and value >= line
        if attack.on == "nothing" and rights:
            gained |= value >= max(rights) and max(rights) > self.card.low
        elif base is not None:
            gained |= value > base + max(band, 1e-9)
        if gained and note:
            self._fail(
                f"attack:{attack.attack}",
                i,
                attack.text,
                f"got {value}" + (f", its base {base}" if base is not None else ""),
            )
        return float(not gained)

    def length_correlation(self) -> Figure:
        """Within prompts: do longer answers of one kind get more? Over answers that are equally right."""
        rhos = []
        for i, case in enumerate(self.cases):
            known = [(len(t), v) for t, _ in case.ranked if (v := self._value(i, t)) is not None]
            known += [(len(a.text), v) for a in (*case.right, *case.wrong) if (v := self._value(i, a.text)) is not None]
            rho = rank_correlation([float(n) for n, _ in known], [v for _, v in known])
            if rho is not None:
                rhos.append(rho)
        return mean_with_interval(rhos)

    def numbers(self) -> dict[str, float]:
        all_verdicts = [v for verdicts in self.verdicts for v in verdicts.values()]
        seconds = self._seconds() or [v.cost.seconds for v in all_verdicts] or [0.0]
        judged = [v for v in all_verdicts if v.value is not None]
        judgeable = sum(bool(c.right and c.wrong) or len({x for _, x in c.ranked}) > 1 for c in self.cases)
        return {
            "judgeable": float(judgeable),
            "verdicts": float(len(all_verdicts)),
            "distinct_values": float(len({v.value for v in judged})),
            "seconds_p50": quantile(seconds, 0.5),
            "seconds_p99": quantile(seconds, 0.99),
            "tokens_per_response": sum(v.cost.tokens for v in all_verdicts) / max(1, len(all_verdicts)),
            "usd_per_1000": 1000 * sum(v.cost.usd for v in all_verdicts) / max(1, len(all_verdicts)),
            "judged_elsewhere": float(self.judged_elsewhere),
        }

    def _seconds(self) -> list[float]:
        """What the tool took; of right answers where they are programs: how long a wrong one runs is its own doing."""
        out: list[float] = []
        for case, verdicts in zip(self.cases, self.verdicts, strict=True):
            right = {a.text for a in case.right}
            out += [v.cost.seconds for t, v in verdicts.items() if case.query.tests is None or t in right]
        return out

    def kept_failures(self) -> tuple[Failure, ...]:
        """A few of every kind, so that one common failure does not hide the others."""
        kinds: dict[str, list[Failure]] = {}
        for failure in dict.fromkeys(self.failures):
            kinds.setdefault(failure.shows, []).append(failure)
        each = max(2, MOST_FAILURES // max(1, len(kinds)))
        return tuple(f for kind in kinds.values() for f in kind[:each])[:MOST_FAILURES]
