"""What is looked for: the words of a search, and the bounds that a model must keep."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rlar.acquire.web_agent.licences import ALLOWED
from rlar.errors import InputError

if TYPE_CHECKING:
    from rlar.types import Task

STOPWORDS = frozenset(
    "a an and are as at be by for from in is it of on or that the this to with model models reward rewards".split()  # noqa: SIM905
)
# What people call models for a task; one or two words each, since a Hub looks for them in names.
WORDS_OF_TASK = {
    "dialogue": "helpful dialogue chat preference",
    "safety": "harmless safety preference",
    "math": "math reasoning",
    "code": "code",
    "reasoning": "reasoning process",
    "knowledge": "factual knowledge",
    "instruction_following": "instruction following preference",
    "translation": "translation quality estimation",
    "summarization": "summarization feedback",
    "data_to_text": "faithfulness generation quality",
}
# Asked whatever the words are: how reward models are tagged and named on the Hub.
ALWAYS = ("reward", "-rm", "rm-", "prm", "preference", "judge")
MOST_WORDS = 4
SIZES = {"K": 10**3, "M": 10**6, "B": 10**9}


@dataclass(frozen=True, slots=True)
class Wanted:
    """words: of the search. budget: most parameters. licence: permissive, conditional or any. gated: whether gated
    repositories are wanted (their terms accepted, a token at hand). task: label of a family, "" for a plain search.
    wrappers: whether models of unknown families are wanted, too, since a wrapper may be written for them.
    """

    words: str
    budget: int = 8 * 10**9
    licence: str = "permissive"
    gated: bool = False
    task: str = ""
    language: str = ""
    wrappers: bool = False
    known_bad: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        if self.licence not in ALLOWED:
            raise InputError(f"a licence is one of {', '.join(ALLOWED)}, not {self.licence!r}")

    @property
    def terms(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(w for w in words_of(self.words) if w not in STOPWORDS))

    def asks(self) -> list[dict[str, object]]:
        """Arguments of HfApi.list_models, whose union is the listing."""
        words = [*ALWAYS, *(word for word in self.terms[:MOST_WORDS] if len(word) > 2)]
        asks: list[dict[str, object]] = [{"filter": ["reward-model"]}]
        asks += [{"search": word} for word in dict.fromkeys(words)]
        return [{**ask, "sort": "downloads"} for ask in asks]


def wanted_for(task: Task, *, budget: int, licence: str, gated: bool = False) -> Wanted:
    """What a family of queries needs."""
    words = WORDS_OF_TASK.get(task.label, task.label.replace("_", " "))
    language = task.language if task.language not in ("en", "und") else ""
    return Wanted(words, budget, licence, gated, task.label, language)


def words_of(text: str) -> list[str]:
    """Lower-case words, a plural "s" dropped, so that "rewards" finds "reward"."""
    words = re.findall(r"[a-z0-9]+|[^\W\d_]+", text.lower())
    return [w[:-1] if len(w) > 3 and w.endswith("s") and not w.endswith("ss") else w for w in words]


def parse_size(text: str) -> int:
    """Parameters of "8B", "400M", "1.5b" or a plain number. Raises InputError."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMBkmb]?)\s*", text)
    if match is None or not float(match[1]):
        raise InputError(f"{text!r} is no size; write 8B, 400M or a number of parameters")
    return int(float(match[1]) * SIZES.get(match[2].upper(), 1))
