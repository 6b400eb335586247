"""The web agent as a writer of `rlar acquire`, without torch: whom it serves, and what it says of the rest."""

from __future__ import annotations

import asyncio

import pytest
from stocking import reward_model

from rlar.acquire.acquiring import Acquisition, NoCandidates
from rlar.acquire.web_agent.adding import Integrator, exam_marks
from rlar.acquire.web_agent.agent import WebAgent
from rlar.acquire.web_agent.hub import Hub
from rlar.acquire.web_agent.smoke import Smoke
from rlar.acquire.web_agent.wanted import Wanted
from rlar.library.store import Store
from rlar.rollouts import Item
from rlar.types import Query

pytest.importorskip("huggingface_hub")


def items(n=30, reference=None):
    return [
        Item(
            query=Query(f"Tell me a story about {i} friendly dragons, please.", reference=reference),
            responses=(f"Once upon a time {i} dragons flew.", f"No {i}."),
            labels=(1.0, 0.0),
            task=None,
            meta={},
            id=f"d{i}",
            file="",
            line=0,
        )
        for i in range(n)
    ]


def agent(server, store, folder):
    hub = Hub(server.endpoint if server else "http://127.0.0.1:9", deadline_s=10)
    return WebAgent(Integrator(hub, folder / "lib" / "models", Wanted("")), store, tries=2)


async def collected(writer, family):
    return [c async for c in writer.candidates(family, ())]


def families(store, found):
    return Acquisition(store, min_queries=8).plan(found)


def test_only_families_that_nothing_can_check_are_served(server, tmp_path):
    with Store(tmp_path / "lib") as store:
        (sums,) = families(store, items(reference="42"))[:1]
        with pytest.raises(NoCandidates, match="can be checked"):
            asyncio.run(collected(agent(server, store, tmp_path), sums))
    assert not server.requests


def test_no_hub_and_nothing_to_take_are_said(server, tmp_path):
    with Store(tmp_path / "lib") as store:
        (stories,) = families(store, items())[:1]
        with pytest.raises(NoCandidates, match="cannot be reached"):
            asyncio.run(collected(agent(None, store, tmp_path), stories))
        server.add("acme/reward-nc", reward_model(license="cc-by-nc-4.0"))
        with pytest.raises(NoCandidates, match="none of 1 repositories may be taken"):
            asyncio.run(collected(agent(server, store, tmp_path), stories))


def test_the_best_are_tried_and_what_fails_is_told_with_its_reason(server, tmp_path, monkeypatch):
    async def smoked(spec, engine, wrapper=None):
        return Smoke(("load: no torch here",)) if "second" in spec.repo else Smoke((), {"device": "cpu"})

    monkeypatch.setattr("rlar.acquire.web_agent.adding.smoke", smoked)
    for name in ("first-helpful-dialogue", "second-helpful", "third"):
        server.add(f"acme/{name}-reward", reward_model("A reward model."))
    with Store(tmp_path / "lib") as store:
        (stories,) = families(store, items())[:1]
        first, second = asyncio.run(collected(agent(server, store, tmp_path), stories))
        assert first.draft.settings["spec"]["repo"] == "acme/first-helpful-dialogue-reward"
        assert first.draft.settings["spec"]["path"] == "" and first.draft.card["family"] == stories.key
        assert second.draft is None and "no torch here" in second.refusals[0] and second.made_by == "web agent"
        row = store.add(first.draft, why="test")
        store.write_exam(row, {"passed": True, "pair_accuracy": {"value": 0.9, "low": 0.8}})
        revision = first.draft.settings["spec"]["revision"]
        assert exam_marks(store) == {f"acme/first-helpful-dialogue-reward@{revision}": 0.8}
        store.write_exam(row, {"passed": False, "pair_accuracy": {"value": 0.9, "low": 0.8}})
        assert exam_marks(store)[f"acme/first-helpful-dialogue-reward@{revision}"] == 0.0
        from rlar.library.loaders import load

        tool = load(store.manifest(row), store.path(row), None)  # without torch: it is loaded when it is first asked
        assert tool.spec.path == str(tmp_path / "lib" / "models" / "acme--first-helpful-dialogue-reward" / revision)
