"""What lies in a model's folder: hashes, sizes and dtypes from the safetensors headers, and whether it fits in memory.

Standard library only, and nothing is loaded: all of it is known before a worker starts.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

from rlar.errors import ToolFault
from rlar.types import Fault

LARGEST_HEADER = 64 << 20  # bytes
WIDTH = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "I64": 8, "I32": 4, "U8": 1, "I8": 1}
NAMES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16", "F64": "float32"}
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
# Files that decide values; what else lies in a repository (cards, pictures, training state, code) is not read.
DECIDING = (
    "config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "chat_template.jinja", "vocab.json", "merges.txt", "vocab.txt", "tokenizer.model", "spiece.model",
    "sentencepiece.bpe.model", "spm.model", "model.safetensors.index.json",
)  # fmt: skip
RUNTIME_MIB = 700  # what a process with torch and transformers holds before any weights, measured 350-650
ACTIVATIONS_MIB = 256


@dataclass(frozen=True, slots=True)
class Weights:
    """parameters: numbers in the safetensors. dtype: the one most of them have. files: names."""

    parameters: int
    dtype: str
    files: tuple[str, ...]

    def mib(self, dtype: str) -> float:
        return self.parameters * BYTES[dtype] / 2**20


def weights_of(folder: Path) -> Weights:
    """Raises ToolFault (MISSING) that says what is wrong: no folder, pickles only, a damaged header."""
    if not folder.is_dir():
        raise ToolFault(Fault.MISSING, f"{folder}: there is no such folder")
    files = sorted(p for p in folder.glob("*.safetensors") if p.is_file())
    if not files:
        pickled = sorted(p.name for p in folder.iterdir() if p.suffix in (".bin", ".pt", ".pth", ".pkl", ".ckpt"))
        what = f"only {pickled[0]}, and pickles run code when they are read" if pickled else "none"
        raise ToolFault(Fault.MISSING, f"{folder}: needs safetensors, but has {what}")
    counts: dict[str, int] = {}
    for path in files:
        for dtype, n in _tensors(path):
            counts[dtype] = counts.get(dtype, 0) + n
    main = max(counts, key=lambda d: counts[d])
    return Weights(sum(counts.values()), NAMES.get(main, "float32"), tuple(p.name for p in files))


def _tensors(path: Path) -> Iterable[tuple[str, int]]:
    try:
        with path.open("rb") as f:
            size = int.from_bytes(f.read(8), "little")
            if not 2 <= size <= min(LARGEST_HEADER, path.stat().st_size):
                raise ValueError(f"its header would have {size} bytes")
            header = json.loads(f.read(size))
        found = [
            (str(t["dtype"]), math.prod(t["shape"]), t["data_offsets"]) for k, t in header.items() if k[:2] != "__"
        ]
        end = max((o[1] for _, _, o in found), default=0)
        if end + 8 + size != path.stat().st_size:
            raise ValueError(f"it has {path.stat().st_size} bytes, its header says {end + 8 + size}")
        if not found or any(n < 0 for _, n, _ in found):
            raise ValueError("it holds no tensors")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise ToolFault(Fault.MISSING, f"{path}: is no whole safetensors file ({e})") from e
    return [(dtype, n) for dtype, n, _ in found]


def hashed(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in folder that decides values, by name. Reads the weights once (about 1 GB/s)."""
    names = [*DECIDING, *weights_of(folder).files]
    out = {}
    for name in sorted(names):
        if (path := folder / name).is_file():
            with path.open("rb") as f:
                out[name] = file_digest(f, "sha256").hexdigest()
    return out


def changed(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Names of files that are missing or differ from their recorded hashes."""
    now = hashed(folder)
    return sorted(name for name, digest in files.items() if now.get(name) != digest)


def free_mib() -> float:
    """Memory that this process and its children may still take: the cgroup's rest, or the machine's, in MiB."""
    rest = [_machine()]
    for limit, usage, stat in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat"),
        (
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes",
            "/sys/fs/cgroup/memory/memory.stat",
        ),
    ):
        try:
            most, used = int(Path(limit).read_text("ascii")), int(Path(usage).read_text("ascii"))
            lines = dict(line.split() for line in Path(stat).read_text("ascii").splitlines())
        except (OSError, ValueError):
            continue  # no such cgroup, or "max": no limit
        cache = int(lines.get("inactive_file", lines.get("total_inactive_file", 0)))
        rest.append((most - used + cache) / 2**20)
    return min(rest)


def _machine() -> float:
    try:
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) / 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, ValueError):
        return math.inf


def choose_dtype(weights: Weights, wanted: str, room_mib: float, *, on_gpu: bool = False) -> tuple[str, float]:
    """The dtype to load, and the MiB that the process will need. room_mib: what there is for all of it.

    auto: on a CPU float32 where it fits (batches agree with single runs to 1e-5), else as stored; on a GPU as stored.
    Raises ToolFault (MISSING) with the figures where it does not fit.
    """
    choices = [wanted] if wanted != "auto" else ["float32", weights.dtype] if not on_gpu else [weights.dtype]
    for dtype in dict.fromkeys(choices):
        need = weights.mib(dtype) + RUNTIME_MIB + ACTIVATIONS_MIB
        if need <= room_mib:
            return dtype, need
    raise ToolFault(
        Fault.MISSING,
        f"needs {need:,.0f} MiB for {weights.parameters / 1e6:,.1f}M parameters in {dtype}, but there are "
        f"{max(0.0, room_mib):,.0f} MiB; give it more memory, a smaller dtype, or a smaller model",
    )
