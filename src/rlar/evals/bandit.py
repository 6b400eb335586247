"""A contextual bandit as a router: it learns online, from the one tool that it asked, with a proper score."""

from __future__ import annotations

from dataclasses import dataclass

from rlar.evals.pool import Pool, Seen
from rlar.evals.routers import Policy, Routed, answered_by


@dataclass(frozen=True)
class Bandit:
    """Forecasts each tool's chance to be right from the category, and asks the most promising one.

    Per tool a logistic forecast p(right | category, tool). Each round it asks one tool (the best forecast, or with
    chance `explore` / sqrt(round) + 0.02 a random one) and moves only that forecast along the gradient of the log
    score, weighted by one over the chance it was asked with: so forecasts stay proper although the asked tool depends
    on them (Chen, Kash, Ruberry, Shnayder: Decision Markets with Good Incentives, 2011). It meets the cases it learns
    from once, in a seeded order. When it decides about other cases it no longer explores.
    """

    name: str = "contextual bandit"
    rate: float = 0.3
    explore: float = 1.0
    max_weight: float = 8.0

    def learn(self, pool: Pool, seed: int) -> Policy:
        import numpy as np

        rng = np.random.default_rng(seed)
        columns = {c: k + 1 for k, c in enumerate(sorted(set(pool.seen.categories)))}
        tools = len(pool.tools)
        weights = np.zeros((len(columns) + 1, tools))  # row 0: every category
        order = rng.permutation(len(pool))
        rows = [columns[pool.seen.categories[k]] for k in order]
        for step, (case, row) in enumerate(zip(order, rows, strict=True), start=1):
            logits = weights[0] + weights[row]
            epsilon = min(1.0, self.explore / np.sqrt(step) + 0.02)
            tops = np.flatnonzero(logits >= logits.max() - 1e-12)
            greedy = int(tops[rng.integers(len(tops))])
            asked = int(rng.integers(tools)) if rng.random() < epsilon else greedy
            chance = epsilon / tools + (1 - epsilon) * (asked == greedy)
            error = pool.utility_NK[case, asked] - 1 / (1 + np.exp(-logits[asked]))
            move = self.rate * min(1 / chance, self.max_weight) / np.sqrt(step) * error
            weights[0, asked] += move
            weights[row, asked] += move

        def policy(seen: Seen) -> Routed:
            logits = np.stack([weights[0] + (weights[columns[c]] if c in columns else 0.0) for c in seen.categories])
            return answered_by(logits.argmax(axis=1), len(seen.tools))

        return policy
