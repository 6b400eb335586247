"""Words of names, tags and cards that say what a model is. They choose among known families, and do nothing else."""

from __future__ import annotations

from rlar.acquire.web_agent.facts import Facts
from rlar.acquire.web_agent.wanted import words_of

REWARD_WORDS = frozenset(
    (
        *("reward", "rewardmodel", "rm", "prm", "orm", "grm", "urm", "qrm", "genrm", "bt", "preference", "prometheus"),
        *("armorm", "ultrarm", "pairrm", "eurus", "starling", "helpsteer", "verifier", "judge", "themis", "grader"),
    )
)
PROCESS_WORDS = frozenset(("prm", "process", "shepherd", "stepwise"))
METRIC_WORDS = frozenset(("comet", "bleurt", "metricx", "bertscore", "qe", "metric", "reference"))
REWARD_PHRASES = (
    "reward model",
    "preference model",
    "reward modeling",
    "reward modelling",
    "rewardbench",
    "rlhf reward",
)


def named(facts: Facts, words: frozenset[str]) -> bool:
    """Whether the name or a tag has one of these words."""
    stems = set(words_of(" ".join(words)))  # as words_of shortens what it is compared with
    return bool(stems & set(words_of(" ".join((facts.id.partition("/")[2], *facts.tags)))))


def says(facts: Facts, *phrases: str) -> bool:
    """Whether the card has one of these phrases."""
    card = " ".join(facts.card.lower().split())
    return any(p in card for p in phrases)


def calls_itself_reward_model(facts: Facts) -> bool:
    return named(facts, REWARD_WORDS) or says(facts, *REWARD_PHRASES)
