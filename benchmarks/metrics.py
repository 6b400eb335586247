"""Metrics against human judgements and recorded scores, against tricks, and against OpenJudge in speed.

    python benchmarks/metrics.py ranking     within-item ranking on labelled data, beside recorded metrics and length
    python benchmarks/metrics.py tricks      what a reference said thrice, shuffled, a copied source ... are worth
    python benchmarks/metrics.py speed       CPU time per response for BLEU, chrF and ROUGE-L, beside py-openjudge

The data lie in the folder RLAR_SHARED_DATA, or in shared/data beside the checkout; --data names another of the same
form (eval/<name>.jsonl.gz and scores/scores_<name>.jsonl.gz). Without a command: all three.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rlar.evals.metrics import kendall, pairwise_accuracy, spearman
from rlar.evals.resampling import Resampler
from rlar.tools.metrics import Bleu, Chrf, DataToText, Rouge, Summary, Ter, Translation
from rlar.tools.metrics.reference_metric import ReferenceMetric
from rlar.types import Query

FOLDER = Path(os.environ.get("RLAR_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
Row = dict[str, Any]
Scores = Mapping[str, Sequence[float]]


def rows(path: Path) -> list[Row]:
    if not path.exists():
        print(f"  {path.name} is not there")
        return []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def query_of(row: Row, *, one_reference: bool = False) -> Query:
    meta = row["meta"]
    extra = {name: meta[name] for name in ("src", "src_lang", "tgt_lang") if name in meta}
    if meta.get("extra_references") and not one_reference:
        extra["references"] = [row["reference"], *meta["extra_references"]]
    return Query(row["prompt"], reference=row["reference"], extra=extra)


def rate(tool: ReferenceMetric, items: Sequence[Row], *, one_reference: bool = False) -> dict[str, list[float]]:
    found = {}
    for row in items:
        query = query_of(row, one_reference=one_reference)
        prepared = tool.prepare(query)
        found[row["id"]] = [_value(tool.rate(r["text"], query, prepared)) for r in row["responses"]]
    return found


def _value(mark: Any) -> float:
    return mark if isinstance(mark, float) else float(mark.value)


# -- ranking ---------------------------------------------------------------------------------------------------------


def ranking(folder: Path) -> None:
    ted = rows(folder / "eval/bon_mqm_ted.jsonl.gz")
    recorded = tables(folder, "mqm_ted")
    ours = {"rlar translation": rate(Translation(), ted), "rlar chrf": rate(Chrf(), ted), "rlar ter": rate(Ter(), ted)}
    for source in sorted({row["source"] for row in ted}):
        items = [row for row in ted if row["source"] == source]
        within(source, items, {**ours, **recorded, "length": lengths(items)})
    talks = sorted({row["meta"]["doc"] for row in ted})
    for half in (0, 1):
        items = [row for row in ted if talks.index(row["meta"]["doc"]) // 2 % 2 == half]
        within(f"TED, half {half} of the talks", items, {**ours, **recorded, "length": lengths(items)})
    for source in ("mlqe_en-de", "mlqe_en-zh", "mlqe_ro-en", "mlqe_ru-en"):
        items = [row for row in rows(folder / "eval/graded_mlqe.jsonl.gz") if row["source"] == source]
        across(source, items, {"rlar translation": rate(Translation(), items), **tables(folder, "mlqe")})
    articles = rows(folder / "eval/bon_summeval.jsonl.gz")
    ours = {
        "rlar summary": rate(Summary(), articles),
        "rlar summary, 1 reference": rate(Summary(), articles, one_reference=True),
    }
    within("SummEval", articles, {**ours, **tables(folder, "summeval")})
    within("SummEval, even articles", articles[::2], {**ours, **tables(folder, "summeval")})
    within("SummEval, odd articles", articles[1::2], {**ours, **tables(folder, "summeval")})
    hotels = rows(folder / "eval/bon_data2text.jsonl.gz")
    own = {t.card.name: rate(t, hotels) for t in (DataToText(), Rouge("l"), Chrf(), Bleu())}
    within("SFHOT", hotels, {**own, **tables(folder, "data2text"), "length": lengths(hotels)})


def tables(folder: Path, name: str) -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = {}
    for row in rows(folder / f"scores/scores_{name}.jsonl.gz"):
        found.setdefault(row["tool"], {})[row["id"]] = row["scores"]
    return found


def lengths(items: Sequence[Row]) -> Scores:
    return {row["id"]: [len(r["text"]) for r in row["responses"]] for row in items}


def within(title: str, items: Sequence[Row], tools: Mapping[str, Scores]) -> None:
    """Ranking of the responses to one item. Pairs: share ordered like the labels, ties one half, over all pairs."""
    print(f"\n{title}: {len(items)} items, {sum(len(row['responses']) for row in items)} responses")
    print(f"  {'':28} {'pairs':>7} {'by item':>8} {'95% interval':>17} {'Spearman':>9} {'Kendall':>8}")
    resampler = Resampler([row["meta"]["group"] for row in items])
    accuracies: dict[str, list[float | None]] = {}
    for name, scores in tools.items():
        if any(row["id"] not in scores for row in items):
            continue
        labelled = [(list(scores[row["id"]]), [r["label"] for r in row["responses"]]) for row in items]
        accuracies[name] = by_item = [pairwise_accuracy(s, y) for s, y in labelled]
        counts = [sum(a != b for i, a in enumerate(y) for b in y[:i]) for _, y in labelled]
        pooled = sum(n * (a or 0.0) for n, a in zip(counts, by_item, strict=True)) / max(1, sum(counts))
        figure = resampler.mean(by_item)
        interval = f"{figure.low:.4f}..{figure.high:.4f}" if figure.low is not None else ""
        rho, tau = (
            _mean([f(s, y) for s, y in labelled if len(set(y)) > 1 and len(y) > 2]) for f in (spearman, kendall)
        )
        print(f"  {name:28} {pooled:7.4f} {figure.value or 0:8.4f} {interval:>17} {rho:9.4f} {tau:8.4f}")
    first, *others = accuracies
    best = max(
        (name for name in others if not name.startswith("rlar")), key=lambda name: _mean(_known(accuracies[name]))
    )
    apart = resampler.difference(accuracies[best], accuracies[first])
    print(
        f"  {first} minus {best}, by item: {apart.value:+.4f} ({apart.low:+.4f}..{apart.high:+.4f}), p = {apart.p:.3f}"
    )


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _mean(values: Sequence[float | None]) -> float:
    return statistics.fmean([v or 0.0 for v in values]) if values else float("nan")


def across(title: str, items: Sequence[Row], tools: Mapping[str, Scores]) -> None:
    """One response an item: Spearman with the label over items."""
    print(f"\n{title}: {len(items)} items, Spearman over items")
    labels = [row["responses"][0]["label"] for row in items]
    for name, scores in tools.items():
        if all(row["id"] in scores for row in items):
            print(f"  {name:28} {spearman([scores[row['id']][0] for row in items], labels):7.4f}")


# -- tricks ----------------------------------------------------------------------------------------------------------


def _shuffled(text: str) -> str:
    tokens = text.split()
    random.Random(0).shuffle(tokens)
    return " ".join(tokens)


TRICKS: dict[str, Callable[[Row, Row], str]] = {
    "the reference": lambda row, other: row["reference"],
    "the reference twice": lambda row, other: f"{row['reference']} {row['reference']}",
    "the reference thrice": lambda row, other: " ".join([row["reference"]] * 3),
    "its words shuffled": lambda row, other: _shuffled(row["reference"]),
    "its first half": lambda row, other: row["reference"][: len(row["reference"]) // 2],
    "another item's reference": lambda row, other: other["reference"],
    "the source or prompt": lambda row, other: row["meta"].get("src") or row["prompt"],
    "the first response twice": lambda row, other: f"{row['responses'][0]['text']} {row['responses'][0]['text']}",
    "nothing": lambda row, other: "",
}


def tricks(folder: Path) -> None:
    translation_tools = (Translation(), Chrf(), Bleu(), Rouge("l"))
    for name, tools in (("bon_mqm_ted", translation_tools), ("bon_summeval", (Summary(), Chrf(), Rouge("1")))):
        items = rows(folder / f"eval/{name}.jsonl.gz")[::5]
        print(f"\n{name}, mean value over {len(items)} items\n  {'':28}" + "".join(f"{t.card.name:>12}" for t in tools))
        means: dict[str, list[float]] = {}
        for tool in tools:
            values: dict[str, list[float]] = {}
            for place, row in enumerate(items):
                query = query_of(row)
                prepared = tool.prepare(query)
                for trick, make in TRICKS.items():
                    text = make(row, items[place - 1])
                    values.setdefault(trick, []).append(_value(tool.rate(text, query, prepared)))
                given = [_value(tool.rate(r["text"], query, prepared)) for r in row["responses"]]
                values.setdefault("responses, mean", []).append(statistics.fmean(given))
                values.setdefault("responses, best", []).append(max(given))
            for trick, found in values.items():
                means.setdefault(trick, []).append(statistics.fmean(found))
        for trick, row_of in means.items():
            print(f"  {trick:28}" + "".join(f"{mean:12.3f}" for mean in row_of))


# -- speed -----------------------------------------------------------------------------------------------------------


def speed(folder: Path) -> None:
    """CPU time per response, ours, OpenJudge's and the reference library's by turns, on texts that none has seen.

    Values are compared with the reference library's: OpenJudge's ROUGE splits words with jieba, so its values differ.
    """
    from openjudge.graders.text.similarity import SimilarityGrader
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics import BLEU, CHRF

    ted = rows(folder / "eval/bon_mqm_ted.jsonl.gz")
    articles = rows(folder / "eval/bon_summeval.jsonl.gz")
    texts = [" ".join(row["prompt"].split()[7:357]) for row in articles]
    sets = {
        "TED sentences": [(row["reference"], [r["text"] for r in row["responses"]]) for row in ted[::4]],
        "news summaries": [(row["reference"], [r["text"] for r in row["responses"]]) for row in articles],
        "articles of 350 words": [(text, texts[i + 1 : i + 4]) for i, text in enumerate(texts[:12])],
    }
    bleu, chrf, rouge = BLEU(effective_order=True), CHRF(), RougeScorer(["rougeL"])
    metrics: list[tuple[str, ReferenceMetric, Callable[[str, str], float]]] = [
        ("bleu", Bleu(), lambda text, gold: bleu.sentence_score(text, [gold]).score / 100),
        ("chrf", Chrf(), lambda text, gold: chrf.sentence_score(text, [gold]).score / 100),
        ("rougeL", Rouge("l"), lambda text, gold: rouge.score(gold, text)["rougeL"].fmeasure),
    ]
    print(
        f"\n  {'CPU ms per response':32}{'openjudge':>10}{'library':>9}{'rlar':>8}{'ratio':>7}  difference from library"
    )
    for title, groups in sets.items():
        for name, tool, library in metrics:
            grader = SimilarityGrader(algorithm=name, **({"use_stemmer": False} if name == "rougeL" else {}))
            spent = [0.0, 0.0, 0.0]
            values: list[list[float]] = [[], [], []]
            for turn, group in enumerate([groups[0], *groups]):  # the first one imports and fills tables
                for k, run in enumerate((_openjudge(grader), _library(library), _ours(tool))):
                    start = time.process_time()
                    got = run(*group)
                    if turn:
                        spent[k] += time.process_time() - start
                        values[k] += got
            apart = max(abs(a - b) for a, b in zip(values[1], values[2], strict=True))
            theirs, plain, ours = (1000 * s / len(values[2]) for s in spent)
            print(f"  {title:24}{name:8}{theirs:10.3f}{plain:9.3f}{ours:8.3f}{theirs / ours:7.1f}{apart:12.0e}")


def _openjudge(grader: Any) -> Callable[[str, Sequence[str]], list[float]]:
    async def graded(gold: str, texts: Sequence[str]) -> list[float]:
        return [(await grader.aevaluate(reference_response=gold, response=text)).score for text in texts]

    return lambda gold, texts: asyncio.run(graded(gold, texts))


def _library(score: Callable[[str, str], float]) -> Callable[[str, Sequence[str]], list[float]]:
    return lambda gold, texts: [score(text.strip(), gold) for text in texts]


def _ours(tool: ReferenceMetric) -> Callable[[str, Sequence[str]], list[float]]:
    def run(gold: str, texts: Sequence[str]) -> list[float]:
        query = Query("", reference=gold)
        prepared = tool.prepare(query)
        return [_value(tool.rate(text, query, prepared)) for text in texts]

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", nargs="?", choices=("ranking", "tricks", "speed"))
    parser.add_argument("--data", type=Path, default=FOLDER)
    options = parser.parse_args()
    for command in (ranking, tricks, speed):
        if options.command in (None, command.__name__):
            command(options.data)


if __name__ == "__main__":
    main()
