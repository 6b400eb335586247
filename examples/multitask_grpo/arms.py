"""The arms: where the rewards come from. Each makes a reward function for TRL's GRPOTrainer.

Only `true` knows the task of a row. rlar is given the columns a data set would have, and routes by content.
"""

from __future__ import annotations

import difflib
import random
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from examples.multitask_grpo.tasks import Example, examples

ARMS = ("rlar", "true", "length", "similarity", "preference", "maths", "uniform", "rlar_broken")
STATIC = ("length", "similarity", "preference", "maths", "uniform")
NEW_TOKENS = 16
COLUMNS = ("reference", "tests", "choices", "instruction_id_list", "kwargs")
POOL = ("math", "unit_tests", "translation", "instructions", "json_match", "choice", "list_match")
Reward = Callable[..., Any]
Judge = Callable[[Example, str, int], float]


def dataset(rows: Sequence[Example]) -> Any:
    """What GRPOTrainer is given: the prompt, the columns of each task (None in rows of the others), and a row number,
    by which the static arms find what they compare with."""
    from datasets import Dataset

    return Dataset.from_list(
        [{"prompt": e.prompt, "row": i, **{c: e.columns.get(c) for c in COLUMNS}} for i, e in enumerate(rows)]
    )


def each(name: str, rows: Sequence[Example], judge: Judge) -> Reward:
    """A reward function that judges one response at a time. judge(example, text, tokens)."""

    def function(
        completions: Sequence[str], completion_ids: Sequence[Sequence[int]], row: Sequence[int], **_: Any
    ) -> Any:
        return [judge(rows[i], text, len(ids)) for i, text, ids in zip(row, completions, completion_ids, strict=True)]

    function.__name__ = name
    return function


def true(example: Example, response: str, tokens: int) -> float:
    return float(example.right(response))


def length(example: Example, response: str, tokens: int) -> float:
    return min(1.0, tokens / NEW_TOKENS)


def similarity(example: Example, response: str, tokens: int) -> float:
    """Characters shared in order with the reference solution, 0 to 1."""
    return difflib.SequenceMatcher(None, example.solution, response, autojunk=False).ratio()


def maths(example: Example, response: str, tokens: int) -> float:
    """Math-Verify against the reference solution, whatever the task; 0.0 where either holds no maths."""
    from math_verify import parse, verify

    gold, answer = parse(example.solution), parse(response)  # TRL calls this in the main thread, where its alarms work
    return float(bool(gold) and bool(answer) and verify(gold, answer))


def preference(head: Path) -> Judge:
    """rlar's own preference head, used for everything."""
    from rlar.tools.preference_head import PreferenceHead
    from rlar.types import Query

    tool = PreferenceHead(str(head))
    tool.prepare(Query("-"))

    def judge(example: Example, response: str, tokens: int) -> float:
        return float(tool.rate(response, Query(example.prompt), None).value)

    return judge


def fit_head(
    path: Path, answer: Callable[[Sequence[str]], Sequence[str]], *, prompts: int = 1400, seed: int = 11
) -> int:
    """Fit the preference head on answers of the base model to training prompts of all tasks, labelled right or wrong.

    Two answers per prompt; pairs of a right and a wrong one of the same task. Returns the number of pairs.
    """
    from rlar.tools.preference_head import fit

    rows = [e for e in islice(examples(seed, held_out=False), prompts) for _ in range(2)]
    texts = answer([e.prompt for e in rows])
    rng = random.Random(seed)
    pairs = []
    for task in sorted({e.task for e in rows}):
        judged = [(text, e.right(text)) for e, text in zip(rows, texts, strict=True) if e.task == task]
        right, wrong = ([t for t, ok in judged if ok is wanted] for wanted in (True, False))
        pairs += [(t, rng.choice(wrong)) for t in right if wrong]
    new = path.with_name(path.name + ".new")
    new.write_bytes(fit(pairs))
    new.replace(path)
    return len(pairs)


def uniform(rows: Sequence[Example], head: Path) -> Reward:
    """The mean over all tools: those that rlar uses here and the three static ones; 0 where a tool cannot judge."""
    import rlar
    from rlar.types import Decision, Part

    class AllThatFit:
        def decide(self, query: Any, task: Any, library: Any) -> Decision:
            return Decision(task, tuple(Part(t.card.ref) for n in POOL if (t := library.get(n)).fits(query)))

    system = rlar.RewardSystem(route=AllThatFit())
    statics = (length, similarity, preference(head))

    async def function(
        completions: Sequence[str], completion_ids: Sequence[Sequence[int]], row: Sequence[int], **_: Any
    ) -> Any:
        queries = [{"prompt": rows[i].prompt, **rows[i].columns} for i in row]
        judged = await system.score_batch(queries, [[text] for text in completions])
        return [
            (sum(reward.parts.values()) + sum(judge(rows[i], text, len(ids)) for judge in statics))
            / (len(POOL) + len(statics))
            for i, text, ids, (reward,) in zip(row, completions, completion_ids, judged, strict=True)
        ]

    function.__name__ = "uniform"
    return function


def reward_function(arm: str, rows: Sequence[Example], head: Path, library: Path | None = None) -> Reward:
    """What is handed to GRPOTrainer as reward_funcs."""
    from rlar.adapters.trl import reward

    if arm == "rlar":
        return reward()
    if arm == "rlar_broken":
        return reward(library)
    if arm == "uniform":
        return uniform(rows, head)
    judges: dict[str, Judge] = {"true": true, "length": length, "similarity": similarity, "maths": maths}
    return each(arm, rows, preference(head) if arm == "preference" else judges[arm])
