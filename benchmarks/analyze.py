"""How well queries are analysed, on labelled prompts that nothing was trained on.

    python benchmarks/analyze.py [--data FOLDER] [--calibrate] [--few-shot]

Prints accuracy by label with the confusions, reliability of the confidence, the reference kinds by source, detection of
languages, and microseconds a query. The data folder is the shared development data (RLAR_SHARED_DATA, or beside the
checkout). `--calibrate` refits the calibration table of scoring/analyze/evidence.py on one half of the prompts (by
cluster, without the files whose licence allows evaluation only) and shows both halves. `--few-shot` fits
`PromptClassifier` on 10, 30 and 60 prompts a class of five sources.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import math
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rlar.scoring.analyze import LABELS, PromptClassifier, analyze
from rlar.scoring.analyze import evidence as evidence_module
from rlar.tools.language import detect, detect_cheap
from rlar.tools.language_pair import language_pair
from rlar.tools.reference import shape_of
from rlar.types import Constraint, Message, Query

FOLDER = Path(os.environ.get("RLAR_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled prompt. full: with tests, constraints and columns; plain(): prompt (and reference) alone."""

    label: str
    source: str
    file: str
    half: int
    full: Query

    def plain(self, *, reference: bool) -> Query:
        return Query(self.full.prompt, self.full.reference if reference else None)


def rows_of(folder: Path) -> Iterator[Row]:
    """Each different (prompt, label, source) of eval/ and stream/ once, without those whose prompt is empty."""
    seen = set()
    for path in [*sorted(folder.glob("eval/*.jsonl.gz")), *sorted(folder.glob("stream/*.jsonl.gz"))]:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for raw in map(json.loads, lines):
                key = (json.dumps(raw["prompt"]), raw["task"], raw["source"])
                if not raw["prompt"] or key in seen:
                    continue
                seen.add(key)
                meta = raw["meta"]
                prompt = raw["prompt"]
                if not isinstance(prompt, str):
                    prompt = tuple(Message(m["role"], m["content"]) for m in prompt)
                pairs = zip(meta.get("instruction_id_list") or [], meta.get("kwargs") or [], strict=True)
                constraints = tuple(Constraint(i, {k: v for k, v in a.items() if v is not None}) for i, a in pairs)
                extra = {k: meta[k] for k in ("src", "src_lang", "tgt_lang", "rg") if k in meta}
                half = int(hashlib.sha256(str(meta.get("group", raw["id"])).encode()).hexdigest(), 16) % 2
                query = Query(prompt, raw["reference"], raw.get("tests"), constraints, extra=extra)
                yield Row(raw["task"], raw["source"], path.name.partition(".")[0], half, query)


def accuracy(title: str, cases: Sequence[tuple[Row, Query]], *, by_source: bool = False) -> None:
    """One table: share of right labels by label, what they are taken for, reliability, time."""
    right, total, taken = Counter[str](), Counter[str](), Counter[tuple[str, str]]()
    bins: dict[int, list[float]] = defaultdict(lambda: [0, 0, 0.0])
    sources: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0, 0.0])
    started = time.process_time()
    tasks = [analyze(query, use_hint=False) for _, query in cases]
    seconds = time.process_time() - started
    for (row, _), task in zip(cases, tasks, strict=True):
        ok = task.label == row.label
        total[row.label] += 1
        right[row.label] += ok
        taken[row.label, task.label] += 1
        for cell in (bins[min(9, int(task.confidence * 10))], sources[row.source, row.label]):
            cell[0] += 1
            cell[1] += ok
            cell[2] += task.confidence
    macro = sum(right[k] / total[k] for k in total) / len(total)
    share, cost = sum(right.values()) / sum(total.values()), seconds / len(cases) * 1e6
    print(f"\n{title}: {share:.3f} of {len(cases)} right, mean over labels {macro:.3f}, {cost:.0f} us of CPU a query")
    for label in LABELS:
        if total[label]:
            others = ", ".join(f"{b} {n}" for (a, b), n in taken.most_common() if a == label and b != a)
            print(f"  {label:22} n={total[label]:<5} {right[label] / total[label]:.3f}  {others}")
    print("  confidence       n   right  mean confidence")
    for k in sorted(bins, reverse=True):
        n, ok, sure = bins[k]
        print(f"  {k / 10:.1f} to {k / 10 + 0.1:.1f} {n:7.0f}   {ok / n:.3f}  {sure / n:.3f}")
    if by_source:
        print("  source, label: n, right, mean confidence")
        for (source, label), (n, ok, sure) in sorted(sources.items()):
            print(f"    {source:24} {label:22} {n:5.0f}  {ok / n:.3f}  {sure / n:.3f}")


def shapes(rows: Iterable[Row]) -> None:
    """Kinds of references by source, and what reading one costs."""
    kinds: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    queries = [(row, row.plain(reference=True)) for row in rows if row.full.reference is not None]
    started = time.process_time()
    found = [shape_of(query) for _, query in queries]
    cost = (time.process_time() - started) / len(queries) * 1e6
    for (row, _), shape in zip(queries, found, strict=True):
        kinds[row.source, row.label][shape.kind] += 1
    print(f"\nReferences: {len(queries)}, {cost:.0f} us each (content key included)")
    for (source, label), counter in sorted(kinds.items()):
        print(f"  {source:24} {label:22} {', '.join(f'{k} {n}' for k, n in counter.most_common(6))}")


def languages(rows: Iterable[Row]) -> None:
    """Detection on source texts and human references whose language the data says."""
    texts = []
    for row in rows:
        extra = row.full.extra
        if "src_lang" in extra:
            texts += [(extra.get("src"), extra["src_lang"]), (row.full.reference, extra["tgt_lang"])]
    texts = [(text, code) for text, code in texts if isinstance(text, str)]
    detect("quux blorp frobnicate zyzzyva wibble wobble")  # loads the model outside the clock
    for name, how in (("detect_cheap", detect_cheap), ("detect", detect)):
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        started = time.process_time()
        for text, code in texts:
            found = how(text)
            counts[code]["right" if found == code else "und" if found == "und" else "wrong"] += 1
        cost = (time.process_time() - started) / len(texts) * 1e6
        total = sum(counts.values(), Counter[str]())
        answered = total["right"] + total["wrong"]
        print(f"\n{name}: answers {answered / len(texts):.3f} of {len(texts)}, {total['right'] / answered:.4f} of them "
              f"right, {cost:.0f} us each")  # fmt: skip
        print("  " + "; ".join(f"{code}: {dict(counter)}" for code, counter in sorted(counts.items())))


def calibrate(rows: Sequence[Row]) -> None:
    """Refit (a, b) of confidence = sigmoid(a + b * logit(p)) per label on half 0; show both halves."""
    table, evidence_module.CALIBRATION = evidence_module.CALIBRATION, {}
    cases = []
    for row in rows:
        for query in dict.fromkeys((row.plain(reference=True), row.plain(reference=False))):
            found = evidence_module.gather(query, shape_of(query), language_pair(query))
            cases.append((row, found.label, found.confidence))
    evidence_module.CALIBRATION = table
    sizes = Counter((row.source, row.half) for row, _, _ in cases)
    fitted = {}
    for label in LABELS:
        mine = [c for c in cases if c[1] == label and c[0].half == 0 and not c[0].file.startswith("nc_")]
        points = [(_logit(p), row.label == label, sizes[row.source, 0] ** -0.5) for row, _, p in mine]
        fitted[label] = _platt(points)
        print(f"  {label!r}: {fitted[label]},")
    for half in (0, 1):
        bins: dict[int, list[float]] = defaultdict(lambda: [0, 0, 0.0])
        for row, label, p in cases:
            if row.half == half:
                a, b = fitted[label]
                sure = 1 / (1 + math.exp(-(a + b * _logit(p))))
                cell = bins[min(9, int(sure * 10))]
                cell[0] += 1
                cell[1] += row.label == label
                cell[2] += sure
        print(f"half {half} ({'fitted on' if half == 0 else 'held out'})")
        for k in sorted(bins, reverse=True):
            n, ok, sure = bins[k]
            print(f"  {k / 10:.1f} to {k / 10 + 0.1:.1f} {n:7.0f}   {ok / n:.3f}  {sure / n:.3f}")


def _logit(p: float) -> float:
    p = min(max(p, 1e-4), 1 - 1e-4)
    return math.log(p / (1 - p))


def _platt(points: Sequence[tuple[float, bool, float]]) -> tuple[float, float]:
    """(a, b) by gradient descent on the weighted log loss, drawn slightly towards (0, 1)."""
    a, b = 0.0, 1.0
    total = sum(w for _, _, w in points)
    for _ in range(1500):
        da, db = 0.003 * a, 0.003 * (b - 1)
        for x, y, w in points:
            error = (1 / (1 + math.exp(-(a + b * x))) - y) * w / total
            da += error
            db += error * x
        a, b = a - 0.1 * da, b - 0.1 * db
    return round(a, 2), round(b, 2)


def few_shot(rows: Sequence[Row]) -> None:
    """A user's own labels: five sources told apart from 10, 30 or 60 prompts each, 80 test prompts each."""
    wanted = ("gsm8k", "humaneval", "ifeval", "alpacaeval", "hh_harmless")
    texts: dict[str, list[str]] = {source: [] for source in wanted}
    for row in sorted(rows, key=lambda r: r.full.key):
        if row.source in texts and row.full.text not in texts[row.source]:
            texts[row.source].append(row.full.text)
    print("\nPromptClassifier.fit on five sources")
    for count in (10, 30, 60):
        size = {s: min(80, len(t) - count) for s, t in texts.items()}
        train = [(t, s) for s in wanted for t in texts[s][size[s] : size[s] + count]]
        test = [(t, s) for s in wanted for t in texts[s][: size[s]]]
        started = time.process_time()
        classifier = PromptClassifier.fit([t for t, _ in train], [s for _, s in train])
        fitted = time.process_time() - started
        started = time.process_time()
        right = sum(classifier.predict(t) == s for t, s in test)
        each = (time.process_time() - started) / len(test) * 1e6
        print(f"  {count} a class: {right / len(test):.3f} of {len(test)}, fit {fitted:.2f} s, {each:.0f} us a prompt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=FOLDER)
    parser.add_argument("--calibrate", action="store_true")
    parser.add_argument("--few-shot", action="store_true")
    parser.add_argument("--by-source", action="store_true")
    arguments = parser.parse_args()
    rows = list(rows_of(arguments.data))
    if not rows:
        parser.error(f"no labelled data at {arguments.data}: give its folder with --data")
    if arguments.calibrate:
        calibrate(rows)
        return
    if arguments.few_shot:
        few_shot(rows)
        return
    accuracy("Whole rows", [(row, row.full) for row in rows], by_source=arguments.by_source)
    accuracy("Prompt and reference", [(r, r.plain(reference=True)) for r in rows if r.full.reference is not None])
    accuracy("Prompt alone", [(row, row.plain(reference=False)) for row in rows], by_source=arguments.by_source)
    shapes(rows)
    languages(rows)


if __name__ == "__main__":
    main()
