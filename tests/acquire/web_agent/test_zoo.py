"""The zoo through the real client and real transformers, no LLM: each is integrated, or refused for its reason."""

from __future__ import annotations

import asyncio

import pytest
from zoo import BUDGET, ELIGIBLE, INELIGIBLE, REAL

from rlar.acquire.web_agent.adapters import DECODERS, ENCODERS
from rlar.acquire.web_agent.adding import Integrator
from rlar.acquire.web_agent.hub import Hub
from rlar.acquire.web_agent.wanted import Wanted
from rlar.testing.hub import LocalHub

pytestmark = [*REAL, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def integrate(tmp_path_factory):
    from rlar.engines.models.engine import EngineSettings, ModelEngine

    folder = tmp_path_factory.mktemp("zoo")
    with LocalHub() as hub, ModelEngine(EngineSettings(models=1, threads=1)) as engine:
        integrator = Integrator(Hub(hub.endpoint), folder / "models", Wanted("", budget=BUDGET), engine=engine)

        def one(animal):
            animal.put(hub, folder / "made" / animal.id.replace("/", "--"))
            return asyncio.run(integrator.integrate(animal.id, suits=("dialogue",)))

        yield one


@pytest.mark.parametrize("animal", ELIGIBLE, ids=lambda a: a.id)
def test_what_is_eligible_is_integrated_with_its_family(integrate, animal):
    done = integrate(animal)
    assert (done.state, done.spec and done.spec.family) == ("integrated", animal.wants), done.steps
    assert done.draft is not None and done.revision in done.draft.provenance.model
    assert done.draft.card["licence"] == "apache-2.0" and "s per 1k tokens" in done.draft.card["about"]
    assert done.draft.manifest().version  # the card and the settings fit a library


@pytest.mark.parametrize("animal", INELIGIBLE, ids=lambda a: a.id)
def test_what_is_not_eligible_is_refused_for_the_right_reason(integrate, animal):
    done = integrate(animal)
    assert (done.state, done.reason) == ("refused", animal.wants), done.steps
    assert done.steps[-1].says and not done.steps[-1].ok


def test_the_zoo_is_as_large_as_it_must_be():
    assert len(ELIGIBLE) >= 20 and len({a.wants for a in ELIGIBLE}) >= 8
    assert len(INELIGIBLE) >= 20 and len({a.wants for a in INELIGIBLE}) >= 10


def test_transformers_has_a_classifier_for_every_type_that_the_rules_name():
    from transformers.models.auto import modeling_auto

    known = modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES
    assert set(known) >= DECODERS | ENCODERS, (DECODERS | ENCODERS) - set(known)
