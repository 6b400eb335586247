"""One repository, from its name to an admitted tool: read, sift, fit, fetch, smoke, exam, admit. Every step is told.

*Integrated*: it loads here and gives sound numbers (smoke). *Admitted*: its exam on labelled answers passed, too. A
model of random weights can be the first, never the second.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlar.acquire.web_agent.adapters import Recognised, recognise, spec_of
from rlar.acquire.web_agent.drafting import deciding, draft_of, wrapped
from rlar.acquire.web_agent.facts import COMMIT, REPO_ID, Facts
from rlar.acquire.web_agent.fetch import Fetched, Progress, fetch, take_folder
from rlar.acquire.web_agent.filters import rejections
from rlar.acquire.web_agent.folders import facts_of_folder
from rlar.acquire.web_agent.hub import Hub, HubRefused, HubUnavailable
from rlar.acquire.web_agent.pairing import Side, check_pair, sift_base
from rlar.acquire.web_agent.searching import inspect
from rlar.acquire.web_agent.smoke import Smoke, smoke
from rlar.acquire.web_agent.wanted import Wanted
from rlar.acquire.web_agent.wrapping.seats import seat_of, unknown_here
from rlar.acquire.web_agent.wrapping.writer import WrapperWriter, Written
from rlar.engines.models.spec import ModelSpec
from rlar.errors import InputError, RlarError
from rlar.library.manifest import Draft, LibraryProblem
from rlar.library.store import Store
from rlar.types import Json

if TYPE_CHECKING:
    from rlar.engines.models.engine import ModelEngine
    from rlar.rollouts import Item

QUOTA = 100 << 30  # bytes that fetched models may take together
OnStep = Callable[["Step"], None]


@dataclass(frozen=True, slots=True)
class Step:
    """One step and its outcome. name: read, filter, family, base, wrapper, fetch, smoke, exam or admit."""

    name: str
    ok: bool
    says: str
    seconds: float = 0.0


@dataclass
class Added:
    """What became of a repository. state: refused, integrated or admitted. ref: of the version in the library, or "".

    reason: the filter or step that refused it, "" if none did.
    """

    repo: str
    revision: str = ""
    state: str = "refused"
    reason: str = ""
    ref: str = ""
    steps: list[Step] = field(default_factory=list)
    spec: ModelSpec | None = None
    smoke: Smoke | None = None
    wrapper: Written | None = None
    draft: Draft | None = None

    def to_json(self) -> dict[str, Json]:
        return {
            "repo": self.repo,
            "revision": self.revision,
            "state": self.state,
            "reason": self.reason,
            "tool": self.ref,
            "family": self.spec.family if self.spec else "",
            "wrapper": {"model": self.wrapper.model, "prompts": list(self.wrapper.prompts)} if self.wrapper else None,
            "steps": [dataclasses.asdict(s) for s in self.steps],
            "smoke": self.smoke.figures if self.smoke else None,
        }


class _Refused(Exception):
    def __init__(self, reason: str, why: str) -> None:
        super().__init__(why)
        self.reason = reason


@dataclass
class Integrator:
    """Fits repositories to this machine. models: folder of fetched models. quota: bytes they may take together.

    wrappers: who writes a wrapper where no family is known; None where the user did not allow it.
    base: the reference model that the user names for a log ratio, ORG/MODEL, ORG/MODEL@REVISION or a folder.
    on_step: told after every step. on_bytes: told while files come, from a thread. Nothing here raises for what a
    repository does; `Added.reason` says what refused it.
    """

    hub: Hub | None
    models: Path
    wanted: Wanted
    quota: int = QUOTA
    base: str = ""
    wrappers: WrapperWriter | None = None
    engine: ModelEngine | None = None
    on_step: OnStep | None = None
    on_bytes: Progress | None = None

    async def integrate(
        self, name: str, *, suits: Sequence[str] = (), family: str = "", facts: Facts | None = None
    ) -> Added:
        """Up to the smoke test. name: ORG/MODEL, ORG/MODEL@REVISION, or a local folder.

        suits, family: of the card of the draft. facts: what was read of it before, to spare the reading.
        """
        done = Added(name)
        try:
            await self._steps(done, suits, family, facts)
        except _Refused as e:
            done.reason = e.reason
        return done

    async def _steps(self, done: Added, suits: Sequence[str], family: str, facts: Facts | None) -> None:
        local = Path(done.repo)
        is_folder = await asyncio.to_thread(local.is_dir)
        if is_folder:
            held, facts = await self._step(done, "read", lambda: self._folder(local))
        else:
            held, facts = None, facts or await self._step(done, "read", lambda: self._read(done.repo))
        facts = replace(facts, base=self.base)
        done.repo, done.revision = facts.id, facts.revision
        await self._step(done, "filter", lambda: self._sift(facts, local=is_folder))
        found = await self._step(done, "family", lambda: self._family(facts), _told_family)
        if not found.family:
            done.wrapper = await self._step(done, "wrapper", lambda: self._wrapper(facts), _told_wrapper)
        base = await self._step(done, "base", lambda: self._base(facts, held, found.base)) if found.base else None
        held = held or await self._fetched(done, facts)
        if base is not None and base.held is None:
            base = replace(base, held=await self._fetched(done, base.facts))
        done.spec = self._spec(done, facts, held, base)
        started = time.monotonic()
        done.smoke = await smoke(done.spec, self._engine(), done.wrapper.wrapper if done.wrapper else None)
        says = ", ".join(f"{k} {v}" for k, v in done.smoke.figures.items()) if done.smoke.passed else ""
        self._told(done, Step("smoke", done.smoke.passed, says or "; ".join(done.smoke.refusals), _since(started)))
        if not done.smoke.passed:
            raise _Refused("smoke", "; ".join(done.smoke.refusals))
        done.draft = draft_of(done.spec, done.smoke, suits=suits, family=family, written=done.wrapper)
        done.state = "integrated"

    async def _step(
        self, done: Added, name: str, work: Callable[[], Any], says: Callable[[Any], str] | None = None
    ) -> Any:
        """One step, in a thread where it blocks. Raises _Refused, after it was told."""
        started = time.monotonic()
        try:
            result = await asyncio.to_thread(work)
            result = await result if asyncio.iscoroutine(result) else result
        except HubRefused as e:
            reason, why = e.reason, str(e)
        except HubUnavailable as e:
            reason, why = "unavailable", str(e)
        except _Refused as e:
            reason, why = e.reason, str(e)
        except (RlarError, OSError) as e:
            reason, why = name, str(e)
        else:
            self._told(done, Step(name, True, says(result) if says else _says(result), _since(started)))
            return result
        self._told(done, Step(name, False, f"{reason}: {why}", _since(started)))
        raise _Refused(reason, why)

    async def _fetched(self, done: Added, facts: Facts) -> Fetched:
        fetched: Fetched = await self._step(
            done,
            "fetch",
            lambda: self._fetch(facts),
            lambda f: f"{f.repo}: {len(f.sha256)} files, {f.size:,} bytes, checked",
        )
        return fetched

    def _told(self, done: Added, step: Step) -> None:
        done.steps.append(step)
        if self.on_step:
            self.on_step(step)

    # -- the steps --------------------------------------------------------------------------------------------------

    def _read(self, name: str) -> Facts:
        repo, _, revision = name.partition("@")
        if not REPO_ID.fullmatch(repo):
            raise InputError(
                f"{name!r} is neither a folder nor the name of a repository (ORG/MODEL, ORG/MODEL@REVISION)"
            )
        if self.hub is None:
            raise InputError(f"{name}: no Hub was given")
        if COMMIT.fullmatch(revision) and (kept := self.hub.kept_facts(Facts(repo, revision))):
            return kept
        return inspect(self.hub, self.hub.info(repo, revision or None))

    def _folder(self, source: Path) -> tuple[Fetched, Facts]:
        held, left_out = take_folder(source, self.models, quota=self.quota)
        return held, facts_of_folder(held, source, left_out)

    def _sift(self, facts: Facts, *, local: bool) -> str:
        found = rejections(facts, replace(self.wanted, known_bad=frozenset(), wrappers=self.wrappers is not None))
        if local:  # the user has it, and knows its terms; what it is and whether it fits is asked all the same
            found = tuple(r for r in found if r.filter not in ("licence", "gated", "disabled"))
        if found:
            raise _Refused(found[0].filter, "; ".join(f"{r.why}" for r in found))
        n = f"{facts.parameters / 1e6:,.1f}M parameters" if facts.parameters else "size unknown"
        return f"{n}, licence {facts.licence or 'not stated'}"

    def _family(self, facts: Facts) -> Recognised:
        found = recognise(facts)
        if facts.base and not found.base:
            what = f"{found.family}: {found.says}" if found.family else f"none ({found.why})"
            why = f"--base {facts.base} is for a log ratio of two language models; this is {what}"
            raise _Refused("base", why)
        return found

    async def _wrapper(self, facts: Facts) -> Written:
        seat = seat_of(facts)
        assert self.wrappers is not None and seat is not None  # the filters let nothing else through
        if why := await asyncio.to_thread(unknown_here, facts, seat):
            raise _Refused("unsupported", why)
        return await self.wrappers.write(facts, seat)

    def _base(self, facts: Facts, held: Fetched | None, name: str) -> Side:
        """The reference model, sifted, and fit to be read beside the policy. Raises HubRefused, HubUnavailable."""
        try:
            if Path(name).is_dir():
                fetched, about = self._folder(Path(name))
                base = Side(about, fetched)
            else:
                base = Side(self._read(name))
        except HubRefused as e:
            raise HubRefused(e.reason, f"its reference model: {e}") from e
        sift_base(base.facts, self.wanted, local=base.held is not None)
        check_pair(self.hub, Side(facts, held), base, self.wanted)
        return base

    def _fetch(self, facts: Facts) -> Fetched:
        if self.hub is None:
            raise InputError(f"{facts.id}: no Hub was given")
        return fetch(self.hub, facts, self.models, quota=self.quota, progress=self.on_bytes)

    def _spec(self, done: Added, facts: Facts, held: Fetched, base: Side | None) -> ModelSpec:
        parameters, more = facts.parameters or 0, dict[str, Any]()
        if base is not None and base.held is not None:
            parameters += base.facts.parameters or 0
            more = {
                "base_path": str(base.held.folder),
                "base_files": deciding(base.held),
                "base_repo": base.facts.id,
                "base_revision": base.facts.revision,
            }
        try:
            found = wrapped(facts, done.wrapper) if done.wrapper else None
            return spec_of(
                facts, path=str(held.folder), files=deciding(held), parameters=parameters, found=found, **more
            )
        except (ValueError, TypeError) as e:
            self._told(done, Step("family", False, f"unsupported: {e}"))
            raise _Refused("unsupported", str(e)) from e

    def _engine(self) -> ModelEngine:
        if self.engine is None:
            from rlar.engines.models.engine import default_engine

            self.engine = default_engine()
        return self.engine


async def examine_and_admit(done: Added, store: Store, items: Sequence[Item], integrator: Integrator) -> None:
    """Add an integrated model to the library, and admit it if its exam on these items passes. Without items it stays
    proposed: nobody has shown that its numbers are right."""
    from rlar.acquire.acquiring import Acquisition

    assert done.draft is not None
    row = store.add(done.draft, why=f"fetched from {done.repo}@{done.revision[:12]}")
    done.ref = f"{row.name}@{row.version}"
    if not items:
        says = "not examined: give labelled answers (--on FILE); until then it is proposed, and judges nothing"
        integrator._told(done, Step("exam", False, says))
        done.reason = "exam"
        return
    started = time.monotonic()
    try:
        exam, refusals = await Acquisition(store).again(done.ref, items)
    except (InputError, LibraryProblem) as e:
        integrator._told(done, Step("exam", False, str(e), _since(started)))
        done.reason = "exam"
        return
    pairs = exam.figures["labelled_pairs"]
    says = "; ".join(refusals) if refusals else f"{exam.queries} held-out queries, labelled pairs {pairs}"
    integrator._told(done, Step("exam", not refusals, says, _since(started)))
    if refusals:
        done.reason = "exam"
        return
    done.state = "admitted"
    integrator._told(
        done, Step("admit", True, f"{done.ref} judges {', '.join(done.draft.card['suits']) or 'any task'}")
    )


def exam_marks(store: Store) -> Mapping[str, float]:
    """repository@revision -> lower end of the pair accuracy of its best exam in this library; 0 where all failed."""
    marks: dict[str, float] = {}
    for row in store.rows():
        try:
            manifest = store.manifest(row)
            exam = store.exam(row)
        except LibraryProblem:
            continue
        if manifest.loader != "model" or exam is None:
            continue
        spec = manifest.settings.get("spec", {})
        key = f"{spec.get('repo')}@{spec.get('revision')}"
        figure = exam.get("pair_accuracy") or {}
        low = figure.get("low") if exam.get("passed") else 0.0
        marks[key] = max(marks.get(key, 0.0), float(low or 0.0))
    return marks


def _told_family(found: Recognised) -> str:
    return (
        f"{found.family}: {found.says}" if found.family else f"none known ({found.why}); an LLM is asked for a wrapper"
    )


def _told_wrapper(written: Written) -> str:
    return f"{written.wrapper.form}, by {written.model}, passed its trial in the sandbox: {written.about}"


def _says(result: Any) -> str:
    if isinstance(result, str):
        return result
    facts = result[1] if isinstance(result, tuple) else result.facts if isinstance(result, Side) else result
    return f"{facts.id} at {facts.revision[:12]}, {len(facts.files)} files"


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)
