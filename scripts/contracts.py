"""Run the contract tests against the real packages of the trainers, each in a virtual environment of its own.

    python scripts/contracts.py                     # all of them: about 5 GB on disk, 10 to 20 minutes
    python scripts/contracts.py verl openrlhf       # some
    python scripts/contracts.py --list              # what is installed where

The environments are made with uv under --venvs (kept, and used again). No GPU is needed. On Linux a plain `torch`
brings the CUDA stack along; `--torch torch==2.13.0+cpu`, with UV_FIND_LINKS or UV_INDEX naming a place that has it, is
5 times smaller. slime is in no package index: its commit is fetched with git, or --slime names a folder that holds it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SLIME = ("https://github.com/THUDM/slime", "624b824a898ab0ec1fcb4d373004c7f3852bf515")
OURS = ("-e", f"{ROOT}[server,parquet]", "pytest>=9", "pytest-timeout>=2.4", "pytest-xdist>=3.8", "hypothesis>=6.150")


@dataclass(frozen=True, slots=True)
class Trainer:
    """tests: a file of tests/adapters/real. alone: packages whose own requirements (GPUs) are left out."""

    tests: str
    packages: tuple[str, ...]
    alone: tuple[str, ...] = ()
    torch: bool = True


TRAINERS = {
    "trl": Trainer("test_trl.py", ("trl==1.16.0", "transformers>=5,<6", "datasets", "accelerate")),
    "trl-1.10": Trainer(
        "test_trl.py",
        ("trl==1.10.0", "transformers==5.10.4", "requests", "aiohttp", "jmespath", "datasets", "accelerate"),
    ),
    "trl-0.29": Trainer("test_trl.py", ("trl==0.29.1", "transformers==4.57.6", "datasets", "accelerate")),
    "verl": Trainer(
        "test_verl.py",
        (
            "ray", "tensordict", "hydra-core>=1.3", "transformers<5.11", "codetiming", "aiohttp", "packaging",
            "numpy", "pandas", "datasets", "torchdata", "pybind11", "dill", "peft", "cachetools", "setuptools<81",
            "orjson",
        ),
        ("verl==0.9.1",),
    ),
    "openrlhf": Trainer(
        "test_openrlhf.py", ("transformers>=5,<6", "aiohttp", "pylatexenc", "sympy", "ray"), ("openrlhf==0.11.2",)
    ),
    "slime": Trainer("test_slime.py", ("aiohttp", "httpx", "pylatexenc", "sympy", "numpy")),
    "verifiers": Trainer("test_verifiers.py", ("verifiers==0.4.0",), torch=False),
}  # fmt: skip


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("trainers", nargs="*", metavar="TRAINER", help=f"of {', '.join(TRAINERS)}; all without any")
    options.add_argument("--venvs", type=Path, default=ROOT / ".venv" / "contracts", help="where environments are kept")
    options.add_argument("--torch", default="torch>=2.13", help="requirement for torch")
    options.add_argument("--slime", type=Path, help="a folder that holds slime's source")
    options.add_argument("--build", action="store_true", help="make the environments, run nothing")
    options.add_argument("--list", action="store_true", help="say what would be installed")
    given = options.parse_args()
    unknown = set(given.trainers) - set(TRAINERS)
    if unknown:
        options.error(f"{', '.join(sorted(unknown))}: known are {', '.join(TRAINERS)}")
    failed = []
    for name in given.trainers or TRAINERS:
        trainer = TRAINERS[name]
        if given.list:
            print(f"{name:<10} {' '.join((*trainer.alone, *trainer.packages))}")
            continue
        python = build(given.venvs / name, trainer, given.torch)
        path = [str(given.slime or fetch_slime(given.venvs / "slime-source"))] if name == "slime" else []
        if not given.build and not run(python, trainer, path):
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def build(folder: Path, trainer: Trainer, torch: str) -> Path:
    """The environment's interpreter; what is there already is left as it is."""
    python = folder / "bin" / "python"
    ready = folder / "contracts-ready"
    wanted = "\n".join((torch, *trainer.packages, *trainer.alone, *OURS))
    if ready.exists() and ready.read_text("utf-8") == wanted:
        return python
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    subprocess.run(
        [uv, "venv", "-q", "--clear", "-p", f"{sys.version_info[0]}.{sys.version_info[1]}", str(folder)], check=True
    )
    install = [uv, "pip", "install", "-q", "-p", str(python)]
    keep = (torch,) if trainer.torch else ()
    subprocess.run([*install, *keep, *trainer.packages, *OURS], check=True)
    if trainer.alone:
        subprocess.run([*install, "--no-deps", *trainer.alone], check=True)
    ready.write_text(wanted, "utf-8")
    return python


def fetch_slime(folder: Path) -> Path:
    address, commit = SLIME
    if not (folder / "slime").is_dir():
        git = ["git", "-C", str(folder)]
        subprocess.run(["git", "init", "-q", str(folder)], check=True)
        subprocess.run([*git, "fetch", "-q", "--depth", "1", address, commit], check=True)
        subprocess.run([*git, "checkout", "-q", "FETCH_HEAD"], check=True)
    return folder


def run(python: Path, trainer: Trainer, path: list[str]) -> bool:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": os.pathsep.join(path)}
    tests = ROOT / "tests" / "adapters" / "real" / trainer.tests
    command = [str(python), "-m", "pytest", "--slow", "-n", "0", "-rs", "--timeout", "600", str(tests)]
    print("+", " ".join(command), flush=True)
    return subprocess.run(command, cwd=ROOT, env=environment).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
