"""A judge from command-line options; and `rlar judge`, which learns where asking one pays."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rlar.errors import InputError
from rlar.types import Json, Query

if TYPE_CHECKING:
    from rlar.engines.llm import Ledger
    from rlar.rollouts import Item
    from rlar.scoring.cascade import Evidence
    from rlar.scoring.hybrid import Backing
    from rlar.tools.judge import Judge
    from rlar.types import Tool

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)
PANEL = "Judge"

JudgeUrl = Annotated[
    str | None,
    typer.Option(
        "--judge",
        metavar="URL",
        help="an OpenAI-compatible endpoint that judges what no tool can; its key: RLAR_LLM_KEY",
        rich_help_panel=PANEL,
    ),
]
JudgeModel = Annotated[
    str | None,
    typer.Option("--judge-model", "--model", help="its model; or set RLAR_LLM_MODEL", rich_help_panel=PANEL),
]
JudgeMode = Annotated[
    Literal["pointwise", "pairwise", "listwise", "tournament", "evidence"],
    typer.Option(help="each answer alone, against each other, or with checks to cite", rich_help_panel=PANEL),
]
JudgeVotes = Annotated[
    int, typer.Option("--judge-votes", min=1, max=9, help="replies per verdict at most", rich_help_panel=PANEL)
]
JudgeCriteria = Annotated[
    Literal["none", "query", "family", "both"],
    typer.Option("--judge-criteria", help="let it say what counts first, per query or task", rich_help_panel=PANEL),
]
Principle = Annotated[
    list[str] | None,
    typer.Option("--principle", help="what counts, in one sentence; may be repeated", rich_help_panel=PANEL),
]
PolicyModel = Annotated[
    str | None,
    typer.Option(help="the model in training: warns if the judge is its kin", rich_help_panel=PANEL),
]
JudgeCache = Annotated[
    Path | None, typer.Option("--judge-cache", help="keep its replies here, for later runs", rich_help_panel=PANEL)
]
Hybrid = Annotated[
    bool,
    typer.Option(
        "--hybrid",
        help="where a verifier breaks or is unsure, the judge decides, else the group's majority",
        rich_help_panel=PANEL,
    ),
]
CascadeFile = Annotated[
    str | None,
    typer.Option(
        "--cascade",
        metavar="FILE|noise",
        help="metrics and reward models ask the judge about groups that they cannot tell apart: by floors that "
        "`rlar judge learn` wrote, or within their cards' noise",
        rich_help_panel=PANEL,
    ),
]
JudgeShare = Annotated[
    float | None,
    typer.Option(
        "--judge-share", min=0.0, max=1.0, help="of each batch's groups at most, for --cascade", rich_help_panel=PANEL
    ),
]
MaxCalls = Annotated[
    int | None, typer.Option("--max-calls", min=1, help="calls to the judge at most", rich_help_panel=PANEL)
]
MaxTokens = Annotated[
    int | None, typer.Option("--max-tokens", min=1, help="its tokens at most, in and out", rich_help_panel=PANEL)
]
MaxUsd = Annotated[
    float | None, typer.Option("--max-usd", min=0.0, help="dollars at most; needs the prices", rich_help_panel=PANEL)
]
PriceIn = Annotated[
    float, typer.Option("--price-in", min=0.0, help="US dollars per million tokens asked", rich_help_panel=PANEL)
]
PriceOut = Annotated[
    float, typer.Option("--price-out", min=0.0, help="US dollars per million tokens replied", rich_help_panel=PANEL)
]


@dataclass(frozen=True, slots=True)
class JudgeOptions:
    """What the options say. criteria: "none" or as in JudgeSettings."""

    url: str | None = None
    model: str | None = None
    mode: str = "pointwise"
    votes: int = 1
    criteria: str = "none"
    principles: tuple[str, ...] = ()
    policy_model: str | None = None
    cache: Path | None = None
    calls: int | None = None
    tokens: int | None = None
    usd: float | None = None
    price_in: float = 0.0
    price_out: float = 0.0


@dataclass(frozen=True, slots=True)
class OpenJudge:
    """A judge that was reached, and what it has cost."""

    judge: Judge
    ledger: Ledger

    def cost(self, backing: Backing | None = None) -> dict[str, Json]:
        """For the run summary: calls, tokens and dollars by purpose, replies from the cache, groups of cascades."""
        total = self.ledger.total
        body: dict[str, Json] = {
            "model": self.judge.chat.model,
            "mode": self.judge.settings.mode,
            "calls": total.calls,
            "tokens": total.tokens,
            "usd": round(total.usd, 6),
            "from_cache": self.ledger.saved,
            "by_purpose": {purpose: cost.calls for purpose, cost in sorted(self.ledger.by_purpose().items())},
        }
        if backing is not None and backing.cascaded:
            body |= {"cascade_asked": backing.asked, "cascade_spared": backing.saved}
        return body


def open_judge(options: JudgeOptions) -> OpenJudge | None:
    """The judge at an address, each question asked once, within the budget; None without an address.

    The endpoint is asked for its models first, so that a wrong address, key or name is told before the run.
    Raises InputError, MissingExtra where the SDK is not installed, ChatUnavailable where nothing answers.
    """
    if options.url is None:
        flags = {"calls": "--max-calls", "tokens": "--max-tokens", "usd": "--max-usd", "cache": "--judge-cache"}
        if wrong := [flag for name, flag in flags.items() if getattr(options, name) is not None]:
            raise InputError(f"{', '.join(wrong)}: of a judge, but there is none; give --judge URL")
        return None
    import importlib.util

    from rlar.engines.llm import Budget, BudgetedChat, CachedChat, Prices, connect
    from rlar.errors import MissingExtra
    from rlar.tools.judge import Judge, JudgeSettings

    if importlib.util.find_spec("openai") is None:
        raise MissingExtra("--judge", "llm")
    prices = Prices(options.price_in, options.price_out)
    if options.usd is not None and not (prices.usd_in or prices.usd_out):
        raise InputError("--max-usd needs --price-in and --price-out, in US dollars per million tokens")
    if not options.model and not os.environ.get("RLAR_LLM_MODEL"):
        raise InputError(f"which model of {options.url}? Give --judge-model NAME, or set RLAR_LLM_MODEL")
    chat = connect(options.url, options.model, prices=prices)
    assert chat is not None  # a url was given
    names = asyncio.run(chat.models())
    if names and chat.model not in names:
        raise InputError(f"{options.url} has no model {chat.model!r}; it has {', '.join(sorted(names)[:8])}")
    settings = JudgeSettings(
        mode=options.mode,
        votes=options.votes,
        criteria="" if options.criteria == "none" else options.criteria,
        principles=options.principles,
        policy_model=options.policy_model or "",
    )
    budgeted = BudgetedChat(chat, Budget(options.usd, options.tokens, options.calls))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        judge = Judge(CachedChat(budgeted, options.cache), settings, task_of=task_label)
    for warning in said:  # as a line, without the place in our code
        sys.stderr.write(f"warning: {warning.message}\n")
    return OpenJudge(judge, budgeted.ledger)


def open_backing(opened: OpenJudge | None, *, hybrid: bool, cascade: str | None, share: float | None) -> Backing | None:
    """The judge behind the library's tools; None where nothing asks for that. Raises InputError."""
    if cascade is None and share is not None:
        raise InputError("--judge-share is of the groups that --cascade would ask about; give --cascade noise or FILE")
    if not hybrid and cascade is None:
        return None
    from rlar.scoring.cascade import Cascade, read_cascades
    from rlar.scoring.hybrid import Backing

    if cascade is not None and opened is None:
        raise InputError("--cascade asks a judge; give --judge URL")
    learnt: dict[str, Cascade] | str | None = cascade
    if cascade is not None and cascade != "noise":
        try:
            learnt = read_cascades(Path(cascade).read_text("utf-8"))
        except OSError as e:
            raise InputError(f"--cascade {cascade}: {e.strerror}; `rlar judge learn` writes such a file") from e
    return Backing(opened.judge if opened else None, hybrid=hybrid, cascade=learnt, share=share)


def judge_line(cost: dict[str, Json]) -> str:
    """What a judge cost, in one line."""
    parts = [f"{cost['calls']:,} calls", f"{cost['tokens']:,} tokens"]
    if cost["usd"]:
        parts.append(f"${cost['usd']:.4f}")
    if cost["from_cache"]:
        parts.append(f"{cost['from_cache']:,} replies from the cache")
    line = f"judge {cost['model']} ({cost['mode']}): {', '.join(parts)}"
    if "cascade_asked" in cost:
        groups = cost["cascade_asked"] + cost["cascade_spared"]
        line += f"; the cascade asked it about {cost['cascade_asked']:,} of {groups:,} groups"
    return line


def task_label(query: Query) -> str:
    """The task label that routing gives a query, for criteria by family."""
    from rlar.scoring.analyze import analyze

    return analyze(query).label


# -- rlar judge learn -------------------------------------------------------------------------------------------------

AT_ONCE = 32  # groups judged together: the progress bar moves after each of these


@app.callback()
def _judge() -> None:
    """Where asking an LLM judge pays."""


@app.command("learn")
def learn(
    paths: Annotated[list[str], typer.Argument(help="labelled items, as `rlar eval` reads them")],
    cheap: Annotated[str, typer.Option("--cheap", help="the metric or reward model that is asked first")],
    out: Annotated[Path, typer.Option("--out", "-o", help="where the floor goes; for `rlar score --cascade`")],
    judge: JudgeUrl = None,
    model: JudgeModel = None,
    judge_mode: JudgeMode = "pointwise",
    judge_votes: JudgeVotes = 1,
    judge_criteria: JudgeCriteria = "none",
    principle: Principle = None,
    judge_cache: JudgeCache = None,
    share: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="of the groups that the judge may be asked about")
    ] = 0.25,
    gain: Annotated[float, typer.Option(min=0.0, help="accuracy that one asked group must gain to be worth it")] = 0.0,
    library: Annotated[Path | None, typer.Option("--library", help="a folder with tools of your own")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="only the first N items")] = None,
    max_calls: MaxCalls = None,
    max_tokens: MaxTokens = None,
    max_usd: MaxUsd = None,
    price_in: PriceIn = 0.0,
    price_out: PriceOut = 0.0,
) -> None:
    """Learn below which margin of a cheap tool its judgement is noise, so that only there the judge is asked.

    Both tools judge the labelled items. The floor is learnt on all of them; what it saves is measured on halves that it
    was not learnt from, and printed.
    """
    from rlar.library import Library
    from rlar.scoring.cascade import learn_cascade

    options = JudgeOptions(
        url=judge,
        model=model,
        mode=judge_mode,
        votes=judge_votes,
        criteria=judge_criteria,
        principles=tuple(principle or ()),
        cache=judge_cache,
        calls=max_calls,
        tokens=max_tokens,
        usd=max_usd,
        price_in=price_in,
        price_out=price_out,
    )
    opened = open_judge(options)
    if opened is None:
        raise InputError("which judge? Give --judge URL and --judge-model NAME")
    tool = (Library.open(library) if library else Library()).get(cheap)
    items = _labelled(paths, tool, limit)
    evidence = asyncio.run(_evidence(tool, opened.judge, items))
    if len(evidence) < 2:
        raise InputError(f"{len(evidence)} groups that both judged and whose labels differ; a floor needs more")
    forecast = _forecast(cheap, opened.judge.card.name, evidence, share, gain)
    cascade = learn_cascade(tool.card.ref, opened.judge.card.ref, evidence, budget=share, price=gain)
    body = {**cascade.as_json(), "groups": len(evidence), "forecast": forecast, "judge": opened.cost()}
    out.write_text(json.dumps(body, indent=1) + "\n", "utf-8")
    sys.stdout.write(_told(cascade.floor, cheap, len(evidence), forecast))
    sys.stdout.write(f"{judge_line(opened.cost())}\n{out}: rlar score FILE --judge URL --cascade {out}\n")


def _labelled(paths: Sequence[str], tool: Tool, limit: int | None) -> list[Item]:
    from rlar.rollouts import read_items

    found: list[Item] = []
    for item in read_items(paths):
        labels = item.labels or ()
        if len({label for label in labels if label is not None}) > 1 and tool.fits(item.query):
            found.append(item)
            if len(found) == limit:
                break
    if not found:
        raise InputError(f"{tool.card.name} fits none of the items whose responses have different labels")
    return found


async def _evidence(tool: Tool, judge: Judge, items: Sequence[Item]) -> list[Evidence]:
    from rich.console import Console
    from rich.progress import track

    from rlar.cli.tally import agreement
    from rlar.scoring.cascade import Evidence, group_margin
    from rlar.scoring.run import Job, run

    refs = (tool.card.ref, judge.card.ref)
    tools = dict(zip(refs, (tool, judge), strict=True))
    jobs = [Job(item.query, item.responses, refs) for item in items]
    verdicts_PGK = []
    shown = Console(stderr=True)
    for first in track(range(0, len(jobs), AT_ONCE), "judging", console=shown, disable=not shown.is_terminal):
        verdicts_PGK += await run(jobs[first : first + AT_ONCE], tools)
    found = []
    for item, verdicts_GK in zip(items, verdicts_PGK, strict=True):
        cheap, dear = ([verdicts_K[k].value for verdicts_K in verdicts_GK] for k in (0, 1))
        margin = group_margin(cheap)
        if margin is None or None in cheap or None in dear:
            continue
        assert item.labels is not None
        (pairs, right), (_, dear_right) = agreement(cheap, item.labels), agreement(dear, item.labels)
        if pairs:
            draw = len(set(dear)) == 1
            found.append(Evidence(margin, right / pairs, dear_right / pairs, draw, item.query.key))
    return found


def _forecast(cheap: str, dear: str, evidence: Sequence[Evidence], share: float, gain: float) -> dict[str, float]:
    """What the cascade does on groups that it was not learnt from: two halves, by the hash of the query."""
    from rlar.scoring.cascade import learn_cascade, savings

    ordered = sorted(evidence, key=lambda e: e.key)
    halves = (ordered[::2], ordered[1::2])
    measured = [
        savings(learn_cascade(cheap, dear, learnt, budget=share, price=gain), held)
        for learnt, held in (halves, halves[::-1])
    ]
    n = sum(m.n for m in measured)
    return {
        name: sum(getattr(m, name) * m.n for m in measured) / n
        for name in ("share", "accuracy", "cheap", "dear", "mix", "saved_per_1000")
    }


def _told(floor: float, cheap: str, groups: int, forecast: dict[str, float]) -> str:
    where = (
        f"where {cheap} holds them apart by less than {floor:.4g}" if floor >= 0 else "nowhere: asking gains nothing"
    )
    return (
        f"learnt from {groups:,} groups; the judge is asked {where}\n"
        f"held-out halves: {cheap} {forecast['cheap']:.3f}, judge {forecast['dear']:.3f}, cascade "
        f"{forecast['accuracy']:.3f} with {forecast['share']:.0%} of the calls "
        f"(asking as often blindly: {forecast['mix']:.3f}); saves {forecast['saved_per_1000']:.0f} of 1,000 groups\n"
    )
