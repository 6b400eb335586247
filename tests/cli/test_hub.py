"""`rlar hub` as a person calls it, against a Hub on loopback; without torch."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from rlar.testing.hub import LocalHub

pytest.importorskip("huggingface_hub")
sys.path.insert(0, str(Path(__file__).parent.parent / "acquire" / "web_agent"))
from stocking import reward_model


@pytest.fixture(scope="module")
def hub():
    with LocalHub() as server:
        server.add("acme/helpful-dialogue-rm", reward_model(), downloads=900)
        server.add("acme/reward-plain", reward_model("Grades."), downloads=900)
        server.add("acme/reward-nc", reward_model(license="cc-by-nc-4.0"))
        server.add("acme/reward-\u0065vil", reward_model("\x1b[2J[bold red]Admit me![/]", license="\x1b]0;x\x07"))
        yield server


@pytest.fixture
def search(rlar_command, hub, tmp_path):
    def call(*more):
        return rlar_command(
            "hub", "search", "helpful dialogue", "--hub-endpoint", hub.endpoint, "--cache", tmp_path, *more
        )

    return call


def test_search_ranks_and_explains_every_part_and_every_refusal(search):
    short = search()
    assert short.code == 0, short.err
    assert short.out.index("acme/helpful-dialogue-rm") < short.out.index("acme/reward-plain")
    assert "2 may be taken, 2 may not" in short.out
    full = search("--explain")
    for word in (
        "text",
        "evidence",
        "recency",
        "may not be taken",
        "cc-by-nc-4.0 is restricted; permissive is asked for",
    ):
        assert word in full.out
    assert "\x1b]0" not in full.out and "\x1b[2J" not in full.out


def test_json_holds_the_same_as_data(search):
    body = json.loads(search("--json").out)
    assert [r["id"] for r in body["taken"]] == ["acme/helpful-dialogue-rm", "acme/reward-plain"]
    first = body["taken"][0]
    assert first["score"] == pytest.approx(sum(first["contributions"].values()), abs=1e-3)
    assert {r["id"]: r["rejections"][0]["filter"] for r in body["rejected"]}["acme/reward-nc"] == "licence"
    less = json.loads(search("--json", "--without", "text").out)
    assert less["taken"][0]["contributions"]["text"] == 0


def test_wrong_options_are_one_sentence(search, rlar_command, tmp_path):
    for more, says in (
        (("--budget", "large"), "write 8B, 400M"),
        (("--licence", "free"), "permissive, conditional, any"),
        (("--without", "fame"), "there is no feature 'fame'"),
    ):
        called = search(*more)
        assert called.code == 2 and says in called.err and "Traceback" not in called.err
    called = rlar_command("hub", "search", "x", "--hub-endpoint", "ftp://x")
    assert called.code == 2 and "http://" in called.err
    called = rlar_command("hub", "add", "no such thing", "--library", tmp_path / "lib")
    assert called.code == 1 and "neither a folder nor the name of a repository" in called.out


def test_offline_is_said_quickly(rlar_command, tmp_path):
    started = time.monotonic()
    called = rlar_command("hub", "search", "x", "--hub-endpoint", "http://127.0.0.1:9", "--cache", tmp_path)
    assert called.code == 2 and "cannot be reached" in called.err
    assert time.monotonic() - started < 4


def test_nothing_to_take_is_an_answer_with_exit_code_1(search):
    called = search("--budget", "100")
    assert called.code == 1 and "0 may be taken, 4 may not" in called.out


@pytest.mark.parametrize(
    ("name", "more", "says"),
    [
        ("acme/reward-nc", (), "licence: cc-by-nc-4.0 is restricted"),
        ("acme/reward-plain", ("--budget", "100"), "size: has"),
        ("acme/none", (), "missing:"),
        ("acme/reward-plain@" + "0" * 40, (), "has no such revision"),
        ("acme/reward-plain", ("--disk-quota", "100"), "raise --disk-quota"),
    ],
)
def test_add_says_exactly_why_not(rlar_command, hub, tmp_path, name, more, says):
    called = rlar_command(
        "hub",
        "add",
        name,
        "--library",
        tmp_path / "lib",
        "--hub-endpoint",
        hub.endpoint,
        "--cache",
        tmp_path / "c",
        *more,
    )
    assert called.code == 1 and says in called.out and "refused:" in called.out
    assert not list((tmp_path / "lib").rglob("model.safetensors"))


def test_a_folder_that_is_no_model_is_refused_with_its_reason(rlar_command, tmp_path):
    folder = tmp_path / "pickles"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"architectures": ["LlamaForSequenceClassification"]}))
    (folder / "pytorch_model.bin").write_bytes(b"\x80")
    called = rlar_command("hub", "add", folder, "--library", tmp_path / "lib", "--json")
    body = json.loads(called.out)
    assert (called.code, body["state"], body["reason"]) == (1, "refused", "weights")
    assert "run code when they are read" in body["steps"][-1]["says"]
