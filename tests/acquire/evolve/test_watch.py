"""What a watch tells of whole streams. Rates and delays over many streams: benchmarks/evolve.py."""

import importlib.util
import random
from pathlib import Path

import pytest

from rlar.acquire.evolve import Judged, Watch

SPEC = importlib.util.spec_from_file_location("evolve_streams", Path(__file__).parents[3] / "benchmarks" / "evolve.py")
STREAMS = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(STREAMS)


def told(stream, groups, seed=7):
    rng, watch = random.Random(seed), Watch()
    return [(t, f) for t in range(groups) for f in watch.see(stream(rng, t))]


@pytest.mark.parametrize("name", STREAMS.STABLE)
def test_nothing_is_told_of_a_stream_where_nothing_happens(name):
    assert told(STREAMS.STABLE[name], 600) == []


@pytest.mark.parametrize("name", STREAMS.BROKEN)
def test_what_breaks_is_told_by_its_name_and_not_before_it_happens(name):
    stream, kind = STREAMS.BROKEN[name]
    found = told(stream, STREAMS.START + 260)
    assert all(t >= STREAMS.START for t, _ in found)
    assert kind in {f.kind for _, f in found}, found


def test_a_policy_that_learns_drifts_and_hacks_nothing():
    assert {f.kind for _, f in told(STREAMS.learning, 1500)} <= {"drift"}


def test_the_same_log_tells_the_same():
    stream, _ = STREAMS.BROKEN["an exploit, no check"]
    assert told(stream, 500) == told(stream, 500)


def test_streams_of_different_families_do_not_mix():
    rng, watch = random.Random(0), Watch()
    for t in range(300):
        assert watch.see(STREAMS.verifier(0.9)(rng, t)) == []
        other = Judged("t@1", "other family", [float(rng.random() < 0.1) for _ in range(8)])
        assert watch.see(other) == []


def test_one_finding_a_while_for_one_trouble():
    found = told(lambda rng, t: Judged("t@1", "f", [None] * 8), 120)
    assert [f.kind for _, f in found] == ["faults", "faults"]
    assert found[1][0] - found[0][0] >= 100


def test_a_family_without_tools_is_told():
    watch = Watch()
    told = [f for _ in range(40) for f in watch.see_family("f", gap=True)]
    assert {f.kind for f in told} == {"gaps"} and told[0].family == "f"
    assert not [f for t in range(400) for f in watch.see_family("g", gap=t % 5 == 0)]


def test_groups_of_one_and_empty_groups_do_no_harm():
    watch = Watch()
    for _ in range(300):
        assert watch.see(Judged("t@1", "f", [0.5], lengths=[3])) == []
        assert watch.see(Judged("t@1", "f", [])) == []
