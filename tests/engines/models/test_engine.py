"""The engine against processes that are real but hold no model: loading, rounds, deaths, deadlines, memory."""

import asyncio
import json
import os
import signal
import threading
import time

import pytest

from rlar.engines.models.engine import EngineSettings, ModelEngine
from rlar.engines.models.process import ModelProcess
from rlar.engines.models.spec import ModelSpec
from rlar.errors import InputError, ToolFault

# Speaks the worker's protocol; what it does is told by the response.
FAKE = r"""
import json, os, struct, sys, time
L = struct.Struct("!I")
def put(reply):
    body = json.dumps(reply).encode()
    sys.stdout.buffer.write(L.pack(len(body)) + body); sys.stdout.buffer.flush()
while head := sys.stdin.buffer.read(4):
    m = json.loads(sys.stdin.buffer.read(L.unpack(head)[0]))
    if "load" in m:
        system = m["load"]["system"]
        put({"error": "no such head"} if system == "broken" else {"parameters": 1, "dtype": m["dtype"]["cpu"]})
        continue
    texts = [a["response"] for a in m["asks"]]
    if "die" in texts: os._exit(3)
    if "hang" in texts: time.sleep(60)
    if "garble" in texts: sys.stdout.buffer.write(b"\0\0\0\4oops"); sys.stdout.buffer.flush(); continue
    once = [t[5:] for t in texts if t.startswith("once:")]
    if once and not os.path.exists(once[0]): open(once[0], "w").close(); os.kill(os.getpid(), 9)
    if "slow" in texts: time.sleep(0.3)
    answers = [{"labels": [float(len(t))], "pid": os.getpid(), "round": len(texts)} for t in texts]
    put({"answers": answers, "seconds": 0.0, "rows": len(texts), "tokens": 1, "peak_mib": 1.0})
"""


def asks(*texts):
    return [{"prompt": [["user", "?"]], "response": t} for t in texts]


@pytest.fixture
def folder(tmp_path):
    """folder(name, parameters): a folder with a safetensors file of so many parameters; sparse, so it costs nothing."""

    def make(name="a", parameters=10):
        path = tmp_path / name
        path.mkdir()
        head = json.dumps({"w": {"dtype": "F32", "shape": [parameters], "data_offsets": [0, 4 * parameters]}}).encode()
        with (path / "model.safetensors").open("wb") as f:
            f.write(len(head).to_bytes(8, "little") + head)
            f.truncate(8 + len(head) + 4 * parameters)
        return str(path)

    return make


@pytest.fixture
def engine():
    made = []

    def make(**settings):
        settings.setdefault("device", "cpu")
        made.append(ModelEngine(EngineSettings(**settings), start=lambda: ModelProcess(FAKE)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_answers_come_in_order_and_loading_waits_for_the_first_question(engine, folder):
    e, spec = engine(), ModelSpec("classifier", folder())
    assert e.loaded == []
    answers = e.ask_sync(spec, asks("a", "", "ccc"))
    assert [a["labels"][0] for a in answers] == [1.0, 0.0, 3.0]
    assert e.loaded == [spec] and e.facts(spec)["dtype"] == "float32"
    assert asyncio.run(e.ask(spec, [])) == []


def test_those_who_wait_together_go_in_one_round(engine, folder):
    e, spec = engine(), ModelSpec("classifier", folder())
    first = e.submit(spec, asks("slow"))
    time.sleep(0.05)
    futures = [f for _ in range(20) for f in e.submit(spec, asks("x"))]
    assert [f.result()["round"] for f in futures] == [20] * 20 or first[0].result()["round"] > 1
    assert e.facts(spec)["rounds"] <= 3


def test_any_thread_and_any_loop_may_ask(engine, folder):
    e, spec = engine(), ModelSpec("classifier", folder())
    found = {}

    def work(n):
        found[n] = asyncio.run(e.ask(spec, asks(*("x" * (n + i) for i in range(5)))))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert all([a["labels"][0] for a in found[n]] == [n + i for i in range(5)] for n in range(8))


def test_a_killed_process_is_replaced_and_the_question_asked_again(engine, folder, tmp_path):
    e, spec = engine(), ModelSpec("classifier", folder())
    before = e.ask_sync(spec, asks("a"))[0]["pid"]
    answer = e.ask_sync(spec, asks(f"once:{tmp_path / 'mark'}"))[0]
    assert answer["labels"] and answer["pid"] != before
    os.kill(answer["pid"], signal.SIGKILL)  # between questions
    assert e.ask_sync(spec, asks("abcd"))[0]["labels"] == [4.0]


def test_a_question_that_kills_again_is_a_fault_and_harms_no_later_one(engine, folder):
    e, spec = engine(), ModelSpec("classifier", folder())
    answer = e.ask_sync(spec, asks("die"))[0]
    assert answer["fault"] == "crashed" and "2 times" in answer["why"] and "labels" not in answer
    assert e.ask_sync(spec, asks("ok"))[0]["labels"] == [2.0]


def test_late_and_garbled_answers_are_faults(engine, folder):
    e, spec = engine(round_s=0.5), ModelSpec("classifier", folder())
    assert e.ask_sync(spec, asks("hang"))[0]["fault"] == "timeout"
    assert e.ask_sync(spec, asks("garble"))[0]["fault"] == "crashed"
    assert e.ask_sync(spec, asks("ok"))[0]["labels"] == [2.0]


def test_a_model_that_cannot_be_loaded_says_why_each_time(engine, folder, tmp_path):
    e = engine()
    broken = ModelSpec("classifier", folder(), system="broken")
    for _ in range(2):
        assert e.ask_sync(broken, asks("a"))[0] == {"fault": "missing", "why": "no such head"}
    with pytest.raises(ToolFault, match="no such head"):
        e.load(broken)
    absent = ModelSpec("classifier", str(tmp_path / "nowhere"))
    assert "no such folder" in e.ask_sync(absent, asks("a"))[0]["why"]


def test_a_file_that_changed_since_it_was_admitted_is_not_loaded(engine, folder):
    spec = ModelSpec("classifier", folder(), files={"model.safetensors": "0" * 64})
    answer = engine().ask_sync(spec, asks("a"))[0]
    assert answer["fault"] == "missing" and "not the file that was admitted" in answer["why"]


def test_what_does_not_fit_is_told_before_it_is_loaded(engine, folder):
    e = engine(memory_mib=2000)
    big = ModelSpec("classifier", folder("big", 1_000_000_000))
    started = time.monotonic()
    answer = e.ask_sync(big, asks("a"))[0]
    assert answer["fault"] == "missing" and "1,000.0M parameters" in answer["why"] and "2,000 MiB" in answer["why"]
    assert time.monotonic() - started < 2 and e.loaded == []


def test_the_least_used_model_makes_room(engine, folder):
    e = engine(memory_mib=2500)  # two small ones fit (956 MiB each), three do not
    a, b, c = (ModelSpec("classifier", folder(n)) for n in "abc")
    for spec in (a, b, a):
        e.ask_sync(spec, asks("x"))
    assert set(e.loaded) == {a, b}
    e.ask_sync(c, asks("x"))
    assert set(e.loaded) == {a, c}
    assert e.ask_sync(b, asks("xy"))[0]["labels"] == [2.0]


def test_no_more_models_than_allowed_and_unloading_by_hand(engine, folder):
    e = engine(models=1)
    a, b = ModelSpec("classifier", folder("a")), ModelSpec("classifier", folder("b"))
    pid = e.ask_sync(a, asks("x"))[0]["pid"]
    e.ask_sync(b, asks("x"))
    assert e.loaded == [b]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    e.unload(b)
    assert e.loaded == []


def test_closing_ends_processes_and_answers_those_who_wait(engine, folder):
    e, spec = engine(), ModelSpec("classifier", folder())
    pid = e.ask_sync(spec, asks("x"))[0]["pid"]
    waiting = e.submit(spec, asks("hang"))
    time.sleep(0.1)
    e.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert waiting[0].result(5)["fault"] in ("crashed", "cancelled")
    assert e.ask_sync(spec, asks("x"))[0]["fault"] == "cancelled"


def test_a_forked_child_does_not_use_its_parents_pipes(engine, folder):
    e, spec = engine(), ModelSpec("classifier", folder())
    e.ask_sync(spec, asks("x"))
    e.pid = -1  # as in a child
    assert "forked" in e.ask_sync(spec, asks("x"))[0]["why"]
    e.pid = os.getpid()
    assert e.ask_sync(spec, asks("x"))[0]["labels"] == [1.0]


def test_an_abandoned_question_is_not_asked(engine, folder):
    e, spec = engine(), ModelSpec("classifier", folder())
    busy = e.submit(spec, asks("slow"))
    time.sleep(0.1)
    left = e.submit(spec, asks("die"))[0]
    assert left.cancel()
    assert busy[0].result()["labels"] and e.ask_sync(spec, asks("ok"))[0]["labels"] == [2.0]


def test_settings_are_checked():
    for wrong in ({"device": "tpu"}, {"models": 0}, {"round_s": 0}):
        with pytest.raises(InputError):
            EngineSettings(**wrong)
