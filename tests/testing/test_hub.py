"""The test Hub before the real huggingface-hub client."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlar.testing.hub import Faults, LocalHub

huggingface_hub = pytest.importorskip("huggingface_hub")
from huggingface_hub import HfApi, hf_hub_download, snapshot_download  # noqa: E402
from huggingface_hub.errors import (  # noqa: E402
    GatedRepoError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

CARD = "---\nlicense: mit\ntags: [reward-model]\npipeline_tag: text-classification\n---\n# A card\n"
CONFIG = json.dumps({"architectures": ["LlamaForSequenceClassification"], "model_type": "llama", "num_labels": 1})


def tensors(n: int) -> bytes:
    """A safetensors file with one tensor of n float32 zeros."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [n], "data_offsets": [0, 4 * n]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(4 * n)


@pytest.fixture
def hub():
    with LocalHub(page=2) as server:
        yield server


def test_the_real_client_pages_searches_and_filters(hub):
    for i in range(5):
        hub.add(f"acme/reward-{i}", {"README.md": CARD, "config.json": CONFIG}, downloads=i)
    hub.add("other/chat", {"config.json": CONFIG})
    api = HfApi(endpoint=hub.endpoint, token=False)
    assert [m.id for m in api.list_models(search="reward", sort="downloads")] == [
        f"acme/reward-{i}" for i in (4, 3, 2, 1, 0)
    ]
    assert sum("cursor" in path for _, path, _ in hub.requests) == 2  # three pages of two
    assert len(list(api.list_models(filter="reward-model", limit=3))) == 3
    (found,) = api.list_models(search="chat", expand=["downloads", "config"])
    assert found.config["model_type"] == "llama" and found.tags is None  # only what was asked for


def test_model_info_names_the_commit_and_what_files_weigh(hub):
    sha = hub.add("acme/reward", {"README.md": CARD, "config.json": CONFIG, "model.safetensors": tensors(10)})
    api = HfApi(endpoint=hub.endpoint, token=False)
    info = api.model_info("acme/reward", files_metadata=True)
    weights = next(s for s in info.siblings if s.rfilename == "model.safetensors")
    assert (info.sha, info.safetensors.total, weights.size) == (sha, 10, len(tensors(10)))
    assert weights.lfs.sha256 and info.card_data.license == "mit"
    assert api.get_safetensors_metadata("acme/reward").parameter_count == {"F32": 10}


def test_an_older_commit_stays_when_a_new_one_comes(hub, tmp_path):
    old = hub.add("acme/reward", {"config.json": "{}"})
    new = hub.add("acme/reward", {"config.json": CONFIG})
    assert old != new and HfApi(endpoint=hub.endpoint, token=False).model_info("acme/reward").sha == new
    folder = snapshot_download(
        "acme/reward", revision=old, endpoint=hub.endpoint, token=False, cache_dir=tmp_path, library_name="tests"
    )
    assert Path(folder, "config.json").read_text() == "{}"


def test_what_is_not_there_has_the_error_the_client_knows(hub, tmp_path):
    hub.add("acme/reward", {"config.json": "{}"})
    hub.add("acme/gated", {"config.json": "{}"}, gated="manual", allowed=("right",))
    api = HfApi(endpoint=hub.endpoint, token=False)
    ask = {"endpoint": hub.endpoint, "cache_dir": tmp_path}
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("acme/nothing")
    with pytest.raises(RevisionNotFoundError):
        api.model_info("acme/reward", revision="0" * 40)
    with pytest.raises(RemoteEntryNotFoundError):
        hf_hub_download("acme/reward", "no.json", token=False, **ask)
    for token in (False, "wrong"):
        with pytest.raises(GatedRepoError):
            hf_hub_download("acme/gated", "config.json", token=token, **ask)
    assert hf_hub_download("acme/gated", "config.json", token="right", **ask)


def test_a_cut_connection_is_no_short_file(hub, tmp_path):
    hub.redirect = False
    body = tensors(50_000)
    hub.add("acme/reward", {"model.safetensors": body})
    hub.faults = Faults("safetensors", cut_at=70_000, times=1)
    path = hf_hub_download("acme/reward", "model.safetensors", endpoint=hub.endpoint, token=False, cache_dir=tmp_path)
    assert Path(path).read_bytes() == body
    assert sum(method == "GET" for method, _, _ in hub.requests) == 2


def test_a_part_of_a_file_can_be_asked_for(hub):
    import httpx2

    hub.add("acme/reward", {"config.json": "0123456789"})
    url = f"{hub.endpoint}/acme/reward/resolve/main/config.json"
    part = httpx2.get(url, headers={"Range": "bytes=4-6"})
    assert (part.status_code, part.text, part.headers["content-range"]) == (206, "456", "bytes 4-6/10")
    assert httpx2.get(url, headers={"Range": "bytes=10-"}).status_code == 416
