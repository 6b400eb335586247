"""The same rewards on a Ray cluster, whatever dies there."""

from __future__ import annotations

import os
import pickle
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rlar
from rlar.errors import InputError, ToolFault
from rlar.library import Library
from rlar.rollouts import read_items
from rlar.scoring.cluster import CHUNK, RayCluster, chunks_of, unpack
from rlar.types import Fault, Kind, Query, ToolCard, Verdict

ROLLOUTS = Path(__file__).parents[2] / "examples" / "rollouts.jsonl"
SUMS = [Query(f"What is {i} + {i}?", reference=str(2 * i)) for i in range(40)]
ANSWERS = [[f"It is {2 * i}.", f"It is {2 * i + 1}.", ""] for i in range(40)]
RIGHT = [[1.0, 0.0, 0.0]] * 40


@rlar.tool(suits="dialogue", about="says thanks")
def thanks(response, query):
    return 1.0 if "thank" in response.lower() else 0.0


class Killer:
    """A tool that takes its whole process down on one query, as a fault of the machine would."""

    card = ToolCard("killer", version="0" * 12, kind=Kind.VERIFIER, engine="inline", about="dies")

    def fits(self, query):
        return True

    async def judge(self, query, responses_G):
        if "die" in query.prompt and "RLAR_TEST_DRIVER" not in os.environ:
            os._exit(1)
        return [Verdict(self.card.ref, value=1.0) for _ in responses_G]


class Slow:
    card = ToolCard("slow", version="0" * 12, kind=Kind.VERIFIER, engine="inline", about="sleeps")

    def fits(self, query):
        return True

    async def judge(self, query, responses_G):
        import asyncio

        await asyncio.sleep(30)
        return [Verdict(self.card.ref, value=1.0) for _ in responses_G]


def values(rewards_PG):
    return [[r.value for r in rewards] for rewards in rewards_PG]


# -- without Ray -------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 2 * CHUNK), max_size=30))
def test_chunks_hold_whole_groups_in_order_and_little_more_than_asked(sizes):
    chunks = chunks_of(sizes)
    assert [p for chunk in chunks for p in chunk] == list(range(len(sizes)))
    assert all(len(chunk) == 1 or sum(sizes[p] for p in chunk) <= CHUNK for chunk in chunks)


def test_a_node_with_other_code_of_a_tool_is_refused():
    math = Library().get("math")
    assert unpack(math.card.ref, pickle.dumps(math)).card.ref == math.card.ref
    with pytest.raises(ToolFault, match="the node has math@"):
        unpack("math@000000000000", pickle.dumps(math))


@pytest.mark.parametrize("wrong", [{"actors": 0}, {"cpus": 0}, {"gpus": -1}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError):
        RayCluster("local", **wrong)


def test_judges_stay_with_the_driver_and_models_go_only_where_there_are_gpus():
    def tool(engine):
        made = Slow()
        made.card = ToolCard("t", version="0" * 12, kind=Kind.VERIFIER, engine=engine, about="x")
        return made

    cluster, with_gpus = RayCluster(), RayCluster(gpus=0.5)
    assert [cluster.takes(tool(e)) for e in ("worker", "sandbox", "inline", "llm", "remote", "model")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip
    assert with_gpus.takes(tool("model")) and not with_gpus.takes(tool("llm"))


# -- on a real cluster of two nodes ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nodes():
    """A cluster of two nodes on this machine, and this process connected to it."""
    ray = pytest.importorskip("ray", reason="needs ray: pip install 'rlar[ray]'")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=1)
    environment = {"env_vars": {"PYTHONPATH": str(Path(__file__).parent)}}
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR", runtime_env=environment)
    os.environ["RLAR_TEST_DRIVER"] = "1"
    yield cluster, second
    del os.environ["RLAR_TEST_DRIVER"]
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture
def far(nodes):
    with rlar.RewardSystem(tools=[thanks, Killer(), Slow()], route=ROUTE, cluster=RayCluster(), cache=False) as system:
        yield system


ROUTE = {"chats": "thanks", "killer": "killer", "slow": "slow", "sums": "math"}


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(300)
class TestOnRay:
    def test_every_tool_gives_the_same_rewards_as_here(self, nodes):
        items = list(read_items([ROLLOUTS], on_reject=pytest.fail))
        queries, groups = [i.query for i in items], [i.responses for i in items]
        with rlar.RewardSystem(cache=False) as here, rlar.RewardSystem(cluster=RayCluster(), cache=False) as far:
            a, b = here.score_batch_sync(queries, groups), far.score_batch_sync(queries, groups)
            stats = far.cluster.stats()
        assert [[(r.value, r.parts, r.why) for r in g] for g in a] == [
            [(r.value, r.parts, r.why) for r in g] for g in b
        ]
        assert stats["actors"] == stats["nodes"] == 2 and stats["lost"] == 0
        assert sum(r.value is not None for g in a for r in g) > 150

    def test_a_users_own_rule_and_one_judge_in_threads(self, far):
        got = far.score_batch_sync([Query("Here.", source="chats")], [["Thank you!", "No."]])
        assert values(got) == [[1.0, 0.0]], got[0][0].verdicts
        got = []
        threads = [
            threading.Thread(target=lambda: got.append(values(far.score_batch_sync(SUMS, ANSWERS)))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert got == [RIGHT] * 4

    def test_actors_that_are_killed_under_load_change_no_reward(self, far):
        import ray

        assert values(far.score_batch_sync(SUMS, ANSWERS)) == RIGHT
        stop = threading.Event()

        def kill():
            while not stop.wait(1.0):
                ray.kill(far.cluster.handles()[0], no_restart=False)
                ray.get(far.cluster.handles()[0].here.options(max_task_retries=-1).remote(), timeout=60)

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            until = time.monotonic() + 60
            while far.cluster.stats()["lost"] < 2 and time.monotonic() < until:
                got = far.score_batch_sync(SUMS * 50, ANSWERS * 50)
                assert not [v for g in got for r in g for v in r.verdicts if v.fault]
                assert values(got) == RIGHT * 50
        finally:
            stop.set()
            killer.join()
        assert far.cluster.stats()["lost"] >= 2

    def test_a_group_that_takes_its_actors_down_is_a_fault_and_spoils_no_other(self, far):
        queries = [Query("live", source="killer"), Query("die", source="killer"), Query("live on", source="killer")]
        got = far.score_batch_sync(queries, [["a", "b"]] * 3)
        assert values(got) == [[1.0, 1.0], [None, None], [1.0, 1.0]]
        assert (
            got[1][0].verdicts[0].fault is Fault.CRASHED
            and "actors of the Ray cluster died" in got[1][0].verdicts[0].why
        )

    def test_a_tool_of_another_version_is_refused_by_the_node_with_both_versions(self, far):
        from dataclasses import replace

        other = Library().get("math")
        other.card = replace(other.card, version="0" * 12)
        query = Query("What is 1 + 1?", reference="2", source="other")
        with rlar.RewardSystem(tools=[other], route={"other": "math"}, cluster=far.cluster, cache=False) as system:
            (reward,) = system.score_sync(query, ["2"])
        (verdict,) = reward.verdicts
        assert reward.value is None and verdict.fault is Fault.MISSING
        assert "the driver math@000000000000" in verdict.why

    def test_a_deadline_holds(self, far):
        far.score_batch_sync(SUMS[:1], ANSWERS[:1])
        started = time.monotonic()
        far.deadline_s = 4.0
        got = far.score_batch_sync([Query("x", source="slow"), SUMS[0]], [["a"], ANSWERS[0]])
        assert time.monotonic() - started < 20  # the tool sleeps 30 s
        assert values(got) == [[None], RIGHT[0]] and got[0][0].verdicts[0].fault is Fault.CANCELLED

    def test_a_node_that_leaves_takes_no_reward_with_it(self, nodes, far):
        cluster, second = nodes
        assert values(far.score_batch_sync(SUMS, ANSWERS)) == RIGHT
        leaving = threading.Timer(0.3, lambda: cluster.remove_node(second))
        leaving.start()
        for _ in range(4):
            assert values(far.score_batch_sync(SUMS, ANSWERS)) == RIGHT
        leaving.join()

    def test_a_cluster_without_room_says_so(self, nodes):
        with (
            rlar.RewardSystem(cluster=RayCluster(cpus=64)) as system,
            pytest.raises(InputError, match="no node of the Ray cluster has 64 cores"),
        ):
            system.score_sync(SUMS[0], ["1"])
