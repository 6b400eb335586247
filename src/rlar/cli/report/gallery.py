"""Which items are worth a page of their own: chosen while the run goes on, in bounded memory."""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from rlar.cli.report.oddities import oddities
from rlar.cli.run import Seen
from rlar.cli.tally import Tally, is_flat
from rlar.types import Json, Part, Query, Response

PROMPT_CHARACTERS, RESPONSE_CHARACTERS, OTHER_CHARACTERS = 6_000, 4_000, 2_500
RESPONSES_SHOWN = 12
SLOW_S = 0.05
REPORT_CHARACTERS = 6_000_000  # of item pages; what does not fit is left out, least telling first

# How many items of each kind are shown: of one cause, and in all. The order is that of importance.
KINDS: dict[str, tuple[int, int]] = {
    "fault": (4, 24),
    "fooled": (24, 24),  # odd, and yet rewarded
    "label": (6, 24),  # right by its label and judged wrong, or the other way round
    "disagreement": (16, 16),
    "gap": (3, 18),
    "odd": (3, 24),
    "outlier": (12, 12),
    "flat": (2, 12),
    "slow": (10, 10),
    "sample": (3, 45),
}


@dataclass(slots=True, eq=False)
class Exhibit:
    """One item as the report shows it. tags: (kind, why it is shown). body: JSON for the page, long texts cut."""

    number: int
    tags: list[tuple[str, str]]
    body: dict[str, Json]
    seconds: float = 0.0
    disagreement: float = 0.0
    parts: list[dict[str, float]] = field(default_factory=list)


class Gallery:
    """`look` at every item of a run, then `write`."""

    def __init__(self) -> None:
        self._number = 0
        self._by_cause: Counter[tuple[str, str]] = Counter()
        self._by_kind: Counter[str] = Counter()
        self._kept: dict[int, Exhibit] = {}
        self._ranked: dict[str, list[tuple[float, int, Exhibit]]] = {"disagreement": [], "outlier": [], "slow": []}

    def look(self, seen: Seen) -> None:
        """Keep the item if it is worth a page. Called once per item, in input order."""
        self._number += 1
        odd_G = [oddities(response) for response in seen.item.responses]
        tags = [(kind, why) for kind, cause, why in _causes(seen, odd_G) if self._has_room(kind, cause)]
        scores = {"disagreement": _disagreement(seen), "outlier": _outlier(seen), "slow": _slowness(seen)}
        ranked = [
            kind
            for kind, score in scores.items()
            if score > 0 and (len(self._ranked[kind]) < KINDS[kind][1] or score > self._ranked[kind][0][0])
        ]
        if not tags and not ranked:
            return
        exhibit = Exhibit(self._number, tags, _body(seen, odd_G), scores["slow"], scores["disagreement"])
        if tags:
            self._kept[self._number] = exhibit
        for kind in ranked:
            heapq.heappush(self._ranked[kind], (scores[kind], -self._number, exhibit))
            if len(self._ranked[kind]) > KINDS[kind][1]:
                heapq.heappop(self._ranked[kind])

    def exhibits(self) -> list[Exhibit]:
        """In input order, at most REPORT_CHARACTERS of them; the least telling kinds are left out first."""
        all_of = dict(self._kept)
        whys: dict[str, Callable[[Exhibit], str]] = {
            "disagreement": lambda x: f"tools disagree by {x.disagreement:.2f}",
            "outlier": lambda x: "one response stands apart from its group",
            "slow": lambda x: f"{x.seconds * 1000:,.0f} ms of tools",
        }
        for kind, heap in self._ranked.items():
            for _, _, exhibit in sorted(heap, key=lambda entry: (-entry[0], -entry[1])):
                all_of[exhibit.number] = exhibit
                if all(tag != kind for tag, _ in exhibit.tags):
                    exhibit.tags.append((kind, whys[kind](exhibit)))
        importance = {kind: rank for rank, kind in enumerate(KINDS)}
        left, chosen = REPORT_CHARACTERS, []
        for exhibit in sorted(all_of.values(), key=lambda x: (min(importance[k] for k, _ in x.tags), x.number)):
            exhibit.tags.sort(key=lambda tag: importance[tag[0]])
            left -= len(json.dumps(exhibit.body))
            if left < 0:
                break
            chosen.append(exhibit)
        return sorted(chosen, key=lambda x: x.number)

    def write(self, path: Path, tally: Tally, summary: Mapping[str, Json]) -> None:
        """Write the report, whole or not at all."""
        from rlar.cli.report.page import page

        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        partial.write_bytes(page(tally, summary, self.exhibits()))
        partial.replace(path)

    def _has_room(self, kind: str, cause: str) -> bool:
        of_cause, in_all = KINDS[kind]
        if self._by_cause[kind, cause] >= of_cause or self._by_kind[kind] >= in_all:
            return False
        self._by_cause[kind, cause] += 1
        self._by_kind[kind] += 1
        return True


def _causes(seen: Seen, odd_G: Sequence[list[str]]) -> list[tuple[str, str, str]]:
    """(kind, cause, why) for what can be told from one item alone."""
    line = seen.line
    found = [
        ("fault", f"{fault['tool']} {fault['fault']}", f"{fault['tool'].partition('@')[0]}: {fault['fault']}")
        for faults in line["faults"]
        for fault in faults[:1]
    ][:1]
    if line["gap"] is not None:
        found.append(("gap", line["gap"], "no tool"))
    rewards = [reward for reward in line["rewards"] if reward is not None]
    best = max(rewards, default=0.0)
    for odd, reward in zip(odd_G, line["rewards"], strict=True):
        if odd and reward is not None and reward >= max(0.5, best):
            found.append(("fooled", odd[0], f"rewarded {reward:.2f}: {odd[0]}"))
            break
    found += _against_label(seen)
    first = next((odd for odd in odd_G if odd), None)
    if first is not None and not any(kind == "fooled" for kind, _, _ in found):
        found.append(("odd", first[0], first[0]))
    label = line["task"]["label"]
    if len(rewards) > 1 and is_flat(rewards):
        found.append(("flat", label, f"all {len(rewards)} rewards are equal"))
    found.append(("sample", label, f"sample of {label}"))
    return found


def _against_label(seen: Seen) -> list[tuple[str, str, str]]:
    """At most one cause: a response whose label of 1 or 0 (no label of the item is anything else) its reward denies."""
    labels = seen.item.labels or ()
    if not all(label in (0.0, 1.0, None) for label in labels):
        return []
    for reward, label in zip(seen.line["rewards"], labels, strict=False):
        if reward is not None and label is not None and (reward >= 0.5) != (label >= 0.5):
            return [("label", f"{seen.line['task']['label']} {label}", f"label {label:g}, reward {reward:.2f}")]
    return []


def _disagreement(seen: Seen) -> float:
    """The widest gap between two tools on one response, in [0, 1]; gates left out, since they ask something else.

    Values outside [0, 1] are on another scale and not compared.
    """
    tools = [part.tool.partition("@")[0] for part in seen.decision.parts if part.role != "gate"]
    if len(tools) < 2:
        return 0.0
    widest = 0.0
    for parts in seen.line["parts"]:
        values = [parts[tool] for tool in tools if 0.0 <= parts.get(tool, -1.0) <= 1.0]
        if len(values) > 1:
            widest = max(widest, max(values) - min(values))
    return widest if widest >= 0.25 else 0.0


def _outlier(seen: Seen) -> float:
    """How far the loneliest graded reward lies from the median of its group of six or more, where the others agree."""
    rewards = [reward for reward in seen.line["rewards"] if reward is not None]
    if len(rewards) < 6 or set(rewards) <= {0.0, 1.0}:  # one right answer among six is no news
        return 0.0
    middle = median(rewards)
    far = sorted((abs(reward - middle) for reward in rewards), reverse=True)
    return far[0] - far[1] if far[0] - far[1] >= 0.25 else 0.0


def _slowness(seen: Seen) -> float:
    """Seconds of its tools, 0.0 where they are too few to speak of or not known."""
    verdicts = [verdict for reward in seen.rewards_G or () for verdict in reward.verdicts]
    seconds = sum(verdict.cost.seconds for verdict in verdicts)
    return seconds if seconds >= SLOW_S else 0.0


def _body(seen: Seen, odd_G: Sequence[list[str]]) -> dict[str, Json]:
    item, line = seen.item, seen.line
    labels = item.labels or (None,) * len(item.responses)
    shown = _shown(line, odd_G)
    return {
        "id": cut(item.id, 200),
        "place": f"{item.file}:{item.line}",
        "task": line["task"],
        "parts": [_part(part) for part in seen.decision.parts],
        "decision": [cut(why, 600) for why in line["decision"][:12]],
        "gap": cut(line["gap"], 600) if line["gap"] is not None else None,
        "prompt": _prompt(item.query),
        "known": _known(item.query),
        "total": len(item.responses),
        "responses": [
            {
                "i": i,
                "text": cut(item.responses[i], RESPONSE_CHARACTERS),
                "reward": line["rewards"][i],
                "label": labels[i],
                "parts": line["parts"][i],
                "faults": [{**fault, "why": cut(fault["why"], 400)} for fault in line["faults"][i]],
                "why": cut(line["why"][i], 400),
                "odd": odd_G[i],
            }
            for i in shown
        ],
    }


def _shown(line: Mapping[str, Json], odd_G: Sequence[list[str]]) -> list[int]:
    """Which responses are shown: all, or of many those with faults, odd ones, the best, the worst, then the first."""
    rewards = line["rewards"]
    if len(rewards) <= RESPONSES_SHOWN:
        return list(range(len(rewards)))
    judged = sorted((i for i, reward in enumerate(rewards) if reward is not None), key=lambda i: rewards[i])
    order = [i for i, faults in enumerate(line["faults"]) if faults][:3]
    order += [i for i, odd in enumerate(odd_G) if odd][:3]
    order += [*judged[:2], *judged[-2:], *range(len(rewards))]
    return sorted(list(dict.fromkeys(order))[:RESPONSES_SHOWN])


def _part(part: Part) -> dict[str, Json]:
    return {"tool": part.tool, "role": part.role, "weight": part.weight}


def _prompt(query: Query) -> list[dict[str, Json]]:
    if isinstance(query.prompt, str):
        return [{"role": "", "text": cut(query.prompt, PROMPT_CHARACTERS)}]
    turns = query.prompt if len(query.prompt) <= 12 else (*query.prompt[:2], *query.prompt[-10:])
    return [{"role": turn.role, "text": cut(turn.content, PROMPT_CHARACTERS)} for turn in turns]


def _known(query: Query) -> list[list[Json]]:
    """[name, text] of what is known about a right answer."""
    known: list[tuple[str, Json]] = [("reference", query.reference)]
    if query.tests is not None:
        known.append(("tests", query.tests.get("code") or query.tests))
    if query.constraints:
        known.append(
            ("constraints", "\n".join(f"{c.id} {_text(c.kwargs) if c.kwargs else ''}" for c in query.constraints))
        )
    shown = ("choices", "schema", "tool_calls", "sql", "regex", "format", "references")
    known += [(name, query.extra.get(name)) for name in shown]
    return [[name, cut(_text(value), OTHER_CHARACTERS)] for name, value in known if value is not None]


def _text(value: Json) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, indent=1, default=str)


def cut(text: Response, most: int) -> Json:
    """The text, or {"head", "left_out", "tail"} of a longer one: a fifth of the room is for its end."""
    if len(text) <= most:
        return text
    tail = most // 5
    return {"head": text[: most - tail], "left_out": len(text) - most, "tail": text[-tail:]}
