"""Fit the prompt classifier that ships, and say how well it does on patterns that it never saw.

Run from the root of a checkout: python scripts/prompt_classifier/train.py
Deterministic: the same code writes the same file on the same platform. Takes about a minute on one core.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from generate import Example, generate

from rlar.scoring.analyze.classifier import PromptClassifier

WEIGHTS = Path(__file__).resolve().parents[2] / "src/rlar/scoring/analyze/prompts.weights"


def held_out(example: Example) -> bool:
    """One pattern in five, by a hash of its label and number."""
    return zlib.crc32(f"{example.label}/{example.pattern}".encode()) % 5 == 0


def fit(examples: list[Example], rounds: int) -> PromptClassifier:
    return PromptClassifier.fit(
        [e.text for e in examples],
        [e.label for e in examples],
        rounds=rounds,
        decay=1e-4,
        most_features=14_000,
        least_count=4,
    )


def report(classifier: PromptClassifier, examples: list[Example]) -> None:
    right, total, confused = Counter[str](), Counter[str](), Counter[tuple[str, str]]()
    for e in examples:
        guess = classifier.predict(e.text)
        total[e.label] += 1
        right[e.label] += guess == e.label
        if guess != e.label:
            confused[e.label, guess] += 1
    print(f"unseen patterns: {sum(right.values()) / sum(total.values()):.3f} of {sum(total.values())}")
    for label in sorted(total):
        worst = [f"{b} {n}" for (a, b), n in confused.most_common() if a == label][:3]
        print(f"  {label:22} {right[label] / total[label]:.3f}  {', '.join(worst)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-label", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    arguments = parser.parse_args()
    examples = generate(arguments.per_label, arguments.seed)
    seen = [e for e in examples if not held_out(e)]
    unseen = [e for e in generate(max(50, arguments.per_label // 10), arguments.seed + 1) if held_out(e)]
    print(f"{len(examples)} prompts, {len({(e.label, e.pattern) for e in examples})} patterns")
    report(fit(seen, arguments.rounds), unseen)
    fit(examples, arguments.rounds).save(arguments.out)
    print(f"wrote {arguments.out.name}: {arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
