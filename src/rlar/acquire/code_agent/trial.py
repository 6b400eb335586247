"""Trying one written version, cheapest test first: its text, its own examples, then practice cases of the exam."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rlar.acquire.code_agent import showing
from rlar.acquire.code_agent.forms import Idea, Written
from rlar.acquire.code_agent.static import problems_of
from rlar.acquire.exam import Case, Exam, examine
from rlar.acquire.families import Family
from rlar.library.manifest import Draft, Provenance
from rlar.tools.judge.guard import shown
from rlar.tools.written import WrittenTool
from rlar.types import Kind, Query, ToolCard, content_key

# CPU seconds for one answer. A version is tried under the first and judges under the second, ten times as much, so
# that no answer's value hangs on how fast a machine is.
TRY_S, JUDGE_S = 0.05, 0.5


@dataclass(frozen=True, slots=True)
class Trial:
    """What came out. stage: static, examples or practice, the last one reached. refusals: () if it passed them all.

    exam: on practice cases, where it came so far. feedback: for the writer, with the failing cases.
    """

    stage: str
    refusals: tuple[str, ...]
    feedback: str = ""
    exam: Exam | None = None

    @property
    def passed(self) -> bool:
        return not self.refusals


async def try_out(written: Written, idea: Idea, practice: Sequence[Case], *, seed: int) -> Trial:
    """Never raises for what the written code does: it runs in the sandbox only, and its faults are verdicts."""
    if problems := problems_of(written.source):
        return Trial("static", tuple(f"static check: {p}" for p in problems))
    if problems := await _examples(written, idea):
        return Trial("examples", tuple(f"own example: {p}" for p in problems))
    tool = WrittenTool(written.source, _card(written, idea, JUDGE_S), requires=written.requires)
    exam = await examine(tool, practice, seed=seed, elsewhere=False)
    refusals = exam.refusals
    if not exam.queries and practice:
        refusals = (f"fits none of {len(practice)} practice queries: requires {', '.join(written.requires)}",)
    return Trial("practice", refusals, showing.failures(exam), exam)


async def _examples(written: Written, idea: Idea) -> list[str]:
    """What the tool says about its writer's own examples, under the shorter time limit."""
    tool = WrittenTool(written.source, _card(written, idea, TRY_S), requires=written.requires)
    groups = [(Query(e.prompt, reference=e.reference, extra=e.extra), [e.response]) for e in written.examples]
    found = []
    for example, (verdict,) in zip(written.examples, await tool.judge_many(groups), strict=True):
        if verdict.value is None:
            found.append(f"{verdict.fault}: {verdict.why[:300]} on {example.response[:80]!r}")
        elif not example.low - 1e-9 <= verdict.value <= example.high + 1e-9:
            wanted = f"{example.low:g} to {example.high:g}"
            found.append(f"scored {verdict.value:g} where {wanted} was expected, for {example.response[:80]!r}")
        elif verdict.why.startswith("broke the tool"):
            found.append(f"{verdict.why[:300]} on {example.response[:80]!r}")
    return found


def _card(written: Written, idea: Idea, timeout_s: float) -> ToolCard:
    version = content_key(written.source)[:12]
    return ToolCard(idea.name, version, idea.kind, line=written.line, engine="sandbox", timeout_s=timeout_s)


def draft_of(written: Written, idea: Idea, family: Family, *, model: str, prompts: Sequence[str]) -> Draft:
    """A version for the library, with what it was asked and by whom it was written."""
    needs = ["a prompt", *written.requires]
    return Draft(
        name=f"{idea.name[:50].strip('_')}_{family.key[:6]}",
        kind=idea.kind,
        loader="code",
        settings={"requires": list(written.requires)},
        card={
            "about": written.about or idea.about,
            "suits": [family.task.label],
            "needs": needs,
            "family": family.key,
            "line": written.line,
            "timeout_s": JUDGE_S,
            "tie_band": 0.0 if idea.kind is Kind.VERIFIER else 0.01,
            "licence": "Apache-2.0",
        },
        provenance=Provenance("code agent", model=model, prompts=tuple(prompts), family=family.key),
        content={"tool.py": written.source.encode("utf-8", "replace")},
        engine="sandbox",
    )


def verdict_text(trial: Trial) -> tuple[str, str]:
    """(what was wrong, the failing cases) for the writer. Texts of the program's own errors are data, too."""
    where = {
        "static": "It was refused before it ran",
        "examples": "It fails its own examples",
        "practice": "It ran, and failed its exam",
    }[trial.stage]
    reasons = shown("reasons", "\n".join(trial.refusals)[:3000])
    return f"{where}:\n{reasons}", trial.feedback or "(none were reached)"
