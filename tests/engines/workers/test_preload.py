"""What the template loads for all workers, and what it must not."""

import time

import pytest

from rlar.engines.workers import WorkerPool, dispatch
from rlar.types import Fault, Kind, Mark, Query, Recipe, ToolCard

MODULE = """
import os, sys, threading, time

def no_forks():
    def fork():
        raise OSError("no room for another process")
    os.fork = fork

def die():
    os._exit(1)

def hang():
    if "hung" not in os.listdir(os.path.dirname(__file__)):
        open(os.path.join(os.path.dirname(__file__), "hung"), "w").close()
        time.sleep(60)

def start_a_thread():
    threading.Thread(target=time.sleep, args=(20,), daemon=True).start()

def open_a_file():
    sys.kept = open("/dev/null")

def prepared():
    sys.prepared_by_template = os.getpid()

class Tool:
    preload = ("wordcount_7:{0}",)
    def prepare(self, query): return None
    def rate(self, response, query, prepared):
        if response == "who":
            return float(getattr(sys, "prepared_by_template", 0) == os.getppid())
        import colorsys  # heavy, let us say
        return 0.5
"""
CARD = ToolCard("wordcount", "1", Kind.METRIC)


@pytest.fixture
def module(tmp_path, monkeypatch):
    def write(preload=""):
        (tmp_path / "wordcount_7.py").write_text(MODULE.replace("{0}", preload))
        return Recipe("import", "wordcount_7", "Tool")

    monkeypatch.syspath_prepend(str(tmp_path))
    return write


def judge(pool, recipe, text="a"):
    return pool.submit(recipe, CARD, [(Query("q"), [text])]).result(30)[0][0]


def confirmed(pool, name, patience_s=10.0):
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if name in pool._dispatcher._preloads.confirmed:
            return True
        time.sleep(0.02)
    return False


def test_what_the_user_names_is_loaded_before_the_first_worker(module):
    recipe = module()
    with WorkerPool(1, preload=["wordcount_7:prepared", "no_such_module", "json:no_such_function"]) as pool:
        assert judge(pool, recipe, "who").mark == Mark(1.0)


def test_what_a_tool_loads_is_learnt_for_the_workers_to_come(module):
    recipe = module("prepared")
    with WorkerPool(1) as pool:
        assert judge(pool, recipe).mark == Mark(0.5)
        assert confirmed(pool, "colorsys")
        assert confirmed(pool, "wordcount_7:prepared")
        assert "wordcount_7" not in pool._dispatcher._preloads.confirmed  # the user's own module may change


@pytest.mark.parametrize("harm", ["start_a_thread", "open_a_file", "die"])
def test_what_would_spoil_the_template_is_not_loaded_there(module, harm):
    recipe = module(harm)
    with WorkerPool(1) as pool:
        judged = judge(pool, recipe)
        assert judged.mark == Mark(0.5) or harm == "die"
        assert not confirmed(pool, f"wordcount_7:{harm}", patience_s=0.3)
        assert pool.stats()["templates"] == 1


def test_a_preload_that_kills_the_template_is_given_up(module):
    recipe = module()
    with WorkerPool(1, preload=["wordcount_7:die"]) as pool:
        assert judge(pool, recipe).mark == Mark(0.5)
        assert pool.stats()["templates"] == 2


def test_a_machine_without_room_for_processes_is_a_fault_in_the_end(module, monkeypatch):
    monkeypatch.setattr(dispatch, "MAX_FORK_FAILURES", 3)
    recipe = module()
    with WorkerPool(2, preload=["wordcount_7:no_forks"]) as pool:
        judged = judge(pool, recipe)
        assert judged.fault is Fault.UNAVAILABLE
        assert "no room for another process" in judged.why


def test_a_preload_that_hangs_is_given_up(module, monkeypatch):
    monkeypatch.setattr(dispatch, "LOAD_CPU_S", 0.5)
    recipe = module()
    with WorkerPool(1, preload=["wordcount_7:hang"]) as pool:
        assert judge(pool, recipe).mark == Mark(0.5)
        assert pool.stats()["templates"] == 2
