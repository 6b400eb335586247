"""Answer verifiers against real labelled responses: agreement, false accepts, false rejects, misses, speed.

    python benchmarks/answers.py                    all figures
    python benchmarks/answers.py agreement --misses with every response where tool and label part
    python benchmarks/answers.py speed              CPU per response, against Math-Verify and OpenJudge

The data lie in the folder RLAR_SHARED_DATA, or in shared/data beside the checkout. Another folder of the same form
(eval/<name>.jsonl.gz with prompt, reference, responses[].text and .label) is taken with --data.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import gzip
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rlar.tools.base import RuleTool
from rlar.tools.choice import Choice
from rlar.tools.match import FinalSpan, LabelMatch, ListMatch
from rlar.tools.math import Math
from rlar.types import Mark, Query

FILES = ("bon_gsm8k", "bon_math_rm", "verify_math_equiv", "graded_realcritic", "bon_reasoning_gym")
RANKED = ("bon_gsm8k", "bon_math_rm")
PROFILES = ("reward", "strict", "lenient")
Row = dict[str, Any]


def read(folder: Path, name: str) -> list[Row]:
    file = folder / "eval" / f"{name}.jsonl.gz"
    if not file.exists():
        return []
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def marked(tool: RuleTool, text: str, query: Query, prepared: Any) -> Mark:
    mark = tool.rate(text, query, prepared)
    return mark if isinstance(mark, Mark) else Mark(mark)


def query_of(row: Row) -> Query:
    return Query(prompt=row["prompt"], reference=row["reference"], source=row["source"])


def tools_of(profile: str) -> list[RuleTool]:
    """In routing order: the first that fits a query judges it."""
    return [Choice(), Math(profile), LabelMatch(), ListMatch(), FinalSpan()]


def truth(row: Row, response: Row) -> bool:
    """Whether the response is right by its label; for reasoning-gym, by how it was made.

    The scorer of that package gives a right answer inside of a sentence a low score, and a wrong one of the right form
    a high score; what is judged here is whether the answer is the reference.
    """
    if row["source"] == "reasoning_gym":
        same = response["text"].strip() == str(row["reference"]).strip()
        return same or response["kind"] in ("gold", "gold_wrapped")
    return bool(response["label"] > 0.5)


# -- agreement ---------------------------------------------------------------------------------------------------------


def judged(rows: Sequence[Row], profile: str) -> Iterator[tuple[Row, Row, str, float, str]]:
    """(row, response, tool, value, why) of all responses; tool "" where no tool fits the query."""
    tools = tools_of(profile)
    for row in rows:
        query = query_of(row)
        tool = next((tool for tool in tools if tool.fits(query)), None)
        prepared = tool.prepare(query) if tool else None
        for response in row["responses"]:
            if tool is None:
                yield row, response, "", 0.0, "no tool fits"
            else:
                mark = marked(tool, response["text"], query, prepared)
                yield row, response, tool.card.name, float(mark.value), mark.why


def report_agreement(folder: Path, *, misses: bool) -> None:
    print("| file | profile | tool | responses | agreement | false accepts | false rejects |")
    print("|---|---|---|---|---|---|---|")
    missed: list[str] = []
    for name in FILES:
        rows = read(folder, name)
        for profile in PROFILES if rows else ():
            counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
            for row, response, tool, value, why in judged(rows, profile):
                right = truth(row, response)
                kind = "unjudged" if not tool else ("right" if value > 0.5 else "wrong") + ("+" if right else "-")
                for key in (tool, "all"):
                    counts[key][kind] += 1
                if misses and tool and (value > 0.5) != right:
                    missed.append(miss(name, profile, row, response, tool, why))
            for tool in sorted(t for t in counts if t and (profile == "reward" or t == "all" or t.startswith("math"))):
                print_counts(name, profile, tool, counts[tool])
    report_as_told(folder)
    report_ranking(folder)
    print("\n".join(missed))


def print_counts(name: str, profile: str, tool: str, c: collections.Counter[str]) -> None:
    n = c["right+"] + c["right-"] + c["wrong+"] + c["wrong-"]
    agreed = (c["right+"] + c["wrong-"]) / n if n else 0.0
    unjudged = f" (+{c['unjudged']} that no tool fits)" if c["unjudged"] else ""
    print(f"| {name} | {profile} | {tool} | {n}{unjudged} | {agreed:.4f} | {c['right-']} | {c['wrong+']} |")


def miss(name: str, profile: str, row: Row, response: Row, tool: str, why: str) -> str:
    options = f" options {row['meta'].get('options')}" if row["meta"].get("options") else ""
    extracted = f" | extraction of the label's author: {str(response.get('pred'))[:60]!r}" if "pred" in response else ""
    return (
        f"{profile} {tool} {row['id']}{options}: label {response['label']}, {why}\n"
        f"    gold {str(row['reference'])[:100]!r}{extracted}\n    ... {response['text'][-160:]!r}"
    )


def report_as_told(folder: Path) -> None:
    """The equivalence cases, each in the profile that comes nearest to what its library was told."""
    rows = read(folder, "verify_math_equiv")
    if not rows:
        return
    told: dict[str, list[Row]] = collections.defaultdict(list)
    for row in rows:
        options = row["meta"].get("options") or {}
        strict = options.get("allow_set_relation_comp") is False
        told["strict" if strict else "reward" if options.get("strict") is True else "lenient"].append(row)
    counts: collections.Counter[str] = collections.Counter()
    for profile, some in told.items():
        for row, response, _, value, _ in judged(some, profile):
            counts[("right" if value > 0.5 else "wrong") + ("+" if truth(row, response) else "-")] += 1
    print_counts("verify_math_equiv", "as told", "all", counts)


def report_ranking(folder: Path) -> None:
    """Pairs of a right and a wrong response to one prompt: how often the right one gets more, ties one half."""
    print("\n| file | pairs | ranked right by the tool | by length |")
    print("|---|---|---|---|")
    for name in RANKED:
        groups: dict[str, list[tuple[float, int, bool]]] = collections.defaultdict(list)
        for row, response, _, value, _ in judged(read(folder, name), "reward"):
            groups[row["id"]].append((value, len(response["text"]), truth(row, response)))
        pairs = [(a, b) for g in groups.values() for a in g if a[2] for b in g if not b[2]]
        if pairs:
            by_tool, by_length = (share([(a[i], b[i]) for a, b in pairs]) for i in (0, 1))
            print(f"| {name} | {len(pairs)} | {by_tool:.4f} | {by_length:.4f} |")
    print()


def share(pairs: Sequence[tuple[float, float]]) -> float:
    return sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs)


# -- speed -------------------------------------------------------------------------------------------------------------


def report_speed(folder: Path, *, prompts: int) -> None:
    rows = read(folder, "bon_gsm8k")[:prompts]
    right = [truth(row, response) for row in rows for response in row["responses"]]
    print(f"GSM8K, {len(rows)} prompts, {len(right)} responses, one process, CPU time, one run\n")
    print("| what | ms per response | responses per CPU s | agreement with the labels |")
    print("|---|---|---|---|")
    ours = timed("math (rlar), gold read once per group", rows, right, rlar_math)
    timed("math-verify, gold parsed once per group", rows, right, lambda r: math_verify(r, once=True))
    bare = timed("math-verify, bare parse + verify", rows, right, lambda r: math_verify(r, once=False))
    other = timed("OpenJudge MathExpressionVerifyGrader", rows, right, openjudge)
    print(f"\nrlar per CPU second: {bare / ours:.1f} x bare math-verify", end="")
    print(f", {other / ours:.1f} x OpenJudge" if other else ", OpenJudge is not installed")
    report_single(rows)


def timed(name: str, rows: Sequence[Row], right: Sequence[bool], judge: Callable[[Sequence[Row]], list[bool]]) -> float:
    """CPU seconds of one pass after a warming pass over a few rows; 0.0 where the library is absent."""
    try:
        judge(rows[:5])
    except ImportError:
        return 0.0
    start = time.process_time()
    said = judge(rows)
    seconds = time.process_time() - start
    agreed = sum(a == b for a, b in zip(said, right, strict=True)) / len(right)
    print(f"| {name} | {1000 * seconds / len(right):.3f} | {len(right) / seconds:,.0f} | {agreed:.4f} |")
    return seconds


def rlar_math(rows: Sequence[Row]) -> list[bool]:
    tool, said = Math(), []
    for row in rows:
        query = query_of(row)
        prepared = tool.prepare(query)
        said += [marked(tool, response["text"], query, prepared).value > 0.5 for response in row["responses"]]
    return said


def math_verify(rows: Sequence[Row], *, once: bool) -> list[bool]:
    from math_verify import parse, verify

    said = []
    for row in rows:
        gold = parse(row["reference"], parsing_timeout=None)
        for response in row["responses"]:
            gold = gold if once else parse(row["reference"], parsing_timeout=None)
            said.append(bool(verify(gold, parse(response["text"], parsing_timeout=None), timeout_seconds=None)))
    return said


def openjudge(rows: Sequence[Row]) -> list[bool]:
    from openjudge.graders.math.math_expression_verify import MathExpressionVerifyGrader

    async def run() -> list[bool]:
        grader = MathExpressionVerifyGrader()
        said = []
        for row in rows:
            for response in row["responses"]:
                result = await grader.aevaluate(response=response["text"], reference_response=row["reference"])
                said.append(getattr(result, "score", 0.0) > 0.5)
        return said

    return asyncio.run(run())


def report_single(rows: Sequence[Row]) -> None:
    """Distribution of the cost of one response: the best of three runs of each, as the machine may be busy."""
    tool, costs = Math(), []
    for row in rows[:200]:
        query = query_of(row)
        prepared = tool.prepare(query)
        texts = [response["text"] for response in row["responses"]]
        costs += [min(once(tool, text, query, prepared) for _ in range(3)) for text in texts]
    costs.sort()
    marks = [costs[int(len(costs) * q)] * 1000 for q in (0.5, 0.9, 0.95, 0.99)]
    print("one response: p50 {:.4f}, p90 {:.4f}, p95 {:.4f}, p99 {:.4f} ms".format(*marks))


def once(tool: RuleTool, text: str, query: Query, prepared: Any) -> float:
    start = time.perf_counter()
    tool.rate(text, query, prepared)
    return time.perf_counter() - start


def main() -> None:
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("all", "agreement", "speed"), default="all")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("RLAR_SHARED_DATA", beside)))
    parser.add_argument("--misses", action="store_true", help="print every response where tool and label part")
    parser.add_argument("--prompts", type=int, default=300, help="prompts for the speed table")
    options = parser.parse_args()
    if options.what in ("all", "agreement"):
        report_agreement(options.data, misses=options.misses)
    if options.what in ("all", "speed"):
        report_speed(options.data, prompts=options.prompts)


if __name__ == "__main__":
    main()
