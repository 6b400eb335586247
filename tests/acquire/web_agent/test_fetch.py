"""What is fetched is whole and checked, or is not there."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace

import pytest
from stocking import reward_model, tensors

from rlar.acquire.web_agent import fetch as fetching
from rlar.acquire.web_agent.fetch import fetch, finished, headers, needed, take_folder
from rlar.acquire.web_agent.hub import Hub, HubRefused, HubUnavailable
from rlar.library.loaders import model_place
from rlar.testing.hub import Faults, LocalHub

pytest.importorskip("huggingface_hub")
QUOTA = 1 << 30


def client(server: LocalHub) -> Hub:
    return Hub(server.endpoint, deadline_s=5)


def test_only_needed_files_are_fetched_and_each_is_checked(server, tmp_path):
    files = reward_model(files={"modeling_x.py": "import os", "pytorch_model.bin": b"\x80", "LICENSE": "MIT"})
    sha = server.add("acme/rm", files)
    hub = client(server)
    done = fetch(hub, hub.info("acme/rm"), tmp_path, quota=QUOTA)
    assert done.folder == model_place(tmp_path, "acme/rm", sha)
    assert sorted(done.sha256) == sorted(set(files) - {"modeling_x.py", "pytorch_model.bin", "README.md"})
    for name in done.sha256:
        there = (done.folder / name).read_bytes()
        assert there == (files[name] if isinstance(files[name], bytes) else files[name].encode())
    asked = [path for _, path, _ in server.requests]
    assert not any("modeling_x" in path or "pytorch_model" in path for path in asked)
    before = len(server.requests)
    assert fetch(hub, hub.info("acme/rm"), tmp_path, quota=QUOTA) == done
    assert len(server.requests) == before + 1  # the info alone


def test_it_says_how_far_it_is_and_goes_on_from_there(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching.time, "sleep", lambda _: None)
    files = reward_model(files={"model.safetensors": tensors({"w": (40_000, 8)}, 0.5)})
    server.add("acme/rm", files)
    hub, told = client(server), []
    facts = hub.info("acme/rm")
    server.faults = Faults(cut_at=600_000, times=1)
    done = fetch(hub, facts, tmp_path, quota=QUOTA, progress=lambda *told_now: told.append(told_now))
    there = [have for _, have, _ in told]
    assert there == sorted(there) and there[-1] == done.size and len(there) > len(done.sha256)
    assert {total for *_, total in told} == {done.size} and {name for name, *_ in told} == set(done.sha256)


def test_a_newer_commit_does_not_change_what_was_pinned(server, tmp_path):
    old = server.add("acme/rm", reward_model(config={"hidden_size": 8}))
    hub = client(server)
    facts = hub.info("acme/rm")
    server.add("acme/rm", reward_model(config={"hidden_size": 16}))
    done = fetch(hub, facts, tmp_path, quota=QUOTA)
    assert done.revision == old
    assert json.loads((done.folder / "config.json").read_text())["hidden_size"] == 8


@pytest.mark.parametrize("seed", [*range(6), *(pytest.param(i, marks=pytest.mark.slow) for i in range(6, 200))])
def test_cut_at_any_byte_a_model_is_whole_or_not_there(server, tmp_path, seed, monkeypatch):
    """The connection breaks at random bytes again and again; then the process stops; a later call goes on."""
    monkeypatch.setattr(fetching.time, "sleep", lambda _: None)
    rng = random.Random(seed)
    body = tensors({"w": (rng.randint(200, 3000), 8)}, 0.5)
    files = reward_model(files={"model.safetensors": body})
    sha = server.add("acme/rm", files)
    hub = client(server)
    facts = hub.info("acme/rm")
    gave_up = 0
    for _ in range(60):
        server.faults = Faults(cut_at=rng.choice([0, 1, rng.randint(2, len(body))]), times=rng.randint(1, 12))
        try:
            done = fetch(hub, facts, tmp_path, quota=QUOTA)
            break
        except HubUnavailable:
            gave_up += 1
            assert finished(tmp_path, "acme/rm", sha) is None and not model_place(tmp_path, "acme/rm", sha).exists()
    else:
        pytest.fail("never got through")
    assert (done.folder / "model.safetensors").read_bytes() == body
    assert finished(tmp_path, "acme/rm", sha, full=True) == done


def test_a_broken_download_goes_on_where_it_stopped(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching.time, "sleep", lambda _: None)
    body = tensors({"w": (100_000, 8)})
    server.add("acme/rm", reward_model(files={"model.safetensors": body}))
    hub = client(server)
    server.faults = Faults("model.safetensors$", cut_at=1_000_000, times=2)
    fetch(hub, hub.info("acme/rm"), tmp_path, quota=QUOTA)
    starts = [int(r[6:-1]) for _, p, r in server.requests if "/large/" in p and r]
    assert starts and starts == sorted(starts) and starts[0] > 0


def test_a_file_changed_on_the_way_is_refused_and_removed(server, tmp_path):
    files = reward_model()
    server.add("acme/rm", files)
    hub = client(server)
    facts = hub.info("acme/rm")
    lying = [replace(f, sha256="0" * 64) if f.name == "model.safetensors" else f for f in facts.files]
    with pytest.raises(HubRefused, match="another hash") as e:
        fetch(hub, replace(facts, files=tuple(lying)), tmp_path, quota=QUOTA)
    assert e.value.reason == "hash"
    assert not list(tmp_path.rglob("model.safetensors*"))


def test_a_file_longer_than_listed_is_dropped_at_the_listed_size(server, tmp_path):
    server.add(
        "acme/rm", reward_model(files={"tokenizer.json": "x" * 5_000_000}), listed={"tokenizer.json": {"size": 9}}
    )
    hub = client(server)
    with pytest.raises(HubRefused, match="longer than the 9 bytes"):
        fetch(hub, hub.info("acme/rm"), tmp_path, quota=QUOTA)
    assert sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file()) < 100_000


def test_the_quota_holds_for_all_models_together(server, tmp_path):
    server.add("acme/one", reward_model(files={"model.safetensors": tensors({"w": (1000, 8)})}))
    server.add("acme/two", reward_model(files={"model.safetensors": tensors({"w": (1000, 8)}, 1.0)}))
    hub = client(server)
    fetch(hub, hub.info("acme/one"), tmp_path, quota=60_000)
    with pytest.raises(HubRefused, match="--disk-quota") as e:
        fetch(hub, hub.info("acme/two"), tmp_path, quota=60_000)
    assert e.value.reason == "quota"
    with pytest.raises(HubRefused):  # a size that no disk has
        big = [replace(f, size=1 << 60) for f in hub.info("acme/two").files]
        fetch(hub, replace(hub.info("acme/two"), files=tuple(big)), tmp_path, quota=1 << 62)


def test_a_damaged_model_is_not_used_and_is_fetched_again(server, tmp_path):
    sha = server.add("acme/rm", reward_model())
    hub = client(server)
    done = fetch(hub, hub.info("acme/rm"), tmp_path, quota=QUOTA)
    for harm in ("change", "shorten", "link", "forget"):
        path = done.folder / "model.safetensors"
        body = path.read_bytes()
        if harm == "change":
            path.write_bytes(body[:-1] + b"\x01")
        elif harm == "shorten":
            path.write_bytes(body[:-1])
        elif harm == "link":
            path.unlink()
            path.symlink_to("/etc/hostname")
        else:
            (done.folder / "files.json").unlink()
        assert finished(tmp_path, "acme/rm", sha, full=True) is None, harm
        assert fetch(hub, hub.info("acme/rm"), tmp_path, quota=QUOTA) == done
        assert path.read_bytes() == body


@pytest.mark.parametrize("name", ["../evil.safetensors", "/etc/evil.safetensors", "a\\..\\evil.safetensors"])
def test_names_that_lead_out_are_never_fetched(server, tmp_path, name):
    server.add("acme/rm", reward_model(files={name: tensors({"w": (1, 1)})}))
    hub = client(server)
    facts = hub.info("acme/rm")
    try:
        done = fetch(hub, facts, tmp_path / "models", quota=QUOTA)
        assert name not in done.sha256
    except HubRefused as e:
        assert e.reason == "names"
    assert not list(tmp_path.rglob("*evil*"))


def test_headers_are_read_without_the_weights_and_lies_show(server):
    body = tensors({"a": (400, 1000), "score.weight": (1, 8)})
    server.add("acme/rm", reward_model(files={"model.safetensors": body}))
    hub = client(server)
    assert headers(hub, hub.info("acme/rm")) == {"a": (400, 1000), "score.weight": (1, 8)}
    big = (1 << 40).to_bytes(8, "little") + b"{}"
    overlap = json.dumps({k: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for k in "ab"}).encode()
    bomb = b'{"a":' + b"[" * 100_000
    for bad in (
        big,
        b"\x80\x04pickle",
        len(overlap).to_bytes(8, "little") + overlap + bytes(4),
        len(bomb).to_bytes(8, "little") + bomb,
        body[:-4],
        b"",
    ):
        server.add("acme/rm", reward_model(files={"model.safetensors": bad}))
        with pytest.raises(HubRefused) as e:
            headers(hub, hub.info("acme/rm"))
        assert e.value.reason == "broken"


def test_a_folder_is_taken_like_a_repository(tmp_path):
    source = tmp_path / "my model"
    source.mkdir()
    for name, body in reward_model(files={"x.py": "1", "pytorch_model.bin": b"\x80"}).items():
        (source / name).write_bytes(body if isinstance(body, bytes) else body.encode())
    done, left_out = take_folder(source, tmp_path / "models", quota=QUOTA)
    assert done.repo == "local/my-model" and left_out == ["README.md", "pytorch_model.bin", "x.py"]
    assert take_folder(source, tmp_path / "models", quota=QUOTA)[0] == done
    (source / "config.json").write_text("{ }")
    assert take_folder(source, tmp_path / "models", quota=QUOTA)[0].revision != done.revision
    shutil.rmtree(source)
    assert finished(tmp_path / "models", done.repo, done.revision, full=True) == done


def test_what_is_needed_leaves_out_huge_text_and_needs_sizes(server):
    server.add("acme/rm", reward_model(files={"tokenizer.json": "x"}), listed={"tokenizer.json": {"size": 1 << 40}})
    hub = client(server)
    with pytest.raises(HubRefused, match="more than any such file needs"):
        needed(hub.info("acme/rm"))
    server.add("acme/rm", reward_model(), listed={"tokenizer.json": {"size": None}})
    with pytest.raises(HubRefused, match="has no size"):
        needed(hub.info("acme/rm"))
