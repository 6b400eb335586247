"""Requests made from the OpenAPI description never break the server."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from rlar.server.running import running_server


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("schemathesis") is None, reason="schemathesis is not installed")
def test_no_request_made_from_the_description_is_a_server_error():
    command = Path(sys.executable).with_name("schemathesis")
    with running_server({"deadline_s": 2.0}) as url:
        run = subprocess.run(
            [str(command), "run", f"{url}/openapi.json", "--checks", "not_a_server_error", "--max-examples", "25",
             "--seed", "1", "--request-timeout", "20", "--no-color"],
            capture_output=True, text=True, timeout=110,
        )  # fmt: skip
        assert httpx2.get(f"{url}/healthz").status_code == 200
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]
    assert "passed" in run.stdout
