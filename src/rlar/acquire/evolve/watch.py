"""What is noticed: one `Watch` reads verdicts group by group and says when a tool's stream is no longer what it was.

It decides nothing: a finding is a reason to look (see `keeper`), and for a policy that learns, most are good news.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from rlar.acquire.evolve.echoes import Echoes
from rlar.acquire.evolve.signals import Rate, Shape, Shift
from rlar.acquire.exam.figures import rank_correlation, share
from rlar.types import Json

KINDS = ("faults", "frozen", "drift", "hacking", "disagreement", "saturation", "gaps")


@dataclass(frozen=True, slots=True)
class Settings:
    """How much it takes. The defaults give the false-alarm rates and delays of docs/evolve.md.

    learn: groups from which a stream's normal level is learnt. slack, limit: of the mean, in deviations (Shift).
    shape_alpha: of the distribution (Shape). faults: share of faulty verdicts that is always normal. rate_limit: groups
    between two false alarms about faults, on average at least. saturated: of the last `window` groups at most this
    share has any information, where the first had three times that. frozen: groups in a row in which a graded tool
    gives different answers one value. together: groups within which two signs count as one. quiet: groups after a
    finding in which the same kind is not told again.
    """

    learn: int = 100
    slack: float = 0.5
    limit: float = 18.0
    shape_alpha: float = 1e-7
    faults: float = 0.02
    rate_limit: float = 1e5
    window: int = 128
    saturated: float = 0.1
    frozen: int = 16
    together: int = 200
    quiet: int = 100


@dataclass(frozen=True, slots=True)
class Judged:
    """What one tool said of one group. values: None for a fault. others: what other tools said of the same responses.

    check: what a held-out judge said, that pays nothing. lengths: characters of the responses; () where not known.
    shared: share of their wording that answers to other queries had as well; None where not known.
    """

    tool: str
    family: str
    values: Sequence[float | None]
    others: Sequence[Sequence[float | None]] = ()
    check: Sequence[float | None] = ()
    lengths: Sequence[int] = ()
    shared: float | None = None
    distinct: bool = True  # whether the responses differ at all


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that moved. kind: one of KINDS. at: how many groups of this tool and family were seen. level: before
    and after, in the unit of the signal."""

    kind: str
    tool: str
    family: str
    at: int
    why: str
    way: str = ""
    before: float | None = None
    after: float | None = None

    def to_json(self) -> dict[str, Json]:
        return {name: getattr(self, name) for name in ("kind", "tool", "family", "at", "why", "way", "before", "after")}


class Watch:
    """All streams of one run, one for each tool and family. Not for several threads at once."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.streams: dict[tuple[str, str], Stream] = {}
        self.gaps: dict[str, Rate] = {}
        self.echoes = Echoes()
        self.groups = 0

    def see(self, judged: Judged) -> list[Finding]:
        """Take in one group by one tool, and say what it completes the evidence of."""
        key = judged.tool, judged.family
        if key not in self.streams:
            name = judged.tool.partition("@")[0]
            before = [s for s in self.streams.values() if s.family == key[1] and s.tool.partition("@")[0] == name]
            self.streams[key] = Stream(judged.tool, judged.family, self.settings, before=before[-1] if before else None)
        return self.streams[key].see(judged)

    def see_family(self, family: str, *, gap: bool) -> list[Finding]:
        """Take in whether a query of this family had a tool at all."""
        self.groups += 1
        rate = self.gaps.setdefault(family, Rate(0.5, limit=1e3))
        if not rate.see(float(gap)):
            return []
        return [Finding("gaps", "", family, self.groups, "queries of this family find no proven tool")]

    def forget(self, tool: str) -> None:
        """Drop what is known of one version: it judges no longer, or was just proven anew."""
        for key in [k for k in self.streams if k[0] == tool]:
            del self.streams[key]


class Stream:
    """One tool on one family. before: of the version that it replaced, whose levels are the normal ones for it."""

    def __init__(self, tool: str, family: str, settings: Settings, *, before: Stream | None = None) -> None:
        self.tool, self.family, self.settings = tool, family, settings
        self.n = 0
        self.faults = Rate(max(settings.faults, 0.05), limit=settings.rate_limit)
        self.faulty: list[float] = []
        self.shape = Shape(learn=settings.learn, alpha=settings.shape_alpha)
        self.shifts: dict[str, Shift] = {}
        self.moved: dict[str, tuple[int, str]] = {}  # signal -> (when, which way) it last moved
        self.told: dict[str, int] = {}
        self.informed_first: list[float] = []
        self.informed: deque[float] = deque(maxlen=settings.window)
        self.grades: set[float] = set()
        self.one_value = 0
        self.only: set[float] = set()  # the one value of the last group, if it had one

        if before is not None:
            self.shape.first, self.shape.edges = list(before.shape.first), before.shape.edges
            self.informed_first, self.grades = list(before.informed_first), set(before.grades)
            for name, shift in before.shifts.items():
                self.shifts[name] = shift.renewed()

    def see(self, judged: Judged) -> list[Finding]:
        self.n += 1
        found = [*self._faults(judged), *self._frozen(judged)]
        values = [v for v in judged.values if v is not None]
        if values:
            found += self._saturation(judged, values)
            found += self._levels(judged, values)
        return [f for f in found if self._new(f)]

    def _new(self, finding: Finding) -> bool:
        last = self.told.get(finding.kind)
        if last is not None and self.n - last < self.settings.quiet:
            return False
        self.told[finding.kind] = self.n
        return True

    def _find(
        self, kind: str, why: str, way: str = "", before: float | None = None, after: float | None = None
    ) -> Finding:
        return Finding(kind, self.tool, self.family, self.n, why, way, _short(before), _short(after))

    # -- faults -----------------------------------------------------------------------------------------------------

    def _faults(self, judged: Judged) -> Iterator[Finding]:
        part = sum(v is None for v in judged.values) / max(1, len(judged.values))
        normal = self.faults.normal
        if len(self.faulty) < self.settings.learn:
            self.faulty.append(part)
            if len(self.faulty) == self.settings.learn:  # what it always did is normal, but nothing above one half
                usual = share(sum(self.faulty), len(self.faulty)).high
                self.faults = Rate(min(0.5, max(self.settings.faults, usual)), limit=self.settings.rate_limit)
        if self.faults.see(part):
            yield self._find("faults", f"faults rose above {normal:.1%} of its verdicts", "up", normal, part)

    # -- one value for everything -----------------------------------------------------------------------------------

    def _frozen(self, judged: Judged) -> Iterator[Finding]:
        """A graded tool that told answers apart before and now gives all of them one value is broken, whatever the
        policy does; of a verifier, which has two values only, that may well be right."""
        values = {v for v in judged.values if v is not None}
        if len(values) == 1 and judged.distinct and len(judged.values) > 1:
            self.one_value = self.one_value + 1 if values == self.only else 1
            self.only = values
        elif values:
            self.one_value, self.only = 0, set()
            if len(self.grades) <= 8:
                self.grades |= values
        if self.one_value == self.settings.frozen and len(self.grades) > 8:
            yield self._find("frozen", f"gave {self.one_value} groups of different answers one value: {values.pop():g}")

    # -- information ------------------------------------------------------------------------------------------------

    def _saturation(self, judged: Judged, values: list[float]) -> Iterator[Finding]:
        if len(judged.values) < 2:
            return
        informed = float(max(values) - min(values) > 1e-9)
        self.informed.append(informed)
        s = self.settings
        if len(self.informed_first) < s.window:
            self.informed_first.append(informed)
            return
        if len(self.informed) < s.window:
            return
        before, now = fmean(self.informed_first), share(sum(self.informed), s.window)
        if now.value is not None and now.value <= s.saturated and before >= 3 * s.saturated:
            level = fmean(values)
            why = f"of its last {s.window} groups {now.value:.1%} tell answers apart, of the first {before:.1%}"
            self.informed.clear()
            yield self._find("saturation", f"{why}; the last had mean {level:.3g}", "down", before, now.value)

    # -- levels and shapes ------------------------------------------------------------------------------------------

    def _levels(self, judged: Judged, values: list[float]) -> Iterator[Finding]:
        mean = fmean(values)
        before = fmean(self.shape.first) if self.shape.first else mean
        reward = self._shift("reward", mean)
        if judged.lengths:
            self._shift("length", math.log1p(fmean(judged.lengths)), floor=0.05)
            if len(judged.lengths) == len(judged.values):
                known = [(float(n), v) for n, v in zip(judged.lengths, judged.values, strict=True) if v is not None]
                rho = rank_correlation([n for n, _ in known], [v for _, v in known])
                if rho is not None:
                    self._shift("length_pays", rho, floor=0.1)
        if judged.shared is not None:
            self._shift("sharing", judged.shared, floor=0.02)
        gap = _paired(judged.values, judged.check)
        checked = self._shift("above_check", gap, floor=0.02) if gap is not None else ""
        discord = _discord([judged.values, *judged.others])
        if discord is not None and self._shift("discord", discord, floor=0.05) == "up":
            level = self.shifts["discord"]
            why = f"orders answers against other tools in {level.recent:.1%} of pairs, before {level.mean:.1%}"
            yield self._find("disagreement", why, "up", level.mean, level.recent)
        shaped = not reward and self.shape.see(mean)
        if checked == "up":
            level = self.shifts["above_check"]
            why = f"pays {level.recent:.3g} more than the held-out check says, before {level.mean:.3g}"
            yield self._find("hacking", why, "up", level.mean, level.recent)
        else:
            yield from self._hacking()
        if reward:
            level = self.shifts["reward"]
            why = f"its mean moved {reward}, from {level.mean:.3g} to {level.recent:.3g}"
            yield self._find("drift", why, reward, level.mean, level.recent)
        elif shaped:
            why = f"its values are spread otherwise than before: PSI {self.shape.value:.2f}"
            yield self._find("drift", why, "shape", before, fmean(self.shape.last))
        if reward or shaped:
            self.shape.forget()
            self.shifts["reward"].forget()

    def _hacking(self) -> Iterator[Finding]:
        """Paid more for answers that grow alike, or for length: each alone is how policies learn, together they are
        what exploits look like."""
        near = {
            name for name, (when, way) in self.moved.items() if way == "up" and self.n - when <= self.settings.together
        }
        signs = [name for name in ("sharing", "length_pays") if name in near]
        if "reward" in near and signs and self.n in {self.moved[name][0] for name in ("reward", *signs)}:
            words = {"sharing": "answers to different queries grow alike", "length_pays": "longer answers get more"}
            level = self.shifts["reward"]
            why = f"its reward rose while {' and '.join(words[name] for name in signs)}"
            yield self._find("hacking", why, "up", level.mean, level.recent)

    def _shift(self, name: str, value: float, *, floor: float = 0.0) -> str:
        s = self.settings
        if name not in self.shifts:
            least = floor or max(1e-6, 0.02 * abs(value))
            self.shifts[name] = Shift(learn=s.learn, slack=s.slack, limit=s.limit, floor=least)
        way = self.shifts[name].see(value)
        if way:
            self.moved[name] = (self.n, way)
        return way


def _paired(values: Sequence[float | None], check: Sequence[float | None]) -> float | None:
    """Mean of value minus check over responses that have both."""
    both = [v - c for v, c in zip(values, check, strict=False) if v is not None and c is not None]
    return fmean(both) if both else None


def _discord(values_KG: Sequence[Sequence[float | None]]) -> float | None:
    """Share of pairs of responses that two tools order in opposite ways, over the pairs that both order; None without
    any."""
    against = together = 0
    for a, b in combinations(values_KG, 2):
        for i, j in combinations(range(min(len(a), len(b), 16)), 2):
            ai, aj, bi, bj = a[i], a[j], b[i], b[j]
            if ai is None or aj is None or bi is None or bj is None or ai == aj or bi == bj:
                continue
            together += 1
            against += (ai > aj) != (bi > bj)
    return against / together if together else None


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def read(judged: Iterable[Judged], watch: Watch) -> Iterator[Finding]:
    """All findings of a log, in order."""
    for one in judged:
        yield from watch.see(one)
