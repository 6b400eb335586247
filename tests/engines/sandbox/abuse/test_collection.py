"""The shared collection of hostile and honest programs, all of them, as root and as nobody, with fewer layers too."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from rlar.engines.sandbox import plan

HERE = Path(__file__).parent
SOURCE = Path(plan.__file__).parents[3]
NOBODY = 65534
SECONDS = 900


def collection(shared_data: Path) -> Path:
    harness = shared_data.parent / "abuse" / "_harness.py"
    if not harness.exists():
        pytest.skip(f"no collection of hostile programs at {harness.parent}")
    return harness


def readable_by_all(path: Path) -> bool:
    return plan._others_can_read(str(path))


def python_for(user: int | None) -> str:
    """This interpreter, or for another user one that it may execute."""
    candidates = [sys.executable] if user is None else [sys.executable, *_others()]
    found = next((c for c in candidates if user is None or readable_by_all(Path(c))), None)
    if found is None or (user is not None and not readable_by_all(SOURCE)):
        pytest.skip("no Python 3.11 or later, with this project, that every user may execute")
    return found


def _others() -> list[str]:
    found = (shutil.which(f"python3.{minor}", path="/usr/bin:/usr/local/bin") for minor in (11, 12, 13))
    return [f for f in found if f]


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.timeout(SECONDS + 60)
@pytest.mark.parametrize("layers", ["", "rlimits,seccomp,landlock"], ids=["all layers", "no namespaces"])
@pytest.mark.parametrize("user", [None, NOBODY], ids=["as it is", "nobody"])
def test_every_program_is_contained_with_the_stated_outcome(shared_data: Path, layers: str, user: int | None) -> None:
    if user is not None and os.geteuid() != 0:
        pytest.skip("only root can become another user; the other half of this test ran as an ordinary one")
    harness, python = collection(shared_data), python_for(user)
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # pytest's own folders are closed to other users
        Path(folder).chmod(0o777)
        shutil.copy(HERE / "adapter.py", folder)
        shutil.copy(HERE / "drive.py", folder)
        out = Path(folder, "out.json")
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{SOURCE}:{folder}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "RLAR_ABUSE_LAYERS": layers,
            "RLAR_EXTRA_GRACE": "60",  # limits count CPU time: on a busy machine the same outcome comes later
        }
        command = [python, "drive.py", str(harness), str(out), *([str(user)] if user else [])]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert out.exists(), done.stdout + done.stderr
        rows = json.loads(out.read_text())["rows"]
    assert len(rows) == len(list(harness.parent.glob("[a-z][0-9][0-9]_*.py")))
    assert [row for row in rows if row[2] != "ok"] == []
