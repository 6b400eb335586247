"""Whether acquisition admits what is good and nothing else, and what it costs.

    python benchmarks/acquire.py coder            40 families, a scripted coder: precision and recall of admission
    python benchmarks/acquire.py coder --malformed 0.2
    python benchmarks/acquire.py stream FOLDER    a labelled stream with no LLM: proven before and after, by task;
                                                  admitted tools against labelled items that no exam saw
    python benchmarks/acquire.py calls            calls for 1,000 and for 10,000 queries of the same 12 families
    python benchmarks/acquire.py time             seconds per exam of a pure-Python tool

FOLDER holds stream/*.jsonl.gz and eval/*.jsonl.gz, items with labelled responses.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import itertools
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "acquire"))

from scripted_coder import BAD, SPECS, WHY, Coder, bad, good, plans
from scripted_coder.coder import Plan
from scripted_coder.programs import Program

from rlar.acquire.acquiring import Acquired, Acquisition, Tried, halves
from rlar.acquire.code_agent import CodeAgent, Limits
from rlar.acquire.exam import Case, build_cases, examine
from rlar.acquire.families import Family
from rlar.engines.llm import Budget, BudgetedChat, CachedChat, OpenAIChat
from rlar.library import Library
from rlar.library.store import Store
from rlar.rollouts import Item, read_items
from rlar.testing.chat import ScriptedEndpoint
from rlar.types import Kind, ToolCard


def coder(malformed: float, families: int) -> int:
    """Every candidate of every family against what it was written to be. Returns the number of mistakes."""
    all_plans = plans(SPECS[:families])
    script = Coder(all_plans, malformed=malformed)
    limits = Limits()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, Store(folder) as store, ScriptedEndpoint(script) as endpoint:
        chat = CachedChat(BudgetedChat(OpenAIChat(endpoint.url, "scripted", retries=2), Budget()))
        run = Acquisition(store, writers=[CodeAgent(chat, limits=limits)], templates=False, heads=False)
        done = asyncio.run(run.run([p.family for p in all_plans], progress=_say))
    seconds = time.perf_counter() - start
    right, wrong, missed, mistakes, other = 0, 0, 0, 0, 0
    reasons: Counter[str] = Counter()
    for plan, outcome in zip(all_plans, done.outcomes, strict=True):
        by_name = {t.ref.partition("@")[0].removesuffix(f"_{plan.family.key[:6]}"): t for t in outcome.tried}
        for name, program in plan.programs.items():
            tried = by_name.get(name)
            passed = tried is not None and tried.passed
            if program.kind == "good":
                right, missed = right + passed, missed + (not passed)
                if not passed:
                    print(f"  MISSED {plan.spec.name}: {_why(tried)}")
            elif passed:
                wrong += 1
                print(f"  ADMITTED {plan.spec.name}: {program.kind}")
            else:
                expected = tried is not None and any(w in r for w in WHY[program.kind] for r in tried.refusals)
                reasons[program.kind] += expected
                if not expected:
                    other += 1
                    print(f"  for another reason {plan.spec.name}, {program.kind}: {_why(tried)}")
        mistakes += bool(outcome.admitted) != (plan.has_good and any(t.passed for t in outcome.tried))
    tried = [t for o in done.outcomes for t in o.tried]
    bad = sum(p.kind != "good" for plan in all_plans for p in plan.programs.values())
    print(f"families {len(all_plans)}, candidates {right + missed + bad}: good {right + missed}, bad {bad}")
    print(f"admission: precision {right / max(1, right + wrong):.3f}, recall {right / max(1, right + missed):.3f}")
    print(f"bad ones refused for the reason expected: {sum(reasons.values())} of {bad - wrong}, else {other}")
    print("  " + ", ".join(f"{kind} {reasons[kind]}" for kind in BAD))
    _counts(tried)
    print(
        f"calls {sum(script.asked.values())} {dict(script.asked)}, spoilt {script.spoilt}; "
        f"at most {limits.most_calls * len(all_plans)}"
    )
    print(f"stopped: {done.stopped or 'no'}; {seconds:.0f} s")
    return wrong + mistakes + (missed + other if not malformed else 0)


def calls() -> int:
    """Every candidate is refused and written anew, which costs most. Queries are copies under other keys."""
    asked = []
    for most in (1_000, 10_000):
        all_plans = plans(SPECS[:12])
        families = [_copied(plan.family, most // 12) for plan in all_plans]
        script = Coder([Plan(p.spec, p.family, {n: _refused(p) for n in p.programs}) for p in all_plans])
        with tempfile.TemporaryDirectory() as folder, Store(folder) as store, ScriptedEndpoint(script) as endpoint:
            chat = CachedChat(BudgetedChat(OpenAIChat(endpoint.url, "scripted", retries=2), Budget()))
            run = Acquisition(store, writers=[CodeAgent(chat)], templates=False, heads=False)
            asyncio.run(run.run(families, progress=_say))
        asked.append(sum(script.asked.values()))
        queries = sum(len(f.items) for f in families)
        print(f"{queries:,} queries of {len(families)} families: {asked[-1]} calls {dict(script.asked)}")
    return int(asked[0] != asked[1])


def _refused(plan: Plan) -> Program:
    return bad("reading files", plan.spec, plan.family, 0)


def _copied(family: Family, most: int) -> Family:
    """The family with as many items as wanted: its own, again and again under other keys."""
    many = itertools.islice(itertools.cycle(family.items), most)
    items = tuple(
        dataclasses.replace(item, query=dataclasses.replace(item.query, extra={**item.query.extra, "copy": k}))
        for k, item in enumerate(many)
    )
    return dataclasses.replace(family, items=items)


def _why(tried: Tried | None) -> str:
    return "never written" if tried is None else "; ".join(tried.refusals)[:300]


def _counts(tried: list[Tried]) -> None:
    n = max(1, len(tried))
    sums = [sum(t.counts[i] for t in tried) for i in range(3)]
    shares = ", ".join(
        f"{w} {s} ({s / n:.1%})" for w, s in zip(("executable", "valid", "discriminative"), sums, strict=True)
    )
    print(f"of {len(tried)} candidates: {shares}, passed {sum(t.passed for t in tried)}")


def _say(what: str, done: int, total: int) -> None:
    sys.stderr.write(f"\r{done}/{total} {what:<50}")


def stream(folder: Path, without: list[str]) -> int:
    """No LLM. Then each admitted tool on labelled items of `eval` that are not in the stream. without: task labels."""
    items = list(read_items(sorted((folder / "stream").glob("*.jsonl.gz"))))
    print(f"stream: {len(items)} items" + (f", without {', '.join(without)}" if without else ""))
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as library, Store(library) as store:
        run = Acquisition(store)
        families = [f for f in run.plan(items) if f.task.label not in without]
        done = Acquired([])
        for family in families:
            (o,) = asyncio.run(run.run([family])).outcomes
            done.outcomes.append(o)
            if o.tried or o.admitted:
                reasons = "; ".join(dict.fromkeys(r[:70] for t in o.tried for r in t.refusals[:2]))
                print(
                    f"  {o.family.name:<40} {len(family.items):>5}  {o.admitted or o.why}   {reasons[:200]}", flush=True
                )
        _print_shares(done)
        _counts([t for o in done.outcomes for t in o.tried])
        print(f"{time.perf_counter() - start:.0f} s for {len(families)} families")
        return _on_labels(store, done, items, folder)


def _print_shares(done: Acquired) -> None:
    before, after = done.proven(before=True), done.proven(before=False)
    print(f"{'task':<24}{'queries':>8}{'before':>9}{'after':>9}")
    for label in sorted(after):
        n = after[label][1]
        print(f"{label:<24}{n:>8}{before[label][0] / n:>9.1%}{after[label][0] / n:>9.1%}")
    n = sum(x for _, x in after.values())
    shares = [sum(x for x, _ in side.values()) / max(1, n) for side in (before, after)]
    print(f"{'all':<24}{n:>8}{shares[0]:>9.1%}{shares[1]:>9.1%}")


def _on_labels(store: Store, done: Acquired, items: list[Item], folder: Path) -> int:
    """Order of labelled responses by each admitted tool, on items outside the stream, against its card's interval."""
    seen = {i.query.text for i in items}
    fresh = [
        i
        for i in read_items(sorted((folder / "eval").glob("*.jsonl.gz")))
        if i.labels and len({x for x in i.labels if x is not None}) > 1 and i.query.text not in seen
    ]
    families = {f.key: f for f in Acquisition(store).plan(fresh)}
    library = Library.open(store.folder)
    worse = 0
    print("admitted tools on labelled items that no exam saw: pair accuracy, against the card's interval")
    for outcome in done.outcomes:
        family = families.get(outcome.family.key)
        if not outcome.admitted or family is None:
            continue
        tool = library.get(outcome.admitted.partition("@")[0])
        cases = [c for c in build_cases(family.items[:150]) if tool.fits(c.query)]
        labelled = [_only_labelled(c) for c in cases]
        exam = asyncio.run(examine(tool, labelled, elsewhere=False))
        figures = tool.card.exam or {}
        card = figures["pair_accuracy" if tool.card.kind is Kind.VERIFIER else "labelled_pairs"]
        figure = exam.figures["labelled_pairs"]
        bad = figure.value is not None and figure.high < card["low"]
        worse += bad
        mark = "WORSE" if bad else "ok"
        print(f"  {mark} {tool.card.name:<44} {figure}; card {card['value']} [{card['low']}, {card['high']}]")
    print(f"worse than its card says: {worse}")
    return worse


def _only_labelled(case: Case) -> Case:
    right = tuple(a for a in case.right if a.how == "labelled")
    wrong = tuple(a for a in case.wrong if a.how == "labelled")
    return dataclasses.replace(case, right=right, wrong=wrong)


def seconds_per_exam() -> int:
    """Wall seconds of the whole exam, other process included, for written tools: median and worst of ten families."""
    from rlar.tools.written import WrittenTool

    took = []
    for spec in SPECS[:10]:
        program = good(spec)
        card = ToolCard(spec.name, "1", Kind.VERIFIER, line=0.5, engine="sandbox", timeout_s=0.5)
        tool = WrittenTool(program.source, card, requires=program.requires)
        cases = halves(spec.family().items, seed=0)
        start = time.perf_counter()
        exam = asyncio.run(examine(tool, [*cases.practice, *cases.held_out]))
        took.append(time.perf_counter() - start)
        assert exam.passed, exam.refusals
    took.sort()
    print(f"an exam on {len(SPECS[0].rows)} queries: median {took[5]:.1f} s, worst {took[-1]:.1f} s")
    return int(took[-1] > 20)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["coder", "stream", "calls", "time"])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--malformed", type=float, default=0.0)
    parser.add_argument("--families", type=int, default=len(SPECS))
    parser.add_argument("--without", action="append", default=[], metavar="TASK", help="leave a task's families out")
    given = parser.parse_args()
    if given.what == "calls":
        sys.exit(calls())
    if given.what == "coder":
        sys.exit(bool(coder(given.malformed, given.families)))
    sys.exit(bool(stream(given.folder, given.without) if given.what == "stream" else seconds_per_exam()))
