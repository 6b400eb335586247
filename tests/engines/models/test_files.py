import json
import pickle

import pytest

from rlar.engines.models.files import Weights, changed, choose_dtype, free_mib, hashed, weights_of
from rlar.errors import ToolFault


def safetensors(path, tensors, tail=b""):
    """A file of this format, by hand: {name: (dtype, shape)}."""
    width = {"F32": 4, "BF16": 2}
    header, at = {}, 0
    for name, (dtype, shape) in tensors.items():
        size = width[dtype]
        for d in shape:
            size *= d
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    head = json.dumps(header).encode()
    path.write_bytes(len(head).to_bytes(8, "little") + head + bytes(at) + tail)


def test_size_and_dtype_come_from_the_header(tmp_path):
    safetensors(tmp_path / "model-1.safetensors", {"a": ("BF16", [100, 10])})
    safetensors(tmp_path / "model-2.safetensors", {"b": ("F32", [7])})
    found = weights_of(tmp_path)
    assert (found.parameters, found.dtype) == (1007, "bfloat16")
    assert found.mib("float32") == pytest.approx(1007 * 4 / 2**20)


@pytest.mark.parametrize("harm", ["pickle", "none", "cut", "longer", "header", "text", "absent"])
def test_what_is_no_whole_safetensors_file_is_refused(tmp_path, harm):
    path = tmp_path / "model.safetensors"
    safetensors(path, {"a": ("F32", [4])}, tail=b"x" if harm == "longer" else b"")
    if harm == "pickle":
        path.unlink()
        (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps([1]))
    elif harm == "none":
        path.unlink()
    elif harm == "cut":
        path.write_bytes(path.read_bytes()[:-3])
    elif harm == "header":
        path.write_bytes((1 << 60).to_bytes(8, "little") + b"{}")
    elif harm == "text":
        path.write_bytes((4).to_bytes(8, "little") + b"nope")
    folder = tmp_path / "no" if harm == "absent" else tmp_path
    with pytest.raises(ToolFault) as e:
        weights_of(folder)
    assert e.value.fault == "missing"
    assert ("pickles" in e.value.why) == (harm == "pickle")


def test_hashes_name_what_was_changed_and_ignore_what_decides_nothing(tmp_path):
    safetensors(tmp_path / "model.safetensors", {"a": ("F32", [4])})
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "README.md").write_text("a card")
    (tmp_path / "modeling.py").write_text("code")
    files = hashed(tmp_path)
    assert set(files) == {"model.safetensors", "config.json"}
    (tmp_path / "README.md").write_text("another card")
    assert changed(tmp_path, files) == []
    (tmp_path / "config.json").write_text("{} ")
    assert changed(tmp_path, files) == ["config.json"]


def test_dtype_is_chosen_by_what_fits_and_else_the_figures_are_told():
    model = Weights(1_000_000_000, "bfloat16", ())
    assert choose_dtype(model, "auto", 8000)[0] == "float32"
    assert choose_dtype(model, "auto", 3500)[0] == "bfloat16"
    assert choose_dtype(model, "auto", 8000, on_gpu=True)[0] == "bfloat16"
    with pytest.raises(ToolFault, match=r"2,863 MiB for 1,000.0M parameters in bfloat16, but there are 2,000"):
        choose_dtype(model, "auto", 2000)
    with pytest.raises(ToolFault, match="float32"):
        choose_dtype(model, "float32", 3500)


def test_there_is_memory_on_this_machine():
    assert 10 < free_mib() < 10**8
